//! What the branch holds before the snapshot.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use rayon::prelude::*;

use crate::{
    ledger::{Coverage, FlowVersions, Inventory, OrgFile, RedactedValues},
    model::{ComponentKey, RemoteComponent, Timestamp, TreePath, TypeName},
    ops::error::{Error, Refusal},
    registry::Registry,
    source::{self, Layout},
    store::{Branch, Listing, ListingEntry, ObjectId, Repository, TreeChange, trailer},
};

/// The tree that a snapshot goes on top of, and what it says of itself.
#[derive(Debug, Default)]
pub struct Base {
    /// The commit; `None` for a history that begins.
    pub commit: Option<ObjectId>,
    /// Its tree.
    pub tree: Option<ObjectId>,
    /// When the listing of the snapshot began, by the org's clock.
    pub listed_at: Option<Timestamp>,
    /// The last commit of the last snapshot; an ancestor where people committed since.
    pub last_snapshot: Option<ObjectId>,
    /// Its files.
    pub listing: Listing,
    /// `.orgkeep/org.json`; `None` where no snapshot was made yet.
    pub org: Option<OrgFile>,
    /// The ledger.
    pub coverage: Coverage,
    /// What each component looked like when its content last changed.
    pub inventories: BTreeMap<TypeName, Arc<Inventory>>,
    /// Versions of flows.
    pub flows: BTreeMap<String, FlowVersions>,
    /// Secrets that were taken out.
    pub redacted: RedactedValues,
    /// Our files of each top-level component.
    pub families: BTreeMap<ComponentKey, Vec<OwnedFile>>,
    /// Bytes of files that are in no repository: of a tree that was never written.
    pub contents: BTreeMap<ObjectId, Vec<u8>>,
    /// The package directory in which every file stands where `sf` would put it.
    pub(super) usual_in: Option<TreePath>,
}

/// A file of the tree that belongs to a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedFile {
    /// Its path.
    pub path: String,
    /// The finest component that it is of.
    pub key: ComponentKey,
    /// Its blob.
    pub id: ObjectId,
}

impl Base {
    /// Reads what stands at the tip of `branch`.
    ///
    /// # Errors
    ///
    /// A ledger that cannot be read, and a repository that cannot.
    pub fn read(
        repo: &Repository,
        branch: &Branch,
        package_dirs: &[TreePath],
    ) -> Result<Self, Error> {
        match branch.tip {
            Some(commit) => Self::at(repo, commit, package_dirs),
            None => Ok(Self::default()),
        }
    }

    /// Reads what stands at `commit`.
    ///
    /// # Errors
    ///
    /// As for [`Base::read`].
    pub fn at(
        repo: &Repository,
        commit: ObjectId,
        package_dirs: &[TreePath],
    ) -> Result<Self, Error> {
        let tree = repo.commit(commit)?.tree;
        let listing = repo.list_tree(tree)?;
        let families = || families(&listing, package_dirs);
        Self::read_listed(repo, commit, tree, &listing, None, package_dirs, families)
            .map(|it| Self { listing, ..it })
    }

    /// Reads what stands at `commit`; what `other`, read for the same package directories, has
    /// as well is not read again.
    ///
    /// # Errors
    ///
    /// As for [`Base::read`].
    pub fn beside(
        repo: &Repository,
        commit: ObjectId,
        other: &Self,
        package_dirs: &[TreePath],
    ) -> Result<Self, Error> {
        let Some(other_tree) = other.tree else {
            return Self::at(repo, commit, package_dirs);
        };
        let tree = repo.commit(commit)?.tree;
        let changes = repo.diff_trees(other_tree, tree)?;
        let listing = other.listing.with(&changes);
        let families = || other.families_with(&changes, package_dirs);
        Self::read_listed(
            repo,
            commit,
            tree,
            &listing,
            Some(other),
            package_dirs,
            families,
        )
        .map(|it| Self { listing, ..it })
    }

    /// Reads all but the listing itself.
    fn read_listed(
        repo: &Repository,
        commit: ObjectId,
        tree: ObjectId,
        listing: &Listing,
        other: Option<&Self>,
        package_dirs: &[TreePath],
        families: impl FnOnce() -> Families + Send,
    ) -> Result<Self, Error> {
        let read = |path: &str| match listing.get(path) {
            Some(entry) => repo.blob(entry.id).map(Some),
            None => Ok(None),
        };
        let org = match read(OrgFile::PATH)? {
            Some(bytes) => Some(OrgFile::parse(&bytes)?),
            None => None,
        };
        let coverage = match read(Coverage::PATH)? {
            Some(bytes) => Coverage::parse(&bytes)?,
            None => Coverage::default(),
        };
        let redacted = match read(RedactedValues::PATH)? {
            Some(bytes) => RedactedValues::parse(&bytes)?,
            None => RedactedValues::default(),
        };
        let (inventories, (families, is_usual)) =
            rayon::join(|| inventories(repo, listing, other), families);
        let inventories = inventories?;
        let mut flows = BTreeMap::new();
        for file in listing.under(FlowVersions::FOLDER) {
            let flow = file
                .path
                .strip_prefix(FlowVersions::FOLDER)
                .and_then(|it| it.trim_start_matches('/').strip_suffix("/versions.json"));
            if let Some(flow) = flow {
                let bytes = repo.blob(file.entry.id)?;
                flows.insert(flow.to_owned(), FlowVersions::parse(flow, &bytes)?);
            }
        }
        let last = last_snapshot(repo, commit)?;
        Ok(Self {
            commit: Some(commit),
            tree: Some(tree),
            listed_at: last.and_then(|it| it.1),
            last_snapshot: last.map(|it| it.0),
            listing: Listing::default(),
            org,
            coverage,
            inventories,
            flows,
            redacted,
            families,
            contents: BTreeMap::new(),
            usual_in: package_dirs.first().filter(|_| is_usual).cloned(),
        })
    }

    /// Where its files stand, and where new ones go.
    #[must_use]
    pub fn layout<'r>(&self, registry: &'r Registry, package_dir: &TreePath) -> Layout<'r> {
        if registry.presets().is_empty() && self.usual_in.as_ref() == Some(package_dir) {
            return Layout::of(registry, package_dir, std::iter::empty());
        }
        let paths = self.families.values().flatten();
        let was_apart = self.org.as_ref().is_some_and(|it| !it.presets.is_empty());
        let is_chosen =
            |it: &&str| !was_apart || !source::is_where_presets_write(Registry::official(), it);
        let paths = paths.map(|it| it.path.as_str()).filter(is_chosen);
        Layout::of(registry, package_dir, paths)
    }

    /// What the inventory knows of a component.
    #[must_use]
    pub fn remote(&self, key: &ComponentKey) -> Option<&RemoteComponent> {
        self.inventories
            .get(&key.type_name)?
            .components
            .get(&key.name)
    }

    /// Every component of the inventory.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<ComponentKey> {
        self.inventories
            .values()
            .flat_map(|it| it.components.values())
            .map(|it| it.key.clone())
            .collect()
    }

    /// Its families after some changes of the tree.
    fn families_with(&self, changes: &[TreeChange], package_dirs: &[TreePath]) -> Families {
        let registry = Registry::official();
        let home = package_dirs.first();
        let mut families = self.families.clone();
        let mut is_usual = self.usual_in.is_some();
        let folders = package_dirs.iter().map(TreePath::as_str);
        let folders: Vec<_> = folders.chain([source::UNMAPPED]).collect();
        let is_ours = |path: &str| {
            let is_below = |it: &&str| path.strip_prefix(*it).is_some_and(|it| it.starts_with('/'));
            folders.iter().any(is_below)
        };
        for change in changes.iter().filter(|it| is_ours(&it.path)) {
            let Some((owner, usual)) = source::owner_in(registry, home, &change.path) else {
                continue;
            };
            let family = owner.top().clone();
            let files = families.entry(family.clone()).or_default();
            let at = files.iter().position(|it| it.path == change.path);
            match (change.after, at) {
                (Some(after), Some(at)) => files[at].id = after.id,
                (Some(after), None) => {
                    is_usual &= usual;
                    let at = files.partition_point(|it| it.path < change.path);
                    let file = OwnedFile {
                        path: change.path.clone(),
                        key: owner.key,
                        id: after.id,
                    };
                    files.insert(at, file);
                }
                (None, Some(at)) => drop(files.remove(at)),
                (None, None) => (),
            }
            if files.is_empty() {
                families.remove(&family);
            }
        }
        (families, is_usual)
    }

    /// The org that the branch keeps.
    ///
    /// # Errors
    ///
    /// [`Refusal::NoSnapshot`] where it has no snapshot.
    pub fn kept_org(&self, branch: &str) -> Result<&OrgFile, Error> {
        self.org.as_ref().ok_or_else(|| {
            Refusal::NoSnapshot {
                branch: branch.to_owned(),
            }
            .into()
        })
    }
}

/// The inventories of a tree.
///
/// Those that `other` has as well are shared with it.
fn inventories(
    repo: &Repository,
    listing: &Listing,
    other: Option<&Base>,
) -> Result<BTreeMap<TypeName, Arc<Inventory>>, Error> {
    let files: Vec<_> = listing.under(Inventory::FOLDER).collect();
    let read = files.into_par_iter().filter_map(|file| {
        let name = file.path.strip_prefix(Inventory::FOLDER)?;
        let name = name.trim_start_matches('/').strip_suffix(".jsonl")?;
        let name: TypeName = name.parse().ok()?;
        let same = other
            .filter(|it| it.listing.get(file.path).map(|it| it.id) == Some(file.entry.id))
            .and_then(|it| it.inventories.get(&name));
        if let Some(same) = same {
            return Some(Ok((name, Arc::clone(same))));
        }
        let bytes = repo.blob(file.entry.id).map_err(Error::from);
        Some(bytes.and_then(|it| {
            let inventory = Inventory::parse(name.clone(), &it)?;
            Ok((name, Arc::new(inventory)))
        }))
    });
    read.collect()
}

/// Our files by top-level component, and whether each stands where `sf` would put it.
type Families = (BTreeMap<ComponentKey, Vec<OwnedFile>>, bool);

/// Files that are looked at together; own figure.
const AT_ONCE: usize = 512;

/// Our files, by the top-level component that they belong to; and whether each stands where
/// `sf` would put it in the first package directory.
fn families(listing: &Listing, package_dirs: &[TreePath]) -> Families {
    let registry = Registry::official();
    let folders = package_dirs.iter().map(TreePath::as_str);
    let folders = folders.chain([source::UNMAPPED]);
    let files: Vec<_> = folders.flat_map(|it| listing.under(it)).collect();
    let home = package_dirs.first();
    let owned: Vec<Vec<(source::Owner, bool, ListingEntry<'_>)>> = files
        .par_chunks(AT_ONCE)
        .map(|files| {
            let owned = files.iter().filter_map(|file| {
                let (owner, is_usual) = source::owner_in(registry, home, file.path)?;
                Some((owner, is_usual, *file))
            });
            owned.collect()
        })
        .collect();
    let mut families: BTreeMap<ComponentKey, Vec<OwnedFile>> = BTreeMap::new();
    let mut all_usual = true;
    // Files of a family mostly come one after the other.
    let mut last: Option<(ComponentKey, Vec<OwnedFile>)> = None;
    let mut close = |done: (ComponentKey, Vec<OwnedFile>)| {
        families.entry(done.0).or_default().extend(done.1);
    };
    for (owner, is_usual, file) in owned.into_iter().flatten() {
        all_usual &= is_usual;
        let family = owner.parent.unwrap_or_else(|| owner.key.clone());
        let file = OwnedFile {
            path: file.path.to_owned(),
            key: owner.key,
            id: file.entry.id,
        };
        match &mut last {
            Some((open, files)) if *open == family => files.push(file),
            _ => {
                let done = last.replace((family, vec![file]));
                done.into_iter().for_each(&mut close);
            }
        }
    }
    last.into_iter().for_each(&mut close);
    (families, all_usual)
}

/// How far back a snapshot is looked for below commits that people made.
const MAX_FOREIGN_COMMITS: usize = 1000;

/// The last snapshot at or before `commit`, and when its listing began.
pub(super) fn last_snapshot(
    repo: &Repository,
    commit: ObjectId,
) -> Result<Option<(ObjectId, Option<Timestamp>)>, Error> {
    for commit in repo.history(commit).take(MAX_FOREIGN_COMMITS) {
        let commit = commit?;
        if let Some(id) = snapshot_of(&commit.message) {
            return Ok(Some((commit.id, time_of_snapshot(id))));
        }
    }
    Ok(None)
}

/// The id of a snapshot whose listing began at `at`: the time, to the millisecond.
#[must_use]
pub(in crate::ops) fn snapshot_id(at: Timestamp) -> String {
    at.to_soap().replace(['-', ':', '.'], "")
}

/// When the listing of the snapshot `id` began.
#[must_use]
pub fn time_of_snapshot(id: &str) -> Option<Timestamp> {
    let digits = id.strip_suffix('Z')?;
    let (day, time) = digits.split_once('T')?;
    if day.len() != 8 || time.len() != 9 || !id.is_ascii() {
        return None;
    }
    format!(
        "{}-{}-{}T{}:{}:{}.{}Z",
        &day[..4],
        &day[4..6],
        &day[6..],
        &time[..2],
        &time[2..4],
        &time[4..6],
        &time[6..]
    )
    .parse()
    .ok()
}

/// The snapshot that a commit is the last part of, from its trailers.
///
/// `None` for a commit that orgkeep did not write, and for an earlier part.
#[must_use]
pub fn snapshot_of(message: &crate::store::Message) -> Option<&str> {
    let id = message.trailer(trailer::SNAPSHOT)?;
    let is_last = match message.trailer(trailer::PART) {
        None => true,
        Some(part) => part
            .split_once('/')
            .is_some_and(|(n, of)| n.trim() == of.trim()),
    };
    is_last.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_of_a_snapshot_tells_when_it_began() {
        let at: Timestamp = "2026-11-21T14:02:03.614Z".parse().unwrap();
        assert_eq!(snapshot_id(at), "20261121T140203614Z");
        assert_eq!(time_of_snapshot("20261121T140203614Z"), Some(at));
        assert_eq!(time_of_snapshot("yesterday"), None);
    }
}
