//! Control calls: what the person at the org's side does, not its users.
//!
//! JSON in and out, `docs/simorg.md` lists them. Errors are `{"error": …}`.

mod clock;
mod records;
mod state;

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    bulk::Settings,
    faults::Rule,
    host::State,
    http::{Reply, Request},
    load,
    state::Recording,
};
use crate::{
    model::{Timestamp, TypeName},
    xml,
};

/// Answers a control call; `path` is what stands behind `/simorg`.
pub fn answer(state: &mut State, request: &Request, path: &[&str]) -> Reply {
    match (request.method.as_str(), path) {
        ("POST", ["load"]) => with(request, |it| load_project(state, &it)),
        ("POST", ["faults"]) => with(request, |it| add_fault(state, it)),
        ("GET", ["faults"]) => Reply::json(200, &json!(state.faults.rules())),
        ("DELETE", ["faults"]) => {
            state.faults.clear();
            Reply::json(200, &json!({}))
        }
        ("POST", ["sessions", "expire"]) => expire(state, request),
        ("POST", ["clock"]) => with(request, |it| clock::set(state, &it)),
        ("GET", ["clock"]) => clock::tell(state),
        ("GET", ["calls"]) => Reply::json(200, &calls(state)),
        ("DELETE", ["calls"]) => {
            state.kept.org.calls.clear();
            Reply::json(200, &json!({}))
        }
        ("POST", ["bulk"]) => with(request, |it| set_bulk(state, it)),
        ("GET", ["bulk"]) => Reply::json(200, &json!(state.kept.bulk.settings)),
        ("GET", ["state"]) => state::tell(state),
        ("POST", ["traps"]) => with(request, |it| records::add_trap(state, it)),
        ("GET", ["traps"]) => records::traps(state),
        ("DELETE", ["traps"]) => records::drop_traps(state),
        ("POST", ["access"]) => with(request, |it| records::set_access(state, it)),
        ("POST", ["tests"]) => with(request, |it| {
            state.kept.org.tests = it;
            state.is_dirty = true;
            Reply::json(200, &json!(state.kept.org.tests))
        }),
        ("POST", ["jobs"]) => with(request, |it| schedule(state, it)),
        ("POST", ["private"]) => with(request, |it| {
            state.kept.org.private = it;
            state.touch();
            Reply::json(200, &json!(state.kept.org.private))
        }),
        ("POST", ["implied"]) => with(request, |it| {
            state.kept.org.implied = it;
            state.touch();
            Reply::json(200, &json!(state.kept.org.implied))
        }),
        ("POST", ["release"]) => with(request, |it| release(state, &it)),
        ("POST", ["users"]) => with(request, |it| rename_user(state, &it)),
        ("GET", ["tests"]) => Reply::json(200, &json!(state.kept.org.tests)),
        (
            _,
            [
                "load" | "bulk" | "faults" | "clock" | "calls" | "state" | "tests" | "traps"
                | "access",
            ]
            | ["sessions", "expire"],
        ) => error(405, "this call wants another method"),
        _ => error(404, "there is no such control call"),
    }
}

/// A refusal.
#[must_use]
pub fn error(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({"error": message}))
}

fn with<T: for<'de> Deserialize<'de>>(request: &Request, call: impl FnOnce(T) -> Reply) -> Reply {
    match serde_json::from_slice(&request.body) {
        Ok(body) => call(body),
        Err(err) => error(400, &err.to_string()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    name: String,
    /// The class that it runs; the job goes where none is named.
    class: Option<String>,
}

/// Schedules a job, or deletes it.
fn schedule(state: &mut State, job: Job) -> Reply {
    let jobs = &mut state.kept.org.scheduled;
    match job.class {
        Some(class) => jobs.insert(job.name, class),
        None => jobs.remove(&job.name),
    };
    state.touch();
    Reply::json(200, &json!(state.kept.org.scheduled))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    #[serde(rename = "type")]
    type_name: TypeName,
    /// The elements that it comes in; the root where none is named.
    below: Option<String>,
    /// The element that comes.
    xml: String,
}

/// Adds an element to all components of a type, as a Salesforce release does.
fn release(state: &mut State, asked: &Release) -> Reply {
    let Ok(document) = xml::parse(asked.xml.as_bytes()) else {
        return error(400, "`xml` is no element");
    };
    let org = &mut state.kept.org;
    let n = org.add_everywhere(&asked.type_name, asked.below.as_deref(), &document.root);
    state.touch();
    Reply::json(200, &json!({"components": n}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    user: String,
    username: String,
}

/// Gives a user another username, as a sandbox does.
fn rename_user(state: &mut State, asked: &Rename) -> Reply {
    let org = &mut state.kept.org;
    let Some(mut user) = org.user_named(&asked.user).cloned() else {
        return error(400, "there is no such user");
    };
    user.username.clone_from(&asked.username);
    org.add_user(user);
    state.touch();
    Reply::json(200, &json!({"username": asked.username}))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Load {
    path: PathBuf,
    user: Option<String>,
    at: Option<Timestamp>,
}

/// Makes the org's metadata equal to a project, as changes of a user.
fn load_project(state: &mut State, asked: &Load) -> Reply {
    let org = &mut state.kept.org;
    let user = match &asked.user {
        Some(name) => org.user_named(name),
        None => state.kept.logins.run_as.and_then(|it| org.users.get(&it)),
    };
    let Some(user) = user.map(|it| it.id) else {
        return error(400, "there is no such user");
    };
    let project = match load::read(&asked.path) {
        Ok(project) => project,
        Err(err) => return error(400, &chain(&err)),
    };
    let stamp = org.stamp(user, asked.at.unwrap_or(org.now()));
    let left_out: Vec<Value> = project
        .left_out
        .iter()
        .map(|it| json!({"path": it.path, "reason": it.reason}))
        .collect();
    let report = org.load(project.components, &stamp, Recording::AuditTrail);
    state.touch();
    Reply::json(
        200,
        &json!({
            "created": report.created,
            "changed": report.changed,
            "deleted": report.deleted,
            "unchanged": report.unchanged,
            "left_out": left_out,
        }),
    )
}

fn chain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        text.push_str(": ");
        text.push_str(&err.to_string());
        cause = err.source();
    }
    text
}

fn add_fault(state: &mut State, rule: Rule) -> Reply {
    state.faults.add(rule);
    Reply::json(200, &json!(state.faults.rules()))
}

/// Lets jobs go otherwise than usual.
fn set_bulk(state: &mut State, settings: Settings) -> Reply {
    if let Some(why) = settings.refusal() {
        return error(400, why);
    }
    state.kept.bulk.settings = settings;
    state.is_dirty = true;
    Reply::json(200, &json!(state.kept.bulk.settings))
}

/// Ends all sessions, or those of one user.
fn expire(state: &mut State, request: &Request) -> Reply {
    #[derive(Deserialize, Default)]
    #[serde(deny_unknown_fields)]
    struct Expire {
        user: Option<String>,
    }
    let asked: Expire = if request.body.is_empty() {
        Expire::default()
    } else {
        match serde_json::from_slice(&request.body) {
            Ok(asked) => asked,
            Err(err) => return error(400, &err.to_string()),
        }
    };
    let org = &mut state.kept.org;
    let before = org.sessions.iter().count();
    match asked.user {
        None => org.sessions.expire_all(),
        Some(name) => {
            let Some(id) = org.user_named(&name).map(|it| it.id) else {
                return error(400, "there is no such user");
            };
            org.sessions.expire_of(id);
        }
    }
    let ended = before - org.sessions.iter().count();
    state.is_dirty = true;
    Reply::json(200, &json!({"ended": ended}))
}

/// How often each call was made; under `noise` how often each kind of noise was applied.
fn calls(state: &State) -> Value {
    let mut calls = Map::new();
    let mut noise = Map::new();
    for (name, count) in &state.kept.org.calls {
        match name.strip_prefix("noise:") {
            Some(rule) => noise.insert(rule.to_owned(), Value::from(*count)),
            None => calls.insert(name.clone(), Value::from(*count)),
        };
    }
    if state.kept.org.config.noise.is_some() {
        calls.insert("noise".to_owned(), Value::Object(noise));
    }
    Value::Object(calls)
}
