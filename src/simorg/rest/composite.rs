//! Several calls in one: `composite`, `composite/batch`, `composite/tree`.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    Desk, Reply, Request, answer, call, collections::problem, error, not_found, sobjects::body,
};
use crate::{
    model::RecordId,
    simorg::records::{Act, Bench, Item, Options, RowError},
};

/// Most calls of one.
///
/// Source: REST API Developer Guide, "Composite" and "Batch": 25.
const MAX_CALLS: usize = 25;

/// Most records of a tree, and its depth.
///
/// Source: REST API Developer Guide, "sObject Tree": 200 records, 5 levels.
const MAX_ROWS: usize = 200;
const MAX_LEVELS: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Composite {
    #[serde(default)]
    all_or_none: bool,
    composite_request: Vec<Part>,
}

/// One call of several.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part {
    /// `POST`, `PATCH`, ….
    pub method: String,
    /// Path and query, with references to earlier answers.
    pub url: String,
    /// Name that later calls know the answer by.
    pub reference_id: String,
    /// What is sent, with references to earlier answers.
    #[serde(default)]
    pub body: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Batch {
    #[serde(default)]
    halt_on_error: bool,
    batch_requests: Vec<BatchPart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BatchPart {
    method: String,
    url: String,
    #[serde(default)]
    rich_input: Value,
}

/// Answers `POST …/composite`.
pub(super) fn composite(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let asked: Composite = match body(request) {
        Ok(asked) => asked,
        Err(reply) => return reply,
    };
    if asked.composite_request.len() > MAX_CALLS {
        return too_many();
    }
    match transaction(desk, request, &asked.composite_request, asked.all_or_none) {
        Ok(done) => Reply::json(200, &json!({"compositeResponse": done.answers})),
        Err(reply) => reply,
    }
}

/// What came of calls that were made one after the other.
pub(super) struct Done {
    /// One answer for each call, in order.
    pub answers: Vec<Value>,
    /// Whether one of them failed.
    pub failed: bool,
}

/// Makes calls one after the other, each of which can use the answers of
/// those before; with `all_or_none` nothing of them stays unless all succeed.
///
/// The error is the answer to the whole request, where the store is broken.
pub(super) fn transaction(
    desk: &mut Desk<'_>,
    request: &Request,
    calls: &[Part],
    all_or_none: bool,
) -> Result<Done, Reply> {
    let refused = |err: &RowError| super::sobjects::refusal(err);
    desk.bench().make_ready().map_err(|err| refused(&err))?;
    let began = all_or_none && desk.store.begin().is_ok();
    let mut known: Map<String, Value> = Map::new();
    let mut answers: Vec<Value> = Vec::new();
    let mut failed = false;
    for part in calls {
        let reply = if all_or_none && failed {
            halted()
        } else {
            match (filled(&part.url, &known), filled_body(&part.body, &known)) {
                (Ok(url), Ok(body)) => inner(desk, request, &part.method, &url, &body),
                (Err(name), _) | (_, Err(name)) => {
                    let message = format!(
                        "Invalid reference specified. No value for {name} found in {}. Provided \
                         reference ID is either not found or has no value",
                        name.split('.').next().unwrap_or_default()
                    );
                    error(400, "PROCESSING_HALTED", &message)
                }
            }
        };
        failed |= reply.status >= 400;
        let content: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        if reply.status < 400 {
            known.insert(part.reference_id.clone(), content.clone());
        }
        let headers: Map<String, Value> = reply
            .headers
            .iter()
            .filter(|(name, _)| name == "Location")
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect();
        answers.push(json!({
            "body": content,
            "httpHeaders": headers,
            "httpStatusCode": reply.status,
            "referenceId": part.reference_id,
        }));
    }
    if began {
        let ended = if failed {
            desk.store.undo()
        } else {
            desk.store.keep()
        };
        ended.map_err(|err| refused(&err.into()))?;
    }
    if all_or_none && failed {
        for answer in &mut answers {
            let is_good = answer["httpStatusCode"].as_u64().is_some_and(|it| it < 400);
            if is_good {
                answer["body"] = serde_json::from_slice(&halted().body).unwrap_or(Value::Null);
                answer["httpStatusCode"] = Value::from(400);
                answer["httpHeaders"] = json!({});
            }
        }
    }
    Ok(Done { answers, failed })
}

/// What a call is told whose transaction another one failed.
fn halted() -> Reply {
    let message =
        "The transaction was rolled back since another operation in the same transaction failed.";
    Reply::json(
        400,
        &json!([{"errorCode": "PROCESSING_HALTED", "message": message}]),
    )
}

/// Answers `POST …/composite/batch`.
pub(super) fn batch(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let asked: Batch = match body(request) {
        Ok(asked) => asked,
        Err(reply) => return reply,
    };
    if asked.batch_requests.len() > MAX_CALLS {
        return too_many();
    }
    let mut failed = false;
    let mut results = Vec::new();
    for part in &asked.batch_requests {
        let reply = if failed && asked.halt_on_error {
            let message = "Batch processing halted per request";
            error(412, "BATCH_PROCESSING_HALTED", message)
        } else {
            let url = format!("/services/data/{}", part.url.trim_start_matches('/'));
            let url = url.replace("/services/data/services/data/", "/services/data/");
            inner(desk, request, &part.method, &url, &part.rich_input)
        };
        failed |= reply.status >= 400;
        let content: Value = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        results.push(json!({"statusCode": reply.status, "result": content}));
    }
    Reply::json(200, &json!({"hasErrors": failed, "results": results}))
}

fn too_many() -> Reply {
    let message = "The composite request can contain at most 25 subrequests";
    error(400, "LIMIT_EXCEEDED", message)
}

/// Answers one of several calls.
fn inner(desk: &mut Desk<'_>, request: &Request, method: &str, url: &str, body: &Value) -> Reply {
    let bytes = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let request = request.inner(method, url, bytes);
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    let ["services", "data", _, rest @ ..] = path.as_slice() else {
        return not_found();
    };
    if rest.first() == Some(&"composite") && rest.get(1) != Some(&"sobjects") {
        let message = "A composite request cannot contain another one";
        return error(400, "INVALID_INPUT", message);
    }
    match call(&request, rest) {
        Some(told) => answer(desk, &told, &request, rest),
        None => not_found(),
    }
}

/// `@{ref.id}` → its value; the name of one that has none is the error.
fn filled(text: &str, known: &Map<String, Value>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("@{") {
        out.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let value = lookup(name, known).ok_or_else(|| name.to_owned())?;
        match value.as_str() {
            Some(text) => out.push_str(text),
            None => out.push_str(&value.to_string()),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

fn filled_body(body: &Value, known: &Map<String, Value>) -> Result<Value, String> {
    Ok(match body {
        Value::String(text) => Value::from(filled(text, known)?),
        Value::Array(all) => {
            let all: Result<Vec<Value>, String> =
                all.iter().map(|it| filled_body(it, known)).collect();
            Value::from(all?)
        }
        Value::Object(map) => {
            let mut out = Map::new();
            for (name, value) in map {
                out.insert(name.clone(), filled_body(value, known)?);
            }
            Value::Object(out)
        }
        other => other.clone(),
    })
}

/// `ref.records[0].Id` in what is known.
fn lookup<'a>(name: &str, known: &'a Map<String, Value>) -> Option<&'a Value> {
    let mut parts = name.split('.');
    let mut value = known.get(parts.next()?)?;
    for part in parts {
        let (field, index) = match part.split_once('[') {
            Some((field, rest)) => (field, rest.trim_end_matches(']').parse::<usize>().ok()),
            None => (part, None),
        };
        value = value.get(field)?;
        if let Some(index) = index {
            value = value.get(index)?;
        }
    }
    (!value.is_null()).then_some(value)
}

/// Answers `POST …/composite/tree/X`.
pub(super) fn tree(desk: &Desk<'_>, request: &Request, name: &str) -> Reply {
    #[derive(Deserialize)]
    struct Tree {
        records: Vec<Map<String, Value>>,
    }
    let asked: Tree = match body(request) {
        Ok(asked) => asked,
        Err(reply) => return reply,
    };
    let bench = desk.bench();
    if bench.object(name).is_none() {
        return not_found();
    }
    let began = bench
        .make_ready()
        .and_then(|()| bench.store.begin().map_err(RowError::from));
    if let Err(err) = began {
        return super::sobjects::refusal(&err);
    }
    let mut planted = Planted::default();
    for record in &asked.records {
        planted.plant(&bench, name, record, None, 1);
    }
    let failed = !planted.errors.is_empty();
    let ended = if failed {
        bench.store.undo()
    } else {
        bench.store.keep()
    };
    if let Err(err) = ended {
        return super::sobjects::refusal(&err.into());
    }
    if failed {
        let results: Vec<Value> = planted
            .errors
            .iter()
            .map(|(name, err)| json!({"referenceId": name, "errors": [problem(err)]}))
            .collect();
        return Reply::json(400, &json!({"hasErrors": true, "results": results}));
    }
    let results: Vec<Value> = planted
        .ids
        .iter()
        .map(|(name, id)| json!({"referenceId": name, "id": id}))
        .collect();
    Reply::json(201, &json!({"hasErrors": false, "results": results}))
}

/// What came of the records of a tree, by reference id.
#[derive(Default)]
struct Planted {
    ids: Vec<(String, RecordId)>,
    errors: Vec<(String, RowError)>,
    count: usize,
}

impl Planted {
    fn plant(
        &mut self,
        bench: &Bench<'_>,
        object: &str,
        record: &Map<String, Value>,
        parent: Option<(&str, RecordId)>,
        level: usize,
    ) {
        let reference = record
            .get("attributes")
            .and_then(|it| it["referenceId"].as_str())
            .unwrap_or_default()
            .to_owned();
        self.count += 1;
        if self.count > MAX_ROWS || level > MAX_LEVELS {
            let message = "The request can contain up to 200 records and 5 levels";
            self.errors
                .push((reference, RowError::new("LIMIT_EXCEEDED", message)));
            return;
        }
        let mut values = Map::new();
        let mut children = Vec::new();
        for (name, value) in record {
            match value.get("records").and_then(Value::as_array) {
                Some(records) => children.push((name, records)),
                None => {
                    values.insert(name.clone(), value.clone());
                }
            }
        }
        if let Some((field, id)) = parent {
            values.insert(field.to_owned(), Value::from(id.as_str()));
        }
        let results = bench.run(
            &Act::Insert,
            &[Item::new(object, values)],
            Options::default(),
        );
        let id = match results.into_iter().next() {
            Some(Ok(saved)) => saved.id,
            Some(Err(err)) => {
                self.errors.push((reference, err));
                return;
            }
            None => return,
        };
        self.ids.push((reference.clone(), id));
        for (name, records) in children {
            let links = bench.links_to(object);
            let link = links
                .iter()
                .find(|it| it.name().is_some_and(|it| it.eq_ignore_ascii_case(name)));
            let Some(link) = link else {
                let message = format!("No such column '{name}' on sobject of type {object}");
                self.errors
                    .push((reference.clone(), RowError::new("INVALID_FIELD", message)));
                continue;
            };
            let (child, field) = (link.child.name.clone(), link.field().name.clone());
            for record in records.iter().filter_map(Value::as_object) {
                self.plant(bench, &child, record, Some((&field, id)), level + 1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_filled_from_earlier_answers() {
        let known = json!({"a": {"id": "001", "records": [{"Id": "003"}], "n": null}});
        let known = known.as_object().unwrap();
        let fill = |text: &str| filled(text, known);
        assert_eq!(fill("/x/@{a.id}/y").as_deref(), Ok("/x/001/y"));
        assert_eq!(fill("@{a.records[0].Id}").as_deref(), Ok("003"));
        assert_eq!(fill("@{a.n}"), Err("a.n".to_owned()));
        assert_eq!(fill("@{b.id}"), Err("b.id".to_owned()));
        let body = filled_body(&json!({"AccountId": "@{a.id}", "N": 1}), known);
        assert_eq!(body, Ok(json!({"AccountId": "001", "N": 1})));
    }
}
