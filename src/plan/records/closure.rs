//! What was lost together with a row, and which rows a row needs.

use std::collections::{BTreeMap, BTreeSet};

use super::{References, Schemas};
use crate::{
    model::{FieldName, ObjectName, RecordId},
    records::{Row, RowChange},
};

/// A row that referred to a row that is gone.
#[derive(Clone, Debug)]
pub(super) struct Orphan<'a> {
    pub(super) object: &'a ObjectName,
    /// As it was.
    pub(super) then: &'a Row,
    /// As it is; `None` where it is gone as well.
    pub(super) now: Option<&'a Row>,
    pub(super) field: FieldName,
}

/// Rows that referred to others then and do not now, by what they referred to.
#[derive(Debug, Default)]
pub(super) struct Orphans<'a>(BTreeMap<RecordId, Vec<Orphan<'a>>>);

impl<'a> Orphans<'a> {
    /// Finds them among what differs.
    ///
    /// A row that is gone as well counts only where the platform deletes it with
    /// the other: one that somebody deleted by itself stays deleted.
    pub(super) fn new(
        changes: &'a BTreeMap<ObjectName, Vec<RowChange>>,
        references: &References<'_>,
    ) -> Self {
        let mut all: BTreeMap<RecordId, Vec<Orphan<'a>>> = BTreeMap::new();
        for (object, changes) in changes {
            for change in changes {
                let (then, now) = match change {
                    RowChange::Added(_) => continue,
                    RowChange::Deleted(row) => (row, None),
                    RowChange::Changed { before, after, .. } => (before, Some(after)),
                };
                for reference in references.of(object, then) {
                    let name = reference.field;
                    let is_lost = match now {
                        None => references.goes_with(object, name, reference.to),
                        Some(now) => now
                            .get(name.as_str())
                            .is_some_and(|it| Some(it) != then.get(name.as_str())),
                    };
                    if is_lost {
                        all.entry(reference.to).or_default().push(Orphan {
                            object,
                            then,
                            now,
                            field: name.clone(),
                        });
                    }
                }
            }
        }
        Self(all)
    }

    /// Rows that lost their reference to `id`: to nothing, or to `master` where it was merged.
    pub(super) fn of(&self, id: RecordId, master: Option<RecordId>) -> Vec<&Orphan<'a>> {
        let orphans = self.0.get(&id).into_iter().flatten();
        orphans
            .filter(|it| {
                let cell = it.now.and_then(|now| now.get(it.field.as_str()));
                match cell {
                    None | Some("") => true,
                    // Somebody gave it another parent on purpose, unless the merge did.
                    Some(cell) => master.is_some_and(|it| cell == it.as_str()),
                }
            })
            .collect()
    }
}

/// Objects whose rows may come into a plan for `objects`: those that refer to them, and all that these refer to.
///
/// They are looked at again before a plan is made. Only objects that `schemas` has are given.
#[must_use]
pub fn related(objects: &BTreeSet<ObjectName>, schemas: &Schemas) -> BTreeSet<ObjectName> {
    let mut all: BTreeSet<_> = objects
        .iter()
        .filter(|it| schemas.contains_key(*it))
        .cloned()
        .collect();
    for (name, schema) in schemas {
        let mut targets = schema.fields.iter().flat_map(|it| &it.reference_to);
        if targets.any(|it| objects.contains(it)) {
            all.insert(name.clone());
        }
    }
    let mut queue: Vec<ObjectName> = all.iter().cloned().collect();
    while let Some(next) = queue.pop() {
        let Some(schema) = schemas.get(&next) else {
            continue;
        };
        for target in schema.fields.iter().flat_map(|it| &it.reference_to) {
            if schemas.contains_key(target) && all.insert(target.clone()) {
                queue.push(target.clone());
            }
        }
    }
    all
}
