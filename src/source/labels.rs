//! Custom labels: one document whose elements are components, usually without files.

use std::collections::{HashMap, HashSet};

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
    if labels.all.is_empty() && level == Level::Faithful {
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

/// Writes each label of a package into a source file of its own.
///
/// What is no label, or has a name that is no path, goes into the file for all.
pub(super) fn split_each(
    ty: &Type,
    level: Level,
    key: &ComponentKey,
    files: &[PackageFile],
) -> Result<Vec<SourceFile>, SplitError> {
    let docs = files
        .iter()
        .map(|it| (it.path.as_str(), it.bytes.as_slice()));
    let mut labels = Labels::read(ty, docs, Keep::Last)?;
    let folder = format!("{SOURCE_ROOT}/{}", ty.directory);
    let mut sources = Vec::new();
    let mut seen = HashSet::new();
    let mut rest = Vec::new();
    for label in std::mem::take(&mut labels.all) {
        match own_place(ty, &folder, &label.name) {
            Some((path, key)) if seen.insert(path.clone()) => {
                labels.rest.extend(label.before);
                let document = own_document(ty, label.element, level);
                sources.push(SourceFile {
                    path,
                    key,
                    bytes: rendered(&document, level),
                });
            }
            _ => rest.push(label),
        }
    }
    labels.all = rest;
    let is_empty = labels.all.is_empty() && (labels.rest.is_empty() || level == Level::Faithful);
    if !is_empty || (sources.is_empty() && level == Level::Canonical) {
        let suffix = ty.suffix.as_deref().unwrap_or_default();
        sources.push(SourceFile {
            path: TreePath::from_org(&format!("{folder}/{}.{suffix}{META}", key.name))?,
            key: key.clone(),
            bytes: rendered(&labels.into_document(ty, level), level),
        });
    }
    Ok(sources)
}

/// Where a label has a file of its own; `None` where it cannot have one.
fn own_place(ty: &Type, folder: &str, name: &str) -> Option<(TreePath, ComponentKey)> {
    let child = ty.children.first()?;
    let suffix = child.suffix.as_deref()?;
    if name.is_empty() || name.contains('/') {
        return None;
    }
    let path = TreePath::from_org(&format!("{folder}/{name}.{suffix}{META}")).ok()?;
    Some((path, ComponentKey::parse(child.name.as_str(), name).ok()?))
}

/// The document of one label; `sf` names no namespace in it.
fn own_document(ty: &Type, element: Element, level: Level) -> Document {
    let name = ty.children.first().map_or("", |it| it.name.as_str());
    let mut root = Element::new(name);
    if level == Level::Canonical {
        root = root.with_attribute("xmlns", METADATA_NAMESPACE);
    }
    root.attributes.extend(element.attributes);
    root.children = element.children;
    Document::new(root)
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
    labels.all.sort_by_cached_key(|it| collate::key(&it.name));
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

/// The labels of one or several documents.
struct Labels {
    all: Vec<Label>,
    /// What stands behind the last label.
    rest: Vec<Node>,
    attributes: Vec<(String, String)>,
}

struct Label {
    name: String,
    /// What else stands in front of it, such as a comment.
    before: Vec<Node>,
    element: Element,
}

/// Reads a document of labels, or of one label that has a file of its own.
fn parse_labels(ty: &Type, path: &str, bytes: &[u8]) -> Result<Element, SplitError> {
    let label = ty.children.first().filter(|it| {
        // Usually a label has its parent's suffix.
        let ending = it.suffix.as_ref().map(|it| format!(".{it}{META}"));
        ty.preset.is_some() && ending.is_some_and(|it| path.ends_with(&it))
    });
    let Some(label) = label else {
        return Ok(parse_root(path, bytes, ty)?.root);
    };
    let root = parse_root(path, bytes, label)?.root;
    let mut element = Element::new(label.element());
    element.children = root.children;
    let mut all = Element::new(ty.name.as_str());
    for (name, value) in root.attributes {
        match name.starts_with("xmlns") {
            true => all.attributes.push((name, value)),
            false => element.attributes.push((name, value)),
        }
    }
    all.push(element);
    Ok(all)
}

impl Labels {
    fn read<'a>(
        ty: &Type,
        docs: impl Iterator<Item = (&'a str, &'a [u8])>,
        keep: Keep,
    ) -> Result<Self, SplitError> {
        let mut all = Self {
            all: Vec::new(),
            rest: Vec::new(),
            attributes: vec![("xmlns".to_owned(), METADATA_NAMESPACE.to_owned())],
        };
        let mut places: HashMap<String, usize> = HashMap::new();
        for (path, bytes) in docs {
            let root = parse_labels(ty, path, bytes)?;
            for attribute in root.attributes {
                if all.attributes.iter().all(|(name, _)| *name != attribute.0) {
                    all.attributes.push(attribute);
                }
            }
            let mut before = Vec::new();
            for node in root.children {
                match node {
                    Node::Element(element) if ty.child_of_element(&element.name).is_some() => {
                        let name = element.child_text("fullName").unwrap_or_default();
                        let label = Label {
                            name: name.trim().to_owned(),
                            before: std::mem::take(&mut before),
                            element,
                        };
                        all.add(label, &mut places, keep);
                    }
                    other => before.push(other),
                }
            }
            all.rest.append(&mut before);
        }
        Ok(all)
    }

    fn add(&mut self, label: Label, places: &mut HashMap<String, usize>, keep: Keep) {
        match places.get(&label.name) {
            // A label without a name is no other's twin.
            Some(place) if !label.name.is_empty() => {
                if keep == Keep::Last {
                    self.all[*place] = label;
                }
            }
            _ => {
                places.insert(label.name.clone(), self.all.len());
                self.all.push(label);
            }
        }
    }

    /// The document of all labels; `sf` keeps nothing else of it.
    fn into_document(mut self, ty: &Type, level: Level) -> Document {
        let mut root = Element::new(ty.name.as_str());
        if level == Level::Faithful {
            self.attributes.truncate(1);
            self.rest.clear();
        }
        root.attributes = self.attributes;
        for label in self.all {
            if level == Level::Canonical {
                root.children.extend(label.before);
            }
            root.push(label.element);
        }
        root.children.extend(self.rest);
        Document::new(root)
    }
}

#[cfg(test)]
mod tests {
    use crate::registry::Registry;
    use crate::source::{Level, PackageFile, SourceFile, join_at, split};

    fn labels(body: &str) -> PackageFile {
        PackageFile {
            path: "labels/CustomLabels.labels".to_owned(),
            bytes: format!("<CustomLabels>{body}</CustomLabels>").into_bytes(),
        }
    }

    fn label(name: &str, value: &str) -> String {
        format!("<labels><fullName>{name}</fullName><value>{value}</value></labels>")
    }

    fn taken_apart(level: Level, files: Vec<PackageFile>) -> Vec<SourceFile> {
        let key = "CustomLabels:CustomLabels".parse().unwrap();
        split(Registry::official(), level, &key, files).unwrap()
    }

    #[test]
    fn labels_of_several_documents_become_one_and_the_later_value_counts() {
        let one = labels(&(label("b", "1") + &label("a", "2")));
        let two = labels(&(label("c", "3") + &label("b", "4")));
        let files = taken_apart(Level::Faithful, vec![one, two]);
        assert_eq!(files.len(), 1);
        let text = std::str::from_utf8(&files[0].bytes).unwrap();
        let values: Vec<_> = text.lines().filter(|it| it.contains("value")).collect();
        assert_eq!(values.len(), 3);
        assert!(values[0].contains('4') && values[2].contains('3'));
    }

    #[test]
    fn no_label_is_no_file_for_sf_and_an_empty_one_for_us() {
        assert!(taken_apart(Level::Faithful, vec![labels("")]).is_empty());
        assert_eq!(taken_apart(Level::Canonical, vec![labels("")]).len(), 1);
    }

    #[test]
    fn label_takes_the_comment_in_front_of_it_along() {
        let file = labels(&(label("b", "1") + "<!-- of a -->" + &label("a", "2")));
        let files = taken_apart(Level::Canonical, vec![file]);
        let key = "CustomLabels:CustomLabels".parse().unwrap();
        let joined = join_at(Registry::official(), Level::Canonical, &key, &files).unwrap();
        let text = std::str::from_utf8(&joined[0].bytes).unwrap();
        let place = |part: &str| text.find(part).unwrap();
        assert!(place("of a") < place(">a<") && place(">a<") < place(">b<"));
    }
}
