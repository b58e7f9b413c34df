//! Compares with a commit that orgkeep did not write: a release branch, a project.
//!
//! Its files are brought into the form that a snapshot would give them, in memory.
//! A project without a ledger holds what it holds: what it lacks is out of its
//! scope and not deleted. A commit that somebody made on top of a snapshot is
//! complete, and only its spelling is not ours.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::compare::{self, Comparison, Detail, compare_paths, selected};
use crate::{
    diff::{
        child::child_of,
        element::{self, ChangeKind, Id},
        tree::PathChange,
    },
    ledger::{Gap, GapKind, OrgFile},
    model::{ComponentKey, Manifest, OrgId},
    ops::{
        error::Error,
        snapshot::{SnapshotSetup, in_our_form, in_our_form_again, tags_of_tree},
    },
    plan::select::Selector,
    registry::{Registry, keys::KeyRules},
    source::{self, Ignored, Level, PackageFile, convert, redact::Tags},
    store::{Kind, ObjectId, Repository, trailer},
    workdir::Project,
    xml::{self, Document},
};

/// A file of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    path: String,
    key: ComponentKey,
    id: ObjectId,
}

/// One of two trees that are compared.
pub(in crate::ops) struct Side {
    families: BTreeMap<ComponentKey, Vec<Held>>,
    /// Whether its files may be written otherwise than we would.
    is_foreign: bool,
    /// Whether what it lacks is not there; else it is out of its scope.
    is_complete: bool,
    ignored: Ignored,
}

impl Side {
    /// The tree of `commit`.
    ///
    /// # Errors
    ///
    /// Objects that cannot be read, and a `sfdx-project.json` that says something wrong.
    pub(in crate::ops) fn of_commit(
        repo: &Repository,
        setup: &SnapshotSetup,
        commit: ObjectId,
    ) -> Result<Self, Error> {
        let read = repo.commit(commit)?;
        let listing = repo.list_tree(read.tree)?;
        let text = |path: &str| -> Result<Option<String>, Error> {
            let Some(entry) = listing.get(path) else {
                return Ok(None);
            };
            let bytes = repo.blob(entry.id)?;
            Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
        };
        let is_complete = listing.get(OrgFile::PATH).is_some();
        let is_ours = read.message.trailer(trailer::ORG).is_some();
        let level = match text(OrgFile::PATH)? {
            Some(text) => OrgFile::parse(text.as_bytes())?.level,
            None => String::new(),
        };
        let project = match text("sfdx-project.json")? {
            Some(text) => Project::parse(&text)?,
            None => Project::default(),
        };
        let mut folders: Vec<&str> = project
            .package_directories
            .iter()
            .map(|it| it.path.as_str())
            .collect();
        if is_complete {
            folders = vec![setup.package_dir.as_str()];
        }
        let ignored = text(".forceignore")?;
        let paths: Vec<&str> = listing.iter().map(|it| it.path).collect();
        let files = convert::in_project(&folders, &paths)
            .into_iter()
            .filter_map(|path| Some((path.to_owned(), listing.get(path)?.id)));
        Ok(Self {
            families: families(files),
            is_foreign: !is_ours || level != "canonical",
            is_complete,
            ignored: ignored.map_or_else(Ignored::nothing, |it| Ignored::parse(&it)),
        })
    }

    /// A tree that is complete and ours, given by its files.
    pub(in crate::ops) fn of_files(
        files: impl IntoIterator<Item = (String, ObjectId)>,
        level: Level,
    ) -> Self {
        Self {
            families: families(files),
            is_foreign: level != Level::Canonical,
            is_complete: true,
            ignored: Ignored::nothing(),
        }
    }

    fn holds(&self, key: &ComponentKey) -> bool {
        let of = |it: &Vec<Held>| it.iter().any(|file| file.key == *key);
        self.families.contains_key(key) || self.families.values().any(of)
    }
}

fn families(
    files: impl IntoIterator<Item = (String, ObjectId)>,
) -> BTreeMap<ComponentKey, Vec<Held>> {
    let registry = Registry::official();
    let mut families: BTreeMap<ComponentKey, Vec<Held>> = BTreeMap::new();
    for (path, id) in files {
        if let Some(owner) = source::owner(registry, &path) {
            families.entry(owner.top().clone()).or_default().push(Held {
                path,
                key: owner.key,
                id,
            });
        }
    }
    families
}

/// What differs between two sides.
#[derive(Debug, Default)]
pub(in crate::ops) struct Differing {
    pub(in crate::ops) changes: Vec<PathChange<ObjectId>>,
    /// Bytes in our form, which are in no repository.
    pub(in crate::ops) contents: BTreeMap<ObjectId, Vec<u8>>,
    pub(in crate::ops) gaps: BTreeSet<Gap>,
}

/// How bytes are read.
type Read<'a> = dyn Fn(ObjectId) -> Result<Vec<u8>, Error> + Sync + 'a;

/// A component in our form: by path, which component each file is of, and its bytes.
type Formed = BTreeMap<String, (ComponentKey, Vec<u8>)>;

/// Compares two sides in our form, component by component.
///
/// # Errors
///
/// Objects that cannot be read.
pub(in crate::ops) fn differing(
    before: &Side,
    after: &Side,
    setup: &SnapshotSetup,
    tags: Option<&Tags>,
    read: &Read<'_>,
) -> Result<Differing, Error> {
    let registry = Registry::official();
    let keys: BTreeSet<&ComponentKey> = before
        .families
        .keys()
        .chain(after.families.keys())
        .collect();
    let keys: Vec<&ComponentKey> = keys
        .into_iter()
        .filter(|it| setup.scope.skips_key(it, None, None).is_none())
        .filter(|it| {
            let one = before
                .families
                .get(*it)
                .map(|files| tails(registry, it, files));
            one != after
                .families
                .get(*it)
                .map(|files| tails(registry, it, files))
        })
        .collect();
    let of =
        |side: &Side, key: &ComponentKey, gaps: &mut Vec<Gap>| -> Result<Option<Formed>, Error> {
            match side.families.get(key) {
                Some(files) => formed(side, key, files, setup, tags, read, gaps).map(Some),
                None => Ok(None),
            }
        };
    let results: Vec<(Vec<Gap>, Formed, Formed)> = keys
        .into_par_iter()
        .map(|key| {
            let mut gaps = Vec::new();
            let mut old = of(before, key, &mut gaps)?;
            let mut new = of(after, key, &mut gaps)?;
            if !gaps.is_empty() {
                // One side is not known: nothing is said of what differs.
                return Ok((gaps, Formed::new(), Formed::new()));
            }
            if !before.is_complete {
                narrow(registry, key, &mut new, old.as_ref());
                in_order_of(&mut old, new.as_ref());
            }
            if !after.is_complete {
                narrow(registry, key, &mut old, new.as_ref());
                in_order_of(&mut new, old.as_ref());
            }
            Ok((gaps, old.unwrap_or_default(), new.unwrap_or_default()))
        })
        .collect::<Result<_, Error>>()?;
    let mut found = Differing::default();
    for (gaps, old, mut new) in results {
        found.gaps.extend(gaps);
        for (path, (_, bytes)) in old {
            let after = new.remove(&path).map(|it| it.1);
            found.note(path, Some(bytes), after);
        }
        for (path, (_, bytes)) in new {
            found.note(path, None, Some(bytes));
        }
    }
    found
        .changes
        .sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

impl Differing {
    fn note(&mut self, path: String, before: Option<Vec<u8>>, after: Option<Vec<u8>>) {
        if before == after {
            return;
        }
        let mut keep = |bytes: Option<Vec<u8>>| {
            let bytes = bytes?;
            let id = Kind::Blob.id_of(&bytes);
            self.contents.insert(id, bytes);
            Some(id)
        };
        let (before, after) = (keep(before), keep(after));
        self.changes.push(PathChange {
            path,
            before,
            after,
        });
    }
}

/// Paths from the folder of the type on, with their blobs: equal where nothing differs.
fn tails<'a>(
    registry: &Registry,
    key: &ComponentKey,
    files: &'a [Held],
) -> BTreeSet<(&'a str, ObjectId)> {
    let ty = registry.type_named(key.type_name.as_str());
    let folder = ty.map(|it| format!("/{}/", it.directory));
    files
        .iter()
        .map(|it| {
            let at = folder
                .as_ref()
                .and_then(|folder| it.path.rfind(folder.as_str()));
            (&it.path[at.unwrap_or(0)..], it.id)
        })
        .collect()
}

/// One component in our form.
fn formed(
    side: &Side,
    key: &ComponentKey,
    files: &[Held],
    setup: &SnapshotSetup,
    tags: Option<&Tags>,
    read: &Read<'_>,
    gaps: &mut Vec<Gap>,
) -> Result<Formed, Error> {
    let mut formed = Formed::new();
    if !side.is_foreign {
        for file in files {
            let path = usual_place(setup, &file.path);
            formed.insert(path, (file.key.clone(), read(file.id)?));
        }
        return Ok(formed);
    }
    if side.is_complete {
        for file in files {
            let bytes = read(file.id)?;
            let bytes = in_our_form_again(setup, tags, &file.key, &file.path, bytes);
            formed.insert(usual_place(setup, &file.path), (file.key.clone(), bytes));
        }
        return Ok(formed);
    }
    let paths: Vec<&str> = files.iter().map(|it| it.path.as_str()).collect();
    let mut manifest = Manifest::new(setup.api_version);
    let mut package: Vec<PackageFile> = Vec::new();
    let done = convert::to_package(
        Registry::official(),
        Level::Canonical,
        &paths,
        &side.ignored,
        &mut manifest,
        |it| read(files[it].id),
        |file| -> Result<(), Error> {
            package.push(file);
            Ok(())
        },
    )?;
    for (path, reason) in done.gaps {
        gaps.push(Gap {
            what: path,
            kind: GapKind::NotConverted,
            reason,
            since: None,
        });
    }
    if package.is_empty() {
        return Ok(formed);
    }
    for (path, of, bytes) in in_our_form(setup, tags, key, package, gaps) {
        // Some fields of an object make an object of just these, which the project has not.
        if files.iter().any(|it| it.key == of) {
            formed.insert(path, (of, bytes));
        }
    }
    Ok(formed)
}

/// Where a file would stand in a project without a layout of its own.
fn usual_place(setup: &SnapshotSetup, path: &str) -> String {
    match source::usual(&setup.registry, path) {
        Some(usual) => format!("{}/{}/{usual}", setup.package_dir, source::SOURCE_ROOT),
        None => path.to_owned(),
    }
}

/// Leaves of a component what a project holds of it, which has `held`.
fn narrow(
    registry: &Registry,
    key: &ComponentKey,
    whole: &mut Option<Formed>,
    held: Option<&Formed>,
) {
    let (Some(files), Some(held)) = (whole.as_mut(), held) else {
        *whole = None;
        return;
    };
    let keys: BTreeSet<&ComponentKey> = held.values().map(|it| &it.0).collect();
    files.retain(|_, it| keys.contains(&it.0));
    for (path, (of, bytes)) in files.iter_mut() {
        if let Some((_, other)) = held.get(path)
            && of == key
            && let Some(narrowed) = without_what_is_not_held(registry, key, bytes, other)
        {
            *bytes = narrowed;
        }
    }
}

/// Puts the elements of files in the order that those of the other side have, where it says nothing.
fn in_order_of(files: &mut Option<Formed>, other: Option<&Formed>) {
    let (Some(files), Some(other)) = (files.as_mut(), other) else {
        return;
    };
    for (path, (_, bytes)) in files.iter_mut() {
        if let Some((_, other)) = other.get(path)
            && other != bytes
            && let Some(ordered) = ordered_like(bytes, other)
        {
            *bytes = ordered;
        }
    }
}

fn ordered_like(bytes: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let (this, other) = (xml::parse(bytes).ok()?, xml::parse(other).ok()?);
    let keys = KeyRules::official();
    let changes = element::diff(&other.root, &this.root, keys);
    let n = changes.len();
    let name = this.root.local_name();
    let changes: Vec<_> = changes
        .into_iter()
        .filter(|it| !it.is_without_meaning(name, keys))
        .collect();
    if changes.len() == n {
        return None;
    }
    let root = element::apply(&other.root, &changes, keys).ok()?;
    Some(xml::render(&Document { root, ..this }))
}

/// A file without the components inside it, or the rights of a profile, that the other lacks.
///
/// A deploy of the other would leave those as they are.
fn without_what_is_not_held(
    registry: &Registry,
    key: &ComponentKey,
    bytes: &[u8],
    other: &[u8],
) -> Option<Vec<u8>> {
    let document = xml::parse(bytes).ok()?;
    let held = xml::parse(other).ok()?.root;
    let keys = KeyRules::official();
    let is_profile = key.type_name.as_str() == "Profile";
    let lacking: Vec<_> = element::diff(&document.root, &held, keys)
        .into_iter()
        .filter(|it| it.kind == ChangeKind::Removed && it.path.len() == 1)
        .filter(|it| {
            let is_right = is_profile && matches!(it.path[0].id, Id::Key { .. });
            is_right || child_of(registry, key, it).is_some()
        })
        .collect();
    if lacking.is_empty() {
        return None;
    }
    let root = element::apply(&document.root, &lacking, keys).ok()?;
    Some(xml::render(&Document { root, ..document }))
}

/// By whom a tree was written.
pub(in crate::ops) struct Written {
    tree: ObjectId,
    /// The org that it is a snapshot of, or was before somebody changed it.
    pub(in crate::ops) org: Option<OrgId>,
    /// Whether nobody has changed it since.
    pub(in crate::ops) is_ours: bool,
}

impl Written {
    /// Looks at a commit.
    ///
    /// # Errors
    ///
    /// Objects that cannot be read.
    pub(in crate::ops) fn of(repo: &Repository, commit: ObjectId) -> Result<Self, Error> {
        let read = repo.commit(commit)?;
        let org = match repo.entry_at(read.tree, OrgFile::PATH)? {
            Some(entry) => Some(OrgFile::parse(&repo.blob(entry.id)?)?.org_id),
            None => None,
        };
        Ok(Self {
            tree: read.tree,
            org,
            is_ours: read.message.trailer(trailer::ORG).is_some(),
        })
    }

    /// Whether what it lacks is not there, and not only out of its scope.
    pub(in crate::ops) fn is_complete(&self) -> bool {
        self.org.is_some() || self.is_ours
    }
}

/// The changes with one side in our form; those that were no more than spelling are left out.
pub(in crate::ops) fn respelled(
    changes: Vec<PathChange<ObjectId>>,
    is_before: bool,
    setup: &SnapshotSetup,
    tags: Option<&Tags>,
    read: &Read<'_>,
    contents: &mut BTreeMap<ObjectId, Vec<u8>>,
) -> Result<Vec<PathChange<ObjectId>>, Error> {
    let registry = Registry::official();
    let mut kept = Vec::new();
    for mut change in changes {
        let side = if is_before {
            &mut change.before
        } else {
            &mut change.after
        };
        if let Some(id) = side
            && let Some(owner) = source::owner(registry, &change.path)
        {
            let bytes = read(*id)?;
            let bytes = in_our_form_again(setup, tags, &owner.key, &change.path, bytes);
            *id = Kind::Blob.id_of(&bytes);
            contents.insert(*id, bytes);
        }
        if change.before != change.after {
            kept.push(change);
        }
    }
    Ok(kept)
}

/// How two commits differ, as far as `selectors` name it; all where there is none.
///
/// # Errors
///
/// As for [`super::log`].
pub fn diff(
    repo: &Repository,
    setup: &SnapshotSetup,
    from: ObjectId,
    to: ObjectId,
    selectors: &[Selector],
    detail: Detail,
) -> Result<Comparison, Error> {
    let (before, after) = (Written::of(repo, from)?, Written::of(repo, to)?);
    let ours = if before.org.is_some() {
        &before
    } else {
        &after
    };
    let tags = tags_of_tree(repo, setup, ours.tree)?;
    let mut comparison = Comparison::between(from, to.to_string());
    if before.is_complete() && after.is_complete() {
        let changes = repo.diff_trees(before.tree, after.tree)?;
        let changes = changes.into_iter().map(|it| PathChange {
            path: it.path,
            before: it.before.map(|it| it.id),
            after: it.after.map(|it| it.id),
        });
        let read = |id| repo.blob(id).map_err(Error::from);
        let mut contents = BTreeMap::new();
        let changes = [(&before, true), (&after, false)].into_iter().try_fold(
            changes.collect(),
            |changes, (side, is_before)| match side.is_ours {
                true => Ok(changes),
                false => respelled(
                    changes,
                    is_before,
                    setup,
                    tags.as_ref(),
                    &read,
                    &mut contents,
                ),
            },
        )?;
        (comparison.components, comparison.others) = compare::compare_in_trees(
            repo,
            setup.package_dir.as_str(),
            changes,
            &contents,
            (before.tree, after.tree),
            detail,
        )?;
        comparison.contents = contents;
    } else {
        let before = Side::of_commit(repo, setup, from)?;
        let after = Side::of_commit(repo, setup, to)?;
        let read = |id| repo.blob(id).map_err(Error::from);
        let found = differing(&before, &after, setup, tags.as_ref(), &read)?;
        comparison.take(found, &before, &after, detail)?;
    }
    comparison.narrow(selectors);
    Ok(comparison)
}

impl Comparison {
    /// One in which nothing differs yet.
    pub(in crate::ops) fn between(from: ObjectId, to: String) -> Self {
        Self {
            schema: "orgkeep/diff/1",
            from: from.to_string(),
            to,
            components: Vec::new(),
            others: Vec::new(),
            gaps: Vec::new(),
            contents: BTreeMap::new(),
        }
    }

    /// Tells what differs by component.
    pub(in crate::ops) fn take(
        &mut self,
        found: Differing,
        before: &Side,
        after: &Side,
        detail: Detail,
    ) -> Result<(), Error> {
        let Differing {
            changes,
            contents,
            gaps,
        } = found;
        let is_in = |key: &ComponentKey, side| match side {
            crate::diff::tree::Side::Before => before.holds(key),
            crate::diff::tree::Side::After => after.holds(key),
        };
        let read = |id: ObjectId| Ok(contents.get(&id).cloned().unwrap_or_default());
        let (components, _) = compare_paths(changes, is_in, &read, detail)?;
        self.components = components;
        self.gaps = gaps.into_iter().collect();
        self.contents = contents;
        Ok(())
    }

    /// Keeps what `selectors` name; all where there is none.
    pub(in crate::ops) fn narrow(&mut self, selectors: &[Selector]) {
        if selectors.is_empty() {
            return;
        }
        let wanted = selected(&self.components, selectors);
        self.components.retain(|it| wanted.contains(&it.component));
        self.others.clear();
    }
}
