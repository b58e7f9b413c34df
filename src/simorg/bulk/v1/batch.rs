//! What a batch does, and the file of what came of it.

use std::{fmt::Write as _, io::Read as _};

use serde_json::{Value, json};

use super::{
    super::{Dialect, InvalidBatch, Operation, restrict, rows},
    BatchState, Content, Job, body,
    body::Record,
    telling::rows_document,
};
use crate::{
    simorg::{
        records::{Found, Item, Options, RowError, Saved},
        rest::Desk,
        soql::{self, Kind},
    },
    xml::escape,
};

/// The file with what a batch was given.
pub(super) const REQUEST: &str = "request";
/// The file with what came of it.
pub(super) const RESULT: &str = "result";

/// Rows of one batch.
///
/// Source: Bulk API Limits and Allocations.
const MAX_ROWS: usize = 10_000;

/// Does what the batch at `at` of a job asks for.
pub(super) fn carry_out(desk: &mut Desk<'_>, job: &mut Job, at: usize) {
    let done = match job.is_query() {
        true => query(desk, job, at),
        false => ingest(desk, job, at),
    };
    let result = desk.org.next_id("752");
    let now = desk.org.now();
    let is_query = job.is_query();
    let batch = &mut job.batches[at];
    batch.modified = now;
    match done {
        Ok((processed, failed)) => {
            (batch.processed, batch.failed) = (processed, failed);
            batch.result = is_query.then_some(result);
            batch.state = BatchState::Completed;
        }
        Err(err) => {
            batch.message = Some(err.to_string());
            batch.state = BatchState::Failed;
        }
    }
}

/// What a batch was given.
fn given(desk: &Desk<'_>, job: &Job, at: usize) -> Result<Vec<u8>, InvalidBatch> {
    let mut bytes = Vec::new();
    let file = desk.bulk.spool.open(job.batches[at].id, REQUEST);
    file.and_then(|mut it| it.read_to_end(&mut bytes))
        .map_err(|err| InvalidBatch::new(&err.to_string()))?;
    Ok(bytes)
}

fn keep(desk: &Desk<'_>, job: &Job, at: usize, bytes: &[u8]) -> Result<(), InvalidBatch> {
    let kept = desk.bulk.spool.put(job.batches[at].id, RESULT, bytes);
    kept.map_err(|err| InvalidBatch::new(&err.to_string()))
}

/// Writes rows; gives how many there were and how many failed.
fn ingest(desk: &Desk<'_>, job: &Job, at: usize) -> Result<(usize, usize), InvalidBatch> {
    let bytes = given(desk, job, at)?;
    let owner = desk.org.users.get(&job.owner);
    let owner =
        owner.ok_or_else(|| InvalidBatch::new("The user of the job is not there any more"))?;
    let bench = desk.bench_of(owner);
    let object = bench.object(&job.object);
    let object = object.ok_or_else(|| InvalidBatch::new("The object is not there any more"))?;
    let records = body::records(desk, job.content, &object, &bytes)?;
    if MAX_ROWS < records.len() {
        return Err(InvalidBatch::new(&format!(
            "Exceeded max number of records per batch: {MAX_ROWS}"
        )));
    }
    let act = job.operation.act(job.external_id.as_deref());
    let is_by_id = act.is_by_id();
    let items: Vec<Item> = records
        .into_iter()
        .map(|record| item(&object.name, record, is_by_id))
        .collect();
    let mut results = Vec::with_capacity(items.len());
    for chunk in items.chunks(rows::CHUNK) {
        results.extend(bench.run(&act, chunk, Options::default()));
    }
    let failed = results.iter().filter(|it| it.is_err()).count();
    keep(desk, job, at, &outcome(job.content, &results))?;
    Ok((results.len(), failed))
}

fn item(object: &str, mut record: Record, is_by_id: bool) -> Item {
    let key = record
        .keys()
        .find(|it| is_by_id && it.eq_ignore_ascii_case("Id"));
    let id = key.cloned().and_then(|it| record.remove(&it));
    let id = id.and_then(|it| it.as_str().map(str::to_owned));
    Item {
        id: id.filter(|it| !it.is_empty()),
        ..Item::new(object, record)
    }
}

/// What came of each row, in the order of the batch.
fn outcome(content: Content, results: &[Result<Saved, RowError>]) -> Vec<u8> {
    match content {
        Content::Json => {
            let all = results.iter().map(|result| match result {
                Ok(saved) => json!({
                    "success": true,
                    "created": saved.created,
                    "id": saved.id,
                    "errors": [],
                }),
                Err(err) => json!({
                    "success": false,
                    "created": false,
                    "id": null,
                    "errors": [{
                        "message": err.message,
                        "fields": err.fields,
                        "statusCode": err.code,
                        "extendedErrorDetails": null,
                    }],
                }),
            });
            Value::from(all.collect::<Vec<_>>())
                .to_string()
                .into_bytes()
        }
        Content::Xml => {
            let all = results.iter().map(|result| match result {
                Ok(saved) => format!(
                    "<result><id>{}</id><success>true</success><created>{}</created></result>",
                    saved.id, saved.created
                ),
                Err(err) => format!(
                    "<result><errors><fields>{}</fields><message>{}</message><statusCode>{}</statusCode></errors>\
                     <success>false</success><created>false</created></result>",
                    escape(&err.fields.join(" ")),
                    escape(&err.message),
                    err.code
                ),
            });
            rows_document("results", &all.collect::<String>())
        }
        Content::Csv => {
            let mut out = Vec::new();
            let mut push = |cells: [&str; 4]| {
                // Writing to memory does not fail.
                let _ = Dialect::default().write_row(&mut out, cells);
            };
            push(["Id", "Success", "Created", "Error"]);
            for result in results {
                match result {
                    Ok(saved) => {
                        let created = if saved.created { "true" } else { "false" };
                        push([saved.id.as_str(), "true", created, ""]);
                    }
                    Err(err) => push(["", "false", "false", &rows::error_text(err)]),
                }
            }
            out
        }
    }
}

/// Reads rows; gives how many there were, none of them failed.
fn query(desk: &Desk<'_>, job: &Job, at: usize) -> Result<(usize, usize), InvalidBatch> {
    let failed = |code: &str, message: &str| {
        InvalidBatch::new(&format!("Failed to process query: {code}: {message}"))
    };
    let bytes = given(desk, job, at)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim();
    let told = |err: soql::SoqlError| failed(err.code, &err.message);
    let query = soql::parse(text).map_err(told)?;
    let owner = desk.org.users.get(&job.owner);
    let owner =
        owner.ok_or_else(|| InvalidBatch::new("The user of the job is not there any more"))?;
    let bench = desk.bench_of(owner);
    let object = bench.object(&query.from);
    restrict::check(&query, object.as_deref()).map_err(|err| failed(&err.code, &err.message))?;
    let all = job.operation == Operation::QueryAll;
    let found = bench.find(text, &query, all).map_err(told)?;
    if let Some(field) = restrict::binary(&query, &found.object) {
        let message = format!("Binary field {field} not supported in Bulk Query");
        return Err(failed("FUNCTIONALITY_NOT_ENABLED", &message));
    }
    let total = found.total();
    let broken = |err: &dyn std::fmt::Display| InvalidBatch::new(&err.to_string());
    let result = match job.content {
        Content::Csv => {
            let cells = bench.cells(&found, 0, total).map_err(|err| broken(&err))?;
            table(&found, cells)
        }
        content => {
            let url = format!("/services/data/v{}/sobjects", job.version);
            let page = bench.page(&found, 0, total, &url);
            documents(content, &found, page.map_err(|err| broken(&err))?)
        }
    };
    keep(desk, job, at, &result)?;
    Ok((total, 0))
}

fn table(found: &Found, rows: Vec<Vec<Value>>) -> Vec<u8> {
    if rows.is_empty() {
        // Source: what clients look for in place of a header alone.
        return b"Records not found for this query".to_vec();
    }
    let mut out = Vec::new();
    let names = found.columns.iter().map(|it| it.name.as_str());
    // Writing to memory does not fail.
    let _ = Dialect::default().write_row(&mut out, names);
    for cells in rows {
        let texts: Vec<String> = cells.into_iter().map(super::super::rows::text_of).collect();
        let _ = Dialect::default().write_row(&mut out, texts.iter().map(String::as_str));
    }
    out
}

fn documents(content: Content, found: &Found, mut page: Vec<Value>) -> Vec<u8> {
    if content == Content::Json {
        for record in &mut page {
            count_millis(found, record);
        }
        return Value::from(page).to_string().into_bytes();
    }
    let mut out = String::new();
    for record in &page {
        push_record(&mut out, "records", record);
    }
    rows_document("queryResult", &out)
}

/// Points in time are milliseconds since 1970 in JSON.
///
/// Source: answers as users of libraries for this API quote them.
fn count_millis(found: &Found, record: &mut Value) {
    for column in &found.columns {
        let kind = column.field.as_ref().map(|it| it.kind);
        if !matches!(kind, Some(Kind::Date | Kind::DateTime)) {
            continue;
        }
        let place = format!("/{}", column.name.replace('.', "/"));
        let Some(value) = record.pointer_mut(&place) else {
            continue;
        };
        let text = value.as_str().map(|it| match kind {
            Some(Kind::Date) => format!("{it}T00:00:00Z"),
            _ => it.to_owned(),
        });
        let at = text.and_then(|it| it.parse::<crate::model::Timestamp>().ok());
        if let Some(at) = at {
            *value = Value::from(at.as_millis());
        }
    }
}

fn push_record(out: &mut String, name: &str, record: &Value) {
    let _ = write!(out, "<{name} xsi:type=\"sObject\">");
    let kind = record["attributes"]["type"].as_str().unwrap_or_default();
    let _ = write!(out, "<type>{kind}</type>");
    for (field, value) in record.as_object().into_iter().flatten() {
        match value {
            _ if field == "attributes" => (),
            Value::Null => {
                let _ = write!(out, "<{field} xsi:nil=\"true\"/>");
            }
            Value::Object(_) => push_record(out, field, value),
            Value::String(text) => {
                let _ = write!(out, "<{field}>{}</{field}>", escape(text));
            }
            other => {
                let _ = write!(out, "<{field}>{other}</{field}>");
            }
        }
    }
    let _ = write!(out, "</{name}>");
}
