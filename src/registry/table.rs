//! The table of all types and the ways to find one.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use serde::Deserialize;

use super::{Presets, Type, preset};
use crate::model::TypeName;

/// All metadata types that we know.
#[derive(Debug)]
pub struct Registry {
    types: Vec<Type>,
    /// Index of a top-level type, and of a child in it.
    by_name: HashMap<String, (usize, Option<usize>)>,
    by_directory: HashMap<String, Vec<usize>>,
    by_suffix: HashMap<String, Vec<usize>>,
    suffix_owner: HashMap<String, (usize, Option<usize>)>,
    standard_value_sets: Vec<String>,
    /// What the project asks for.
    presets: Presets,
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    types: Vec<Type>,
    /// Of suffixes that several types have, whose they are outside a strict directory.
    shared_suffixes: HashMap<String, TypeName>,
    /// Suffixes that mean nothing outside the directory of their type.
    directory_only_suffixes: Vec<String>,
    standard_value_sets: Vec<String>,
    /// Sets seen in orgs that Salesforce's own list lacks.
    more_standard_value_sets: Vec<String>,
}

static OFFICIAL: LazyLock<Arc<Registry>> =
    LazyLock::new(|| Arc::new(Registry::new(Presets::new())));

impl Registry {
    /// The types of Salesforce's own registry.
    ///
    /// Source: source-deploy-retrieve 13.2.0, `metadataRegistry.json` and
    /// `stdValueSetRegistry.json`; `meta_file` from describeMetadata 67.0.
    #[must_use]
    pub fn official() -> &'static Self {
        &OFFICIAL
    }

    /// The same types, of which some are written in more files.
    ///
    /// What any preset has written is read by every registry.
    #[must_use]
    pub fn with(presets: &Presets) -> Arc<Self> {
        match presets.is_empty() {
            true => Arc::clone(&OFFICIAL),
            false => Arc::new(Self::new(presets.clone())),
        }
    }

    fn new(presets: Presets) -> Self {
        let table: Table = serde_json::from_str(include_str!("types.json"))
            .expect("the table is part of the program and tested");
        let mut types = table.types;
        for row in preset::Row::all() {
            for ty in types.iter_mut().filter(|it| row.is_of(it)) {
                let variant = row.variant_of(ty);
                ty.variants.push(variant);
            }
        }
        let mut by_name = HashMap::new();
        let mut by_directory: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_suffix: HashMap<String, Vec<usize>> = HashMap::new();
        let mut suffix_owner = HashMap::new();
        for (n, ty) in types.iter_mut().enumerate() {
            by_name.insert(ty.name.to_string(), (n, None));
            by_directory
                .entry(ty.directory.clone())
                .or_default()
                .push(n);
            for suffix in [&ty.suffix, &ty.legacy_suffix].into_iter().flatten() {
                by_suffix.entry(suffix.clone()).or_default().push(n);
                let shared = table.shared_suffixes.get(suffix);
                if shared.is_none_or(|owner| *owner == ty.name)
                    && !table.directory_only_suffixes.contains(suffix)
                {
                    suffix_owner.insert(suffix.clone(), (n, None));
                }
            }
            let parent = ty.name.clone();
            for (m, child) in ty.children.iter_mut().enumerate() {
                child.parent = Some(parent.clone());
                by_name.insert(child.name.to_string(), (n, Some(m)));
            }
        }
        for (n, ty) in types.iter().enumerate() {
            for (m, child) in ty.children.iter().enumerate() {
                if let Some(suffix) = &child.suffix {
                    suffix_owner.entry(suffix.clone()).or_insert((n, Some(m)));
                }
            }
        }
        let mut standard_value_sets = table.standard_value_sets;
        standard_value_sets.extend(table.more_standard_value_sets);
        Self {
            types,
            by_name,
            by_directory,
            by_suffix,
            suffix_owner,
            standard_value_sets,
            presets,
        }
    }

    /// A type as this registry has its components written.
    ///
    /// Of two presets of one type the newer counts.
    #[must_use]
    pub fn as_written<'a>(&self, ty: &'a Type) -> &'a Type {
        let mut wanted = ty.variants.iter().filter(|it| self.writes(it));
        wanted.next_back().unwrap_or(ty)
    }

    /// The presets that it writes by.
    #[must_use]
    pub fn presets(&self) -> &Presets {
        &self.presets
    }

    /// Whether it is asked to write a type like this.
    #[must_use]
    pub fn writes(&self, variant: &Type) -> bool {
        variant.preset.is_none_or(|it| self.presets.contains(&it))
    }

    /// All top-level types, by name.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        self.types.iter()
    }

    /// All child types, by the name of their parent.
    pub fn child_types(&self) -> impl Iterator<Item = &Type> {
        self.types.iter().flat_map(|it| &it.children)
    }

    /// The type of that name, top-level or child.
    #[must_use]
    pub fn type_named(&self, name: &str) -> Option<&Type> {
        self.at(*self.by_name.get(name)?)
    }

    /// The type that `child` is part of; `None` for a top-level type.
    #[must_use]
    pub fn parent_of(&self, child: &Type) -> Option<&Type> {
        self.type_named(child.parent.as_ref()?.as_str())
    }

    /// The top-level types whose components lie in `directory`.
    pub fn types_in_directory(&self, directory: &str) -> impl Iterator<Item = &Type> {
        let found = self.by_directory.get(directory);
        found.into_iter().flatten().map(|n| &self.types[*n])
    }

    /// The top-level types whose files end in `suffix`, older suffixes included.
    pub fn types_of_suffix(&self, suffix: &str) -> impl Iterator<Item = &Type> {
        let found = self.by_suffix.get(suffix);
        found.into_iter().flatten().map(|n| &self.types[*n])
    }

    /// The type, top-level or child, that `suffix` means where no directory tells.
    #[must_use]
    pub fn type_of_suffix(&self, suffix: &str) -> Option<&Type> {
        self.at(*self.suffix_owner.get(suffix)?)
    }

    /// The type that claims every file below a folder `directory` for itself.
    #[must_use]
    pub fn strict_type_in(&self, directory: &str) -> Option<&Type> {
        self.types_in_directory(directory)
            .find(|it| it.strict_directory)
    }

    /// The folder type of a content type, such as `ReportFolder` of `Report`.
    #[must_use]
    pub fn folder_type_of(&self, content: &Type) -> Option<&Type> {
        self.type_named(content.folder_type.as_ref()?.as_str())
            .filter(|it| it.is_folder())
    }

    /// Names of the standard value sets, which listMetadata does not list.
    ///
    /// Some exist in few orgs only: one that an org does not have is no gap.
    #[must_use]
    pub fn standard_value_sets(&self) -> &[String] {
        &self.standard_value_sets
    }

    fn at(&self, (n, child): (usize, Option<usize>)) -> Option<&Type> {
        let ty = self.types.get(n)?;
        match child {
            Some(m) => ty.children.get(m),
            None => Some(ty),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_type_stands_in_the_table_once_and_names_only_types_that_exist() {
        let registry = Registry::official();
        let mut seen = HashSet::new();
        for ty in registry.types().chain(registry.child_types()) {
            assert!(seen.insert(&ty.name), "{} stands twice", ty.name);
            let named = [&ty.folder_type, &ty.folder_content_type, &ty.alias_for];
            for name in named.into_iter().flatten() {
                assert!(registry.type_named(name.as_str()).is_some(), "{name}");
            }
            assert_eq!(
                ty.is_decomposed(),
                ty.files == crate::registry::Files::Decomposed
            );
        }
        assert_eq!(registry.types().count(), 535);
        assert_eq!(registry.child_types().count(), 36);
    }

    #[test]
    fn suffix_of_several_types_is_told_apart_by_the_directory() {
        let registry = Registry::official();
        assert_eq!(registry.types_of_suffix("site").count(), 2);
        let alone = registry.type_of_suffix("site").unwrap();
        assert_eq!(alone.name.as_str(), "SiteDotCom");
        let strict = registry.strict_type_in("sites").unwrap();
        assert_eq!(strict.name.as_str(), "CustomSite");
        assert!(registry.type_of_suffix("resource").is_none());
    }

    #[test]
    fn child_is_found_by_element_directory_and_suffix() {
        let registry = Registry::official();
        let workflow = registry.type_named("Workflow").unwrap();
        assert_eq!(
            workflow.child_of_element("alerts").unwrap().name.as_str(),
            "WorkflowAlert"
        );
        let field = registry.type_named("CustomField").unwrap();
        assert_eq!(
            registry.parent_of(field).unwrap().name.as_str(),
            "CustomObject"
        );
        let object = registry.type_named("CustomObject").unwrap();
        assert_eq!(
            object.child_in_directory("fields").unwrap().name,
            field.name
        );
        assert_eq!(
            object.child_of_suffix("indexe").unwrap().name.as_str(),
            "Index"
        );
    }

    #[test]
    fn folder_types_and_their_content_know_each_other() {
        let registry = Registry::official();
        let report = registry.type_named("Report").unwrap();
        let folder = registry.folder_type_of(report).unwrap();
        assert_eq!(folder.name.as_str(), "ReportFolder");
        assert_eq!(folder.manifest_name(), &report.name);
        let territory = registry.type_named("Territory2").unwrap();
        assert!(registry.folder_type_of(territory).is_none());
    }
}
