//! Retrieve jobs that run, written down on the remote.
//!
//! A runner that is killed takes its disk along. So the ids of jobs that run for a
//! while are put into the state on the remote, from where a run in another clone goes
//! on with them.
//!
//! Invariant: the state is replaced only where it is the one that we saw, and a note
//! that cannot be made costs nothing but itself.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{memory::Memory, push::Remote};
use crate::{
    model::{OrgId, RecordId},
    ops::{error::Error, fetch::Notes},
    progress::{Event, Monitor},
    store::{Listing, Pushed, Repository, Signature},
};

/// How long a job runs before it is worth a push: one that is through sooner is started again.
const WORTH_A_PUSH: Duration = Duration::from_secs(5);

/// Least time between two pushes, so that a wave of jobs is one.
const BETWEEN: Duration = Duration::from_mins(1);

/// The notes of one run.
pub(super) struct JobNotes<'a> {
    repo: &'a Repository,
    remote: Option<&'a RefCell<Remote>>,
    org: OrgId,
    memory: &'a Memory,
    who: &'a Signature,
    monitor: &'a dyn Monitor,
    jobs: RefCell<Jobs>,
}

#[derive(Debug, Default)]
struct Jobs {
    /// By the digest of what they were asked for.
    open: BTreeMap<String, RecordId>,
    /// When the first was started that is not on the remote.
    unnoted_since: Option<Instant>,
    pushed_at: Option<Instant>,
    is_off: bool,
}

impl<'a> JobNotes<'a> {
    /// Notes on `remote`; without one, only those of earlier runs are read.
    pub(super) fn new(
        repo: &'a Repository,
        remote: Option<&'a RefCell<Remote>>,
        org: OrgId,
        memory: &'a Memory,
        who: &'a Signature,
        monitor: &'a dyn Monitor,
    ) -> Self {
        let jobs = Jobs {
            open: memory.state.open_jobs.clone(),
            ..Jobs::default()
        };
        Self {
            repo,
            remote,
            org,
            memory,
            who,
            monitor,
            jobs: RefCell::new(jobs),
        }
    }

    fn push(&self, remote: &RefCell<Remote>, jobs: &BTreeMap<String, RecordId>) -> Option<String> {
        let mut remote = remote.borrow_mut();
        let name = remote.name().to_owned();
        let pushed = tokio::task::block_in_place(|| -> Result<Pushed, Error> {
            let pack = self.repo.pack(&Listing::default())?;
            let files = self.memory.with_open_jobs(jobs);
            let update = pack.state(self.org, None, &files, self.who)?;
            // Kept until the remote has it.
            let kept = pack.finish()?;
            let pushed = match update {
                Some(update) => remote.put_state(self.repo, self.org, update.new)?,
                None => Pushed::Done,
            };
            kept.release();
            Ok(pushed)
        });
        match pushed {
            Ok(Pushed::Done) => None,
            Ok(Pushed::Refused(words) | Pushed::StateRefused(words)) => {
                Some(format!("`{name}` refuses it: {words}"))
            }
            Ok(Pushed::WithoutState | Pushed::Moved) => {
                Some(format!("another run has replaced the state on `{name}`"))
            }
            Err(err) => Some(err.to_string()),
        }
    }
}

impl Notes for JobNotes<'_> {
    fn open_job(&self, digest: &str) -> Option<String> {
        let jobs = self.jobs.borrow();
        jobs.open.get(digest).map(ToString::to_string)
    }

    fn started(&self, digest: &str, job_id: &str) {
        let Ok(id) = job_id.parse() else { return };
        let mut jobs = self.jobs.borrow_mut();
        jobs.open.insert(digest.to_owned(), id);
        jobs.unnoted_since.get_or_insert_with(Instant::now);
    }

    fn waiting(&self) {
        let Some(remote) = self.remote else { return };
        let mut jobs = self.jobs.borrow_mut();
        let is_worth_it = jobs
            .unnoted_since
            .is_some_and(|it| WORTH_A_PUSH <= it.elapsed());
        let is_early = jobs.pushed_at.is_some_and(|it| it.elapsed() < BETWEEN);
        if jobs.is_off || is_early || !is_worth_it {
            return;
        }
        if let Some(reason) = self.push(remote, &jobs.open) {
            jobs.is_off = true;
            self.monitor.event(Event::Warned(format!(
                "the jobs that run are not written down, so another clone would start them again: {reason}"
            )));
        }
        jobs.unnoted_since = None;
        jobs.pushed_at = Some(Instant::now());
    }

    fn taken(&self, digest: &str) {
        self.jobs.borrow_mut().open.remove(digest);
    }
}
