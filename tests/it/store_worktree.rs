//! The working tree after a snapshot: what follows the branch, and what stays.

use std::fs;

use orgkeep::store::{Repository, RepositoryKind};

use crate::store_support::{FIRST, SECOND, Scratch, put, snapshot};

const A: &str = "force-app/main/default/classes/A.cls";

#[test]
fn hand_edit_is_never_overwritten() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    fs::write(scratch.path("r").join(A), "class A { mine }\n").unwrap();
    fs::write(
        scratch.path("r/force-app/main/default/classes/C.cls"),
        "my own C\n",
    )
    .unwrap();
    fs::write(scratch.path("r/notes.txt"), "notes").unwrap();
    let object = "force-app/main/default/objects/X__c/X__c.object-meta.xml";
    fs::write(scratch.path("r").join(object), "<mine/>\n").unwrap();

    let (_, published) = snapshot(&repo, "second", SECOND).unwrap();
    let kept: Vec<_> = published
        .refreshed
        .unwrap()
        .kept
        .into_iter()
        .map(|it| format!("{} {}", it.path, it.reason))
        .collect();
    assert_eq!(
        kept,
        [
            format!("{object} was changed by hand"),
            format!("{A} was changed by hand"),
            "force-app/main/default/classes/C.cls was there already, with another content"
                .to_owned(),
        ]
    );
    assert_eq!(
        scratch.git("r", &["status", "--porcelain"]),
        format!(
            " M {A}\n M force-app/main/default/classes/C.cls\n?? {}\n?? notes.txt\n",
            "force-app/main/default/objects/"
        )
    );
    assert_eq!(
        fs::read_to_string(scratch.path("r").join(A)).unwrap(),
        "class A { mine }\n"
    );
}

#[test]
fn what_is_staged_stays_staged() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    fs::write(scratch.path("r").join(A), "class A { staged }\n").unwrap();
    scratch.git("r", &["add", A]);
    let (_, published) = snapshot(&repo, "second", SECOND).unwrap();
    assert_eq!(published.refreshed.unwrap().kept.len(), 1);
    assert_eq!(
        scratch.git("r", &["status", "--porcelain"]),
        format!("M  {A}\n")
    );
    assert_eq!(
        scratch.git("r", &["show", &format!(":{A}")]),
        "class A { staged }\n"
    );
}

#[test]
fn file_that_was_taken_away_by_hand_stays_away() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    fs::remove_file(scratch.path("r").join(A)).unwrap();
    let (_, published) = snapshot(&repo, "second", SECOND).unwrap();
    assert_eq!(published.refreshed.unwrap().kept.len(), 1);
    assert_eq!(
        scratch.git("r", &["status", "--porcelain"]),
        format!(" D {A}\n")
    );
}

#[cfg(unix)]
#[test]
fn link_in_the_working_tree_is_never_followed_out_of_it() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    let outside = scratch.path("outside");
    fs::rename(scratch.path("r/force-app/main/default/classes"), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, scratch.path("r/force-app/main/default/classes")).unwrap();
    let (_, published) = snapshot(&repo, "second", SECOND).unwrap();
    let kept = published.refreshed.unwrap().kept;
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0].reason, "lies behind a link or a file");
    assert_eq!(
        fs::read_to_string(outside.join("A.cls")).unwrap(),
        "class A {}\n"
    );
    assert!(!outside.join("C.cls").exists());
}

#[cfg(unix)]
#[test]
fn link_in_place_of_a_file_is_a_hand_edit() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    let outside = scratch.path("outside");
    // The same content, but somewhere else.
    fs::rename(scratch.path("r").join(A), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, scratch.path("r").join(A)).unwrap();
    let (_, published) = snapshot(&repo, "second", SECOND).unwrap();
    assert_eq!(published.refreshed.unwrap().kept.len(), 1);
    assert_eq!(fs::read_to_string(&outside).unwrap(), "class A {}\n");
}

#[test]
fn branch_that_is_not_checked_out_moves_alone() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    scratch.git("r", &["switch", "-q", "-c", "feature"]);
    let (new, published) = snapshot(&repo, "second", SECOND).unwrap();
    assert_eq!(published.refreshed.unwrap().n_files, 0);
    assert_eq!(
        scratch.git("r", &["rev-parse", "main"]).trim(),
        new.to_string()
    );
    scratch.assert_clean("r");
    scratch.git("r", &["switch", "-q", "main"]);
    scratch.assert_clean("r");
}

#[test]
fn detached_head_at_the_tip_goes_along() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    scratch.git("r", &["checkout", "-q", "--detach"]);
    let new = put(&repo, "second", SECOND);
    assert_eq!(
        scratch.git("r", &["rev-parse", "HEAD"]).trim(),
        new.to_string()
    );
    assert_eq!(
        scratch.git("r", &["rev-parse", "main"]).trim(),
        new.to_string()
    );
    scratch.assert_clean("r");
    scratch.git("r", &["checkout", "-q", "--detach", "HEAD~"]);
    let err = repo.ready("main", "origin").unwrap_err();
    assert!(err.to_string().starts_with("HEAD is detached at "), "{err}");
    assert_eq!(err.hint().unwrap(), "run `git switch main`");
}

#[test]
fn linked_worktree_follows_its_branch_wherever_we_run() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    scratch.git("r", &["switch", "-q", "-c", "feature"]);
    scratch.git("r", &["worktree", "add", "-q", "../linked", "main"]);
    put(&repo, "second", SECOND);
    scratch.assert_clean("linked");
    scratch.assert_clean("r");
    assert!(
        scratch
            .path("linked/force-app/main/default/classes/C.cls")
            .exists()
    );
    assert!(
        !scratch
            .path("r/force-app/main/default/classes/C.cls")
            .exists()
    );
    // And seen from the linked one.
    let linked = Repository::open(&scratch.path("linked"), scratch.options()).unwrap();
    put(&linked, "third", &[("x", Some("x"))]);
    scratch.assert_clean("linked");
    assert_eq!(linked.common_dir(), repo.common_dir());
    let lock = linked.lock().unwrap();
    assert!(repo.lock().is_err(), "both are one repository");
    drop(lock);
}

#[test]
fn git_directory_elsewhere_leads_to_the_right_files() {
    let scratch = Scratch::new();
    let made = scratch.path("made/w");
    fs::create_dir_all(&made).unwrap();
    scratch.git(
        "made/w",
        &["init", "-q", "-b", "main", "--separate-git-dir=../gd"],
    );
    for (key, value) in [("user.email", "x@x"), ("user.name", "x")] {
        scratch.git("made/w", &["config", key, value]);
    }
    let repo = Repository::discover(&made, scratch.options()).unwrap();
    put(&repo, "first", FIRST);
    scratch.assert_clean("made/w");
    assert!(made.join(A).exists());
    // By its Git directory nobody can tell where its files are, so none is touched.
    let repo = Repository::open(&scratch.path("made/gd"), scratch.options()).unwrap();
    assert_eq!(repo.work_dir(), None);
    put(&repo, "second", SECOND);
    assert!(!scratch.path("made/gd/force-app").exists());
}

#[test]
fn bare_repository_has_no_files_to_refresh() {
    let scratch = Scratch::new();
    let repo = scratch.repo_of("r", RepositoryKind::Bare, None);
    put(&repo, "first", FIRST);
    let new = put(&repo, "second", SECOND);
    assert_eq!(
        scratch.git("r", &["rev-parse", "main"]).trim(),
        new.to_string()
    );
    assert_eq!(repo.work_dir(), None);
    scratch.assert_sound("r");
}

#[test]
fn windows_line_ends_of_an_old_repository_are_no_hand_edit() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", &FIRST[1..]);
    scratch.git("r", &["config", "core.autocrlf", "true"]);
    fs::write(scratch.path("r").join(A), "class A {}\r\n").unwrap();
    scratch.git("r", &["add", A]);
    scratch.assert_clean("r");
    put(&repo, "second", SECOND);
    scratch.assert_clean("r");
}

#[test]
fn filter_is_left_to_git() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    scratch.git("r", &["config", "filter.rot.clean", "tr a-z n-za-m"]);
    scratch.git("r", &["config", "filter.rot.smudge", "tr a-z n-za-m"]);
    put(
        &repo,
        "attributes",
        &[(".gitattributes", Some("*.rot filter=rot\n"))],
    );
    // The blob is what `git` would have stored for `hello`.
    put(&repo, "first", &[("x.rot", Some("uryyb"))]);
    assert_eq!(
        fs::read_to_string(scratch.path("r/x.rot")).unwrap(),
        "hello"
    );
    scratch.assert_clean("r");
    put(&repo, "second", &[("x.rot", Some("jbeyq"))]);
    assert_eq!(
        fs::read_to_string(scratch.path("r/x.rot")).unwrap(),
        "world"
    );
    scratch.assert_clean("r");
}

#[test]
fn sparse_checkout_stays_sparse() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", &[FIRST, &[("other/x", Some("1"))]].concat());
    scratch.git(
        "r",
        &["sparse-checkout", "set", "--no-cone", "/*", "!/other/"],
    );
    assert!(!scratch.path("r/other").exists());
    put(
        &repo,
        "second",
        &[SECOND, &[("other/x", Some("2"))]].concat(),
    );
    assert!(!scratch.path("r/other").exists());
    scratch.assert_clean("r");
}

#[test]
fn attributes_of_the_same_snapshot_hold_for_its_files() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    scratch.git("r", &["config", "filter.rot.clean", "tr a-z n-za-m"]);
    scratch.git("r", &["config", "filter.rot.smudge", "tr a-z n-za-m"]);
    // More paths than are asked for one by one.
    let names: Vec<_> = (0..100).map(|n| format!("d/{n}.txt")).collect();
    let mut edits: Vec<_> = names
        .iter()
        .map(|it| (it.as_str(), Some("uryyb")))
        .collect();
    edits.push((".gitattributes", Some("* -text\n7.txt filter=rot\n")));
    put(&repo, "first", &edits);
    assert_eq!(
        fs::read_to_string(scratch.path("r/d/7.txt")).unwrap(),
        "hello"
    );
    assert_eq!(
        fs::read_to_string(scratch.path("r/d/8.txt")).unwrap(),
        "uryyb"
    );
    scratch.assert_clean("r");
    let none: Vec<_> = names.iter().map(|it| (it.as_str(), None)).collect();
    put(&repo, "second", &none);
    assert!(!scratch.path("r/d").exists());
    scratch.assert_clean("r");
}
