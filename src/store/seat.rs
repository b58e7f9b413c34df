//! Working trees, and which of them a branch is checked out in.

use std::{fs, path::PathBuf};

use git2::RepositoryState;

use super::{Branch, Error, ObjectId, Repository, repository::work_dir_of};

/// A working tree whose files follow a branch that is about to move.
pub(super) struct Seat {
    /// libgit2's view of it.
    pub(super) git: git2::Repository,
    pub(super) work_dir: PathBuf,
    /// The commit its files are of; `None` before the first one.
    pub(super) base: Option<ObjectId>,
    /// Whether HEAD is that commit and not the branch.
    pub(super) is_detached: bool,
}

/// What HEAD of a working tree is.
enum Head {
    On {
        branch: String,
        at: Option<ObjectId>,
    },
    Detached(ObjectId),
}

impl Repository {
    /// Looks whether a snapshot may go onto the branch `name`, and where it is.
    ///
    /// A branch that no working tree has checked out may be written whatever
    /// goes on elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::InProgress`], [`Error::DetachedHead`], [`Error::IndexLocked`],
    /// [`Error::IndexUnreadable`] for a working tree whose files would follow.
    pub fn ready(&self, name: &str, remote: &str) -> Result<Branch, Error> {
        let branch = self.branch(name, remote)?;
        for git in self.work_trees()? {
            refuse_unfinished(&git, name)?;
        }
        for seat in self.seats(&branch)? {
            refuse_locked_index(&seat.git)?;
            seat.git.index().map_err(|source| Error::IndexUnreadable {
                path: seat.work_dir.clone(),
                source: source.into(),
            })?;
        }
        Ok(branch)
    }

    /// The working trees whose files follow `branch`.
    pub(super) fn seats(&self, branch: &Branch) -> Result<Vec<Seat>, Error> {
        let mut seats = Vec::new();
        for git in self.work_trees()? {
            let Some(work_dir) = work_dir_of(&git) else {
                continue;
            };
            let (base, is_detached) = match head(&git)? {
                Head::On { branch: name, at } if name == branch.name => (at, false),
                Head::Detached(at) if git.path() == self.git_dir() => {
                    if branch.tip != Some(at) {
                        return Err(Error::DetachedHead {
                            head: at,
                            branch: branch.name.clone(),
                        });
                    }
                    (Some(at), true)
                }
                _ => continue,
            };
            seats.push(Seat {
                git,
                work_dir,
                base,
                is_detached,
            });
        }
        Ok(seats)
    }

    /// All working trees that are there: the main one and the linked ones.
    pub(super) fn work_trees(&self) -> Result<Vec<git2::Repository>, Error> {
        // Where we are in the main one, we know its folder; from a linked one we
        // do not, if its Git directory is not inside.
        let is_main = self.git_dir() == self.common_dir();
        let main = self.work_dir().filter(|_| is_main);
        let main = git2::Repository::open(main.unwrap_or(self.common_dir()))
            .map_err(Error::database("open the main working tree"))?;
        let names = main
            .worktrees()
            .map_err(Error::database("list the working trees"))?;
        let linked = names.iter().flatten().flatten().filter_map(|name| {
            let linked = main.find_worktree(name).ok()?;
            // One on a disk that is not there now cannot be refreshed.
            git2::Repository::open_from_worktree(&linked).ok()
        });
        let mut all: Vec<_> = linked.collect();
        all.push(main);
        Ok(all.into_iter().filter(|it| !it.is_bare()).collect())
    }
}

fn head(git: &git2::Repository) -> Result<Head, Error> {
    let read = Error::database("read HEAD");
    let reference = match git.find_reference("HEAD") {
        Ok(reference) => reference,
        Err(err) => return Err(read(err)),
    };
    if let Some(id) = reference.target() {
        return Ok(Head::Detached(id.into()));
    }
    let target = String::from_utf8_lossy(reference.symbolic_target_bytes().unwrap_or_default());
    let branch = target.strip_prefix("refs/heads/").unwrap_or(&target);
    Ok(Head::On {
        branch: branch.to_owned(),
        at: git.refname_to_id(&target).ok().map(ObjectId::from),
    })
}

/// Refuses a working tree in which something was begun that concerns the branch.
fn refuse_unfinished(git: &git2::Repository, branch: &str) -> Result<(), Error> {
    let what = match git.state() {
        RepositoryState::Clean => return Ok(()),
        RepositoryState::Merge => "merge",
        RepositoryState::Revert | RepositoryState::RevertSequence => "revert",
        RepositoryState::CherryPick | RepositoryState::CherryPickSequence => "cherry-pick",
        RepositoryState::Bisect => "bisect",
        RepositoryState::Rebase
        | RepositoryState::RebaseInteractive
        | RepositoryState::RebaseMerge => "rebase",
        RepositoryState::ApplyMailbox | RepositoryState::ApplyMailboxOrRebase => "am",
    };
    let concerns_branch = match head(git)? {
        Head::On { branch: name, .. } => name == branch,
        // A rebase and a bisect note the branch that they began on.
        Head::Detached(_) => {
            let began_on = [
                "rebase-merge/head-name",
                "rebase-apply/head-name",
                "BISECT_START",
            ]
            .iter()
            .find_map(|it| fs::read_to_string(git.path().join(it)).ok());
            began_on.is_none_or(|it| it.trim().trim_start_matches("refs/heads/") == branch)
        }
    };
    if concerns_branch {
        Err(Error::InProgress {
            path: git.workdir().unwrap_or(git.path()).to_owned(),
            what,
        })
    } else {
        Ok(())
    }
}

/// Refuses an index that another Git program has locked.
fn refuse_locked_index(git: &git2::Repository) -> Result<(), Error> {
    let path = git.path().join("index.lock");
    if path.exists() {
        Err(Error::IndexLocked { path })
    } else {
        Ok(())
    }
}
