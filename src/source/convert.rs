//! Whole packages and whole trees, one component at a time.
//!
//! Where the files come from and go to is the caller's: both are closures.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use super::canonical::Rules;
use super::place::{Format, place};
use super::{
    Ignored, Level, PackageFile, SourceFile, SplitError, UNMAPPED, assign, join_at, owner, split,
    split_canonical,
};
use crate::model::{ComponentKey, Manifest, TreePath};
use crate::registry::{Files, Registry};

/// What became of a package or a tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// Number of top-level components that were converted.
    pub n_components: usize,
    /// Number of files that were written.
    pub n_files: usize,
    /// Files of the input that were not converted, with the reason, by path.
    pub gaps: BTreeMap<String, String>,
}

/// Turns all entries of a package into source files.
///
/// `read` gives the content of an entry by its index, `write` takes the files of one
/// component after another. A component that cannot be read or split is a gap and
/// costs no other; only an error of `write` ends the conversion.
///
/// # Errors
///
/// Those of `write`.
pub fn to_source<R: std::fmt::Display, W>(
    registry: &Registry,
    level: Level,
    entries: &[&str],
    mut read: impl FnMut(usize) -> Result<Vec<u8>, R>,
    mut write: impl FnMut(SourceFile) -> Result<(), W>,
) -> Result<Converted, W> {
    let mut done = Converted::default();
    let assignment = assign(registry, entries);
    for it in &assignment.left_over {
        if it.reason.is_gap() {
            done.lose(entries[it.entry], &it.reason);
        }
    }
    for component in &assignment.components {
        let mut files = Vec::new();
        let mut problem = None;
        for entry in &component.entries {
            match read(*entry) {
                Ok(bytes) => files.push(PackageFile {
                    path: entries[*entry].to_owned(),
                    bytes,
                }),
                Err(err) => problem = Some(err.to_string()),
            }
        }
        let outcome = match problem {
            Some(problem) => Err(problem),
            None => split_at(registry, level, &component.key, files).map_err(|err| chain(&err)),
        };
        match outcome {
            Ok(files) => {
                done.n_components += 1;
                for file in files {
                    write(file)?;
                    done.n_files += 1;
                }
            }
            Err(problem) => {
                for entry in &component.entries {
                    done.lose(entries[*entry], &problem);
                }
            }
        }
    }
    Ok(done)
}

/// Turns all files of a tree into package files; the manifest names what is in them.
///
/// `paths` may have any package directories in front; of a component that stands in
/// several, objects and labels are merged and of others the first counts. What
/// `ignored` denies is left out without a word. `manifest` has its version set by the
/// caller and gets the components.
///
/// # Errors
///
/// Those of `write`.
pub fn to_package<R: std::fmt::Display, W>(
    registry: &Registry,
    level: Level,
    paths: &[&str],
    ignored: &Ignored,
    manifest: &mut Manifest,
    mut read: impl FnMut(usize) -> Result<Vec<u8>, R>,
    mut write: impl FnMut(PackageFile) -> Result<(), W>,
) -> Result<Converted, W> {
    let mut done = Converted::default();
    let components = grouped(registry, paths, ignored, &mut done);
    for (top, members) in components {
        let mut files = Vec::new();
        let mut problem = None;
        for (n, key) in &members {
            match (read(*n), paths[*n].parse::<TreePath>()) {
                (Ok(bytes), Ok(path)) => files.push(SourceFile {
                    path,
                    key: key.clone(),
                    bytes,
                }),
                (Err(err), _) => problem = Some(err.to_string()),
                (_, Err(err)) => problem = Some(err.to_string()),
            }
        }
        let outcome = match problem {
            Some(problem) => Err(problem),
            None => join_at(registry, level, &top, &files).map_err(|err| chain(&err)),
        };
        match outcome {
            Ok(package_files) => {
                done.n_components += 1;
                name(registry, manifest, &top, &files, &package_files);
                for file in package_files {
                    write(file)?;
                    done.n_files += 1;
                }
            }
            Err(problem) => {
                for (n, _) in &members {
                    done.lose(paths[*n], &problem);
                }
            }
        }
    }
    Ok(done)
}

impl Converted {
    fn lose(&mut self, path: &str, reason: &impl std::fmt::Display) {
        self.gaps.insert(path.to_owned(), reason.to_string());
    }
}

type Members = Vec<(usize, ComponentKey)>;

/// The files of each top-level component, in the order of their first files.
fn grouped(
    registry: &Registry,
    paths: &[&str],
    ignored: &Ignored,
    done: &mut Converted,
) -> Vec<(ComponentKey, Members)> {
    let mut groups: Vec<(ComponentKey, Members)> = Vec::new();
    let mut by_key: HashMap<ComponentKey, usize> = HashMap::new();
    for (n, path) in paths.iter().enumerate() {
        if ignored.denies(path) {
            continue;
        }
        let Some(owner) = owner(registry, path) else {
            done.lose(path, &"it is no metadata");
            continue;
        };
        let at = *by_key.entry(owner.top().clone()).or_insert_with(|| {
            groups.push((owner.top().clone(), Vec::new()));
            groups.len() - 1
        });
        let first = groups[at].1.first().map(|(first, _)| paths[*first]);
        if first.is_some_and(|first| is_elsewhere(registry, first, path)) {
            done.lose(path, &"the same component stands in another folder");
            continue;
        }
        groups[at].1.push((n, owner.key));
    }
    groups
}

/// Whether two files of one component stand in different folders, and may not.
fn is_elsewhere(registry: &Registry, first: &str, path: &str) -> bool {
    let above = |path: &str| {
        let place = place(registry, path, Format::Source)?;
        let ty = place.ty;
        let in_own_folder = || {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            folder.ends_with(&format!("/{}", place.name))
        };
        let merges = matches!(ty.files, Files::Decomposed | Files::Labels)
            || ty.preset.is_some()
            || (!ty.variants.is_empty() && in_own_folder());
        (!merges).then(|| path[..place.start].to_owned())
    };
    matches!((above(first), above(path)), (Some(one), Some(other)) if one != other)
}

/// Enters a component and its parts into the manifest.
fn name(
    registry: &Registry,
    manifest: &mut Manifest,
    top: &ComponentKey,
    files: &[SourceFile],
    package_files: &[PackageFile],
) {
    let Some(ty) = registry.type_named(top.type_name.as_str()) else {
        return;
    };
    let has_document = files.iter().any(|it| it.key == *top);
    if ty.files == Files::Mixed && ty.in_folder {
        // The API names a document with its ending, the tree without.
        let content = package_files
            .iter()
            .find(|it| !it.path.ends_with("-meta.xml"));
        let member = content.and_then(|it| it.path.split_once('/'));
        let types = manifest.types.entry(ty.name.clone()).or_default();
        types.extend(member.map(|(_, name)| name.to_owned()));
        return;
    }
    if has_document {
        let types = manifest
            .types
            .entry(ty.manifest_name().clone())
            .or_default();
        types.insert(top.name.to_string());
    }
    for file in files.iter().filter(|it| it.key != *top) {
        let child = registry.type_named(file.key.type_name.as_str());
        if child.is_some_and(|it| it.addressable) {
            manifest.insert(&file.key);
        } else if !has_document {
            manifest.insert(top);
        }
    }
}

/// Paths below [`UNMAPPED`] and the package directories of a project, of all its files.
#[must_use]
pub fn in_project<'a>(package_directories: &[&str], paths: &[&'a str]) -> Vec<&'a str> {
    let below = |path: &str, folder: &str| {
        let folder = folder.trim_start_matches("./").trim_end_matches('/');
        folder.is_empty()
            || folder == "."
            || path
                .strip_prefix(folder)
                .is_some_and(|it| it.starts_with('/'))
    };
    let is_in =
        |path: &&str| below(path, UNMAPPED) || package_directories.iter().any(|it| below(path, it));
    paths.iter().copied().filter(is_in).collect()
}

/// The files of one component; at the canonical level by the default rules.
fn split_at(
    registry: &Registry,
    level: Level,
    key: &ComponentKey,
    files: Vec<PackageFile>,
) -> Result<Vec<SourceFile>, SplitError> {
    static RULES: LazyLock<Rules> = LazyLock::new(Rules::default);
    match level {
        Level::Faithful => split(registry, level, key, files),
        Level::Canonical => split_canonical(registry, &RULES, key, files).map(|it| it.files),
    }
}

fn chain(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut source = err.source();
    while let Some(err) = source {
        text.push_str(": ");
        text.push_str(&err.to_string());
        source = err.source();
    }
    text
}
