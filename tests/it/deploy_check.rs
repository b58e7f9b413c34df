//! Proof that a snapshot goes back in.

use crate::support::{Deploy, Held, TestEnv};

fn snapshotted() -> (TestEnv, String) {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    (env, first)
}

#[test]
fn snapshot_of_an_org_goes_back_into_it_and_nothing_has_changed() {
    let (env, first) = snapshotted();
    let held = Held::of(&env.org);
    env.orgkeep(&["verify", "--deploy-check"])
        .status(0)
        .says("components of")
        .says(&first[..7])
        .says("in 1 check; nothing has changed there");
    let report = env
        .orgkeep(&["verify", "--deploy-check", "--at-most", "60", "--json"])
        .status(0)
        .stdout;
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["schema"], "orgkeep/verify/1");
    assert_eq!(report["proven"], true);
    assert_eq!(report["n_good"], report["n_sent"]);
    assert!(
        report["jobs"].as_array().unwrap().len() > 3,
        "cut in several checks"
    );
    let left_out = report["left_out"].as_object().unwrap();
    for (key, reason) in left_out {
        let is_known = reason.as_str().unwrap().contains("package")
            || reason.as_str().unwrap().contains("its flow says itself")
            || reason.as_str().unwrap().contains("does not know its type");
        assert!(is_known, "{key}: {reason}");
    }
    assert_eq!(Held::of(&env.org), held);
}

#[test]
fn what_would_not_go_in_is_told_at_its_file_with_the_reason() {
    let (env, first) = snapshotted();
    Deploy::new()
        .delete(&["CustomField:Account.Region__c"])
        .by(&env.org, "Jane");
    let held = Held::of(&env.org);
    let alone = [
        "verify",
        "--deploy-check",
        "--at",
        &first,
        "Layout:Account-Account Layout",
    ];
    env.orgkeep(&alone)
        .status(3)
        .says("Layout:Account-Account Layout")
        .says("layouts/Account-Account Layout.layout-meta.xml")
        .says("Region__c found")
        .says("0 of 1 components");
    // With the field it goes in: the whole snapshot can be used.
    env.orgkeep(&[&alone[..], &["CustomField:Account.Region__c"]].concat())
        .status(0)
        .says("2 of 2 components");
    assert_eq!(Held::of(&env.org).files, held.files);
}
