//! Plans as files: what is refused, and what that leaves.

use std::fs;

use super::{CLASS, CLASS_FILE, Case, REPORT, REPORT_FILE};
use crate::support::{Org, TestEnv};

#[test]
fn file_that_is_not_the_plan_that_was_made_changes_nothing() {
    let case = Case::of_omar(&[]);
    let path = case.env.scratch("plan.json");
    let file = path.to_str().unwrap();
    let ran = case.rollback(&[CLASS, "--plan", file]).status(0);
    let digest = ran
        .stderr
        .split("digest ")
        .nth(1)
        .unwrap()
        .trim()
        .to_owned();
    let text = fs::read_to_string(&path).unwrap();
    assert!(
        !text.contains("DEFAULT_LIMIT"),
        "it holds contents:\n{text}"
    );
    let apply = |text: &str| {
        fs::write(&path, text).unwrap();
        case.env.orgkeep(&["apply", file, "--yes"]).status(1)
    };
    // An option that has no effect on this plan, a selector, a target, an outcome.
    for (from, to) in [
        ("\"delete_new\": false", "\"delete_new\": true"),
        ("\"verdict\": \"revert\"", "\"verdict\": \"delete\""),
        (&*format!("\"{CLASS}\""), "\"*:*\""),
        (&*case.first, "HEAD"),
    ] {
        assert!(text.contains(from), "no {from} in {text}");
        apply(&text.replacen(from, to, 1)).warns("the plan was edited");
    }
    apply(&text.replacen("orgkeep/plan/1", "orgkeep/plan/7", 1))
        .warns("the plan has schema `orgkeep/plan/7`");
    let release = format!("\"release\": \"{}\"", env!("CARGO_PKG_VERSION"));
    apply(&text.replacen(&release, "\"release\": \"99.0.0\"", 1))
        .warns("the plan was made by orgkeep 99.0.0");
    apply(&text[..text.len() / 2]).warns("cannot read the plan");
    apply(&"[".repeat(200_000)).warns("cannot read the plan");
    apply("{\"schema\":\"orgkeep/plan/1\",\"release\":\"\\u001b[2J\"}").warns("\\u{1b}[2J");
    fs::remove_file(&path).unwrap();
    case.env
        .orgkeep(&["apply", file, "--yes"])
        .status(1)
        .warns("cannot read the plan");
    assert_eq!(case.n_deploys(), 0);

    fs::write(&path, &text).unwrap();
    case.env
        .orgkeep(&["apply", file, "--yes", "--digest", "sha256:0"])
        .status(1)
        .warns(&digest);
    assert_eq!(case.n_deploys(), 0);
    case.env
        .orgkeep(&["apply", file, "--yes", "--digest", &digest])
        .status(0)
        .says("every component of the plan is as planned");
}

#[test]
fn plan_of_another_org_is_refused_before_anything_is_read() {
    let case = Case::of_omar(&[]);
    let path = case.env.scratch("plan.json");
    let file = path.to_str().unwrap();
    case.rollback(&[CLASS, "--plan", file]).status(0);
    let other = TestEnv::new(Org::start(&["--org-id", "00D000000000077"]));
    other.orgkeep(&["init"]).status(0);
    other.orgkeep(&["snapshot"]).status(0);
    let n_calls = other.org.n_calls("listMetadata");
    other
        .orgkeep(&["apply", file, "--yes"])
        .status(1)
        .warns("this login opens org 00D000000000077");
    assert_eq!(other.org.n_calls("listMetadata"), n_calls);
    assert_eq!(other.org.n_calls("deploy"), 0);
}

#[test]
fn org_that_has_moved_on_is_told_component_by_component() {
    let case = Case::of_omar(&[]);
    let path = case.env.scratch("plan.json");
    let file = path.to_str().unwrap();
    case.rollback(&[CLASS, REPORT, "--plan", file]).status(0);
    case.env.orgkeep(&["apply", file, "--check"]).status(0);
    case.change(|it| {
        it.edit(CLASS_FILE, "DEFAULT_LIMIT = 99", "DEFAULT_LIMIT = 98");
        it.edit(REPORT_FILE, "<value>9<", "<value>8<");
    });
    case.env
        .orgkeep(&["apply", file, "--yes"])
        .status(1)
        .warns("new in the org")
        .warns("the plan no longer holds: ApexClass:OpportunityService: changed since the plan was made, by Omar Haddad")
        .warns("  - Report:Sales/Regional/Big_Deals_This_Quarter: changed since");
    assert_eq!(case.n_deploys(), 1);
}

#[test]
fn org_is_looked_at_again_right_before_the_deploy() {
    let case = Case::of_omar(&[]);
    case.fault("checkDeployStatus", "slow:700", 0, 0);
    let mut begun = case.begin(&[CLASS, "--yes", "--test-level", "RunLocalTests"]);
    begun.next_job();
    case.change(|it| it.edit(CLASS_FILE, "DEFAULT_LIMIT = 99", "DEFAULT_LIMIT = 98"));
    begun
        .end()
        .status(1)
        .warns("the plan no longer holds: ApexClass:OpportunityService");
    assert_eq!(case.n_deploys(), 1);
    assert_eq!(case.env.org.n_calls("deployRecentValidation"), 0);
    // The change that came between is in the history, under its own name.
    case.env.orgkeep(&["log", "-n", "1"]).says("Omar Haddad");
}
