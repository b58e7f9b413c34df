//! Commits that tell of no change of the org: what was put back, what was rewritten.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Package, TestEnv};

/// A key for the tags of secrets, so that two histories have the same.
const KEY: (&str, &str) = ("ORGKEEP_REDACTION_KEY", "0123456789abcdef0123456789abcdef");

#[track_caller]
fn snapshot(env: &TestEnv, dir: &std::path::Path) -> Value {
    let output = env
        .command(env!("CARGO_BIN_EXE_orgkeep"), dir)
        .env(KEY.0, KEY.1)
        .args(["snapshot", "--json"])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn n_commits(report: &Value) -> usize {
    report["commits"].as_array().unwrap().len()
}

#[test]
fn what_was_committed_without_being_deployed_is_put_back() {
    let env = TestEnv::initialised();
    snapshot(&env, &env.repo());
    let ours = env.git(&["rev-parse", "HEAD:force-app"]);
    let class = env
        .repo()
        .join("force-app/main/default/classes/OpportunityService.cls");
    fs::write(&class, "public class OpportunityService {}\n").unwrap();
    let stray = class.with_file_name("Stray.cls");
    fs::write(&stray, "public class Stray {}\n").unwrap();
    fs::write(env.repo().join("README.md"), "Ours.\n").unwrap();
    env.git(&["add", "-A"]);
    env.git(&["commit", "--quiet", "-m", "Work that was never deployed"]);

    let report = snapshot(&env, &env.repo());
    assert_eq!(report["pass"], "incremental");
    assert_eq!(n_commits(&report), 0);
    assert_eq!(env.git(&["rev-parse", "HEAD:force-app"]), ours);
    let message = env.git(&["log", "-1", "--format=%B"]);
    assert!(message.starts_with("Put back 2 files"), "{message}");
    assert!(message.contains("Orgkeep-Kind: put-back"), "{message}");
    assert!(!stray.exists());
    assert!(env.repo().join("README.md").exists());
    env.assert_sound();
    let head = env.head();
    snapshot(&env, &env.repo());
    assert_eq!(env.head(), head, "it is put back once");
}

#[test]
fn tree_of_other_rules_is_rewritten_before_the_snapshot() {
    let env = TestEnv::initialised();
    let toml = env.repo().join("orgkeep.toml");
    let canonical = fs::read_to_string(&toml).unwrap();
    let other = format!("level = \"faithful\"\nredact = \"off\"\n{canonical}");
    fs::write(&toml, other).unwrap();
    env.git(&["commit", "--quiet", "-am", "Keep everything as it comes"]);
    snapshot(&env, &env.repo());
    fs::write(&toml, canonical).unwrap();
    env.git(&[
        "commit",
        "--quiet",
        "-am",
        "Keep it in order, without secrets",
    ]);

    let report = snapshot(&env, &env.repo());
    assert_eq!(n_commits(&report), 0, "{report}");
    let message = env.git(&["log", "-1", "--format=%B"]);
    assert!(message.contains("level faithful → canonical"), "{message}");
    assert!(message.contains("Orgkeep-Kind: rules"), "{message}");
    env.assert_sound();

    let fresh = env.scratch("fresh").join("repo");
    fs::create_dir_all(&fresh).unwrap();
    env.orgkeep_in(&fresh, &["init"]).status(0);
    snapshot(&env, &fresh);
    let tree = |dir: &std::path::Path| {
        let arguments = ["ls-tree", "-r", "HEAD", "force-app", "unmapped", ".orgkeep"];
        let listed = env.git_in(dir, &arguments);
        // The org dates its labels by the time of the call.
        let lines = listed
            .lines()
            .filter(|it| !it.ends_with("/CustomLabels.jsonl"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(tree(&env.repo()), tree(&fresh));
    let head = env.head();
    snapshot(&env, &env.repo());
    assert_eq!(env.head(), head, "it is rewritten once");
}

/// Author, kind and subject of the last `n` commits, oldest first.
fn last(env: &TestEnv, n: usize) -> Vec<String> {
    let format = "--format=%an|%(trailers:key=Orgkeep-Kind,valueonly,separator=%x20)|%s";
    let count = format!("-{n}");
    let log = env.git(&["log", "--reverse", &count, format]);
    log.lines().map(str::to_owned).collect()
}

/// A repository with a snapshot, and the org's clock at eight o'clock.
fn snapshotted() -> TestEnv {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    snapshot(&env, &env.repo());
    env
}

/// Jane changes a class at nine, and it is ten.
fn jane_changes_a_class(env: &TestEnv) {
    let package = Package::acme();
    package.edit(
        "classes/OpportunityService.cls",
        "class",
        "/* by Jane */ class",
    );
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T10:00:00Z"}));
}

/// Edits `.orgkeep/org.json` of the last commit, as if another release had written it.
fn written_by_another_release(env: &TestEnv, edit: impl Fn(&mut Value)) {
    let path = env.repo().join(".orgkeep/org.json");
    let mut org: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    edit(&mut org);
    let mut text = serde_json::to_string_pretty(&org).unwrap();
    text.push('\n');
    fs::write(&path, text).unwrap();
    env.git(&["add", "-A"]);
    env.git(&["commit", "--quiet", "--amend", "--no-edit"]);
}

fn configure(env: &TestEnv, from: &str, to: &str) {
    let toml = env.repo().join("orgkeep.toml");
    let text = fs::read_to_string(&toml).unwrap();
    assert!(text.contains(from), "no `{from}` in\n{text}");
    fs::write(&toml, text.replacen(from, to, 1)).unwrap();
    env.git(&["commit", "--quiet", "-am", "Configure"]);
}

/// The metadata of a first snapshot in a fresh repository with the same settings.
fn metadata_of_a_first_snapshot(env: &TestEnv) -> String {
    let fresh = env.scratch("first").join("repo");
    fs::create_dir_all(&fresh).unwrap();
    env.orgkeep_in(&fresh, &["init"]).status(0);
    fs::copy(env.repo().join("orgkeep.toml"), fresh.join("orgkeep.toml")).unwrap();
    env.git_in(
        &fresh,
        &["commit", "--quiet", "--allow-empty", "-am", "Configure"],
    );
    snapshot(env, &fresh);
    env.git_in(
        &fresh,
        &["ls-tree", "-r", "HEAD", "--", "force-app", "unmapped"],
    )
}

fn metadata(env: &TestEnv) -> String {
    env.git(&["ls-tree", "-r", "HEAD", "--", "force-app", "unmapped"])
}

const LABELS: &str = "force-app/main/default/labels/CustomLabels.labels-meta.xml";

#[test]
fn tree_of_an_earlier_release_is_rewritten_by_nobody_and_the_orgs_changes_come_on_top() {
    let env = snapshotted();
    let path = env.repo().join(LABELS);
    let ours = fs::read_to_string(&path).unwrap();
    let first = ours.find("    <labels>").unwrap();
    let second = first + 4 + ours[first + 4..].find("    <labels>").unwrap();
    let end = ours.find("</CustomLabels>").unwrap();
    let unsorted = [
        &ours[..first],
        &ours[second..end],
        &ours[first..second],
        &ours[end..],
    ]
    .concat();
    fs::write(&path, unsorted).unwrap();
    written_by_another_release(&env, |org| org["rules"]["canonical"] = json!(0));

    let redacted = env.git(&["rev-parse", "HEAD:.orgkeep/redacted.jsonl"]);
    let report = snapshot(&env, &env.repo());
    assert_eq!(n_commits(&report), 0, "the org did not change: {report}");
    assert_eq!(
        env.git(&["rev-parse", "HEAD:.orgkeep/redacted.jsonl"]),
        redacted
    );
    assert_eq!(last(&env, 1), ["orgkeep|rules|Write 1 file by other rules"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), ours);

    written_by_another_release(&env, |org| org["rules"]["canonical"] = json!(0));
    jane_changes_a_class(&env);
    let report = snapshot(&env, &env.repo());
    assert_eq!(n_commits(&report), 1, "{report}");
    assert_eq!(
        last(&env, 2),
        [
            "orgkeep|rules|Write 0 files by other rules",
            "Jane Doe|change|~ ApexClass OpportunityService",
        ]
    );
    env.assert_sound();
}

#[test]
fn files_that_an_earlier_table_of_types_put_elsewhere_move_in_a_commit_of_ours() {
    let env = snapshotted();
    let before = metadata(&env);
    let old = "force-app/main/default/labels/Other.labels-meta.xml";
    env.git(&["mv", LABELS, old]);
    written_by_another_release(&env, |org| org["rules"]["registry"] = json!(0));
    let report = snapshot(&env, &env.repo());
    assert_eq!(n_commits(&report), 0, "{report}");
    assert_eq!(last(&env, 1), ["orgkeep|rules|Write 1 file by other rules"]);
    assert_eq!(metadata(&env), before);
    env.assert_sound();
}

#[test]
fn level_that_only_the_org_can_give_is_a_commit_of_ours_on_top_of_its_changes() {
    let env = snapshotted();
    configure(&env, "#level = \"canonical\"", "level = \"faithful\"");
    jane_changes_a_class(&env);
    let report = snapshot(&env, &env.repo());
    assert_eq!(n_commits(&report), 2, "{report}");
    assert_eq!(
        last(&env, 2),
        [
            "Jane Doe|change|~ ApexClass OpportunityService",
            "orgkeep|rules|Write the tree by other rules: level canonical → faithful",
        ]
    );
    assert_eq!(metadata(&env), metadata_of_a_first_snapshot(&env));
    let head = env.head();
    assert_eq!(n_commits(&snapshot(&env, &env.repo())), 0);
    assert_eq!(env.head(), head);
    env.assert_sound();
}

#[test]
fn selection_leaves_the_level_as_it_is_and_says_so() {
    let env = snapshotted();
    configure(&env, "#level = \"canonical\"", "level = \"faithful\"");
    jane_changes_a_class(&env);
    env.orgkeep(&["snapshot", "--only", "ApexClass"])
        .status(0)
        .warns("warning: the tree stays as it is written until a snapshot of everything");
    assert_eq!(
        last(&env, 1),
        ["Jane Doe|change|~ ApexClass OpportunityService"]
    );
    let org = env.git(&["show", "HEAD:.orgkeep/org.json"]);
    assert!(org.contains("\"canonical\""), "{org}");
    // What looks at the org compares by the rules that the tree has.
    env.orgkeep(&["diff", "--live", "--exit-code"]).status(0);
}

#[test]
fn raised_api_version_is_a_commit_of_ours_on_top_of_the_orgs_changes() {
    let env = TestEnv::initialised();
    configure(&env, "api_version = \"66.0\"", "api_version = \"65.0\"");
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    snapshot(&env, &env.repo());
    configure(&env, "api_version = \"65.0\"", "api_version = \"66.0\"");
    jane_changes_a_class(&env);
    snapshot(&env, &env.repo());
    assert_eq!(
        last(&env, 2),
        [
            "Jane Doe|change|~ ApexClass OpportunityService",
            "orgkeep|api-version|API version 65.0 → 66.0",
        ]
    );
    let head = env.head();
    snapshot(&env, &env.repo());
    assert_eq!(env.head(), head, "it is raised once");
    env.assert_sound();
}

#[test]
fn repository_of_a_newer_release_is_read_and_never_written() {
    let env = snapshotted();
    written_by_another_release(&env, |org| {
        let newer = org["rules"]["canonical"].as_u64().unwrap() + 1;
        org["rules"]["canonical"] = json!(newer);
    });
    jane_changes_a_class(&env);
    let head = env.head();
    for command in [&["snapshot"][..], &["diff", "--live"]] {
        env.orgkeep(command)
            .status(1)
            .warns("error: ")
            .warns("hint: install the newer release; this one may only read");
    }
    assert_eq!(env.head(), head);
    env.orgkeep(&["log"]).status(0).says("First snapshot");
    env.orgkeep(&["show", "--name-only"]).status(0);
    env.orgkeep(&["status"])
        .status(0)
        .says("~ ApexClass:OpportunityService");
    env.assert_sound();
}
