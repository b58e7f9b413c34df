//! Putting records back as they were.
//!
//! The plan gives each row one deed: out of the recycle bin, changed back, inserted
//! again, or left, with the reason. What was lost together with a row comes with
//! it, what a row needs comes before it, and both are shown. It writes nothing: an
//! operation carries it out, and plans again once the recycle bin has given back
//! what it has.
//!
//! Invariant: each selected row has exactly one item; a field is written only with
//! the value that the snapshot has for it, and only where that differs from the org's.

mod automation;
pub mod bypass;
mod closure;
mod condition;
mod decide;
mod fields;
mod hints;
mod limits;
mod order;
mod references;
mod render;
pub mod rules;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use automation::{Automation, Fires, Kind, Operation, Stop, automations, fires, is_automation};
pub use closure::related;
pub use condition::{BadCondition, Condition};
pub use decide::plan;
pub use fields::{Lost, MAX_BULK_CELL, Refused, Shapes, to_json};
pub use hints::row_hint;
pub use limits::{Limits, TooMuch};
pub use order::{Link, Node, Order, Wave, order};
pub use references::References;
pub use render::{Heading, MAX_SAMPLES, render};

use crate::{
    model::{FieldName, ObjectName, RecordId},
    records::{CellChange, IdMap, Row, Schema},
};

/// What becomes of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It comes out of the recycle bin with its Id, its links and its history.
    Undelete,
    /// These cells are changed back; never empty.
    Update(Vec<CellChange>),
    /// It is inserted again, under a new Id.
    Insert,
    /// It is deleted, since it is new.
    Delete,
    /// It is new since then, and stays.
    Keep,
    /// Nothing of it differs that could be written.
    Untouched,
    /// All that differs was changed by someone else since; the cells are those of [`Item::conflicts`].
    Conflict,
    /// It does not come back, and why.
    Impossible(String),
}

/// Why a row that nobody selected is in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Because {
    /// Another row needs it.
    NeededBy(RecordId),
    /// It was lost, or lost its reference, together with another row.
    WentWith(RecordId),
}

/// One row of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its object.
    pub object: ObjectName,
    /// Its Id in the snapshot.
    pub id: RecordId,
    /// Its Id in the org, where it was inserted again by an earlier restore.
    pub now: RecordId,
    /// What becomes of it.
    pub deed: Deed,
    /// As the snapshot has it; `None` for a row that is new.
    pub then: Option<Row>,
    /// Why it is here, where nobody selected it.
    pub because: Option<Because>,
    /// Cells that someone else has changed since, and that stay: as they are, and as they were.
    pub conflicts: Vec<CellChange>,
    /// What of it does not come back.
    pub lost: Vec<Lost>,
    /// What the org is known to refuse.
    pub refused: Vec<Refused>,
    /// Fields that are not sent, since what they refer to is gone.
    pub without: BTreeSet<FieldName>,
    /// Fields that are sent with another value than the snapshot's.
    pub instead: BTreeMap<FieldName, String>,
}

/// A row to decide about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its object.
    pub object: ObjectName,
    /// Its Id in the snapshot.
    pub id: RecordId,
    /// As it is to be again; `None` where it was not there.
    pub then: Option<Row>,
    /// As the wrong change left it, where one is named: `Some(None)` where that deleted it.
    pub wrong: Option<Option<Row>>,
    /// As the org has it now.
    pub now: Option<Row>,
}

/// One state of the records.
pub trait Table {
    /// The row, where there is one.
    fn row(&self, object: &ObjectName, id: RecordId) -> Option<Row>;

    /// Whether the rows of the object are known, so that an absent one is known to be gone.
    fn holds(&self, object: &ObjectName) -> bool;
}

/// A row that is gone and still in the recycle bin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binned {
    /// It was deleted.
    Deleted,
    /// It was merged into another row.
    MergedInto(RecordId),
}

/// What is known of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Rows can be given to it.
    Active,
    /// It is a user who is no longer active.
    Inactive,
    /// The org has no such user or queue.
    Gone,
}

/// What the user allows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Delete rows that are new.
    pub delete_new: bool,
    /// Set back also what someone else has changed since.
    pub overwrite: bool,
    /// The only fields to set back; `None` for all. Rows that are gone then stay gone.
    pub fields: Option<BTreeSet<FieldName>>,
    /// Leave alone what nobody selected, even where a selected row needs it.
    pub no_related: bool,
    /// Who gets rows whose owner can have none any more.
    pub fallback_owner: Option<RecordId>,
}

/// Descriptions of objects.
pub type Schemas = BTreeMap<ObjectName, Schema>;

/// Everything that a plan is made of.
pub struct Inputs<'a> {
    /// Rows to decide about.
    pub selected: Vec<Candidate>,
    /// The records of the snapshot.
    pub then: &'a dyn Table,
    /// The records of the org.
    pub now: &'a dyn Table,
    /// Objects as the snapshot has them.
    pub then_schemas: &'a Schemas,
    /// Objects as the org describes them now; those that it lost are missing.
    pub live_schemas: &'a Schemas,
    /// What differs between the snapshot and the org in objects that refer to others.
    pub changes: &'a BTreeMap<ObjectName, Vec<crate::records::RowChange>>,
    /// Rows in the recycle bin.
    pub bin: &'a BTreeMap<RecordId, Binned>,
    /// Rows that earlier restores inserted.
    pub ids: &'a IdMap,
    /// What is known of an owner.
    pub owner: &'a dyn Fn(RecordId) -> Owner,
    /// Whether the body of a row is at hand.
    pub has_body: &'a dyn Fn(&ObjectName, &Row) -> bool,
    /// What the user allows.
    pub options: &'a Options,
}

/// What becomes of each row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestorePlan {
    /// Each row once, by object and Id.
    pub items: Vec<Item>,
    /// The inserts, in turn: places in `items`.
    pub waves: Vec<Wave>,
    /// References that are set when all rows are in: a place in `items`, and the field.
    pub deferred: Vec<(usize, FieldName)>,
}

impl Deed {
    /// The word in listings.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Undelete => "undelete",
            Self::Update(_) => "update",
            Self::Insert => "insert",
            Self::Delete => "delete",
            Self::Keep => "keep",
            Self::Untouched => "untouched",
            Self::Conflict => "conflict",
            Self::Impossible(_) => "impossible",
        }
    }

    /// Whether it writes to the org.
    #[must_use]
    pub fn writes(&self) -> bool {
        matches!(
            self,
            Self::Undelete | Self::Update(_) | Self::Insert | Self::Delete
        )
    }
}

impl RestorePlan {
    /// The rows that are written to.
    pub fn written(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|it| it.deed.writes())
    }

    /// How many rows each object has of each deed.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<&ObjectName, BTreeMap<&'static str, usize>> {
        let mut counts: BTreeMap<_, BTreeMap<_, usize>> = BTreeMap::new();
        for item in &self.items {
            let of = counts.entry(&item.object).or_default();
            *of.entry(item.deed.word()).or_default() += 1;
        }
        counts
    }

    /// The item of a row.
    #[must_use]
    pub fn item(&self, object: &ObjectName, id: RecordId) -> Option<&Item> {
        let at = self
            .items
            .binary_search_by(|it| (&it.object, it.id).cmp(&(object, id)));
        at.ok().map(|it| &self.items[it])
    }
}
