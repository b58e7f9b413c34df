//! Commits which row took the place of which.

use crate::{
    ledger::{RecordsState, Restores},
    model::{OrgId, Timestamp},
    ops::{
        error::Error,
        records::Place,
        snapshot::{SnapshotSetup, snapshot_id},
    },
    plan::commits::counted,
    progress::Monitor,
    records::{IdMap, Period, branch_name},
    store::{
        CommitDraft, Listing, Message, ObjectId, Publication, Repository, Signature, TreeEdit,
        trailer,
    },
};

/// Commits the pairs that are noted, and takes them off the notes in the same step.
///
/// Gives the commit; `None` where no pair was noted.
///
/// # Errors
///
/// What writing the repository gives: the pairs stay noted.
pub(super) fn commit_ids(
    repo: &Repository,
    place: &Place,
    setup: &SnapshotSetup,
    org: OrgId,
    now: Timestamp,
    monitor: &dyn Monitor,
) -> Result<Option<ObjectId>, Error> {
    let lock = repo.lock()?;
    let stored = repo.state(org)?;
    let mut open = match stored.files.get(Restores::PATH) {
        Some(bytes) => Restores::parse(bytes)?,
        None => return Ok(None),
    };
    if open.pairs.is_empty() {
        return Ok(None);
    }
    let Some(tip) = place.tip(repo)? else {
        return Ok(None);
    };
    let tree = repo.commit(tip)?.tree;
    let mut ids = match repo.entry_at(tree, IdMap::PATH)? {
        Some(entry) => IdMap::parse(&repo.blob(entry.id)?).map_err(super::RestoreRefusal::from)?,
        None => IdMap::default(),
    };
    let n_rows = open.pairs.len();
    for it in std::mem::take(&mut open.pairs) {
        let replaced = crate::records::Replaced {
            object: it.object,
            by: it.new,
            at: it.at,
        };
        ids.insert(it.old, replaced);
    }
    let who = Signature::new(&setup.committer.0, &setup.committer.1, now);
    let pack = repo.pack(&Listing::default())?;
    let mut edit = TreeEdit::new(Some(tree));
    let path = |text: &str| text.parse().expect("a literal path is valid");
    edit.put(path(IdMap::PATH), pack.blob(&ids.render())?);
    let tree = edit.write(&pack)?;
    let name = branch_name(&place.prefix, Period::of(now, place.every));
    let branch = repo.ready(&name, &place.remote)?;
    let mut message = Message::new(format!(
        "Records: {} restored under new Ids",
        counted(n_rows, "row")
    ))
    .with_trailer(trailer::SNAPSHOT, snapshot_id(now))
    .with_trailer(trailer::KIND, "records")
    .with_trailer(trailer::ORG, org.to_string());
    if branch.tip.is_none() {
        message = message.with_trailer(trailer::FOLLOWS, tip.to_string());
    }
    let commit = pack.commit(&CommitDraft {
        tree,
        parents: branch.tip.into_iter().collect(),
        author: who.clone(),
        committer: who.clone(),
        message,
    })?;
    let mut files = stored.files.clone();
    files.insert(path(Restores::PATH), open.render());
    // The rows are those of the commit before: the next export goes on from here.
    let state = files.get(RecordsState::PATH);
    if let Some(mut state) = state.and_then(|it| RecordsState::parse(it).ok())
        && state.commit == Some(tip.to_string())
    {
        state.commit = Some(commit.to_string());
        files.insert(path(RecordsState::PATH), state.render());
    }
    let publication = Publication {
        branch,
        new: commit,
        reason: "records: restored".to_owned(),
        also: pack
            .state(org, stored.commit, &files, &who)?
            .into_iter()
            .collect(),
    };
    let published = lock.publish(pack.finish()?, &publication, monitor)?;
    published.refreshed?;
    Ok(Some(commit))
}
