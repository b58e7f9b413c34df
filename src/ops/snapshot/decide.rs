//! Lists the org and decides what to fetch.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    SnapshotOptions, SnapshotSetup,
    base::Base,
    flows, folders,
    listing::{self, InScope, parent_of},
    memory::Memory,
    narrow::{self, Part},
    permissions::{self, Fingerprints},
    references, renew,
};
use crate::{
    client::Org,
    ledger::FlowVersions,
    model::{ComponentKey, OrgId, RemoteComponent, Timestamp, TypeName},
    ops::{
        discover::{self, Discovery},
        error::Error,
    },
    plan::{
        commits::{Kind, Rollback},
        retrieve::{
            CostModel, Limits, RetrieveBatch, RetrieveRequest,
            incremental::{self, Asked, Decision, LastFullPass, LastSeen, Pass},
            partial, plan_retrieve,
        },
        select::Catalogue,
    },
    progress::Monitor,
    registry::Registry,
    store::Repository,
};

/// Passes after which each slice of what has no date had its turn.
///
/// Own figure: with a snapshot a night, a week.
const N_SLICES: u64 = 7;

/// What is to be fetched, and what is known before.
pub(super) struct ReadPlan {
    pub(super) discovery: Discovery,
    pub(super) in_scope: InScope,
    pub(super) pass: Pass,
    pub(super) decision: Decision,
    /// What to fetch: first what answers for itself, then profiles that changed, beside everything.
    pub(super) requests: Vec<RetrieveRequest>,
    /// Fingerprints of the permission tables; absent where they cannot be read.
    pub(super) permissions: Option<Fingerprints>,
    pub(super) batches: Vec<RetrieveBatch>,
    pub(super) costs: CostModel,
    pub(super) flows: BTreeMap<String, FlowVersions>,
    pub(super) flows_problem: Option<String>,
    pub(super) permissions_problem: Option<String>,
    /// Components that entered the scope since the last snapshot.
    pub(super) entered: BTreeSet<ComponentKey>,
    /// Components that left it.
    pub(super) left: BTreeSet<ComponentKey>,
    /// When the listing began.
    pub(super) began: Timestamp,
    /// When everything in scope was listed last; what changed since has an author.
    pub(super) since: Option<Timestamp>,
    /// Whether only a selection is refreshed.
    pub(super) is_selective: bool,
    /// When what was not listed was listed last, where only a part was.
    pub(super) rest_as_of: Option<Timestamp>,
    /// Whether the user has fewer permissions than the one of the last run.
    pub(super) sees_less: bool,
    /// Rollbacks of ours that no snapshot has seen yet.
    pub(super) rollbacks: Vec<Rollback>,
    pub(super) org_id: OrgId,
    /// The kind and the words of a change of our own rules, where the settings ask for one.
    pub(super) renewal: Option<(Kind, String)>,
    /// Whether something could not be read since everything was read last.
    pub(super) had_gaps: bool,
}

/// What was listed, and what it is held against.
struct Looked {
    pass: Pass,
    /// What was seen last of what was listed.
    seen: BTreeMap<ComponentKey, LastSeen>,
    discovery: Discovery,
    in_scope: InScope,
    /// How far the look reached, where it did not reach everything.
    part: Option<Part>,
}

impl Looked {
    /// Whether one of these types was listed.
    fn looks_at(&self, names: &[&'static str]) -> bool {
        let mut names = names.iter().map(|it| TypeName::known(it));
        let part = self.part.as_ref();
        part.is_none_or(|it| names.any(|name| it.reach.touches(&name)))
    }
}

/// Lists the org, as far as it is to be looked at.
#[expect(
    clippy::too_many_arguments,
    reason = "a step of what follows, which all of these meet in"
)]
async fn list(
    org: &Org,
    repo: &Repository,
    base: &Base,
    memory: &Memory,
    setup: &SnapshotSetup,
    options: &SnapshotOptions,
    began: Timestamp,
    monitor: &dyn Monitor,
) -> Result<Looked, Error> {
    let asked = if options.full || options.tag.is_some() || base.commit.is_none() {
        Asked::Full
    } else {
        Asked::WhatIsDue
    };
    let last = LastFullPass {
        at: memory.state.full_at.filter(|_| memory.belongs_to(base)),
        n_passes: days(began),
    };
    if let Some(wanted) = &options.reach {
        let (discovery, in_scope, part) =
            narrow::look(org, repo, base, setup, wanted, monitor).await?;
        let mut seen = match memory.belongs_to(base) {
            true => memory.seen(&|it| part.reach.touches(it)),
            false => BTreeMap::new(),
        };
        seen.retain(|key, _| part.reach.holds(key));
        return Ok(Looked {
            pass: Pass::Incremental {
                number: last.n_passes,
                n_slices: N_SLICES,
            },
            seen,
            discovery,
            in_scope,
            part: Some(part),
        });
    }
    let pass = incremental::next_pass(last, began, setup.full_every, N_SLICES, asked);
    let seen = match pass {
        Pass::Full => BTreeMap::new(),
        Pass::Incremental { .. } => memory.seen(&|_| true),
    };
    let known = folders::known(base, memory, &seen);
    let discovery = discover::discover(org, &setup.scope, &known, monitor).await?;
    let in_scope = listing::in_scope(Registry::official(), &discovery, &setup.scope);
    Ok(Looked {
        pass,
        seen,
        discovery,
        in_scope,
        part: None,
    })
}

/// Lists the org and decides.
#[expect(
    clippy::too_many_arguments,
    reason = "everything that is known before the first answer meets here"
)]
pub(super) async fn plan(
    org: &Org,
    repo: &Repository,
    base: &Base,
    memory: &Memory,
    setup: &SnapshotSetup,
    options: &SnapshotOptions,
    org_id: OrgId,
    began: Timestamp,
    monitor: &dyn Monitor,
) -> Result<ReadPlan, Error> {
    let registry = Registry::official();
    let looked = list(org, repo, base, memory, setup, options, began, monitor).await?;
    let (flows, flows_problem) = match looked.looks_at(&["Flow"]) {
        true => match flows::versions(org).await {
            Ok(flows) => (flows, None),
            Err(reason) => (base.flows.clone(), Some(reason)),
        },
        false => (base.flows.clone(), None),
    };
    let (permissions, permissions_problem) = match looked.looks_at(&["Profile", "PermissionSet"]) {
        true => match permissions::fingerprints(org, &looked.in_scope.components).await {
            Ok(now) => (Some(now), None),
            Err(reason) => (None, Some(reason)),
        },
        false => (None, None),
    };
    let Looked {
        pass,
        seen,
        discovery,
        in_scope,
        part,
    } = looked;
    let is_seen = |it: &ComponentKey| part.as_ref().is_none_or(|part| part.reach.holds(it));
    let listed = in_scope.components.values().filter(|it| is_seen(&it.key));
    let listed: Vec<RemoteComponent> = listed.cloned().collect();
    let parent = |key: &ComponentKey| parent_of(registry, key);
    let mut decision = incremental::decide(&seen, &listed, &memory.unsettled(), pass, parent);
    if pass == Pass::Full {
        let now: BTreeSet<&ComponentKey> = in_scope.components.keys().collect();
        decision.gone = base
            .keys()
            .into_iter()
            .filter(|it| !now.contains(it))
            .collect();
    }
    if let Some(part) = &part {
        decision.gone.clone_from(&part.gone);
    }
    want_moved_flows(&mut decision, base, &in_scope, &flows);
    if let Some(now) = &permissions
        && pass != Pass::Full
    {
        let moved = permissions::moved(&memory.permissions(), now);
        let listed = moved
            .into_iter()
            .filter(|it| in_scope.components.contains_key(it) && is_seen(it));
        decision
            .fetch
            .extend(listed.map(|it| (it, incremental::Need::Changed)));
    }
    want_undated(&mut decision, &in_scope, &options.fresh);
    let is_selective = options.is_selective();
    if !options.only.is_empty() {
        select(&mut decision, base, &in_scope, options)?;
    }
    if pass != Pass::Full {
        want_naming(&mut decision, repo, base, &in_scope, part.as_ref())?;
    }
    let (entered, left) = scope_changes(base, setup, &in_scope);
    let scope_moved = !(entered.is_empty() && left.is_empty());
    if scope_moved && !is_selective {
        fetch_profiles(&mut decision, &in_scope, setup);
    }
    let requests = requests(&decision, &in_scope, setup, pass);
    let costs = memory.costs();
    let batches = requests
        .iter()
        .flat_map(|it| plan_retrieve(it, &costs, Limits::planned()))
        .collect();
    Ok(ReadPlan {
        discovery,
        in_scope,
        pass,
        decision,
        requests,
        permissions,
        batches,
        costs,
        flows,
        flows_problem,
        permissions_problem,
        entered,
        left,
        began,
        since: listed_last(base, memory),
        is_selective,
        rest_as_of: listed_last(base, memory).filter(|_| part.is_some()),
        sees_less: false,
        rollbacks: Vec::new(),
        org_id,
        renewal: base.org.as_ref().and_then(|it| renew::told(it, setup)),
        had_gaps: memory.state.had_gaps || base.coverage.unexpected().next().is_some(),
    })
}

/// Has what named something that is gone fetched.
fn want_naming(
    decision: &mut Decision,
    repo: &Repository,
    base: &Base,
    in_scope: &InScope,
    part: Option<&Part>,
) -> Result<(), Error> {
    let named = match part {
        Some(part) => part.named.clone(),
        None => references::to_gone(repo, base, &decision.gone, in_scope)?,
    };
    for key in named {
        let need = decision.fetch.entry(key);
        need.or_insert(incremental::Need::Changed);
    }
    Ok(())
}

/// When everything in scope was listed last.
fn listed_last(base: &Base, memory: &Memory) -> Option<Timestamp> {
    let whole = memory.state.listed_at;
    base.listed_at.map(|it| whole.map_or(it, |all| it.min(all)))
}

/// Has whatever tells only of what is in scope fetched, since the scope is another.
fn fetch_profiles(decision: &mut Decision, in_scope: &InScope, setup: &SnapshotSetup) {
    let keys = in_scope.components.keys();
    for key in keys.filter(|it| partial::is_partial(&it.type_name, setup.api_version)) {
        decision
            .fetch
            .insert(key.clone(), incremental::Need::Changed);
    }
}

/// Has those of `keys` fetched of which no date tells whether they changed.
fn want_undated(decision: &mut Decision, in_scope: &InScope, keys: &BTreeSet<ComponentKey>) {
    let registry = Registry::official();
    for key in keys {
        let top = parent_of(registry, key).unwrap_or_else(|| key.clone());
        let Some(listed) = in_scope.components.get(&top) else {
            continue;
        };
        let trust = incremental::trust(&top.type_name, listed.modified.at);
        if trust != incremental::Trust::Dated {
            decision.fetch.insert(top, incremental::Need::Changed);
        }
    }
}

/// Days since 1970: which slice's turn it is, with no need to remember.
fn days(now: Timestamp) -> u64 {
    u64::try_from(now.as_seconds() / 86_400).unwrap_or(0)
}

/// Keeps of a decision only what the selectors name, which is fetched in any case.
fn select(
    decision: &mut Decision,
    base: &Base,
    in_scope: &InScope,
    options: &SnapshotOptions,
) -> Result<(), Error> {
    let registry = Registry::official();
    let keys = in_scope.components.keys().cloned().chain(base.keys());
    let paths = base
        .families
        .values()
        .flatten()
        .map(|it| (it.path.clone(), it.key.clone()));
    let catalogue = Catalogue::new(keys).with_paths(paths);
    let wanted = catalogue.select_all(&options.only, &[])?;
    decision.fetch.clear();
    for key in &wanted {
        if in_scope.components.contains_key(key) {
            let top = parent_of(registry, key).unwrap_or_else(|| key.clone());
            decision.fetch.insert(top, incremental::Need::Changed);
        }
    }
    decision.gone.retain(|it| wanted.contains(it));
    decision.new.retain(|it| wanted.contains(it));
    Ok(())
}

/// Components that the rules of scope brought in or left out since the last snapshot.
fn scope_changes(
    base: &Base,
    setup: &SnapshotSetup,
    in_scope: &InScope,
) -> (BTreeSet<ComponentKey>, BTreeSet<ComponentKey>) {
    let registry = Registry::official();
    if base.org.is_none() {
        return (BTreeSet::new(), BTreeSet::new());
    }
    let before = crate::plan::scope::Scope {
        include: rules(&base.coverage.scope.include),
        exclude: rules(&base.coverage.scope.exclude),
        managed: setup.scope.managed,
    };
    let entered = in_scope
        .components
        .values()
        .filter(|it| {
            let parent = parent_of(registry, &it.key);
            before.skips(it, parent.as_ref()).is_some()
        })
        .map(|it| it.key.clone())
        .collect();
    let left = base
        .inventories
        .values()
        .flat_map(|it| it.components.values())
        .filter(|it| {
            let parent = parent_of(registry, &it.key);
            setup.scope.skips(it, parent.as_ref()).is_some()
        })
        .map(|it| it.key.clone())
        .collect();
    (entered, left)
}

fn rules(texts: &[String]) -> Vec<crate::plan::scope::Rule> {
    texts.iter().filter_map(|it| it.parse().ok()).collect()
}

/// Wants flows of which another version is active although nothing was edited.
fn want_moved_flows(
    decision: &mut Decision,
    base: &Base,
    in_scope: &InScope,
    flows: &BTreeMap<String, FlowVersions>,
) {
    for (flow, versions) in flows {
        if let Ok(key) = ComponentKey::parse("Flow", flow)
            && in_scope.components.contains_key(&key)
            && base.flows.get(flow) != Some(versions)
        {
            decision
                .fetch
                .entry(key)
                .or_insert(incremental::Need::Changed);
        }
    }
}

/// What to retrieve for a decision.
///
/// A full pass names everything beside every profile. In an incremental one, a
/// profile that changed is asked about everything; the others about what is new
/// or changed, and about this pass's slice of the rest.
fn requests(
    decision: &Decision,
    in_scope: &InScope,
    setup: &SnapshotSetup,
    pass: Pass,
) -> Vec<RetrieveRequest> {
    let is_partial = |it: &ComponentKey| partial::is_partial(&it.type_name, setup.api_version);
    let describing: BTreeSet<ComponentKey> = in_scope
        .components
        .keys()
        .filter(|it| partial::describes_a_part(&it.type_name))
        .cloned()
        .collect();
    let mut request = RetrieveRequest::default();
    let mut changed = RetrieveRequest::default();
    for (key, need) in &decision.fetch {
        if !is_partial(key) {
            request.components.insert(key.clone());
        } else if pass == Pass::Full {
            request.partial.insert(key.clone());
        } else if *need != incremental::Need::Slice {
            changed.partial.insert(key.clone());
        }
    }
    if !changed.partial.is_empty() {
        changed.companions.clone_from(&describing);
    }
    match pass {
        Pass::Full => request.companions = describing,
        Pass::Incremental { number, n_slices } => {
            let touched = decision
                .new
                .iter()
                .chain(&request.components)
                .filter(|it| describing.contains(*it))
                .cloned();
            request.companions = touched.collect();
            let slice = partial::slice(&describing, number, n_slices);
            let is_new_day = decision
                .fetch
                .values()
                .any(|it| *it == incremental::Need::Slice);
            if is_new_day {
                request.companions.extend(slice);
            }
            if !request.companions.is_empty() {
                let others = in_scope
                    .components
                    .keys()
                    .filter(|it| is_partial(it) && !changed.partial.contains(*it));
                request.partial = others.cloned().collect();
            }
        }
    }
    [request, changed]
        .into_iter()
        .filter(|it| !(it.components.is_empty() && it.partial.is_empty()))
        .collect()
}

impl ReadPlan {
    /// Every component that is fetched, be it in part.
    pub(super) fn fetched(&self) -> impl Iterator<Item = &ComponentKey> {
        self.requests
            .iter()
            .flat_map(|it| it.components.iter().chain(&it.partial))
    }
}
