//! Where converted files go: a folder or an archive.

use std::{
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use super::{Error, disk};
use crate::archive::{Level, Writer};

/// A folder or an archive that is being written.
pub(super) enum Output {
    Folder(PathBuf),
    Archive {
        writer: Box<Writer<BufWriter<File>>>,
        /// Written under another name, so that an archive is whole or not there.
        partial: PathBuf,
        path: PathBuf,
    },
}

impl Output {
    /// Begins the output: an archive where the name ends in `.zip`.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let is_archive = path
            .extension()
            .is_some_and(|it| it.eq_ignore_ascii_case("zip"));
        if !is_archive {
            fs::create_dir_all(path).map_err(disk("create", path))?;
            return Ok(Self::Folder(path.to_owned()));
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(disk("create", parent))?;
        }
        let partial = path.with_extension("zip.partial");
        let file = File::create(&partial).map_err(disk("create", &partial))?;
        Ok(Self::Archive {
            writer: Box::new(Writer::new(BufWriter::new(file))),
            partial,
            path: path.to_owned(),
        })
    }

    /// Writes one file; `name` has slashes and has been checked.
    pub(super) fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Folder(root) => {
                let path = root.join(name);
                let write = || -> io::Result<()> {
                    match fs::write(&path, bytes) {
                        Err(err) if err.kind() == io::ErrorKind::NotFound => {
                            fs::create_dir_all(path.parent().unwrap_or(root))?;
                            fs::write(&path, bytes)
                        }
                        other => other,
                    }
                };
                write().map_err(disk("write", &path))
            }
            Self::Archive {
                writer, partial, ..
            } => writer
                .add(name, bytes, Level::FAST)
                .map_err(disk("write", partial)),
        }
    }

    /// Ends the output.
    pub(super) fn finish(self) -> Result<(), Error> {
        if let Self::Archive {
            writer,
            partial,
            path,
        } = self
        {
            writer.finish().map_err(disk("write", &partial))?;
            fs::rename(&partial, &path).map_err(disk("write", &path))?;
        }
        Ok(())
    }
}
