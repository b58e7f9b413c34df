//! What a plan has to ask the org besides its metadata: users, and jobs that run code.
//!
//! Nothing is asked where nothing in the selection calls for it.
//!
//! Invariant: a question that the org does not answer leaves the plan as if it had not
//! been asked; the check in the org tells then.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::sides::Sides;
use crate::{
    client::{self, Org},
    model::ComponentKey,
    ops::error::{During, Error},
    plan::rollback::{View as _, people},
    xml,
};

/// Names in one query: a username has at most 80 characters, and an address line has room
/// for some 16,000.
///
/// Source: Salesforce Help, "User Fields"; REST API Developer Guide, "Limits".
const PER_QUERY: usize = 100;

/// What the org said.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Users that the target names and that the org does not have, in lower case.
    pub(super) missing_users: BTreeSet<String>,
    /// Of classes, the jobs that are scheduled to run them, by name.
    pub(super) jobs: BTreeMap<ComponentKey, Vec<String>>,
}

/// Asks what the selected components call for.
pub(super) async fn ask(org: &Org, sides: &Sides<'_>) -> Result<Asked, Error> {
    let (target, today) = (&sides.target, &sides.today);
    let keys = sides.selected.intersection(&sides.differing);
    let keys: Vec<&ComponentKey> = keys.collect();
    let mut users = BTreeSet::new();
    for key in &keys {
        if !people::names_users(&key.type_name) {
            continue;
        }
        for file in target.read(key) {
            if let Ok(document) = xml::parse(&file.bytes) {
                users.extend(people::usernames(&key.type_name, &document.root));
            }
        }
    }
    target.check()?;
    let classes: Vec<&ComponentKey> = keys
        .iter()
        .copied()
        .filter(|it| it.type_name.as_str() == "ApexClass" && today.state(it).is_some())
        .collect();
    let mut asked = Asked::default();
    if !users.is_empty() {
        asked.missing_users = missing_users(org, &users).await?;
    }
    if !classes.is_empty() {
        asked.jobs = jobs(org, &classes).await?;
    }
    Ok(asked)
}

/// Those of `users` that the org does not have.
async fn missing_users(org: &Org, users: &BTreeSet<String>) -> Result<BTreeSet<String>, Error> {
    let all: Vec<&String> = users.iter().collect();
    let mut missing: BTreeSet<String> = users.iter().map(|it| it.to_lowercase()).collect();
    for names in all.chunks(PER_QUERY) {
        let names: Vec<_> = names.iter().map(|it| quoted(it)).collect();
        let soql = format!(
            "SELECT Username FROM User WHERE Username IN ({})",
            names.join(", ")
        );
        let Some(rows) = rows(org, &soql, "asking for the users that are named").await? else {
            return Ok(BTreeSet::new());
        };
        for row in rows {
            if let Some(name) = row["Username"].as_str() {
                missing.remove(&name.to_lowercase());
            }
        }
    }
    Ok(missing)
}

/// The jobs that are scheduled to run `classes`.
async fn jobs(
    org: &Org,
    classes: &[&ComponentKey],
) -> Result<BTreeMap<ComponentKey, Vec<String>>, Error> {
    // A scheduled job of any class, since a name may come from a package as well.
    let soql = "SELECT ApexClass.Name, ApexClass.NamespacePrefix, CronTrigger.CronJobDetail.Name \
                FROM AsyncApexJob WHERE JobType = 'ScheduledApex' AND Status = 'Queued'";
    let mut found: BTreeMap<ComponentKey, Vec<String>> = BTreeMap::new();
    let Some(rows) = rows(org, soql, "asking for scheduled jobs").await? else {
        return Ok(found);
    };
    for row in rows {
        let class = &row["ApexClass"];
        let Some(name) = class["Name"].as_str() else {
            continue;
        };
        if class["NamespacePrefix"].is_string() {
            continue;
        }
        let job = row["CronTrigger"]["CronJobDetail"]["Name"].as_str();
        for key in classes {
            if key.name.as_str().eq_ignore_ascii_case(name) {
                let job = job.unwrap_or("a job without a name").to_owned();
                found.entry((*key).clone()).or_default().push(job);
            }
        }
    }
    for jobs in found.values_mut() {
        jobs.sort();
        jobs.dedup();
    }
    Ok(found)
}

/// The rows of a query; `None` where this org or this user has no such table.
async fn rows(org: &Org, soql: &str, step: &'static str) -> Result<Option<Vec<Value>>, Error> {
    match org.query(soql).await {
        Ok(rows) => Ok(Some(rows.into_iter().map(Value::Object).collect())),
        Err(client::Error::Fault { .. }) => Ok(None),
        Err(err) => Err(err).during(step),
    }
}

/// A text in a query.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
