//! What differs between the org now and the branch, as far as dates tell.
//!
//! Nothing is retrieved: the org is listed, and each component's id and date are
//! compared with those that the last snapshot saw.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    SnapshotOptions, SnapshotSetup,
    base::Base,
    decide::ReadPlan,
    listing,
    listing::parent_of,
    look::{Look, look},
    memory::Memory,
    permissions,
};
use crate::{
    client::Org,
    diff::tree::ComponentChangeKind,
    ledger::{Extent, Gap},
    model::{ComponentKey, RemoteComponent, Stamp, Timestamp},
    ops::error::Error,
    plan::retrieve::incremental::{LastSeen, Trust, trust},
    progress::Monitor,
    registry::Registry,
    store::Repository,
};

/// How the org differs from the branch.
#[derive(Clone, Debug, Serialize)]
pub struct StatusReport {
    /// Names the shape of this object.
    pub schema: &'static str,
    /// The org's name.
    pub org: String,
    /// Its id.
    pub org_id: String,
    /// The branch.
    pub branch: String,
    /// Its tip.
    pub commit: Option<String>,
    /// When the listing of its last snapshot began.
    pub listed_at: Option<Timestamp>,
    /// What was compared: `date`, for content was not looked at.
    pub compared_by: &'static str,
    /// What differs, by type and name.
    pub changes: Vec<StatusChange>,
    /// Components listed and in scope.
    pub n_components: usize,
    /// Components whose dates tell nothing, so that only a snapshot can.
    pub n_undated: usize,
    /// What could not be listed.
    pub gaps: Vec<Gap>,
}

/// A component that differs.
#[derive(Clone, Debug, Serialize)]
pub struct StatusChange {
    /// The component.
    pub component: ComponentKey,
    /// What happened to it.
    pub change: ComponentChangeKind,
    /// When it was changed, where the org tells.
    pub at: Option<Timestamp>,
    /// Who changed it, where the org tells.
    pub by: Option<String>,
    /// How it is known, where it is not by the date: `permissions`, `versions`.
    pub known_by: Option<&'static str>,
}

impl StatusReport {
    /// Whether anything differs.
    #[must_use]
    pub fn differs(&self) -> bool {
        !self.changes.is_empty()
    }
}

/// Lists the org and compares it with the tip of the branch.
///
/// # Errors
///
/// An org that does not answer or is another one, a branch without a snapshot.
pub async fn status(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
    monitor: &dyn Monitor,
) -> Result<StatusReport, Error> {
    let Look {
        identity,
        branch,
        base,
        memory,
        plan,
        ..
    } = look(org, repo, setup, &SnapshotOptions::default(), monitor).await?;
    let listed = plan.in_scope.components.values();
    let n_undated = listed
        .filter(|it| trust(&it.key.type_name, it.modified.at) != Trust::Dated)
        .count();
    let gaps = plan.in_scope.gaps.iter();
    Ok(StatusReport {
        schema: "orgkeep/status/1",
        org: identity.org.name.clone(),
        org_id: identity.org.id.to_string(),
        branch: branch.name.clone(),
        commit: base.commit.map(|it| it.to_string()),
        listed_at: base.listed_at,
        compared_by: "date",
        changes: changes(&base, &memory, &plan),
        n_components: plan.in_scope.components.len(),
        n_undated,
        gaps: gaps
            .filter(|it| base.coverage.is_open(it))
            .cloned()
            .collect(),
    })
}

fn changes(base: &Base, memory: &Memory, plan: &ReadPlan) -> Vec<StatusChange> {
    let registry = Registry::official();
    // A state of another commit tells of another org's past: the ledger does not.
    let belongs = memory.belongs_to(base);
    let seen = if belongs {
        memory.seen(&|_| true)
    } else {
        std::collections::BTreeMap::default()
    };
    let moved: BTreeSet<ComponentKey> = match &plan.permissions {
        Some(now) if belongs => permissions::moved(&memory.permissions(), now),
        _ => BTreeSet::new(),
    };
    let last = |key: &ComponentKey| {
        let seen = seen.get(key).copied();
        seen.or_else(|| base.remote(key).map(LastSeen::of))
    };
    let components = &plan.in_scope.components;
    let is_new = |key: &ComponentKey| last(key).is_none();
    let mut changes = Vec::new();
    for (key, now) in components {
        if listing::is_guessed(key) {
            continue;
        }
        let Some(before) = last(key) else {
            // What came with its parent is not told again.
            let with_parent = parent_of(registry, key)
                .is_some_and(|it| components.contains_key(&it) && is_new(&it));
            if !with_parent {
                changes.push(told(now, ComponentChangeKind::Added, &now.created, None));
            }
            continue;
        };
        let is_dated = trust(&key.type_name, now.modified.at) == Trust::Dated;
        let known_by = if is_dated && LastSeen::of(now) != before {
            None
        } else if moved.contains(key) {
            Some("permissions")
        } else if has_other_versions(base, plan, key) {
            Some("versions")
        } else {
            continue;
        };
        let change = ComponentChangeKind::Changed;
        changes.push(told(now, change, &now.modified, known_by));
    }
    let gone: BTreeSet<ComponentKey> = base
        .keys()
        .into_iter()
        .filter(|it| !components.contains_key(it) && !plan.left.contains(it))
        .filter(|it| !listing::is_guessed(it) && was_listed(plan, it))
        .collect();
    for key in &gone {
        if parent_of(registry, key).is_some_and(|it| gone.contains(&it)) {
            continue;
        }
        changes.push(StatusChange {
            component: key.clone(),
            change: ComponentChangeKind::Deleted,
            at: None,
            by: None,
            known_by: None,
        });
    }
    changes.sort_by(|one, other| one.component.cmp(&other.component));
    changes
}

/// Whether the type of a component was listed, so that its absence says something.
fn was_listed(plan: &ReadPlan, key: &ComponentKey) -> bool {
    let extent = plan.in_scope.extents.get(&key.type_name);
    let folder = key.name.folder();
    let listed = plan.discovery.types.get(&key.type_name);
    let unread = listed
        .into_iter()
        .flat_map(|it| &it.problems)
        .any(|it| it.folder.is_some() && it.folder.as_deref() == folder);
    extent.is_some_and(|it| *it != Extent::Unknown) && !unread
}

fn has_other_versions(base: &Base, plan: &ReadPlan, key: &ComponentKey) -> bool {
    let name = key.name.as_str();
    key.type_name.as_str() == "Flow"
        && plan.flows.contains_key(name)
        && base.flows.get(name) != plan.flows.get(name)
}

fn told(
    component: &RemoteComponent,
    change: ComponentChangeKind,
    stamp: &Stamp,
    known_by: Option<&'static str>,
) -> StatusChange {
    let is_dated = known_by.is_none() && stamp.at.is_known();
    StatusChange {
        component: component.key.clone(),
        change,
        at: is_dated.then_some(stamp.at),
        by: (is_dated && !stamp.by.name.is_empty()).then(|| stamp.by.name.clone()),
        known_by,
    }
}
