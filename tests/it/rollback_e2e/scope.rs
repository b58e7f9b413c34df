//! Absent is not new: what the target did not list is never deleted nor revoked.

use std::fs;

use serde_json::json;

use crate::support::{Deploy, Held, TestEnv};

const GAINED: &str = "<classAccesses><apexClass>InboundRentalMail</apexClass><enabled>true</enabled></classAccesses>\
    <pageAccesses><apexPage>DepotMap</apexPage><enabled>true</enabled></pageAccesses>";

const REPORT: &str = "reports/Fleet/Safety_Cases.report";

/// A report, a class and a page that are new, and rights to a class and a page.
fn news() -> Deploy {
    Deploy::new()
        .file(
            "ApexClass:Brand_New",
            "classes/Brand_New.cls",
            "public class Brand_New {}\n",
        )
        .file(
            "ApexClass:Brand_New",
            "classes/Brand_New.cls-meta.xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ApexClass xmlns=\"http://soap.sforce.com/2006/04/metadata\"><apiVersion>66.0</apiVersion><status>Active</status></ApexClass>\n",
        )
        .company("Report:Fleet/Safety_Cases", &[REPORT])
        .rename("Report:Fleet/Safety_Cases", REPORT, "Report:Fleet/Brand_New", "reports/Fleet/Brand_New.report")
        .profile("Sales User", GAINED)
}

/// A configuration with what is to be left out.
fn excluding(config: &str, what: &str) -> String {
    let (before, rest) = config.split_once("#exclude = ").unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    format!("{before}exclude = {what}\n{rest}")
}

/// What the rollback of everything leaves other than it was before.
fn rolled_back(env: &TestEnv, first: &str) -> Vec<String> {
    let before = Held::of(&env.org);
    env.orgkeep(&["rollback", "--to", first, "--all", "--delete-new", "--yes"]);
    let after = Held::of(&env.org);
    before.differing(&after).into_iter().collect()
}

#[test]
fn what_was_out_of_scope_then_is_neither_deleted_nor_revoked() {
    let env = TestEnv::initialised();
    let config = env.repo().join("orgkeep.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        excluding(&text, r#"["ApexClass", "ApexPage", "ApexTrigger"]"#),
    )
    .unwrap();
    env.git(&["commit", "-qam", "Narrow"]);
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    fs::write(&config, text).unwrap();
    env.git(&["commit", "-qam", "Widen"]);
    news().by(&env.org, "Jane");
    env.orgkeep(&["snapshot"]).status(0);
    assert_eq!(
        rolled_back(&env, &first),
        ["reports/Fleet/Brand_New.report"]
    );
}

#[test]
fn what_could_not_be_listed_then_is_neither_deleted_nor_revoked() {
    let env = TestEnv::initialised();
    for of in ["ApexClass", "ApexPage"] {
        env.org.fault(&json!({"call": "listMetadata", "of": of, "fault": "error:INSUFFICIENT_ACCESS", "times": 0}));
    }
    env.orgkeep(&["snapshot"]).status(3);
    let first = env.head();
    env.org
        .control("DELETE", "/simorg/faults", &serde_json::Value::Null);
    news().by(&env.org, "Jane");
    env.orgkeep(&["snapshot"]).status(0);
    assert_eq!(
        rolled_back(&env, &first),
        ["reports/Fleet/Brand_New.report"]
    );
}

#[test]
fn what_is_new_and_was_in_scope_then_is_deleted_and_revoked_only_when_that_is_said() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    let before = Held::of(&env.org);
    news().by(&env.org, "Jane");
    env.orgkeep(&["snapshot"]).status(0);
    env.orgkeep(&[
        "rollback",
        "--to",
        &first,
        "Report:Fleet/*",
        "ApexClass:Brand_New",
        "--yes",
    ])
    .status(0)
    .says("it is new since then; `--delete-new` deletes it");
    env.orgkeep(&["rollback", "--to", &first, "--all", "--delete-new", "--yes"])
        .status(0)
        .says("− delete     ApexClass:Brand_New")
        .says("2 rights taken away");
    assert_eq!(Held::of(&env.org).files, before.files);
    assert_eq!(super::differing(&env, &first, "HEAD"), [""; 0]);
}

/// A permission set is given whole, whatever else was in scope.
#[test]
fn permission_set_loses_what_it_gained_of_what_was_out_of_scope_then() {
    const MANAGER: &str = "permissionsets/Region_Manager.permissionset";
    let env = TestEnv::initialised();
    let config = env.repo().join("orgkeep.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, excluding(&text, r#"["ApexClass"]"#)).unwrap();
    env.git(&["commit", "-qam", "Narrow"]);
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    let before = Held::of(&env.org);
    Deploy::new()
        .company("PermissionSet:Region_Manager", &[MANAGER])
        .edit(MANAGER, "<customPermissions>", "<classAccesses><apexClass>InboundRentalMail</apexClass><enabled>true</enabled></classAccesses><customPermissions>")
        .by(&env.org, "Jane");
    env.orgkeep(&[
        "rollback",
        "--to",
        &first,
        "PermissionSet:Region_Manager",
        "--yes",
    ])
    .status(0)
    .says("1 right taken away");
    assert_eq!(Held::of(&env.org).files, before.files);
}
