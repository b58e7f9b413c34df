//! Which component a file of the tree belongs to, and where a component's files are.

use super::layout::is_usual;
use super::place::{Format, META, Place, SCHEMA, document_stem, place};
use super::{SOURCE_ROOT, UNMAPPED, UNMAPPED_TYPE};
use crate::model::{ComponentKey, TreePath};
use crate::registry::{Decomposition, Files, Registry, Type};

/// The component that a file belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The finest component: the field, not its object.
    pub key: ComponentKey,
    /// The top-level component, where that is another one.
    pub parent: Option<ComponentKey>,
}

impl Owner {
    /// The top-level component.
    #[must_use]
    pub fn top(&self) -> &ComponentKey {
        self.parent.as_ref().unwrap_or(&self.key)
    }
}

/// Finds the component that a path of the tree belongs to.
///
/// The path may begin with a package directory or without one. `None` for what is
/// no metadata, such as the files of orgkeep itself.
#[must_use]
pub fn owner(registry: &Registry, source_path: &str) -> Option<Owner> {
    if is_no_component(source_path) {
        return None;
    }
    match in_unmapped(source_path) {
        Some(inner) => unmapped_owner(inner),
        None => owner_at(registry, place(registry, source_path, Format::Source)?),
    }
}

/// The same, and whether the file stands where `sf` would put it in the package directory
/// `package`.
#[must_use]
pub fn owner_in(
    registry: &Registry,
    package: Option<&TreePath>,
    source_path: &str,
) -> Option<(Owner, bool)> {
    if is_no_component(source_path) {
        return None;
    }
    let place = place(registry, source_path, Format::Source);
    if let Some(inner) = in_unmapped(source_path) {
        return Some((unmapped_owner(inner)?, place.is_none()));
    }
    let place = place?;
    let is_usual = package.is_some_and(|it| is_usual(&place, it, source_path));
    Some((owner_at(registry, place)?, is_usual))
}

/// Whether a path is Git's or our own, and no component's.
fn is_no_component(source_path: &str) -> bool {
    source_path.starts_with(".orgkeep") || source_path.starts_with(".git")
}

/// What stands behind the folder of types that are not known; `None` for any other path.
fn in_unmapped(source_path: &str) -> Option<&str> {
    source_path.strip_prefix(UNMAPPED)?.strip_prefix('/')
}

fn unmapped_owner(inner: &str) -> Option<Owner> {
    let name = inner.strip_suffix(META).unwrap_or(inner);
    let key = ComponentKey::parse(UNMAPPED_TYPE, name).ok()?;
    Some(Owner { key, parent: None })
}

fn owner_at(registry: &Registry, place: Place<'_>) -> Option<Owner> {
    let top = ComponentKey::new(place.ty.name.clone(), place.name.parse().ok()?);
    // Parts that a preset gives a file of their own are no components for that.
    let child = place.child.filter(|(ty, _)| is_component(registry, ty));
    Some(match child {
        Some((ty, name)) => Owner {
            key: ComponentKey::new(ty.name.clone(), name.parse().ok()?),
            parent: Some(top),
        },
        None => Owner {
            key: top,
            parent: None,
        },
    })
}

/// Whether a part of a component is a component itself.
pub(super) fn is_component(registry: &Registry, child: &Type) -> bool {
    registry
        .type_named(child.name.as_str())
        .is_some_and(|it| it.parent == child.parent)
}

/// The name that the tree gives to a component that the API names.
///
/// They differ for documents alone: the API says `Folder/logo.png`, the tree, in
/// which the document of a document has no such ending, `Folder/logo`.
#[must_use]
pub fn tree_key(registry: &Registry, key: &ComponentKey) -> ComponentKey {
    let is_document = registry
        .type_named(key.type_name.as_str())
        .is_some_and(|it| it.files == Files::Mixed && it.in_folder);
    if is_document && let Ok(name) = document_stem(key.name.as_str()).parse() {
        return ComponentKey::new(key.type_name.clone(), name);
    }
    key.clone()
}

/// What the paths of a component's files begin with, as [`super::split()`] writes them.
///
/// A file is the component's where its path is one of these or continues one that
/// ends in `/` or `.`, and [`owner`] says so. A child without a file of its own has
/// its parent's. Empty for a type that is not known.
#[must_use]
pub fn prefixes(registry: &Registry, key: &ComponentKey) -> Vec<String> {
    let name = key.name.as_str();
    if key.type_name.as_str() == UNMAPPED_TYPE {
        let path = format!("{UNMAPPED}/{name}");
        return vec![format!("{path}{META}"), path];
    }
    let Some(ty) = registry.type_named(key.type_name.as_str()) else {
        return Vec::new();
    };
    let found = match registry.parent_of(ty) {
        Some(parent) => child_prefixes(registry, parent, ty, name),
        None => top_prefixes(registry, ty, name),
    };
    let of_presets = registry
        .parent_of(ty)
        .unwrap_or(ty)
        .variants
        .iter()
        .flat_map(
            |it| match it.children.iter().find(|it| it.name == ty.name) {
                Some(child) => child_prefixes(registry, it, child, name),
                None => top_prefixes(registry, it, name),
            },
        );
    found
        .into_iter()
        .chain(of_presets)
        .map(|it| format!("{SOURCE_ROOT}/{it}"))
        .collect()
}

fn top_prefixes(registry: &Registry, ty: &Type, name: &str) -> Vec<String> {
    let dir = &ty.directory;
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    match ty.files {
        Files::Bundle
        | Files::UiBundle
        | Files::Decomposed
        | Files::DigitalExperience
        | Files::PermissionsByObject => {
            vec![format!("{dir}/{name}/")]
        }
        Files::Mixed if ty.in_folder => {
            let stem = document_stem(name);
            vec![format!("{dir}/{stem}"), format!("{dir}/{stem}.")]
        }
        Files::Mixed | Files::StaticResource => {
            vec![format!("{dir}/{name}/"), format!("{dir}/{name}.")]
        }
        Files::Content => vec![
            format!("{dir}/{name}.{suffix}"),
            format!("{dir}/{name}.{suffix}{META}"),
        ],
        Files::Labels | Files::OneLabelEach => vec![format!("{dir}/")],
        Files::SchemaBeside => vec![format!("{dir}/{name}{SCHEMA}")],
        Files::Single => {
            let model = ty.folder_type.as_ref().filter(|_| !ty.in_folder);
            let file = match (model, name.split_once('.')) {
                (Some(model), _) if *model == ty.name => format!("{dir}/{name}/{name}"),
                (Some(model), Some((folder, name))) => {
                    let above = registry.type_named(model.as_str());
                    let above = above.map_or("", |it| it.directory.as_str());
                    format!("{above}/{folder}/{dir}/{name}")
                }
                _ => format!("{dir}/{name}"),
            };
            vec![format!("{file}.{suffix}{META}")]
        }
    }
}

fn child_prefixes(registry: &Registry, parent: &Type, ty: &Type, name: &str) -> Vec<String> {
    let fixed = parent.fixed_name.as_deref();
    let (above, name) = match (fixed, name.split_once('.')) {
        (Some(fixed), _) => (fixed, name),
        (None, Some(both)) => both,
        (None, None) => return Vec::new(),
    };
    let dir = &parent.directory;
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    match (parent.files, parent.decomposition) {
        (Files::OneLabelEach, _) => vec![format!("{dir}/{name}.{suffix}{META}")],
        (Files::DigitalExperience, _) => vec![format!("{dir}/{above}/{name}/")],
        (_, Some(Decomposition::FolderPerType)) => {
            vec![format!(
                "{dir}/{above}/{}/{name}.{suffix}{META}",
                ty.directory
            )]
        }
        (_, Some(Decomposition::BesideParent)) => {
            vec![format!("{dir}/{above}/{name}.{suffix}{META}")]
        }
        (_, None) => top_prefixes(registry, parent, above),
    }
}

/// The path in the repository of a source file: behind the package directory, or at
/// the root where the registry does not know its type.
///
/// # Errors
///
/// [`crate::model::InvalidPath`] where the two together are too long.
pub fn in_package_directory(
    package_directory: &TreePath,
    path: &TreePath,
) -> Result<TreePath, crate::model::InvalidPath> {
    let at_root = path
        .as_str()
        .strip_prefix(UNMAPPED)
        .is_some_and(|it| it.starts_with('/'));
    if at_root {
        return Ok(path.clone());
    }
    package_directory.join(path.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<String> {
        let owner = owner(Registry::official(), path)?;
        Some(match owner.parent {
            Some(parent) => format!("{} in {parent}", owner.key),
            None => owner.key.to_string(),
        })
    }

    #[test]
    fn finest_component_and_its_parent_are_told() {
        assert_eq!(
            of("force-app/main/default/objects/A__c/fields/B__c.field-meta.xml").unwrap(),
            "CustomField:A__c.B__c in CustomObject:A__c"
        );
        assert_eq!(
            of("unmapped/newThings/X.newThing-meta.xml").unwrap(),
            "Unmapped:newThings/X.newThing"
        );
        assert_eq!(of(".orgkeep/flows/F/3.flow-meta.xml"), None);
        assert_eq!(of("records/Account/schema.json"), None);
    }

    #[test]
    fn prefixes_lead_to_the_files() {
        let cases = [
            (
                "CustomField:A__c.B__c",
                "main/default/objects/A__c/fields/B__c.field-meta.xml",
            ),
            (
                "BotVersion:B.v1",
                "main/default/bots/B/v1.botVersion-meta.xml",
            ),
            (
                "ReportFolder:F/G",
                "main/default/reports/F/G.reportFolder-meta.xml",
            ),
            ("Report:F/G/R", "main/default/reports/F/G/R.report-meta.xml"),
            ("EmailTemplate:F/T", "main/default/email/F/T.email"),
            (
                "Document:F/x.png",
                "main/default/documents/F/x.document-meta.xml",
            ),
            ("StaticResource:X", "main/default/staticresources/X/a.js"),
            ("StaticResource:X", "main/default/staticresources/X.json"),
            (
                "Territory2:M.T",
                "main/default/territory2Models/M/territories/T.territory2-meta.xml",
            ),
            (
                "Territory2Model:M",
                "main/default/territory2Models/M/M.territory2Model-meta.xml",
            ),
            (
                "WorkflowAlert:Account.X",
                "main/default/workflows/Account.workflow-meta.xml",
            ),
            (
                "CustomLabel:X",
                "main/default/labels/CustomLabels.labels-meta.xml",
            ),
            (
                "QuickAction:Account.X",
                "main/default/quickActions/Account.X.quickAction-meta.xml",
            ),
            (
                "DigitalExperience:site/S.sfdc_cms__view/home",
                "main/default/digitalExperiences/site/S/sfdc_cms__view/home/_meta.json",
            ),
            (
                "Unmapped:newThings/X.newThing",
                "unmapped/newThings/X.newThing",
            ),
        ];
        for (key, path) in cases {
            let found = prefixes(Registry::official(), &key.parse().unwrap());
            let fits =
                |it: &String| path == it || (it.ends_with(['/', '.']) && path.starts_with(it));
            assert!(found.iter().any(fits), "{key}: {found:?}");
        }
    }

    #[test]
    fn document_is_named_without_its_ending() {
        let key = "Document:F/logo.png".parse().unwrap();
        let key = tree_key(Registry::official(), &key);
        assert_eq!(key.to_string(), "Document:F/logo");
        assert_eq!(of("x/documents/F/logo.png").unwrap(), "Document:F/logo");
        let key = "CustomField:A.B".parse().unwrap();
        assert_eq!(tree_key(Registry::official(), &key), key);
    }

    #[test]
    fn unmapped_files_stand_at_the_root() {
        let package: TreePath = "force-app".parse().unwrap();
        let place = |path: &str| {
            in_package_directory(&package, &path.parse().unwrap())
                .unwrap()
                .to_string()
        };
        assert_eq!(place("unmapped/a/b"), "unmapped/a/b");
        assert_eq!(place("main/default/a"), "force-app/main/default/a");
    }
}
