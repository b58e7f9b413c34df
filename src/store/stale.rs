//! Lock files, and those that a killed writer left behind.
//!
//! Git and libgit2 take `<file>.lock` for the sign of a program that is at work on
//! the file, and refuse as long as it is there. Whoever is killed leaves it.
//!
//! Invariant: a lock file is taken away only where it is ours: the index's tells
//! by its content, a reference's by the note that says where it was to go.

use std::{
    fs,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{Error, ObjectId};

/// How the content of an index lock of ours begins.
const MARK: &str = "orgkeep";

/// How long an empty lock may be a program's that is about to write into it.
///
/// Own figure: Git and libgit2 write it in the same breath.
const ABOUT_TO_WRITE: Duration = Duration::from_millis(500);

/// The right to change an index; ends when it is dropped.
#[derive(Debug)]
pub(super) struct IndexLock {
    path: PathBuf,
}

impl IndexLock {
    /// Takes the lock of the index in `git_dir`. It appears with its content, so
    /// that it is known for ours at any moment; `scratch` is a folder on the same disk.
    ///
    /// # Errors
    ///
    /// [`Error::IndexLocked`] where another program has it.
    pub(super) fn take(git_dir: &Path, scratch: &Path) -> Result<Self, Error> {
        let path = git_dir.join("index.lock");
        let mark = || {
            let mut file = tempfile::Builder::new()
                .prefix("note-")
                .tempfile_in(scratch)?;
            writeln!(file, "{MARK} {}", std::process::id())?;
            Ok(file)
        };
        let marked = mark().map_err(Error::disk("write into", scratch))?;
        let taken = match fs::hard_link(marked.path(), &path) {
            Err(err) if err.kind() != ErrorKind::AlreadyExists => without_links(&path),
            linked => linked,
        };
        match taken {
            Ok(()) => Ok(Self { path }),
            Err(err) if err.kind() == ErrorKind::AlreadyExists => Err(Error::IndexLocked { path }),
            Err(err) => Err(Error::disk("write", &path)(err)),
        }
    }
}

/// Where the disk knows no links: a file that is there before its content is.
fn without_links(path: &Path) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)?;
    writeln!(file, "{MARK} {}", std::process::id())
}

impl Drop for IndexLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Takes away the lock of the index in `git_dir` if a killed writer left it.
/// The caller is the only writer.
pub(super) fn clear_index(git_dir: &Path) {
    let path = git_dir.join("index.lock");
    let is_ours = fs::read(&path).is_ok_and(|it| it.starts_with(MARK.as_bytes()));
    if is_ours {
        let _ = fs::remove_file(&path);
    }
}

/// Takes away the lock of a reference in `git_dir` if whoever was to move it so
/// was killed. The caller is the only writer.
pub(super) fn clear_ref(git_dir: &Path, name: &str, new: ObjectId) {
    let path = git_dir.join(format!("{name}.lock"));
    let ours = format!("{new}\n");
    let begun = Instant::now();
    loop {
        match fs::read(&path) {
            Ok(text) if text == ours.as_bytes() => break,
            Ok(text) if text.is_empty() && begun.elapsed() < ABOUT_TO_WRITE => {
                thread::sleep(Duration::from_millis(20));
            }
            Ok(text) if text.is_empty() => break,
            _ => return,
        }
    }
    let _ = fs::remove_file(&path);
}
