//! From what came to what changes in the tree.
//!
//! Pure: the tree before, what the org gave, and what is known to be gone, become
//! a list of changed paths.

use std::collections::{BTreeMap, BTreeSet};

use super::{base::Base, gather::StoredFile};
use crate::{
    ledger::{Gap, GapKind},
    model::{ComponentKey, TreePath},
    store::ObjectId,
};

/// A path that differs between the tree before and the org now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathChange {
    pub(super) path: TreePath,
    /// The finest component that the file is of.
    pub(super) key: ComponentKey,
    /// Its top-level component.
    pub(super) family: ComponentKey,
    pub(super) before: Option<ObjectId>,
    pub(super) after: Option<ObjectId>,
    /// Whether it differs only because the scope does.
    pub(super) by_scope: bool,
}

/// What is known about the components of the tree before.
pub(super) struct Known<'a> {
    /// Whether the org lists the component now, in scope.
    pub(super) is_listed: &'a dyn Fn(&ComponentKey) -> bool,
    /// Components that are proved to be deleted.
    pub(super) deleted: &'a BTreeSet<ComponentKey>,
    /// Components that are out of scope now and were in scope before.
    pub(super) left: &'a BTreeSet<ComponentKey>,
    /// Components that were out of scope before.
    pub(super) entered: &'a BTreeSet<ComponentKey>,
    /// Whether bytes that differ tell of no change.
    pub(super) is_noise: &'a dyn Fn(&StoredFile) -> bool,
}

/// Compares the tree before with what came.
///
/// A file goes where its component was fetched whole and has it no more, or is
/// proved to be deleted, or has left the scope. A child that the org still lists
/// and the answer lacks is kept, and said.
pub(super) fn changes(
    base: &Base,
    came: &BTreeMap<ComponentKey, Vec<StoredFile>>,
    known: &Known<'_>,
    gaps: &mut BTreeSet<Gap>,
) -> Vec<PathChange> {
    let mut changes: BTreeMap<String, PathChange> = BTreeMap::new();
    for (family, files) in came {
        let mut present = BTreeSet::new();
        for file in files {
            present.insert(file.path.as_str());
            let before = base.listing.get(file.path.as_str()).map(|it| it.id);
            if before == Some(file.id) || (before.is_some() && (known.is_noise)(file)) {
                continue;
            }
            let by_scope = before.is_none()
                && (known.entered.contains(&file.key) || known.entered.contains(family));
            changes.insert(
                file.path.to_string(),
                PathChange {
                    path: file.path.clone(),
                    key: file.key.clone(),
                    family: family.clone(),
                    before,
                    after: Some(file.id),
                    by_scope,
                },
            );
        }
        for owned in base.families.get(family).into_iter().flatten() {
            if present.contains(owned.path.as_str()) {
                continue;
            }
            let is_child = owned.key != *family;
            if is_child && (known.is_listed)(&owned.key) {
                gaps.insert(Gap {
                    what: owned.key.to_string(),
                    kind: GapKind::Stale,
                    reason: format!("it is listed, and the answer for {family} lacks it"),
                    since: None,
                });
                continue;
            }
            remove(&mut changes, owned, family, known.left.contains(&owned.key));
        }
    }
    for (family, owned) in &base.families {
        for file in owned {
            let gone = |key: &ComponentKey| known.deleted.contains(key);
            let left = |key: &ComponentKey| known.left.contains(key);
            let is_gone = gone(&file.key) || gone(family);
            let has_left = left(&file.key) || left(family);
            if (is_gone || has_left) && !changes.contains_key(&file.path) {
                remove(&mut changes, file, family, has_left && !is_gone);
            }
        }
    }
    changes.into_values().collect()
}

fn remove(
    changes: &mut BTreeMap<String, PathChange>,
    file: &super::base::OwnedFile,
    family: &ComponentKey,
    by_scope: bool,
) {
    let Ok(path) = file.path.parse::<TreePath>() else {
        return;
    };
    changes.insert(
        file.path.clone(),
        PathChange {
            path,
            key: file.key.clone(),
            family: family.clone(),
            before: Some(file.id),
            after: None,
            by_scope,
        },
    );
}
