//! The place that each component has in a project.
//!
//! A project may have several package directories and folders of its own in them.
//! What is there keeps its place, what is new goes beside its component, and a new
//! component where `sf` would put it.

use std::collections::HashMap;

use super::place::{Format, Part, Place, place};
use super::{SOURCE_ROOT, in_package_directory};
use crate::model::{ComponentKey, InvalidPath, TreePath};
use crate::registry::{Decomposition, Files, Registry};

/// Where the files of a project stand.
#[derive(Clone, Debug)]
pub struct Layout<'r> {
    registry: &'r Registry,
    /// Package directory of what is new.
    default: TreePath,
    /// Path by the path below [`SOURCE_ROOT`] that the file would usually have; only
    /// of files that stand elsewhere.
    elsewhere: HashMap<String, String>,
    /// What stands in front of the directory of the type, by top-level component.
    homes: HashMap<ComponentKey, String>,
}

impl<'r> Layout<'r> {
    /// The layout of a project of these files; paths are relative to its root.
    ///
    /// Of two files of the same component and name the first counts.
    pub fn of<'a>(
        registry: &'r Registry,
        default: &TreePath,
        paths: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut layout = Self {
            registry,
            default: default.clone(),
            elsewhere: HashMap::new(),
            homes: HashMap::new(),
        };
        let usual_home = format!("{default}/{SOURCE_ROOT}/");
        let mut homes: HashMap<ComponentKey, (bool, &str)> = HashMap::new();
        for path in paths {
            let Some(place) = place(registry, path, Format::Source) else {
                continue;
            };
            let home = &path[..place.start];
            let usual = usual_path(&place, path);
            if home != usual_home || path[place.start..] != usual {
                let path = path.to_owned();
                layout.elsewhere.entry(usual).or_insert(path);
            }
            // The document of a component tells its home, where it has one.
            let is_document = place.part == Part::Document && place.child.is_none();
            if let Some(key) = key_of(&place) {
                let told = homes.entry(key).or_insert((is_document, home));
                if is_document && !told.0 {
                    *told = (true, home);
                }
            }
        }
        layout.homes = homes
            .into_iter()
            .filter(|(_, (_, home))| *home != usual_home)
            .map(|(key, (_, home))| (key, home.to_owned()))
            .collect();
        layout
    }

    /// The path in the project of a source file, as [`super::split()`] names it.
    ///
    /// # Errors
    ///
    /// [`InvalidPath`] where it would be too long.
    pub fn place(&self, path: &TreePath) -> Result<TreePath, InvalidPath> {
        let inner = path
            .as_str()
            .strip_prefix(SOURCE_ROOT)
            .and_then(|it| it.strip_prefix('/'));
        let Some(inner) = inner.filter(|_| !self.is_usual()) else {
            return in_package_directory(&self.default, path);
        };
        if let Some(known) = self.elsewhere.get(inner) {
            return TreePath::from_org(known);
        }
        let home = place(self.registry, path.as_str(), Format::Source)
            .and_then(|it| self.homes.get(&key_of(&it)?));
        match home {
            Some(home) => TreePath::from_org(&format!("{home}{inner}")),
            None => in_package_directory(&self.default, path),
        }
    }

    /// Whether everything stands where `sf` would put it.
    fn is_usual(&self) -> bool {
        self.elsewhere.is_empty() && self.homes.is_empty()
    }
}

/// The path that a source file would have below [`SOURCE_ROOT`] if it had no place of the
/// project's own; `None` for what is no metadata.
#[must_use]
pub fn usual(registry: &Registry, path: &str) -> Option<String> {
    Some(usual_path(&place(registry, path, Format::Source)?, path))
}

/// Whether a file stands in the folder of its own that a preset gives its component.
///
/// That is a way of writing, and no place that somebody chose.
#[must_use]
pub fn is_where_presets_write(registry: &Registry, path: &str) -> bool {
    let Some(place) = place(registry, path, Format::Source) else {
        return false;
    };
    let ty = place.ty;
    let folder = format!("{}/{}/", ty.directory, place.name);
    ty.preset.is_some() || (!ty.variants.is_empty() && path[place.start..].starts_with(&folder))
}

/// Whether a file stands where `sf` would put it in the package directory `package`.
pub(super) fn is_usual(place: &Place<'_>, package: &TreePath, path: &str) -> bool {
    let (home, inner) = path.split_at(place.start);
    let home = home.strip_prefix(package.as_str());
    let home = home.and_then(|it| it.strip_prefix('/')?.strip_prefix(SOURCE_ROOT));
    home == Some("/") && inner == usual_path(place, path)
}

/// The top-level component.
fn key_of(place: &Place<'_>) -> Option<ComponentKey> {
    Some(ComponentKey::new(
        place.ty.name.clone(),
        place.name.parse().ok()?,
    ))
}

/// The path that a source file would usually have, from the directory of its type on.
fn usual_path(place: &Place<'_>, path: &str) -> String {
    let ty = place.ty;
    let inner = &path[place.start..];
    let file = inner.rsplit_once('/').map_or(inner, |(_, file)| file);
    match (ty.files, &place.child, ty.decomposition) {
        (Files::Labels | Files::OneLabelEach, ..) => format!("{}/{file}", ty.directory),
        _ if !place.keeps_folders() => format!("{}/{file}", ty.directory),
        (Files::Decomposed, Some((child, _)), Some(Decomposition::FolderPerType)) => {
            format!("{}/{}/{}/{file}", ty.directory, place.name, child.directory)
        }
        (Files::Decomposed, ..) => format!("{}/{}/{file}", ty.directory, place.name),
        _ => inner.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(project: &[&str], path: &str) -> String {
        let default: TreePath = "core".parse().unwrap();
        let layout = Layout::of(Registry::official(), &default, project.iter().copied());
        let path = format!("{SOURCE_ROOT}/{path}").parse().unwrap();
        layout.place(&path).unwrap().to_string()
    }

    const PROJECT: [&str; 12] = [
        "core/main/default/classes/Usual.cls",
        "apps/sales/main/default/classes/deep/er/Own.cls",
        "apps/sales/main/default/classes/deep/er/Own.cls-meta.xml",
        "apps/sales/objects/Deal__c/Deal__c.object-meta.xml",
        "apps/sales/objects/Deal__c/fields/A__c.field-meta.xml",
        "apps/more/objects/Deal__c/fields/B__c.field-meta.xml",
        "apps/sales/lwc/card/card.js",
        "apps/sales/reports/F/R.report-meta.xml",
        "apps/sales/tabs/sub/Deal__c.tab-meta.xml",
        "apps/sales/staticresources/logo.png",
        "apps/more/objects/Only__c/fields/X__c.field-meta.xml",
        "apps/sales/Loose.permissionset-meta.xml",
    ];

    #[test]
    fn what_is_there_keeps_its_place() {
        for (path, wanted) in [
            ("classes/Usual.cls", PROJECT[0]),
            ("classes/Own.cls", PROJECT[1]),
            ("classes/Own.cls-meta.xml", PROJECT[2]),
            ("objects/Deal__c/Deal__c.object-meta.xml", PROJECT[3]),
            ("objects/Deal__c/fields/A__c.field-meta.xml", PROJECT[4]),
            ("objects/Deal__c/fields/B__c.field-meta.xml", PROJECT[5]),
            ("lwc/card/card.js", PROJECT[6]),
            ("reports/F/R.report-meta.xml", PROJECT[7]),
            ("tabs/Deal__c.tab-meta.xml", PROJECT[8]),
            ("permissionsets/Loose.permissionset-meta.xml", PROJECT[11]),
        ] {
            assert_eq!(placed(&PROJECT, path), wanted);
        }
    }

    #[test]
    fn what_is_new_goes_beside_its_component_or_to_the_default() {
        for (path, wanted) in [
            (
                "objects/Deal__c/fields/New__c.field-meta.xml",
                "apps/sales/objects/Deal__c/fields/New__c.field-meta.xml",
            ),
            (
                "objects/Only__c/Only__c.object-meta.xml",
                "apps/more/objects/Only__c/Only__c.object-meta.xml",
            ),
            ("lwc/card/card.html", "apps/sales/lwc/card/card.html"),
            (
                "staticresources/logo.jpeg",
                "apps/sales/staticresources/logo.jpeg",
            ),
            ("lwc/other/other.js", "core/main/default/lwc/other/other.js"),
            (
                "reports/F/S.report-meta.xml",
                "core/main/default/reports/F/S.report-meta.xml",
            ),
        ] {
            assert_eq!(placed(&PROJECT, path), wanted);
        }
    }
}
