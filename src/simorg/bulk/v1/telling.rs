//! Jobs, batches and errors as they are told: in XML, or in JSON to who sends it.
//!
//! Invariant: a job is told in the form of its rows, that of CSV in XML; the
//! order of the elements is that of the guide.

use std::{collections::BTreeMap, fmt::Write as _, io::Read as _};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Batch, BatchState, Job, State};
use crate::{
    model::{RecordId, Timestamp},
    simorg::{
        http::{Reply, Request},
        rest::Desk,
    },
    xml::{self, escape},
};

/// Namespace of all elements.
const NS: &str = "http://www.force.com/2009/06/asyncapi/dataload";

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Content {
    /// RFC 4180.
    Csv,
    /// An array of objects.
    Json,
    /// `sObjects`.
    Xml,
}

impl Content {
    /// The content that jobs call `name`.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "CSV" => Some(Self::Csv),
            "JSON" => Some(Self::Json),
            "XML" => Some(Self::Xml),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Json => "JSON",
            Self::Xml => "XML",
        }
    }

    fn mime(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Json => "application/json;charset=UTF-8",
            Self::Xml => "application/xml",
        }
    }
}

/// How a call that is about no job is answered: as it was sent.
pub(super) fn content_of(request: &Request) -> Content {
    let kind = request.header("content-type").unwrap_or_default();
    match kind.to_ascii_lowercase().contains("json") {
        true => Content::Json,
        false => Content::Xml,
    }
}

/// The names and texts of a `jobInfo` that was sent.
pub(super) fn read(request: &Request) -> Option<BTreeMap<String, String>> {
    if content_of(request) == Content::Json {
        let map: Map<String, Value> = serde_json::from_slice(&request.body).ok()?;
        let text = |it: Value| match it {
            Value::String(text) => text,
            other => other.to_string(),
        };
        return Some(map.into_iter().map(|(name, it)| (name, text(it))).collect());
    }
    let root = xml::parse(&request.body).ok()?.root;
    let parts = root.elements();
    let pair = |it: &xml::Element| (it.local_name().to_owned(), it.text().trim().to_owned());
    Some(parts.map(pair).collect())
}

/// An error as this API tells it.
pub(super) fn error(content: Content, code: &str, message: &str) -> Reply {
    if content == Content::Json {
        let body = json!({"exceptionCode": code, "exceptionMessage": message});
        return Reply::json(400, &body);
    }
    let text = format!(
        "<exceptionCode>{code}</exceptionCode><exceptionMessage>{}</exceptionMessage>",
        escape(message)
    );
    document(400, "error", &text)
}

fn document(status: u16, name: &str, content: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><{name} xmlns=\"{NS}\">{content}</{name}>"
    );
    Reply::new(status, Content::Xml.mime(), body.into_bytes())
}

fn elements(pairs: &[(&str, Value)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        let text = match value {
            Value::String(text) => escape(text).into_owned(),
            other => other.to_string(),
        };
        let _ = write!(out, "<{name}>{text}</{name}>");
    }
    out
}

fn object(pairs: &[(&str, Value)]) -> Value {
    let pairs = pairs
        .iter()
        .map(|(name, it)| ((*name).to_owned(), it.clone()));
    Value::Object(pairs.collect())
}

/// `2026-11-28T11:00:00.000Z`, and in JSON with `+0000`.
fn time(content: Content, at: Timestamp) -> Value {
    Value::from(match content {
        Content::Json => at.to_rest(),
        Content::Csv | Content::Xml => at.to_soap(),
    })
}

/// Time that rows took: made of their number, so that two runs tell the same.
fn millis(rows: usize) -> usize {
    rows / 20 + 40
}

/// How the calls about one job are answered.
pub(super) struct Answer {
    /// How answers are written.
    content: Content,
    /// How rows are.
    rows: Content,
}

impl Answer {
    /// The answers about `job`.
    pub(super) fn of(job: &Job) -> Self {
        let content = match job.content {
            Content::Json => Content::Json,
            Content::Csv | Content::Xml => Content::Xml,
        };
        Self {
            content,
            rows: job.content,
        }
    }

    /// The answer to the call that makes `job`: in the form of the call.
    pub(super) fn made(content: Content, job: &Job) -> Reply {
        let answer = Self {
            content,
            rows: job.content,
        };
        answer.job(201, job)
    }

    pub(super) fn refuse(&self, code: &str, message: &str) -> Reply {
        error(self.content, code, message)
    }

    fn tell(&self, status: u16, name: &str, pairs: &[(&str, Value)]) -> Reply {
        match self.content {
            Content::Json => Reply::json(status, &object(pairs)),
            Content::Csv | Content::Xml => document(status, name, &elements(pairs)),
        }
    }

    /// A job.
    pub(super) fn job(&self, status: u16, job: &Job) -> Reply {
        let count = |state| {
            let batches = job.batches.iter().filter(|it| it.state == state);
            json!(batches.count())
        };
        let sum = |of: fn(&Batch) -> usize| job.batches.iter().map(of).sum::<usize>();
        let processed = sum(|it| it.processed);
        let state = match job.state {
            State::Open => "Open",
            State::Closed => "Closed",
            State::Aborted => "Aborted",
        };
        let version = match self.content {
            Content::Json => json!(f64::from(job.version.major())),
            Content::Csv | Content::Xml => json!(job.version.to_string()),
        };
        let mut pairs = vec![
            ("id", json!(job.id)),
            ("operation", json!(job.operation.name())),
            ("object", json!(job.object)),
            ("createdById", json!(job.owner)),
            ("createdDate", time(self.content, job.created)),
            ("systemModstamp", time(self.content, job.modified)),
            ("state", json!(state)),
        ];
        if let Some(field) = &job.external_id {
            pairs.push(("externalIdFieldName", json!(field)));
        }
        let mode = if job.is_serial { "Serial" } else { "Parallel" };
        pairs.extend([
            ("concurrencyMode", json!(mode)),
            ("contentType", json!(job.content.name())),
            ("numberBatchesQueued", count(BatchState::Queued)),
            ("numberBatchesInProgress", json!(0)),
            ("numberBatchesCompleted", count(BatchState::Completed)),
            ("numberBatchesFailed", count(BatchState::Failed)),
            ("numberBatchesTotal", json!(job.batches.len())),
            ("numberRecordsProcessed", json!(processed)),
            ("numberRetries", json!(0)),
            ("apiVersion", version),
            ("numberRecordsFailed", json!(sum(|it| it.failed))),
            ("totalProcessingTime", json!(millis(processed))),
            ("apiActiveProcessingTime", json!(millis(processed) * 2 / 3)),
            ("apexProcessingTime", json!(0)),
        ]);
        self.tell(status, "jobInfo", &pairs)
    }

    fn of_batch(&self, job: &Job, batch: &Batch) -> Vec<(&'static str, Value)> {
        let state = match batch.state {
            BatchState::Queued => "Queued",
            BatchState::Completed => "Completed",
            BatchState::Failed => "Failed",
            BatchState::NotProcessed => "NotProcessed",
        };
        let mut pairs = vec![
            ("id", json!(batch.id)),
            ("jobId", json!(job.id)),
            ("state", json!(state)),
        ];
        if let Some(message) = &batch.message {
            pairs.push(("stateMessage", json!(message)));
        }
        let time = |at| time(self.content, at);
        pairs.extend([
            ("createdDate", time(batch.created)),
            ("systemModstamp", time(batch.modified)),
            ("numberRecordsProcessed", json!(batch.processed)),
            ("numberRecordsFailed", json!(batch.failed)),
            ("totalProcessingTime", json!(millis(batch.processed))),
            (
                "apiActiveProcessingTime",
                json!(millis(batch.processed) * 2 / 3),
            ),
            ("apexProcessingTime", json!(0)),
        ]);
        pairs
    }

    /// A batch.
    pub(super) fn batch(&self, status: u16, job: &Job, batch: &Batch) -> Reply {
        self.tell(status, "batchInfo", &self.of_batch(job, batch))
    }

    /// All batches of a job.
    pub(super) fn batches(&self, job: &Job) -> Reply {
        let all = job.batches.iter().map(|it| self.of_batch(job, it));
        match self.content {
            Content::Json => {
                let all: Vec<Value> = all.map(|it| object(&it)).collect();
                Reply::json(200, &json!({"batchInfo": all}))
            }
            Content::Csv | Content::Xml => {
                let all = all.map(|it| format!("<batchInfo>{}</batchInfo>", elements(&it)));
                document(200, "batchInfoList", &all.collect::<String>())
            }
        }
    }

    /// The ids of the results of a query.
    pub(super) fn results(&self, batch: &Batch) -> Reply {
        match self.content {
            Content::Json => Reply::json(200, &json!([batch.result])),
            Content::Csv | Content::Xml => {
                let id = batch.result.map(|it| format!("<result>{it}</result>"));
                document(200, "result-list", &id.unwrap_or_default())
            }
        }
    }

    /// What lies in a file of a batch.
    pub(super) fn file(&self, desk: &Desk<'_>, id: RecordId, what: &str) -> Reply {
        let mut bytes = Vec::new();
        let read = desk.bulk.spool.open(id, what);
        match read.and_then(|mut it| it.read_to_end(&mut bytes)) {
            Ok(_) => Reply::new(200, self.rows.mime(), bytes),
            Err(err) => self.refuse("InternalServerError", &err.to_string()),
        }
    }
}

/// Begins a document of rows in XML.
pub(super) fn rows_document(name: &str, content: &str) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><{name} xmlns=\"{NS}\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">{content}</{name}>"
    )
    .into_bytes()
}
