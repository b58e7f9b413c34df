//! `package.xml`: which components a retrieve or a deploy is about.

use std::collections::{BTreeMap, BTreeSet};

use super::{ApiVersion, ComponentKey, TypeName};
use crate::xml::{self, Element};

/// Namespace of every metadata document.
pub const METADATA_NAMESPACE: &str = "http://soap.sforce.com/2006/04/metadata";

/// A `package.xml` or `destructiveChanges.xml`.
///
/// Members are plain strings: `*` and a folder's trailing slash are members too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Members of each type, sorted by code unit as the server sorts them.
    pub types: BTreeMap<TypeName, BTreeSet<String>>,
    /// API version that the files are written for; optional in destructive manifests.
    pub version: Option<ApiVersion>,
}

/// A manifest that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is not XML.
    #[error("cannot parse the manifest")]
    Xml(#[from] xml::Error),
    /// It is XML of something else, or misses a part.
    #[error("the manifest {0}")]
    Shape(String),
}

impl Manifest {
    /// An empty manifest of API version `version`.
    #[must_use]
    pub fn new(version: ApiVersion) -> Self {
        Self {
            types: BTreeMap::new(),
            version: Some(version),
        }
    }

    /// Adds one component.
    pub fn insert(&mut self, key: &ComponentKey) {
        self.types
            .entry(key.type_name.clone())
            .or_default()
            .insert(key.name.as_str().to_owned());
    }

    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.types.values().all(BTreeSet::is_empty)
    }

    /// Number of members of all types.
    #[must_use]
    pub fn len(&self) -> usize {
        self.types.values().map(BTreeSet::len).sum()
    }

    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] when it is not a `Package` document.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let doc = xml::parse(bytes)?;
        if doc.root.local_name() != "Package" {
            let found = doc.root.local_name();
            return Err(ManifestError::Shape(format!(
                "begins with `{found}` instead of `Package`"
            )));
        }
        let mut manifest = Self::default();
        for types in doc.root.elements_named("types") {
            let name = types
                .child_text("name")
                .ok_or_else(|| ManifestError::Shape("has `types` without a `name`".to_owned()))?;
            let type_name: TypeName = name
                .trim()
                .parse()
                .map_err(|err| ManifestError::Shape(format!("names a wrong type: {err}")))?;
            let members = manifest.types.entry(type_name).or_default();
            for member in types.elements_named("members") {
                members.insert(member.text().trim().to_owned());
            }
        }
        if let Some(version) = doc.root.child_text("version") {
            let version = version
                .trim()
                .parse()
                .map_err(|err| ManifestError::Shape(format!("has a wrong version: {err}")))?;
            manifest.version = Some(version);
        }
        Ok(manifest)
    }

    /// Writes it as the server does: types by name, members by code unit, version last.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut root = Element::new("Package").with_attribute("xmlns", METADATA_NAMESPACE);
        for (name, members) in &self.types {
            let mut types = Element::new("types");
            for member in members {
                types.push_text_element("members", member);
            }
            types.push_text_element("name", name.as_str());
            root.push(types);
        }
        if let Some(version) = self.version {
            root.push_text_element("version", &version.to_string());
        }
        xml::render(&xml::Document::new(root))
    }
}

impl<'a> Extend<&'a ComponentKey> for Manifest {
    fn extend<I: IntoIterator<Item = &'a ComponentKey>>(&mut self, keys: I) {
        for key in keys {
            self.insert(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifest_survives_a_round_trip_in_the_servers_order() {
        let mut manifest = Manifest::new(ApiVersion::new(66));
        for key in [
            "Layout:Account-A & B",
            "CustomField:B.a__c",
            "CustomField:A.z__c",
        ] {
            manifest.insert(&key.parse().unwrap());
        }
        let text = String::from_utf8(manifest.render()).unwrap();
        insta::assert_snapshot!(text, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <Package xmlns="http://soap.sforce.com/2006/04/metadata">
            <types>
                <members>A.z__c</members>
                <members>B.a__c</members>
                <name>CustomField</name>
            </types>
            <types>
                <members>Account-A &amp; B</members>
                <name>Layout</name>
            </types>
            <version>66.0</version>
        </Package>
        "#);
        assert_eq!(Manifest::parse(text.as_bytes()).unwrap(), manifest);
    }
}
