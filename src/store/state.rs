//! What orgkeep must remember between runs: `refs/orgkeep/state/<org id>`.
//!
//! One commit without a parent, replaced as a whole by compare-and-swap. It
//! holds nothing that could not be found out again: without it, the next
//! snapshot is a full pass.

use std::collections::BTreeMap;

use super::{
    CommitDraft, Error, Kind, Listing, Message, ObjectId, PackBuilder, RefUpdate, Repository,
    Signature, TreeEdit, WriteLock, trailer,
};
use crate::model::{OrgId, TreePath};

/// The remembered files, and the commit that holds them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Where the reference is; `None` when nothing is remembered.
    pub commit: Option<ObjectId>,
    /// The files.
    pub files: BTreeMap<TreePath, Vec<u8>>,
}

/// Full name of the reference that holds the state of `org`.
#[must_use]
pub fn state_ref(org: OrgId) -> String {
    format!("refs/orgkeep/state/{org}")
}

impl Repository {
    /// What is remembered of `org`.
    ///
    /// A state that cannot be read is as good as none: its commit is given, so
    /// that it can be replaced, and no file.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] where the reference itself cannot be read.
    pub fn state(&self, org: OrgId) -> Result<State, Error> {
        let commit = self.ref_target(&state_ref(org))?;
        let files = match commit {
            Some(commit) => self.state_files(commit).unwrap_or_default(),
            None => BTreeMap::new(),
        };
        Ok(State { commit, files })
    }

    /// The files of a state's commit, such as one that was fetched.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`].
    pub fn state_files(&self, commit: ObjectId) -> Result<BTreeMap<TreePath, Vec<u8>>, Error> {
        let listing: Listing = self.list_tree(self.commit(commit)?.tree)?;
        let mut files = BTreeMap::new();
        for file in listing.iter() {
            if let Ok(path) = file.path.parse::<TreePath>() {
                files.insert(path, self.blob(file.entry.id)?);
            }
        }
        Ok(files)
    }
}

impl WriteLock<'_> {
    /// Replaces one file of what is remembered of `org`; the others stay as they are.
    ///
    /// # Errors
    ///
    /// [`Error::RefMoved`] where somebody else moved the state meanwhile, else what
    /// writing a pack fails with; nothing has changed.
    pub fn remember(
        &self,
        org: OrgId,
        path: TreePath,
        bytes: &[u8],
        who: &Signature,
    ) -> Result<(), Error> {
        let repo = self.repository();
        let old = repo.ref_target(&state_ref(org))?;
        // A state that cannot be read is as good as none.
        let tree = old
            .and_then(|it| repo.commit(it).ok())
            .map(|it| it.tree)
            .filter(|it| repo.list_tree(*it).is_ok());
        let pack = repo.pack(&Listing::default())?;
        let mut edit = TreeEdit::new(tree);
        edit.put(path, pack.blob(bytes)?);
        let tree = edit.write(&pack)?;
        let update = pack.state_commit(org, old, tree, who)?;
        let kept = pack.finish()?;
        repo.move_ref(&update)?;
        kept.release();
        Ok(())
    }
}

impl PackBuilder<'_> {
    /// Puts a new state in, and gives the move of its reference for
    /// [`super::Publication::also`]; `None` where it would be the old one.
    ///
    /// # Errors
    ///
    /// As for [`PackBuilder::put`].
    pub fn state(
        &self,
        org: OrgId,
        old: Option<ObjectId>,
        files: &BTreeMap<TreePath, Vec<u8>>,
        who: &Signature,
    ) -> Result<Option<RefUpdate>, Error> {
        let mut edit = TreeEdit::new(None);
        for (path, bytes) in files {
            edit.put(path.clone(), self.blob(bytes)?);
        }
        let tree = edit.write(self)?;
        let repo = self.repository();
        if let Some(old) = old
            && repo.commit(old).is_ok_and(|it| it.tree == tree)
        {
            return Ok(None);
        }
        self.state_commit(org, old, tree, who).map(Some)
    }

    fn state_commit(
        &self,
        org: OrgId,
        old: Option<ObjectId>,
        tree: ObjectId,
        who: &Signature,
    ) -> Result<RefUpdate, Error> {
        let draft = CommitDraft {
            tree,
            parents: Vec::new(),
            author: who.clone(),
            committer: who.clone(),
            message: Message::new("State of orgkeep").with_trailer(trailer::ORG, org.to_string()),
        };
        // Replaced on every run and read by nobody else, so it is never signed.
        let new = self.put(Kind::Commit, &draft.render())?;
        Ok(RefUpdate {
            name: state_ref(org),
            old,
            new,
            reason: "state".to_owned(),
        })
    }
}
