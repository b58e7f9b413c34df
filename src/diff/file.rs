//! What changed in one file of a component, in a few words each.

use super::element::{self, ChangeKind, ElementChange, value};
use crate::{registry::keys::KeyRules, xml};

/// What changed between two states of a metadata file: `errorMessage`, `filter 2`.
///
/// Empty where one of them is no XML, and where nothing but spelling differs: the
/// text diff below tells then.
#[must_use]
pub fn details(before: &[u8], after: &[u8]) -> Vec<String> {
    let keys = KeyRules::official();
    let Some((root, changes)) = changes(before, after) else {
        return Vec::new();
    };
    changes
        .iter()
        .map(|it| element::describe(&root, it, keys))
        .collect()
}

/// The same without the values.
#[must_use]
pub fn short_details(before: &[u8], after: &[u8]) -> Vec<String> {
    let keys = KeyRules::official();
    let Some((root, changes)) = changes(before, after) else {
        return Vec::new();
    };
    changes
        .iter()
        .map(|it| element::short(&root, it, keys))
        .collect()
}

/// The element changes of a file with the name of its root; `None` where it is no XML.
#[must_use]
pub fn changes(before: &[u8], after: &[u8]) -> Option<(String, Vec<ElementChange>)> {
    let before = xml::parse(before).ok()?.root;
    let after = xml::parse(after).ok()?.root;
    let changes = element::diff(&before, &after, KeyRules::official());
    Some((after.local_name().to_owned(), changes))
}

/// An element that differs, with what it says on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// Which one, in words.
    pub what: String,
    /// As it was.
    pub before: String,
    /// As it is.
    pub after: String,
}

/// The elements that differ between two states of a metadata file.
///
/// Empty as for [`details`].
#[must_use]
pub fn elements(before: &[u8], after: &[u8]) -> Vec<Differing> {
    let keys = KeyRules::official();
    let Some((root, changes)) = changes(before, after) else {
        return Vec::new();
    };
    let told = changes.iter().map(|it| {
        let what = element::short(&root, it, keys);
        let (before, after) = match it.kind {
            ChangeKind::Moved => (String::new(), element::describe(&root, it, keys)),
            _ => (value(it.before.as_ref()), value(it.after.as_ref())),
        };
        Differing {
            what,
            before,
            after,
        }
    });
    told.collect()
}
