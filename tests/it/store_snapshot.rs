//! Writing a snapshot: pack, tree, commit, branch, working tree.

use std::{collections::BTreeMap, fs};

use orgkeep::store::{Kind, Listing, Mode, ObjectId, RepositoryKind, TreeEdit};

use crate::store_support::{FIRST, SECOND, Scratch, draft, files, path, put, snapshot};

#[test]
fn snapshot_is_one_pack_and_a_clean_working_tree() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let (first, published) = snapshot(&repo, "first", FIRST).unwrap();
    assert_eq!(published.refreshed.unwrap().n_files, 4);
    let (second, published) = snapshot(&repo, "second", SECOND).unwrap();
    assert_eq!(published.refreshed.unwrap().n_files, 3);

    assert_eq!(
        scratch.git("r", &["log", "--format=%H %an %cn %s"]),
        format!("{second} Jane Doe orgkeep second\n{first} Jane Doe orgkeep first\n")
    );
    let count = scratch.git("r", &["count-objects", "-v"]);
    assert!(
        count.contains("count: 0\n") && count.contains("packs: 2\n"),
        "{count}"
    );
    assert!(count.contains("garbage: 0\n"), "{count}");
    scratch.assert_sound("r");
    scratch.assert_clean("r");
    let names: Vec<_> = files(&scratch.path("r"))
        .into_iter()
        .map(|it| it.0)
        .collect();
    assert_eq!(
        names,
        [
            ".gitattributes",
            "force-app/main/default/classes/A.cls",
            "force-app/main/default/classes/B.cls",
            "force-app/main/default/classes/C.cls",
        ]
    );
    assert!(!scratch.path("r/force-app/main/default/objects").exists());
    assert_eq!(
        scratch.git("r", &["reflog", "--format=%gs"]),
        "snapshot: second\nsnapshot: first\n"
    );
}

#[test]
fn tree_is_the_one_that_git_writes() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    // Names around the slash in the order of bytes, where trees sort differently from paths.
    let names = [
        "a",
        "a-b/x",
        "a.b/y",
        "a0",
        "ab/z",
        "é/ü",
        "A/b",
        "b/c/d/e/f",
    ];
    let edits: Vec<_> = names.iter().map(|it| (*it, Some(*it))).collect();
    let commit = put(&repo, "names", &edits);
    let ours = repo.commit(commit).unwrap().tree;
    scratch.git("r", &["add", "-A"]);
    let theirs = scratch.git("r", &["write-tree"]);
    assert_eq!(theirs.trim(), ours.to_string());
}

#[test]
fn foreign_files_keep_their_modes_and_bytes() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    fs::write(scratch.path("r/run.sh"), "#!/bin/sh\n").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("run.sh", scratch.path("r/link")).unwrap();
    scratch.git("r", &["add", "-A"]);
    scratch.git("r", &["update-index", "--chmod=+x", "run.sh"]);
    scratch.git("r", &["commit", "-qm", "people"]);
    scratch.git("r", &["checkout", "-q", "-f"]);
    let before = scratch.git("r", &["ls-tree", "HEAD"]);

    put(&repo, "ours", &[("force-app/A.cls", Some("a"))]);
    let after = scratch.git("r", &["ls-tree", "HEAD", "run.sh", "link"]);
    assert_eq!(after, before);
    // A file of ours that somebody made executable stays so.
    put(&repo, "script", &[("run.sh", Some("#!/bin/sh\ntrue\n"))]);
    assert!(
        scratch
            .git("r", &["ls-tree", "HEAD", "run.sh"])
            .starts_with("100755")
    );
    scratch.assert_clean("r");
    scratch.assert_sound("r");
}

#[test]
fn object_that_is_there_is_not_written_again() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let first = put(&repo, "first", FIRST);
    let tree = repo.commit(first).unwrap().tree;
    for known in [repo.list_tree(tree).unwrap(), Listing::default()] {
        let pack = repo.pack(&known).unwrap();
        for (_, text) in FIRST {
            pack.blob(text.unwrap().as_bytes()).unwrap();
        }
        assert!(pack.is_empty());
        pack.finish().unwrap();
    }
    let count = scratch.git("r", &["count-objects", "-v"]);
    assert!(
        count.contains("packs: 1\n") && count.contains("garbage: 0\n"),
        "{count}"
    );
}

#[test]
fn many_blobs_at_once_make_a_pack_that_git_verifies() {
    let scratch = Scratch::new();
    let repo = scratch.repo_of("r", RepositoryKind::Bare, None);
    let files: Vec<Vec<u8>> = (0_u32..3000)
        .map(|n| n.to_be_bytes().repeat(usize::try_from(n % 700).unwrap()))
        .chain([vec![b'x'; 3 << 20], vec![]])
        .collect();
    let pack = repo.pack(&Listing::default()).unwrap();
    let ids = pack.blobs(&files).unwrap();
    let mut edit = TreeEdit::new(None);
    for (n, id) in ids.iter().enumerate() {
        edit.put(path(&format!("d{}/f{n}", n % 7)), *id);
    }
    let tree = edit.write(&pack).unwrap();
    assert_eq!(pack.read(Kind::Tree, tree).unwrap().len(), 7 * (6 + 3 + 20));
    let commit = pack.commit(&draft(tree, None, "many")).unwrap();
    drop(pack.finish().unwrap());
    scratch.git("r", &["update-ref", "refs/heads/main", &commit.to_string()]);
    scratch.assert_sound("r");
    for (file, id) in files.iter().zip(&ids) {
        assert_eq!(repo.blob(*id).unwrap(), *file);
    }
    let listing = repo.list_tree(tree).unwrap();
    assert_eq!(listing.len(), files.len());
    assert_eq!(listing.get("d3/f10").unwrap().id, ids[10]);
    assert_eq!(listing.get("d3"), None);
    assert_eq!(listing.under("d3").len(), files.len().div_ceil(7));
}

#[test]
fn several_commits_of_one_snapshot_build_on_each_other() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let lock = repo.lock().unwrap();
    let branch = repo.ready("main", "origin").unwrap();
    let pack = repo.pack(&Listing::default()).unwrap();
    let mut tip = None;
    let mut tree = None;
    for n in 0..3 {
        let mut edit = TreeEdit::new(tree);
        edit.put(path(&format!("f{n}")), pack.blob(b"x").unwrap());
        let written = edit.write(&pack).unwrap();
        tree = Some(written);
        tip = Some(
            pack.commit(&draft(written, tip, &format!("part {n}")))
                .unwrap(),
        );
    }
    let publication = orgkeep::store::Publication {
        branch,
        new: tip.unwrap(),
        reason: "snapshot".to_owned(),
        also: vec![],
    };
    let kept = pack.finish().unwrap();
    let published = lock
        .publish(kept, &publication, &orgkeep::progress::Silent)
        .unwrap();
    assert_eq!(published.refreshed.unwrap().n_files, 3);
    assert_eq!(
        scratch.git("r", &["log", "--format=%s"]),
        "part 2\npart 1\npart 0\n"
    );
    scratch.assert_sound("r");
    scratch.assert_clean("r");
}

#[test]
fn file_in_place_of_a_folder_is_refused_unless_the_folder_goes() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", &[("a/b", Some("x")), ("c", Some("x"))]);
    for conflict in [("a", Some("y")), ("c/d", Some("y"))] {
        let err = snapshot(&repo, "conflict", &[conflict]).unwrap_err();
        assert!(
            err.to_string()
                .ends_with("cannot be both a file and a folder"),
            "{err}"
        );
    }
    let edits = [
        ("a/b", None),
        ("a", Some("y")),
        ("c", None),
        ("c/d", Some("y")),
    ];
    put(&repo, "swapped", &edits);
    assert_eq!(
        files(&scratch.path("r")),
        [
            ("a".to_owned(), "y".to_owned()),
            ("c/d".to_owned(), "y".to_owned())
        ]
    );
    scratch.assert_clean("r");
    scratch.assert_sound("r");
}

#[test]
fn last_file_that_goes_leaves_the_empty_tree() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", &[("a/b", Some("x"))]);
    let commit = put(&repo, "empty", &[("a/b", None), ("not/there", None)]);
    assert_eq!(repo.commit(commit).unwrap().tree, ObjectId::EMPTY_TREE);
    scratch.assert_clean("r");
    scratch.assert_sound("r");
}

#[test]
fn difference_of_two_trees_is_git_s() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let first = put(
        &repo,
        "first",
        &[FIRST, &[("z", Some("1")), ("y/1", Some("1"))]].concat(),
    );
    let edits = [
        SECOND,
        &[
            ("z", None),
            ("z/1", Some("1")),
            ("y/1", None),
            ("y", Some("2")),
        ],
    ]
    .concat();
    let second = put(&repo, "second", &edits);
    let tree = |commit| repo.commit(commit).unwrap().tree;
    let ours: BTreeMap<_, _> = repo
        .diff_trees(tree(first), tree(second))
        .unwrap()
        .into_iter()
        .map(|it| {
            let letter = match (it.before, it.after) {
                (None, _) => "A",
                (_, None) => "D",
                _ => "M",
            };
            (it.path, letter.to_owned())
        })
        .collect();
    let theirs = scratch.git(
        "r",
        &["diff", "--no-renames", "--name-status", "HEAD~", "HEAD"],
    );
    let theirs: BTreeMap<_, _> = theirs
        .lines()
        .map(|line| line.split_once('\t').unwrap())
        .map(|(letter, path)| (path.to_owned(), letter.to_owned()))
        .collect();
    assert_eq!(ours, theirs);
    assert_eq!(theirs.len(), 7);
}

#[test]
fn entry_is_found_by_its_path() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let first = put(&repo, "first", FIRST);
    let tree = repo.commit(first).unwrap().tree;
    let file = repo
        .entry_at(tree, "force-app/main/default/classes/A.cls")
        .unwrap()
        .unwrap();
    assert_eq!(repo.blob(file.id).unwrap(), b"class A {}\n");
    assert_eq!(
        repo.entry_at(tree, "force-app/main").unwrap().unwrap().mode,
        Mode::TREE
    );
    assert_eq!(repo.entry_at(tree, "force-app/none/x").unwrap(), None);
}

#[test]
fn file_that_is_packed_from_the_disk_is_the_blob_that_git_knows() {
    use std::io::{Read as _, Seek as _, Write as _};

    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    // Longer than any piece that is read at once, and neither all alike nor all different.
    let large: Vec<u8> = (0..=250_u8).cycle().take(700_000).collect();
    for bytes in [&b""[..], b"short", &large] {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        let lock = repo.lock().unwrap();
        let pack = repo.pack(&Listing::default()).unwrap();
        let before = pack.blob(b"before").unwrap();
        let id = pack.blob_file(&file).unwrap();
        assert_eq!(id, Kind::Blob.id_of(bytes));
        assert_eq!(pack.blob_file(&file).unwrap(), id, "once is enough");
        let after = pack.blob(&[bytes, b"after"].concat()).unwrap();
        assert_eq!(pack.read(Kind::Blob, id).unwrap(), bytes);
        pack.finish().unwrap().release();
        drop(lock);
        for (id, wanted) in [(before, b"before".to_vec()), (id, bytes.to_vec())] {
            assert_eq!(repo.blob(id).unwrap(), wanted);
        }
        assert!(repo.blob(after).unwrap().ends_with(b"after"));
        file.rewind().unwrap();
        let mut left = Vec::new();
        file.read_to_end(&mut left).unwrap();
        assert_eq!(left, bytes);
    }
    scratch.git("r", &["fsck", "--full", "--strict", "--no-dangling"]);
}
