//! Versions of flows, which no listing shows.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    client::{Org, Row},
    ledger::FlowVersions,
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
