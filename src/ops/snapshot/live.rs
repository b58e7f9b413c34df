//! How a commit differs from the org as it is now.
//!
//! What changed in the org is retrieved and converted as for a snapshot, into a
//! pack that is dropped in the end: nothing of it stays in the repository.

use std::collections::BTreeMap;

use super::{
    SnapshotOptions, SnapshotSetup, base::Base, check_bond, commit, decide, identify,
    outcome::PathChange, read, record::Memory, rule_versions,
};
use crate::{
    client::Org,
    diff::tree::{self, Side},
    model::{ComponentKey, Timestamp},
    ops::{
        error::Error,
        fetch::NoNotes,
        history::{self, Comparison, Detail},
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
    let branch = repo.branch(&setup.branch, &setup.remote)?;
    let identity = identify(org).await?;
    let base = Base::read(repo, &branch, &setup.package_dirs)?;
    base.kept_org(&branch.name)?;
    check_bond(&base, &branch, identity.org.id, &rule_versions(setup))?;
    let memory = Memory::read(repo, identity.org.id)?;
    let began = org.now().unwrap_or(Timestamp::UNKNOWN);
    let options = SnapshotOptions {
        only: selectors.to_vec(),
        ..SnapshotOptions::default()
    };
    let plan = decide::plan(
        org,
        repo,
        &base,
        &memory,
        setup,
        &options,
        identity.org.id,
        began,
        monitor,
    )
    .await?;
    let pack = repo.pack(&base.listing)?;
    let answers = read::read(
        org, repo, &base, &plan, setup, &pack, &options, &NoNotes, monitor,
    )
    .await?;
    let (live, _) = commit::tree_changes(&base, &plan, &answers, setup, &pack)?;
    let before = repo.list_tree(repo.commit(from)?.tree)?;
    let changes = overlaid(repo, &base, from, &before, &live)?;
    let is_in = |key: &ComponentKey, side: Side| match side {
        Side::Before => holds(&before, &BTreeMap::new(), setup, key),
        Side::After => {
            let live = live.iter().map(|it| (it.path.as_str(), it.after)).collect();
            holds(&base.listing, &live, setup, key)
        }
    };
    let read = |id| Ok(pack.read(Kind::Blob, id)?);
    let (mut components, _) = history::compare_paths(changes, is_in, &read, detail)?;
    if !selectors.is_empty() {
        let wanted = history::selected(&components, selectors);
        components.retain(|it| wanted.contains(&it.component));
    }
    let mut contents = BTreeMap::new();
    for id in components
        .iter()
        .flat_map(|it| &it.files)
        .filter_map(|it| it.after)
    {
        contents.insert(id, pack.read(Kind::Blob, id)?);
    }
    Ok(Comparison {
        schema: "orgkeep/diff/1",
        from: from.to_string(),
        to: "org".to_owned(),
        components,
        // What belongs to no component is not the org's to have.
        others: Vec::new(),
        contents,
    })
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
