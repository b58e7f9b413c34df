//! The key rules of elements against the WSDL.

use std::{borrow::Cow, collections::HashMap, fs};

use orgkeep::{
    registry::keys::{KeyRules, Order},
    xml::{Element, parse},
};

use crate::shared::shared;

/// Elements of a structure: name, type, whether it may be repeated.
type Structure = HashMap<String, (String, bool)>;

/// All structures of the WSDL, with what they inherit.
fn structures(wsdl: &Element) -> HashMap<String, Structure> {
    fn collect<'a>(element: &'a Element, name: &'a str, found: &mut Vec<&'a Element>) {
        for child in element.elements() {
            if child.local_name() == name {
                found.push(child);
            }
            collect(child, name, found);
        }
    }
    let mut types = Vec::new();
    collect(wsdl, "complexType", &mut types);
    let text = |it: &Element, name: &str| it.attribute(name).map(Cow::into_owned);
    let local = |it: String| it.rsplit(':').next().unwrap().to_owned();
    let mut own: HashMap<String, (Option<String>, Structure)> = HashMap::new();
    for ty in types {
        let Some(name) = text(ty, "name") else {
            continue;
        };
        let (mut bases, mut elements) = (Vec::new(), Vec::new());
        collect(ty, "extension", &mut bases);
        collect(ty, "element", &mut elements);
        let base = bases.first().and_then(|it| text(it, "base")).map(local);
        let elements = elements.into_iter().filter_map(|it| {
            let is_repeated = text(it, "maxOccurs").as_deref() == Some("unbounded");
            Some((text(it, "name")?, (local(text(it, "type")?), is_repeated)))
        });
        own.insert(name, (base, elements.collect()));
    }
    let whole = |name: &String| {
        let mut structure = Structure::new();
        let mut at = Some(name.clone());
        while let Some((base, elements)) = at.as_ref().and_then(|it| own.get(it)) {
            structure.extend(elements.clone());
            at.clone_from(base);
        }
        (name.clone(), structure)
    };
    own.keys().map(whole).collect()
}

#[test]
fn every_set_and_list_is_repeated_and_has_its_keys() {
    let Some(shared) = shared("key rules against the WSDL") else {
        return;
    };
    let wsdl = fs::read(shared.join("wsdl/forcedotcom-wsdl_metadata_66.0.wsdl")).unwrap();
    let structures = structures(&parse(&wsdl).unwrap().root);
    let mut n_checked = 0;
    for (context, element, rule) in KeyRules::official().rows() {
        let found = structures.get(context).and_then(|it| it.get(element));
        let Some((item, is_repeated)) = found else {
            continue;
        };
        n_checked += 1;
        assert_eq!(
            *is_repeated,
            rule.order != Order::One,
            "{context}.{element}"
        );
        for key in rule.known_by.elements().chain(rule.sort.elements()) {
            let has_key = structures.get(item).is_some_and(|it| it.contains_key(key));
            assert!(
                has_key,
                "{context}.{element} is known by `{key}`, which `{item}` lacks"
            );
        }
    }
    assert!(350 < n_checked, "{n_checked} rows were found in the WSDL");
}
