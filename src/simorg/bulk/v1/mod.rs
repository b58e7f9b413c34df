//! Bulk API 1.0, `/services/async/<version>`: jobs of batches, as older
//! loaders and the libraries in other languages still use it.
//!
//! A batch is done when anybody asks about its job. What it was given and
//! what it gave lies in files, as in 2.0.
//!
//! Source: Bulk API Developer Guide, "Bulk API" (1.0), "Work with Jobs", "Work
//! with Batches"; how clients read the answers.
//!
//! Invariant: rows are written through [`Bench::run`] alone, and a job shows
//! nothing of itself to who may not see it.
//!
//! [`Bench::run`]: crate::simorg::records::Bench::run

mod batch;
mod body;
mod job;
mod telling;

pub use job::Jobs;
use job::{Batch, BatchState, Job, State};
use telling::{Answer, Content, error};

use super::{Operation, may_see};
use crate::{
    model::RecordId,
    simorg::{
        http::{Reply, Request},
        rest::Desk,
    },
};

/// Bytes of one batch.
///
/// Source: Bulk API Limits and Allocations: 10 MB.
const MAX_BYTES: usize = 10_000_000;

/// Tells what is called by a path behind `/services/async/NN.0`: the name as
/// `GET /simorg/calls` counts it, and the id of the job.
#[must_use]
pub fn call(method: &str, path: &[&str]) -> Option<(&'static str, Option<String>)> {
    let is_get = matches!(method, "GET" | "HEAD");
    let is_post = method == "POST";
    let (name, id) = match path {
        ["job"] if is_post => ("asyncCreateJob", None),
        ["job", id] if is_get => ("asyncJobStatus", Some(id)),
        ["job", id] if is_post => ("asyncJobState", Some(id)),
        ["job", id, "batch"] if is_post => ("asyncAddBatch", Some(id)),
        ["job", id, "batch"] if is_get => ("asyncBatchList", Some(id)),
        ["job", id, "batch", _] if is_get => ("asyncBatchStatus", Some(id)),
        ["job", id, "batch", _, "request"] if is_get => ("asyncBatchRequest", Some(id)),
        ["job", id, "batch", _, "result"] if is_get => ("asyncBatchResult", Some(id)),
        ["job", id, "batch", _, "result", _] if is_get => ("asyncQueryResult", Some(id)),
        _ => return None,
    };
    Some((name, id.map(|it| (*it).to_owned())))
}

/// The error of a call without a valid session.
#[must_use]
pub fn no_session(request: &Request) -> Reply {
    let content = telling::content_of(request);
    error(content, "InvalidSessionId", "Invalid session id")
}

/// The error of a call that is not carried out because the calls of the day are
/// used up, or because its user may not use the API.
#[must_use]
pub fn refused(request: &Request, is_spent: bool) -> Reply {
    let content = telling::content_of(request);
    match is_spent {
        true => error(content, "ExceededQuota", "TotalRequests Limit exceeded."),
        false => error(
            content,
            "FeatureNotEnabled",
            "Async API not enabled for this user or organization",
        ),
    }
}

/// Answers a call that [`call`] told.
pub fn answer(desk: &mut Desk<'_>, name: &str, request: &Request, path: &[&str]) -> Reply {
    let now = desk.org.now();
    desk.bulk.v1.expire(now, &desk.bulk.spool);
    if name == "asyncCreateJob" {
        return create(desk, request);
    }
    let content = telling::content_of(request);
    let id = path.get(1).and_then(|it| it.parse::<RecordId>().ok());
    let job = id.and_then(|id| desk.bulk.v1.0.remove(&id));
    let Some(mut job) = job else {
        return error(content, "InvalidJob", "Unable to find object");
    };
    // It is put back whatever becomes of the call.
    let reply = match may_see(desk, job.owner) {
        true => answer_of(desk, name, request, path, &mut job),
        false => error(content, "InvalidJob", "Unable to find object"),
    };
    desk.bulk.v1.0.insert(job.id, job);
    reply
}

fn answer_of(
    desk: &mut Desk<'_>,
    name: &str,
    request: &Request,
    path: &[&str],
    job: &mut Job,
) -> Reply {
    let answer = Answer::of(job);
    match name {
        "asyncAddBatch" => return add(desk, request, job, &answer),
        "asyncJobState" => return change(desk, request, job, &answer),
        _ => (),
    }
    for at in 0..job.batches.len() {
        if job.batches[at].state == BatchState::Queued {
            batch::carry_out(desk, job, at);
        }
    }
    let wanted = path.get(3).and_then(|it| it.parse::<RecordId>().ok());
    let found = job.batches.iter().find(|it| Some(it.id) == wanted);
    match (name, found) {
        ("asyncJobStatus", _) => answer.job(200, job),
        ("asyncBatchList", _) => answer.batches(job),
        (_, None) => answer.refuse("InvalidBatch", "Unable to find batch for this job"),
        ("asyncBatchStatus", Some(batch)) => answer.batch(200, job, batch),
        ("asyncBatchRequest", Some(batch)) => answer.file(desk, batch.id, batch::REQUEST),
        ("asyncBatchResult", Some(batch)) => match batch.state {
            BatchState::Completed if job.is_query() => answer.results(batch),
            BatchState::Completed => answer.file(desk, batch.id, batch::RESULT),
            _ => answer.refuse("InvalidBatch", "Batch not completed"),
        },
        (_, Some(batch)) => answer.file(desk, batch.id, batch::RESULT),
    }
}

fn create(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let content = telling::content_of(request);
    let refuse = |code: &str, why: &str| error(content, code, why);
    let Some(asked) = telling::read(request) else {
        return refuse("InvalidJob", "Unable to parse Job");
    };
    let text = |name: &str| asked.get(name).map(String::as_str);
    let operation = match text("operation") {
        Some("insert") => Operation::Insert,
        Some("update") => Operation::Update,
        Some("upsert") => Operation::Upsert,
        Some("delete") => Operation::Delete,
        Some("hardDelete") => Operation::HardDelete,
        Some("query") => Operation::Query,
        Some("queryAll") => Operation::QueryAll,
        _ => return refuse("InvalidJob", "Operation not set or not known"),
    };
    let Some(object) = desk.bench().object(text("object").unwrap_or_default()) else {
        return refuse("InvalidEntity", "Entity is not supported by the Bulk API.");
    };
    let external_id = text("externalIdFieldName").map(str::to_owned);
    if operation == Operation::Upsert && external_id.is_none() {
        return refuse("InvalidJob", "External ID was blank for upsert operation");
    }
    let Some(rows) = Content::named(text("contentType").unwrap_or("XML")) else {
        return refuse("InvalidJob", "ContentType is not supported");
    };
    let now = desk.org.now();
    let job = Job {
        id: desk.org.next_id("750"),
        operation,
        object: object.name.clone(),
        owner: desk.user.id,
        created: now,
        modified: now,
        state: State::Open,
        external_id,
        content: rows,
        is_serial: matches!(text("concurrencyMode"), Some("Serial" | "1")),
        version: desk.version,
        batches: Vec::new(),
    };
    let reply = Answer::made(content, &job);
    desk.bulk.v1.0.insert(job.id, job);
    reply
}

fn add(desk: &mut Desk<'_>, request: &Request, job: &mut Job, answer: &Answer) -> Reply {
    if job.state != State::Open {
        return answer.refuse(
            "InvalidJobState",
            "Unable to add batch to a job that is not open",
        );
    }
    if MAX_BYTES < request.body.len() {
        return answer.refuse("ClientInputError", "Request content size limit exceeded");
    }
    let now = desk.org.now();
    let id = desk.org.next_id("751");
    if let Err(err) = desk.bulk.spool.put(id, batch::REQUEST, &request.body) {
        return answer.refuse("InternalServerError", &err.to_string());
    }
    job.batches.push(Batch::new(id, now));
    match job.batches.last() {
        Some(batch) => answer.batch(201, job, batch),
        None => answer.refuse("InternalServerError", "no batch"),
    }
}

fn change(desk: &Desk<'_>, request: &Request, job: &mut Job, answer: &Answer) -> Reply {
    let asked = telling::read(request).unwrap_or_default();
    let state = match asked.get("state").map(String::as_str) {
        Some("Closed") => State::Closed,
        Some("Aborted") => State::Aborted,
        _ => return answer.refuse("InvalidJobState", "A job can be closed or aborted"),
    };
    if job.state != State::Open && job.state != state {
        return answer.refuse("InvalidJobState", "The job is not open any more");
    }
    if state == State::Aborted {
        for batch in &mut job.batches {
            if batch.state == BatchState::Queued {
                batch.state = BatchState::NotProcessed;
            }
        }
    }
    job.state = state;
    job.modified = desk.org.now();
    answer.job(200, job)
}
