//! Many records in one call.
//!
//! Each row has its own result, in the order of the request; errors say
//! `statusCode` where those of a single record say `errorCode`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Desk, Reply, Request, error, not_found,
    sobjects::{body, options},
};
use crate::simorg::records::{Act, Item, RowError, Saved};

/// Most records of one call.
///
/// Source: REST API Developer Guide, "sObject Collections": 200.
const MAX_ROWS: usize = 200;

/// Most changes from one object to another within a call.
///
/// Source: REST API Developer Guide, "sObject Collections": 10 chunks.
const MAX_CHUNKS: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    #[serde(default)]
    all_or_none: bool,
    records: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Wanted {
    ids: Vec<String>,
    fields: Vec<String>,
}

/// Answers `POST` and `PATCH …/composite/sobjects`.
pub(super) fn write(desk: &Desk<'_>, request: &Request, act: &Act) -> Reply {
    let asked: Asked = match body(request) {
        Ok(asked) => asked,
        Err(reply) => return reply,
    };
    if asked.records.len() > MAX_ROWS {
        return too_many();
    }
    let mut items = Vec::new();
    for record in asked.records {
        let Some(object) = record.get("attributes").and_then(|it| it["type"].as_str()) else {
            let message = "The value provided for 'attributes' of a record has no 'type'";
            return error(400, "INVALID_FIELD", message);
        };
        items.push(item(object.to_owned(), record));
    }
    let chunks = items.chunk_by(|a, b| a.object == b.object).count();
    if chunks > MAX_CHUNKS {
        let message = "Cannot have more than 10 chunks in a single operation. Please rearrange the data to reduce \
                       chunking.";
        return error(400, "LIMIT_EXCEEDED", message);
    }
    let results = desk
        .bench()
        .run(act, &items, options(request, asked.all_or_none));
    Reply::json(200, &Value::from(answers(&results, false)))
}

/// Answers `PATCH …/composite/sobjects/X/<field>`.
pub(super) fn upsert(desk: &Desk<'_>, request: &Request, name: &str, key: &str) -> Reply {
    let asked: Asked = match body(request) {
        Ok(asked) => asked,
        Err(reply) => return reply,
    };
    if asked.records.len() > MAX_ROWS {
        return too_many();
    }
    let bench = desk.bench();
    let Some(object) = bench.object(name) else {
        return not_found();
    };
    if !object.field(key).is_some_and(|it| it.1.id_lookup) {
        let message =
            format!("Provided external ID field does not exist or is not accessible: {key}");
        return error(404, "NOT_FOUND", &message);
    }
    let records = asked.records.into_iter();
    let items: Vec<Item> = records.map(|it| item(name.to_owned(), it)).collect();
    let act = Act::Upsert(key.to_owned());
    let results = bench.run(&act, &items, options(request, asked.all_or_none));
    Reply::json(200, &Value::from(answers(&results, true)))
}

/// Answers `DELETE …/composite/sobjects?ids=…`.
pub(super) fn delete(desk: &Desk<'_>, request: &Request) -> Reply {
    let ids: Vec<&str> = request
        .parameter("ids")
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .collect();
    if ids.len() > MAX_ROWS {
        return too_many();
    }
    let all_or_none = request.parameter("allOrNone") == Some("true");
    let items: Vec<Item> = ids.iter().map(|it| Item::existing("", it)).collect();
    let results = desk
        .bench()
        .run(&Act::Delete, &items, options(request, all_or_none));
    Reply::json(200, &Value::from(answers(&results, false)))
}

/// Answers `GET …/composite/sobjects/X?ids=…&fields=…`, and `POST` with both in the body.
pub(super) fn retrieve(desk: &Desk<'_>, request: &Request, name: &str) -> Reply {
    let wanted = if request.method == "POST" {
        match body(request) {
            Ok(wanted) => wanted,
            Err(reply) => return reply,
        }
    } else {
        let list = |name: &str| {
            let text = request.parameter(name).unwrap_or_default();
            text.split(',').map(|it| it.trim().to_owned()).collect()
        };
        Wanted {
            ids: list("ids"),
            fields: list("fields"),
        }
    };
    let bench = desk.bench();
    if bench.object(name).is_none() {
        return not_found();
    }
    let url = format!("{}/sobjects", desk.base(false));
    let fields: Vec<&str> = wanted.fields.iter().map(String::as_str).collect();
    let mut records = Vec::new();
    for id in &wanted.ids {
        match bench.read(name, id, Some(&fields), &url) {
            Ok(record) => records.push(record),
            Err(err) if err.status == 404 || err.code == "MALFORMED_ID" => {
                records.push(Value::Null);
            }
            Err(err) => return super::sobjects::refusal(&err),
        }
    }
    Reply::json(200, &Value::from(records))
}

/// A record of a collection: its id is one of its values.
fn item(object: String, mut values: Map<String, Value>) -> Item {
    let key = values
        .keys()
        .find(|it| it.eq_ignore_ascii_case("id"))
        .cloned();
    let id = key.and_then(|it| values.remove(&it));
    values.remove("attributes");
    let id = id.and_then(|it| it.as_str().map(str::to_owned));
    Item {
        object,
        id: id.filter(|it| !it.is_empty()),
        values,
    }
}

fn too_many() -> Reply {
    let message = "record limit reached. cannot submit more than 200 records in this request";
    error(400, "EXCEEDED_ID_LIMIT", message)
}

fn answers(results: &[Result<Saved, RowError>], tells_created: bool) -> Vec<Value> {
    let answer = |result: &Result<Saved, RowError>| match result {
        Ok(saved) => {
            let mut it = json!({"id": saved.id, "success": true, "errors": []});
            if tells_created {
                it["created"] = Value::from(saved.created);
            }
            it
        }
        Err(err) => json!({"success": false, "errors": [problem(err)]}),
    };
    results.iter().map(answer).collect()
}

/// An error of one row among several.
pub(super) fn problem(err: &RowError) -> Value {
    let err = err.among_others();
    json!({"statusCode": err.code, "message": err.message, "fields": err.fields})
}
