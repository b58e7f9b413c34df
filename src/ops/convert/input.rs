//! What is converted: the files of a folder or of an archive.

use std::{
    collections::{BTreeMap, HashSet},
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::{Error, IgnoreFile, disk};
use crate::archive::{Archive, FileSource, Limits};

/// Folders that hold no metadata, wherever they lie.
const NOT_METADATA: [&str; 5] = [".git", ".sf", ".sfdx", ".orgkeep", "node_modules"];

/// The files of a folder or of an archive, by name.
pub(super) struct Input {
    files: Vec<Found>,
    archive: Option<Archive<FileSource>>,
    /// Files that cannot be read at all, with the reason.
    pub(super) gaps: BTreeMap<String, String>,
}

struct Found {
    /// Path in the input, with slashes; what it is converted by.
    name: String,
    place: Place,
}

enum Place {
    Disk(PathBuf),
    Entry(usize),
}

impl Input {
    /// Lists the files; those of `output` are not among them, nor what the nearest
    /// `.forceignore` denies.
    pub(super) fn open(input: &Path, output: &Path) -> Result<Self, Error> {
        let mut found = Self {
            files: Vec::new(),
            archive: None,
            gaps: BTreeMap::new(),
        };
        let rules = IgnoreFile::above(input)?;
        if fs::metadata(input).map_err(disk("read", input))?.is_dir() {
            let output = fs::canonicalize(output).ok();
            found.list_folder(input, "", output.as_deref())?;
        } else {
            let file = File::open(input).map_err(disk("read", input))?;
            found.list_archive(Archive::open(FileSource(file), &Limits::default())?);
        }
        let root = match found.archive {
            Some(_) => input.parent().unwrap_or(input),
            None => input,
        };
        found.files.retain(|it| !rules.denies(&root.join(&it.name)));
        found
            .files
            .sort_by(|left, right| left.name.cmp(&right.name));
        Ok(found)
    }

    fn list_folder(
        &mut self,
        folder: &Path,
        above: &str,
        output: Option<&Path>,
    ) -> Result<(), Error> {
        for entry in fs::read_dir(folder).map_err(disk("read", folder))? {
            let entry = entry.map_err(disk("read", folder))?;
            let path = entry.path();
            let name = format!("{above}{}", entry.file_name().to_string_lossy());
            let kind = entry.file_type().map_err(disk("read", &path))?;
            if entry.file_name().to_str().is_none() {
                self.gaps.insert(name, "its name is not UTF-8".to_owned());
            } else if kind.is_symlink() {
                self.gaps.insert(name, "links are not followed".to_owned());
            } else if kind.is_dir() {
                let is_output =
                    output.is_some_and(|it| fs::canonicalize(&path).is_ok_and(|path| path == it));
                let is_apart = entry
                    .file_name()
                    .to_str()
                    .is_some_and(|it| NOT_METADATA.contains(&it));
                if !is_output && !is_apart {
                    self.list_folder(&path, &format!("{name}/"), output)?;
                }
            } else {
                self.files.push(Found {
                    name,
                    place: Place::Disk(path),
                });
            }
        }
        Ok(())
    }

    fn list_archive(&mut self, archive: Archive<FileSource>) {
        for (n, entry) in archive.entries().iter().enumerate() {
            if let Some(problem) = &entry.problem {
                self.gaps.insert(entry.name.clone(), problem.to_string());
            } else if !entry.is_folder {
                self.files.push(Found {
                    name: entry.name.clone(),
                    place: Place::Entry(n),
                });
            }
        }
        self.archive = Some(archive);
    }

    /// Names of the files, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|it| it.name.as_str())
    }

    /// Content of file `n`; the error is for the report.
    pub(super) fn read(&self, n: usize) -> Result<Vec<u8>, String> {
        match (&self.files[n].place, &self.archive) {
            (Place::Disk(path), _) => fs::read(path).map_err(|err| err.to_string()),
            (Place::Entry(entry), Some(archive)) => {
                archive.read(*entry).map_err(|err| err.to_string())
            }
            (Place::Entry(_), None) => Err("its archive is closed".to_owned()),
        }
    }

    /// Keeps only the files of these names.
    pub(super) fn retain(&mut self, names: &[String]) {
        let names: HashSet<&str> = names.iter().map(String::as_str).collect();
        self.files.retain(|it| names.contains(it.name.as_str()));
    }

    /// Names files from the folder on that a package's manifest stands in:
    /// `unpackaged/`, or the one folder that an archive was made of.
    pub(super) fn strip_package_root(&mut self) {
        let manifest = self
            .names()
            .filter_map(|it| it.strip_suffix("package.xml"))
            .filter(|it| it.is_empty() || it.ends_with('/'))
            .min_by_key(|it| it.len());
        let root = match manifest {
            Some(root) => root.to_owned(),
            None => "unpackaged/".to_owned(),
        };
        for file in &mut self.files {
            if let Some(name) = file.name.strip_prefix(&root) {
                file.name = name.to_owned();
            }
        }
    }
}
