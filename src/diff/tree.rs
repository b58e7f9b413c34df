//! Changed paths as changed components.
//!
//! Invariant: each path stands in one component, or among those that belong to
//! none.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{ComponentKey, TypeName};

/// A path that differs between two trees; `B` names a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathChange<B> {
    /// The path.
    pub path: String,
    /// Its blob before; `None` where it is new.
    pub before: Option<B>,
    /// Its blob after; `None` where it is gone.
    pub after: Option<B>,
}

/// What happened to a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ComponentChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// It was there and is there.
    Changed,
}

/// A component of which something differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentChange<B> {
    /// The component.
    pub key: ComponentKey,
    /// What happened to it.
    pub kind: ComponentChangeKind,
    /// Its paths that differ, in order.
    pub paths: Vec<PathChange<B>>,
    /// What came or went with it: its parts, where it is added or deleted itself.
    pub children: Vec<ComponentChange<B>>,
}

/// Changed paths by component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeDiff<B> {
    /// The components, by type and name.
    pub components: Vec<ComponentChange<B>>,
    /// Paths that belong to no component, in order.
    pub others: Vec<PathChange<B>>,
}

/// One of the two trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The older one.
    Before,
    /// The newer one.
    After,
}

/// Groups changed paths by component.
///
/// `owner` says which component a path belongs to, and of which other one that
/// is a part; `is_in` whether a tree has a component at all, for a component
/// may keep files that did not change. It is asked only where the changed paths
/// leave that open.
pub fn group<B>(
    changes: Vec<PathChange<B>>,
    owner: impl Fn(&str) -> Option<(ComponentKey, Option<ComponentKey>)>,
    is_in: impl Fn(&ComponentKey, Side) -> bool,
) -> TreeDiff<B> {
    let mut by_key: BTreeMap<ComponentKey, (Option<ComponentKey>, Vec<PathChange<B>>)> =
        BTreeMap::new();
    let mut others = Vec::new();
    for change in changes {
        match owner(&change.path) {
            Some((key, parent)) => {
                let entry = by_key.entry(key).or_insert_with(|| (parent, Vec::new()));
                entry.1.push(change);
            }
            None => others.push(change),
        }
    }
    let mut components: BTreeMap<ComponentKey, (Option<ComponentKey>, ComponentChange<B>)> = by_key
        .into_iter()
        .map(|(key, (parent, mut paths))| {
            paths.sort_by(|one, other| one.path.cmp(&other.path));
            let kind = kind(&key, &paths, &is_in);
            let children = Vec::new();
            let change = ComponentChange {
                key: key.clone(),
                kind,
                paths,
                children,
            };
            (key, (parent, change))
        })
        .collect();
    fold(&mut components);
    others.sort_by(|one, other| one.path.cmp(&other.path));
    TreeDiff {
        components: components.into_values().map(|it| it.1).collect(),
        others,
    }
}

fn kind<B>(
    key: &ComponentKey,
    paths: &[PathChange<B>],
    is_in: impl Fn(&ComponentKey, Side) -> bool,
) -> ComponentChangeKind {
    let was = paths.iter().any(|it| it.before.is_some()) || is_in(key, Side::Before);
    let is = paths.iter().any(|it| it.after.is_some()) || is_in(key, Side::After);
    match (was, is) {
        (false, _) => ComponentChangeKind::Added,
        (true, false) => ComponentChangeKind::Deleted,
        (true, true) => ComponentChangeKind::Changed,
    }
}

/// Puts what came or went with its parent into the parent.
fn fold<B>(changed: &mut BTreeMap<ComponentKey, (Option<ComponentKey>, ComponentChange<B>)>) {
    let folded: Vec<(ComponentKey, ComponentKey)> = changed
        .iter()
        .filter_map(|(key, (parent, change))| {
            let parent = parent.as_ref()?;
            let above = &changed.get(parent).filter(|_| parent != key)?.1;
            let with_it = above.kind == change.kind && change.kind != ComponentChangeKind::Changed;
            with_it.then(|| (key.clone(), parent.clone()))
        })
        .collect();
    for (key, parent) in folded {
        let Some((_, child)) = changed.remove(&key) else {
            continue;
        };
        match changed.get_mut(&parent) {
            Some((_, above)) => above.children.push(child),
            // Its parent was folded itself: a part of a part stands alone.
            None => drop(changed.insert(key, (None, child))),
        }
    }
}

/// Types that come as parts, and what one and several are called.
const PARTS: [(&str, &str, &str); 14] = [
    ("BotVersion", "version", "versions"),
    ("BusinessProcess", "business process", "business processes"),
    ("CompactLayout", "compact layout", "compact layouts"),
    ("CustomField", "field", "fields"),
    (
        "CustomFieldTranslation",
        "field translation",
        "field translations",
    ),
    ("CustomLabel", "label", "labels"),
    ("FieldSet", "field set", "field sets"),
    ("Index", "index", "indexes"),
    ("ListView", "list view", "list views"),
    ("RecordType", "record type", "record types"),
    ("SharingReason", "sharing reason", "sharing reasons"),
    ("ValidationRule", "validation rule", "validation rules"),
    ("WebLink", "button or link", "buttons and links"),
    ("WorkflowRule", "workflow rule", "workflow rules"),
];

impl<B> ComponentChange<B> {
    /// How many parts of each type came or went with it, by type.
    #[must_use]
    pub fn parts(&self) -> BTreeMap<&TypeName, usize> {
        let mut counts = BTreeMap::new();
        for child in &self.children {
            *counts.entry(&child.key.type_name).or_default() += 1;
        }
        counts
    }

    /// The same in words: `with 8 fields, 1 list view`; `None` without parts.
    #[must_use]
    pub fn parts_in_words(&self) -> Option<String> {
        let counts = self.parts().into_iter().map(|(name, n_parts)| {
            let word = PARTS.iter().find(|it| it.0 == name.as_str());
            match (word, n_parts) {
                (Some((_, one, _)), 1) => format!("1 {one}"),
                (Some((_, _, many)), _) => format!("{n_parts} {many}"),
                (None, _) => format!("{n_parts} {name}"),
            }
        });
        let counts: Vec<String> = counts.collect();
        (!counts.is_empty()).then(|| format!("with {}", counts.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ComponentKey {
        text.parse().unwrap()
    }

    /// `Type/Name/file`, where a name with a dot is a part of an object.
    fn owner(path: &str) -> Option<(ComponentKey, Option<ComponentKey>)> {
        let mut parts = path.split('/');
        let (ty, name) = (parts.next()?, parts.next()?);
        let parent = name
            .split_once('.')
            .map(|it| key(&format!("CustomObject:{}", it.0)));
        Some((ComponentKey::parse(ty, name).ok()?, parent))
    }

    fn change(path: &str, before: Option<u8>, after: Option<u8>) -> PathChange<u8> {
        PathChange {
            path: path.to_owned(),
            before,
            after,
        }
    }

    #[test]
    fn parts_of_an_added_object_are_folded_into_it() {
        let changes = vec![
            change("CustomField/Foo__c.B__c/f", None, Some(1)),
            change("CustomObject/Foo__c/o", None, Some(1)),
            change("CustomField/Foo__c.A__c/f", None, Some(1)),
            change("ListView/Foo__c.All/f", None, Some(1)),
            change("CustomField/Account.X__c/f", None, Some(1)),
        ];
        let diff = group(changes, owner, |_, _| false);
        let keys: Vec<_> = diff
            .components
            .iter()
            .map(|it| it.key.to_string())
            .collect();
        assert_eq!(keys, ["CustomField:Account.X__c", "CustomObject:Foo__c"]);
        let object = &diff.components[1];
        assert_eq!(object.kind, ComponentChangeKind::Added);
        assert_eq!(
            object.parts_in_words().unwrap(),
            "with 2 fields, 1 list view"
        );
        assert_eq!(diff.components[0].parts_in_words(), None);
    }

    #[test]
    fn part_that_changed_otherwise_than_its_object_stands_alone() {
        let changes = vec![
            change("CustomObject/Foo__c/o", Some(1), Some(2)),
            change("CustomField/Foo__c.A__c/f", Some(1), None),
        ];
        let diff = group(changes, owner, |_, _| false);
        let kinds: Vec<_> = diff.components.iter().map(|it| it.kind).collect();
        assert_eq!(
            kinds,
            [ComponentChangeKind::Deleted, ComponentChangeKind::Changed]
        );
    }

    #[test]
    fn new_file_of_a_bundle_that_was_there_changes_it() {
        let changes = || {
            vec![change(
                "LightningComponentBundle/foo/foo.css",
                None,
                Some(1),
            )]
        };
        let diff = group(changes(), owner, |_, _| true);
        assert_eq!(diff.components[0].kind, ComponentChangeKind::Changed);
        let diff = group(changes(), owner, |_, side| side == Side::After);
        assert_eq!(diff.components[0].kind, ComponentChangeKind::Added);
    }

    #[test]
    fn path_of_no_component_is_kept_apart() {
        let diff = group(vec![change("README.md", Some(1), None)], owner, |_, _| {
            false
        });
        assert_eq!((diff.components.len(), diff.others.len()), (0, 1));
    }
}
