//! What a Salesforce release adds everywhere is nobody's change.

use serde_json::json;

use crate::support::{Deploy, TestEnv};

const KINDS: &str = "--format=%an|%(trailers:key=Orgkeep-Kind,valueonly,separator=%x20)|%s";

fn snapshotted() -> TestEnv {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    env.orgkeep(&["snapshot"]).status(0);
    env
}

/// A release comes to the org; in how many components it adds something.
fn release(env: &TestEnv, body: &serde_json::Value) -> u64 {
    let answer = env.org.control("POST", "/simorg/release", body);
    answer["components"].as_u64().unwrap()
}

fn since(env: &TestEnv, commit: &str) -> String {
    env.git(&["log", "--reverse", KINDS, &format!("{commit}..")])
}

#[test]
fn element_that_came_to_all_components_of_a_type_is_a_commit_that_blames_nobody() {
    let env = snapshotted();
    let first = env.head();
    let n = release(
        &env,
        &json!({"type": "Report", "xml": "<isReleaseMade>true</isReleaseMade>"}),
    );
    assert!(n >= 3, "{n}");
    env.org.clock(&json!({"now": "2027-01-11T08:00:00Z"}));
    env.orgkeep(&["snapshot"]).status(0);
    assert_eq!(env.head(), first, "no date has moved, so nothing is read");
    env.orgkeep(&["snapshot", "--full"]).status(0);
    assert_eq!(
        since(&env, &first),
        "orgkeep|release|A Salesforce release added Report isReleaseMade\n"
    );
    let changed = env.git(&["diff", "--name-only", &first, "HEAD", "--", "force-app"]);
    assert_eq!(changed.lines().count() as u64, n, "{changed}");
    let head = env.head();
    env.orgkeep(&["snapshot", "--full"]).status(0);
    assert_eq!(env.head(), head);
    env.assert_sound();
}

#[test]
fn what_a_person_changed_in_one_of_them_is_a_commit_of_the_persons_on_top() {
    let env = snapshotted();
    let first = env.head();
    Deploy::new()
        .part("ValidationRule:Opportunity.Amount")
        .edit(
            "objects/Opportunity.object",
            "<errorMessage>",
            "<errorMessage>Please: ",
        )
        .by(&env.org, "Jane");
    release(
        &env,
        &json!({
            "type": "CustomObject",
            "below": "validationRules",
            "xml": "<shouldEvaluate>true</shouldEvaluate>",
        }),
    );
    env.org.clock(&json!({"now": "2027-01-11T08:00:00Z"}));
    env.orgkeep(&["snapshot", "--full"]).status(0);
    let log = since(&env, &first);
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(lines[0].starts_with("orgkeep|release|"), "{log}");
    assert!(
        lines[1].starts_with("Jane Doe|change|~ ValidationRule Opportunity.Amount"),
        "{log}"
    );
    let by_jane = env.git(&["show", "--format=", "-U0", "HEAD", "--", "force-app"]);
    assert!(by_jane.contains("+    <errorMessage>Please: "), "{by_jane}");
    assert!(!by_jane.contains("shouldEvaluate"), "{by_jane}");
    env.assert_sound();
}

#[test]
fn element_that_came_inside_children_of_objects_is_told_as_well() {
    let env = snapshotted();
    let first = env.head();
    release(
        &env,
        &json!({
            "type": "CustomObject",
            "below": "validationRules",
            "xml": "<shouldEvaluate>true</shouldEvaluate>",
        }),
    );
    env.org.clock(&json!({"now": "2027-01-11T08:00:00Z"}));
    env.orgkeep(&["snapshot", "--full"]).status(0);
    assert_eq!(
        since(&env, &first),
        "orgkeep|release|A Salesforce release added ValidationRule shouldEvaluate\n"
    );
}

#[test]
fn few_components_that_changed_without_a_date_are_no_release() {
    let env = snapshotted();
    let first = env.head();
    // One of the site's type there is; what comes to it alone may be anybody's.
    let n = release(
        &env,
        &json!({"type": "Queue", "xml": "<doesIncludeBosses>true</doesIncludeBosses>"}),
    );
    assert!(n < 3, "{n}");
    env.org.clock(&json!({"now": "2027-01-11T08:00:00Z"}));
    env.orgkeep(&["snapshot", "--full"]).status(0);
    assert!(!since(&env, &first).contains("|release|"));
}
