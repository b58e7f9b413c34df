//! `records prune`: whole periods go, and nothing else.
//!
//! A period is a branch with a root of its own, so deleting the branch, its copies
//! and the tags on it cuts its rows off. Every other commit keeps its id; what later
//! commits have of the same bytes stays with them.

use std::collections::BTreeSet;

use serde::Serialize;

use super::branches::Place;
use crate::{
    ops::error::{Error, Refusal},
    records::{
        Period,
        body::{LFS, digest_of_path},
        branch_name, period_of_branch,
    },
    store::{ObjectId, Repository},
};

/// What goes, or went.
#[derive(Clone, Debug, Serialize)]
pub struct PruneReport {
    /// `orgkeep/records-prune/1`.
    pub schema: &'static str,
    /// Branches of periods that ended before the day.
    pub branches: Vec<String>,
    /// Tags on commits of them.
    pub tags: Vec<String>,
    /// Branches that stay.
    pub kept: Vec<String>,
    /// Files of Git LFS that no other period points to; their copies here go as well.
    pub files: u64,
    /// Whether it was done.
    pub done: bool,
}

/// Whether to look or to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Say what would go.
    Look,
    /// Do it.
    Prune,
}

/// Cuts the periods that ended at or before the day `before`, such as `2026-01-01`.
///
/// The latest period stays whatever its date: it holds the rows as they are. What was
/// cut lies in the repository until `git gc` takes it, and on remotes until it is
/// deleted there.
///
/// # Errors
///
/// [`Refusal::NoRecords`], and what the repository gives.
pub fn prune(
    repo: &Repository,
    place: &Place,
    before: &str,
    act: Act,
) -> Result<PruneReport, Error> {
    let lock = repo.lock()?;
    let mut periods = place.branches(repo)?;
    let Some(latest) = periods.pop() else {
        return Err(Refusal::NoRecords {
            prefix: place.prefix.clone(),
        }
        .into());
    };
    let (gone, kept): (Vec<_>, Vec<_>) = periods
        .into_iter()
        .partition(|(period, _)| period.end().is_some_and(|it| it.as_str() <= before));
    let name = |period| branch_name(&place.prefix, period);
    let branches: Vec<String> = gone.iter().map(|it| name(it.0)).collect();
    let mut kept: Vec<String> = kept.iter().map(|it| name(it.0)).collect();
    kept.push(name(latest.0));

    let mut refs = Vec::new();
    for (full, target) in repo.refs_below("refs/")? {
        // `refs/heads/…`, `refs/remotes/origin/…` and our own copies end in the branch's name.
        let is_copy = branches.iter().any(|it| full.ends_with(&format!("/{it}")));
        let is_of_place = full
            .find(&place.prefix)
            .is_some_and(|at| period_of_branch(&place.prefix, &full[at..]).is_some());
        if is_copy && is_of_place && !full.starts_with("refs/tags/") {
            refs.push((full, target));
        }
    }
    let mut tags = Vec::new();
    for (full, target) in repo.refs_below("refs/tags/")? {
        let Ok(commit) = repo.ref_commit(&full) else {
            continue;
        };
        if is_of(repo, commit, &gone)? {
            tags.push(full.trim_start_matches("refs/tags/").to_owned());
            refs.push((full, target));
        }
    }
    let unused = unused_lfs(repo, &gone, place)?;
    if act == Act::Prune {
        lock.delete_refs(&refs)?;
        repo.drop_from_lfs(unused.iter().map(String::as_str))?;
    }
    Ok(PruneReport {
        schema: "orgkeep/records-prune/1",
        branches,
        tags,
        kept,
        files: unused.len() as u64,
        done: act == Act::Prune,
    })
}

/// Digests of the files of Git LFS that only the periods `gone` point to.
fn unused_lfs(
    repo: &Repository,
    gone: &[(Period, ObjectId)],
    place: &Place,
) -> Result<BTreeSet<String>, Error> {
    let of = |tips: &mut dyn Iterator<Item = ObjectId>| -> Result<BTreeSet<String>, Error> {
        let (mut seen, mut digests) = (BTreeSet::new(), BTreeSet::new());
        for tip in tips {
            for commit in repo.history(tip) {
                let tree = commit?.tree;
                let Some(folder) = repo.entry_at(tree, LFS)?.map(|it| it.id) else {
                    continue;
                };
                if !seen.insert(folder) {
                    continue;
                }
                for file in repo.list_tree(folder)?.iter() {
                    let path = format!("{LFS}/{}", file.path);
                    digests.extend(digest_of_path(&path).map(str::to_owned));
                }
            }
        }
        Ok(digests)
    };
    let all = place.branches(repo)?;
    let unused = of(&mut gone.iter().map(|it| it.1))?;
    if unused.is_empty() {
        return Ok(unused);
    }
    let stays = all.iter().filter(|it| !gone.contains(it));
    let used = of(&mut stays.map(|it| it.1))?;
    Ok(unused.difference(&used).cloned().collect())
}

/// Whether `commit` is one of those periods'.
fn is_of<P>(repo: &Repository, commit: ObjectId, periods: &[(P, ObjectId)]) -> Result<bool, Error> {
    for (_, tip) in periods {
        if *tip == commit || repo.is_ancestor(commit, *tip)? {
            return Ok(true);
        }
    }
    Ok(false)
}
