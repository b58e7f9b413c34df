//! Which children of two elements are one and the same.

use std::{borrow::Cow, collections::HashMap};

use super::alike::alike;
use crate::{
    registry::keys::{KeyRules, Order, Scope},
    xml::{Element, Node},
};

/// Name under which a comment is matched.
pub(super) const COMMENT: &str = "#comment";

/// A child, told from its siblings within one document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity<'a> {
    pub name: &'a str,
    /// The texts of its key; `None` where nothing names it.
    pub key: Option<Vec<Cow<'a, str>>>,
    /// Whether an element of its name stands at most once.
    pub is_one: bool,
    /// How many like it stand before it.
    pub nth: usize,
}

/// How children are paired that no key names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nameless {
    /// By content and place: what stands where another stood is that one, changed.
    ByPlace,
    /// By content and likeness: what has nothing in common with another is another one.
    ByLikeness,
}

/// Whether an element holds nothing but elements and comments.
pub(super) fn is_regular(element: &Element) -> bool {
    let regular = |it: &Node| matches!(it, Node::Element(_) | Node::Comment(_));
    element.children.iter().all(regular)
}

/// The identity of each child of `element`, in order.
pub(super) fn identify<'a>(
    element: &'a Element,
    scope: Scope,
    keys: &KeyRules,
) -> Vec<Identity<'a>> {
    let identity = |node: &'a Node| {
        let (name, key, is_one) = match node {
            Node::Element(child) => {
                let (rule, _) = keys.look_up(scope, child.local_name());
                let is_one = rule.order == Order::One;
                let key = if is_one {
                    None
                } else {
                    rule.known_by.of(child)
                };
                (child.name.as_str(), key, is_one)
            }
            _ => (COMMENT, None, false),
        };
        Identity {
            name,
            key,
            is_one,
            nth: 0,
        }
    };
    let mut identities: Vec<Identity<'a>> = element.children.iter().map(identity).collect();
    let mut counts: HashMap<&Identity<'_>, usize> = HashMap::with_capacity(identities.len());
    let count = |it| {
        let count = counts.entry(it).or_default();
        *count += 1;
        *count - 1
    };
    let numbers: Vec<usize> = identities.iter().map(count).collect();
    for (it, number) in identities.iter_mut().zip(numbers) {
        it.nth = number;
    }
    identities
}

/// For each child before, its number after; `None` for those that are gone.
pub(super) fn pair(
    before: (&Element, &[Identity<'_>]),
    after: (&Element, &[Identity<'_>]),
    nameless_by: Nameless,
) -> Vec<Option<usize>> {
    let mut pairs = vec![None; before.1.len()];
    let keyed: HashMap<&Identity<'_>, usize> = after
        .1
        .iter()
        .enumerate()
        .filter(|(_, it)| it.key.is_some())
        .map(|(at, it)| (it, at))
        .collect();
    let mut nameless: Vec<(Vec<usize>, Vec<usize>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (at, it) in before.1.iter().enumerate() {
        if it.key.is_some() {
            pairs[at] = keyed.get(it).copied();
        } else {
            let place = *places.entry(it.name).or_insert_with(|| {
                nameless.push((Vec::new(), Vec::new()));
                nameless.len() - 1
            });
            nameless[place].0.push(at);
        }
    }
    for (at, it) in after.1.iter().enumerate() {
        if it.key.is_none()
            && let Some(place) = places.get(it.name)
        {
            nameless[*place].1.push(at);
        }
    }
    for (ours, theirs) in nameless {
        let one: Vec<&Node> = ours.iter().map(|at| &before.0.children[*at]).collect();
        let other: Vec<&Node> = theirs.iter().map(|at| &after.0.children[*at]).collect();
        let is_one = ours.first().is_some_and(|at| before.1[*at].is_one);
        let found = match nameless_by {
            Nameless::ByLikeness if !is_one => alike(&one, &other),
            _ => by_content(&one, &other),
        };
        for (from, to) in found {
            pairs[ours[from]] = Some(theirs[to]);
        }
    }
    pairs
}

/// Pairs what is equal, in order, and what stands between equal ones by place.
fn by_content(one: &[&Node], other: &[&Node]) -> Vec<(usize, usize)> {
    let shorter = one.len().min(other.len());
    let n_same = (0..shorter).take_while(|it| one[*it] == other[*it]).count();
    let n_tail = (0..shorter - n_same)
        .take_while(|it| one[one.len() - 1 - it] == other[other.len() - 1 - it])
        .count();
    let (ends, other_ends) = (one.len() - n_tail, other.len() - n_tail);

    let mut pairs: Vec<(usize, usize)> = (0..n_same).map(|it| (it, it)).collect();
    let equal = equal_in_order(&one[n_same..ends], &other[n_same..other_ends]);
    let anchors = equal.into_iter().map(|it| (it.0 + n_same, it.1 + n_same));
    let (mut from, mut to) = (n_same, n_same);
    for (next_from, next_to) in anchors.chain([(ends, other_ends)]) {
        let gap = (next_from - from).min(next_to - to);
        pairs.extend((0..gap).map(|it| (from + it, to + it)));
        if next_from < ends {
            pairs.push((next_from, next_to));
        }
        (from, to) = (next_from + 1, next_to + 1);
    }
    pairs.extend((0..n_tail).map(|it| (ends + it, other_ends + it)));
    pairs
}

fn equal_in_order(one: &[&Node], other: &[&Node]) -> Vec<(usize, usize)> {
    if one.is_empty() || other.is_empty() {
        return Vec::new();
    }
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, node) in other.iter().enumerate().rev() {
        places.entry(content(node)).or_default().push(at);
    }
    let equal: Vec<(usize, usize)> = one
        .iter()
        .enumerate()
        .filter_map(|(at, node)| Some((at, places.get_mut(&content(node))?.pop()?)))
        .collect();
    let kept = longest_rising(&equal.iter().map(|it| it.1).collect::<Vec<_>>());
    kept.into_iter().map(|it| equal[it]).collect()
}

/// What a node says, as text that is equal only for equal nodes.
pub(super) fn content(node: &Node) -> String {
    match node {
        Node::Element(element) => crate::xml::render_element(element),
        Node::Comment(text) => format!("<!--{text}-->"),
        Node::Text(text) | Node::CData(text) => text.clone(),
    }
}

/// The places of a longest rising part of `values`, which are all different.
pub(super) fn longest_rising(values: &[usize]) -> Vec<usize> {
    // The last place of a rising part of each length, and what stands before it there.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; values.len()];
    for (at, value) in values.iter().enumerate() {
        let length = ends.partition_point(|it| values[*it] < *value);
        before[at] = length.checked_sub(1).map(|it| ends[it]);
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut kept: Vec<usize> =
        std::iter::successors(ends.last().copied(), |it| before[*it]).collect();
    kept.reverse();
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn longest_rising_part_is_found() {
        assert_eq!(longest_rising(&[3, 0, 1, 4, 2]), [1, 2, 4]);
        assert_eq!(longest_rising(&[]), Vec::<usize>::new());
    }

    proptest! {
        #[test]
        fn pairs_rise_and_each_stands_in_one(one in prop::collection::vec(0..4_u8, 0..8), other in prop::collection::vec(0..4_u8, 0..8)) {
            let nodes = |it: &[u8]| -> Vec<Node> { it.iter().map(|it| Node::Comment(it.to_string())).collect() };
            let (one, other) = (nodes(&one), nodes(&other));
            let pairs = by_content(&one.iter().collect::<Vec<_>>(), &other.iter().collect::<Vec<_>>());
            prop_assert!(pairs.windows(2).all(|it| it[0].0 < it[1].0 && it[0].1 < it[1].1));
            prop_assert!(pairs.iter().all(|it| it.0 < one.len() && it.1 < other.len()));
        }
    }
}
