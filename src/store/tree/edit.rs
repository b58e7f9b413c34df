//! Writing a tree that differs from another in some paths.

use std::collections::BTreeMap;

use super::{
    Entry, Mode, entries,
    object::{push_entry, tree_order},
};
use crate::{
    model::TreePath,
    store::{Error, Kind, ObjectId, PackBuilder},
};

/// A tree, and the paths in which another is to differ from it.
///
/// Costs what the folders of the changed paths cost, whatever the size of the
/// tree. What is not named stays as it is, mode included.
#[derive(Clone, Debug, Default)]
pub struct TreeEdit {
    base: Option<ObjectId>,
    changes: BTreeMap<TreePath, Option<ObjectId>>,
}

/// The changes below one folder, with what is left of their paths.
type Changes<'a> = [(&'a str, Option<ObjectId>)];

impl TreeEdit {
    /// An edit of the tree `base`, or of the empty one.
    #[must_use]
    pub fn new(base: Option<ObjectId>) -> Self {
        Self {
            base,
            changes: BTreeMap::new(),
        }
    }

    /// Puts the blob `id` at `path`. A file that is there keeps its mode.
    pub fn put(&mut self, path: TreePath, id: ObjectId) {
        self.changes.insert(path, Some(id));
    }

    /// Takes the file at `path` away; nothing happens where there is none.
    pub fn remove(&mut self, path: TreePath) {
        self.changes.insert(path, None);
    }

    /// Number of paths named.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether no path is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Writes the folders that changed into `pack` and gives the new root tree.
    ///
    /// A folder without a file is left out. The base may be in `pack` itself.
    ///
    /// # Errors
    ///
    /// [`Error::PathConflict`] where a file would stand in place of a folder
    /// that is not emptied by the edit, or the other way round; else what
    /// reading the base or writing the pack gives.
    pub fn write(&self, pack: &PackBuilder<'_>) -> Result<ObjectId, Error> {
        let changes: Vec<_> = self
            .changes
            .iter()
            .map(|(path, id)| (path.as_str(), *id))
            .collect();
        let root = write_folder(pack, self.base, &changes, "")?;
        match root {
            Some(id) => Ok(id),
            None => pack.put(Kind::Tree, &[]),
        }
    }
}

/// Writes one folder; `None` when nothing is left in it.
fn write_folder(
    pack: &PackBuilder<'_>,
    base: Option<ObjectId>,
    changes: &Changes<'_>,
    folder: &str,
) -> Result<Option<ObjectId>, Error> {
    let bytes = match base {
        Some(id) if id != ObjectId::EMPTY_TREE => pack.read(Kind::Tree, id)?,
        _ => Vec::new(),
    };
    let mut old: BTreeMap<&[u8], Entry> = BTreeMap::new();
    for entry in entries(base.unwrap_or(ObjectId::EMPTY_TREE), &bytes) {
        let entry = entry?;
        old.insert(entry.name, entry.entry);
    }
    for (name, here) in by_first_part(changes) {
        let path = format!("{folder}{name}");
        match changed_entry(pack, old.get(name.as_bytes()).copied(), &here, &path)? {
            Some(entry) => old.insert(name.as_bytes(), entry),
            None => old.remove(name.as_bytes()),
        };
    }
    if old.is_empty() {
        return Ok(None);
    }
    let mut sorted: Vec<_> = old.into_iter().collect();
    sorted.sort_by(|a, b| tree_order((a.0, a.1.mode), (b.0, b.1.mode)));
    let mut out = Vec::with_capacity(bytes.len() + 64);
    for (name, entry) in sorted {
        push_entry(&mut out, name, entry);
    }
    if out == bytes {
        return Ok(base);
    }
    pack.put(Kind::Tree, &out).map(Some)
}

/// What becomes of the file of one name.
#[derive(Clone, Copy, Default)]
enum FileEdit {
    #[default]
    Stays,
    Put(ObjectId),
    Goes,
}

/// What changes under one name: the file of that name, and files below it.
#[derive(Default)]
struct Here<'a> {
    file: FileEdit,
    below: Vec<(&'a str, Option<ObjectId>)>,
}

fn by_first_part<'a>(changes: &Changes<'a>) -> BTreeMap<&'a str, Here<'a>> {
    let mut names: BTreeMap<&str, Here<'_>> = BTreeMap::new();
    for &(path, id) in changes {
        match path.split_once('/') {
            None => {
                names.entry(path).or_default().file = id.map_or(FileEdit::Goes, FileEdit::Put);
            }
            Some((name, rest)) => names.entry(name).or_default().below.push((rest, id)),
        }
    }
    names
}

/// The entry that stands under one name afterwards.
fn changed_entry(
    pack: &PackBuilder<'_>,
    old: Option<Entry>,
    here: &Here<'_>,
    path: &str,
) -> Result<Option<Entry>, Error> {
    let old_tree = old.filter(|it| it.mode.is_tree());
    let old_file = old.filter(|it| !it.mode.is_tree());
    let wants_below = here.below.iter().any(|(_, id)| id.is_some());
    let file = match (here.file, old_file) {
        (FileEdit::Put(id), old) => Some(Entry {
            // A link or submodule in place of our file gives way to a file.
            mode: old.map_or(Mode::FILE, |it| {
                if it.mode.is_file() {
                    it.mode
                } else {
                    Mode::FILE
                }
            }),
            id,
        }),
        (FileEdit::Goes, _) => None,
        (FileEdit::Stays, old) => old,
    };
    // Without anything to put below, a removal below a file touches nothing.
    let folder = if old_tree.is_some() || wants_below {
        if here.below.is_empty() {
            old_tree
        } else {
            let base = old_tree.map(|it| it.id);
            write_folder(pack, base, &here.below, &format!("{path}/"))?.map(|id| Entry {
                mode: Mode::TREE,
                id,
            })
        }
    } else {
        None
    };
    match (file, folder) {
        (Some(_), Some(_)) => Err(Error::PathConflict {
            path: path.to_owned(),
        }),
        (file, folder) => Ok(file.or(folder)),
    }
}
