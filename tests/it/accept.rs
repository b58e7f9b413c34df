//! Known gaps are accepted once, with a reason; new and returning ones are told.

use serde_json::{Value, json};

use crate::support::TestEnv;

fn hide_classes(env: &TestEnv) {
    env.org.fault(
        &json!({"call": "listMetadata", "of": "ApexClass", "fault": "error:UNKNOWN_EXCEPTION", "times": 0}),
    );
}

fn show_classes(env: &TestEnv) {
    env.org.control("DELETE", "/simorg/faults", &Value::Null);
}

/// A repository whose last snapshot could not list the Apex classes.
fn with_a_gap() -> TestEnv {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    hide_classes(&env);
    env.orgkeep(&["snapshot"]).status(3);
    env
}

#[test]
fn accepted_gap_is_no_reason_for_status_3_until_it_comes_back() {
    let env = with_a_gap();
    let listed = env.orgkeep(&["accept"]).status(0).stdout;
    assert!(listed.starts_with("! ApexClass"), "{listed}");
    let accepted = env
        .orgkeep(&[
            "accept",
            "ApexClass",
            "--because",
            "the org is being repaired",
        ])
        .status(0)
        .stdout;
    assert!(
        accepted.contains("accepted: the org is being repaired"),
        "{accepted}"
    );
    let shown = env.git(&["log", "-1", "--format=%an|%s|%b"]);
    assert!(
        shown.starts_with("Test Runner|Accept 1 known gap|the org is being repaired"),
        "{shown}"
    );
    assert_eq!(
        env.git(&["diff", "--name-only", "HEAD~1", "HEAD"]),
        ".orgkeep/coverage.json\n"
    );
    env.assert_sound();

    let head = env.head();
    let ran = env.orgkeep(&["snapshot"]).status(0);
    assert!(ran.stdout.contains("1 known gap"), "{}", ran.stdout);
    assert_eq!(head, env.head());
    env.orgkeep(&["status"]).status(0);

    show_classes(&env);
    env.orgkeep(&["snapshot"]).status(0);
    assert_ne!(head, env.head());
    hide_classes(&env);
    let ran = env.orgkeep(&["snapshot"]).status(3);
    assert!(ran.stdout.contains("! ApexClass"), "{}", ran.stdout);
}

#[test]
fn acceptance_needs_a_gap_and_a_reason() {
    let env = with_a_gap();
    let head = env.head();
    env.orgkeep(&["accept", "ApexClass"]).status(2);
    env.orgkeep(&["accept", "--because", "why not"])
        .status(2)
        .warns("no gap is named");
    env.orgkeep(&["accept", "ApexClas", "--because", "why not"])
        .status(1)
        .warns("`ApexClas` matches nothing")
        .warns("did you mean `ApexClass`?");
    assert_eq!(head, env.head());
    env.orgkeep(&["accept", "--all", "--because", "first"])
        .status(0);
    env.orgkeep(&["accept", "--all", "--because", "again"])
        .status(1)
        .warns("has no gap that is open");
    let report: Value =
        serde_json::from_str(&env.orgkeep(&["accept", "--json"]).status(0).stdout).unwrap();
    assert_eq!(report["schema"], "orgkeep/accept/1");
    assert_eq!(report["gaps"][0]["because"], "first");
}
