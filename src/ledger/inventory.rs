//! `.orgkeep/inventory/<Type>.jsonl`: one line per component.
//!
//! A line takes a new date or author only together with a new id or new
//! content: what a background job touched is no change.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Error, each_line, lines};
use crate::model::{Author, ComponentKey, ComponentName, RemoteComponent, Stamp, TypeName};

/// The components of one type, by full name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    /// The type.
    pub type_name: TypeName,
    /// Its components.
    pub components: BTreeMap<ComponentName, RemoteComponent>,
}

/// A line as it is spelled: the words of listMetadata.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenLine<'a> {
    full_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<crate::model::RecordId>,
    #[serde(skip_serializing_if = "str::is_empty")]
    file_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_by_id: Option<crate::model::RecordId>,
    created_by_name: &'a str,
    created_date: crate::model::Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_modified_by_id: Option<crate::model::RecordId>,
    last_modified_by_name: &'a str,
    last_modified_date: crate::model::Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace_prefix: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manageable_state: Option<&'a str>,
}

/// The same as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    full_name: ComponentName,
    #[serde(default)]
    id: Option<crate::model::RecordId>,
    #[serde(default)]
    file_name: String,
    #[serde(default)]
    created_by_id: Option<crate::model::RecordId>,
    created_by_name: String,
    created_date: crate::model::Timestamp,
    #[serde(default)]
    last_modified_by_id: Option<crate::model::RecordId>,
    last_modified_by_name: String,
    last_modified_date: crate::model::Timestamp,
    #[serde(default)]
    namespace_prefix: Option<String>,
    #[serde(default)]
    manageable_state: Option<String>,
}

impl Inventory {
    /// An inventory of nothing.
    #[must_use]
    pub fn new(type_name: TypeName) -> Self {
        Self {
            type_name,
            components: BTreeMap::new(),
        }
    }

    /// Folder of all inventories, in the tree.
    pub const FOLDER: &str = ".orgkeep/inventory";

    /// Path of the inventory of a type.
    #[must_use]
    pub fn path(type_name: &TypeName) -> String {
        format!("{}/{type_name}.jsonl", Self::FOLDER)
    }

    /// Reads the inventory of `type_name`.
    ///
    /// # Errors
    ///
    /// [`Error`] with the line.
    pub fn parse(type_name: TypeName, bytes: &[u8]) -> Result<Self, Error> {
        let lines: Vec<Line> = each_line(&Self::path(&type_name), bytes)?;
        let mut inventory = Self::new(type_name);
        for line in lines {
            inventory.insert(RemoteComponent {
                key: ComponentKey::new(inventory.type_name.clone(), line.full_name),
                id: line.id,
                file_name: line.file_name,
                created: Stamp {
                    by: Author {
                        id: line.created_by_id,
                        name: line.created_by_name,
                    },
                    at: line.created_date,
                },
                modified: Stamp {
                    by: Author {
                        id: line.last_modified_by_id,
                        name: line.last_modified_by_name,
                    },
                    at: line.last_modified_date,
                },
                namespace: line.namespace_prefix,
                manageable_state: line.manageable_state,
            });
        }
        Ok(inventory)
    }

    /// Writes it, ordered by full name.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        render_inventory(self.components.values())
    }

    /// Adds a component, or replaces the one of its name.
    pub fn insert(&mut self, component: RemoteComponent) {
        self.components
            .insert(component.key.name.clone(), component);
    }
}

/// Writes an inventory of `components`, which come ordered by full name.
#[must_use]
pub fn render_inventory<'a>(components: impl IntoIterator<Item = &'a RemoteComponent>) -> Vec<u8> {
    lines(components.into_iter().map(|it| WrittenLine {
        full_name: it.key.name.as_str(),
        id: it.id,
        file_name: &it.file_name,
        created_by_id: it.created.by.id,
        created_by_name: &it.created.by.name,
        created_date: it.created.at,
        last_modified_by_id: it.modified.by.id,
        last_modified_by_name: &it.modified.by.name,
        last_modified_date: it.modified.at,
        namespace_prefix: it.namespace.as_deref(),
        manageable_state: it.manageable_state.as_deref(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inventory_survives_a_round_trip() {
        let stamp = Stamp {
            by: Author {
                id: Some("0055f000001ABCD".parse().unwrap()),
                name: "Jane Doe".to_owned(),
            },
            at: "2026-08-24T09:23:38.614Z".parse().unwrap(),
        };
        let type_name = TypeName::known("ApexClass");
        let mut inventory = Inventory::new(type_name.clone());
        inventory.insert(RemoteComponent {
            key: "ApexClass:Order".parse().unwrap(),
            id: Some("01p5f000001ABCD".parse().unwrap()),
            file_name: "classes/Order.cls".to_owned(),
            created: stamp.clone(),
            modified: stamp,
            namespace: None,
            manageable_state: Some("unmanaged".to_owned()),
        });
        let text = String::from_utf8(inventory.render()).unwrap();
        assert!(
            text.starts_with(r#"{"fullName":"Order","id":"01p5f000001ABCD"#),
            "{text}"
        );
        assert_eq!(
            Inventory::parse(type_name, text.as_bytes()).unwrap(),
            inventory
        );
    }

    #[test]
    fn broken_line_is_named() {
        let err = Inventory::parse(TypeName::known("Flow"), b"\n{\"fullName\":1}\n").unwrap_err();
        assert_eq!(
            err.to_string(),
            "cannot read `.orgkeep/inventory/Flow.jsonl` of the snapshot, line 2"
        );
    }
}
