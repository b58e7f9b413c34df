//! Which fields of a row can be written, and what of it cannot come back.
//!
//! Invariant: each field whose value differs is written, or is of those that the
//! platform works out by itself, or has its reason.

use super::rules::{self, Advice, How};
use crate::{
    model::FieldName,
    records::{CellChange, Disguise, Field, FieldType, Row, Schema, Why, value},
};

/// A field whose value does not come back, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lost {
    /// The field.
    pub field: FieldName,
    /// Why.
    pub reason: String,
}

/// What the org is known to refuse about a row before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// The field.
    pub field: FieldName,
    /// The platform's code for it.
    pub code: &'static str,
    /// What is wrong, in words.
    pub text: String,
}

/// An object in the snapshot and in the org.
#[derive(Clone, Copy, Debug)]
pub struct Shapes<'a> {
    /// As the rows were exported.
    pub then: &'a Schema,
    /// As the org describes it now.
    pub live: &'a Schema,
}

/// Whether a field is written.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Settable {
    Yes,
    /// The platform works it out.
    Derived,
    No(String),
}

/// Fields that the platform keeps by itself, whatever a describe says of them.
///
/// Source: Object Reference, "System Fields".
const SYSTEM: [&str; 10] = [
    "Id",
    "IsDeleted",
    "CreatedDate",
    "CreatedById",
    "LastModifiedDate",
    "LastModifiedById",
    "SystemModstamp",
    "LastActivityDate",
    "LastViewedDate",
    "LastReferencedDate",
];

/// Longest cell of a bulk job, in characters; longer ones go by another call.
///
/// Source: Bulk API 2.0 limits.
pub const MAX_BULK_CELL: usize = 32_000;

impl Shapes<'_> {
    /// What is written to turn `now` into `then`, and what of it cannot be.
    ///
    /// `asked` limits the fields. A column that only one of the rows has is not
    /// compared.
    #[must_use]
    pub fn update(
        self,
        then: &Row,
        now: &Row,
        asked: &dyn Fn(&FieldName) -> bool,
    ) -> (Vec<CellChange>, Vec<Lost>) {
        let (mut cells, mut lost) = (Vec::new(), Vec::new());
        for (field, wanted) in then.cells() {
            let Some(present) = now.get(field.as_str()) else {
                continue;
            };
            if wanted == present || !asked(field) {
                continue;
            }
            match self.settable(field, false) {
                Settable::Yes if wanted.is_empty() && !self.may_be_empty(field) => {
                    lost.push(Lost {
                        field: field.clone(),
                        reason: "it was empty, which the org does not take any more".to_owned(),
                    });
                }
                Settable::Yes => cells.push(CellChange {
                    field: field.clone(),
                    before: present.to_owned(),
                    after: wanted.to_owned(),
                }),
                Settable::Derived => (),
                Settable::No(reason) => lost.push(Lost {
                    field: field.clone(),
                    reason,
                }),
            }
        }
        (cells, lost)
    }

    /// What is sent to insert `then` again, and what of it cannot be.
    #[must_use]
    pub fn insert(self, then: &Row, advice: &Advice) -> (Vec<(FieldName, String)>, Vec<Lost>) {
        let (mut cells, mut lost) = (Vec::new(), Vec::new());
        for (field, wanted) in then.cells() {
            if wanted.is_empty() {
                continue;
            }
            match self.settable(field, true) {
                Settable::Yes if !advice.leaves(field.as_str(), then) => {
                    cells.push((field.clone(), self.spelled(field, wanted, advice)));
                }
                Settable::Yes | Settable::Derived => (),
                Settable::No(reason) => lost.push(Lost {
                    field: field.clone(),
                    reason,
                }),
            }
        }
        lost.extend(self.never_kept());
        (cells, lost)
    }

    /// Fields that a row would have and the snapshot has not.
    fn never_kept(self) -> impl Iterator<Item = Lost> {
        let reason = |why: Why| match why {
            Why::Dropped => Some("the settings keep it out of the snapshot"),
            Why::Excluded => Some("the settings do not list it"),
            Why::Hidden => Some("whoever made the snapshot may not see it"),
            Why::Masked => Some("whoever made the snapshot sees only a mask of it"),
            _ => None,
        };
        let left_out = self.then.left_out.iter();
        left_out.filter_map(move |(field, why)| {
            let reason = reason(*why)?;
            let live = self.live.field(field.as_str())?;
            let is_lost = live.is_insertable() && !SYSTEM.contains(&field.as_str());
            is_lost.then(|| Lost {
                field: field.clone(),
                reason: reason.to_owned(),
            })
        })
    }

    /// What the org is known to refuse about a row with those cells.
    #[must_use]
    pub fn refused(self, cells: &[(FieldName, String)], on_insert: bool) -> Vec<Refused> {
        let mut refused = Vec::new();
        for (name, cell) in cells {
            if let Some(field) = self.live.field(name.as_str()) {
                refused.extend(refused_value(field, cell));
            }
        }
        if on_insert {
            let missing =
                self.live.fields.iter().filter(|it| {
                    it.is_required() && !cells.iter().any(|(name, _)| *name == it.name)
                });
            // A boolean is never missing: the platform takes it for false.
            let missing = missing.filter(|it| it.kind != FieldType::Boolean);
            refused.extend(missing.map(|it| Refused {
                field: it.name.clone(),
                code: "REQUIRED_FIELD_MISSING",
                text: "the org needs a value, and the snapshot has none".to_owned(),
            }));
        }
        refused
    }

    #[expect(
        clippy::unused_self,
        reason = "it is asked of the shapes, as the others are"
    )]
    fn spelled(self, field: &FieldName, wanted: &str, advice: &Advice) -> String {
        match advice.how {
            How::Draft {
                field: draft,
                first,
            } if *field == draft => first.to_owned(),
            _ => wanted.to_owned(),
        }
    }

    fn may_be_empty(self, field: &FieldName) -> bool {
        self.live
            .field(field.as_str())
            .is_none_or(|it| it.nillable || it.kind == FieldType::Boolean)
    }

    fn settable(self, name: &FieldName, on_insert: bool) -> Settable {
        let no = |reason: &str| Settable::No(reason.to_owned());
        match self.then.disguised.get(name) {
            Some(Disguise::Hash) => return no("the snapshot has only a hash of it"),
            Some(Disguise::Encrypt) => return no("it is encrypted, and its key was not given"),
            None => (),
        }
        let Some(field) = self.live.field(name.as_str()) else {
            return match self.then.field(name.as_str()) {
                Some(field) if field.calculated => Settable::Derived,
                _ => no("the org has no such field, or does not show it to this user"),
            };
        };
        if field.calculated || *name == "Id" {
            return Settable::Derived;
        }
        if SYSTEM.contains(&name.as_str()) {
            return if on_insert && field.is_insertable() {
                Settable::Yes
            } else {
                Settable::Derived
            };
        }
        let takes = if on_insert {
            field.is_insertable()
        } else {
            field.updateable
        };
        if takes {
            return Settable::Yes;
        }
        if let Some(reason) = rules::field_reason(self.live.name.as_str(), name.as_str()) {
            return no(reason);
        }
        if field.auto_number {
            return if on_insert {
                no("the platform numbers the row anew")
            } else {
                Settable::Derived
            };
        }
        // What neither an insert nor an update takes is kept by the platform; a name that is put
        // together from its parts is of these.
        if !field.createable && !field.updateable && (on_insert || field.name_field) {
            return Settable::Derived;
        }
        match on_insert {
            true => no("it can be set only once the row is there"),
            false if field.createable => no("it can be set only when the row is made"),
            false => no("the platform alone sets it"),
        }
    }
}

fn refused_value(field: &Field, cell: &str) -> Option<Refused> {
    let refuse = |code, text| {
        Some(Refused {
            field: field.name.clone(),
            code,
            text,
        })
    };
    let is_text = matches!(
        field.kind,
        FieldType::String
            | FieldType::Textarea
            | FieldType::Phone
            | FieldType::Email
            | FieldType::Url
            | FieldType::Encryptedstring
    );
    if is_text && field.length > 0 {
        let length = cell.chars().count();
        if length > usize::try_from(field.length).unwrap_or(usize::MAX) {
            return refuse(
                "STRING_TOO_LONG",
                format!(
                    "the value has {length} characters, and the field takes {}",
                    field.length
                ),
            );
        }
    }
    let is_listed = matches!(field.kind, FieldType::Picklist | FieldType::Multipicklist);
    if is_listed && field.restricted_picklist && !field.picklist_values.is_empty() {
        let values: Vec<&str> = match field.kind {
            FieldType::Multipicklist => cell.split(';').collect(),
            _ => vec![cell],
        };
        let is_taken = |value: &str| {
            let mut listed = field.picklist_values.iter();
            listed.any(|it| it.active && it.value == value)
        };
        if let Some(value) = values
            .into_iter()
            .find(|it| !it.is_empty() && !is_taken(it))
        {
            return refuse(
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                format!("`{value}` is not an active value of the picklist"),
            );
        }
    }
    None
}

/// The cells as the fields of a record of REST.
#[must_use]
pub fn to_json(
    schema: &Schema,
    cells: &[(FieldName, String)],
) -> serde_json::Map<String, serde_json::Value> {
    let cells = cells.iter().map(|(name, cell)| {
        let kind = schema
            .field(name.as_str())
            .map_or(FieldType::String, |it| it.kind);
        (name.to_string(), value::to_json(kind, cell))
    });
    cells.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{plan::records::rules::advice, records::Columns};

    fn schema() -> Schema {
        let field = |name: &str, kind: &str, createable: bool, updateable: bool| json!({"name": name, "type": kind, "createable": createable, "updateable": updateable, "nillable": true});
        Schema::from_describe(json!({"name": "Deal__c", "createable": true, "updateable": true, "fields": [
            field("Id", "id", false, false),
            {"name": "Name", "type": "string", "autoNumber": true},
            {"name": "Label__c", "type": "string", "length": 5, "createable": true, "updateable": true},
            field("Amount__c", "currency", true, true),
            {"name": "Sum__c", "type": "currency", "calculated": true},
            field("Master__c", "reference", true, false),
            field("CreatedDate", "datetime", true, false),
            field("LastModifiedDate", "datetime", false, false),
            {"name": "Stage__c", "type": "picklist", "createable": true, "updateable": true, "nillable": true, "restrictedPicklist": true,
             "picklistValues": [{"value": "New", "active": true}, {"value": "Old", "active": false}]},
        ]}))
        .unwrap()
    }

    fn row(cells: &[(&str, &str)]) -> Row {
        let columns = Columns::new(cells.iter().map(|(name, _)| name.parse().unwrap()));
        let mut cells = cells.to_vec();
        cells.sort_unstable();
        let id = "a01000000000001".parse().unwrap();
        Row::new(id, &columns, cells.iter().map(|(_, cell)| *cell))
    }

    fn names(lost: &[Lost]) -> Vec<String> {
        lost.iter()
            .map(|it| format!("{}: {}", it.field, it.reason))
            .collect()
    }

    #[test]
    fn update_writes_what_differs_and_says_what_it_cannot() {
        let schema = schema();
        let shapes = Shapes {
            then: &schema,
            live: &schema,
        };
        let then = row(&[
            ("Amount__c", "1.0"),
            ("Master__c", "a"),
            ("Sum__c", "1.0"),
            ("Name", "D-1"),
            ("Old__c", "x"),
            ("LastModifiedDate", "a"),
        ]);
        let now = row(&[
            ("Amount__c", "2.0"),
            ("Master__c", "b"),
            ("Sum__c", "2.0"),
            ("Name", "D-1"),
            ("Old__c", "y"),
            ("LastModifiedDate", "b"),
        ]);
        let (cells, lost) = shapes.update(&then, &now, &|_| true);
        assert_eq!(cells.len(), 1);
        assert_eq!(
            (cells[0].before.as_str(), cells[0].after.as_str()),
            ("2.0", "1.0")
        );
        assert_eq!(
            names(&lost),
            [
                "Master__c: it can be set only when the row is made",
                "Old__c: the org has no such field, or does not show it to this user",
            ]
        );
        let (cells, lost) = shapes.update(&then, &now, &|it| *it == "Sum__c");
        assert!(cells.is_empty() && lost.is_empty());
    }

    #[test]
    fn column_that_was_not_read_is_not_emptied() {
        let schema = schema();
        let shapes = Shapes {
            then: &schema,
            live: &schema,
        };
        let then = row(&[("Amount__c", "1.0")]);
        let now = row(&[("Label__c", "x")]);
        assert_eq!(shapes.update(&then, &now, &|_| true), (vec![], vec![]));
    }

    #[test]
    fn field_that_must_have_a_value_is_not_emptied() {
        let schema = schema();
        let shapes = Shapes {
            then: &schema,
            live: &schema,
        };
        let (cells, lost) = shapes.update(
            &row(&[("Label__c", "")]),
            &row(&[("Label__c", "x")]),
            &|_| true,
        );
        assert!(cells.is_empty());
        assert_eq!(lost.len(), 1);
    }

    #[test]
    fn insert_leaves_out_what_the_platform_works_out() {
        let schema = schema();
        let shapes = Shapes {
            then: &schema,
            live: &schema,
        };
        let then = row(&[
            ("Amount__c", "1.0"),
            ("Sum__c", "1.0"),
            ("Name", "D-1"),
            ("CreatedDate", "2026-01-01T00:00:00.000Z"),
            ("Stage__c", ""),
        ]);
        let (cells, lost) = shapes.insert(&then, &advice("Deal__c", &then));
        let sent: Vec<_> = cells.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(sent, ["Amount__c", "CreatedDate"]);
        assert_eq!(names(&lost), ["Name: the platform numbers the row anew"]);
        let refused = shapes.refused(&cells, true);
        assert_eq!(
            (refused.len(), refused[0].code),
            (1, "REQUIRED_FIELD_MISSING")
        );
    }

    #[test]
    fn hashed_value_never_reaches_the_org() {
        let mut then = schema();
        then.disguised
            .insert("Amount__c".parse().unwrap(), Disguise::Hash);
        let live = schema();
        let shapes = Shapes {
            then: &then,
            live: &live,
        };
        let (cells, lost) = shapes.update(
            &row(&[("Amount__c", "9f2c")]),
            &row(&[("Amount__c", "2.0")]),
            &|_| true,
        );
        assert!(cells.is_empty());
        assert_eq!(
            names(&lost),
            ["Amount__c: the snapshot has only a hash of it"]
        );
    }

    #[test]
    fn value_that_the_org_will_refuse_is_known_beforehand() {
        let schema = schema();
        let shapes = Shapes {
            then: &schema,
            live: &schema,
        };
        let cells = [
            ("Label__c", "äöüäöü"),
            ("Stage__c", "Old"),
            ("Amount__c", "1.0"),
        ]
        .map(|(name, cell)| (name.parse().unwrap(), cell.to_owned()));
        let codes: Vec<_> = shapes
            .refused(&cells, false)
            .iter()
            .map(|it| it.code)
            .collect();
        assert_eq!(
            codes,
            ["STRING_TOO_LONG", "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"]
        );
    }
}
