//! Branches, tags and our own references; moving them by compare-and-swap.

use super::{Error, ObjectId, Repository, WriteLock};

/// Where a branch is, as a snapshot sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its name without `refs/heads/`.
    pub name: String,
    /// The commit of the local branch; `None` where there is no such branch yet.
    pub local: Option<ObjectId>,
    /// The commit a snapshot goes on top of: that of the local branch, else of
    /// the remote's as it was last fetched; `None` for a history that begins.
    pub tip: Option<ObjectId>,
}

/// A reference to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// Its full name, such as `refs/tags/v1`.
    pub name: String,
    /// Where it must be; `None` where it must not exist.
    pub old: Option<ObjectId>,
    /// Where it goes.
    pub new: ObjectId,
    /// What the reflog says, where there is one.
    pub reason: String,
}

/// Checks that Git allows a branch of that name.
pub(super) fn check_branch_name(name: &str) -> Result<(), Error> {
    check_name("branch", "refs/heads/", name)
}

/// Checks that Git allows a tag of that name.
pub(super) fn check_tag_name(name: &str) -> Result<(), Error> {
    check_name("tag", "refs/tags/", name)
}

fn check_name(what: &'static str, prefix: &str, name: &str) -> Result<(), Error> {
    let fine = !name.starts_with('-')
        && name != "HEAD"
        && git2::Reference::is_valid_name(&format!("{prefix}{name}"));
    if fine {
        Ok(())
    } else {
        Err(Error::InvalidRefName {
            what,
            name: name.to_owned(),
        })
    }
}

impl Repository {
    /// Where the branch `name` is.
    ///
    /// Where it is not there but was fetched from `remote`, as in a clone that
    /// CI checked out by commit, a snapshot goes on top of the fetched one.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidRefName`], [`Error::Database`].
    pub fn branch(&self, name: &str, remote: &str) -> Result<Branch, Error> {
        check_branch_name(name)?;
        let local = self.ref_target(&format!("refs/heads/{name}"))?;
        let tip = match local {
            Some(local) => Some(local),
            None => self.ref_target(&format!("refs/remotes/{remote}/{name}"))?,
        };
        Ok(Branch {
            name: name.to_owned(),
            local,
            tip,
        })
    }

    /// Names of the branches below `prefix/`, of the repository and of `remote` as it was last fetched; in order.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub fn branches_below(&self, prefix: &str, remote: &str) -> Result<Vec<String>, Error> {
        let handle = self.handle()?;
        let failed = || Error::database(format!("list the branches below `{prefix}/`"));
        let mut found = std::collections::BTreeSet::new();
        for name in handle.references().map_err(failed())?.names() {
            // A name that is no text is not one of ours.
            let Ok(name) = name else { continue };
            let branch = name.strip_prefix("refs/heads/").or_else(|| {
                name.strip_prefix("refs/remotes/")?
                    .strip_prefix(remote)?
                    .strip_prefix('/')
            });
            let rest = branch.and_then(|it| it.strip_prefix(prefix));
            if let Some(branch) = branch
                && rest.is_some_and(|it| it.starts_with('/'))
            {
                found.insert(branch.to_owned());
            }
        }
        Ok(found.into_iter().collect())
    }

    /// The object that the reference of that full name points to, through symbolic ones.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub fn ref_target(&self, name: &str) -> Result<Option<ObjectId>, Error> {
        match self.handle()?.refname_to_id(name) {
            Ok(id) => Ok(Some(id.into())),
            Err(err) if err.code() == git2::ErrorCode::NotFound => Ok(None),
            Err(err) => Err(Error::database(format!("read `{name}`"))(err)),
        }
    }

    /// Moves a reference if it is where `update` says; its file is on the disk afterwards.
    pub(super) fn move_ref(&self, update: &RefUpdate) -> Result<(), Error> {
        let handle = self.handle()?;
        let new = update.new.to_git();
        let moved = match update.old {
            Some(old) => handle
                .reference_matching(&update.name, new, true, old.to_git(), &update.reason)
                .map(drop),
            None => handle
                .reference(&update.name, new, false, &update.reason)
                .map(drop),
        };
        let Err(err) = moved else {
            self.sync_ref(&update.name);
            return Ok(());
        };
        let found = self.ref_target(&update.name)?;
        match err.code() {
            git2::ErrorCode::Modified | git2::ErrorCode::Exists | git2::ErrorCode::Locked => {
                Err(Error::RefMoved {
                    name: update.name.clone(),
                })
            }
            _ if found != update.old => Err(Error::RefMoved {
                name: update.name.clone(),
            }),
            _ => Err(Error::database(format!("move `{}`", update.name))(err)),
        }
    }

    /// libgit2 leaves it to the system when a reference reaches the disk.
    fn sync_ref(&self, name: &str) {
        let path = self.common_dir().join(name);
        if let Ok(file) = std::fs::File::open(&path) {
            let _ = file.sync_all();
        }
        if let Some(dir) = path.parent() {
            super::pack::sync_dir(dir);
        }
    }
}

impl WriteLock<'_> {
    /// Deletes references that are where `refs` says; what only they reached is for `git gc`.
    ///
    /// # Errors
    ///
    /// [`Error::RefMoved`] for the first that has moved, [`Error::Database`]; those
    /// before it are gone.
    pub fn delete_refs(&self, refs: &[(String, ObjectId)]) -> Result<(), Error> {
        let handle = self.repository().handle()?;
        for (name, wanted) in refs {
            let failed = || Error::database(format!("delete `{name}`"));
            let mut found = handle.find_reference(name).map_err(failed())?;
            if found.target().map(ObjectId::from) != Some(*wanted) {
                return Err(Error::RefMoved { name: name.clone() });
            }
            found.delete().map_err(failed())?;
        }
        Ok(())
    }
}

impl Repository {
    /// Full names of the references that begin with `prefix`, with what they point to.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub fn refs_below(&self, prefix: &str) -> Result<Vec<(String, ObjectId)>, Error> {
        let handle = self.handle()?;
        let failed = || Error::database(format!("list `{prefix}`"));
        let mut found = Vec::new();
        for it in handle.references().map_err(failed())? {
            let it = it.map_err(failed())?;
            if let (Ok(name), Some(target)) = (it.name(), it.target())
                && name.starts_with(prefix)
            {
                found.push((name.to_owned(), target.into()));
            }
        }
        found.sort();
        Ok(found)
    }

    /// The commit that the reference `name` names, through an annotated tag.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] where it names no commit.
    pub fn ref_commit(&self, name: &str) -> Result<ObjectId, Error> {
        let handle = self.handle()?;
        let found = handle
            .find_reference(name)
            .and_then(|it| it.peel_to_commit());
        let commit = found.map_err(Error::database(format!("read `{name}`")))?;
        Ok(commit.id().into())
    }

    /// The branch that HEAD names, be it born or not; `None` where HEAD is a commit itself.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub fn head_branch(&self) -> Result<Option<String>, Error> {
        let handle = self.handle()?;
        let head = handle
            .find_reference("HEAD")
            .map_err(Error::database("read HEAD"))?;
        let target = head.symbolic_target_bytes().map(String::from_utf8_lossy);
        Ok(target.and_then(|it| it.strip_prefix("refs/heads/").map(str::to_owned)))
    }

    /// The commit that HEAD is at; `None` where there is none yet.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub fn head_commit(&self) -> Result<Option<ObjectId>, Error> {
        match self.head_branch()? {
            Some(branch) => self.ref_target(&format!("refs/heads/{branch}")),
            None => self.ref_target("HEAD"),
        }
    }
}
