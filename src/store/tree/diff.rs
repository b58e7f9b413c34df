//! What differs between two trees.

use std::cmp::Ordering;

use super::{Entry, RawEntry, entries, listing::read_tree, object::tree_order};
use crate::store::{Error, ObjectId, Repository};

/// One path at which two trees differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeChange {
    /// The path; one that is not UTF-8 is shown with U+FFFD.
    pub path: String,
    /// What stood there; `None` where it was added.
    pub before: Option<Entry>,
    /// What stands there; `None` where it was deleted.
    pub after: Option<Entry>,
}

/// Two trees under comparison.
struct Comparison<'a> {
    odb: git2::Odb<'a>,
    /// Path of the folder that is being compared, with a slash at its end.
    folder: String,
    changes: Vec<TreeChange>,
}

impl Repository {
    /// The files in which the trees `before` and `after` differ, ordered by path.
    ///
    /// A file that became a folder is the deletion of one and the addition of
    /// the others. Renames are a deletion and an addition. Reads only the
    /// folders that differ.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`].
    pub fn diff_trees(&self, before: ObjectId, after: ObjectId) -> Result<Vec<TreeChange>, Error> {
        let handle = self.handle()?;
        let mut comparison = Comparison {
            odb: handle.odb().map_err(Error::database("open the objects"))?,
            folder: String::new(),
            changes: Vec::new(),
        };
        comparison.compare(Some(before), Some(after))?;
        let mut changes = comparison.changes;
        changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(changes)
    }
}

impl Comparison<'_> {
    fn compare(&mut self, before: Option<ObjectId>, after: Option<ObjectId>) -> Result<(), Error> {
        if before == after {
            return Ok(());
        }
        let read = |id: Option<ObjectId>| match id {
            Some(id) => read_tree(&self.odb, id).map(|bytes| (id, bytes)),
            None => Ok((ObjectId::EMPTY_TREE, Vec::new())),
        };
        let (before, after) = (read(before)?, read(after)?);
        let mut left = entries(before.0, &before.1).peekable();
        let mut right = entries(after.0, &after.1).peekable();
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => return Ok(()),
                (Some(Err(_)), _) => return left.next().map_or(Ok(()), |it| it.map(drop)),
                (_, Some(Err(_))) => return right.next().map_or(Ok(()), |it| it.map(drop)),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(Ok(a)), Some(Ok(b))) => {
                    tree_order((a.name, a.entry.mode), (b.name, b.entry.mode))
                }
            };
            let from_left = if order.is_le() { left.next() } else { None };
            let from_right = if order.is_ge() { right.next() } else { None };
            self.differ(from_left.transpose()?, from_right.transpose()?)?;
        }
    }

    /// Two entries of one name and sort, or one that has no counterpart.
    fn differ(&mut self, a: Option<RawEntry<'_>>, b: Option<RawEntry<'_>>) -> Result<(), Error> {
        let Some(name) = a.or(b).map(|it| it.name) else {
            return Ok(());
        };
        let (before, after) = (a.map(|it| it.entry), b.map(|it| it.entry));
        if before == after {
            return Ok(());
        }
        let name = String::from_utf8_lossy(name);
        if before.or(after).is_some_and(|it| it.mode.is_tree()) {
            let folder_len = self.folder.len();
            self.folder.push_str(&name);
            self.folder.push('/');
            self.compare(before.map(|it| it.id), after.map(|it| it.id))?;
            self.folder.truncate(folder_len);
        } else {
            self.changes.push(TreeChange {
                path: format!("{}{name}", self.folder),
                before,
                after,
            });
        }
        Ok(())
    }
}
