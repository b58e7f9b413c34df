//! Reads the history: which components a commit changed, and how.

mod compare;
mod elements;
mod foreign;
mod rename;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use compare::{
    ChangedComponent, ChangedFile, Comparison, Detail, compare_trees, file_diff, of_commit,
};
pub(super) use compare::{compare_paths, flow_of, selected};
pub use foreign::diff;
pub(super) use foreign::{Side, Written, differing, respelled};

use super::{
    error::{Error, Refusal},
    snapshot::snapshot_of,
};
use crate::{
    ledger::{RunRecord, RunState},
    model::Timestamp,
    plan::{
        commits::Kind,
        select::{Catalogue, Selector},
    },
    store::{Commit, ObjectId, Repository, trailer},
};

/// Which commits a log shows.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// Components; all where none is named.
    pub selectors: Vec<Selector>,
    /// Part of the author's name or address.
    pub author: Option<String>,
    /// Changes made at or after this time.
    pub since: Option<Timestamp>,
    /// Most commits.
    pub limit: Option<usize>,
}

/// A log.
#[derive(Clone, Debug, Serialize)]
pub struct LogReport {
    /// Names the shape of this object.
    pub schema: &'static str,
    /// The commits, newest first.
    pub commits: Vec<LogEntry>,
}

/// One commit of a log.
#[derive(Clone, Debug, Serialize)]
pub struct LogEntry {
    /// Its id.
    pub commit: String,
    /// The snapshot that it is of, where orgkeep wrote it.
    pub snapshot: Option<String>,
    /// What kind it is, where orgkeep wrote it.
    pub kind: Option<String>,
    /// Who did it.
    pub author: String,
    /// Their address.
    pub email: String,
    /// Others whose changes are in it, with their addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
    /// When.
    pub at: Timestamp,
    /// The first line of its message.
    pub subject: String,
    /// The rest of its message, without trailers.
    pub body: String,
    /// What it changed; of a log with selectors only what they name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ChangedComponent>,
}

/// Walks the history of `tip`.
///
/// # Errors
///
/// A history that cannot be read, a clone too shallow, a selector that matches
/// nothing that ever was.
pub fn log(
    repo: &Repository,
    package_dir: &str,
    tip: ObjectId,
    options: &LogOptions,
) -> Result<LogReport, Error> {
    let mut commits = Vec::new();
    let mut known = BTreeSet::new();
    for commit in repo.history(tip) {
        let commit = commit?;
        if options
            .since
            .is_some_and(|since| commit.author.time < since)
        {
            continue;
        }
        if options
            .author
            .as_deref()
            .is_some_and(|it| !is_by(&commit, it))
        {
            continue;
        }
        let components = if options.selectors.is_empty() {
            Vec::new()
        } else {
            let changed = of_commit(repo, package_dir, &commit, Detail::Names)?;
            known.extend(changed.iter().map(|it| it.component.clone()));
            let found = selected(&changed, &options.selectors);
            if found.is_empty() {
                continue;
            }
            let with_details = of_commit(repo, package_dir, &commit, Detail::Elements)?;
            with_details
                .into_iter()
                .filter(|it| found.contains(&it.component))
                .collect()
        };
        commits.push(entry(&commit, components));
        if options.limit.is_some_and(|limit| commits.len() >= limit) {
            break;
        }
    }
    if commits.is_empty()
        && !options.selectors.is_empty()
        && options.since.is_none()
        && options.author.is_none()
    {
        let catalogue = Catalogue::new(known);
        for selector in &options.selectors {
            catalogue.select(selector)?;
        }
    }
    Ok(LogReport {
        schema: "orgkeep/log/1",
        commits,
    })
}

/// Whether a commit is by somebody whose name or address holds `who`.
pub(super) fn is_by(commit: &Commit, who: &str) -> bool {
    let who = who.to_lowercase();
    commit.author.name.to_lowercase().contains(&who)
        || commit.author.email.to_lowercase().contains(&who)
}

fn entry(commit: &Commit, components: Vec<ChangedComponent>) -> LogEntry {
    LogEntry {
        commit: commit.id.to_string(),
        snapshot: commit.message.trailer(trailer::SNAPSHOT).map(str::to_owned),
        kind: commit.message.trailer(trailer::KIND).map(str::to_owned),
        author: commit.author.name.clone(),
        email: commit.author.email.clone(),
        with: commit
            .message
            .trailers
            .iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(trailer::CO_AUTHOR))
            .map(|(_, value)| value.clone())
            .collect(),
        at: commit.author.time,
        subject: commit.message.subject.clone(),
        body: commit.message.body.clone(),
        components,
    }
}

/// One commit with all that it changed.
///
/// # Errors
///
/// As for [`log`].
pub fn show(repo: &Repository, package_dir: &str, commit: ObjectId) -> Result<LogEntry, Error> {
    let commit = repo.commit(commit)?;
    let components = of_commit(repo, package_dir, &commit, Detail::Elements)?;
    Ok(entry(&commit, components))
}

/// The runs of snapshot that are known here, newest first: those of this repository, and
/// those of other clones that changed something.
///
/// # Errors
///
/// A repository that cannot be read.
pub fn runs(repo: &Repository, tip: ObjectId) -> Result<Vec<RunRecord>, Error> {
    let mut by_snapshot = BTreeMap::new();
    let mut take = |text: &str| {
        for run in text.lines() {
            if let Ok(run) = serde_json::from_str::<RunRecord>(run) {
                by_snapshot.insert((run.at, run.snapshot.clone()), run);
            }
        }
    };
    if let Some(org) = foreign::Written::of(repo, tip)?.org {
        let state = repo.state(org)?;
        let shared = state.files.get(RunState::RUNS);
        take(&String::from_utf8_lossy(shared.map_or(&[][..], |it| it)));
    }
    // A list of runs is a convenience: where there is none, none was noted.
    let noted = repo.private_dir()?.join("runs.jsonl");
    take(&std::fs::read_to_string(noted).unwrap_or_default());
    Ok(by_snapshot.into_values().rev().collect())
}

/// Finds the commit that `text` names, in the history of `tip`.
///
/// # Errors
///
/// No such commit, several of that name, or a clone too shallow to tell.
pub fn resolve(repo: &Repository, text: &str, tip: Option<ObjectId>) -> Result<ObjectId, Error> {
    Ok(repo.resolve(text, tip)?.commit)
}

/// The last commit of the snapshot that `commit` is a part of.
///
/// An earlier part does not equal the org; what promises say of a snapshot holds
/// for its last commit. A commit that only rewrites, accepts or puts back what stands
/// there holds the whole of the snapshot before it, and stands for itself. `None` for a
/// commit that orgkeep did not write.
///
/// # Errors
///
/// As for [`log`].
pub fn whole_snapshot(
    repo: &Repository,
    commit: ObjectId,
    tip: Option<ObjectId>,
) -> Result<Option<ObjectId>, Error> {
    let read = repo.commit(commit)?;
    if snapshot_of(&read.message).is_some() {
        return Ok(Some(commit));
    }
    let Some(id) = read.message.trailer(trailer::SNAPSHOT).map(str::to_owned) else {
        let kind = read.message.trailer(trailer::KIND);
        let is_whole = [Kind::Rules, Kind::Accepted, Kind::PutBack]
            .iter()
            .any(|it| kind == Some(it.word()));
        return Ok(is_whole.then_some(commit));
    };
    let Some(tip) = tip else { return Ok(None) };
    for commit in repo.history(tip) {
        let commit = commit?;
        if commit.message.trailer(trailer::SNAPSHOT) == Some(&id)
            && snapshot_of(&commit.message).is_some()
        {
            return Ok(Some(commit.id));
        }
    }
    Ok(None)
}

/// The commit at the tip of `branch`.
///
/// # Errors
///
/// [`Refusal::NoSnapshot`] where there is none.
pub fn tip(repo: &Repository, branch: &str, remote: &str) -> Result<ObjectId, Error> {
    repo.branch(branch, remote)?.tip.ok_or_else(|| {
        Refusal::NoSnapshot {
            branch: branch.to_owned(),
        }
        .into()
    })
}
