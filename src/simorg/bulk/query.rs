//! Query jobs: made, asked, ended.

use serde::Deserialize;

use super::{
    Delimiter, Dialect, Head, JobState, LineEnding, Operation, QueryJob, body,
    job::{Telling, Use},
    listed, may_see, refusal, restrict, rows, wrong_state,
};
use crate::{
    model::RecordId,
    simorg::{
        fault::Fault,
        http::{Reply, Request},
        rest::{Desk, error, not_found},
        soql,
    },
};

/// Rows of a result that a job finds between two status checks.
const ROWS_PER_CHECK: u64 = 250_000;

/// Rows of a page where none are asked for.
///
/// Own number: the platform's is not told, and is large; clients break on a
/// result of several pages.
const PAGE_ROWS: u64 = 250_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    operation: String,
    query: String,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    column_delimiter: Delimiter,
    #[serde(default)]
    line_ending: LineEnding,
}

/// Answers `POST …/jobs/query`.
pub(super) fn create(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let asked: Asked = match body(&request.body) {
        Ok(asked) => asked,
        Err(reply) => return reply,
    };
    let operation = match asked.operation.as_str() {
        "query" => Operation::Query,
        "queryAll" => Operation::QueryAll,
        other => {
            return error(
                400,
                "INVALIDJOB",
                &format!("InvalidJob : Invalid operation: {other}"),
            );
        }
    };
    if asked.content_type.as_deref().is_some_and(|it| it != "CSV") {
        return error(
            400,
            "INVALIDJOB",
            "InvalidJob : The only content type is CSV",
        );
    }
    let now = desk.org.now();
    let max = desk.org.config.limits.daily_query_jobs;
    if max <= desk.bulk.jobs.used(now).query_jobs {
        let message =
            format!("Max bulk v2 query jobs ({max}) per 24 hrs has been exceeded for the org.");
        return error(400, "LIMIT_EXCEEDED", &message);
    }
    let object = match accepted(desk, &asked.query, operation) {
        Ok(object) => object,
        Err(fault) => return refusal(&fault),
    };
    let is_doomed = desk.script.strike("bulkQuery", &object).is_some();
    let dialect = Dialect {
        delimiter: asked.column_delimiter,
        ending: asked.line_ending,
    };
    let state = JobState::UploadComplete;
    let head = Head::new(desk, operation, object, state, dialect, is_doomed);
    let job = QueryJob {
        head,
        query: asked.query,
        header: String::new(),
        rows: 0,
        chunk_rows: 1,
        page_rows: desk.bulk.settings.page_rows.unwrap_or(PAGE_ROWS),
        has_nul_bytes: desk.bulk.settings.nul_bytes,
    };
    let told = job.tell(Telling::Made);
    desk.bulk.jobs.used.push(Use::QueryJob(now));
    desk.bulk.jobs.queries.insert(job.head.id, job);
    Reply::json(200, &told)
}

/// The object of a query that a job can carry out for this user.
fn accepted(desk: &Desk<'_>, text: &str, operation: Operation) -> Result<String, Fault> {
    let told = |err: soql::SoqlError| Fault::new(err.code, err.message);
    let query = soql::parse(text).map_err(told)?;
    let bench = desk.bench();
    restrict::check(&query, bench.object(&query.from).as_deref())?;
    let found = bench.find(text, &query, operation == Operation::QueryAll);
    Ok(found.map_err(told)?.object.name.clone())
}

/// Answers `GET …/jobs/query`.
pub(super) fn list(desk: &Desk<'_>, request: &Request) -> Reply {
    let jobs = desk.bulk.jobs.queries.values();
    listed(
        desk,
        request,
        jobs.map(|it| (&it.head, it.tell(Telling::Full))),
        "query",
    )
}

/// Answers `GET …/jobs/query/<id>`: the job goes on by this question.
pub(super) fn status(desk: &mut Desk<'_>, id: RecordId) -> Reply {
    let Some(job) = desk
        .bulk
        .jobs
        .queries
        .get(&id)
        .filter(|it| may_see(desk, it.head.owner))
    else {
        return not_found();
    };
    let mut job = job.clone();
    if !job.head.state.is_over() {
        if desk
            .script
            .strike("bulkQueryStatus", &job.head.object)
            .is_some()
        {
            job.head.is_doomed = true;
        }
        go_on(desk, &mut job);
    }
    let told = job.tell(Telling::Full);
    desk.bulk.jobs.queries.insert(id, job);
    Reply::json(200, &told)
}

/// Does what there is to do between two questions.
fn go_on(desk: &mut Desk<'_>, job: &mut QueryJob) {
    job.head.modified = desk.org.now();
    if job.head.is_doomed {
        return fail(
            job,
            "InternalServerError : An unexpected error occurred while the query was processed",
        );
    }
    if job.head.state == JobState::UploadComplete {
        job.head.state = JobState::InProgress;
        if job.head.checks_left == 0 {
            match rows::query(desk, job) {
                Ok(bytes) => {
                    let max = desk.org.config.limits.daily_query_bytes;
                    let now = desk.org.now();
                    if max < desk.bulk.jobs.used(now).result_bytes + bytes {
                        return fail(
                            job,
                            &format!(
                                "Max bulk v2 query result size stored ({}) kb per 24 hrs has been exceeded for the org.",
                                max / 1_000
                            ),
                        );
                    }
                    desk.bulk.jobs.used.push(Use::Result(now, bytes));
                    job.head.checks_left =
                        u32::try_from(job.rows / ROWS_PER_CHECK).unwrap_or(u32::MAX);
                }
                Err(err) => return fail(job, &err),
            }
        } else {
            // It has not begun: the rows are those of the moment when it does.
            job.head.checks_left -= 1;
            job.head.state = JobState::UploadComplete;
            return;
        }
    }
    if job.head.checks_left > 0 {
        job.head.checks_left -= 1;
        job.head.processed += ROWS_PER_CHECK;
        return;
    }
    job.head.processed = job.rows;
    job.head.state = JobState::JobComplete;
}

fn fail(job: &mut QueryJob, why: &str) {
    job.head.state = JobState::Failed;
    job.head.error = Some(why.to_owned());
}

/// Answers `PATCH …/jobs/query/<id>`: the only change is to `Aborted`.
pub(super) fn change(desk: &mut Desk<'_>, request: &Request, id: RecordId) -> Reply {
    #[derive(Deserialize)]
    struct Change {
        state: String,
    }
    let change: Change = match body(&request.body) {
        Ok(change) => change,
        Err(reply) => return reply,
    };
    let (now, user) = (desk.org.now(), desk.user.clone());
    let is_seen =
        |owner| user.id == owner || user.may(crate::simorg::state::Permission::ModifyAllData);
    let Some(job) = desk
        .bulk
        .jobs
        .queries
        .get_mut(&id)
        .filter(|it| is_seen(it.head.owner))
    else {
        return not_found();
    };
    if change.state != "Aborted" {
        let message = "The only state that a query job can be given is Aborted";
        return error(400, "INVALIDJOBSTATE", message);
    }
    if job.head.state.is_over() {
        return wrong_state("Aborting", job.head.state);
    }
    job.head.state = JobState::Aborted;
    job.head.modified = now;
    Reply::json(200, &job.tell(Telling::Made))
}

/// Answers `DELETE …/jobs/query/<id>`.
pub(super) fn delete(desk: &mut Desk<'_>, id: RecordId) -> Reply {
    let Some(job) = desk
        .bulk
        .jobs
        .queries
        .get(&id)
        .filter(|it| may_see(desk, it.head.owner))
    else {
        return not_found();
    };
    if !job.head.state.is_over() {
        let message = format!("Deleting {} Job not allowed", job.head.state.name());
        return error(400, "INVALIDJOBSTATE", &message);
    }
    desk.bulk.jobs.queries.remove(&id);
    desk.bulk.spool.remove(id);
    Reply::empty(204)
}
