//! The Bulk API 2.0: the shapes of jobs, results and failures.

use orgkeep::simorg::serve::{Options, parse_limits};
use serde_json::{Value, json};

use super::site::{Answer, Site};

const DATA: &str = "/services/data/v66.0";

impl Site {
    /// Makes a query job and gives its id.
    fn query_job(&self, soql: &str) -> String {
        let job = self.call(
            "POST",
            "/jobs/query",
            &json!({"operation": "query", "query": soql}),
        );
        assert_eq!(job.status, 200, "{}", job.text);
        job.json()["id"].as_str().unwrap().to_owned()
    }

    /// Asks until the job is over.
    fn finished(&self, kind: &str, id: &str) -> Value {
        for _ in 0..100 {
            let job = self
                .call("GET", &format!("/jobs/{kind}/{id}"), &Value::Null)
                .json();
            if !matches!(job["state"].as_str(), Some("UploadComplete" | "InProgress")) {
                return job;
            }
        }
        panic!("job {id} never ends");
    }

    /// The rows of a query, header aside, and the header.
    fn bulk(&self, soql: &str) -> (String, Vec<String>) {
        let id = self.query_job(soql);
        assert_eq!(self.finished("query", &id)["state"], "JobComplete");
        let page = self.call("GET", &format!("/jobs/query/{id}/results"), &Value::Null);
        assert_eq!(page.header("sforce-locator"), "null");
        let mut lines = page.text.lines().map(str::to_owned);
        (lines.next().unwrap(), lines.collect())
    }

    /// Uploads `data` into a job and has it carried out.
    fn ingest(&self, job: &Value, data: &str) -> Value {
        let id = self.ingest_open(job, data);
        let closed = self.call(
            "PATCH",
            &format!("/jobs/ingest/{id}"),
            &json!({"state": "UploadComplete"}),
        );
        assert_eq!(closed.json()["state"], "UploadComplete", "{}", closed.text);
        self.finished("ingest", &id)
    }

    fn ingest_open(&self, job: &Value, data: &str) -> String {
        let made = self.call("POST", "/jobs/ingest", job);
        assert_eq!(made.status, 200, "{}", made.text);
        let made = made.json();
        assert_eq!(self.put(&made, data).status, 201);
        made["id"].as_str().unwrap().to_owned()
    }

    fn put(&self, made: &Value, data: &str) -> Answer {
        let url = self.url(&format!("/{}", made["contentUrl"].as_str().unwrap()));
        self.send(|it| {
            it.put(url)
                .bearer_auth(self.admin())
                .header("Content-Type", "text/csv")
                .body(data.to_owned())
        })
    }

    fn result(&self, job: &Value, which: &str) -> String {
        let id = job["id"].as_str().unwrap();
        let answer = self.call("GET", &format!("/jobs/ingest/{id}/{which}"), &Value::Null);
        assert_eq!(answer.status, 200, "{which}: {}", answer.text);
        answer.text
    }
}

fn code(answer: &Answer) -> String {
    let body = answer.json();
    format!(
        "{} {}",
        answer.status,
        body[0]["errorCode"].as_str().unwrap_or(&answer.text)
    )
}

fn keys(value: &Value) -> String {
    let keys: Vec<&str> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.join(" ")
}

#[test]
fn query_job_goes_through_its_states_and_gives_quoted_rows() {
    let site = Site::acme();
    site.control("POST", "/simorg/bulk", &json!({"checks": 1}));
    let made = site.call(
        "POST",
        "/jobs/query",
        &json!({"operation": "query", "query": "select id, name, Owner.Username from account order by Name limit 2"}),
    );
    let made = made.json();
    assert_eq!(
        keys(&made),
        "id operation object createdById createdDate systemModstamp state concurrencyMode contentType apiVersion \
         lineEnding columnDelimiter"
    );
    assert_eq!(
        (&made["state"], &made["object"]),
        (&json!("UploadComplete"), &json!("Account"))
    );
    let path = format!("/jobs/query/{}", made["id"].as_str().unwrap());
    let early = site.call("GET", &format!("{path}/results"), &Value::Null);
    assert_eq!(code(&early), "400 INVALIDJOBSTATE");
    let states: Vec<Value> = (0..2)
        .map(|_| site.call("GET", &path, &Value::Null).json()["state"].clone())
        .collect();
    assert_eq!(states, ["UploadComplete", "JobComplete"]);
    let done = site.call("GET", &path, &Value::Null).json();
    assert_eq!(
        (&done["jobType"], &done["numberRecordsProcessed"]),
        (&json!("V2Query"), &json!(2))
    );
    let page = site.call("GET", &format!("{path}/results"), &Value::Null);
    assert_eq!(page.header("content-type"), "text/csv");
    assert_eq!(page.header("sforce-numberofrecords"), "2");
    assert_eq!(page.header("sforce-locator"), "null");
    let mut lines = page.text.split('\n');
    assert_eq!(lines.next(), Some("\"Id\",\"Name\",\"Owner.Username\""));
    assert!(lines.next().unwrap().ends_with(",\"admin@acme.example\""));
    assert!(page.text.ends_with("\"\n"));
}

#[test]
fn pages_of_any_size_give_every_row_once_and_the_same_each_time() {
    let site = Site::acme();
    let all = site.records("SELECT Id FROM Account").len();
    let id = site.query_job("SELECT Id FROM Account");
    assert_eq!(site.finished("query", &id)["numberRecordsProcessed"], all);
    let path = format!("/jobs/query/{id}/results?maxRecords=5");
    let mut rows = Vec::new();
    let mut locator = String::new();
    loop {
        let page = site.call("GET", &format!("{path}{locator}"), &Value::Null);
        let again = site.call("GET", &format!("{path}{locator}"), &Value::Null);
        assert_eq!(page.text, again.text);
        let mut lines = page.text.lines();
        assert_eq!(lines.next(), Some("\"Id\""), "each page has the header");
        let before = rows.len();
        rows.extend(lines.map(str::to_owned));
        assert_eq!(
            page.header("sforce-numberofrecords"),
            (rows.len() - before).to_string()
        );
        match page.header("sforce-locator") {
            "null" => break,
            next => locator = format!("&locator={next}"),
        }
    }
    let mut sorted = rows.clone();
    sorted.sort();
    assert_ne!(rows, sorted, "chunks come in no order");
    sorted.dedup();
    assert_eq!(sorted.len(), all);
    for (path, expected) in [
        ("results?locator=fish", "400 INVALID_QUERY_LOCATOR"),
        ("results?maxRecords=0", "400 INVALID_VALUE"),
    ] {
        let answer = site.call("GET", &format!("/jobs/query/{id}/{path}"), &Value::Null);
        assert_eq!(code(&answer), expected);
    }
}

#[test]
fn parallel_pages_are_linked_five_at_a_time() {
    let site = Site::acme();
    site.control("POST", "/simorg/bulk", &json!({"page_rows": 2}));
    let all = site.records("SELECT Id FROM Account").len();
    let id = site.query_job("SELECT Id FROM Account");
    site.finished("query", &id);
    let mut next = Some(format!("{DATA}/jobs/query/{id}/resultPages"));
    let mut rows = 0;
    while let Some(path) = next {
        let links = site.get(site.admin(), &path).json();
        assert_eq!(keys(&links), "resultChunks nextRecordsUrl done");
        let chunks = links["resultChunks"].as_array().unwrap();
        assert!((1..=5).contains(&chunks.len()));
        for chunk in chunks {
            let link = chunk["resultLink"].as_str().unwrap();
            assert!(link.starts_with("/jobs/query/"), "{link}");
            rows += site.call("GET", link, &Value::Null).text.lines().count() - 1;
        }
        assert_eq!(links["done"], links["nextRecordsUrl"].is_null());
        next = links["nextRecordsUrl"].as_str().map(str::to_owned);
    }
    assert_eq!(rows, all);
    site.control("POST", "/simorg/bulk", &json!({"no_result_pages": true}));
    let gone = site.call(
        "GET",
        &format!("/jobs/query/{id}/resultPages"),
        &Value::Null,
    );
    assert_eq!(code(&gone), "404 NOT_FOUND");
}

#[test]
fn results_are_for_their_owner_by_the_version_that_made_them() {
    let site = Site::acme();
    let id = site.query_job("SELECT Id FROM Account");
    site.finished("query", &id);
    let older = site.get(
        site.admin(),
        &format!("/services/data/v60.0/jobs/query/{id}/results"),
    );
    assert_eq!(older.status, 409);
    for (who, status) in [("Jane Doe", 200), ("Rita Reader", 404)] {
        let job = site.call_as(
            site.token(who),
            "GET",
            &format!("/jobs/query/{id}"),
            &Value::Null,
        );
        assert_eq!(job.status, status, "{who}");
        let path = format!("/jobs/query/{id}/results");
        let rows = site.call_as(site.token(who), "GET", &path, &Value::Null);
        assert_eq!(rows.status, 404, "{who}");
    }
}

#[test]
fn what_bulk_cannot_query_is_refused_or_fails() {
    let site = Site::acme();
    let refused = |soql: &str| {
        let asked = json!({"operation": "query", "query": soql});
        let answer = site.call("POST", "/jobs/query", &asked);
        let message = answer.json()[0]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        format!("{} {message}", code(&answer))
    };
    for (soql, expected) in [
        ("SELECT Fish FROM Account", "400 INVALID_FIELD"),
        ("SELECT Id FROM Fish", "400 INVALID_TYPE"),
        ("SELEKT", "400 MALFORMED_QUERY"),
        (
            "SELECT count() FROM Account",
            "400 FUNCTIONALITY_NOT_ENABLED",
        ),
        (
            "SELECT Name, count(Id) FROM Account GROUP BY Name",
            "400 FUNCTIONALITY_NOT_ENABLED",
        ),
        (
            "SELECT Id FROM Account LIMIT 5 OFFSET 5",
            "400 FUNCTIONALITY_NOT_ENABLED",
        ),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "400 FUNCTIONALITY_NOT_ENABLED",
        ),
        (
            "SELECT BillingAddress FROM Account",
            "400 FUNCTIONALITY_NOT_ENABLED Selecting compound data not supported in Bulk Query",
        ),
        (
            "SELECT Id FROM SetupAuditTrail",
            "400 INVALIDENTITY Entity 'SetupAuditTrail' is not supported by the Bulk API.",
        ),
    ] {
        let answer = refused(soql);
        assert!(answer.starts_with(expected), "{soql}: {answer}");
    }
    let id = site.query_job("SELECT Id, Body FROM Attachment");
    let failed = site.finished("query", &id);
    assert_eq!(failed["state"], "Failed");
    assert!(
        failed["errorMessage"].as_str().unwrap().contains("Body"),
        "{failed}"
    );
    let rows = site.call("GET", &format!("/jobs/query/{id}/results"), &Value::Null);
    assert_eq!(code(&rows), "400 INVALIDJOBSTATE");
}

#[test]
fn delimiters_line_endings_and_nul_bytes_come_as_asked_for() {
    let site = Site::acme();
    site.control("POST", "/simorg/bulk", &json!({"nul_bytes": true}));
    let asked = json!({
        "operation": "query", "query": "SELECT Id, Name FROM Account ORDER BY Id LIMIT 1",
        "lineEnding": "CRLF", "columnDelimiter": "PIPE", "contentType": "CSV",
    });
    let id = site.call("POST", "/jobs/query", &asked).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    site.finished("query", &id);
    let page = site.call("GET", &format!("/jobs/query/{id}/results"), &Value::Null);
    assert!(
        page.text.starts_with("\"Id\"|\"Name\"\r\n\"001"),
        "{:?}",
        page.text
    );
    assert!(page.text.ends_with("\"\r\n\0"), "{:?}", page.text);
}

#[test]
fn query_jobs_end_by_request_and_after_seven_days() {
    let site = Site::acme();
    let id = site.query_job("SELECT Id FROM Account");
    let path = format!("/jobs/query/{id}");
    assert_eq!(
        code(&site.call("DELETE", &path, &Value::Null)),
        "400 INVALIDJOBSTATE"
    );
    let abort = json!({"state": "Aborted"});
    assert_eq!(site.call("PATCH", &path, &abort).json()["state"], "Aborted");
    assert_eq!(
        code(&site.call("PATCH", &path, &abort)),
        "400 INVALIDJOBSTATE"
    );
    assert_eq!(site.call("DELETE", &path, &Value::Null).status, 204);
    assert_eq!(
        code(&site.call("GET", &path, &Value::Null)),
        "404 NOT_FOUND"
    );
    let kept = site.query_job("SELECT Id FROM Account");
    site.finished("query", &kept);
    let list = site
        .call("GET", "/jobs/query?jobType=V2Query", &Value::Null)
        .json();
    assert_eq!(
        (&list["done"], &list["nextRecordsUrl"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(list["records"].as_array().unwrap().len(), 1);
    site.control("POST", "/simorg/clock", &json!({"advance": "7d"}));
    let gone = site.call("GET", &format!("/jobs/query/{kept}"), &Value::Null);
    assert_eq!(code(&gone), "404 NOT_FOUND");
}

#[test]
fn query_jobs_of_the_day_are_counted_and_refused() {
    let site = Site::start(&Options {
        limits: parse_limits("daily_query_jobs=2").unwrap(),
        ..Options::default()
    });
    for left in [1, 0] {
        site.query_job("SELECT Id FROM Account");
        let limits = site.call("GET", "/limits", &Value::Null).json();
        assert_eq!(
            limits["DailyBulkV2QueryJobs"],
            json!({"Max": 2, "Remaining": left})
        );
    }
    let asked = json!({"operation": "query", "query": "SELECT Id FROM Account"});
    let refused = site.call("POST", "/jobs/query", &asked);
    assert_eq!(code(&refused), "400 LIMIT_EXCEEDED");
}

#[test]
fn deleted_rows_come_with_query_all_only() {
    let site = Site::acme();
    let (_, before) = site.bulk("SELECT Id FROM Account");
    let id = before[0].trim_matches('"');
    site.call("DELETE", &format!("/sobjects/Account/{id}"), &Value::Null);
    assert_eq!(
        site.bulk("SELECT Id FROM Account").1.len(),
        before.len() - 1
    );
    let all = json!({"operation": "queryAll", "query": "SELECT Id, IsDeleted FROM Account"});
    let job = site.call("POST", "/jobs/query", &all).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        site.finished("query", &job)["numberRecordsProcessed"],
        before.len()
    );
    let rows = site
        .call("GET", &format!("/jobs/query/{job}/results"), &Value::Null)
        .text;
    assert!(rows.contains(&format!("\"{id}\",\"true\"")), "{rows}");
}

#[test]
fn inserted_rows_are_told_apart_from_those_that_failed() {
    let site = Site::acme();
    let made = site.call(
        "POST",
        "/jobs/ingest",
        &json!({"object": "Account", "operation": "insert"}),
    );
    assert_eq!(
        keys(&made.json()),
        "id operation object createdById createdDate systemModstamp state concurrencyMode contentType apiVersion \
         contentUrl lineEnding columnDelimiter"
    );
    let data = "Name,Description,NumberOfEmployees\n\"a \"\"b\"\", c\",\"x\ny\",7\n,no name,\n";
    let job = site.ingest(&json!({"object": "Account", "operation": "insert"}), data);
    assert_eq!(
        (
            &job["state"],
            &job["numberRecordsProcessed"],
            &job["numberRecordsFailed"]
        ),
        (&json!("JobComplete"), &json!(2), &json!(1))
    );
    let done = site.result(&job, "successfulResults");
    let (header, row) = done.split_once('\n').unwrap();
    assert_eq!(
        header,
        "\"sf__Id\",\"sf__Created\",Name,Description,NumberOfEmployees"
    );
    assert!(
        row.starts_with("\"001")
            && row.ends_with("\",\"true\",\"a \"\"b\"\", c\",\"x\ny\",\"7\"\n"),
        "{row}"
    );
    assert_eq!(
        site.result(&job, "failedResults"),
        "\"sf__Id\",\"sf__Error\",Name,Description,NumberOfEmployees\n\
         \"\",\"REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name--\",\"\",\"no name\",\"\"\n"
    );
    assert_eq!(
        site.result(&job, "unprocessedrecords"),
        "Name,Description,NumberOfEmployees\n"
    );
    let stored = site
        .records("SELECT Name, Description, NumberOfEmployees FROM Account WHERE Name LIKE 'a %'");
    assert_eq!(stored[0]["Description"], "x\ny");
}

#[test]
fn empty_cell_leaves_a_value_and_na_takes_it() {
    let site = Site::acme();
    let made = site.call(
        "POST",
        "/sobjects/Account",
        &json!({"Name": "Kept", "Phone": "1", "Site": "s"}),
    );
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let data = format!("Id,Phone,Site\n{id},,#N/A\n");
    let job = site.ingest(&json!({"object": "Account", "operation": "update"}), &data);
    assert_eq!(
        job["numberRecordsFailed"],
        0,
        "{}",
        site.result(&job, "failedResults")
    );
    let row = &site.records(&format!(
        "SELECT Phone, Site FROM Account WHERE Id = '{id}'"
    ))[0];
    assert_eq!((&row["Phone"], &row["Site"]), (&json!("1"), &Value::Null));
}

#[test]
fn rows_are_found_and_linked_by_keys_of_their_own() {
    let site = Site::acme();
    let upsert = json!({"object": "Account", "operation": "upsert", "externalIdFieldName": "External_Id__c"});
    let data = "External_Id__c,Name,User:Owner.Username\nERP-1007,Renamed,jane@acme.example\nERP-NEW,New,\n";
    let job = site.ingest(&upsert, data);
    assert_eq!(
        job["numberRecordsFailed"],
        0,
        "{}",
        site.result(&job, "failedResults")
    );
    let done = site.result(&job, "successfulResults");
    assert!(
        done.contains("\"false\",\"ERP-1007\"") && done.contains("\"true\",\"ERP-NEW\""),
        "{done}"
    );
    let row = &site
        .records("SELECT Name, Owner.Username FROM Account WHERE External_Id__c = 'ERP-1007'")[0];
    assert_eq!(
        (&row["Name"], &row["Owner"]["Username"]),
        (&json!("Renamed"), &json!("jane@acme.example"))
    );
    let data = "LastName,Account.External_Id__c\nLinked,ERP-NEW\nLost,ERP-NONE\n";
    let job = site.ingest(&json!({"object": "Contact", "operation": "insert"}), data);
    assert_eq!(job["numberRecordsFailed"], 1);
    assert!(site.result(&job, "failedResults").contains("\"Lost\""));
    let row = &site.records("SELECT Account.Name FROM Contact WHERE LastName = 'Linked'")[0];
    assert_eq!(row["Account"]["Name"], "New");
}

#[test]
fn data_that_no_job_takes_fails_it_whole() {
    let site = Site::acme();
    for (data, expected) in [
        (
            "Name\r\nx\r\n",
            "InvalidBatch : LineEnding is invalid on user data. Current LineEnding setting is LF",
        ),
        (
            "\u{feff}Name\nx\n",
            "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote",
        ),
        (
            "Name,Fish\nx,y\n",
            "InvalidBatch : Field name not found : Fish",
        ),
    ] {
        let job = site.ingest(&json!({"object": "Account", "operation": "insert"}), data);
        assert_eq!(
            (&job["state"], &job["errorMessage"]),
            (&json!("Failed"), &json!(expected))
        );
        assert!(site.result(&job, "unprocessedRecords").contains('x'));
    }
    assert!(
        site.records("SELECT Id FROM Account WHERE Name = 'x'")
            .is_empty()
    );
}

#[test]
fn job_that_ends_in_the_middle_tells_what_it_did_and_what_not() {
    let site = Site::acme();
    let data = "Name\none\ntwo\nthree\n";
    let stop = json!({"stop": {"after": 2, "state": "Failed"}});
    site.control("POST", "/simorg/bulk", &stop);
    let job = site.ingest(&json!({"object": "Account", "operation": "insert"}), data);
    assert_eq!(
        (&job["state"], &job["numberRecordsProcessed"]),
        (&json!("Failed"), &json!(2))
    );
    assert_eq!(site.result(&job, "successfulResults").lines().count(), 3);
    assert_eq!(site.result(&job, "unprocessedrecords"), "Name\n\"three\"\n");
    // It is used up; the next one is ended by its user between two questions.
    site.control("POST", "/simorg/bulk", &json!({"rows_per_check": 1}));
    let id = site.ingest_open(&json!({"object": "Account", "operation": "insert"}), data);
    let path = format!("/jobs/ingest/{id}");
    site.call("PATCH", &path, &json!({"state": "UploadComplete"}));
    assert_eq!(
        site.call("GET", &path, &Value::Null).json()["state"],
        "InProgress"
    );
    let ended = site
        .call("PATCH", &path, &json!({"state": "Aborted"}))
        .json();
    assert_eq!(ended["state"], "Aborted");
    let job = site.call("GET", &path, &Value::Null).json();
    assert_eq!(
        site.result(&job, "unprocessedrecords"),
        "Name\n\"two\"\n\"three\"\n"
    );
}

#[test]
fn data_comes_once_and_before_the_job_is_closed() {
    let site = Site::acme();
    let made = site
        .call(
            "POST",
            "/jobs/ingest",
            &json!({"object": "Account", "operation": "insert"}),
        )
        .json();
    assert_eq!(site.put(&made, "Name\nx\n").status, 201);
    let again = site.put(&made, "Name\ny\n");
    assert!(
        again.text.contains("Found multiple contents for job"),
        "{}",
        again.text
    );
    let path = format!("/jobs/ingest/{}", made["id"].as_str().unwrap());
    assert_eq!(
        code(&site.call("DELETE", &path, &Value::Null)),
        "400 INVALIDJOBSTATE"
    );
    site.call("PATCH", &path, &json!({"state": "UploadComplete"}));
    assert_eq!(site.put(&made, "Name\ny\n").status, 400);
    let closed = site.call("PATCH", &path, &json!({"state": "UploadComplete"}));
    assert_eq!(code(&closed), "400 INVALIDJOBSTATE");
    site.finished("ingest", made["id"].as_str().unwrap());
    assert_eq!(site.call("DELETE", &path, &Value::Null).status, 204);
}

#[test]
fn small_data_may_come_together_with_its_job() {
    let site = Site::acme();
    let form = |data: &'static str| {
        let job = reqwest::multipart::Part::text(r#"{"object": "Account", "operation": "insert"}"#)
            .mime_str("application/json")
            .unwrap();
        let content = reqwest::multipart::Part::text(data)
            .mime_str("text/csv")
            .unwrap();
        reqwest::multipart::Form::new()
            .part("job", job)
            .part("content", content)
    };
    let made = site.send(|it| {
        it.post(site.url(&format!("{DATA}/jobs/ingest")))
            .bearer_auth(site.admin())
            .multipart(form("Name\nTogether\n"))
    });
    let made = made.json();
    assert_eq!(made["state"], "UploadComplete");
    let job = site.finished("ingest", made["id"].as_str().unwrap());
    assert_eq!(job["numberRecordsProcessed"], 1);
    assert_eq!(
        site.records("SELECT Id FROM Account WHERE Name = 'Together'")
            .len(),
        1
    );
}

#[test]
fn deleting_for_good_needs_a_permission_of_its_own() {
    let site = Site::acme();
    let refused = site.call(
        "POST",
        "/jobs/ingest",
        &json!({"object": "Account", "operation": "hardDelete"}),
    );
    assert_eq!(code(&refused), "400 FEATURENOTENABLED");
    let made = site
        .call("POST", "/sobjects/Account", &json!({"Name": "Short-lived"}))
        .json();
    let id = made["id"].as_str().unwrap();
    let delete = json!({"object": "Account", "operation": "delete"});
    let wide = site.ingest(&delete, &format!("Id,Name\n{id},x\n"));
    assert_eq!(wide["state"], "Failed");
    let job = site.ingest(&delete, &format!("Id\n{id}\n"));
    assert_eq!(job["numberRecordsFailed"], 0);
    assert!(
        site.result(&job, "successfulResults")
            .ends_with(&format!("\"{id}\",\"false\",\"{id}\"\n"))
    );
    let again = site.ingest(&delete, &format!("Id\n{id}\n"));
    assert!(
        site.result(&again, "failedResults")
            .contains("ENTITY_IS_DELETED")
    );
}

#[test]
fn faults_strike_bulk_calls_and_fail_jobs() {
    let site = Site::acme();
    site.control(
        "POST",
        "/simorg/faults",
        &json!({"call": "bulkQuery", "fault": "fail"}),
    );
    let id = site.query_job("SELECT Id FROM Account");
    assert_eq!(site.finished("query", &id)["state"], "Failed");
    let fail = json!({"call": "bulkIngestStatus", "of": "Account", "fault": "fail"});
    site.control("POST", "/simorg/faults", &fail);
    let job = site.ingest(
        &json!({"object": "Account", "operation": "insert"}),
        "Name\nx\n",
    );
    assert_eq!(
        (&job["state"], job.get("numberRecordsProcessed")),
        (&json!("Failed"), Some(&json!(0)))
    );
    site.control(
        "POST",
        "/simorg/faults",
        &json!({"call": "bulkQueryResults", "fault": "truncate"}),
    );
    let id = site.query_job("SELECT Id, Name FROM Account");
    site.finished("query", &id);
    let url = site.url(&format!("{DATA}/jobs/query/{id}/results"));
    assert!(
        site.try_send(|it| it.get(url).bearer_auth(site.admin()))
            .is_err()
    );
    let calls = site.control("GET", "/simorg/calls", &Value::Null).json();
    assert_eq!(
        (&calls["bulkQuery"], &calls["bulkIngestUpload"]),
        (&json!(2), &json!(1))
    );
}
