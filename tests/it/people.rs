//! Who did what where several people change one file, and where nothing tells.

use serde_json::{Value, json};

use crate::support::{Package, TestEnv};

#[track_caller]
fn snapshot(env: &TestEnv) -> Value {
    let ran = env.orgkeep(&["snapshot", "--json"]).status(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Authors and subjects of the commits of a snapshot, oldest first.
fn commits(report: &Value) -> Vec<(String, String)> {
    let commits = report["commits"].as_array().unwrap();
    commits
        .iter()
        .map(|it| {
            let text = |name: &str| it[name].as_str().unwrap().to_owned();
            (text("author"), text("subject"))
        })
        .collect()
}

/// The lines that a commit takes out and puts in, of metadata alone.
fn changed_lines(env: &TestEnv, commit: &str) -> Vec<String> {
    let shown = env.git(&[
        "show",
        "--format=",
        "--unified=0",
        commit,
        "--",
        "force-app",
    ]);
    shown
        .lines()
        .filter(|it| it.starts_with(['+', '-']) && !it.starts_with("+++") && !it.starts_with("---"))
        .map(|it| format!("{}{}", &it[..1], it[1..].trim()))
        .collect()
}

/// A repository with a first snapshot at eight o'clock.
fn snapshotted(config: &str) -> TestEnv {
    let env = TestEnv::initialised();
    if !config.is_empty() {
        let toml = env.repo().join("orgkeep.toml");
        let text = std::fs::read_to_string(&toml).unwrap();
        std::fs::write(&toml, format!("{config}{text}")).unwrap();
        env.git(&["commit", "--quiet", "-am", "Configure"]);
    }
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    snapshot(&env);
    env
}

/// The tree of a first snapshot of the same org, by a fresh repository.
fn full_tree(env: &TestEnv, name: &str) -> String {
    let fresh = env.scratch(name).join("repo");
    std::fs::create_dir_all(&fresh).unwrap();
    env.orgkeep_in(&fresh, &["init"]).status(0);
    std::fs::copy(env.repo().join("orgkeep.toml"), fresh.join("orgkeep.toml")).unwrap();
    env.git_in(
        &fresh,
        &["commit", "--quiet", "--allow-empty", "-am", "Configure"],
    );
    env.orgkeep_in(&fresh, &["snapshot"]).status(0);
    env.git_in(&fresh, &["ls-tree", "-r", "HEAD", "--", "force-app"])
}

const LABELS: &str = "labels/CustomLabels.labels";
const WORKFLOW: &str = "workflows/Opportunity.workflow";

/// Jane changes one label and one rule, Omar another of each; two hours lie between.
fn two_people(env: &TestEnv) {
    let package = Package::acme();
    package.edit(LABELS, "your booking", "dear customer, your booking");
    package.edit(WORKFLOW, "<active>true</active>", "<active>false</active>");
    env.org.clock(&json!({"now": "2027-01-10T09:00:00Z"}));
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    package.edit(LABELS, "terms?v=4", "terms?v=5");
    package.edit(
        WORKFLOW,
        "<subject>Prepare the handover</subject>",
        "<subject>Prepare it</subject>",
    );
    env.org.clock(&json!({"now": "2027-01-10T11:00:00Z"}));
    package.load(&env.org, "omar@acme.example", "2027-01-10T11:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T12:00:00Z"}));
}

#[test]
fn two_people_who_changed_one_file_have_a_commit_each_with_their_own_lines() {
    for config in ["", "level = \"faithful\"\n"] {
        let env = snapshotted(config);
        two_people(&env);
        let report = snapshot(&env);
        let found = commits(&report);
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!(found[0].0, "Jane Doe");
        assert_eq!(
            found[0].1,
            "~ CustomLabel Booking_Confirmed: value, ~ WorkflowRule Opportunity.Deal about to start: active"
        );
        assert_eq!(found[1].0, "Omar Haddad");
        assert_eq!(
            found[1].1,
            "~ CustomLabel Terms_Url: value, ~ WorkflowTask Opportunity.Prepare_Handover: subject"
        );
        assert_eq!(
            changed_lines(&env, "HEAD~1"),
            [
                "-<value>Thank you, your booking &quot;{0}&quot; is confirmed.</value>",
                "+<value>Thank you, dear customer, your booking &quot;{0}&quot; is confirmed.</value>",
                "-<active>true</active>",
                "+<active>false</active>",
            ]
        );
        assert_eq!(
            changed_lines(&env, "HEAD"),
            [
                "-<value>https://www.acme.example/terms?v=4&amp;lang=en</value>",
                "+<value>https://www.acme.example/terms?v=5&amp;lang=en</value>",
                "-<subject>Prepare the handover</subject>",
                "+<subject>Prepare it</subject>",
            ]
        );
        env.assert_sound();
        let tree = env.git(&["ls-tree", "-r", "HEAD", "--", "force-app"]);
        assert_eq!(tree, full_tree(&env, "full"));
        assert_eq!(commits(&snapshot(&env)), []);
    }
}

#[test]
fn rules_that_come_and_go_with_their_file_have_an_author_each() {
    let env = snapshotted("");
    let rule = |name: &str| {
        format!(
            "<sharingOwnerRules><fullName>{name}</fullName><accessLevel>Read</accessLevel>\
             <label>{name}</label><sharedTo><group>Depot_Team</group></sharedTo>\
             <sharedFrom><group>Sales_Leads</group></sharedFrom></sharingOwnerRules>"
        )
    };
    let file = |rules: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <SharingRules xmlns=\"http://soap.sforce.com/2006/04/metadata\">{rules}</SharingRules>\n"
        )
    };
    let package = Package::acme();
    let path = package.path("sharingRules/Rental__c.sharingRules");
    std::fs::write(&path, file(&rule("First"))).unwrap();
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    std::fs::write(&path, file(&[rule("First"), rule("Second")].concat())).unwrap();
    package.load(&env.org, "omar@acme.example", "2027-01-10T11:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T12:00:00Z"}));
    let found = commits(&snapshot(&env));
    assert_eq!(
        found,
        [
            (
                "Jane Doe".to_owned(),
                "+ SharingOwnerRule Rental__c.First".to_owned()
            ),
            (
                "Omar Haddad".to_owned(),
                "+ SharingOwnerRule Rental__c.Second".to_owned()
            ),
        ]
    );
    let of_jane = env.git(&[
        "show",
        "HEAD~1:force-app/main/default/sharingRules/Rental__c.sharingRules-meta.xml",
    ]);
    assert!(
        of_jane.contains("First") && !of_jane.contains("Second"),
        "{of_jane}"
    );

    std::fs::write(&path, file(&rule("Second"))).unwrap();
    package.load(&env.org, "omar@acme.example", "2027-01-10T13:00:00Z");
    std::fs::remove_file(&path).unwrap();
    package.load(&env.org, "jane@acme.example", "2027-01-10T15:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T16:00:00Z"}));
    let found = commits(&snapshot(&env));
    assert_eq!(
        found,
        [
            (
                "Omar Haddad".to_owned(),
                "− SharingOwnerRule Rental__c.First".to_owned()
            ),
            (
                "Jane Doe".to_owned(),
                "− SharingOwnerRule Rental__c.Second".to_owned()
            ),
        ]
    );
    env.assert_sound();
}

#[test]
fn commits_of_one_state_are_the_same_wherever_they_are_made() {
    let env = snapshotted("");
    let other = env.scratch("other").join("repo");
    env.git(&["clone", "--quiet", ".", other.to_str().unwrap()]);
    env.git(&[
        "push",
        "--quiet",
        other.to_str().unwrap(),
        "refs/orgkeep/*:refs/orgkeep/*",
    ]);
    two_people(&env);
    snapshot(&env);
    env.orgkeep_in(&other, &["snapshot"]).status(0);
    let format = ["log", "-3", "--format=%T %an %aI %s"];
    assert_eq!(env.git(&format), env.git_in(&other, &format));
}

#[test]
fn deletion_behind_a_gap_that_a_selection_closed_has_its_author() {
    let env = snapshotted("");
    let package = Package::acme();
    package.remove(&["reports/Sales/Web_Leads.report"]);
    package.load(&env.org, "jane@acme.example", "2027-01-10T08:30:00Z");
    let fault = json!({
        "call": "listMetadata", "of": "Report", "fault": "error:UNKNOWN_EXCEPTION", "times": 0
    });
    env.org.clock(&json!({"now": "2027-01-10T09:00:00Z"}));
    env.org.fault(&fault);
    env.orgkeep(&["snapshot", "--full"]).status(3);
    env.org.control("DELETE", "/simorg/faults", &Value::Null);
    env.org.clock(&json!({"now": "2027-01-10T10:00:00Z"}));
    let other = "Report:Sales/Regional/Big_Deals_This_Quarter";
    env.orgkeep(&["snapshot", "--only", other]).status(0);
    env.org.clock(&json!({"now": "2027-01-10T11:00:00Z"}));
    assert_eq!(
        commits(&snapshot(&env)),
        [("Jane Doe".to_owned(), "− Report Sales/Web_Leads".to_owned())]
    );
    assert_eq!(commits(&snapshot(&env)), []);
}
