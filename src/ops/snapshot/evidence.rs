//! Who changed a component, and when, as listing and answers tell it.
//!
//! Looked up for what changed alone: an org has many times more.

use std::{cell::OnceCell, collections::BTreeMap};

use super::{
    base::Base,
    decide::ReadPlan,
    listing::{dated, has_made_up_dates, parent_of},
    read::{Answers, tree_key},
};
use crate::{
    model::{ComponentKey, RemoteComponent, Stamp},
    registry::{Files, Registry},
};

/// What is known of the last change of each component.
pub(super) struct Stamps<'a> {
    base: &'a Base,
    plan: &'a ReadPlan,
    answers: &'a Answers,
    /// Components whose name in the tree is another than that in the listing.
    renamed: OnceCell<BTreeMap<ComponentKey, &'a RemoteComponent>>,
    /// Of each component that has children, the one that changed last.
    latest: OnceCell<BTreeMap<ComponentKey, &'a RemoteComponent>>,
}

impl<'a> Stamps<'a> {
    pub(super) fn new(base: &'a Base, plan: &'a ReadPlan, answers: &'a Answers) -> Self {
        Self {
            base,
            plan,
            answers,
            renamed: OnceCell::new(),
            latest: OnceCell::new(),
        }
    }

    /// The last change of the component that the tree has as `key`.
    ///
    /// Where the platform makes up its date, the last change of its children.
    pub(super) fn of(&self, key: &ComponentKey) -> Option<Stamp> {
        let found = self.found(key)?;
        if !has_made_up_dates(found) {
            return Some(found.modified.clone());
        }
        // Its children know when, and who.
        let latest = self.latest.get_or_init(|| self.latest_children());
        Some(match latest.get(&found.key) {
            Some(latest) => latest.modified.clone(),
            None => dated(found).modified,
        })
    }

    /// Whether the date of a component is that of its children.
    pub(super) fn is_derived(&self, key: &ComponentKey) -> bool {
        self.found(key).is_some_and(has_made_up_dates)
    }

    fn found(&self, key: &ComponentKey) -> Option<&'a RemoteComponent> {
        if !is_renamed(key) {
            let answered = self.answers.answered.get(key);
            return answered.or_else(|| self.plan.in_scope.components.get(key));
        }
        let renamed = self.renamed.get_or_init(|| self.renamed());
        renamed.get(key).copied()
    }

    fn renamed(&self) -> BTreeMap<ComponentKey, &'a RemoteComponent> {
        let registry = Registry::official();
        let listed = &self.plan.in_scope.components;
        // The answers are fresher.
        let all = listed.values().chain(self.answers.answered.values());
        let of_them = all.filter(|it| is_renamed(&it.key));
        of_them
            .map(|it| {
                let listed = listed.get(&it.key).or_else(|| self.base.remote(&it.key));
                (tree_key(registry, &it.key, listed), it)
            })
            .collect()
    }

    fn latest_children(&self) -> BTreeMap<ComponentKey, &'a RemoteComponent> {
        let registry = Registry::official();
        let mut latest: BTreeMap<ComponentKey, &RemoteComponent> = BTreeMap::new();
        for it in self.plan.in_scope.components.values() {
            if let Some(parent) = parent_of(registry, &it.key) {
                let known = latest.entry(parent).or_insert(it);
                if known.modified.at <= it.modified.at {
                    *known = it;
                }
            }
        }
        latest
    }
}

/// Whether the tree may have another name for components of this type than the listing:
/// documents, and what the registry does not know.
fn is_renamed(key: &ComponentKey) -> bool {
    let ty = Registry::official().type_named(key.type_name.as_str());
    ty.is_none_or(|it| it.in_folder && it.files == Files::Mixed)
}
