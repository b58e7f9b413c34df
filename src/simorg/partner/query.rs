//! `query`, `queryAll` and `queryMore`: records as the partner API gives them.
//!
//! Invariant: a record has its id twice, as an element of every record and as
//! a field where it was asked for; the first is nil where it was not.

use serde_json::Value;

use super::envelope::{push, push_nil};
use crate::simorg::{
    fault::Fault,
    records::Found,
    rest::{Desk, Rows, locator},
    soap::Request,
    soql::{self, SoqlError},
};

/// Rows of an answer: where nothing else is asked for, the least and the most.
///
/// Source: SOAP API Developer Guide, "`QueryOptions`".
const BATCH: usize = 500;
const MIN_BATCH: usize = 200;
const MAX_BATCH: usize = 2_000;

/// Answers `query`, and with `all` `queryAll`: the first rows.
pub(super) fn first(desk: &mut Desk<'_>, request: &Request, all: bool) -> Result<String, Fault> {
    let text = request.named_text("queryString").unwrap_or_default();
    let refuse = |err: SoqlError| Fault::new(err.code, err.message);
    let query = soql::parse(&text).map_err(refuse)?;
    let found = desk.bench().find(&text, &query, all).map_err(refuse)?;
    let total = found.total();
    if found.is_count() {
        return Ok(result(&[], total, None));
    }
    let batch = batch(request);
    let page = page(desk, &found, 0, batch)?;
    let next = (batch < total).then(|| {
        let now = desk.org.now();
        let rows = Rows::Found(Box::new(found));
        let id = desk.cursors.open(desk.user.id, batch, now, rows);
        locator(&id, batch)
    });
    Ok(result(&page, total, next.as_deref()))
}

/// Answers `queryMore`: the rows behind those of the call before.
pub(super) fn more(desk: &Desk<'_>, request: &Request) -> Result<String, Fault> {
    let given = request.named_text("queryLocator").unwrap_or_default();
    let now = desk.org.now();
    let found = desk.cursors.find(desk.user.id, now, &given);
    let (cursor, start) =
        found.ok_or_else(|| Fault::new("INVALID_QUERY_LOCATOR", "invalid query locator"))?;
    let total = cursor.rows.total();
    let wanted = match request.header("QueryOptions") {
        Some(_) => batch(request),
        None => cursor.batch,
    };
    let end = total.min(start + wanted);
    let page = match &cursor.rows {
        Rows::Made(rows) => rows[start..end].to_vec(),
        Rows::Found(found) => page(desk, found, start, end - start)?,
    };
    let next = (end < total).then(|| locator(&cursor.id, end));
    Ok(result(&page, total, next.as_deref()))
}

fn batch(request: &Request) -> usize {
    let header = request.header("QueryOptions");
    let asked = header.and_then(|it| it.child_text("batchSize")?.trim().parse().ok());
    asked.unwrap_or(BATCH).clamp(MIN_BATCH, MAX_BATCH)
}

fn page(desk: &Desk<'_>, found: &Found, start: usize, count: usize) -> Result<Vec<Value>, Fault> {
    let page = desk.bench().page(found, start, count, "");
    page.map_err(|err| Fault::new("UNKNOWN_EXCEPTION", err.to_string()))
}

fn result(page: &[Value], total: usize, next: Option<&str>) -> String {
    let mut out = String::from("<result xsi:type=\"QueryResult\">");
    push_rows(&mut out, page, total, next);
    out.push_str("</result>");
    out
}

/// What is in a `QueryResult`, in the order of the WSDL.
fn push_rows(out: &mut String, page: &[Value], total: usize, next: Option<&str>) {
    push(out, "done", if next.is_none() { "true" } else { "false" });
    match next {
        Some(next) => push(out, "queryLocator", next),
        None => push_nil(out, "queryLocator"),
    }
    for record in page {
        push_record(out, "records", record);
    }
    push(out, "size", &total.to_string());
}

/// Source: recorded answer of `query`.
fn push_record(out: &mut String, name: &str, record: &Value) {
    out.extend(["<", name, " xsi:type=\"sf:sObject\">"]);
    let kind = record["attributes"]["type"].as_str().unwrap_or_default();
    push(out, "sf:type", kind);
    match record["Id"].as_str() {
        Some(id) => push(out, "sf:Id", id),
        None => push_nil(out, "sf:Id"),
    }
    for (field, value) in record.as_object().into_iter().flatten() {
        if field == "attributes" {
            continue;
        }
        let name = format!("sf:{field}");
        match value {
            Value::Null => push_nil(out, &name),
            Value::Object(_) if value["attributes"].is_object() => push_record(out, &name, value),
            Value::Object(_) if value["records"].is_array() => push_children(out, &name, value),
            Value::Object(_) => push_place(out, &name, value),
            Value::String(text) => push(out, &name, text),
            other => push(out, &name, &other.to_string()),
        }
    }
    out.extend(["</", name, ">"]);
}

/// The children that a query in the query found.
fn push_children(out: &mut String, name: &str, children: &Value) {
    let page = children["records"].as_array();
    let page = page.map(Vec::as_slice).unwrap_or_default();
    out.extend(["<", name, " xsi:type=\"QueryResult\">"]);
    push_rows(out, page, page.len(), None);
    out.extend(["</", name, ">"]);
}

/// An address or a location.
///
/// Source of names and order: `address` and `location` of the partner WSDL 66.0.
fn push_place(out: &mut String, name: &str, place: &Value) {
    const ADDRESS: [&str; 8] = [
        "city",
        "country",
        "countryCode",
        "geocodeAccuracy",
        "postalCode",
        "state",
        "stateCode",
        "street",
    ];
    let is_address = ADDRESS.iter().any(|it| place.get(it).is_some());
    let kind = if is_address { "address" } else { "location" };
    let more: &[&str] = if is_address { &ADDRESS } else { &[] };
    out.extend(["<", name, " xsi:type=\"", kind, "\">"]);
    for part in ["latitude", "longitude"].iter().chain(more) {
        match &place[*part] {
            Value::Null => push_nil(out, part),
            Value::String(text) => push(out, part, text),
            other => push(out, part, &other.to_string()),
        }
    }
    out.extend(["</", name, ">"]);
}
