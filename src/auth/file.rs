//! Files that only their owner may read. Hides `tempfile`.
//!
//! Invariant: what stands at a path is the old content or the new, whole, and was
//! never readable by others; what others may read is not read back.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::Error;

/// Text of the file at `path`; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<String>, Error> {
    let failed = |source| Error::File {
        act: "read",
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(failed(err)),
    };
    check_mode(&file.metadata().map_err(failed)?, path)?;
    io::read_to_string(file).map(Some).map_err(failed)
}

/// Puts `text` at `path` in one step.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::File {
        act: "write",
        path: path.to_owned(),
        source,
    };
    let dir = path.parent().unwrap_or(Path::new("."));
    make_dir(dir)?;
    // Made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|err| failed(err.error))?;
    Ok(())
}

/// Holds off other processes that would change files of `dir`, until dropped.
pub(super) fn lock(dir: &Path) -> Result<File, Error> {
    make_dir(dir)?;
    let path: PathBuf = dir.join("logins.lock");
    let locked = File::create(&path).and_then(|file| {
        file.lock()?;
        Ok(file)
    });
    locked.map_err(|source| Error::File {
        act: "lock",
        path,
        source,
    })
}

fn make_dir(dir: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| Error::File {
        act: "make the folder",
        path: dir.to_owned(),
        source,
    })
}

#[cfg(unix)]
fn check_mode(metadata: &fs::Metadata, path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    const OTHERS: u32 = 0o077;
    if metadata.permissions().mode() & OTHERS == 0 {
        Ok(())
    } else {
        Err(Error::TooOpen {
            path: path.to_owned(),
        })
    }
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "Unix may refuse")]
fn check_mode(_: &fs::Metadata, _: &Path) -> Result<(), Error> {
    // The folder lies in the user's profile, whose access list it inherits.
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b.json");
        assert_eq!(read(&path).unwrap(), None);
        write(&path, "one").unwrap();
        write(&path, "two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("two"));
        let n_files = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(n_files, 1, "nothing is left beside it");
    }

    #[cfg(unix)]
    #[test]
    fn file_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b.json");
        write(&path, "secret").unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let err = read(&path).unwrap_err();
        assert!(matches!(err, Error::TooOpen { .. }));
        assert!(err.hint().unwrap().starts_with("run `chmod 600 "));
    }
}
