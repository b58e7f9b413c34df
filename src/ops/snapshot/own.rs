//! Commits that tell of no change of the org: what was put back, rewritten or accepted.
//!
//! They have no snapshot's id, so the snapshot below them stays the last one.

use super::{SnapshotSetup, base::Base};
use crate::{
    model::Timestamp,
    ops::error::Error,
    plan::commits::Kind,
    progress::Monitor,
    store::{
        Branch, Commit, CommitDraft, Message, ObjectId, PackBuilder, Publication, Repository,
        Signature, WriteLock, trailer,
    },
};

/// How far back our last commit is looked for below those that people made.
///
/// As for the last snapshot, see `base`.
const MAX_FOREIGN_COMMITS: usize = 1000;

/// The last commit at or before `tip` that orgkeep wrote.
pub(super) fn last(repo: &Repository, tip: ObjectId) -> Result<Option<Commit>, Error> {
    for commit in repo.history(tip).take(MAX_FOREIGN_COMMITS) {
        let commit = commit?;
        if commit.message.trailer(trailer::ORG).is_some() {
            return Ok(Some(commit));
        }
    }
    Ok(None)
}

/// The message of such a commit.
pub(in crate::ops) fn message(kind: &Kind, subject: String, body: &str, base: &Base) -> Message {
    let mut message = Message::new(subject).with_body(body);
    if let Some(org) = &base.org {
        message = message.with_trailer(trailer::ORG, org.org_id.to_string());
    }
    message.with_trailer(trailer::KIND, kind.word())
}

/// A commit of our own, not made yet.
pub(in crate::ops) struct OwnCommit {
    pub(in crate::ops) tree: ObjectId,
    pub(in crate::ops) message: Message,
    /// Who wanted it; the committer where nobody did.
    pub(in crate::ops) author: Option<(String, String)>,
    pub(in crate::ops) at: Option<Timestamp>,
}

/// Makes the commit on top of the branch and moves the branch to it.
pub(in crate::ops) fn publish(
    lock: &WriteLock<'_>,
    branch: &Branch,
    pack: PackBuilder<'_>,
    commit: OwnCommit,
    setup: &SnapshotSetup,
    monitor: &dyn Monitor,
) -> Result<ObjectId, Error> {
    let at = commit.at.unwrap_or(Timestamp::UNKNOWN);
    let committer = Signature::new(&setup.committer.0, &setup.committer.1, at);
    let author = match commit.author {
        Some((name, email)) => Signature::new(name, email, at),
        None => committer.clone(),
    };
    let reason = format!("snapshot: {}", commit.message.subject);
    let new = pack.commit(&CommitDraft {
        tree: commit.tree,
        parents: branch.tip.into_iter().collect(),
        author,
        committer,
        message: commit.message,
    })?;
    let publication = Publication {
        branch: branch.clone(),
        new,
        reason,
        also: Vec::new(),
    };
    let published = lock.publish(pack.finish()?, &publication, monitor)?;
    published.refreshed?;
    Ok(new)
}
