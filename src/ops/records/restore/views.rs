//! The two states that a plan compares: a commit of records, and the org as it was just read.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use super::opener::Opener;
use crate::{
    model::{ObjectName, RecordId},
    ops::{error::Error, records::RecordsAt},
    plan::records::Table,
    records::{Row, Shard},
};

/// Shards that are kept in memory at once; each has at most a few thousand rows.
const MAX_SHARDS: usize = 400;

/// Rows that were read, by object and shard.
type Shards = BTreeMap<(ObjectName, Shard), Rc<Vec<Row>>>;

/// The rows of a commit.
pub(super) struct CommitRows<'r> {
    at: &'r RecordsAt<'r>,
    opener: Opener,
    shards: RefCell<Shards>,
    failed: Cell<Option<Error>>,
}

impl<'r> CommitRows<'r> {
    pub(super) fn new(at: &'r RecordsAt<'r>, opener: &Opener) -> Self {
        Self {
            at,
            opener: opener.clone(),
            shards: RefCell::default(),
            failed: Cell::new(None),
        }
    }

    /// Fails where a row could not be read since: no plan may come of that.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn shard(&self, object: &ObjectName, shard: Shard) -> Rc<Vec<Row>> {
        let key = (object.clone(), shard);
        if let Some(rows) = self.shards.borrow().get(&key) {
            return Rc::clone(rows);
        }
        let rows = rows(self.at, object, shard, &self.opener);
        let rows = Rc::new(rows.unwrap_or_else(|err| {
            self.failed.set(Some(err));
            Vec::new()
        }));
        let mut shards = self.shards.borrow_mut();
        if shards.len() >= MAX_SHARDS {
            shards.clear();
        }
        shards.insert(key, Rc::clone(&rows));
        rows
    }
}

/// The rows of one shard, opened.
pub(super) fn rows(
    at: &RecordsAt<'_>,
    object: &ObjectName,
    shard: Shard,
    opener: &Opener,
) -> Result<Vec<Row>, Error> {
    let rows = at.shard(object, shard)?;
    let Some(of) = at.object(object.as_str()) else {
        return Ok(rows);
    };
    let rows = rows.into_iter().map(|it| opener.row(&of.schema, it));
    rows.collect()
}

impl Table for CommitRows<'_> {
    fn row(&self, object: &ObjectName, id: RecordId) -> Option<Row> {
        let rows = self.shard(object, Shard::of(&id));
        let at = rows.binary_search_by_key(&id, Row::id).ok()?;
        Some(rows[at].clone())
    }

    fn holds(&self, object: &ObjectName) -> bool {
        self.at.object(object.as_str()).is_some()
    }
}

/// A commit, with rows that were read later from the org.
pub(super) struct Overlay<'r> {
    pub(super) base: &'r CommitRows<'r>,
    /// Rows that were read: `None` for one that is gone.
    pub(super) fresh: BTreeMap<(ObjectName, RecordId), Option<Row>>,
}

impl Table for Overlay<'_> {
    fn row(&self, object: &ObjectName, id: RecordId) -> Option<Row> {
        match self.fresh.get(&(object.clone(), id)) {
            Some(row) => row.clone(),
            None => self.base.row(object, id),
        }
    }

    fn holds(&self, object: &ObjectName) -> bool {
        self.base.holds(object)
    }
}
