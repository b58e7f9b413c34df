//! What was changed and what was deleted in a span of time.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Desk, Reply, Request, error, not_found};
use crate::model::Timestamp;

/// Longest span.
///
/// Source: REST API Developer Guide, "sObject Get Deleted": 30 days back.
const MAX_SPAN: Duration = Duration::from_hours(30 * 24);

/// Answers `GET …/sobjects/X/updated/?start=…&end=…`.
pub(super) fn updated(desk: &Desk<'_>, request: &Request, name: &str) -> Reply {
    let (start, end) = match span(desk, request) {
        Ok(span) => span,
        Err(reply) => return reply,
    };
    let bench = desk.bench();
    let Some(object) = bench.object(name) else {
        return not_found();
    };
    match bench.updated(&object, start, end) {
        Ok(ids) => Reply::json(
            200,
            &json!({"ids": ids, "latestDateCovered": covered(desk, end).to_rest()}),
        ),
        Err(err) => super::sobjects::refusal(&err),
    }
}

/// Answers `GET …/sobjects/X/deleted/?start=…&end=…`.
pub(super) fn deleted(desk: &Desk<'_>, request: &Request, name: &str) -> Reply {
    let (start, end) = match span(desk, request) {
        Ok(span) => span,
        Err(reply) => return reply,
    };
    let bench = desk.bench();
    let Some(object) = bench.object(name) else {
        return not_found();
    };
    let found = match bench.deleted(&object, start, end) {
        Ok(found) => found,
        Err(err) => return super::sobjects::refusal(&err),
    };
    let records: Vec<Value> = found
        .iter()
        .map(|(id, at)| json!({"id": id, "deletedDate": at.to_rest()}))
        .collect();
    Reply::json(
        200,
        &json!({
            "deletedRecords": records,
            "earliestDateAvailable": desk.org.now().before(MAX_SPAN).to_rest(),
            "latestDateCovered": covered(desk, end).to_rest(),
        }),
    )
}

/// Up to when an answer tells everything.
fn covered(desk: &Desk<'_>, end: Timestamp) -> Timestamp {
    end.min(desk.org.now())
}

fn span(desk: &Desk<'_>, request: &Request) -> Result<(Timestamp, Timestamp), Reply> {
    let point = |name: &str| {
        let text = request.parameter(name).unwrap_or_default();
        // A `+` that was not encoded is a blank by now.
        let text = text.replace(' ', "+").replace("+0000", "+00:00");
        text.parse::<Timestamp>().map_err(|_| {
            let message = format!("{name}: {text} is not a valid value for the type xsd:dateTime");
            error(400, "INVALID_REPLICATION_DATE", &message)
        })
    };
    let (start, end) = (point("start")?, point("end")?);
    let refuse = |why: &str| Err(error(400, "INVALID_REPLICATION_DATE", why));
    if end <= start {
        return refuse("startDate before org replication enabled date");
    }
    if end.since(start) < Duration::from_mins(1) {
        return refuse("endDate must be at least one minute greater than startDate");
    }
    if start < desk.org.now().before(MAX_SPAN) {
        return refuse("startDate cannot be more than 30 days ago");
    }
    Ok((start, end))
}
