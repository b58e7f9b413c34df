//! Single records.

use serde_json::{Map, Value, json};

use super::{Desk, Reply, Request, error, not_found};
use crate::{
    model::RecordId,
    simorg::{
        records::{Act, Item, Options, RowError, Saved},
        soql::Catalog as _,
    },
};

/// Answers `GET …/sobjects/X/<id>[?fields=…]`.
pub(super) fn retrieve(
    desk: &Desk<'_>,
    request: &Request,
    name: &str,
    id: &str,
    tooling: bool,
) -> Reply {
    let fields = wanted(request);
    if !tooling && !desk.view(false).is_setup(name) {
        if id.parse::<RecordId>().is_err() {
            let message =
                format!("Provided external ID field does not exist or is not accessible: {id}");
            return error(404, "NOT_FOUND", &message);
        }
        let url = format!("{}/sobjects", desk.base(false));
        let found = desk.bench().read(name, id, fields.as_deref(), &url);
        return match found {
            Ok(record) => Reply::json(200, &record),
            Err(err) => refusal(&err),
        };
    }
    setup_row(desk, name, id, fields.as_deref(), tooling)
}

/// Answers `GET …/sobjects/X/<field>/<value>`: a record by an external id.
pub(super) fn by_key(
    desk: &Desk<'_>,
    request: &Request,
    name: &str,
    (key, value): (&str, &str),
) -> Reply {
    let bench = desk.bench();
    let Some(object) = bench.object(name) else {
        return not_found();
    };
    let Some((at, field)) = object.field(key).filter(|it| it.1.id_lookup) else {
        let message =
            format!("Provided external ID field does not exist or is not accessible: {key}");
        return error(404, "NOT_FOUND", &message);
    };
    let url = format!("{}/sobjects", desk.base(false));
    let cell = crate::simorg::records::Cell::from_json(&Value::from(value), field.kind);
    let rows = bench.make_ready().and_then(|()| {
        let rows = bench.store.rows_with(&object, at, &cell);
        rows.map_err(RowError::from)
    });
    let rows = match rows {
        Ok(rows) => rows,
        Err(err) => return refusal(&err),
    };
    match rows.as_slice() {
        [] => not_found(),
        [row] => match bench.record_of(&object, row, wanted(request).as_deref(), &url) {
            Ok(record) => Reply::json(200, &record),
            Err(err) => refusal(&err),
        },
        many => {
            let ids = many.iter().map(|it| it.id.as_str().to_owned());
            choices(desk, &object.name, ids)
        }
    }
}

fn wanted(request: &Request) -> Option<Vec<&str>> {
    let fields = request.parameter("fields")?;
    Some(fields.split(',').map(str::trim).collect())
}

/// A row of the setup.
fn setup_row(
    desk: &Desk<'_>,
    name: &str,
    id: &str,
    fields: Option<&[&str]>,
    tooling: bool,
) -> Reply {
    let view = desk.view(tooling);
    let Some(table) = view.table(name) else {
        return not_found();
    };
    let object = &table.object;
    let own = id.parse::<RecordId>().ok();
    let Some(row) = own.and_then(|it| table.by_id(it.as_str())) else {
        if own.is_some() {
            return not_found();
        }
        let message =
            format!("Provided external ID field does not exist or is not accessible: {id}");
        return error(404, "NOT_FOUND", &message);
    };
    let mut record = Map::new();
    let full_id = own.map_or_else(String::new, |it| it.as_str().to_owned());
    let url = format!("{}/sobjects/{}/{full_id}", desk.base(tooling), object.name);
    record.insert(
        "attributes".to_owned(),
        json!({"type": object.name, "url": url}),
    );
    for field in fields.into_iter().flatten() {
        if object.field(field).is_none() {
            let message = format!(
                "No such column '{field}' on sobject of type {}",
                object.name
            );
            return error(400, "INVALID_FIELD", &message);
        }
    }
    for (field, value) in object.fields.iter().zip(row) {
        let is_wanted =
            fields.is_none_or(|all| all.iter().any(|it| it.eq_ignore_ascii_case(&field.name)));
        if is_wanted || field.name == "Id" {
            record.insert(field.name.clone(), value.clone());
        }
    }
    Reply::json(200, &Value::Object(record))
}

/// Answers `POST …/sobjects/X`.
pub(super) fn create(desk: &Desk<'_>, request: &Request, name: &str) -> Reply {
    let item = match item(desk, request, name) {
        Ok(values) => Item::new(name, values),
        Err(reply) => return reply,
    };
    match one(desk, &Act::Insert, item, request) {
        Ok(saved) => {
            let location = format!("{}/sobjects/{name}/{}", desk.base(false), saved.id);
            let body = json!({"id": saved.id, "success": true, "errors": []});
            Reply::json(201, &body).with("Location", &location)
        }
        Err(err) => refusal(&err),
    }
}

/// Answers `PATCH …/sobjects/X/<id>`.
pub(super) fn update(desk: &Desk<'_>, request: &Request, name: &str, id: &str) -> Reply {
    let values = match item(desk, request, name) {
        Ok(values) => values,
        Err(reply) => return reply,
    };
    if values.keys().any(|it| it.eq_ignore_ascii_case("Id")) {
        let message = "The Id field should not be specified in the sobject data.";
        return error(400, "INVALID_FIELD", message);
    }
    let item = Item {
        id: Some(id.to_owned()),
        ..Item::new(name, values)
    };
    match one(desk, &Act::Update, item, request) {
        Ok(_) => Reply::empty(204),
        Err(err) => refusal(&err),
    }
}

/// Answers `PATCH …/sobjects/X/<field>/<value>`, and `POST` of it for `Id`.
pub(super) fn upsert(
    desk: &Desk<'_>,
    request: &Request,
    name: &str,
    (key, value): (&str, &str),
) -> Reply {
    let mut values = match item(desk, request, name) {
        Ok(values) => values,
        Err(reply) => return reply,
    };
    if values.keys().any(|it| it.eq_ignore_ascii_case(key)) {
        let message = format!("The {key} field should not be specified in the sobject data.");
        return error(400, "INVALID_FIELD", &message);
    }
    let mut id = None;
    if key.eq_ignore_ascii_case("Id") {
        id = Some(value.to_owned()).filter(|it| !it.is_empty());
    } else {
        values.insert(key.to_owned(), Value::from(value));
    }
    let item = Item {
        id,
        ..Item::new(name, values)
    };
    match one(desk, &Act::Upsert(key.to_owned()), item, request) {
        Ok(saved) => {
            let body =
                json!({"id": saved.id, "success": true, "errors": [], "created": saved.created});
            Reply::json(if saved.created { 201 } else { 200 }, &body)
        }
        Err(err) if err.code == "DUPLICATE_EXTERNAL_ID" && err.status == 300 => {
            let inside = err.message.split(['[', ']']).nth(1).unwrap_or_default();
            choices(desk, name, inside.split(", ").map(str::to_owned))
        }
        Err(err) => refusal(&err),
    }
}

/// The answer that leaves the choice among several records.
fn choices(desk: &Desk<'_>, name: &str, ids: impl Iterator<Item = String>) -> Reply {
    let base = desk.base(false);
    let urls: Vec<String> = ids
        .map(|it| format!("{base}/sobjects/{name}/{it}"))
        .collect();
    Reply::json(300, &json!(urls))
}

/// Answers `DELETE …/sobjects/X/<id>`.
pub(super) fn delete(desk: &Desk<'_>, request: &Request, name: &str, id: &str) -> Reply {
    if desk.bench().object(name).is_none() {
        return not_found();
    }
    match one(desk, &Act::Delete, Item::existing(name, id), request) {
        Ok(_) => Reply::empty(204),
        Err(err) => refusal(&err),
    }
}

fn one(desk: &Desk<'_>, act: &Act, item: Item, request: &Request) -> Result<Saved, RowError> {
    let results = desk.bench().run(act, &[item], options(request, true));
    results
        .into_iter()
        .next()
        .unwrap_or_else(|| Err(RowError::not_found()))
}

/// How the headers of a request want rows to be written.
pub(super) fn options(request: &Request, all_or_none: bool) -> Options {
    let allow = request
        .header("sforce-duplicate-rule-header")
        .is_some_and(|it| {
            it.split([',', ';']).any(|it| {
                let it = it.replace(' ', "").to_ascii_lowercase();
                it == "allowsave=true"
            })
        });
    Options {
        all_or_none,
        allow_duplicates: allow,
    }
}

fn item(desk: &Desk<'_>, request: &Request, name: &str) -> Result<Map<String, Value>, Reply> {
    if desk.bench().object(name).is_none() {
        return Err(match desk.view(false).is_setup(name) {
            true => refusal(&RowError::not_supported(name, "create, update or delete")),
            false => not_found(),
        });
    }
    body(request)
}

/// The JSON of a request.
pub(super) fn body<T: for<'de> serde::Deserialize<'de>>(request: &Request) -> Result<T, Reply> {
    serde_json::from_slice(&request.body).map_err(|err| {
        let message = format!("Unexpected character in the body: {err}");
        error(400, "JSON_PARSER_ERROR", &message)
    })
}

/// A row that was refused, as the answer to a call about it alone.
pub(super) fn refusal(err: &RowError) -> Reply {
    let status = if err.status == 300 { 400 } else { err.status };
    let mut body = json!({"message": err.message, "errorCode": err.code});
    if status == 400 {
        body["fields"] = Value::from(err.fields.clone());
    }
    Reply::json(status, &Value::from(vec![body]))
}
