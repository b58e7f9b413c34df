//! How far a look at an org reaches: some types, and of what lies in folders some folders.
//!
//! `listMetadata` lists a type at once, so a component reaches its whole type; what lies in
//! folders is listed a folder at a time. A component brings along what a retrieve of it
//! needs and what changes together with it: its parent and the parent's other children,
//! its folder, and what tells of it in part.
//!
//! Invariant: a look that reaches a component sees it wherever it is there, so that its
//! absence from such a look means something.

use std::collections::{BTreeMap, BTreeSet};

use super::retrieve::partial;
use super::select::{Glob, Selector};
use crate::model::{ApiVersion, ComponentKey, TypeName};
use crate::registry::{Registry, Type};

/// What is one thing to people, and two types.
const FLOWS: [&str; 2] = ["Flow", "FlowDefinition"];

/// What is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    version: ApiVersion,
    types: BTreeMap<TypeName, Within>,
}

/// What is looked at of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Within {
    All,
    Folders(Folders),
}

/// Some folders of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Folders {
    /// Full names, in lower case.
    names: BTreeSet<String>,
    /// What full names in it begin with, in lower case: the part of a pattern before its
    /// first wildcard.
    beginnings: BTreeSet<String>,
}

impl Folders {
    fn hold(&self, folder: &str) -> bool {
        let folder = folder.to_lowercase();
        let inside = format!("{folder}/");
        let fits = |it: &String| inside.starts_with(it.as_str()) || it.starts_with(&inside);
        self.names.contains(&folder) || self.beginnings.iter().any(fits)
    }
}

impl Reach {
    /// A look at nothing, in that version of the API.
    #[must_use]
    pub fn nothing(version: ApiVersion) -> Self {
        Self {
            version,
            types: BTreeMap::new(),
        }
    }

    /// Takes in everything that `selector` may name; whether that can be told.
    ///
    /// A path, or a pattern of types, may name something of any type.
    #[must_use]
    pub fn take_selector(&mut self, registry: &Registry, selector: &Selector) -> bool {
        let (of, name) = match selector {
            Selector::Component { of, name } => (of.as_str(), name.as_str()),
            Selector::Word(word) => (word.as_str(), "*"),
            Selector::Path(_) => return false,
        };
        let Some(ty) = type_spelled(registry, of) else {
            return false;
        };
        self.take_type(registry, ty);
        if !Glob::is_pattern(name) {
            if let Ok(key) = ComponentKey::parse(ty.name.as_str(), name) {
                self.take(registry, &key);
            }
            return true;
        }
        let beginning = name.split(['*', '?', '\\']).next().unwrap_or_default();
        let content = ty.folder_content_type.as_ref().unwrap_or(&ty.name);
        if let Some(folders) = self.folders_of(registry, content) {
            folders.beginnings.insert(beginning.to_lowercase());
        }
        true
    }

    /// Takes in a component, and what belongs to a look at it.
    pub fn take(&mut self, registry: &Registry, key: &ComponentKey) {
        let Some(ty) = registry.type_named(key.type_name.as_str()) else {
            self.types.insert(key.type_name.clone(), Within::All);
            return;
        };
        self.take_type(registry, ty);
        let (content, folder) = match &ty.folder_content_type {
            Some(content) => (content, Some(key.name.as_str())),
            None => (&ty.name, key.name.folder()),
        };
        if let Some(folders) = self.folders_of(registry, content)
            && let Some(folder) = folder
        {
            folders.names.insert(folder.to_lowercase());
        }
    }

    /// Takes in a type, with its parent's other children and what tells of it in part; of
    /// what lies in folders only the folders themselves.
    fn take_type(&mut self, registry: &Registry, ty: &Type) {
        let top = registry.parent_of(ty).unwrap_or(ty);
        let mut types: Vec<&Type> = [top, ty].into_iter().chain(&top.children).collect();
        if FLOWS.contains(&top.name.as_str()) {
            types.extend(FLOWS.iter().filter_map(|it| registry.type_named(it)));
        }
        if types.iter().any(|it| partial::describes_a_part(&it.name)) {
            let all = registry.types();
            types.extend(all.filter(|it| partial::is_partial(&it.name, self.version)));
        }
        for ty in types {
            if ty.in_folder {
                self.folders_of(registry, &ty.name);
            } else {
                self.types.insert(ty.name.clone(), Within::All);
            }
        }
        if let Some(content) = &ty.folder_content_type {
            self.folders_of(registry, content);
        }
    }

    /// The folders of a type that are looked at; `None` where it does not lie in folders.
    fn folders_of(&mut self, registry: &Registry, type_name: &TypeName) -> Option<&mut Folders> {
        let ty = registry.type_named(type_name.as_str())?;
        if !ty.in_folder {
            return None;
        }
        let folder_types = registry
            .types()
            .filter(|it| it.folder_content_type.as_ref() == Some(type_name));
        for it in folder_types {
            self.types.insert(it.name.clone(), Within::All);
        }
        let within = self.types.entry(type_name.clone());
        match within.or_insert_with(|| Within::Folders(Folders::default())) {
            Within::All => None,
            Within::Folders(folders) => Some(folders),
        }
    }

    /// Whether the type is looked at in full.
    #[must_use]
    pub fn is_whole(&self, type_name: &TypeName) -> bool {
        self.types.get(type_name) == Some(&Within::All)
    }

    /// Whether anything of the type is looked at.
    #[must_use]
    pub fn touches(&self, type_name: &TypeName) -> bool {
        self.types.contains_key(type_name)
    }

    /// Whether the type is looked at: in full, or in that folder.
    #[must_use]
    pub fn lists(&self, type_name: &TypeName, folder: Option<&str>) -> bool {
        match (self.types.get(type_name), folder) {
            (Some(Within::All), _) => true,
            (Some(Within::Folders(folders)), Some(folder)) => folders.hold(folder),
            _ => false,
        }
    }

    /// Whether a component would be seen.
    #[must_use]
    pub fn holds(&self, key: &ComponentKey) -> bool {
        self.lists(&key.type_name, key.name.folder())
    }

    /// The types that are looked at.
    pub fn types(&self) -> impl Iterator<Item = &TypeName> {
        self.types.keys()
    }
}

/// The type of that name in any case, as selectors spell it.
fn type_spelled<'r>(registry: &'r Registry, name: &str) -> Option<&'r Type> {
    registry.type_named(name).or_else(|| {
        let mut all = registry.types().chain(registry.child_types());
        all.find(|it| it.name.as_str().eq_ignore_ascii_case(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::key;

    fn of(selectors: &[&str]) -> Option<Reach> {
        let mut reach = Reach::nothing(ApiVersion::new(66));
        let all = selectors
            .iter()
            .all(|it| reach.take_selector(Registry::official(), &Selector::parse(it)));
        all.then_some(reach)
    }

    #[test]
    fn report_reaches_its_folder_and_no_other() {
        let reach = of(&["Report:Sales/Regional/Big_Deals"]).unwrap();
        assert!(reach.holds(&key("Report:Sales/Regional/New")));
        assert!(reach.holds(&key("ReportFolder:Service")));
        for it in [
            "Report:Sales/Pipeline",
            "Report:Service/Cases",
            "Dashboard:Sales/All",
            "Profile:Admin",
        ] {
            assert!(!reach.holds(&key(it)), "{it}");
        }
        let names: Vec<_> = reach.types().map(TypeName::as_str).collect();
        assert_eq!(names, ["Report", "ReportFolder"]);
    }

    #[test]
    fn pattern_reaches_every_folder_in_which_it_may_find_something() {
        let reach = of(&["Report:sales/*"]).unwrap();
        assert!(reach.holds(&key("Report:Sales/Regional/Big_Deals")));
        assert!(!reach.holds(&key("Report:Service/Cases")));
        let reach = of(&["Report:Sales/Reg*"]).unwrap();
        assert!(reach.holds(&key("Report:Sales/Regional/Big_Deals")));
        assert!(reach.holds(&key("Report:Sales/Regular")));
        assert!(!reach.holds(&key("Report:Sales/Other/Big_Deals")));
        assert!(of(&["report"]).unwrap().holds(&key("Report:Any/One")));
    }

    #[test]
    fn field_reaches_its_object_and_the_profiles_that_tell_of_it() {
        let reach = of(&["CustomField:Account.Region__c"]).unwrap();
        for it in [
            "CustomObject:Account",
            "ListView:Account.All",
            "Profile:Admin",
        ] {
            assert!(reach.holds(&key(it)), "{it}");
        }
        for it in ["Report:Sales/Pipeline", "ApexClass:Order"] {
            assert!(!reach.holds(&key(it)), "{it}");
        }
    }

    #[test]
    fn what_may_name_anything_reaches_no_part() {
        for it in [
            "*:Account*",
            "force-app/main/default/reports",
            "NoSuchType:A",
        ] {
            assert_eq!(of(&[it]), None, "{it}");
        }
    }

    #[test]
    fn folder_brings_what_lies_in_it() {
        let mut reach = Reach::nothing(ApiVersion::new(66));
        reach.take(Registry::official(), &key("ReportFolder:Sales"));
        assert!(reach.holds(&key("Report:Sales/Pipeline")));
        assert!(!reach.holds(&key("Report:Service/Cases")));
    }
}
