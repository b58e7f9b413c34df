//! What tells an entry of a list from its siblings.

use std::borrow::Cow;

use crate::xml::Element;

/// Elements that are told apart by the text of others in them.
///
/// Source: Metadata API Developer Guide, the types' own pages.
const KEYS: &[(&str, &[&str])] = &[
    ("actionOverrides", &["actionName", "formFactor"]),
    ("agentAccesses", &["agentName"]),
    ("applicationVisibilities", &["application"]),
    ("categoryGroupVisibilities", &["dataCategoryGroup"]),
    ("classAccesses", &["apexClass"]),
    ("customMetadataTypeAccesses", &["name"]),
    ("customPermissions", &["name"]),
    ("customSettingAccesses", &["name"]),
    ("emailRoutingAddressAccesses", &["name"]),
    (
        "externalCredentialPrincipalAccesses",
        &["externalCredentialPrincipal"],
    ),
    ("externalDataSourceAccesses", &["externalDataSource"]),
    ("fieldPermissions", &["field"]),
    ("flowAccesses", &["flow"]),
    ("layoutAssignments", &["layout", "recordType"]),
    ("objectPermissions", &["object"]),
    ("pageAccesses", &["apexPage"]),
    (
        "profileActionOverrides",
        &[
            "actionName",
            "formFactor",
            "pageOrSobjectType",
            "profile",
            "recordType",
        ],
    ),
    ("recordTypeVisibilities", &["recordType"]),
    ("servicePresenceStatusAccesses", &["servicePresenceStatus"]),
    ("tabSettings", &["tab"]),
    ("tabVisibilities", &["tab"]),
    ("userPermissions", &["name"]),
];

/// Elements named by `name` in translations.
const BY_NAME: &[&str] = &[
    "customApplications",
    "customLabels",
    "customPageWebLinks",
    "customTabs",
    "dashboards",
    "globalPicklists",
    "quickActions",
    "reportTypes",
    "scontrols",
    "fields",
    "fieldSets",
    "recordTypes",
    "sharingReasons",
    "standardFields",
    "validationRules",
    "webLinks",
    "workflowTasks",
];

/// The key of an entry: its full name, or what the table says.
pub(super) fn key_of(element: &Element) -> Option<String> {
    let text = |name: &str| {
        let text = element.child_text(name)?;
        let text = text.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let own = element.local_name();
    if let Some((_, parts)) = KEYS.iter().find(|(name, _)| *name == own) {
        let mut key = String::new();
        for part in *parts {
            let value = text(part).unwrap_or_default();
            let value = match (own, *part) {
                // A layout is assigned once per object and record type.
                ("layoutAssignments", "layout") => Cow::Owned(object_of_layout(&value).to_owned()),
                _ => Cow::Borrowed(value.as_str()),
            };
            key.push_str(&value);
            key.push('\u{1f}');
        }
        return Some(key);
    }
    if let Some(name) = text("fullName") {
        return Some(name);
    }
    if own == "layouts" {
        return text("layout").map(|it| it + &text("layoutType").unwrap_or_default());
    }
    BY_NAME.contains(&own).then(|| text("name")).flatten()
}

/// The object of a layout's full name.
pub(super) fn object_of_layout(layout: &str) -> &str {
    layout.split_once('-').map_or(layout, |(object, _)| object)
}
