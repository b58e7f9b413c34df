//! Every metadata type, in both directions, against the rules and the official converter.

mod official;
mod org;
mod rules;
mod specimens;
mod table;

pub(crate) use specimens::{Specimens, Tree};

use std::convert::Infallible;

use orgkeep::{
    model::{ApiVersion, Manifest},
    registry::Registry,
    source::{Ignored, Level, convert},
};

/// Turns a package into source; each file is written once.
pub(crate) fn to_source(level: Level, package: &Tree) -> (Tree, convert::Converted) {
    let entries: Vec<&str> = package.keys().map(String::as_str).collect();
    let mut tree = Tree::new();
    let done = convert::to_source(
        Registry::official(),
        level,
        &entries,
        |n| Ok::<_, Infallible>(package[entries[n]].clone()),
        |file| {
            let earlier = tree.insert(file.path.to_string(), file.bytes);
            assert_eq!(earlier, None, "{} is written twice", file.path);
            Ok::<_, Infallible>(())
        },
    )
    .unwrap();
    (tree, done)
}

/// Turns source into a package; each file is written once.
pub(crate) fn to_package(level: Level, source: &Tree) -> (Tree, convert::Converted, Manifest) {
    let paths: Vec<&str> = source.keys().map(String::as_str).collect();
    let mut tree = Tree::new();
    let mut manifest = Manifest::new(ApiVersion::new(62));
    let done = convert::to_package(
        Registry::official(),
        level,
        &paths,
        &Ignored::nothing(),
        &mut manifest,
        |n| Ok::<_, Infallible>(source[paths[n]].clone()),
        |file| {
            let earlier = tree.insert(file.path.clone(), file.bytes);
            assert_eq!(earlier, None, "{} is written twice", file.path);
            Ok::<_, Infallible>(())
        },
    )
    .unwrap();
    (tree, done, manifest)
}

/// What differs between two trees, one line a file.
pub(crate) fn differences(found: &Tree, wanted: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    for (path, bytes) in wanted {
        match found.get(path) {
            None => lines.push(format!("lacks {path}")),
            Some(ours) if ours != bytes => {
                let text = String::from_utf8_lossy(ours);
                let theirs = String::from_utf8_lossy(bytes);
                let line = text.lines().zip(theirs.lines()).position(|(a, b)| a != b);
                lines.push(format!("differs in {path} at line {line:?}"));
            }
            Some(_) => (),
        }
    }
    let stale = found.keys().filter(|it| !wanted.contains_key(*it));
    lines.extend(stale.map(|it| format!("has {it}")));
    lines
}
