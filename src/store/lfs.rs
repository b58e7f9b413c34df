//! Files that Git LFS holds: put beside the repository as it keeps them, and sent by the user's `git lfs`.
//!
//! Invariant: a file of the store has the digest of its name, or is not there.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{Error, Repository, git::failure};

impl Repository {
    /// Where Git LFS keeps the file with that SHA-256.
    ///
    /// Source: git-lfs, `docs/spec.md`, "The Server", and `git-lfs-config(5)`, `lfs.storage`.
    #[must_use]
    pub fn lfs_file(&self, sha256: &str) -> PathBuf {
        let root = match self.config_text("lfs.storage") {
            Some(dir) => self.common_dir().join(dir),
            None => self.common_dir().join("lfs"),
        };
        let (first, second) = (&sha256[..2], &sha256[2..4]);
        root.join("objects").join(first).join(second).join(sha256)
    }

    /// Puts the file `from`, whose SHA-256 that is, where Git LFS looks for it.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`].
    pub fn keep_in_lfs(&self, sha256: &str, from: &Path) -> Result<(), Error> {
        let to = self.lfs_file(sha256);
        if to.exists() {
            return Ok(());
        }
        let dir = to.parent().unwrap_or(&to);
        fs::create_dir_all(dir).map_err(Error::disk("make", dir))?;
        let copy = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(dir)?;
            io::copy(&mut File::open(from)?, &mut file)?;
            file.as_file().sync_all()?;
            file.persist(&to)?;
            Ok(())
        };
        copy().map_err(Error::disk("write", &to))
    }

    /// Removes the copies that are kept here of files with those SHA-256; how many there were.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`].
    pub fn drop_from_lfs<'a>(
        &self,
        digests: impl IntoIterator<Item = &'a str>,
    ) -> Result<u64, Error> {
        let mut n = 0;
        for sha256 in digests {
            let path = self.lfs_file(sha256);
            match fs::remove_file(&path) {
                Ok(()) => n += 1,
                Err(err) if err.kind() == io::ErrorKind::NotFound => {}
                Err(err) => return Err(Error::disk("remove", &path)(err)),
            }
        }
        Ok(n)
    }

    /// Whether the user's `git` has `git lfs`.
    ///
    /// # Errors
    ///
    /// [`Error::NoGit`].
    pub fn has_git_lfs(&self) -> Result<bool, Error> {
        let output = self.remote_git("lfs").arg("version").output(b"")?;
        Ok(output.status.success())
    }

    /// Has `git lfs` send the files that the branch points to and the remote lacks.
    ///
    /// # Errors
    ///
    /// [`Error::GitFailed`], [`Error::NoGit`].
    pub fn push_lfs(&self, remote: &str, branch: &str) -> Result<(), Error> {
        super::refs::check_branch_name(branch)?;
        let reference = format!("refs/heads/{branch}");
        let git = self.remote_git("lfs").args(["push", remote, &reference]);
        git.run(b"").map(drop)
    }

    /// Has `git lfs` fetch the file of a pointer, unless it is here, and opens it.
    ///
    /// # Errors
    ///
    /// [`Error::GitFailed`], [`Error::NoGit`], [`Error::Disk`].
    pub fn open_lfs(&self, sha256: &str, pointer: &[u8]) -> Result<File, Error> {
        let path = self.lfs_file(sha256);
        if !path.exists() {
            // Its output is the file, which it keeps as well: only the copy is wanted.
            let into = tempfile::tempfile().map_err(Error::disk("write", &path))?;
            let output = self
                .remote_git("lfs")
                .arg("smudge")
                .output_into(pointer, &into)?;
            if !output.status.success() {
                return Err(failure("lfs", &output));
            }
        }
        File::open(&path).map_err(Error::disk("read", &path))
    }
}
