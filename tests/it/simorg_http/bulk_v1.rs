//! The Bulk API 1.0: jobs of batches, in JSON, CSV and XML.

use serde_json::{Value, json};

use super::library::library;
use super::site::{Answer, Site};

fn send(site: &Site, method: &str, path: &str, kind: &str, body: &str) -> Answer {
    let url = site.url(&format!("/services/async/66.0/{path}"));
    site.send(|it| {
        it.request(method.parse().unwrap(), url)
            .header("X-SFDC-Session", site.admin())
            .header("Content-Type", kind)
            .body(body.to_owned())
    })
}

fn post(site: &Site, path: &str, body: &Value) -> Value {
    let answer = send(site, "POST", path, "application/json", &body.to_string());
    assert!(answer.status < 300, "{}", answer.text);
    answer.json()
}

fn get(site: &Site, path: &str) -> Answer {
    let answer = send(site, "GET", path, "application/json", "");
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer
}

/// A job with one batch; gives the ids of both.
fn job(site: &Site, operation: &str, object: &str, kind: &str, batch: &str) -> (String, String) {
    let asked = json!({"operation": operation, "object": object, "contentType": kind, "concurrencyMode": "Parallel",
        "externalIdFieldName": (operation == "upsert").then_some("Code__c")});
    let job = post(site, "job", &asked)["id"].as_str().unwrap().to_owned();
    let mime = match kind {
        "CSV" => "text/csv",
        "XML" => "application/xml",
        _ => "application/json",
    };
    let made = send(site, "POST", &format!("job/{job}/batch"), mime, batch);
    assert_eq!(made.status, 201, "{}", made.text);
    let id = match kind {
        "JSON" => made.json()["id"].as_str().unwrap().to_owned(),
        _ => text_of(&made.text, "id").to_owned(),
    };
    (job, id)
}

fn text_of<'a>(answer: &'a str, name: &str) -> &'a str {
    let rest = answer.split(&format!("<{name}>")).nth(1);
    rest.and_then(|it| it.split('<').next()).unwrap_or_default()
}

#[test]
fn rows_come_in_json_each_with_its_own_result() {
    let site = library();
    let rows = json!([{"Code__c": "A"}, {"Code__c": "A"}, {"Code__c": "B", "Kind__c": null}]);
    let (job, batch) = job(&site, "insert", "Shelf__c", "JSON", &rows.to_string());
    let told = get(&site, &format!("job/{job}/batch/{batch}")).json();
    assert_eq!(told["state"], "Completed");
    assert_eq!(
        (
            &told["numberRecordsProcessed"],
            &told["numberRecordsFailed"]
        ),
        (&json!(3), &json!(1))
    );
    let results = get(&site, &format!("job/{job}/batch/{batch}/result")).json();
    let told: Vec<_> = (0..3).map(|it| results[it]["success"].clone()).collect();
    assert_eq!(told, [true, false, true]);
    assert_eq!(results[1]["errors"][0]["statusCode"], "DUPLICATE_VALUE");
    assert_eq!(
        site.rows("SELECT Code__c FROM Shelf__c ORDER BY Code__c"),
        ["A", "B"]
    );
    let request = get(&site, &format!("job/{job}/batch/{batch}/request")).json();
    assert_eq!(request, rows);
    let closed = post(&site, &format!("job/{job}"), &json!({"state": "Closed"}));
    assert_eq!(closed["state"], "Closed");
    let late = send(
        &site,
        "POST",
        &format!("job/{job}/batch"),
        "application/json",
        "[]",
    );
    assert_eq!(late.json()["exceptionCode"], "InvalidJobState");
}

#[test]
fn rows_come_in_csv_and_are_told_in_xml() {
    let site = library();
    let batch = "Code__c,Kind__c\nA,Open\n\"B\",#N/A\n,Nonsense\n";
    let (job, batch) = job(&site, "insert", "Shelf__c", "CSV", batch);
    let told = get(&site, &format!("job/{job}/batch/{batch}")).text;
    assert_eq!(text_of(&told, "state"), "Completed");
    assert_eq!(text_of(&told, "numberRecordsFailed"), "1");
    let results = get(&site, &format!("job/{job}/batch/{batch}/result")).text;
    let lines: Vec<&str> = results.lines().collect();
    assert_eq!(lines[0], "\"Id\",\"Success\",\"Created\",\"Error\"");
    assert!(lines[1].ends_with("\"true\",\"true\",\"\""), "{results}");
    assert!(
        lines[3].starts_with("\"\",\"false\",\"false\",\"INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:"),
        "{results}"
    );
    let told = get(&site, &format!("job/{job}")).text;
    assert_eq!(text_of(&told, "numberBatchesCompleted"), "1");
}

#[test]
fn rows_come_in_xml_with_parents_by_their_keys() {
    let site = library();
    site.make("Shelf__c", &json!({"Code__c": "A"}));
    let batch = "<sObjects xmlns=\"http://www.force.com/2009/06/asyncapi/dataload\"><sObject><Name>Moby</Name>\
                 <Shelf__r><sObject><Code__c>A</Code__c></sObject></Shelf__r></sObject></sObjects>";
    let (job, batch) = job(&site, "insert", "Book__c", "XML", batch);
    let results = get(&site, &format!("job/{job}/batch/{batch}/result")).text;
    assert!(results.contains("<success>true</success>"), "{results}");
    assert_eq!(site.rows("SELECT Shelf__r.Code__c FROM Book__c"), ["A"]);
}

#[test]
fn query_gives_a_list_of_results_and_each_of_them_its_rows() {
    let site = library();
    for code in ["A", "B"] {
        site.make("Shelf__c", &json!({"Code__c": code}));
    }
    let soql = "SELECT Code__c, CreatedDate FROM Shelf__c ORDER BY Code__c";
    let (id, batch) = job(&site, "query", "Shelf__c", "JSON", soql);
    let results = get(&site, &format!("job/{id}/batch/{batch}/result")).json();
    let result = results[0].as_str().unwrap();
    let rows = get(&site, &format!("job/{id}/batch/{batch}/result/{result}")).json();
    assert_eq!(rows[1]["Code__c"], "B");
    assert_eq!(rows[1]["attributes"]["type"], "Shelf__c");
    assert!(rows[1]["CreatedDate"].is_i64(), "{rows}");
    let (id, batch) = job(
        &site,
        "query",
        "Shelf__c",
        "CSV",
        "SELECT Code__c FROM Shelf__c ORDER BY Code__c",
    );
    let list = get(&site, &format!("job/{id}/batch/{batch}/result")).text;
    let result = text_of(&list, "result");
    let rows = get(&site, &format!("job/{id}/batch/{batch}/result/{result}")).text;
    assert_eq!(rows, "\"Code__c\"\n\"A\"\n\"B\"\n");
}

#[test]
fn rows_are_changed_by_key_and_deleted_by_id() {
    let site = library();
    let id = site.make("Shelf__c", &json!({"Code__c": "A"}));
    let rows = json!([{"Code__c": "A", "Kind__c": "Closed"}, {"Code__c": "B"}]);
    let (first, batch) = job(&site, "upsert", "Shelf__c", "JSON", &rows.to_string());
    let results = get(&site, &format!("job/{first}/batch/{batch}/result")).json();
    assert_eq!(
        (&results[0]["created"], &results[1]["created"]),
        (&json!(false), &json!(true))
    );
    let (second, batch) = job(&site, "delete", "Shelf__c", "CSV", &format!("Id\n{id}\n"));
    get(&site, &format!("job/{second}/batch/{batch}/result"));
    assert_eq!(site.rows("SELECT Code__c FROM Shelf__c"), ["B"]);
}

#[test]
fn session_that_is_none_is_refused_as_clients_look_for() {
    let site = library();
    let url = site.url("/services/async/66.0/job");
    let answer = site.send(|it| {
        it.post(url)
            .header("X-SFDC-Session", "nonsense")
            .header("Content-Type", "application/xml")
            .body("<jobInfo/>")
    });
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text
            .contains("<exceptionCode>InvalidSessionId</exceptionCode>"),
        "{}",
        answer.text
    );
}

#[test]
fn batch_that_cannot_be_read_fails_alone() {
    let site = library();
    let (id, batch) = job(&site, "insert", "Shelf__c", "CSV", "Nope__c\n1\n");
    let told = get(&site, &format!("job/{id}/batch/{batch}")).text;
    assert_eq!(text_of(&told, "state"), "Failed");
    assert_eq!(
        text_of(&told, "stateMessage"),
        "InvalidBatch : Field name not found : Nope__c"
    );
}
