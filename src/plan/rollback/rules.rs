//! What cannot simply be put back, as data: condition, verdict, reason, page of Setup.
//!
//! The first rule that fits decides; where none fits the act goes ahead.
//! Source of each row: `field.md` §4.2, `api.md` §2.6.

use super::Verdict;
use crate::model::ComponentKey;
use crate::xml::Element;

/// What a plan would do to a component if no rule said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Revert,
    Recreate,
    Delete,
}

/// When a rule holds.
#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    /// The component is not a custom one.
    Standard,
    /// It is the body of an installed package.
    ManagedBody,
    /// It is a field that was a formula and is none, or the reverse.
    FormulaSwapped,
    /// It is a field of another type.
    FieldTypeChanged,
    /// The file of the target holds a placeholder for a secret.
    Redacted,
}

/// One row of the table.
pub(super) struct Rule {
    /// Types it is about; empty for all.
    of: &'static [&'static str],
    on: &'static [Act],
    when: When,
    /// What becomes of it.
    pub(super) verdict: Verdict,
    /// Why, in one sentence without an end.
    pub(super) reason: &'static str,
    /// Page of Setup where a person does it, `{object}` and `{name}` filled in.
    page: Option<&'static str>,
}

const ALL: &[Act] = &[Act::Revert, Act::Recreate, Act::Delete];

const fn rule(
    of: &'static [&'static str],
    on: &'static [Act],
    when: When,
    verdict: Verdict,
    reason: &'static str,
    page: Option<&'static str>,
) -> Rule {
    Rule {
        of,
        on,
        when,
        verdict,
        reason,
        page,
    }
}

const RULES: &[Rule] = &[
    rule(
        &[],
        ALL,
        When::ManagedBody,
        Verdict::Impossible,
        "it is the body of an installed package, which only the package changes",
        Some("/lightning/setup/ImportedPackage/home"),
    ),
    rule(
        &["InstalledPackage"],
        ALL,
        When::Always,
        Verdict::Manual,
        "a package is installed, upgraded or removed by a person",
        Some("/lightning/setup/ImportedPackage/home"),
    ),
    rule(
        &["RecordType"],
        &[Act::Delete],
        When::Always,
        Verdict::Manual,
        "the API cannot delete a record type: deactivate it, then delete it in Setup",
        Some("/lightning/setup/ObjectManager/{object}/RecordTypes/view"),
    ),
    rule(
        &["StandardValueSet", "Settings", "CustomLabels"],
        &[Act::Delete],
        When::Always,
        Verdict::Impossible,
        "it is a part of the platform, which cannot be deleted",
        None,
    ),
    rule(
        &[
            "Profile",
            "CustomObject",
            "CustomField",
            "CustomTab",
            "CustomApplication",
        ],
        &[Act::Delete],
        When::Standard,
        Verdict::Impossible,
        "it is a standard one, which cannot be deleted",
        None,
    ),
    rule(
        &["CustomField"],
        &[Act::Revert],
        When::FormulaSwapped,
        Verdict::Impossible,
        "a formula field cannot become another field nor the reverse: delete it and roll back again",
        Some("/lightning/setup/ObjectManager/{object}/FieldsAndRelationships/view"),
    ),
    rule(
        &["CustomField"],
        &[Act::Revert],
        When::FieldTypeChanged,
        Verdict::Lossy,
        "the field had another type: changing it back can lose values",
        Some("/lightning/setup/ObjectManager/{object}/FieldsAndRelationships/view"),
    ),
    rule(
        &["Certificate"],
        &[Act::Recreate],
        When::Always,
        Verdict::Manual,
        "the key of a certificate is never given out: create or upload it again",
        Some("/lightning/setup/CertificatesAndKeysManagement/home"),
    ),
    rule(
        &["ConnectedApp"],
        &[Act::Recreate],
        When::Always,
        Verdict::Lossy,
        "it gets another consumer key, so every client has to be told",
        Some("/lightning/setup/NavigationMenus/home"),
    ),
    rule(
        &[
            "AuthProvider",
            "NamedCredential",
            "ExternalCredential",
            "SamlSsoConfig",
        ],
        &[Act::Recreate],
        When::Redacted,
        Verdict::Lossy,
        "its secret is not in the snapshot: enter it again afterwards",
        Some("/lightning/setup/SetupOneHome/home"),
    ),
    rule(
        &[],
        &[Act::Recreate],
        When::Redacted,
        Verdict::Lossy,
        "a secret in it is not in the snapshot: enter it again afterwards",
        None,
    ),
    rule(
        &["SiteDotCom"],
        &[Act::Delete],
        When::Always,
        Verdict::Manual,
        "a site is deleted in its own builder",
        Some("/lightning/setup/SetupNetworks/home"),
    ),
    rule(
        &["Territory2Model"],
        &[Act::Delete],
        When::Always,
        Verdict::Manual,
        "a territory model has to be archived before it is deleted",
        Some("/lightning/setup/Territory2Models/home"),
    ),
];

/// What a rule may ask of a component.
pub(super) struct Case<'a> {
    pub(super) key: &'a ComponentKey,
    pub(super) act: Act,
    pub(super) is_managed_body: bool,
    pub(super) is_redacted: bool,
    /// Roots of its document then and now, where it has one.
    pub(super) then: Option<&'a Element>,
    pub(super) now: Option<&'a Element>,
}

/// The first rule that speaks of a case.
pub(super) fn first(case: &Case<'_>) -> Option<&'static Rule> {
    RULES.iter().find(|it| it.speaks_of(case))
}

impl Rule {
    fn speaks_of(&self, case: &Case<'_>) -> bool {
        let of = case.key.type_name.as_str();
        (self.of.is_empty() || self.of.contains(&of))
            && self.on.contains(&case.act)
            && match self.when {
                When::Always => true,
                When::Standard => is_standard(case),
                When::ManagedBody => case.is_managed_body,
                When::Redacted => case.is_redacted,
                When::FormulaSwapped => differ(case, |it| it.child("formula").is_some()),
                When::FieldTypeChanged => differ(case, |it| {
                    it.child_text("type").map(|it| it.trim().to_owned())
                }),
            }
    }

    /// The page of Setup for this component, below the org's own address.
    pub(super) fn page_for(&self, key: &ComponentKey) -> Option<String> {
        let object = key.name.parent().unwrap_or(key.name.as_str());
        let page = self.page?;
        Some(
            page.replace("{object}", object)
                .replace("{name}", key.name.as_str()),
        )
    }
}

fn differ<T: PartialEq>(case: &Case<'_>, of: impl Fn(&Element) -> T) -> bool {
    matches!((case.then, case.now), (Some(then), Some(now)) if of(then) != of(now))
}

/// Whether a component came with the platform: no suffix, or a profile not marked custom.
fn is_standard(case: &Case<'_>) -> bool {
    let name = case.key.name.as_str();
    match case.key.type_name.as_str() {
        "Profile" => case
            .now
            .is_some_and(|it| it.child_text("custom").as_deref() != Some("true")),
        "CustomTab" | "CustomApplication" => name.starts_with("standard"),
        "CustomField" => !name.rsplit('.').next().unwrap_or(name).contains("__"),
        _ => !name.contains("__"),
    }
}

/// Types whose components rest for 15 days after their deletion, with their data.
///
/// Source: Salesforce Help, "Manage Deleted Custom Fields", "Manage Deleted Custom Objects".
pub(super) fn rests_after_deletion(key: &ComponentKey) -> bool {
    matches!(key.type_name.as_str(), "CustomField" | "CustomObject")
}

/// Days that a deleted field or object rests.
pub(super) const REST_DAYS: u64 = 15;

/// The page of Setup where a deleted field or object can be undeleted.
pub(super) fn undelete_page(key: &ComponentKey) -> String {
    match (key.type_name.as_str(), key.name.parent()) {
        ("CustomField", Some(object)) => {
            format!("/lightning/setup/ObjectManager/{object}/FieldsAndRelationships/view")
        }
        _ => "/lightning/setup/ObjectManager/home".to_owned(),
    }
}
