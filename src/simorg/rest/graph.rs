//! `composite/graph`: calls about records that lean on each other, in graphs
//! each of which is done as a whole or not at all.
//!
//! Source of limits and names: REST API Developer Guide, "Composite Graph" and
//! "Composite Graph Limits".
//!
//! Invariant: one graph that fails leaves the others as they are.

use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Desk, Reply, Request,
    composite::{Part, transaction},
    error,
    sobjects::body,
};

/// Most calls of one request, over all its graphs.
const MAX_NODES: usize = 500;

/// Most graphs of one request.
const MAX_GRAPHS: usize = 75;

/// Most calls that lean on each other one after the other.
const MAX_DEPTH: usize = 15;

#[derive(Deserialize)]
struct Asked {
    graphs: Vec<Graph>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Graph {
    graph_id: String,
    composite_request: Vec<Part>,
}

/// Answers `POST …/composite/graph`.
pub(super) fn graphs(desk: &mut Desk<'_>, request: &Request) -> Reply {
    let asked: Asked = match body(request) {
        Ok(asked) => asked,
        Err(reply) => return reply,
    };
    if let Some(why) = refusal(&asked.graphs) {
        return error(400, why.0, &why.1);
    }
    let mut answers = Vec::new();
    for graph in &asked.graphs {
        match transaction(desk, request, &graph.composite_request, true) {
            Ok(done) => answers.push(json!({
                "graphId": graph.graph_id,
                "graphResponse": {"compositeResponse": done.answers},
                "isSuccessful": !done.failed,
            })),
            Err(reply) => return reply,
        }
    }
    Reply::json(200, &json!({"graphs": answers}))
}

/// Why a request is not carried out at all: code and message.
fn refusal(graphs: &[Graph]) -> Option<(&'static str, String)> {
    let calls: usize = graphs.iter().map(|it| it.composite_request.len()).sum();
    if calls > MAX_NODES || graphs.len() > MAX_GRAPHS {
        let message =
            format!("The request can contain up to {MAX_GRAPHS} graphs and {MAX_NODES} nodes");
        return Some(("LIMIT_EXCEEDED", message));
    }
    let mut seen = HashSet::new();
    for graph in graphs {
        let id = &graph.graph_id;
        if !is_name(id) || !seen.insert(id) {
            let message = format!("graphId {id} is not valid or not unique");
            return Some(("INVALID_INPUT", message));
        }
        let mut names = HashSet::new();
        for part in &graph.composite_request {
            let name = &part.reference_id;
            if !is_name(name) || !names.insert(name) {
                let message = format!("referenceId {name} is not valid or not unique");
                return Some(("INVALID_INPUT", message));
            }
            if !is_about_a_record(part) {
                let message = format!("{} {} is not supported in a graph", part.method, part.url);
                return Some(("INVALID_INPUT", message));
            }
        }
        if depth(&graph.composite_request) > MAX_DEPTH {
            let message = format!("A graph can have a depth of up to {MAX_DEPTH}");
            return Some(("LIMIT_EXCEEDED", message));
        }
    }
    None
}

/// Begins with a letter or digit, goes on with those and underscores, and has
/// fewer than 40 of them.
fn is_name(text: &str) -> bool {
    let begins = text.starts_with(|it: char| it.is_ascii_alphanumeric());
    let goes_on = text
        .chars()
        .all(|it| it.is_ascii_alphanumeric() || it == '_');
    begins && goes_on && text.len() < 40
}

/// Whether a call is one of the four that a graph may have.
fn is_about_a_record(part: &Part) -> bool {
    let path = part.url.split('?').next().unwrap_or_default();
    let names: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
    let ["services", "data", _, "sobjects", rest @ ..] = names.as_slice() else {
        return false;
    };
    match (rest.len(), part.method.as_str()) {
        (1, method) => method == "POST",
        (2, method) => matches!(method, "DELETE" | "GET" | "PATCH"),
        (3, method) => matches!(method, "DELETE" | "GET" | "PATCH" | "POST"),
        _ => false,
    }
}

/// The longest chain of calls each of which uses the answer of the one before.
fn depth(calls: &[Part]) -> usize {
    let mut depths: HashMap<&str, usize> = HashMap::new();
    let mut deepest = 0;
    for part in calls {
        let mut used = Vec::new();
        references(&Value::from(part.url.as_str()), &mut used);
        references(&part.body, &mut used);
        let under = used.iter().filter_map(|it| depths.get(it.as_str())).max();
        let own = under.map_or(1, |it| it + 1);
        deepest = deepest.max(own);
        depths.insert(&part.reference_id, own);
    }
    deepest
}

/// Names of the calls whose answers a value uses: `@{name.id}`.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            let names = text.split("@{").skip(1);
            found.extend(names.filter_map(|it| {
                let end = it.find(['.', '[', '}'])?;
                Some(it[..end].to_owned())
            }));
        }
        Value::Array(all) => all.iter().for_each(|it| references(it, found)),
        Value::Object(map) => map.values().for_each(|it| references(it, found)),
        _ => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, method: &str, path: &str, body: Value) -> Part {
        Part {
            method: method.to_owned(),
            url: format!("/services/data/v66.0/{path}"),
            reference_id: name.to_owned(),
            body,
        }
    }

    fn graph(id: &str, calls: Vec<Part>) -> Graph {
        Graph {
            graph_id: id.to_owned(),
            composite_request: calls,
        }
    }

    #[test]
    fn chain_of_calls_has_a_depth() {
        let chain = |length: usize| -> Vec<Part> {
            let link = |at: usize| {
                let parent = format!("@{{c{}.id}}", at.saturating_sub(1));
                call(
                    &format!("c{at}"),
                    "POST",
                    "sobjects/Account",
                    json!({"ParentId": parent}),
                )
            };
            (0..length).map(link).collect()
        };
        assert_eq!(depth(&chain(3)), 3);
        assert!(refusal(&[graph("1", chain(15))]).is_none());
        let refused = refusal(&[graph("1", chain(16))]).unwrap();
        assert_eq!(refused.0, "LIMIT_EXCEEDED");
    }

    #[test]
    fn graph_is_about_records_only() {
        let about = |method, path| is_about_a_record(&call("a", method, path, Value::Null));
        assert!(about("POST", "sobjects/Account/"));
        assert!(about("PATCH", "sobjects/Account/001"));
        assert!(about("PATCH", "sobjects/Account/Ext__c/7"));
        assert!(!about("GET", "sobjects/Account"));
        assert!(!about("GET", "query?q=SELECT+Id+FROM+Account"));
        assert!(!about("POST", "composite/tree/Account"));
    }

    #[test]
    fn names_are_plain_and_come_once() {
        let one = || vec![call("a", "POST", "sobjects/Account", json!({}))];
        assert!(refusal(&[graph("1", one()), graph("2", one())]).is_none());
        assert!(refusal(&[graph("1", one()), graph("1", one())]).is_some());
        assert!(refusal(&[graph("_1", one())]).is_some());
        let twice = one().into_iter().chain(one()).collect();
        assert!(refusal(&[graph("1", twice)]).is_some());
    }
}
