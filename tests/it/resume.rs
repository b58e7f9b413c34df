//! A run that dies on one machine, and one in another clone that goes on.
#![cfg(unix)]

use std::{
    fs,
    os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    push::{assert_sound, fresh_clone, head, pushed, snapshot, subjects},
    support::{Package, TestEnv},
};

/// Makes `remote` run `script` for each reference that it takes or would take.
fn hook(remote: &Path, name: &str, script: &str) {
    let path = remote.join("hooks").join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A remote with a snapshot, and a change of two kinds: a profile is asked about in a
/// call of its own, so that there are two jobs.
fn changed() -> (TestEnv, PathBuf) {
    let (env, remote) = pushed();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    snapshot(&env, &env.repo(), &["--push"]);
    let package = Package::acme();
    package.edit("classes/RentalDeskController.cls", "{", "{ // counted\n");
    let field = "<editable>false</editable>\n        <field>Account.Industry</field>";
    let granted = field.replace("false", "true");
    package.edit("profiles/Standard.profile", field, &granted);
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T10:00:00Z"}));
    (env, remote)
}

/// Runs a snapshot in a fresh clone that is killed as soon as the remote holds a state,
/// while its jobs run; how often it had asked for a retrieve.
fn killed_while_jobs_run(env: &TestEnv, remote: &Path) -> u64 {
    let clone = fresh_clone(env, remote, "killed");
    let pid = env.scratch("pid");
    hook(
        remote,
        "post-receive",
        &format!("kill -9 $(cat '{}')", pid.display()),
    );
    // The first looks at the jobs take so long that their ids are worth a push.
    env.org
        .fault(&json!({"call": "checkRetrieveStatus", "fault": "slow:6000", "times": 2}));
    let retrieves = env.org.n_calls("retrieve");
    let mut child = env
        .command(env!("CARGO_BIN_EXE_orgkeep"), &clone)
        .args(["-q", "snapshot", "--push"])
        .spawn()
        .unwrap();
    fs::write(&pid, child.id().to_string()).unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(9), "{status:?}");
    fs::remove_file(remote.join("hooks/post-receive")).unwrap();
    env.org.control("DELETE", "/simorg/faults", &Value::Null);
    env.org.n_calls("retrieve") - retrieves
}

/// The jobs that the state on the remote tells of.
fn open_jobs(env: &TestEnv, remote: &Path) -> usize {
    let name = env.git_in(
        remote,
        &["for-each-ref", "--format=%(refname)", "refs/orgkeep/state"],
    );
    let path = format!("{}:state.json", name.trim());
    let state: Value = serde_json::from_str(&env.git_in(remote, &["show", &path])).unwrap();
    state["open_jobs"].as_object().unwrap().len()
}

#[test]
fn jobs_of_a_killed_run_are_polled_by_the_next_one_in_another_clone() {
    let (env, remote) = changed();
    let before = head(&env, &remote);
    let asked = killed_while_jobs_run(&env, &remote);
    assert_eq!(asked, 2);
    assert_eq!(open_jobs(&env, &remote), 2);
    assert_eq!(before, head(&env, &remote));

    let clone = fresh_clone(&env, &remote, "next");
    env.org.control("DELETE", "/simorg/calls", &Value::Null);
    let report = snapshot(&env, &clone, &["--push"]);
    assert_eq!(subjects(&report).len(), 1, "{report}");
    assert_eq!(env.org.n_calls("retrieve"), 0, "{:?}", env.org.calls());
    assert_eq!(head(&env, &clone), head(&env, &remote));
    assert_eq!(open_jobs(&env, &remote), 0);
    assert_sound(&env, &clone);
    env.git_in(&remote, &["fsck", "--full", "--strict"]);

    let last = fresh_clone(&env, &remote, "last");
    let report = snapshot(&env, &last, &["--push"]);
    assert_eq!(report["pass"], "incremental");
    assert_eq!(subjects(&report), Vec::<&str>::new());
}

#[test]
fn job_whose_answer_was_given_is_started_again() {
    let (env, remote) = changed();
    assert_eq!(killed_while_jobs_run(&env, &remote), 2);
    env.org
        .fault(&json!({"call": "checkRetrieveStatus", "fault": "error:INVALID_LOCATOR"}));
    let clone = fresh_clone(&env, &remote, "next");
    env.org.control("DELETE", "/simorg/calls", &Value::Null);
    let report = snapshot(&env, &clone, &["--push"]);
    assert_eq!(subjects(&report).len(), 1, "{report}");
    assert_eq!(env.org.n_calls("retrieve"), 1);
    assert_sound(&env, &clone);
}

#[test]
fn remote_that_refuses_the_state_has_the_snapshot_and_a_fresh_clone_makes_a_full_pass() {
    let (env, remote) = changed();
    hook(
        &remote,
        "update",
        "case $1 in refs/orgkeep/*) echo only branches here >&2; exit 1;; esac",
    );
    let clone = fresh_clone(&env, &remote, "one");
    env.org
        .fault(&json!({"call": "checkRetrieveStatus", "fault": "slow:6000", "times": 2}));
    let ran = env.orgkeep_in(&clone, &["snapshot", "--push"]).status(0);
    let ran = ran.warns("the jobs that run are not written down");
    ran.warns("refuses our state").warns("`refs/orgkeep/*`");
    assert_eq!(head(&env, &clone), head(&env, &remote));
    assert_sound(&env, &clone);

    let next = fresh_clone(&env, &remote, "two");
    let report = snapshot(&env, &next, &["--push"]);
    assert_eq!(
        report["pass"], "full",
        "the state on the remote is of an earlier snapshot"
    );
    assert_eq!(subjects(&report), Vec::<&str>::new());
    assert_sound(&env, &next);
}
