//! Deploys by REST.
//!
//! Source: Metadata API Developer Guide, "Deploying Metadata with REST": the
//! form's parts may come in any order and under any name, they are told apart
//! by their media types.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Desk, Reply, Request, error, fault};
use crate::{
    model::Timestamp,
    simorg::{
        deploy::{self, DeployOptions, DeployResult},
        http::parts,
        state::Content,
    },
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    deploy_options: DeployOptions,
}

/// Answers `POST …/metadata/deployRequest` with a form.
pub(super) fn start(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let content_type = request.header("content-type").unwrap_or("");
    let malformed = |why: &str| error(400, "INVALID_MULTIPART_REQUEST", why);
    let Some(parts) = parts(content_type, &request.body) else {
        return malformed("Multipart message is malformed");
    };
    let is_json = |it: &str| it.eq_ignore_ascii_case("application/json");
    let options = parts.iter().find(|it| is_json(it.content_type));
    let zip = parts.iter().find(|it| !is_json(it.content_type));
    let (Some(options), Some(zip)) = (options, zip) else {
        return malformed("The request needs a part with options and a part with a zip file");
    };
    let options: DeployOptions = match serde_json::from_slice::<Asked>(options.body) {
        Ok(asked) => asked.deploy_options,
        Err(err) => return error(400, "JSON_PARSER_ERROR", &err.to_string()),
    };
    let zip = Content::from(zip.body.to_vec());
    match deploy::start(desk.org, desk.user.id, zip, options, desk.script) {
        Ok(id) => {
            let job = desk.org.jobs.deploys.get(&id);
            let options = job.map(|it| it.options.clone()).unwrap_or_default();
            let result = job.map(|it| result(&it.result, false));
            Reply::json(
                201,
                &json!({
                    "id": id,
                    "validatedDeployRequestId": Value::Null,
                    "deployResult": result,
                    "deployOptions": options,
                }),
            )
        }
        Err(err) => fault(&err),
    }
}

/// Answers `POST …/metadata/deployRequest` with the id of a validation.
pub(super) fn repeat(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let Some(validation) = body["validatedDeployRequestId"].as_str() else {
        return error(
            400,
            "INVALID_MULTIPART_REQUEST",
            "The request needs a form, or validatedDeployRequestId",
        );
    };
    match deploy::repeat_validation(desk.org, desk.user.id, validation) {
        Ok(id) => Reply::json(
            201,
            &json!({
                "id": id,
                "validatedDeployRequestId": validation,
                "deployResult": Value::Null,
                "deployOptions": Value::Null,
            }),
        ),
        Err(err) => fault(&err),
    }
}

/// Answers `GET …/metadata/deployRequest/<id>[?includeDetails=true]`.
pub(super) fn check(desk: &mut Desk<'_>, request: &Request, id: &str) -> Reply {
    let with_details = request.parameter("includeDetails") == Some("true");
    match deploy::check(desk.org, desk.user.id, id) {
        Ok(found) => Reply::json(200, &answer(desk, &found, with_details)),
        Err(err) => fault(&err),
    }
}

/// Answers `PATCH …/metadata/deployRequest/<id>`.
pub(super) fn cancel(desk: &mut Desk<'_>, request: &Request, id: &str) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if body["deployResult"]["status"] != "Canceling" {
        return error(
            400,
            "INVALID_INPUT",
            "The only change of a deploy is to Canceling",
        );
    }
    if let Err(err) = deploy::cancel(desk.org, desk.user.id, id) {
        return fault(&err);
    }
    let job = id
        .parse()
        .ok()
        .and_then(|id| desk.org.jobs.deploys.get(&id));
    match job.map(|it| it.result.clone()) {
        Some(found) => Reply::json(202, &answer(desk, &found, false)),
        None => Reply::empty(202),
    }
}

fn answer(desk: &Desk<'_>, found: &DeployResult, with_details: bool) -> Value {
    let job = desk.org.jobs.deploys.get(&found.id);
    json!({
        "id": found.id,
        "url": format!("{}/metadata/deployRequest/{}", desk.base(false), found.id),
        "validatedDeployRequestId": job.and_then(|it| it.validation),
        "deployResult": result(found, with_details),
        "deployOptions": job.map(|it| it.options.clone()),
    })
}

/// A result as REST tells it: times with `+0000`, details where they are asked for.
fn result(found: &DeployResult, with_details: bool) -> Value {
    let mut value = serde_json::to_value(found).unwrap_or_default();
    if with_details {
        let failures = value["details"]["componentFailures"].clone();
        let mut all = failures.as_array().cloned().unwrap_or_default();
        let successes = value["details"]["componentSuccesses"].as_array().cloned();
        all.extend(successes.unwrap_or_default());
        value["details"]["allComponentMessages"] = Value::from(all);
    } else if let Value::Object(map) = &mut value {
        map.insert(
            "details".to_owned(),
            json!({"componentFailures": [], "componentSuccesses": [], "allComponentMessages": []}),
        );
    }
    respell_times(&mut value);
    value
}

fn respell_times(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter_mut() {
                match value {
                    Value::String(text) if name.ends_with("Date") => {
                        if let Ok(at) = text.parse::<Timestamp>() {
                            *text = at.to_rest();
                        }
                    }
                    other => respell_times(other),
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(respell_times),
        _ => (),
    }
}
