//! `records log` and `records show`: one row through the commits.

use std::{collections::BTreeMap, fs::File};

use serde::Serialize;

use crate::{
    model::{FieldName, ObjectName, RecordId, Timestamp},
    ops::{
        error::{Error, Refusal},
        records::{Place, RecordsAt},
    },
    records::{Row, RowChange, Shard, body::BodyRule, changes, read_shard},
    store::{ObjectId, Repository, trailer},
};

/// A row as it stands in one commit.
#[derive(Clone, Debug, Serialize)]
pub struct RowReport {
    /// The commit.
    pub commit: String,
    /// When it was committed.
    pub at: Timestamp,
    /// The object.
    pub object: ObjectName,
    /// The Id.
    pub id: RecordId,
    /// The cells; null where the field is null. What is not here was not read.
    pub fields: BTreeMap<FieldName, Option<String>>,
    /// The body of the file, where the row is one and the commit has it.
    pub body: Option<BodyReport>,
}

/// A body that a commit has.
#[derive(Clone, Debug, Serialize)]
pub struct BodyReport {
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Whether it is of an earlier state of the row.
    pub is_stale: bool,
}

/// What one commit did to a row.
#[derive(Clone, Debug, Serialize)]
pub struct RowChangeReport {
    /// The commit.
    pub commit: String,
    /// When it was committed.
    pub at: Timestamp,
    /// `added`, `changed` or `deleted`.
    pub change: &'static str,
    /// Id of the user who changed the row last, as the row tells.
    pub by: Option<String>,
    /// When that was.
    pub changed_at: Option<Timestamp>,
    /// Cells that differ: as they were and as they are.
    pub fields: BTreeMap<FieldName, (Option<String>, Option<String>)>,
}

/// The row `id` in the commit `at`.
///
/// # Errors
///
/// [`Refusal::NoSuchRow`].
pub fn show(repo: &Repository, at: ObjectId, id: RecordId) -> Result<RowReport, Error> {
    let records = RecordsAt::open(repo, Some(at))?;
    let Some((object, row)) = records.row(&id)? else {
        return Err(Refusal::NoSuchRow {
            id: id.to_string(),
            commit: at.short().clone(),
        }
        .into());
    };
    Ok(RowReport {
        commit: at.to_string(),
        at: repo.commit(at)?.committer.time,
        object: object.clone(),
        id,
        fields: row
            .cells()
            .map(|(field, cell)| (field.clone(), known(cell)))
            .collect(),
        body: records.body(object, id)?.map(|it| {
            let mark = BodyRule::of(object.as_str()).and_then(|rule| row.get(rule.mark));
            BodyReport {
                is_stale: mark != Some(it.mark.as_str()),
                bytes: it.bytes,
                sha256: it.sha256,
            }
        }),
    })
}

/// Opens the body of the row `id` in the commit `at`.
///
/// # Errors
///
/// [`Refusal::NoSuchRow`], [`Refusal::NoBody`] where the commit has none of it.
pub fn body(repo: &Repository, at: ObjectId, id: RecordId) -> Result<File, Error> {
    let records = RecordsAt::open(repo, Some(at))?;
    let commit = at.short().clone();
    let id_text = id.to_string();
    let Some((object, _)) = records.row(&id)? else {
        return Err(Refusal::NoSuchRow {
            id: id_text,
            commit,
        }
        .into());
    };
    let Some(kept) = records.body(object, id)? else {
        return Err(Refusal::NoBody {
            id: id_text,
            commit,
        }
        .into());
    };
    records.open_body(&kept)
}

/// What each commit did to the row `id`, the latest first; nothing where none knows it.
///
/// Goes through all periods that are here.
///
/// # Errors
///
/// Commits and rows that cannot be read.
pub fn log(repo: &Repository, place: &Place, id: RecordId) -> Result<Vec<RowChangeReport>, Error> {
    let mut found = Vec::new();
    let mut next = Some(place.require_tip(repo)?);
    let mut object: Option<ObjectName> = None;
    while let Some(commit) = next {
        let this = repo.commit(commit)?;
        // A new period begins with a root of its own, and names the commit that it follows.
        let follows = this.message.trailer(trailer::FOLLOWS);
        let before = this
            .parents
            .first()
            .copied()
            .or_else(|| follows?.parse().ok())
            .filter(|it| repo.commit(*it).is_ok());
        if object.is_none() {
            let at = RecordsAt::open(repo, Some(commit))?;
            object = at.object_of(&id).cloned();
            if object.is_none()
                && let Some((name, _)) = at.row(&id)?
            {
                object = Some(name.clone());
            }
        }
        if let Some(object) = &object {
            let path = Shard::of(&id).path(object);
            let entry = |commit: Option<ObjectId>| -> Result<Option<ObjectId>, Error> {
                let Some(commit) = commit else {
                    return Ok(None);
                };
                let tree = repo.commit(commit)?.tree;
                Ok(repo.entry_at(tree, path.as_str())?.map(|it| it.id))
            };
            let (old, new) = (entry(before)?, entry(Some(commit))?);
            if old != new {
                let rows = (row_in(repo, old, id)?, row_in(repo, new, id)?);
                found.extend(change(commit, this.committer.time, rows.0, rows.1));
            }
        }
        next = before;
    }
    Ok(found)
}

fn row_in(repo: &Repository, file: Option<ObjectId>, id: RecordId) -> Result<Option<Row>, Error> {
    let Some(file) = file else { return Ok(None) };
    let rows = read_shard(&repo.blob(file)?).map_err(|err| Refusal::BadFile {
        path: format!("file {}", file.short()),
        reason: format!("cannot be read: {err}"),
    })?;
    Ok(rows.into_iter().find(|it| it.id() == id))
}

fn change(
    commit: ObjectId,
    at: Timestamp,
    before: Option<Row>,
    after: Option<Row>,
) -> Option<RowChangeReport> {
    let found = changes(before.into_iter().collect(), after.into_iter().collect());
    let (word, row, cells) = match found.into_iter().next()? {
        RowChange::Added(row) => ("added", Some(row), Vec::new()),
        RowChange::Deleted(_) => ("deleted", None, Vec::new()),
        RowChange::Changed { after, cells, .. } => ("changed", Some(after), cells),
    };
    let cell = |name: &str| known(row.as_ref()?.get(name)?);
    Some(RowChangeReport {
        commit: commit.to_string(),
        at,
        change: word,
        by: cell("LastModifiedById"),
        changed_at: cell("LastModifiedDate").and_then(|it| it.parse().ok()),
        fields: cells
            .into_iter()
            .map(|it| (it.field, (known(&it.before), known(&it.after))))
            .collect(),
    })
}

fn known(cell: &str) -> Option<String> {
    (!cell.is_empty()).then(|| cell.to_owned())
}
