//! One writer per repository.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Write,
};

use super::{Error, Repository, checkout::index::DRAFT, publish::Recovery};

/// The right to write to a repository; ends when it is dropped, or with the process.
#[derive(Debug)]
pub struct WriteLock<'a> {
    repo: &'a Repository,
    /// The system's lock is on this open file.
    file: File,
    recovery: Option<Recovery>,
}

impl Repository {
    /// Takes the right to write, and completes what a killed writer left half done.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] where another orgkeep has it; else what keeps the
    /// earlier write from being completed.
    pub fn lock(&self) -> Result<WriteLock<'_>, Error> {
        let path = self.private_dir()?.join("lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::disk("open", &path))?;
        match file.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                let by = fs::read_to_string(&path).ok();
                let by = by
                    .map(|it| it.trim().to_owned())
                    .filter(|it| !it.is_empty());
                return Err(Error::Locked { by });
            }
            Err(TryLockError::Error(source)) => return Err(Error::disk("lock", &path)(source)),
        }
        // Who has it, for the one who waits. On a full disk it has it all the same.
        let _ = file
            .set_len(0)
            .and_then(|()| writeln!(file, "process {}", std::process::id()));
        self.clean_packs()?;
        self.clean_private_dir();
        let recovery = self.recover()?;
        Ok(WriteLock {
            repo: self,
            file,
            recovery,
        })
    }

    /// Removes the temporary files of a killed writer.
    fn clean_private_dir(&self) {
        let Ok(listed) = self
            .private_dir()
            .and_then(|dir| fs::read_dir(&dir).map_err(Error::disk("read", &dir)))
        else {
            return;
        };
        for entry in listed.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // What cannot be removed is in nobody's way.
            if name.starts_with("sign-") {
                let _ = fs::remove_dir_all(entry.path());
            } else if name.starts_with("note-") || name.starts_with(DRAFT) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl Drop for WriteLock<'_> {
    fn drop(&mut self) {
        // Closing is not enough where another thread is just starting a program:
        // until that has begun, it holds a copy of the open file.
        let _ = self.file.unlock();
    }
}

impl WriteLock<'_> {
    /// The repository that is locked.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        self.repo
    }

    /// What had to be completed when the lock was taken.
    #[must_use]
    pub fn recovery(&self) -> Option<&Recovery> {
        self.recovery.as_ref()
    }
}
