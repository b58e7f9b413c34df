//! The rows.
//!
//! Source of each: `field.md` §4.2, `api.md` §2.6.

use super::{Act, Change, Effect, Rule, Verdict, When};

const ALL: &[Act] = &[Act::Revert, Act::Recreate, Act::Delete];
const REVERT: &[Act] = &[Act::Revert];
const RECREATE: &[Act] = &[Act::Recreate];
const DELETE: &[Act] = &[Act::Delete];
const SEND: &[Act] = &[Act::Revert, Act::Recreate];

const MANUAL: Effect = Effect::Is(Verdict::Manual);
const IMPOSSIBLE: Effect = Effect::Is(Verdict::Impossible);
const LOSSY: Effect = Effect::Is(Verdict::Lossy);

const FIELDS_PAGE: Option<&str> =
    Some("/lightning/setup/ObjectManager/{object}/FieldsAndRelationships/view");
const PACKAGES_PAGE: Option<&str> = Some("/lightning/setup/ImportedPackage/home");

const fn rule(
    of: &'static [&'static str],
    on: &'static [Act],
    when: When,
    effect: Effect,
    reason: &'static str,
    page: Option<&'static str>,
) -> Rule {
    Rule {
        of,
        on,
        when,
        effect,
        reason,
        page,
    }
}

const fn note(
    of: &'static [&'static str],
    on: &'static [Act],
    when: When,
    reason: &'static str,
) -> Rule {
    rule(of, on, when, Effect::Note, reason, None)
}

pub(super) const RULES: &[Rule] = &[
    // Packages.
    rule(
        &[],
        ALL,
        When::Installed,
        IMPOSSIBLE,
        "it is the body of an installed package, which only the package changes",
        PACKAGES_PAGE,
    ),
    rule(
        &["InstalledPackage"],
        ALL,
        When::Always,
        MANUAL,
        "a package is installed, upgraded or removed by a person",
        PACKAGES_PAGE,
    ),
    // One component under two names.
    rule(
        &[],
        &[Act::Recreate, Act::Delete],
        When::Renamed,
        MANUAL,
        "it is the same component as {other}, under another name: rename it back in Setup",
        Some("/lightning/setup/SetupOneHome/home"),
    ),
    note(
        &["CustomField", "CustomObject"],
        &[Act::Revert, Act::Leave],
        When::MadeAgain,
        "it was deleted and made again since: its data of then is lost",
    ),
    // What the platform never deletes.
    rule(
        &["RecordType"],
        DELETE,
        When::Always,
        MANUAL,
        "the API cannot delete a record type: deactivate it, then delete it in Setup",
        Some("/lightning/setup/ObjectManager/{object}/RecordTypes/view"),
    ),
    rule(
        &["StandardValueSet", "Settings", "CustomLabels"],
        DELETE,
        When::Always,
        IMPOSSIBLE,
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
        DELETE,
        When::Standard,
        IMPOSSIBLE,
        "it is a standard one, which cannot be deleted",
        None,
    ),
    rule(
        &["Workflow"],
        DELETE,
        When::Always,
        MANUAL,
        "the API deletes rules and actions one by one, not the whole workflow of an object",
        Some("/lightning/setup/WorkflowRules/home"),
    ),
    rule(
        &["Layout"],
        DELETE,
        When::OnlyLayout,
        IMPOSSIBLE,
        "it is the only page layout of its object, which needs one",
        Some("/lightning/setup/ObjectManager/{object}/PageLayouts/view"),
    ),
    rule(
        &["SiteDotCom"],
        DELETE,
        When::Always,
        MANUAL,
        "a site is deleted in its own builder",
        Some("/lightning/setup/SetupNetworks/home"),
    ),
    rule(
        &["Territory2Model"],
        DELETE,
        When::Always,
        MANUAL,
        "a territory model has to be archived before it is deleted",
        Some("/lightning/setup/Territory2Models/home"),
    ),
    // Fields.
    rule(
        &["CustomField"],
        ALL,
        When::OfActivity,
        IMPOSSIBLE,
        "a field of tasks and events is one of activities: select CustomField:Activity.{own}",
        Some("/lightning/setup/ObjectManager/Activity/FieldsAndRelationships/view"),
    ),
    rule(
        &["CustomField"],
        REVERT,
        When::TypeChanged(Change::Never),
        MANUAL,
        "the platform cannot turn a field of this type back: delete it, then roll back again",
        FIELDS_PAGE,
    ),
    rule(
        &["CustomField"],
        REVERT,
        When::TypeChanged(Change::Lossy),
        LOSSY,
        "the field had another type: changing it back can lose values",
        FIELDS_PAGE,
    ),
    note(
        &["CustomField"],
        REVERT,
        When::TypeChanged(Change::Filled),
        "the platform takes a master-detail only where every record has a value",
    ),
    note(
        &["CustomField"],
        REVERT,
        When::TypeChanged(Change::Safe),
        "the field had another type: its values stay",
    ),
    note(
        &["CustomField"],
        RECREATE,
        When::Says("type", "MasterDetail"),
        "the platform takes a master-detail only where the object has no records",
    ),
    note(
        &["CustomField", "GlobalValueSet", "StandardValueSet"],
        REVERT,
        When::ValuesAdded,
        "values that are new since stay in the records that have them",
    ),
    // Secrets.
    rule(
        &["Certificate"],
        RECREATE,
        When::Always,
        MANUAL,
        "the key of a certificate is never given out: create or upload it again",
        Some("/lightning/setup/CertificatesAndKeysManagement/home"),
    ),
    rule(
        &["ConnectedApp"],
        RECREATE,
        When::Always,
        LOSSY,
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
        RECREATE,
        When::Redacted,
        LOSSY,
        "its secret is not in the snapshot: enter it again afterwards",
        Some("/lightning/setup/SetupOneHome/home"),
    ),
    rule(
        &[],
        RECREATE,
        When::Redacted,
        LOSSY,
        "a secret in it is not in the snapshot: enter it again afterwards",
        None,
    ),
    // What a deploy of the whole takes away.
    rule(
        &["DataCategoryGroup"],
        REVERT,
        When::Gained("dataCategory"),
        LOSSY,
        "categories that came since are deleted, and the articles that have them lose them",
        Some("/lightning/setup/DataCategorySetup/home"),
    ),
    // Code that is at work.
    rule(
        &["ApexClass"],
        DELETE,
        When::Scheduled,
        MANUAL,
        "jobs are scheduled to run it: delete {jobs} first",
        Some("/lightning/setup/ScheduledJobs/home"),
    ),
    note(
        &["ApexClass"],
        REVERT,
        When::Scheduled,
        "jobs are scheduled to run it ({jobs}), and the org may refuse it until they are deleted or Deployment Settings allow it",
    ),
    // One way only.
    rule(
        &["Settings"],
        REVERT,
        When::TurnedOn("Currency", "enableMultiCurrency"),
        IMPOSSIBLE,
        "several currencies were turned on, which cannot be turned off",
        Some("/lightning/setup/CompanyCurrency/home"),
    ),
    rule(
        &["Settings"],
        REVERT,
        When::TurnedOn("Communities", "enableNetworksEnabled"),
        IMPOSSIBLE,
        "digital experiences were turned on, which cannot be turned off",
        Some("/lightning/setup/NetworkSettings/home"),
    ),
    note(
        &["Settings"],
        REVERT,
        When::Named("Address"),
        "a state or country that records use cannot be taken out of the picklists",
    ),
    // What a file does not hold.
    note(
        &[
            "Group",
            "PermissionSet",
            "PermissionSetGroup",
            "Role",
            "Territory2",
        ],
        RECREATE,
        When::Always,
        "who had it is in records, which no deploy brings back: those people lack it until it is given to them again",
    ),
    note(
        &["Dashboard", "Document", "EmailTemplate", "Report"],
        RECREATE,
        When::Always,
        "it gets another id, and what hung on the old one, such as subscriptions, stays lost: look in the Recycle Bin first",
    ),
    note(
        &["CustomObject"],
        RECREATE,
        When::Has("customSettingsType"),
        "the values of a custom setting are records, and do not come back with it",
    ),
    note(
        &["MatchingRules"],
        SEND,
        When::Always,
        "the platform takes a change of a matching rule only while it is inactive",
    ),
    // What comes after, or takes its time.
    note(
        &[
            "DigitalExperienceBundle",
            "ExperienceBundle",
            "Network",
            "SiteDotCom",
        ],
        SEND,
        When::Always,
        "visitors see it once the site is published",
    ),
    note(
        &[
            "Group",
            "Queue",
            "Role",
            "SharingRules",
            "Territory2",
            "Territory2Rule",
        ],
        ALL,
        When::Always,
        "the platform works out sharing again, which may take a while",
    ),
    note(
        &["Role"],
        DELETE,
        When::Always,
        "the platform refuses it while users have the role",
    ),
    note(
        &["GlobalValueSet"],
        DELETE,
        When::Always,
        "the platform refuses it while a field uses it",
    ),
];
