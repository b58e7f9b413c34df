//! Rows of a simulated org: made and lost by REST, exported and restored by `orgkeep`.

use std::fs;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::TestEnv;

/// Root of the REST API.
pub(crate) const DATA: &str = "/services/data/v66.0";

impl TestEnv {
    /// Replaces what the settings say of records.
    pub(crate) fn configure_records(&self, records: &str) {
        let path = self.repo().join("orgkeep.toml");
        let text = fs::read_to_string(&path).unwrap();
        let before = text.split("\n[records]").next().unwrap();
        fs::write(
            &path,
            format!("{before}\n[records]\nsetup = false\n{records}"),
        )
        .unwrap();
    }

    /// Inserts a row; its Id.
    #[track_caller]
    pub(crate) fn create(&self, object: &str, record: &Value) -> String {
        let path = format!("{DATA}/sobjects/{object}");
        let (status, answer) = self.org.rest("POST", &path, record);
        assert_eq!(status, 201, "{answer}");
        answer["id"].as_str().unwrap().to_owned()
    }

    /// Changes a row.
    #[track_caller]
    pub(crate) fn update(&self, object: &str, id: &str, record: &Value) {
        let path = format!("{DATA}/sobjects/{object}/{id}");
        let (status, answer) = self.org.rest("PATCH", &path, record);
        assert_eq!(status, 204, "{answer}");
    }

    /// Deletes a row.
    #[track_caller]
    pub(crate) fn delete(&self, object: &str, id: &str) {
        let path = format!("{DATA}/sobjects/{object}/{id}");
        let (status, answer) = self.org.rest("DELETE", &path, &Value::Null);
        assert_eq!(status, 204, "{answer}");
    }

    /// Takes rows out of the recycle bin for good.
    #[track_caller]
    pub(crate) fn empty_bin(&self, ids: &[&str]) {
        let ids: Vec<_> = ids.iter().map(|it| format!("<ids>{it}</ids>")).collect();
        let ids = ids.concat();
        let call = format!("<emptyRecycleBin>{ids}</emptyRecycleBin>");
        let answer = self.org.partner(&call);
        assert!(!answer.contains("<success>false"), "{answer}");
    }

    /// The rows of a query.
    #[track_caller]
    pub(crate) fn query(&self, soql: &str) -> Vec<Value> {
        let soql = soql
            .replace('%', "%25")
            .replace(' ', "+")
            .replace('\'', "%27");
        let path = format!("{DATA}/query?q={soql}");
        let (status, answer) = self.org.rest("GET", &path, &Value::Null);
        assert_eq!(status, 200, "{answer}");
        answer["records"].as_array().unwrap().clone()
    }

    /// A file that the user uploads; the Id of its version.
    #[track_caller]
    pub(crate) fn upload(&self, name: &str, bytes: &[u8]) -> String {
        let record =
            json!({"Title": name, "PathOnClient": name, "VersionData": STANDARD.encode(bytes)});
        self.create("ContentVersion", &record)
    }

    /// An attachment of a row; its Id.
    #[track_caller]
    pub(crate) fn attach(&self, parent: &str, name: &str, bytes: &[u8]) -> String {
        let record = json!({"ParentId": parent, "Name": name, "Body": STANDARD.encode(bytes)});
        self.create("Attachment", &record)
    }

    /// Exports, and gives the commit.
    #[track_caller]
    pub(crate) fn export_records(&self) -> String {
        let ran = self.orgkeep(&["records", "export", "--json"]).status(0);
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        report["commit"].as_str().unwrap().to_owned()
    }

    /// Restores, and gives the report.
    #[track_caller]
    pub(crate) fn restore(&self, status: i32, arguments: &[&str]) -> Value {
        let mut all = vec!["records", "restore", "--json", "--yes"];
        all.extend(arguments);
        let ran = self.orgkeep(&all).status(status);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|err| panic!("{err}: {ran:?}"))
    }
}

/// Object and deed of each item of a report, but for rows that stay as they are.
pub(crate) fn deeds(report: &Value) -> Vec<(String, String)> {
    let items = report["items"].as_array().unwrap();
    let mut deeds: Vec<_> = items
        .iter()
        .filter(|it| it["deed"] != "untouched" && it["deed"] != "keep")
        .map(|it| {
            let text = |name: &str| it[name].as_str().unwrap().to_owned();
            (text("object"), text("deed"))
        })
        .collect();
    deeds.sort();
    deeds
}
