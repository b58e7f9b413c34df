//! What the org lists, brought into scope.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ledger::{Extent, Gap, GapKind},
    model::{Author, ComponentKey, ComponentName, RemoteComponent, Stamp, Timestamp, TypeName},
    ops::discover::Discovery,
    plan::{deletions, scope::Scope},
    registry::Registry,
};

/// The components in scope, and how far each type was read.
#[derive(Debug, Default)]
pub(super) struct InScope {
    /// By key; children and folders included.
    pub(super) components: BTreeMap<ComponentKey, RemoteComponent>,
    /// How far each type was read.
    pub(super) extents: BTreeMap<TypeName, Extent>,
    pub(super) gaps: BTreeSet<Gap>,
}

/// The parent whose file holds a component; `None` for a top-level one.
pub(super) fn parent_of(registry: &Registry, key: &ComponentKey) -> Option<ComponentKey> {
    let child = registry.type_named(key.type_name.as_str())?;
    let parent = registry.parent_of(child)?;
    let name: ComponentName = match &parent.fixed_name {
        Some(name) => name.parse().ok()?,
        None => key.name.parent()?.parse().ok()?,
    };
    Some(ComponentKey::new(parent.name.clone(), name))
}

/// Brings a discovery into `scope`.
pub(super) fn in_scope(registry: &Registry, discovery: &Discovery, scope: &Scope) -> InScope {
    let mut found = InScope::default();
    for (type_name, listed) in &discovery.types {
        let mut skipped: BTreeMap<String, usize> = BTreeMap::new();
        for component in listed.components.values() {
            let parent = parent_of(registry, &component.key);
            match scope.skips(component, parent.as_ref()) {
                Some(reason) => *skipped.entry(reason.to_string()).or_default() += 1,
                None => {
                    found
                        .components
                        .insert(component.key.clone(), component.clone());
                }
            }
        }
        let parent_type = registry
            .type_named(type_name.as_str())
            .and_then(|it| it.parent.clone());
        let mut extent = if scope.holds_all_of(type_name, parent_type.as_ref()) {
            Extent::Full
        } else {
            Extent::Part
        };
        for (reason, n) in skipped {
            extent = Extent::Part;
            found.gaps.insert(Gap {
                what: type_name.to_string(),
                kind: GapKind::Skipped,
                reason: format!("{n} components: {reason}"),
                since: None,
            });
        }
        for problem in &listed.problems {
            if problem.unavailable {
                // The org has no such type: there is nothing to miss.
                continue;
            }
            if problem.folder.is_none() {
                extent = Extent::Unknown;
            }
            found.gaps.insert(Gap {
                what: match &problem.folder {
                    Some(folder) => format!("{type_name}:{folder}/*"),
                    None => type_name.to_string(),
                },
                kind: GapKind::Unreadable,
                reason: problem.reason.clone(),
                since: None,
            });
        }
        found.extents.insert(type_name.clone(), extent);
    }
    if let Some(description) = &discovery.description {
        for name in &description.unreadable {
            found.gaps.insert(Gap {
                what: name.clone(),
                kind: GapKind::Unsupported,
                reason: "the org describes a type whose name is none".to_owned(),
                since: None,
            });
        }
    }
    add_standard_value_sets(registry, discovery, scope, &mut found);
    found
}

/// Standard value sets are listed by no call; their names are known.
///
/// Source: Metadata API Developer Guide, `StandardValueSet`. A name that an org
/// lacks is answered by a message, which is no gap.
fn add_standard_value_sets(
    registry: &Registry,
    discovery: &Discovery,
    scope: &Scope,
    found: &mut InScope,
) {
    let described = discovery
        .description
        .iter()
        .flat_map(|it| &it.types)
        .any(|it| it.name.as_str() == "StandardValueSet");
    if !described {
        return;
    }
    for name in registry.standard_value_sets() {
        let Ok(key) = ComponentKey::parse("StandardValueSet", name) else {
            continue;
        };
        if scope.skips_key(&key, None, None).is_some() {
            continue;
        }
        let nobody = Stamp {
            by: Author {
                id: None,
                name: String::new(),
            },
            at: Timestamp::UNKNOWN,
        };
        found.components.insert(
            key.clone(),
            RemoteComponent {
                file_name: format!("standardValueSets/{name}.standardValueSet"),
                key,
                id: None,
                created: nobody.clone(),
                modified: nobody,
                namespace: None,
                manageable_state: None,
            },
        );
    }
    let type_name = TypeName::known("StandardValueSet");
    found.extents.insert(type_name, Extent::Part);
}

/// Whether a component is known by name only, so that its absence is no surprise.
pub(super) fn is_guessed(key: &ComponentKey) -> bool {
    key.type_name.as_str() == "StandardValueSet"
}

/// A component without dates and people that the platform makes up.
///
/// What has no id of its own, such as the file of all labels, is said to have been
/// made and changed by whoever asks, at the moment of the question.
pub(super) fn dated(component: &RemoteComponent) -> RemoteComponent {
    let mut dated = component.clone();
    if has_made_up_dates(component) {
        let nobody = Stamp {
            by: Author {
                id: None,
                name: String::new(),
            },
            at: Timestamp::UNKNOWN,
        };
        dated.created = nobody.clone();
        dated.modified = nobody;
    }
    dated
}

/// Whether the dates of a component are those of the question.
pub(super) fn has_made_up_dates(component: &RemoteComponent) -> bool {
    component
        .id
        .is_some_and(|id| id.as_str().starts_with("000000000000000"))
}

/// A discovery as the decision on deletions wants it.
pub(super) fn for_deletions(discovery: &Discovery) -> BTreeMap<TypeName, deletions::Listing> {
    discovery
        .types
        .iter()
        .map(|(type_name, listed)| {
            let failed = listed.problems.iter().find(|it| it.folder.is_none());
            let listing = match failed {
                Some(problem) if !problem.unavailable => deletions::Listing::Failed {
                    reason: problem.reason.clone(),
                },
                _ => deletions::Listing::Listed {
                    keys: listed
                        .components
                        .values()
                        .map(|it| it.key.clone())
                        .collect(),
                    unread_folders: listed
                        .problems
                        .iter()
                        .filter_map(|it| it.folder.clone())
                        .collect(),
                },
            };
            (type_name.clone(), listing)
        })
        .collect()
}

/// The listed component that the tree knows as `key`; `None` where it is not listed.
pub(super) fn listed_name(
    registry: &Registry,
    key: &ComponentKey,
    in_scope: &InScope,
) -> Option<ComponentKey> {
    if in_scope.components.contains_key(key) {
        return Some(key.clone());
    }
    // Documents have their ending in the listing and not in the tree.
    let is_document = registry
        .type_named(key.type_name.as_str())
        .is_some_and(|it| it.in_folder && it.files == crate::registry::Files::Mixed);
    if !is_document {
        return None;
    }
    in_scope
        .components
        .keys()
        .filter(|it| it.type_name == key.type_name)
        .find(|it| crate::source::tree_key(registry, it) == *key)
        .cloned()
}
