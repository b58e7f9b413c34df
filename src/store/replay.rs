//! Making commits again on top of another.

use super::{CommitDraft, Error, Kind, ObjectId, PackBuilder, TreeEdit, tree::find_entry};
use crate::model::TreePath;

/// A commit that was made again elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The new commit; the given parent where nothing was left to change.
    pub commit: ObjectId,
    /// Paths that the new parent has differently from the old one: they are now
    /// as the replayed commit has them.
    pub overlapping: Vec<String>,
}

impl PackBuilder<'_> {
    /// Makes what `commit` changed again on top of `onto`, with its people,
    /// times and message.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`], [`Error::TooShallow`] for either commit; else as
    /// for [`TreeEdit::write`].
    pub fn replay(&self, commit: ObjectId, onto: ObjectId) -> Result<Replayed, Error> {
        let repo = self.repository();
        let ours = repo.commit(commit)?;
        let old_parent = match ours.parents.first() {
            Some(parent) => repo.commit(*parent)?.tree,
            None => ObjectId::EMPTY_TREE,
        };
        let new_parent = self.tree_of(onto)?;
        let mut edit = TreeEdit::new(Some(new_parent));
        let mut overlapping = Vec::new();
        for change in repo.diff_trees(old_parent, ours.tree)? {
            let Ok(path) = change.path.parse::<TreePath>() else {
                continue;
            };
            let there = find_entry(new_parent, &change.path, |id| match id {
                ObjectId::EMPTY_TREE => Ok(Vec::new()),
                id => self.read(Kind::Tree, id),
            })?;
            if there != change.before && there != change.after {
                overlapping.push(change.path);
            }
            match change.after {
                Some(after) => edit.put(path, after.id),
                None => edit.remove(path),
            }
        }
        let tree = edit.write(self)?;
        let commit = if tree == new_parent {
            onto
        } else {
            self.commit(&CommitDraft {
                tree,
                parents: vec![onto],
                author: ours.author,
                committer: ours.committer,
                message: ours.message,
            })?
        };
        Ok(Replayed {
            commit,
            overlapping,
        })
    }

    /// The root tree of a commit that may be in this pack.
    fn tree_of(&self, commit: ObjectId) -> Result<ObjectId, Error> {
        let bytes = self.read(Kind::Commit, commit)?;
        let text = bytes.strip_prefix(b"tree ").and_then(|it| it.get(..40));
        let text = text.and_then(|it| std::str::from_utf8(it).ok());
        text.and_then(|it| it.parse().ok())
            .ok_or(Error::Unreadable {
                kind: "commit",
                id: commit,
                source: "it names no tree".into(),
            })
    }
}
