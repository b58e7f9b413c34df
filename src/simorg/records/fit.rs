//! Whether a row may stand beside the others: numbers, unique values, what
//! references lead to, who owns.

use std::sync::Arc;

use super::{Bench, Cell, Draft, RowError, StoredRow};
use crate::{
    model::RecordId,
    simorg::{
        soql::{Field, Object},
        state::Permission,
    },
};

impl Bench<'_> {
    /// Gives a new row its auto-numbers.
    pub(super) fn number(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
        let object = Arc::clone(draft.object);
        for (at, field) in object.fields.iter().enumerate() {
            if let (Some(format), true) = (&field.auto_number, draft.cells[at].is_null()) {
                let name = format!("{}.{}", object.name, field.name);
                let number = self.store.next_number(&name)?;
                draft.cells[at] = Cell::Text(auto_number(format, number, &self.now().day()));
            }
        }
        Ok(())
    }

    /// No other row has `value` in the unique field at `at`.
    pub(super) fn unique(
        &self,
        object: &Object,
        at: usize,
        value: &Cell,
        own: Option<i64>,
    ) -> Result<(), RowError> {
        let rows: Vec<StoredRow> = self.store.rows_with(object, at, value)?;
        let other = rows.iter().find(|it| Some(it.rowid) != own);
        let Some(other) = other else {
            return Ok(());
        };
        let name = &object.fields[at].name;
        let message = format!(
            "duplicate value found: {name} duplicates value on record with id: {}",
            other.id.short()
        );
        Err(RowError::new("DUPLICATE_VALUE", message))
    }

    /// An id leads to a record of one of `targets`.
    pub(super) fn leads(
        &self,
        field: &Field,
        targets: &[String],
        id: RecordId,
    ) -> Result<(), RowError> {
        let object = self.schema.object_of(id);
        let name = match &object {
            Some(object) => object.name.as_str(),
            None => setup_of(id.prefix()),
        };
        if !targets.iter().any(|it| it == name) {
            return Err(RowError::new(
                "FIELD_INTEGRITY_EXCEPTION",
                format!("{}: id value of incorrect type: {id}", field.label),
            )
            .about([&field.name]));
        }
        let Some(object) = object else {
            let table = self.setup.table(name);
            let is_there = table.is_some_and(|it| it.by_id(id.as_str()).is_some());
            return if is_there {
                Ok(())
            } else {
                Err(RowError::cross_reference())
            };
        };
        let table = super::store::table_of(&object);
        let sql = format!("SELECT \"IsDeleted\" FROM {table} WHERE \"Id\" = ?1");
        match self.store.one(&sql, &[Cell::id(id)])? {
            Cell::Int(0) => Ok(()),
            Cell::Null if !self.is_gone(id)? => {
                Err(RowError::cross_reference().about([&field.name]))
            }
            _ => Err(RowError::is_deleted().status(400)),
        }
    }

    /// A user who owns records is active.
    pub(super) fn owner(&self, object: &Object, id: RecordId) -> Result<(), RowError> {
        let is_inactive = self.org.users.get(&id).is_some_and(|it| !it.is_active);
        if !is_inactive || self.user.may(Permission::UpdateInactiveOwner) {
            return Ok(());
        }
        let message = format!(
            "operation performed with inactive user [{}] as owner of {}",
            id.short(),
            object.label.to_lowercase()
        );
        Err(RowError::new("INACTIVE_OWNER_OR_USER", message).about(["OwnerId"]))
    }
}

/// The object of the setup that a key prefix belongs to.
pub(super) fn setup_of(prefix: &str) -> &'static str {
    match prefix {
        "005" => "User",
        "00G" => "Group",
        "00e" => "Profile",
        "00D" => "Organization",
        "00E" => "UserRole",
        "00l" => "Folder",
        "012" => "RecordType",
        "0PS" => "PermissionSet",
        "0PG" => "PermissionSetGroup",
        _ => "",
    }
}

/// `R-{0000}` and 12 → `R-0012`; `{YYYY}`, `{YY}`, `{MM}`, `{DD}` are of `day`.
fn auto_number(format: &str, number: i64, day: &str) -> String {
    let mut out = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (mark, after) = after.split_once('}').unwrap_or((after, ""));
        match mark {
            "YYYY" => out.push_str(day.get(..4).unwrap_or_default()),
            "YY" => out.push_str(day.get(2..4).unwrap_or_default()),
            "MM" => out.push_str(day.get(5..7).unwrap_or_default()),
            "DD" => out.push_str(day.get(8..10).unwrap_or_default()),
            zeros => {
                let width = zeros.len();
                let digits = format!("{number:0width$}");
                out.push_str(&digits);
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_numbers_follow_their_format() {
        assert_eq!(auto_number("R-{0000}", 12, "2026-03-04"), "R-0012");
        assert_eq!(auto_number("{YYYY}-{MM}/{0}", 7, "2026-03-04"), "2026-03/7");
        assert_eq!(auto_number("{00000000}", 123, "2026-03-04"), "00000123");
    }
}
