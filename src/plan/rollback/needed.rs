//! What stands in the way of a deletion.
//!
//! What is deleted is new since the target, so whatever refers to it came or changed since
//! too: only what differs has to be looked at. What goes back itself refers to it no more.
//! A name may stand in a formula, in code or in a condition, so its word is looked for.

use std::collections::BTreeSet;

use super::Verdict;
use super::closure::Index;
use super::decide::{NAMED, Planner};
use crate::model::ComponentKey;

/// Types whose entries go with what they name.
const GO_ALONG: &[&str] = &[
    "CustomApplication",
    "CustomFieldTranslation",
    "CustomObjectTranslation",
    "MutingPermissionSet",
    "PermissionSet",
    "Profile",
    "Translations",
];

/// The same, of a field or an object that is deleted.
const GO_WITH_A_FIELD: &[&str] = &[
    "CompactLayout",
    "FieldSet",
    "Layout",
    "ListView",
    "RecordType",
    "Report",
    "SearchLayouts",
];

impl Planner<'_> {
    /// Says of what is deleted what refers to it and stays.
    pub(super) fn find_needed(&mut self) {
        let deleted: BTreeSet<ComponentKey> = self
            .items
            .values()
            .filter(|it| it.applies && it.verdict == Verdict::Delete)
            .map(|it| it.key.clone())
            .collect();
        if deleted.is_empty() {
            return;
        }
        let index = Index::of(&deleted);
        let mut users: Vec<(ComponentKey, ComponentKey)> = Vec::new();
        for key in self.inputs.differing {
            let of = key.type_name.as_str();
            if !self.is_there(key) || self.applies(key) || GO_ALONG.contains(&of) {
                continue;
            }
            let files = self.inputs.now.read(key);
            for named in index.near(&files) {
                let thing = named.key();
                let goes_along = matches!(thing.type_name.as_str(), "CustomField" | "CustomObject")
                    && GO_WITH_A_FIELD.contains(&of);
                let is_part = key.name.as_str().starts_with(&format!("{}.", thing.name));
                if !goes_along && !is_part {
                    users.push((thing.clone(), key.clone()));
                }
            }
        }
        for item in self.items.values_mut() {
            let of_item = users.iter().filter(|(thing, _)| *thing == item.key);
            for (_, user) in of_item.take(NAMED) {
                let detail = format!(
                    "{user} refers to it and stays, which the platform may refuse: select it too"
                );
                item.details.push(detail);
            }
        }
    }
}
