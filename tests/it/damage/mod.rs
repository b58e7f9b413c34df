//! Damage from outside: killed, without room, beside others, and an org that lies.
//!
//! `ORGKEEP_DAMAGE=all` makes every row of every table, `ORGKEEP_KILLS` sets how often
//! each run is killed; `.ci/damage` does both.
//!
//! After each the repository is sound and as before or complete, nothing is deleted
//! that was not, and the next run completes it.

mod answers;
mod beside;
mod disk;
mod faults;
mod kill;
mod org;
mod text;

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use crate::support::{Ran, TestEnv};

/// One in `step` of `all`; all where `ORGKEEP_DAMAGE=all` asks for them.
fn some<T>(all: impl IntoIterator<Item = T>, step: usize) -> Vec<T> {
    let is_long = std::env::var("ORGKEEP_DAMAGE").is_ok_and(|it| it == "all");
    all.into_iter()
        .step_by(if is_long { 1 } else { step })
        .collect()
}

/// Asserts that Git finds nothing wrong in `dir`, in which nobody is at work any more.
#[track_caller]
fn assert_sound(env: &TestEnv, dir: &Path, what: &str) {
    let fsck = env
        .command("git", dir)
        .args(["fsck", "--full", "--strict", "--no-dangling"])
        .output()
        .unwrap();
    let said = [fsck.stdout, fsck.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        fsck.status.success() && said.is_empty(),
        "{what}: git fsck: {said}"
    );
}

/// Asserts what must hold in `dir` after a run that ended well.
#[track_caller]
fn assert_complete(env: &TestEnv, dir: &Path, what: &str) {
    assert_sound(env, dir, what);
    let status = env.git_in(dir, &["status", "--porcelain", "--ignored"]);
    assert_eq!(status, "", "{what}: the working tree is not clean");
    let merges = env.git_in(dir, &["rev-list", "--merges", "--count", "main"]);
    assert_eq!(merges.trim(), "0", "{what}: the history is not linear");
    for entry in walkdir::WalkDir::new(dir.join(".git")) {
        let path = entry.unwrap().into_path();
        let is_left = path
            .extension()
            .is_some_and(|it| it == "lock" || it == "keep");
        assert!(!is_left, "{what}: {} is left", path.display());
    }
}

/// Who did what since `before`, oldest first.
#[track_caller]
fn story(env: &TestEnv, dir: &Path, before: &str) -> String {
    let range = format!("{before}..main");
    env.git_in(dir, &["log", "--reverse", "--format=%an <%ae> %s", &range])
}

/// The commit that `main` is at.
#[track_caller]
fn tip(env: &TestEnv, dir: &Path) -> String {
    env.git_in(dir, &["rev-parse", "main"]).trim().to_owned()
}

/// The tree of `main`.
#[track_caller]
fn tree(env: &TestEnv, dir: &Path) -> String {
    let tree = env.git_in(dir, &["rev-parse", "main^{tree}"]);
    tree.trim().to_owned()
}

/// Files of the org at the tip of `main`, without our own.
#[track_caller]
fn metadata(env: &TestEnv, dir: &Path) -> String {
    env.git_in(dir, &["ls-tree", "-r", "main", "force-app", "unmapped"])
}

/// Lines of the listings `a` and `b` that the other one lacks.
fn differing<'a>(a: &'a str, b: &'a str) -> Vec<&'a str> {
    let (left, right): (BTreeSet<&str>, BTreeSet<&str>) =
        (a.lines().collect(), b.lines().collect());
    left.symmetric_difference(&right).copied().collect()
}

/// Paths of the listing `before` that `now` lacks.
fn lost<'a>(before: &'a str, now: &'a str) -> Vec<&'a str> {
    let path = |line: &'a str| line.split_once('\t').unwrap().1;
    let there: BTreeSet<&str> = now.lines().map(path).collect();
    before
        .lines()
        .map(path)
        .filter(|it| !there.contains(it))
        .collect()
}

/// Takes a snapshot in `dir` that must end with status 0; its report.
#[track_caller]
fn snapshot(env: &TestEnv, dir: &Path, options: &[&str], what: &str) -> Value {
    let ran = env.orgkeep_in(dir, &[&["snapshot", "--json"], options].concat());
    assert_eq!(ran.status, 0, "{what}: {}\n{}", ran.stdout, ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// Asserts that a command failed with words and a remedy.
#[track_caller]
fn assert_told(ran: &Ran, what: &str) {
    assert_eq!(ran.status, 1, "{what}: {}{}", ran.stdout, ran.stderr);
    let has = |start: &str| ran.stderr.lines().any(|it| it.starts_with(start));
    assert!(has("error: "), "{what}: no error in\n{}", ran.stderr);
    assert!(has("hint: "), "{what}: no hint in\n{}", ran.stderr);
}

/// Copies a folder as it is.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status();
    assert!(copied.unwrap().success());
}
