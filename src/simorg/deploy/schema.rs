//! Which elements may stand in which.
//!
//! The table has a line for each type of the Metadata API: name, type it
//! extends, elements; `*` marks those that may repeat, `:Type` those that have
//! elements of their own. Source: Metadata API 66.0 WSDL.
//!
//! Invariant: a type or element that the table does not know is said so only
//! where its parent type is known.

use std::{borrow::Cow, cmp::Reverse, collections::HashMap, sync::LazyLock};

use crate::{
    model::{ApiVersion, manifest::METADATA_NAMESPACE},
    xml::{Element, Node},
};

/// Oldest version whose files are held against the table.
///
/// Own choice: elements that went away before 66.0 are fine in older files, and
/// the table of one version cannot tell them from mistakes.
const OLDEST_CHECKED: ApiVersion = ApiVersion::new(55);

struct Type {
    base: &'static str,
    elements: HashMap<&'static str, Slot>,
}

#[derive(Clone, Copy)]
struct Slot {
    repeats: bool,
    /// Type of what stands in it; empty for plain text.
    inner: &'static str,
    /// Its place in the WSDL.
    place: usize,
}

static TYPES: LazyLock<HashMap<&'static str, Type>> = LazyLock::new(|| {
    let table = include_str!("schema.tsv");
    table.lines().filter_map(type_of).collect()
});

fn type_of(line: &'static str) -> Option<(&'static str, Type)> {
    let mut columns = line.split('\t');
    let (name, base) = (columns.next()?, columns.next()?);
    let elements = columns.next()?.split_whitespace().enumerate();
    let elements = elements.map(|(place, it)| {
        let (name, inner) = it.split_once(':').unwrap_or((it, ""));
        let slot = Slot {
            repeats: name.ends_with('*'),
            inner,
            place,
        };
        (name.trim_end_matches('*'), slot)
    });
    let elements = elements.collect();
    Some((name, Type { base, elements }))
}

fn slot(type_name: &str, element: &str) -> Option<Slot> {
    let mut at = TYPES.get(type_name)?;
    loop {
        if let Some(found) = at.elements.get(element) {
            return Some(*found);
        }
        at = TYPES.get(at.base)?;
    }
}

/// Whether `element` may stand more than once in a type; `None` where the table is silent.
pub(super) fn repeats(type_name: &str, element: &str) -> Option<bool> {
    slot(type_name, element).map(|it| it.repeats)
}

/// Puts the elements of a document in the order in which the server writes them.
///
/// Elements that the table does not know keep their places among each other.
pub(super) fn arrange(type_name: &str, root: &mut Element) {
    let own = root.local_name().to_owned();
    let type_name = if TYPES.contains_key(own.as_str()) {
        own.as_str()
    } else {
        type_name
    };
    arrange_in(type_name, root);
}

fn arrange_in(type_name: &str, element: &mut Element) {
    let derived = element.attribute("xsi:type").map(Cow::into_owned);
    let derived = derived
        .as_deref()
        .map(|it| it.rsplit(':').next().unwrap_or(it));
    let type_name = match derived {
        Some(derived) if TYPES.contains_key(derived) => derived,
        _ => type_name,
    };
    if element
        .elements()
        .any(|it| rank(type_name, it.local_name()).is_none())
    {
        return;
    }
    element.children.sort_by_cached_key(|node| match node {
        Node::Element(it) => rank(type_name, it.local_name()),
        _ => None,
    });
    for child in element.elements_mut() {
        if let Some(slot) = slot(type_name, child.local_name())
            && !slot.inner.is_empty()
        {
            arrange_in(slot.inner, child);
        }
    }
}

/// Place of an element in its type: those of the base type come first.
fn rank(type_name: &str, element: &str) -> Option<(Reverse<usize>, usize)> {
    let mut at = TYPES.get(type_name)?;
    for depth in 0.. {
        if let Some(slot) = at.elements.get(element) {
            return Some((Reverse(depth), slot.place));
        }
        at = TYPES.get(at.base)?;
    }
    None
}

/// Holds a document against the table, and words the first mistake as the platform does.
pub(super) fn problem(type_name: &str, root: &Element, version: ApiVersion) -> Option<String> {
    if version < OLDEST_CHECKED {
        return None;
    }
    let own = root.local_name();
    if own != type_name && TYPES.contains_key(type_name) && type_name != "Settings" {
        // Folders of documents and e-mails have roots of several names.
        let is_folder = type_name.ends_with("Folder") && own.ends_with("Folder");
        if !is_folder {
            return Some(format!(
                "Error parsing file: Element {{{METADATA_NAMESPACE}}}{own} invalid at this \
                 location in type {type_name}"
            ));
        }
    }
    problem_in(own, root)
}

fn problem_in(type_name: &str, element: &Element) -> Option<String> {
    let derived = element.attribute("xsi:type");
    let derived = derived
        .as_deref()
        .map(|it| it.rsplit(':').next().unwrap_or(it));
    let type_name = match derived {
        Some(derived) if TYPES.contains_key(derived) => derived,
        _ => type_name,
    };
    if !TYPES.contains_key(type_name) {
        return None;
    }
    let mut seen: Vec<&str> = Vec::new();
    for child in element.elements() {
        let name = child.local_name();
        let Some(slot) = slot(type_name, name) else {
            return Some(format!(
                "Error parsing file: Element {{{METADATA_NAMESPACE}}}{name} invalid at this \
                 location in type {type_name}"
            ));
        };
        if !slot.repeats {
            if seen.contains(&name) {
                return Some(format!(
                    "Error parsing file: Element {{{METADATA_NAMESPACE}}}{name} is duplicated \
                     at this location in type {type_name}"
                ));
            }
            seen.push(name);
        }
        if !slot.inner.is_empty()
            && let Some(problem) = problem_in(slot.inner, child)
        {
            return Some(problem);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    fn found(type_name: &str, text: &str, version: u16) -> Option<String> {
        let root = xml::parse(text.as_bytes()).unwrap().root;
        problem(type_name, &root, ApiVersion::new(version))
    }

    #[test]
    fn element_that_its_type_does_not_have_is_named_with_the_type() {
        let text =
            "<CustomObject><fields><fullName>A__c</fullName><foo>1</foo></fields></CustomObject>";
        assert_eq!(
            found("CustomObject", text, 66).unwrap(),
            "Error parsing file: Element {http://soap.sforce.com/2006/04/metadata}foo invalid at \
             this location in type CustomField"
        );
        assert_eq!(found("CustomObject", text, 40), None);
    }

    #[test]
    fn element_that_may_not_repeat_is_refused_twice() {
        let text = "<CustomTab><label>A</label><label>B</label></CustomTab>";
        assert!(found("CustomTab", text, 66).unwrap().contains("duplicated"));
        assert_eq!(repeats("Profile", "fieldPermissions"), Some(true));
        assert_eq!(repeats("Profile", "custom"), Some(false));
    }

    #[test]
    fn derived_type_and_fictitious_type_are_known_by_themselves() {
        let text = "<CustomMetadata><values><field>A__c</field><value xsi:type=\"xsd:string\">1</value></values></CustomMetadata>";
        assert_eq!(found("CustomMetadata", text, 66), None);
        assert_eq!(
            found("AcmeWidget", "<AcmeWidget><x/></AcmeWidget>", 66),
            None
        );
    }
}
