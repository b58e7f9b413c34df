//! Rows put back where not all of them or not all of their fields can be.

use serde_json::{Value, json};

use crate::support::{Deploy, Org, TestEnv, deeds};

fn env(records: &str) -> TestEnv {
    let env = TestEnv::initialised();
    env.configure_records(records);
    env
}

/// The fields that a plan says do not come back, of the row `id`.
fn lost(report: &Value, id: &str) -> Vec<String> {
    let items = report["items"].as_array().unwrap();
    let item = items.iter().find(|it| it["id"] == id).unwrap();
    let mut fields: Vec<_> = item["lost"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap().split(':').next().unwrap().to_owned())
        .collect();
    fields.sort();
    fields
}

#[test]
fn encrypted_values_come_back_with_the_key_and_dropped_and_hashed_ones_are_counted() {
    let key = "0123456789abcdef0123456789abcdef";
    let env = env(
        "objects = [\"Contact\"]\n[records.privacy]\n\"Contact.Phone\" = \"drop\"\n\
        \"Contact.Email\" = \"hash\"\n\"Contact.Title\" = \"encrypt\"\n",
    );
    let run = |key: &str, arguments: &[&str]| {
        let output = env
            .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
            .args(arguments)
            .env("ORGKEEP_RECORDS_KEY", key)
            .output()
            .unwrap();
        crate::support::Ran::of(&output)
    };
    let record = json!({"LastName": "Ann", "Phone": "555-0100", "Email": "ann@example.com",
        "Title": "Chief", "Department": "Law"});
    let (gone, changed) = (
        env.create("Contact", &record),
        env.create("Contact", &record),
    );
    let ran = run(key, &["records", "export", "--json"]).status(0);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let commit = report["commit"].as_str().unwrap().to_owned();
    env.update(
        "Contact",
        &changed,
        &json!({"Title": "Nobody", "Email": "x@example.com", "Phone": "1"}),
    );
    env.delete("Contact", &gone);
    env.empty_bin(&[&gone]);

    let all = [
        "records", "restore", "--json", "--yes", "--to", &commit, "Contact",
    ];
    run("another key of 32 characters ...", &all)
        .status(1)
        .warns("the key does not open the encrypted `Title` of Contact");
    let ran = run(key, &all).status(0);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(lost(&report, &changed), ["Email"]);
    assert_eq!(lost(&report, &gone), ["Email", "Phone"]);
    assert_eq!(report["result"]["failed"], json!([]));
    assert_eq!(report["result"]["residue"], json!([]));
    let rows = env.query(
        "SELECT Id, Title, Email, Phone, Department FROM Contact WHERE LastName = 'Ann' ORDER BY CreatedDate, Id",
    );
    assert_eq!(rows.len(), 2);
    for row in &rows {
        assert_eq!(row["Title"], "Chief");
        assert_eq!(row["Department"], "Law");
        let (email, phone) = match row["Id"] == changed.as_str() {
            true => (json!("x@example.com"), json!("1")),
            false => (Value::Null, Value::Null),
        };
        assert_eq!((&row["Email"], &row["Phone"]), (&email, &phone));
    }
}

#[test]
fn cycle_of_lookups_is_closed_by_a_second_pass() {
    let env = visits();
    let ids: Vec<_> = ["A", "B", "C"]
        .iter()
        .map(|name| env.create("Visit__c", &json!({"Name": name})))
        .collect();
    for (n, id) in ids.iter().enumerate() {
        env.update("Visit__c", id, &json!({"After__c": ids[(n + 1) % 3]}));
    }
    let commit = env.export_records();
    for id in &ids {
        env.delete("Visit__c", id);
    }
    env.empty_bin(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let report = env.restore(0, &["--to", &commit, "Visit__c"]);
    assert_eq!(report["result"]["inserted"]["Visit__c"], 3);
    assert_eq!(report["result"]["residue"], json!([]));
    let rows = env.query("SELECT Name, After__r.Name FROM Visit__c ORDER BY Name");
    let after: Vec<_> = rows.iter().map(|it| &it["After__r"]["Name"]).collect();
    assert_eq!(after, ["B", "C", "A"]);
}

#[test]
fn leads_that_were_converted_stay_so_and_what_came_of_them_goes_where_that_is_asked_for() {
    let env = env("objects = [\"Lead\", \"Account\", \"Contact\", \"Opportunity\"]\n");
    let lead = env.create(
        "Lead",
        &json!({"FirstName": "Ann", "LastName": "Lee", "Company": "Lee Ltd", "Phone": "1"}),
    );
    let other = env.create("Lead", &json!({"LastName": "Ray", "Company": "Ray Ltd"}));
    let commit = env.export_records();
    let answer = env.org.partner(&format!(
        "<convertLead><leadConverts><convertedStatus>Closed - Converted</convertedStatus><leadId>{lead}</leadId>\
         </leadConverts></convertLead>"
    ));
    assert!(answer.contains("<success>true</success>"), "{answer}");
    env.update("Lead", &other, &json!({"Company": "Wrong"}));

    let report = env.restore(0, &["--to", &commit, "--all"]);
    assert_eq!(
        deeds(&report),
        [("Lead".to_owned(), "update".to_owned())],
        "{report}"
    );
    assert!(lost(&report, &lead).contains(&"IsConverted".to_owned()));
    assert_eq!(
        env.query(&format!("SELECT Company FROM Lead WHERE Id = '{other}'"))[0]["Company"],
        "Ray Ltd"
    );
    let made = |object: &str| {
        let soql = format!("SELECT Id FROM {object} WHERE Name LIKE '%Lee%'");
        env.query(&soql).len()
    };
    assert_eq!(
        (made("Account"), made("Contact"), made("Opportunity")),
        (1, 1, 1)
    );
    env.restore(0, &["--to", &commit, "--all", "--delete-new"]);
    assert_eq!(
        (made("Account"), made("Contact"), made("Opportunity")),
        (0, 0, 0)
    );
}

#[test]
fn persons_and_amounts_in_two_currencies_come_back_as_they_were() {
    let org = Org::start(&[
        "--feature",
        "person-accounts",
        "--feature",
        "multi-currency",
    ]);
    let env = TestEnv::new(org);
    env.orgkeep(&["init"]).status(0);
    env.configure_records(
        "objects = [\"Account\", \"Contact\", \"Opportunity\", \"RecordType\"]\n",
    );
    let person = env.create(
        "Account",
        &json!({"FirstName": "Jane", "LastName": "Doe", "PersonEmail": "jane@example.com",
            "CurrencyIsoCode": "EUR"}),
    );
    let firm = env.create(
        "Account",
        &json!({"Name": "Acme", "CurrencyIsoCode": "USD"}),
    );
    let deal = |account: &str, currency: &str| {
        env.create(
            "Opportunity",
            &json!({"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-12-01",
                "AccountId": account, "Amount": 10, "CurrencyIsoCode": currency}),
        )
    };
    deal(&person, "EUR");
    deal(&firm, "USD");
    let commit = env.export_records();
    for id in [&person, &firm] {
        env.delete("Account", id);
    }
    env.empty_bin(&[&person, &firm]);
    let report = env.restore(0, &["--to", &commit, "Account", "Contact", "Opportunity"]);
    assert_eq!(report["result"]["failed"], json!([]), "{report}");
    let rows = env.query(
        "SELECT Name, IsPersonAccount, PersonEmail, CurrencyIsoCode FROM Account \
         WHERE Name IN ('Jane Doe','Acme') ORDER BY Name",
    );
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["IsPersonAccount"], false);
    assert_eq!(rows[0]["CurrencyIsoCode"], "USD");
    assert_eq!(rows[1]["IsPersonAccount"], true);
    assert_eq!(rows[1]["PersonEmail"], "jane@example.com");
    assert_eq!(rows[1]["CurrencyIsoCode"], "EUR");
    let contacts = env.query("SELECT Id FROM Contact WHERE LastName = 'Doe'");
    assert_eq!(contacts.len(), 1, "the person has one contact");
    let deals =
        env.query("SELECT Account.Name, CurrencyIsoCode FROM Opportunity ORDER BY CurrencyIsoCode");
    let of: Vec<_> = deals
        .iter()
        .filter(|it| it["Account"]["Name"] == "Jane Doe")
        .map(|it| &it["CurrencyIsoCode"])
        .collect();
    assert_eq!(of, ["EUR"]);
}

/// Visits to accounts, each of which may follow another.
const VISIT: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<CustomObject xmlns="http://soap.sforce.com/2006/04/metadata">
    <deploymentStatus>Deployed</deploymentStatus>
    <fields>
        <fullName>Account__c</fullName>
        <deleteConstraint>SetNull</deleteConstraint>
        <externalId>false</externalId>
        <label>Account</label>
        <referenceTo>Account</referenceTo>
        <relationshipName>Visits</relationshipName>
        <required>false</required>
        <type>Lookup</type>
    </fields>
    <fields>
        <fullName>After__c</fullName>
        <deleteConstraint>SetNull</deleteConstraint>
        <externalId>false</externalId>
        <label>After</label>
        <referenceTo>Visit__c</referenceTo>
        <relationshipName>Followers</relationshipName>
        <required>false</required>
        <type>Lookup</type>
    </fields>
    <label>Visit</label>
    <nameField>
        <label>Visit Name</label>
        <type>Text</type>
    </nameField>
    <pluralLabel>Visits</pluralLabel>
    <sharingModel>ReadWrite</sharingModel>
</CustomObject>
"#;

/// An org with visits, and a repository that keeps them.
fn visits() -> TestEnv {
    let env = TestEnv::initialised();
    let seen = |field: &str| {
        format!(
            "<fieldPermissions><editable>true</editable><field>Visit__c.{field}</field><readable>true</readable></fieldPermissions>"
        )
    };
    let rights = "<objectPermissions><allowCreate>true</allowCreate><allowDelete>true</allowDelete><allowEdit>true</allowEdit>\
        <allowRead>true</allowRead><modifyAllRecords>true</modifyAllRecords><object>Visit__c</object>\
        <viewAllFields>false</viewAllFields><viewAllRecords>true</viewAllRecords></objectPermissions>";
    Deploy::new()
        .file("CustomObject:Visit__c", "objects/Visit__c.object", VISIT)
        .profile(
            "Admin",
            &[&seen("Account__c"), &seen("After__c"), rights].concat(),
        )
        .by(&env.org, "Ada");
    env.orgkeep(&["snapshot"]).status(0);
    env.configure_records("objects = [\"Account\", \"Visit__c\"]\n");
    env
}

#[test]
fn object_that_was_deleted_comes_back_by_a_rollback_and_then_its_rows() {
    let env = visits();
    let target = env.head();
    let acme = env.create("Account", &json!({"Name": "Acme"}));
    let first = env.create("Visit__c", &json!({"Name": "First", "Account__c": acme}));
    env.create(
        "Visit__c",
        &json!({"Name": "Second", "Account__c": acme, "After__c": first}),
    );
    let commit = env.export_records();

    Deploy::new()
        .delete(&["CustomObject:Visit__c"])
        .by(&env.org, "Jane");
    env.orgkeep(&["snapshot"])
        .status(3)
        .says("Visit__c  the org has no such object any more");
    let report = env.restore(3, &["--to", &commit, "Visit__c"]);
    assert_eq!(report["unread"][0][0], "Visit__c", "rows need their object");
    assert_eq!(deeds(&report), []);
    env.orgkeep(&[
        "rollback",
        "--to",
        &target,
        "CustomObject:Visit__c",
        "--yes",
    ])
    .status(0);
    let report = env.restore(0, &["--to", &commit, "Visit__c"]);
    assert_eq!(report["result"]["inserted"]["Visit__c"], 2, "{report}");
    let rows = env.query("SELECT Name, Account__r.Name, After__r.Name FROM Visit__c ORDER BY Name");
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|it| it["Account__r"]["Name"] == "Acme"));
    assert_eq!(rows[1]["After__r"]["Name"], "First");
}

#[test]
fn merge_of_many_accounts_is_parted_again() {
    let env = env("objects = [\"Account\", \"Contact\"]\n");
    let mut pairs = Vec::new();
    for n in 0..25 {
        let winner = env.create("Account", &json!({"Name": format!("Firm {n}")}));
        let loser = env.create("Account", &json!({"Name": format!("Firm {n} Ltd")}));
        let child = env.create("Contact", &json!({"LastName": "Ann", "AccountId": loser}));
        pairs.push((winner, loser, child));
    }
    let commit = env.export_records();
    for (winner, loser, _) in &pairs {
        let answer = env.org.partner(&format!(
            "<merge><request><masterRecord xmlns:s=\"urn:sobject.partner.soap.sforce.com\"><s:type>Account</s:type>\
             <s:Id>{winner}</s:Id></masterRecord><recordToMergeIds>{loser}</recordToMergeIds></request></merge>"
        ));
        assert!(answer.contains("<success>true"), "{answer}");
    }
    let report = env.restore(0, &["--to", &commit, "Account", "Contact"]);
    assert_eq!(report["result"]["undeleted"]["Account"], 25);
    assert_eq!(report["result"]["residue"], json!([]));
    for (_, loser, child) in &pairs {
        let row = &env.query(&format!(
            "SELECT AccountId FROM Contact WHERE Id = '{child}'"
        ))[0];
        assert_eq!(row["AccountId"], loser.as_str());
    }
}
