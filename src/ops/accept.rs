//! Known gaps: lists them, and commits that somebody lives with them.
//!
//! An acceptance stands in the ledger beside the gap and goes with it, so a gap
//! that is new or comes back is told again.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    error::{Error, Refusal},
    snapshot::{
        Base, SnapshotSetup,
        own::{self, OwnCommit},
    },
};
use crate::{
    ledger::{Acceptance, Coverage, Gap, GapKind},
    model::{Timestamp, TreePath},
    plan::{
        commits::{Kind, counted, neutral},
        select::{Glob, NoMatch, nearest},
    },
    progress::Monitor,
    store::{Repository, TreeEdit},
};

/// What is known of the gaps of a branch.
#[derive(Clone, Debug, Serialize)]
pub struct AcceptReport {
    /// Names the shape of this object.
    pub schema: &'static str,
    /// The branch.
    pub branch: String,
    /// Its gaps, those that nobody has accepted first.
    pub gaps: Vec<KnownGap>,
    /// The commit that was made; absent where nothing was accepted.
    pub commit: Option<String>,
}

/// A gap and what is said of it.
#[derive(Clone, Debug, Serialize)]
pub struct KnownGap {
    /// The gap.
    #[serde(flatten)]
    pub gap: Gap,
    /// Why one can live with it; absent where nobody has accepted it.
    pub because: Option<String>,
    /// Whether this run accepted it.
    pub is_new: bool,
}

/// Which gaps to accept, and why.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Patterns of what is lacking, such as `Report:Private*`; empty for all.
    pub patterns: Vec<String>,
    /// Why one can live with them.
    pub because: String,
    /// Name and address of who says so.
    pub who: (String, String),
    /// When, by this machine's clock: no org is asked.
    pub at: Timestamp,
}

/// The gaps of the last snapshot.
///
/// # Errors
///
/// A branch without a snapshot, and a repository that cannot be read.
pub fn gaps(repo: &Repository, setup: &SnapshotSetup) -> Result<AcceptReport, Error> {
    let branch = repo.ready(&setup.branch, &setup.remote)?;
    let base = Base::read(repo, &branch, &setup.package_dirs)?;
    base.kept_org(&branch.name)?;
    Ok(report(&branch.name, &base.coverage, &BTreeSet::new(), None))
}

/// Accepts gaps, in a commit of its own under the name of who accepts them.
///
/// # Errors
///
/// A pattern that no open gap fits, a branch without a snapshot, and a repository that
/// cannot be written; the branch is where it was.
pub fn accept(
    repo: &Repository,
    setup: &SnapshotSetup,
    choice: &Choice,
    monitor: &dyn Monitor,
) -> Result<AcceptReport, Error> {
    let lock = repo.lock()?;
    let branch = repo.ready(&setup.branch, &setup.remote)?;
    let base = Base::read(repo, &branch, &setup.package_dirs)?;
    base.kept_org(&branch.name)?;
    let new = chosen(&base.coverage, choice)?;
    if new.is_empty() {
        return Err(Refusal::NoOpenGap {
            branch: branch.name,
        }
        .into());
    }
    let mut coverage = base.coverage.clone();
    coverage.accepted.extend(new.iter().cloned());
    let pack = repo.pack(&base.listing)?;
    let mut edit = TreeEdit::new(base.tree);
    let path: TreePath = Coverage::PATH.parse().expect("a literal path is valid");
    edit.put(path, pack.blob(&coverage.render())?);
    let subject = format!("Accept {}", counted(new.len(), "known gap"));
    let commit = OwnCommit {
        tree: edit.write(&pack)?,
        message: own::message(&Kind::Accepted, subject, &body(&new, choice), &base),
        author: Some(choice.who.clone()),
        at: Some(choice.at),
    };
    let commit = own::publish(&lock, &branch, pack, commit, setup, monitor)?;
    Ok(report(
        &branch.name,
        &coverage,
        &new,
        Some(commit.to_string()),
    ))
}

/// The acceptances that `choice` asks for: open gaps only.
fn chosen(coverage: &Coverage, choice: &Choice) -> Result<BTreeSet<Acceptance>, NoMatch> {
    let accept = |gap: &Gap| Acceptance {
        what: gap.what.clone(),
        kind: gap.kind,
        because: choice.because.clone(),
    };
    if choice.patterns.is_empty() {
        return Ok(coverage.open().map(accept).collect());
    }
    let mut all = BTreeSet::new();
    for pattern in &choice.patterns {
        let glob = Glob::new(pattern);
        let fits = |gap: &&Gap| gap.what == *pattern || glob.matches(&gap.what);
        let before = all.len();
        all.extend(coverage.open().filter(fits).map(accept));
        let is_known = coverage.unexpected().any(|gap| fits(&gap));
        if all.len() == before && !is_known {
            let names = coverage.open().map(|it| it.what.as_str());
            return Err(NoMatch {
                selector: pattern.clone(),
                nearest: nearest(pattern, names)
                    .into_iter()
                    .map(str::to_owned)
                    .collect(),
            });
        }
    }
    Ok(all)
}

/// What the commit says: why, then what.
fn body(new: &BTreeSet<Acceptance>, choice: &Choice) -> String {
    let mut lines = vec![neutral(&choice.because), String::new()];
    lines.extend(
        new.iter()
            .map(|it| format!("{} ({})", neutral(&it.what), it.kind.word())),
    );
    lines.join("\n")
}

fn report(
    branch: &str,
    coverage: &Coverage,
    new: &BTreeSet<Acceptance>,
    commit: Option<String>,
) -> AcceptReport {
    let mut gaps: Vec<KnownGap> = coverage
        .gaps
        .iter()
        .filter(|gap| gap.kind != GapKind::Skipped)
        .map(|gap| KnownGap {
            gap: gap.clone(),
            because: coverage.acceptance(gap).map(|it| it.because.clone()),
            is_new: new.iter().any(|it| it.covers(gap)),
        })
        .collect();
    gaps.sort_by_key(|it| !coverage.is_open(&it.gap));
    AcceptReport {
        schema: "orgkeep/accept/1",
        branch: branch.to_owned(),
        gaps,
        commit,
    }
}
