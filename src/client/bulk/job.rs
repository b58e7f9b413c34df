//! How a job stands.

use serde_json::Value;

use crate::model::{ObjectName, RecordId};

/// A job of the Bulk API 2.0, as the org tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkJob {
    /// Its id.
    pub id: RecordId,
    /// Object that it is about.
    pub object: Option<ObjectName>,
    /// How far it is.
    pub state: BulkState,
    /// Rows that were read or written; told once it runs.
    pub n_processed: Option<u64>,
    /// Rows of them that failed; of ingest jobs.
    pub n_failed: Option<u64>,
    /// Why it failed, where the org says so.
    pub error: Option<String>,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkState {
    /// It takes data.
    Open,
    /// It waits to be worked on.
    UploadComplete,
    /// It is worked on.
    InProgress,
    /// It is through.
    JobComplete,
    /// Somebody stopped it.
    Aborted,
    /// The platform gave it up.
    Failed,
}

impl BulkJob {
    /// Reads an answer; `None` where it has no id or no state that is known.
    pub(super) fn parse(answer: &Value) -> Option<Self> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let state = match text("state")? {
            "Open" => BulkState::Open,
            "UploadComplete" => BulkState::UploadComplete,
            "InProgress" => BulkState::InProgress,
            "JobComplete" => BulkState::JobComplete,
            "Aborted" => BulkState::Aborted,
            "Failed" => BulkState::Failed,
            _ => return None,
        };
        Some(Self {
            id: text("id")?.parse().ok()?,
            object: text("object").and_then(|it| it.parse().ok()),
            state,
            n_processed: answer.get("numberRecordsProcessed").and_then(Value::as_u64),
            n_failed: answer.get("numberRecordsFailed").and_then(Value::as_u64),
            error: text("errorMessage").map(str::to_owned),
        })
    }
}

impl BulkState {
    /// Whether nothing more happens to the job.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::JobComplete | Self::Aborted | Self::Failed)
    }

    /// The platform's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::UploadComplete => "UploadComplete",
            Self::InProgress => "InProgress",
            Self::JobComplete => "JobComplete",
            Self::Aborted => "Aborted",
            Self::Failed => "Failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn job_is_read_with_and_without_its_counts() {
        let new = json!({"id": "7503h000005ZxbfAAC", "object": "Account", "state": "UploadComplete", "apiVersion": 52.0});
        let job = BulkJob::parse(&new).unwrap();
        assert_eq!(
            (job.state, job.n_processed),
            (BulkState::UploadComplete, None)
        );
        let done = json!({"id": "7503h000005ZxbfAAC", "object": "Account", "state": "JobComplete", "numberRecordsProcessed": 5});
        assert_eq!(BulkJob::parse(&done).unwrap().n_processed, Some(5));
        assert_eq!(
            BulkJob::parse(&json!({"id": "7503h000005ZxbfAAC", "state": "Sleeping"})),
            None
        );
        assert_eq!(BulkJob::parse(&json!({"state": "Open"})), None);
    }
}
