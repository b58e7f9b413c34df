//! Any document as an object: split, joined and split again it is the same files.
#![no_main]

use std::{collections::BTreeMap, convert::Infallible};

use libfuzzer_sys::fuzz_target;
use orgkeep::{
    model::{ApiVersion, Manifest},
    registry::Registry,
    source::{Ignored, Level, convert},
};

type Tree = BTreeMap<String, Vec<u8>>;

fn to_source(level: Level, package: &Tree) -> Tree {
    let entries: Vec<&str> = package.keys().map(String::as_str).collect();
    let mut tree = Tree::new();
    let read = |n: usize| Ok::<_, Infallible>(package[entries[n]].clone());
    let Ok(_) = convert::to_source(Registry::official(), level, &entries, read, |file| {
        tree.insert(file.path.to_string(), file.bytes);
        Ok::<_, Infallible>(())
    });
    tree
}

fn to_package(level: Level, source: &Tree) -> Tree {
    let paths: Vec<&str> = source.keys().map(String::as_str).collect();
    let mut tree = Tree::new();
    let mut manifest = Manifest::new(ApiVersion::new(66));
    let read = |n: usize| Ok::<_, Infallible>(source[paths[n]].clone());
    let ignored = Ignored::nothing();
    let registry = Registry::official();
    let Ok(_) = convert::to_package(
        registry,
        level,
        &paths,
        &ignored,
        &mut manifest,
        read,
        |file| {
            tree.insert(file.path.clone(), file.bytes);
            Ok::<_, Infallible>(())
        },
    );
    tree
}

fuzz_target!(|body: &str| {
    let document = format!("<CustomObject>{body}</CustomObject>");
    let package = Tree::from([("objects/A__c.object".to_owned(), document.into_bytes())]);
    for level in [Level::Faithful, Level::Canonical] {
        let once = to_source(level, &package);
        let twice = to_source(level, &to_package(level, &once));
        assert_eq!(twice, once);
    }
});
