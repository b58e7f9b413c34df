//! Rows of jobs between the store and the files.

use std::{io, ops::Range};

use serde_json::{Map, Value};

use super::{
    IngestJob, InvalidBatch, Operation, QueryJob, RowWriter, Spool, columns::Columns, restrict,
};
use crate::simorg::{
    records::{Bench, Item, Options, RowError, Saved},
    rest::Desk,
    soql::{self, Object},
};

/// The file with the rows of a query's result.
pub(super) const RESULTS: &str = "results";
/// The file with what was uploaded.
pub(super) const DATA: &str = "data";
/// The file with the rows that were done.
pub(super) const DONE: &str = "done";
/// The file with the rows that failed.
pub(super) const FAILED: &str = "failed";

/// Rows that are read from the store at once.
const STEP: u64 = 2_000;

/// Rows that triggers and rules see at once.
///
/// Source: Bulk API 2.0 Developer Guide, "How Requests Are Processed".
pub(super) const CHUNK: usize = 200;

/// Rows of one batch inside a job.
///
/// Source: Bulk API 2.0 Limits and Allocations.
pub(super) const BATCH: u64 = 10_000;

/// Carries out a query job: writes the file of its result. Gives its bytes.
///
/// # Errors
///
/// What the job says of its failure.
pub(super) fn query(desk: &Desk<'_>, job: &mut QueryJob) -> Result<u64, String> {
    let failed = |err: soql::SoqlError| {
        format!(
            "InvalidBatch : Failed to process query: {}: {}",
            err.code, err.message
        )
    };
    let query = soql::parse(&job.query).map_err(failed)?;
    let Some(user) = desk.org.users.get(&job.head.owner) else {
        return Err("InvalidUser : The user of the job is not there any more".to_owned());
    };
    let bench = desk.bench_of(user);
    let all = job.head.operation == Operation::QueryAll;
    let found = bench.find(&job.query, &query, all).map_err(failed)?;
    if let Some(field) = restrict::binary(&query, &found.object) {
        return Err(format!(
            "InvalidBatch : Failed to process query: FUNCTIONALITY_NOT_ENABLED: Binary field {field} not supported in \
             Bulk Query"
        ));
    }
    let broken = |err: io::Error| format!("InternalServerError : {err}");
    let dialect = job.head.dialect;
    let mut header = Vec::new();
    let names = found.columns.iter().map(|it| it.name.as_str());
    dialect.write_row(&mut header, names).map_err(broken)?;
    let mut writer = desk
        .bulk
        .spool
        .begin(job.head.id, RESULTS)
        .map_err(broken)?;
    let rows = u64::try_from(found.total()).unwrap_or(u64::MAX);
    let (mut at, mut bytes, mut line) = (0, 0, Vec::new());
    while at < rows {
        let to = rows.min(at + STEP);
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        let count = usize::try_from(to - at).unwrap_or(0);
        let step = bench.cells(&found, start, count);
        for cells in step.map_err(|err| format!("InternalServerError : {err}"))? {
            let texts: Vec<String> = cells.into_iter().map(text_of).collect();
            line.clear();
            dialect
                .write_row(&mut line, texts.iter().map(String::as_str))
                .map_err(broken)?;
            writer.push(&line).map_err(broken)?;
            bytes += u64::try_from(line.len()).unwrap_or(0);
        }
        at = to;
    }
    writer.finish().map_err(broken)?;
    job.header = String::from_utf8_lossy(&header).into_owned();
    job.rows = rows;
    job.chunk_rows = match restrict::is_whole(&query) {
        true => rows.max(1),
        // Real chunks have 100,000 ids and more; with these, few rows show it too.
        false => desk
            .bulk
            .settings
            .chunk_rows
            .unwrap_or((rows / 8).clamp(1, 100_000)),
    };
    Ok(bytes)
}

/// A value as a cell: nothing and an empty text are the same.
pub(super) fn text_of(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Carries out the rows `range` of an ingest job, of which none is done yet.
///
/// # Errors
///
/// [`InvalidBatch`] where a row ends the job; then none of these rows was done.
/// What the disk does not take ends it too, with the rows done that were done.
pub(super) fn ingest(
    desk: &Desk<'_>,
    job: &mut IngestJob,
    columns: &Columns,
    object: &Object,
    range: &Range<u64>,
) -> Result<(), InvalidBatch> {
    let broken = |err: io::Error| InvalidBatch::new(&err.to_string());
    let spool = &desk.bulk.spool;
    let data = io::BufReader::new(spool.open(job.head.id, DATA).map_err(broken)?);
    let skip = usize::try_from(range.start).unwrap_or(usize::MAX);
    let take = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    for cells in job.head.dialect.rows(data).skip(skip).take(take) {
        let cells = cells?;
        let record = columns.record(&cells)?;
        rows.push((cells, record));
    }
    let user = desk.org.users.get(&job.head.owner);
    let user =
        user.ok_or_else(|| InvalidBatch::new("The user of the job is not there any more"))?;
    let bench = desk.bench_of(user);
    let mut out = Results::open(spool, job).map_err(broken)?;
    let mut chunks: Vec<_> = rows
        .chunks(CHUNK)
        .map(|chunk| (chunk, run(&bench, job, object, chunk)))
        .collect();
    // The platform does not promise any order; rows that it does together keep theirs.
    chunks.reverse();
    for (chunk, results) in chunks {
        let mut done: Vec<_> = chunk.iter().zip(results).collect();
        if desk.bulk.settings.rows_in_disorder {
            done.reverse();
        }
        for ((cells, record), result) in done {
            out.push(job, cells, record, &result).map_err(broken)?;
        }
    }
    out.finish().map_err(broken)
}

type Row = (Vec<String>, Map<String, Value>);

fn run(
    bench: &Bench<'_>,
    job: &IngestJob,
    object: &Object,
    rows: &[Row],
) -> Vec<Result<Saved, RowError>> {
    let act = job.head.operation.act(job.external_id.as_deref());
    let is_by_id = act.is_by_id();
    let items: Vec<Item> = rows
        .iter()
        .map(|(_, record)| {
            let mut item = Item::new(&object.name, record.clone());
            if is_by_id {
                let id = item.values.shift_remove("Id");
                item.id = id.and_then(|it| it.as_str().map(str::to_owned));
            }
            item
        })
        .collect();
    bench.run(&act, &items, Options::default())
}

/// The files that the rows of an ingest job end in.
struct Results {
    done: RowWriter,
    failed: RowWriter,
}

impl Results {
    fn open(spool: &Spool, job: &IngestJob) -> io::Result<Self> {
        Ok(Self {
            done: spool.go_on(job.head.id, DONE)?,
            failed: spool.go_on(job.head.id, FAILED)?,
        })
    }

    fn push(
        &mut self,
        job: &mut IngestJob,
        cells: &[String],
        record: &Map<String, Value>,
        result: &Result<Saved, RowError>,
    ) -> io::Result<()> {
        let own_id = record.get("Id").and_then(Value::as_str).unwrap_or("");
        let (id, second, file) = match result {
            Ok(saved) => (saved.id.as_str(), saved.created.to_string(), &mut self.done),
            Err(err) => (own_id, error_text(err), &mut self.failed),
        };
        let row = [id, &second]
            .into_iter()
            .chain(cells.iter().map(String::as_str));
        let mut line = Vec::new();
        job.head.dialect.write_row(&mut line, row)?;
        file.push(&line)?;
        job.head.processed += 1;
        match result {
            Ok(_) => job.succeeded += 1,
            Err(_) => job.head.failed += 1,
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        self.done.finish()?;
        self.failed.finish()
    }
}

/// What `sf__Error` says of a row.
///
/// Source: recorded results: `CODE:message:Field1 Field2--`.
pub(super) fn error_text(err: &RowError) -> String {
    format!("{}:{}:{}--", err.code, err.message, err.fields.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_names_code_message_and_fields() {
        let mut err = RowError::new(
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [Name]",
        );
        assert_eq!(
            error_text(&err.clone().about(["Name", "Type"])),
            "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name Type--"
        );
        err.fields.clear();
        assert!(error_text(&err).ends_with(":--"));
    }

    #[test]
    fn cells_are_written_as_rest_writes_them() {
        assert_eq!(text_of(Value::Null), "");
        assert_eq!(text_of(Value::from(true)), "true");
        assert_eq!(text_of(Value::from(5)), "5");
        assert_eq!(text_of(Value::from(5.0)), "5.0");
        assert_eq!(text_of(Value::from("a\"b")), "a\"b");
    }
}
