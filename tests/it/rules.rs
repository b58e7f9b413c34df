//! Commits that tell of no change of the org: what was put back, what was rewritten.

use std::fs;

use serde_json::Value;

use crate::support::TestEnv;

#[track_caller]
fn snapshot(env: &TestEnv, dir: &std::path::Path) -> Value {
    let ran = env.orgkeep_in(dir, &["snapshot", "--json"]).status(0);
    serde_json::from_str(&ran.stdout).unwrap()
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
