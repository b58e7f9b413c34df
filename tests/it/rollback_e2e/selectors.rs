//! What somebody changed, what a deploy changed, and who writes it back.

use std::fs;

use super::differing;
use crate::support::{Deploy, Held, TestEnv};

const RULE: &str = "ValidationRule:Opportunity.Amount";
const CLASS: &str = "ApexClass:OpportunityService";
const FILE: &str = "classes/OpportunityService.cls";

fn limit(to: &str) -> Deploy {
    Deploy::new().company(CLASS, &[FILE]).edit(
        FILE,
        "DEFAULT_LIMIT = 15",
        &format!("DEFAULT_LIMIT = {to}"),
    )
}

fn snapshotted() -> (TestEnv, String) {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    (env, first)
}

#[test]
fn what_one_person_changed_goes_back_and_nothing_else() {
    let (env, first) = snapshotted();
    Deploy::new().delete(&[RULE]).by(&env.org, "Jane");
    env.orgkeep(&["snapshot"]).status(0);
    limit("99").by(&env.org, "Omar");
    env.orgkeep(&["rollback", "--to", &first, "--author", "jane doe", "--yes"])
        .status(0)
        .says("+ recreate   ValidationRule:Opportunity.Amount")
        .says("Plan: 1 to recreate, 0 to revert");
    assert_eq!(
        differing(&env, &first, "HEAD"),
        ["force-app/main/default/classes/OpportunityService.cls"]
    );
}

#[test]
fn what_a_deploy_did_goes_back_but_for_what_others_changed_after_it() {
    let (env, first) = snapshotted();
    let job = limit("99").delete(&[RULE]).job_by(&env.org, "Jane");
    limit("7").by(&env.org, "Omar");
    let changed = Held::of(&env.org);
    let done = env
        .orgkeep(&["rollback", "--deploy", &job, "--yes"])
        .status(3)
        .says("+ recreate   ValidationRule:Opportunity.Amount")
        .says("! manual     ApexClass:OpportunityService ")
        .says("changed after that deploy, by Omar Haddad")
        .says(&first[..7]);
    assert!(!done.stdout.contains("~ revert"), "{}", done.stdout);
    let after = Held::of(&env.org);
    assert_eq!(after.files[FILE], changed.files[FILE]);
    // Named, it goes back whoever changed it.
    let named = env
        .orgkeep(&["rollback", "--deploy", &job, CLASS, "--yes"])
        .status(0);
    let told = named.stdout;
    assert_eq!(differing(&env, &first, "HEAD"), [""; 0], "{told}");
    env.orgkeep(&["rollback", "--deploy", "0Af000000000000AAA", "--yes"])
        .status(1);
}

#[test]
fn another_login_writes_and_the_rollback_is_pushed() {
    let (env, first) = snapshotted();
    let remote = env.scratch("remote.git");
    let remote = remote.to_str().unwrap();
    env.git(&["init", "-q", "--bare", remote]);
    env.git(&["remote", "add", "origin", remote]);
    let token = env.scratch("token");
    fs::write(&token, env.org.token("Omar")).unwrap();
    let token = token.to_str().unwrap();
    let url = env.org.url();
    env.orgkeep(&[
        "login", "token", "--url", url, "--file", token, "--name", "writer",
    ])
    .status(0);
    Deploy::new().delete(&[RULE]).by(&env.org, "Jane");
    let rollback = ["rollback", "--to", &first, RULE, "--yes"];
    env.orgkeep(&[&rollback[..], &["--as", "writer", "--push"]].concat())
        .status(0);
    env.orgkeep(&["log", "-n", "1"])
        .says("Omar Haddad")
        .says("Roll back ValidationRule Opportunity.Amount");
    let there = env.git(&["ls-remote", remote, "refs/heads/*"]);
    assert!(there.contains(&env.head()), "{there}");
}
