//! The order of duplicate rules: of each object they are numbered from 1 without a gap.
//!
//! Source: `field.md` §4.2; Metadata API Developer Guide, `DuplicateRule`, `sortOrder`.

use std::collections::{BTreeMap, BTreeSet};

use super::decide::{Planner, first_document};
use super::{Verdict, View};
use crate::model::ComponentKey;

const RULE: &str = "DuplicateRule";

fn order(view: &dyn View, key: &ComponentKey) -> Option<u32> {
    let root = first_document(&view.read(key))?;
    root.child_text("sortOrder")?.trim().parse().ok()
}

/// The object of `Account.Same_Name`.
fn object(key: &ComponentKey) -> &str {
    let name = key.name.as_str();
    name.split_once('.').map_or(name, |it| it.0)
}

impl Planner<'_> {
    /// Leaves rules to a person that would not be numbered from 1 on after the deploy.
    pub(super) fn check_order_of_duplicate_rules(&mut self) {
        let planned = self.items.values().filter(|it| it.applies);
        let planned = planned.filter(|it| it.key.type_name.as_str() == RULE);
        let objects: BTreeSet<String> = planned.map(|it| object(&it.key).to_owned()).collect();
        if objects.is_empty() {
            return;
        }
        let mut after: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for key in self.rules() {
            let is_applied = self.applies(&key);
            let view = match is_applied {
                true => self.inputs.target,
                false => self.inputs.now,
            };
            if let Some(order) = order(view, &key) {
                after
                    .entry(object(&key).to_owned())
                    .or_default()
                    .push(order);
            }
        }
        for object in objects {
            let mut orders = after.remove(&object).unwrap_or_default();
            orders.sort_unstable();
            if orders
                .iter()
                .copied()
                .eq(1..=u32::try_from(orders.len()).unwrap_or(u32::MAX))
            {
                continue;
            }
            let of_object = self.items.values_mut().filter(|it| {
                it.applies && it.key.type_name.as_str() == RULE && self::object(&it.key) == object
            });
            for item in of_object {
                item.verdict = Verdict::Manual;
                item.applies = false;
                item.files.clear();
                item.deletes.clear();
                item.reason = format!(
                    "the duplicate rules of {object} would not be numbered from 1 without a gap: select `{RULE}:{object}.*`"
                );
                item.page = Some("/lightning/setup/DuplicateRules/home".to_owned());
            }
        }
    }

    /// Every duplicate rule of the org now, and of the plan.
    fn rules(&self) -> BTreeSet<ComponentKey> {
        let planned = self.items.values().map(|it| &it.key);
        let all = self.inputs.everything.iter().chain(planned);
        let rules = all.filter(|it| it.type_name.as_str() == RULE);
        rules.cloned().collect()
    }
}
