//! Records as the partner API writes them.

use serde_json::{Map, Value};

use super::{
    bounded,
    envelope::{push, push_nil},
    named,
};
use crate::{
    simorg::{
        fault::Fault,
        records::Item,
        rest::Desk,
        soap::Request,
        soql::{self, SoqlError},
    },
    xml::Element,
};

/// Rows of one answer.
const BATCH: usize = 2_000;

/// The records of a call.
pub(super) fn items(request: &Request) -> Result<Vec<Item>, Fault> {
    bounded(named(request.element(), "sObjects").map(item).collect())
}

/// A record: `type`, `Id`, `fieldsToNull`, and its values by name.
pub(super) fn item(element: &Element) -> Item {
    let mut item = Item::default();
    for part in element.elements() {
        let text = part.text().trim().to_owned();
        match part.local_name() {
            "type" => item.object = text,
            "fieldsToNull" => {
                item.values.insert(text, Value::Null);
            }
            "Id" | "id" => item.id = Some(text).filter(|it| !it.is_empty()),
            name => {
                let value = if part.has_elements() {
                    parent(part)
                } else {
                    Value::from(text)
                };
                item.values.insert(name.to_owned(), value);
            }
        }
    }
    item
}

/// A parent named by an external id.
fn parent(element: &Element) -> Value {
    let mut map = Map::new();
    for part in element.elements() {
        let text = Value::from(part.text().trim());
        match part.local_name() {
            "type" => {
                map.insert("attributes".to_owned(), serde_json::json!({"type": text}));
            }
            name => {
                map.insert(name.to_owned(), text);
            }
        }
    }
    Value::Object(map)
}

/// Answers `query`: the rows, of which there may be no more than one page.
pub(super) fn query(desk: &Desk<'_>, request: &Request, all: bool) -> Result<String, Fault> {
    let text = request.named_text("queryString").unwrap_or_default();
    let refuse = |err: SoqlError| Fault::new(err.code, err.message);
    let query = soql::parse(&text).map_err(refuse)?;
    let bench = desk.bench();
    let found = bench.find(&text, &query, all).map_err(refuse)?;
    if found.total() > BATCH {
        let message = "this org answers the partner API with one page; use REST for more";
        return Err(Fault::new("QUERY_TOO_COMPLICATED", message));
    }
    let page = bench.page(&found, 0, BATCH, "");
    let page = page.map_err(|err| Fault::new("UNKNOWN_EXCEPTION", err.to_string()))?;
    let mut out = String::from("<result xsi:type=\"QueryResult\"><done>true</done>");
    push_nil(&mut out, "queryLocator");
    for record in &page {
        push_record(&mut out, "records", record);
    }
    push(&mut out, "size", &found.total().to_string());
    out.push_str("</result>");
    Ok(out)
}

/// Source: recorded answer of `query`; the id stands there twice.
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
            Value::Object(_) => push_record(out, &name, value),
            Value::String(text) => push(out, &name, text),
            other => push(out, &name, &other.to_string()),
        }
    }
    out.extend(["</", name, ">"]);
}
