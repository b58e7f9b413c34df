//! The files of a project, from a folder or a zip.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
};

use super::{Error, LeftOut};
use crate::{
    archive::{Archive, Limits, read::FileSource},
    simorg::{catalogue, state::PackageFile},
};

/// Most files that are read.
///
/// Own limit, above the largest projects in the open (60,000 files).
pub(super) const MAX_FILES: usize = 200_000;

/// Deepest folder that is read. Own limit; bundles nest below ten.
const MAX_DEPTH: usize = 40;

type Read = (Vec<PackageFile>, Vec<LeftOut>);

/// All files below a folder, by path; links are not followed.
pub(super) fn of_folder(root: &Path) -> Result<Read, Error> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    let mut left_out = Vec::new();
    let mut folders = vec![(String::new(), root.to_owned(), 0)];
    while let Some((prefix, folder, depth)) = folders.pop() {
        let failed = |source| Error::Io {
            path: folder.clone(),
            source,
        };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{prefix}{name}");
            if kind.is_dir() {
                if depth < MAX_DEPTH && !name.starts_with('.') && name != "node_modules" {
                    folders.push((format!("{path}/"), entry.path(), depth + 1));
                }
            } else if kind.is_file() {
                found.push((path, entry.path()));
            } else {
                let reason = "it is a link or a device, not a file".to_owned();
                left_out.push(LeftOut { path, reason });
            }
        }
        if MAX_FILES < found.len() {
            let path = root.to_owned();
            return Err(Error::TooMany { path });
        }
    }
    found.sort();
    let mut files = Vec::with_capacity(found.len());
    for (path, place) in found {
        let bytes = fs::read(&place).map_err(|source| Error::Io {
            path: place,
            source,
        })?;
        files.push(PackageFile::new(&path, bytes));
    }
    Ok((files, left_out))
}

/// All files of a zip, by path.
pub(super) fn of_zip(path: &Path) -> Result<Read, Error> {
    let file = File::open(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        source,
    })?;
    let archive = Archive::open(FileSource(file), &Limits::default()).map_err(|source| {
        let path = path.to_owned();
        Error::Archive { path, source }
    })?;
    let mut files = Vec::new();
    let mut left_out = Vec::new();
    for (n, entry) in archive.entries().iter().enumerate() {
        if entry.is_folder {
            continue;
        }
        match archive.read(n) {
            Ok(bytes) => files.push(PackageFile::new(&entry.name, bytes)),
            Err(err) => left_out.push(LeftOut {
                path: entry.name.clone(),
                reason: err.to_string(),
            }),
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((files, left_out))
}

/// The prefix of the paths of the package: empty, or one that ends in a slash.
///
/// The package is where the shallowest `package.xml` lies; without one, where
/// directories of metadata types lie.
pub(super) fn root_of(files: &[PackageFile]) -> String {
    let depth = |prefix: &str| prefix.matches('/').count();
    let manifest = files
        .iter()
        .filter_map(|it| it.path.strip_suffix("package.xml"))
        .filter(|prefix| prefix.is_empty() || prefix.ends_with('/'))
        .min_by_key(|prefix| (depth(prefix), prefix.len()));
    if let Some(prefix) = manifest {
        return prefix.to_owned();
    }
    let mut prefixes = BTreeSet::new();
    for file in files {
        let parts: Vec<&str> = file.path.split('/').collect();
        let known = parts[..parts.len() - 1]
            .iter()
            .position(|it| !catalogue::types_in(it).is_empty());
        if let Some(n) = known {
            let mut prefix = parts[..n].join("/");
            if !prefix.is_empty() {
                prefix.push('/');
            }
            prefixes.insert((n, prefix));
        }
    }
    prefixes.pop_first().map_or(String::new(), |(_, it)| it)
}
