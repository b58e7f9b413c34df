//! What holds for every type, whatever any converter makes of it.

use std::collections::{BTreeMap, BTreeSet};

use orgkeep::{
    registry::{Registry, Type},
    source::{Level, owner},
};

use super::{Specimens, Tree, differences, to_package, to_source};

/// Types that no package can hold a file of, with the reason.
pub(super) const UNSEEN: [(&str, &str); 1] = [(
    "EmailTemplateFolder",
    "another name of `EmailFolder`: both kinds of folder look alike in a package",
)];

#[test]
fn every_type_has_a_specimen() {
    let registry = Registry::official();
    let specimens = Specimens::of(registry);
    let missing: BTreeSet<&str> = registry
        .types()
        .chain(registry.child_types())
        .map(|it| it.name.as_str())
        .filter(|it| !specimens.types.contains_key(*it))
        .collect();
    assert_eq!(missing, UNSEEN.iter().map(|it| it.0).collect());
}

#[test]
fn every_type_goes_to_source_and_back_and_nothing_is_lost() {
    let specimens = Specimens::of(Registry::official());
    for level in [Level::Faithful, Level::Canonical] {
        let (source, done) = to_source(level, &specimens.files);
        assert_eq!(done.gaps, BTreeMap::new(), "{level:?}");
        let (joined, done, manifest) = to_package(level, &source);
        assert_eq!(done.gaps, BTreeMap::new(), "{level:?}");
        assert!(manifest.types.len() > 500);
        let names = |tree: &Tree| tree.keys().cloned().collect::<BTreeSet<_>>();
        let changed: Vec<_> = names(&joined)
            .symmetric_difference(&names(&specimens.files))
            .cloned()
            .collect();
        assert_eq!(changed, Vec::<String>::new(), "{level:?}");
        let (mut again, done) = to_source(level, &joined);
        if level == Level::Faithful {
            // Labels come in the order of the package, and go back sorted, as for `sf`.
            let labels = "main/default/labels/CustomLabels.labels-meta.xml".to_owned();
            again.insert(labels.clone(), source[&labels].clone());
        }
        assert_eq!(done.gaps, BTreeMap::new(), "{level:?}");
        assert_eq!(
            differences(&again, &source),
            Vec::<String>::new(),
            "{level:?}"
        );
    }
}

#[test]
fn every_source_file_is_owned_by_the_type_it_was_made_of() {
    let registry = Registry::official();
    let specimens = Specimens::of(registry);
    let (source, _) = to_source(Level::Faithful, &specimens.files);
    let owned: BTreeSet<String> = source
        .keys()
        .map(|path| owner(registry, path).unwrap().key.type_name.to_string())
        .collect();
    let lost: Vec<_> = specimens
        .types
        .keys()
        .filter(|it| !owned.contains(*it))
        .filter(|it| {
            // Parts without a file of their own are in the document of their parent.
            let ty = registry.type_named(it).unwrap();
            registry.parent_of(ty).is_none_or(Type::is_decomposed)
        })
        .collect();
    assert_eq!(lost, Vec::<&String>::new());
}
