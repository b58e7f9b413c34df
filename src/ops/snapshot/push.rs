//! A snapshot that several clones take turns at: go on from the remote, then push.
//!
//! The push comes before any reference here moves, so a push that fails leaves the
//! repository as it was. Whoever is killed in between finds the remote ahead next
//! time, and goes on from there.
//!
//! Invariant: the remote's branch only ever moves forward, and so does what the
//! remote's branch holds of ours.

use serde::Serialize;

use super::{
    SnapshotOptions, SnapshotSetup,
    base::{Base, last_snapshot, snapshot_id},
    check_bond, commit,
    commit::Commits,
    decide::ReadPlan,
    memory::Memory,
    read::Answers,
    record::{self, Closed, Outcome},
};
use crate::{
    client::{Identity, Org},
    ledger::RunState,
    model::{OrgId, Timestamp},
    ops::{
        error::{During, Error, Refusal},
        notes,
    },
    progress::{Event, Monitor},
    store::{
        self, Branch, KeptPack, Listing, ObjectId, Publication, PushPlan, Pushed, RefUpdate,
        RemoteTips, Repository, StatePush, WriteLock, state_ref, trailer,
    },
};

/// How often a push is tried while the remote moves.
///
/// Own figure: each try needs somebody else to have ended a whole snapshot meanwhile.
const MAX_TRIES: u32 = 5;

/// What became of the remote.
#[derive(Clone, Debug, Serialize)]
pub struct PushReport {
    /// The remote.
    pub remote: String,
    /// The branch there.
    pub branch: String,
    /// Where it is now.
    pub commit: String,
    /// Whether it had everything already.
    pub is_up_to_date: bool,
    /// The later snapshot that it holds, for which ours was dropped.
    pub dropped_for: Option<String>,
    /// Whether somebody else had replaced the state meanwhile.
    pub without_state: bool,
    /// Why the remote does not take the state, in its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_refused: Option<String>,
}

/// A remote, and where it was when we last looked.
pub(super) struct Remote {
    name: String,
    tips: RemoteTips,
}

impl Remote {
    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Replaces the state there, if it is still the one that we saw.
    pub(super) fn put_state(
        &mut self,
        repo: &Repository,
        org: OrgId,
        new: ObjectId,
    ) -> Result<Pushed, store::Error> {
        let old = self.tips.state;
        let pushed = repo.push_state(&self.name, &StatePush { org, new, old })?;
        if pushed == Pushed::Done {
            self.tips.state = Some(new);
        }
        Ok(pushed)
    }
}

/// All that a snapshot consists of, for making its commits again.
pub(super) struct Run<'a> {
    pub(super) lock: &'a WriteLock<'a>,
    pub(super) org: &'a Org,
    pub(super) branch: &'a Branch,
    pub(super) base: &'a Base,
    pub(super) memory: &'a Memory,
    pub(super) identity: &'a Identity,
    pub(super) plan: &'a ReadPlan,
    pub(super) answers: &'a Answers,
    pub(super) setup: &'a SnapshotSetup,
    pub(super) options: &'a SnapshotOptions,
    pub(super) monitor: &'a dyn Monitor,
}

/// Fetches, and brings branch and state to where the remote's are, if those are ahead.
pub(super) fn begin(
    lock: &WriteLock<'_>,
    branch: &mut Branch,
    setup: &SnapshotSetup,
    org: OrgId,
    monitor: &dyn Monitor,
) -> Result<Remote, Error> {
    let repo = lock.repository();
    if !repo.has_remote(&setup.remote)? {
        return Err(Refusal::NoRemote {
            remote: setup.remote.clone(),
        }
        .into());
    }
    let tips = fetch(repo, setup, org)?;
    let remote = Remote {
        name: setup.remote.clone(),
        tips,
    };
    let Some((target, kept)) = settle(repo, branch.tip, tips.branch, setup)? else {
        return Ok(remote);
    };
    let also = adopted_state(repo, tips.state, target, org)?;
    if branch.local == Some(target) && also.is_none() {
        return Ok(remote);
    }
    let kept = match kept {
        Some(kept) => kept,
        None => empty_pack(repo)?,
    };
    let publication = Publication {
        branch: branch.clone(),
        new: target,
        reason: format!("snapshot: go on from {}", setup.remote),
        also: also.into_iter().collect(),
    };
    lock.publish(kept, &publication, monitor)?.refreshed?;
    *branch = repo.ready(&setup.branch, &setup.remote)?;
    Ok(remote)
}

fn fetch(repo: &Repository, setup: &SnapshotSetup, org: OrgId) -> Result<RemoteTips, Error> {
    repo.fetch(&setup.remote, &setup.branch, org)
        .during(format!("fetching from `{}`", setup.remote))
}

fn empty_pack(repo: &Repository) -> Result<KeptPack, Error> {
    Ok(repo.pack(&Listing::default())?.finish()?)
}

/// The commit that goes on from both `ours` and `theirs`; `None` where there is neither.
///
/// Where both have commits that the other lacks, those of ours are made again on
/// top of theirs if orgkeep wrote them all, and dropped if theirs is of a later
/// snapshot. The pack holds what was made.
fn settle(
    repo: &Repository,
    ours: Option<ObjectId>,
    theirs: Option<ObjectId>,
    setup: &SnapshotSetup,
) -> Result<Option<(ObjectId, Option<KeptPack>)>, Error> {
    let (ours, theirs) = match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours, theirs),
        (one, other) => return Ok(one.or(other).map(|it| (it, None))),
    };
    if repo.is_ancestor(theirs, ours)? {
        return Ok(Some((ours, None)));
    }
    if repo.is_ancestor(ours, theirs)? {
        return Ok(Some((theirs, None)));
    }
    let apart = written_by_us_since(repo, ours, theirs)?.ok_or_else(|| Refusal::Diverged {
        branch: setup.branch.clone(),
        remote: setup.remote.clone(),
    })?;
    let listed_at = |commit| Ok::<_, Error>(last_snapshot(repo, commit)?.and_then(|it| it.1));
    if listed_at(ours)? <= listed_at(theirs)? {
        return Ok(Some((theirs, None)));
    }
    let pack = repo.pack(&Listing::default())?;
    let mut onto = theirs;
    for commit in apart {
        onto = pack.replay(commit, onto)?.commit;
    }
    Ok(Some((onto, Some(pack.finish()?))))
}

/// The commits of `ours` that `theirs` lacks, oldest first; `None` where any is a person's.
fn written_by_us_since(
    repo: &Repository,
    ours: ObjectId,
    theirs: ObjectId,
) -> Result<Option<Vec<ObjectId>>, Error> {
    let mut commits = Vec::new();
    for commit in repo.history(ours) {
        let commit = commit?;
        if repo.is_ancestor(commit.id, theirs)? {
            commits.reverse();
            return Ok(Some(commits));
        }
        if commit.message.trailer(trailer::ORG).is_none() || commit.parents.len() > 1 {
            return Ok(None);
        }
        commits.push(commit.id);
    }
    Ok(None)
}

/// The move of our state to the remote's, where the remote's is the one to go on with.
///
/// That is the one that belongs to the last snapshot at `tip`; of two, the later. One of
/// ours with open notes stays: the next pass is a full one then.
fn adopted_state(
    repo: &Repository,
    theirs: Option<ObjectId>,
    tip: ObjectId,
    org: OrgId,
) -> Result<Option<RefUpdate>, Error> {
    let ours = repo.state(org)?.commit;
    let Some(new) = theirs.filter(|it| ours != Some(*it)) else {
        return Ok(None);
    };
    if notes::are_open(repo, org)? {
        return Ok(None);
    }
    let snapshot = last_snapshot(repo, tip)?.map(|it| it.0.to_string());
    let worth = |state: Option<ObjectId>| -> Option<(bool, Option<Timestamp>, bool)> {
        let files = repo.state_files(state?).ok()?;
        let state = RunState::parse(files.get(RunState::PATH)?).ok()?;
        // Of two that know the same, the one that knows of jobs which run.
        let has_jobs = !state.open_jobs.is_empty();
        Some((state.commit == snapshot, state.listed_at, has_jobs))
    };
    if worth(theirs) <= worth(ours) {
        return Ok(None);
    }
    Ok(Some(state_update(org, ours, new)))
}

fn state_update(org: OrgId, old: Option<ObjectId>, new: ObjectId) -> RefUpdate {
    RefUpdate {
        name: state_ref(org),
        old,
        new,
        reason: "state".to_owned(),
    }
}

/// Pushes the snapshot and then shows it here; goes on from the remote where it moved.
pub(super) async fn publish(
    run: &Run<'_>,
    mut remote: Remote,
    mut closed: Closed,
) -> Result<Outcome, Error> {
    let repo = run.lock.repository();
    let org = run.identity.org.id;
    // What was read lies in the first pack, whatever is made of it afterwards.
    let mut packs: Vec<KeptPack> = Vec::new();
    for _ in 0..MAX_TRIES {
        let Some(new) = closed.new else {
            return record::show(run.lock, closed, run.branch, run.options, run.monitor);
        };
        let to_send = push_plan(run, &remote, &closed, new);
        let is_up_to_date =
            remote.tips.branch == Some(new) && to_send.state.is_none() && to_send.tags.is_empty();
        let pushed = if is_up_to_date {
            Pushed::Done
        } else {
            repo.push(&remote.name, &to_send)
                .during(format!("pushing to `{}`", remote.name))?
        };
        match pushed {
            Pushed::Done | Pushed::WithoutState | Pushed::StateRefused(_) => {
                let mut outcome =
                    record::show(run.lock, closed, run.branch, run.options, run.monitor)?;
                outcome.pushed = Some(PushReport {
                    remote: remote.name,
                    branch: run.setup.branch.clone(),
                    commit: new.to_string(),
                    is_up_to_date,
                    dropped_for: None,
                    without_state: pushed == Pushed::WithoutState,
                    state_refused: match pushed {
                        Pushed::StateRefused(words) => Some(words),
                        _ => None,
                    },
                });
                return Ok(outcome);
            }
            Pushed::Refused(reason) => {
                return Err(Refusal::PushRefused {
                    remote: remote.name,
                    reason,
                }
                .into());
            }
            Pushed::Moved => (),
        }
        run.monitor.event(Event::Warned(format!(
            "`{}` moved meanwhile; going on from where it is now",
            remote.name
        )));
        remote.tips = fetch(repo, run.setup, org)?;
        let tip = run.base.commit;
        let Some((tip, pack)) = settle(repo, tip, remote.tips.branch, run.setup)? else {
            continue;
        };
        packs.extend(pack);
        let base = Base::at(repo, tip, &run.setup.package_dirs)?;
        check_bond(&base, run.branch, org)?;
        if base.listed_at > Some(run.plan.began) {
            return drop_ours(run, &remote, &base, tip);
        }
        let again = make_again(run, &base).await?;
        packs.push(std::mem::replace(&mut closed, again).kept);
    }
    Err(Refusal::PushContended {
        remote: remote.name,
        tries: MAX_TRIES,
    }
    .into())
}

fn push_plan(run: &Run<'_>, remote: &Remote, closed: &Closed, new: ObjectId) -> PushPlan {
    let org = run.identity.org.id;
    let state = closed.state.as_ref().map(|it| it.new);
    let state = state.or_else(|| run.memory.commit());
    let tag = closed.tag.iter().zip(&run.options.tag);
    PushPlan {
        branch: run.setup.branch.clone(),
        commit: new,
        state: state
            .filter(|it| remote.tips.state != Some(*it))
            .map(|new| StatePush {
                org,
                new,
                old: remote.tips.state,
            }),
        tags: tag.map(|(it, name)| (name.clone(), it.new)).collect(),
    }
}

/// Makes our commits again on top of another base: the same answers, other differences.
async fn make_again(run: &Run<'_>, base: &Base) -> Result<Closed, Error> {
    let repo = run.lock.repository();
    let pack = repo.pack(&base.listing)?;
    // What did not change is what the tree had that was read before.
    let answers = Answers {
        gathered: run.answers.gathered.whole(&run.base.families),
        ..run.answers.clone()
    };
    let commits = commit::commits(
        run.org,
        base,
        run.identity,
        run.plan,
        &answers,
        run.setup,
        run.options,
        &pack,
    )
    .await?;
    record::close(
        pack,
        base,
        run.memory,
        run.identity,
        run.plan,
        &answers,
        commits,
        run.setup,
        run.options,
        run.org.budget().total(),
    )
}

/// Leaves ours, which is older than what the remote holds, and goes where the remote is.
fn drop_ours(run: &Run<'_>, remote: &Remote, base: &Base, tip: ObjectId) -> Result<Outcome, Error> {
    let later = base.listed_at.map(snapshot_id).unwrap_or_default();
    if run.options.tag.is_some() {
        return Err(Refusal::Overtaken { by: later }.into());
    }
    let org = run.identity.org.id;
    let state = remote.tips.state;
    let may_go = !notes::are_open(run.lock.repository(), org)?;
    let state = state.filter(|it| may_go && run.memory.commit() != Some(*it));
    let publication = Publication {
        branch: run.branch.clone(),
        new: tip,
        reason: format!("snapshot: dropped for {later}"),
        also: state
            .map(|new| state_update(org, run.memory.commit(), new))
            .into_iter()
            .collect(),
    };
    let kept = empty_pack(run.lock.repository())?;
    let published = run.lock.publish(kept, &publication, run.monitor)?;
    let mut outcome = Outcome {
        snapshot: snapshot_id(run.plan.began),
        commits: Commits::default(),
        tag: None,
        kept_files: Vec::new(),
        refresh_problem: None,
        pushed: Some(PushReport {
            remote: remote.name.clone(),
            branch: run.setup.branch.clone(),
            commit: tip.to_string(),
            is_up_to_date: false,
            dropped_for: Some(later),
            without_state: false,
            state_refused: None,
        }),
    };
    outcome.note_refresh(published);
    Ok(outcome)
}
