//! The trees that a plan is made of, as components.

use std::{cell::RefCell, sync::Arc};

use super::{digest, facts::parent_of};
use crate::{
    ledger::FlowVersions,
    model::{ComponentKey, TreePath},
    ops::snapshot::{Base, OwnedFile},
    plan::rollback::{View, ViewFile},
    registry::{Files, Registry},
    source::{self, SourceFile, canonical},
    store::{self, ObjectId, Repository},
};

/// A tree, by component; contents are read when they are asked for.
///
/// A flow has the file of its active version where one is active, since that is
/// what it does; else that of its latest.
pub(super) struct TreeView<'a> {
    repo: &'a Repository,
    base: &'a Base,
    failed: RefCell<Option<store::Error>>,
}

impl<'a> TreeView<'a> {
    pub(super) fn new(repo: &'a Repository, base: &'a Base) -> Self {
        Self {
            repo,
            base,
            failed: RefCell::new(None),
        }
    }

    /// Every component, by family, once for each of its files.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a ComponentKey> + use<'a> {
        self.base.families.values().flatten().map(|it| &it.key)
    }

    /// The components whose files are of the top-level component `key`.
    pub(super) fn family(&self, key: &ComponentKey) -> impl Iterator<Item = &'a ComponentKey> {
        let files = self.base.families.get(key).into_iter().flatten();
        files.map(|it| &it.key)
    }

    /// Every file with the component that it is of.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&'a str, &'a ComponentKey)> + use<'a> {
        let files = self.base.families.values().flatten();
        files.map(|it| (it.path.as_str(), &it.key))
    }

    /// Whether it has a file of the component.
    pub(super) fn has(&self, key: &ComponentKey) -> bool {
        self.files(key).next().is_some()
    }

    /// Paths and blobs of a component's files.
    pub(super) fn blobs(&self, key: &ComponentKey) -> Vec<(&'a str, ObjectId)> {
        let files = self.files(key).map(|file| {
            let active = (key.type_name.as_str() == "Flow")
                .then(|| FlowVersions::active_path(key.name.as_str()))
                .and_then(|path| self.base.listing.get(&path));
            (file.path.as_str(), active.map_or(file.id, |it| it.id))
        });
        files.collect()
    }

    fn files(&self, key: &ComponentKey) -> impl Iterator<Item = &'a OwnedFile> {
        let base = self.base;
        let own = base.families.get(key);
        let files = own.or_else(|| base.families.get(&top_of(key)));
        let key = key.clone();
        files.into_iter().flatten().filter(move |it| it.key == key)
    }

    /// Whether a commit has what stands at `path` of a component.
    pub(super) fn is_committed(&self, key: &ComponentKey, path: &TreePath) -> bool {
        let blobs = self.blobs(key);
        let mut blobs = blobs.iter();
        blobs.any(|(it, id)| *it == path.as_str() && !self.base.contents.contains_key(id))
    }

    fn bytes(&self, id: ObjectId) -> Result<Vec<u8>, store::Error> {
        match self.base.contents.get(&id) {
            Some(bytes) => Ok(bytes.clone()),
            None => self.repo.blob(id),
        }
    }

    /// The first failure to read, which answers given since lack.
    pub(super) fn check(&self) -> Result<(), store::Error> {
        self.failed.borrow_mut().take().map_or(Ok(()), Err)
    }
}

/// The top-level component that `key` is of.
pub(super) fn top_of(key: &ComponentKey) -> ComponentKey {
    let mut top = key.clone();
    while let Some(parent) = parent_of(&top) {
        top = parent;
    }
    top
}

/// What tells two versions of a flow apart: a digest of the canonical form.
///
/// An active version that is not the latest is stored as the org gave it, the
/// latest in canonical form: ids of blobs tell nothing.
pub(super) fn flow_digest(
    repo: &Repository,
    path: &str,
    id: ObjectId,
) -> Result<String, store::Error> {
    let bytes = repo.blob(id)?;
    let canonical = canonical::canonicalise("Flow", path, &bytes, &canonical::Rules::default());
    Ok(digest(canonical.as_ref().map_or(&bytes, |it| &it.bytes)))
}

impl View for TreeView<'_> {
    fn state(&self, key: &ComponentKey) -> Option<String> {
        let files = self.blobs(key);
        let mut state: Vec<String> = match files.as_slice() {
            [] => return None,
            [(path, id)] if key.type_name.as_str() == "Flow" => {
                match flow_digest(self.repo, path, *id) {
                    Ok(digest) => vec![digest],
                    Err(err) => {
                        self.failed.borrow_mut().get_or_insert(err);
                        return None;
                    }
                }
            }
            [(_, id)] => vec![id.to_string()],
            // Files may be added and renamed with equal content.
            several => several
                .iter()
                .map(|(path, id)| format!("{} {id}", path.rsplit('/').next().unwrap_or(path)))
                .collect(),
        };
        if key.type_name.as_str() == "Flow"
            && let Some(flow) = self.base.flows.get(key.name.as_str())
        {
            let word = flow.active.map_or("inactive", |_| "active");
            state.push(word.to_owned());
        }
        Some(state.join(" "))
    }

    fn read(&self, key: &ComponentKey) -> Vec<ViewFile> {
        let mut files = Vec::new();
        for (path, id) in self.blobs(key) {
            let Ok(path) = path.parse::<TreePath>() else {
                continue;
            };
            match self.bytes(id) {
                Ok(bytes) => files.push(ViewFile {
                    path,
                    bytes: Arc::from(bytes),
                }),
                Err(err) => {
                    self.failed.borrow_mut().get_or_insert(err);
                }
            }
        }
        whole(key, &files).map_or(files, |it| vec![it])
    }
}

/// The one document of a component that this project takes apart further than usual, at the
/// path of what is left of it; `None` for files that are what the type usually has.
///
/// A plan looks at documents: of a permission set that lies in many files each holds only a
/// part of the rights.
fn whole(key: &ComponentKey, files: &[ViewFile]) -> Option<ViewFile> {
    let registry = Registry::official();
    let ty = registry.type_named(key.type_name.as_str())?;
    if files.len() < 2 || ty.files != Files::Single {
        return None;
    }
    let own = format!("/{}.{}-meta.xml", key.name, ty.suffix.as_deref()?);
    let own = files.iter().find(|it| it.path.as_str().ends_with(&own))?;
    let sources: Vec<SourceFile> = files
        .iter()
        .map(|it| SourceFile {
            path: it.path.clone(),
            key: key.clone(),
            bytes: it.bytes.to_vec(),
        })
        .collect();
    let joined = source::join(registry, key, &sources).ok()?;
    let [document] = <[_; 1]>::try_from(joined).ok()?;
    Some(ViewFile {
        path: own.path.clone(),
        bytes: Arc::from(document.bytes),
    })
}
