//! Merges the changes of two documents with a common base.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{
    ChangeKind, ElementChange, Id, Step,
    align::{COMMENT, content},
    apply::apply_lists,
    find::diff_sorted,
};
use crate::{
    registry::keys::{KeyRules, Order},
    source::canonical::sorted,
    xml::Element,
};

/// What a merge gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The document with the changes of both sides; where they contradict each
    /// other, with those of the side that was chosen.
    pub element: Element,
    /// The changes of theirs that were left out, in their order.
    pub conflicts: Vec<Conflict>,
}

/// A change of theirs that contradicts one of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Ours, which holds.
    pub ours: ElementChange,
    /// Theirs, which was left out.
    pub theirs: ElementChange,
}

/// Which side holds where two changes contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Ours.
    Ours,
    /// Theirs.
    Theirs,
}

/// Brings what `theirs` changed since `base` into `ours`, element by element.
///
/// To undo a change, `base` is the document behind it, `theirs` the one before
/// it, and `ours` today's. An item of a list goes behind the one it stood
/// behind, where that is still known, else before the one it stood before.
#[must_use]
pub fn merge(base: &Element, ours: &Element, theirs: &Element, keys: &KeyRules) -> Merged {
    merge_with(base, ours, theirs, keys, &mut |_| Side::Ours)
}

/// The same, where `choose` says of each conflict which side holds.
///
/// The conflicts of the result are those where ours holds.
#[must_use]
pub fn merge_with(
    base: &Element,
    ours: &Element,
    theirs: &Element,
    keys: &KeyRules,
    choose: &mut dyn FnMut(&Conflict) -> Side,
) -> Merged {
    let (base, ours, theirs) = (sorted(base, keys), sorted(ours, keys), sorted(theirs, keys));
    let our_changes = diff_sorted(&base, &ours, keys);
    let their_changes = diff_sorted(&base, &theirs, keys);

    let root = base.local_name();
    let index = Index::new(&our_changes, root, keys);
    let mut conflicts = Vec::new();
    let mut taken = Vec::new();
    let mut forced = Vec::new();
    for change in &their_changes {
        let Verdict::Against(ours) = index.verdict(change) else {
            taken.push(change);
            continue;
        };
        let conflict = Conflict {
            ours: ours.clone(),
            theirs: change.clone(),
        };
        match choose(&conflict) {
            Side::Ours => conflicts.push(conflict),
            Side::Theirs => {
                taken.push(change);
                forced.push(change.clone());
            }
        }
    }
    let mut kept: Vec<&ElementChange> = our_changes.iter().collect();
    if !forced.is_empty() {
        // Whatever of ours contradicts what theirs was chosen for gives way to it.
        let against = Index::new(&forced, root, keys);
        kept.retain(|it| matches!(against.verdict(it), Verdict::Take));
        // And what it gave way in holds no other change of theirs back.
        let ours: Vec<ElementChange> = kept.iter().map(|it| (*it).clone()).collect();
        let index = Index::new(&ours, root, keys);
        conflicts.retain(|it| {
            let stands = matches!(index.verdict(&it.theirs), Verdict::Against(_));
            if !stands && let Some(free) = their_changes.iter().find(|all| **all == it.theirs) {
                taken.push(free);
            }
            stands
        });
    }
    let mut lists = [kept, taken];
    // Which side is whose must not matter where both put something in one place.
    lists.sort_by(|one, other| {
        one.iter()
            .map(|it| text(it))
            .cmp(other.iter().map(|it| text(it)))
    });
    let element = apply_lists(base.into_owned(), &lists, keys)
        .expect("what changed since the base fits the base");
    Merged { element, conflicts }
}

/// A change as text, to compare lists of them.
fn text(change: &ElementChange) -> String {
    let after = change.after.as_ref().map(content);
    format!(
        "{:?} {:?} {after:?} {:?}",
        change.path, change.kind, change.to
    )
}

/// A path that is the same for both sides where it means the same element.
type Way = Vec<Point>;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Point {
    Key(String, Vec<String>, usize),
    /// In the base.
    Before(String, usize),
    /// An element that stands at most once, as far as we know, and is new.
    Single(String),
    /// One of several new ones: never the same on both sides.
    New,
}

enum Verdict<'a> {
    Take,
    Against(&'a ElementChange),
}

struct Index<'a> {
    keys: &'a KeyRules,
    root: &'a str,
    at: HashMap<Way, Vec<&'a ElementChange>>,
    /// Something below these changed; one such change.
    below: HashMap<Way, &'a ElementChange>,
}

impl<'a> Index<'a> {
    fn new(changes: &'a [ElementChange], root: &'a str, keys: &'a KeyRules) -> Self {
        let mut index = Self {
            keys,
            root,
            at: HashMap::new(),
            below: HashMap::new(),
        };
        for change in changes {
            let way = index.way(&change.path);
            for length in 0..way.len() {
                index.below.entry(way[..length].to_vec()).or_insert(change);
            }
            index.at.entry(way).or_default().push(change);
        }
        index
    }

    fn way(&self, path: &[Step]) -> Way {
        let mut scope = self.keys.root(self.root);
        let mut way = Vec::with_capacity(path.len());
        for step in path {
            let (rule, inside) = self.keys.look_up(scope, &step.name);
            way.push(point(step, rule.order));
            scope = inside;
        }
        way
    }

    fn verdict(&self, theirs: &ElementChange) -> Verdict<'a> {
        let way = self.way(&theirs.path);
        for length in 0..way.len() {
            let above = self.at.get(&way[..length]).into_iter().flatten();
            if let Some(ours) = above.copied().find(|it| is_whole(it.kind)) {
                return Verdict::Against(ours);
            }
        }
        if way.last() == Some(&Point::New) {
            return Verdict::Take;
        }
        if is_whole(theirs.kind)
            && let Some(ours) = self.below.get(&way)
        {
            return Verdict::Against(ours);
        }
        for ours in self.at.get(&way).into_iter().flatten() {
            match (ours.kind, theirs.kind) {
                (ChangeKind::Moved, ChangeKind::Attributes | ChangeKind::Changed)
                | (ChangeKind::Attributes | ChangeKind::Changed, ChangeKind::Moved) => (),
                (one, other) if one == other && is_same(ours, theirs) => (),
                _ => return Verdict::Against(ours),
            }
        }
        Verdict::Take
    }
}

/// Whether both did the same; what both add or move, the first to do it places.
fn is_same(ours: &ElementChange, theirs: &ElementChange) -> bool {
    let behind = |it: &ElementChange| {
        let previous = it.to.as_ref().and_then(|it| it.previous.as_ref());
        previous.map(|it| point(it, Order::List))
    };
    ours.after == theirs.after && (ours.kind != ChangeKind::Moved || behind(ours) == behind(theirs))
}

/// Whether a change leaves nothing of the element as it was.
fn is_whole(kind: ChangeKind) -> bool {
    matches!(
        kind,
        ChangeKind::Removed | ChangeKind::Changed | ChangeKind::Added
    )
}

fn point(step: &Step, order: Order) -> Point {
    let name = step.name.clone();
    match &step.id {
        Id::Key { texts, nth } => Point::Key(name, texts.clone(), *nth),
        Id::Nth {
            before: Some(nth), ..
        } => Point::Before(name, *nth),
        Id::Nth { after: Some(0), .. }
            if matches!(order, Order::One | Order::Unknown) && name != COMMENT =>
        {
            Point::Single(name)
        }
        Id::Nth { .. } => Point::New,
    }
}
