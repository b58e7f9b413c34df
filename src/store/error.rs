//! What can go wrong with a repository.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::ObjectId;
use crate::model::disk::disk_hint;

/// An act on a repository that did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no Git repository at or above the path.
    #[error("no Git repository at `{}` or above it", path.display())]
    NotARepository {
        /// Where the search began.
        path: PathBuf,
    },

    /// The repository is stored in a way that libgit2 cannot read.
    #[error("the repository at `{}` uses {feature}, which libgit2 cannot read", path.display())]
    UnsupportedFormat {
        /// Its Git directory.
        path: PathBuf,
        /// What it uses, such as `SHA-256 object ids`.
        feature: String,
    },

    /// The repository belongs to another user of this machine.
    #[error("the repository at `{}` belongs to another user", path.display())]
    ForeignOwner {
        /// Its directory.
        path: PathBuf,
    },

    /// Another orgkeep writes to the repository.
    #[error("the repository is in use by another orgkeep{}", by.as_deref().map(|it| format!(" ({it})")).unwrap_or_default())]
    Locked {
        /// What the other one wrote into the lock: its process id.
        by: Option<String>,
    },

    /// Another Git program is changing the index, or died while it did.
    #[error("the index is locked by another Git program: `{}` exists", path.display())]
    IndexLocked {
        /// The lock file.
        path: PathBuf,
    },

    /// The index of a working tree cannot be read.
    #[error("cannot read the index of the working tree `{}`", path.display())]
    IndexUnreadable {
        /// The working tree.
        path: PathBuf,
        /// Cause.
        #[source]
        source: Cause,
    },

    /// A merge, rebase or the like was begun and not ended.
    #[error("the working tree `{}` is in the middle of a {what}", path.display())]
    InProgress {
        /// The working tree.
        path: PathBuf,
        /// The operation, such as `rebase`.
        what: &'static str,
    },

    /// HEAD is a commit, and not the last one of the branch.
    #[error("HEAD is detached at {}, which is not the tip of branch `{branch}`", head.short())]
    DetachedHead {
        /// Where HEAD is.
        head: ObjectId,
        /// Branch that was to be written.
        branch: String,
    },

    /// A clone has no longer, or not yet, the history that is needed.
    #[error("the clone is too shallow: it does not have {wanted}")]
    TooShallow {
        /// What is missing, such as "the parent of 1a2b3c4".
        wanted: String,
    },

    /// Nothing in the repository goes by that name.
    #[error("no commit, tag, branch, snapshot or date `{}` in this repository", text.escape_debug())]
    NoSuchRevision {
        /// What was asked for.
        text: String,
    },

    /// A short id that begins several.
    #[error("`{}` could be several objects", text.escape_debug())]
    AmbiguousRevision {
        /// What was asked for.
        text: String,
    },

    /// An object is not in the database, or is not what it should be.
    #[error("cannot read {kind} {id}")]
    Unreadable {
        /// Kind of object expected.
        kind: &'static str,
        /// Its id.
        id: ObjectId,
        /// Cause.
        #[source]
        source: Cause,
    },

    /// A name that no branch or tag can have.
    #[error("`{}` is not a name for a {what}", name.escape_debug())]
    InvalidRefName {
        /// `branch` or `tag`.
        what: &'static str,
        /// The name.
        name: String,
    },

    /// A tag of that name exists.
    #[error("tag `{name}` exists already")]
    TagExists {
        /// Its name.
        name: String,
    },

    /// A reference is not where the caller saw it.
    #[error("`{name}` was moved by someone else meanwhile")]
    RefMoved {
        /// Full name of the reference.
        name: String,
    },

    /// A file would stand where a folder is, or the other way round.
    #[error("`{path}` cannot be both a file and a folder")]
    PathConflict {
        /// The path in question.
        path: String,
    },

    /// The file system refused.
    #[error("cannot {act} `{}`", path.display())]
    Disk {
        /// What was tried, such as `write`.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },

    /// The object database or the references refused.
    #[error("cannot {act}")]
    Database {
        /// What was tried.
        act: String,
        /// Cause.
        #[source]
        source: Cause,
    },

    /// The user's `git` could not be started.
    #[error("cannot start `{}`", program.display())]
    NoGit {
        /// The program.
        program: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },

    /// The user's `git` failed.
    #[error("`git {command}` failed: {message}")]
    GitFailed {
        /// Its subcommand, such as `push`.
        command: &'static str,
        /// The end of what it said.
        message: String,
    },
}

/// A cause as the library below gives it.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// What the user can do about it, in the imperative; `None` when we do not know.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotARepository { .. } => {
                "go into the repository, or make one with `orgkeep init`".to_owned()
            }
            Self::UnsupportedFormat { feature, .. } if feature.contains("reftable") => {
                "convert it with `git refs migrate --ref-format=files`".to_owned()
            }
            Self::UnsupportedFormat { feature, .. } if feature.contains("SHA-256") => {
                "use a repository made with `git init --object-format=sha1`".to_owned()
            }
            Self::UnsupportedFormat { .. } => {
                "use a plain clone of the repository for orgkeep".to_owned()
            }
            Self::ForeignOwner { path } => format!(
                "if you trust it, run `git config --global --add safe.directory '{}'`",
                path.display()
            ),
            Self::Locked { .. } => "wait until it has ended; the lock ends with it".to_owned(),
            Self::IndexLocked { path } => format!(
                "wait until the other Git program has ended; if none runs, remove `{}`",
                path.display()
            ),
            Self::IndexUnreadable { .. } => "turn off what libgit2 does not know: \
                 `git update-index --no-split-index`, `git sparse-checkout reapply --no-sparse-index`"
                .to_owned(),
            Self::InProgress { what, .. } => match *what {
                "bisect" => "end it with `git bisect reset`".to_owned(),
                what => format!("end it with `git {what} --continue` or `git {what} --abort`"),
            },
            Self::DetachedHead { branch, .. } => format!("run `git switch {branch}`"),
            Self::TooShallow { .. } => {
                "run `git fetch --unshallow`, or `git fetch --deepen=100` for a part".to_owned()
            }
            Self::NoSuchRevision { .. } => {
                "list the commits with `orgkeep log`, the tags with `git tag`".to_owned()
            }
            Self::AmbiguousRevision { .. } => "give more digits of the commit".to_owned(),
            Self::TagExists { name } => {
                format!("choose another name, or remove it with `git tag -d {name}`")
            }
            Self::RefMoved { .. } => "run the command again".to_owned(),
            Self::Unreadable { source, .. } => source
                .downcast_ref()
                .and_then(disk_hint)
                .unwrap_or_else(|| "check the repository with `git fsck --full`".to_owned()),
            Self::Disk { source, .. } => return disk_hint(source),
            Self::NoGit { .. } => "install Git, or put it on the PATH".to_owned(),
            Self::Database { .. } => {
                "make room on the disk if it is full, then run the command again; \
                 `git fsck --full` checks the repository"
                    .to_owned()
            }
            Self::GitFailed { command, .. } => {
                format!("see that `git {command}` works in the repository, then run the command again")
            }
            Self::InvalidRefName { .. } | Self::PathConflict { .. } => return None,
        };
        Some(hint)
    }

    /// Whether the same act may succeed if simply done again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Locked { .. } | Self::IndexLocked { .. } | Self::RefMoved { .. }
        )
    }

    pub(super) fn disk(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { act, path, source }
    }

    pub(super) fn database(act: impl Into<String>) -> impl FnOnce(git2::Error) -> Self {
        let act = act.into();
        move |source| Self::Database {
            act,
            source: source.into(),
        }
    }

    pub(super) fn unreadable(kind: &'static str, id: ObjectId) -> impl FnOnce(git2::Error) -> Self {
        move |source| Self::Unreadable {
            kind,
            id,
            source: source.into(),
        }
    }
}
