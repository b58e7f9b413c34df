//! Several at once: in one repository, in two clones, and people in the org meanwhile.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use serde_json::json;

use super::{assert_complete, assert_sound, copy, metadata, snapshot, story, tip, tree};
use crate::support::{Org, Package, Ran, TestEnv};

fn spawn(env: &TestEnv, dir: &Path, arguments: &[&str]) -> Child {
    env.command(env!("CARGO_BIN_EXE_orgkeep"), dir)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn ended(child: Child) -> Ran {
    Ran::of(&child.wait_with_output().unwrap())
}

/// A package with `n` classes of our own in it.
fn with_classes(n: usize) -> Package {
    let package = Package::acme();
    for at in 0..n {
        let meta = package.path("classes/RentalDeskController.cls-meta.xml");
        fs::copy(
            meta,
            package.path(&format!("classes/Made{at}.cls-meta.xml")),
        )
        .unwrap();
        let text = format!("public class Made{at} {{ }}\n");
        fs::write(package.path(&format!("classes/Made{at}.cls")), text).unwrap();
    }
    package
}

/// Who changed each of our classes, by the history of `dir` since `before`.
fn changes(env: &TestEnv, dir: &Path, before: &str) -> BTreeMap<String, Vec<String>> {
    let range = format!("{before}..main");
    let log = env.git_in(
        dir,
        &["log", "--reverse", "--format=@%an", "--name-only", &range],
    );
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut author = String::new();
    for line in log.lines() {
        if let Some(name) = line.strip_prefix('@') {
            name.clone_into(&mut author);
        } else if let Some((_, name)) = line.rsplit_once("/Made")
            && let Some(number) = name.strip_suffix(".cls")
        {
            found
                .entry(number.to_owned())
                .or_default()
                .push(author.clone());
        }
    }
    found
}

#[test]
fn snapshots_at_once_in_one_repository_are_one_snapshot() {
    let env = TestEnv::initialised();
    let dir = env.repo();
    let whole = env.scratch("whole");
    copy(&dir, &whole);
    let before = tip(&env, &dir);
    snapshot(&env, &whole, &[], "alone");
    for round in 0..2 {
        let all: Vec<_> = (0..4)
            .map(|_| spawn(&env, &dir, &["-q", "snapshot"]))
            .collect();
        let mut n_done = 0;
        for ran in all.into_iter().map(ended) {
            n_done += i32::from(ran.status == 0);
            if ran.status != 0 {
                super::assert_told(&ran, "the second");
                assert!(
                    ran.stderr.contains("in use by another orgkeep"),
                    "{}",
                    ran.stderr
                );
            }
        }
        assert!(n_done > 0, "round {round}");
        assert_complete(&env, &dir, "at once");
        assert_eq!(tree(&env, &dir), tree(&env, &whole));
        assert_eq!(story(&env, &dir, &before), story(&env, &whole, &before));
    }
}

#[test]
fn clones_that_push_at_once_while_the_org_is_edited_have_each_change_once() {
    let env = TestEnv::initialised();
    let remote = env.scratch("remote.git");
    fs::create_dir_all(&remote).unwrap();
    env.git_in(&remote, &["init", "--quiet", "--bare", "-b", "main"]);
    env.git(&[
        "remote",
        "add",
        "origin",
        &format!("file://{}", remote.display()),
    ]);
    let package = with_classes(8);
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    package.load(&env.org, "admin@acme.example", "2027-01-10T08:00:00Z");
    snapshot(&env, &env.repo(), &["--push"], "first");
    let before = env.head();
    let clones: Vec<PathBuf> = ["one", "two"]
        .iter()
        .map(|name| {
            let dir = env.scratch(name);
            let url = format!("file://{}", remote.display());
            let to = dir.to_str().unwrap();
            env.git_in(&remote, &["clone", "--quiet", "--depth", "1", &url, to]);
            dir
        })
        .collect();
    for round in 0..4 {
        let what = format!("round {round}");
        for (at, who) in [
            (2 * round, "jane@acme.example"),
            (2 * round + 1, "omar@acme.example"),
        ] {
            package.edit(
                &format!("classes/Made{at}.cls"),
                "{",
                &format!("{{ // {who}"),
            );
            env.org.clock(&json!({"advance": "60s"}));
            let body = json!({"path": package.path(""), "user": who});
            env.org.control("POST", "/simorg/load", &body);
            env.org.clock(&json!({"advance": "60s"}));
        }
        let both: Vec<_> = clones
            .iter()
            .map(|dir| {
                thread::sleep(Duration::from_millis(60 * round));
                spawn(&env, dir, &["-q", "snapshot", "--push"])
            })
            .collect();
        for ran in both.into_iter().map(ended) {
            assert_eq!(ran.status, 0, "{what}: {}", ran.stderr);
        }
        assert_sound(&env, &remote, &what);
    }
    for dir in &clones {
        snapshot(&env, dir, &["--push"], "at the end");
        assert_complete(&env, dir, "at the end");
        assert_eq!(tip(&env, dir), tip(&env, &remote));
    }
    assert_eq!(
        env.git_in(&remote, &["rev-list", "--merges", "--count", "main"])
            .trim(),
        "0"
    );
    let found = changes(&env, &remote, &before);
    assert_eq!(found.len(), 8, "{found:?}");
    for (number, authors) in found {
        let even = number.parse::<u32>().unwrap() % 2 == 0;
        let by = if even { "Jane Doe" } else { "Omar Haddad" };
        assert_eq!(authors, [by], "Made{number}");
    }
}

#[test]
fn org_that_is_edited_throughout_has_each_change_once_and_under_its_author() {
    const N: usize = 30;
    let env = TestEnv::new(Org::start(&["--latency", "3"]));
    env.orgkeep(&["init"]).status(0);
    let package = with_classes(N);
    let load = |who: &str| {
        let body = json!({"path": package.path(""), "user": who});
        env.org.control("POST", "/simorg/load", &body);
    };
    load("admin@acme.example");
    let dir = env.repo();
    snapshot(&env, &dir, &[], "first");
    let before = env.head();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for at in 0..N {
                let who = if at % 2 == 0 {
                    "jane@acme.example"
                } else {
                    "omar@acme.example"
                };
                package.edit(
                    &format!("classes/Made{at}.cls"),
                    "{",
                    &format!("{{ // {who}"),
                );
                load(who);
                thread::sleep(Duration::from_millis(40));
            }
            stop.store(true, Ordering::SeqCst);
        });
        let mut n_runs = 0;
        while !stop.load(Ordering::SeqCst) || n_runs < 2 {
            let ran = env.orgkeep(&["snapshot"]);
            assert!([0, 3].contains(&ran.status), "{}{}", ran.stdout, ran.stderr);
            assert!(
                ran.status == 0 || ran.stdout.contains("in motion"),
                "{}",
                ran.stdout
            );
            assert_complete(&env, &dir, "while it is edited");
            n_runs += 1;
        }
    });
    let report = snapshot(&env, &dir, &[], "afterwards");
    assert_eq!(report["gaps"], json!([]));
    assert_complete(&env, &dir, "afterwards");
    let found = changes(&env, &dir, &before);
    assert_eq!(found.len(), N, "{found:?}");
    for (number, authors) in found {
        let even = number.parse::<u32>().unwrap() % 2 == 0;
        let by = if even { "Jane Doe" } else { "Omar Haddad" };
        assert_eq!(authors, [by], "Made{number}");
    }
    let incremental = metadata(&env, &dir);
    snapshot(&env, &dir, &["--full"], "in full");
    assert_eq!(metadata(&env, &dir), incremental);
}

#[test]
fn signal_ends_a_snapshot_in_good_order_and_with_words() {
    let env = TestEnv::initialised();
    let whole = env.scratch("whole");
    copy(&env.repo(), &whole);
    let before = env.head();
    snapshot(&env, &whole, &[], "undisturbed");
    let mut n_told = 0;
    for (at, signal) in ["INT", "TERM", "INT", "TERM", "INT"].iter().enumerate() {
        let what = format!("SIG{signal}, {at}");
        let dir = env.scratch(&format!("signal{at}"));
        copy(&env.repo(), &dir);
        let n_calls = |env: &TestEnv| env.org.calls().values().sum::<u64>();
        let begun = n_calls(&env);
        let mut child = spawn(&env, &dir, &["-q", "snapshot"]);
        let until = [2, 10, 60, 120, 170][at];
        while n_calls(&env) < begun + until && child.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_millis(1));
        }
        let id = child.id().to_string();
        // One that has ended is a zombie until it is waited for, and takes no harm.
        if child.try_wait().unwrap().is_none() {
            let signal = format!("-{signal}");
            let kill = std::process::Command::new("kill")
                .args([&signal, &id])
                .status();
            assert!(kill.unwrap().success());
        }
        let ran = ended(child);
        if ran.status != 0 {
            super::assert_told(&ran, &what);
            assert!(
                ran.stderr.contains("error: interrupted"),
                "{what}: {}",
                ran.stderr
            );
            assert_eq!(tip(&env, &dir), before, "{what}");
            n_told += 1;
        }
        assert_complete(&env, &dir, &what);
        snapshot(&env, &dir, &[], &what);
        assert_complete(&env, &dir, &what);
        assert_eq!(tree(&env, &dir), tree(&env, &whole), "{what}");
    }
    assert!(n_told >= 3, "only {n_told} were interrupted");
}
