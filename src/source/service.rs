//! External services of which a project has the schema in a file of its own.
//!
//! A schema in YAML gets the file. One in JSON, which `sf` would write as YAML, stays in
//! the document: no reader of YAML promises to give back the same JSON.

use super::decomposed::{parse_root, rendered};
use super::place::{META, SCHEMA};
use super::{JoinError, Level, PackageFile, SOURCE_ROOT, SourceFile, SplitError};
use crate::model::{ComponentKey, TreePath};
use crate::registry::Type;
use crate::xml::{Element, Node, decode, escape};

/// The element that holds the schema.
const ELEMENT: &str = "schema";
/// The element that says what the schema is written in.
const FORMAT: &str = "schemaUploadFileExtension";
const YAML: &str = "yaml";

/// Puts the schema beside the document.
pub(super) fn split(
    ty: &Type,
    level: Level,
    key: &ComponentKey,
    file: &PackageFile,
) -> Result<Vec<SourceFile>, SplitError> {
    let mut doc = parse_root(&file.path, &file.bytes, ty)?;
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    let stem = format!("{SOURCE_ROOT}/{}/{}", ty.directory, key.name);
    let mut files = Vec::new();
    let bytes = if let Some(schema) = take_schema(&mut doc.root, level) {
        files.push(SourceFile {
            path: TreePath::from_org(&format!("{stem}{SCHEMA}"))?,
            key: key.clone(),
            bytes: schema.into_bytes(),
        });
        rendered(&doc, level)
    } else {
        file.bytes.clone()
    };
    files.push(SourceFile {
        path: TreePath::from_org(&format!("{stem}.{suffix}{META}"))?,
        key: key.clone(),
        bytes,
    });
    Ok(files)
}

/// Puts the schema into the document again, behind everything else.
pub(super) fn join(
    ty: &Type,
    level: Level,
    key: &ComponentKey,
    files: &[SourceFile],
) -> Result<PackageFile, JoinError> {
    let missing = |what| SplitError::Missing {
        key: key.clone(),
        what,
    };
    let is_schema = |it: &&SourceFile| it.path.as_str().ends_with(SCHEMA);
    let file = files.iter().find(|it| !is_schema(it));
    let file = file.ok_or_else(|| missing("document beside it"))?;
    let suffix = ty.suffix.as_deref().unwrap_or_default();
    let path = format!("{}/{}.{suffix}", ty.directory, key.name);
    let Some(schema) = files.iter().find(is_schema) else {
        let bytes = file.bytes.clone();
        return Ok(PackageFile { path, bytes });
    };
    let mut doc = parse_root(file.path.as_str(), &file.bytes, ty)?;
    let text = std::str::from_utf8(&schema.bytes).map_err(|_| missing("schema in UTF-8"))?;
    let mut element = Element::new(ELEMENT);
    element.children.push(Node::Text(escape(text).into_owned()));
    doc.root.push(element);
    Ok(PackageFile {
        path,
        bytes: rendered(&doc, level),
    })
}

/// Takes a schema in YAML out of the document.
fn take_schema(root: &mut Element, level: Level) -> Option<String> {
    let at = root.children.iter().position(is_schema)?;
    let Node::Element(element) = &root.children[at] else {
        return None;
    };
    let [Node::Text(raw)] = element.children.as_slice() else {
        return None;
    };
    let schema = match level {
        Level::Faithful => decode(raw.trim()).into_owned(),
        Level::Canonical => decode(raw).into_owned(),
    };
    let stated = root.child_text(FORMAT);
    let is_yaml = match &stated {
        Some(format) => format == YAML,
        None => !schema.trim_start().starts_with('{'),
    };
    if !is_yaml {
        return None;
    }
    if stated.is_none() {
        root.push_text_element(FORMAT, YAML);
    }
    root.children.remove(at);
    Some(schema)
}

fn is_schema(node: &Node) -> bool {
    matches!(node, Node::Element(element) if element.name == ELEMENT)
}
