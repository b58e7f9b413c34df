//! Folders whose content is known from the last run.
//!
//! Invariant: what is known of a folder is all that was listed in it, or nothing.

use std::collections::BTreeMap;

use super::{base::Base, decide::ReadPlan, memory::Memory};
use crate::{
    ledger::{
        RunState,
        state::{SeenFolder, render_folders},
    },
    model::{ComponentKey, RemoteComponent, TreePath, TypeName},
    plan::{
        folders::{KnownFolder, KnownFolders},
        retrieve::incremental::LastSeen,
    },
};

/// The folders that need not be listed while their rows stay the same.
///
/// Components that were `seen` are put together from the inventory; a folder with one
/// of which something is missing is not known.
pub(super) fn known(
    base: &Base,
    memory: &Memory,
    seen: &BTreeMap<ComponentKey, LastSeen>,
) -> KnownFolders {
    if seen.is_empty() {
        return KnownFolders::new();
    }
    let mut known = KnownFolders::new();
    for (type_name, folders) in memory.folders() {
        let mut by_folder = by_folder(base, &type_name, seen);
        let complete = folders.into_iter().filter_map(|(name, it)| {
            let SeenFolder {
                id,
                mark,
                n,
                outside,
            } = it;
            let mut components = by_folder.remove(&name).unwrap_or_default();
            components.extend(outside);
            (components.len() == n).then_some((
                name,
                KnownFolder {
                    id,
                    mark,
                    components,
                },
            ))
        });
        let complete = complete.collect();
        known.insert(type_name, complete);
    }
    known
}

/// The components of a type as they were listed last, by folder.
fn by_folder(
    base: &Base,
    type_name: &TypeName,
    seen: &BTreeMap<ComponentKey, LastSeen>,
) -> BTreeMap<String, Vec<RemoteComponent>> {
    let mut by_folder: BTreeMap<String, Vec<RemoteComponent>> = BTreeMap::new();
    let inventory = base.inventories.get(type_name);
    for component in inventory.iter().flat_map(|it| it.components.values()) {
        // What is in the inventory and was not seen was not listed: it is stale or in motion.
        let (Some(folder), Some(last)) = (component.key.name.folder(), seen.get(&component.key))
        else {
            continue;
        };
        let mut component = component.clone();
        component.id = last.id;
        component.modified.at = last.at;
        by_folder
            .entry(folder.to_owned())
            .or_default()
            .push(component);
    }
    by_folder
}

/// The files of the state that hold what there is to remember of folders.
pub(super) fn remembered(plan: &ReadPlan) -> BTreeMap<TreePath, Vec<u8>> {
    let mut files = BTreeMap::new();
    for (type_name, folders) in &plan.discovery.folders {
        let mut folders = folders.clone();
        let listed = plan.discovery.types.get(type_name);
        for component in listed.iter().flat_map(|it| it.components.values()) {
            if let Some(folder) = component.key.name.folder()
                && !plan.in_scope.components.contains_key(&component.key)
                && let Some(it) = folders.get_mut(folder)
            {
                it.outside.push(component.clone());
            }
        }
        if let Ok(path) = RunState::folders_path(type_name).parse() {
            files.insert(path, render_folders(&folders));
        }
    }
    files
}
