//! How two trees differ, by component and element.

use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
};

use serde::Serialize;

use super::{elements, rename};
use crate::{
    diff::{
        text::{self, FileDiff},
        tree::{self, ComponentChangeKind, PathChange, Side},
    },
    ledger::Gap,
    model::{ComponentKey, TypeName},
    ops::error::Error,
    plan::select::{Catalogue, Selector},
    registry::Registry,
    source,
    store::{Commit, Listing, ObjectId, Repository},
};

/// A component that differs between two trees.
#[derive(Clone, Debug, Serialize)]
pub struct ChangedComponent {
    /// The component, `Type:Name`.
    pub component: ComponentKey,
    /// What happened to it.
    pub change: ComponentChangeKind,
    /// What changed in it, in words: `errorMessage "a" → "b"`.
    pub details: Vec<String>,
    /// What came or went with it, in words: `with 8 fields`.
    pub with: Option<String>,
    /// Its name on the other side, where it was renamed or moved: the org knows both by one id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renamed: Option<ComponentKey>,
    /// Its files that differ.
    pub files: Vec<ChangedFile>,
}

/// A file that differs between two trees.
#[derive(Clone, Debug, Serialize)]
pub struct ChangedFile {
    /// Its path.
    pub path: String,
    /// Its blob before.
    pub before: Option<ObjectId>,
    /// Its blob after.
    pub after: Option<ObjectId>,
}

/// How two trees differ.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Names the shape of this object.
    pub schema: &'static str,
    /// What it was compared from.
    pub from: String,
    /// What it was compared with.
    pub to: String,
    /// The components that differ.
    pub components: Vec<ChangedComponent>,
    /// Files that differ and belong to no component, orgkeep's own left out.
    pub others: Vec<ChangedFile>,
    /// What could not be compared, and why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<Gap>,
    /// Bytes that were compared and are in no repository, such as those of a live org.
    #[serde(skip)]
    pub contents: BTreeMap<ObjectId, Vec<u8>>,
}

impl Comparison {
    /// Whether anything differs.
    #[must_use]
    pub fn differs(&self) -> bool {
        !(self.components.is_empty() && self.others.is_empty())
    }
}

/// How much is told of what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Names only.
    Names,
    /// What changed in each component.
    Elements,
}

/// The components among `changed` that any selector names.
pub(in crate::ops) fn selected(
    changed: &[ChangedComponent],
    selectors: &[Selector],
) -> BTreeSet<ComponentKey> {
    let keys = changed.iter().map(|it| it.component.clone());
    let paths = changed.iter().flat_map(|it| {
        it.files
            .iter()
            .map(|file| (file.path.clone(), it.component.clone()))
    });
    let catalogue = Catalogue::new(keys).with_paths(paths);
    selectors
        .iter()
        .filter_map(|it| catalogue.select(it).ok())
        .flatten()
        .collect()
}

/// What a commit changed against its first parent.
///
/// # Errors
///
/// As for [`super::log`].
pub fn of_commit(
    repo: &Repository,
    package_dir: &str,
    commit: &Commit,
    detail: Detail,
) -> Result<Vec<ChangedComponent>, Error> {
    let before = match commit.parents.first() {
        Some(parent) => repo.commit(*parent)?.tree,
        None => ObjectId::EMPTY_TREE,
    };
    Ok(compare_trees(repo, package_dir, before, commit.tree, detail)?.0)
}

/// The components and other files that differ between two trees.
///
/// # Errors
///
/// Objects that cannot be read.
pub fn compare_trees(
    repo: &Repository,
    package_dir: &str,
    before: ObjectId,
    after: ObjectId,
    detail: Detail,
) -> Result<(Vec<ChangedComponent>, Vec<ChangedFile>), Error> {
    let changes = repo.diff_trees(before, after)?;
    let changes = changes.into_iter().map(|it| PathChange {
        path: it.path,
        before: it.before.map(|it| it.id),
        after: it.after.map(|it| it.id),
    });
    let contents = BTreeMap::new();
    let trees = (before, after);
    compare_in_trees(
        repo,
        package_dir,
        changes.collect(),
        &contents,
        trees,
        detail,
    )
}

/// The same of changes that are known, with bytes of which some are in no repository.
pub(super) fn compare_in_trees(
    repo: &Repository,
    package_dir: &str,
    changes: Vec<PathChange<ObjectId>>,
    contents: &BTreeMap<ObjectId, Vec<u8>>,
    (before, after): (ObjectId, ObjectId),
    detail: Detail,
) -> Result<(Vec<ChangedComponent>, Vec<ChangedFile>), Error> {
    let registry = Registry::official();
    let elsewhere = [before, after].map(|tree| Elsewhere::of(repo, tree));
    let is_in = |key: &ComponentKey, side: Side| {
        let (tree, elsewhere) = match side {
            Side::Before => (before, &elsewhere[0]),
            Side::After => (after, &elsewhere[1]),
        };
        has_files(repo, registry, package_dir, tree, key) || elsewhere.has(registry, key)
    };
    let read = |id| match contents.get(&id) {
        Some(bytes) => Ok(bytes.clone()),
        None => Ok(repo.blob(id)?),
    };
    let (mut components, others) = compare_paths(changes, is_in, &read, detail)?;
    rename::tell(repo, before, after, &mut components)?;
    Ok((components, others))
}

/// The components and other files that paths with different blobs are of.
///
/// # Errors
///
/// Whatever `read` gives.
pub(in crate::ops) fn compare_paths(
    changes: Vec<PathChange<ObjectId>>,
    is_in: impl Fn(&ComponentKey, Side) -> bool,
    read: &Read<'_>,
    detail: Detail,
) -> Result<(Vec<ChangedComponent>, Vec<ChangedFile>), Error> {
    let registry = Registry::official();
    let owner = |path: &str| {
        if let Some(flow) = flow_of(path) {
            return Some((flow, None));
        }
        source::owner(registry, path).map(|it| (it.key, it.parent))
    };
    let grouped = tree::group(changes, owner, is_in);
    let mut components = Vec::new();
    for change in &grouped.components {
        components.extend(elements::changed_components(
            registry, change, read, detail,
        )?);
    }
    components.sort_by(|one, other| one.component.cmp(&other.component));
    let others = grouped
        .others
        .iter()
        .filter(|it| !it.path.starts_with(".orgkeep/"))
        .map(changed_file)
        .collect();
    Ok((components, others))
}

/// How the bytes of a blob are read.
pub(in crate::ops) type Read<'a> = dyn Fn(ObjectId) -> Result<Vec<u8>, Error> + 'a;

/// The flow whose versions a file of the ledger tells.
pub(in crate::ops) fn flow_of(path: &str) -> Option<ComponentKey> {
    let rest = path.strip_prefix(".orgkeep/flows/")?;
    ComponentKey::parse("Flow", rest.rsplit_once('/')?.0).ok()
}

/// The components of a tree wherever they stand, a type at a time and only when asked.
struct Elsewhere<'a> {
    repo: &'a Repository,
    tree: ObjectId,
    listing: OnceCell<Listing>,
    by_type: RefCell<HashMap<TypeName, HashSet<ComponentKey>>>,
}

impl<'a> Elsewhere<'a> {
    fn of(repo: &'a Repository, tree: ObjectId) -> Self {
        Self {
            repo,
            tree,
            listing: OnceCell::new(),
            by_type: RefCell::default(),
        }
    }

    /// Whether a component has files in a place of the project's own making.
    fn has(&self, registry: &Registry, key: &ComponentKey) -> bool {
        let Some(ty) = registry.type_named(key.type_name.as_str()) else {
            return false;
        };
        let top = registry.parent_of(ty).unwrap_or(ty);
        let mut by_type = self.by_type.borrow_mut();
        let found = by_type.entry(top.name.clone()).or_insert_with(|| {
            let read = || self.repo.list_tree(self.tree).unwrap_or_default();
            let listing = self.listing.get_or_init(read);
            let folder = format!("/{}/", top.directory);
            let paths = listing.iter().map(|it| it.path);
            paths
                .filter(|it| it.contains(&folder))
                .filter_map(|it| source::owner(registry, it))
                .flat_map(|it| [Some(it.key), it.parent])
                .flatten()
                .collect()
        });
        found.contains(key)
    }
}

/// Whether a tree has files of a component below the package directory.
fn has_files(
    repo: &Repository,
    registry: &Registry,
    package_dir: &str,
    tree: ObjectId,
    key: &ComponentKey,
) -> bool {
    source::prefixes(registry, key).iter().any(|prefix| {
        let path = match prefix.starts_with(source::UNMAPPED) {
            true => prefix.clone(),
            false => format!("{package_dir}/{prefix}"),
        };
        repo.entry_at(tree, path.trim_end_matches(['/', '.']))
            .is_ok_and(|it| it.is_some())
    })
}

pub(super) fn changed_file(change: &PathChange<ObjectId>) -> ChangedFile {
    ChangedFile {
        path: change.path.clone(),
        before: change.before,
        after: change.after,
    }
}

/// The text diff of one file, whose blobs are in `contents` or in the repository.
///
/// # Errors
///
/// Objects that cannot be read.
pub fn file_diff(
    repo: &Repository,
    contents: &BTreeMap<ObjectId, Vec<u8>>,
    file: &ChangedFile,
) -> Result<FileDiff, Error> {
    let read = |id: Option<ObjectId>| match id {
        Some(id) => match contents.get(&id) {
            Some(bytes) => Ok(bytes.clone()),
            None => repo.blob(id),
        },
        None => Ok(Vec::new()),
    };
    Ok(text::diff(
        &read(file.before)?,
        &read(file.after)?,
        text::CONTEXT_LINES,
    ))
}
