//! A small org for tests of records: shelves with books on them.

use std::{fs, path::Path};

use orgkeep::simorg::serve::Options;
use serde_json::{Value, json};

use super::site::{Answer, Site};

pub(super) const DATA: &str = "/services/data/v66.0";

const SHELF: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
  <deploymentStatus>Deployed</deploymentStatus>
  <enableHistory>true</enableHistory>
  <label>Shelf</label>
  <pluralLabel>Shelves</pluralLabel>
  <nameField><displayFormat>S-{000}</displayFormat><label>Shelf No</label><type>AutoNumber</type></nameField>
  <sharingModel>ReadWrite</sharingModel>
  <fields><fullName>Code__c</fullName><label>Code</label><type>Text</type><length>10</length><externalId>true</externalId>
    <unique>true</unique><caseSensitive>false</caseSensitive><trackHistory>true</trackHistory></fields>
  <fields><fullName>Kind__c</fullName><label>Kind</label><type>Picklist</type><valueSet><restricted>true</restricted>
    <valueSetDefinition><sorted>false</sorted><value><fullName>Open</fullName><default>true</default><label>Open</label></value>
    <value><fullName>Closed</fullName><default>false</default><label>Closed</label></value></valueSetDefinition></valueSet></fields>
  <fields><fullName>Label__c</fullName><label>Label</label><type>Text</type><formula>Code__c &amp; "!"</formula></fields>
  <fields><fullName>Secret__c</fullName><label>Secret</label><type>EncryptedText</type><length>20</length>
    <maskType>lastFour</maskType><maskChar>asterisk</maskChar></fields>
  <fields><fullName>Total__c</fullName><label>Total</label><type>Summary</type><summaryForeignKey>Book__c.Shelf__c</summaryForeignKey>
    <summaryOperation>sum</summaryOperation><summarizedField>Book__c.Price__c</summarizedField></fields>
  <fields><fullName>Keeper__c</fullName><label>Keeper</label><type>Lookup</type><referenceTo>Contact</referenceTo>
    <relationshipName>Shelves</relationshipName><deleteConstraint>SetNull</deleteConstraint></fields>
  <fields><fullName>Landlord__c</fullName><label>Landlord</label><type>Lookup</type><referenceTo>Account</referenceTo>
    <relationshipName>Shelves</relationshipName><deleteConstraint>Restrict</deleteConstraint></fields>
  <fields><fullName>Next__c</fullName><label>Next</label><type>Lookup</type><referenceTo>Shelf__c</referenceTo>
    <relationshipName>Before</relationshipName><deleteConstraint>SetNull</deleteConstraint></fields>
  <validationRules><fullName>No_Junk</fullName><active>true</active><errorConditionFormula>Code__c = "JUNK"</errorConditionFormula>
    <errorDisplayField>Code__c</errorDisplayField><errorMessage>Junk is not kept</errorMessage></validationRules>
</CustomObject>"#;

const BOOK: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
  <deploymentStatus>Deployed</deploymentStatus>
  <label>Book</label>
  <pluralLabel>Books</pluralLabel>
  <nameField><label>Title</label><type>Text</type></nameField>
  <sharingModel>ControlledByParent</sharingModel>
  <fields><fullName>Shelf__c</fullName><label>Shelf</label><type>MasterDetail</type><referenceTo>Shelf__c</referenceTo>
    <relationshipName>Books</relationshipName><relationshipOrder>0</relationshipOrder></fields>
  <fields><fullName>Price__c</fullName><label>Price</label><type>Currency</type><precision>8</precision><scale>2</scale></fields>
  <fields><fullName>Tags__c</fullName><label>Tags</label><type>MultiselectPicklist</type><visibleLines>4</visibleLines><valueSet>
    <valueSetDefinition><sorted>false</sorted><value><fullName>old</fullName><label>old</label></value>
    <value><fullName>rare</fullName><label>rare</label></value></valueSetDefinition></valueSet></fields>
  <fields><fullName>Pages__c</fullName><label>Pages</label><type>Number</type><precision>5</precision><scale>0</scale></fields>
  <fields><fullName>Lent__c</fullName><label>Lent</label><type>Checkbox</type><defaultValue>false</defaultValue></fields>
</CustomObject>"#;

/// Writes the library's metadata into `dir`.
pub(super) fn write(dir: &Path) {
    let objects = dir.join("package/objects");
    fs::create_dir_all(&objects).unwrap();
    fs::write(dir.join("package/package.xml"), "<Package/>").unwrap();
    fs::write(objects.join("Shelf__c.object"), SHELF).unwrap();
    fs::write(objects.join("Book__c.object"), BOOK).unwrap();
}

/// The library, served.
pub(super) fn library() -> Site {
    library_of(Options::default())
}

pub(super) fn library_of(options: Options) -> Site {
    let dir = crate::support::tempdir();
    write(dir.path());
    Site::start(&Options {
        load: vec![dir.path().to_owned()],
        ..options
    })
}

impl Site {
    pub(super) fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call_as(self.admin(), method, path, body)
    }

    pub(super) fn call_as(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let url = self.url(&format!("{DATA}{path}"));
        self.send(|it| {
            let request = it.request(method.parse().unwrap(), url).bearer_auth(token);
            if body.is_null() {
                request
            } else {
                request.json(body)
            }
        })
    }

    /// Makes a record and gives its id.
    pub(super) fn make(&self, object: &str, values: &Value) -> String {
        let answer = self.call("POST", &format!("/sobjects/{object}"), values);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// `400 CODE: message` of a refused record.
    pub(super) fn refused(&self, method: &str, path: &str, body: &Value) -> String {
        let answer = self.call(method, path, body);
        let error = &answer.json()[0];
        format!(
            "{} {}: {}",
            answer.status,
            error["errorCode"].as_str().unwrap(),
            error["message"].as_str().unwrap()
        )
    }

    /// The rows of a query as lines of values, in the order asked.
    pub(super) fn rows(&self, soql: &str) -> Vec<String> {
        lines(&self.records(soql))
    }

    /// The same with those in the recycle bin.
    pub(super) fn all_rows(&self, soql: &str) -> Vec<String> {
        let url = self.url(&format!("{DATA}/queryAll"));
        let answer = self.send(|it| it.get(url).query(&[("q", soql)]).bearer_auth(self.admin()));
        assert_eq!(answer.status, 200, "{}", answer.text);
        lines(answer.json()["records"].as_array().unwrap())
    }

    pub(super) fn partner(&self, body: &str) -> Answer {
        let token = self.admin();
        let envelope = format!(
            "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns=\"urn:partner.soap.sforce.com\"><soapenv:Header><SessionHeader><sessionId>{token}\
             </sessionId></SessionHeader></soapenv:Header><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
        );
        self.send(|it| {
            it.post(self.url("/services/Soap/u/66.0"))
                .header("Content-Type", "text/xml; charset=UTF-8")
                .header("SOAPAction", "\"\"")
                .body(envelope)
        })
    }

    pub(super) fn undelete(&self, id: &str) -> String {
        self.partner(&format!("<undelete><ids>{id}</ids></undelete>"))
            .text
    }

    pub(super) fn trap(&self, trap: &Value) {
        self.control("POST", "/simorg/traps", trap);
    }

    pub(super) fn clock(&self, advance: &str) {
        self.control("POST", "/simorg/clock", &json!({"advance": advance}));
    }
}

fn lines(records: &[Value]) -> Vec<String> {
    let line = |record: &Value| {
        let values = record.as_object().unwrap().iter();
        let values: Vec<String> = values
            .filter(|it| it.0 != "attributes")
            .map(|it| show(it.1))
            .collect();
        values.join(" ")
    };
    records.iter().map(line).collect()
}

fn show(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Object(map) if map.contains_key("records") => {
            let inner = lines(map["records"].as_array().unwrap());
            format!("[{}]", inner.join(", "))
        }
        Value::Object(_) => lines(std::slice::from_ref(value)).remove(0),
        other => other.to_string(),
    }
}
