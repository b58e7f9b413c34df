//! Carries a plan out.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    PlannedRollback, Residue,
    package::{Package, Packer, activation},
    plan, residue,
    view::TreeView,
};
use crate::{
    client::{self, DeployOptions, DeployResult, Org, TestFailure},
    model::{ComponentKey, Timestamp},
    ops::{
        error::{During, Error},
        snapshot::{self, SnapshotOptions, SnapshotSetup},
    },
    plan::{
        deploy::{DeployCall, TestLevel},
        rollback::Step,
    },
    progress::{Event, Monitor, Phase},
    store::Repository,
};

/// How to apply a plan.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplyOptions {
    /// Only check it in the org, which leaves nothing there.
    pub check_only: bool,
}

/// How far a plan came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// There was nothing to do.
    Nothing,
    /// The check failed: nothing has changed in the org.
    CheckFailed,
    /// The check went well, and no more was asked for.
    Checked,
    /// A deploy failed after the check, and none before it had gone through.
    DeployFailed,
    /// A deploy failed after another had gone through.
    PartlyDeployed,
    /// It is in the org.
    Deployed,
}

/// A component that the org refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The component as the platform names it, `Type:Name`; empty for the whole deploy.
    pub component: String,
    /// Its file in the archive.
    pub file: String,
    /// Line of the problem.
    pub line: Option<u64>,
    /// Column of the problem.
    pub column: Option<u64>,
    /// The platform's words.
    pub problem: String,
}

/// What became of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct ApplyReport {
    /// How far it came.
    pub stage: Stage,
    /// Jobs in the org, checks first.
    pub jobs: Vec<String>,
    /// Components that the org refused.
    pub failures: Vec<Failure>,
    /// Components that were not sent, with the reason.
    pub refused: BTreeMap<ComponentKey, String>,
    /// Apex tests run.
    pub n_tests: u64,
    /// Commits of the snapshot afterwards, oldest first.
    pub commits: Vec<snapshot::CommitReport>,
    /// What is still different.
    pub residue: Vec<Residue>,
}

impl ApplyReport {
    /// Whether the org refused it.
    #[must_use]
    pub fn failed(&self) -> bool {
        matches!(
            self.stage,
            Stage::CheckFailed | Stage::DeployFailed | Stage::PartlyDeployed
        )
    }

    /// Whether something was not put back.
    #[must_use]
    pub fn has_gaps(&self) -> bool {
        !self.refused.is_empty() || !self.residue.is_empty()
    }
}

/// Applies `planned`: checks it in the org, looks again, deploys, and takes a snapshot.
///
/// That the org refuses something is no error but stands in the report.
///
/// # Errors
///
/// [`Error`]: [`super::Refusal::PlanOutdated`] where the org has moved on since the plan,
/// and whatever a call or a snapshot fails with.
pub async fn apply(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
    planned: &PlannedRollback,
    options: ApplyOptions,
    monitor: &dyn Monitor,
) -> Result<ApplyReport, Error> {
    let mut run = Run {
        org,
        repo,
        setup,
        planned,
        monitor,
        report: ApplyReport {
            stage: Stage::Nothing,
            jobs: Vec::new(),
            failures: Vec::new(),
            refused: BTreeMap::new(),
            n_tests: 0,
            commits: Vec::new(),
            residue: Vec::new(),
        },
    };
    if planned.deploy.is_empty() {
        return Ok(run.report);
    }
    let target = TreeView::new(repo, &planned.then);
    let today = TreeView::new(repo, &planned.now);
    let packer = Packer {
        org,
        repo,
        setup,
        target: &target,
        now: &today,
    };
    let Some(checked) = run.check(&packer).await? else {
        run.report.stage = Stage::CheckFailed;
        return Ok(run.report);
    };
    if options.check_only {
        run.report.stage = Stage::Checked;
        return Ok(run.report);
    }
    run.look_again().await?;
    run.report.stage = run.deploy(&packer, checked).await?;
    if run.report.stage != Stage::DeployFailed {
        run.snapshot(&target).await?;
    }
    Ok(run.report)
}

struct Run<'a> {
    org: &'a Org,
    repo: &'a Repository,
    setup: &'a SnapshotSetup,
    planned: &'a PlannedRollback,
    monitor: &'a dyn Monitor,
    report: ApplyReport,
}

/// The first call as it was checked.
struct Checked {
    first: Option<Package>,
    /// The check, where tests ran in it: it can be deployed without running them again.
    quick: Option<String>,
}

impl Run<'_> {
    /// Checks the first call; `None` where the org refuses it.
    ///
    /// What follows a call or a step cannot be checked before that was done.
    async fn check(&mut self, packer: &Packer<'_>) -> Result<Option<Checked>, Error> {
        let Some(call) = self.planned.deploy.calls.first() else {
            let steps = activation(&self.planned.deploy.after, self.setup.api_version);
            let result = self.send(&steps, true).await?;
            return Ok(self.took(&result).then_some(Checked {
                first: None,
                quick: None,
            }));
        };
        let package = packer.pack(call).await?;
        self.report.refused.extend(package.refused.clone());
        let needs_step = |key: &ComponentKey| {
            key.type_name.as_str() == "Flow" && !self.planned.deploy.before.is_empty()
        };
        let is_all = !call.post.iter().chain(&call.pre).any(needs_step);
        let checkable = if is_all {
            package.clone()
        } else {
            let mut call = call.clone();
            call.post.retain(|it| !needs_step(it));
            call.pre.retain(|it| !needs_step(it));
            packer.pack(&call).await?
        };
        let mut checked = Checked {
            first: Some(package),
            quick: None,
        };
        if checkable.is_empty() {
            return Ok(Some(checked));
        }
        let result = self.send(&checkable, true).await?;
        if !self.took(&result) {
            return Ok(None);
        }
        if is_all && self.planned.deploy.before.is_empty() && self.report.n_tests > 0 {
            checked.quick = Some(result.id);
        }
        Ok(Some(checked))
    }

    /// Makes the plan again and refuses when one entry differs.
    async fn look_again(&self) -> Result<(), Error> {
        let mut options = self.planned.options.clone();
        options.to = self.planned.target.commit.to_string();
        let again = plan(self.org, self.repo, self.setup, &options, self.monitor).await?;
        again.must_equal(&self.planned.file)
    }

    async fn deploy(&mut self, packer: &Packer<'_>, checked: Checked) -> Result<Stage, Error> {
        let planned = self.planned;
        let mut n_done = 0;
        let failed = |n_done: usize| {
            if n_done == 0 {
                Stage::DeployFailed
            } else {
                Stage::PartlyDeployed
            }
        };
        if !self.activate(&planned.deploy.before, &mut n_done).await? {
            return Ok(failed(n_done));
        }
        let mut first = checked.first;
        for call in &planned.deploy.calls {
            let package = match first.take() {
                Some(package) => package,
                None => self.pack_later(packer, call).await?,
            };
            if package.is_empty() {
                continue;
            }
            let quick = checked.quick.as_deref().filter(|_| n_done == 0);
            let result = match quick {
                Some(id) => self.send_quick(id, &package).await?,
                None => self.send(&package, false).await?,
            };
            if !self.took(&result) {
                return Ok(failed(n_done));
            }
            n_done += 1;
        }
        if !self.activate(&planned.deploy.after, &mut n_done).await? {
            return Ok(failed(n_done));
        }
        Ok(Stage::Deployed)
    }

    async fn pack_later(
        &mut self,
        packer: &Packer<'_>,
        call: &DeployCall,
    ) -> Result<Package, Error> {
        let package = packer.pack(call).await?;
        self.report.refused.extend(package.refused.clone());
        Ok(package)
    }

    /// Makes versions of flows the active ones; whether that went well.
    async fn activate(&mut self, steps: &[Step], n_done: &mut usize) -> Result<bool, Error> {
        if steps.is_empty() {
            return Ok(true);
        }
        let package = activation(steps, self.setup.api_version);
        let result = self.send(&package, false).await?;
        let took = self.took(&result);
        *n_done += usize::from(took);
        Ok(took)
    }

    /// Deploys what was checked with tests; all of it again where the org will not.
    async fn send_quick(&mut self, id: &str, package: &Package) -> Result<DeployResult, Error> {
        match self.org.deploy_recent_validation(id).await {
            Ok(job) => self.wait(job, package.n_components).await,
            Err(err) if err.code().is_some() => self.send(package, false).await,
            Err(err) => Err(err).during("deploying what was checked"),
        }
    }

    async fn send(&mut self, package: &Package, check_only: bool) -> Result<DeployResult, Error> {
        let (test_level, tests) = tests(&self.planned.deploy.tests);
        let options = DeployOptions {
            check_only,
            test_level,
            tests,
            ..DeployOptions::default()
        };
        let since = self.org.now().unwrap_or(Timestamp::UNKNOWN);
        let step = if check_only { "checking" } else { "deploying" };
        let zip = package.write(self.repo)?;
        let job = match self.org.start_deploy(zip, &options).await {
            Ok(job) => job,
            Err(err @ client::Error::Unconfirmed { .. }) => {
                // The org may have taken it: its own list tells.
                let user = self.planned.identity.user.id;
                let jobs = self.org.deploys_since(user, since).await.during(step)?;
                match jobs.into_iter().find(|it| it.check_only == check_only) {
                    Some(job) if !self.report.jobs.contains(&job.id) => job.id,
                    _ => return Err(err).during(step),
                }
            }
            Err(err) => return Err(err).during(step),
        };
        self.wait(job, package.n_components).await.during(step)
    }

    async fn wait(&mut self, job: String, n_components: u64) -> Result<DeployResult, Error> {
        self.report.jobs.push(job.clone());
        let monitor = self.monitor;
        monitor.event(Event::Started(Phase::Deploy, Some(n_components)));
        let mut tests_began = false;
        let result = self
            .org
            .finish_deploy(&job, self.org.options().poll, |seen| {
                monitor.event(Event::Advanced(Phase::Deploy, seen.n_components_deployed));
                if seen.n_tests > 0 {
                    if !std::mem::replace(&mut tests_began, true) {
                        monitor.event(Event::Started(Phase::Test, Some(seen.n_tests)));
                    }
                    monitor.event(Event::Advanced(Phase::Test, seen.n_tests_completed));
                }
            })
            .await?;
        if tests_began {
            monitor.event(Event::Finished(Phase::Test));
        }
        monitor.event(Event::Finished(Phase::Deploy));
        Ok(result)
    }

    /// Notes what a deploy says; whether it went well.
    fn took(&mut self, result: &DeployResult) -> bool {
        let n_tests = result.tests.as_ref().map_or(0, |it| it.n_run);
        self.report.n_tests = self.report.n_tests.max(n_tests);
        if result.succeeded() {
            return true;
        }
        self.report.failures = failures(result);
        false
    }

    async fn snapshot(&mut self, target: &TreeView<'_>) -> Result<(), Error> {
        let applied = self.planned.plan.applied();
        let options = SnapshotOptions {
            fresh: applied.map(|it| it.key.clone()).collect(),
            ..SnapshotOptions::default()
        };
        let report =
            snapshot::snapshot(self.org, self.repo, self.setup, &options, self.monitor).await?;
        self.report.commits = report.commits;
        let after = super::read_tip(self.repo, self.setup)?;
        let now = TreeView::new(self.repo, &after);
        let items = self.planned.plan.applied();
        let refused = self.report.refused.clone();
        let items = items.filter(|it| !refused.contains_key(&it.key));
        self.report.residue = residue::compare(items, target, &now, &after)?;
        Ok(())
    }
}

/// The client's words for a test level.
fn tests(level: &TestLevel) -> (client::TestLevel, Vec<String>) {
    let mut names = Vec::new();
    let level = match level {
        TestLevel::Default => client::TestLevel::Default,
        TestLevel::NoTestRun => client::TestLevel::NoTestRun,
        TestLevel::RunSpecifiedTests(tests) => {
            names.clone_from(tests);
            client::TestLevel::RunSpecifiedTests
        }
        TestLevel::RunLocalTests => client::TestLevel::RunLocalTests,
        TestLevel::RunAllTestsInOrg => client::TestLevel::RunAllTestsInOrg,
        TestLevel::RunRelevantTests => client::TestLevel::RunRelevantTests,
    };
    (level, names)
}

/// Everything that a failed deploy says of itself.
fn failures(result: &DeployResult) -> Vec<Failure> {
    let mut failures: Vec<Failure> = result
        .failures()
        .map(|it| Failure {
            component: match it.component_type.as_str() {
                "" => it.full_name.clone(),
                of => format!("{of}:{}", it.full_name),
            },
            file: it.file_name.clone(),
            line: it.line,
            column: it.column,
            problem: it.problem.clone().unwrap_or_default(),
        })
        .collect();
    let tests = result.tests.iter();
    failures.extend(tests.clone().flat_map(|it| &it.failures).map(test_failure));
    failures.extend(
        tests
            .flat_map(|it| &it.coverage_warnings)
            .map(|it| Failure {
                component: it.name.clone().unwrap_or_default(),
                file: String::new(),
                line: None,
                column: None,
                problem: it.message.clone(),
            }),
    );
    if failures.is_empty() || result.failure.is_some() {
        let problem = match &result.failure {
            Some((code, words)) => format!("{code}: {words}"),
            None => format!("the deploy ended as {:?}", result.status),
        };
        failures.push(Failure {
            component: String::new(),
            file: String::new(),
            line: None,
            column: None,
            problem,
        });
    }
    failures
}

fn test_failure(failure: &TestFailure) -> Failure {
    let method = failure.method.as_deref().unwrap_or_default();
    Failure {
        component: format!("{}.{method}", failure.class)
            .trim_end_matches('.')
            .to_owned(),
        file: String::new(),
        line: None,
        column: None,
        problem: failure.message.clone(),
    }
}
