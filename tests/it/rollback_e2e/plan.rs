//! The plan: shown, saved, applied, refused.

use super::differing;
use crate::support::{TestEnv, deploy};

/// A repository with a first snapshot of our fixture company; its commit.
fn snapshotted() -> (TestEnv, String) {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    (env, first)
}

#[test]
fn deleted_field_comes_back_with_all_that_used_it_and_later_edits_stay() {
    let (env, first) = snapshotted();
    deploy(&env.org, "Jane", "fixtures/orgs/acme-changes/jane");
    deploy(&env.org, "Omar", "fixtures/orgs/acme-changes/omar");
    env.orgkeep(&["snapshot"]).status(0);
    env.orgkeep(&["log"]).status(0).says("Jane Doe");

    let rollback = ["rollback", "--to", &first, "CustomField:Account.Region__c"];
    env.orgkeep(&rollback)
        .status(1)
        .says("+ recreate   CustomField:Account.Region__c")
        .says("layout item Region__c after Industry")
        .says("Plan: 2 to recreate, 7 to revert, 0 to delete, 0 need a person.")
        .warns("nothing was deployed");
    let planned_at = env.head();
    env.orgkeep(&[&rollback[..], &["--check"]].concat())
        .status(0)
        .says("nothing has changed");
    assert_eq!(env.head(), planned_at);

    env.orgkeep(&[&rollback[..], &["--yes"]].concat())
        .status(0)
        .says("every component of the plan is as planned");
    let omars = [
        "force-app/main/default/classes/OpportunityService.cls",
        "force-app/main/default/objects/Opportunity/validationRules/Amount.validationRule-meta.xml",
        "force-app/main/default/reports/Sales/Regional/Big_Deals_This_Quarter.report-meta.xml",
    ];
    assert_eq!(differing(&env, &first, "HEAD"), omars);
    env.assert_sound();

    let done = env.head();
    env.orgkeep(&[&rollback[..], &["--yes"]].concat())
        .status(0)
        .says("nothing to do");
    assert_eq!(env.head(), done);
}

#[test]
fn rollback_without_a_selector_shows_what_differs_and_stops() {
    let (env, first) = snapshotted();
    deploy(&env.org, "Omar", "fixtures/orgs/acme-changes/omar");
    env.orgkeep(&["rollback", "--to", &first, "--yes"])
        .status(2)
        .says("~ revert     ApexClass:OpportunityService")
        .says("Plan: 0 to recreate, 3 to revert")
        .warns("--all");
    env.orgkeep(&["rollback", "--to", &first, "--all", "--yes"])
        .status(0);
    assert_eq!(differing(&env, &first, "HEAD"), [""; 0]);
}

#[test]
fn saved_plan_is_refused_once_the_org_has_moved_on() {
    let (env, first) = snapshotted();
    deploy(&env.org, "Omar", "fixtures/orgs/acme-changes/omar");
    let file = env.scratch("plan.json");
    let file = file.to_str().unwrap();
    let what = "ApexClass:OpportunityService";
    env.orgkeep(&["rollback", "--to", &first, what, "--plan", file])
        .status(0);
    env.orgkeep(&["apply", file, "--yes"]).status(0);
    env.orgkeep(&["apply", file, "--yes"])
        .status(1)
        .warns("the plan no longer holds: ApexClass:OpportunityService");
}

#[test]
fn selector_that_matches_nothing_names_the_nearest() {
    let (env, first) = snapshotted();
    env.orgkeep(&["rollback", "--to", &first, "ApexClass:OpportunityServic"])
        .status(1)
        .warns("did you mean one of `ApexClass:OpportunityService`");
}
