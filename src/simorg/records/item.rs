//! What is to be done with rows, and what came of it.

use serde_json::{Map, Value};

use crate::model::RecordId;

/// What is to be done with rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Make them.
    Insert,
    /// Change them.
    Update,
    /// Make or change them, told apart by this field.
    Upsert(String),
    /// Put them into the recycle bin.
    Delete,
    /// Delete them for good.
    HardDelete,
    /// Take them out of the recycle bin.
    Undelete,
    /// Take them out of the recycle bin for good.
    Empty,
}

impl Act {
    /// Whether rows are told by their Ids.
    #[must_use]
    pub fn is_by_id(&self) -> bool {
        match self {
            Self::Insert => false,
            Self::Upsert(key) => key.eq_ignore_ascii_case("Id"),
            _ => true,
        }
    }
}

/// A row that something is to be done with.
#[derive(Clone, Debug, Default)]
pub struct Item {
    /// Its object; may be empty where the id tells.
    pub object: String,
    /// Its id, for everything but insert and most upserts.
    pub id: Option<String>,
    /// Its values, by name of the field.
    pub values: Map<String, Value>,
}

impl Item {
    /// A row with values.
    #[must_use]
    pub fn new(object: &str, values: Map<String, Value>) -> Self {
        Self {
            object: object.to_owned(),
            id: None,
            values,
        }
    }

    /// A row that is there.
    #[must_use]
    pub fn existing(object: &str, id: &str) -> Self {
        Self {
            object: object.to_owned(),
            id: Some(id.to_owned()),
            values: Map::new(),
        }
    }
}

/// How rows are to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Nothing happens unless everything does.
    pub all_or_none: bool,
    /// Duplicate rules that only alert let rows pass.
    pub allow_duplicates: bool,
}

/// A row that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its id.
    pub id: RecordId,
    /// Whether it is new.
    pub created: bool,
}
