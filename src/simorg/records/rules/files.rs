//! Files, attachments and posts.

use super::{
    super::{Bench, Cell, RowError},
    Draft,
};
use crate::model::RecordId;

impl Bench<'_> {
    /// Files and posts: what the platform tells of them by itself.
    pub(super) fn file(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
        let bytes = draft.blobs.first().map(|it| it.1.clone());
        match draft.object.name.as_str() {
            "Attachment" => {
                if draft.old.is_none() && bytes.as_ref().is_none_or(Vec::is_empty) {
                    return Err(RowError::new(
                        "REQUIRED_FIELD_MISSING",
                        "Required fields are missing: [Body]",
                    )
                    .about(["Body"]));
                }
                if let Some(bytes) = bytes {
                    draft.set("BodyLength", length(&bytes));
                }
            }
            "ContentVersion" => self.version(draft, bytes.as_deref())?,
            _ => {
                draft.set("InsertedById", draft.get("CreatedById").clone());
                if draft.object.name == "FeedComment"
                    && let Some(item) = self.led_to(draft, "FeedItemId")?
                {
                    draft.set("ParentId", item.get("ParentId").clone());
                }
            }
        }
        Ok(())
    }

    /// A version of a file: a new file, or the next version of one.
    fn version(&self, draft: &mut Draft<'_>, bytes: Option<&[u8]>) -> Result<(), RowError> {
        if draft.old.is_some() {
            return Ok(());
        }
        let path = draft.text("PathOnClient").to_owned();
        if path.is_empty() && draft.get("ContentUrl").is_null() {
            return Err(RowError::new(
                "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [PathOnClient]",
            )
            .about(["PathOnClient"]));
        }
        let file = path.rsplit(['/', '\\']).next().unwrap_or(&path).to_owned();
        let (stem, extension) = file.rsplit_once('.').unwrap_or((&file, ""));
        if draft.get("Title").is_null() {
            draft.set("Title", Cell::text(stem));
        }
        draft.set("FileExtension", Cell::text(extension));
        draft.set("FileType", Cell::Text(file_type(extension)));
        if let Some(bytes) = bytes {
            draft.set("ContentSize", length(bytes));
            draft.set("Checksum", Cell::Text(md5(bytes)));
        }
        draft.set("IsLatest", Cell::Int(1));
        draft.set("ContentModifiedById", Cell::id(self.user.id));
        if draft.get("ContentModifiedDate").is_null() {
            draft.set("ContentModifiedDate", Cell::time(self.now()));
        }
        let Some(document) = self.led_to(draft, "ContentDocumentId")? else {
            draft.set("VersionNumber", Cell::text("1"));
            return Ok(());
        };
        let Some((at, _)) = draft.object.field("ContentDocumentId") else {
            return Ok(());
        };
        let earlier = self
            .store
            .rows_with(draft.object, at, &Cell::id(document.row.id))?;
        let (latest, number) = (
            draft.object.field("IsLatest"),
            draft.object.field("VersionNumber"),
        );
        let mut highest = 0;
        for version in &earlier {
            if let Some((at, _)) = latest {
                self.store
                    .update(draft.object, version.rowid, &[(at, Cell::Int(0))])?;
            }
            let own = number.and_then(|(at, _)| version.cells[at].as_str()?.parse::<u32>().ok());
            highest = highest.max(own.unwrap_or(0));
        }
        draft.set("VersionNumber", Cell::Text((highest + 1).to_string()));
        Ok(())
    }

    /// The file that a first version makes, and who has it.
    pub(super) fn after_version(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
        if draft.old.is_some() {
            return Ok(());
        }
        let shown = |name: &'static str| (name, draft.get(name).clone());
        let common = [
            shown("Title"),
            shown("Description"),
            shown("ContentSize"),
            shown("FileType"),
            shown("FileExtension"),
            shown("ContentModifiedDate"),
            ("LatestPublishedVersionId", Cell::id(id)),
        ];
        if let Some(document) = self.led_to(draft, "ContentDocumentId")? {
            let changes: Vec<(usize, Cell)> = common
                .into_iter()
                .filter_map(|(name, cell)| Some((document.object.field(name)?.0, cell)))
                .collect();
            self.store
                .update(&document.object, document.row.rowid, &changes)?;
            return self.touch(&document.object, document.row.rowid);
        }
        let mut values = common.to_vec();
        values.push(shown("OwnerId"));
        let Some(document) = self.platform_row("ContentDocument", &values)? else {
            return Ok(());
        };
        if let (Some((at, _)), Some(row)) = (
            draft.object.field("ContentDocumentId"),
            self.store.row(draft.object, id)?,
        ) {
            self.store
                .update(draft.object, row.rowid, &[(at, Cell::id(document))])?;
        }
        let mut places = vec![(draft.get("OwnerId").clone(), "I")];
        let first = draft.get("FirstPublishLocationId");
        if !first.is_null() && *first != places[0].0 {
            places.push((first.clone(), "V"));
        }
        for (entity, kind) in places {
            self.platform_row(
                "ContentDocumentLink",
                &[
                    ("ContentDocumentId", Cell::id(document)),
                    ("LinkedEntityId", entity),
                    ("ShareType", Cell::text(kind)),
                    ("Visibility", Cell::text("AllUsers")),
                ],
            )?;
        }
        Ok(())
    }
}

fn length(bytes: &[u8]) -> Cell {
    Cell::Int(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
}

/// The digest that `Checksum` gives.
fn md5(bytes: &[u8]) -> String {
    use md5::Digest as _;
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in md5::Md5::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What `FileType` says of a file with this extension.
fn file_type(extension: &str) -> String {
    match extension.to_ascii_lowercase().as_str() {
        "" => "UNKNOWN".to_owned(),
        "txt" => "TEXT".to_owned(),
        "doc" => "WORD".to_owned(),
        "docx" => "WORD_X".to_owned(),
        "xls" => "EXCEL".to_owned(),
        "xlsx" => "EXCEL_X".to_owned(),
        "ppt" => "POWER_POINT".to_owned(),
        "pptx" => "POWER_POINT_X".to_owned(),
        other => other.to_ascii_uppercase(),
    }
}
