//! Tells what a Salesforce release added everywhere from what people did.
//!
//! Three times a year the platform writes an element more into every component of a type,
//! and moves no date: `doesIncludeBosses` in each queue. Nobody did that.
//!
//! Invariant: only what came is taken for a release's, only with the same value in most
//! components of the type, and only where no date moved; what somebody may have done to a
//! few components is never among it.

use std::collections::{BTreeMap, BTreeSet};

use super::element::{self, ChangeKind, ElementChange};
use crate::{
    registry::keys::KeyRules,
    xml::{Element, Node, render_element},
};

/// Fewest components of a type in which an element must have come.
///
/// Own figure: two may be one person's work of an afternoon.
pub const FEWEST: usize = 3;

/// What a release added to the components of a type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Addition {
    /// The type.
    pub type_name: String,
    /// Names of the elements from below the root to it, itself included.
    pub path: Vec<String>,
    /// It as it is written.
    pub text: String,
}

/// A document that changed although no date tells of a change.
#[derive(Clone, Copy, Debug)]
pub struct Undated<'a> {
    /// Type of the component.
    pub type_name: &'a str,
    /// What tells its component from others.
    pub component: &'a str,
    /// The root before.
    pub before: &'a Element,
    /// The root now.
    pub after: &'a Element,
}

/// What came with the same value in most components of its type.
///
/// `n_of_type` says how many components of a type there are. Types in `whole_only` get
/// entries without a date by what people do elsewhere, such as a profile by a new field:
/// of these only elements named here count.
#[must_use]
pub fn additions(
    documents: &[Undated<'_>],
    n_of_type: &dyn Fn(&str) -> usize,
    counts: &dyn Fn(&Addition) -> bool,
) -> BTreeSet<Addition> {
    let keys = KeyRules::official();
    let mut seen: BTreeMap<Addition, BTreeSet<&str>> = BTreeMap::new();
    for it in documents {
        for change in element::diff(it.before, it.after, keys) {
            if let Some(addition) = addition(it.type_name, &change) {
                seen.entry(addition).or_default().insert(it.component);
            }
        }
    }
    let is_everywhere = |addition: &Addition, n: usize| {
        FEWEST <= n && n_of_type(&addition.type_name) < 2 * n && counts(addition)
    };
    seen.into_iter()
        .filter(|(addition, components)| is_everywhere(addition, components.len()))
        .map(|it| it.0)
        .collect()
}

fn addition(type_name: &str, change: &ElementChange) -> Option<Addition> {
    let (ChangeKind::Added, Some(Node::Element(element))) = (change.kind, &change.after) else {
        return None;
    };
    Some(Addition {
        type_name: type_name.to_owned(),
        path: change.path.iter().map(|it| it.name.clone()).collect(),
        text: render_element(element),
    })
}

/// What of a document's change is a release's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Share {
    /// Nothing.
    None,
    /// This much: the document before, with what the release added.
    Some(Element),
    /// All of it.
    All,
}

/// How much of the change of a document the release made.
#[must_use]
pub fn share(
    type_name: &str,
    before: &Element,
    after: &Element,
    additions: &BTreeSet<Addition>,
) -> Share {
    let keys = KeyRules::official();
    let changes = element::diff(before, after, keys);
    let is_of_release =
        |it: &&ElementChange| addition(type_name, it).is_some_and(|it| additions.contains(&it));
    let of_release: Vec<ElementChange> = changes.iter().filter(is_of_release).cloned().collect();
    if of_release.is_empty() {
        return Share::None;
    }
    // What only made room for what came tells of nothing.
    let root = before.local_name();
    let is_all = changes
        .iter()
        .all(|it| is_of_release(&it) || it.is_without_meaning(root, keys));
    if is_all {
        return Share::All;
    }
    element::apply(before, &of_release, keys).map_or(Share::None, Share::Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse;

    fn queue(more: &str) -> Element {
        let text = format!("<Queue>{more}<name>Q</name></Queue>");
        parse(text.as_bytes()).unwrap().root
    }

    const NEW: &str = "<doesIncludeBosses>true</doesIncludeBosses>";

    fn found(after: &[&str], n_of_type: usize) -> Vec<String> {
        let before = queue("");
        let after: Vec<Element> = after.iter().map(|it| queue(it)).collect();
        let names: Vec<String> = (0..after.len()).map(|it| it.to_string()).collect();
        let documents: Vec<_> = after
            .iter()
            .zip(&names)
            .map(|(after, component)| Undated {
                type_name: "Queue",
                component,
                before: &before,
                after,
            })
            .collect();
        additions(&documents, &|_| n_of_type, &|_| true)
            .into_iter()
            .map(|it| it.path.join("."))
            .collect()
    }

    #[test]
    fn element_that_came_with_one_value_in_most_components_is_a_releases() {
        assert_eq!(found(&[NEW, NEW, NEW], 5), ["doesIncludeBosses"]);
        assert_eq!(found(&[NEW, NEW, NEW], 6), [""; 0], "not in most");
        assert_eq!(found(&[NEW, NEW], 2), [""; 0], "too few to tell");
        let other = "<doesIncludeBosses>false</doesIncludeBosses>";
        assert_eq!(found(&[NEW, other, NEW], 3), [""; 0], "not one value");
    }

    #[test]
    fn change_of_a_value_or_its_loss_is_never_a_releases() {
        let before = queue(NEW);
        for after in [
            queue(""),
            queue("<doesIncludeBosses>false</doesIncludeBosses>"),
        ] {
            let documents: Vec<_> = ["a", "b", "c"]
                .map(|component| Undated {
                    type_name: "Queue",
                    component,
                    before: &before,
                    after: &after,
                })
                .to_vec();
            assert!(additions(&documents, &|_| 3, &|_| true).is_empty());
        }
    }

    #[test]
    fn what_a_person_did_besides_is_left_to_the_person() {
        let addition = Addition {
            type_name: "Queue".to_owned(),
            path: vec!["doesIncludeBosses".to_owned()],
            text: NEW.to_owned(),
        };
        let additions = BTreeSet::from([addition]);
        let (before, after) = (queue(""), queue(NEW));
        assert_eq!(share("Queue", &before, &after, &additions), Share::All);
        let edited = queue(&format!("{NEW}<email>a@b.c</email>"));
        assert_eq!(
            share("Queue", &before, &edited, &additions),
            Share::Some(after.clone())
        );
        let other = queue("<email>a@b.c</email>");
        assert_eq!(share("Queue", &before, &other, &additions), Share::None);
        assert_eq!(share("Group", &before, &after, &additions), Share::None);
    }
}
