//! The index of a working tree.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use git2::{ErrorCode, Index, IndexEntry, IndexTime};

use super::Outcome;
use crate::store::{Entry, Error, Repository, TreeChange, seat::Seat, stale::IndexLock};

/// Name of the copy, in our own folder.
pub(in crate::store) const DRAFT: &str = "index-draft";

/// Set on an entry whose file a sparse checkout leaves out.
///
/// Source: gitformat-index(5), "skip-worktree"; libgit2, `GIT_INDEX_ENTRY_SKIP_WORKTREE`.
const SKIP_WORKTREE: u16 = 1 << 14;

/// The index of a working tree, locked, as a copy that can be changed at leisure.
pub(super) struct Draft {
    pub(super) index: Index,
    /// The copy.
    path: PathBuf,
    /// The index itself.
    target: PathBuf,
    _lock: IndexLock,
}

impl Draft {
    /// Locks the index of `seat` and reads it.
    pub(super) fn open(repo: &Repository, seat: &Seat) -> Result<Self, Error> {
        let private_dir = repo.private_dir()?;
        let git_dir = seat.git.path();
        let lock = IndexLock::take(git_dir, &private_dir)?;
        let target = git_dir.join("index");
        let path = private_dir.join(DRAFT);
        copy(&target, &path).map_err(Error::disk("write", &path))?;
        let read = || {
            let mut index = Index::open(&path)?;
            // Then libgit2 knows whose files the entries are of.
            seat.git.set_index(&mut index)?;
            Ok(index)
        };
        let index = read().map_err(|source: git2::Error| Error::IndexUnreadable {
            path: seat.work_dir.clone(),
            source: source.into(),
        })?;
        Ok(Self {
            index,
            path,
            target,
            _lock: lock,
        })
    }

    /// Puts the copy in the place of the index, and gives up the lock.
    pub(super) fn finish(mut self) -> Result<(), Error> {
        self.index
            .write()
            .map_err(Error::database("write the index"))?;
        fs::rename(&self.path, &self.target).map_err(Error::disk("write", &self.target))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Copies an index with its date: by that Git tells which entries were written
/// in the same moment as their files, and looks at those again.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let found = match fs::metadata(from) {
        Ok(found) => found,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(err),
    };
    fs::copy(from, to)?;
    let copy = fs::OpenOptions::new().write(true).open(to)?;
    copy.set_modified(found.modified()?)
}

/// Whether the file is left out of the working tree on purpose.
pub(super) fn is_left_out(entry: &IndexEntry) -> bool {
    entry.flags_extended & SKIP_WORKTREE != 0
}

/// Makes the index follow one change, unless somebody has staged something there.
pub(super) fn follow(
    index: &mut Index,
    seat: &Seat,
    change: &TreeChange,
    indexed: Option<&IndexEntry>,
    outcome: &Outcome,
) -> Result<(), Error> {
    let is = |side: Option<Entry>| match (side, indexed) {
        (None, None) => true,
        (Some(side), Some(indexed)) => {
            side.id.to_git() == indexed.id && side.mode.bits() == indexed.mode
        }
        _ => false,
    };
    if !is(change.before) && !is(change.after) {
        return Ok(());
    }
    let path = Path::new(&change.path);
    let Some(after) = change.after else {
        return match index.remove(path, 0) {
            Err(err) if err.code() != ErrorCode::NotFound => {
                Err(Error::database("write the index")(err))
            }
            _ => Ok(()),
        };
    };
    let mut entry = IndexEntry {
        ctime: IndexTime::new(0, 0),
        mtime: IndexTime::new(0, 0),
        dev: 0,
        ino: 0,
        mode: after.mode.bits(),
        uid: 0,
        gid: 0,
        file_size: 0,
        id: after.id.to_git(),
        flags: 0,
        flags_extended: indexed.map_or(0, |it| it.flags_extended),
        path: change.path.clone().into_bytes(),
    };
    if matches!(outcome, Outcome::Done) {
        // Without these Git reads the file to see whether it changed.
        remember_file(&mut entry, &seat.work_dir.join(path));
    }
    index
        .add(&entry)
        .map_err(Error::database("write the index"))
}

#[cfg(unix)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the index keeps the low 32 bits of each number"
)]
fn remember_file(entry: &mut IndexEntry, path: &Path) {
    use std::os::unix::fs::MetadataExt;
    let Ok(found) = fs::symlink_metadata(path) else {
        return;
    };
    if found.is_dir() {
        return;
    }
    entry.ctime = IndexTime::new(found.ctime() as i32, found.ctime_nsec() as u32);
    entry.mtime = IndexTime::new(found.mtime() as i32, found.mtime_nsec() as u32);
    entry.dev = found.dev() as u32;
    entry.ino = found.ino() as u32;
    entry.uid = found.uid();
    entry.gid = found.gid();
    entry.file_size = found.size() as u32;
}

#[cfg(not(unix))]
fn remember_file(entry: &mut IndexEntry, path: &Path) {
    let _ = (entry, fs::symlink_metadata(path));
}
