//! Finds the changes between two documents.

use super::{
    ChangeKind, ElementChange, Id, Place, Step,
    align::{Identity, Nameless, identify, is_regular, longest_rising, pair},
};
use crate::{
    registry::keys::{KeyRules, Scope},
    source::canonical::sorted,
    xml::{Element, Node},
};

/// The changes that turn `before` into `after`, in the order of `after`.
///
/// Both are taken in canonical order, so that the order of sets is no change.
/// Takes time in proportion to the two documents, but for the sorting.
#[must_use]
pub fn diff(before: &Element, after: &Element, keys: &KeyRules) -> Vec<ElementChange> {
    diff_by(before, after, keys, Nameless::ByPlace)
}

/// The same with another way to pair what no key names.
pub(super) fn diff_by(
    before: &Element,
    after: &Element,
    keys: &KeyRules,
    nameless: Nameless,
) -> Vec<ElementChange> {
    if before == after {
        return Vec::new();
    }
    search(&sorted(before, keys), &sorted(after, keys), keys, nameless)
}

/// The same for documents as they are written: an item of a set that stands elsewhere has moved.
#[must_use]
pub fn diff_as_written(before: &Element, after: &Element, keys: &KeyRules) -> Vec<ElementChange> {
    diff_sorted(before, after, keys)
}

/// The same for documents that are in canonical order.
pub(super) fn diff_sorted(
    before: &Element,
    after: &Element,
    keys: &KeyRules,
) -> Vec<ElementChange> {
    search(before, after, keys, Nameless::ByPlace)
}

fn search(
    before: &Element,
    after: &Element,
    keys: &KeyRules,
    nameless: Nameless,
) -> Vec<ElementChange> {
    let mut search = Search {
        keys,
        nameless,
        path: Vec::new(),
        changes: Vec::new(),
    };
    search.element(before, after, keys.root(before.local_name()));
    search.changes
}

struct Search<'a> {
    keys: &'a KeyRules,
    nameless: Nameless,
    path: Vec<Step>,
    changes: Vec<ElementChange>,
}

/// The children of two elements, and which of them are the same.
struct Children<'a> {
    before: (&'a Element, Vec<Identity<'a>>),
    after: (&'a Element, Vec<Identity<'a>>),
    /// For each before, its number after.
    to: Vec<Option<usize>>,
    /// For each after, its number before.
    from: Vec<Option<usize>>,
}

impl Search<'_> {
    fn element(&mut self, before: &Element, after: &Element, scope: Scope) {
        if before == after {
            return;
        }
        let is_container = before.has_elements() || after.has_elements();
        let is_regular = is_regular(before) && is_regular(after);
        if before.name != after.name || !is_container || !is_regular {
            let whole = |it: &Element| Some(Node::Element(it.clone()));
            return self.push(ChangeKind::Changed, whole(before), whole(after));
        }
        if before.attributes != after.attributes {
            let bare = |it: &Element| {
                let mut bare = Element::new(&it.name);
                bare.attributes.clone_from(&it.attributes);
                Some(Node::Element(bare))
            };
            self.push(ChangeKind::Attributes, bare(before), bare(after));
        }
        let children = Children::new((before, after), scope, self.keys, self.nameless);
        self.children(&children, scope);
    }

    fn push(&mut self, kind: ChangeKind, before: Option<Node>, after: Option<Node>) {
        self.changes.push(ElementChange {
            path: self.path.clone(),
            kind,
            before,
            after,
            from: None,
            to: None,
        });
    }

    fn children(&mut self, children: &Children<'_>, scope: Scope) {
        let stays = children.that_stay();
        let mut n_seen = 0;
        for at in 0..=children.from.len() {
            // What is gone is told where it stood.
            let up_to = match children.from.get(at) {
                Some(Some(from)) if stays[*from] => *from,
                Some(_) => n_seen,
                None => children.to.len(),
            };
            for gone in n_seen..up_to.max(n_seen) {
                if children.to[gone].is_none() {
                    self.one(children, Some(gone), None);
                }
            }
            n_seen = n_seen.max(up_to);
            let Some(from) = children.from.get(at) else {
                break;
            };
            let Some(from) = *from else {
                self.one(children, None, Some(at));
                continue;
            };
            if !stays[from] {
                self.one(children, Some(from), Some(at));
            }
            self.inside(children, from, at, scope);
        }
    }

    /// A child that was added, removed or moved.
    fn one(&mut self, children: &Children<'_>, from: Option<usize>, to: Option<usize>) {
        let kind = match (from, to) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Moved,
        };
        let step = match (from, to) {
            (Some(from), _) => children.step_before(from),
            (None, Some(to)) => children.step_after(to),
            (None, None) => return,
        };
        let node = |element: &Element, at: Option<usize>| {
            let at = at.filter(|_| kind != ChangeKind::Moved)?;
            Some(element.children[at].clone())
        };
        self.path.push(step);
        self.changes.push(ElementChange {
            path: self.path.clone(),
            kind,
            before: node(children.before.0, from),
            after: node(children.after.0, to),
            from: from.map(|it| children.place_before(it)),
            to: to.map(|it| children.place_after(it)),
        });
        self.path.pop();
    }

    /// What differs in a child that both have.
    fn inside(&mut self, children: &Children<'_>, from: usize, to: usize, scope: Scope) {
        let (before, after) = (
            &children.before.0.children[from],
            &children.after.0.children[to],
        );
        if before == after {
            return;
        }
        self.path.push(children.step_before(from));
        match (before, after) {
            (Node::Element(before), Node::Element(after)) => {
                let (_, inside) = self.keys.look_up(scope, before.local_name());
                self.element(before, after, inside);
            }
            _ => self.push(
                ChangeKind::Changed,
                Some(before.clone()),
                Some(after.clone()),
            ),
        }
        self.path.pop();
    }
}

impl<'a> Children<'a> {
    fn new(
        (before, after): (&'a Element, &'a Element),
        scope: Scope,
        keys: &KeyRules,
        nameless: Nameless,
    ) -> Self {
        let before = (before, identify(before, scope, keys));
        let after = (after, identify(after, scope, keys));
        let to = pair((before.0, &before.1), (after.0, &after.1), nameless);
        let mut from = vec![None; after.1.len()];
        for (at, to) in to.iter().enumerate() {
            if let Some(to) = to {
                from[*to] = Some(at);
            }
        }
        Self {
            before,
            after,
            to,
            from,
        }
    }

    /// For each before, whether it is there after and need not move.
    fn that_stay(&self) -> Vec<bool> {
        let kept: Vec<(usize, usize)> = self
            .to
            .iter()
            .enumerate()
            .filter_map(|(at, to)| Some((at, (*to)?)))
            .collect();
        let mut stays = vec![false; self.to.len()];
        for it in longest_rising(&kept.iter().map(|it| it.1).collect::<Vec<_>>()) {
            stays[kept[it].0] = true;
        }
        stays
    }

    fn step_before(&self, at: usize) -> Step {
        let after = self.to[at].map(|to| &self.after.1[to]);
        step(&self.before.1[at], Some(&self.before.1[at]), after)
    }

    fn step_after(&self, at: usize) -> Step {
        let before = self.from[at].map(|from| &self.before.1[from]);
        step(&self.after.1[at], before, Some(&self.after.1[at]))
    }

    fn place_before(&self, at: usize) -> Place {
        Place {
            index: at,
            previous: at.checked_sub(1).map(|it| self.step_before(it)),
            next: (at + 1 < self.to.len()).then(|| self.step_before(at + 1)),
        }
    }

    fn place_after(&self, at: usize) -> Place {
        Place {
            index: at,
            previous: at.checked_sub(1).map(|it| self.step_after(it)),
            next: (at + 1 < self.from.len()).then(|| self.step_after(at + 1)),
        }
    }
}

fn step(it: &Identity<'_>, before: Option<&Identity<'_>>, after: Option<&Identity<'_>>) -> Step {
    let id = match &it.key {
        Some(texts) => Id::Key {
            texts: texts.iter().map(ToString::to_string).collect(),
            nth: it.nth,
        },
        None => Id::Nth {
            before: before.map(|it| it.nth),
            after: after.map(|it| it.nth),
        },
    };
    Step {
        name: it.name.to_owned(),
        id,
    }
}
