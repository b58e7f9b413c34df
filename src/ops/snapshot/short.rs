//! Files of bundles that an answer lacks.
//!
//! A bundle is one component of many files, and no listing tells them apart. Where an
//! answer lacks a file that the tree has, somebody removed it, or the answer is short;
//! so the bundle is fetched once more. A file is gone when two answers in a row lack it
//! and the bundle's date has moved; else it stays as it was, and the ledger says so.
//!
//! Invariant: no single answer takes a file out of a bundle.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    base::{Base, OwnedFile},
    decide::ReadPlan,
    gather::{Conversion, Gathered, StoredFile},
    read::{Answers, tree_key},
};
use crate::{
    ledger::{Gap, GapKind},
    model::{ComponentKey, RemoteComponent, TreePath},
    plan::retrieve::RetrieveBatch,
    registry::{Files, Registry},
};

/// How many answers in a row lacked each file, by bundle and path.
#[derive(Debug, Default)]
pub(super) struct Short(BTreeMap<ComponentKey, BTreeMap<String, u32>>);

/// Whether a component is a folder of files that only an answer names.
pub(super) fn is_bundle(registry: &Registry, key: &ComponentKey) -> bool {
    let ty = registry.type_named(key.type_name.as_str());
    ty.is_some_and(|it| match it.files {
        Files::Bundle | Files::DigitalExperience | Files::UiBundle | Files::Mixed => true,
        // The files of a static resource are those of its archive, which comes whole.
        Files::Single
        | Files::Content
        | Files::StaticResource
        | Files::Decomposed
        | Files::Labels
        | Files::OneLabelEach
        | Files::PermissionsByObject
        | Files::SchemaBeside => false,
    })
}

impl Short {
    /// Takes in what came for a batch; whether anything of it is short.
    pub(super) fn note(
        &mut self,
        base: &Base,
        plan: &ReadPlan,
        conversion: &Conversion<'_>,
        batch: &RetrieveBatch,
        gathered: &Gathered,
    ) -> bool {
        let mut is_short = false;
        for asked in &batch.components {
            let listed = plan.in_scope.components.get(asked);
            let key = tree_key(conversion.registry, asked, listed);
            if gathered.unchanged.contains(&key) {
                // Nothing is missing now, whatever an earlier answer lacked.
                self.0.remove(&key);
                continue;
            }
            let Some(came) = gathered.files.get(&key) else {
                continue;
            };
            if !is_bundle(conversion.registry, &key) || gathered.damaged.contains_key(&key) {
                continue;
            }
            let there: BTreeSet<&str> = came.iter().map(|it| it.path.as_str()).collect();
            let missing = owned(base, &key)
                .map(|it| it.path.as_str())
                .filter(|it| !there.contains(it) && !conversion.ignored.denies(it));
            let before = self.0.remove(&key).unwrap_or_default();
            let counted: BTreeMap<String, u32> = missing
                .map(|it| (it.to_owned(), before.get(it).copied().unwrap_or(0) + 1))
                .collect();
            if !counted.is_empty() {
                is_short = true;
                self.0.insert(key, counted);
            }
        }
        is_short
    }

    /// What of `batches` is to be fetched again, since one answer alone lacked a file.
    pub(super) fn again(
        &self,
        registry: &Registry,
        plan: &ReadPlan,
        batches: &[RetrieveBatch],
    ) -> BTreeSet<ComponentKey> {
        let is_doubted = |it: &&ComponentKey| {
            let key = tree_key(registry, it, plan.in_scope.components.get(*it));
            let counted = self.0.get(&key).into_iter().flatten();
            counted.into_iter().any(|(_, n)| *n == 1)
        };
        let asked = batches.iter().flat_map(|it| &it.components);
        asked.filter(is_doubted).cloned().collect()
    }

    /// Decides what is gone; the rest stays as the tree has it, and is said.
    pub(super) fn conclude(
        self,
        base: &Base,
        plan: &ReadPlan,
        accept: bool,
        answers: &mut Answers,
    ) {
        if accept {
            return;
        }
        for (key, counted) in self.0 {
            let listed = plan.in_scope.components.get(&key);
            let now = answers.answered.get(&key).or(listed);
            // Under other rules a file may stand elsewhere, and no date tells of it.
            let has_moved = plan.renewal.is_some() || has_moved(base.remote(&key), now);
            for file in owned(base, &key) {
                let reason = match counted.get(&file.path) {
                    None => continue,
                    Some(1) => "the last answer lacks it",
                    Some(_) if has_moved => continue,
                    Some(_) => "no answer holds it, and by its date nothing of it changed",
                };
                let Ok(path) = file.path.parse::<TreePath>() else {
                    continue;
                };
                answers.gaps.insert(Gap {
                    what: key.to_string(),
                    kind: GapKind::Stale,
                    reason: format!("`{path}` is kept as it was: {reason}"),
                    since: None,
                });
                let kept = StoredFile {
                    path,
                    key: key.clone(),
                    id: file.id,
                };
                let files = answers.gathered.files.entry(key.clone()).or_default();
                files.push(kept);
                answers.unsettled.insert(key.clone());
            }
        }
    }
}

/// The files of the tree that are a bundle's own.
fn owned<'a>(base: &'a Base, key: &'a ComponentKey) -> impl Iterator<Item = &'a OwnedFile> {
    let files = base.families.get(key).into_iter().flatten();
    files.filter(move |it| it.key == *key)
}

/// Whether a component was changed since its content was stored; where no date tells, it may have been.
fn has_moved(before: Option<&RemoteComponent>, now: Option<&RemoteComponent>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => {
            !now.modified.at.is_known()
                || (before.id, before.modified.at) != (now.id, now.modified.at)
        }
        _ => true,
    }
}
