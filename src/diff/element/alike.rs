//! Which elements that nothing names are most alike.

use std::collections::HashMap;

use crate::xml::{Element, Node};

/// Most pairs that are compared for likeness in one place.
const MAX_PAIRS: usize = 10_000;

/// Pairs equal nodes, then an only one with an only one, then the most alike.
///
/// By number in `one` and in `other`. What has nothing in common is no pair.
pub(super) fn alike(one: &[&Node], other: &[&Node]) -> Vec<(usize, usize)> {
    if let ([old], [new]) = (one, other) {
        return if is_same_kind(old, new) {
            vec![(0, 0)]
        } else {
            Vec::new()
        };
    }
    let mut pairs = Vec::new();
    let mut free: Vec<usize> = (0..other.len()).collect();
    let mut left: Vec<usize> = Vec::new();
    for (at, old) in one.iter().enumerate() {
        match free.iter().position(|it| other[*it] == *old) {
            Some(found) => pairs.push((at, free.remove(found))),
            None => left.push(at),
        }
    }
    if MAX_PAIRS < left.len().saturating_mul(free.len()) {
        return pairs;
    }
    let mut candidates: Vec<(usize, usize, (usize, usize))> = Vec::new();
    for (rank, at) in left.iter().enumerate() {
        for (place, it) in free.iter().enumerate() {
            let likeness = likeness(one[*at], other[*it]);
            if 0 < likeness {
                // Of equally alike ones the nearest in order.
                candidates.push((likeness, usize::MAX - rank.abs_diff(place), (rank, place)));
            }
        }
    }
    candidates.sort_by(|a, b| (b.0, b.1, a.2).cmp(&(a.0, a.1, b.2)));
    let (mut used_old, mut used_new) = (vec![false; left.len()], vec![false; free.len()]);
    for (.., (rank, place)) in candidates {
        if !used_old[rank] && !used_new[place] {
            used_old[rank] = true;
            used_new[place] = true;
            pairs.push((left[rank], free[place]));
        }
    }
    pairs
}

/// Whether an only node may have become another only one.
fn is_same_kind(old: &Node, new: &Node) -> bool {
    let (Node::Element(old), Node::Element(new)) = (old, new) else {
        return true;
    };
    let both_leaves = !old.has_elements() && !new.has_elements();
    let has_leaves = old.elements().any(|it| !it.has_elements());
    both_leaves || !has_leaves || 0 < likeness_of(old, new)
}

/// How many leaves two nodes share, at any depth.
fn likeness(one: &Node, other: &Node) -> usize {
    match (one, other) {
        (Node::Element(one), Node::Element(other)) => likeness_of(one, other),
        _ => 0,
    }
}

fn likeness_of(one: &Element, other: &Element) -> usize {
    let mut counts: HashMap<(String, String), usize> = HashMap::new();
    for leaf in leaves(one) {
        *counts.entry(leaf).or_default() += 1;
    }
    let mut shared = 0;
    for leaf in leaves(other) {
        if let Some(n) = counts.get_mut(&leaf).filter(|it| 0 < **it) {
            *n -= 1;
            // Flags are alike everywhere; names tell.
            shared += usize::from(!matches!(leaf.1.as_str(), "true" | "false" | ""));
        }
    }
    shared
}

fn leaves(element: &Element) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut ahead: Vec<&Element> = element.elements().collect();
    while let Some(it) = ahead.pop() {
        if it.has_elements() {
            ahead.extend(it.elements());
        } else {
            found.push((it.local_name().to_owned(), it.text().into_owned()));
        }
    }
    found
}
