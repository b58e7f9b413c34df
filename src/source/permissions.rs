//! Permission sets of which a project has one file for each object and each other kind
//! of permission.
//!
//! Each of these files holds elements of the one document, under its root's name.

use std::collections::BTreeMap;

use super::decomposed::{parse_root, rendered, with_namespace};
use super::place::META;
use super::{JoinError, Level, PackageFile, SOURCE_ROOT, SourceFile, SplitError};
use crate::model::manifest::METADATA_NAMESPACE;
use crate::model::{ComponentKey, TreePath};
use crate::registry::Type;
use crate::xml::{Document, Element, Node};

/// What the names of a standard object's tab and the like begin with.
const STANDARD: &str = "standard-";

/// Takes the document of a permission set apart.
///
/// An element that names no object, or one that is no path, stays where it is.
pub(super) fn split(
    ty: &Type,
    level: Level,
    key: &ComponentKey,
    file: &PackageFile,
) -> Result<Vec<SourceFile>, SplitError> {
    let mut doc = parse_root(&file.path, &file.bytes, ty)?;
    let folder = format!("{SOURCE_ROOT}/{}/{}", ty.directory, key.name);
    let mut parts: BTreeMap<TreePath, Element> = BTreeMap::new();
    let mut kept = Vec::new();
    for node in by_first_of_name(std::mem::take(&mut doc.root.children)) {
        let Node::Element(element) = node else {
            kept.push(node);
            continue;
        };
        let path = ty
            .child_of_element(&element.name)
            .and_then(|part| part_path(&folder, key, part, &element));
        match path {
            Some(path) => {
                let part = parts.entry(path).or_insert_with(|| part_root(ty, level));
                part.push(element);
            }
            None => kept.push(Node::Element(element)),
        }
    }
    doc.root.children = kept;
    with_namespace(&mut doc.root);
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    let own = TreePath::from_org(&format!("{folder}/{}.{suffix}{META}", key.name))?;
    let file_of = |(path, bytes)| SourceFile {
        path,
        key: key.clone(),
        bytes,
    };
    Ok(parts
        .into_iter()
        .map(|(path, root)| (path, rendered(&Document::new(root), level)))
        .chain([(own, rendered(&doc, level))])
        .map(file_of)
        .collect())
}

/// Puts the document of a permission set together: at the canonical level in the order in
/// which the org gives it, else in the order of its files, as `sf` does.
pub(super) fn join(
    ty: &Type,
    level: Level,
    key: &ComponentKey,
    files: &[SourceFile],
) -> Result<PackageFile, JoinError> {
    let mut root = Element::new(ty.name.as_str());
    let mut files: Vec<&SourceFile> = files.iter().collect();
    let own_ending = format!(".{}{META}", ty.suffix.as_deref().unwrap_or_default());
    files.sort_by_key(|it| (it.path.as_str().ends_with(&own_ending), &it.path));
    for file in files {
        let part = parse_root(file.path.as_str(), &file.bytes, ty)?.root;
        for attribute in part.attributes {
            if root.attributes.iter().all(|(name, _)| *name != attribute.0) {
                root.attributes.push(attribute);
            }
        }
        root.children.extend(part.children);
    }
    with_namespace(&mut root);
    root.children = by_first_of_name(root.children);
    if level == Level::Canonical {
        // As in every retrieve: element names in alphabetical order, `fullName` first.
        root.children.sort_by(|a, b| rank(a).cmp(&rank(b)));
    }
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    Ok(PackageFile {
        path: format!("{}/{}.{suffix}", ty.directory, key.name),
        bytes: rendered(&Document::new(root), level),
    })
}

/// What the org orders the elements of a permission set by.
fn rank(node: &Node) -> Option<(bool, &str)> {
    match node {
        Node::Element(element) => Some((element.name != "fullName", element.name.as_str())),
        _ => None,
    }
}

/// The root of a part; `sf` names no namespace in it.
fn part_root(ty: &Type, level: Level) -> Element {
    let root = Element::new(ty.name.as_str());
    match level {
        Level::Faithful => root,
        Level::Canonical => root.with_attribute("xmlns", METADATA_NAMESPACE),
    }
}

/// Where an element goes; `None` where it stays in the document of the component.
fn part_path(folder: &str, key: &ComponentKey, part: &Type, element: &Element) -> Option<TreePath> {
    let suffix = part.suffix.as_deref()?;
    if part.directory.is_empty() {
        return TreePath::from_org(&format!("{folder}/{}.{suffix}{META}", key.name)).ok();
    }
    let named = element.child_text(part.name_element.as_deref()?)?;
    let object = named.trim().split('.').next()?;
    let object = object.strip_prefix(STANDARD).unwrap_or(object);
    if object.is_empty() || object.contains('/') {
        return None;
    }
    let path = format!("{folder}/{}/{object}.{suffix}{META}", part.directory);
    TreePath::from_org(&path).ok()
}

/// The elements with those of one name behind the first of that name; what else stands
/// there keeps its place behind them.
fn by_first_of_name(nodes: Vec<Node>) -> Vec<Node> {
    let mut names: Vec<String> = Vec::new();
    let mut ranked: Vec<(usize, Node)> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let rank = match &node {
            Node::Element(element) => {
                let known = names.iter().position(|it| *it == element.name);
                known.unwrap_or_else(|| {
                    names.push(element.name.clone());
                    names.len() - 1
                })
            }
            _ => names.len().saturating_sub(1),
        };
        ranked.push((rank, node));
    }
    ranked.sort_by_key(|it| it.0);
    ranked.into_iter().map(|it| it.1).collect()
}
