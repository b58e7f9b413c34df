//! Finds the values of secrets in a document, with the bytes they stand in.
//!
//! Works on bytes, because all other bytes of the file must stay: the tree of
//! `xml` knows no places.

use std::{collections::HashMap, ops::Range};

use super::{
    rules::{OnlyIf, RULES, Rule, sounds_secret},
    shapes, tag_of,
};
use crate::xml::decode;

/// A secret's value in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Where its bytes are.
    pub at: Range<usize>,
    /// The elements from below the root to it.
    pub element: String,
    /// What tells it from others at the same place: texts beside it and, where
    /// these are equal, a count.
    pub told_by: (Vec<String>, usize),
}

/// A document that ends in the middle, or whose tags do not match.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

struct Open<'a> {
    name: &'a [u8],
    /// Where its content begins.
    from: usize,
    has_elements: bool,
    /// The leaves in it: name and content.
    leaves: Vec<(&'a [u8], Range<usize>)>,
}

/// What is looked for.
struct Wanted {
    rules: Vec<&'static Rule>,
    /// What has the shape of a secret, whatever element it stands in.
    shaped: Vec<Range<usize>>,
}

/// The values of secrets in `bytes`, by the rules of its type and by their shape, in order.
pub(super) fn find(type_name: &str, bytes: &[u8]) -> Result<Vec<Found>, Broken> {
    let wanted = Wanted {
        rules: RULES
            .iter()
            .filter(|it| it.type_name == type_name)
            .collect(),
        shaped: shapes::find(bytes).into_iter().map(|it| it.at).collect(),
    };
    let mut found = Vec::new();
    if wanted.rules.is_empty() && wanted.shaped.is_empty() {
        return Ok(found);
    }
    let mut open: Vec<Open<'_>> = Vec::new();
    let (mut at, mut seen_root) = (0, false);
    while let Some(start) = position(&bytes[at..], b"<").map(|it| at + it) {
        let rest = &bytes[start..];
        at = start + skipped(rest)?;
        if at != start {
            continue;
        }
        let end = start + tag_length(rest)?;
        let tag = &bytes[start + 1..end - 1];
        at = end;
        if let Some(name) = tag.strip_prefix(b"/") {
            let done = open.pop().ok_or(Broken)?;
            (name.trim_ascii_end() == done.name)
                .then_some(())
                .ok_or(Broken)?;
            collect(&wanted, bytes, &open, &done, &mut found);
            if let Some(parent) = open.last_mut() {
                parent.has_elements = true;
                if !done.has_elements {
                    parent.leaves.push((local(done.name), done.from..start));
                }
            }
            continue;
        }
        if open.is_empty() && seen_root {
            return Err(Broken);
        }
        seen_root = true;
        let is_closed = tag.ends_with(b"/");
        let length = tag
            .iter()
            .position(|it| it.is_ascii_whitespace() || *it == b'/');
        if is_closed {
            if let Some(parent) = open.last_mut() {
                parent.has_elements = true;
            }
        } else {
            open.push(Open {
                name: &tag[..length.unwrap_or(tag.len())],
                from: end,
                has_elements: false,
                leaves: Vec::new(),
            });
        }
    }
    if !open.is_empty() || !seen_root {
        return Err(Broken);
    }
    found.sort_by_key(|it| it.at.start);
    found.dedup_by(|one, other| one.at == other.at);
    count_equals(&mut found);
    Ok(found)
}

fn local(name: &[u8]) -> &[u8] {
    name.rsplit(|it| *it == b':').next().unwrap_or(name)
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|it| it == wanted)
}

/// Length of a comment, CDATA section or declaration that begins here, else 0.
fn skipped(rest: &[u8]) -> Result<usize, Broken> {
    for (begin, end) in [
        (&b"<!--"[..], &b"-->"[..]),
        (b"<![CDATA[", b"]]>"),
        (b"<?", b"?>"),
        (b"<!", b">"),
    ] {
        if rest.starts_with(begin) {
            let behind = position(&rest[begin.len()..], end).ok_or(Broken)?;
            return Ok(begin.len() + behind + end.len());
        }
    }
    Ok(0)
}

/// Length of the tag that begins here; a `>` in quotes does not end it.
fn tag_length(rest: &[u8]) -> Result<usize, Broken> {
    let mut quote = None;
    for (at, byte) in rest.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Ok(at + 1),
            (None, b'"' | b'\'') => quote = Some(*byte),
            (Some(it), byte) if it == *byte => quote = None,
            _ => (),
        }
    }
    Err(Broken)
}

/// Takes the secrets among the leaves of `done`, which stands in `open`.
fn collect(
    wanted: &Wanted,
    bytes: &[u8],
    open: &[Open<'_>],
    done: &Open<'_>,
    found: &mut Vec<Found>,
) {
    let Some((root, between)) = open.split_first() else {
        return collect_at(wanted, bytes, &[], (done, done), found);
    };
    let mut path: Vec<&[u8]> = between.iter().map(|it| local(it.name)).collect();
    path.push(local(done.name));
    collect_at(wanted, bytes, &path, (root, done), found);
}

fn collect_at(
    wanted: &Wanted,
    bytes: &[u8],
    path: &[&[u8]],
    (root, done): (&Open<'_>, &Open<'_>),
    found: &mut Vec<Found>,
) {
    let within = |parent: &Open<'_>, name: &str| {
        let leaf = parent.leaves.iter().find(|it| it.0 == name.as_bytes());
        leaf.map_or(String::new(), |it| value(&bytes[it.1.clone()]))
    };
    let beside = |name: &str| within(done, name);
    for (name, at) in &done.leaves {
        let here: Vec<&[u8]> = path.iter().copied().chain([*name]).collect();
        let text = || value(&bytes[at.clone()]);
        let is_out = |it: &str| tag_of(it.trim()).is_some();
        let rule = wanted.rules.iter().find(|rule| {
            is_at(rule.path, &here)
                && match rule.only_if {
                    None => true,
                    Some(OnlyIf::Is(name, values)) => values.contains(&beside(name).as_str()),
                    Some(OnlyIf::SoundsSecret(name)) => sounds_secret(&beside(name)),
                    Some(OnlyIf::NamesSecret(name)) => {
                        sounds_secret(&beside(name)) && shapes::could_be_secret(&text())
                    }
                    Some(OnlyIf::NamesRandom(name)) => {
                        sounds_secret(&beside(name))
                            && (shapes::looks_random(&text()) || is_out(&text()))
                    }
                    Some(OnlyIf::RootNamesRandom(name)) => {
                        sounds_secret(&within(root, name))
                            && (shapes::looks_random(&text()) || is_out(&text()))
                    }
                    Some(OnlyIf::IsNamedRandom) => {
                        sounds_secret(&String::from_utf8_lossy(name))
                            && (shapes::looks_random(&text()) || is_out(&text()))
                    }
                }
        });
        let element = || {
            let names = here.iter().map(|it| String::from_utf8_lossy(it));
            names.collect::<Vec<_>>().join(".")
        };
        if let Some(rule) = rule
            && !text().trim().is_empty()
        {
            found.push(Found {
                at: at.clone(),
                element: element(),
                told_by: (rule.told_by.iter().map(|it| beside(it)).collect(), 0),
            });
            continue;
        }
        let inside = |it: &&Range<usize>| at.start <= it.start && it.end <= at.end;
        for shaped in wanted.shaped.iter().filter(inside) {
            found.push(Found {
                at: shaped.clone(),
                element: element(),
                told_by: (Vec::new(), 0),
            });
        }
    }
}

fn is_at(path: &[&str], here: &[&[u8]]) -> bool {
    let same = |path: &[&str], here: &[&[u8]]| {
        path.len() == here.len()
            && path
                .iter()
                .zip(here)
                .all(|(one, other)| one.as_bytes() == *other)
    };
    match path.strip_prefix(&["*"]) {
        Some(end) => here
            .len()
            .checked_sub(end.len())
            .is_some_and(|it| same(end, &here[it..])),
        None => same(path, here),
    }
}

fn count_equals(found: &mut [Found]) {
    let mut counts: HashMap<(String, Vec<String>), usize> = HashMap::new();
    for it in found {
        let count = counts
            .entry((it.element.clone(), it.told_by.0.clone()))
            .or_default();
        it.told_by.1 = *count;
        *count += 1;
    }
}

/// What the content of a leaf says: comments dropped, CDATA and escapes resolved.
pub(super) fn value(content: &[u8]) -> String {
    let content = String::from_utf8_lossy(content);
    let (mut out, mut rest) = (String::new(), &*content);
    while let Some(at) = rest.find("<!") {
        out.push_str(&decode(&rest[..at]));
        rest = &rest[at..];
        if let Some(cdata) = rest.strip_prefix("<![CDATA[") {
            let (text, behind) = cdata.split_once("]]>").unwrap_or((cdata, ""));
            out.push_str(text);
            rest = behind;
        } else {
            rest = rest.split_once("-->").map_or("", |it| it.1);
        }
    }
    out.push_str(&decode(rest));
    out
}
