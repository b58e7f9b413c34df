//! The files that a selection comes to.

use super::{
    permissions::Companions,
    select::{Selection, WHOLE_PERMISSION_SETS},
};
use crate::{
    model::{ApiVersion, ComponentKey, ComponentName, Stamp},
    simorg::{
        SimOrg,
        catalogue::child_types_of,
        state::{Component, Content, PackageFile},
    },
    xml::{self, Node},
};

/// One component of the answer.
pub(super) struct Given<'a> {
    pub key: ComponentKey,
    pub component: &'a Component,
    /// Its files, as they are given this time.
    pub files: Vec<PackageFile>,
    /// The children that were asked for by name; empty for a whole component.
    pub only: Vec<ComponentKey>,
    /// The children that were asked for by name beside the whole component.
    pub beside: Vec<ComponentKey>,
    /// For a version of a flow: what to say of it.
    pub version: Option<(String, Stamp)>,
}

/// All components of a selection with their files, by path.
pub(super) fn contents<'a>(
    org: &'a SimOrg,
    selection: &Selection,
    version: ApiVersion,
) -> Vec<Given<'a>> {
    let companions = Companions::new(org, selection);
    let mut given = Vec::new();
    for key in &selection.components {
        let Some(component) = org.metadata().get(key) else {
            continue;
        };
        let is_filtered = match key.type_name.as_str() {
            "Profile" => true,
            "PermissionSet" => version < WHOLE_PERMISSION_SETS,
            _ => false,
        };
        let files = if is_filtered {
            component
                .files
                .iter()
                .map(|it| filtered(it, &companions))
                .collect()
        } else {
            component.files.clone()
        };
        given.push(Given {
            key: key.clone(),
            component,
            files,
            only: Vec::new(),
            beside: selection
                .children
                .get(key)
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
            version: None,
        });
    }
    for (holder, children) in &selection.children {
        if selection.components.contains(holder) {
            continue;
        }
        if let Some(component) = org.metadata().get(holder) {
            let only: Vec<_> = children.iter().cloned().collect();
            given.push(Given {
                files: partial(holder, component, &only),
                key: holder.clone(),
                component,
                only,
                beside: Vec::new(),
                version: None,
            });
        }
    }
    given.extend(flow_versions(org, selection));
    given.sort_by(|a, b| first_path(a).cmp(first_path(b)));
    given
}

fn first_path<'a>(given: &'a Given<'_>) -> &'a str {
    given.files.first().map_or("", |it| &it.path)
}

fn flow_versions<'a>(org: &'a SimOrg, selection: &Selection) -> Vec<Given<'a>> {
    let given = |(name, number): &(ComponentName, u32)| {
        let key = ComponentKey::parse("Flow", name.as_str()).ok()?;
        let component = org.metadata().get(&key)?;
        let version = component.flow.as_ref()?.versions.get(number)?;
        let full_name = format!("{name}-{number}");
        let path = format!("flows/{full_name}.flow");
        Some(Given {
            key,
            component,
            files: vec![PackageFile::new(&path, version.content.clone())],
            only: Vec::new(),
            beside: Vec::new(),
            version: Some((full_name, version.modified.clone())),
        })
    };
    selection.flow_versions.iter().filter_map(given).collect()
}

/// A profile with the entries of what was asked for; untouched where all were.
fn filtered(file: &PackageFile, companions: &Companions<'_>) -> PackageFile {
    let Ok(mut doc) = xml::parse(&file.content) else {
        return file.clone();
    };
    if companions.filter(&mut doc.root) {
        PackageFile::new(&file.path, xml::render(&doc))
    } else {
        file.clone()
    }
}

/// The file of a component with some of its children and nothing else.
fn partial(
    holder: &ComponentKey,
    component: &Component,
    only: &[ComponentKey],
) -> Vec<PackageFile> {
    let Some(file) = component.document() else {
        return Vec::new();
    };
    let Ok(mut doc) = xml::parse(&file.content) else {
        return vec![file.clone()];
    };
    doc.root.children.retain(|node| match node {
        Node::Element(it) => child_types_of(holder.type_name.as_str())
            .filter(|child| child.element == it.local_name())
            .any(|child| {
                let name = child.full_name(holder.name.as_str(), it);
                name.and_then(|name| ComponentKey::parse(child.name, &name).ok())
                    .is_some_and(|key| only.binary_search(&key).is_ok())
            }),
        _ => false,
    });
    vec![PackageFile {
        path: file.path.clone(),
        content: Content::from(xml::render(&doc)),
    }]
}
