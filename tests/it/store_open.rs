//! Repositories that cannot be written, or not now, and what we say of them.

use std::{fs, process::Command};

use orgkeep::store::{Error, InitOptions, Meaning, Repository, RepositoryKind};

use crate::store_support::{FIRST, SECOND, Scratch, put};

/// The message and the hint.
fn refusal(scratch: &Scratch, name: &str) -> (String, String) {
    let err = Repository::discover(&scratch.path(name), scratch.options()).unwrap_err();
    let root = scratch.path("").canonicalize().unwrap();
    let text = err.to_string().replace(root.to_str().unwrap(), "");
    let text = text.replace(scratch.path("").to_str().unwrap(), "/");
    (text, err.hint().unwrap_or_default())
}

#[test]
fn folder_that_is_no_repository_is_named() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path("plain")).unwrap();
    let (text, hint) = refusal(&scratch, "plain");
    assert_eq!(text, "no Git repository at `/plain` or above it");
    assert!(hint.contains("orgkeep init"));
    assert!(
        refusal(&scratch, "absent")
            .0
            .starts_with("no Git repository")
    );
}

#[test]
fn what_libgit2_cannot_read_is_said() {
    let scratch = Scratch::new();
    for (name, option, feature) in [
        ("sha256", "--object-format=sha256", "SHA-256 object ids"),
        ("reftable", "--ref-format=reftable", "reftable references"),
    ] {
        let made = Command::new("git")
            .args(["init", "-q", option])
            .arg(scratch.path(name))
            .status()
            .unwrap();
        assert!(made.success());
        let (text, hint) = refusal(&scratch, name);
        assert_eq!(
            text,
            format!("the repository at `/{name}/.git` uses {feature}, which libgit2 cannot read")
        );
        assert!(hint.contains("git "), "{hint}");
    }
    scratch.repo("partial");
    scratch.git("partial", &["config", "core.repositoryFormatVersion", "1"]);
    scratch.git("partial", &["config", "extensions.partialClone", "origin"]);
    let (text, _) = refusal(&scratch, "partial");
    assert!(text.contains("uses `extensions.partialclone`"), "{text}");
}

#[cfg(unix)]
#[test]
#[expect(clippy::print_stderr, reason = "what was left out is said")]
fn repository_of_another_user_is_not_opened() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let all = [
        scratch.path("r"),
        repo.git_dir().to_owned(),
        scratch.path("r/.git/config"),
    ];
    for path in &all {
        if std::os::unix::fs::chown(path, Some(65_534), Some(65_534)).is_err() {
            eprintln!("left out: only root can give files away");
            return;
        }
    }
    let (text, hint) = refusal(&scratch, "r");
    assert!(text.ends_with("belongs to another user"), "{text}");
    assert!(hint.contains("safe.directory"), "{hint}");
}

#[test]
fn repository_is_found_from_a_folder_in_it() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    let found = Repository::discover(&scratch.path("r/force-app/main"), scratch.options()).unwrap();
    assert_eq!(found.git_dir(), repo.git_dir());
    assert!(Repository::open(&scratch.path("r/force-app"), scratch.options()).is_err());
}

#[test]
fn init_where_a_repository_is_opens_it() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let first = put(&repo, "first", FIRST);
    let init = InitOptions {
        branch: "other".to_owned(),
        kind: RepositoryKind::WithWorkTree,
    };
    let again = Repository::init(&scratch.path("r"), &init, scratch.options()).unwrap();
    assert_eq!(again.branch("main", "origin").unwrap().tip, Some(first));
    let bad = InitOptions {
        branch: "a..b".to_owned(),
        ..init
    };
    let err = Repository::init(&scratch.path("new"), &bad, scratch.options()).unwrap_err();
    assert_eq!(err.to_string(), "`a..b` is not a name for a branch");
    assert!(!scratch.path("new").exists());
}

#[test]
fn submodule_is_a_repository() {
    let scratch = Scratch::new();
    let inner = scratch.repo("inner");
    put(&inner, "first", FIRST);
    scratch.repo("outer");
    let url = scratch.path("inner");
    scratch.git(
        "outer",
        &[
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            url.to_str().unwrap(),
            "sub",
        ],
    );
    scratch.git("outer/sub", &["config", "user.email", "x@x"]);
    scratch.git("outer/sub", &["config", "user.name", "x"]);
    let sub = Repository::open(&scratch.path("outer/sub"), scratch.options()).unwrap();
    put(&sub, "second", SECOND);
    scratch.assert_clean("outer/sub");
    scratch.assert_sound("outer/sub");
}

#[test]
fn operation_that_was_begun_is_ended_first() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", &[("f", Some("1\n"))]);
    scratch.git("r", &["switch", "-qc", "feature"]);
    fs::write(scratch.path("r/f"), "2\n").unwrap();
    scratch.git("r", &["commit", "-qam", "theirs"]);
    scratch.git("r", &["switch", "-q", "main"]);
    put(&repo, "second", &[("f", Some("3\n"))]);
    for (command, what) in [
        ("merge feature", "merge"),
        ("rebase feature", "rebase"),
        ("cherry-pick feature", "cherry-pick"),
        ("bisect start main main~", "bisect"),
    ] {
        let arguments: Vec<_> = command.split(' ').collect();
        scratch.git_output("r", &arguments);
        let err = repo.ready("main", "origin").unwrap_err();
        assert!(
            matches!(&err, Error::InProgress { what: it, .. } if *it == what),
            "{command}: {err}"
        );
        assert!(err.hint().unwrap().contains(&format!("git {what}")));
        let end = if what == "bisect" { "reset" } else { "--abort" };
        scratch.git("r", &[what, end]);
        repo.ready("main", "origin").unwrap();
    }
    // A merge on another branch is no concern of ours.
    scratch.git("r", &["switch", "-q", "feature"]);
    scratch.git_output("r", &["merge", "main"]);
    repo.ready("main", "origin").unwrap();
}

#[test]
fn locked_index_is_named_before_anything_is_written() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    fs::write(scratch.path("r/.git/index.lock"), "").unwrap();
    let err = repo.ready("main", "origin").unwrap_err();
    assert!(matches!(err, Error::IndexLocked { .. }), "{err}");
    assert!(err.hint().unwrap().contains("index.lock"));
}

#[test]
fn index_that_libgit2_cannot_read_is_said() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    scratch.git("r", &["update-index", "--split-index"]);
    let err = repo.ready("main", "origin").unwrap_err();
    assert!(matches!(err, Error::IndexUnreadable { .. }), "{err}");
    assert!(err.hint().unwrap().contains("--no-split-index"));
}

#[test]
fn shallow_clone_says_which_fetch_helps() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let first = put(&repo, "first", FIRST);
    put(&repo, "second", SECOND);
    let third = put(&repo, "third", &[("x", Some("x"))]);
    let url = format!("file://{}", scratch.path("r").display());
    scratch.git("", &["clone", "-q", "--depth=1", &url, "shallow"]);
    let shallow = Repository::open(&scratch.path("shallow"), scratch.options()).unwrap();
    let tip = shallow.branch("main", "origin").unwrap().tip;
    assert_eq!(tip, Some(third));
    assert_eq!(shallow.history(third).count(), 1);
    for err in [
        shallow.require_depth(third).unwrap_err(),
        shallow.require_depth(first).unwrap_err(),
        shallow.resolve("id-first", tip).unwrap_err(),
        shallow.resolve("2001-01-01", tip).unwrap_err(),
    ] {
        assert!(matches!(err, Error::TooShallow { .. }), "{err}");
        assert!(err.hint().unwrap().contains("git fetch --unshallow"));
    }
    // It is enough for a snapshot.
    put(&shallow, "fourth", &[("y", Some("y"))]);
    scratch.assert_clean("shallow");
    scratch.assert_sound("shallow");
    scratch.git("shallow", &["fetch", "-q", "--unshallow"]);
    let shallow = Repository::open(&scratch.path("shallow"), scratch.options()).unwrap();
    shallow.require_depth(third).unwrap();
    assert_eq!(shallow.resolve("id-first", tip).unwrap().commit, first);
}

#[test]
fn branch_that_ci_checked_out_by_commit_goes_on_from_the_remote() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let first = put(&repo, "first", FIRST);
    scratch.git("", &["clone", "-q", "r", "ci"]);
    scratch.git("ci", &["checkout", "-q", "--detach"]);
    scratch.git("ci", &["branch", "-q", "-D", "main"]);
    scratch.git("ci", &["config", "user.email", "x@x"]);
    let ci = Repository::open(&scratch.path("ci"), scratch.options()).unwrap();
    let branch = ci.ready("main", "origin").unwrap();
    assert_eq!((branch.local, branch.tip), (None, Some(first)));
    let second = put(&ci, "second", SECOND);
    assert_eq!(ci.commit(second).unwrap().parents, [first]);
    assert_eq!(
        scratch.git("ci", &["rev-parse", "HEAD"]).trim(),
        second.to_string()
    );
    scratch.assert_clean("ci");
}

#[test]
fn commit_is_found_by_name_snapshot_and_date() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let first = put(&repo, "first", FIRST);
    let second = put(&repo, "second", SECOND);
    scratch.git("r", &["tag", "-a", "-m", "t", "v1", &first.to_string()]);
    let find = |text: &str| {
        repo.resolve(text, Some(second))
            .map(|it| (it.commit, it.meaning))
    };
    for text in ["v1", "main~", "HEAD^", &first.short(), &first.to_string()] {
        assert_eq!(find(text).unwrap(), (first, Meaning::Name), "{text}");
    }
    assert_eq!(find("id-first").unwrap(), (first, Meaning::Snapshot));
    // Both were committed in the same second; the later one is meant.
    let day = repo.commit(first).unwrap().committer.time.day();
    assert_eq!(find(&day).unwrap(), (second, Meaning::Time));
    for text in ["2001-01-01", "nothing", "id-third", "-x", "main:force-app"] {
        let err = find(text).unwrap_err();
        assert!(matches!(err, Error::NoSuchRevision { .. }), "{text}: {err}");
    }
}

#[test]
fn history_of_a_path_is_git_s() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    put(&repo, "second", SECOND);
    let tip = put(&repo, "third", &[("other", Some("x"))]);
    for path in [
        "force-app/main/default/classes/A.cls",
        "force-app/main/default/classes/B.cls",
        "force-app/main/default/objects",
        "force-app",
        "other",
        "none/x",
    ] {
        let ours: Vec<_> = repo
            .history(tip)
            .map(Result::unwrap)
            .filter(|it| repo.touches(it, path).unwrap())
            .map(|it| it.message.subject)
            .collect();
        let theirs = scratch.git("r", &["log", "--first-parent", "--format=%s", "--", path]);
        assert_eq!(ours, theirs.lines().collect::<Vec<_>>(), "{path}");
    }
}
