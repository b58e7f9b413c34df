//! What a restore came to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    client::RowError,
    model::{FieldName, ObjectName, RecordId},
    plan::records::row_hint,
};

/// What a restore came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct RestoreReport {
    /// `orgkeep/records-restore/1`.
    pub schema: &'static str,
    /// The commit that it went back to.
    pub target: String,
    /// Rows that came out of the recycle bin, by object.
    pub undeleted: BTreeMap<ObjectName, usize>,
    /// Rows that were changed back, by object.
    pub updated: BTreeMap<ObjectName, usize>,
    /// Rows that were inserted again, by object.
    pub inserted: BTreeMap<ObjectName, usize>,
    /// Rows that were deleted, by object.
    pub deleted: BTreeMap<ObjectName, usize>,
    /// Rows that the org refused.
    pub failed: Vec<FailedRow>,
    /// Rows that still differ from the snapshot, and in which fields.
    pub residue: Vec<Residue>,
    /// The commit that tells old Ids and new ones; `None` where no row was inserted.
    pub ids_commit: Option<String>,
    /// The commit that has the org as it is now; `None` where nothing changed.
    pub commit: Option<String>,
}

/// A row that the org refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FailedRow {
    /// Its object.
    pub object: ObjectName,
    /// Its Id in the snapshot.
    pub id: RecordId,
    /// What was tried: `undelete`, `update`, `insert`, `delete`.
    pub act: &'static str,
    /// The platform's code.
    pub code: String,
    /// The platform's words.
    pub message: String,
    /// Fields that it is about.
    pub fields: Vec<String>,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

/// A row that is there and still differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Residue {
    /// Its object.
    pub object: ObjectName,
    /// Its Id in the snapshot.
    pub id: RecordId,
    /// The fields; none where the row is not there.
    pub fields: Vec<FieldName>,
}

impl FailedRow {
    pub(super) fn new(
        object: &ObjectName,
        id: RecordId,
        act: &'static str,
        errors: &[RowError],
    ) -> Self {
        let first = errors.first().cloned().unwrap_or_default();
        let rest = errors
            .iter()
            .skip(1)
            .map(|it| format!("; {}: {}", it.code, it.message));
        Self {
            object: object.clone(),
            id,
            act,
            hint: row_hint(&first.code),
            message: first.message + &rest.collect::<String>(),
            code: first.code,
            fields: first.fields,
        }
    }
}

impl RestoreReport {
    /// The rows that failed as CSV: Id, object, what was tried, the platform's words and our hint.
    #[must_use]
    pub fn errors_csv(&self) -> Vec<u8> {
        let mut out =
            crate::records::csv_line(["Id", "Object", "Act", "Code", "Message", "Fields", "Hint"]);
        for it in &self.failed {
            out.push_str(&crate::records::csv_line([
                it.id.as_str(),
                it.object.as_str(),
                it.act,
                &it.code,
                &it.message,
                &it.fields.join(" "),
                it.hint.unwrap_or_default(),
            ]));
        }
        out.into_bytes()
    }

    /// Whether everything went well.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.residue.is_empty()
    }
}
