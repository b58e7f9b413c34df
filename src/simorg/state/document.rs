//! The XML of a component, seen as its own part and its children.

use std::collections::BTreeMap;

use super::digest;
use crate::{
    model::{ComponentKey, ComponentName, TypeName},
    simorg::catalogue::{ChildType, child_types_of, element_key},
    xml::{self, Element, Node},
};

/// What a document of a type with children holds.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Digest of each child's element.
    pub children: BTreeMap<ComponentKey, u64>,
    /// Digest of the rest.
    pub own: u64,
}

/// Takes the document of `key` apart; one that is no XML is all its own.
pub(super) fn parts(key: &ComponentKey, bytes: &[u8]) -> Parts {
    let has_children = child_types_of(key.type_name.as_str()).next().is_some();
    let doc = if has_children {
        xml::parse(bytes).ok()
    } else {
        None
    };
    let Some(doc) = doc else {
        return Parts {
            own: digest(bytes),
            ..Parts::default()
        };
    };
    let mut parts = Parts::default();
    let mut own = String::new();
    for element in doc.root.elements() {
        let text = xml::render_element(element);
        match child_key(key, element) {
            // A second child of the same name counts as more of the first.
            Some(child) => {
                let sum = parts.children.entry(child).or_default();
                *sum = sum.wrapping_mul(3) ^ digest(text.as_bytes());
            }
            None => own.push_str(&text),
        }
    }
    parts.own = digest(own.as_bytes());
    parts
}

/// The key of the child that `element` is in the document of `parent`.
pub(super) fn child_key(parent: &ComponentKey, element: &Element) -> Option<ComponentKey> {
    let child =
        child_types_of(parent.type_name.as_str()).find(|it| it.element == element.local_name())?;
    child_key_of(child, parent, element)
}

fn child_key_of(
    child: &ChildType,
    parent: &ComponentKey,
    element: &Element,
) -> Option<ComponentKey> {
    let name = child.full_name(parent.name.as_str(), element)?;
    let name: ComponentName = name.parse().ok()?;
    Some(ComponentKey::new(TypeName::known(child.name), name))
}

/// Puts `element` where the server would write it: elements by name, named
/// ones among their like by name, others behind their like.
pub fn insert_sorted(parent: &mut Element, element: Element) {
    let name = element.local_name().to_owned();
    let key = element_key(&element);
    let comes_before = |other: &Element| match other.local_name().cmp(&name) {
        std::cmp::Ordering::Less => true,
        std::cmp::Ordering::Greater => other.local_name() == "fullName",
        std::cmp::Ordering::Equal => match (&key, element_key(other)) {
            (Some(key), Some(other)) => other <= *key,
            _ => true,
        },
    };
    let at = parent
        .children
        .iter()
        .rposition(|node| matches!(node, Node::Element(it) if comes_before(it)))
        .map_or(0, |it| it + 1);
    parent.children.insert(at, Node::Element(element));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_goes_between_its_like_by_name() {
        let doc = xml::parse(
            b"<CustomObject><enableFeeds>true</enableFeeds><fields><fullName>A__c</fullName></fields>\
              <fields><fullName>C__c</fullName></fields><label>X</label></CustomObject>",
        )
        .unwrap();
        let mut root = doc.root;
        for name in ["B__c", "D__c"] {
            let mut field = Element::new("fields");
            field.push_text_element("fullName", name);
            insert_sorted(&mut root, field);
        }
        let names: Vec<_> = root
            .elements()
            .map(|it| element_key(it).unwrap_or_else(|| it.name.clone()))
            .collect();
        assert_eq!(
            names,
            ["enableFeeds", "A__c", "B__c", "C__c", "D__c", "label"]
        );
    }
}
