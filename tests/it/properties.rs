//! Laws that hold for any names and any package.

use std::{collections::BTreeSet, fs, process::Command};

use orgkeep::{
    model::TreePath,
    registry::{Files, Registry},
    source::Level,
};
use proptest::prelude::*;

use crate::every_type::{Tree, to_package, to_source};

/// What names of files are made of: plain, escaped, wide, hostile.
fn name() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => "[A-Za-z0-9_]{1,8}",
        1 => Just(" ".to_owned()),
        1 => Just("%28a%29".to_owned()),
        1 => Just("%2F".to_owned()),
        1 => Just("%".to_owned()),
        1 => "[\u{e9}\u{fc}\u{df}\u{65e5}\u{1f600}\u{200c}\u{202e}]",
        1 => "[.~'!#$&()+,;=@^`{}\\[\\]-]",
        1 => "[<>:\"|?*\\\\]",
        1 => Just(".git".to_owned()),
        1 => Just("git~1".to_owned()),
        1 => Just("..".to_owned()),
        1 => Just("CON".to_owned()),
        1 => Just(".forceignore".to_owned()),
    ];
    proptest::collection::vec(part, 1..5).prop_map(|it| it.concat())
}

/// Types of one file a component that lie in no folders.
fn plain_types() -> Vec<(String, String, String)> {
    Registry::official()
        .types()
        .filter(|it| {
            it.files == Files::Single
                && !it.in_folder
                && !it.is_folder()
                && it.folder_type.is_none()
                && it.parent.is_none()
                && it.fixed_name.is_none()
                && it.preset.is_none()
                && it.legacy_suffix.is_none()
        })
        .filter_map(|it| {
            let suffix = it.suffix.clone()?;
            Some((it.name.to_string(), it.directory.clone(), suffix))
        })
        .collect()
}

/// A package of components of any types with any names.
fn package() -> impl Strategy<Value = Tree> {
    let types = plain_types();
    let of = prop::sample::select(types);
    let text = "[a-z<>&'\"\r\n ]{0,12}";
    proptest::collection::vec((of, name(), text), 1..20).prop_map(|components| {
        let mut tree = Tree::new();
        for ((root, directory, suffix), name, text) in components {
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            let bytes = format!("<{root}>\r\n<description>{text}</description></{root}>");
            tree.insert(format!("{directory}/{name}.{suffix}"), bytes.into_bytes());
        }
        tree
    })
}

/// What is left of a package where everything that is told to be lost is taken away.
fn without(package: &Tree, lost: &std::collections::BTreeMap<String, String>) -> Tree {
    let kept = package.iter().filter(|(path, _)| !lost.contains_key(*path));
    kept.map(|(path, bytes)| (path.clone(), bytes.clone()))
        .collect()
}

proptest! {
    #[test]
    fn package_comes_back_whole_but_for_what_is_told_to_be_lost(package in package()) {
        let (source, there) = to_source(Level::Faithful, &package);
        let (back, and_back, _) = to_package(Level::Faithful, &source);
        prop_assert!(and_back.gaps.is_empty(), "{:?}", and_back.gaps);
        prop_assert_eq!(back, without(&package, &there.gaps));
        for (path, reason) in &there.gaps {
            let in_source = source.keys().any(|it| it.contains(path.as_str()));
            prop_assert!(!in_source, "{} is lost ({}) and there", path, reason);
        }
    }

    #[test]
    fn split_of_join_of_split_is_the_same_bytes(package in package(), canonical in any::<bool>()) {
        let level = if canonical { Level::Canonical } else { Level::Faithful };
        let (once, _) = to_source(level, &package);
        let (joined, _, _) = to_package(level, &once);
        let (twice, done) = to_source(level, &joined);
        prop_assert_eq!(done.gaps.len(), 0);
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn every_file_of_a_tree_is_a_path_that_a_tree_may_hold(package in package()) {
        let (source, _) = to_source(Level::Canonical, &package);
        for path in source.keys() {
            prop_assert!(TreePath::from_org(path).is_ok(), "{}", path);
        }
    }
}

proptest! {
    // Each case is a repository, so there are few; each holds many names.
    #![proptest_config(ProptestConfig {
        cases: 4,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_names_that_are_taken_make_a_tree_that_git_finds_sound(
        names in proptest::collection::btree_set(name(), 40..80),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let repo = git2::Repository::init(folder.path()).unwrap();
        let blob = repo.blob(b"x").unwrap();
        let mut index = git2::Index::new().unwrap();
        let mut taken = BTreeSet::new();
        for name in &names {
            let Ok(path) = TreePath::from_org(&format!("a/{name}")) else { continue };
            taken.insert(path.as_str().to_owned());
            index
                .add(&git2::IndexEntry {
                    ctime: git2::IndexTime::new(0, 0),
                    mtime: git2::IndexTime::new(0, 0),
                    dev: 0,
                    ino: 0,
                    mode: 0o100_644,
                    uid: 0,
                    gid: 0,
                    file_size: 0,
                    id: blob,
                    flags: 0,
                    flags_extended: 0,
                    path: path.as_str().as_bytes().to_vec(),
                })
                .unwrap();
        }
        prop_assert!(taken.len() > 5, "nearly nothing is taken");
        let tree = repo.find_tree(index.write_tree_to(&repo).unwrap()).unwrap();
        let who = git2::Signature::new("T", "t@example.com", &git2::Time::new(0, 0)).unwrap();
        repo.commit(Some("HEAD"), &who, &who, "names", &tree, &[]).unwrap();
        let git = |arguments: &[&str]| {
            Command::new("git")
                .current_dir(folder.path())
                .args(["-c", "core.protectNTFS=true", "-c", "core.protectHFS=true"])
                .args(arguments)
                .output()
                .unwrap()
        };
        let fsck = git(&["fsck", "--full", "--strict", "--no-dangling"]);
        prop_assert!(fsck.status.success() && fsck.stdout.is_empty() && fsck.stderr.is_empty(),
            "{:?}", fsck);
        let checkout = git(&["reset", "--quiet", "--hard"]);
        // Git itself refuses on a system with its rules what those rules refuse.
        prop_assert!(checkout.status.success(), "{:?}", checkout);
        let n_found = fs::read_dir(folder.path().join("a")).unwrap().count();
        prop_assert!(n_found > 0);
    }
}
