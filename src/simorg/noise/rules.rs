//! The table of noise: where it lies and what it does.

/// One kind of noise in the files of one directory.
pub(super) struct Rule {
    /// Name for the count of calls.
    pub name: &'static str,
    /// Directory of the type.
    pub directory: &'static str,
    /// End of the paths of its files.
    pub suffix: &'static str,
    /// What happens.
    pub disorder: Disorder,
}

/// What noise does to a file.
#[derive(Clone, Copy)]
pub(super) enum Disorder {
    /// The elements of these names, at this path below the root, change places
    /// with their like.
    Order {
        path: &'static [&'static str],
        names: &'static [&'static str],
    },
    /// Groups of equally named elements begin at another one.
    Groups { path: &'static [&'static str] },
    /// The value of this element of the root is another one.
    Secret { element: &'static str },
    /// The profile is named or nil.
    NilProfile,
    /// The whole file is encrypted.
    Blob,
}

const fn order(
    name: &'static str,
    directory: &'static str,
    suffix: &'static str,
    path: &'static [&'static str],
    names: &'static [&'static str],
) -> Rule {
    Rule {
        name,
        directory,
        suffix,
        disorder: Disorder::Order { path, names },
    }
}

const ENTRIES: &[&str] = &[
    "applicationVisibilities",
    "categoryGroupVisibilities",
    "classAccesses",
    "customMetadataTypeAccesses",
    "customPermissions",
    "customSettingAccesses",
    "externalCredentialPrincipalAccesses",
    "externalDataSourceAccesses",
    "fieldPermissions",
    "flowAccesses",
    "layoutAssignments",
    "objectPermissions",
    "pageAccesses",
    "recordTypeVisibilities",
    "tabSettings",
    "tabVisibilities",
    "userPermissions",
];

/// Source: field.md §3.0 and §3.1; only groups that have no meaning in their order.
pub(super) const RULES: &[Rule] = &[
    order("profile-entries", "profiles", ".profile", &[], ENTRIES),
    order(
        "permission-set-entries",
        "permissionsets",
        ".permissionset",
        &[],
        ENTRIES,
    ),
    order(
        "muting-permission-set-entries",
        "mutingpermissionsets",
        ".mutingpermissionset",
        &[],
        ENTRIES,
    ),
    order(
        "action-overrides",
        "objects",
        ".object",
        &[],
        &["actionOverrides"],
    ),
    order("object-fields", "objects", ".object", &[], &["fields"]),
    order(
        "excluded-standard-buttons",
        "objects",
        ".object",
        &["searchLayouts"],
        &["excludedStandardButtons"],
    ),
    order(
        "value-settings",
        "objects",
        ".object",
        &["fields", "valueSet"],
        &["valueSettings"],
    ),
    order(
        "record-type-values",
        "objects",
        ".object",
        &["recordTypes"],
        &["picklistValues"],
    ),
    order(
        "application-overrides",
        "applications",
        ".app",
        &[],
        &["actionOverrides", "profileActionOverrides"],
    ),
    Rule {
        name: "field-translation",
        directory: "objectTranslations",
        suffix: ".objectTranslation",
        disorder: Disorder::Groups { path: &["fields"] },
    },
    order(
        "object-translation",
        "objectTranslations",
        ".objectTranslation",
        &[],
        &[
            "fields",
            "layouts",
            "quickActions",
            "validationRules",
            "webLinks",
        ],
    ),
    order(
        "translation",
        "translations",
        ".translation",
        &[],
        &[
            "customApplications",
            "customLabels",
            "customTabs",
            "quickActions",
            "reportTypes",
        ],
    ),
    order(
        "global-value-set-translation",
        "globalValueSetTranslations",
        ".globalValueSetTranslation",
        &[],
        &["valueTranslation"],
    ),
    order(
        "standard-value-set-translation",
        "standardValueSetTranslations",
        ".standardValueSetTranslation",
        &[],
        &["valueTranslation"],
    ),
    order("labels", "labels", ".labels", &[], &["labels"]),
    order(
        "custom-metadata-values",
        "customMetadata",
        ".md",
        &[],
        &["values"],
    ),
    order(
        "package-versions",
        "classes",
        ".cls-meta.xml",
        &[],
        &["packageVersions"],
    ),
    order(
        "package-versions",
        "pages",
        ".page-meta.xml",
        &[],
        &["packageVersions"],
    ),
    order(
        "package-versions",
        "triggers",
        ".trigger-meta.xml",
        &[],
        &["packageVersions"],
    ),
    order(
        "clean-rules",
        "cleanDataServices",
        ".cleanDataService",
        &["cleanRules"],
        &["fieldMappings"],
    ),
    order(
        "duplicate-rule-match-rules",
        "duplicateRules",
        ".duplicateRule",
        &[],
        &["duplicateRuleMatchRules"],
    ),
    Rule {
        name: "auth-provider-secret",
        directory: "authproviders",
        suffix: ".authprovider",
        disorder: Disorder::Secret {
            element: "consumerSecret",
        },
    },
    Rule {
        name: "site-blob",
        directory: "siteDotComSites",
        suffix: ".site",
        disorder: Disorder::Blob,
    },
    Rule {
        name: "password-policy-profile",
        directory: "profilePasswordPolicies",
        suffix: ".profilePasswordPolicy",
        disorder: Disorder::NilProfile,
    },
    Rule {
        name: "session-setting-profile",
        directory: "profileSessionSettings",
        suffix: ".profileSessionSetting",
        disorder: Disorder::NilProfile,
    },
];
