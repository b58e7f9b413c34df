use proptest::prelude::*;

use super::*;

fn key(text: &str) -> ComponentKey {
    text.parse().unwrap()
}

fn catalogue() -> Catalogue {
    let keys = [
        "CustomField:Account.Region__c",
        "CustomField:Account.Rating__c",
        "CustomField:Contact.Region__c",
        "CustomObject:Account",
        "Layout:Account-Account %28Sales%29 Layout",
        "Report:Sales/EMEA/Pipeline",
        "Report:Sales/Won",
        "Report:unfiled$public/Old",
        "Flow:Onboarding",
        "StaticResource:logo",
        "StaticResource:Logo",
    ];
    let paths = [
        (
            "force-app/main/default/flows/Onboarding.flow-meta.xml",
            "Flow:Onboarding",
        ),
        (
            "force-app/main/default/reports/Sales/Won.report-meta.xml",
            "Report:Sales/Won",
        ),
        (
            "force-app/main/default/reports/Sales.reportFolder-meta.xml",
            "ReportFolder:Sales",
        ),
        (
            "force-app/main/default/reports/Sales/EMEA/Pipeline.report-meta.xml",
            "Report:Sales/EMEA/Pipeline",
        ),
    ];
    Catalogue::new(keys.iter().map(|it| key(it)))
        .with_paths(paths.iter().map(|(path, it)| ((*path).to_owned(), key(it))))
        .with_parents(|it| {
            (it.type_name.as_str() == "CustomField")
                .then(|| ComponentKey::parse("CustomObject", it.name.parent()?).ok())
                .flatten()
        })
}

fn select(text: &str) -> Vec<String> {
    let found = catalogue().select(&Selector::parse(text)).unwrap();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn component_is_found_by_its_name_in_any_case() {
    assert_eq!(
        select("CustomField:Account.Region__c"),
        ["CustomField:Account.Region__c"]
    );
    assert_eq!(
        select("customfield:account.region__C"),
        ["CustomField:Account.Region__c"]
    );
}

#[test]
fn encoded_and_plain_spelling_are_the_same_name() {
    let layout = "Layout:Account-Account %28Sales%29 Layout";
    assert_eq!(select("Layout:Account-Account (Sales) Layout"), [layout]);
    assert_eq!(select(layout), [layout]);
    assert_eq!(select("Layout:*(sales)*"), [layout]);
}

#[test]
fn spelling_as_typed_wins_over_another_case() {
    assert_eq!(select("StaticResource:Logo"), ["StaticResource:Logo"]);
    assert_eq!(select("StaticResource:LOGO").len(), 2);
}

#[test]
fn patterns_reach_into_folders_and_over_types() {
    assert_eq!(
        select("Report:Sales/*"),
        ["Report:Sales/EMEA/Pipeline", "Report:Sales/Won"]
    );
    assert_eq!(
        select("CustomField:Account.*"),
        [
            "CustomField:Account.Rating__c",
            "CustomField:Account.Region__c"
        ]
    );
    assert_eq!(select("*:Contact*"), ["CustomField:Contact.Region__c"]);
    assert_eq!(select("*:*.Region__c").len(), 2);
}

#[test]
fn type_alone_is_all_of_it() {
    assert_eq!(select("Flow"), ["Flow:Onboarding"]);
    assert_eq!(select("report").len(), 3);
}

#[test]
fn parent_brings_its_children() {
    assert_eq!(
        select("CustomObject:Account"),
        [
            "CustomField:Account.Rating__c",
            "CustomField:Account.Region__c",
            "CustomObject:Account"
        ]
    );
}

#[test]
fn path_is_a_file_or_a_folder() {
    let root = "force-app/main/default";
    assert_eq!(
        select(&format!("{root}/flows/Onboarding.flow-meta.xml")),
        ["Flow:Onboarding"]
    );
    assert_eq!(
        select(&format!("./{root}/reports/Sales/")),
        ["Report:Sales/EMEA/Pipeline", "Report:Sales/Won"]
    );
    assert_eq!(select("force-app").len(), 4);
    assert_eq!(select(r"force-app\main\default\flows"), ["Flow:Onboarding"]);
    assert_eq!(select("force-app/*.flow-meta.xml"), ["Flow:Onboarding"]);
}

#[test]
fn selector_that_matches_nothing_offers_the_nearest_names() {
    let catalogue = catalogue();
    let near = |text: &str| catalogue.select(&Selector::parse(text)).unwrap_err();
    assert_eq!(
        near("CustomField:Account.Regoin__c").nearest[0],
        "CustomField:Account.Region__c"
    );
    assert_eq!(
        near("CustomFeild:Account.Region__c").nearest,
        ["CustomField:Account.Region__c"]
    );
    assert_eq!(near("Flwo").nearest, ["Flow"]);
    assert_eq!(
        near("Account.Region__c").nearest,
        ["CustomField:Account.Region__c"]
    );
    assert_eq!(
        near("force-app/main/default/flows/Onbording.flow-meta.xml").nearest,
        ["force-app/main/default/flows/Onboarding.flow-meta.xml"]
    );
    let err = near("Flwo");
    assert_eq!(err.to_string(), "`Flwo` matches nothing");
    assert_eq!(err.hint().unwrap(), "did you mean `Flow`?");
}

#[test]
fn everything_but_something() {
    let parse = |text: &str| Selector::parse(text);
    let found = catalogue().select_all(&[parse("*:*")], &[parse("Report"), parse("CustomField")]);
    assert_eq!(found.unwrap().len(), 5);
}

proptest! {
    #[test]
    fn every_component_is_found_by_its_own_name(names in proptest::collection::btree_set("[A-Za-z][a-z%2]{0,6}", 1..20)) {
        let keys: Vec<ComponentKey> = names
            .iter()
            .map(|it| ComponentKey::parse("Flow", it).unwrap())
            .collect();
        let catalogue = Catalogue::new(keys.clone());
        for key in keys {
            let found = catalogue.select(&Selector::parse(&key.to_string())).unwrap();
            prop_assert!(found.contains(&key));
        }
    }
}
