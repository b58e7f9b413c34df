//! The index of a working tree.

use std::{fs, path::Path};

use git2::{ErrorCode, Index, IndexEntry, IndexTime};

use super::Outcome;
use crate::store::{Entry, Error, TreeChange, seat::Seat};

/// Set on an entry whose file a sparse checkout leaves out.
///
/// Source: gitformat-index(5), "skip-worktree"; libgit2, `GIT_INDEX_ENTRY_SKIP_WORKTREE`.
const SKIP_WORKTREE: u16 = 1 << 14;

pub(super) fn open(seat: &Seat) -> Result<Index, Error> {
    let mut index = seat.git.index().map_err(|source| Error::IndexUnreadable {
        path: seat.work_dir.clone(),
        source: source.into(),
    })?;
    index
        .read(false)
        .map_err(Error::database("read the index"))?;
    Ok(index)
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

pub(super) fn write(index: &mut Index, seat: &Seat) -> Result<(), Error> {
    match index.write() {
        Err(err) if err.code() == ErrorCode::Locked => Err(Error::IndexLocked {
            path: seat.git.path().join("index.lock"),
        }),
        written => written.map_err(Error::database("write the index")),
    }
}
