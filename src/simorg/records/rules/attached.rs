//! Rows that come with others: histories, shares, and what else nobody asked for.

use super::{
    super::{Bench, Cell, RowError},
    Draft,
};
use crate::{model::RecordId, simorg::soql::Kind};

impl Bench<'_> {
    /// The history of a record: what was changed in fields that are tracked.
    pub(super) fn history(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
        let own = draft.object;
        let mut links = self.schema.links_to(&own.name).iter();
        let link = links.find(|it| it.name() == Some("Histories"));
        let (Some(link), true) = (link, own.fields.iter().any(|it| it.tracked)) else {
            return Ok(());
        };
        let note = |field: &str, kind: &str, from: Cell, to: Cell| {
            self.platform_row(
                &link.child.name,
                &[
                    (&link.field().name, Cell::id(id)),
                    ("Field", Cell::text(field)),
                    ("DataType", Cell::text(kind)),
                    ("OldValue", from),
                    ("NewValue", to),
                ],
            )
        };
        let Some(old) = draft.old else {
            note("created", "Text", Cell::Null, Cell::Null)?;
            return Ok(());
        };
        for (at, field) in own.fields.iter().enumerate().filter(|it| it.1.tracked) {
            if old.cells[at] == draft.cells[at] {
                continue;
            }
            let shown = |cell: &Cell| match cell.to_json(field.kind) {
                serde_json::Value::Null => Cell::Null,
                serde_json::Value::String(text) => Cell::Text(text.chars().take(255).collect()),
                other => Cell::Text(other.to_string()),
            };
            let (mut from, mut to) = (shown(&old.cells[at]), shown(&draft.cells[at]));
            if field.kind == Kind::TextArea {
                (from, to) = (Cell::Null, Cell::Null);
            }
            note(&field.name, "Text", from, to)?;
        }
        Ok(())
    }

    /// The share that the owner of a record has.
    pub(super) fn owned(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
        let name = &draft.object.name;
        let (key, access) = (format!("{name}Id"), format!("{name}AccessLevel"));
        let mut values = vec![
            (key.as_str(), Cell::id(id)),
            ("UserOrGroupId", draft.get("OwnerId").clone()),
            (access.as_str(), Cell::text("All")),
            ("RowCause", Cell::text("Owner")),
        ];
        if name == "Account" {
            let levels = [
                "OpportunityAccessLevel",
                "CaseAccessLevel",
                "ContactAccessLevel",
            ];
            values.extend(levels.map(|it| (it, Cell::text("Edit"))));
        }
        self.platform_row(&format!("{name}Share"), &values)?;
        Ok(())
    }

    /// Makes a row that nobody asked for.
    pub(in crate::simorg::records) fn platform_row(
        &self,
        object: &str,
        values: &[(&str, Cell)],
    ) -> Result<Option<RecordId>, RowError> {
        let Some(object) = self.schema.object(object) else {
            return Ok(None);
        };
        let mut draft = Draft::new(&object, None);
        for (cell, field) in draft.cells.iter_mut().zip(&object.fields) {
            if field.kind == Kind::Boolean {
                *cell = Cell::Int(i64::from(field.default.as_deref() == Some("true")));
            } else if let Some(default) = &field.default {
                *cell = Cell::text(default);
            }
        }
        for (name, cell) in values {
            draft.set(name, cell.clone());
        }
        draft.stamp(self, true);
        let id = self.store.next_id(&object)?;
        self.store.insert(&object, id, &draft.cells)?;
        Ok(Some(id))
    }
}
