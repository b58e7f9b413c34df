//! A snapshot of everything from answers that are in hand, without an org.
//!
//! The same way from the zip to the branch as [`super::snapshot()`] has it. What only an org
//! can tell is missing: the audit trail, addresses of people, active versions of flows, and
//! whether a listing that shows less is to be believed. The caller vouches for the listing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    sync::Arc,
};

use super::{
    SnapshotOptions, SnapshotSetup,
    base::Base,
    check_bond, commit,
    decide::ReadPlan,
    gather::Before,
    listing,
    marks::Marks,
    memory::Memory,
    merge::merge_partial,
    read::{self, Answers, tree_key},
    record, redaction,
};
use crate::{
    client::Identity,
    model::{ComponentKey, OrgId, RemoteComponent, Timestamp, TypeName},
    ops::{
        discover::{Discovery, Listed},
        error::Error,
    },
    plan::retrieve::{
        CostModel, RetrieveBatch,
        incremental::{Decision, Pass},
        partial,
    },
    progress::Monitor,
    registry::Registry,
    store::{PackBuilder, Repository},
};

/// What an org was asked for and gave.
#[derive(Debug)]
pub struct InHand {
    /// The org, and who asked.
    pub identity: Identity,
    /// When the listing began, by the org's clock.
    pub at: Timestamp,
    /// Everything that was listed, children and folders included.
    pub listing: Vec<RemoteComponent>,
    /// The answers. Together they hold everything that was listed.
    pub answers: Vec<Answer>,
}

/// One answer of a retrieve.
#[derive(Debug)]
pub struct Answer {
    /// The zip.
    pub zip: File,
    /// What lies in it: its file properties.
    pub components: Vec<RemoteComponent>,
}

/// What became of the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenIn {
    /// Ids of the commits, oldest first; none where nothing changed.
    pub commits: Vec<String>,
    /// Files that differ from the tree before.
    pub n_changed_files: usize,
    /// What could not be taken in, in words.
    pub gaps: Vec<String>,
}

/// Takes a full snapshot from answers that are in hand.
///
/// Where nothing differs from the tip of the branch, nothing is written at all.
///
/// # Errors
///
/// As for [`super::snapshot()`]; the branch is where it was.
pub fn take_in(
    repo: &Repository,
    setup: &SnapshotSetup,
    in_hand: InHand,
    monitor: &dyn Monitor,
) -> Result<TakenIn, Error> {
    let InHand {
        identity,
        at,
        listing,
        answers,
    } = in_hand;
    let org = &identity.org;
    let options = SnapshotOptions::default();
    let lock = repo.lock()?;
    let branch = repo.ready(&setup.branch, &setup.remote)?;
    let base = Base::read(repo, &branch, &setup.package_dirs)?;
    check_bond(&base, &branch, org.id)?;
    let memory = Memory::read(repo, org.id)?;
    let plan = plan(&base, setup, org.id, at, listing);
    let pack = repo.pack(&base.listing)?;
    let mut marks = Marks::read(repo, &base, setup);
    let mut answers = read_in_hand(repo, &base, &plan, setup, answers, &marks, &pack)?;
    marks.take(&mut answers);
    let drafts = commit::drafts(&base, org, &plan, &answers, setup, &pack)?;
    let users = BTreeMap::new();
    let commits = commit::write(drafts, &users, &base, org, &plan, setup, &options, &pack)?;
    let taken = TakenIn {
        commits: commits.made.iter().map(|it| it.id.to_string()).collect(),
        n_changed_files: commits.changes.len(),
        gaps: commits
            .ledger
            .coverage
            .open()
            .map(|it| format!("{}: {}", it.what, it.reason))
            .collect(),
    };
    if taken.commits.is_empty() {
        marks.write();
        return Ok(taken);
    }
    let closed = record::close(
        pack, &base, &memory, &identity, &plan, &answers, commits, setup, &options, 0,
    )?;
    record::show(&lock, closed, &branch, &options, monitor)?;
    marks.write();
    Ok(taken)
}

/// The plan that such answers would have come from.
fn plan(
    base: &Base,
    setup: &SnapshotSetup,
    org_id: OrgId,
    began: Timestamp,
    listing: Vec<RemoteComponent>,
) -> ReadPlan {
    let registry = Registry::official();
    let mut types: BTreeMap<TypeName, Listed> = BTreeMap::new();
    for it in listing {
        let listed = types.entry(it.key.type_name.clone()).or_default();
        listed.components.insert(it.key.name.clone(), it);
    }
    let discovery = Discovery {
        types,
        ..Discovery::default()
    };
    let in_scope = listing::in_scope(registry, &discovery, &setup.scope);
    ReadPlan {
        discovery,
        in_scope,
        pass: Pass::Full,
        decision: Decision::default(),
        requests: Vec::new(),
        permissions: None,
        batches: Vec::new(),
        costs: CostModel::default(),
        flows: base.flows.clone(),
        flows_problem: None,
        permissions_problem: None,
        entered: BTreeSet::new(),
        left: BTreeSet::new(),
        began,
        since: base.listed_at,
        is_selective: false,
        rest_as_of: None,
        sees_less: false,
        rollbacks: Vec::new(),
        org_id,
        renewal: None,
        had_gaps: false,
    }
}

/// Takes in the zips, and whatever the listing no longer has for deleted.
fn read_in_hand(
    repo: &Repository,
    base: &Base,
    plan: &ReadPlan,
    setup: &SnapshotSetup,
    zips: Vec<Answer>,
    marks: &Marks,
    pack: &PackBuilder<'_>,
) -> Result<Answers, Error> {
    let registry = Registry::official();
    let tags = redaction::tags(setup, base, plan.org_id);
    let conversion = read::conversion(base, setup, tags.as_ref());
    let mut answers = Answers::to(plan);
    for Answer { zip, components } in zips {
        let (partial, whole): (Vec<ComponentKey>, Vec<_>) = components
            .iter()
            .map(|it| it.key.clone())
            .partition(|it| partial::is_partial(&it.type_name, setup.api_version));
        let batch = RetrieveBatch {
            components: whole,
            partial,
            companions: Vec::new(),
        };
        let coverage = Arc::new(batch.components.iter().collect());
        conversion.gather(
            zip,
            &batch,
            &components,
            &coverage,
            Before {
                marks,
                families: &base.families,
            },
            pack,
            &mut answers.gathered,
        )?;
        let answered = components.into_iter().map(|it| (it.key.clone(), it));
        answers.answered.extend(answered);
    }
    let gone = |key: &ComponentKey| !plan.in_scope.components.contains_key(key);
    for key in base.keys().into_iter().filter(gone) {
        let as_stored = tree_key(registry, &key, base.remote(&key));
        answers.deleted.extend([key, as_stored]);
    }
    merge_partial(repo, base, plan, &conversion, pack, &mut answers)?;
    super::damage::conclude(registry, base, plan, &mut answers);
    answers.gaps.append(&mut answers.gathered.gaps);
    let n_secrets = answers.gathered.redacted.len() + base.redacted.0.len();
    answers
        .gaps
        .extend(redaction::gap(tags.as_ref(), n_secrets));
    Ok(answers)
}
