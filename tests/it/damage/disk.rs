//! A limit on the size of files, and a disk that is full, at each thing that is written.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;

use super::{assert_complete, assert_sound, assert_told, copy, snapshot, some, story, tip, tree};
use crate::support::{Package, Ran, TestEnv};

/// Runs a script around `orgkeep`, which it calls as `"$@"`.
fn scripted(env: &TestEnv, dir: &Path, script: &str, variables: &[(&str, &str)]) -> Ran {
    let mut command: Command = env.command("sh", dir);
    command
        .args(["-c", script, "sh", env!("CARGO_BIN_EXE_orgkeep")])
        .args(["-q", "snapshot"])
        .envs(variables.iter().copied());
    Ran::of(&command.output().unwrap())
}

/// A repository whose next snapshot has changes of two people, files that go and many that come.
fn changed() -> TestEnv {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    env.orgkeep(&["snapshot"]).status(0);
    let package = Package::acme();
    package.edit("classes/OpportunityService.cls", "{", "{ // Jane");
    package.load(&env.org, "jane@acme.example", "2027-01-10T08:10:00Z");
    package.remove(&["reports/Sales/Web_Leads.report"]);
    let large = "// a line that makes it large\n".repeat(4000);
    package.edit(
        "classes/RentalDeskController.cls",
        "{",
        &format!("{{\n{large}"),
    );
    package.load(&env.org, "omar@acme.example", "2027-01-10T08:20:00Z");
    env.org.clock(&json!({"now": "2027-01-10T09:00:00Z"}));
    env
}

struct Whole {
    before: String,
    tree: String,
    story: String,
}

fn whole(env: &TestEnv) -> Whole {
    let dir = env.scratch("whole");
    copy(&env.repo(), &dir);
    let before = tip(env, &dir);
    snapshot(env, &dir, &[], "with room");
    Whole {
        tree: tree(env, &dir),
        story: story(env, &dir, &before),
        before,
    }
}

/// Asserts that nothing is lost in `dir`, and that the next run, with room, completes it.
fn assert_recovers(env: &TestEnv, dir: &Path, whole: &Whole, ran: &Ran, what: &str) {
    assert_sound(env, dir, what);
    let has_moved = tip(env, dir) != whole.before;
    assert!(
        !has_moved || tree(env, dir) == whole.tree,
        "{what}: half a snapshot"
    );
    if ran.status == 0 {
        assert_complete(env, dir, what);
    } else {
        assert_told(ran, what);
        assert!(ran.stderr.contains("make room"), "{what}: {}", ran.stderr);
    }
    snapshot(env, dir, &[], what);
    assert_complete(env, dir, what);
    assert_eq!(tree(env, dir), whole.tree, "{what}");
    assert_eq!(story(env, dir, &whole.before), whole.story, "{what}");
}

#[test]
fn limit_on_the_size_of_files_is_told_and_loses_nothing() {
    let first = TestEnv::initialised();
    let later = changed();
    let mut n_failed = 0;
    for (name, env) in [("first", &first), ("later", &later)] {
        let whole = whole(env);
        for limit in some(
            [0, 1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256],
            4,
        ) {
            let what = format!("{name}, {limit} blocks");
            let dir = env.scratch(&format!("limit{limit}"));
            copy(&env.repo(), &dir);
            // Without the signal a write beyond the limit is an error, as on a full disk.
            let script = "trap '' XFSZ; ulimit -f $LIMIT; exec \"$@\"";
            let ran = scripted(env, &dir, script, &[("LIMIT", &limit.to_string())]);
            n_failed += i32::from(ran.status != 0);
            assert_recovers(env, &dir, &whole, &ran, &what);
        }
    }
    assert!(n_failed > 4, "only {n_failed} failed");
}

/// Fills a disk of its own up to `$ROOM` KiB, runs the command on it, and brings the repository back.
const FULL: &str = "set -e
mkdir disk
mount -t tmpfs -o size=1g tmpfs disk
cp -a repo disk/repo
used=$(du -sk disk | cut -f1)
mount -o remount,size=$((used + ROOM))k disk
set +e
cd disk/repo
\"$@\"
status=$?
cd ../..
cp -a disk/repo after
exit $status";

#[test]
fn full_disk_is_told_and_loses_nothing() {
    let may = Command::new("unshare")
        .args(["-rm", "mount", "-t", "tmpfs", "t", "/mnt"])
        .output();
    if !may.is_ok_and(|it| it.status.success()) {
        let mut said = std::io::stderr();
        let _ = writeln!(said, "left out: this user may mount no disk of their own");
        return;
    }
    let env = changed();
    let whole = whole(&env);
    let mut n_failed = 0;
    let rooms = [
        0, 4, 8, 16, 32, 64, 100, 150, 200, 230, 260, 290, 320, 350, 400, 500, 700,
    ];
    for room in some(rooms, 4) {
        let what = format!("{room} KiB of room");
        let home: PathBuf = env.scratch(&format!("room{room}"));
        std::fs::create_dir_all(&home).unwrap();
        copy(&env.repo(), &home.join("repo"));
        let script = format!("exec unshare -rm sh -c '{FULL}' sh \"$@\"");
        let ran = scripted(&env, &home, &script, &[("ROOM", &room.to_string())]);
        n_failed += i32::from(ran.status != 0);
        assert_recovers(&env, &home.join("after"), &whole, &ran, &what);
    }
    assert!(n_failed > 3, "only {n_failed} failed");
}

#[test]
fn login_that_cannot_be_stored_is_told_and_leaves_the_others() {
    let env = TestEnv::initialised();
    let login = |who: &str, limit: &str| {
        let script = "trap '' XFSZ; ulimit -f $LIMIT; exec \"$@\" login token --url \"$SF_ORG_INSTANCE_URL\"";
        let mut command = env.command("sh", &env.repo());
        command
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_orgkeep")])
            .env("SF_ACCESS_TOKEN", env.org.token(who))
            .env("LIMIT", limit);
        Ran::of(&command.output().unwrap())
    };
    let logins = || env.orgkeep(&["orgs"]).status(0).stdout;
    let _ = login("jane", "unlimited").status(0);
    let before = logins();
    assert!(before.contains("jane@acme.example"), "{before}");
    let ran = login("omar", "0");
    assert_told(&ran, "login");
    assert!(
        !ran.stderr.contains(env.org.token("omar")),
        "the token is told"
    );
    assert_eq!(logins(), before);
    let _ = login("omar", "unlimited").status(0);
    assert!(logins().contains("omar@acme.example"), "{}", logins());
}
