//! From package files to source files.

use std::borrow::Cow;

use super::canonical::{Canonical, Note, Problem, Rules, canonicalise};
use super::place::{Format, META, Part, Parts, Place, document_stem, folder_stem, place};
use super::{
    Level, PackageFile, SOURCE_ROOT, SourceFile, SplitError, UNMAPPED, UNMAPPED_TYPE, decomposed,
    labels, permissions, service, static_resource,
};
use crate::model::{ComponentKey, TreePath};
use crate::registry::{Files, Registry};

/// The source files of one component, and what was done to them.
#[derive(Debug, Default)]
pub struct Split {
    /// The files.
    pub files: Vec<SourceFile>,
    /// Volatile rules that changed something, with the file.
    pub notes: Vec<(TreePath, Note)>,
    /// Files that have no canonical form and keep their bytes.
    pub problems: Vec<Problem>,
}

/// Turns the package files of one top-level component into source files.
///
/// `key` and `files` are those that [`super::assign()`] put together. Files come in
/// no particular order. At the canonical level no text loses anything, but the
/// rules of [`super::canonical`] are not yet applied: [`split_canonical`] does both.
///
/// # Errors
///
/// [`SplitError`]; nothing of the component is converted then.
pub fn split(
    registry: &Registry,
    level: Level,
    key: &ComponentKey,
    files: Vec<PackageFile>,
) -> Result<Vec<SourceFile>, SplitError> {
    if key.type_name.as_str() == UNMAPPED_TYPE {
        return files.into_iter().map(|it| unmapped(key, it)).collect();
    }
    let Some(ty) = registry.type_named(key.type_name.as_str()) else {
        return Err(foreign(
            key,
            files.first().map_or("", |it| it.path.as_str()),
        ));
    };
    let ty = registry.as_written(ty);
    match ty.files {
        Files::Decomposed => decomposed::split(registry, ty, level, key, only(key, &files)?),
        Files::PermissionsByObject => permissions::split(ty, level, key, only(key, &files)?),
        Files::SchemaBeside => service::split(ty, level, key, only(key, &files)?),
        Files::OneLabelEach => labels::split_each(ty, level, key, &files),
        Files::Labels => labels::split(ty, level, key, &files),
        Files::StaticResource => static_resource::split(ty, level, key, &files),
        _ => files
            .into_iter()
            .map(|it| copied(registry, key, it))
            .collect(),
    }
}

/// Turns the package files of one component into canonical source files.
///
/// # Errors
///
/// As [`split`].
pub fn split_canonical(
    registry: &Registry,
    rules: &Rules,
    key: &ComponentKey,
    files: Vec<PackageFile>,
) -> Result<Split, SplitError> {
    let mut done = Split::default();
    for mut file in split(registry, Level::Canonical, key, files)? {
        let type_name = file.key.type_name.as_str();
        match canonicalise(type_name, file.path.as_str(), &file.bytes, rules) {
            Ok(Canonical { bytes, notes }) => {
                done.notes
                    .extend(notes.into_iter().map(|it| (file.path.clone(), it)));
                if let Cow::Owned(bytes) = bytes {
                    file.bytes = bytes;
                }
            }
            Err(problem) => done.problems.push(problem),
        }
        done.files.push(file);
    }
    Ok(done)
}

/// The one document of a component.
fn only<'a>(key: &ComponentKey, files: &'a [PackageFile]) -> Result<&'a PackageFile, SplitError> {
    match files {
        [file] => Ok(file),
        [] => Err(SplitError::Missing {
            key: key.clone(),
            what: "document",
        }),
        [_, other, ..] => Err(foreign(key, &other.path)),
    }
}

/// A file that keeps its bytes.
fn copied(
    registry: &Registry,
    key: &ComponentKey,
    file: PackageFile,
) -> Result<SourceFile, SplitError> {
    let place = place(registry, &file.path, Format::Package)
        .filter(|it| it.ty.name == key.type_name && it.name == key.name.as_str())
        .ok_or_else(|| foreign(key, &file.path))?;
    let path = TreePath::from_org(&format!(
        "{SOURCE_ROOT}/{}",
        source_path(&place, &file.path)
    ))?;
    let key = match &place.child {
        Some((ty, name)) => ComponentKey::new(ty.name.clone(), name.parse()?),
        None => key.clone(),
    };
    Ok(SourceFile {
        path,
        key,
        bytes: file.bytes,
    })
}

/// Where a file of a package goes, below the source root.
fn source_path(place: &Place<'_>, path: &str) -> String {
    let ty = place.ty;
    let Parts { folder, file, base } = place.parts(path);
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    let file = match (ty.files, place.part) {
        (Files::Single, _) if ty.is_folder() => {
            format!("{}.{suffix}{META}", folder_stem(base, suffix))
        }
        (Files::Single, _) => {
            let legacy = ty.legacy_suffix.as_deref();
            let stem = legacy.and_then(|it| base.strip_suffix(it)?.strip_suffix('.'));
            match stem {
                Some(stem) => format!("{stem}.{suffix}{META}"),
                None => format!("{base}{META}"),
            }
        }
        (Files::Mixed, Part::Document) if ty.in_folder => {
            format!("{}.{suffix}{META}", document_stem(base))
        }
        _ => file.to_owned(),
    };
    format!("{folder}/{file}")
}

/// A file of a type that the registry does not know, byte for byte.
fn unmapped(key: &ComponentKey, file: PackageFile) -> Result<SourceFile, SplitError> {
    let inner = file
        .path
        .strip_prefix(UNMAPPED)
        .and_then(|it| it.strip_prefix('/'));
    let path = format!("{UNMAPPED}/{}", inner.unwrap_or(&file.path));
    Ok(SourceFile {
        path: TreePath::from_org(&path)?,
        key: key.clone(),
        bytes: file.bytes,
    })
}

pub(super) fn foreign(key: &ComponentKey, path: &str) -> SplitError {
    SplitError::Foreign {
        key: key.clone(),
        path: path.to_owned(),
    }
}
