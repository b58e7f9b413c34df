//! Ingest jobs: make, fill, start, watch, and read what became of each row.
//!
//! A job acts only once it is started, so that one whose id was noted before that
//! can always be asked what went in; a job that was not started does nothing.
//!
//! Source: Bulk API 2.0 and Bulk API Developer Guide, "Bulk API 2.0 Ingest", and
//! recorded answers.

use serde_json::{Value, json};

use super::{BulkJob, BulkState};
use crate::{
    client::{
        Call, Error, Org,
        http::{Answer, Method},
        poll::poll_job,
        rest::Ask,
    },
    model::{ObjectName, RecordId, Timestamp},
};

/// What a job does with its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingest {
    /// It inserts them.
    Insert,
    /// It updates them; each row has its `Id`.
    Update,
}

/// Which rows of a job are read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IngestRows {
    /// Those that went in: `sf__Id`, `sf__Created` and the columns that were sent.
    Successful,
    /// Those that were refused: `sf__Id`, `sf__Error` and the columns that were sent.
    Failed,
    /// Those that were never looked at: the columns that were sent.
    Unprocessed,
}

/// Longest content of one job, as sent.
///
/// Source: Bulk API 2.0 limits: 150 MB behind Base64, thus 100 MB as it is.
pub const MAX_INGEST_BYTES: usize = 100_000_000;

/// Longest list of rows that is read back: what was sent, and an Id or an error for each.
const MAX_RESULT_BYTES: u64 = 1 << 30;

impl Org {
    /// Makes a job, which does nothing yet. A second one by a lost answer does no harm.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call; `INVALIDENTITY` and its like where Bulk does not know the object.
    pub async fn create_ingest(&self, object: &ObjectName, what: Ingest) -> Result<BulkJob, Error> {
        let call = Call::read("createIngestJob");
        let path = format!("/services/data/v{}/jobs/ingest", self.version());
        let body = json!({
            "object": object.as_str(),
            "operation": match what {
                Ingest::Insert => "insert",
                Ingest::Update => "update",
            },
            "contentType": "CSV",
            "lineEnding": "LF",
            "columnDelimiter": "COMMA",
        });
        let answer = self.send_json(call, Method::Post, &path, &body).await?;
        BulkJob::parse(&answer).ok_or_else(|| self.unreadable(call, "it is no job"))
    }

    /// Sends the rows of a job, once: a second content is refused.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call: the job has not been started, and may be given up.
    pub async fn fill_ingest(&self, id: RecordId, csv: &str) -> Result<(), Error> {
        let path = self.ingest_path(id, "/batches");
        let ask = Ask {
            call: Call::act("fillIngestJob"),
            method: Method::Put,
            path: &path,
            query: &[],
            headers: &[("accept", "application/json")],
            body: Some(("text/csv; charset=UTF-8", csv)),
            max_bytes: self.options().sizes.answer_bytes,
        };
        self.exchange(&ask, async |answer: &mut Answer| {
            answer.bytes().await.map(drop)
        })
        .await
    }

    /// Starts a job that has its rows.
    ///
    /// Where the answer is lost, the job tells whether it has begun.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call.
    pub async fn start_ingest(&self, id: RecordId) -> Result<(), Error> {
        match self
            .set_ingest(id, "startIngestJob", "UploadComplete")
            .await
        {
            Err(err @ Error::Unconfirmed { .. }) => {
                if self.ingest(id).await?.state == BulkState::Open {
                    return Err(err);
                }
                Ok(())
            }
            other => other,
        }
    }

    /// Stops a job; what went in stays.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call.
    pub async fn abort_ingest(&self, id: RecordId) -> Result<(), Error> {
        self.set_ingest(id, "abortIngestJob", "Aborted").await
    }

    async fn set_ingest(&self, id: RecordId, name: &'static str, state: &str) -> Result<(), Error> {
        let path = self.ingest_path(id, "");
        let body = json!({ "state": state });
        self.send_json(Call::act(name), Method::Patch, &path, &body)
            .await
            .map(drop)
    }

    /// How a job stands.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call; `NOT_FOUND` for a job that the org has forgotten.
    pub async fn ingest(&self, id: RecordId) -> Result<BulkJob, Error> {
        let call = Call::read("getIngestJob");
        let answer = self.get_json(call, &self.ingest_path(id, ""), &[]).await?;
        BulkJob::parse(&answer).ok_or_else(|| self.unreadable(call, "it is no job"))
    }

    /// When a job was made, by the org's clock; `None` where the org does not tell.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call; `NOT_FOUND` for a job that the org has forgotten.
    pub async fn ingest_created(&self, id: RecordId) -> Result<Option<Timestamp>, Error> {
        let call = Call::read("getIngestJob");
        let answer = self.get_json(call, &self.ingest_path(id, ""), &[]).await?;
        let created = answer.get("createdDate").and_then(Value::as_str);
        Ok(created.and_then(|it| it.parse().ok()))
    }

    /// Waits until a job that was started is over, whatever came of it.
    ///
    /// # Errors
    ///
    /// [`Error::StillRunning`], and [`Error`] of the calls.
    pub async fn await_ingest(&self, id: RecordId) -> Result<BulkJob, Error> {
        let policy = self.options().poll;
        poll_job("createIngestJob", id.as_str(), policy, async || {
            let job = self.ingest(id).await?;
            Ok(job.state.is_over().then_some(job))
        })
        .await
    }

    /// Rows of a job that is over, as CSV; their order is not that in which they were sent.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call.
    pub async fn ingest_rows(&self, id: RecordId, rows: IngestRows) -> Result<Vec<u8>, Error> {
        let (name, end) = match rows {
            IngestRows::Successful => ("getIngestSuccesses", "/successfulResults"),
            IngestRows::Failed => ("getIngestFailures", "/failedResults"),
            // With a small `r`, unlike its two neighbours.
            IngestRows::Unprocessed => ("getIngestUnprocessed", "/unprocessedrecords"),
        };
        let path = self.ingest_path(id, end);
        let ask = Ask {
            call: Call::read(name),
            method: Method::Get,
            path: &path,
            query: &[],
            headers: &[("accept", "text/csv")],
            body: None,
            max_bytes: MAX_RESULT_BYTES,
        };
        self.exchange(&ask, async |answer: &mut Answer| answer.bytes().await)
            .await
    }

    fn ingest_path(&self, id: RecordId, end: &str) -> String {
        format!("/services/data/v{}/jobs/ingest/{id}{end}", self.version())
    }
}

/// Reads `CODE:message:Field1 Field2--`, the error of a row.
///
/// Source: recorded `failedResults`. A text of another form is a message as a whole.
#[must_use]
pub fn ingest_error(cell: &str) -> crate::client::RowError {
    let text = cell.strip_suffix("--").unwrap_or(cell);
    let read = || {
        let (code, rest) = text.split_once(':')?;
        let (message, fields) = rest.rsplit_once(':')?;
        let is_code = !code.is_empty()
            && code
                .bytes()
                .all(|it| it.is_ascii_uppercase() || it.is_ascii_digit() || it == b'_');
        is_code.then(|| crate::client::RowError {
            code: code.to_owned(),
            message: message.trim().to_owned(),
            fields: fields.split_whitespace().map(str::to_owned).collect(),
        })
    };
    read().unwrap_or_else(|| crate::client::RowError {
        code: "UNKNOWN_EXCEPTION".to_owned(),
        message: cell.trim().to_owned(),
        fields: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_of_a_row_is_code_message_and_fields() {
        let error =
            ingest_error("REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --");
        assert_eq!(error.code, "REQUIRED_FIELD_MISSING");
        assert_eq!(error.message, "Required fields are missing: [Name]");
        assert_eq!(error.fields, ["Name"]);
        let none = ingest_error("INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--");
        assert_eq!(
            (none.message.as_str(), none.fields.len()),
            ("invalid cross reference id", 0)
        );
        let odd = ingest_error("something else");
        assert_eq!(
            (odd.code.as_str(), odd.message.as_str()),
            ("UNKNOWN_EXCEPTION", "something else")
        );
    }
}
