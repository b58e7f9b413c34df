//! Components that came damaged: fetched again, kept as they were, and said.
//!
//! Invariant: an answer of which a part is missing or cannot be read takes nothing
//! out of the tree.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    base::Base,
    decide::ReadPlan,
    listing::parent_of,
    read::{Answers, tree_key},
};
use crate::{
    archive,
    ledger::{Gap, GapKind},
    model::{ComponentKey, RemoteComponent},
    ops::error::{Cause, Error, Refusal},
    plan::retrieve::RetrieveBatch,
    registry::{Files, Registry},
    source::PackageFile,
};

/// Components that came damaged, as the tree names them, and how.
pub(super) type Damaged = BTreeMap<ComponentKey, Damage>;

/// What is wrong with what came of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Damage {
    /// What is wrong, in words.
    pub(super) reason: String,
    /// Whether all of it came and could only not be converted, so that it can be
    /// kept as the org gave it.
    pub(super) is_whole: bool,
}

impl Damage {
    /// A part is missing or unreadable.
    pub(super) fn part(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_whole: false,
        }
    }

    /// All of it is there and cannot be converted.
    pub(super) fn unconverted(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            is_whole: true,
        }
    }
}

/// An archive that cannot be read at all, as an answer that came damaged.
pub(super) fn of_answer(err: Error) -> Error {
    match &*err.cause {
        Cause::Archive(archive::Error::Io(_)) => err,
        Cause::Archive(cause) => Refusal::DamagedAnswer {
            reason: cause.to_string(),
        }
        .into(),
        _ => err,
    }
}

/// What is missing of a component that came with `files`, where its type tells.
pub(super) fn lacks(
    registry: &Registry,
    key: &ComponentKey,
    files: &[PackageFile],
) -> Option<Damage> {
    let ty = registry.type_named(key.type_name.as_str())?;
    let n_meta = files
        .iter()
        .filter(|it| it.path.ends_with("-meta.xml"))
        .count();
    let has_both = matches!(ty.files, Files::Content | Files::StaticResource);
    match (has_both, files.len(), n_meta) {
        (true, 1, 0) => Some(Damage::part("its -meta.xml file is not in the answer")),
        (true, 1, 1) => Some(Damage::part("only its -meta.xml file is in the answer")),
        _ => None,
    }
}

/// Components of which an answer names a file that its archive does not hold.
///
/// `names` are the entries of the archive, without `unpackaged/`.
pub(super) fn absent(
    registry: &Registry,
    batch: &RetrieveBatch,
    properties: &[RemoteComponent],
    names: &BTreeSet<&str>,
) -> Damaged {
    let is_there = |path: &str| {
        let below = format!("{path}/");
        let mut from = names.range(path..);
        from.next().is_some_and(|it| *it == path)
            || names.contains(format!("{path}-meta.xml").as_str())
            || names
                .range(below.as_str()..)
                .next()
                .is_some_and(|it| it.starts_with(&below))
    };
    let asked: BTreeSet<&ComponentKey> = batch.components.iter().chain(&batch.partial).collect();
    properties
        .iter()
        .filter(|it| asked.contains(&it.key) && !it.is_installed())
        .filter_map(|it| {
            let path = it
                .file_name
                .strip_prefix("unpackaged/")
                .unwrap_or(&it.file_name);
            let is_absent = !path.is_empty() && !is_there(path);
            let reason = || Damage::part(format!("`{path}` is not in the answer"));
            is_absent.then(|| (tree_key(registry, &it.key, Some(it)), reason()))
        })
        .collect()
}

/// Whether the ledger says already that a component cannot be converted.
fn is_known(base: &Base, key: &ComponentKey) -> bool {
    let what = key.to_string();
    let mut gaps = base.coverage.gaps.iter();
    gaps.any(|it| it.kind == GapKind::NotConverted && it.what == what)
}

/// The damage of what the tree has for a listed component.
fn damage_of<'a>(
    registry: &Registry,
    plan: &ReadPlan,
    damaged: &'a Damaged,
    key: &ComponentKey,
) -> Option<(ComponentKey, &'a Damage)> {
    let own = tree_key(registry, key, plan.in_scope.components.get(key));
    let parent = parent_of(registry, key);
    [Some(own), parent].into_iter().flatten().find_map(|it| {
        damaged
            .get_key_value(&it)
            .map(|(key, it)| (key.clone(), it))
    })
}

/// What of `batches` is to be fetched again because it came damaged.
pub(super) fn again(
    registry: &Registry,
    base: &Base,
    plan: &ReadPlan,
    batches: &[RetrieveBatch],
    damaged: &Damaged,
) -> BTreeSet<ComponentKey> {
    if damaged.is_empty() {
        return BTreeSet::new();
    }
    let asked = batches
        .iter()
        .flat_map(|it| it.components.iter().chain(&it.partial));
    asked
        .filter(|key| {
            damage_of(registry, plan, damaged, key).is_some_and(|(it, _)| !is_known(base, &it))
        })
        .cloned()
        .collect()
}

/// Decides what becomes of what stayed damaged: it is kept as it was, fetched again
/// by the next run, and said. What two runs in a row could not convert is kept as
/// the org gives it.
pub(super) fn conclude(registry: &Registry, base: &Base, plan: &ReadPlan, answers: &mut Answers) {
    let damaged = std::mem::take(&mut answers.gathered.damaged);
    if damaged.is_empty() {
        return;
    }
    for (key, damage) in &damaged {
        let is_stored = base.families.get(key).is_some_and(|it| !it.is_empty());
        let is_raw = damage.is_whole && (!is_stored || is_known(base, key));
        if !is_raw {
            answers.gathered.files.remove(key);
        }
        let kept = match (is_raw, is_stored) {
            (true, _) => "kept as the org gave it: ",
            (false, true) => "kept as it was: ",
            (false, false) => "",
        };
        answers.gaps.insert(Gap {
            what: key.to_string(),
            kind: match damage.is_whole {
                true => GapKind::NotConverted,
                false => GapKind::Unreadable,
            },
            reason: format!("{kept}{}", damage.reason),
            since: None,
        });
    }
    for key in plan.fetched() {
        let damage = damage_of(registry, plan, &damaged, key);
        if damage.is_some_and(|(it, _)| !is_known(base, &it)) {
            answers.unsettled.insert(key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Author, Stamp, Timestamp};

    fn key(text: &str) -> ComponentKey {
        text.parse().unwrap()
    }

    fn named(of: &str, path: &str) -> RemoteComponent {
        let stamp = Stamp {
            by: Author {
                id: None,
                name: "Jane Doe".to_owned(),
            },
            at: Timestamp::UNKNOWN,
        };
        RemoteComponent {
            key: key(of),
            id: None,
            file_name: path.to_owned(),
            created: stamp.clone(),
            modified: stamp,
            namespace: None,
            manageable_state: None,
        }
    }

    fn file(path: &str) -> PackageFile {
        PackageFile {
            path: path.to_owned(),
            bytes: Vec::new(),
        }
    }

    #[test]
    fn content_and_its_meta_file_come_together() {
        let registry = Registry::official();
        let lacks = |of: &str, paths: &[&str]| {
            let files: Vec<_> = paths.iter().map(|it| file(it)).collect();
            lacks(registry, &key(of), &files).map(|it| it.reason)
        };
        assert_eq!(
            lacks("ApexClass:A", &["classes/A.cls", "classes/A.cls-meta.xml"]),
            None
        );
        assert!(
            lacks("ApexClass:A", &["classes/A.cls"])
                .unwrap()
                .contains("-meta.xml")
        );
        assert!(lacks("ApexClass:A", &["classes/A.cls-meta.xml"]).is_some());
        assert!(lacks("StaticResource:A", &["staticresources/A.resource"]).is_some());
        assert_eq!(lacks("Layout:A-B", &["layouts/A-B.layout"]), None);
    }

    #[test]
    fn file_that_is_named_and_not_there_is_missed() {
        let batch = RetrieveBatch {
            components: [key("ApexClass:A"), key("LightningComponentBundle:b")].into(),
            ..RetrieveBatch::default()
        };
        let properties = [
            named("ApexClass:A", "unpackaged/classes/A.cls"),
            named("LightningComponentBundle:b", "lwc/b"),
            named("ApexClass:NotAsked", "classes/NotAsked.cls"),
        ];
        let absent = |names: &[&str]| -> Vec<String> {
            let names = names.iter().copied().collect();
            let damaged = absent(Registry::official(), &batch, &properties, &names);
            damaged.keys().map(ToString::to_string).collect()
        };
        assert_eq!(absent(&["classes/A.cls", "lwc/b/b.js"]), [""; 0]);
        assert_eq!(
            absent(&["classes/A.cls-meta.xml", "lwc/bb/b.js"]),
            ["LightningComponentBundle:b"]
        );
        assert_eq!(absent(&["lwc/b/b.js"]), ["ApexClass:A"]);
    }
}
