//! Bulk API 2.0: jobs that read and write rows as CSV; and [`v1`], its elder.
//!
//! Time is counted in status checks: a job does its work while it is asked how
//! it is, and only then. One with little to do is done at the first question;
//! one with much to do does a part between two of them.
//!
//! What a job was given and what it gives lies in files ([`Spool`]), never in
//! memory; a page of a result is sent from there as it is read.
//!
//! Invariant: rows are written through [`Bench::run`] alone; a page of a result
//! is the same each time it is fetched; a job shows nothing of itself to who
//! may not see it.
//!
//! [`Bench::run`]: super::records::Bench::run

mod chunks;
mod columns;
mod dialect;
mod ingest;
mod job;
mod query;
mod restrict;
mod results;
mod rows;
mod settings;
mod spool;
pub mod v1;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

pub use dialect::{Delimiter, Dialect, LineEnding};
pub use job::{Head, IngestJob, JobState, Jobs, KEPT, Operation, QueryJob, Used};
pub use settings::{Settings, Stop};
pub use spool::{RowWriter, Spool};

use super::{
    fault::Fault,
    http::{Reply, Request},
    rest::{Desk, error, not_found},
    state::Permission,
};
use crate::model::RecordId;

/// Data that no job takes: the job fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("InvalidBatch : {0}")]
pub struct InvalidBatch(String);

impl InvalidBatch {
    fn new(why: &str) -> Self {
        Self(why.to_owned())
    }
}

/// The Bulk API's side of an org.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Bulk {
    /// The jobs.
    pub jobs: Jobs,
    /// Jobs of the Bulk API 1.0.
    #[serde(default)]
    pub v1: v1::Jobs,
    /// What goes otherwise on request.
    #[serde(default)]
    pub settings: Settings,
    /// Where their rows lie; to be set before anything is asked.
    #[serde(skip)]
    pub spool: Spool,
}

impl Bulk {
    /// The object that a job is about.
    #[must_use]
    pub fn object_of(&self, id: &str) -> Option<&str> {
        let id: RecordId = id.parse().ok()?;
        self.head(id).map(|it| it.object.as_str())
    }

    fn head(&self, id: RecordId) -> Option<&Head> {
        let query = self.jobs.queries.get(&id).map(|it| &it.head);
        query.or_else(|| self.jobs.ingests.get(&id).map(|it| &it.head))
    }
}

/// Tells what is called by a path behind `/services/data/vNN.0/jobs`: the name
/// as `GET /simorg/calls` counts it, and the id of the job.
#[must_use]
pub fn call(method: &str, path: &[&str]) -> Option<(&'static str, Option<String>)> {
    let is_get = matches!(method, "GET" | "HEAD");
    let (name, id) = match path {
        ["query"] if method == "POST" => ("bulkQuery", None),
        ["query"] if is_get => ("bulkQueryList", None),
        ["query", id] if is_get => ("bulkQueryStatus", Some(id)),
        ["query", id] if method == "PATCH" => ("bulkQueryState", Some(id)),
        ["query", id] if method == "DELETE" => ("bulkQueryDelete", Some(id)),
        ["query", id, "results"] if is_get => ("bulkQueryResults", Some(id)),
        ["query", id, "resultPages"] if is_get => ("bulkQueryPages", Some(id)),
        ["ingest"] if method == "POST" => ("bulkIngest", None),
        ["ingest"] if is_get => ("bulkIngestList", None),
        ["ingest", id] if is_get => ("bulkIngestStatus", Some(id)),
        ["ingest", id] if method == "PATCH" => ("bulkIngestState", Some(id)),
        ["ingest", id] if method == "DELETE" => ("bulkIngestDelete", Some(id)),
        ["ingest", id, "batches"] if method == "PUT" => ("bulkIngestUpload", Some(id)),
        ["ingest", id, _] if is_get => ("bulkIngestResults", Some(id)),
        _ => return None,
    };
    Some((name, id.map(|it| (*it).to_owned())))
}

/// The object that a call which makes a job is about, as far as can be told.
#[must_use]
pub fn object_asked(name: &str, request: &Request) -> Option<String> {
    let asked = match name {
        "bulkQuery" | "bulkIngest" => ingest::read(request).ok()?.0,
        _ => return None,
    };
    match asked["query"].as_str() {
        Some(query) => Some(super::soql::parse(query).ok()?.from),
        None => asked["object"].as_str().map(str::to_owned),
    }
}

/// Answers a call that [`call`] told.
pub fn answer(desk: &mut Desk<'_>, name: &str, request: &Request, path: &[&str]) -> Reply {
    let now = desk.org.now();
    desk.bulk.jobs.expire(now, &desk.bulk.spool);
    let (id, last) = match path {
        [_, id, last] => (id.parse().ok(), *last),
        [_, id] => (id.parse().ok(), ""),
        _ => (None, ""),
    };
    match (name, id) {
        ("bulkQuery", _) => query::create(desk, request),
        ("bulkQueryList", _) => query::list(desk, request),
        ("bulkIngest", _) => ingest::create(desk, request),
        ("bulkIngestList", _) => ingest::list(desk, request),
        ("bulkQueryStatus", Some(id)) => query::status(desk, id),
        ("bulkQueryState", Some(id)) => query::change(desk, request, id),
        ("bulkQueryDelete", Some(id)) => query::delete(desk, id),
        ("bulkQueryResults", Some(id)) => results::page(desk, request, id),
        ("bulkQueryPages", Some(id)) => results::pages(desk, request, id),
        ("bulkIngestStatus", Some(id)) => ingest::status(desk, id),
        ("bulkIngestState", Some(id)) => ingest::change(desk, request, id),
        ("bulkIngestDelete", Some(id)) => ingest::delete(desk, id),
        ("bulkIngestUpload", Some(id)) => ingest::upload(desk, request, id),
        ("bulkIngestResults", Some(id)) => ingest::results(desk, id, last),
        _ => not_found(),
    }
}

/// Whether the user of the desk gets to see a job of `owner`.
///
/// Its owner does, and who manages the org's integrations.
fn may_see(desk: &Desk<'_>, owner: RecordId) -> bool {
    desk.user.id == owner || desk.user.may(Permission::ModifyAllData)
}

/// The body of a request, read.
fn body<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Reply> {
    serde_json::from_slice(bytes).map_err(|err| error(400, "JSON_PARSER_ERROR", &err.to_string()))
}

/// What a call says of a job in a state that does not allow it.
fn wrong_state(act: &str, state: JobState) -> Reply {
    let state = match state {
        JobState::JobComplete => "Completed",
        other => other.name(),
    };
    let message = format!("{act} already {state} Job not allowed");
    error(400, "INVALIDJOBSTATE", &message)
}

fn refusal(fault: &Fault) -> Reply {
    error(400, &fault.code, &fault.message)
}

/// What a call says where the disk of the org does not do its part.
fn broken(err: &dyn std::fmt::Display) -> Reply {
    error(
        500,
        "UNKNOWN_EXCEPTION",
        &format!("An unexpected error occurred. {err}"),
    )
}

/// One page of a listing of jobs, newest first.
fn listed<'a>(
    desk: &Desk<'_>,
    request: &Request,
    jobs: impl Iterator<Item = (&'a Head, Value)>,
    kind: &str,
) -> Reply {
    /// Jobs on one page.
    ///
    /// Source: Bulk API 2.0 Developer Guide, "Get Information About All Jobs".
    const PAGE: usize = 1_000;
    let mut jobs: Vec<(&Head, Value)> = jobs.filter(|it| may_see(desk, it.0.owner)).collect();
    jobs.sort_by_key(|it| std::cmp::Reverse((it.0.created, it.0.id)));
    let from = request
        .parameter("queryLocator")
        .and_then(|it| it.parse().ok())
        .unwrap_or(0);
    let more = from + PAGE < jobs.len();
    let next = more.then(|| {
        format!(
            "/services/data/v{}/jobs/{kind}?queryLocator={}",
            desk.version,
            from + PAGE
        )
    });
    let records: Vec<Value> = jobs
        .into_iter()
        .skip(from)
        .take(PAGE)
        .map(|it| it.1)
        .collect();
    Reply::json(
        200,
        &json!({"done": !more, "records": records, "nextRecordsUrl": next}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_by_method_and_path() {
        let name = |method, path: &[&str]| call(method, path).map(|it| it.0);
        assert_eq!(name("POST", &["query"]), Some("bulkQuery"));
        assert_eq!(name("GET", &["query", "750"]), Some("bulkQueryStatus"));
        assert_eq!(
            name("PUT", &["ingest", "750", "batches"]),
            Some("bulkIngestUpload")
        );
        assert_eq!(
            name("GET", &["ingest", "750", "unprocessedrecords"]),
            Some("bulkIngestResults")
        );
        assert_eq!(name("POST", &["query", "750"]), None);
        assert_eq!(name("GET", &["fish"]), None);
    }
}
