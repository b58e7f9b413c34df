//! The trees that a plan is made of, as components.

use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

use super::digest;
use crate::{
    ledger::FlowVersions,
    model::{ComponentKey, TreePath},
    ops::snapshot::Base,
    plan::rollback::{View, ViewFile},
    source::canonical,
    store::{self, ObjectId, Repository},
};

/// A tree, by component; contents are read when they are asked for.
///
/// A flow has the file of its active version where one is active, since that is
/// what it does; else that of its latest.
pub(super) struct TreeView<'a> {
    repo: &'a Repository,
    files: BTreeMap<&'a ComponentKey, Vec<(&'a str, ObjectId)>>,
    flows: &'a BTreeMap<String, FlowVersions>,
    failed: RefCell<Option<store::Error>>,
}

impl<'a> TreeView<'a> {
    pub(super) fn new(repo: &'a Repository, base: &'a Base) -> Self {
        let mut files: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for file in base.families.values().flatten() {
            let mut id = file.id;
            if file.key.type_name.as_str() == "Flow"
                && let Some(active) = base
                    .listing
                    .get(&FlowVersions::active_path(file.key.name.as_str()))
            {
                id = active.id;
            }
            files
                .entry(&file.key)
                .or_default()
                .push((file.path.as_str(), id));
        }
        Self {
            repo,
            files,
            flows: &base.flows,
            failed: RefCell::new(None),
        }
    }

    /// Every component.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a ComponentKey> + '_ {
        self.files.keys().copied()
    }

    /// Every file with the component that it is of.
    pub(super) fn paths(&self) -> impl Iterator<Item = (&'a str, &'a ComponentKey)> + '_ {
        self.files
            .iter()
            .flat_map(|(key, files)| files.iter().map(move |(path, _)| (*path, *key)))
    }

    /// Paths and blobs of a component's files.
    pub(super) fn blobs(&self, key: &ComponentKey) -> &[(&'a str, ObjectId)] {
        self.files.get(key).map_or(&[], Vec::as_slice)
    }

    /// The first failure to read, which answers given since lack.
    pub(super) fn check(&self) -> Result<(), store::Error> {
        self.failed.borrow_mut().take().map_or(Ok(()), Err)
    }
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
        let files = self.files.get(key)?;
        let mut state: Vec<String> = match files.as_slice() {
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
            && let Some(flow) = self.flows.get(key.name.as_str())
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
            match self.repo.blob(*id) {
                Ok(bytes) => files.push(ViewFile {
                    path,
                    bytes: Arc::from(bytes),
                }),
                Err(err) => {
                    self.failed.borrow_mut().get_or_insert(err);
                }
            }
        }
        files
    }
}
