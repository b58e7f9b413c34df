//! Who has to agree, which tests run, and what a check leaves.

use super::{CLASS, Case, REPORT};

#[test]
fn production_takes_no_rollback_without_its_own_word_and_runs_local_tests_once() {
    let case = Case::of_omar(&["--production"]);
    case.rollback(&[CLASS])
        .status(1)
        .says("Org ACME (production)")
        .says("Tests: all but those of packages.")
        .warns("nobody is there to confirm it");
    case.rollback(&[CLASS, "--yes"])
        .status(2)
        .warns("say `--yes --production`");
    case.rollback(&[CLASS, "--yes", "--production", "--ignore-errors"])
        .status(1)
        .warns("a production org takes all of a deploy or nothing");
    case.rollback(&[CLASS, "--yes", "--production", "--test-level", "NoTestRun"])
        .status(1)
        .warns("a production org takes no Apex without tests");
    assert_eq!(case.n_deploys(), 0);

    case.rollback(&[CLASS, "--yes", "--production"])
        .status(0)
        .says("run, all passed")
        .says("every component of the plan is as planned");
    // Checked with tests, then deployed without running them again.
    assert_eq!(case.n_deploys(), 1);
    assert_eq!(case.env.org.n_calls("deployRecentValidation"), 1);
    // What holds no Apex runs no tests, so it is sent again.
    case.rollback(&[REPORT, "--yes", "--production"]).status(0);
    assert_eq!(case.n_deploys(), 3);
    assert_eq!(case.env.org.n_calls("deployRecentValidation"), 1);
    assert_eq!(case.differing(), [""; 0]);
}

#[cfg(target_os = "linux")]
#[test]
fn name_of_a_production_org_is_typed() {
    let case = Case::of_omar(&["--production"]);
    let question = "Type the name of the org, ACME,";
    let Some(ran) = case.on_terminal(CLASS, &[(question, "yes\n")]) else {
        return;
    };
    ran.status(1).says("it was not confirmed");
    assert_eq!(case.n_deploys(), 0);
    case.on_terminal(CLASS, &[(question, "ACME\n")])
        .unwrap()
        .status(0)
        .says("every component of the plan is as planned");
}

#[test]
fn check_leaves_nothing_in_the_org_or_the_repository() {
    let case = Case::of_omar(&[]);
    let head = case.env.head();
    case.rollback(&[CLASS, "--check"])
        .status(0)
        .says("checked: the org takes the plan, and nothing has changed");
    case.rollback(&[CLASS, "--check", "--run-tests", "OpportunityServiceTest"])
        .status(0)
        .says("Tests: OpportunityServiceTest.")
        .says("tests: 2 run, all passed");
    case.rollback(&[CLASS, "--check", "--test-level", "RunLocalTests"])
        .status(0)
        .says("run, all passed");
    assert_eq!(case.env.head(), head);
    assert_eq!(case.n_deploys(), 3);
    case.env.orgkeep(&["snapshot"]).status(0);
    assert_eq!(case.env.head(), head);
}

#[test]
fn check_that_cannot_be_deployed_any_more_is_deployed_whole() {
    let case = Case::of_omar(&[]);
    case.fault("deployRecentValidation", "error:INVALID_ID_FIELD", 0, 1);
    case.rollback(&[CLASS, "--yes", "--test-level", "RunLocalTests"])
        .status(0)
        .says("every component of the plan is as planned");
    assert_eq!(case.n_deploys(), 2);
}
