//! Single records.

use serde_json::{Map, Value, json};

use super::{Desk, RecordError, Reply, Request, error, not_found};
use crate::{
    model::RecordId,
    simorg::soql::{Catalog as _, Object},
};

/// Answers `GET …/sobjects/X/<id>[?fields=…]`.
pub(super) fn retrieve(
    desk: &Desk<'_>,
    request: &Request,
    name: &str,
    id: &str,
    tooling: bool,
) -> Reply {
    let view = desk.view(tooling);
    let Some(table) = view.table(name) else {
        return not_found();
    };
    let object = &table.object;
    let own = id.parse::<RecordId>().ok();
    let Some(row) = own.and_then(|it| table.by_id(it.as_str())) else {
        return match desk.records.is_deleted(id) {
            true => error(404, "ENTITY_IS_DELETED", "entity is deleted"),
            false if own.is_none() => {
                let message =
                    format!("Provided external ID field does not exist or is not accessible: {id}");
                error(404, "NOT_FOUND", &message)
            }
            false => not_found(),
        };
    };
    let mut record = Map::new();
    let full_id = own.map_or_else(String::new, |it| it.as_str().to_owned());
    let url = format!("{}/sobjects/{}/{full_id}", desk.base(tooling), object.name);
    record.insert(
        "attributes".to_owned(),
        json!({"type": object.name, "url": url}),
    );
    let wanted: Option<Vec<&str>> = request
        .parameter("fields")
        .map(|it| it.split(',').map(str::trim).collect());
    for field in wanted.iter().flatten() {
        if object.field(field).is_none() {
            let message = format!(
                "No such column '{field}' on sobject of type {}",
                object.name
            );
            return error(400, "INVALID_FIELD", &message);
        }
    }
    for (field, value) in object.fields.iter().zip(row) {
        let is_wanted = wanted
            .as_ref()
            .is_none_or(|all| all.iter().any(|it| it.eq_ignore_ascii_case(&field.name)));
        if is_wanted || field.name == "Id" {
            record.insert(field.name.clone(), value.clone());
        }
    }
    Reply::json(200, &Value::Object(record))
}

/// Answers `POST …/sobjects/X`.
pub(super) fn create(desk: &mut Desk<'_>, request: &Request, name: &str) -> Reply {
    let (object, values) = match read(desk, request, name) {
        Ok(found) => found,
        Err(reply) => return reply,
    };
    let stamp = desk.stamp();
    let number = desk.org.next_number();
    match desk.records.insert(&object, &values, &stamp, number) {
        Ok(id) => {
            let location = format!("{}/sobjects/{}/{id}", desk.base(false), object.name);
            let body = json!({"id": id, "success": true, "errors": []});
            Reply::json(201, &body).with("Location", &location)
        }
        Err(err) => refusal(&err),
    }
}

/// Answers `PATCH …/sobjects/X/<id>`.
pub(super) fn update(desk: &mut Desk<'_>, request: &Request, name: &str, id: &str) -> Reply {
    let (object, values) = match read(desk, request, name) {
        Ok(found) => found,
        Err(reply) => return reply,
    };
    let stamp = desk.stamp();
    match desk.records.update(&object, id, &values, &stamp) {
        Ok(()) => Reply::empty(204),
        Err(err) => refusal(&err),
    }
}

/// Answers `DELETE …/sobjects/X/<id>`.
pub(super) fn delete(desk: &mut Desk<'_>, name: &str, id: &str) -> Reply {
    let object = match writable(desk, name) {
        Ok(object) => object,
        Err(reply) => return reply,
    };
    match desk.records.delete(&object, id) {
        Ok(()) => Reply::empty(204),
        Err(err) => refusal(&err),
    }
}

fn read(
    desk: &Desk<'_>,
    request: &Request,
    name: &str,
) -> Result<(Object, Map<String, Value>), Reply> {
    let object = writable(desk, name)?;
    match serde_json::from_slice(&request.body) {
        Ok(values) => Ok((object, values)),
        Err(err) => {
            let message = format!("Unexpected character in the body: {err}");
            Err(error(400, "JSON_PARSER_ERROR", &message))
        }
    }
}

fn writable(desk: &Desk<'_>, name: &str) -> Result<Object, Reply> {
    let object = desk.view(false).object(name).ok_or_else(not_found)?;
    if object.writable {
        return Ok(Object::clone(&object));
    }
    let message = format!(
        "entity type {} does not support create, update or delete",
        object.name
    );
    Err(error(400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", &message))
}

fn refusal(err: &RecordError) -> Reply {
    let mut body = json!({"message": err.message, "errorCode": err.code});
    if err.status == 400 {
        body["fields"] = Value::from(err.fields.clone());
    }
    Reply::json(err.status, &Value::from(vec![body]))
}
