//! Our table of types against Salesforce's own registry.

use std::collections::BTreeSet;

use orgkeep::registry::{Decomposition, Files, Preset, Registry, Type};
use serde_json::Value;

use crate::shared::shared;

/// What the official registry says of a type, in our words.
fn facts(official: &Value, name_of: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut facts = Vec::new();
    let text = |key: &str| official.get(key).and_then(Value::as_str);
    let flag = |key: &str| official.get(key).and_then(Value::as_bool);
    for key in [
        "name",
        "directoryName",
        "suffix",
        "legacySuffix",
        "metaFileSuffix",
        "uniqueIdElement",
    ] {
        facts.extend(text(key).map(|it| format!("{key}={it}")));
    }
    for key in ["folderType", "folderContentType", "aliasFor"] {
        facts.extend(text(key).map(|it| format!("{key}={}", name_of(it))));
    }
    for key in [
        "inFolder",
        "strictDirectoryName",
        "supportsWildcardAndName",
        "supportsPartialDelete",
        "ignoreParsedFullName",
        "ignoreParentName",
        "unaddressableWithoutParent",
    ] {
        facts.extend((flag(key) == Some(true)).then(|| key.to_owned()));
    }
    facts.extend((flag("isAddressable") == Some(false)).then(|| "notAddressable".to_owned()));
    let element = text("xmlElementName").or(text("directoryName"));
    facts.extend(element.map(|it| format!("element={it}")));
    let strategies = &official["strategies"];
    for key in ["adapter", "decomposition"] {
        facts.extend(strategies[key].as_str().map(|it| format!("{key}={it}")));
    }
    facts.sort();
    facts
}

/// What our table says of it.
fn our_facts(ty: &Type) -> Vec<String> {
    let mut facts = vec![
        format!("name={}", ty.name),
        format!("directoryName={}", ty.directory),
        format!("element={}", ty.element()),
    ];
    let texts = [
        ("suffix", &ty.suffix),
        ("legacySuffix", &ty.legacy_suffix),
        ("metaFileSuffix", &ty.meta_file_suffix),
        ("uniqueIdElement", &ty.name_element),
    ];
    for (key, value) in texts {
        facts.extend(value.as_ref().map(|it| format!("{key}={it}")));
    }
    let names = [
        ("folderType", &ty.folder_type),
        ("folderContentType", &ty.folder_content_type),
        ("aliasFor", &ty.alias_for),
    ];
    for (key, value) in names {
        facts.extend(value.as_ref().map(|it| format!("{key}={it}")));
    }
    let flags = [
        ("inFolder", ty.in_folder),
        ("strictDirectoryName", ty.strict_directory),
        ("supportsWildcardAndName", ty.wildcard_and_name),
        ("supportsPartialDelete", ty.partial_delete),
        ("ignoreParsedFullName", ty.fixed_name.is_some()),
        ("ignoreParentName", ty.ignore_parent_name),
        ("unaddressableWithoutParent", ty.needs_parent),
        ("notAddressable", !ty.addressable),
    ];
    for (key, value) in flags {
        facts.extend(value.then(|| key.to_owned()));
    }
    let adapter = match ty.files {
        Files::Single => None,
        Files::Labels | Files::OneLabelEach => Some("default"),
        Files::Content => Some("matchingContentFile"),
        Files::Bundle => Some("bundle"),
        Files::Mixed | Files::StaticResource => Some("mixedContent"),
        Files::Decomposed | Files::PermissionsByObject => Some("decomposed"),
        Files::SchemaBeside => Some("partiallyDecomposed"),
        Files::DigitalExperience => Some("digitalExperience"),
        Files::UiBundle => Some("uiBundles"),
    };
    facts.extend(adapter.map(|it| format!("adapter={it}")));
    let decomposition = ty.decomposition.map(|it| match it {
        Decomposition::FolderPerType => "folderPerType",
        Decomposition::BesideParent => "topLevel",
    });
    facts.extend(decomposition.map(|it| format!("decomposition={it}")));
    facts.sort();
    facts
}

#[test]
fn table_says_what_the_official_registry_says() {
    let Some(shared) = shared("the comparison with the official registry") else {
        return;
    };
    let file = std::fs::read(shared.join("registry/metadataRegistry.json")).unwrap();
    let official: Value = serde_json::from_slice(&file).unwrap();
    let registry = Registry::official();
    let types = official["types"].as_object().unwrap();
    let name_of = |id: &str| types[id]["name"].as_str().unwrap().to_owned();

    let mut differences = Vec::new();
    let mut n_types = 0;
    let mut compare = |theirs: &Value| {
        n_types += 1;
        let name = theirs["name"].as_str().unwrap();
        let wanted = facts(theirs, &name_of);
        let found = registry.type_named(name).map(our_facts).unwrap_or_default();
        for fact in &wanted {
            if !found.contains(fact) {
                differences.push(format!("{name} lacks {fact}"));
            }
        }
        for fact in &found {
            if !wanted.contains(fact) {
                differences.push(format!("{name} has {fact}"));
            }
        }
    };
    for theirs in types.values() {
        compare(theirs);
        if let Some(children) = theirs["children"]["types"].as_object() {
            children.values().for_each(&mut compare);
        }
    }
    let n_ours = registry.types().count() + registry.child_types().count();
    assert_eq!(n_types, n_ours, "a type of ours is not official");

    for (suffix, id) in official["suffixes"].as_object().unwrap() {
        let id = id.as_str().unwrap();
        let ours = registry
            .type_of_suffix(suffix)
            .map(|it| it.name.as_str().to_lowercase());
        if ours.as_deref() != Some(id) {
            differences.push(format!("suffix {suffix} means {id}, ours {ours:?}"));
        }
    }
    for (directory, id) in official["strictDirectoryNames"].as_object().unwrap() {
        let ours = registry.strict_type_in(directory);
        if ours.is_none_or(|it| it.name.as_str().to_lowercase() != id.as_str().unwrap()) {
            differences.push(format!("directory {directory} means {id}"));
        }
    }
    assert_eq!(differences, Vec::<String>::new());
}

#[test]
fn standard_value_sets_are_all_there() {
    let Some(shared) = shared("the comparison of standard value sets") else {
        return;
    };
    let file = std::fs::read(shared.join("registry/stdValueSetRegistry.json")).unwrap();
    let official: Value = serde_json::from_slice(&file).unwrap();
    let ours: BTreeSet<&str> = Registry::official()
        .standard_value_sets()
        .iter()
        .map(String::as_str)
        .collect();
    for name in official["fullnames"].as_array().unwrap() {
        assert!(ours.contains(name.as_str().unwrap()), "{name}");
    }
}

/// Presets whose children the official table writes in another way: as types of their own,
/// or as content.
const OTHERWISE: [Preset; 2] = [
    Preset::DecomposeCustomLabelsBeta2,
    Preset::DecomposeExternalServiceRegistrationBeta,
];

#[test]
fn presets_say_what_the_official_ones_say() {
    let Some(shared) = shared("the comparison with the official presets") else {
        return;
    };
    let registry = Registry::official();
    let mut n_children = 0;
    for preset in Preset::ALL {
        let path = shared.join(format!("registry/presets/{preset}.json"));
        let official: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for theirs in official["types"].as_object().unwrap().values() {
            let name = theirs["name"].as_str().unwrap();
            if name == "CustomLabel" {
                continue;
            }
            let ty = registry.type_named(name).unwrap();
            let ours = ty.variants.iter().find(|it| it.preset == Some(preset));
            let ours = ours.unwrap_or_else(|| panic!("{preset} does nothing to {name}"));
            if OTHERWISE.contains(&preset) {
                continue;
            }
            let children = &theirs["children"];
            for (id, child) in children["types"].as_object().unwrap() {
                let directories = children["directories"].as_object();
                let by_directory = directories
                    .into_iter()
                    .flatten()
                    .find(|(_, it)| it.as_str() == Some(id.as_str()))
                    .map(|it| it.0.as_str());
                let Some(element) = child["xmlElementName"].as_str().or(by_directory) else {
                    continue;
                };
                let mine = ours.child_of_element(element).unwrap();
                assert_eq!(mine.name.as_str(), child["name"], "{preset}");
                assert_eq!(mine.suffix.as_deref(), child["suffix"].as_str(), "{preset}");
                let by = child["uniqueIdElement"].as_str();
                let by = by.filter(|it| *it != "fullName");
                assert_eq!(mine.name_element.as_deref(), by, "{preset} {}", mine.name);
                n_children += 1;
            }
        }
    }
    assert!(n_children > 40, "{n_children}");
}
