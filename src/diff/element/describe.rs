//! Changes in words, one line each.
//!
//! Names and values come from an org: whoever shows them escapes them.

use super::{ChangeKind, ElementChange, Id, Step, nouns::label};
use crate::{
    registry::keys::{KeyRules, Order},
    xml::{Element, Node},
};

/// Longest value that is shown, in characters; a longer one is only said to differ.
const MAX_VALUE: usize = 40;

/// Parts of a document that say nothing where something in them is named.
const FRAMES: [&str; 4] = [
    "layoutSections",
    "layoutColumns",
    "flexiPageRegions",
    "quickActionLayoutColumns",
];

/// The change in one line with values: `field permission Account.Region__c: editable true → false`.
///
/// `root` is the name of the document's root element.
#[must_use]
pub fn describe(root: &str, change: &ElementChange, keys: &KeyRules) -> String {
    describe_below(0, root, change, keys)
}

/// The same, said of the element `above` steps below the root: `value "a" → "b"` of a label.
#[must_use]
pub fn describe_below(above: usize, root: &str, change: &ElementChange, keys: &KeyRules) -> String {
    let (items, rest) = subject(above, root, change, keys);
    let mut line = items.join(", ");
    if !rest.is_empty() {
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&rest.join("."));
    }
    if line.is_empty() {
        line.push_str(root);
    }
    let neighbour = |place: &Option<super::Place>, step: Option<&Step>| {
        let is_list = is_list(root, &change.path, keys);
        let previous = place.as_ref()?.previous.as_ref()?;
        let same = step.is_some_and(|it| it.name == previous.name);
        let is_named = matches!(previous.id, Id::Key { .. });
        (is_list && same && is_named).then(|| format!(" after {}", id(previous)))
    };
    let after = |place| neighbour(place, change.path.last()).unwrap_or_default();
    match change.kind {
        ChangeKind::Added => match short_value(change.after.as_ref()) {
            Some(value) if items.is_empty() => format!("{line} {value} added"),
            _ => format!("{line}{} added", after(&change.to)),
        },
        ChangeKind::Removed => format!("{line}{} removed", after(&change.from)),
        ChangeKind::Moved => match neighbour(&change.to, change.path.last()) {
            Some(after) => format!("{line} moved{after}"),
            None => format!("{line} moved to the front"),
        },
        ChangeKind::Attributes => format!("{line}: attributes"),
        ChangeKind::Changed => {
            let values = (
                short_value(change.before.as_ref()),
                short_value(change.after.as_ref()),
            );
            match values {
                (Some(before), Some(after)) => format!("{line} {before} → {after}"),
                _ => line,
            }
        }
    }
}

/// The change in as few words as name it: `errorMessage`, `filter 2`.
#[must_use]
pub fn short(root: &str, change: &ElementChange, keys: &KeyRules) -> String {
    short_below(0, root, change, keys)
}

/// The same, said of the element `above` steps below the root.
#[must_use]
pub fn short_below(above: usize, root: &str, change: &ElementChange, keys: &KeyRules) -> String {
    let (items, rest) = subject(above, root, change, keys);
    match (items.last(), rest.last()) {
        (Some(item), _) => item.clone(),
        (None, Some(name)) => name.clone(),
        (None, None) => root.to_owned(),
    }
}

/// The named items on the way to a change, and the elements behind the last.
fn subject(
    above: usize,
    root: &str,
    change: &ElementChange,
    keys: &KeyRules,
) -> (Vec<String>, Vec<String>) {
    let mut scope = keys.root(root);
    let (mut items, mut rest) = (Vec::new(), Vec::new());
    let mut frames = Vec::new();
    for (n, step) in change.path.iter().enumerate() {
        let (rule, inside) = keys.look_up(scope, &step.name);
        scope = inside;
        if n < above {
            continue;
        }
        let is_item = match &step.id {
            Id::Key { .. } => true,
            Id::Nth { .. } => matches!(rule.order, Order::List | Order::Set),
        };
        if !is_item {
            rest.push(step.name.clone());
            continue;
        }
        rest.clear();
        let label = label(root, &step.name);
        let item = format!("{label} {}", id(step));
        if FRAMES.contains(&step.name.as_str()) {
            frames.push(item);
        } else {
            items.push(item);
        }
    }
    if items.is_empty() {
        items = frames;
    }
    (items, rest)
}

fn is_list(root: &str, path: &[Step], keys: &KeyRules) -> bool {
    let mut scope = keys.root(root);
    let mut order = Order::Unknown;
    for step in path {
        let (rule, inside) = keys.look_up(scope, &step.name);
        (order, scope) = (rule.order, inside);
    }
    order == Order::List
}

fn id(step: &Step) -> String {
    match &step.id {
        Id::Key { texts, nth } => {
            let texts: Vec<_> = texts
                .iter()
                .map(String::as_str)
                .filter(|it| !it.is_empty())
                .collect();
            let text = texts.join(" ");
            if *nth == 0 {
                text
            } else {
                format!("{text} ({})", nth + 1)
            }
        }
        Id::Nth { before, after } => {
            let nth = after.or(*before).unwrap_or_default();
            (nth + 1).to_string()
        }
    }
}

/// The value of an element that holds a short text in one line.
fn short_value(node: Option<&Node>) -> Option<String> {
    let Node::Element(element) = node? else {
        return None;
    };
    if element.has_elements() {
        return None;
    }
    if element.is_nil() {
        return Some("(none)".to_owned());
    }
    let value = text(element);
    let fits = value.chars().count() <= MAX_VALUE && !value.contains('\n');
    fits.then(|| {
        if value.is_empty() {
            "(empty)".to_owned()
        } else {
            value
        }
    })
}

fn text(element: &Element) -> String {
    element.text().trim().to_owned()
}
