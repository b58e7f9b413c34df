//! State, tags, signatures, and other copies of the repository.

use std::{collections::BTreeMap, fs, path::Path};

use orgkeep::{
    model::OrgId,
    progress::Silent,
    store::{
        Error, KeptPack, Listing, Message, ObjectId, Publication, PushPlan, Pushed, Repository,
        RepositoryKind, Signature, StatePush,
    },
};

use crate::store_support::{FIRST, SECOND, Scratch, draft, path, put, time};

fn org() -> OrgId {
    "00D000000000001AAA"
        .parse::<OrgId>()
        .unwrap_or_else(|_| "00D000000000001".parse().unwrap())
}

fn who() -> Signature {
    Signature::new("orgkeep", "orgkeep@localhost", time(0))
}

/// A repository with one snapshot, and a bare remote that has it.
fn with_remote(scratch: &Scratch) -> (Repository, ObjectId) {
    scratch.repo_of("remote", RepositoryKind::Bare, None);
    let repo = scratch.repo("r");
    let first = put(&repo, "first", FIRST);
    scratch.git("r", &["remote", "add", "origin", "../remote"]);
    scratch.git("r", &["push", "-q", "origin", "main"]);
    (repo, first)
}

fn write_state(repo: &Repository, old: Option<ObjectId>, text: &str) -> Option<ObjectId> {
    let lock = repo.lock().unwrap();
    let branch = repo.ready("main", "origin").unwrap();
    let pack = repo.pack(&Listing::default()).unwrap();
    let files = BTreeMap::from([
        (path("watermarks.json"), text.as_bytes().to_vec()),
        (path("cache/entries"), vec![0; 100_000]),
    ]);
    let update = pack.state(org(), old, &files, &who()).unwrap()?;
    let new = update.new;
    let publication = Publication {
        new: branch.tip.unwrap(),
        branch,
        reason: "state".to_owned(),
        also: vec![update],
    };
    let kept = pack.finish().unwrap();
    let published = lock.publish(kept, &publication, &Silent).unwrap();
    published.refreshed.unwrap();
    published.not_moved.is_empty().then_some(new)
}

#[test]
fn state_is_replaced_as_a_whole_and_only_from_what_was_seen() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    assert_eq!(repo.state(org()).unwrap().commit, None);
    let first = write_state(&repo, None, "1").unwrap();
    let second = write_state(&repo, Some(first), "2").unwrap();
    assert_eq!(write_state(&repo, Some(first), "stale"), None);
    assert_eq!(write_state(&repo, None, "stale"), None);
    assert_eq!(
        write_state(&repo, Some(second), "2"),
        None,
        "nothing new, nothing written"
    );
    let state = repo.state(org()).unwrap();
    assert_eq!(state.commit, Some(second));
    assert_eq!(state.files[&path("watermarks.json")], b"2");
    assert_eq!(state.files.len(), 2);
    assert_eq!(repo.commit(second).unwrap().parents, []);
    scratch.assert_sound("r");
    scratch.git(
        "r",
        &["update-ref", "-d", &orgkeep::store::state_ref(org())],
    );
    assert_eq!(repo.state(org()).unwrap().files.len(), 0);
}

#[test]
fn tag_is_made_once_also_where_nothing_changed() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let first = put(&repo, "first", FIRST);
    let tag = |name: &str| -> Result<(), Error> {
        let lock = repo.lock()?;
        let branch = repo.ready("main", "origin")?;
        let pack = repo.pack(&Listing::default())?;
        let message = Message::new("before the project");
        let update = pack.tag(name, first, &who(), &message)?;
        let publication = Publication {
            new: first,
            branch,
            reason: "tag".to_owned(),
            also: vec![update],
        };
        lock.publish(pack.finish()?, &publication, &Silent)?
            .refreshed
            .map(drop)
    };
    tag("backup/v1").unwrap();
    assert!(matches!(tag("backup/v1"), Err(Error::TagExists { .. })));
    assert!(matches!(tag("a..b"), Err(Error::InvalidRefName { .. })));
    assert_eq!(
        scratch.git(
            "r",
            &[
                "for-each-ref",
                "--format=%(objecttype) %(*objectname) %(contents)",
                "refs/tags"
            ]
        ),
        format!("tag {first} before the project\n\n")
    );
    scratch.assert_sound("r");
}

/// A program that signs with whatever it is given, as `gpg` is called by `git`.
#[cfg(unix)]
fn with_fake_gpg(scratch: &Scratch) {
    use std::os::unix::fs::PermissionsExt;
    let program = scratch.path("fake-gpg");
    let script = "#!/bin/sh\n\
        test \"$1\" = --status-fd=2 || exit 9\n\
        n=$(cat | wc -c)\n\
        echo '[GNUPG:] SIG_CREATED ' >&2\n\
        echo '-----BEGIN PGP SIGNATURE-----'\n\
        echo\n\
        echo \"bytes $n\"\n\
        echo '-----END PGP SIGNATURE-----'\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    scratch.git("r", &["config", "commit.gpgsign", "true"]);
    scratch.git("r", &["config", "gpg.program", program.to_str().unwrap()]);
}

#[cfg(unix)]
#[test]
fn commits_and_tags_are_signed_where_the_user_wants_it() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    with_fake_gpg(&scratch);
    scratch.git("r", &["config", "tag.gpgsign", "true"]);
    // Two commits of one pack: the second follows one that no database has yet.
    let lock = repo.lock().unwrap();
    let branch = repo.ready("main", "origin").unwrap();
    let pack = repo.pack(&Listing::default()).unwrap();
    let tree = repo.commit(branch.tip.unwrap()).unwrap().tree;
    let mut author = draft(tree, branch.tip, "Ü part 1");
    author.author.name = "Zoë <x>, Inc.".to_owned();
    author.author.offset_minutes = 90;
    let one = pack.commit(&author).unwrap();
    let two = pack.commit(&draft(tree, Some(one), "part 2")).unwrap();
    let tag = pack
        .tag("v1", two, &who(), &Message::new("backup"))
        .unwrap();
    let publication = Publication {
        branch,
        new: two,
        reason: "snapshot".to_owned(),
        also: vec![tag],
    };
    let kept: KeptPack = pack.finish().unwrap();
    lock.publish(kept, &publication, &Silent)
        .unwrap()
        .refreshed
        .unwrap();
    let raw = scratch.git("r", &["cat-file", "commit", &one.to_string()]);
    assert!(
        raw.contains("gpgsig -----BEGIN PGP SIGNATURE-----\n"),
        "{raw}"
    );
    // But for the signature it is the commit that we would have written.
    let start = raw.find("gpgsig ").unwrap();
    let end = raw.find("-----END PGP SIGNATURE-----\n").unwrap() + 28;
    let unsigned = format!("{}{}", &raw[..start], &raw[end..]).replace("\n \n\n", "\n\n");
    assert_eq!(unsigned, String::from_utf8(author.render()).unwrap());
    let tag = scratch.git("r", &["cat-file", "tag", "v1"]);
    assert!(
        tag.contains("backup\n-----BEGIN PGP SIGNATURE-----"),
        "{tag}"
    );
    scratch.assert_sound("r");
    let count = scratch.git("r", &["count-objects", "-v"]);
    assert!(count.contains("count: 0\n"), "{count}");
    assert_eq!(
        fs::read_dir(scratch.path("r/.git/orgkeep"))
            .unwrap()
            .count(),
        1
    );
}

#[cfg(unix)]
#[test]
fn signature_that_fails_leaves_the_repository_as_it_was() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let first = put(&repo, "first", FIRST);
    with_fake_gpg(&scratch);
    scratch.git("r", &["config", "gpg.program", "/nonexistent/gpg"]);
    let err = crate::store_support::snapshot(&repo, "second", SECOND).unwrap_err();
    assert!(
        err.to_string().starts_with("`git commit-tree` failed: "),
        "{err}"
    );
    assert_eq!(
        scratch.git("r", &["rev-parse", "main"]).trim(),
        first.to_string()
    );
    scratch.assert_clean("r");
}

fn plan(commit: ObjectId, state: Option<(Option<ObjectId>, ObjectId)>) -> PushPlan {
    PushPlan {
        branch: "main".to_owned(),
        commit,
        state: state.map(|(old, new)| StatePush {
            org: org(),
            new,
            old,
        }),
        tags: vec![],
    }
}

#[test]
fn push_sends_branch_and_state_and_never_forces_the_branch() {
    let scratch = Scratch::new();
    let (repo, first) = with_remote(&scratch);
    let tips = repo.fetch("origin", "main", org()).unwrap();
    assert_eq!((tips.branch, tips.state), (Some(first), None));
    let second = put(&repo, "second", SECOND);
    let state = write_state(&repo, None, "1").unwrap();
    let pushed = repo
        .push("origin", &plan(second, Some((None, state))))
        .unwrap();
    assert_eq!(pushed, Pushed::Done);
    let tips = repo.fetch("origin", "main", org()).unwrap();
    assert_eq!((tips.branch, tips.state), (Some(second), Some(state)));
    // The state is replaced, though it follows nothing.
    let newer = write_state(&repo, Some(state), "2").unwrap();
    let pushed = repo
        .push("origin", &plan(second, Some((Some(state), newer))))
        .unwrap();
    assert_eq!(pushed, Pushed::Done);
    // A state that somebody else replaced does not hold the branch back.
    let third = put(&repo, "third", &[("x", Some("x"))]);
    let newest = write_state(&repo, Some(newer), "3").unwrap();
    let pushed = repo
        .push("origin", &plan(third, Some((Some(state), newest))))
        .unwrap();
    assert_eq!(pushed, Pushed::WithoutState);
    assert_eq!(
        repo.fetch("origin", "main", org()).unwrap().branch,
        Some(third)
    );
    // The branch goes forward or not at all.
    assert_eq!(
        repo.push("origin", &plan(second, None)).unwrap(),
        Pushed::Moved
    );
    scratch.assert_sound("remote");
}

#[test]
fn commits_are_made_again_on_a_remote_that_moved() {
    let scratch = Scratch::new();
    let (repo, first) = with_remote(&scratch);
    scratch.git(
        "",
        &[
            "clone",
            "-q",
            "--depth=1",
            &format!("file://{}", scratch.path("remote").display()),
            "other",
        ],
    );
    scratch.git("other", &["config", "user.email", "x@x"]);
    scratch.git("other", &["config", "user.name", "x"]);
    let other = Repository::open(&scratch.path("other"), scratch.options()).unwrap();
    let theirs = put(
        &other,
        "theirs",
        &[("theirs", Some("x")), ("both", Some("theirs"))],
    );
    assert_eq!(
        other.push("origin", &plan(theirs, None)).unwrap(),
        Pushed::Done
    );

    let ours = put(&repo, "ours", &[SECOND, &[("both", Some("ours"))]].concat());
    assert_eq!(
        repo.push("origin", &plan(ours, None)).unwrap(),
        Pushed::Moved
    );
    let tips = repo.fetch("origin", "main", org()).unwrap();
    let onto = tips.branch.unwrap();
    assert_eq!(onto, theirs);
    assert!(!repo.is_ancestor(onto, ours).unwrap());
    assert!(repo.is_ancestor(first, ours).unwrap());

    let lock = repo.lock().unwrap();
    let pack = repo.pack(&Listing::default()).unwrap();
    let replayed = pack.replay(ours, onto).unwrap();
    assert_eq!(replayed.overlapping, ["both"]);
    let kept = pack.finish().unwrap();
    assert_eq!(
        repo.push("origin", &plan(replayed.commit, None)).unwrap(),
        Pushed::Done
    );
    let publication = Publication {
        branch: repo.ready("main", "origin").unwrap(),
        new: replayed.commit,
        reason: "snapshot: made again".to_owned(),
        also: vec![],
    };
    lock.publish(kept, &publication, &Silent)
        .unwrap()
        .refreshed
        .unwrap();
    assert_eq!(
        scratch.git("r", &["log", "--format=%s"]),
        "ours\ntheirs\nfirst\n"
    );
    assert_eq!(fs::read_to_string(scratch.path("r/both")).unwrap(), "ours");
    assert_eq!(fs::read_to_string(scratch.path("r/theirs")).unwrap(), "x");
    scratch.assert_clean("r");
    scratch.assert_sound("r");
}

#[cfg(unix)]
fn hook(dir: &Path, name: &str, script: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
}

#[cfg(unix)]
#[test]
fn remote_that_refuses_is_quoted() {
    let scratch = Scratch::new();
    let (repo, first) = with_remote(&scratch);
    hook(&scratch.path("remote/hooks"), "pre-receive", "exit 1");
    let second = put(&repo, "second", SECOND);
    let state = write_state(&repo, None, "1").unwrap();
    let pushed = repo
        .push("origin", &plan(second, Some((None, state))))
        .unwrap();
    assert!(
        matches!(&pushed, Pushed::Refused(words) if words.contains("pre-receive hook declined")),
        "{pushed:?}"
    );
    assert_eq!(
        repo.fetch("origin", "main", org()).unwrap().branch,
        Some(first)
    );
}

#[cfg(unix)]
#[test]
fn hook_of_the_user_runs_for_a_push() {
    let scratch = Scratch::new();
    let (repo, _) = with_remote(&scratch);
    hook(
        &scratch.path("r/.git/hooks"),
        "pre-push",
        "cat > pushed.log; exit 1",
    );
    let second = put(&repo, "second", SECOND);
    let err = repo.push("origin", &plan(second, None)).unwrap_err();
    assert!(
        matches!(
            err,
            Error::GitFailed {
                command: "push",
                ..
            }
        ),
        "{err}"
    );
    let log = fs::read_to_string(scratch.path("r/pushed.log")).unwrap();
    assert!(log.contains("refs/heads/main"), "{log}");
}

#[test]
fn remote_without_atomic_pushes_gets_the_branch_first() {
    let scratch = Scratch::new();
    let (repo, _) = with_remote(&scratch);
    scratch.git("remote", &["config", "receive.advertiseAtomic", "false"]);
    let second = put(&repo, "second", SECOND);
    let state = write_state(&repo, None, "1").unwrap();
    let pushed = repo
        .push("origin", &plan(second, Some((None, state))))
        .unwrap();
    assert_eq!(pushed, Pushed::Done);
    let tips = repo.fetch("origin", "main", org()).unwrap();
    assert_eq!((tips.branch, tips.state), (Some(second), Some(state)));
}

#[test]
fn remote_that_is_not_there_is_a_failure_and_asks_nothing() {
    let scratch = Scratch::new();
    let (repo, first) = with_remote(&scratch);
    scratch.git("r", &["remote", "set-url", "origin", "../gone"]);
    let err = repo.push("origin", &plan(first, None)).unwrap_err();
    assert!(
        matches!(
            err,
            Error::GitFailed {
                command: "push",
                ..
            }
        ),
        "{err}"
    );
    let err = repo.fetch("origin", "main", org()).unwrap_err();
    assert!(
        matches!(
            err,
            Error::GitFailed {
                command: "ls-remote",
                ..
            }
        ),
        "{err}"
    );
    // A remote may be given by its URL.
    let url = format!("file://{}", scratch.path("remote").display());
    assert_eq!(repo.fetch(&url, "main", org()).unwrap().branch, Some(first));
    assert!(repo.has_remote("origin").unwrap() && !repo.has_remote("upstream").unwrap());
    let mut options = scratch.options();
    options.git.program = "/nonexistent/git".into();
    let without = Repository::open(&scratch.path("r"), options).unwrap();
    let err = without.push("origin", &plan(first, None)).unwrap_err();
    assert_eq!(err.to_string(), "cannot start `/nonexistent/git`");
}
