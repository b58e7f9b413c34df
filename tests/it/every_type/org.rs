//! Every type through an org: retrieved by a snapshot, and deployed as it was.

use std::collections::BTreeSet;

use orgkeep::{registry::Registry, source::Level, xml};

use super::{Specimens, Tree, official::write_tree, to_source};
use crate::support::{Org, TestEnv, deploy};

/// The one type that orgs keep elsewhere than the official registry says: `sf` leaves it
/// out without a word, here it goes through `unmapped/`.
const ELSEWHERE: &str = "svcCatalogFilterCriterias/";

/// What goes through an org: not each content type, nor hundreds of files of one kind.
fn some(mut package: Tree) -> Tree {
    package.retain(|path, _| {
        let is_more = path.contains("/R_") && !path.contains("/R_1.")
            || path.contains("/view_") && !path.contains("/view_1/")
            || path.contains("/views/view");
        !is_more && !path.starts_with(ELSEWHERE)
    });
    package
}

/// An org that holds a package.
fn holding(package: &Tree) -> TestEnv {
    let folder = crate::support::tempdir();
    write_tree(folder.path(), package);
    TestEnv::new(Org::start(&["--load", folder.path().to_str().unwrap()]))
}

#[test]
fn every_type_is_in_a_snapshot() {
    let mut package = some(Specimens::of(Registry::official()).files);
    let document = b"<SvcCatalogFilterCriteria/>".to_vec();
    package.insert(
        "svcCatalogFilterCriteria/C.filterCriterion".to_owned(),
        document,
    );
    let env = holding(&package);
    env.orgkeep(&["init"]).status(0);
    env.orgkeep(&["snapshot"]).status(0);

    let listed = env.git(&[
        "-c",
        "core.quotePath=false",
        "ls-tree",
        "-r",
        "--name-only",
        "HEAD",
    ]);
    let kept: BTreeSet<&str> = listed
        .lines()
        .filter(|it| it.contains('/') && !it.starts_with(".orgkeep"))
        .map(|it| it.strip_prefix("force-app/").unwrap_or(it))
        .collect();
    let (source, _) = to_source(Level::Canonical, &package);
    let wanted: BTreeSet<&str> = source.keys().map(String::as_str).collect();
    let differing: Vec<_> = kept.symmetric_difference(&wanted).collect();
    assert_eq!(differing, Vec::<&&str>::new());
}

#[test]
fn every_type_deployed_as_it_was_retrieved_changes_nothing() {
    let package = some(Specimens::bare(Registry::official()).files);
    let env = holding(&package);
    env.orgkeep(&["init"]).status(0);
    env.orgkeep(&["snapshot"]).status(0);
    env.orgkeep(&["convert", "metadata", ".", "package"])
        .status(0);
    let package = env.repo().join("package");
    let answer = deploy(&env.org, "Ada", package.to_str().unwrap());
    let answer = &answer[answer.find("<?xml").unwrap()..];
    let answer = xml::parse(answer.as_bytes()).unwrap().root;
    let mut changed = Vec::new();
    let mut rows = 0;
    walk(&answer, &mut |element| {
        if element.name == "componentSuccesses" {
            rows += 1;
            let text = |name: &str| element.child_text(name).unwrap_or_default().into_owned();
            if text("changed") == "true" && !text("componentType").is_empty() {
                changed.push(format!("{}:{}", text("componentType"), text("fullName")));
            }
        }
    });
    assert!(rows > 1_000, "{rows}");
    // An archive goes back with the same files, but as another archive.
    changed.retain(|it| !it.starts_with("StaticResource:") || !it.contains("Zip_"));
    assert_eq!(changed, Vec::<String>::new());
}

fn walk(element: &xml::Element, visit: &mut impl FnMut(&xml::Element)) {
    visit(element);
    for child in element.elements() {
        walk(child, visit);
    }
}
