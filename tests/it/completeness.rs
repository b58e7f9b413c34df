//! What an org has and a snapshot lacks is in the ledger.

use serde_json::{Value, json};

use crate::support::TestEnv;

fn gaps(env: &TestEnv) -> Vec<(String, String, String)> {
    let text = env.git(&["show", "HEAD:.orgkeep/coverage.json"]);
    let ledger: Value = serde_json::from_str(&text).unwrap();
    let gaps = ledger["gaps"].as_array().unwrap();
    let word = |it: &Value, name: &str| it[name].as_str().unwrap().to_owned();
    gaps.iter()
        .map(|it| (word(it, "what"), word(it, "kind"), word(it, "reason")))
        .collect()
}

#[test]
fn reports_in_private_folders_are_counted_in_the_ledger_and_are_no_reason_for_status_3() {
    let env = TestEnv::initialised();
    env.org
        .control("POST", "/simorg/private", &json!({"Report": 12}));
    env.orgkeep(&["snapshot"]).status(0);
    let private = |env: &TestEnv| {
        let gaps = gaps(env);
        gaps.into_iter()
            .filter(|it| it.1 == "not-retrievable")
            .collect::<Vec<_>>()
    };
    let expected = (
        "Report:Private Reports/*".to_owned(),
        "not-retrievable".to_owned(),
        "12 in private folders: the API gives them to nobody".to_owned(),
    );
    assert_eq!(private(&env), std::slice::from_ref(&expected));
    let head = env.head();
    env.orgkeep(&["snapshot"]).status(0);
    assert_eq!(env.head(), head);
    env.orgkeep(&["snapshot", "--full"]).status(0);
    assert_eq!(private(&env), [expected]);
    assert_eq!(
        env.head(),
        head,
        "a full pass counts again, and nothing has changed"
    );
}

#[test]
fn profiles_that_say_all_that_the_tables_grant_are_no_gap() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let incomplete: Vec<_> = gaps(&env)
        .into_iter()
        .filter(|it| it.1 == "incomplete")
        .collect();
    assert_eq!(incomplete, []);
    assert!(env.org.n_calls("query") > 0);
}

#[test]
fn right_that_the_tables_grant_and_a_file_lacks_is_told_by_its_name() {
    let env = TestEnv::initialised();
    env.org.control(
        "POST",
        "/simorg/implied",
        &json!([
            {"component": "Profile:Sales User", "field": "Account.Secret_Score__c"},
            {"component": "Profile:Sales User", "field": "Account.Fax"},
            {"component": "PermissionSet:Rental_Desk", "user_permission": "ViewSetup"},
        ]),
    );
    env.orgkeep(&["snapshot"]).status(0);
    let incomplete: Vec<_> = gaps(&env)
        .into_iter()
        .filter(|it| it.1 == "incomplete")
        .collect();
    assert_eq!(
        incomplete,
        [
            ("PermissionSet:Rental_Desk", "userPermissions ViewSetup"),
            // The other field is none of the org's.
            ("Profile:Sales User", "fieldPermissions Account.Fax"),
        ]
        .map(|(what, lacks)| (
            what.to_owned(),
            "incomplete".to_owned(),
            format!("the org grants more than its file says: {lacks}")
        ))
    );
}
