//! Jobs as values, and how they are told.
//!
//! Source of the keys and their order: `recorded/bulk2`; of the states: Bulk
//! API 2.0 Developer Guide, "Get Information About a Job".

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Dialect, Spool};
use crate::{
    model::{ApiVersion, RecordId, Timestamp},
    simorg::{records::Act, rest::Desk},
};

/// How long a job and its results are kept.
///
/// Source: Bulk API 2.0 Limits and Allocations.
pub const KEPT: Duration = Duration::from_hours(7 * 24);

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobState {
    /// It waits for data.
    Open,
    /// It waits for its turn.
    UploadComplete,
    /// It is at work.
    InProgress,
    /// It is done; rows may have failed.
    JobComplete,
    /// It failed as a whole.
    Failed,
    /// Somebody ended it.
    Aborted,
}

impl JobState {
    /// As jobs tell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::UploadComplete => "UploadComplete",
            Self::InProgress => "InProgress",
            Self::JobComplete => "JobComplete",
            Self::Failed => "Failed",
            Self::Aborted => "Aborted",
        }
    }

    /// Whether nothing happens to it any more.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::JobComplete | Self::Failed | Self::Aborted)
    }
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operation {
    /// Reads rows.
    Query,
    /// Reads rows, deleted ones too.
    QueryAll,
    /// Makes rows.
    Insert,
    /// Changes rows.
    Update,
    /// Makes rows, or changes those that are there.
    Upsert,
    /// Puts rows into the recycle bin.
    Delete,
    /// Takes rows away for good.
    HardDelete,
}

impl Operation {
    /// What is done with the rows of such a job; `external_id` tells those of an upsert.
    pub(super) fn act(self, external_id: Option<&str>) -> Act {
        match self {
            Self::Update => Act::Update,
            Self::Upsert => Act::Upsert(external_id.unwrap_or_default().to_owned()),
            Self::Delete => Act::Delete,
            Self::HardDelete => Act::HardDelete,
            Self::Query | Self::QueryAll | Self::Insert => Act::Insert,
        }
    }

    /// As jobs tell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::QueryAll => "queryAll",
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Upsert => "upsert",
            Self::Delete => "delete",
            Self::HardDelete => "hardDelete",
        }
    }
}

/// What jobs of both kinds have.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head {
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
    pub state: JobState,
    /// Version of the API that it was made with.
    pub version: ApiVersion,
    /// How rows are written.
    pub dialect: Dialect,
    /// Rows done, failed ones among them.
    pub processed: u64,
    /// Rows failed.
    pub failed: u64,
    /// Why it failed.
    pub error: Option<String>,
    /// Status checks that still say that nothing has happened.
    pub checks_left: u32,
    /// Whether it fails by request.
    pub is_doomed: bool,
}

/// A query job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QueryJob {
    /// What jobs have.
    pub head: Head,
    /// The query.
    pub query: String,
    /// First line of each page of the result, with its line ending.
    pub header: String,
    /// Rows of the result.
    pub rows: u64,
    /// Rows in one chunk, the last may have fewer; the result has them in the order
    /// of `chunks::place`.
    pub chunk_rows: u64,
    /// Rows in one page where none are asked for.
    pub page_rows: u64,
    /// Whether stray NUL bytes stand in it.
    pub has_nul_bytes: bool,
}

/// An ingest job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IngestJob {
    /// What jobs have.
    pub head: Head,
    /// The field that an upsert finds rows by.
    pub external_id: Option<String>,
    /// The assignment rule to run.
    pub assignment_rule: Option<String>,
    /// Whether its data was uploaded.
    pub is_uploaded: bool,
    /// The header as it was uploaded.
    pub header: Option<String>,
    /// Rows uploaded.
    pub rows: u64,
    /// Rows of each result, those of the failed ones in [`Head::failed`].
    pub succeeded: u64,
}

/// All jobs of an org.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Jobs {
    /// Query jobs, by id.
    pub queries: BTreeMap<RecordId, QueryJob>,
    /// Ingest jobs, by id.
    pub ingests: BTreeMap<RecordId, IngestJob>,
    /// When query jobs were made, and results stored with how many bytes.
    pub used: Vec<Use>,
}

/// What a job takes off the allowance of 24 hours.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Use {
    /// A query job was made.
    QueryJob(Timestamp),
    /// So many bytes of a result were stored.
    Result(Timestamp, u64),
    /// So many batches were taken in.
    Batches(Timestamp, u64),
}

impl Use {
    fn at(self) -> Timestamp {
        match self {
            Self::QueryJob(at) | Self::Result(at, _) | Self::Batches(at, _) => at,
        }
    }
}

/// What is used of the allowance of the last 24 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Query jobs.
    pub query_jobs: u64,
    /// Bytes of results.
    pub result_bytes: u64,
    /// Batches of ingest jobs.
    pub batches: u64,
}

impl Jobs {
    /// Takes away what is kept no longer, with its files.
    pub fn expire(&mut self, now: Timestamp, spool: &Spool) {
        let is_kept = |head: &Head| {
            let is_kept = now.since(head.modified) < KEPT;
            if !is_kept {
                spool.remove(head.id);
            }
            is_kept
        };
        self.queries.retain(|_, it| is_kept(&it.head));
        self.ingests.retain(|_, it| is_kept(&it.head));
        self.used
            .retain(|it| now.since(it.at()) < Duration::from_hours(24));
    }

    /// What is used of the allowance of the last 24 hours.
    #[must_use]
    pub fn used(&self, now: Timestamp) -> Used {
        let mut used = Used::default();
        for it in &self.used {
            if now.since(it.at()) >= Duration::from_hours(24) {
                continue;
            }
            match *it {
                Use::QueryJob(_) => used.query_jobs += 1,
                Use::Result(_, bytes) => used.result_bytes += bytes,
                Use::Batches(_, batches) => used.batches += batches,
            }
        }
        used
    }
}

/// How much of a job is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// As the call that made it does.
    Made,
    /// As the call that changed its state does.
    Changed,
    /// Everything.
    Full,
}

impl Head {
    /// A job that the user at the desk makes now; nothing of it is done.
    pub(super) fn new(
        desk: &mut Desk<'_>,
        operation: Operation,
        object: String,
        state: JobState,
        dialect: Dialect,
        is_doomed: bool,
    ) -> Self {
        let now = desk.org.now();
        Self {
            id: desk.org.next_id("750"),
            operation,
            object,
            owner: desk.user.id,
            created: now,
            modified: now,
            state,
            version: desk.version,
            dialect,
            processed: 0,
            failed: 0,
            error: None,
            checks_left: desk.bulk.settings.checks,
            is_doomed,
        }
    }

    fn begin(&self) -> Map<String, Value> {
        let number = json!(f64::from(self.version.major()));
        let pairs = [
            ("id", json!(self.id)),
            ("operation", json!(self.operation.name())),
            ("object", json!(self.object)),
            ("createdById", json!(self.owner)),
            ("createdDate", json!(self.created.to_rest())),
            ("systemModstamp", json!(self.modified.to_rest())),
            ("state", json!(self.state.name())),
            ("concurrencyMode", json!("Parallel")),
            ("contentType", json!("CSV")),
            ("apiVersion", number),
        ];
        pairs
            .map(|(key, value)| (key.to_owned(), value))
            .into_iter()
            .collect()
    }

    fn end(&self, all: &mut Map<String, Value>) {
        all.insert("lineEnding".to_owned(), json!(self.dialect.ending.name()));
        all.insert(
            "columnDelimiter".to_owned(),
            json!(self.dialect.delimiter.name()),
        );
    }

    /// Time that a job took: made of its rows, so that two runs tell the same.
    fn millis(&self) -> u64 {
        self.processed / 20 + 40
    }
}

impl QueryJob {
    /// The job as JSON.
    #[must_use]
    pub fn tell(&self, telling: Telling) -> Value {
        let head = &self.head;
        let mut all = head.begin();
        if telling == Telling::Full {
            all.insert("jobType".to_owned(), json!("V2Query"));
        }
        head.end(&mut all);
        if telling == Telling::Full {
            let millis = if head.state.is_over() {
                head.millis()
            } else {
                0
            };
            all.insert("numberRecordsProcessed".to_owned(), json!(head.processed));
            all.insert("retries".to_owned(), json!(0));
            all.insert("totalProcessingTime".to_owned(), json!(millis));
            // Not in the recorded answers of API 52.0; later versions tell both.
            if ApiVersion::new(58) <= head.version {
                all.insert("isPkChunkingSupported".to_owned(), json!(true));
                if let Some(error) = &head.error {
                    all.insert("errorMessage".to_owned(), json!(error));
                }
            }
        }
        Value::Object(all)
    }
}

impl IngestJob {
    /// The job as JSON.
    #[must_use]
    pub fn tell(&self, telling: Telling) -> Value {
        let head = &self.head;
        let mut all = head.begin();
        if let Some(field) = &self.external_id {
            all.insert("externalIdFieldName".to_owned(), json!(field));
        }
        if let Some(rule) = &self.assignment_rule {
            all.insert("assignmentRuleId".to_owned(), json!(rule));
        }
        if telling == Telling::Changed {
            return Value::Object(all);
        }
        if telling == Telling::Full {
            all.insert("jobType".to_owned(), json!("V2Ingest"));
        }
        if head.state == JobState::Open {
            let url = format!(
                "services/data/v{}/jobs/ingest/{}/batches",
                head.version, head.id
            );
            all.insert("contentUrl".to_owned(), json!(url));
        }
        head.end(&mut all);
        if telling == Telling::Full {
            let has_begun = !matches!(head.state, JobState::Open | JobState::UploadComplete);
            if has_begun {
                all.insert("numberRecordsProcessed".to_owned(), json!(head.processed));
                all.insert("numberRecordsFailed".to_owned(), json!(head.failed));
            }
            let millis = if has_begun { head.millis() } else { 0 };
            all.insert("retries".to_owned(), json!(0));
            all.insert("totalProcessingTime".to_owned(), json!(millis));
            all.insert("apiActiveProcessingTime".to_owned(), json!(millis * 2 / 3));
            all.insert("apexProcessingTime".to_owned(), json!(0));
            if let Some(error) = &head.error {
                all.insert("errorMessage".to_owned(), json!(error));
            }
        }
        Value::Object(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(operation: Operation, state: JobState) -> Head {
        let at = "2021-08-31T01:31:13Z".parse().unwrap();
        Head {
            id: "7503h00000CV7Gp".parse().unwrap(),
            operation,
            object: "Account".to_owned(),
            owner: "0053h000002xQ5s".parse().unwrap(),
            created: at,
            modified: at,
            state,
            version: ApiVersion::new(52),
            dialect: Dialect::default(),
            processed: 4,
            failed: 0,
            error: None,
            checks_left: 0,
            is_doomed: false,
        }
    }

    fn ingest(state: JobState) -> IngestJob {
        IngestJob {
            head: head(Operation::Update, state),
            external_id: None,
            assignment_rule: None,
            is_uploaded: false,
            header: None,
            rows: 4,
            succeeded: 4,
        }
    }

    fn keys(value: &Value) -> String {
        let keys: Vec<&str> = value
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        keys.join(" ")
    }

    #[test]
    fn jobs_tell_what_the_recorded_ones_told() {
        let made = ingest(JobState::Open).tell(Telling::Made);
        assert_eq!(
            keys(&made),
            "id operation object createdById createdDate systemModstamp state concurrencyMode contentType apiVersion \
             contentUrl lineEnding columnDelimiter"
        );
        assert_eq!(
            made["contentUrl"],
            "services/data/v52.0/jobs/ingest/7503h00000CV7GpAAL/batches"
        );
        assert_eq!(made["apiVersion"].to_string(), "52.0");
        assert_eq!(made["createdDate"], "2021-08-31T01:31:13.000+0000");
        assert_eq!(
            keys(&ingest(JobState::UploadComplete).tell(Telling::Changed)),
            "id operation object createdById createdDate systemModstamp state concurrencyMode contentType apiVersion"
        );
        assert_eq!(
            keys(&ingest(JobState::JobComplete).tell(Telling::Full)),
            "id operation object createdById createdDate systemModstamp state concurrencyMode contentType apiVersion \
             jobType lineEnding columnDelimiter numberRecordsProcessed numberRecordsFailed retries \
             totalProcessingTime apiActiveProcessingTime apexProcessingTime"
        );
        assert_eq!(
            keys(&ingest(JobState::Open).tell(Telling::Full)),
            "id operation object createdById createdDate systemModstamp state concurrencyMode contentType apiVersion \
             jobType contentUrl lineEnding columnDelimiter retries totalProcessingTime apiActiveProcessingTime \
             apexProcessingTime"
        );
    }

    #[test]
    fn job_is_forgotten_after_seven_days() {
        let mut jobs = Jobs::default();
        let job = ingest(JobState::JobComplete);
        let (id, made) = (job.head.id, job.head.modified);
        jobs.ingests.insert(id, job);
        jobs.used.push(Use::QueryJob(made));
        let spool = Spool::new(std::env::temp_dir().join("orgkeep-none"));
        jobs.expire(
            made.after(KEPT.checked_sub(Duration::from_secs(1)).unwrap()),
            &spool,
        );
        assert_eq!((jobs.ingests.len(), jobs.used.len()), (1, 0));
        jobs.expire(made.after(KEPT), &spool);
        assert!(jobs.ingests.is_empty());
    }
}
