//! What an org refuses: where, in its own words, and what to do.

use std::fs;

use serde_json::json;

use super::{CLASS, Case, REPORT, REPORT_FILE};
use crate::support::{Org, Package, TestEnv};

const META: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <ApexClass xmlns=\"http://soap.sforce.com/2006/04/metadata\">\n    \
    <apiVersion>66.0</apiVersion>\n    <status>Active</status>\n</ApexClass>\n";

fn class(company: &Package, name: &str, source: &str) {
    fs::write(company.path(&format!("classes/{name}.cls")), source).unwrap();
    fs::write(company.path(&format!("classes/{name}.cls-meta.xml")), META).unwrap();
}

/// A class that names another one; that one is deleted, and a report is changed.
fn broken() -> Case {
    let env = TestEnv::new(Org::acme());
    let company = Package::acme();
    class(&company, "Helper", "public class Helper {\n}\n");
    class(
        &company,
        "Uses",
        "public class Uses {\n    public Helper own;\n}\n",
    );
    company.load(&env.org, "admin@acme.example", "2026-01-05T10:00:00Z");
    env.orgkeep(&["init"]).status(0);
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    let case = Case {
        env,
        first,
        company,
    };
    case.change(|it| {
        it.remove(&["classes/Helper.cls", "classes/Helper.cls-meta.xml"]);
        class(it, "Uses", "public class Uses {\n}\n");
        it.edit(REPORT_FILE, "25000", "9");
    });
    case.env.orgkeep(&["snapshot"]).status(0);
    case
}

#[test]
fn refusal_names_the_line_in_the_commit_and_what_to_do() {
    let case = broken();
    let short = &case.first[..7];
    let place = format!("{short}:force-app/main/default/classes/Uses.cls:2:");
    case.rollback(&["ApexClass:Uses", REPORT, "--yes"])
        .status(1)
        .says("× ApexClass:Uses")
        .says(&place)
        .says("Invalid type: Helper")
        .says("hint: select `Helper` as well")
        .warns("the org refuses the plan; nothing has changed there");
    assert_eq!(case.n_deploys(), 1);
    let shown = case.env.git(&[
        "show",
        &format!("{short}:force-app/main/default/classes/Uses.cls"),
    ]);
    assert!(shown.lines().nth(1).unwrap().contains("Helper"));
    // With what it names it goes in.
    case.rollback(&["ApexClass:Uses", "ApexClass:Helper", "--yes"])
        .status(0);
}

#[test]
fn what_goes_in_stays_where_errors_are_ignored_and_the_rest_is_told() {
    let case = broken();
    case.rollback(&["ApexClass:Uses", REPORT, "--yes", "--ignore-errors"])
        .status(3)
        .says("Invalid type: Helper")
        .says("! ApexClass:Uses  still different: the org refused it: Invalid type: Helper")
        .says("rolled back in part");
    let left = case.differing();
    assert!(left.iter().all(|it| it.contains("/classes/")), "{left:?}");
    let message = case.env.git(&["log", "-1", "--format=%B"]);
    assert!(message.contains("Orgkeep-Kind: rollback"), "{message}");
    assert!(!message.contains("ApexClass Uses:"), "{message}");
}

#[test]
fn tests_that_fail_are_told_with_stack_and_coverage() {
    let case = Case::of_omar(&["--production"]);
    let script = json!({"failures": {"OpportunityServiceTest.findsDealsAboveTheLimit":
        "System.AssertException: Assertion Failed"}, "coverage": {"OpportunityService": 40}});
    case.env.org.control("POST", "/simorg/tests", &script);
    let yes = ["--yes", "--production"];
    case.rollback(&[&[CLASS][..], &yes].concat())
        .status(1)
        .says("× OpportunityServiceTest.findsDealsAboveTheLimit")
        .says("System.AssertException: Assertion Failed")
        .says("    at Class.OpportunityServiceTest.findsDealsAboveTheLimit: line 1, column 1")
        .says("1 failed")
        .says("coverage of OpportunityService: 40%")
        .warns("nothing has changed there");
    let only = json!({"coverage": {"OpportunityService": 40}});
    case.env.org.control("POST", "/simorg/tests", &only);
    case.rollback(&[&[CLASS, "--run-tests", "OpportunityServiceTest"][..], &yes].concat())
        .status(1)
        .says("Test coverage of selected Apex Class is 40%, at least 75% test coverage is required")
        .says("hint: name more of the tests");
    assert_eq!(case.env.org.n_calls("deployRecentValidation"), 0);
    case.env.orgkeep(&["snapshot"]).status(0).says("no change");
}

#[test]
fn failure_of_the_whole_deploy_is_told_as_such_and_as_json() {
    let case = Case::of_omar(&[]);
    case.fault("deploy", "fail", 1, 1);
    let ran = case.rollback(&[REPORT, "--yes", "--json"]).status(1);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["result"]["stage"], "deploy-failed");
    let failure = &report["result"]["failures"][0];
    assert!(failure["problem"].as_str().unwrap().contains("ErrorId"));
    assert!(
        failure["hint"]
            .as_str()
            .unwrap()
            .contains("run the command again")
    );
    let jobs = report["result"]["jobs"].as_array().unwrap();
    let status: Vec<_> = jobs
        .iter()
        .map(|it| it["status"].as_str().unwrap())
        .collect();
    assert_eq!(status, ["Succeeded", "Failed"]);
}
