//! The store of components.
//!
//! Invariant: the children of a component are exactly those of its document,
//! and a folder type's components are found under the folder type.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Child, Component, document};
use crate::{
    model::{ComponentKey, ComponentName, TypeName},
    simorg::catalogue::{TypeEntry, child_type_named, fictitious, type_named},
    xml::{self, Element},
};

/// The components of an org, by type and name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Metadata {
    pub(super) types: BTreeMap<TypeName, BTreeMap<ComponentName, Component>>,
    /// Directory and suffix of the types that only this org has.
    pub(super) fictitious: BTreeMap<TypeName, (String, Option<String>)>,
    /// How often a component of a key was made: a new one gets a new id.
    pub(super) generations: BTreeMap<ComponentKey, u32>,
}

impl Metadata {
    /// The component `key`, which has files of its own.
    #[must_use]
    pub fn get(&self, key: &ComponentKey) -> Option<&Component> {
        self.types.get(&key.type_name)?.get(&key.name)
    }

    /// The components of one type, by name; children are no part of it.
    pub fn of_type(
        &self,
        type_name: &TypeName,
    ) -> impl Iterator<Item = (&ComponentName, &Component)> {
        self.types.get(type_name).into_iter().flatten()
    }

    /// The components of one type that lie in one folder itself, by name.
    pub fn in_folder<'a>(
        &'a self,
        type_name: &TypeName,
        folder: &'a str,
    ) -> impl Iterator<Item = (&'a ComponentName, &'a Component)> {
        // `0` is the character behind the slash.
        let end = format!("{folder}0");
        let first = folder.parse::<ComponentName>().ok();
        let of_type = self.types.get(type_name);
        of_type
            .zip(first)
            .into_iter()
            .flat_map(|(it, first)| it.range(first..))
            .take_while(move |(name, _)| name.as_str() < end.as_str())
            .filter(move |(name, _)| name.folder() == Some(folder))
    }

    /// All components with files of their own, by type and name.
    pub fn iter(&self) -> impl Iterator<Item = (ComponentKey, &Component)> {
        self.types.iter().flat_map(|(type_name, of_type)| {
            of_type
                .iter()
                .map(|(name, it)| (ComponentKey::new(type_name.clone(), name.clone()), it))
        })
    }

    /// Number of components with files of their own.
    #[must_use]
    pub fn len(&self) -> usize {
        self.types.values().map(BTreeMap::len).sum()
    }

    /// Whether there is no component.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The types that have components, by name.
    pub fn type_names(&self) -> impl Iterator<Item = &TypeName> {
        self.types
            .iter()
            .filter(|(_, it)| !it.is_empty())
            .map(|(name, _)| name)
    }

    /// The component in whose file `key` lives: itself, where it has files of its own.
    ///
    /// It need not exist.
    #[must_use]
    pub fn owner_of(key: &ComponentKey) -> Option<ComponentKey> {
        match child_type_named(key.type_name.as_str()) {
            Some(child) => {
                let parent = child.parent_name(key.name.as_str())?;
                ComponentKey::parse(child.parent, parent).ok()
            }
            None => Some(key.clone()),
        }
    }

    /// The child `key`.
    #[must_use]
    pub fn child(&self, key: &ComponentKey) -> Option<&Child> {
        let child = child_type_named(key.type_name.as_str())?;
        if !child.with_parent_name {
            // Labels: their file is named freely, and there is one of it as a rule.
            let parent = TypeName::known(child.parent);
            return self
                .of_type(&parent)
                .find_map(|(_, it)| it.children.get(key));
        }
        self.get(&Self::owner_of(key)?)?.children.get(key)
    }

    /// The children of one type in the whole org, by parent and name.
    pub fn children_of_type(
        &self,
        type_name: &TypeName,
    ) -> impl Iterator<Item = (ComponentKey, &ComponentKey, &Child)> {
        let parent = child_type_named(type_name.as_str()).map(|it| TypeName::known(it.parent));
        parent.into_iter().flat_map(move |parent| {
            self.types.get(&parent).into_iter().flatten().flat_map({
                let type_name = type_name.clone();
                move |(name, component)| {
                    let owner = ComponentKey::new(parent.clone(), name.clone());
                    let type_name = type_name.clone();
                    component
                        .children
                        .iter()
                        .filter(move |(key, _)| key.type_name == type_name)
                        .map(move |(key, child)| (owner.clone(), key, child))
                }
            })
        })
    }

    /// Whether a component or child `key` exists.
    #[must_use]
    pub fn contains(&self, key: &ComponentKey) -> bool {
        self.get(key).is_some() || self.child(key).is_some()
    }

    /// The component that holds the child `key`.
    #[must_use]
    pub fn holder_of(&self, key: &ComponentKey) -> Option<ComponentKey> {
        let child = child_type_named(key.type_name.as_str())?;
        if child.with_parent_name {
            return Self::owner_of(key).filter(|it| self.get(it).is_some());
        }
        let parent = TypeName::known(child.parent);
        let found = self
            .of_type(&parent)
            .find(|(_, it)| it.children.contains_key(key))
            .map(|(name, _)| name.clone());
        found.map(|name| ComponentKey::new(parent, name))
    }

    /// The XML of a component or a child; `None` where there is none or it is malformed.
    #[must_use]
    pub fn element(&self, key: &ComponentKey) -> Option<Element> {
        if let Some(component) = self.get(key) {
            let file = component.document()?;
            return Some(xml::parse(&file.content).ok()?.root);
        }
        let holder = self.holder_of(key)?;
        let root = self.element(&holder)?;
        root.elements()
            .find(|it| document::child_key(&holder, it).as_ref() == Some(key))
            .cloned()
    }

    /// What describeMetadata tells of `type_name`, official or of this org only.
    #[must_use]
    pub fn type_entry(&self, type_name: &TypeName) -> Option<TypeEntry> {
        if let Some(entry) = type_named(type_name.as_str()) {
            return Some(entry.clone());
        }
        let (directory, suffix) = self.fictitious.get(type_name)?;
        let mut entry = fictitious(directory, suffix.as_deref());
        type_name.as_str().clone_into(&mut entry.name);
        Some(entry)
    }

    /// The types that only this org has.
    pub fn fictitious_types(&self) -> impl Iterator<Item = TypeEntry> {
        self.fictitious
            .keys()
            .filter_map(|name| self.type_entry(name))
    }
}
