//! One file in a working tree: what is there, and putting another in its place.

use std::{
    fs::{self, Metadata},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use super::filters::Filter;
use crate::store::{Entry, Error, Kind, Mode, ObjectId, Repository, TreeChange};

/// The folder that a file is in or is to be in.
pub(super) enum Folder {
    There(PathBuf),
    Missing(PathBuf),
}

/// What stands at a path, seen against a change.
pub(super) enum Found {
    /// What the old commit has; the change may be made.
    AsBefore,
    /// What the new commit has; nothing is to be done.
    AsAfter,
    /// Something else, that is left alone for this reason.
    Other(String),
}

/// Finds `folder` below `root` without going through a link; `None` where a
/// link or a file stands on the way.
pub(super) fn find_folder(root: &Path, folder: &Path) -> Option<Folder> {
    let mut path = root.to_owned();
    for part in folder.components() {
        path.push(part);
        match fs::symlink_metadata(&path) {
            Ok(found) if found.is_dir() => (),
            Err(err) if err.kind() == ErrorKind::NotFound => {
                return Some(Folder::Missing(root.join(folder)));
            }
            _ => return None,
        }
    }
    Some(Folder::There(path))
}

/// Compares what is at `path` with both sides of `change`.
pub(super) fn inspect(
    repo: &Repository,
    path: &Path,
    change: &TreeChange,
    filter: Filter,
) -> Result<Found, Error> {
    let other = |reason: &str| Ok(Found::Other(reason.to_owned()));
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(err) if is_absent(&err) => {
            return match (change.before, change.after) {
                (None, _) => Ok(Found::AsBefore),
                (Some(_), None) => Ok(Found::AsAfter),
                (Some(before), Some(_)) if before.mode == Mode::SUBMODULE => Ok(Found::AsBefore),
                (Some(_), Some(_)) => other("was taken away by hand"),
            };
        }
        Err(err) if is_impossible_name(&err) => {
            return other("has a name that this system cannot hold");
        }
        Err(err) => return Err(Error::disk("look at", path)(err)),
    };
    if found.is_dir() {
        let is_submodule = |it: Option<Entry>| it.is_some_and(|it| it.mode == Mode::SUBMODULE);
        if is_submodule(change.after) {
            return Ok(Found::AsBefore);
        }
        return other(if is_submodule(change.before) {
            "is the folder of a submodule"
        } else {
            "is a folder"
        });
    }
    let ids = content_ids(repo, path, &found, change, filter)?;
    let is =
        |side: Option<Entry>| side.is_some_and(|it| ids.contains(&it.id) && fits(&found, it.mode));
    if is(change.after) && has_bits(&found, change.after) {
        Ok(Found::AsAfter)
    } else if is(change.before) {
        Ok(Found::AsBefore)
    } else if change.before.is_none() {
        other("was there already, with another content")
    } else {
        other("was changed by hand")
    }
}

/// The blobs that the file at `path` is the working copy of.
fn content_ids(
    repo: &Repository,
    path: &Path,
    found: &Metadata,
    change: &TreeChange,
    filter: Filter,
) -> Result<Vec<ObjectId>, Error> {
    if found.is_symlink() {
        let target = fs::read_link(path).map_err(Error::disk("read", path))?;
        let target = target.to_string_lossy().into_owned();
        return Ok(vec![Kind::Blob.id_of(target.as_bytes())]);
    }
    let bytes = fs::read(path).map_err(Error::disk("read", path))?;
    let mut ids = vec![Kind::Blob.id_of(&bytes)];
    match filter {
        Filter::None => (),
        Filter::LineEnds => {
            if let Some(text) = without_carriage_returns(&bytes) {
                ids.push(Kind::Blob.id_of(&text));
            }
        }
        Filter::External => ids.push(repo.filtered_id(&change.path, &bytes)?),
    }
    Ok(ids)
}

/// `bytes` with every CR LF as LF; `None` where there is none, or a lone CR or NUL says that it is no text.
fn without_carriage_returns(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|it| matches!(it, b'\r' | 0)) {
        if rest[at] == 0 || rest.get(at + 1) != Some(&b'\n') {
            return None;
        }
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    (out.len() < bytes.len()).then_some(out)
}

/// Whether a file of that sort can be the working copy of an entry of that mode.
fn fits(found: &Metadata, mode: Mode) -> bool {
    // Where the system has no links, Git writes a file with the target in it.
    found.is_symlink() == (mode == Mode::LINK) || cfg!(not(unix)) && mode == Mode::LINK
}

/// Whether the file may be run exactly if the entry says so.
fn has_bits(found: &Metadata, entry: Option<Entry>) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let may_run = found.permissions().mode() & 0o100 != 0;
        found.is_symlink() || entry.is_none_or(|it| may_run == (it.mode == Mode::EXECUTABLE))
    }
    #[cfg(not(unix))]
    {
        let _ = (found, entry);
        true
    }
}

/// Where a file is written before it takes its place: beside it, so that one
/// rename puts it there whatever disks are mounted.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let id = Kind::Blob.id_of(name.as_bytes());
    path.with_file_name(format!(".orgkeep-{}.tmp", id.short()))
}

/// Removes what a writer that was killed in the middle left beside `path`.
pub(super) fn remove_left_over(path: &Path) {
    // Almost always there is none.
    let _ = fs::remove_file(beside(path));
}

/// Puts the file in its place, in one step.
pub(super) fn write(
    repo: &Repository,
    path: &Path,
    entry: Entry,
    tree_path: &str,
    filter: Filter,
) -> Result<(), Error> {
    let bytes = match filter {
        Filter::External if entry.mode.is_file() => repo.smudged(tree_path, entry.id)?,
        _ => repo.blob(entry.id)?,
    };
    let temporary = beside(path);
    let put = || {
        write_new(&temporary, &bytes, entry.mode)?;
        fs::rename(&temporary, path)
    };
    put().map_err(|err| {
        let _ = fs::remove_file(&temporary);
        Error::disk("write", path)(err)
    })
}

fn write_new(path: &Path, bytes: &[u8], mode: Mode) -> io::Result<()> {
    #[cfg(unix)]
    if mode == Mode::LINK {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        return std::os::unix::fs::symlink(OsStr::from_bytes(bytes), path);
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(if mode == Mode::EXECUTABLE {
            0o777
        } else {
            0o666
        });
    }
    options.open(path)?.write_all(bytes)
}

/// Takes the file away.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(err) if err.kind() != ErrorKind::NotFound => Err(Error::disk("remove", path)(err)),
        _ => Ok(()),
    }
}

/// Nothing is there, nor can be: a file may stand where its folder would.
fn is_absent(err: &io::Error) -> bool {
    matches!(err.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

/// Whether the system refused the name and not the act.
pub(super) fn is_impossible_name(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        ErrorKind::InvalidFilename | ErrorKind::InvalidInput
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_with_windows_line_ends_is_taken_for_text_without() {
        assert_eq!(
            without_carriage_returns(b"a\r\nb\r\n"),
            Some(b"a\nb\n".to_vec())
        );
        assert_eq!(without_carriage_returns(b"a\nb\n"), None);
        assert_eq!(without_carriage_returns(b"a\r\nb\rc"), None);
        assert_eq!(without_carriage_returns(b"a\r\n\0"), None);
    }
}
