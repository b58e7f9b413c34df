//! Confirms deletions, each by more than one witness.
//!
//! What the first listing lacks is listed again. What both lack is believed to be gone
//! where the audit trail tells of its deletion; else the org is asked for it by its name,
//! since a listing can be short.
//!
//! Invariant: what is taken for deleted is in neither listing, and the audit trail tells
//! of it, or the org has nothing of that name to give, or the user accepts it unseen.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    SnapshotOptions, SnapshotSetup,
    base::Base,
    decide::ReadPlan,
    listing::{self, parent_of},
    read::{Answers, digest, manifest_of, tree_key},
};
use crate::{
    client::Org,
    ledger::{Gap, GapKind},
    model::{ComponentKey, Manifest, Timestamp, TypeName},
    ops::{
        discover::{self, Query},
        error::Error,
        fetch::{self, Keeping, Quality},
    },
    plan::{
        deletions::{self, Caution, Doubt, Listing},
        retrieve::{Limits, RetrieveBatch, RetrieveRequest, plan_retrieve, recover::Queue},
    },
    progress::{Event, Monitor},
    registry::Registry,
};

/// Finds out which of the components that no listing names were deleted.
#[expect(
    clippy::too_many_arguments,
    reason = "a step of the reading, which all of these meet in"
)]
pub(super) async fn confirm_deletions(
    org: &Org,
    keeping: Keeping<'_>,
    base: &Base,
    plan: &ReadPlan,
    setup: &SnapshotSetup,
    options: &SnapshotOptions,
    answers: &mut Answers,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let registry = Registry::official();
    let before: BTreeSet<ComponentKey> = base
        .keys()
        .into_iter()
        .filter(|it| !plan.left.contains(it) && !listing::is_guessed(it))
        .filter(|it| !plan.is_selective || plan.decision.gone.contains(it))
        .collect();
    let mut first = listing::for_deletions(&plan.discovery);
    add_types_that_are_not_described(&before, &mut first);
    let missing = deletions::to_confirm(&before, &first);
    if missing.is_empty() {
        return Ok(());
    }
    let mut second = discover::list(org, again(registry, &missing), monitor).await?;
    second.forget_folders_that_are_gone();
    let second = listing::for_deletions(&second);
    let caution = Caution {
        accept: options.accept_deletions,
        sees_less: plan.sees_less,
        ..Caution::default()
    };
    let trail = &answers.trail;
    let accounted_for = |key: &ComponentKey| {
        trail.deletion_of(key, None).is_some()
            || parent_of(registry, key).is_some_and(|it| trail.deletion_of(&it, None).is_some())
    };
    let listings = deletions::Listings {
        first: &first,
        second: &second,
    };
    let mut verdicts = deletions::decide(&before, &listings, caution, accounted_for);
    let unproved: BTreeSet<ComponentKey> = verdicts
        .values()
        .flat_map(|it| &it.deleted)
        .filter(|it| !options.accept_deletions && !accounted_for(it))
        .cloned()
        .collect();
    let doubts = ask_by_name(org, keeping, plan, setup, unproved, answers, monitor).await?;
    for verdict in verdicts.values_mut() {
        verdict.keep(&doubts);
    }
    for (type_name, verdict) in verdicts {
        for key in verdict.deleted.iter().chain(verdict.respelled.keys()) {
            let tree_key = tree_key(registry, key, base.remote(key));
            answers.deleted.insert(key.clone());
            answers.deleted.insert(tree_key);
        }
        for key in verdict.in_motion {
            answers.gaps.insert(Gap {
                what: key.to_string(),
                kind: GapKind::InMotion,
                reason: "the first listing lacks it, and the second one names it".to_owned(),
                since: None,
            });
            answers.unsettled.insert(key);
        }
        let reason = verdict.doubt.map(|it| it.to_string()).unwrap_or_default();
        for key in verdict.stale {
            answers.gaps.insert(Gap {
                what: key.to_string(),
                kind: GapKind::Stale,
                reason: reason.clone(),
                since: Some(stale_since(base, &key, plan.began)),
            });
            answers.stale.insert(key);
        }
        if !reason.is_empty() {
            monitor.event(Event::Warned(format!(
                "{type_name}: {reason}; nothing of it is deleted"
            )));
        }
    }
    Ok(())
}

/// Takes a type that the org does not describe any more for one that came back empty.
fn add_types_that_are_not_described(
    before: &BTreeSet<ComponentKey>,
    first: &mut BTreeMap<TypeName, Listing>,
) {
    for key in before {
        let listing = first.entry(key.type_name.clone());
        listing.or_insert_with(|| Listing::of([]));
    }
}

/// Asks the org for components that no listing names; which of them are in doubt.
///
/// What cannot be named in a manifest is a part of its parent's file, and that was read.
async fn ask_by_name(
    org: &Org,
    keeping: Keeping<'_>,
    plan: &ReadPlan,
    setup: &SnapshotSetup,
    unproved: BTreeSet<ComponentKey>,
    answers: &Answers,
    monitor: &dyn Monitor,
) -> Result<BTreeMap<ComponentKey, Doubt>, Error> {
    let registry = Registry::official();
    let can_be_named = |key: &ComponentKey| {
        let ty = registry.type_named(key.type_name.as_str());
        ty.is_none_or(|it| it.addressable)
    };
    let request = RetrieveRequest {
        components: unproved.into_iter().filter(can_be_named).collect(),
        ..RetrieveRequest::default()
    };
    let batches = plan_retrieve(&request, &answers.costs, Limits::planned());
    let mut queue = Queue::new(batches, answers.costs.clone());
    let mut doubts = BTreeMap::new();
    fetch::fetch_all(
        org,
        &mut queue,
        keeping,
        &|batch: &RetrieveBatch| manifest_of(batch, plan, setup),
        &|manifest: &Manifest| digest(manifest, plan),
        &mut |it| {
            let given = it.components.into_iter().map(|it| it.key);
            let given = given.filter(|it| request.components.contains(it));
            doubts.extend(given.map(|it| (it, Doubt::StillGiven)));
            // It tells of this moment, so no later run may use it.
            Ok(Quality::Damaged)
        },
        monitor,
    )
    .await?;
    for it in queue.quarantined() {
        doubts.insert(it.key.clone(), Doubt::NotAnswered(it.reason.clone()));
    }
    Ok(doubts)
}

/// Since when a component is stale: as the ledger says, else from now on.
fn stale_since(base: &Base, key: &ComponentKey, now: Timestamp) -> Timestamp {
    let known = base
        .coverage
        .gaps
        .iter()
        .find(|it| it.kind == GapKind::Stale && it.what == key.to_string());
    known.and_then(|it| it.since).unwrap_or(now)
}

/// The questions that list again what is missing: its type, or the folder that it was in.
fn again(registry: &Registry, missing: &BTreeSet<ComponentKey>) -> Vec<Query> {
    let question = |key: &ComponentKey| {
        let in_folder = registry
            .type_named(key.type_name.as_str())
            .is_some_and(|it| it.in_folder);
        let folder = key.name.folder().filter(|_| in_folder);
        Query {
            type_name: key.type_name.clone(),
            folder: folder.map(str::to_owned),
        }
    };
    let queries: BTreeSet<Query> = missing.iter().map(question).collect();
    queries.into_iter().collect()
}
