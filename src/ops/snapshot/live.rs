//! How a commit differs from the org as it is now.
//!
//! What changed in the org is retrieved and converted as for a snapshot, into a
//! pack that is dropped in the end: nothing of it stays in the repository.

use std::collections::BTreeMap;

use super::{
    SnapshotOptions, SnapshotSetup,
    base::Base,
    check_bond, commit,
    look::{Look, look},
    marks::Marks,
    outcome::PathChange,
    read, redaction,
};
use crate::{
    client::Org,
    diff::tree,
    model::ComponentKey,
    ops::{
        error::Error,
        fetch::NoNotes,
        history::{self, Comparison, Detail, Side, Written},
    },
    plan::select::Selector,
    progress::Monitor,
    registry::Registry,
    source,
    store::{Kind, Listing, ObjectId, Repository},
};

/// Compares the tree of `from` with the org, as far as `selectors` name it.
///
/// What they name is retrieved whatever its date says; without any, what differs
/// by date since the last snapshot is, as a snapshot would.
///
/// # Errors
///
/// As for [`super::snapshot`].
pub async fn diff_with_org(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
    from: ObjectId,
    selectors: &[Selector],
    detail: Detail,
    monitor: &dyn Monitor,
) -> Result<Comparison, Error> {
    // A writer removes unfinished packs, and the folder for answers is for one.
    let _lock = repo.lock()?;
    let options = SnapshotOptions {
        only: selectors.to_vec(),
        ..SnapshotOptions::default()
    };
    let Look {
        org,
        identity,
        branch,
        base,
        setup,
        plan,
        ..
    } = look(org, repo, setup, &options, monitor).await?;
    check_bond(&base, &branch, identity.org.id)?;
    let setup = &setup;
    let pack = repo.pack(&base.listing)?;
    let marks = Marks::read(repo, &base, setup);
    let answers = read::read(
        &org, repo, &base, &plan, setup, &pack, &options, &marks, &NoNotes, monitor,
    )
    .await?;
    let (live, _) = commit::tree_changes(&base, &plan, &answers, setup, &pack)?;
    let written = Written::of(repo, from)?;
    let tags = redaction::tags(setup, &base, identity.org.id);
    let read_sync = |id| Ok(pack.read(Kind::Blob, id)?);
    let mut comparison = Comparison::between(from, "org".to_owned());
    if !written.is_complete() {
        // A project: what it does not hold is out of its scope.
        let project = Side::of_commit(repo, setup, from)?;
        let now = Side::of_files(files_now(&base, &live), setup.level);
        let found = history::differing(&project, &now, setup, tags.as_ref(), &read_sync)?;
        comparison.take(found, &project, &now, detail)?;
        comparison.narrow(selectors);
        return Ok(comparison);
    }
    let before = repo.list_tree(repo.commit(from)?.tree)?;
    let mut changes = overlaid(repo, &base, from, &before, &live)?;
    let mut contents = BTreeMap::new();
    if !written.is_ours {
        changes = history::respelled(
            changes,
            true,
            setup,
            tags.as_ref(),
            &read_sync,
            &mut contents,
        )?;
    }
    let is_in = |key: &ComponentKey, side: tree::Side| match side {
        tree::Side::Before => holds(&before, &BTreeMap::new(), setup, key),
        tree::Side::After => {
            let live = live.iter().map(|it| (it.path.as_str(), it.after)).collect();
            holds(&base.listing, &live, setup, key)
        }
    };
    let read = |id| match contents.get(&id) {
        Some(bytes) => Ok(bytes.clone()),
        None => read_sync(id),
    };
    // What belongs to no component is not the org's to have.
    (comparison.components, _) = history::compare_paths(changes, is_in, &read, detail)?;
    comparison.narrow(selectors);
    for id in comparison
        .components
        .iter()
        .flat_map(|it| &it.files)
        .filter_map(|it| it.after)
    {
        if let std::collections::btree_map::Entry::Vacant(slot) = contents.entry(id) {
            slot.insert(read_sync(id)?);
        }
    }
    comparison.contents = contents;
    Ok(comparison)
}

/// The files of the org as it is now: those of the tip, with what changed since.
fn files_now(base: &Base, live: &[PathChange]) -> BTreeMap<String, ObjectId> {
    let files = base.listing.iter();
    let mut files: BTreeMap<String, ObjectId> =
        files.map(|it| (it.path.to_owned(), it.entry.id)).collect();
    for it in live {
        match it.after {
            Some(id) => files.insert(it.path.to_string(), id),
            None => files.remove(it.path.as_str()),
        };
    }
    files
}

/// The paths that differ between `from` and the org: those up to the tip, and from there to the org.
fn overlaid(
    repo: &Repository,
    base: &Base,
    from: ObjectId,
    before: &Listing,
    live: &[PathChange],
) -> Result<Vec<tree::PathChange<ObjectId>>, Error> {
    let mut changes = BTreeMap::new();
    if let Some(tip) = base.tree {
        for it in repo.diff_trees(repo.commit(from)?.tree, tip)? {
            let ids = (it.before.map(|it| it.id), it.after.map(|it| it.id));
            changes.insert(it.path, ids);
        }
    }
    for it in live {
        let old = before.get(it.path.as_str()).map(|it| it.id);
        changes.insert(it.path.to_string(), (old, it.after));
    }
    Ok(changes
        .into_iter()
        .filter(|(_, (before, after))| before != after)
        .map(|(path, (before, after))| tree::PathChange {
            path,
            before,
            after,
        })
        .collect())
}

/// Whether a tree, with `changes` made to it, has files of a component.
fn holds(
    listing: &Listing,
    changes: &BTreeMap<&str, Option<ObjectId>>,
    setup: &SnapshotSetup,
    key: &ComponentKey,
) -> bool {
    let registry = Registry::official();
    let usual = source::prefixes(registry, key).into_iter().any(|prefix| {
        let path = match prefix.starts_with(source::UNMAPPED) {
            true => prefix,
            false => format!("{}/{prefix}", setup.package_dir),
        };
        let is_of = |it: &str| {
            (it == path || (path.ends_with(['/', '.']) && it.starts_with(&path)))
                && source::owner(registry, it).is_some_and(|it| it.key == *key)
        };
        let folder = path.rsplit_once('/').map_or("", |it| it.0);
        let stays = listing
            .under(folder)
            .filter(|it| is_of(it.path))
            .any(|it| changes.get(it.path).is_none_or(Option::is_some));
        stays
            || changes
                .iter()
                .any(|(it, after)| is_of(it) && after.is_some())
    });
    usual || stands_elsewhere(listing, changes, setup, key)
}

/// Whether a component has files in a place of the project's own making.
fn stands_elsewhere(
    listing: &Listing,
    changes: &BTreeMap<&str, Option<ObjectId>>,
    setup: &SnapshotSetup,
    key: &ComponentKey,
) -> bool {
    let registry = Registry::official();
    let name = key.name.as_str();
    let last = name.rsplit(['.', '/']).next().unwrap_or(name);
    // Asking for the owner is dear, so the name has to be in the path first.
    let is_of = |path: &str| {
        path.contains(last) && source::owner(registry, path).is_some_and(|it| it.key == *key)
    };
    let dirs = setup.package_dirs.iter();
    let mut kept = dirs
        .flat_map(|it| listing.under(it.as_str()))
        .filter(|it| changes.get(it.path).is_none_or(Option::is_some));
    kept.any(|it| is_of(it.path))
        || changes
            .iter()
            .any(|(path, after)| after.is_some() && is_of(path))
}
