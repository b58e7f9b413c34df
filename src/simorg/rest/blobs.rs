//! Contents of files: read as they are, written in forms.
//!
//! Source: REST API Developer Guide, "Insert or Update Blob Data" and "sObject
//! Blob Get".

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{Desk, Reply, Request, error, not_found, sobjects};
use crate::{
    model::RecordId,
    simorg::{
        http::parts,
        records::{Act, Item},
        soql::Kind,
    },
};

/// Answers `GET …/sobjects/X/<id>/<field>`: what the record holds in it.
pub(super) fn read(desk: &Desk<'_>, name: &str, id: &str, field: &str) -> Reply {
    let bench = desk.bench();
    let found = bench.object(name);
    let field = found.as_ref().and_then(|it| it.field(field)).map(|it| it.1);
    let Some(field) = field.filter(|it| it.kind == Kind::Base64) else {
        return not_found();
    };
    let record = match bench.read(name, id, None, "") {
        Ok(record) => record,
        Err(err) => return sobjects::refusal(&err),
    };
    let Ok(id) = id.parse::<RecordId>() else {
        return not_found();
    };
    let kind = record["ContentType"]
        .as_str()
        .unwrap_or("application/octetstream");
    match bench.store.blob(id, &field.name) {
        Ok(bytes) => Reply::new(200, kind, bytes.unwrap_or_default()),
        Err(err) => sobjects::refusal(&err.into()),
    }
}

/// Whether a request is a form.
pub(super) fn is_form(request: &Request) -> bool {
    let content_type = request.header("content-type").unwrap_or("");
    content_type
        .to_ascii_lowercase()
        .starts_with("multipart/form-data")
}

/// Answers `POST …/sobjects/X`, and `PATCH …/sobjects/X/<id>`, with a form: one
/// part of JSON, and one for each file, named as its field.
pub(super) fn write(desk: &Desk<'_>, request: &Request, name: &str, id: Option<&str>) -> Reply {
    if desk.bench().object(name).is_none() {
        return not_found();
    }
    let values = match values(desk, request) {
        Ok(values) => values,
        Err(reply) => return reply,
    };
    let act = if id.is_some() {
        Act::Update
    } else {
        Act::Insert
    };
    let item = Item {
        id: id.map(str::to_owned),
        ..Item::new(name, values)
    };
    let results = desk
        .bench()
        .run(&act, &[item], sobjects::options(request, true));
    match results.into_iter().next() {
        Some(Ok(saved)) if id.is_none() => {
            let location = format!("{}/sobjects/{name}/{}", desk.base(false), saved.id);
            let body = json!({"id": saved.id, "success": true, "errors": []});
            Reply::json(201, &body).with("Location", &location)
        }
        Some(Ok(_)) => Reply::empty(204),
        Some(Err(err)) => sobjects::refusal(&err),
        None => not_found(),
    }
}

/// The values of a form, files in base64 as JSON would have them.
fn values(desk: &Desk<'_>, request: &Request) -> Result<Map<String, Value>, Reply> {
    let malformed = |why: &str| error(400, "INVALID_MULTIPART_REQUEST", why);
    let content_type = request.header("content-type").unwrap_or("");
    let parts = parts(content_type, &request.body)
        .ok_or_else(|| malformed("Multipart message is malformed"))?;
    let is_json = |it: &str| it.eq_ignore_ascii_case("application/json");
    let Some(entity) = parts.iter().find(|it| is_json(it.content_type)) else {
        return Err(malformed(
            "The request needs a part with the record as JSON",
        ));
    };
    let mut values: Map<String, Value> = serde_json::from_slice(entity.body)
        .map_err(|err| error(400, "JSON_PARSER_ERROR", &err.to_string()))?;
    let max = desk.org.config.limits.file_bytes;
    for part in parts.iter().filter(|it| !is_json(it.content_type)) {
        if max < u64::try_from(part.body.len()).unwrap_or(u64::MAX) {
            let message = format!("The file exceeds the maximum of {max} bytes");
            return Err(error(413, "MAXIMUM_SIZE_OF_ATTACHMENT", &message));
        }
        let bytes = STANDARD.encode(part.body);
        values.insert(part.name.to_owned(), Value::from(bytes));
    }
    Ok(values)
}
