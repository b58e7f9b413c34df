//! The commit to go back to.

use crate::{
    model::OrgId,
    ops::{
        error::{Error, Refusal},
        history,
    },
    store::{ObjectId, Repository, trailer},
};

/// The commit to go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The last commit of a snapshot.
    pub commit: ObjectId,
    /// The commit that was named, where that is an earlier part of the snapshot.
    pub moved_from: Option<ObjectId>,
}

/// Finds the snapshot that `text` names, of the org `org`.
///
/// An earlier part of a snapshot does not equal the org at any time: the last
/// part takes its place.
pub(super) fn resolve(
    repo: &Repository,
    text: &str,
    tip: ObjectId,
    org: OrgId,
) -> Result<Target, Error> {
    let named = history::resolve(repo, text, Some(tip))?;
    let commit =
        history::whole_snapshot(repo, named, Some(tip))?.ok_or_else(|| Refusal::NotASnapshot {
            commit: named.short(),
        })?;
    let read = repo.commit(commit)?;
    if let Some(of) = read.message.trailer(trailer::ORG)
        && of != org.as_str()
    {
        return Err(Refusal::NotASnapshot {
            commit: named.short(),
        }
        .into());
    }
    Ok(Target {
        commit,
        moved_from: (commit != named).then_some(named),
    })
}
