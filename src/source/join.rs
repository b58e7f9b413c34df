//! From source files to package files.

use super::place::{Format, META, Part, Parts, Place, folder_stem, place};
use super::split::foreign;
use super::{
    JoinError, Level, PackageFile, SourceFile, SplitError, UNMAPPED, UNMAPPED_TYPE, decomposed,
    labels, permissions, service, static_resource,
};
use crate::model::ComponentKey;
use crate::registry::{Files, Registry, Type};

/// Turns source files of one top-level component into package files.
///
/// Some of the children of an object make an object of just these. No text loses a
/// blank or an entity.
///
/// # Errors
///
/// [`JoinError`]; nothing of the component is converted then.
pub fn join(
    registry: &Registry,
    parent: &ComponentKey,
    files: &[SourceFile],
) -> Result<Vec<PackageFile>, JoinError> {
    join_at(registry, Level::Canonical, parent, files)
}

/// As [`join`]; at the faithful level recomposed documents are written as `sf` writes them.
///
/// # Errors
///
/// As [`join`].
pub fn join_at(
    registry: &Registry,
    level: Level,
    parent: &ComponentKey,
    files: &[SourceFile],
) -> Result<Vec<PackageFile>, JoinError> {
    if parent.type_name.as_str() == UNMAPPED_TYPE {
        return files.iter().map(|it| unmapped(parent, it)).collect();
    }
    let Some(ty) = registry.type_named(parent.type_name.as_str()) else {
        return Err(foreign(
            parent,
            files.first().map_or("", |it| it.path.as_str()),
        ));
    };
    let ty = as_written(registry, ty, files);
    match ty.files {
        Files::PermissionsByObject => {
            permissions::join(ty, level, parent, files).map(|it| vec![it])
        }
        Files::SchemaBeside => service::join(ty, level, parent, files).map(|it| vec![it]),
        Files::Decomposed => {
            decomposed::join(registry, ty, level, parent, files).map(|it| vec![it])
        }
        Files::Labels | Files::OneLabelEach => {
            labels::join(ty, level, parent, files).map(|it| vec![it])
        }
        Files::StaticResource => static_resource::join(ty, parent, files),
        _ => copied(registry, parent, files),
    }
}

/// The type as the files are written, whatever this project writes.
fn as_written<'r>(registry: &'r Registry, ty: &'r Type, files: &[SourceFile]) -> &'r Type {
    if ty.variants.is_empty() {
        return ty;
    }
    files
        .iter()
        .filter_map(|it| place(registry, it.path.as_str(), Format::Source))
        .map(|it| it.ty)
        .find(|it| it.name == ty.name && it.preset.is_some())
        .unwrap_or(ty)
}

fn copied(
    registry: &Registry,
    key: &ComponentKey,
    files: &[SourceFile],
) -> Result<Vec<PackageFile>, JoinError> {
    let mut places = Vec::new();
    for file in files {
        let place = place(registry, file.path.as_str(), Format::Source)
            .filter(|it| it.ty.name == key.type_name && it.name == key.name.as_str())
            .ok_or_else(|| foreign(key, file.path.as_str()))?;
        places.push(place);
    }
    let missing = |what| SplitError::Missing {
        key: key.clone(),
        what,
    };
    let content = places
        .iter()
        .zip(files)
        .find(|(place, _)| place.part == Part::Content)
        .map(|(_, file)| file.path.file_name());
    let needs_both = places
        .first()
        .is_some_and(|it| matches!(it.ty.files, Files::Content | Files::Mixed));
    if needs_both && content.is_none() {
        return Err(missing("content"));
    }
    if needs_both && places.iter().all(|it| it.part == Part::Content) {
        return Err(missing("document beside it"));
    }
    Ok(places
        .iter()
        .zip(files)
        .map(|(place, file)| PackageFile {
            path: package_path(place, file.path.as_str(), content),
            bytes: file.bytes.clone(),
        })
        .collect())
}

/// Where a source file goes in a package; `content` is the name of the content file.
fn package_path(place: &Place<'_>, path: &str, content: Option<&str>) -> String {
    let ty = place.ty;
    let Parts { folder, file, base } = place.parts(path);
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    let file = match (ty.files, place.part) {
        (Files::Single, _) if ty.is_folder() => {
            format!("{}{META}", folder_stem(base, suffix))
        }
        (Files::Single, _) => base.to_owned(),
        (Files::Mixed, Part::Document) if ty.in_folder => {
            format!("{}{META}", content.unwrap_or(base))
        }
        _ => file.to_owned(),
    };
    format!("{folder}/{file}")
}

/// A file of a type that the registry does not know, byte for byte.
fn unmapped(key: &ComponentKey, file: &SourceFile) -> Result<PackageFile, JoinError> {
    let path = file.path.as_str();
    let inner = path
        .strip_prefix(UNMAPPED)
        .and_then(|it| it.strip_prefix('/'));
    Ok(PackageFile {
        path: inner.ok_or_else(|| foreign(key, path))?.to_owned(),
        bytes: file.bytes.clone(),
    })
}
