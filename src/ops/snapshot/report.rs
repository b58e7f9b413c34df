//! What a snapshot did, for whoever asked for it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    SnapshotSetup,
    base::Base,
    decide::ReadPlan,
    listing::{is_guessed, parent_of},
    push::PushReport,
    read::Answers,
    record::{self, Outcome},
};
use crate::{
    client::{Identity, Org},
    ledger::Gap,
    model::{ComponentKey, Timestamp},
    ops::jobs::DeployNews,
    registry::{Files, Registry},
};

/// What a snapshot did.
#[derive(Clone, Debug, Serialize)]
pub struct SnapshotReport {
    /// Names the shape of this object.
    pub schema: &'static str,
    /// Id of the snapshot.
    pub snapshot: String,
    /// The org's name.
    pub org: String,
    /// Its id.
    pub org_id: String,
    /// Branch that the snapshot went to.
    pub branch: String,
    /// `full`, `incremental` or `only`.
    pub pass: &'static str,
    /// Commits, oldest first; empty where nothing changed.
    pub commits: Vec<CommitReport>,
    /// The tag that was made.
    pub tag: Option<String>,
    /// Components listed and in scope.
    pub n_components: usize,
    /// Components fetched.
    pub n_fetched: usize,
    /// Files that changed.
    pub n_changed_files: usize,
    /// Gaps that nobody expects and nobody has accepted; the reason for status 3.
    pub gaps: Vec<Gap>,
    /// Gaps that somebody has accepted.
    pub n_accepted: usize,
    /// Files of the working tree that were edited by hand and left alone.
    pub kept_files: Vec<String>,
    /// Why the working tree could not be refreshed; the next run does it.
    pub refresh_problem: Option<String>,
    /// API calls by name.
    pub calls: BTreeMap<&'static str, u64>,
    /// Calls used and allowed in 24 hours, as the org says.
    pub allowance: Option<(u64, u64)>,
    /// What became of the remote; present where pushing was asked for.
    pub pushed: Option<PushReport>,
    /// What became of deploys that earlier runs began and did not see to their end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deploys: Vec<DeployNews>,
    /// What would be fetched; present for a dry run only.
    pub dry_run: Option<DryRun>,
    /// When what was not looked at was looked at last; absent where everything was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest_as_of: Option<Timestamp>,
    /// What was read afresh.
    #[serde(skip)]
    pub(in crate::ops) read: BTreeSet<ComponentKey>,
}

/// A commit of a snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct CommitReport {
    /// Its id.
    pub id: String,
    /// Who did it.
    pub author: String,
    /// When the last of its changes was made.
    pub at: Timestamp,
    /// What it says.
    pub subject: String,
    /// Files that it changes.
    pub n_files: usize,
}

/// What a snapshot would fetch.
#[derive(Clone, Debug, Serialize)]
pub struct DryRun {
    /// Components to fetch, by type.
    pub by_type: BTreeMap<String, usize>,
    /// Retrieve calls.
    pub n_retrieves: usize,
    /// Calls still to be made, as estimated.
    pub n_calls: usize,
    /// Files of the tree that the answers are expected to become.
    pub n_files: u64,
}

impl SnapshotReport {
    /// The report of this snapshot and of one that was taken right before it.
    pub(super) fn after(mut self, first: Option<Self>) -> Self {
        if let Some(first) = first {
            self.commits.splice(0..0, first.commits);
            self.n_changed_files += first.n_changed_files;
            self.kept_files.splice(0..0, first.kept_files);
            self.deploys.splice(0..0, first.deploys);
        }
        self
    }

    /// Whether a gap is open that nobody expects or has accepted.
    #[must_use]
    pub fn has_gaps(&self) -> bool {
        !self.gaps.is_empty()
    }
}

/// The report of a snapshot that was not taken.
pub(super) fn dry_run(
    base: &Base,
    plan: &ReadPlan,
    org: &Org,
    identity: &Identity,
    setup: &SnapshotSetup,
) -> SnapshotReport {
    let mut by_type: BTreeMap<String, usize> = BTreeMap::new();
    for key in plan.fetched() {
        *by_type.entry(key.type_name.to_string()).or_default() += 1;
    }
    let n_files = expected_files(plan);
    let mut report = base_report(plan, org, identity, setup);
    let gaps = plan.in_scope.gaps.iter();
    report.gaps = gaps
        .filter(|it| base.coverage.is_open(it))
        .cloned()
        .collect();
    report.dry_run = Some(DryRun {
        by_type,
        n_retrieves: plan.batches.len(),
        // Starting, a few looks, and taking the answer.
        n_calls: plan.batches.len() * 5 + 3,
        n_files,
    });
    report
}

/// Files of the tree that what is fetched is expected to become.
///
/// Children that are listed and have a file of their own count as one; only what is in
/// a bundle no listing tells, so that is learned or guessed. Names that the org may not
/// know, those of standard value sets, count for nothing.
fn expected_files(plan: &ReadPlan) -> u64 {
    let registry = Registry::official();
    let mut n_children: BTreeMap<ComponentKey, u64> = BTreeMap::new();
    for key in plan.in_scope.components.keys() {
        if let Some(parent) = parent_of(registry, key) {
            *n_children.entry(parent).or_default() += 1;
        }
    }
    let files_of = |key: &ComponentKey| {
        let ty = registry.type_named(key.type_name.as_str());
        match ty.map(|it| it.files) {
            Some(Files::Single | Files::Labels | Files::OneLabelEach) => 1,
            Some(Files::Content | Files::SchemaBeside) => 2,
            Some(Files::Decomposed) => 1 + n_children.get(key).copied().unwrap_or(0),
            Some(
                Files::Bundle
                | Files::Mixed
                | Files::StaticResource
                | Files::DigitalExperience
                | Files::PermissionsByObject
                | Files::UiBundle,
            )
            | None => plan.costs.estimate(key).files,
        }
    };
    let fetched = plan.fetched().filter(|it| !is_guessed(it));
    fetched.map(files_of).sum()
}

/// The report of a snapshot that was taken.
pub(super) fn done(
    outcome: Outcome,
    plan: &ReadPlan,
    answers: &Answers,
    org: &Org,
    identity: &Identity,
    setup: &SnapshotSetup,
) -> SnapshotReport {
    let mut report = base_report(plan, org, identity, setup);
    report.snapshot = outcome.snapshot;
    report.commits = outcome
        .commits
        .made
        .iter()
        .map(|it| CommitReport {
            id: it.id.to_string(),
            author: it.author.clone(),
            at: it.at,
            subject: it.subject.clone(),
            n_files: it.n_files,
        })
        .collect();
    report.tag = outcome.tag;
    let gathered = &answers.gathered;
    report.n_fetched = record::n_components(&gathered.files) + gathered.unchanged.len();
    report.n_changed_files = outcome.commits.changes.len();
    let coverage = &outcome.commits.ledger.coverage;
    report.gaps = coverage.open().cloned().collect();
    report.n_accepted = coverage.accepted.len();
    report.kept_files = outcome.kept_files;
    report.refresh_problem = outcome.refresh_problem;
    report.pushed = outcome.pushed;
    report
}

fn base_report(
    plan: &ReadPlan,
    org: &Org,
    identity: &Identity,
    setup: &SnapshotSetup,
) -> SnapshotReport {
    SnapshotReport {
        schema: "orgkeep/snapshot/1",
        snapshot: String::new(),
        org: identity.org.name.clone(),
        org_id: identity.org.id.to_string(),
        branch: setup.branch.clone(),
        pass: record::kind(plan),
        commits: Vec::new(),
        tag: None,
        n_components: plan.in_scope.components.len(),
        n_fetched: 0,
        n_changed_files: 0,
        gaps: Vec::new(),
        n_accepted: 0,
        kept_files: Vec::new(),
        refresh_problem: None,
        calls: org.budget().calls(),
        allowance: org.budget().allowance(),
        pushed: None,
        deploys: Vec::new(),
        dry_run: None,
        rest_as_of: plan.rest_as_of,
        read: plan.fetched().cloned().collect(),
    }
}
