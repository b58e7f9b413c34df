//! Commits that tell of no change of the org: what was put back, what was rewritten.
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
pub(super) fn message(kind: &Kind, subject: String, body: &str, base: &Base) -> Message {
    let mut message = Message::new(subject).with_body(body);
    if let Some(org) = &base.org {
        message = message.with_trailer(trailer::ORG, org.org_id.to_string());
    }
    message.with_trailer(trailer::KIND, kind.word())
}

/// Makes the commit on top of the branch and moves the branch to it.
#[expect(
    clippy::too_many_arguments,
    reason = "what a commit is made of, and where it goes"
)]
pub(super) fn publish(
    lock: &WriteLock<'_>,
    branch: &Branch,
    pack: PackBuilder<'_>,
    tree: ObjectId,
    message: Message,
    setup: &SnapshotSetup,
    now: Option<Timestamp>,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let now = now.unwrap_or(Timestamp::UNKNOWN);
    let who = Signature::new(&setup.committer.0, &setup.committer.1, now);
    let reason = format!("snapshot: {}", message.subject);
    let new = pack.commit(&CommitDraft {
        tree,
        parents: branch.tip.into_iter().collect(),
        author: who.clone(),
        committer: who,
        message,
    })?;
    let publication = Publication {
        branch: branch.clone(),
        new,
        reason,
        also: Vec::new(),
    };
    let published = lock.publish(pack.finish()?, &publication, monitor)?;
    published.refreshed?;
    Ok(())
}
