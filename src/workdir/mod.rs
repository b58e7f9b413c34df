//! Project files on disk, outside the Git database.
//!
//! What `sf` and Git read in the root of a project, as people keep it: read here,
//! written only when it is not there.
//!
//! Invariant: nothing here replaces a file.

mod initial;
mod project;

use std::{
    fs,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

pub use initial::{InitialFile, initial_files, obeys_bytes};
pub use project::{PackageDirectory, Project};

use crate::model::TreePath;

/// A project file that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
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

    /// `sfdx-project.json` is not JSON.
    #[error("sfdx-project.json, line {line}: it is not JSON")]
    NotJson {
        /// Line, counted from 1.
        line: usize,
        /// Cause.
        #[source]
        source: serde_json::Error,
    },

    /// `sfdx-project.json` has something that cannot be.
    #[error("sfdx-project.json: `{key}` {reason}")]
    InvalidProject {
        /// The key, such as `packageDirectories[0].path`.
        key: String,
        /// Why, as the end of a sentence that begins with the key.
        reason: String,
    },
}

impl Error {
    /// What the user can do about it, in the imperative; `None` when we do not know.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Disk { source, .. } => match source.kind() {
                ErrorKind::StorageFull => Some("make room on the disk".to_owned()),
                ErrorKind::PermissionDenied => Some("check who may write there".to_owned()),
                _ => None,
            },
            Self::NotJson { .. } | Self::InvalidProject { .. } => Some(
                "correct it, or move it away and run `orgkeep init` for one that works".to_owned(),
            ),
        }
    }

    fn disk(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { act, path, source }
    }
}

/// What became of a file that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was not there and is now.
    New,
    /// Something is there; it was left alone.
    Kept,
}

/// The text of a project file; `None` where there is none.
///
/// # Errors
///
/// [`Error::Disk`], also for what is not UTF-8.
pub fn read_text(root: &Path, path: &TreePath) -> Result<Option<String>, Error> {
    let path = root.join(path.as_str());
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(err) if err.kind() == ErrorKind::NotFound => Ok(None),
        Err(err) => Err(Error::disk("read", &path)(err)),
    }
}

/// Writes a file unless something stands at its path, be it a link to nowhere.
///
/// # Errors
///
/// [`Error::Disk`]; a file that could not be written whole is not left behind.
pub fn write_new(root: &Path, path: &TreePath, text: &str) -> Result<Written, Error> {
    let path = root.join(path.as_str());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Error::disk("make", folder))?;
    }
    let mut file = match fs::File::create_new(&path) {
        Ok(file) => file,
        Err(err) if err.kind() == ErrorKind::AlreadyExists => return Ok(Written::Kept),
        Err(err) => return Err(Error::disk("write", &path)(err)),
    };
    match file.write_all(text.as_bytes()) {
        Ok(()) => Ok(Written::New),
        Err(err) => {
            drop(file);
            // It is ours, and of no use.
            let _ = fs::remove_file(&path);
            Err(Error::disk("write", &path)(err))
        }
    }
}

/// Replaces the text of a file: whoever reads it sees the old text or the new one.
///
/// # Errors
///
/// [`Error::Disk`]; the file is as it was then.
pub fn replace(root: &Path, path: &TreePath, text: &str) -> Result<(), Error> {
    let path = root.join(path.as_str());
    let folder = path.parent().unwrap_or(root);
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        if let Ok(old) = fs::metadata(&path) {
            file.as_file().set_permissions(old.permissions())?;
        }
        file.persist(&path).map_err(|err| err.error)
    };
    write().map(drop).map_err(Error::disk("write", &path))
}

#[cfg(test)]
mod tests;
