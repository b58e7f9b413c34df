//! Components that have another name on each side and are one in the org.

use std::collections::{BTreeMap, BTreeSet};

use super::compare::ChangedComponent;
use crate::{
    diff::tree::ComponentChangeKind,
    ledger::Inventory,
    model::{ComponentKey, RecordId, TypeName},
    ops::error::Error,
    store::{ObjectId, Repository},
};

/// Says of what came and what went under one id that it was renamed.
///
/// # Errors
///
/// Objects that cannot be read.
pub(super) fn tell(
    repo: &Repository,
    before: ObjectId,
    after: ObjectId,
    components: &mut [ChangedComponent],
) -> Result<(), Error> {
    let of_kind = |kind: ComponentChangeKind| -> BTreeSet<TypeName> {
        let all = components.iter().filter(|it| it.change == kind);
        all.map(|it| it.component.type_name.clone()).collect()
    };
    let came = of_kind(ComponentChangeKind::Added);
    let went = of_kind(ComponentChangeKind::Deleted);
    let mut other: BTreeMap<ComponentKey, ComponentKey> = BTreeMap::new();
    for type_name in came.intersection(&went) {
        let old = by_id(repo, before, type_name)?;
        let new = by_id(repo, after, type_name)?;
        for (id, was) in old {
            if let Some(is) = new.get(&id).filter(|it| **it != was) {
                other.insert(was.clone(), is.clone());
                other.insert(is.clone(), was);
            }
        }
    }
    for it in components {
        if it.change != ComponentChangeKind::Changed {
            it.renamed = other.get(&it.component).cloned();
        }
    }
    Ok(())
}

/// The components of a type in a tree's inventory, by their ids.
fn by_id(
    repo: &Repository,
    tree: ObjectId,
    type_name: &TypeName,
) -> Result<BTreeMap<RecordId, ComponentKey>, Error> {
    if tree == ObjectId::EMPTY_TREE {
        return Ok(BTreeMap::new());
    }
    let Some(entry) = repo.entry_at(tree, &Inventory::path(type_name))? else {
        return Ok(BTreeMap::new());
    };
    let inventory = Inventory::parse(type_name.clone(), &repo.blob(entry.id)?)?;
    let all = inventory.components.into_values();
    Ok(all.filter_map(|it| Some((it.id?, it.key))).collect())
}
