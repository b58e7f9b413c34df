//! Which listMetadata queries find every component of an org.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{ComponentName, TypeName},
    registry::Registry,
};

/// One question of a listMetadata call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Query {
    /// The type to list.
    pub type_name: TypeName,
    /// The folder to list, for a type in folders.
    pub folder: Option<String>,
}

/// Most questions that one call may ask.
///
/// Source: Metadata API Developer Guide, `listMetadata()`, as of API 66.0.
pub const MAX_QUERIES: usize = 3;

/// The public folder, which no folder listing gives and which must be asked for by name.
///
/// Source: Metadata API Developer Guide, `Folder`: "unfiled$public".
pub const PUBLIC_FOLDER: &str = "unfiled$public";

/// Types that list nothing although they have components.
///
/// Their components are known by name, or come with another type.
const NOT_LISTED: [&str; 2] = ["StandardValueSet", "BotVersion"];

/// Folder types that the platform adds to those of the registry for each content type.
///
/// Source: `ListMetadataQuery` in the Metadata API Developer Guide: the folder
/// type of e-mail templates is `EmailFolder`, Lightning ones are in `EmailTemplateFolder`.
pub(super) fn folder_types(registry: &Registry, content: &TypeName) -> Vec<TypeName> {
    registry
        .types()
        .filter(|it| it.folder_content_type.as_ref() == Some(content))
        .map(|it| it.name.clone())
        .collect()
}

/// What describeMetadata says of one type, as far as listing needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The type.
    pub type_name: TypeName,
    /// Whether its components live in folders.
    pub in_folder: bool,
    /// Its child types.
    pub children: Vec<TypeName>,
}

/// The first round of questions: every type that is not in folders, every child
/// type, and the folder types. `wanted` says which types are in scope.
pub(super) fn first_round(
    registry: &Registry,
    described: &[Described],
    wanted: impl Fn(&TypeName, Option<&TypeName>) -> bool,
) -> Vec<Query> {
    let mut queries = BTreeSet::new();
    let mut ask = |type_name: &TypeName| {
        if !NOT_LISTED.contains(&type_name.as_str()) {
            queries.insert(Query {
                type_name: type_name.clone(),
                folder: None,
            });
        }
    };
    for it in described {
        if it.in_folder {
            if wanted(&it.type_name, None) {
                folder_types(registry, &it.type_name)
                    .iter()
                    .for_each(&mut ask);
            }
            continue;
        }
        if wanted(&it.type_name, None) {
            ask(&it.type_name);
        }
        for child in &it.children {
            let addressable = registry
                .type_named(child.as_str())
                .is_none_or(|it| it.addressable);
            if addressable && wanted(child, Some(&it.type_name)) {
                ask(child);
            }
        }
    }
    queries.into_iter().collect()
}

/// The second round: the contents of each folder, and of the public one.
///
/// `folders` has the folders that the first round found, by folder type.
pub(super) fn second_round(
    registry: &Registry,
    described: &[Described],
    folders: &BTreeMap<TypeName, BTreeSet<ComponentName>>,
    wanted: impl Fn(&TypeName) -> bool,
) -> Vec<Query> {
    let mut queries = BTreeSet::new();
    for it in described.iter().filter(|it| it.in_folder) {
        if !wanted(&it.type_name) {
            continue;
        }
        let own = folder_types(registry, &it.type_name);
        let names = own
            .iter()
            .filter_map(|folder_type| folders.get(folder_type))
            .flatten()
            .map(|name| name.as_str().to_owned());
        for folder in names.chain([PUBLIC_FOLDER.to_owned()]) {
            queries.insert(Query {
                type_name: it.type_name.clone(),
                folder: Some(folder),
            });
        }
    }
    queries.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(name: &'static str, in_folder: bool, children: &[&'static str]) -> Described {
        Described {
            type_name: TypeName::known(name),
            in_folder,
            children: children.iter().map(|it| TypeName::known(it)).collect(),
        }
    }

    fn names(queries: &[Query]) -> Vec<String> {
        queries
            .iter()
            .map(|it| match &it.folder {
                Some(folder) => format!("{} {folder}", it.type_name),
                None => it.type_name.to_string(),
            })
            .collect()
    }

    #[test]
    fn children_are_listed_and_folder_types_stand_for_their_content() {
        let org = [
            described("CustomObject", false, &["CustomField", "ListView"]),
            described("Report", true, &[]),
            described("StandardValueSet", false, &[]),
            described("EmailTemplate", true, &[]),
        ];
        let queries = first_round(Registry::official(), &org, |_, _| true);
        assert_eq!(
            names(&queries),
            [
                "CustomField",
                "CustomObject",
                "EmailFolder",
                "EmailTemplateFolder",
                "ListView",
                "ReportFolder"
            ]
        );
    }

    #[test]
    fn each_folder_is_asked_and_the_public_one_too() {
        let org = [described("Report", true, &[])];
        let folders = [(
            TypeName::known("ReportFolder"),
            BTreeSet::from(["Sales".parse().unwrap(), "Sales/Regional".parse().unwrap()]),
        )]
        .into();
        let queries = second_round(Registry::official(), &org, &folders, |_| true);
        assert_eq!(
            names(&queries),
            [
                "Report Sales",
                "Report Sales/Regional",
                "Report unfiled$public"
            ]
        );
    }

    #[test]
    fn what_is_out_of_scope_is_not_asked_for() {
        let org = [
            described("CustomObject", false, &["CustomField"]),
            described("Report", true, &[]),
        ];
        let queries = first_round(Registry::official(), &org, |it, _| {
            it.as_str() == "CustomField"
        });
        assert_eq!(names(&queries), ["CustomField"]);
    }
}
