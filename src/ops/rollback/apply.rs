//! Carries a plan out: checks it, looks again, deploys, takes a snapshot, compares.

use super::{
    PlannedRollback,
    failure::{self, Failure, TestReport},
    package::{Package, Packer, Secrets, activation},
    plan,
    report::{ApplyReport, Stage, may_have_changed, stage_after},
    residue,
    send::{Sender, What},
    view::TreeView,
};
use crate::{
    client::{DeployResult, DeployStatus, Org},
    model::{ComponentKey, Timestamp},
    ops::{
        error::{During, Error, Refusal},
        jobs::{Interrupts, Journal},
        snapshot::{self, SnapshotOptions, SnapshotSetup},
    },
    plan::{
        deploy::{Act, Check, TestLevel, checks},
        rollback::Step,
    },
    progress::Monitor,
    store::Repository,
};

/// How to apply a plan.
#[derive(Clone, Copy)]
pub struct ApplyOptions<'a> {
    /// The login that deploys, where it is another than the one that reads.
    pub writer: Option<&'a Org>,
    /// Only check it in the org, which leaves nothing there.
    pub check_only: bool,
    /// Keep what goes in although other components fail; no production org takes that.
    pub ignore_errors: bool,
    /// Who may interrupt the waiting.
    pub interrupts: &'a dyn Interrupts,
}

/// Applies `planned`: checks it in the org, looks again, deploys, and takes a snapshot.
///
/// That the org refuses something is no error but stands in the report.
///
/// # Errors
///
/// [`Error`]: [`Refusal::PlanOutdated`] where the org has moved on since the plan, before
/// anything is deployed; [`crate::ops::Cause::DeployLost`] and
/// [`crate::ops::Cause::DeployLeft`] with the job that goes on; and whatever a call or a
/// snapshot fails with.
pub async fn apply(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
    planned: &PlannedRollback,
    options: ApplyOptions<'_>,
    monitor: &dyn Monitor,
) -> Result<ApplyReport, Error> {
    if planned.deploy.is_empty() {
        return Ok(ApplyReport::default());
    }
    planned.may_be_applied(options.ignore_errors)?;
    let writer = options.writer.unwrap_or(org);
    let user = match options.writer {
        None => planned.identity.user.clone(),
        Some(writer) => {
            let identity = writer
                .identity()
                .await
                .during("asking the org who is to deploy")?;
            if identity.org.id != planned.identity.org.id {
                return Err(Refusal::PlanOfOtherOrg {
                    plan: planned.identity.org.id,
                    found: identity.org.id,
                }
                .into());
            }
            identity.user
        }
    };
    let began = org.now().unwrap_or(Timestamp::UNKNOWN);
    let mut run = Run {
        org,
        repo,
        setup,
        planned,
        monitor,
        sender: Sender {
            org: writer,
            user,
            journal: Journal::new(repo, setup, planned.identity.org.id),
            planned,
            interrupts: options.interrupts,
            monitor,
            ignore_errors: options.ignore_errors,
            run: format!("{}-{}", began.as_millis(), &planned.file.digest[..15]),
            n_sent: 0,
            jobs: Vec::new(),
        },
        n_done: 0,
        has_touched: false,
        report: ApplyReport::default(),
    };
    let target = TreeView::new(repo, &planned.then);
    let today = TreeView::new(repo, &planned.now);
    let packer = Packer {
        org,
        repo,
        setup,
        target: &target,
        now: &today,
        secrets: Secrets::Org,
    };
    run.report.stage = run.carry_out(&packer, options.check_only).await?;
    if run.has_touched {
        run.snapshot(&target).await?;
    }
    run.report.jobs = run.sender.jobs;
    Ok(run.report)
}

struct Run<'a> {
    org: &'a Org,
    repo: &'a Repository,
    setup: &'a SnapshotSetup,
    planned: &'a PlannedRollback,
    monitor: &'a dyn Monitor,
    sender: Sender<'a>,
    /// Deploys that went through.
    n_done: usize,
    /// Whether the org may be another now.
    has_touched: bool,
    report: ApplyReport,
}

/// The first call as it was checked.
#[derive(Default)]
struct Checked {
    first: Option<Package>,
    /// The check, where tests ran in it: it can be deployed without running them again.
    quick: Option<String>,
}

impl Run<'_> {
    async fn carry_out(&mut self, packer: &Packer<'_>, check_only: bool) -> Result<Stage, Error> {
        let checked = match self.check(packer).await? {
            Ok(checked) => checked,
            Err(stage) => return Ok(stage),
        };
        if check_only {
            return Ok(Stage::Checked);
        }
        self.look_again().await?;
        self.deploy(packer, checked).await
    }

    /// Checks what can be checked; how far the plan came where it does not go on.
    async fn check(&mut self, packer: &Packer<'_>) -> Result<Result<Checked, Stage>, Error> {
        let planned = self.planned;
        let checks = checks(&planned.deploy);
        let told = |(act, reason): &(Act, String)| format!("{}: {reason}", name_of(*act));
        self.report.unchecked = checks.later.iter().map(told).collect();
        let may_go_quick = checks.first_is_whole();
        let mut checked = Checked::default();
        let mut all_went_well = true;
        for check in &checks.now {
            let package = self.package_of(packer, check).await?;
            if package.is_empty() {
                continue;
            }
            let tests = self.tests_of(check.act);
            let result = self.sender.send(What::Check(&package), &tests).await?;
            all_went_well &= self.took(&result, &package);
            if result.status == DeployStatus::Canceled {
                return Ok(Err(Stage::Canceled));
            }
            if check.act == Act::Call(0) && check.without.is_empty() {
                let ran = result.tests.as_ref().is_some_and(|it| it.n_run > 0);
                let is_good = may_go_quick && ran && result.status == DeployStatus::Succeeded;
                checked.quick = is_good.then_some(result.id);
                checked.first = Some(package);
            }
        }
        if !all_went_well {
            return Ok(Err(Stage::CheckFailed));
        }
        // What a check finds is told again by the deploy.
        self.report.failures.clear();
        Ok(Ok(checked))
    }

    async fn package_of(&mut self, packer: &Packer<'_>, check: &Check) -> Result<Package, Error> {
        let deploy = &self.planned.deploy;
        match check.act {
            Act::Before => Ok(activation(&deploy.before, self.setup.api_version)),
            Act::After => Ok(activation(&deploy.after, self.setup.api_version)),
            Act::Call(n) => {
                let mut call = deploy.calls[n].clone();
                call.pre.retain(|it| !check.without.contains(it));
                call.post.retain(|it| !check.without.contains(it));
                let package = packer.pack(&call).await?;
                self.report.refused.extend(package.refused.clone());
                Ok(package)
            }
        }
    }

    /// Steps hold no Apex: the platform decides.
    fn tests_of(&self, act: Act) -> TestLevel {
        match act {
            Act::Call(_) => self.planned.deploy.tests.clone(),
            Act::Before | Act::After => TestLevel::Default,
        }
    }

    /// Makes the plan again and refuses when one entry differs.
    async fn look_again(&self) -> Result<(), Error> {
        let mut options = self.planned.options.clone();
        options.to = self.planned.target.commit.to_string();
        if let Some(revert) = &mut options.revert {
            let commits = self.planned.reverts.iter();
            revert.commits = commits.map(ToString::to_string).collect();
        }
        let again = plan(self.org, self.repo, self.setup, &options, self.monitor).await?;
        again.must_equal(&self.planned.file)
    }

    async fn deploy(&mut self, packer: &Packer<'_>, checked: Checked) -> Result<Stage, Error> {
        let planned = self.planned;
        if let Some(stage) = self.activate(&planned.deploy.before).await? {
            return Ok(stage);
        }
        let mut first = checked.first;
        for call in &planned.deploy.calls {
            let package = match first.take() {
                Some(package) => package,
                None => packer.pack(call).await?,
            };
            self.report.refused.extend(package.refused.clone());
            if package.is_empty() {
                continue;
            }
            let quick = checked.quick.as_deref().filter(|_| self.n_done == 0);
            let what = match quick {
                Some(id) => What::Quick(id, &package),
                None => What::Deploy(&package),
            };
            if let Some(stage) = self.send(what, &package, &planned.deploy.tests).await? {
                return Ok(stage);
            }
        }
        if let Some(stage) = self.activate(&planned.deploy.after).await? {
            return Ok(stage);
        }
        Ok(match self.report.failures.is_empty() {
            true => Stage::Deployed,
            false => Stage::DeployedInPart,
        })
    }

    /// Makes versions of flows the active ones; how far the plan came where that failed.
    async fn activate(&mut self, steps: &[Step]) -> Result<Option<Stage>, Error> {
        if steps.is_empty() {
            return Ok(None);
        }
        let package = activation(steps, self.setup.api_version);
        self.send(What::Deploy(&package), &package, &TestLevel::Default)
            .await
    }

    /// Deploys; how far the plan came where it does not go on.
    async fn send(
        &mut self,
        what: What<'_>,
        package: &Package,
        tests: &TestLevel,
    ) -> Result<Option<Stage>, Error> {
        let result = self.sender.send(what, tests).await?;
        self.took(&result, package);
        self.has_touched |= may_have_changed(result.status);
        let stage = stage_after(result.status, self.n_done, self.sender.ignore_errors);
        self.n_done += usize::from(stage.is_none());
        Ok(stage)
    }

    /// Notes what a deploy or a check says; whether the plan may go on.
    fn took(&mut self, result: &DeployResult, package: &Package) -> bool {
        if let Some(tests) = result.tests.as_ref().filter(|it| it.n_run > 0) {
            self.report.tests = Some(TestReport::of(tests));
        }
        if result.succeeded() {
            return true;
        }
        let target = self.planned.target.commit.short();
        let failures = failure::failures(result, &package.places, &target);
        let is_new = |it: &Failure, all: &[Failure]| !all.contains(it);
        for failure in failures {
            if is_new(&failure, &self.report.failures) {
                self.report.failures.push(failure);
            }
        }
        self.sender.ignore_errors && result.status == DeployStatus::SucceededPartial
    }

    async fn snapshot(&mut self, target: &TreeView<'_>) -> Result<(), Error> {
        let applied = self.planned.plan.applied();
        let options = SnapshotOptions {
            fresh: applied.map(|it| it.key.clone()).collect(),
            push: self.planned.options.push,
            ..SnapshotOptions::default()
        };
        let report = snapshot::snapshot(self.org, self.repo, self.setup, &options, self.monitor)
            .await
            .during("taking a snapshot of what the deploy did, which is in the org")?;
        self.report.commits = report.commits;
        let after = super::read_tip(self.repo, self.setup)?;
        let now = TreeView::new(self.repo, &after);
        let items = self.planned.plan.applied();
        let refused = self.report.refused.clone();
        let is_sent = |key: &ComponentKey| !refused.contains_key(key);
        let items = items.filter(|it| is_sent(&it.key));
        let mut residue = residue::compare(items, target, &now, &after, self.setup)?;
        for it in &mut residue {
            let name = it.component.to_string();
            let refused = self.report.failures.iter().find(|it| it.component == name);
            if let Some(failure) = refused {
                let reason = format!("the org refused it: {}", failure.problem);
                it.details.insert(0, reason);
            }
        }
        self.report.residue = residue;
        Ok(())
    }
}

fn name_of(act: Act) -> String {
    match act {
        Act::Before => "deactivating flows".to_owned(),
        Act::Call(n) => format!("deploy {}", n + 1),
        Act::After => "activating flows".to_owned(),
    }
}

impl PlannedRollback {
    /// Refuses what may not be applied now, before anything is sent.
    fn may_be_applied(&self, ignore_errors: bool) -> Result<(), Error> {
        if ignore_errors && self.identity.org.is_production() {
            return Err(Refusal::AllOrNothing.into());
        }
        let running = self
            .deploys
            .iter()
            .find(|it| it.status.is_none() && !it.check_only);
        if let Some(job) = running.and_then(|it| it.job) {
            return Err(Refusal::DeployRunning {
                job: job.to_string(),
            }
            .into());
        }
        Ok(())
    }
}
