//! Queries over records.

use serde_json::{Value, json};

use super::{
    library::{DATA, library, library_of},
    site::Site,
};
use orgkeep::simorg::serve::Options;

fn stocked() -> Site {
    let site = library();
    let account = site.make(
        "Account",
        &json!({"Name": "Acme", "Industry": "Retail", "BillingCity": "Oslo"}),
    );
    let keeper = site.make(
        "Contact",
        &json!({"FirstName": "Ann", "LastName": "Lee", "AccountId": account}),
    );
    let a = site.make(
        "Shelf__c",
        &json!({"Code__c": "A", "Keeper__c": keeper, "Landlord__c": account}),
    );
    let b = site.make(
        "Shelf__c",
        &json!({"Code__c": "B", "Kind__c": "Closed", "Next__c": a}),
    );
    for (shelf, name, price, tags, pages) in [
        (&a, "Moby", json!(10), "old;rare", json!(300)),
        (&a, "emma", json!(20.5), "old", Value::Null),
        (&b, "Ulysses", json!(30), "rare", json!(700)),
        (&b, "100% wool", Value::Null, "", json!(20)),
    ] {
        let book = json!({"Name": name, "Shelf__c": shelf, "Price__c": price, "Tags__c": tags, "Pages__c": pages});
        site.make("Book__c", &book);
    }
    site.make(
        "Task",
        &json!({"Subject": "Dust", "WhatId": a, "WhoId": keeper}),
    );
    site.make("Task", &json!({"Subject": "Call", "WhatId": account}));
    site
}

#[test]
fn conditions_compare_as_the_platform_does() {
    let site = stocked();
    let names = |condition: &str| {
        site.rows(&format!(
            "SELECT Name FROM Book__c WHERE {condition} ORDER BY Name"
        ))
        .join(", ")
    };
    assert_eq!(names("Name = 'EMMA'"), "emma");
    assert_eq!(
        names("Price__c != 10"),
        "100% wool, emma, Ulysses",
        "what is empty is different"
    );
    assert_eq!(names("Price__c > 10 AND Price__c <= 30"), "emma, Ulysses");
    assert_eq!(names("Price__c = null"), "100% wool");
    assert_eq!(names("NOT Price__c > 10"), "100% wool, Moby");
    assert_eq!(
        names("Name LIKE '%e_m%' OR Name LIKE '100\\\\%%'"),
        "100% wool, emma"
    );
    assert_eq!(names("Name LIKE 'E%a'"), "emma");
    assert_eq!(names("Name IN ('moby', 'x')"), "Moby");
    assert_eq!(names("Price__c NOT IN (10, 30)"), "100% wool, emma");
    assert_eq!(names("Tags__c INCLUDES ('old;rare')"), "Moby");
    assert_eq!(names("Tags__c EXCLUDES ('old')"), "100% wool, Ulysses");
    assert_eq!(
        names("Shelf__r.Kind__c = 'Open' AND Lent__c = false"),
        "emma, Moby"
    );
    assert_eq!(
        names("Shelf__c IN (SELECT Id FROM Shelf__c WHERE Code__c = 'B')"),
        "100% wool, Ulysses"
    );
    assert_eq!(
        names("Shelf__c NOT IN (SELECT Id FROM Shelf__c WHERE Code__c = 'B')"),
        "emma, Moby"
    );
    assert_eq!(
        names("CreatedDate = TODAY AND CreatedBy.Username = 'admin@acme.example'"),
        "100% wool, emma, Moby, Ulysses"
    );
    assert_eq!(names("CreatedDate < LAST_N_DAYS:3"), "");
    assert_eq!(
        names("CreatedDate > 2020-01-01T00:00:00Z AND CreatedDate < NEXT_YEAR"),
        "100% wool, emma, Moby, Ulysses"
    );
}

#[test]
fn parents_children_and_polymorphic_references_are_followed() {
    let site = stocked();
    assert_eq!(
        site.rows("SELECT Name, Shelf__r.Landlord__r.Name, Shelf__r.Owner.Name FROM Book__c WHERE Name = 'Moby'"),
        ["Moby Acme Ada Admin"]
    );
    assert_eq!(
        site.rows("SELECT b.Name, b.Shelf__r.Code__c FROM Book__c b WHERE b.Price__c = 30"),
        ["Ulysses B"]
    );
    let shelf = &site
        .records("SELECT Next__r.Code__c, Landlord__r.Name FROM Shelf__c WHERE Code__c = 'B'")[0];
    assert_eq!(shelf["Next__r"]["attributes"]["type"], "Shelf__c");
    assert_eq!(
        (&shelf["Next__r"]["Code__c"], &shelf["Landlord__r"]),
        (&json!("A"), &Value::Null)
    );
    assert_eq!(
        site.rows("SELECT Code__c, (SELECT Name FROM Books__r WHERE Price__c > 15 ORDER BY Name) FROM Shelf__c ORDER BY Code__c"),
        ["A [emma]", "B [Ulysses]"]
    );
    assert_eq!(
        site.rows("SELECT Name, (SELECT Id FROM Cases) FROM Account"),
        ["Acme -"]
    );
    assert_eq!(
        site.rows("SELECT Subject, What.Name, What.Type, Who.Name FROM Task ORDER BY Subject"),
        ["Call Acme Account -", "Dust S-001 Shelf__c Ann Lee"]
    );
    assert_eq!(
        site.rows("SELECT TYPEOF What WHEN Account THEN Industry WHEN Shelf__c THEN Code__c, Kind__c ELSE Name END FROM Task ORDER BY Subject"),
        ["Retail", "A Open"]
    );
    assert_eq!(
        site.rows("SELECT Subject FROM Task WHERE What.Type = 'Account'"),
        ["Call"]
    );
    assert_eq!(
        site.rows("SELECT Name FROM User WHERE Id IN (SELECT OwnerId FROM Shelf__c)"),
        ["Ada Admin"]
    );
    let address = &site.records("SELECT BillingAddress FROM Account")[0]["BillingAddress"];
    assert_eq!(
        (&address["city"], &address["postalCode"]),
        (&json!("Oslo"), &Value::Null)
    );
}

#[test]
fn groups_are_counted_ordered_and_chosen() {
    let site = stocked();
    assert_eq!(
        site.rows("SELECT Shelf__r.Code__c c, COUNT(Id), SUM(Price__c) s, AVG(Pages__c) FROM Book__c GROUP BY Shelf__r.Code__c ORDER BY SUM(Price__c) DESC"),
        ["A 2 30.5 300.0", "B 2 30.0 360.0"]
    );
    assert_eq!(
        site.rows("SELECT Name, COUNT(Id) n FROM Book__c GROUP BY Name HAVING COUNT(Id) > 1"),
        Vec::<String>::new()
    );
    let year = site.rows("SELECT CALENDAR_YEAR(CreatedDate) y, COUNT(Id) n FROM Book__c GROUP BY CALENDAR_YEAR(CreatedDate)");
    assert!(year.len() == 1 && year[0].ends_with(" 4"), "{year:?}");
    let count = site
        .query(site.admin(), "SELECT count() FROM Book__c")
        .json();
    assert_eq!(
        (&count["totalSize"], &count["records"]),
        (&json!(4), &json!([]))
    );
    assert_eq!(
        site.rows("SELECT COUNT_DISTINCT(Shelf__c) FROM Book__c"),
        ["2"]
    );
    assert_eq!(
        site.rows("SELECT Name FROM Book__c ORDER BY Price__c DESC NULLS LAST LIMIT 2 OFFSET 1"),
        ["emma", "Moby"]
    );
    assert_eq!(
        site.records("SELECT FIELDS(CUSTOM) FROM Book__c LIMIT 1")[0]["Price__c"],
        10.0
    );
}

#[test]
fn refusals_name_the_place() {
    let site = stocked();
    for (soql, code, words) in [
        (
            "SELECT Nope FROM Book__c",
            "INVALID_FIELD",
            "ERROR at Row:1:Column:8\nNo such column 'Nope' on entity 'Book__c'.",
        ),
        (
            "SELECT Id FROM Nope__c",
            "INVALID_TYPE",
            "sObject type 'Nope__c' is not supported.",
        ),
        (
            "SELECT Id, (SELECT Id FROM Nopes) FROM Book__c",
            "INVALID_TYPE",
            "Didn't understand relationship 'Nopes' in FROM part of query call.",
        ),
        (
            "SELECT Boss__r.Name FROM Book__c",
            "INVALID_FIELD",
            "Didn't understand relationship 'Boss__r' in field path.",
        ),
        (
            "SELECT Id FROM Account WHERE Description = 'x'",
            "INVALID_FIELD",
            "field 'Description' can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Book__c WHERE Price__c = 'x'",
            "INVALID_FIELD",
            "must be of type currency and should not be enclosed in quotes",
        ),
        (
            "SELECT Name, COUNT(Id) FROM Book__c",
            "MALFORMED_QUERY",
            "Field must be grouped or aggregated: Name",
        ),
        (
            "SELECT Id FROM ContentDocumentLink",
            "MALFORMED_QUERY",
            "Implementation restriction: ContentDocumentLink requires a filter",
        ),
        (
            "SELECT FIELDS(ALL) FROM Book__c",
            "MALFORMED_QUERY",
            "must have a LIMIT of at most 200",
        ),
        (
            "SELECT Id FROM Book__c OFFSET 2001",
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Maximum SOQL offset allowed is 2000",
        ),
        (
            "SELECT Id FROM Book__c WHERE Id = 'x'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid ID field: x",
        ),
    ] {
        let answer = site.query(site.admin(), soql);
        let error = &answer.json()[0];
        assert_eq!(
            (answer.status, error["errorCode"].as_str()),
            (400, Some(code)),
            "{soql}: {}",
            answer.text
        );
        assert!(
            error["message"].as_str().unwrap().contains(words),
            "{soql}: {}",
            answer.text
        );
    }
}

#[test]
fn text_from_a_query_is_never_sql() {
    let site = stocked();
    let sly = "x\\' OR 1=1 --";
    assert_eq!(
        site.rows(&format!("SELECT Name FROM Book__c WHERE Name = '{sly}'")),
        Vec::<String>::new()
    );
    site.make("Account", &json!({"Name": "x' OR 1=1 --"}));
    assert_eq!(
        site.rows(&format!("SELECT Name FROM Account WHERE Name = '{sly}'")),
        ["x' OR 1=1 --"]
    );
}

#[test]
fn cursor_reads_records_as_they_are_and_ends_after_two_days() {
    let site = library();
    let rows: Vec<Value> = (0..200)
        .map(|it| json!({"attributes": {"type": "Account"}, "Name": format!("A{it:03}")}))
        .collect();
    for _ in 0..2 {
        let answer = site.call("POST", "/composite/sobjects", &json!({"records": rows}));
        assert_eq!(answer.status, 200);
    }
    let open = || {
        let url = site.url(&format!("{DATA}/query"));
        let first = site.send(|it| {
            it.get(url)
                .query(&[("q", "SELECT Name FROM Account ORDER BY Name")])
                .header("Sforce-Query-Options", "batchSize=200")
                .bearer_auth(site.admin())
        });
        let first = first.json();
        assert_eq!(
            (&first["totalSize"], &first["done"]),
            (&json!(400), &json!(false))
        );
        first["nextRecordsUrl"].as_str().unwrap().to_owned()
    };
    let next = open();
    let page = site.get(site.admin(), &next).json();
    assert_eq!(
        (&page["done"], page["records"].as_array().unwrap().len()),
        (&json!(true), 200)
    );
    site.clock("49h");
    let gone = site.get(site.admin(), &next);
    assert_eq!(
        (gone.status, gone.json()[0]["errorCode"].as_str()),
        (400, Some("INVALID_QUERY_LOCATOR"))
    );
    let first = open();
    for _ in 0..10 {
        open();
    }
    assert_eq!(
        site.get(site.admin(), &first).status,
        400,
        "ten cursors are kept"
    );
}

#[test]
fn records_stay_between_runs_with_their_bin() {
    let dir = crate::support::tempdir();
    let state = dir.path().join("state");
    let options = || Options {
        state: Some(state.clone()),
        ..Options::default()
    };
    let (kept, gone) = {
        let site = library_of(options());
        let kept = site.make("Shelf__c", &json!({"Code__c": "kept"}));
        let gone = site.make("Shelf__c", &json!({"Code__c": "gone"}));
        site.call(
            "DELETE",
            &format!("/sobjects/Shelf__c/{gone}"),
            &Value::Null,
        );
        (kept, gone)
    };
    let site = Site::start(&options());
    assert_eq!(
        site.rows("SELECT Id, Code__c FROM Shelf__c"),
        [format!("{kept} kept")]
    );
    assert!(site.undelete(&gone).contains("<success>true</success>"));
    let fresh = site.make("Shelf__c", &json!({}));
    assert!(gone < fresh, "ids ascend over runs: {gone} {fresh}");
}
