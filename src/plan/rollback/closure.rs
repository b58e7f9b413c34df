//! What went with the recreated components, put back into today's files by element.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::decide::{Planner, merged, parse};
use super::permissions;
use super::references::{Container, References};
use super::{Content, Item, Verdict, ViewFile};
use crate::diff::element::{Lost, noun, put_back};
use crate::model::component::percent_decoded;
use crate::model::{ComponentKey, TypeName};
use crate::plan::commits::counted;
use crate::registry::keys::KeyRules;
use crate::source::canonical::sorted;
use crate::xml::{self, Element};

/// Most gone components that are named one by one.
const NAMED: usize = 5;

/// A component, how it is referred to, and the texts of which a file must have one.
pub(super) struct Named {
    key: ComponentKey,
    references: References,
    spellings: Vec<String>,
}

impl Named {
    pub(super) fn key(&self) -> &ComponentKey {
        &self.key
    }
}

/// Components by the words with which their spellings begin.
///
/// A file is read once for all of them, however many there are.
#[derive(Default)]
pub(super) struct Index {
    all: Vec<Named>,
    by_word: HashMap<String, Vec<usize>>,
}

impl Index {
    pub(super) fn of<'k>(keys: impl IntoIterator<Item = &'k ComponentKey>) -> Self {
        let mut this = Self::default();
        for key in keys {
            let spellings = spellings(key);
            for spelling in &spellings {
                // A spelling without any word is looked for in every file.
                let word = words(spelling.as_bytes()).next().unwrap_or_default();
                let rows = this.by_word.entry(word).or_default();
                if rows.last() != Some(&this.all.len()) {
                    rows.push(this.all.len());
                }
            }
            this.all.push(Named {
                key: key.clone(),
                references: References::to(key),
                spellings,
            });
        }
        this
    }

    fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The components that one of `files` may name.
    pub(super) fn near(&self, files: &[ViewFile]) -> Vec<&Named> {
        let mut found: BTreeSet<usize> = BTreeSet::new();
        for file in files {
            let said = words(&file.bytes).chain(std::iter::once(String::new()));
            for word in said.collect::<HashSet<_>>() {
                let rows = self.by_word.get(&word).into_iter().flatten();
                found.extend(rows.copied().filter(|at| {
                    let named = &self.all[*at];
                    named.spellings.iter().any(|it| has(&file.bytes, it))
                }));
            }
        }
        found.into_iter().map(|at| &self.all[at]).collect()
    }
}

/// Runs of ASCII letters, digits and `_`, in lower case.
fn words(bytes: &[u8]) -> impl Iterator<Item = String> {
    bytes
        .split(|it| !it.is_ascii_alphanumeric() && *it != b'_')
        .filter(|it| !it.is_empty())
        .map(|it| String::from_utf8_lossy(it).to_ascii_lowercase())
}

/// What a document lost together with deleted components.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WentWith {
    /// For each lost element the component it named, and what such an element is called.
    pub lost: Vec<(ComponentKey, String)>,
    /// Whether nothing else changed: nobody edited the document.
    pub is_all: bool,
}

/// What the document of `key` lost together with `deleted`, between two snapshots.
///
/// The side effects of a deletion belong to whoever deleted.
#[must_use]
pub fn went_with(
    key: &ComponentKey,
    before: &Element,
    after: &Element,
    deleted: &[ComponentKey],
) -> WentWith {
    let causes: Vec<(&ComponentKey, References)> =
        deleted.iter().map(|it| (it, References::to(it))).collect();
    let container = Container { key, root: before };
    let mut result = WentWith::default();
    let document = put_back(before, after, KeyRules::official(), &mut |it| {
        let cause = causes
            .iter()
            .find(|(_, refs)| refs.are_in(it.element, &container));
        if let Some((cause, _)) = cause {
            let noun = noun(key.type_name.as_str(), it.element.local_name());
            result.lost.push(((*cause).clone(), noun));
        }
        cause.is_some()
    });
    result.is_all = !result.lost.is_empty() && is_same(&document, before);
    result
}

impl Planner<'_> {
    /// Looks in everything that differs for what went with the recreated components.
    pub(super) fn find_lost(&mut self) {
        let (made, not_made): (Vec<_>, Vec<_>) =
            self.recreated.keys().partition(|it| self.applies(it));
        let causes = Index::of(made);
        let gone = self.inputs.differing.iter();
        let gone = gone.filter(|it| self.is_gone(it) && !self.recreated.contains_key(it));
        let still_gone = Index::of(gone.chain(not_made));
        self.still_gone = still_gone;
        if causes.is_empty() {
            return;
        }
        for key in self.inputs.differing {
            let is_planned = self.inputs.selected.contains(key) || self.recreated.contains_key(key);
            if is_planned || !self.was_there(key) || !self.is_there(key) {
                continue;
            }
            if let Some(item) = self.put_back_in(key, &causes) {
                self.items.insert((true, key.clone()), item);
            }
        }
    }

    /// Today's files of `key` with what they lost together with a recreated component.
    fn put_back_in(&self, key: &ComponentKey, causes: &Index) -> Option<Item> {
        let then = self.inputs.target.read(key);
        let near = causes.near(&then);
        if near.is_empty() {
            return None;
        }
        let still_gone = self.still_gone.near(&then);
        let mut item = Item {
            verdict: Verdict::Revert,
            applies: true,
            ..self.blank(key)
        };
        let mut lost: Vec<(String, String)> = Vec::new();
        let mut first_cause = None;
        let mut is_edited = false;
        for now in self.inputs.now.read(key) {
            let Some(before) = then
                .iter()
                .find(|it| it.path == now.path && it.bytes != now.bytes)
            else {
                continue;
            };
            let (Some(before), Some(today)) = (parse(before), parse(&now)) else {
                continue;
            };
            let container = Container { key, root: &before };
            let n_before = lost.len();
            let mut wanted = |it: &Lost<'_>| {
                let names = |one: &Named| one.references.are_in(it.element, &container);
                // What also names something that stays gone would be refused.
                let cause = near.iter().find(|one| names(one));
                let cause = cause.filter(|_| !still_gone.iter().any(|it| names(it)));
                if let Some(cause) = cause {
                    first_cause.get_or_insert_with(|| cause.key.clone());
                    lost.push((
                        noun(key.type_name.as_str(), it.element.local_name()),
                        place(it),
                    ));
                }
                cause.is_some()
            };
            let document = put_back(&before, &today, KeyRules::official(), &mut wanted);
            if n_before < lost.len() {
                is_edited |= !is_same(&document, &before);
                let document = permission_part(&key.type_name, &today, document);
                item.files.push((now.path, merged(document)));
            }
        }
        item.because_of = Some(first_cause?);
        item.reason = what_comes_back(&lost);
        if is_edited {
            item.details.push("later edits stay".to_owned());
        }
        Some(item)
    }

    /// Says of what is sent whole which gone components it refers to.
    pub(super) fn warn_of_missing(&mut self) {
        let gone = std::mem::take(&mut self.still_gone);
        if gone.is_empty() {
            return;
        }
        let target = self.inputs.target;
        for item in self.items.values_mut().filter(|it| it.applies) {
            if !item.files.iter().any(|(_, it)| *it == Content::Target) {
                continue;
            }
            let mut missing = BTreeSet::new();
            let files = target.read(&item.key);
            let mut near = gone.near(&files);
            near.retain(|it| it.key != item.key);
            if near.is_empty() {
                continue;
            }
            for root in files.iter().filter_map(parse) {
                let container = Container {
                    key: &item.key,
                    root: &root,
                };
                let said = near
                    .iter()
                    .filter(|it| it.references.are_in(&root, &container));
                missing.extend(said.map(|it| it.key.clone()));
            }
            for key in missing.iter().take(NAMED) {
                item.details
                    .push(format!("refers to {key}, which is gone: select it too"));
            }
        }
    }
}

/// Whether two documents say the same, in whatever order sets are written.
fn is_same(one: &Element, other: &Element) -> bool {
    let keys = KeyRules::official();
    one == other || sorted(one, keys) == sorted(other, keys)
}

/// `layout item Region__c after Industry`, or counts where it is more than one.
fn what_comes_back(lost: &[(String, String)]) -> String {
    if let [(word, place)] = lost {
        return format!("{word} {place}").trim_end().to_owned();
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (word, _) in lost {
        *counts.entry(word).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(word, n)| counted(*n, word)).collect();
    counts.join(", ")
}

/// What a lost element is about, and what stood before it.
fn place(lost: &Lost<'_>) -> String {
    let label = label_of(lost.element);
    match lost.after {
        Some(after) if !label.is_empty() => format!("{label} after {after}"),
        _ => label,
    }
}

/// Elements by whose text people know the one that holds them, best first.
const LABELS: &[&str] = &[
    "field",
    "column",
    "fullName",
    "label",
    "name",
    "report",
    "layout",
    "recordType",
    "object",
    "apexClass",
    "apexPage",
    "flow",
    "tab",
    "application",
    "picklist",
];

fn label_of(element: &Element) -> String {
    if !element.has_elements() {
        return element.text().trim().to_owned();
    }
    let found = LABELS.iter().find_map(|it| element.child_text(it));
    found.map(|it| it.trim().to_owned()).unwrap_or_default()
}

fn permission_part(type_name: &TypeName, today: &Element, whole: Element) -> Element {
    if permissions::has_entries(type_name) {
        permissions::give_back(type_name, today, &whole)
    } else {
        whole
    }
}

/// The texts one of which a file must have to name `key` at all.
fn spellings(key: &ComponentKey) -> Vec<String> {
    let last = |text: &str| {
        let at = match key.type_name.as_str() {
            "Layout" => text.find('-'),
            _ => text.rfind(['.', '/']),
        };
        text[at.map_or(0, |it| it + 1)..].to_owned()
    };
    let name = key.name.as_str();
    let mut all = vec![last(name), last(&percent_decoded(name))];
    // A relationship is named by `__r`.
    if let Some(stem) = all[0].strip_suffix("__c") {
        all.push(format!("{stem}__r"));
    }
    all.dedup();
    let escaped: Vec<String> = all.iter().map(|it| xml::escape(it).into_owned()).collect();
    all.extend(escaped);
    all
}

/// Whether `bytes` hold `text`, without regard to ASCII case.
fn has(bytes: &[u8], text: &str) -> bool {
    let text = text.as_bytes();
    let Some((first, rest)) = text.split_first() else {
        return false;
    };
    let mut at = 0;
    while let Some(found) = bytes[at..]
        .iter()
        .position(|it| it.eq_ignore_ascii_case(first))
    {
        let start = at + found + 1;
        match bytes.get(start..start + rest.len()) {
            Some(next) if next.eq_ignore_ascii_case(rest) => return true,
            Some(_) => at = start,
            None => return false,
        }
    }
    false
}
