//! What the columns of uploaded rows are about.
//!
//! `Name` is a field, `Owner.Username` a record found by a key of its own,
//! `User:Owner.Username` the same where the reference leads to several
//! objects. `#N/A` empties a field, an empty cell leaves it.
//!
//! Source: Bulk API 2.0 Developer Guide, "Prepare CSV Files".

use serde_json::{Map, Value, json};

use super::InvalidBatch;
use crate::simorg::soql::{Field, Kind, Object};

/// Most characters of one cell.
///
/// Source: Bulk API 2.0 Limits and Allocations.
const MAX_CELL: usize = 32_000;

/// Most characters of one row, and most cells.
///
/// Source: Bulk API 2.0 Limits and Allocations.
const MAX_ROW: usize = 400_000;
const MAX_CELLS: usize = 5_000;

/// What one column is about.
#[derive(Clone, Debug, PartialEq)]
enum Column {
    /// A field.
    Field { name: String, kind: Kind },
    /// A record that a reference leads to, found by a key.
    Key {
        /// The field with the reference.
        field: String,
        relationship: String,
        /// The object it leads to.
        target: String,
        key: String,
        kind: Kind,
    },
}

/// The columns of an upload.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Columns(Vec<Column>);

impl Columns {
    /// Reads the cells of a header; `object_of` tells an object by its name.
    ///
    /// # Errors
    ///
    /// [`InvalidBatch`] for a name that the user has no field by, and for one that
    /// stands there twice.
    pub(super) fn read<'a>(
        header: &[String],
        object: &Object,
        object_of: impl Fn(&str) -> Option<std::sync::Arc<Object>> + 'a,
    ) -> Result<Self, InvalidBatch> {
        if MAX_CELLS < header.len() {
            return Err(InvalidBatch::new(&format!(
                "Exceeded max number of fields per record: {MAX_CELLS}"
            )));
        }
        let mut columns = Vec::with_capacity(header.len());
        for name in header {
            let unknown = || InvalidBatch::new(&format!("Field name not found : {name}"));
            let column = column(name, object, &object_of).ok_or_else(unknown)?;
            if columns.contains(&column) {
                return Err(InvalidBatch::new(&format!("Duplicate field name : {name}")));
            }
            columns.push(column);
        }
        Ok(Self(columns))
    }

    /// Number of columns.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is a column for the field `name`.
    pub(super) fn has(&self, name: &str) -> bool {
        let is_it = |it: &Column| matches!(it, Column::Field { name: field, .. } if field == name);
        self.0.iter().any(is_it)
    }

    /// Whether the id is the only column.
    pub(super) fn is_id_alone(&self) -> bool {
        self.len() == 1 && self.has("Id")
    }

    /// A row as the REST API would be given it.
    ///
    /// # Errors
    ///
    /// [`InvalidBatch`] for a row that ends the job.
    pub(super) fn record(&self, cells: &[String]) -> Result<Map<String, Value>, InvalidBatch> {
        if cells.len() != self.len() {
            return Err(InvalidBatch::new(&format!(
                "Failed to parse CSV. The number of columns in a row ({}) is not the number of headers ({})",
                cells.len(),
                self.len()
            )));
        }
        let mut length = 0;
        let mut record = Map::new();
        for (column, cell) in self.0.iter().zip(cells) {
            let characters = cell.chars().count();
            length += characters;
            if MAX_CELL < characters || MAX_ROW < length {
                return Err(InvalidBatch::new(&format!(
                    "Failed to parse CSV. Exceeded the maximum of {MAX_CELL} characters in a field or {MAX_ROW} in a record"
                )));
            }
            if cell.is_empty() {
                continue;
            }
            match column {
                Column::Field { name, kind } => {
                    record.insert(name.clone(), value(*kind, cell));
                }
                Column::Key { field, .. } if cell == "#N/A" => {
                    record.insert(field.clone(), Value::Null);
                }
                Column::Key {
                    relationship,
                    target,
                    key,
                    kind,
                    ..
                } => {
                    let key_value = value(*kind, cell);
                    let found = json!({"attributes": {"type": target}, key: key_value});
                    record.insert(relationship.clone(), found);
                }
            }
        }
        Ok(record)
    }
}

fn column(
    name: &str,
    object: &Object,
    object_of: &impl Fn(&str) -> Option<std::sync::Arc<Object>>,
) -> Option<Column> {
    let Some((relationship, key)) = name.split_once('.') else {
        let (_, field) = object.field(name)?;
        return Some(Column::Field {
            name: field.name.clone(),
            kind: field.kind,
        });
    };
    let (target, relationship) = match relationship.split_once(':') {
        Some((target, relationship)) => (Some(target), relationship),
        None => (None, relationship),
    };
    let leads = |field: &&Field| {
        let reference = field.reference.as_ref();
        let name = reference.and_then(|it| it.relationship.as_deref());
        name.is_some_and(|it| it.eq_ignore_ascii_case(relationship))
    };
    let field = object.fields.iter().find(leads)?;
    let reference = field.reference.as_ref()?;
    let target = match target {
        Some(target) => reference
            .targets
            .iter()
            .find(|it| it.eq_ignore_ascii_case(target))?,
        // Without a type, the only object it leads to.
        None => match reference.targets.as_slice() {
            [only] => only,
            _ => return None,
        },
    };
    let target = object_of(target)?;
    let (_, key) = target.field(key)?;
    // Rows of the setup are found by any field of theirs, such as a username.
    if !key.external_id && !key.id_lookup && !target.setting {
        return None;
    }
    Some(Column::Key {
        field: field.name.clone(),
        relationship: reference.relationship.clone()?,
        target: target.name.clone(),
        key: key.name.clone(),
        kind: key.kind,
    })
}

/// A cell as the REST API would be given it; what does not fit stays text, and
/// is refused with its row.
fn value(kind: Kind, cell: &str) -> Value {
    if cell == "#N/A" {
        return Value::Null;
    }
    let text = || Value::from(cell);
    match kind {
        // Source: Bulk API Developer Guide, "Valid Data Values in CSV Files".
        Kind::Boolean => match cell.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "on" | "1" => json!(true),
            "false" | "no" | "n" | "off" | "0" => json!(false),
            _ => text(),
        },
        Kind::Int => cell.parse::<i64>().map_or_else(|_| text(), Value::from),
        kind if kind.is_number() => match cell.parse::<f64>() {
            Ok(number) if number.is_finite() => json!(number),
            _ => text(),
        },
        _ => text(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::simorg::soql::Reference;

    fn object(name: &str) -> Option<Arc<Object>> {
        let mut owner = Field::reference("OwnerId", "Owner", "User");
        owner.reference = Some(Reference {
            relationship: Some("Owner".to_owned()),
            targets: vec!["Group".to_owned(), "User".to_owned()],
            ..Reference::default()
        });
        let mut username = Field::new("Username", Kind::Text);
        username.id_lookup = true;
        let mut key = Field::new("Key__c", Kind::Double);
        key.external_id = true;
        let fields = match name {
            "Account" => vec![
                Field::new("Id", Kind::Id),
                Field::new("Name", Kind::Text),
                Field::reference("ParentId", "Parent", "Account"),
                Field::new("Size__c", Kind::Double),
                Field::new("Active__c", Kind::Boolean),
                owner,
                key,
            ],
            "User" => vec![
                Field::new("Id", Kind::Id),
                username,
                Field::new("Email", Kind::Email),
            ],
            _ => return None,
        };
        Some(Arc::new(Object::new(name, "001", fields)))
    }

    fn columns(header: &[&str]) -> Result<Columns, String> {
        let header: Vec<String> = header.iter().map(|it| (*it).to_owned()).collect();
        Columns::read(&header, &object("Account").unwrap(), object).map_err(|it| it.to_string())
    }

    fn record(header: &[&str], cells: &[&str]) -> Value {
        let cells: Vec<String> = cells.iter().map(|it| (*it).to_owned()).collect();
        Value::Object(columns(header).unwrap().record(&cells).unwrap())
    }

    #[test]
    fn cells_become_what_rest_would_be_given() {
        assert_eq!(
            record(
                &["NAME", "Size__c", "active__c"],
                &["a \"b\"", "1.50", "Yes"]
            ),
            json!({"Name": "a \"b\"", "Size__c": 1.5, "Active__c": true})
        );
        assert_eq!(
            record(&["Name", "Size__c"], &["", "#N/A"]),
            json!({"Size__c": null})
        );
        assert_eq!(record(&["Size__c"], &["many"]), json!({"Size__c": "many"}));
    }

    #[test]
    fn records_are_found_by_keys_of_their_own() {
        assert_eq!(
            record(&["Parent.Key__c", "user:owner.username"], &["7", "a@b"]),
            json!({
                "Parent": {"attributes": {"type": "Account"}, "Key__c": 7.0},
                "Owner": {"attributes": {"type": "User"}, "Username": "a@b"},
            })
        );
        assert_eq!(
            record(&["Parent.Key__c"], &["#N/A"]),
            json!({"ParentId": null})
        );
    }

    #[test]
    fn column_that_is_no_field_or_key_fails_the_job() {
        for name in [
            "Fish",
            "Parent.Name",
            "Parent.Fish",
            "Owner.Username",
            "User:Owner.Email",
            "Lead:Owner.Id",
            "\u{feff}Id",
        ] {
            assert_eq!(
                columns(&["Id", name]),
                Err(format!("InvalidBatch : Field name not found : {name}"))
            );
        }
        assert!(columns(&["Id", "ID"]).is_err());
    }

    #[test]
    fn row_that_is_too_long_or_too_wide_fails_the_job() {
        let columns = columns(&["Id", "Name"]).unwrap();
        let row = |name: String| columns.record(&["1".to_owned(), name]);
        assert!(row("x".repeat(MAX_CELL)).is_ok());
        assert!(row("x".repeat(MAX_CELL + 1)).is_err());
        assert!(columns.record(&["1".to_owned()]).is_err());
    }
}
