//! Proof that a snapshot can be put back: all of it is sent to an org that only checks it.
//!
//! What the org refuses is told at the component, with file and line in the snapshot, in
//! the org's words. Nothing changes in the org.
//!
//! Invariant: every component of the snapshot was checked, or stands in the report with
//! the reason why not. A check whose end was not seen is an error, never a success.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    facts::parent_of,
    failure::{self, Failure},
    package::{Package, Packer, Secrets},
    target,
    view::TreeView,
};
use crate::{
    client::{DeployOptions, DeployResult, Org, TestLevel},
    ledger::GapKind,
    model::{ComponentKey, TypeName},
    ops::{
        error::{During, Error, Refusal},
        history,
        jobs::{self, Interrupts},
        snapshot::{Base, SnapshotSetup},
    },
    plan::{
        deploy::{self, DeployCall, plan_deploy},
        retrieve::{CostModel, Limits},
        rollback::{Content, Item, RollbackPlan, Verdict},
        select::{Catalogue, Selector},
    },
    progress::Monitor,
    store::Repository,
};

/// What is to be proven, and where.
#[derive(Clone, Debug, Default)]
pub struct ProofOptions {
    /// The snapshot, as typed; the last one where none is named.
    pub at: Option<String>,
    /// Components, as typed; all where none is named.
    pub selectors: Vec<String>,
    /// Whether another org than the snapshot's is meant.
    pub elsewhere: bool,
    /// Components that one check carries; as many as the platform takes where none is said.
    pub at_most: Option<u64>,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ProofReport {
    /// The snapshot.
    pub commit: String,
    /// The org that checked it.
    pub org: String,
    /// Components that the org takes.
    pub n_good: usize,
    /// Components that were sent.
    pub n_sent: usize,
    /// The checks, in order.
    pub jobs: Vec<String>,
    /// What would not go in.
    pub failures: Vec<Failure>,
    /// What would not go in, and may for want of something that an earlier check held.
    pub unproven: Vec<Failure>,
    /// Components that were not sent, with the reason.
    pub left_out: BTreeMap<ComponentKey, String>,
    /// What the snapshot itself lacks, by its ledger.
    pub gaps: Vec<String>,
}

impl ProofReport {
    /// Whether the snapshot goes back in as a whole.
    #[must_use]
    pub fn is_proven(&self) -> bool {
        self.failures.is_empty() && self.unproven.is_empty()
    }
}

/// Checks a snapshot in `org`.
///
/// Where it is too large for one check it is cut in the order of dependency. An org that
/// refuses a whole check without naming a component is asked for its halves.
///
/// # Errors
///
/// [`Error`]: a commit that is no snapshot, another org than the snapshot's, and whatever
/// a call fails with.
pub async fn prove(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
    options: &ProofOptions,
    interrupts: &dyn Interrupts,
    monitor: &dyn Monitor,
) -> Result<ProofReport, Error> {
    let identity = org.identity().await.during("asking the org who it is")?;
    let tip = history::tip(repo, &setup.branch, &setup.remote)?;
    let base = Base::at(repo, tip, &setup.package_dirs)?;
    let kept = base.kept_org(&setup.branch)?.org_id;
    if kept != identity.org.id && !options.elsewhere {
        return Err(Refusal::OtherOrg {
            branch: setup.branch.clone(),
            kept,
            found: identity.org.id,
        }
        .into());
    }
    let base = match &options.at {
        None => base,
        Some(text) => {
            let target = target::resolve(repo, text, tip, kept)?;
            Base::at(repo, target.commit, &setup.package_dirs)?
        }
    };
    let view = TreeView::new(repo, &base);
    let packer = Packer {
        org,
        repo,
        setup,
        target: &view,
        now: &view,
        // Another org's values are not those of the snapshot.
        secrets: match kept == identity.org.id {
            true => Secrets::Org,
            false => Secrets::Nowhere,
        },
    };
    let mut report = ProofReport {
        commit: base.commit.map_or_else(String::new, |it| it.to_string()),
        org: identity.org.name.clone(),
        gaps: gaps(&base),
        ..ProofReport::default()
    };
    let calls = calls(&base, &view, options, &mut report.left_out)?;
    let mut prover = Prover {
        org,
        repo,
        packer,
        interrupts,
        monitor,
        report,
    };
    // The last one first, so that what follows is taken from the end.
    let mut ahead: Vec<(usize, DeployCall)> = calls.into_iter().enumerate().rev().collect();
    while let Some((n, call)) = ahead.pop() {
        if let Some((one, other)) = prover.check(n, call).await? {
            ahead.push((n, other));
            ahead.push((n, one));
        }
    }
    view.check()?;
    Ok(prover.report)
}

/// What the ledger says that the snapshot lacks.
fn gaps(base: &Base) -> Vec<String> {
    let gaps = base.coverage.gaps.iter();
    let lacking = gaps.filter(|it| {
        matches!(
            it.kind,
            GapKind::Stale | GapKind::Unreadable | GapKind::InMotion | GapKind::Missing
        )
    });
    lacking
        .map(|it| format!("{}: {}", it.what, it.reason))
        .collect()
}

/// The checks: everything that was selected and can be sent at all.
fn calls(
    base: &Base,
    view: &TreeView<'_>,
    options: &ProofOptions,
    left_out: &mut BTreeMap<ComponentKey, String>,
) -> Result<Vec<DeployCall>, Error> {
    let keys = view.keys().cloned();
    let paths: Vec<_> = view
        .paths()
        .map(|(path, key)| (path.to_owned(), key.clone()))
        .collect();
    let selectors: Vec<_> = options
        .selectors
        .iter()
        .map(|it| Selector::parse(it))
        .collect();
    let selected = match selectors.is_empty() {
        true => keys.collect(),
        false => Catalogue::new(keys)
            .with_paths(paths)
            .with_parents(parent_of)
            .select_all(&selectors, &[])?,
    };
    let mut items = Vec::new();
    for key in selected {
        if let Some(reason) = cannot_be_sent(base, &key) {
            left_out.insert(key, reason.to_owned());
            continue;
        }
        let files = view.blobs(&key);
        let files = files
            .iter()
            .filter_map(|(path, _)| Some((path.parse().ok()?, Content::Target)))
            .collect();
        items.push(Item {
            verdict: Verdict::Revert,
            applies: true,
            reason: String::new(),
            details: Vec::new(),
            page: None,
            because_of: None,
            files,
            deletes: Vec::new(),
            deletes_inside: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            redacted: false,
            states: (None, Some(String::new())),
            key,
        });
    }
    let plan = RollbackPlan { items };
    let mut limits = Limits::planned();
    limits.files = options.at_most.unwrap_or(limits.files).max(1);
    let costs = CostModel::default();
    let tests = deploy::TestLevel::Default;
    Ok(plan_deploy(&plan, &costs, limits, tests, parent_of).calls)
}

/// Why a component is none that anybody deploys; `None` where it is one.
fn cannot_be_sent(base: &Base, key: &ComponentKey) -> Option<&'static str> {
    let is_installed = base
        .remote(key)
        .is_some_and(crate::model::RemoteComponent::is_installed);
    let flow = || ComponentKey::new(TypeName::known("Flow"), key.name.clone());
    match key.type_name.as_str() {
        _ if is_installed => Some("an installed package brings it"),
        "InstalledPackage" => Some("a package is installed by a person"),
        "FlowDefinition" if base.families.contains_key(&flow()) => {
            Some("its flow says itself whether it is active")
        }
        crate::source::UNMAPPED_TYPE => Some("the registry does not know its type"),
        _ => None,
    }
}

struct Prover<'a> {
    org: &'a Org,
    repo: &'a Repository,
    packer: Packer<'a>,
    interrupts: &'a dyn Interrupts,
    monitor: &'a dyn Monitor,
    report: ProofReport,
}

impl Prover<'_> {
    /// Checks one part; gives its halves where the org refuses it as a whole.
    async fn check(
        &mut self,
        n: usize,
        call: DeployCall,
    ) -> Result<Option<(DeployCall, DeployCall)>, Error> {
        let package = self.packer.pack(&call).await?;
        self.report.left_out.extend(package.refused.clone());
        if package.is_empty() {
            return Ok(None);
        }
        package.refuse_placeholders()?;
        let result = self.send(&package).await?;
        if result.failure.is_some()
            && let Some(halves) = halves(&call)
        {
            return Ok(Some(halves));
        }
        self.took(n, &package, &result);
        Ok(None)
    }

    async fn send(&mut self, package: &Package) -> Result<DeployResult, Error> {
        const STEP: &str = "checking the snapshot in the org";
        let zip = package.write(self.repo)?;
        let options = DeployOptions {
            check_only: true,
            test_level: TestLevel::Default,
            rollback_on_error: true,
            ..DeployOptions::default()
        };
        let job = self.org.start_deploy(zip, &options).await.during(STEP)?;
        self.report.jobs.push(job.clone());
        self.interrupts.deploying(Some(&job));
        let n = Some(package.n_components);
        jobs::wait(self.org, &job, n, self.interrupts, self.monitor)
            .await
            .during(STEP)
    }

    fn took(&mut self, n: usize, package: &Package, result: &DeployResult) {
        let sent = usize::try_from(package.n_components).unwrap_or(usize::MAX);
        self.report.n_sent = self.report.n_sent.saturating_add(sent);
        if result.succeeded() {
            self.report.n_good = self.report.n_good.saturating_add(sent);
            return;
        }
        let commit = self.report.commit.get(..7).unwrap_or_default().to_owned();
        let failures = failure::failures(result, &package.places, &commit);
        let mut refused: Vec<&str> = failures.iter().map(|it| it.component.as_str()).collect();
        refused.sort_unstable();
        refused.dedup();
        let n_refused = refused.iter().filter(|it| !it.is_empty()).count();
        self.report.n_good = self
            .report
            .n_good
            .saturating_add(sent.saturating_sub(n_refused));
        for failure in failures {
            // An org that has none of it yet may lack what an earlier part would have made.
            let is_open = n > 0 && says_missing(&failure.problem);
            match is_open {
                true => self.report.unproven.push(failure),
                false => self.report.failures.push(failure),
            }
        }
    }
}

/// Whether the org refuses something because another thing is not there.
fn says_missing(problem: &str) -> bool {
    let words = ["does not exist", "doesn't exist", "Invalid type: "];
    (problem.contains("no ") && problem.ends_with(" found"))
        || words.iter().any(|it| problem.contains(it))
}

/// The two halves of a call; `None` where it holds one family only.
fn halves(call: &DeployCall) -> Option<(DeployCall, DeployCall)> {
    let top = |key: &ComponentKey| {
        let mut top = key.clone();
        while let Some(parent) = parent_of(&top) {
            top = parent;
        }
        top
    };
    let mut tops: Vec<_> = call.package.iter().map(top).collect();
    tops.sort_by_key(|it| (deploy::rank(&it.type_name), it.clone()));
    tops.dedup();
    if tops.len() < 2 {
        return None;
    }
    let first: std::collections::BTreeSet<_> = tops[..tops.len() / 2].iter().cloned().collect();
    let mut halves = (DeployCall::default(), DeployCall::default());
    for (path, (key, content)) in &call.files {
        let half = match first.contains(&top(key)) {
            true => &mut halves.0,
            false => &mut halves.1,
        };
        half.package.insert(key.clone());
        half.files
            .insert(path.clone(), (key.clone(), content.clone()));
    }
    Some(halves)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ComponentKey {
        text.parse().unwrap()
    }

    #[test]
    fn halves_keep_families_together_and_lose_nothing() {
        let mut call = DeployCall::default();
        for (n, of) in [
            "CustomObject:A__c",
            "CustomField:A__c.B__c",
            "ApexClass:C",
            "Report:D/E",
        ]
        .iter()
        .enumerate()
        {
            let path = format!("f/{n}.xml").parse().unwrap();
            call.files.insert(path, (key(of), Content::Target));
            call.package.insert(key(of));
        }
        let (one, other) = halves(&call).unwrap();
        assert_eq!(one.files.len() + other.files.len(), 4);
        let object = [key("CustomField:A__c.B__c"), key("CustomObject:A__c")];
        assert_eq!(one.package.into_iter().collect::<Vec<_>>(), object);
        assert!(
            halves(&other)
                .is_some_and(|(one, other)| { halves(&one).is_none() && halves(&other).is_none() })
        );
    }

    #[test]
    fn what_is_missing_may_be_for_want_of_an_earlier_part() {
        assert!(says_missing(
            "In field: field - no CustomField named A.B__c found"
        ));
        assert!(says_missing("Variable does not exist: x"));
        assert!(!says_missing("Required field is missing: label"));
    }
}
