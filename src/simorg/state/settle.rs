//! A component put in its place after a change: children, digests, dates, rows.

use super::{
    Child, Component, Outcome, SimOrg,
    audit::Happened,
    digest,
    document::{self, Parts},
    load::Recording,
    made_id,
    people::automated_process,
};
use crate::{
    model::{ComponentKey, RecordId, Stamp, Timestamp},
    simorg::catalogue::key_prefix,
};

/// What a change came to, and whether it is written down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settled {
    pub outcome: Outcome,
    pub recording: Recording,
}

impl Settled {
    /// A change that is written down.
    pub(super) const CHANGED: Self = Self {
        outcome: Outcome::Changed,
        recording: Recording::AuditTrail,
    };
}

type Rows = Vec<(Happened, ComponentKey)>;

impl SimOrg {
    pub(super) fn take(&mut self, key: &ComponentKey) -> Option<Component> {
        let of_type = self.metadata.types.get_mut(&key.type_name)?;
        let component = of_type.remove(&key.name);
        if of_type.is_empty() {
            self.metadata.types.remove(&key.type_name);
        }
        component
    }

    /// Puts a component in its place after a change: children, digests, dates, rows.
    pub(super) fn settle(
        &mut self,
        key: &ComponentKey,
        mut component: Component,
        stamp: &Stamp,
        settled: Settled,
    ) {
        let Settled { outcome, recording } = settled;
        let mut rows = Vec::new();
        if outcome != Outcome::Unchanged {
            let own_changed = self.settle_children(key, &mut component, stamp, outcome, &mut rows);
            let lies = |it: &String| it == key.type_name.as_str();
            let is_quiet = self.config.dates_that_lie.iter().any(lies) || component.id.is_none();
            if outcome == Outcome::Changed && own_changed && !is_quiet {
                component.modified = stamp.clone();
            }
            if outcome == Outcome::Created {
                rows.push((Happened::Created, key.clone()));
            } else if own_changed {
                rows.push((Happened::Changed, key.clone()));
            }
        }
        self.metadata
            .types
            .entry(key.type_name.clone())
            .or_default()
            .insert(key.name.clone(), component);
        if recording == Recording::AuditTrail {
            for (happened, key) in rows {
                self.audit_component(happened, &key, stamp);
            }
        }
    }

    /// Brings the children in line with the document; says whether the rest of it changed.
    fn settle_children(
        &mut self,
        key: &ComponentKey,
        component: &mut Component,
        stamp: &Stamp,
        outcome: Outcome,
        rows: &mut Rows,
    ) -> bool {
        let parts = match component.document() {
            Some(file) => document::parts(key, &file.content),
            None => Parts::default(),
        };
        let mut own = parts.own;
        let document = component.document().map(|it| it.path.clone());
        for file in &component.files {
            if Some(&file.path) != document.as_ref() {
                own = own.wrapping_mul(31) ^ digest(&file.content);
            }
        }
        let own_changed = component.own_digest != own || component.flow.is_some();
        component.own_digest = own;
        let mut before = std::mem::take(&mut component.children);
        for (child_key, sum) in parts.children {
            let child = match before.remove(&child_key) {
                Some(child) if child.digest == sum => child,
                Some(mut child) => {
                    child.digest = sum;
                    if child.id.is_some() {
                        child.modified = stamp.clone();
                    }
                    rows.push((Happened::Changed, child_key.clone()));
                    child
                }
                None => {
                    if outcome == Outcome::Changed {
                        rows.push((Happened::Created, child_key.clone()));
                    }
                    self.new_child(&child_key, sum, stamp)
                }
            };
            component.children.insert(child_key, child);
        }
        rows.extend(before.into_keys().map(|it| (Happened::Deleted, it)));
        own_changed
    }

    fn new_child(&mut self, key: &ComponentKey, digest: u64, stamp: &Stamp) -> Child {
        let id = self.fresh_id(key);
        let made = match id {
            Some(_) => stamp.clone(),
            None => standard(),
        };
        Child {
            id,
            created: made.clone(),
            modified: made,
            digest,
        }
    }

    /// A new id for `key`; none for what is standard.
    pub(super) fn fresh_id(&mut self, key: &ComponentKey) -> Option<RecordId> {
        if is_standard(key) {
            return None;
        }
        let generation = self.metadata.generations.entry(key.clone()).or_default();
        *generation += 1;
        let name = format!("{key}#{generation}");
        Some(made_id(&key_prefix(key.type_name.as_str()), &name))
    }
}

/// Whether `key` is there without anybody having made it.
fn is_standard(key: &ComponentKey) -> bool {
    let is_custom = |name: &str| {
        let bytes = name.as_bytes();
        let at = name.rfind("__");
        at.is_some_and(|at| 0 < at && at + 2 < bytes.len())
    };
    match key.type_name.as_str() {
        "CustomObject" => !is_custom(key.name.as_str()),
        "CustomField" => !is_custom(child_name(key.name.as_str())),
        "Settings" => true,
        "CustomTab" => key.name.as_str().starts_with("standard-"),
        "CustomApplication" => key.name.as_str().starts_with("standard__"),
        _ => false,
    }
}

fn child_name(full_name: &str) -> &str {
    full_name.split_once('.').map_or(full_name, |(_, own)| own)
}

/// The stamp of what is there without anybody having made it.
pub(super) fn standard() -> Stamp {
    Stamp {
        by: automated_process(),
        at: Timestamp::UNKNOWN,
    }
}
