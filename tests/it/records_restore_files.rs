//! Files put back: attachments, versions of files, documents and their links.

use serde_json::{Value, json};

use crate::support::{DATA, TestEnv, deeds};

const OBJECTS: &str = "objects = [\"Account\", \"Attachment\", \"ContentVersion\", \
    \"ContentDocument\", \"ContentDocumentLink\"]\n[records.files]\nversions = \"all\"\n";

fn env(records: &str) -> TestEnv {
    let env = TestEnv::initialised();
    env.configure_records(records);
    env
}

/// What the org holds in the body of a row.
fn body(env: &TestEnv, object: &str, id: &str) -> Vec<u8> {
    let field = if object == "ContentVersion" {
        "VersionData"
    } else {
        "Body"
    };
    let path = format!("{DATA}/sobjects/{object}/{id}/{field}");
    env.org.bytes(&path)
}

fn document_of(env: &TestEnv, version: &str) -> String {
    let soql = format!("SELECT ContentDocumentId FROM ContentVersion WHERE Id = '{version}'");
    let rows = env.query(&soql);
    rows[0]["ContentDocumentId"].as_str().unwrap().to_owned()
}

fn text(row: &Value, name: &str) -> String {
    row[name].as_str().unwrap().to_owned()
}

#[test]
fn file_that_is_gone_for_good_comes_back_with_its_versions_and_links() {
    let env = env(OBJECTS);
    let acme = env.create("Account", &json!({"Name": "Acme"}));
    let first = env.upload("contract.pdf", b"version 1 \0\xff");
    let document = document_of(&env, &first);
    let second = env.create(
        "ContentVersion",
        &json!({"Title": "contract 2", "PathOnClient": "contract.pdf", "ContentDocumentId": document,
            "VersionData": "dmVyc2lvbiAy"}),
    );
    env.create(
        "ContentDocumentLink",
        &json!({"ContentDocumentId": document, "LinkedEntityId": acme, "ShareType": "V"}),
    );
    let attached = env.attach(&acme, "note.txt", b"a note");
    let commit = env.export_records();
    env.delete("ContentDocument", &document);
    env.delete("Account", &acme);
    env.empty_bin(&[&document]);
    env.empty_bin(&[&acme]);
    assert_ne!(attached, second);

    let all = [
        "--to",
        &commit,
        "Account",
        "Attachment",
        "ContentVersion",
        "ContentDocument",
        "ContentDocumentLink",
    ];
    let report = env.restore(0, &all);
    let result = &report["result"];
    assert_eq!(result["failed"], json!([]), "{report}");
    let versions = env.query(
        "SELECT Id, ContentDocumentId, Title, IsLatest FROM ContentVersion \
         WHERE PathOnClient = 'contract.pdf' ORDER BY CreatedDate, Id",
    );
    assert_eq!(versions.len(), 2, "{versions:?}");
    let new = text(&versions[0], "ContentDocumentId");
    assert_ne!(new, document);
    assert_eq!(text(&versions[1], "ContentDocumentId"), new);
    assert_eq!(
        body(&env, "ContentVersion", &text(&versions[0], "Id")),
        b"version 1 \0\xff"
    );
    assert_eq!(
        body(&env, "ContentVersion", &text(&versions[1], "Id")),
        b"version 2"
    );
    assert_eq!(versions[1]["Title"], "contract 2");
    assert_eq!(versions[1]["IsLatest"], true);
    let account = text(
        &env.query("SELECT Id FROM Account WHERE Name = 'Acme'")[0],
        "Id",
    );
    let links = env.query(&format!(
        "SELECT LinkedEntityId, ShareType FROM ContentDocumentLink WHERE ContentDocumentId = '{new}'"
    ));
    assert!(
        links
            .iter()
            .any(|it| it["LinkedEntityId"] == account.as_str() && it["ShareType"] == "V"),
        "{links:?}"
    );
    let attachments = env.query("SELECT Id, ParentId, Name FROM Attachment");
    let found = attachments.iter().find(|it| it["Name"] == "note.txt");
    let found = found.unwrap();
    assert_eq!(found["ParentId"], account.as_str());
    assert_eq!(body(&env, "Attachment", &text(found, "Id")), b"a note");

    // All of it is known by its old Ids: nothing is left to do.
    let again = env.restore(0, &all);
    assert_eq!(deeds(&again), [], "{again}");
}

#[test]
fn large_file_is_sent_as_it_is_read_and_a_lost_answer_makes_no_second_one() {
    let env =
        env("objects = [\"Account\", \"Attachment\"]\n[records.files]\nlfs_above = \"1MB\"\n");
    let acme = env.create("Account", &json!({"Name": "Acme"}));
    let bytes: Vec<u8> = (0..=250_u8).cycle().take(3_000_000).collect();
    let id = env.attach(&acme, "large.bin", &bytes);
    let commit = env.export_records();
    env.delete("Attachment", &id);
    env.empty_bin(&[&id]);
    env.org.fault(&json!({"call": "create", "fault": "drop"}));
    let all = ["records", "restore", "--yes", "--to", &commit, "Attachment"];
    env.orgkeep(&all).status(1);
    let there = || env.query("SELECT Id FROM Attachment WHERE Name = 'large.bin'");
    assert_eq!(there().len(), 1);
    env.orgkeep(&all)
        .status(0)
        .warns("1 row of an earlier restore went in");
    assert_eq!(there().len(), 1, "no file is there twice");
    assert!(body(&env, "Attachment", &text(&there()[0], "Id")) == bytes);

    // What the snapshot has no body of does not come back, and the plan says so.
    env.delete("Attachment", &text(&there()[0], "Id"));
    env.empty_bin(&[&text(&there_deleted(&env), "Id")]);
    let other = env.attach(&acme, "new.bin", &bytes);
    env.configure_records(
        "objects = [\"Account\", \"Attachment\"]\n[records.files]\nmax_size = \"1KB\"\n",
    );
    let commit = env.export_records();
    env.delete("Attachment", &other);
    env.empty_bin(&[&other]);
    let report = env.restore(3, &["--to", &commit, &other]);
    assert_eq!(
        deeds(&report),
        [("Attachment".to_owned(), "impossible".to_owned())]
    );
}

/// The row that was deleted last.
fn there_deleted(env: &TestEnv) -> Value {
    let path = format!(
        "{DATA}/queryAll?q=SELECT+Id+FROM+Attachment+WHERE+IsDeleted+=+true+AND+Name+=+%27large.bin%27"
    );
    let (status, answer) = env.org.rest("GET", &path, &Value::Null);
    assert_eq!(status, 200, "{answer}");
    answer["records"]
        .as_array()
        .unwrap()
        .last()
        .unwrap()
        .clone()
}

#[test]
fn attachment_comes_out_of_the_bin_with_its_record_and_its_id() {
    let env = env("objects = [\"Account\", \"Attachment\"]\n");
    let acme = env.create("Account", &json!({"Name": "Acme"}));
    let id = env.attach(&acme, "note.txt", b"a note");
    let commit = env.export_records();
    env.delete("Account", &acme);
    env.restore(0, &["--to", &commit, "Account"]);
    assert_eq!(body(&env, "Attachment", &id), b"a note");
}
