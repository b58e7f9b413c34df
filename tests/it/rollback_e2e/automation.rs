//! Validation rules and flows.

use super::{case, come_back, differing};
use crate::support::{Deploy, Held, TestEnv};

#[test]
fn deleted_validation_rule_comes_back() {
    come_back(&[case(
        Deploy::new().delete(&["ValidationRule:Opportunity.Amount"]),
        "ValidationRule:Opportunity.Amount",
        &["ValidationRule:Opportunity.Amount"],
    )]);
}

#[test]
fn changed_validation_rule_is_as_it_was() {
    come_back(&[case(
        Deploy::new()
            .part("ValidationRule:Rental__c.End_After_Start")
            .edit(
                "objects/Rental__c.object",
                "<active>true</active>",
                "<active>false</active>",
            )
            .edit("objects/Rental__c.object", "cannot end", "must not end"),
        "ValidationRule:Rental__c.End_After_Start",
        &["ValidationRule:Rental__c.End_After_Start"],
    )]);
}

const STOP: &str = "flows/Case_Safety_Stop.flow";

/// The number of the version of a flow that is active in the org; 0 where none is.
fn active(env: &TestEnv, flow: &str) -> u32 {
    let held = Held::of(&env.org);
    let file = &held.files[&format!("flowDefinitions/{flow}.flowDefinition")];
    let text = String::from_utf8_lossy(file);
    let number = text.split_once("<activeVersionNumber>");
    number.map_or(0, |(_, rest)| {
        rest.split_once('<').unwrap().0.parse().unwrap()
    })
}

/// A deploy that makes a version of a flow the active one; 0 for none.
fn activates(flow: &str, version: u32) -> Deploy {
    Deploy::new().file(
        &format!("FlowDefinition:{flow}"),
        &format!("flowDefinitions/{flow}.flowDefinition"),
        &format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<FlowDefinition xmlns=\"http://soap.sforce.com/2006/04/metadata\">\
             <activeVersionNumber>{version}</activeVersionNumber></FlowDefinition>\n"
        ),
    )
}

/// A repository with a first snapshot, and its commit.
fn snapshotted() -> (TestEnv, String) {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    (env, first)
}

#[test]
fn new_version_of_a_flow_stays_and_the_old_one_is_activated_again() {
    let (env, first) = snapshotted();
    Deploy::new()
        .company("Flow:Case_Safety_Stop", &[STOP])
        .edit(STOP, "<label>", "<label>Jane's ")
        .by(&env.org, "Jane");
    assert_eq!(active(&env, "Case_Safety_Stop"), 2);
    env.orgkeep(&["snapshot"]).status(0);
    env.orgkeep(&["log", "-n", "1", "Flow:Case_Safety_Stop"])
        .says("Jane Doe");
    let rollback = ["rollback", "--to", &first, "Flow:Case_Safety_Stop", "--yes"];
    env.orgkeep(&rollback)
        .status(0)
        .says("~ activate   Flow:Case_Safety_Stop")
        .says("version 1 was active and is still there; later versions stay, inactive")
        .says("every component of the plan is as planned");
    assert_eq!(active(&env, "Case_Safety_Stop"), 1);
    // The tree has the latest version, and beside it the one that is active.
    assert_eq!(
        differing(&env, &first, "HEAD"),
        ["force-app/main/default/flows/Case_Safety_Stop.flow-meta.xml"]
    );
    let org = Held::of(&env.org);
    let head = env.head();
    env.orgkeep(&rollback).status(0).says("nothing to do");
    assert_eq!(Held::of(&env.org), org);
    assert_eq!(env.head(), head);
}

#[test]
fn deactivated_flow_is_activated_again() {
    come_back(&[case(
        activates("Case_Safety_Stop", 0),
        "Flow:Case_Safety_Stop",
        &["Flow:Case_Safety_Stop"],
    )
    .says("~ activate   Flow:Case_Safety_Stop")]);
}

#[test]
fn active_version_that_was_deleted_is_deployed_as_a_new_one() {
    let (env, first) = snapshotted();
    activates("Order_Follow_Up", 3).by(&env.org, "Jane");
    Deploy::new()
        .delete(&["Flow:Order_Follow_Up-2"])
        .by(&env.org, "Jane");
    let before = env.git(&[
        "show",
        "HEAD:.orgkeep/flows/Order_Follow_Up/active.flow-meta.xml",
    ]);
    env.orgkeep(&["snapshot"]).status(0);
    let rollback = ["rollback", "--to", &first, "Flow:Order_Follow_Up", "--yes"];
    env.orgkeep(&rollback)
        .status(0)
        .says("~ revert     Flow:Order_Follow_Up")
        .says("version 2 was active and is gone; makes a new version");
    assert_eq!(active(&env, "Order_Follow_Up"), 4);
    let after = env.git(&[
        "show",
        "HEAD:force-app/main/default/flows/Order_Follow_Up.flow-meta.xml",
    ]);
    assert_eq!(after, before);
    env.orgkeep(&rollback).status(0).says("nothing to do");
}

/// Deletes a flow as the platform wants it: no version active, then each by itself.
fn delete_flow(env: &TestEnv, flow: &str, versions: &[u32]) {
    activates(flow, 0).by(&env.org, "Jane");
    let versions: Vec<String> = versions
        .iter()
        .map(|it| format!("Flow:{flow}-{it}"))
        .collect();
    let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
    Deploy::new().delete(&versions).by(&env.org, "Jane");
}

#[test]
fn deleted_flow_of_one_version_comes_back_as_it_was() {
    let (env, first) = snapshotted();
    let before = Held::of(&env.org);
    delete_flow(&env, "Case_Safety_Stop", &[1]);
    env.orgkeep(&["snapshot"]).status(0);
    env.orgkeep(&["rollback", "--to", &first, "Flow:Case_Safety_Stop", "--yes"])
        .status(0)
        .says("+ recreate   Flow:Case_Safety_Stop");
    assert_eq!(differing(&env, &first, "HEAD"), [""; 0]);
    // Where elements stand on the canvas of a flow in auto-layout is not kept.
    let differing = Held::of(&env.org).differing(&before);
    assert_eq!(Vec::from_iter(differing), [STOP]);
    env.assert_sound();
}

#[test]
fn deleted_flow_of_several_versions_comes_back_active_as_version_1_and_that_is_said() {
    let (env, first) = snapshotted();
    let active_then = env.git(&[
        "show",
        "HEAD:.orgkeep/flows/Order_Follow_Up/active.flow-meta.xml",
    ]);
    delete_flow(&env, "Order_Follow_Up", &[1, 2, 3]);
    env.orgkeep(&["snapshot"]).status(0);
    // With its definition selected or not; a draft is a version too.
    for selector in ["Flow:Order_Follow_Up", "*:Order_Follow_Up"] {
        env.orgkeep(&["rollback", "--to", &first, selector])
            .says("+ recreate   Flow:Order_Follow_Up")
            .says("begin again at 1: it was 2 that was active; its later draft, version 3, stays lost");
    }
    let rollback = ["rollback", "--to", &first, "*:Order_Follow_Up", "--yes"];
    env.orgkeep(&rollback)
        .status(0)
        .says("every component of the plan is as planned");
    assert_eq!(active(&env, "Order_Follow_Up"), 1);
    let flow = env.git(&[
        "show",
        "HEAD:force-app/main/default/flows/Order_Follow_Up.flow-meta.xml",
    ]);
    assert_eq!(flow, active_then);
    env.orgkeep(&rollback).status(0).says("nothing to do");
}
