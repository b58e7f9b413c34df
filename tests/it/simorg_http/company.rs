//! `--company`: a made-up company over the socket.

use orgkeep::simorg::{
    company::CompanyOptions,
    serve::{Options, parse_feature},
};

use super::site::Site;

fn company(rows: u64, seed: u64) -> Site {
    Site::start(&Options {
        company: Some(CompanyOptions { rows, seed }),
        ..Options::default()
    })
}

fn count(site: &Site, object: &str) -> u64 {
    let answer = site.query(site.admin(), &format!("SELECT count() FROM {object}"));
    answer.json()["totalSize"]
        .as_u64()
        .unwrap_or_else(|| panic!("{object}: {}", answer.text))
}

#[test]
fn company_is_the_same_for_the_same_seed() {
    let rows = |seed| {
        let site = company(1_000, seed);
        let soql = "SELECT Id, Name, BillingStreet, CreatedDate, LastModifiedBy.Name FROM Account";
        let mut rows: Vec<String> = site.records(soql).iter().map(ToString::to_string).collect();
        rows.sort();
        rows
    };
    assert_eq!(rows(7), rows(7));
    assert_ne!(rows(7), rows(8));
}

#[test]
fn company_has_what_exporters_and_restorers_meet() {
    let site = company(1_500, 1);
    for object in [
        "Account",
        "Contact",
        "Opportunity",
        "OpportunityLineItem",
        "PricebookEntry",
        "Lead",
        "Case",
        "Task",
        "Event",
        "Project__c",
        "Milestone__c",
        "Time_Entry__c",
        "ContentVersion",
        "Attachment",
        "FeedItem",
    ] {
        assert!(0 < count(&site, object), "{object}");
    }
    let deep = "SELECT Id FROM Account WHERE Parent.Parent.Parent.Parent.Parent.Name != null";
    assert!(!site.records(deep).is_empty());
    assert!(
        !site
            .records("SELECT Id FROM Lead WHERE IsConverted = true")
            .is_empty()
    );
    assert!(
        !site
            .records("SELECT Id FROM Project__c WHERE Lead_Milestone__c != null")
            .is_empty()
    );
    assert!(
        !site
            .records("SELECT Id FROM Task WHERE What.Type = 'Opportunity'")
            .is_empty()
    );
    assert!(
        !site
            .records("SELECT Id FROM User WHERE IsActive = false")
            .is_empty()
    );
}

#[test]
fn company_has_people_and_two_currencies_where_the_org_has_them() {
    let features = ["person-accounts", "multi-currency"];
    let features = features.map(|it| parse_feature(it).unwrap());
    let site = Site::start(&Options {
        company: Some(CompanyOptions {
            rows: 1_000,
            seed: 1,
        }),
        features: features.to_vec(),
        ..Options::default()
    });
    let people = site.records(
        "SELECT Name, LastName, PersonEmail, PersonContact.Email, PersonContact.AccountId, Id FROM Account \
         WHERE IsPersonAccount = true",
    );
    assert!(!people.is_empty());
    for person in &people {
        assert_eq!(person["PersonEmail"], person["PersonContact"]["Email"]);
        assert_eq!(person["Id"], person["PersonContact"]["AccountId"]);
    }
    let currencies = site.records("SELECT IsoCode, IsCorporate FROM CurrencyType ORDER BY IsoCode");
    let told = currencies.iter().map(|it| it["IsoCode"].as_str().unwrap());
    assert_eq!(told.collect::<Vec<_>>(), ["EUR", "USD"]);
    assert_eq!(
        (&currencies[0]["IsCorporate"], &currencies[1]["IsCorporate"]),
        (&serde_json::json!(false), &serde_json::json!(true))
    );
    let used = site.records("SELECT CurrencyIsoCode FROM Opportunity GROUP BY CurrencyIsoCode");
    assert_eq!(used.len(), 2);
    let plain = company(500, 1);
    let refused = plain.query(plain.admin(), "SELECT Id FROM CurrencyType");
    assert_eq!(refused.json()[0]["errorCode"], "INVALID_TYPE");
}

#[test]
fn record_made_in_the_company_goes_on_where_it_ended() {
    let site = company(500, 1);
    let made = site.send(|it| {
        it.post(site.url("/services/data/v66.0/sobjects/Case"))
            .bearer_auth(site.admin())
            .json(&serde_json::json!({"Subject": "New"}))
    });
    assert_eq!(made.status, 201, "{}", made.text);
    let numbers = site.records("SELECT CaseNumber FROM Case ORDER BY CaseNumber DESC LIMIT 2");
    let number = |at: usize| {
        numbers[at]["CaseNumber"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    assert_eq!(number(0), number(1) + 1);
}
