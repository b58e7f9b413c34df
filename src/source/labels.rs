//! Custom labels: one document whose elements are components without files.

use std::collections::HashMap;

use super::decomposed::{parse_root, rendered};
use super::place::META;
use super::{JoinError, Level, PackageFile, SOURCE_ROOT, SourceFile, SplitError, collate};
use crate::model::manifest::METADATA_NAMESPACE;
use crate::model::{ComponentKey, TreePath};
use crate::registry::Type;
use crate::xml::{Document, Element, Node};

/// Writes all labels of a package into one source file, in the order in which they came.
///
/// Like `sf`, the faithful level writes no file where there is no label.
pub(super) fn split(
    ty: &Type,
    level: Level,
    key: &ComponentKey,
    files: &[PackageFile],
) -> Result<Vec<SourceFile>, SplitError> {
    let docs = files
        .iter()
        .map(|it| (it.path.as_str(), it.bytes.as_slice()));
    let labels = Labels::read(ty, docs, Keep::Last)?;
    if labels.elements.is_empty() && level == Level::Faithful {
        return Ok(Vec::new());
    }
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    let path = format!("{SOURCE_ROOT}/{}/{}.{suffix}{META}", ty.directory, key.name);
    Ok(vec![SourceFile {
        path: TreePath::from_org(&path)?,
        key: key.clone(),
        bytes: rendered(&labels.into_document(ty, level), level),
    }])
}

/// Writes the labels of all source files into one package file, by name.
///
/// Of labels with one name in several package directories the first counts, as for `sf`.
pub(super) fn join(
    ty: &Type,
    level: Level,
    key: &ComponentKey,
    files: &[SourceFile],
) -> Result<PackageFile, JoinError> {
    let docs = files
        .iter()
        .map(|it| (it.path.as_str(), it.bytes.as_slice()));
    let mut labels = Labels::read(ty, docs, Keep::First)?;
    labels
        .elements
        .sort_by_cached_key(|(name, _)| collate::key(name));
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    Ok(PackageFile {
        path: format!("{}/{}.{suffix}", ty.directory, key.name),
        bytes: rendered(&labels.into_document(ty, level), level),
    })
}

/// Which of several labels of one name counts; its place is that of the first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    First,
    Last,
}

/// Labels with their names.
struct Labels {
    elements: Vec<(String, Element)>,
    /// What else stands in the documents.
    others: Vec<Node>,
    attributes: Vec<(String, String)>,
}

impl Labels {
    fn read<'a>(
        ty: &Type,
        docs: impl Iterator<Item = (&'a str, &'a [u8])>,
        keep: Keep,
    ) -> Result<Self, SplitError> {
        let mut labels = Self {
            elements: Vec::new(),
            others: Vec::new(),
            attributes: vec![("xmlns".to_owned(), METADATA_NAMESPACE.to_owned())],
        };
        let mut places: HashMap<String, usize> = HashMap::new();
        for (path, bytes) in docs {
            let root = parse_root(path, bytes, ty)?.root;
            for attribute in root.attributes {
                if labels
                    .attributes
                    .iter()
                    .all(|(name, _)| *name != attribute.0)
                {
                    labels.attributes.push(attribute);
                }
            }
            for node in root.children {
                match node {
                    Node::Element(element) if ty.child_of_element(&element.name).is_some() => {
                        let name = element.child_text("fullName").unwrap_or_default();
                        let name = name.trim().to_owned();
                        match places.get(&name) {
                            Some(place) if !name.is_empty() => {
                                if keep == Keep::Last {
                                    labels.elements[*place].1 = element;
                                }
                            }
                            _ => {
                                places.insert(name.clone(), labels.elements.len());
                                labels.elements.push((name, element));
                            }
                        }
                    }
                    other => labels.others.push(other),
                }
            }
        }
        Ok(labels)
    }

    /// The document of all labels; `sf` keeps nothing else of it.
    fn into_document(self, ty: &Type, level: Level) -> Document {
        let mut root = Element::new(ty.name.as_str());
        root.attributes = self.attributes;
        let labels = self.elements.into_iter().map(|(_, it)| Node::Element(it));
        if level == Level::Canonical {
            root.children = self.others;
        } else {
            root.attributes.truncate(1);
        }
        root.children.extend(labels);
        Document::new(root)
    }
}
