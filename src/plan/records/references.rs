//! References of rows: to which object they go, and under which Id the row is found now.

use std::collections::BTreeMap;

use super::Schemas;
use crate::{
    model::{FieldName, ObjectName, RecordId},
    records::{Field, FieldType, IdMap, Row, Schema},
};

/// Reads references by the schemas of the snapshot and of the org.
#[derive(Clone, Debug)]
pub struct References<'a> {
    then: &'a Schemas,
    live: &'a Schemas,
    by_prefix: BTreeMap<&'a str, &'a ObjectName>,
}

/// A cell that refers to a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reference<'a> {
    pub(super) field: &'a FieldName,
    pub(super) to: RecordId,
}

impl<'a> References<'a> {
    /// Reads by these schemas.
    #[must_use]
    pub fn new(then: &'a Schemas, live: &'a Schemas) -> Self {
        let mut by_prefix = BTreeMap::new();
        // An object that was deleted and made again has another prefix; both are known.
        for (name, schema) in then.iter().chain(live) {
            if let Some(prefix) = &schema.key_prefix {
                by_prefix.insert(prefix.as_str(), name);
            }
        }
        Self {
            then,
            live,
            by_prefix,
        }
    }

    /// The object that a row of this Id is of, by the first three characters.
    #[must_use]
    pub fn object_of(&self, id: RecordId) -> Option<&'a ObjectName> {
        // `prefix` borrows from the Id; the map is asked by value.
        self.by_prefix.get(id.prefix()).copied()
    }

    pub(super) fn schemas(&self, object: &ObjectName) -> Option<(&'a Schema, &'a Schema)> {
        Some((self.then.get(object)?, self.live.get(object)?))
    }

    /// The field, as the org describes it or else as the snapshot does.
    pub(super) fn field(&self, object: &ObjectName, field: &FieldName) -> Option<&'a Field> {
        let of = |schemas: &'a Schemas| schemas.get(object)?.field(field.as_str());
        of(self.live).or_else(|| of(self.then))
    }

    /// The cells of a row that refer to other rows.
    pub(super) fn of<'r>(&self, object: &ObjectName, row: &'r Row) -> Vec<Reference<'r>> {
        let Some(schema) = self.then.get(object) else {
            return Vec::new();
        };
        row.cells()
            .filter(|(field, cell)| !cell.is_empty() && **field != "Id")
            .filter(|(field, _)| {
                let field = schema.field(field.as_str());
                field.is_some_and(|it| it.kind == FieldType::Reference)
            })
            .filter_map(|(field, cell)| {
                Some(Reference {
                    field,
                    to: cell.parse().ok()?,
                })
            })
            .collect()
    }

    /// Whether the platform deletes a row of `object` together with `parent`, to which `field` refers.
    ///
    /// The field itself tells that of custom objects; of standard ones only the
    /// list of children of the other object does. Source: recorded describes of Contact and Case.
    pub(super) fn goes_with(
        &self,
        object: &ObjectName,
        field: &FieldName,
        parent: RecordId,
    ) -> bool {
        let known = self.field(object, field);
        if known.is_some_and(|it| it.cascade_delete || it.is_master_detail()) {
            return true;
        }
        let Some(of) = self.object_of(parent) else {
            return false;
        };
        let tells = |schemas: &Schemas| {
            let children = schemas.get(of).map(|it| it.child_relationships.as_slice());
            let mut children = children.unwrap_or_default().iter();
            children.any(|it| it.cascade_delete && it.child == *object && it.field == *field)
        };
        tells(self.then) || tells(self.live)
    }

    /// The rows with which the platform deletes this one.
    #[must_use]
    pub fn owners_of(&self, object: &ObjectName, row: &Row) -> Vec<RecordId> {
        let all = self.of(object, row).into_iter();
        all.filter(|it| self.goes_with(object, it.field, it.to))
            .map(|it| it.to)
            .collect()
    }

    /// The rows without which this one cannot be inserted.
    #[must_use]
    pub fn needed_by(&self, object: &ObjectName, row: &Row) -> Vec<RecordId> {
        let is_needed = |it: &Field| it.is_required() || it.is_master_detail();
        let all = self.of(object, row).into_iter();
        all.filter(|it| self.field(object, it.field).is_some_and(is_needed))
            .map(|it| it.to)
            .collect()
    }

    /// The fields through which the row refers to rows that have new Ids.
    #[must_use]
    pub fn moved(&self, object: &ObjectName, row: &Row, ids: &IdMap) -> Vec<FieldName> {
        let all = self.of(object, row).into_iter();
        all.filter(|it| ids.latest(it.to) != it.to)
            .map(|it| it.field.clone())
            .collect()
    }

    /// The cell as it is written now: references under their present Ids, record types by name.
    ///
    /// `None` where it names a record type that the org does not have. A text
    /// that is nothing but the Id of a row that was inserted again is rewritten as well.
    #[must_use]
    pub fn present(
        &self,
        object: &ObjectName,
        field: &FieldName,
        cell: &str,
        ids: &IdMap,
    ) -> Option<String> {
        if *field == "RecordTypeId" {
            return self.record_type(object, cell);
        }
        if ids.is_empty() || !matches!(cell.len(), 15 | 18) {
            return Some(cell.to_owned());
        }
        let kind = self
            .then
            .get(object)
            .and_then(|it| it.field(field.as_str()));
        let may_be_id = kind.is_some_and(|it| {
            matches!(
                it.kind,
                FieldType::Reference | FieldType::String | FieldType::Textarea
            )
        });
        match cell.parse::<RecordId>() {
            Ok(id) if may_be_id && ids.latest(id) != id => Some(ids.latest(id).to_string()),
            _ => Some(cell.to_owned()),
        }
    }

    fn record_type(&self, object: &ObjectName, cell: &str) -> Option<String> {
        let Some((then, live)) = self.schemas(object) else {
            return Some(cell.to_owned());
        };
        let Ok(id) = cell.parse::<RecordId>() else {
            return Some(cell.to_owned());
        };
        let mut listed = then.record_type_infos.iter();
        let Some(known) = listed.find(|it| it.record_type_id == id) else {
            return Some(cell.to_owned());
        };
        let mut listed = live.record_type_infos.iter();
        listed
            .find(|it| it.developer_name == known.developer_name)
            .map(|it| it.record_type_id.to_string())
    }

    /// The row with each cell as it is written now; a record type that is gone stays as it was.
    #[must_use]
    pub fn present_row(&self, object: &ObjectName, row: &Row, ids: &IdMap) -> Row {
        let cells: Vec<String> = row
            .cells()
            .skip(1)
            .map(|(field, cell)| {
                let present = self.present(object, field, cell, ids);
                present.unwrap_or_else(|| cell.to_owned())
            })
            .collect();
        Row::new(row.id(), row.columns(), cells.iter().map(String::as_str))
    }
}
