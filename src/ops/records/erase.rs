//! `records erase`: rows that are not kept from now on.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{at::RecordsAt, bodies, branches::Place, commit, fold::write_rows};
use crate::{
    ledger::{RecordsLedger, RecordsState},
    model::{RecordId, Timestamp},
    ops::{
        error::{Error, Refusal},
        snapshot::{SnapshotSetup, snapshot_id},
    },
    plan::commits::counted,
    progress::Monitor,
    records::{
        Shard,
        body::{Kept, blob_path, body_table_path, pointer_path},
        branch_name,
    },
    store::{
        CommitDraft, Message, ObjectId, PackBuilder, Publication, Repository, Signature, TreeEdit,
        trailer,
    },
};

/// What an erasure came to.
#[derive(Clone, Debug, Serialize)]
pub struct EraseReport {
    /// `orgkeep/records-erase/1`.
    pub schema: &'static str,
    /// The commit; `None` where all was erased before.
    pub commit: Option<String>,
    /// Rows that were in the last export.
    pub rows: Vec<RecordId>,
    /// Branches whose history still holds some of the rows, with how many commits do.
    pub held: BTreeMap<String, u64>,
}

/// Takes the rows `ids` out of the present tree, and keeps them out of later exports.
///
/// The history keeps what it has: [`EraseReport::held`] says where.
///
/// # Errors
///
/// [`Refusal::NoRecords`], and what the repository gives.
#[expect(
    clippy::too_many_lines,
    reason = "one pass over the rows, told in order"
)]
pub fn erase(
    repo: &Repository,
    place: &Place,
    setup: &SnapshotSetup,
    ids: &BTreeSet<RecordId>,
    now: Timestamp,
    monitor: &dyn Monitor,
) -> Result<EraseReport, Error> {
    let lock = repo.lock()?;
    let Some((period, tip)) = place.branches(repo)?.pop() else {
        return Err(Refusal::NoRecords {
            prefix: place.prefix.clone(),
        }
        .into());
    };
    let base = RecordsAt::open(repo, Some(tip))?;
    let mut ledger = base.ledger().cloned().ok_or_else(|| Refusal::BadFile {
        path: RecordsLedger::PATH.to_owned(),
        reason: "is not there".to_owned(),
    })?;
    let held = held(repo, place, ids)?;
    let before = ledger.erased.len();
    ledger.erased.extend(ids);
    let mut report = EraseReport {
        schema: "orgkeep/records-erase/1",
        commit: None,
        rows: Vec::new(),
        held,
    };
    if ledger.erased.len() == before {
        return Ok(report);
    }
    let pack = repo.pack(base.listing())?;
    let mut edit = TreeEdit::new(Some(repo.commit(tip)?.tree));
    let mut lost: BTreeMap<String, u64> = BTreeMap::new();
    for (object, rows) in base.objects() {
        let shards: BTreeSet<Shard> = ids
            .iter()
            .filter(|it| {
                let prefix = rows.schema.key_prefix.as_deref();
                prefix.is_none_or(|prefix| prefix == it.prefix())
            })
            .map(Shard::of)
            .collect();
        for shard in shards {
            let mut kept = base.shard(object, shard)?;
            let n_rows = kept.len();
            kept.retain(|row| {
                let stays = !ids.contains(&row.id());
                if !stays {
                    report.rows.push(row.id());
                }
                stays
            });
            if kept.len() == n_rows {
                continue;
            }
            *lost.entry(object.to_string()).or_default() += (n_rows - kept.len()) as u64;
            match kept.first().map(|it| it.columns().clone()) {
                Some(columns) => {
                    edit.put(shard.path(object), pack.blob(&write_rows(&columns, &kept))?);
                }
                None => edit.remove(shard.path(object)),
            }
        }
    }
    erase_bodies(&base, &pack, ids, &mut edit)?;
    edit.put(
        commit::path(RecordsLedger::PATH),
        pack.blob(&ledger.render())?,
    );
    let tree = edit.write(&pack)?;
    let who = Signature::new(&setup.committer.0, &setup.committer.1, now);
    let message = Message::new(format!("Records: {} erased", counted(ids.len(), "row")))
        .with_trailer(trailer::SNAPSHOT, snapshot_id(now))
        .with_trailer(trailer::KIND, "records-erase")
        .with_trailer(trailer::ORG, ledger.org.to_string());
    let new = pack.commit(&CommitDraft {
        tree,
        parents: vec![tip],
        author: who.clone(),
        committer: who.clone(),
        message,
    })?;
    let branch = repo.ready(&branch_name(&place.prefix, period), &place.remote)?;
    // The cursors belong to the new commit as they did to the old one.
    let stored = repo.state(ledger.org)?;
    let mut also = Vec::new();
    if let Some(state) = stored.files.get(RecordsState::PATH)
        && let Ok(mut state) = RecordsState::parse(state)
        && state.commit == Some(tip.to_string())
    {
        state.commit = Some(new.to_string());
        for (object, n) in &lost {
            if let Some(cursor) = state.objects.get_mut(object.as_str()) {
                cursor.n_rows = cursor.n_rows.saturating_sub(*n);
            }
        }
        let mut files = stored.files.clone();
        files.insert(commit::path(RecordsState::PATH), state.render());
        also.extend(pack.state(ledger.org, stored.commit, &files, &who)?);
    }
    let publication = Publication {
        branch,
        new,
        reason: "records: erase".to_owned(),
        also,
    };
    lock.publish(pack.finish()?, &publication, monitor)?
        .refreshed?;
    report.commit = Some(new.to_string());
    Ok(report)
}

/// Takes the bodies of the rows out, unless another row has the same.
fn erase_bodies(
    base: &RecordsAt<'_>,
    pack: &PackBuilder<'_>,
    ids: &BTreeSet<RecordId>,
    edit: &mut TreeEdit,
) -> Result<(), Error> {
    let mut gone: BTreeSet<String> = BTreeSet::new();
    let mut stays: BTreeSet<String> = BTreeSet::new();
    let columns = Kept::columns();
    for (object, tables) in bodies::tables(base, pack)? {
        for (shard, table) in tables {
            let (erased, kept): (Vec<Kept>, Vec<Kept>) =
                table.into_values().partition(|it| ids.contains(&it.id));
            stays.extend(kept.iter().map(|it| it.sha256.clone()));
            if erased.is_empty() {
                continue;
            }
            gone.extend(erased.into_iter().map(|it| it.sha256));
            let path = body_table_path(&object, shard);
            if kept.is_empty() {
                edit.remove(path);
            } else {
                let rows: Vec<_> = kept.iter().map(|it| it.row(&columns)).collect();
                edit.put(path, pack.blob(&write_rows(&columns, &rows))?);
            }
        }
    }
    for sha256 in gone.difference(&stays) {
        for path in [blob_path(sha256), pointer_path(sha256)] {
            if base.listing().get(path.as_str()).is_some() {
                edit.remove(path);
            }
        }
    }
    Ok(())
}

/// The branches whose history holds one of the rows, with the number of commits that do.
fn held(
    repo: &Repository,
    place: &Place,
    ids: &BTreeSet<RecordId>,
) -> Result<BTreeMap<String, u64>, Error> {
    let mut held = BTreeMap::new();
    for (period, tip) in place.branches(repo)? {
        let mut n_commits = 0;
        // A file that did not change since the later commit holds what that one holds.
        let mut known: BTreeMap<ObjectId, bool> = BTreeMap::new();
        for commit in repo.history(tip) {
            let at = RecordsAt::open(repo, Some(commit?.id))?;
            let mut holds = false;
            for (object, rows) in at.objects() {
                for id in ids {
                    let shard = Shard::of(id);
                    let Some(file) = rows.shards.get(&shard) else {
                        continue;
                    };
                    holds |= if let Some(holds) = known.get(file) {
                        *holds
                    } else {
                        let rows = at.shard(object, shard)?;
                        let found = rows.iter().any(|it| ids.contains(&it.id()));
                        known.insert(*file, found);
                        found
                    };
                }
            }
            n_commits += u64::from(holds);
        }
        if n_commits > 0 {
            held.insert(branch_name(&place.prefix, period), n_commits);
        }
    }
    Ok(held)
}
