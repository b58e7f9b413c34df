//! What real orgs change between two identical answers.
//!
//! Lists without an order come in another one, encrypted values are encrypted
//! anew, dates move, a policy names its profile or does not. None of it means
//! anything, which is the point: whoever keeps the answers must see that.
//!
//! Deterministic: the same seed and the same number of calls before give the
//! same noise. Two retrieves in a row differ wherever there is something to
//! differ in. Source: field.md §3.0 to §3.2, from histories of real orgs.
//!
//! Invariant: noise changes what goes out, never the state.

mod rules;

use std::collections::BTreeSet;

use self::rules::{Disorder, RULES, Rule};
use super::{
    SimOrg,
    state::{Content, PackageFile, digest},
};
use crate::xml::{self, Element, Node};

/// The noise of one answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Noise {
    seed: u64,
    round: u64,
}

/// The noise of the next answer to `call`; none in an org without noise.
pub(super) fn begin(org: &SimOrg, call: &str) -> Option<Noise> {
    let seed = org.config.noise?;
    let round = org.calls.get(call).copied().unwrap_or(0);
    Some(Noise { seed, round })
}

/// Whether the date of components of this type moves by itself.
///
/// Source: clean-up in the background touches layouts, record types and
/// objects after fields were deleted; containers of rules follow.
pub(super) fn touches_date(type_name: &str) -> bool {
    matches!(
        type_name,
        "Layout" | "SharingRules" | "Workflow" | "PermissionSetGroup"
    )
}

/// Disturbs the files of an answer, and says which rules did something.
pub(super) fn disturb(noise: Noise, files: &mut [&mut PackageFile]) -> BTreeSet<&'static str> {
    let mut applied = BTreeSet::new();
    for file in files {
        let directory = file.path.split('/').next().unwrap_or_default();
        let rules: Vec<&Rule> = RULES
            .iter()
            .filter(|it| it.directory == directory && file.path.ends_with(it.suffix))
            .collect();
        if rules.is_empty() {
            continue;
        }
        let place = digest(file.path.as_bytes()) ^ noise.seed;
        if let [
            Rule {
                name,
                disorder: Disorder::Blob,
                ..
            },
        ] = rules[..]
        {
            file.content = other_blob(&file.content, place ^ noise.round);
            applied.insert(*name);
            continue;
        }
        let Ok(mut doc) = xml::parse(&file.content) else {
            continue;
        };
        let before = doc.root.clone();
        for rule in rules {
            let unchanged = doc.root.clone();
            apply(rule, &mut doc.root, place, noise.round);
            if doc.root != unchanged {
                applied.insert(rule.name);
            }
        }
        if doc.root != before {
            file.content = Content::from(xml::render(&doc));
        }
    }
    applied
}

fn apply(rule: &Rule, root: &mut Element, place: u64, round: u64) {
    match rule.disorder {
        Disorder::Order { path, names } => at_path(root, path, &mut |element| {
            for name in names {
                reorder(element, name, place, round);
            }
        }),
        Disorder::Groups { path } => {
            at_path(root, path, &mut |element| {
                turn_groups(element, place ^ round);
            });
        }
        Disorder::Secret { element } => {
            for it in root.elements_mut().filter(|it| it.local_name() == element) {
                let text = letters(place ^ digest(element.as_bytes()) ^ (round << 20), 64);
                it.children = vec![Node::Text(text)];
            }
        }
        Disorder::NilProfile => nil_profile(root, round),
        Disorder::Blob => (),
    }
}

/// Calls `change` for each element at a path below `element`.
fn at_path(element: &mut Element, path: &[&str], change: &mut dyn FnMut(&mut Element)) {
    match path {
        [] => change(element),
        [first, rest @ ..] => {
            for it in element
                .elements_mut()
                .filter(|it| it.local_name() == *first)
            {
                at_path(it, rest, change);
            }
        }
    }
}

/// Gives the elements `name` another order: one of the place's own, turned on
/// by each round, so that two rounds in a row never agree.
fn reorder(element: &mut Element, name: &str, place: u64, round: u64) {
    let at: Vec<usize> = element
        .children
        .iter()
        .enumerate()
        .filter(|(_, node)| matches!(node, Node::Element(it) if it.local_name() == name))
        .map(|(n, _)| n)
        .collect();
    if at.len() < 2 {
        return;
    }
    let mut order: Vec<usize> = at.clone();
    let mut state = place;
    for n in (1..order.len()).rev() {
        order.swap(n, below(&mut state, n + 1));
    }
    let length = u64::try_from(order.len()).unwrap_or(u64::MAX);
    order.rotate_left(usize::try_from(round % length).unwrap_or(0));
    let old = element.children.clone();
    for (to, from) in at.iter().zip(order) {
        element.children[*to] = old[from].clone();
    }
}

/// Lets the groups of equally named elements begin at another one.
fn turn_groups(element: &mut Element, turn: u64) {
    let mut names: Vec<String> = Vec::new();
    for it in element.elements() {
        if !names.iter().any(|name| name == &it.name) {
            names.push(it.name.clone());
        }
    }
    if names.len() < 2 {
        return;
    }
    let length = u64::try_from(names.len()).unwrap_or(u64::MAX);
    names.rotate_left(usize::try_from(turn % length).unwrap_or(0));
    element.children.sort_by_key(|node| match node {
        Node::Element(it) => names.iter().position(|name| name == &it.name),
        _ => None,
    });
}

/// Every other time the profile is not named.
fn nil_profile(root: &mut Element, round: u64) {
    if round.is_multiple_of(2) {
        return;
    }
    for it in root
        .elements_mut()
        .filter(|it| it.local_name() == "profile")
    {
        it.children.clear();
        it.attributes = vec![("xsi:nil".to_owned(), "true".to_owned())];
    }
    if root.attribute("xmlns:xsi").is_none() {
        let xsi = "http://www.w3.org/2001/XMLSchema-instance";
        root.attributes
            .push(("xmlns:xsi".to_owned(), xsi.to_owned()));
    }
}

/// The same blob as it would be encrypted another time: its end is another.
fn other_blob(content: &Content, mut state: u64) -> Content {
    let mut bytes = content.to_vec();
    let tail = bytes.len().saturating_sub(32);
    for byte in &mut bytes[tail..] {
        *byte = u8::try_from(next(&mut state) % 256).unwrap_or(0);
    }
    Content::from(bytes)
}

fn letters(mut state: u64, length: usize) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..length)
        .map(|_| char::from(LETTERS[below(&mut state, LETTERS.len())]))
        .collect()
}

/// A number below `end`.
fn below(state: &mut u64, end: usize) -> usize {
    let end = u64::try_from(end).unwrap_or(u64::MAX).max(1);
    usize::try_from(next(state) % end).unwrap_or(0)
}

/// The next number of a sequence (splitmix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disturbed(path: &str, text: &str, round: u64) -> (String, BTreeSet<&'static str>) {
        let mut file = PackageFile::new(path, text.as_bytes().to_vec());
        let applied = disturb(Noise { seed: 7, round }, &mut [&mut file]);
        (String::from_utf8(file.content.to_vec()).unwrap(), applied)
    }

    #[test]
    fn two_rounds_in_a_row_differ_and_one_round_is_always_the_same() {
        let profile = "<Profile><userPermissions><name>A</name></userPermissions>\
                       <userPermissions><name>B</name></userPermissions></Profile>";
        let (first, applied) = disturbed("profiles/P.profile", profile, 1);
        let (second, _) = disturbed("profiles/P.profile", profile, 2);
        assert_ne!(first, second);
        assert_eq!(disturbed("profiles/P.profile", profile, 1).0, first);
        let named = disturbed("profiles/P.profile", profile, 2).1;
        assert!(
            applied.len() + named.len() == 1,
            "one of two orders is the old one"
        );
    }

    #[test]
    fn secrets_are_encrypted_anew() {
        let text = "<AuthProvider><consumerSecret>s</consumerSecret></AuthProvider>";
        let secret = |round| disturbed("authproviders/A.authprovider", text, round).0;
        assert_ne!(secret(1), secret(2));
    }

    #[test]
    fn what_has_an_order_keeps_it() {
        let layout = "<Layout><layoutItems><field>A</field></layoutItems>\
                      <layoutItems><field>B</field></layoutItems></Layout>";
        assert_eq!(disturbed("layouts/L.layout", layout, 1).0, layout);
    }
}
