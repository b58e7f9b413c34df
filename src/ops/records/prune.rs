//! `records prune`: whole periods go, and nothing else.
//!
//! A period is a branch with a root of its own, so deleting the branch, its copies
//! and the tags on it cuts its rows off. Every other commit keeps its id; what later
//! commits have of the same bytes stays with them.

use serde::Serialize;

use super::branches::Place;
use crate::{
    ops::error::{Error, Refusal},
    records::{branch_name, period_of_branch},
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
    if act == Act::Prune {
        lock.delete_refs(&refs)?;
    }
    Ok(PruneReport {
        schema: "orgkeep/records-prune/1",
        branches,
        tags,
        kept,
        done: act == Act::Prune,
    })
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
