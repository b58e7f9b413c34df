//! Results of query jobs, page by page.
//!
//! Source: Bulk API 2.0 Developer Guide, "Get Results for a Query Job"; the
//! headers and the shape of `resultPages` as clients that run against orgs
//! read them (the guide's own shape of it is another).

use std::ops::Range;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Value, json};

use super::{JobState, QueryJob, broken, chunks::stretches, rows::RESULTS};
use crate::{
    model::RecordId,
    simorg::{
        http::{Reply, Request, Tail},
        rest::{Desk, error, not_found},
    },
};

/// Links in one answer of `resultPages`.
///
/// Source: Bulk API 2.0 Developer Guide, "Get Parallel Results for a Query Job".
const LINKS: u64 = 5;

/// Answers `GET …/jobs/query/<id>/results[?maxRecords=N&locator=X]`.
pub(super) fn page(desk: &Desk<'_>, request: &Request, id: RecordId) -> Reply {
    let job = match complete(desk, id) {
        Ok(job) => job,
        Err(reply) => return reply,
    };
    let from = match from(request, job) {
        Ok(from) => from,
        Err(reply) => return reply,
    };
    let wanted = match request.parameter("maxRecords").map(str::parse::<u64>) {
        None => job.page_rows,
        Some(Ok(rows @ 1..)) => rows.min(job.page_rows),
        Some(_) => return error(400, "INVALID_VALUE", "maxRecords is a number above zero"),
    };
    let to = job.rows.min(from.saturating_add(wanted));
    let tail = match tail(desk, job, &(from..to)) {
        Ok(tail) => tail,
        Err(err) => return broken(&err),
    };
    let next = if to < job.rows {
        locator(to)
    } else {
        "null".to_owned()
    };
    let reply = Reply::new(200, "text/csv", job.header.clone().into_bytes())
        .with("Sforce-Locator", &next)
        .with("Sforce-NumberOfRecords", &(to - from).to_string());
    if !job.has_nul_bytes {
        return reply.followed_by(tail);
    }
    match tail.read_all() {
        Ok(rows) => {
            let mut reply = reply;
            reply.body.extend(with_nul_bytes(&rows));
            reply
        }
        Err(err) => broken(&err),
    }
}

/// Answers `GET …/jobs/query/<id>/resultPages`.
pub(super) fn pages(desk: &Desk<'_>, request: &Request, id: RecordId) -> Reply {
    if desk.bulk.settings.no_result_pages || desk.version.major() < 58 {
        return not_found();
    }
    let job = match complete(desk, id) {
        Ok(job) => job,
        Err(reply) => return reply,
    };
    let from = match from(request, job) {
        Ok(from) => from,
        Err(reply) => return reply,
    };
    let asked = request
        .parameter("maxRecords")
        .and_then(|it| it.parse::<u64>().ok());
    let size = asked.unwrap_or(job.page_rows).clamp(1, job.page_rows);
    let mut links = Vec::new();
    let mut at = from;
    // An empty result has a page too: its header.
    while u64::try_from(links.len()).unwrap_or(LINKS) < LINKS && (at < job.rows || at == 0) {
        let more = asked.map_or_else(String::new, |it| format!("&maxRecords={it}"));
        let link = format!("/jobs/query/{id}/results?locator={}{more}", locator(at));
        links.push(json!({"resultLink": link}));
        at += size;
    }
    let next = (at < job.rows).then(|| {
        let more = asked.map_or_else(String::new, |it| format!("&maxRecords={it}"));
        let base = format!("/services/data/v{}/jobs/query/{id}", desk.version);
        format!("{base}/resultPages?locator={}{more}", locator(at))
    });
    let is_done = next.is_none();
    Reply::json(
        200,
        &json!({"resultChunks": Value::from(links), "nextRecordsUrl": next, "done": is_done}),
    )
}

/// The job, where its result can be fetched by this call.
fn complete<'a>(desk: &'a Desk<'_>, id: RecordId) -> Result<&'a QueryJob, Reply> {
    let job = desk.bulk.jobs.queries.get(&id);
    // Source: Bulk API 2.0 Developer Guide: only who made the job gets its result.
    let job = job
        .filter(|it| it.head.owner == desk.user.id)
        .ok_or_else(not_found)?;
    if job.head.version != desk.version {
        let message = format!(
            "The results of this job are to be fetched with the API version that made it: {}",
            job.head.version
        );
        return Err(error(409, "API_VERSION_MISMATCH", &message));
    }
    if job.head.state != JobState::JobComplete {
        let message = format!(
            "The results are not there: the job is {}",
            job.head.state.name()
        );
        return Err(error(400, "INVALIDJOBSTATE", &message));
    }
    Ok(job)
}

/// The row at which the page begins that a request asks for.
fn from(request: &Request, job: &QueryJob) -> Result<u64, Reply> {
    let Some(text) = request.parameter("locator") else {
        return Ok(0);
    };
    row_of(text)
        .filter(|row| *row < job.rows || *row == 0)
        .ok_or_else(|| error(400, "INVALID_QUERY_LOCATOR", "invalid query locator"))
}

fn locator(row: u64) -> String {
    STANDARD_NO_PAD.encode(row.to_string())
}

fn row_of(locator: &str) -> Option<u64> {
    let bytes = STANDARD_NO_PAD.decode(locator).ok()?;
    String::from_utf8(bytes).ok()?.parse().ok()
}

fn tail(desk: &Desk<'_>, job: &QueryJob, rows: &Range<u64>) -> std::io::Result<Tail> {
    let (spool, id) = (&desk.bulk.spool, job.head.id);
    let mut ranges = Vec::new();
    for stretch in stretches(rows, job.rows, job.chunk_rows) {
        ranges.push(spool.stretch(id, RESULTS, &stretch)?);
    }
    Ok(Tail::new(spool.open(id, RESULTS)?, ranges))
}

/// The rows with NUL bytes strewn in between them, as real streams have them
/// now and then: never within a cell.
fn with_nul_bytes(rows: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(rows.len() + 16);
    let mut is_quoted = false;
    for byte in rows {
        out.push(*byte);
        is_quoted ^= *byte == b'"';
        if *byte == b'\n' && !is_quoted {
            out.push(0);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locator_is_opaque_and_comes_back() {
        assert_eq!(locator(10_000), "MTAwMDA");
        assert_eq!(row_of("MTAwMDA"), Some(10_000));
        for text in ["", "null", "%%%", "LTE"] {
            assert_eq!(row_of(text), None, "{text}");
        }
    }

    #[test]
    fn nul_bytes_stand_between_rows_only() {
        assert_eq!(
            with_nul_bytes(b"\"a\nb\"\n\"c\"\n"),
            b"\"a\nb\"\n\0\"c\"\n\0"
        );
    }
}
