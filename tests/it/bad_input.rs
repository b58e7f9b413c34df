//! What people get wrong: each a clear error with a hint, and nothing changed.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{Org, Package, Ran, TestEnv};

const CLASS: &str = "force-app/main/default/classes/RentalDeskController.cls";

/// In place of a hint: the error itself says what to write.
const SAID: &str = "said";

/// Every ref and the index, as text.
fn state(env: &TestEnv, dir: &Path) -> String {
    let output = env
        .command("git", dir)
        .args(["for-each-ref"])
        .output()
        .unwrap();
    let status = env
        .command("git", dir)
        .args(["status", "--porcelain"])
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    format!("{}{}", text(output.stdout), text(status.stdout))
}

/// Asserts that a command fails with `status`, an error and a hint, and changes nothing.
#[track_caller]
fn refused(
    env: &TestEnv,
    dir: &Path,
    arguments: &[&str],
    status: i32,
    error: &str,
    hint: &str,
) -> Ran {
    let before = state(env, dir);
    let ran = env
        .orgkeep_in(dir, arguments)
        .status(status)
        .warns("error: ");
    let first = first_line(&ran.stderr, "error: ");
    assert!(first.contains(error), "no `{error}` in:\n{}", ran.stderr);
    if hint != SAID {
        let last = first_line(&ran.stderr, "hint: ");
        assert!(last.contains(hint), "no `{hint}` in:\n{}", ran.stderr);
    }
    assert_eq!(before, state(env, dir));
    ran
}

fn first_line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines()
        .find(|it| it.starts_with(start))
        .unwrap_or_else(|| panic!("no {start}in:\n{text}"))
}

fn folder(env: &TestEnv, name: &str) -> PathBuf {
    let dir = env.scratch(name);
    fs::create_dir_all(&dir).unwrap();
    dir
}

#[test]
fn place_that_is_no_project_is_told() {
    let env = TestEnv::acme();
    let dir = folder(&env, "nothing");
    refused(
        &env,
        &dir,
        &["snapshot"],
        1,
        "no Git repository",
        "orgkeep init",
    );
    let dir = folder(&env, "bare-git");
    env.git_in(&dir, &["init", "-q"]);
    refused(&env, &dir, &["snapshot"], 1, "orgkeep.toml", "orgkeep init");
    let dir = folder(&env, "sha256");
    env.git_in(&dir, &["init", "-q", "--object-format=sha256"]);
    refused(&env, &dir, &["snapshot"], 1, "SHA-256", "sha1");
    let dir = folder(&env, "reftable");
    env.git_in(&dir, &["init", "-q", "--ref-format=reftable"]);
    let hint = "git refs migrate --ref-format=files";
    refused(
        &env,
        &dir,
        &["snapshot"],
        1,
        "reftable references, which libgit2 cannot read",
        hint,
    );
    assert_eq!(env.org.calls().values().sum::<u64>(), 0, "no call was made");
}

#[test]
fn wrong_settings_are_told_with_line_and_key() {
    let env = TestEnv::initialised();
    let path = env.repo().join("orgkeep.toml");
    let good = fs::read_to_string(&path).unwrap();
    let line = good.lines().count() + 1;
    for (text, error) in [
        (
            format!("level = \"canonicl\"\n{good}"),
            "orgkeep.toml, line 1: `level`".to_owned(),
        ),
        (
            format!("levle = \"canonical\"\n{good}"),
            "orgkeep.toml, line 1: there is no key `levle`".to_owned(),
        ),
        (
            format!("{good}[metadata\n"),
            format!("orgkeep.toml, line {line}"),
        ),
    ] {
        fs::write(&path, text).unwrap();
        refused(&env, &env.repo(), &["snapshot"], 1, &error, SAID);
    }
    assert_eq!(env.org.calls().values().sum::<u64>(), 0, "no call was made");
}

#[test]
fn names_that_match_nothing_are_told_with_the_nearest() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let dir = env.repo();
    let ran = env.orgkeep(&["snapshot", "--only", "ApexClass:OpportunityServise"]);
    assert!(ran.status == 1 || ran.status == 2, "{}", ran.stderr);
    let ran = refused(
        &env,
        &dir,
        &["snapshot", "--only", "ApexClass:OpportunityServise"],
        ran.status,
        "OpportunityServise",
        "",
    );
    assert!(
        ran.stderr.contains("ApexClass:OpportunityService"),
        "{}",
        ran.stderr
    );
    let ran = env.orgkeep(&["show", "no-such-commit"]);
    refused(
        &env,
        &dir,
        &["show", "no-such-commit"],
        ran.status,
        "no-such-commit",
        "",
    );
    assert_eq!(ran.status, 1);
}

#[test]
fn clone_that_is_too_shallow_is_told_how_to_deepen() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let dir = env.scratch("shallow");
    let (from, to) = (
        format!("file://{}", env.repo().display()),
        dir.to_str().unwrap(),
    );
    env.git_in(&env.repo(), &["clone", "-q", "--depth", "1", &from, to]);
    for arguments in [
        &["diff", "HEAD~1"][..],
        &["show", "HEAD~1"],
        &["rollback", "--to", "HEAD~1", "--all"],
    ] {
        refused(
            &env,
            &dir,
            arguments,
            1,
            "too shallow: it does not have `HEAD~1`",
            "git fetch",
        );
    }
}

#[test]
fn org_or_version_that_is_not_there_is_told() {
    let env = TestEnv::initialised();
    let dir = env.repo();
    let unknown = ["snapshot", "--org", "nobody"];
    refused(
        &env,
        &dir,
        &unknown,
        1,
        "there is no login `nobody`",
        "orgkeep login",
    );
    let path = dir.join("orgkeep.toml");
    let good = fs::read_to_string(&path).unwrap();
    let line = good
        .lines()
        .find(|it| it.starts_with("api_version"))
        .unwrap();
    fs::write(&path, good.replace(line, "api_version = \"99.0\"")).unwrap();
    refused(
        &env,
        &dir,
        &["snapshot"],
        1,
        "has no API version 99.0: it has 31.0 to 66.0",
        "set the API version to 66.0 or less",
    );
    assert_eq!(env.org.n_calls("listMetadata"), 0);
}

#[test]
fn login_that_is_not_enough_is_told() {
    let env = TestEnv::initialised();
    let before = state(&env, &env.repo());
    for (token, error) in [
        ("wrong", "cannot log in"),
        (
            env.org.token("rita"),
            "rita@acme.example may not read the metadata",
        ),
        (env.org.token("noah"), ""),
    ] {
        let output = env
            .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
            .env("SF_ACCESS_TOKEN", token)
            .args(["snapshot"])
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(first_line(&stderr, "error: ").contains(error), "{stderr}");
        first_line(&stderr, "hint: ");
        assert!(
            !stderr.contains(token) || token == "wrong",
            "the token is told"
        );
        assert_eq!(before, state(&env, &env.repo()));
    }
    assert_eq!(env.org.n_calls("retrieve"), 0);
}

#[test]
fn another_orgs_branch_is_refused() {
    let mut env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    env.org = Org::start(&["--org-id", "00D000000000062EAA"]);
    refused(
        &env,
        &env.repo(),
        &["snapshot"],
        1,
        "keeps org 00D5g000004acmeEAA",
        "--org",
    );
    assert_eq!(env.org.n_calls("listMetadata"), 0);
}

#[test]
fn working_tree_that_is_not_ready_is_left_alone() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let dir = env.repo();

    let tip = env.head();
    env.git(&["checkout", "-q", "--detach", "HEAD~1"]);
    refused(&env, &dir, &["snapshot"], 1, "detached", "");
    env.git(&["checkout", "-q", "main"]);

    fs::write(dir.join(".git/MERGE_HEAD"), format!("{tip}\n")).unwrap();
    refused(&env, &dir, &["snapshot"], 1, "in the middle of a merge", "");
    fs::remove_file(dir.join(".git/MERGE_HEAD")).unwrap();

    let rebase = dir.join(".git/rebase-merge");
    fs::create_dir(&rebase).unwrap();
    fs::write(rebase.join("head-name"), "refs/heads/main\n").unwrap();
    refused(
        &env,
        &dir,
        &["snapshot"],
        1,
        "in the middle of a rebase",
        "git rebase --abort",
    );
    fs::remove_dir_all(rebase).unwrap();

    let index = dir.join(".git/index.lock");
    fs::write(&index, "").unwrap();
    refused(
        &env,
        &dir,
        &["snapshot"],
        1,
        "index is locked",
        "index.lock",
    );
    fs::remove_file(index).unwrap();

    // A hand edit stays, is said, and the commit has what the org has.
    let edited = fs::read_to_string(dir.join(CLASS)).unwrap() + "// mine\n";
    fs::write(dir.join(CLASS), &edited).unwrap();
    let package = Package::acme();
    package.edit("classes/RentalDeskController.cls", "{", "{ // theirs");
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    env.orgkeep(&["snapshot"]).status(0).warns(CLASS);
    assert_eq!(fs::read_to_string(dir.join(CLASS)).unwrap(), edited);
    assert!(
        env.git(&["show", &format!("HEAD:{CLASS}")])
            .contains("// theirs")
    );
    env.git(&["checkout", "-q", "--", "."]);
    env.assert_sound();
    env.orgkeep(&["snapshot"]).status(0).says("no change");
}

#[test]
fn second_snapshot_at_once_is_refused() {
    let env = TestEnv::initialised();
    env.org
        .fault(&json!({"call": "describeMetadata", "fault": "slow:3000"}));
    let mut first = env
        .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
        .args(["-q", "snapshot"])
        .spawn()
        .unwrap();
    // No sleep is long enough for every machine: wait until it has begun.
    while env.org.calls().is_empty() {
        thread::yield_now();
        thread::sleep(Duration::from_millis(10));
    }
    let second = env
        .orgkeep(&["snapshot"])
        .status(1)
        .warns("in use by another orgkeep");
    first_line(&second.stderr, "hint: ");
    assert!(first.wait().unwrap().success());
    env.assert_sound();
    env.orgkeep(&["snapshot"]).status(0).says("no change");
}

#[test]
fn allowance_that_is_too_small_ends_the_run_in_good_order() {
    let env = TestEnv::initialised();
    for n in ["2", "20", "165"] {
        refused(
            &env,
            &env.repo(),
            &["snapshot", "--max-api-calls", n],
            1,
            "call",
            "",
        );
        // Versions and user info count for nothing.
        let calls = env.org.calls();
        let counted = calls
            .iter()
            .filter(|(name, _)| !["versions", "userinfo"].contains(&name.as_str()));
        let made: u64 = counted.map(|(_, n)| n).sum();
        assert!(made <= n.parse().unwrap(), "{made} of {n} calls");
        env.org.control("DELETE", "/simorg/calls", &Value::Null);
    }
    env.assert_sound();
    env.orgkeep(&["snapshot"]).status(0);
    env.assert_sound();
}
