//! The REST and Tooling APIs.
//!
//! Knows versions, queries, describes, records, limits and the REST face of
//! deploys. Errors are arrays of `{"message","errorCode"}`.
//!
//! Invariant: everything but the list of versions needs a session, and says in
//! `Sforce-Limit-Info` how many calls of the day are used.

mod blobs;
mod collections;
mod composite;
mod cursors;
mod deploy;
mod describe;
mod graph;
mod query;
mod replication;
mod root;
mod sobjects;
mod tables;

use std::cell::RefCell;

use serde_json::json;

pub use cursors::{Cursors, Rows, locator};
pub use tables::{Cache, Permissions, View, set_of_profile};

use super::{
    SimOrg,
    bulk::{self, Bulk},
    fault::{Fault, Script},
    http::{Reply, Request},
    records::{Act, Bench, Store, Traps},
    state::User,
};
use crate::model::ApiVersion;

/// What a call works with.
pub struct Desk<'a> {
    /// Address of the org, without a slash at the end.
    pub url: &'a str,
    /// The org.
    pub org: &'a mut SimOrg,
    /// Its records.
    pub store: &'a Store,
    /// What is to be refused on request.
    pub traps: &'a RefCell<Traps>,
    /// When which permission was changed.
    pub permissions: &'a Permissions,
    /// Tables already made.
    pub cache: &'a Cache,
    /// Jobs of the Bulk API.
    pub bulk: &'a mut Bulk,
    /// Answers that are read page by page.
    pub cursors: &'a mut Cursors,
    /// Who asks.
    pub user: User,
    /// Version of the API in the path.
    pub version: ApiVersion,
    /// API calls of the last 24 hours, and how many there may be.
    pub usage: (u64, u64),
    /// Failures on request.
    pub script: &'a mut dyn Script,
}

impl Desk<'_> {
    fn view(&self, tooling: bool) -> View<'_> {
        View {
            org: self.org,
            store: self.store,
            permissions: self.permissions,
            viewer: &self.user,
            tooling,
            cache: self.cache,
        }
    }

    /// The records as who asks sees them.
    #[must_use]
    pub fn bench(&self) -> Bench<'_> {
        self.bench_of(&self.user)
    }

    /// The records as `user` sees them.
    #[must_use]
    pub fn bench_of<'b>(&'b self, user: &'b User) -> Bench<'b> {
        Bench {
            org: self.org,
            store: self.store,
            schema: self.store.schema(self.org),
            setup: Box::new(View {
                viewer: user,
                ..self.view(false)
            }),
            user,
            traps: self.traps,
        }
    }

    /// `/services/data/v66.0`, or that of the Tooling API.
    fn base(&self, tooling: bool) -> String {
        let more = if tooling { "/tooling" } else { "" };
        format!("/services/data/v{}{more}", self.version)
    }
}

/// A call of the REST API, told from method and path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name, as `GET /simorg/calls` counts it.
    pub name: &'static str,
    /// What it is about: an object, the id of a job.
    pub subject: Option<String>,
}

/// Tells what is called by a path behind `/services/data/vNN.0`.
///
/// `None` where there is no such resource.
#[must_use]
pub fn call(request: &Request, path: &[&str]) -> Option<Call> {
    let method = request.method.as_str();
    let is_get = matches!(method, "GET" | "HEAD");
    let subject = |it: &&str| Some((*it).to_owned());
    let (name, subject) = match path {
        [] => ("resources", None),
        ["limits"] => ("limits", None),
        ["limits", "recordCount"] => ("recordCount", None),
        ["query" | "queryAll"] => ("query", query::object_asked(request)),
        ["query" | "queryAll", _] => ("queryMore", None),
        ["tooling", "query" | "queryAll"] => ("toolingQuery", query::object_asked(request)),
        ["tooling", "query" | "queryAll", _] => ("toolingQueryMore", None),
        ["sobjects"] => ("describeGlobal", None),
        ["tooling", "sobjects"] => ("toolingDescribeGlobal", None),
        ["composite"] => ("composite", None),
        ["composite", "batch"] => ("compositeBatch", None),
        ["composite", "graph"] => ("compositeGraph", None),
        ["composite", "tree", object] => ("compositeTree", subject(object)),
        ["composite", "sobjects"] => match method {
            "POST" => ("createCollection", None),
            "PATCH" => ("updateCollection", None),
            _ => ("deleteCollection", None),
        },
        ["composite", "sobjects", object] => ("retrieveCollection", subject(object)),
        ["composite", "sobjects", object, _] => ("upsertCollection", subject(object)),
        ["sobjects", object, "updated"] if is_get => ("getUpdated", subject(object)),
        ["sobjects", object, "deleted"] if is_get => ("getDeleted", subject(object)),
        ["sobjects", object] if method == "POST" => ("create", subject(object)),
        ["sobjects", object] | ["sobjects", object, "describe"] => {
            ("describeSObject", subject(object))
        }
        ["sobjects", object, _] if is_get => ("retrieveRecord", subject(object)),
        ["sobjects", object, _, "VersionData" | "Body"] if is_get => {
            ("retrieveBlob", subject(object))
        }
        ["sobjects", object, _, _] if is_get => ("retrieveRecord", subject(object)),
        ["sobjects", object, _] if method == "PATCH" => ("update", subject(object)),
        ["sobjects", object, _, _] if matches!(method, "PATCH" | "POST") => {
            ("upsert", subject(object))
        }
        ["sobjects", object, _] if method == "DELETE" => ("delete", subject(object)),
        ["tooling", "sobjects", object] | ["tooling", "sobjects", object, "describe"] => {
            ("toolingDescribeSObject", subject(object))
        }
        ["tooling", "sobjects", object, _] if is_get => ("toolingRetrieveRecord", subject(object)),
        ["metadata", "deployRequest"] if method == "POST" => {
            let is_form = request
                .header("content-type")
                .is_some_and(|it| it.to_ascii_lowercase().starts_with("multipart/"));
            (
                if is_form {
                    "deploy"
                } else {
                    "deployRecentValidation"
                },
                None,
            )
        }
        ["metadata", "deployRequest", id] if is_get => ("checkDeployStatus", subject(id)),
        ["metadata", "deployRequest", id] if method == "PATCH" => ("cancelDeploy", subject(id)),
        ["jobs", path @ ..] => {
            let (name, id) = bulk::call(method, path)?;
            (name, id.or_else(|| bulk::object_asked(name, request)))
        }
        _ => return None,
    };
    Some(Call { name, subject })
}

/// Answers a call that [`call`] told.
pub fn answer(desk: &mut Desk<'_>, call: &Call, request: &Request, path: &[&str]) -> Reply {
    let is_get = matches!(request.method.as_str(), "GET" | "HEAD");
    let is_post = request.method == "POST";
    match (call.name, path) {
        ("resources", _) if is_get => root::resources(desk),
        ("limits", _) if is_get => root::limits(desk),
        ("recordCount", _) if is_get => root::record_count(desk, request),
        ("query", [which]) if is_get => query::query(desk, request, false, *which == "queryAll"),
        ("toolingQuery", _) if is_get => query::query(desk, request, true, false),
        ("queryMore", [_, locator]) if is_get => query::more(desk, locator, false),
        ("toolingQueryMore", [_, _, locator]) if is_get => query::more(desk, locator, true),
        ("describeGlobal", _) if is_get => describe::global(desk, request, false),
        ("toolingDescribeGlobal", _) if is_get => describe::global(desk, request, true),
        ("describeSObject", [_, name, rest @ ..]) if is_get => {
            describe::object(desk, request, name, rest.is_empty(), false)
        }
        ("toolingDescribeSObject", [_, _, name, rest @ ..]) if is_get => {
            describe::object(desk, request, name, rest.is_empty(), true)
        }
        ("composite", _) if is_post => composite::composite(desk, request),
        ("compositeBatch", _) if is_post => composite::batch(desk, request),
        ("compositeGraph", _) if is_post => graph::graphs(desk, request),
        ("compositeTree", [_, _, name]) if is_post => composite::tree(desk, request, name),
        ("createCollection", _) => collections::write(desk, request, &Act::Insert),
        ("updateCollection", _) => collections::write(desk, request, &Act::Update),
        ("deleteCollection", _) if request.method == "DELETE" => collections::delete(desk, request),
        ("retrieveCollection", [_, _, name]) if is_get || is_post => {
            collections::retrieve(desk, request, name)
        }
        ("upsertCollection", [_, _, name, key]) if request.method == "PATCH" => {
            collections::upsert(desk, request, name, key)
        }
        ("getUpdated", [_, name, _]) => replication::updated(desk, request, name),
        ("getDeleted", [_, name, _]) => replication::deleted(desk, request, name),
        ("retrieveBlob", [_, name, id, field]) => blobs::read(desk, name, id, field),
        ("create", [_, name]) if blobs::is_form(request) => blobs::write(desk, request, name, None),
        ("update", [_, name, id]) if blobs::is_form(request) => {
            blobs::write(desk, request, name, Some(id))
        }
        ("create", [_, name]) => sobjects::create(desk, request, name),
        ("retrieveRecord", [_, name, id]) => sobjects::retrieve(desk, request, name, id, false),
        ("toolingRetrieveRecord", [_, _, name, id]) => {
            sobjects::retrieve(desk, request, name, id, true)
        }
        ("update", [_, name, id]) => sobjects::update(desk, request, name, id),
        ("delete", [_, name, id]) => sobjects::delete(desk, request, name, id),
        ("retrieveRecord", [_, name, key, value]) => {
            sobjects::by_key(desk, request, name, (key, value))
        }
        ("upsert", [_, name, key, value]) => sobjects::upsert(desk, request, name, (key, value)),
        (name, ["jobs", path @ ..]) => bulk::answer(desk, name, request, path),
        ("deploy", _) => deploy::start(desk, request),
        ("deployRecentValidation", _) => deploy::repeat(desk, request),
        ("checkDeployStatus", [_, _, id]) => deploy::check(desk, request, id),
        ("cancelDeploy", [_, _, id]) => deploy::cancel(desk, request, id),
        _ => {
            let message = format!(
                "HTTP Method '{}' not allowed. Allowed are HEAD,GET",
                request.method
            );
            error(405, "METHOD_NOT_ALLOWED", &message).with("Allow", "HEAD,GET")
        }
    }
}

/// Answers `GET /services/data`: the versions, which need no session.
#[must_use]
pub fn versions(org: &SimOrg) -> Reply {
    root::versions(org)
}

/// An error of the REST API.
#[must_use]
pub fn error(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!([{"message": message, "errorCode": code}]))
}

/// The error of a resource that does not exist.
#[must_use]
pub fn not_found() -> Reply {
    error(404, "NOT_FOUND", "The requested resource does not exist")
}

/// A fault of the Metadata API as REST tells it.
#[must_use]
pub fn fault(fault: &Fault) -> Reply {
    let status = match fault.code.as_str() {
        "INVALID_SESSION_ID" => 401,
        "INSUFFICIENT_ACCESS" | "REQUEST_LIMIT_EXCEEDED" | "API_DISABLED_FOR_ORG" => 403,
        "INVALID_CROSS_REFERENCE_KEY" => 404,
        "UNKNOWN_EXCEPTION" => 500,
        "SERVER_UNAVAILABLE" => 503,
        _ => 400,
    };
    error(status, &fault.code, &fault.message)
}
