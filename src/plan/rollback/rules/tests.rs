use super::*;
use crate::plan::testing::key;
use crate::xml;

/// One case: component, act, its documents then and now, and what it comes to.
struct Row {
    of: &'static str,
    act: Act,
    then: &'static str,
    now: &'static str,
    with: fn(&mut Facts),
    is_redacted: bool,
    verdict: Option<Verdict>,
    says: &'static str,
    page: &'static str,
}

const fn row(
    of: &'static str,
    act: Act,
    (then, now): (&'static str, &'static str),
    verdict: Option<Verdict>,
    says: &'static str,
    page: &'static str,
) -> Row {
    Row {
        of,
        act,
        then,
        now,
        with: |_| (),
        is_redacted: false,
        verdict,
        says,
        page,
    }
}

impl Row {
    const fn with(mut self, with: fn(&mut Facts)) -> Self {
        self.with = with;
        self
    }

    const fn redacted(mut self) -> Self {
        self.is_redacted = true;
        self
    }

    fn ask<T>(&self, ask: impl FnOnce(&Case<'_>) -> T) -> T {
        let root = |text: &str| Some(xml::parse(text.as_bytes()).ok()?.root);
        let (then, now) = (root(self.then), root(self.now));
        let key = key(self.of);
        let mut facts = Facts::default();
        (self.with)(&mut facts);
        let case = Case {
            key: &key,
            act: self.act,
            facts: &facts,
            is_redacted: self.is_redacted,
            then: then.as_ref(),
            now: now.as_ref(),
        };
        ask(&case)
    }
}

const NONE: (&str, &str) = ("", "");
const FIELDS: &str = "/lightning/setup/ObjectManager/A/FieldsAndRelationships/view";
const TEXT: &str = "<CustomField><type>Text</type></CustomField>";
const NUMBER: &str = "<CustomField><type>Number</type></CustomField>";
const FORMULA: &str = "<CustomField><formula>1</formula><type>Number</type></CustomField>";
const LOOKUP: &str = "<CustomField><type>Lookup</type></CustomField>";
const MASTER: &str = "<CustomField><type>MasterDetail</type></CustomField>";
const ONE_VALUE: &str =
    "<GlobalValueSet><customValue><fullName>A</fullName></customValue></GlobalValueSet>";
const TWO_VALUES: &str = "<GlobalValueSet><customValue><fullName>A</fullName></customValue><customValue><fullName>B</fullName></customValue></GlobalValueSet>";
const PICKLIST: &str = "<CustomField><type>Picklist</type><valueSet><valueSetDefinition><value><fullName>A</fullName></value></valueSetDefinition></valueSet></CustomField>";
const LONGER: &str = "<CustomField><type>Picklist</type><valueSet><valueSetDefinition><value><fullName>A</fullName></value><value><fullName>B</fullName></value></valueSetDefinition></valueSet></CustomField>";

use Act::{Delete, Leave, Recreate, Revert};
use Verdict::{Impossible, Lossy, Manual};

const ROWS: &[Row] = &[
    row(
        "ApexClass:ns__X",
        Revert,
        NONE,
        Some(Impossible),
        "installed package",
        "/lightning/setup/ImportedPackage/home",
    )
    .with(|it| it.is_installed = true),
    row(
        "CustomField:A.ns__X__c",
        Delete,
        NONE,
        Some(Impossible),
        "installed package",
        "/lightning/setup/ImportedPackage/home",
    )
    .with(|it| it.is_installed = true),
    row(
        "InstalledPackage:ns",
        Recreate,
        NONE,
        Some(Manual),
        "by a person",
        "/lightning/setup/ImportedPackage/home",
    ),
    row(
        "RecordType:A.X",
        Delete,
        NONE,
        Some(Manual),
        "deactivate it",
        "/lightning/setup/ObjectManager/A/RecordTypes/view",
    ),
    row("RecordType:A.X", Recreate, NONE, None, "", ""),
    row(
        "StandardValueSet:Industry",
        Delete,
        NONE,
        Some(Impossible),
        "part of the platform",
        "",
    ),
    row(
        "Settings:Account",
        Delete,
        NONE,
        Some(Impossible),
        "part of the platform",
        "",
    ),
    row(
        "CustomField:A.Name",
        Delete,
        NONE,
        Some(Impossible),
        "standard one",
        "",
    ),
    row("CustomField:A.X__c", Delete, NONE, None, "", ""),
    row(
        "CustomObject:Account",
        Delete,
        NONE,
        Some(Impossible),
        "standard one",
        "",
    ),
    row("CustomObject:X__c", Delete, NONE, None, "", ""),
    row(
        "CustomTab:standard-Account",
        Delete,
        NONE,
        Some(Impossible),
        "standard one",
        "",
    ),
    row(
        "Profile:Admin",
        Delete,
        ("", "<Profile><custom>false</custom></Profile>"),
        Some(Impossible),
        "standard one",
        "",
    ),
    row(
        "Profile:Mine",
        Delete,
        ("", "<Profile><custom>true</custom></Profile>"),
        None,
        "",
        "",
    ),
    row(
        "Workflow:A",
        Delete,
        NONE,
        Some(Manual),
        "one by one",
        "/lightning/setup/WorkflowRules/home",
    ),
    row(
        "Layout:A-L",
        Delete,
        NONE,
        Some(Impossible),
        "only page layout",
        "/lightning/setup/ObjectManager/A/PageLayouts/view",
    )
    .with(|it| it.is_only_layout = true),
    row("Layout:A-L", Delete, NONE, None, "", ""),
    row(
        "SiteDotCom:S",
        Delete,
        NONE,
        Some(Manual),
        "its own builder",
        "/lightning/setup/SetupNetworks/home",
    ),
    row(
        "Territory2Model:T",
        Delete,
        NONE,
        Some(Manual),
        "archived",
        "/lightning/setup/Territory2Models/home",
    ),
    row(
        "CustomField:A.X__c",
        Revert,
        (TEXT, FORMULA),
        Some(Manual),
        "delete it, then roll back again",
        FIELDS,
    ),
    row(
        "CustomField:A.X__c",
        Revert,
        (FORMULA, TEXT),
        Some(Manual),
        "delete it, then roll back again",
        FIELDS,
    ),
    row(
        "CustomField:A.X__c",
        Revert,
        (LOOKUP, TEXT),
        Some(Manual),
        "delete it, then roll back again",
        FIELDS,
    ),
    row(
        "CustomField:A.X__c",
        Revert,
        (NUMBER, TEXT),
        Some(Lossy),
        "can lose values",
        FIELDS,
    ),
    row(
        "CustomField:A.X__c",
        Revert,
        (TEXT, NUMBER),
        None,
        "its values stay",
        "",
    ),
    row(
        "CustomField:A.X__c",
        Revert,
        (MASTER, LOOKUP),
        None,
        "every record has a value",
        "",
    ),
    row(
        "CustomField:A.X__c",
        Revert,
        (LOOKUP, MASTER),
        None,
        "its values stay",
        "",
    ),
    row(
        "CustomField:A.X__c",
        Recreate,
        (MASTER, ""),
        None,
        "has no records",
        "",
    ),
    row(
        "CustomField:A.X__c",
        Revert,
        (PICKLIST, LONGER),
        None,
        "values that are new since stay",
        "",
    ),
    row(
        "CustomField:A.X__c",
        Revert,
        (LONGER, PICKLIST),
        None,
        "",
        "",
    ),
    row(
        "GlobalValueSet:G",
        Revert,
        (ONE_VALUE, TWO_VALUES),
        None,
        "values that are new since stay",
        "",
    ),
    row(
        "GlobalValueSet:G",
        Delete,
        NONE,
        None,
        "while a field uses it",
        "",
    ),
    row(
        "CustomField:A.X__c",
        Recreate,
        NONE,
        Some(Manual),
        "the same component as ApexClass:Other, under another name",
        "/lightning/setup/SetupOneHome/home",
    )
    .with(|it| it.renamed = Some(key("ApexClass:Other"))),
    row(
        "Report:F/X",
        Delete,
        NONE,
        Some(Manual),
        "under another name",
        "/lightning/setup/SetupOneHome/home",
    )
    .with(|it| it.renamed = Some(key("ApexClass:Other"))),
    row(
        "CustomField:A.X__c",
        Leave,
        (TEXT, TEXT),
        None,
        "its data of then is lost",
        "",
    )
    .with(|it| it.is_made_again = true),
    row(
        "CustomObject:X__c",
        Revert,
        NONE,
        None,
        "its data of then is lost",
        "",
    )
    .with(|it| it.is_made_again = true),
    row("ApexClass:X", Revert, NONE, None, "", "").with(|it| it.is_made_again = true),
    row(
        "Certificate:C",
        Recreate,
        NONE,
        Some(Manual),
        "never given out",
        "/lightning/setup/CertificatesAndKeysManagement/home",
    ),
    row(
        "ConnectedApp:C",
        Recreate,
        NONE,
        Some(Lossy),
        "another consumer key",
        "/lightning/setup/NavigationMenus/home",
    ),
    row(
        "NamedCredential:C",
        Recreate,
        NONE,
        Some(Lossy),
        "its secret is not in the snapshot",
        "/lightning/setup/SetupOneHome/home",
    )
    .redacted(),
    row(
        "RemoteSiteSetting:C",
        Recreate,
        NONE,
        Some(Lossy),
        "a secret in it",
        "",
    )
    .redacted(),
    row("NamedCredential:C", Revert, NONE, None, "", "").redacted(),
    row(
        "Settings:Currency",
        Revert,
        (
            "<CurrencySettings/>",
            "<CurrencySettings><enableMultiCurrency>true</enableMultiCurrency></CurrencySettings>",
        ),
        Some(Impossible),
        "cannot be turned off",
        "/lightning/setup/CompanyCurrency/home",
    ),
    row(
        "Settings:Communities",
        Revert,
        (
            "<CommunitiesSettings><enableNetworksEnabled>false</enableNetworksEnabled></CommunitiesSettings>",
            "<CommunitiesSettings><enableNetworksEnabled>true</enableNetworksEnabled></CommunitiesSettings>",
        ),
        Some(Impossible),
        "cannot be turned off",
        "/lightning/setup/NetworkSettings/home",
    ),
    row(
        "Settings:Account",
        Revert,
        (
            "<AccountSettings/>",
            "<AccountSettings><enableMultiCurrency>true</enableMultiCurrency></AccountSettings>",
        ),
        None,
        "",
        "",
    ),
    row(
        "CustomField:Task.X__c",
        Recreate,
        NONE,
        Some(Impossible),
        "select CustomField:Activity.X__c",
        "/lightning/setup/ObjectManager/Activity/FieldsAndRelationships/view",
    ),
    row("CustomField:Task.Subject", Recreate, NONE, None, "", ""),
    row(
        "DataCategoryGroup:G",
        Revert,
        (
            "<DataCategoryGroup><dataCategory><name>All</name></dataCategory></DataCategoryGroup>",
            "<DataCategoryGroup><dataCategory><name>All</name><dataCategory><name>New</name></dataCategory></dataCategory></DataCategoryGroup>",
        ),
        Some(Lossy),
        "the articles that have them lose them",
        "/lightning/setup/DataCategorySetup/home",
    ),
    row(
        "DataCategoryGroup:G",
        Revert,
        (
            "<DataCategoryGroup><dataCategory><name>All</name></dataCategory></DataCategoryGroup>",
            "<DataCategoryGroup><active>true</active><dataCategory><name>All</name></dataCategory></DataCategoryGroup>",
        ),
        None,
        "",
        "",
    ),
    row(
        "ApexClass:C",
        Delete,
        NONE,
        Some(Manual),
        "delete Nightly first",
        "/lightning/setup/ScheduledJobs/home",
    )
    .with(|it| it.jobs = vec!["Nightly".to_owned()]),
    row("ApexClass:C", Revert, NONE, None, "run it (Nightly)", "")
        .with(|it| it.jobs = vec!["Nightly".to_owned()]),
    row("ApexClass:C", Delete, NONE, None, "", ""),
    row(
        "Settings:Address",
        Revert,
        NONE,
        None,
        "state or country",
        "",
    ),
    row(
        "PermissionSet:P",
        Recreate,
        NONE,
        None,
        "who had it is in records",
        "",
    ),
    row("Report:F/R", Recreate, NONE, None, "gets another id", ""),
    row(
        "CustomObject:S__c",
        Recreate,
        (
            "<CustomObject><customSettingsType>List</customSettingsType></CustomObject>",
            "",
        ),
        None,
        "values of a custom setting",
        "",
    ),
    row(
        "MatchingRules:Account",
        Revert,
        NONE,
        None,
        "only while it is inactive",
        "",
    ),
    row(
        "Network:N",
        Revert,
        NONE,
        None,
        "once the site is published",
        "",
    ),
    row(
        "SharingRules:A",
        Revert,
        NONE,
        None,
        "works out sharing again",
        "",
    ),
    row(
        "Role:R",
        Delete,
        NONE,
        None,
        "while users have the role",
        "",
    ),
];

#[test]
fn each_case_gets_its_verdict_reason_and_page() {
    for row in ROWS {
        let what = format!("{:?} of {}", row.act, row.of);
        row.ask(|case| {
            let decision = decide(case);
            assert_eq!(
                decision.as_ref().map(|it| it.verdict),
                row.verdict,
                "{what}"
            );
            match decision {
                Some(it) => {
                    assert!(it.reason.contains(row.says), "{what}: {}", it.reason);
                    assert_eq!(it.page.unwrap_or_default(), row.page, "{what}");
                }
                None if row.says.is_empty() => assert_eq!(notes(case), [""; 0], "{what}"),
                None => assert!(notes(case).iter().any(|it| it.contains(row.says)), "{what}"),
            }
        });
    }
}

#[test]
fn each_rule_speaks_of_one_of_the_cases() {
    for rule in RULES {
        let is_seen = ROWS.iter().any(|row| row.ask(|case| rule.speaks_of(case)));
        assert!(is_seen, "no case for: {}", rule.reason);
    }
}

#[test]
fn custom_fields_and_objects_rest_with_their_data_and_nothing_else_does() {
    for (of, rests) in [
        ("CustomField:Account.Region__c", true),
        ("CustomObject:Visit__c", true),
        ("CustomField:Account.Industry", false),
        ("CustomObject:Setting__mdt", false),
        ("CustomField:Setting__mdt.Value__c", false),
        ("CustomObject:Returned__e", false),
        ("ApexClass:A__c", false),
    ] {
        assert_eq!(rests_after_deletion(&key(of)), rests, "{of}");
    }
}
