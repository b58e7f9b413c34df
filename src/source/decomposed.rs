//! Types whose document is taken apart: objects, object translations, bots.

use std::collections::HashSet;

use super::fxp;
use super::owner::is_component;
use super::place::{Format, META, place};
use super::{JoinError, Level, PackageFile, SOURCE_ROOT, SourceFile, SplitError, collate};
use crate::model::manifest::METADATA_NAMESPACE;
use crate::model::{ComponentKey, TreePath};
use crate::registry::{Decomposition, Registry, Type};
use crate::xml::{self, Document, Element, Node};

/// Takes the document of an object apart.
///
/// A child that cannot have a file of its own (it has no name, or one that is no
/// path) stays in the document of its parent; of several with one name the first
/// gets the file, as `sf` does it, and an equal second one is dropped.
pub(super) fn split(
    registry: &Registry,
    ty: &Type,
    level: Level,
    key: &ComponentKey,
    file: &PackageFile,
) -> Result<Vec<SourceFile>, SplitError> {
    let mut doc = parse_root(&file.path, &file.bytes, ty)?;
    let folder = format!("{SOURCE_ROOT}/{}/{}", ty.directory, key.name);
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    let declared = declarations(&doc.root);
    for node in std::mem::take(&mut doc.root.children) {
        let Node::Element(element) = node else {
            kept.push(node);
            continue;
        };
        let Some(child) = ty.child_of_element(&element.name) else {
            kept.push(Node::Element(element));
            continue;
        };
        match child_place(registry, &folder, key, ty, child, &element) {
            Some((path, key)) if seen.insert(path.clone()) => {
                let doc = child_document(child, element, level, &declared);
                files.push(SourceFile {
                    path,
                    key,
                    bytes: rendered(&doc, level),
                });
            }
            Some(_) => (),
            None if element.children.is_empty() => (),
            None => kept.push(Node::Element(element)),
        }
    }
    doc.root.children = kept;
    with_namespace(&mut doc.root);
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    let path = TreePath::from_org(&format!("{folder}/{}.{suffix}{META}", key.name))?;
    files.push(SourceFile {
        path,
        key: key.clone(),
        bytes: rendered(&doc, level),
    });
    Ok(files)
}

/// Puts the document of an object together, or one of only some of its children.
///
/// The parent's own elements come first, then its children by element and name.
pub(super) fn join(
    registry: &Registry,
    ty: &Type,
    level: Level,
    key: &ComponentKey,
    files: &[SourceFile],
) -> Result<PackageFile, JoinError> {
    let mut doc = Document::new(Element::new(ty.name.as_str()));
    let mut children: Vec<Child<'_>> = Vec::new();
    for file in files {
        let place = place(registry, file.path.as_str(), Format::Source)
            .filter(|it| it.ty.name == ty.name && it.name == key.name.as_str())
            .ok_or_else(|| SplitError::Foreign {
                key: key.clone(),
                path: file.path.to_string(),
            })?;
        let Some((child, full_name)) = place.child else {
            let own = parse_root(file.path.as_str(), &file.bytes, ty)?;
            let earlier = std::mem::replace(&mut doc, own);
            doc.root.children.extend(earlier.root.children);
            continue;
        };
        let parsed = parse_root(file.path.as_str(), &file.bytes, child)?;
        children.push(Child::new(child, full_name, parsed.root));
    }
    with_namespace(&mut doc.root);
    let mut seen = HashSet::new();
    children.retain(|it| seen.insert((it.ty.name.clone(), it.full_name.clone())));
    drop_replaced(&mut doc.root, &children);
    children.sort_by_cached_key(|it| (it.ty.element().to_owned(), collate::key(&it.name)));
    for child in children {
        let element = as_part(child, &mut doc.root);
        doc.root.push(element);
    }
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    Ok(PackageFile {
        path: format!("{}/{}.{suffix}", ty.directory, key.name),
        bytes: rendered(&doc, level),
    })
}

/// A child on its way into the document of its parent.
struct Child<'r> {
    ty: &'r Type,
    /// From its path.
    full_name: String,
    /// From its document; what it is sorted by.
    name: String,
    root: Element,
}

impl<'r> Child<'r> {
    fn new(ty: &'r Type, full_name: String, root: Element) -> Self {
        Self {
            ty,
            full_name,
            name: name_of(ty, &root).unwrap_or_default(),
            root,
        }
    }
}

/// Reads a document and checks what it is of.
pub(super) fn parse_root(path: &str, bytes: &[u8], ty: &Type) -> Result<Document, SplitError> {
    let doc = xml::parse(bytes).map_err(|source| SplitError::Xml {
        path: path.to_owned(),
        source,
    })?;
    if doc.root.name != ty.name.as_str() {
        return Err(SplitError::WrongRoot {
            path: path.to_owned(),
            wanted: ty.name.to_string(),
            found: doc.root.name,
        });
    }
    Ok(doc)
}

/// Writes a document at a level.
pub(super) fn rendered(doc: &Document, level: Level) -> Vec<u8> {
    match level {
        Level::Faithful => fxp::print(doc),
        Level::Canonical => xml::render(doc),
    }
}

/// The name that a child element bears.
fn name_of(ty: &Type, element: &Element) -> Option<String> {
    let by = |name: &str| element.child_text(name).map(|it| it.trim().to_owned());
    let own = ty.name_element.as_deref().and_then(by);
    own.or_else(|| by("fullName"))
        .or_else(|| by("name"))
        .filter(|it| !it.is_empty())
}

/// Where the file of a child goes, and whose it is; `None` where it cannot have one.
fn child_place(
    registry: &Registry,
    folder: &str,
    parent: &ComponentKey,
    parent_ty: &Type,
    ty: &Type,
    element: &Element,
) -> Option<(TreePath, ComponentKey)> {
    let name = name_of(ty, element)?;
    if name.contains('/') {
        return None;
    }
    let suffix = ty.suffix.as_deref()?;
    let inner = match parent_ty.decomposition? {
        Decomposition::FolderPerType => format!("{}/", ty.directory),
        Decomposition::BesideParent => String::new(),
    };
    let path = TreePath::from_org(&format!("{folder}/{inner}{name}.{suffix}{META}")).ok()?;
    let full_name = match ty.ignore_parent_name {
        true => name,
        false => format!("{}.{name}", parent.name),
    };
    let key = ComponentKey::parse(ty.name.as_str(), &full_name).ok()?;
    // A part that a preset gives a file of its own is no component for that.
    let is_component = parent_ty.preset.is_none() || is_component(registry, ty);
    Some((path, if is_component { key } else { parent.clone() }))
}

/// Namespaces that an element declares besides its own: `xmlns:xsi`.
fn declarations(root: &Element) -> Vec<(String, String)> {
    let is_declaration = |it: &&(String, String)| it.0.starts_with("xmlns:");
    root.attributes
        .iter()
        .filter(is_declaration)
        .cloned()
        .collect()
}

/// The document of a child.
///
/// `sf` leaves out the namespaces that the parent declares; at the canonical level
/// those that the child uses are declared again.
fn child_document(
    ty: &Type,
    element: Element,
    level: Level,
    declared: &[(String, String)],
) -> Document {
    let mut root = Element::new(ty.name.as_str());
    root.attributes = element.attributes;
    with_namespace(&mut root);
    if level == Level::Canonical {
        for (name, value) in declared {
            let prefix = name.trim_start_matches("xmlns:");
            let is_missing = root.attributes.iter().all(|(it, _)| it != name);
            if is_missing && element.children.iter().any(|it| uses(it, prefix)) {
                root.attributes.push((name.clone(), value.clone()));
            }
        }
    }
    root.children = element.children;
    Document::new(root)
}

/// Whether an element or attribute in `node` has the prefix.
fn uses(node: &Node, prefix: &str) -> bool {
    let has = |name: &str| {
        name.strip_prefix(prefix)
            .is_some_and(|it| it.starts_with(':'))
    };
    let Node::Element(element) = node else {
        return false;
    };
    has(&element.name)
        || element.attributes.iter().any(|(name, _)| has(name))
        || element.children.iter().any(|it| uses(it, prefix))
}

/// Puts the namespace of metadata first, where it is missing as well.
pub(super) fn with_namespace(root: &mut Element) {
    let own = root.attributes.iter().position(|(name, _)| name == "xmlns");
    let attribute = match own {
        Some(at) => root.attributes.remove(at),
        None => ("xmlns".to_owned(), METADATA_NAMESPACE.to_owned()),
    };
    root.attributes.insert(0, attribute);
}

/// Drops from the parent's own elements those that a child file replaces.
fn drop_replaced(root: &mut Element, children: &[Child<'_>]) {
    root.children.retain(|node| match node {
        Node::Element(element) => !children.iter().any(|it| {
            it.ty.element() == element.name && name_of(it.ty, element).as_ref() == Some(&it.name)
        }),
        _ => true,
    });
}

/// A child as an element of its parent, whose root takes its declarations.
fn as_part(child: Child<'_>, parent: &mut Element) -> Element {
    let mut element = Element::new(child.ty.element());
    element.children = child.root.children;
    for (name, value) in child.root.attributes {
        if name == "xmlns" {
            continue;
        }
        let known = parent.attributes.iter().find(|(it, _)| *it == name);
        match known.map(|(_, it)| *it == value) {
            Some(true) => (),
            None if name.starts_with("xmlns:") => parent.attributes.push((name, value)),
            _ => element.attributes.push((name, value)),
        }
    }
    element
}

#[cfg(test)]
mod tests;
