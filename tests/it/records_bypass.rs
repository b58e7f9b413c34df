//! Automation switched off for a restore, and on again whatever happens.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::{Deploy, Held, TestEnv};

const RULE: &str = "ValidationRule:Account.Credit_Limit_Needs_Tier";

/// Accounts that are gone for good, and the commit that has them; a rule refuses new ones.
fn accounts_that_a_rule_refuses() -> (TestEnv, String) {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    env.configure_records("objects = [\"Account\"]\n");
    let ids: Vec<_> = (0..2)
        .map(|n| env.create("Account", &json!({"Name": format!("Firm {n}")})))
        .collect();
    let commit = env.export_records();
    for id in &ids {
        env.delete("Account", id);
    }
    env.empty_bin(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    env.org.control(
        "POST",
        "/simorg/traps",
        &json!({"object": "Account", "kind": "validation", "component": RULE, "message": "No"}),
    );
    (env, commit)
}

fn n_firms(env: &TestEnv) -> usize {
    env.query("SELECT Id FROM Account WHERE Name LIKE 'Firm%'")
        .len()
}

/// Whether the rule refuses a row.
fn is_on(env: &TestEnv) -> bool {
    let path = "/services/data/v66.0/sobjects/Account";
    let (status, answer) = env.org.rest("POST", path, &json!({"Name": "Try"}));
    assert!(status == 201 || status == 400, "{answer}");
    status == 400
}

#[test]
fn rule_that_refuses_rows_is_off_for_the_restore_and_on_again_behind_it() {
    let (env, commit) = accounts_that_a_rule_refuses();
    let before = Held::of(&env.org);
    let all = [
        "records",
        "restore",
        "--yes",
        "--allow-email",
        "--to",
        &commit,
        "Account",
    ];
    env.orgkeep(&all)
        .status(3)
        .says("FIELD_CUSTOM_VALIDATION_EXCEPTION");
    assert_eq!(n_firms(&env), 0);
    let with = |word: &'static str| [&all[..], &["--bypass", word]].concat();
    env.orgkeep(&with("Flow:Nothing"))
        .status(2)
        .warns("`Flow:Nothing` names nothing that this restore sets off")
        .warns(RULE);

    env.orgkeep(&with("ValidationRule:*"))
        .status(0)
        .warns(&format!(
            "off for everybody who works in the org, from before the first row until the last one: {RULE}"
        ));
    assert_eq!(n_firms(&env), 2);
    assert!(is_on(&env));
    assert_eq!(before.differing(&Held::of(&env.org)).len(), 0);
    env.orgkeep(&["bypass"])
        .status(0)
        .says(RULE)
        .says("nothing is off");
    env.orgkeep(&["snapshot"]).status(0);
    env.orgkeep(&["bypass", "restore"])
        .status(0)
        .says("nothing is off");
}

#[test]
fn flows_and_workflow_rules_come_back_in_the_version_that_they_had() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    env.configure_records("objects = [\"Opportunity\"]\n");
    let deal =
        json!({"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-12-01", "Amount": 5});
    let id = env.create("Opportunity", &deal);
    let commit = env.export_records();
    env.update("Opportunity", &id, &json!({"Amount": 7}));
    let before = Held::of(&env.org);
    env.org.control(
        "POST",
        "/simorg/traps",
        &json!({"object": "Opportunity", "kind": "flow", "component": "Flow:Order_Follow_Up", "message": "Stop"}),
    );
    let all = [
        "records",
        "restore",
        "--yes",
        "--allow-email",
        "--to",
        &commit,
        &id,
    ];
    env.orgkeep(&all).status(3).says("Stop");
    env.orgkeep(&[&all[..], &["--bypass", "*"]].concat())
        .status(0);
    let row = &env.query(&format!("SELECT Amount FROM Opportunity WHERE Id = '{id}'"))[0];
    assert_eq!(row["Amount"].as_f64(), Some(5.0));
    let differing = before.differing(&Held::of(&env.org));
    assert_eq!(differing.len(), 0, "{differing:?}");
}

#[test]
fn bypass_that_was_killed_at_any_step_is_undone_by_one_command() {
    let (env, commit) = accounts_that_a_rule_refuses();
    let all = ["records", "restore", "--yes", "--to", &commit, "Account"];
    for (call, after) in [
        ("deploy", 0),
        ("checkDeployStatus", 0),
        ("createCollection", 0),
        ("deploy", 1),
    ] {
        let before = env.org.n_calls(call);
        env.org
            .fault(&json!({"call": call, "fault": "hang", "after": after}));
        let mut child = env
            .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
            .args(all)
            .args(["--bypass", "*"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while env.org.n_calls(call) < before + after + 1 {
            assert_eq!(child.try_wait().unwrap(), None, "it ended before {call}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        env.org.control("DELETE", "/simorg/faults", &Value::Null);
        env.orgkeep(&["bypass"])
            .status(3)
            .says("off since")
            .says(RULE);
        env.orgkeep(&[&all[..], &["--lost-not-taken"]].concat())
            .status(1)
            .warns("orgkeep bypass restore");
        env.orgkeep(&["bypass", "restore"])
            .status(0)
            .says("3 components on as before");
        assert!(is_on(&env), "{call}");
        env.orgkeep(&["bypass"]).status(0);
        for row in env.query("SELECT Id FROM Account WHERE Name LIKE 'Firm%'") {
            let id = row["Id"].as_str().unwrap();
            env.delete("Account", id);
            env.empty_bin(&[id]);
        }
    }
    env.git(&["fsck", "--full", "--strict", "--no-dangling"]);
}

#[test]
fn what_others_edit_while_a_rule_is_off_stays() {
    let (env, commit) = accounts_that_a_rule_refuses();
    let call = "createCollection";
    let before = env.org.n_calls(call);
    env.org.fault(&json!({"call": call, "fault": "hang"}));
    let mut child = env
        .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
        .args([
            "records",
            "restore",
            "--yes",
            "--to",
            &commit,
            "Account",
            "--bypass",
            RULE,
            "--allow-email",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while env.org.n_calls(call) == before {
        assert_eq!(child.try_wait().unwrap(), None);
    }
    child.kill().unwrap();
    child.wait().unwrap();
    env.org.control("DELETE", "/simorg/faults", &Value::Null);
    let rule = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CustomObject xmlns=\"http://soap.sforce.com/2006/04/metadata\">\
        <validationRules><fullName>Credit_Limit_Needs_Tier</fullName><active>false</active>\
        <errorConditionFormula>ISBLANK(Phone)</errorConditionFormula><errorMessage>Call them</errorMessage></validationRules></CustomObject>";
    Deploy::new()
        .file(RULE, "objects/Account.object", rule)
        .by(&env.org, "Omar");
    env.orgkeep(&["bypass", "restore"]).status(0);
    let held = Held::of(&env.org);
    let (_, bytes) = held
        .files
        .iter()
        .find(|(path, _)| path.ends_with("objects/Account.object"))
        .unwrap();
    let text = String::from_utf8_lossy(bytes);
    let rule = text
        .split("<validationRules>")
        .find(|it| it.contains("Credit_Limit_Needs_Tier"));
    let rule = rule.unwrap();
    assert!(
        rule.contains("<active>true</active>") && rule.contains("Call them"),
        "{rule}"
    );
}
