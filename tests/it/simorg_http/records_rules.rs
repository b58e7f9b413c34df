//! Integrity of records, what the platform does by itself, who sees what.

use serde_json::{Value, json};

use super::library::{DATA, library, library_of};
use orgkeep::simorg::{serve::Options, state::Feature};

#[test]
fn rows_that_do_not_fit_are_refused_in_the_platforms_words() {
    let site = library();
    let first = site.make("Shelf__c", &json!({"Code__c": "A"}));
    let account = site.make("Account", &json!({"Name": "Acme"}));
    let gone = site.make("Shelf__c", &json!({}));
    site.call(
        "DELETE",
        &format!("/sobjects/Shelf__c/{gone}"),
        &Value::Null,
    );
    let short = &first[..15];
    for (object, values, words) in [
        ("Account", json!({"Phone": "1"}), "REQUIRED_FIELD_MISSING: Required fields are missing: [Name]".to_owned()),
        ("Contact", json!({"FirstName": "x"}), "REQUIRED_FIELD_MISSING: Required fields are missing: [LastName]".to_owned()),
        ("Book__c", json!({"Name": "x"}), "REQUIRED_FIELD_MISSING: Required fields are missing: [Shelf__c]".to_owned()),
        ("Shelf__c", json!({"Code__c": "12345678901"}), "STRING_TOO_LONG: Code: data value too large: 1234567890 (max length=10)".to_owned()),
        ("Shelf__c", json!({"Kind__c": "Ajar"}), "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST: Kind: bad value for restricted picklist field: Ajar".to_owned()),
        ("Shelf__c", json!({"Code__c": "a"}), format!("DUPLICATE_VALUE: duplicate value found: Code__c duplicates value on record with id: {short}")),
        ("Shelf__c", json!({"Next__c": account}), format!("FIELD_INTEGRITY_EXCEPTION: Next: id value of incorrect type: {account}")),
        ("Shelf__c", json!({"Next__c": gone}), "ENTITY_IS_DELETED: entity is deleted".to_owned()),
        ("Shelf__c", json!({"Landlord__c": "001000000000000AAA"}), "INVALID_CROSS_REFERENCE_KEY: invalid cross reference id".to_owned()),
        ("Shelf__c", json!({"Nope__c": 1}), "INVALID_FIELD: No such column 'Nope__c' on sobject of type Shelf__c".to_owned()),
        ("Shelf__c", json!({"Total__c": 1}), "INVALID_FIELD_FOR_INSERT_UPDATE: Unable to create/update fields: Total__c. Please check the security settings of this field and verify that it is read/write for your profile or permission set.".to_owned()),
        ("PricebookEntry", json!({}), "REQUIRED_FIELD_MISSING: Required fields are missing: [Pricebook2Id, Product2Id, UnitPrice]".to_owned()),
    ] {
        let said = site.refused("POST", &format!("/sobjects/{object}"), &values);
        assert_eq!(said, format!("400 {words}"), "{object} {values}");
    }
    assert_eq!(site.rows("SELECT Code__c FROM Shelf__c"), ["A"]);
}

#[test]
fn parents_are_named_by_external_ids() {
    let site = library();
    site.make("Shelf__c", &json!({"Code__c": "A"}));
    site.make(
        "Book__c",
        &json!({"Name": "Moby", "Shelf__r": {"Code__c": "A"}}),
    );
    assert_eq!(site.rows("SELECT Shelf__r.Code__c FROM Book__c"), ["A"]);
    assert_eq!(
        site.refused(
            "POST",
            "/sobjects/Book__c",
            &json!({"Name": "x", "Shelf__r": {"Code__c": "0116"}})
        ),
        "400 INVALID_FIELD: Foreign key external ID: 0116 not found for field Code__c in entity Shelf__c"
    );
}

#[test]
fn circles_are_refused_where_the_platform_refuses_them() {
    let site = library();
    let top = site.make("Account", &json!({"Name": "Top"}));
    let below = site.make("Account", &json!({"Name": "Below", "ParentId": top}));
    assert_eq!(
        site.refused(
            "PATCH",
            &format!("/sobjects/Account/{top}"),
            &json!({"ParentId": below})
        ),
        "400 CIRCULAR_DEPENDENCY: attempt to violate hierarchy constraints"
    );
    let a = site.make("Shelf__c", &json!({}));
    let b = site.make("Shelf__c", &json!({"Next__c": a}));
    for (one, other) in [(&a, &b), (&a, &a)] {
        let path = format!("/sobjects/Shelf__c/{one}");
        assert_eq!(
            site.call("PATCH", &path, &json!({"Next__c": other})).status,
            204
        );
    }
}

#[test]
fn audit_fields_are_taken_on_insert_with_the_permission() {
    let site = library();
    let values = json!({"Name": "Old", "CreatedDate": "2020-02-03T04:05:06Z", "LastModifiedDate": "2021-02-03T04:05:06Z"});
    let refused = site.refused("POST", "/sobjects/Account", &values);
    assert!(refused.starts_with("400 INVALID_FIELD_FOR_INSERT_UPDATE: Unable to create/update fields: CreatedDate, LastModifiedDate."), "{refused}");
    site.control(
        "POST",
        "/simorg/access",
        &json!({"user": "admin@acme.example", "with": ["SetAuditFields"]}),
    );
    let id = site.make("Account", &values);
    assert_eq!(
        site.rows("SELECT CreatedDate FROM Account"),
        ["2020-02-03T04:05:06.000+0000"]
    );
    let later = site.refused(
        "PATCH",
        &format!("/sobjects/Account/{id}"),
        &json!({"CreatedDate": "2019-01-01T00:00:00Z"}),
    );
    assert!(
        later.starts_with("400 INVALID_FIELD_FOR_INSERT_UPDATE"),
        "{later}"
    );
}

#[test]
fn inactive_owner_takes_nothing() {
    let site = library();
    let jane = site
        .rows("SELECT Id FROM User WHERE Username = 'jane@acme.example'")
        .remove(0);
    site.control(
        "POST",
        "/simorg/access",
        &json!({"user": "jane@acme.example", "active": false}),
    );
    let values = json!({"Name": "x", "OwnerId": jane});
    assert_eq!(
        site.refused("POST", "/sobjects/Account", &values),
        format!(
            "400 INACTIVE_OWNER_OR_USER: operation performed with inactive user [{}] as owner of account",
            &jane[..15]
        )
    );
    site.control(
        "POST",
        "/simorg/access",
        &json!({"user": "admin@acme.example", "with": ["UpdateInactiveOwner"]}),
    );
    site.make("Account", &values);
}

#[test]
fn hidden_fields_and_objects_are_not_there() {
    let site = library();
    site.make(
        "Shelf__c",
        &json!({"Code__c": "A", "Secret__c": "4111111111111111"}),
    );
    assert_eq!(
        site.rows("SELECT Secret__c FROM Shelf__c"),
        ["************1111"]
    );
    site.control(
        "POST",
        "/simorg/access",
        &json!({"user": "admin@acme.example", "with": ["ViewEncryptedData"]}),
    );
    assert_eq!(
        site.rows("SELECT Secret__c FROM Shelf__c"),
        ["4111111111111111"]
    );
    site.control("POST", "/simorg/access", &json!({"user": "jane@acme.example", "access": {
        "hiddenFields": ["Shelf__c.Code__c"], "hiddenObjects": ["Book__c"], "readOnlyFields": ["Shelf__c.Kind__c"],
    }}));
    let jane = site.token("Jane Doe");
    let describe = site
        .call_as(jane, "GET", "/sobjects/Shelf__c/describe", &Value::Null)
        .json();
    let fields = describe["fields"].as_array().unwrap();
    assert!(!fields.iter().any(|it| it["name"] == "Code__c"));
    assert_eq!(
        fields.iter().find(|it| it["name"] == "Kind__c").unwrap()["updateable"],
        false
    );
    for (soql, code) in [
        ("SELECT Code__c FROM Shelf__c", "INVALID_FIELD"),
        (
            "SELECT Id FROM Shelf__c WHERE Code__c = 'A'",
            "INVALID_FIELD",
        ),
        ("SELECT Id FROM Book__c", "INVALID_TYPE"),
    ] {
        let answer = site.query(jane, soql);
        assert_eq!(answer.json()[0]["errorCode"], code, "{soql}");
    }
    assert_eq!(
        site.call_as(jane, "GET", "/sobjects/Book__c/describe", &Value::Null)
            .status,
        404
    );
    let written = site.call_as(jane, "POST", "/sobjects/Shelf__c", &json!({"Code__c": "B"}));
    assert_eq!(written.json()[0]["errorCode"], "INVALID_FIELD");
}

#[test]
fn marked_rules_refuse_while_they_are_active() {
    let site = library();
    site.trap(
        &json!({"object": "Shelf__c", "kind": "validation", "where": {"Code__c": "JUNK"},
        "component": "ValidationRule:Shelf__c.No_Junk"}),
    );
    let junk = json!({"Code__c": "JUNK"});
    let answer = site.call("POST", "/sobjects/Shelf__c", &junk).json();
    assert_eq!(answer[0]["errorCode"], "FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert_eq!(
        (&answer[0]["message"], &answer[0]["fields"]),
        (&json!("Junk is not kept"), &json!(["Code__c"]))
    );
    site.make("Shelf__c", &json!({"Code__c": "fine"}));
    site.control("DELETE", "/simorg/traps", &Value::Null);
    site.trap(&json!({"object": "Shelf__c", "kind": "validation", "component": "ValidationRule:Shelf__c.Not_There"}));
    let id = site.make("Shelf__c", &junk);
    site.trap(&json!({"object": "Shelf__c", "kind": "lock", "ids": [id], "times": 1}));
    let path = format!("/sobjects/Shelf__c/{id}");
    assert_eq!(
        site.refused("PATCH", &path, &json!({"Kind__c": "Closed"})),
        format!(
            "400 UNABLE_TO_LOCK_ROW: unable to obtain exclusive access to this record or 1 records: {id}"
        )
    );
    assert_eq!(
        site.call("PATCH", &path, &json!({"Kind__c": "Closed"}))
            .status,
        204,
        "once only"
    );
    site.trap(&json!({"object": "Account", "kind": "duplicate", "where": {"Name": "Twin"}}));
    let twin = json!({"Name": "Twin"});
    assert!(
        site.refused("POST", "/sobjects/Account", &twin)
            .starts_with("400 DUPLICATES_DETECTED")
    );
    let allowed = site.send(|it| {
        it.post(site.url(&format!("{DATA}/sobjects/Account")))
            .header("Sforce-Duplicate-Rule-Header", "allowSave=true")
            .bearer_auth(site.admin())
            .json(&twin)
    });
    assert_eq!(allowed.status, 201);
    site.trap(&json!({"object": "Contact", "kind": "trigger", "on": ["insert"]}));
    assert!(
        site.refused("POST", "/sobjects/Contact", &json!({"LastName": "x"}))
            .contains("execution of BeforeInsert")
    );
}

#[test]
fn platform_fills_and_makes_what_belongs_to_a_row() {
    let site = library();
    let account = site.make("Account", &json!({"Name": "Acme"}));
    assert_eq!(
        site.rows("SELECT RowCause, AccountAccessLevel FROM AccountShare"),
        ["Owner All"]
    );
    let contact = site.make(
        "Contact",
        &json!({"FirstName": "Ann", "LastName": "Lee", "AccountId": account}),
    );
    assert_eq!(site.rows("SELECT Name FROM Contact"), ["Ann Lee"]);
    assert_eq!(
        site.rows("SELECT Account.Name, Contact.Name, IsDirect FROM AccountContactRelation"),
        ["Acme Ann Lee true"]
    );
    let deal = site.make("Opportunity", &json!({"Name": "Big", "StageName": "Prospecting", "CloseDate": "2026-05-06", "AccountId": account}));
    let product = site.make("Product2", &json!({"Name": "Tent", "IsActive": true}));
    let standard = site
        .rows("SELECT Id FROM Pricebook2 WHERE IsStandard = true")
        .remove(0);
    let own = site.make("Pricebook2", &json!({"Name": "Own", "IsActive": true}));
    let price = |book: &str| json!({"Pricebook2Id": book, "Product2Id": product, "UnitPrice": 100, "IsActive": true});
    assert_eq!(
        site.refused("POST", "/sobjects/PricebookEntry", &price(&own)),
        "400 STANDARD_PRICE_NOT_DEFINED: Before creating a custom price, create a standard price."
    );
    site.make("PricebookEntry", &price(&standard));
    let entry = site.make("PricebookEntry", &price(&own));
    assert!(
        site.refused("POST", "/sobjects/PricebookEntry", &price(&own))
            .contains("already exists in this price book")
    );
    let line = site.make(
        "OpportunityLineItem",
        &json!({"OpportunityId": deal, "PricebookEntryId": entry, "Quantity": 3, "UnitPrice": 90}),
    );
    assert_eq!(
        site.rows("SELECT Amount, HasOpportunityLineItem, IsClosed, Probability, FiscalQuarter FROM Opportunity"),
        ["270.0 true false 10.0 2"]
    );
    site.call(
        "PATCH",
        &format!("/sobjects/Opportunity/{deal}"),
        &json!({"StageName": "Closed Won"}),
    );
    assert_eq!(
        site.rows("SELECT IsClosed, IsWon, ForecastCategoryName FROM Opportunity"),
        ["true true Closed"]
    );
    site.call(
        "DELETE",
        &format!("/sobjects/OpportunityLineItem/{line}"),
        &Value::Null,
    );
    assert_eq!(
        site.rows("SELECT HasOpportunityLineItem FROM Opportunity"),
        ["false"]
    );
    site.make(
        "Task",
        &json!({"Subject": "Call", "WhoId": contact, "Status": "Completed"}),
    );
    assert_eq!(
        site.rows("SELECT Account.Name, IsClosed FROM Task"),
        ["Acme true"]
    );
    let shelf = site.make("Shelf__c", &json!({"Code__c": "A"}));
    site.call(
        "PATCH",
        &format!("/sobjects/Shelf__c/{shelf}"),
        &json!({"Code__c": "B"}),
    );
    assert_eq!(
        site.rows("SELECT Field, OldValue, NewValue FROM Shelf__History"),
        ["created - -", "Code__c A B"]
    );
}

#[test]
fn file_version_makes_a_file_and_links() {
    let site = library();
    let account = site.make("Account", &json!({"Name": "Acme"}));
    let version = json!({"PathOnClient": "a/plan.txt", "VersionData": "aGVsbG8=", "FirstPublishLocationId": account});
    let id = site.make("ContentVersion", &version);
    let document = site
        .rows(&format!(
            "SELECT ContentDocumentId FROM ContentVersion WHERE Id = '{id}'"
        ))
        .remove(0);
    assert_eq!(
        site.rows("SELECT Title, FileExtension, ContentSize, Checksum, IsLatest, VersionNumber FROM ContentVersion"),
        ["plan txt 5 5d41402abc4b2a76b9719d911017c592 true 1"]
    );
    let links = site.rows(&format!("SELECT LinkedEntityId, ShareType FROM ContentDocumentLink WHERE ContentDocumentId = '{document}'"));
    assert!(
        links.contains(&format!("{account} V")) && links.len() == 2,
        "{links:?}"
    );
    site.make(
        "ContentVersion",
        &json!({"PathOnClient": "plan.txt", "VersionData": "aGk=", "ContentDocumentId": document}),
    );
    assert_eq!(
        site.rows("SELECT VersionNumber, IsLatest FROM ContentVersion ORDER BY VersionNumber"),
        ["1 false", "2 true"]
    );
    let row = &site.records(&format!(
        "SELECT VersionData FROM ContentVersion WHERE Id = '{id}'"
    ))[0];
    assert_eq!(
        row["VersionData"],
        format!("{DATA}/sobjects/ContentVersion/{id}/VersionData")
    );
    site.call(
        "DELETE",
        &format!("/sobjects/ContentDocument/{document}"),
        &Value::Null,
    );
    assert_eq!(
        site.rows("SELECT Id FROM ContentVersion"),
        Vec::<String>::new()
    );
}

#[test]
fn orders_begin_as_drafts() {
    let site = library();
    let account = site.make("Account", &json!({"Name": "Acme"}));
    let active =
        json!({"AccountId": account, "EffectiveDate": "2026-01-01", "Status": "Activated"});
    assert!(
        site.refused("POST", "/sobjects/Order", &active)
            .starts_with("400 INVALID_STATUS")
    );
    // The number of the refused order is not given again.
    let order = site.make(
        "Order",
        &json!({"AccountId": account, "EffectiveDate": "2026-01-01"}),
    );
    let path = format!("/sobjects/Order/{order}");
    assert_eq!(
        site.call("PATCH", &path, &json!({"Status": "Activated"}))
            .status,
        204
    );
    assert_eq!(
        site.rows("SELECT OrderNumber, StatusCode FROM Order"),
        ["00000002 Activated"]
    );
    let refused = site.refused(
        "DELETE",
        &format!("/sobjects/Account/{account}"),
        &Value::Null,
    );
    assert!(
        refused.contains("DELETE_FAILED") && refused.contains("following orders.: 00000002"),
        "{refused}"
    );
}

#[test]
fn people_and_currencies_are_there_on_request() {
    let site = library_of(Options {
        features: vec![Feature::PersonAccounts, Feature::MultiCurrency],
        ..Options::default()
    });
    let id = site.make(
        "Account",
        &json!({"LastName": "Lee", "FirstName": "Ann", "PersonEmail": "ann@x.example"}),
    );
    assert_eq!(
        site.rows(
            "SELECT Name, IsPersonAccount, PersonContact.Email, CurrencyIsoCode FROM Account"
        ),
        ["Ann Lee true ann@x.example USD"]
    );
    assert_eq!(
        site.rows(&format!(
            "SELECT IsPersonAccount FROM Contact WHERE AccountId = '{id}'"
        )),
        ["true"]
    );
    let plain = library();
    let answer = plain.query(plain.admin(), "SELECT IsPersonAccount FROM Account");
    assert_eq!(answer.json()[0]["errorCode"], "INVALID_FIELD");
}
