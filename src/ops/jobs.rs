//! Deploys that were begun: notes them, asks what became of them, waits for them.
//!
//! Each deploy is noted in the state of its org before it is sent and again when
//! its job is known, so that a process which ends meanwhile leaves no deploy that
//! nobody knows of. Whoever comes next asks the org.
//!
//! Invariant: a deploy counts as ended only when the org has said so.

mod journal;
mod news;

use std::{future::Future, pin::Pin, time::Duration};

use serde::Serialize;

pub(super) use journal::Journal;
pub use news::DeployNews;

use super::{
    error::{Cause, During, Error, Refusal},
    history,
    snapshot::{self, CommitReport, SnapshotOptions, SnapshotSetup},
};
use crate::{
    client::{self, DeployRequest, DeployResult, DeployStatus, Identity, Org},
    ledger::{DeployEnd, DeployRecord, OrgFile},
    model::{OrgId, RecordId, Timestamp},
    progress::{Event, Monitor, Phase},
    store::{Repository, WriteLock},
};

/// How much earlier than we sent a deploy the org may have dated it.
///
/// Own figure: the org's clock is known to a second or two.
const CLOCK: Duration = Duration::from_secs(5);

/// What a user says while a deploy runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Wait no longer, and let it run.
    Leave,
    /// Stop it.
    Cancel,
}

/// Somebody who may interrupt the waiting.
pub trait Interrupts: Send + Sync {
    /// Hears which job is waited for; none once it is done.
    fn deploying(&self, job: Option<&str>);

    /// Resolves when there is something to say.
    fn word(&self) -> Pin<Box<dyn Future<Output = Word> + Send + '_>>;
}

/// Nobody interrupts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Uninterrupted;

impl Interrupts for Uninterrupted {
    fn deploying(&self, _job: Option<&str>) {}

    fn word(&self) -> Pin<Box<dyn Future<Output = Word> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// Asks the org what became of the deploys that are noted as open, and notes that.
///
/// Gives what there is to say of each. A deploy whose job was never told is looked for
/// among those of the user who sent it.
pub(super) async fn settle(
    lock: &WriteLock<'_>,
    org: &Org,
    setup: &SnapshotSetup,
    id: OrgId,
) -> Result<Vec<DeployNews>, Error> {
    let journal = Journal::new(lock.repository(), setup, id);
    let mut deploys = journal.read()?;
    let known: Vec<RecordId> = deploys.deploys.iter().filter_map(|it| it.job).collect();
    let mut news = Vec::new();
    for deploy in deploys.deploys.iter_mut().filter(|it| it.is_open()) {
        let asked = ask(org, deploy, &known).await;
        let mut found = DeployNews::from(&*deploy);
        match asked {
            Ok(()) => (),
            // Another user may be told.
            Err(client::Error::Fault { .. }) => {
                found.status = Some(DeployEnd::NOT_TOLD.to_owned());
            }
            Err(err) => return Err(err).during("asking what became of an earlier deploy"),
        }
        news.push(found);
    }
    let now = org.now().unwrap_or(Timestamp::UNKNOWN);
    journal.write(lock, now, |it| *it = deploys)?;
    Ok(news)
}

/// Brings the note of one deploy up to date.
async fn ask(
    org: &Org,
    deploy: &mut DeployRecord,
    known: &[RecordId],
) -> Result<(), client::Error> {
    let now = org.now().unwrap_or(deploy.sent);
    let ended = |status: &str, at: Timestamp| {
        Some(DeployEnd {
            status: status.to_owned(),
            at,
        })
    };
    if deploy.job.is_none() {
        let found = lost_job(org, deploy.by.id, deploy.sent, deploy.check_only, known).await?;
        match found.as_slice() {
            [] => deploy.end = ended(DeployEnd::NOT_TAKEN, now),
            [one] => deploy.job = one.id.parse().ok(),
            // Which of them is ours nothing tells; the next run may know.
            _ => return Ok(()),
        }
    }
    let Some(job) = deploy.job else {
        return Ok(());
    };
    match org.check_deploy(job.as_str()).await {
        Ok(result) => deploy.end = end_of(&result, now),
        Err(err) if err.code() == Some("INVALID_CROSS_REFERENCE_KEY") => {
            deploy.end = ended(DeployEnd::FORGOTTEN, now);
        }
        Err(err) => return Err(err),
    }
    Ok(())
}

/// How a deploy ended, if it has.
pub(super) fn end_of(result: &DeployResult, now: Timestamp) -> Option<DeployEnd> {
    let status = match result.status {
        DeployStatus::Succeeded => "Succeeded",
        DeployStatus::SucceededPartial => "SucceededPartial",
        DeployStatus::Failed => "Failed",
        DeployStatus::Canceled => "Canceled",
        DeployStatus::FinalizingFailed => "FinalizingFailed",
        DeployStatus::Pending
        | DeployStatus::InProgress
        | DeployStatus::Finalizing
        | DeployStatus::Canceling => return None,
    };
    result.done.then(|| DeployEnd {
        status: status.to_owned(),
        at: result.completed.unwrap_or(now),
    })
}

/// Deploys that may be the one whose answer was lost: of that user, sent since, not known.
pub(super) async fn lost_job(
    org: &Org,
    user: Option<RecordId>,
    sent: Timestamp,
    check_only: bool,
    known: &[RecordId],
) -> Result<Vec<DeployRequest>, client::Error> {
    let Some(user) = user else {
        return Ok(Vec::new());
    };
    let mut jobs = org.deploys_since(user, sent.before(CLOCK)).await?;
    jobs.retain(|it| {
        let is_known = it.id.parse().is_ok_and(|id| known.contains(&id));
        it.check_only == check_only && !is_known
    });
    Ok(jobs)
}

/// Waits until `job` is done, unless somebody wants to wait no longer.
pub(super) async fn wait(
    org: &Org,
    job: &str,
    n_components: Option<u64>,
    interrupts: &dyn Interrupts,
    monitor: &dyn Monitor,
) -> Result<DeployResult, Error> {
    interrupts.deploying(Some(job));
    monitor.event(Event::Started(Phase::Deploy, n_components));
    let mut tests_began = false;
    let finish = org.finish_deploy(job, org.options().poll, |seen| {
        monitor.event(Event::Advanced(Phase::Deploy, seen.n_components_deployed));
        if seen.n_tests > 0 {
            if !std::mem::replace(&mut tests_began, true) {
                monitor.event(Event::Started(Phase::Test, Some(seen.n_tests)));
            }
            monitor.event(Event::Advanced(Phase::Test, seen.n_tests_completed));
        }
    });
    let mut finish = std::pin::pin!(finish);
    let lost = |source| Cause::DeployLost {
        job: job.to_owned(),
        source,
    };
    let result = loop {
        tokio::select! {
            biased;
            result = &mut finish => break match result {
                Err(err) if err.code() == Some("INVALID_CROSS_REFERENCE_KEY") => {
                    Err(Refusal::NoSuchDeploy { job: job.to_owned() }.into())
                }
                other => other.map_err(|err| Error::from(lost(err))),
            },
            word = interrupts.word() => match word {
                Word::Leave => break Err(Cause::DeployLeft { job: job.to_owned() }.into()),
                Word::Cancel => match org.cancel_deploy(job).await {
                    // One that is done already says how it ended.
                    Ok(_) | Err(client::Error::Fault { .. }) => (),
                    Err(err) => break Err(lost(err).into()),
                },
            }
        }
    };
    interrupts.deploying(None);
    let result = result?;
    monitor.event(Event::Finished(Phase::Test));
    monitor.event(Event::Finished(Phase::Deploy));
    Ok(result)
}

/// The deploys that are noted for the org that the branch keeps, the latest first.
///
/// # Errors
///
/// A branch without a snapshot, and a repository that cannot be read.
pub fn list(repo: &Repository, setup: &SnapshotSetup) -> Result<Vec<DeployRecord>, Error> {
    let tip = history::tip(repo, &setup.branch, &setup.remote)?;
    let tree = repo.commit(tip)?.tree;
    let no_snapshot = || Refusal::NoSnapshot {
        branch: setup.branch.clone(),
    };
    let entry = repo
        .entry_at(tree, OrgFile::PATH)?
        .ok_or_else(no_snapshot)?;
    let org = OrgFile::parse(&repo.blob(entry.id)?)?;
    let mut deploys = Journal::new(repo, setup, org.org_id).read()?.deploys;
    deploys.reverse();
    Ok(deploys)
}

/// Asks what became of the deploys that are noted as open.
///
/// # Errors
///
/// Whatever asking fails with.
pub async fn refresh(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
) -> Result<Vec<DeployNews>, Error> {
    let identity = org.identity().await.during("asking the org who it is")?;
    let lock = repo.lock()?;
    settle(&lock, org, setup, identity.org.id).await
}

/// What became of a deploy that was waited for.
#[derive(Clone, Debug, Serialize)]
pub struct WaitReport {
    /// The job.
    pub job: String,
    /// What it is for, where it is one of ours.
    pub purpose: Option<String>,
    /// Whether it only checks.
    pub check_only: bool,
    /// How it ended.
    pub status: DeployStatus,
    /// Components that it deployed, as the org counts them.
    pub n_components: u64,
    /// What the org says of what failed.
    pub failures: Vec<super::rollback::Failure>,
    /// Commits of the snapshot afterwards, oldest first.
    pub commits: Vec<CommitReport>,
}

/// Waits for a deploy, and takes a snapshot where it changed the org.
///
/// # Errors
///
/// [`Cause::DeployLeft`], and whatever asking and a snapshot fail with.
pub async fn wait_for(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
    job: RecordId,
    interrupts: &dyn Interrupts,
    monitor: &dyn Monitor,
) -> Result<WaitReport, Error> {
    let identity: Identity = org.identity().await.during("asking the org who it is")?;
    let journal = Journal::new(repo, setup, identity.org.id);
    let noted = journal.read()?.of_job(job).cloned();
    let result = wait(org, job.as_str(), None, interrupts, monitor).await?;
    let now = org.now().unwrap_or(Timestamp::UNKNOWN);
    if let Some(noted) = &noted {
        let end = end_of(&result, now);
        journal
            .note(now, |it| {
                if let Some(entry) = it.entry(&noted.run, noted.no) {
                    entry.end = end;
                }
            })
            .await?;
    }
    let mut commits = Vec::new();
    let took_effect = matches!(
        result.status,
        DeployStatus::Succeeded | DeployStatus::SucceededPartial
    );
    if took_effect && !result.check_only {
        let options = SnapshotOptions::default();
        let report = snapshot::snapshot(org, repo, setup, &options, monitor)
            .await
            .during(format!(
                "taking a snapshot after deploy {job}, which is in the org"
            ))?;
        commits = report.commits;
    }
    Ok(WaitReport {
        job: job.to_string(),
        purpose: noted.map(|it| it.purpose),
        check_only: result.check_only,
        status: result.status,
        n_components: result.n_components_deployed,
        failures: super::rollback::failures_of(&result),
        commits,
    })
}

/// Asks a deploy to stop, and waits until it has.
///
/// # Errors
///
/// A fault where it is done already, and whatever waiting fails with.
pub async fn cancel(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
    job: RecordId,
    monitor: &dyn Monitor,
) -> Result<WaitReport, Error> {
    org.cancel_deploy(job.as_str())
        .await
        .during(format!("cancelling deploy {job}"))?;
    wait_for(org, repo, setup, job, &Uninterrupted, monitor).await
}
