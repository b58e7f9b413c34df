//! All files of a tree, by path.

use std::{borrow::Cow, ops::Range};

use super::{Entry, Mode, RawEntry, TreeChange, entries};
use crate::store::{Error, ObjectId, Repository};

/// Deepest nesting of folders that is read; [`crate::model::TreePath`] allows no more.
const MAX_DEPTH: usize = 2048;

/// The files of a tree with their modes and ids, ordered by the bytes of their paths.
///
/// All paths lie in one text, so 60,000 files are a handful of allocations.
/// A path that is not UTF-8 is shown with U+FFFD.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    paths: String,
    files: Vec<(Range<usize>, Entry)>,
}

/// One file of a [`Listing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListingEntry<'a> {
    /// Its path from the root of the tree that was listed.
    pub path: &'a str,
    /// Its mode and id.
    pub entry: Entry,
}

impl Listing {
    /// Number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// What stands at `path`, which is a file's.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Entry> {
        let at = self
            .files
            .binary_search_by(|(range, _)| self.paths[range.clone()].cmp(path))
            .ok()?;
        Some(self.files[at].1)
    }

    /// All files, ordered by path.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = ListingEntry<'_>> {
        self.within(0..self.files.len())
    }

    /// The files below the folder `folder`, which has no slash at its end.
    #[must_use]
    pub fn under(&self, folder: &str) -> impl ExactSizeIterator<Item = ListingEntry<'_>> {
        // A slash comes right before the digit 0.
        let first = |end: char| {
            let bound = format!("{folder}{end}");
            self.files
                .partition_point(|(range, _)| self.paths[range.clone()] < *bound)
        };
        self.within(first('/')..first('0'))
    }

    fn within(&self, range: Range<usize>) -> impl ExactSizeIterator<Item = ListingEntry<'_>> {
        self.files[range].iter().map(|(range, entry)| ListingEntry {
            path: &self.paths[range.clone()],
            entry: *entry,
        })
    }

    /// The listing of a tree that differs from this one in `changes`, which are ordered by path.
    #[must_use]
    pub fn with(&self, changes: &[TreeChange]) -> Self {
        let mut out = Self {
            paths: String::with_capacity(self.paths.len()),
            files: Vec::with_capacity(self.files.len() + changes.len()),
        };
        let mut changes = changes.iter().peekable();
        for file in self.iter() {
            while let Some(it) = changes.next_if(|it| it.path.as_str() < file.path) {
                out.extend(it);
            }
            match changes.next_if(|it| it.path == file.path) {
                Some(it) => out.extend(it),
                None => out.push("", file.path, file.entry),
            }
        }
        changes.for_each(|it| out.extend(it));
        out
    }

    fn extend(&mut self, change: &TreeChange) {
        if let Some(entry) = change.after {
            self.push("", &change.path, entry);
        }
    }

    fn push(&mut self, folder: &str, name: &str, entry: Entry) {
        let start = self.paths.len();
        self.paths.push_str(folder);
        self.paths.push_str(name);
        self.files.push((start..self.paths.len(), entry));
    }
}

impl Repository {
    /// Lists the files of the tree `root`, submodules and links included.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`].
    pub fn list_tree(&self, root: ObjectId) -> Result<Listing, Error> {
        let handle = self.handle()?;
        let odb = handle.odb().map_err(Error::database("open the objects"))?;
        let mut listing = Listing::default();
        let mut lossy = false;
        // Folders still open: the bytes of each, how far it is read, the length of its path.
        let mut folder = String::new();
        let mut open = Vec::new();
        if root != ObjectId::EMPTY_TREE {
            open.push((read_tree(&odb, root)?, 0, root, 0));
        }
        while let Some((bytes, at, id, path_len)) = open.last_mut() {
            folder.truncate(*path_len);
            let mut rest = entries(*id, &bytes[*at..]);
            let Some(next) = rest.next() else {
                open.pop();
                continue;
            };
            *at = bytes.len() - rest.left();
            let RawEntry { name, entry } = next?;
            let name = String::from_utf8_lossy(name);
            lossy |= matches!(name, Cow::Owned(_));
            if entry.mode.is_tree() {
                folder.push_str(&name);
                folder.push('/');
            } else {
                listing.push(&folder, &name, entry);
            }
            if entry.mode.is_tree() {
                if open.len() == MAX_DEPTH {
                    return Err(Error::Unreadable {
                        kind: "tree",
                        id: entry.id,
                        source: "its folders are nested too deep".into(),
                    });
                }
                open.push((read_tree(&odb, entry.id)?, 0, entry.id, folder.len()));
            }
        }
        if lossy {
            let paths = &listing.paths;
            listing
                .files
                .sort_by(|a, b| paths[a.0.clone()].cmp(&paths[b.0.clone()]));
        }
        Ok(listing)
    }

    /// What stands at `path` below the tree `root`: a file or a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`].
    pub fn entry_at(&self, root: ObjectId, path: &str) -> Result<Option<Entry>, Error> {
        let handle = self.handle()?;
        let odb = handle.odb().map_err(Error::database("open the objects"))?;
        find_entry(root, path, |id| read_tree(&odb, id))
    }

    /// The bytes of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] where `id` is not a blob of this repository.
    pub fn blob(&self, id: ObjectId) -> Result<Vec<u8>, Error> {
        let handle = self.handle()?;
        let odb = handle.odb().map_err(Error::database("open the objects"))?;
        let object = odb
            .read(id.to_git())
            .map_err(Error::unreadable("blob", id))?;
        if object.kind() == git2::ObjectType::Blob {
            Ok(object.data().to_vec())
        } else {
            Err(Error::Unreadable {
                kind: "blob",
                id,
                source: "it is another kind of object".into(),
            })
        }
    }
}

/// Walks from the tree `root` to `path`, reading trees by `read`.
pub(in crate::store) fn find_entry(
    root: ObjectId,
    path: &str,
    read: impl Fn(ObjectId) -> Result<Vec<u8>, Error>,
) -> Result<Option<Entry>, Error> {
    let mut found = Entry {
        mode: Mode::TREE,
        id: root,
    };
    for part in path.split('/') {
        if !found.mode.is_tree() || found.id == ObjectId::EMPTY_TREE {
            return Ok(None);
        }
        let bytes = read(found.id)?;
        let mut next = None;
        for entry in entries(found.id, &bytes) {
            let entry = entry?;
            if entry.name == part.as_bytes() {
                next = Some(entry.entry);
                break;
            }
        }
        match next {
            Some(entry) => found = entry,
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// The bytes of the tree object `id`.
pub(super) fn read_tree(odb: &git2::Odb<'_>, id: ObjectId) -> Result<Vec<u8>, Error> {
    if id == ObjectId::EMPTY_TREE {
        return Ok(Vec::new());
    }
    let object = odb
        .read(id.to_git())
        .map_err(Error::unreadable("tree", id))?;
    if object.kind() == git2::ObjectType::Tree {
        Ok(object.data().to_vec())
    } else {
        Err(Error::Unreadable {
            kind: "tree",
            id,
            source: "it is another kind of object".into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(n: u8) -> Entry {
        Entry {
            mode: Mode::FILE,
            id: ObjectId::from_bytes([n; 20]),
        }
    }

    fn listing(files: &std::collections::BTreeMap<String, u8>) -> Listing {
        let mut listing = Listing::default();
        for (path, n) in files {
            listing.push("", path, entry(*n));
        }
        listing
    }

    proptest! {
        #[test]
        fn changed_listing_is_that_of_the_changed_tree(
            before in prop::collection::btree_map("[ab/]{1,3}", 0_u8..3, 0..8),
            after in prop::collection::btree_map("[ab/]{1,3}", 0_u8..3, 0..8),
        ) {
            let paths: std::collections::BTreeSet<&String> =
                before.keys().chain(after.keys()).collect();
            let changes: Vec<TreeChange> = paths
                .into_iter()
                .filter(|it| before.get(*it) != after.get(*it))
                .map(|it| TreeChange {
                    path: it.clone(),
                    before: before.get(it).map(|n| entry(*n)),
                    after: after.get(it).map(|n| entry(*n)),
                })
                .collect();
            prop_assert_eq!(listing(&before).with(&changes), listing(&after));
        }
    }
}
