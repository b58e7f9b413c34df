//! The laws of changes between documents, on real files.

use std::collections::BTreeMap;

use orgkeep::{
    diff::element::{apply, describe, diff, invert, merge},
    registry::keys::KeyRules,
    source::canonical::sort,
    xml::{Element, Node, parse},
};

use crate::canonical_corpora::corpora;

fn sorted(element: &Element, keys: &KeyRules) -> Element {
    let mut element = element.clone();
    sort(&mut element, keys);
    element
}

/// The document with every third element of its first two levels left out.
fn thinned(element: &Element, salt: usize, depth: usize) -> Element {
    let mut res = element.clone();
    let children = std::mem::take(&mut res.children);
    for (at, node) in children.into_iter().enumerate() {
        let leave_out = matches!(node, Node::Element(_)) && (at + salt).is_multiple_of(3);
        match node {
            _ if leave_out => (),
            Node::Element(child) if depth < 2 => {
                res.push(thinned(&child, salt, depth + 1));
            }
            other => res.children.push(other),
        }
    }
    res
}

#[test]
fn changes_between_real_files_turn_one_into_the_other() {
    let keys = KeyRules::official();
    let mut by_type: BTreeMap<String, Vec<Element>> = BTreeMap::new();
    for (_, files) in corpora("changes between the files of the corpora") {
        for (path, bytes) in files {
            if path.ends_with("-meta.xml") && !path.contains("staticresources") {
                let root = parse(&bytes).unwrap().root;
                by_type.entry(root.name.clone()).or_default().push(root);
            }
        }
    }
    let mut n_changes = 0;
    for (name, files) in by_type {
        for two in files.windows(2).take(60) {
            let (before, after) = (&two[0], &two[1]);
            let changes = diff(before, after, keys);
            n_changes += changes.len();
            let (one, other) = (sorted(before, keys), sorted(after, keys));
            assert_eq!(apply(before, &changes, keys).unwrap(), other, "{name}");
            assert_eq!(
                apply(after, &invert(&changes), keys).unwrap(),
                one,
                "{name}"
            );
            for change in changes.iter().take(20) {
                assert!(!describe(&name, change, keys).is_empty(), "{name}");
            }
        }
        for root in files.iter().take(40) {
            let (ours, theirs) = (thinned(root, 0, 0), thinned(root, 1, 0));
            let merged = merge(root, &ours, root, keys);
            assert_eq!(
                (merged.element, merged.conflicts.len()),
                (sorted(&ours, keys), 0),
                "{name}"
            );
            let back = merge(&ours, &ours, root, keys);
            assert_eq!(
                back.element,
                sorted(root, keys),
                "{name}: what was lost comes back"
            );
            let (one, other) = (
                merge(root, &ours, &theirs, keys),
                merge(root, &theirs, &ours, keys),
            );
            assert_eq!(
                one.conflicts.is_empty(),
                other.conflicts.is_empty(),
                "{name}"
            );
            if one.conflicts.is_empty() {
                assert_eq!(one.element, other.element, "{name}");
            }
        }
    }
    assert!(n_changes == 0 || 2_000 < n_changes, "{n_changes}");
}
