//! Snapshots of an org that fails, hides, refuses or dies in the middle.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Org, Package, TestEnv};

const CLASS: &str = "force-app/main/default/classes/OpportunityService.cls";

/// Takes a snapshot that ends with `status`; its report.
#[track_caller]
fn snapshot(env: &TestEnv, status: i32) -> Value {
    let ran = env.orgkeep(&["snapshot", "--json"]).status(status);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Files of the org at the tip, without our own.
fn metadata(env: &TestEnv) -> String {
    env.git(&["ls-tree", "-r", "HEAD", "force-app", "unmapped"])
}

/// Gives `to` the key of `from`, so that secrets have the same tags.
fn share_key(from: &TestEnv, to: &TestEnv) {
    let key = ".config/orgkeep/redaction.key";
    fs::create_dir_all(to.scratch(key).parent().unwrap()).unwrap();
    fs::copy(from.scratch(key), to.scratch(key)).unwrap();
}

fn no_faults(env: &TestEnv) {
    env.org.control("DELETE", "/simorg/faults", &Value::Null);
}

#[test]
fn listing_that_fails_deletes_nothing() {
    let env = TestEnv::initialised();
    snapshot(&env, 0);
    let before = metadata(&env);
    for fault in ["error:UNKNOWN_EXCEPTION", "truncate", "drop"] {
        env.org
            .fault(&json!({"call": "listMetadata", "of": "ApexClass", "fault": fault, "times": 0}));
        // A connection that breaks ends the run; what the org refuses is a gap.
        let ran = env.orgkeep(&["snapshot", "--json"]);
        assert!([1, 3].contains(&ran.status), "{fault}: {}", ran.stderr);
        let has_hint = ran.stderr.contains("\nhint: ");
        assert_eq!(has_hint, ran.status == 1, "{fault}: {}", ran.stderr);
        assert!(ran.stdout.contains("ApexClass"), "{fault}: {}", ran.stdout);
        assert_eq!(before, metadata(&env), "{fault}");
        env.assert_sound();
        no_faults(&env);
        assert_eq!(snapshot(&env, 0)["gaps"], json!([]), "{fault}");
        assert_eq!(before, metadata(&env), "{fault}");
    }
    env.assert_sound();
}

#[test]
fn deletion_that_one_run_could_not_see_is_found_by_the_next() {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    snapshot(&env, 0);
    let package = Package::acme();
    package.remove(&["reports/Sales/Web_Leads.report"]);
    package.load(&env.org, "omar@acme.example", "2027-01-10T08:30:00Z");
    env.org.clock(&json!({"now": "2027-01-10T09:00:00Z"}));
    let report = "force-app/main/default/reports/Sales/Web_Leads.report-meta.xml";

    env.orgkeep(&["snapshot", "--only", "ApexClass:*"])
        .status(0);
    assert!(metadata(&env).contains(report), "nobody asked for reports");
    let fault = "error:UNKNOWN_EXCEPTION";
    env.org
        .fault(&json!({"call": "listMetadata", "of": "Report", "fault": fault, "times": 0}));
    snapshot(&env, 3);
    assert!(metadata(&env).contains(report), "its folder was not read");
    no_faults(&env);

    snapshot(&env, 0);
    assert!(!metadata(&env).contains(report));
    let log = env.git(&["log", "-1", "--format=%an %s", "--", report]);
    assert!(log.starts_with("Omar Haddad"), "{log}");
    let inventory = env.git(&["show", "HEAD:.orgkeep/inventory/Report.jsonl"]);
    assert!(!inventory.contains("Web_Leads") && inventory.lines().count() == 10);
    env.assert_sound();
}

#[test]
fn org_that_answers_nothing_fails_the_run_and_changes_nothing() {
    let env = TestEnv::initialised();
    let head = env.head();
    for (call, fault) in [
        ("describeMetadata", "error:UNKNOWN_EXCEPTION"),
        ("listMetadata", "error:INSUFFICIENT_ACCESS"),
    ] {
        env.org
            .fault(&json!({"call": call, "fault": fault, "times": 0}));
        let ran = env.orgkeep(&["snapshot"]);
        assert!(
            ran.status == 1 || ran.status == 3,
            "{call}: {} {}",
            ran.status,
            ran.stderr
        );
        if ran.status == 1 {
            assert_eq!(head, env.head());
        }
        no_faults(&env);
    }
    snapshot(&env, 0);
    env.assert_sound();
}

#[test]
fn types_that_a_user_may_not_see_any_more_are_kept() {
    let users = crate::support::tempdir();
    let users = users.path().join("users.json");
    fs::write(
        &users,
        json!([
            {"username": "admin@acme.example", "name": "Ada Admin"},
            {"username": "half@acme.example", "name": "Half Blind",
             "hiddenTypes": ["ApexClass", "Report", "CustomField"]},
            {"username": "less@acme.example", "name": "Less Seen",
             "without": ["AuthorApex", "ViewSetup"], "hiddenTypes": ["ApexClass"]},
        ])
        .to_string(),
    )
    .unwrap();
    let env = TestEnv::new(Org::start(&["--users", users.to_str().unwrap()]));
    env.orgkeep(&["init"]).status(0);
    snapshot(&env, 0);
    let before = metadata(&env);
    for who in ["half", "less"] {
        for _ in 0..2 {
            let output = env
                .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
                .env("SF_ACCESS_TOKEN", env.org.token(who))
                .args(["snapshot", "--json"])
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(
                output.status.code(),
                Some(3),
                "{who}: {text}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(text.contains("ApexClass:OpportunityService"), "{text}");
            assert_eq!(
                before,
                metadata(&env),
                "{who}: {}",
                env.git(&["show", "--stat", "HEAD"])
            );
        }
        assert_eq!(snapshot(&env, 0)["gaps"], json!([]));
        assert_eq!(
            before,
            metadata(&env),
            "{who}: {}",
            env.git(&["show", "--stat", "HEAD"])
        );
    }
    env.assert_sound();
}

#[test]
fn poisoned_component_stands_in_the_ledger_and_the_rest_is_committed() {
    let env = TestEnv::initialised();
    env.org.fault(&json!({"call": "retrieve", "of": "ApexClass:OpportunityService", "fault": "fail", "times": 0}));
    let report = snapshot(&env, 3);
    let gaps = report["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 1, "{report:#}");
    assert_eq!(gaps[0]["what"], "ApexClass:OpportunityService");
    let ledger = env.git(&["show", "HEAD:.orgkeep/coverage.json"]);
    assert!(ledger.contains("ApexClass:OpportunityService"), "{ledger}");
    let files = env.git(&["ls-files"]);
    assert!(
        !files.contains(CLASS) && files.lines().count() > 500,
        "{files}"
    );
    env.assert_sound();
    no_faults(&env);
    assert_eq!(snapshot(&env, 0)["gaps"], json!([]));
    assert!(env.git(&["ls-files"]).contains(CLASS));
    let fresh = TestEnv::initialised();
    share_key(&env, &fresh);
    snapshot(&fresh, 0);
    assert_eq!(metadata(&env), metadata(&fresh));
}

#[test]
fn answer_above_the_limit_is_asked_for_in_parts() {
    let whole = TestEnv::initialised();
    snapshot(&whole, 0);
    let env = TestEnv::new(Org::start(&["--limits", "files=60"]));
    env.orgkeep(&["init"]).status(0);
    share_key(&whole, &env);
    snapshot(&env, 0);
    assert!(env.org.n_calls("retrieve") > whole.org.n_calls("retrieve") + 3);
    let (mine, other) = (
        env.git(&["ls-tree", "-r", "HEAD"]),
        whole.git(&["ls-tree", "-r", "HEAD"]),
    );
    let differing: Vec<&str> = mine.lines().filter(|it| !other.contains(it)).collect();
    assert_eq!(env.tree("HEAD"), whole.tree("HEAD"), "{differing:#?}");
    env.assert_sound();
}

#[test]
fn session_that_ends_in_the_middle_is_renewed_with_a_key_and_told_of_with_a_token() {
    let env = TestEnv::initialised();
    let head = env.head();
    let expire = json!({"call": "retrieve", "fault": "expired"});
    env.org.fault(&expire);
    env.orgkeep(&["snapshot"])
        .status(1)
        .warns("error: ")
        .warns("hint: ");
    assert_eq!(head, env.head());
    env.assert_sound();
    no_faults(&env);

    env.org.fault(&expire);
    let output = env
        .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
        .env_remove("SF_ACCESS_TOKEN")
        .env("SF_CLIENT_ID", env.org.ready["client_id"].as_str().unwrap())
        .env(
            "SF_USERNAME",
            env.org.user("jane")["username"].as_str().unwrap(),
        )
        .env(
            "SF_JWT_KEY_FILE",
            env.org.ready["jwt_key_file"].as_str().unwrap(),
        )
        .env("SF_LOGIN_URL", env.org.url())
        .args(["snapshot"])
        .output()
        .unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(env.org.n_calls("token"), 2, "one login and one renewal");
    env.assert_sound();
}
