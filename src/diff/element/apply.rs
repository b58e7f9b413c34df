//! Applies changes to a document.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use super::{
    ChangeKind, ElementChange, Id, Place, Step,
    align::{COMMENT, content, identify},
};
use crate::{
    registry::keys::{KeyRules, Order, Scope},
    source::canonical::{sort, sorted},
    xml::{Element, Node},
};

/// A change that does not fit a document: what it changes is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document has no `{}` to change", element.escape_debug())]
pub struct Misfit {
    element: String,
}

/// `document` with `changes` made, in canonical order.
///
/// # Errors
///
/// [`Misfit`] where one of them changes, moves or removes what is not there.
pub fn apply(
    document: &Element,
    changes: &[ElementChange],
    keys: &KeyRules,
) -> Result<Element, Misfit> {
    let document = sorted(document, keys).into_owned();
    apply_lists(document, &[changes.iter().collect()], keys)
}

/// `document` with `changes` of [`super::diff_as_written`] made, in no order but its own.
///
/// # Errors
///
/// As for [`apply`].
pub fn apply_as_written(
    document: &Element,
    changes: &[ElementChange],
    keys: &KeyRules,
) -> Result<Element, Misfit> {
    apply_in_place(document.clone(), &[changes.iter().collect()], keys)
}

/// The same with several lists, each of which fits `document`, in canonical
/// order, and none of which contradicts another.
pub(super) fn apply_lists(
    document: Element,
    lists: &[Vec<&ElementChange>],
    keys: &KeyRules,
) -> Result<Element, Misfit> {
    let mut root = apply_in_place(document, lists, keys)?;
    sort(&mut root, keys);
    Ok(root)
}

fn apply_in_place(
    document: Element,
    lists: &[Vec<&ElementChange>],
    keys: &KeyRules,
) -> Result<Element, Misfit> {
    let work: Vec<Work<'_>> = lists
        .iter()
        .enumerate()
        .flat_map(|(list, changes)| changes.iter().map(move |change| Work { list, change }))
        .collect();
    let mut node = Node::Element(document);
    let scope = match &node {
        Node::Element(root) => keys.root(root.local_name()),
        _ => return Err(misfit(&[])),
    };
    apply_to(&mut node, &work, 0, scope, keys)?;
    match node {
        Node::Element(root) => Ok(root),
        _ => Err(misfit(&[])),
    }
}

#[derive(Clone, Copy)]
struct Work<'a> {
    list: usize,
    change: &'a ElementChange,
}

fn misfit(path: &[Step]) -> Misfit {
    let names: Vec<_> = path.iter().map(|it| it.name.as_str()).collect();
    Misfit {
        element: names.join("."),
    }
}

/// Makes the changes at or below `node`, which lies `depth` steps below the root.
fn apply_to(
    node: &mut Node,
    work: &[Work<'_>],
    depth: usize,
    scope: Scope,
    keys: &KeyRules,
) -> Result<(), Misfit> {
    let mut below = Vec::new();
    for it in work {
        let change = it.change;
        if depth < change.path.len() {
            below.push(*it);
            continue;
        }
        match (change.kind, &change.after, &mut *node) {
            (ChangeKind::Changed, Some(after), node) => *node = after.clone(),
            (ChangeKind::Attributes, Some(Node::Element(after)), Node::Element(element)) => {
                element.attributes.clone_from(&after.attributes);
            }
            _ => return Err(misfit(&change.path)),
        }
    }
    if below.is_empty() {
        return Ok(());
    }
    match node {
        Node::Element(element) => apply_in(element, &below, depth, scope, keys),
        _ => Err(misfit(&below[0].change.path)),
    }
}

/// By what a step is found among the children.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Handle {
    Key(String, Vec<String>, usize),
    Before(String, usize),
    /// What a list of changes added, by its number after.
    After(usize, String, usize),
    /// What stands at most once, as far as we know, and is new.
    Single(String),
}

/// Finds children of one element.
#[derive(Clone, Copy)]
struct Finder<'a> {
    scope: Scope,
    keys: &'a KeyRules,
}

impl Finder<'_> {
    fn handle(self, step: &Step, list: usize) -> Handle {
        let name = step.name.clone();
        match &step.id {
            Id::Key { texts, nth } => Handle::Key(name, texts.clone(), *nth),
            Id::Nth {
                before: Some(nth), ..
            } => Handle::Before(name, *nth),
            Id::Nth { after, .. } => {
                let nth = after.unwrap_or_default();
                let (rule, _) = self.keys.look_up(self.scope, &name);
                match rule.order {
                    Order::One | Order::Unknown if nth == 0 && name != COMMENT => {
                        Handle::Single(name)
                    }
                    _ => Handle::After(list, name, nth),
                }
            }
        }
    }
}

/// The children as a chain. What is removed leaves its place behind, so that
/// others can still be put there.
struct Chain<'a> {
    finder: Finder<'a>,
    nodes: Vec<Option<Node>>,
    next: Vec<usize>,
    previous: Vec<usize>,
    places: HashMap<Handle, usize>,
}

/// The place before the first and behind the last child.
const ENDS: usize = 0;

impl<'a> Chain<'a> {
    fn new(element: &mut Element, scope: Scope, keys: &'a KeyRules) -> Self {
        let identities = identify(element, scope, keys);
        let length = identities.len() + 1;
        let mut places = HashMap::with_capacity(length);
        for (at, it) in identities.into_iter().enumerate() {
            let handle = match it.key {
                Some(texts) => {
                    let texts = texts.into_iter().map(Cow::into_owned).collect();
                    Handle::Key(it.name.to_owned(), texts, it.nth)
                }
                None => Handle::Before(it.name.to_owned(), it.nth),
            };
            places.insert(handle, at + 1);
        }
        let children = std::mem::take(&mut element.children);
        Self {
            finder: Finder { scope, keys },
            nodes: [None]
                .into_iter()
                .chain(children.into_iter().map(Some))
                .collect(),
            next: (1..=length).map(|it| it % length).collect(),
            previous: (0..length).map(|it| (it + length - 1) % length).collect(),
            places,
        }
    }

    fn insert(&mut self, node: Option<Node>, behind: usize) -> usize {
        let (at, next) = (self.nodes.len(), self.next[behind]);
        self.nodes.push(node);
        self.next.push(next);
        self.previous.push(behind);
        self.next[behind] = at;
        self.previous[next] = at;
        at
    }

    /// Behind what a new child belongs: its neighbour where that is there.
    fn behind(&self, place: &Place, list: usize, name: &str) -> usize {
        let find = |step: &Step| self.places.get(&self.finder.handle(step, list)).copied();
        match (&place.previous, &place.next) {
            (None, _) => ENDS,
            (Some(previous), next) => find(previous)
                .or_else(|| next.as_ref().and_then(find).map(|it| self.previous[it]))
                .unwrap_or_else(|| self.last_named(name)),
        }
    }

    /// Behind what another list has brought there to stand with its like: what came behind
    /// the last of a name does not tear that name apart.
    fn past_the_like(
        &self,
        mut behind: usize,
        place: &Place,
        name: &str,
        is_others: &dyn Fn(usize) -> bool,
    ) -> usize {
        let Some(previous) = place.previous.as_ref().map(|it| it.name.as_str()) else {
            return behind;
        };
        let is_inside = place.next.as_ref().is_some_and(|it| it.name == previous);
        if is_inside || [previous, COMMENT].contains(&name) || previous == COMMENT {
            return behind;
        }
        loop {
            let next = self.next[behind];
            let is_like =
                matches!(&self.nodes[next], Some(Node::Element(it)) if it.name == previous);
            if !is_like || !is_others(next) {
                return behind;
            }
            behind = next;
        }
    }

    fn last_named(&self, name: &str) -> usize {
        let is_named = |it: &Option<Node>| match it {
            Some(Node::Element(element)) => element.name == name,
            Some(Node::Comment(_)) => name == COMMENT,
            _ => false,
        };
        let mut at = self.previous[ENDS];
        while at != ENDS && !is_named(&self.nodes[at]) {
            at = self.previous[at];
        }
        if at == ENDS { self.previous[ENDS] } else { at }
    }

    /// Puts in what was added or moved, each behind what it stood behind. Where
    /// several lists bring the same, the first one places it.
    fn take_in(&mut self, arriving: &[(usize, &Place, Work<'_>)], depth: usize) {
        let mut arrived: HashSet<Handle> = HashSet::new();
        let mut nameless: HashMap<(usize, String), (usize, usize)> = HashMap::new();
        let mut brought: HashMap<usize, usize> = HashMap::new();
        for (list, place, it) in arriving {
            let step = &it.change.path[depth];
            let handle = self.finder.handle(step, *list);
            if arrived.contains(&handle) {
                continue;
            }
            let behind = self.behind(place, *list, &step.name);
            let is_others = |at: usize| brought.get(&at).is_some_and(|it| it != list);
            let behind = self.past_the_like(behind, place, &step.name, &is_others);
            let node = match it.change.kind {
                ChangeKind::Moved => {
                    let from = self.places.get(&handle).copied();
                    from.and_then(|at| self.nodes[at].take())
                }
                _ => it.change.after.clone(),
            };
            let said = match (&handle, &node) {
                (Handle::After(..), Some(node)) => Some((behind, content(node))),
                _ => None,
            };
            let same = said.as_ref().and_then(|it| nameless.get(it));
            let at = match same {
                Some((other, at)) if other != list => *at,
                _ => self.insert(node, behind),
            };
            brought.insert(at, *list);
            nameless.extend(said.map(|it| (it, (*list, at))));
            self.places.insert(handle.clone(), at);
            arrived.insert(handle);
        }
    }

    fn into_children(mut self) -> Vec<Node> {
        let mut children = Vec::with_capacity(self.nodes.len());
        let mut at = self.next[ENDS];
        while at != ENDS {
            children.extend(self.nodes[at].take());
            at = self.next[at];
        }
        children
    }
}

fn apply_in(
    element: &mut Element,
    work: &[Work<'_>],
    depth: usize,
    scope: Scope,
    keys: &KeyRules,
) -> Result<(), Misfit> {
    let mut chain = Chain::new(element, scope, keys);
    let mut inside: HashMap<usize, Vec<Work<'_>>> = HashMap::new();
    let mut arriving: Vec<(usize, &Place, Work<'_>)> = Vec::new();
    let mut leaving = Vec::new();
    for it in work {
        let change = it.change;
        let is_here = change.path.len() == depth + 1;
        let place = change.to.as_ref().filter(|_| is_here);
        if let (ChangeKind::Added | ChangeKind::Moved, Some(place)) = (change.kind, place) {
            arriving.push((it.list, place, *it));
        }
        if is_here && change.kind == ChangeKind::Added {
            continue;
        }
        let at = chain
            .places
            .get(&chain.finder.handle(&change.path[depth], it.list))
            .copied();
        let at = at.ok_or_else(|| misfit(&change.path))?;
        match change.kind {
            ChangeKind::Removed if is_here => leaving.push(at),
            ChangeKind::Moved if is_here => (),
            _ => inside.entry(at).or_default().push(*it),
        }
    }
    for (at, work) in inside {
        let node = chain.nodes[at].as_mut();
        let node = node.ok_or_else(|| misfit(&work[0].change.path))?;
        let scope = match node {
            Node::Element(child) => keys.look_up(scope, child.local_name()).1,
            _ => scope,
        };
        apply_to(node, &work, depth + 1, scope, keys)?;
    }
    for at in leaving {
        chain.nodes[at] = None;
    }
    arriving.sort_by_key(|it| (it.0, it.1.index));
    chain.take_in(&arriving, depth);
    element.children = chain.into_children();
    Ok(())
}
