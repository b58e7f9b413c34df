//! The end of a snapshot: the tag, the state and the branch.

use std::{collections::BTreeMap, fs::OpenOptions, io::Write};

use super::{
    SnapshotOptions, SnapshotSetup,
    base::{Base, snapshot_id},
    commit::Commits,
    decide::ReadPlan,
    gather::StoredFile,
    memory::{Memory, remember},
    push::PushReport,
    read::Answers,
};
use crate::{
    client::Identity,
    ledger::RunRecord,
    model::{ComponentKey, Timestamp},
    ops::error::Error,
    plan::retrieve::incremental::Pass,
    progress::Monitor,
    store::{
        Branch, KeptPack, Message, ObjectId, PackBuilder, Publication, Published, RefUpdate,
        Repository, Signature, WriteLock, trailer,
    },
};

/// What became of the branch.
pub(super) struct Outcome {
    pub(super) snapshot: String,
    pub(super) commits: Commits,
    pub(super) tag: Option<String>,
    pub(super) kept_files: Vec<String>,
    pub(super) refresh_problem: Option<String>,
    pub(super) pushed: Option<PushReport>,
}

/// A snapshot whose objects are in the repository, and that no reference shows yet.
pub(super) struct Closed {
    pub(super) kept: KeptPack,
    /// The commit that the branch goes to; `None` where there is none to go to.
    pub(super) new: Option<ObjectId>,
    pub(super) commits: Commits,
    pub(super) tag: Option<RefUpdate>,
    pub(super) state: Option<RefUpdate>,
    run: RunRecord,
}

/// Puts the tag and the state into the pack, and closes it.
#[expect(
    clippy::too_many_arguments,
    reason = "the end of the way, where everything meets"
)]
pub(super) fn close(
    pack: PackBuilder<'_>,
    base: &Base,
    memory: &Memory,
    identity: &Identity,
    plan: &ReadPlan,
    answers: &Answers,
    commits: Commits,
    setup: &SnapshotSetup,
    options: &SnapshotOptions,
    calls: u64,
) -> Result<Closed, Error> {
    let new = commits.made.last().map(|it| it.id).or(base.commit);
    let who = signature(setup, plan.began);
    let snapshot = snapshot_id(plan.began);
    let run = RunRecord {
        snapshot: snapshot.clone(),
        at: plan.began,
        kind: kind(plan).to_owned(),
        commit: new.map(|it| it.to_string()),
        changed: commits.changes.len() as u64,
        gaps: commits.ledger.coverage.open().count() as u64,
        calls,
    };
    let mut tag = None;
    if let (Some(name), Some(new)) = (&options.tag, new) {
        let message = options
            .message
            .clone()
            .unwrap_or_else(|| format!("Snapshot {snapshot}"));
        let message = Message::new(message).with_trailer(trailer::SNAPSHOT, snapshot.clone());
        tag = Some(pack.tag(name, new, &who, &message)?);
    }
    let has_moved = !commits.made.is_empty();
    let state = remember(
        &pack, memory, identity, plan, answers, new, has_moved, &run, &who,
    )?;
    Ok(Closed {
        kept: pack.finish()?,
        new,
        commits,
        tag,
        state,
        run,
    })
}

/// Moves the branch, the tag and the state.
pub(super) fn show(
    lock: &WriteLock<'_>,
    closed: Closed,
    branch: &Branch,
    options: &SnapshotOptions,
    monitor: &dyn Monitor,
) -> Result<Outcome, Error> {
    let repo = lock.repository();
    note_run(repo, &closed.run);
    let mut outcome = Outcome {
        snapshot: closed.run.snapshot,
        commits: closed.commits,
        tag: None,
        kept_files: Vec::new(),
        refresh_problem: None,
        pushed: None,
    };
    let Some(new) = closed.new else {
        return Ok(outcome);
    };
    let n = outcome.commits.changes.len();
    let publication = Publication {
        branch: branch.clone(),
        new,
        reason: format!("snapshot: {n} files changed"),
        also: closed.tag.into_iter().chain(closed.state).collect(),
    };
    let published: Published = lock.publish(closed.kept, &publication, monitor)?;
    outcome.tag.clone_from(&options.tag);
    outcome.note_refresh(published);
    if let Ok(dir) = repo.private_dir()
        && let Ok(spool) = crate::ops::fetch::Spool::open(&dir)
    {
        spool.clear();
    }
    Ok(outcome)
}

impl Outcome {
    /// Says what became of the working tree.
    pub(super) fn note_refresh(&mut self, published: Published) {
        match published.refreshed {
            Ok(refreshed) => {
                let kept = refreshed.kept.iter().map(|it| it.path.clone());
                self.kept_files = kept.collect();
            }
            Err(err) => self.refresh_problem = Some(err.to_string()),
        }
    }
}

/// Who writes what is ours.
pub(super) fn signature(setup: &SnapshotSetup, at: Timestamp) -> Signature {
    Signature::new(&setup.committer.0, &setup.committer.1, at)
}

/// The word for a pass.
pub(super) fn kind(plan: &ReadPlan) -> &'static str {
    match plan.pass {
        _ if plan.is_selective => "only",
        Pass::Full => "full",
        Pass::Incremental { .. } => "incremental",
    }
}
/// Notes the run in the repository itself, where runs without a change are listed too.
fn note_run(repo: &Repository, run: &RunRecord) {
    let Ok(dir) = repo.private_dir() else { return };
    let Ok(line) = serde_json::to_string(run) else {
        return;
    };
    // A list of runs is a convenience: its loss is no failure.
    let _ = OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("runs.jsonl"))
        .and_then(|mut file| writeln!(file, "{line}"));
}

/// Files by family, for whoever wants to know what came.
pub(super) fn n_components(files: &BTreeMap<ComponentKey, Vec<StoredFile>>) -> usize {
    files.values().filter(|it| !it.is_empty()).count()
}
