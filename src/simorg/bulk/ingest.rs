//! Ingest jobs: made, fed, asked, ended.

use std::fs::File;

use serde::Deserialize;
use serde_json::Value;

use super::{
    Delimiter, Dialect, Head, IngestJob, InvalidBatch, JobState, LineEnding, Operation, body,
    broken,
    columns::Columns,
    dialect,
    job::{Telling, Use},
    listed, may_see,
    rows::{self, BATCH, DATA, DONE, FAILED},
    wrong_state,
};
use crate::{
    model::RecordId,
    simorg::{
        http::{Reply, Request, Tail, parts},
        rest::{Desk, error, not_found},
        soql::Object,
        state::Permission,
    },
};

/// Rows that a job does between two status checks: ten batches at once.
const ROWS_PER_CHECK: u64 = 10 * BATCH;

/// Most characters of data that come together with the job.
///
/// Source: Bulk API 2.0 Developer Guide, "Create a Job": 100,000 characters.
const MAX_INLINE: usize = 100_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Asked {
    object: String,
    operation: String,
    #[serde(default)]
    external_id_field_name: Option<String>,
    #[serde(default)]
    assignment_rule_id: Option<String>,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    column_delimiter: Delimiter,
    #[serde(default)]
    line_ending: LineEnding,
}

/// The job that a request asks for, and its data where that comes with it.
pub(super) fn read(request: &Request) -> Result<(Value, Option<Vec<u8>>), Reply> {
    let content_type = request.header("content-type").unwrap_or("");
    if !content_type.to_ascii_lowercase().starts_with("multipart/") {
        return Ok((body(&request.body)?, None));
    }
    let malformed = |why: &str| error(400, "INVALID_MULTIPART_REQUEST", why);
    let Some(parts) = parts(content_type, &request.body) else {
        return Err(malformed("Multipart message is malformed"));
    };
    let part = |name: &str| parts.iter().find(|it| it.name == name);
    let (Some(job), Some(content)) = (part("job"), part("content")) else {
        return Err(malformed(
            "The request needs a part `job` and a part `content`",
        ));
    };
    if MAX_INLINE < content.body.len() {
        return Err(malformed(
            "The data of a multipart request is limited to 100000 characters",
        ));
    }
    Ok((body(job.body)?, Some(content.body.to_vec())))
}

/// Answers `POST …/jobs/ingest`.
pub(super) fn create(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let (asked, data) = match read(request) {
        Ok(read) => read,
        Err(reply) => return reply,
    };
    let asked: Asked = match serde_json::from_value(asked) {
        Ok(asked) => asked,
        Err(err) => return error(400, "JSON_PARSER_ERROR", &err.to_string()),
    };
    let (operation, object) = match accepted(desk, &asked) {
        Ok(accepted) => accepted,
        Err(reply) => return reply,
    };
    let is_doomed = desk.script.strike("bulkIngest", &object).is_some();
    let dialect = Dialect {
        delimiter: asked.column_delimiter,
        ending: asked.line_ending,
    };
    let mut job = IngestJob {
        head: Head::new(desk, operation, object, JobState::Open, dialect, is_doomed),
        external_id: asked
            .external_id_field_name
            .filter(|_| operation == Operation::Upsert),
        assignment_rule: asked.assignment_rule_id,
        is_uploaded: false,
        header: None,
        rows: 0,
        succeeded: 0,
    };
    if let Some(data) = data {
        if let Err(err) = desk.bulk.spool.put(job.head.id, DATA, &data) {
            return broken(&err);
        }
        job.is_uploaded = true;
        job.head.state = JobState::UploadComplete;
    }
    let told = job.tell(Telling::Made);
    desk.bulk.jobs.ingests.insert(job.head.id, job);
    Reply::json(200, &told)
}

/// What the job does and with which object, where this user may have it done.
fn accepted(desk: &Desk<'_>, asked: &Asked) -> Result<(Operation, String), Reply> {
    let invalid = |why: String| error(400, "INVALIDJOB", &format!("InvalidJob : {why}"));
    let operation = match asked.operation.as_str() {
        "insert" => Operation::Insert,
        "update" => Operation::Update,
        "upsert" => Operation::Upsert,
        "delete" => Operation::Delete,
        "hardDelete" => Operation::HardDelete,
        other => return Err(invalid(format!("Invalid operation: {other}"))),
    };
    if asked.content_type.as_deref().is_some_and(|it| it != "CSV") {
        return Err(invalid("The only content type is CSV".to_owned()));
    }
    let object = desk.bench().object(&asked.object);
    let object =
        object.ok_or_else(|| invalid(format!("Unable to find object: {}", asked.object)))?;
    let name = object.name.clone();
    if operation == Operation::HardDelete && !desk.user.may(Permission::BulkApiHardDelete) {
        let message = "hardDelete operation requires special user profile permission, please contact your system \
                       administrator";
        return Err(error(
            400,
            "FEATURENOTENABLED",
            &format!("FeatureNotEnabled : {message}"),
        ));
    }
    if operation == Operation::Upsert {
        let Some(key) = asked
            .external_id_field_name
            .as_deref()
            .filter(|it| !it.is_empty())
        else {
            return Err(invalid(format!(
                "External ID was blank for {name}. An External ID must be specified for upsert."
            )));
        };
        let field = object.field(key).map(|it| it.1);
        if !field.is_some_and(|it| it.external_id || it.id_lookup || it.name == "Id") {
            return Err(invalid(format!(
                "Field name provided, {key} does not match an External ID, Salesforce Id, or indexed field for {name}"
            )));
        }
    }
    Ok((operation, name))
}

/// Answers `GET …/jobs/ingest`.
pub(super) fn list(desk: &Desk<'_>, request: &Request) -> Reply {
    let jobs = desk.bulk.jobs.ingests.values();
    listed(
        desk,
        request,
        jobs.map(|it| (&it.head, it.tell(Telling::Full))),
        "ingest",
    )
}

/// The job, where the user of the desk gets to see it.
fn seen(desk: &Desk<'_>, id: RecordId) -> Result<IngestJob, Reply> {
    let job = desk.bulk.jobs.ingests.get(&id);
    job.filter(|it| may_see(desk, it.head.owner))
        .cloned()
        .ok_or_else(not_found)
}

/// Answers `PUT …/jobs/ingest/<id>/batches`: the data, in one piece and once.
pub(super) fn upload(desk: &mut Desk<'_>, request: &Request, id: RecordId) -> Reply {
    let mut job = match seen(desk, id) {
        Ok(job) => job,
        Err(reply) => return reply,
    };
    let content_type = request.header("content-type").unwrap_or("");
    if !content_type
        .trim_start()
        .to_ascii_lowercase()
        .starts_with("text/csv")
    {
        let message = "The data of a job is text/csv";
        return error(415, "UNSUPPORTED_MEDIA_TYPE", message);
    }
    if job.head.state != JobState::Open {
        return wrong_state("Uploading to", job.head.state);
    }
    if job.is_uploaded {
        let message = format!(
            "Found multiple contents for job: <{id}>, please 'Close' / 'Abort' / 'Delete' the current Job then create a \
             new Job and make sure you only do 'PUT' once on a given Job."
        );
        return error(400, "INVALIDJOBSTATE", &message);
    }
    let max = desk.org.config.limits.ingest_bytes;
    if max < u64::try_from(request.body.len()).unwrap_or(u64::MAX) {
        let message = format!("InvalidBatch : The data exceeds the maximum of {max} bytes");
        return error(413, "EXCEEDED_MAX_SIZE_REQUEST", &message);
    }
    if let Err(err) = desk.bulk.spool.put(id, DATA, &request.body) {
        return broken(&err);
    }
    job.is_uploaded = true;
    desk.bulk.jobs.ingests.insert(id, job);
    Reply::empty(201)
}

/// Answers `PATCH …/jobs/ingest/<id>`: to `UploadComplete` or `Aborted`.
pub(super) fn change(desk: &mut Desk<'_>, request: &Request, id: RecordId) -> Reply {
    #[derive(Deserialize)]
    struct Change {
        state: String,
    }
    let change: Change = match body(&request.body) {
        Ok(change) => change,
        Err(reply) => return reply,
    };
    let mut job = match seen(desk, id) {
        Ok(job) => job,
        Err(reply) => return reply,
    };
    job.head.state = match (change.state.as_str(), job.head.state) {
        ("UploadComplete", JobState::Open) => JobState::UploadComplete,
        ("UploadComplete", state) => return wrong_state("Closing", state),
        ("Aborted", state) if !state.is_over() => JobState::Aborted,
        ("Aborted", state) => return wrong_state("Aborting", state),
        (other, _) => {
            let message = format!("A job cannot be given the state {other}");
            return error(400, "INVALIDJOBSTATE", &message);
        }
    };
    job.head.modified = desk.org.now();
    let told = job.tell(Telling::Changed);
    desk.bulk.jobs.ingests.insert(id, job);
    Reply::json(200, &told)
}

/// Answers `DELETE …/jobs/ingest/<id>`.
pub(super) fn delete(desk: &mut Desk<'_>, id: RecordId) -> Reply {
    let job = match seen(desk, id) {
        Ok(job) => job,
        Err(reply) => return reply,
    };
    // Source: Bulk API 2.0 Developer Guide, "Delete a Job".
    if !job.head.state.is_over() && job.head.state != JobState::UploadComplete {
        let message = format!("Deleting {} Job not allowed", job.head.state.name());
        return error(400, "INVALIDJOBSTATE", &message);
    }
    desk.bulk.jobs.ingests.remove(&id);
    desk.bulk.spool.remove(id);
    Reply::empty(204)
}

/// Answers `GET …/jobs/ingest/<id>`: the job goes on by this question.
pub(super) fn status(desk: &mut Desk<'_>, id: RecordId) -> Reply {
    let mut job = match seen(desk, id) {
        Ok(job) => job,
        Err(reply) => return reply,
    };
    if matches!(
        job.head.state,
        JobState::UploadComplete | JobState::InProgress
    ) {
        if desk
            .script
            .strike("bulkIngestStatus", &job.head.object)
            .is_some()
        {
            job.head.is_doomed = true;
        }
        job.head.modified = desk.org.now();
        if let Err(err) = go_on(desk, &mut job) {
            job.head.state = JobState::Failed;
            job.head.error = Some(err.to_string());
        }
    }
    let told = job.tell(Telling::Full);
    desk.bulk.jobs.ingests.insert(id, job);
    Reply::json(200, &told)
}

/// Does what there is to do between two questions.
fn go_on(desk: &mut Desk<'_>, job: &mut IngestJob) -> Result<(), InvalidBatch> {
    if job.head.checks_left > 0 {
        job.head.checks_left -= 1;
        return Ok(());
    }
    if job.head.is_doomed {
        return Err(InvalidBatch::new(
            "An unexpected error occurred while the job was processed",
        ));
    }
    let object = desk.bench().object(&job.head.object);
    let object = object.ok_or_else(|| InvalidBatch::new("The object is not there any more"))?;
    if job.head.state == JobState::UploadComplete {
        begin(desk, job)?;
    }
    let columns = columns(desk, job, &object)?;
    job.head.state = JobState::InProgress;
    let stop = desk.bulk.settings.stop;
    let share = desk.bulk.settings.rows_per_check.unwrap_or(ROWS_PER_CHECK);
    let mut end = job.rows.min(job.head.processed + share);
    if let Some(stop) = stop {
        end = end.min(stop.after.max(job.head.processed));
    }
    while job.head.processed < end {
        let range = job.head.processed..end.min(job.head.processed + BATCH);
        rows::ingest(desk, job, &columns, &object, &range)?;
    }
    if let Some(stop) =
        stop.filter(|it| it.after <= job.head.processed && job.head.processed < job.rows)
    {
        desk.bulk.settings.stop = None;
        job.head.state = stop.state;
        if stop.state == JobState::Failed {
            job.head.error =
                Some("TooManyLockFailure : Too many lock failure. Try again later.".to_owned());
        }
        return Ok(());
    }
    if job.head.processed == job.rows {
        job.head.state = JobState::JobComplete;
    }
    Ok(())
}

/// Looks through what was uploaded.
fn begin(desk: &mut Desk<'_>, job: &mut IngestJob) -> Result<(), InvalidBatch> {
    if !job.is_uploaded {
        return Err(InvalidBatch::new("No data was uploaded"));
    }
    let data = desk.bulk.spool.open(job.head.id, DATA);
    let data = data.map_err(|err| InvalidBatch::new(&err.to_string()))?;
    let shape = dialect::check(data, job.head.dialect)?;
    job.header = Some(shape.header);
    job.rows = shape.rows;
    let now = desk.org.now();
    let batches = shape.rows.div_ceil(BATCH).max(1);
    let max = desk.org.config.limits.daily_batches;
    if max < desk.bulk.jobs.used(now).batches + batches {
        return Err(InvalidBatch::new(&format!(
            "ExceededQuota : ApiBatchItems Limit exceeded: {max} batches per 24 hrs"
        )));
    }
    desk.bulk.jobs.used.push(Use::Batches(now, batches));
    Ok(())
}

/// What the columns of the data are about.
fn columns(desk: &Desk<'_>, job: &IngestJob, object: &Object) -> Result<Columns, InvalidBatch> {
    let header = job.header.as_deref().unwrap_or("");
    let cells = job.head.dialect.header(header)?;
    let bench = desk.bench();
    let columns = Columns::read(&cells, object, |name| {
        bench.object(name).or_else(|| bench.setup.object(name))
    })?;
    let deletes = matches!(
        job.head.operation,
        Operation::Delete | Operation::HardDelete
    );
    if deletes && !columns.is_id_alone() {
        return Err(InvalidBatch::new("The only column of a delete is Id"));
    }
    Ok(columns)
}

/// Answers `GET …/jobs/ingest/<id>/successfulResults`, `…/failedResults`,
/// `…/unprocessedrecords`, in any case.
pub(super) fn results(desk: &Desk<'_>, id: RecordId, which: &str) -> Reply {
    let job = match seen(desk, id) {
        Ok(job) => job,
        Err(reply) => return reply,
    };
    let (second, file, rows) = match which.to_ascii_lowercase().as_str() {
        "successfulresults" => (Some("sf__Created"), DONE, job.succeeded),
        "failedresults" => (Some("sf__Error"), FAILED, job.head.failed),
        "unprocessedrecords" => (None, DATA, job.rows - job.head.processed),
        _ => return not_found(),
    };
    if !job.head.state.is_over() {
        let message = format!(
            "The results are not there: the job is {}",
            job.head.state.name()
        );
        return error(400, "INVALIDJOBSTATE", &message);
    }
    let Some(second) = second else {
        return unprocessed(desk, &job).unwrap_or_else(|err| broken(&err));
    };
    let (delimiter, ending) = (job.head.dialect.delimiter, job.head.dialect.ending.text());
    let delimiter = char::from(delimiter.byte());
    let header = job.header.as_deref().unwrap_or("");
    // The columns of the platform come in quotes, the others as they were sent.
    let first = format!("\"sf__Id\"{delimiter}\"{second}\"{delimiter}{header}{ending}");
    let reply = Reply::new(200, "text/csv", first.into_bytes());
    if rows == 0 {
        return reply;
    }
    let tail = |file: File, to: u64| Tail::new(file, std::iter::once(0..to).collect());
    let stretch = desk.bulk.spool.stretch(id, file, &(0..rows));
    match stretch.and_then(|it| Ok(tail(desk.bulk.spool.open(id, file)?, it.end))) {
        Ok(tail) => reply.followed_by(tail),
        Err(err) => broken(&err),
    }
}

/// The rows that were not done, under the header as it was sent.
fn unprocessed(desk: &Desk<'_>, job: &IngestJob) -> std::io::Result<Reply> {
    let spool = &desk.bulk.spool;
    if !job.is_uploaded {
        return Ok(Reply::new(200, "text/csv", Vec::new()));
    }
    let data = spool.open(job.head.id, DATA)?;
    let Some(header) = job.header.as_deref() else {
        // It was not even looked at.
        let length = data.metadata()?.len();
        let whole = Tail::new(data, std::iter::once(0..length).collect());
        return Ok(Reply::new(200, "text/csv", Vec::new()).followed_by(whole));
    };
    let mut text = format!("{header}{}", job.head.dialect.ending.text()).into_bytes();
    let skip = usize::try_from(job.head.processed).unwrap_or(usize::MAX);
    for cells in job
        .head
        .dialect
        .rows(std::io::BufReader::new(data))
        .skip(skip)
    {
        let cells = cells.map_err(std::io::Error::other)?;
        job.head
            .dialect
            .write_row(&mut text, cells.iter().map(String::as_str))?;
    }
    Ok(Reply::new(200, "text/csv", text))
}
