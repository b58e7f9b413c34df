//! One deploy: noted, sent, waited for.
//!
//! Invariant: a deploy whose answer was lost is asked for, never sent again; its job
//! is noted before it is waited for.

use super::{PlannedRollback, package::Package, report::JobReport};
use crate::{
    client::{self, DeployOptions, DeployResult, Org, UserInfo},
    ledger::DeployRecord,
    model::{Author, RecordId, Timestamp},
    ops::{
        error::{During, Error},
        jobs::{self, Interrupts, Journal},
    },
    plan::deploy::TestLevel,
    progress::{Event, Monitor},
};

/// How often a lost job is looked for: the org's list may lag behind.
const LOOKS: usize = 5;

/// Sends deploys of one rollback, one after the other.
pub(super) struct Sender<'a> {
    pub(super) org: &'a Org,
    /// Who deploys.
    pub(super) user: UserInfo,
    pub(super) journal: Journal<'a>,
    pub(super) planned: &'a PlannedRollback,
    pub(super) interrupts: &'a dyn Interrupts,
    pub(super) monitor: &'a dyn Monitor,
    /// Whether what goes in stays, although other components fail.
    pub(super) ignore_errors: bool,
    /// Names this rollback in the notes.
    pub(super) run: String,
    pub(super) n_sent: u32,
    pub(super) jobs: Vec<JobReport>,
}

/// What is sent.
#[derive(Clone, Copy)]
pub(super) enum What<'p> {
    /// Only checks an archive.
    Check(&'p Package),
    /// Deploys an archive.
    Deploy(&'p Package),
    /// Deploys what a check of the archive found good.
    Quick(&'p str, &'p Package),
}

impl What<'_> {
    fn is_check(self) -> bool {
        matches!(self, Self::Check(_))
    }

    fn package(&self) -> &Package {
        match self {
            Self::Check(it) | Self::Deploy(it) | Self::Quick(_, it) => it,
        }
    }

    fn step(self) -> &'static str {
        match self {
            Self::Check(_) => "checking",
            Self::Deploy(_) => "deploying",
            Self::Quick(..) => "deploying what was checked",
        }
    }
}

impl Sender<'_> {
    /// Sends and waits; the result says itself whether it went well.
    ///
    /// A check that the org will not deploy as it is any more is deployed whole.
    pub(super) async fn send(
        &mut self,
        what: What<'_>,
        tests: &TestLevel,
    ) -> Result<DeployResult, Error> {
        let package = what.package();
        package.refuse_placeholders()?;
        let no = self.n_sent;
        self.n_sent += 1;
        let sent = self.now();
        if !what.is_check() {
            // Whoever finds this without a job asks the org for it.
            self.note(no, sent, false, None).await?;
        }
        let begun = match what {
            What::Quick(id, _) => self.org.deploy_recent_validation(id).await,
            What::Check(_) | What::Deploy(_) => {
                let zip = package.write(self.journal.repository())?;
                let options = self.options(what.is_check(), tests);
                self.org.start_deploy(zip, &options).await
            }
        };
        let begun = match begun {
            // It has become too old, or somebody has deployed since.
            Err(client::Error::Fault { .. }) if matches!(what, What::Quick(..)) => {
                let zip = package.write(self.journal.repository())?;
                let options = self.options(false, tests);
                self.org.start_deploy(zip, &options).await
            }
            other => other,
        };
        let job = match begun {
            Ok(job) => job,
            Err(err @ client::Error::Unconfirmed { .. }) => {
                match self.find(sent, what.is_check()).await.during(what.step())? {
                    Some(job) => job,
                    None => return Err(err).during(what.step()),
                }
            }
            Err(err) => {
                if !what.is_check() {
                    self.forget(no, sent).await;
                }
                return Err(err).during(what.step());
            }
        };
        // From here on a signal is about this job.
        self.interrupts.deploying(Some(&job));
        self.jobs.push(JobReport {
            id: job.clone(),
            check_only: what.is_check(),
            status: None,
            n_components: 0,
        });
        self.monitor.event(Event::Job(job.clone()));
        let id: Option<RecordId> = job.parse().ok();
        if let Err(err) = self.note(no, sent, what.is_check(), id).await {
            // The deploy runs whether we note it or not.
            self.monitor.event(Event::Warned(format!(
                "deploy {job} could not be noted: {err}"
            )));
        }
        let n = Some(package.n_components);
        let result = jobs::wait(self.org, &job, n, self.interrupts, self.monitor)
            .await
            .during(what.step())?;
        self.end(no, &result).await;
        Ok(result)
    }

    fn options(&self, check_only: bool, tests: &TestLevel) -> DeployOptions {
        let (test_level, tests) = words(tests);
        DeployOptions {
            check_only,
            test_level,
            tests,
            rollback_on_error: !self.ignore_errors,
            ..DeployOptions::default()
        }
    }

    fn now(&self) -> Timestamp {
        self.org.now().unwrap_or(Timestamp::UNKNOWN)
    }

    /// Looks for a deploy that the org may have taken although no answer came.
    async fn find(&self, sent: Timestamp, check_only: bool) -> Result<Option<String>, Error> {
        let noted = self.journal.read()?;
        let mut known: Vec<RecordId> = noted.deploys.iter().filter_map(|it| it.job).collect();
        known.extend(
            self.jobs
                .iter()
                .filter_map(|it| it.id.parse::<RecordId>().ok()),
        );
        let user = Some(self.user.id);
        for wait in self.org.options().poll.waits().take(LOOKS) {
            let found = jobs::lost_job(self.org, user, sent, check_only, &known).await?;
            match found.as_slice() {
                [] => tokio::time::sleep(wait).await,
                [one] => return Ok(Some(one.id.clone())),
                // Which one is ours nothing tells.
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Notes a deploy, or its job.
    async fn note(
        &self,
        no: u32,
        sent: Timestamp,
        check_only: bool,
        job: Option<RecordId>,
    ) -> Result<(), Error> {
        let user = &self.user;
        let record = DeployRecord {
            job,
            run: self.run.clone(),
            no,
            sent,
            by: Author {
                id: Some(user.id),
                name: user.name.clone(),
            },
            check_only,
            purpose: self.planned.title(),
            target: self.planned.target.commit.to_string(),
            components: if check_only {
                std::collections::BTreeSet::new()
            } else {
                self.planned.touched()
            },
            end: None,
            told: false,
        };
        let change = |all: &mut crate::ledger::Deploys| match all.entry(&record.run, no) {
            Some(entry) => *entry = record,
            None => all.deploys.push(record),
        };
        self.journal
            .note(self.now(), change)
            .await
            .during("noting the deploy")
    }

    /// Takes the note of a deploy back that the org refused.
    async fn forget(&self, no: u32, sent: Timestamp) {
        let run = &self.run;
        let change = |all: &mut crate::ledger::Deploys| {
            all.deploys.retain(|it| it.run != *run || it.no != no);
        };
        // The next run finds that the org has no such deploy.
        let _ = self.journal.note(sent, change).await;
    }

    /// Notes how a deploy ended.
    async fn end(&mut self, no: u32, result: &DeployResult) {
        if let Some(job) = self.jobs.last_mut() {
            job.status = Some(result.status);
            job.n_components = result.n_components_deployed;
        }
        let now = self.now();
        let end = jobs::end_of(result, now);
        let run = &self.run;
        let change = |all: &mut crate::ledger::Deploys| {
            if let Some(entry) = all.entry(run, no) {
                entry.end = end;
            }
        };
        if let Err(err) = self.journal.note(now, change).await {
            let id = &result.id;
            self.monitor.event(Event::Warned(format!(
                "the end of deploy {id} could not be noted: {err}"
            )));
        }
    }
}

/// The client's words for a test level.
fn words(level: &TestLevel) -> (client::TestLevel, Vec<String>) {
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
