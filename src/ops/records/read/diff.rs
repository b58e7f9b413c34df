//! `records diff`: rows that differ between two commits.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    model::{FieldName, ObjectName, RecordId, Timestamp},
    ops::{error::Error, records::RecordsAt},
    records::{CellChange, Row, RowChange, Shard, Why, changes},
    store::ObjectId,
};

/// What changed between two commits.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DiffReport {
    /// The earlier commit; `None` for nothing at all.
    pub from: Option<String>,
    /// The later commit.
    pub to: Option<String>,
    /// Each object with a row that changed, by name.
    pub objects: Vec<ObjectDiff>,
    /// Each object with a row whose body came, changed or went, by name.
    pub files: Vec<FileDiff>,
}

/// What changed of the bodies of one object's rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileDiff {
    /// The object.
    pub object: ObjectName,
    /// Rows that only the later commit has a body of.
    pub added: u64,
    /// Rows with another body.
    pub changed: u64,
    /// Rows that only the earlier commit has a body of.
    pub deleted: u64,
}

impl DiffReport {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.files.is_empty()
    }
}

/// What changed of one object.
#[derive(Clone, Debug, Serialize)]
pub struct ObjectDiff {
    /// The object.
    pub object: ObjectName,
    /// Rows that only the later commit has.
    pub added: u64,
    /// Rows that differ.
    pub changed: u64,
    /// Rows that only the earlier commit has.
    pub deleted: u64,
    /// Cells that differ, by field.
    pub fields: BTreeMap<FieldName, FieldSummary>,
    /// Who changed the rows last, as far as their rows tell; the one with most rows first.
    pub by: Vec<UserSummary>,
    /// Fields that only one of the commits has as columns, and so were not compared.
    pub not_compared: Vec<FieldName>,
}

/// Cells of one field that differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FieldSummary {
    /// All of them.
    pub changed: u64,
    /// Those that are null now.
    pub emptied: u64,
    /// Those that were null.
    pub filled: u64,
}

/// Rows that one user changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserSummary {
    /// Id of the user.
    pub user: String,
    /// Name, where the records of the commit have it.
    pub name: Option<String>,
    /// Rows added or changed.
    pub rows: u64,
    /// When the first of them was changed.
    pub from: Option<Timestamp>,
    /// When the last of them was changed.
    pub to: Option<Timestamp>,
    /// Cells that differ, by field.
    pub fields: BTreeMap<FieldName, FieldSummary>,
}

/// Compares two commits; each row that differs is handed to `each`, object by object, in Id order.
///
/// Without `objects` all are compared. Memory goes by the rows of one file.
///
/// # Errors
///
/// Rows that cannot be read, and what `each` fails with.
pub fn diff(
    before: &RecordsAt<'_>,
    after: &RecordsAt<'_>,
    objects: &[ObjectName],
    each: &mut dyn FnMut(&ObjectName, &RowChange) -> Result<(), Error>,
) -> Result<DiffReport, Error> {
    let mut report = DiffReport {
        from: before.commit().map(|it| it.to_string()),
        to: after.commit().map(|it| it.to_string()),
        objects: Vec::new(),
        files: files(before, after, objects)?,
    };
    let names: BTreeSet<&ObjectName> = before
        .objects()
        .chain(after.objects())
        .map(|(name, _)| name)
        .filter(|it| objects.is_empty() || objects.contains(it))
        .collect();
    for object in names {
        let mut found = Summary::default();
        for shard in differing(before, after, object) {
            let rows = changes(before.shard(object, shard)?, after.shard(object, shard)?);
            for change in &rows {
                found.add(change);
                each(object, change)?;
            }
        }
        if found.added + found.changed + found.deleted == 0 {
            continue;
        }
        report.objects.push(ObjectDiff {
            object: object.clone(),
            added: found.added,
            changed: found.changed,
            deleted: found.deleted,
            fields: found.fields,
            by: named(found.by, after)?,
            not_compared: not_compared(before, after, object),
        });
    }
    Ok(report)
}

/// Compares the bodies, table by table.
fn files(
    before: &RecordsAt<'_>,
    after: &RecordsAt<'_>,
    objects: &[ObjectName],
) -> Result<Vec<FileDiff>, Error> {
    let tables = |at: &RecordsAt<'_>| {
        let all = at.bodies().flat_map(|(object, shards)| {
            let of = move |(shard, id): (&Shard, &ObjectId)| ((object.clone(), *shard), *id);
            shards.iter().map(of)
        });
        all.collect::<BTreeMap<_, _>>()
    };
    let (was, is) = (tables(before), tables(after));
    let all: BTreeSet<_> = was.keys().chain(is.keys()).collect();
    let mut found: BTreeMap<&ObjectName, FileDiff> = BTreeMap::new();
    for key in all {
        let (object, shard) = key;
        let is_asked = objects.is_empty() || objects.contains(object);
        if !is_asked || was.get(key) == is.get(key) {
            continue;
        }
        let digests = |at: &RecordsAt<'_>| -> Result<BTreeMap<RecordId, String>, Error> {
            let table = at.body_table(object, *shard)?;
            Ok(table.into_iter().map(|it| (it.id, it.sha256)).collect())
        };
        let (was, is) = (digests(before)?, digests(after)?);
        let diff = found.entry(object).or_insert_with(|| FileDiff {
            object: object.clone(),
            added: 0,
            changed: 0,
            deleted: 0,
        });
        for (id, sha256) in &is {
            match was.get(id) {
                None => diff.added += 1,
                Some(before) if before != sha256 => diff.changed += 1,
                Some(_) => {}
            }
        }
        diff.deleted += was.keys().filter(|it| !is.contains_key(*it)).count() as u64;
    }
    let changed = found.into_values();
    Ok(changed
        .filter(|it| it.added + it.changed + it.deleted > 0)
        .collect())
}

/// The shards whose files differ, in order.
fn differing(
    before: &RecordsAt<'_>,
    after: &RecordsAt<'_>,
    object: &ObjectName,
) -> BTreeSet<Shard> {
    let of = |at: &RecordsAt<'_>| {
        at.object(object.as_str())
            .map(|it| it.shards.clone())
            .unwrap_or_default()
    };
    let (before, after) = (of(before), of(after));
    let all = before.keys().chain(after.keys()).copied();
    all.filter(|it| before.get(it) != after.get(it)).collect()
}

fn not_compared(
    before: &RecordsAt<'_>,
    after: &RecordsAt<'_>,
    object: &ObjectName,
) -> Vec<FieldName> {
    let (Some(before), Some(after)) = (
        before.object(object.as_str()),
        after.object(object.as_str()),
    ) else {
        return Vec::new();
    };
    let columns = |schema: &crate::records::Schema| -> BTreeSet<FieldName> {
        schema.columns().iter().cloned().collect()
    };
    let (ours, theirs) = (columns(&before.schema), columns(&after.schema));
    let mut fields: BTreeSet<_> = ours.symmetric_difference(&theirs).cloned().collect();
    let unreadable = |(field, why): (&FieldName, &Why)| why.is_unreadable().then(|| field.clone());
    fields.extend(after.schema.left_out.iter().filter_map(unreadable));
    fields.into_iter().collect()
}

#[derive(Default)]
struct Summary {
    added: u64,
    changed: u64,
    deleted: u64,
    fields: BTreeMap<FieldName, FieldSummary>,
    by: BTreeMap<String, UserSummary>,
}

impl Summary {
    fn add(&mut self, change: &RowChange) {
        match change {
            RowChange::Added(row) => {
                self.added += 1;
                self.attribute(row, &[]);
            }
            // Who deleted a row is not in the row.
            RowChange::Deleted(_) => self.deleted += 1,
            RowChange::Changed { after, cells, .. } => {
                self.changed += 1;
                for cell in cells.iter().filter(|it| !is_stamp(&it.field)) {
                    self.fields.entry(cell.field.clone()).or_default().add(cell);
                }
                self.attribute(after, cells);
            }
        }
    }

    fn attribute(&mut self, row: &Row, cells: &[CellChange]) {
        let Some(user) = row.get("LastModifiedById").filter(|it| !it.is_empty()) else {
            return;
        };
        let at: Option<Timestamp> = row.get("LastModifiedDate").and_then(|it| it.parse().ok());
        let by = self
            .by
            .entry(user.to_owned())
            .or_insert_with(|| UserSummary {
                user: user.to_owned(),
                name: None,
                rows: 0,
                from: at,
                to: at,
                fields: BTreeMap::new(),
            });
        by.rows += 1;
        if let Some(at) = at {
            by.from = Some(by.from.map_or(at, |it| it.min(at)));
            by.to = Some(by.to.map_or(at, |it| it.max(at)));
        }
        for cell in cells.iter().filter(|it| !is_stamp(&it.field)) {
            by.fields.entry(cell.field.clone()).or_default().add(cell);
        }
    }
}

impl FieldSummary {
    fn add(&mut self, cell: &CellChange) {
        self.changed += 1;
        self.emptied += u64::from(cell.after.is_empty());
        self.filled += u64::from(cell.before.is_empty());
    }
}

/// Whether the field only tells that the row was changed.
fn is_stamp(field: &FieldName) -> bool {
    matches!(field.as_str(), "LastModifiedDate" | "LastModifiedById")
}

/// The users with their names, the one with most rows first.
fn named(by: BTreeMap<String, UserSummary>, at: &RecordsAt<'_>) -> Result<Vec<UserSummary>, Error> {
    let mut all: Vec<_> = by.into_values().collect();
    all.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.user.cmp(&b.user)));
    for it in &mut all {
        let Ok(id) = it.user.parse::<RecordId>() else {
            continue;
        };
        if let Some((_, row)) = at.row(&id)? {
            it.name = row.get("Name").map(str::to_owned);
        }
    }
    Ok(all)
}
