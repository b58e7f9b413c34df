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
    simorg::SimOrg,
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
    org: &'a SimOrg,
    selection: &'a Selection,
    layouts: HashSet<String>,
}

impl<'a> Companions<'a> {
    pub(super) fn new(org: &'a SimOrg, selection: &'a Selection) -> Self {
        let layouts = selection
            .components
            .iter()
            .filter(|it| it.type_name.as_str() == "Layout")
            .map(|it| it.name.decoded().into_owned())
            .collect();
        Self {
            org,
            selection,
            layouts,
        }
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
        let mut names = vec![name.to_owned()];
        // Fields of activities are defined on Activity, permitted on both kinds of it.
        for kind in ["Task.", "Event."] {
            names.extend(name.strip_prefix(kind).map(|it| format!("Activity.{it}")));
        }
        let is_held = |type_name: &str, name: &str| {
            ComponentKey::parse(type_name, name).is_ok_and(|key| self.selection.holds(&key))
        };
        let is_given = |type_name: &&str| names.iter().any(|name| is_held(type_name, name));
        types.iter().any(is_given) || self.is_standard(name, types)
    }

    /// Whether an entry is about a standard tab or app that comes with this request.
    ///
    /// They are no components of the org: a tab comes with its object, and what
    /// has none comes wherever something of its type is asked for.
    fn is_standard(&self, name: &str, types: &[&str]) -> bool {
        let members = |it: &str| self.selection.members.get(it);
        if let (Some(object), true) = (name.strip_prefix("standard-"), types == ["CustomTab"]) {
            let object = ComponentKey::parse("CustomObject", object).ok();
            let object = object.filter(|it| self.org.metadata().get(it).is_some());
            return match (members("CustomTab"), object) {
                (Some(tabs), _) if tabs.contains(name) => true,
                (_, Some(object)) => self.selection.holds(&object),
                (tabs, None) => tabs.is_some(),
            };
        }
        name.starts_with("standard__")
            && types == ["CustomApplication"]
            && members("CustomApplication").is_some()
    }
}
