//! Versions of flows, which no listing shows, and the files that keep them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{base::Base, decide::ReadPlan, outcome::PathChange, read::Answers};
use crate::{
    client::{Org, Row},
    ledger::FlowVersions,
    model::{ComponentKey, TreePath},
    ops::error::Error,
    store::{ObjectId, PackBuilder},
};

/// The versions of every flow, by the flow's API name; or why they cannot be read.
///
/// Managed flows are named with their namespace, as listMetadata names them.
pub(super) async fn versions(org: &Org) -> Result<BTreeMap<String, FlowVersions>, String> {
    let read = async |soql: &str| org.tooling_query(soql).await.map_err(|err| err.to_string());
    let definitions = read(
        "SELECT Id, DeveloperName, NamespacePrefix, ActiveVersionId, LatestVersionId FROM FlowDefinition",
    )
    .await?;
    let rows = read("SELECT Id, DefinitionId, VersionNumber, Status FROM Flow").await?;
    Ok(combine(&definitions, &rows))
}

fn combine(definitions: &[Row], rows: &[Row]) -> BTreeMap<String, FlowVersions> {
    let text = |row: &Row, name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let mut flows = BTreeMap::new();
    for definition in definitions {
        let (Some(id), Some(name)) = (text(definition, "Id"), text(definition, "DeveloperName"))
        else {
            continue;
        };
        let name = match text(definition, "NamespacePrefix") {
            Some(namespace) if !namespace.is_empty() => format!("{namespace}__{name}"),
            _ => name,
        };
        let active_id = text(definition, "ActiveVersionId");
        let mut flow = FlowVersions::default();
        for row in rows {
            if text(row, "DefinitionId").as_deref() != Some(&id) {
                continue;
            }
            let number = row
                .get("VersionNumber")
                .and_then(Value::as_u64)
                .and_then(|it| u32::try_from(it).ok());
            let Some(number) = number else { continue };
            let status = text(row, "Status").unwrap_or_default();
            if active_id.is_some() && text(row, "Id") == active_id {
                flow.active = Some(number);
            }
            flow.latest = flow.latest.max(number);
            flow.versions.insert(number, status);
        }
        if flow.latest > 0 {
            flows.insert(name, flow);
        }
    }
    flows
}

/// The files that hold versions of flows, as changes of the flows.
pub(super) fn changes(
    base: &Base,
    plan: &ReadPlan,
    answers: &Answers,
    pack: &PackBuilder<'_>,
) -> Result<Vec<PathChange>, Error> {
    let mut files: BTreeMap<String, (ComponentKey, Option<ObjectId>)> = BTreeMap::new();
    for (flow, versions) in &plan.flows {
        let Ok(key) = ComponentKey::parse("Flow", flow) else {
            continue;
        };
        if !plan.in_scope.components.contains_key(&key) {
            continue;
        }
        let id = pack.blob(&versions.render())?;
        files.insert(FlowVersions::path(flow), (key.clone(), Some(id)));
        let active_path = FlowVersions::active_path(flow);
        let active = versions.active.filter(|it| *it != versions.latest);
        let stored = base.listing.get(&active_path).map(|it| it.id);
        let blob = active.and_then(|number| {
            let came = answers.gathered.flow_versions.get(&(flow.clone(), number));
            let is_same = base.flows.get(flow).and_then(|it| it.active) == Some(number);
            came.copied().or(stored.filter(|_| is_same))
        });
        if blob.is_some() || stored.is_some() {
            files.insert(active_path, (key, blob));
        }
    }
    for flow in base.flows.keys() {
        let Ok(key) = ComponentKey::parse("Flow", flow) else {
            continue;
        };
        if answers.deleted.contains(&key) {
            files.insert(FlowVersions::path(flow), (key.clone(), None));
            files.insert(FlowVersions::active_path(flow), (key, None));
        }
    }
    let mut changes = Vec::new();
    for (path, (key, after)) in files {
        let before = base.listing.get(&path).map(|it| it.id);
        if let Ok(path) = path.parse::<TreePath>()
            && before != after
        {
            changes.push(PathChange {
                path,
                family: key.clone(),
                key,
                before,
                after,
                by_scope: false,
            });
        }
    }
    Ok(changes)
}
