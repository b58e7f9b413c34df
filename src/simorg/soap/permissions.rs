//! Which entries of a profile are given.
//!
//! A profile is given with the entries of what was asked for beside it, and no
//! others: fields, objects, classes, pages, tabs, layouts and so on. What is
//! about nobody else (user permissions, log-in hours and addresses, licence,
//! description) is always given. Permission sets were so before API 40.
//!
//! Source: Metadata API Developer Guide, `Profile`; api.md §2.5.

use std::collections::HashSet;

use super::select::Selection;
use crate::{
    model::{ComponentKey, component::percent_decoded},
    xml::{Element, Node},
};

/// Entries about a component: the element, where it names the component, and
/// the types that component may have.
const ABOUT: &[(&str, &str, &[&str])] = &[
    ("agentAccesses", "agentName", &["Bot", "AiAgentDefinition"]),
    (
        "applicationVisibilities",
        "application",
        &["CustomApplication"],
    ),
    (
        "categoryGroupVisibilities",
        "dataCategoryGroup",
        &["DataCategoryGroup"],
    ),
    ("classAccesses", "apexClass", &["ApexClass"]),
    ("customMetadataTypeAccesses", "name", &["CustomObject"]),
    ("customPermissions", "name", &["CustomPermission"]),
    ("customSettingAccesses", "name", &["CustomObject"]),
    (
        "emailRoutingAddressAccesses",
        "name",
        &["EmailRoutingAddress"],
    ),
    (
        "externalCredentialPrincipalAccesses",
        "externalCredentialPrincipal",
        &["ExternalCredential"],
    ),
    (
        "externalDataSourceAccesses",
        "externalDataSource",
        &["ExternalDataSource"],
    ),
    ("fieldPermissions", "field", &["CustomField"]),
    ("flowAccesses", "flow", &["Flow", "FlowDefinition"]),
    ("layoutAssignments", "layout", &["Layout"]),
    ("objectPermissions", "object", &["CustomObject"]),
    ("pageAccesses", "apexPage", &["ApexPage"]),
    ("recordTypeVisibilities", "recordType", &["RecordType"]),
    (
        "servicePresenceStatusAccesses",
        "servicePresenceStatus",
        &["ServicePresenceStatus"],
    ),
    ("tabSettings", "tab", &["CustomTab"]),
    ("tabVisibilities", "tab", &["CustomTab"]),
];

/// Decides on entries, for all profiles of one retrieve.
pub(super) struct Companions<'a> {
    selection: &'a Selection,
    layouts: HashSet<String>,
}

impl<'a> Companions<'a> {
    pub(super) fn new(selection: &'a Selection) -> Self {
        let layouts = selection
            .components
            .iter()
            .filter(|it| it.type_name.as_str() == "Layout")
            .map(|it| it.name.decoded().into_owned())
            .collect();
        Self { selection, layouts }
    }

    /// Takes the entries of what was not asked for out; says whether there were any.
    pub(super) fn filter(&self, profile: &mut Element) -> bool {
        let before = profile.children.len();
        profile.children.retain(|node| match node {
            Node::Element(entry) => self.is_given(entry),
            _ => true,
        });
        profile.children.len() != before
    }

    fn is_given(&self, entry: &Element) -> bool {
        let about = ABOUT.iter().find(|(name, ..)| *name == entry.local_name());
        let Some((_, key, types)) = about else {
            return true;
        };
        let name = entry.child_text(key).unwrap_or_default();
        let name = name.trim();
        if types == &["Layout"] {
            return self.layouts.contains(percent_decoded(name).as_ref());
        }
        let name = match types {
            // `Credential-Principal`: the credential decides.
            ["ExternalCredential"] => name.split('-').next().unwrap_or(name),
            _ => name,
        };
        types
            .iter()
            .any(|it| ComponentKey::parse(it, name).is_ok_and(|key| self.selection.holds(&key)))
            || self.is_standard_tab(name, types)
    }

    /// Tabs of standard objects are no components: they come with all tabs, or
    /// with their object.
    fn is_standard_tab(&self, name: &str, types: &[&str]) -> bool {
        let Some(object) = name.strip_prefix("standard-") else {
            return false;
        };
        types.contains(&"CustomTab")
            && (self.selection.whole_types.contains("CustomTab")
                || ComponentKey::parse("CustomObject", object)
                    .is_ok_and(|key| self.selection.components.contains(&key)))
    }
}
