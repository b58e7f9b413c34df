//! Which rows a restore is about, and what they were like before and after the wrong change.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    RestoreOptions, RestoreRefusal,
    opener::Opener,
    views::{CommitRows, rows},
};
use crate::{
    model::{FieldName, ObjectName, RecordId, Timestamp},
    ops::{error::Error, records::RecordsAt},
    plan::records::{Candidate, Condition, Table},
    records::{Row, RowChange, changes},
};

/// What the selection of a restore comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    /// Objects as a whole.
    objects: BTreeSet<ObjectName>,
    ids: BTreeSet<RecordId>,
    condition: Option<Condition>,
    is_all: bool,
}

/// The change that was wrong: who, and from when to when.
#[derive(Clone, Copy, Debug)]
pub(super) struct WrongChange {
    pub(super) by: RecordId,
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
}

impl Selection {
    /// Reads what was typed, given the objects that the snapshot has.
    ///
    /// # Errors
    ///
    /// A word that is neither an Id nor an object of the snapshot, a condition that
    /// is not understood, and no selection at all.
    pub(super) fn parse(
        options: &RestoreOptions,
        more: impl IntoIterator<Item = RecordId>,
        then: &RecordsAt<'_>,
    ) -> Result<Self, Error> {
        let mut found = Self {
            is_all: options.all,
            ..Self::default()
        };
        for word in &options.what {
            if let Some((object, _)) = then.objects().find(|(name, _)| **name == *word.as_str()) {
                found.objects.insert(object.clone());
            } else if let Ok(id) = word.parse() {
                found.ids.insert(id);
            } else {
                return Err(RestoreRefusal::NoSuchRecords { word: word.clone() }.into());
            }
        }
        found.ids.extend(options.ids.iter().copied());
        found.ids.extend(more);
        if let Some(text) = &options.condition {
            let condition = Condition::parse(text).map_err(RestoreRefusal::from)?;
            found.condition = Some(condition);
        }
        let is_limited = options.changed_by.is_some() || options.bulk_job.is_some();
        if found.objects.is_empty() && found.ids.is_empty() {
            if !is_limited && !found.is_all {
                return Err(RestoreRefusal::NothingSelected.into());
            }
            found.is_all = true;
        }
        Ok(found)
    }

    /// Objects whose rows may be selected.
    pub(super) fn objects(&self, then: &RecordsAt<'_>) -> BTreeSet<ObjectName> {
        let mut all = self.objects.clone();
        all.extend(self.ids.iter().filter_map(|it| then.object_of(it)).cloned());
        if self.is_all && self.ids.is_empty() && self.objects.is_empty() {
            all.extend(then.objects().map(|(name, _)| name.clone()));
        }
        all
    }

    fn has(
        &self,
        object: &ObjectName,
        id: RecordId,
        then: Option<&Row>,
        now: Option<&Row>,
    ) -> bool {
        let is_named = self.ids.contains(&id)
            || self.objects.contains(object)
            || (self.is_all && self.ids.is_empty() && self.objects.is_empty());
        let row = then.or(now);
        is_named
            && self
                .condition
                .as_ref()
                .is_none_or(|it| row.is_some_and(|row| it.holds(row)))
    }
}

/// What differs between two commits, of those objects.
pub(super) fn differences(
    then: &RecordsAt<'_>,
    now: &RecordsAt<'_>,
    objects: &BTreeSet<ObjectName>,
    opener: &Opener,
) -> Result<BTreeMap<ObjectName, Vec<RowChange>>, Error> {
    let mut all = BTreeMap::new();
    for object in objects {
        let mut found = Vec::new();
        let shards = |at: &RecordsAt<'_>| at.object(object.as_str()).map(|it| it.shards.clone());
        let (before, after) = (
            shards(then).unwrap_or_default(),
            shards(now).unwrap_or_default(),
        );
        let numbers: BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
        for shard in numbers {
            if before.get(&shard) == after.get(&shard) {
                continue;
            }
            found.extend(changes(
                rows(then, object, shard, opener)?,
                rows(now, object, shard, opener)?,
            ));
        }
        all.insert(object.clone(), found);
    }
    Ok(all)
}

/// Rows that are not as they were, of those selected.
pub(super) fn candidates(
    selection: &Selection,
    differences: &BTreeMap<ObjectName, Vec<RowChange>>,
) -> Vec<Candidate> {
    let mut found = Vec::new();
    for (object, changes) in differences {
        for change in changes {
            let (then, now) = sides(change);
            let Some(id) = then.or(now).map(Row::id) else {
                continue;
            };
            if selection.has(object, id, then, now) {
                found.push(Candidate {
                    object: object.clone(),
                    id,
                    then: then.cloned(),
                    wrong: None,
                    now: now.cloned(),
                });
            }
        }
    }
    found
}

/// The row before and after.
fn sides(change: &RowChange) -> (Option<&Row>, Option<&Row>) {
    match change {
        RowChange::Added(row) => (None, Some(row)),
        RowChange::Deleted(row) => (Some(row), None),
        RowChange::Changed { before, after, .. } => (Some(before), Some(after)),
    }
}

/// Rows that the wrong change touched, of those selected.
///
/// `differences` are those between the commit before it and the first one behind it. A
/// row that was changed counts by what it says of its last change; one that is
/// gone by `deleted`, which tells who deleted it.
pub(super) fn wrongly_changed(
    selection: &Selection,
    differences: &BTreeMap<ObjectName, Vec<RowChange>>,
    wrong: WrongChange,
    deleted: &dyn Fn(RecordId) -> Option<(Option<RecordId>, Timestamp)>,
    now: &CommitRows<'_>,
) -> Vec<Candidate> {
    // Dates of rows are whole seconds: what happened at 9:30:12.7 says 9:30:12.
    let is_in = |at: Timestamp| at.as_seconds() >= wrong.since.as_seconds() && at <= wrong.until;
    let mut found = Vec::new();
    for (object, changes) in differences {
        for change in changes {
            let (then, after) = sides(change);
            let Some(id) = then.or(after).map(Row::id) else {
                continue;
            };
            if !selection.has(object, id, then, after) {
                continue;
            }
            let is_theirs = match after {
                Some(row) => is_changed_by(row, wrong.by, is_in),
                None => deleted(id).is_some_and(|(by, at)| by == Some(wrong.by) && is_in(at)),
            };
            if is_theirs {
                found.push(Candidate {
                    object: object.clone(),
                    id,
                    then: then.cloned(),
                    wrong: Some(after.cloned()),
                    now: now.row(object, id),
                });
            }
        }
    }
    found
}

fn is_changed_by(row: &Row, by: RecordId, is_in: impl Fn(Timestamp) -> bool) -> bool {
    let cell = |name: &str| row.get(name).unwrap_or_default();
    cell("LastModifiedById") == by.as_str() && cell("LastModifiedDate").parse().is_ok_and(is_in)
}

/// Fields that a restore is limited to.
///
/// # Errors
///
/// A word that is no name of a field.
pub(super) fn fields(words: &[String]) -> Result<Option<BTreeSet<FieldName>>, Error> {
    if words.is_empty() {
        return Ok(None);
    }
    let parse = |word: &String| {
        word.parse::<FieldName>()
            .map_err(|_| RestoreRefusal::NoSuchField { word: word.clone() })
    };
    Ok(Some(words.iter().map(parse).collect::<Result<_, _>>()?))
}
