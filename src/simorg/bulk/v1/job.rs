//! Jobs and batches as values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    super::{KEPT, Operation, Spool},
    Content,
};
use crate::model::{ApiVersion, RecordId, Timestamp};

/// All jobs, by id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Jobs(pub(super) BTreeMap<RecordId, Job>);

impl Jobs {
    /// Takes away what is kept no longer, with its files.
    pub(super) fn expire(&mut self, now: Timestamp, spool: &Spool) {
        self.0.retain(|_, job| {
            let is_kept = now.since(job.modified) < KEPT;
            if !is_kept {
                job.batches.iter().for_each(|it| spool.remove(it.id));
            }
            is_kept
        });
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum State {
    /// It takes batches.
    Open,
    /// It takes no more of them.
    Closed,
    /// Somebody ended it.
    Aborted,
}

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum BatchState {
    /// Nothing of it is done.
    Queued,
    /// It is done; rows may have failed.
    Completed,
    /// It failed as a whole.
    Failed,
    /// It was not begun before its job was ended.
    NotProcessed,
}

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Job {
    /// Id, `750…`.
    pub id: RecordId,
    /// What it does.
    pub operation: Operation,
    /// The object, as the org spells it.
    pub object: String,
    /// Who made it.
    pub owner: RecordId,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// How far it is.
    pub state: State,
    /// The field that an upsert finds rows by.
    pub external_id: Option<String>,
    /// How rows are written.
    pub content: Content,
    /// Whether its batches are done one after the other.
    pub is_serial: bool,
    /// Version of the API that it was made with.
    pub version: ApiVersion,
    /// Its batches, in the order in which they came.
    pub batches: Vec<Batch>,
}

impl Job {
    /// Whether it reads rows.
    pub(super) fn is_query(&self) -> bool {
        matches!(self.operation, Operation::Query | Operation::QueryAll)
    }
}

/// A part of a job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Batch {
    /// Id, `751…`.
    pub id: RecordId,
    /// How far it is.
    pub state: BatchState,
    /// Why it failed.
    pub message: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub modified: Timestamp,
    /// Rows done, failed ones among them.
    pub processed: usize,
    /// Rows failed.
    pub failed: usize,
    /// Id of its result, where it is a query, `752…`.
    pub result: Option<RecordId>,
}

impl Batch {
    /// A batch of which nothing is done.
    pub(super) fn new(id: RecordId, now: Timestamp) -> Self {
        Self {
            id,
            state: BatchState::Queued,
            message: None,
            created: now,
            modified: now,
            processed: 0,
            failed: 0,
            result: None,
        }
    }
}
