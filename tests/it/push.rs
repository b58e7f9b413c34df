//! Several clones take turns at one org: what goes to the remote, and how.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::support::TestEnv;

/// Takes a snapshot in `dir` with `options`; its report.
#[track_caller]
pub(crate) fn snapshot(env: &TestEnv, dir: &Path, options: &[&str]) -> Value {
    let mut arguments = vec!["snapshot", "--json"];
    arguments.extend(options);
    let ran = env.orgkeep_in(dir, &arguments).status(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

pub(crate) fn subjects(report: &Value) -> Vec<&str> {
    let commits = report["commits"].as_array().unwrap();
    commits
        .iter()
        .map(|it| it["subject"].as_str().unwrap())
        .collect()
}

/// A repository with a first snapshot, pushed to a bare remote.
pub(crate) fn pushed() -> (TestEnv, PathBuf) {
    let env = TestEnv::initialised();
    let remote = env.scratch("remote.git");
    fs::create_dir_all(&remote).unwrap();
    env.git_in(&remote, &["init", "--quiet", "--bare", "-b", "main"]);
    env.git(&["remote", "add", "origin", &url(&remote)]);
    let report = snapshot(&env, &env.repo(), &["--push"]);
    assert_eq!(report["pass"], "full");
    assert_eq!(report["pushed"]["commit"], env.head());
    (env, remote)
}

pub(crate) fn url(remote: &Path) -> String {
    format!("file://{}", remote.to_str().unwrap())
}

pub(crate) fn fresh_clone(env: &TestEnv, remote: &Path, name: &str) -> PathBuf {
    let dir = env.scratch(name);
    let (from, to) = (url(remote), dir.to_str().unwrap().to_owned());
    env.git_in(remote, &["clone", "--quiet", "--depth", "1", &from, &to]);
    dir
}

/// What a copy of the fixture company's package is changed by.
struct Company {
    package: PathBuf,
}

impl Company {
    fn new(env: &TestEnv) -> Self {
        let package = env.scratch("company");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/orgs/acme/package");
        copy(&from, &package);
        Self { package }
    }

    /// Adds a line to a class, as a change of `user`.
    #[track_caller]
    fn change(&self, env: &TestEnv, class: &str, user: &str) {
        let path = self.package.join("classes").join(format!("{class}.cls"));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}// changed\n")).unwrap();
        env.org.clock(&json!({"advance": "60s"}));
        let user = env.org.user(user)["username"].clone();
        let body = json!({"path": self.package, "user": user});
        let report = env.org.control("POST", "/simorg/load", &body);
        assert_eq!(report["changed"], 1, "{report}");
        env.org.clock(&json!({"advance": "60s"}));
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Makes `dir` run `script` when it pushes for the first time.
fn before_first_push(dir: &Path, script: &str) {
    let hook = dir.join(".git/hooks/pre-push");
    fs::create_dir_all(hook.parent().unwrap()).unwrap();
    let text = format!(
        "#!/bin/sh\nset -e\nrm \"$0\"\nunset $(git rev-parse --local-env-vars)\n{script}\n"
    );
    fs::write(&hook, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[track_caller]
pub(crate) fn assert_sound(env: &TestEnv, dir: &Path) {
    assert_eq!(
        env.git_in(dir, &["fsck", "--full", "--strict", "--no-dangling"]),
        ""
    );
    assert_eq!(env.git_in(dir, &["status", "--porcelain"]), "");
}

pub(crate) fn head(env: &TestEnv, dir: &Path) -> String {
    env.git_in(dir, &["rev-parse", "main"]).trim().to_owned()
}

/// Commits of `dir` that touch the class, with their authors.
fn log_of(env: &TestEnv, dir: &Path, class: &str) -> Vec<String> {
    let path = format!("force-app/main/default/classes/{class}.cls");
    let text = env.git_in(dir, &["log", "--format=%an", "main", "--", &path]);
    text.lines().map(str::to_owned).collect()
}

#[test]
fn fresh_shallow_clones_go_on_where_the_last_one_ended() {
    let (env, remote) = pushed();
    let company = Company::new(&env);
    let one = fresh_clone(&env, &remote, "one");
    let two = fresh_clone(&env, &remote, "two");

    // Some types have no dates and are fetched each time; a clone fetches no more than that.
    let usual = snapshot(&env, &env.repo(), &["--push"])["n_fetched"].clone();
    let before = env.org.n_calls("retrieve");
    let report = snapshot(&env, &one, &["--push"]);
    assert_eq!(report["pass"], "incremental");
    assert_eq!(subjects(&report), Vec::<&str>::new());
    assert_eq!(report["n_fetched"], usual);
    assert!(env.org.n_calls("retrieve") - before <= 2);
    assert_eq!(head(&env, &one), head(&env, &remote));

    company.change(&env, "OpportunityService", "Jane");
    let report = snapshot(&env, &one, &["--push"]);
    assert_eq!(subjects(&report).len(), 1, "{report}");
    assert_eq!(
        report["n_fetched"].as_u64(),
        usual.as_u64().map(|it| it + 1)
    );
    assert_eq!(report["pushed"]["commit"], head(&env, &remote));

    // The other one is behind by now, and finds nothing to do.
    let report = snapshot(&env, &two, &["--push"]);
    assert_eq!(report["pass"], "incremental");
    assert_eq!(subjects(&report), Vec::<&str>::new());
    assert_eq!(report["n_fetched"], usual);
    assert_eq!(head(&env, &two), head(&env, &remote));
    for dir in [&one, &two] {
        assert_sound(&env, dir);
    }
    let state = |dir: &Path| {
        env.git_in(
            dir,
            &[
                "for-each-ref",
                "--format=%(objectname)",
                "refs/orgkeep/state",
            ],
        )
    };
    assert_eq!(state(&two), state(&remote));
    env.git_in(&remote, &["fsck", "--full", "--strict", "--no-dangling"]);
}

/// Notes in the state of `dir` that `component` is off since an interrupted restore.
#[cfg(unix)]
pub(crate) fn note_off(env: &TestEnv, dir: &Path, component: &str) {
    let notes = env.scratch("bypass.json");
    let open = json!({"at": "2026-11-28T07:00:00.000Z", "by": "005000000000001",
        "name": "Ada Admin", "switches": {component: "true"}});
    fs::write(&notes, json!({"open": open, "past": []}).to_string()).unwrap();
    let script = "set -e
        ref=$(git for-each-ref --format='%(refname)' refs/orgkeep/state)
        blob=$(git hash-object -w \"$1\")
        tree=$({ git ls-tree $ref; printf '100644 blob %s\\tbypass.json\\n' $blob; } | git mktree)
        git update-ref $ref $(git commit-tree -p $ref -m state $tree)";
    let output = env
        .command("sh", dir)
        .args(["-c", script, "sh"])
        .arg(notes)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[cfg(unix)]
#[test]
fn open_notes_stay_where_the_remote_went_on_and_no_note_is_taken_for_done() {
    let (env, remote) = pushed();
    let company = Company::new(&env);
    let one = fresh_clone(&env, &remote, "one");
    note_off(&env, &env.repo(), "no component");
    company.change(&env, "OpportunityService", "Jane");
    snapshot(&env, &one, &["--push"]);
    snapshot(&env, &env.repo(), &["--push"]);
    assert_eq!(env.head(), head(&env, &one));
    env.orgkeep(&["bypass"]).status(3).says("no component");
    env.orgkeep(&["bypass", "restore"])
        .status(1)
        .warns("bypass.json");
    env.orgkeep(&["bypass"]).status(3).says("no component");
}

#[cfg(unix)]
#[test]
fn later_snapshot_is_made_again_on_top_of_an_earlier_one_that_was_pushed_first() {
    let (env, remote) = pushed();
    let company = Company::new(&env);
    let one = fresh_clone(&env, &remote, "one");
    let two = fresh_clone(&env, &remote, "two");

    company.change(&env, "OpportunityService", "Jane");
    snapshot(&env, &one, &[]);
    company.change(&env, "RentalDeskController", "Omar");
    let script = format!(
        "git -C '{}' push --quiet origin main '+refs/orgkeep/state/*:refs/orgkeep/state/*'",
        one.display()
    );
    before_first_push(&two, &script);
    let report = snapshot(&env, &two, &["--push", "--tag", "release-1"]);
    assert_eq!(subjects(&report).len(), 1, "{report}");
    assert!(
        subjects(&report)[0].contains("RentalDeskController"),
        "{report}"
    );
    assert_eq!(head(&env, &two), head(&env, &remote));
    assert_eq!(
        env.git_in(&remote, &["rev-parse", "release-1^{commit}"])
            .trim(),
        head(&env, &two)
    );
    assert_eq!(log_of(&env, &remote, "OpportunityService").len(), 2);
    assert_eq!(log_of(&env, &remote, "RentalDeskController").len(), 2);
    assert_eq!(
        env.git_in(&remote, &["rev-list", "--merges", "--count", "main"])
            .trim(),
        "0"
    );
    assert_sound(&env, &two);
    let report = snapshot(&env, &one, &["--push"]);
    assert_eq!(subjects(&report), Vec::<&str>::new());
    assert_eq!(head(&env, &one), head(&env, &remote));
    assert_sound(&env, &one);
}

#[cfg(unix)]
#[test]
fn earlier_snapshot_is_dropped_for_a_later_one_that_was_pushed_first() {
    let (env, remote) = pushed();
    let company = Company::new(&env);
    let one = fresh_clone(&env, &remote, "one");
    let two = fresh_clone(&env, &remote, "two");

    company.change(&env, "OpportunityService", "Jane");
    let script = format!(
        "'{}' --quiet -C '{}' snapshot --push >/dev/null",
        env!("CARGO_BIN_EXE_orgkeep"),
        one.display()
    );
    before_first_push(&two, &script);
    let report = snapshot(&env, &two, &["--push"]);
    assert_eq!(subjects(&report), Vec::<&str>::new());
    assert!(report["pushed"]["dropped_for"].is_string(), "{report}");
    assert_eq!(head(&env, &two), head(&env, &remote));
    assert_eq!(head(&env, &two), head(&env, &one));
    assert_eq!(log_of(&env, &remote, "OpportunityService").len(), 2);
    assert_sound(&env, &two);
    let report = snapshot(&env, &two, &["--push"]);
    assert_eq!(report["pass"], "incremental");
    assert_eq!(report["pushed"]["is_up_to_date"], true);
}

#[cfg(unix)]
#[test]
fn refused_push_leaves_the_repository_as_it_was() {
    let (env, remote) = pushed();
    let company = Company::new(&env);
    let refs = || env.git(&["for-each-ref", "refs/heads", "refs/orgkeep/state"]);
    let before = refs();
    let hook = remote.join("hooks/pre-receive");
    fs::write(&hook, "#!/bin/sh\necho no entry >&2\nexit 1\n").unwrap();
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }
    company.change(&env, "OpportunityService", "Jane");
    env.orgkeep(&["snapshot", "--push"])
        .status(1)
        .warns("refused the push");
    assert_eq!(refs(), before);
    env.assert_sound();
    fs::remove_file(hook).unwrap();
    let report = snapshot(&env, &env.repo(), &["--push"]);
    assert_eq!(subjects(&report).len(), 1);
    assert_eq!(head(&env, &remote), env.head());
}

#[test]
fn push_without_a_remote_says_what_to_do() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot", "--push"])
        .status(1)
        .warns("git remote add origin");
}
