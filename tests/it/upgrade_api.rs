//! `orgkeep upgrade-api`: the version in two files, the tree in the next snapshot.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Package, TestEnv};

/// A repository that is pinned to 65.0, with a snapshot.
fn pinned() -> TestEnv {
    let env = TestEnv::initialised();
    for (file, from, to) in [
        (
            "orgkeep.toml",
            "api_version = \"66.0\"",
            "api_version = \"65.0\"",
        ),
        ("sfdx-project.json", "\"66.0\"", "\"65.0\""),
    ] {
        let path = env.repo().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(path, text.replace(from, to)).unwrap();
    }
    env.git(&["commit", "--quiet", "-am", "Pin the version"]);
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    env.orgkeep(&["snapshot"]).status(0);
    env
}

fn read(env: &TestEnv, file: &str) -> String {
    fs::read_to_string(env.repo().join(file)).unwrap()
}

#[test]
fn raised_version_is_in_both_files_and_the_next_snapshot_blames_nobody() {
    let env = pinned();
    let calls = env.org.calls();
    let dry = env.orgkeep(&["upgrade-api", "--dry-run"]).status(0);
    assert!(
        dry.stdout.contains("orgkeep.toml  API version 66.0"),
        "{}",
        dry.stdout
    );
    assert_eq!(env.git(&["status", "--porcelain"]), "");

    let ran = env.orgkeep(&["upgrade-api", "--json"]).status(0);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["schema"], "orgkeep/upgrade-api/1");
    assert_eq!(
        (&report["from"], &report["to"]),
        (&json!("65.0"), &json!("66.0"))
    );
    assert_eq!(
        report["files"],
        json!(["sfdx-project.json", "orgkeep.toml"])
    );
    assert_eq!(env.org.calls(), calls, "it needs no org");
    let diff = env.git(&["diff", "-U0"]);
    let lines: Vec<&str> = diff
        .lines()
        .filter(|it| it.starts_with(['+', '-']) && !it.starts_with("+++") && !it.starts_with("---"))
        .collect();
    assert_eq!(
        lines,
        [
            "-api_version = \"65.0\"",
            "+api_version = \"66.0\"",
            "-  \"sourceApiVersion\": \"65.0\"",
            "+  \"sourceApiVersion\": \"66.0\"",
        ]
    );
    env.git(&["commit", "--quiet", "-am", "Raise the version"]);
    env.orgkeep(&["upgrade-api"])
        .status(0)
        .says("the API version is 66.0 already");

    let package = Package::acme();
    package.edit(
        "classes/OpportunityService.cls",
        "class",
        "/* by Jane */ class",
    );
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T10:00:00Z"}));
    env.orgkeep(&["snapshot"]).status(0);
    let format = "--format=%an|%(trailers:key=Orgkeep-Kind,valueonly,separator=%x20)|%s";
    assert_eq!(
        env.git(&["log", "-2", "--reverse", format]),
        "Jane Doe|change|~ ApexClass OpportunityService\n\
         orgkeep|api-version|API version 65.0 → 66.0\n"
    );
    env.assert_sound();
}

#[test]
fn version_is_never_lowered() {
    let env = TestEnv::initialised();
    env.orgkeep(&["upgrade-api", "60.0"])
        .status(1)
        .warns("API version 60.0 is below 66.0, which the history is written in")
        .warns("hint: ");
    assert_eq!(env.git(&["status", "--porcelain"]), "");
    env.orgkeep(&["upgrade-api", "66.5"]).status(2);
}

#[test]
fn version_that_this_release_does_not_know_is_raised_with_a_warning() {
    let env = TestEnv::initialised();
    env.orgkeep(&["upgrade-api", "70.0"])
        .status(0)
        .warns("warning: this release knows the types of 66.0");
    assert!(read(&env, "orgkeep.toml").contains("api_version = \"70.0\""));
    assert!(read(&env, "sfdx-project.json").contains("\"70.0\""));
}

#[test]
fn project_that_names_no_version_is_left_alone() {
    let env = pinned();
    let text = "{\"packageDirectories\": [{\"path\": \"force-app\"}]}\n";
    fs::write(env.repo().join("sfdx-project.json"), text).unwrap();
    env.orgkeep(&["upgrade-api"]).status(0).says("orgkeep.toml");
    assert_eq!(read(&env, "sfdx-project.json"), text);
}
