//! Rows put back: one test for each way in which they get lost.

use serde_json::{Value, json};

use crate::support::{DATA, TestEnv, deeds};

const RECORDS: &str = "\n[records]\nobjects = [\"Account\", \"Contact\", \"Opportunity\", \"Task\", \
    \"Product2\", \"Pricebook2\", \"PricebookEntry\"]\nsetup = false\n";

/// An initialised repository that keeps a few objects.
fn env() -> TestEnv {
    let env = TestEnv::initialised();
    let path = env.repo().join("orgkeep.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str(RECORDS);
    std::fs::write(&path, text).unwrap();
    env.git(&["commit", "-qam", "Keep a few objects"]);
    env
}

/// The time by the org's clock.
fn now(env: &TestEnv) -> String {
    let clock = env.org.control("GET", "/simorg/clock", &Value::Null);
    clock["now"].as_str().unwrap().to_owned()
}

fn pair(object: &str, deed: &str) -> (String, String) {
    (object.to_owned(), deed.to_owned())
}

#[test]
fn mass_delete_comes_out_of_the_bin_with_its_children_and_its_ids() {
    let env = env();
    let acme = env.create("Account", &json!({"Name": "Acme", "Phone": "1"}));
    let ann = env.create("Contact", &json!({"LastName": "Ann", "AccountId": acme}));
    let deal = json!({"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-12-01", "AccountId": acme});
    let deal = env.create("Opportunity", &deal);
    let commit = env.export_records();
    env.delete("Account", &acme);
    assert!(
        env.query(&format!("SELECT Id FROM Contact WHERE Id = '{ann}'"))
            .is_empty()
    );

    let report = env.restore(0, &["--to", &commit, "Account"]);
    assert_eq!(
        deeds(&report),
        [
            pair("Account", "undelete"),
            pair("Contact", "undelete"),
            pair("Opportunity", "undelete")
        ]
    );
    for (object, id) in [
        ("Account", &acme),
        ("Contact", &ann),
        ("Opportunity", &deal),
    ] {
        let rows = env.query(&format!("SELECT Id FROM {object} WHERE Id = '{id}'"));
        assert_eq!(rows.len(), 1, "{object}");
    }
    assert_eq!(
        report["result"]["undeleted"],
        json!({"Account": 1, "Contact": 1, "Opportunity": 1})
    );
    assert_eq!(report["result"]["residue"], json!([]));
    let again = env.restore(0, &["--to", &commit, "Account"]);
    assert!(deeds(&again).is_empty(), "nothing is left to do");
}

#[test]
fn rows_whose_bin_was_emptied_are_inserted_in_order_and_known_by_their_old_ids() {
    let env = env();
    let top = env.create("Account", &json!({"Name": "Top"}));
    let mut levels = vec![top];
    for n in 1..6 {
        let parent = levels.last().unwrap().clone();
        let record = json!({"Name": format!("Level {n}"), "ParentId": parent});
        levels.push(env.create("Account", &record));
    }
    let ann = env.create(
        "Contact",
        &json!({"LastName": "Ann", "AccountId": levels[5], "Phone": "7"}),
    );
    env.create(
        "Contact",
        &json!({"LastName": "Boss", "AccountId": levels[0], "ReportsToId": ann}),
    );
    let task = env.create(
        "Task",
        &json!({"Subject": "Call", "WhoId": ann, "WhatId": levels[5]}),
    );
    let commit = env.export_records();
    for id in levels.iter().rev() {
        env.delete("Account", id);
    }
    // What went with an account goes with it again.
    let gone: Vec<&str> = levels.iter().map(String::as_str).collect();
    env.empty_bin(&gone);

    let report = env.restore(0, &["--to", &commit, "Account", "Contact", "Task"]);
    let result = &report["result"];
    assert_eq!(result["failed"], json!([]));
    assert_eq!(result["residue"], json!([]));
    assert_eq!(result["inserted"]["Account"], 6);
    assert_eq!(result["inserted"]["Contact"], 2);
    let rows = env.query("SELECT Name, Parent.Name FROM Account WHERE Name LIKE 'Level%'");
    assert_eq!(rows.len(), 5);
    for row in rows {
        let n: u32 = row["Name"]
            .as_str()
            .unwrap()
            .trim_start_matches("Level ")
            .parse()
            .unwrap();
        let parent = if n == 1 {
            "Top".to_owned()
        } else {
            format!("Level {}", n - 1)
        };
        assert_eq!(row["Parent"]["Name"], parent);
    }
    let rows = env.query("SELECT LastName, Phone, ReportsTo.LastName, Account.Name FROM Contact WHERE LastName IN ('Ann','Boss')",
    );
    assert_eq!(rows.len(), 2);
    for row in &rows {
        let (other, account) = match row["LastName"].as_str().unwrap() {
            "Ann" => (Value::Null, "Level 5"),
            _ => (json!("Ann"), "Top"),
        };
        assert_eq!(row["ReportsTo"]["LastName"], other);
        assert_eq!(row["Account"]["Name"], account);
    }
    let rows = env.query("SELECT Who.Name, What.Name, Subject FROM Task WHERE Subject = 'Call'");
    assert_eq!(rows.len(), 1, "{task}: {rows:?}");
    assert_eq!(rows[0]["What"]["Name"], "Level 5");

    // The rows are known by their old Ids: a later restore changes them and inserts nothing.
    let new = env.query("SELECT Id FROM Account WHERE Name = 'Top'")[0]["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_ne!(new, levels[0]);
    env.update("Account", &new, &json!({"Name": "Bottom"}));
    let report = env.restore(0, &["--to", &commit, &levels[0]]);
    assert_eq!(deeds(&report), [pair("Account", "update")]);
    assert_eq!(
        env.query("SELECT Id FROM Account WHERE Name = 'Top'").len(),
        1
    );
    env.assert_sound();
}

#[test]
fn wrong_mass_update_of_one_user_is_undone_and_what_others_did_since_stays() {
    let env = env();
    let mut ids = Vec::new();
    for n in 0..5 {
        let record = json!({"LastName": format!("C{n}"), "Phone": format!("{n}"), "Title": "Boss"});
        ids.push(env.create("Contact", &record));
    }
    env.export_records();
    env.org.clock(&json!({"advance": "1h"}));
    let since = now(&env);
    for id in &ids[..4] {
        let path = format!("{DATA}/sobjects/Contact/{id}");
        let (status, answer) = env
            .org
            .rest_as("omar", "PATCH", &path, &json!({"Phone": "WRONG"}));
        assert_eq!(status, 204, "{answer}");
    }
    let until = now(&env);
    env.org.clock(&json!({"advance": "1m"}));
    env.export_records();
    env.org.clock(&json!({"advance": "1h"}));
    // One number is right again, another row has a new title.
    env.update("Contact", &ids[0], &json!({"Phone": "0800"}));
    env.update("Contact", &ids[1], &json!({"Title": "Chief"}));

    let omar = env.org.user("omar")["username"]
        .as_str()
        .unwrap()
        .to_owned();
    let all = ["--changed-by", &omar, "--between", &since, &until];
    let report = env.restore(0, &all);
    let mut found = deeds(&report);
    found.dedup();
    assert_eq!(
        found,
        [pair("Contact", "conflict"), pair("Contact", "update")],
        "{report}"
    );
    let phones: Vec<_> = ids
        .iter()
        .map(|id| {
            let row = &env.query(&format!(
                "SELECT Phone, Title FROM Contact WHERE Id = '{id}'"
            ))[0];
            (
                row["Phone"].as_str().unwrap().to_owned(),
                row["Title"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let wanted = [
        ("0800", "Boss"),
        ("1", "Chief"),
        ("2", "Boss"),
        ("3", "Boss"),
        ("4", "Boss"),
    ];
    assert_eq!(phones, wanted.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn only_the_fields_that_were_asked_for_are_set_back() {
    let env = env();
    let id = env.create(
        "Contact",
        &json!({"LastName": "Ann", "Phone": "1", "Title": "Boss"}),
    );
    let commit = env.export_records();
    env.update("Contact", &id, &json!({"Phone": null, "Title": "Chief"}));
    let ran = env
        .orgkeep(&[
            "records", "restore", "--to", &commit, "Contact", "--field", "Phone", "--check",
        ])
        .status(0);
    ran.says("Phone: (empty) → \"1\"").says("1 to update");
    env.restore(0, &["--to", &commit, "Contact", "--field", "Phone"]);
    let row = &env.query(&format!(
        "SELECT Phone, Title FROM Contact WHERE Id = '{id}'"
    ))[0];
    assert_eq!(
        (&row["Phone"], &row["Title"]),
        (&json!("1"), &json!("Chief"))
    );
}

#[test]
fn rows_that_a_rule_refuses_are_told_and_the_others_are_back() {
    let env = env();
    let mut ids = Vec::new();
    for n in 0..6 {
        let record =
            json!({"Name": format!("Firm {n}"), "Site": if n % 2 == 0 { "even" } else { "odd" }});
        ids.push(env.create("Account", &record));
    }
    let commit = env.export_records();
    for id in &ids {
        env.delete("Account", id);
    }
    env.empty_bin(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let trap = json!({"object": "Account", "kind": "validation", "where": {"Site": "odd"}, "message": "No odd sites"});
    env.org.control("POST", "/simorg/traps", &trap);

    let errors = env.scratch("errors.csv");
    let report = env.restore(
        3,
        &[
            "--to",
            &commit,
            "Account",
            "--errors",
            errors.to_str().unwrap(),
        ],
    );
    assert_eq!(report["result"]["inserted"]["Account"], 3);
    let failed = report["result"]["failed"].as_array().unwrap();
    assert_eq!(failed.len(), 3);
    assert!(
        failed
            .iter()
            .all(|it| it["code"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION")
    );
    let text = std::fs::read_to_string(errors).unwrap();
    assert_eq!(text.lines().count(), 4);
    assert!(text.contains("No odd sites"), "{text}");
    let rows = env.query("SELECT Site FROM Account WHERE Name LIKE 'Firm%'");
    assert!(
        rows.len() == 3 && rows.iter().all(|it| it["Site"] == "even"),
        "{rows:?}"
    );

    env.org.control("DELETE", "/simorg/traps", &Value::Null);
    let report = env.restore(0, &["--to", &commit, "Account"]);
    assert_eq!(report["result"]["inserted"]["Account"], 3);
    assert_eq!(
        env.query("SELECT Id FROM Account WHERE Name LIKE 'Firm%'")
            .len(),
        6
    );
}

#[test]
fn insert_whose_answer_was_lost_is_found_in_the_org_and_not_made_twice() {
    let env = env();
    let ids: Vec<_> = (0..3)
        .map(|n| {
            env.create(
                "Account",
                &json!({"Name": format!("Firm {n}"), "Phone": "5"}),
            )
        })
        .collect();
    let commit = env.export_records();
    for id in &ids {
        env.delete("Account", id);
    }
    env.empty_bin(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    env.org
        .fault(&json!({"call": "createCollection", "fault": "drop"}));
    env.orgkeep(&["records", "restore", "--yes", "--to", &commit, "Account"])
        .status(1);
    assert_eq!(
        env.query("SELECT Id FROM Account WHERE Name LIKE 'Firm%'")
            .len(),
        3
    );

    let ran = env
        .orgkeep(&["records", "restore", "--yes", "--to", &commit, "Account"])
        .status(0);
    ran.warns("3 rows of an earlier restore went in");
    let rows = env.query("SELECT Id FROM Account WHERE Name LIKE 'Firm%'");
    assert_eq!(rows.len(), 3, "no row is there twice");
    // The new Ids are known from here on.
    env.update(
        "Account",
        rows[0]["Id"].as_str().unwrap(),
        &json!({"Phone": "6"}),
    );
    let report = env.restore(0, &["--to", &commit, "Account"]);
    assert_eq!(deeds(&report), [pair("Account", "update")]);
}

#[test]
fn locked_row_is_tried_again_by_itself() {
    let env = env();
    let id = env.create("Account", &json!({"Name": "Acme", "Phone": "1"}));
    let commit = env.export_records();
    env.update("Account", &id, &json!({"Phone": "2"}));
    let trap = json!({"object": "Account", "kind": "lock", "on": ["update"], "times": 1});
    env.org.control("POST", "/simorg/traps", &trap);
    let report = env.restore(0, &["--to", &commit, &id]);
    assert_eq!(report["result"]["updated"]["Account"], 1);
    assert_eq!(
        env.query(&format!("SELECT Phone FROM Account WHERE Id = '{id}'"))[0]["Phone"],
        "1"
    );
}

#[test]
fn merged_accounts_are_parted_with_their_children() {
    let env = env();
    let winner = env.create("Account", &json!({"Name": "Acme"}));
    let loser = env.create("Account", &json!({"Name": "Acme Inc"}));
    let ann = env.create("Contact", &json!({"LastName": "Ann", "AccountId": loser}));
    let commit = env.export_records();
    let merge = format!(
        "<merge><request><masterRecord xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xmlns:s=\"urn:sobject.partner.soap.sforce.com\">\
         <s:type>Account</s:type><s:Id>{winner}</s:Id></masterRecord><recordToMergeIds>{loser}</recordToMergeIds></request></merge>"
    );
    let answer = env.org.partner(&merge);
    assert!(answer.contains("<success>true"), "{answer}");
    let parent = |id: &str| {
        env.query(&format!("SELECT AccountId FROM Contact WHERE Id = '{id}'"))[0]["AccountId"]
            .clone()
    };
    assert_eq!(parent(&ann), json!(winner));

    let report = env.restore(0, &["--to", &commit, &loser]);
    assert_eq!(
        deeds(&report),
        [pair("Account", "undelete"), pair("Contact", "update")]
    );
    assert_eq!(parent(&ann), json!(loser));
}

#[test]
fn standard_price_goes_before_the_others() {
    let env = env();
    let books = env.query("SELECT Id FROM Pricebook2 WHERE IsStandard = true");
    let standard = books[0]["Id"].as_str().unwrap().to_owned();
    let book = env.create("Pricebook2", &json!({"Name": "Retail", "IsActive": true}));
    let product = env.create("Product2", &json!({"Name": "Tent", "IsActive": true}));
    let entry = |book: &str, price: u32| json!({"Pricebook2Id": book, "Product2Id": product, "UnitPrice": price, "IsActive": true});
    let first = env.create("PricebookEntry", &entry(&standard, 10));
    let second = env.create("PricebookEntry", &entry(&book, 12));
    let commit = env.export_records();
    env.delete("PricebookEntry", &second);
    env.delete("PricebookEntry", &first);
    let report = env.restore(0, &["--to", &commit, "PricebookEntry"]);
    assert_eq!(
        report["result"]["inserted"]["PricebookEntry"], 2,
        "{report}"
    );
    let rows = env.query(&format!(
        "SELECT UnitPrice FROM PricebookEntry WHERE Product2Id = '{product}' ORDER BY UnitPrice"
    ));
    assert_eq!(rows.len(), 2);
}

#[test]
fn many_rows_go_by_a_job_and_none_goes_twice_when_its_end_was_not_seen() {
    let env = env();
    let mut ids = Vec::new();
    for lot in 0..4 {
        let records: Vec<_> = (0..200)
            .map(|n| json!({"attributes": {"type": "Account"}, "Name": format!("Many {lot}-{n}"), "Description": "a, \"b\"\nc"}))
            .collect();
        let body = json!({"allOrNone": true, "records": records});
        let (status, answer) = env
            .org
            .rest("POST", &format!("{DATA}/composite/sobjects"), &body);
        assert_eq!(status, 200, "{answer}");
        ids.extend(
            answer
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["id"].as_str().unwrap().to_owned()),
        );
    }
    let commit = env.export_records();
    for ids in ids.chunks(200) {
        let path = format!("{DATA}/composite/sobjects?ids={}", ids.join(","));
        assert_eq!(env.org.rest("DELETE", &path, &Value::Null).0, 200);
        env.empty_bin(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let jobs = || {
        let calls = env.org.calls();
        calls
            .iter()
            .filter(|(name, _)| name.contains("Ingest"))
            .map(|(name, n)| format!("{name} {n}"))
            .collect::<Vec<_>>()
    };
    let report = env.restore(0, &["--to", &commit, "Account"]);
    assert_eq!(
        report["result"]["inserted"]["Account"], 800,
        "{}",
        report["result"]["failed"]
    );
    assert_eq!(report["result"]["residue"], json!([]));
    assert!(!jobs().is_empty(), "by a job: {:?}", env.org.calls());
    assert_eq!(
        env.query("SELECT Id FROM Account WHERE Name LIKE 'Many%'")
            .len(),
        800
    );
    for call in ["bulkIngestState", "bulkIngestResults"] {
        let rows = env.query("SELECT Id FROM Account WHERE Name LIKE 'Many%'");
        let ids: Vec<_> = rows.iter().map(|it| it["Id"].as_str().unwrap()).collect();
        for ids in ids.chunks(200) {
            let path = format!("{DATA}/composite/sobjects?ids={}", ids.join(","));
            assert_eq!(env.org.rest("DELETE", &path, &Value::Null).0, 200);
            env.empty_bin(ids);
        }
        killed_at(&env, call, &commit);
        env.restore(0, &["--to", &commit, "Account"]);
        let rows = env.query("SELECT Id FROM Account WHERE Name LIKE 'Many%'");
        assert_eq!(rows.len(), 800, "{call}");
    }
    let again = env.restore(0, &["--to", &commit, "Account"]);
    assert!(deeds(&again).is_empty(), "{again}");
}

/// Starts a restore, and kills it when it has made `call`, which is never answered.
fn killed_at(env: &TestEnv, call: &str, commit: &str) {
    let before = env.org.n_calls(call);
    env.org.fault(&json!({"call": call, "fault": "hang"}));
    let arguments = ["records", "restore", "--yes", "--to", commit, "Account"];
    let mut child = env
        .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
        .args(arguments)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while env.org.n_calls(call) == before {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before {call}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    env.org.control("DELETE", "/simorg/faults", &Value::Null);
}

#[test]
fn restore_that_is_killed_at_any_step_is_finished_by_the_next_one() {
    let env = env();
    let binned = env.create("Account", &json!({"Name": "Firm binned", "Phone": "1"}));
    let changed = env.create("Account", &json!({"Name": "Firm changed", "Phone": "1"}));
    let gone = env.create(
        "Account",
        &json!({"Name": "Firm gone", "Phone": "1", "ParentId": changed}),
    );
    let commit = env.export_records();
    let wanted = ["Firm binned", "Firm changed", "Firm gone"];
    for call in ["undelete", "updateCollection", "createCollection"] {
        let named = |name: &str| {
            let rows = env.query(&format!("SELECT Id FROM Account WHERE Name = '{name}'"));
            rows[0]["Id"].as_str().unwrap().to_owned()
        };
        env.delete("Account", &binned);
        env.update("Account", &changed, &json!({"Phone": "2"}));
        let last = named("Firm gone");
        env.delete("Account", &last);
        env.empty_bin(&[&last]);
        killed_at(&env, call, &commit);
        env.restore(0, &["--to", &commit, "Account"]);
        let rows = env.query(
            "SELECT Name, Phone, Parent.Name FROM Account WHERE Name LIKE 'Firm%' ORDER BY Name",
        );
        let found: Vec<_> = rows.iter().map(|it| it["Name"].as_str().unwrap()).collect();
        assert_eq!(found, wanted, "{call}");
        assert!(rows.iter().all(|it| it["Phone"] == "1"), "{call}: {rows:?}");
        assert_eq!(rows[2]["Parent"]["Name"], "Firm changed");
    }
    assert_ne!(gone, "");
    env.assert_sound();
}

#[test]
fn selection_cap_and_confirmation_stand_before_the_first_write() {
    let env = env();
    let ids: Vec<_> = (0..3)
        .map(|n| env.create("Account", &json!({"Name": format!("F{n}"), "Phone": "1"})))
        .collect();
    let commit = env.export_records();
    for id in &ids {
        env.update("Account", id, &json!({"Phone": "2"}));
    }
    let run = |arguments: &[&str]| {
        let mut all = vec!["records", "restore", "--to", &commit];
        all.extend(arguments);
        env.orgkeep(&all)
    };
    run(&[])
        .status(1)
        .warns("nothing says which records to restore");
    run(&["Nobody"])
        .status(1)
        .warns("`Nobody` is no object of the snapshot and no Id");
    run(&["Account", "--yes", "--max-rows", "2"])
        .status(1)
        .warns("the plan writes 3 rows, and 2 are allowed");
    run(&["Account"])
        .status(1)
        .warns("nobody is there to confirm it");
    run(&["Account", "--where", "Name = 'F1'", "--check"])
        .status(0)
        .says("1 to update");
    assert_eq!(env.org.n_calls("updateCollection"), 0);
    assert_eq!(
        env.query("SELECT Id FROM Account WHERE Phone = '2'").len(),
        3
    );
}
