//! What the branch holds before the snapshot.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    ledger::{Coverage, FlowVersions, Inventory, OrgFile, RedactedValues},
    model::{ComponentKey, RemoteComponent, Timestamp, TreePath, TypeName},
    ops::error::{Error, Refusal},
    registry::Registry,
    source::{self, Layout},
    store::{Branch, Listing, ObjectId, Repository, trailer},
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
    pub inventories: BTreeMap<TypeName, Inventory>,
    /// Versions of flows.
    pub flows: BTreeMap<String, FlowVersions>,
    /// Secrets that were taken out.
    pub redacted: RedactedValues,
    /// Our files of each top-level component.
    pub families: BTreeMap<ComponentKey, Vec<OwnedFile>>,
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
        let read_commit = repo.commit(commit)?;
        let tree = read_commit.tree;
        let listing = repo.list_tree(tree)?;
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
        let mut inventories = BTreeMap::new();
        for file in listing.under(Inventory::FOLDER) {
            let name = file
                .path
                .strip_prefix(Inventory::FOLDER)
                .and_then(|it| it.trim_start_matches('/').strip_suffix(".jsonl"))
                .and_then(|it| it.parse::<TypeName>().ok());
            if let Some(name) = name {
                let bytes = repo.blob(file.entry.id)?;
                inventories.insert(name.clone(), Inventory::parse(name, &bytes)?);
            }
        }
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
        let families = families(&listing, package_dirs);
        let last = last_snapshot(repo, commit)?;
        Ok(Self {
            commit: Some(commit),
            tree: Some(tree),
            listed_at: last.and_then(|it| it.1),
            last_snapshot: last.map(|it| it.0),
            listing,
            org,
            coverage,
            inventories,
            flows,
            redacted,
            families,
        })
    }

    /// Where its files stand, and where new ones go.
    #[must_use]
    pub fn layout(&self, package_dir: &TreePath) -> Layout<'static> {
        let paths = self.families.values().flatten();
        let paths = paths.map(|it| it.path.as_str());
        Layout::of(Registry::official(), package_dir, paths)
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

/// Our files, by the top-level component that they belong to.
fn families(
    listing: &Listing,
    package_dirs: &[TreePath],
) -> BTreeMap<ComponentKey, Vec<OwnedFile>> {
    let registry = Registry::official();
    let mut families: BTreeMap<ComponentKey, Vec<OwnedFile>> = BTreeMap::new();
    let folders = package_dirs.iter().map(TreePath::as_str);
    for folder in folders.chain([source::UNMAPPED]) {
        for file in listing.under(folder) {
            let Some(owner) = source::owner(registry, file.path) else {
                continue;
            };
            let family = owner.parent.clone().unwrap_or_else(|| owner.key.clone());
            families.entry(family).or_default().push(OwnedFile {
                path: file.path.to_owned(),
                key: owner.key,
                id: file.entry.id,
            });
        }
    }
    families
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
