//! Names what differs between two files that should be the same.
//!
//! Two retrieves of one state should give one tree. Where they do not, what differs is
//! noise that no rule knows; it is told as the rule that one could add.

use std::{collections::BTreeSet, fmt};

use crate::xml::{self, Element, Node, render_element};

/// Noise of one kind in one kind of document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Noise {
    /// Elements of one name came in another order.
    Order {
        /// The elements down to the one that they stand in: `CleanDataService/cleanRules`.
        within: String,
        /// Their name.
        element: String,
        /// The element of each that tells it from the others, `.` for its own text;
        /// `None` where none does.
        key: Option<String>,
    },
    /// Groups of elements came in another order.
    Groups {
        /// The elements down to the one that they stand in.
        within: String,
    },
    /// A value is another one.
    Value {
        /// The elements down to it: `Profile/serverRevisionCounter`; `@name` for an attribute.
        element: String,
    },
    /// An element is there in one of the two only.
    Presence {
        /// The elements down to it.
        element: String,
    },
    /// The bytes differ, and no element tells more.
    Bytes,
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order {
                within,
                element,
                key: Some(key),
            } => write!(
                f,
                "the order of `{element}` in `{within}`; as a rule: `{within} : {element} set {key}`"
            ),
            Self::Order {
                within, element, ..
            } => write!(
                f,
                "the order of `{element}` in `{within}`, which nothing tells apart"
            ),
            Self::Groups { within } => write!(
                f,
                "the order of the groups in `{within}`; as a rule: `{within} : groups`"
            ),
            Self::Value { element } => {
                write!(f, "the value of `{element}`; as a rule: hold it still")
            }
            Self::Presence { element } => write!(
                f,
                "`{element}`, which comes and goes; as a rule: leave it out"
            ),
            Self::Bytes => f.write_str("the bytes, which have no parts to tell apart"),
        }
    }
}

/// What differs between two versions of one file; empty where nothing does.
#[must_use]
pub fn noise(one: &[u8], other: &[u8]) -> BTreeSet<Noise> {
    let mut found = BTreeSet::new();
    if one == other {
        return found;
    }
    if let (Ok(one), Ok(other)) = (xml::parse(one), xml::parse(other)) {
        compare(&one.root, &other.root, &one.root.name.clone(), &mut found);
    }
    if found.is_empty() {
        found.insert(Noise::Bytes);
    }
    found
}

fn compare(one: &Element, other: &Element, at: &str, found: &mut BTreeSet<Noise>) {
    if one == other {
        return;
    }
    for (name, value) in &one.attributes {
        if !other
            .attributes
            .iter()
            .any(|it| it.0 == *name && it.1 == *value)
        {
            found.insert(value_at(&format!("{at}/@{name}")));
        }
    }
    for (name, _) in &other.attributes {
        if one.attributes.iter().all(|it| it.0 != *name) {
            found.insert(value_at(&format!("{at}/@{name}")));
        }
    }
    if !one.has_elements() && !other.has_elements() {
        if one.children != other.children {
            found.insert(value_at(at));
        }
        return;
    }
    let mut is_reordered = false;
    for name in names(one, other) {
        let (mine, theirs) = (named(one, &name), named(other, &name));
        if mine == theirs {
            continue;
        }
        let (left, right) = (without(&mine, &theirs), without(&theirs, &mine));
        if common(&mine, &theirs) != common(&theirs, &mine) {
            is_reordered = true;
            found.insert(Noise::Order {
                within: at.to_owned(),
                key: key_of(&mine),
                element: name.clone(),
            });
        }
        let inside = format!("{at}/{name}");
        for (one, other) in left.iter().zip(&right) {
            compare(one, other, &inside, found);
        }
        if left.len() != right.len() {
            found.insert(Noise::Presence { element: inside });
        }
    }
    let order = |it: &Element| {
        let mut order: Vec<String> = Vec::new();
        for child in it.elements() {
            if order.last() != Some(&child.name) {
                order.push(child.name.clone());
            }
        }
        order
    };
    if !is_reordered
        && names(one, other).len() == names(other, one).len()
        && order(one) != order(other)
    {
        let shared = |it: &Element, than: &Element| {
            let has = |name: &String| than.elements().any(|child| child.name == *name);
            order(it).into_iter().filter(has).collect::<Vec<_>>()
        };
        if shared(one, other) != shared(other, one) {
            found.insert(Noise::Groups {
                within: at.to_owned(),
            });
        }
    }
    let text = |it: &Element| {
        let texts = it
            .children
            .iter()
            .filter(|it| !matches!(it, Node::Element(_)));
        texts.cloned().collect::<Vec<_>>()
    };
    if text(one) != text(other) {
        found.insert(value_at(at));
    }
}

fn value_at(element: &str) -> Noise {
    Noise::Value {
        element: element.to_owned(),
    }
}

/// The names of the elements in either, each once.
fn names(one: &Element, other: &Element) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for child in one.elements().chain(other.elements()) {
        if !names.contains(&child.name) {
            names.push(child.name.clone());
        }
    }
    names
}

fn named<'a>(element: &'a Element, name: &'a str) -> Vec<&'a Element> {
    element.elements_named(name).collect()
}

/// Those of `some` that `others` lacks, as often as it does.
fn without<'a>(some: &[&'a Element], others: &[&Element]) -> Vec<&'a Element> {
    let mut others: Vec<String> = others.iter().map(|it| render_element(it)).collect();
    let mut left = Vec::new();
    for element in some {
        let text = render_element(element);
        match others.iter().position(|it| *it == text) {
            Some(at) => {
                others.swap_remove(at);
            }
            None => left.push(*element),
        }
    }
    left
}

/// Those of `some` that `others` has too, in order.
fn common(some: &[&Element], others: &[&Element]) -> Vec<String> {
    let mut others: Vec<String> = others.iter().map(|it| render_element(it)).collect();
    let mut both = Vec::new();
    for element in some {
        let text = render_element(element);
        if let Some(at) = others.iter().position(|it| *it == text) {
            others.swap_remove(at);
            both.push(text);
        }
    }
    both
}

/// The element that tells each of `items` from the others.
fn key_of(items: &[&Element]) -> Option<String> {
    let is_key = |texts: Vec<String>| {
        let distinct: BTreeSet<&String> = texts.iter().collect();
        distinct.len() == items.len() && texts.iter().all(|it| !it.is_empty())
    };
    if items.iter().all(|it| !it.has_elements()) {
        let texts = items.iter().map(|it| it.text().into_owned()).collect();
        return is_key(texts).then(|| ".".to_owned());
    }
    let usual = ["fullName", "developerName", "name", "apiName", "field"];
    let own = items.first()?.elements().map(|it| it.name.as_str());
    let mut candidates = usual.into_iter().chain(own);
    candidates
        .find(|name| {
            let text = |it: &&Element| it.child_text(name).unwrap_or_default().into_owned();
            is_key(items.iter().map(text).collect())
        })
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(one: &str, other: &str) -> Vec<String> {
        let noise = noise(one.as_bytes(), other.as_bytes());
        noise.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn order_is_told_with_the_key_that_would_sort_it() {
        let item = |name: &str| format!("<r><n>1</n><name>{name}</name></r>");
        let doc = |one: &str, two: &str| format!("<T><s>{}{}</s></T>", item(one), item(two));
        assert_eq!(
            told(&doc("a", "b"), &doc("b", "a")),
            ["the order of `r` in `T/s`; as a rule: `T/s : r set name`"]
        );
        assert_eq!(
            told("<T><v>1</v><v>2</v></T>", "<T><v>2</v><v>1</v></T>"),
            ["the order of `v` in `T`; as a rule: `T : v set .`"]
        );
    }

    #[test]
    fn value_and_presence_are_told_where_they_are() {
        assert_eq!(
            told(
                "<T><a><x>1</x></a><b>2</b></T>",
                "<T><a><x>3</x></a><c>4</c></T>"
            ),
            [
                "the value of `T/a/x`; as a rule: hold it still",
                "`T/b`, which comes and goes; as a rule: leave it out",
                "`T/c`, which comes and goes; as a rule: leave it out",
            ]
        );
    }

    #[test]
    fn groups_and_bytes_are_told() {
        assert_eq!(
            told("<T><a>1</a><b>2</b></T>", "<T><b>2</b><a>1</a></T>"),
            ["the order of the groups in `T`; as a rule: `T : groups`"]
        );
        assert_eq!(
            told("no xml", "nor this"),
            ["the bytes, which have no parts to tell apart"]
        );
        assert_eq!(told("<T/>", "<T/>"), Vec::<String>::new());
    }
}
