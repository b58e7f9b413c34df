//! Single records, collections, composites, describes, changes in time.

use serde_json::{Value, json};

use super::library::{DATA, library};

#[test]
fn record_is_made_read_changed_and_deleted() {
    let site = library();
    let id = site.make("Shelf__c", &json!({"Code__c": "A1"}));
    let read = site
        .call("GET", &format!("/sobjects/Shelf__c/{id}"), &Value::Null)
        .json();
    assert_eq!(read["Name"], "S-001");
    assert_eq!(read["Kind__c"], "Open", "the default of the picklist");
    assert_eq!(read["Label__c"], "A1!", "a simple formula is computed");
    assert_eq!(read["Total__c"], 0.0);
    assert_eq!(read["OwnerId"], read["CreatedById"]);
    assert!(read["CreatedDate"].as_str().unwrap().ends_with(".000+0000"));
    let path = format!("/sobjects/Shelf__c/{id}");
    assert_eq!(
        site.call("PATCH", &path, &json!({"Kind__c": "Closed"}))
            .status,
        204
    );
    let kind = site
        .call("GET", &format!("{path}?fields=Kind__c"), &Value::Null)
        .json();
    assert_eq!(
        (&kind["Kind__c"], &kind["Code__c"]),
        (&json!("Closed"), &Value::Null)
    );
    let by_key = site
        .call("GET", "/sobjects/Shelf__c/Code__c/a1", &Value::Null)
        .json();
    assert_eq!(
        by_key["Id"],
        id.as_str(),
        "unique text is found in any case"
    );
    assert_eq!(site.call("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(
        site.refused("GET", &path, &Value::Null),
        "404 ENTITY_IS_DELETED: entity is deleted"
    );
    assert_eq!(
        site.refused("DELETE", &path, &Value::Null),
        "404 ENTITY_IS_DELETED: entity is deleted"
    );
}

#[test]
fn upsert_makes_changes_or_leaves_the_choice() {
    let site = library();
    let path = "/sobjects/Shelf__c/Code__c/X1";
    let made = site.call("PATCH", path, &json!({"Kind__c": "Closed"}));
    assert_eq!((made.status, &made.json()["created"]), (201, &json!(true)));
    let changed = site.call("PATCH", path, &json!({"Kind__c": "Open"}));
    assert_eq!(
        (changed.status, &changed.json()["created"]),
        (200, &json!(false))
    );
    assert_eq!(changed.json()["id"], made.json()["id"]);
    for _ in 0..2 {
        site.make(
            "Contact",
            &json!({"LastName": "Twin", "Email": "twin@x.example"}),
        );
    }
    let many = site.call(
        "PATCH",
        "/sobjects/Contact/Email/twin@x.example",
        &json!({"Title": "T"}),
    );
    assert_eq!(many.status, 300);
    let urls = many.json();
    assert!(
        urls[1]
            .as_str()
            .unwrap()
            .starts_with(&format!("{DATA}/sobjects/Contact/003"))
    );
    let none = site.refused("PATCH", "/sobjects/Shelf__c/Kind__c/x", &json!({}));
    assert_eq!(
        none,
        "404 NOT_FOUND: Provided external ID field does not exist or is not accessible: Kind__c"
    );
}

#[test]
fn collection_answers_row_by_row_or_not_at_all() {
    let site = library();
    let row = |code: &str| json!({"attributes": {"type": "Shelf__c"}, "Code__c": code});
    let records = json!([row("A"), row("far too long a code"), row("B")]);
    let some = site
        .call(
            "POST",
            "/composite/sobjects",
            &json!({"allOrNone": false, "records": records}),
        )
        .json();
    assert_eq!(
        (&some[0]["success"], &some[0]["errors"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(some[1]["errors"][0]["statusCode"], "STRING_TOO_LONG");
    assert_eq!(some[1]["errors"][0]["fields"], json!(["Code__c"]));
    assert_eq!(
        site.rows("SELECT Code__c FROM Shelf__c ORDER BY Code__c"),
        ["A", "B"]
    );
    let records = json!([row("C"), row("B")]);
    let none = site
        .call(
            "POST",
            "/composite/sobjects",
            &json!({"allOrNone": true, "records": records}),
        )
        .json();
    assert_eq!(
        none[0]["errors"][0]["statusCode"],
        "ALL_OR_NONE_OPERATION_ROLLED_BACK"
    );
    assert_eq!(none[1]["errors"][0]["statusCode"], "DUPLICATE_VALUE");
    assert_eq!(site.rows("SELECT count(Id) n FROM Shelf__c"), ["2"]);
    let ids: Vec<String> = [0, 2]
        .map(|it: usize| some[it]["id"].as_str().unwrap().to_owned())
        .into();
    let update = json!({"records": [
        {"attributes": {"type": "Shelf__c"}, "id": ids[0], "Kind__c": "Closed"},
        {"attributes": {"type": "Shelf__c"}, "Id": ids[1], "Kind__c": "Closed"},
    ]});
    site.call("PATCH", "/composite/sobjects", &update);
    assert_eq!(
        site.rows("SELECT count() FROM Shelf__c WHERE Kind__c = 'Closed'")
            .len(),
        0
    );
    assert_eq!(
        site.rows("SELECT count(Id) n FROM Shelf__c WHERE Kind__c = 'Closed'"),
        ["2"]
    );
    let upsert = json!({"records": [
        {"attributes": {"type": "Shelf__c"}, "Code__c": "A", "Kind__c": "Open"},
        {"attributes": {"type": "Shelf__c"}, "Code__c": "Z"},
    ]});
    let upserted = site
        .call("PATCH", "/composite/sobjects/Shelf__c/Code__c", &upsert)
        .json();
    assert_eq!(
        (&upserted[0]["created"], &upserted[1]["created"]),
        (&json!(false), &json!(true))
    );
    let read = site
        .call(
            "GET",
            &format!(
                "/composite/sobjects/Shelf__c?ids={},001000000000000AAA&fields=Code__c",
                ids[0]
            ),
            &Value::Null,
        )
        .json();
    assert_eq!((&read[0]["Code__c"], &read[1]), (&json!("A"), &Value::Null));
    let gone = site
        .call(
            "DELETE",
            &format!("/composite/sobjects?ids={}&allOrNone=true", ids.join(",")),
            &Value::Null,
        )
        .json();
    assert_eq!(gone[1]["success"], true);
    let many: Vec<Value> = (0..201).map(|it| row(&it.to_string())).collect();
    let refused = site.call("POST", "/composite/sobjects", &json!({"records": many}));
    assert_eq!(refused.status, 400);
}

#[test]
fn composite_fills_references_and_rolls_back() {
    let site = library();
    let parts = |code: &str| {
        json!([
            {"method": "POST", "url": format!("{DATA}/sobjects/Shelf__c"), "referenceId": "shelf", "body": {"Code__c": code}},
            {"method": "POST", "url": format!("{DATA}/sobjects/Book__c"), "referenceId": "book",
             "body": {"Name": "Moby", "Shelf__c": "@{shelf.id}", "Price__c": 12.5}},
            {"method": "GET", "url": format!("{DATA}/query?q=SELECT+Total__c+FROM+Shelf__c+WHERE+Id='@{{shelf.id}}'"), "referenceId": "q"},
        ])
    };
    let done = site
        .call(
            "POST",
            "/composite",
            &json!({"allOrNone": true, "compositeRequest": parts("A")}),
        )
        .json();
    let all = &done["compositeResponse"];
    assert_eq!(all[0]["httpStatusCode"], 201);
    assert_eq!(
        all[2]["body"]["records"][0]["Total__c"], 12.5,
        "a roll-up is computed"
    );
    let failed = site
        .call("POST", "/composite", &json!({"allOrNone": true, "compositeRequest": [
            {"method": "POST", "url": format!("{DATA}/sobjects/Shelf__c"), "referenceId": "a", "body": {"Code__c": "B"}},
            {"method": "POST", "url": format!("{DATA}/sobjects/Shelf__c"), "referenceId": "b", "body": {"Code__c": "A"}},
        ]}))
        .json();
    let all = &failed["compositeResponse"];
    assert_eq!(all[0]["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(all[1]["body"][0]["errorCode"], "DUPLICATE_VALUE");
    assert_eq!(site.rows("SELECT Code__c FROM Shelf__c"), ["A"]);
    let tree = json!({"records": [{"attributes": {"type": "Shelf__c", "referenceId": "s"}, "Code__c": "T",
        "Books__r": {"records": [{"attributes": {"type": "Book__c", "referenceId": "b"}, "Name": "In the tree"}]}}]});
    let planted = site.call("POST", "/composite/tree/Shelf__c", &tree);
    assert_eq!(
        (
            planted.status,
            planted.json()["results"].as_array().unwrap().len()
        ),
        (201, 2)
    );
    assert_eq!(
        site.rows("SELECT Code__c, (SELECT Name FROM Books__r) FROM Shelf__c WHERE Code__c = 'T'"),
        ["T [In the tree]"]
    );
    let batch = json!({"batchRequests": [{"method": "GET", "url": "v66.0/limits/recordCount?sObjects=Shelf__c"}]});
    let batch = site.call("POST", "/composite/batch", &batch).json();
    assert_eq!(batch["results"][0]["result"]["sObjects"][0]["count"], 2);
}

#[test]
fn graph_is_done_as_a_whole_and_leaves_the_others_alone() {
    let site = library();
    let make = |name: &str, body: Value| json!({"method": "POST", "url": format!("{DATA}/sobjects/Shelf__c"), "referenceId": name, "body": body});
    let book = json!({"method": "POST", "url": format!("{DATA}/sobjects/Book__c"), "referenceId": "book",
        "body": {"Name": "Moby", "Shelf__c": "@{shelf.id}"}});
    let asked = json!({"graphs": [
        {"graphId": "1", "compositeRequest": [make("shelf", json!({"Code__c": "A"})), book]},
        {"graphId": "2", "compositeRequest": [make("b", json!({"Code__c": "B"})), make("a", json!({"Code__c": "A"}))]},
        {"graphId": "3", "compositeRequest": [make("c", json!({"Code__c": "C"}))]},
    ]});
    let answer = site.call("POST", "/composite/graph", &asked);
    assert_eq!(answer.status, 200, "{}", answer.text);
    let graphs = &answer.json()["graphs"];
    let told: Vec<_> = (0..3)
        .map(|it| graphs[it]["isSuccessful"].clone())
        .collect();
    assert_eq!(told, [true, false, true]);
    let failed = &graphs[1]["graphResponse"]["compositeResponse"];
    assert_eq!(failed[0]["body"][0]["errorCode"], "PROCESSING_HALTED");
    assert_eq!(failed[1]["body"][0]["errorCode"], "DUPLICATE_VALUE");
    assert_eq!(
        site.rows("SELECT Code__c FROM Shelf__c ORDER BY Code__c"),
        ["A", "C"]
    );
    assert_eq!(site.rows("SELECT Shelf__r.Code__c FROM Book__c"), ["A"]);
    let query = json!({"graphs": [{"graphId": "1", "compositeRequest": [
        {"method": "GET", "url": format!("{DATA}/query?q=SELECT+Id+FROM+Account"), "referenceId": "q"}]}]});
    assert_eq!(site.call("POST", "/composite/graph", &query).status, 400);
}

#[test]
fn describe_tells_what_a_restore_needs() {
    let site = library();
    let shelf = site
        .call("GET", "/sobjects/Shelf__c/describe", &Value::Null)
        .json();
    let field = |name: &str| {
        let mut fields = shelf["fields"].as_array().unwrap().iter();
        fields.find(|it| it["name"] == name).unwrap().clone()
    };
    assert_eq!(field("Name")["autoNumber"], true);
    assert_eq!(field("Name")["createable"], false);
    assert_eq!(field("Code__c")["externalId"], true);
    assert_eq!(field("Code__c")["unique"], true);
    assert_eq!(field("Kind__c")["restrictedPicklist"], true);
    assert_eq!(field("Label__c")["calculatedFormula"], "Code__c & \"!\"");
    assert_eq!(
        (
            &field("Total__c")["calculated"],
            &field("Total__c")["updateable"]
        ),
        (&json!(true), &json!(false))
    );
    assert_eq!(field("Secret__c")["maskType"], "lastFour");
    assert_eq!(field("Landlord__c")["restrictedDelete"], true);
    assert_eq!(field("OwnerId")["referenceTo"], json!(["Group", "User"]));
    let children = shelf["childRelationships"].as_array().unwrap();
    let books = children
        .iter()
        .find(|it| it["childSObject"] == "Book__c")
        .unwrap();
    assert_eq!(
        (&books["relationshipName"], &books["cascadeDelete"]),
        (&json!("Books__r"), &json!(true))
    );
    let book = site
        .call("GET", "/sobjects/Book__c/describe", &Value::Null)
        .json();
    let master = book["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "Shelf__c")
        .unwrap();
    assert_eq!(
        (
            &master["relationshipOrder"],
            &master["nillable"],
            &master["updateable"]
        ),
        (&json!(0), &json!(false), &json!(false))
    );
    assert!(
        !book["fields"]
            .as_array()
            .unwrap()
            .iter()
            .any(|it| it["name"] == "OwnerId"),
        "a detail has no owner"
    );
    let task = site
        .call("GET", "/sobjects/Task/describe", &Value::Null)
        .json();
    let what = task["fields"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "WhatId")
        .unwrap();
    assert_eq!(what["polymorphicForeignKey"], true);
    assert!(
        what["referenceTo"]
            .as_array()
            .unwrap()
            .contains(&json!("Shelf__c"))
    );
    let global = site.call("GET", "/sobjects", &Value::Null).json();
    let names: Vec<&str> = global["sobjects"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    for name in [
        "Account",
        "AccountShare",
        "ContentVersion",
        "Shelf__History",
        "User",
        "RecordType",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    let later = site.send(|it| {
        it.get(site.url(&format!("{DATA}/sobjects/Shelf__c/describe")))
            .header("If-Modified-Since", "Sat, 01 Jan 2050 00:00:00 GMT")
            .bearer_auth(site.admin())
    });
    assert_eq!((later.status, later.text.as_str()), (304, ""));
}

#[test]
fn changes_and_deletions_of_a_span_are_told() {
    let site = library();
    site.control(
        "POST",
        "/simorg/clock",
        &json!({"now": "2026-03-01T08:00:00Z"}),
    );
    let early = site.make("Shelf__c", &json!({"Code__c": "early"}));
    site.clock("1h");
    let late = site.make("Shelf__c", &json!({"Code__c": "late"}));
    site.call(
        "DELETE",
        &format!("/sobjects/Shelf__c/{early}"),
        &Value::Null,
    );
    site.clock("1h");
    let span = "start=2026-03-01T08:30:00%2B00:00&end=2026-03-01T10:00:00%2B00:00";
    let updated = site
        .call(
            "GET",
            &format!("/sobjects/Shelf__c/updated/?{span}"),
            &Value::Null,
        )
        .json();
    assert_eq!(updated["ids"], json!([late]));
    let deleted = site
        .call(
            "GET",
            &format!("/sobjects/Shelf__c/deleted/?{span}"),
            &Value::Null,
        )
        .json();
    assert_eq!(deleted["deletedRecords"][0]["id"], early.as_str());
    assert!(
        deleted["deletedRecords"][0]["deletedDate"]
            .as_str()
            .unwrap()
            .starts_with("2026-03-01T09:00:0")
    );
    let wrong = site.refused(
        "GET",
        "/sobjects/Shelf__c/updated/?start=2026-03-01T08:30:00Z&end=2026-03-01T08:30:20Z",
        &Value::Null,
    );
    assert!(wrong.starts_with("400 INVALID_REPLICATION_DATE"), "{wrong}");
}
