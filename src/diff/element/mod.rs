//! What changed between two documents of one type, element by element.
//!
//! Items of a set or a list are matched by the key rules of `registry::keys`,
//! those that nothing names by content and place. Order counts in lists only.
//!
//! Invariant: the changes between two documents turn one into the other, both
//! in canonical order, and their inverse turns it back.

mod align;
mod alike;
mod apply;
mod describe;
mod find;
mod lost;
mod merge;
mod nouns;
mod value;

use serde::{Deserialize, Serialize};

pub use apply::{Misfit, apply, apply_as_written};
pub use describe::{describe, describe_below, short, short_below};
pub use find::{diff, diff_as_written};
pub use lost::{Lost, put_back};
pub use merge::{Conflict, Merged, Side, merge, merge_with};
pub use nouns::noun;
pub use value::{quoted, value};

use crate::{
    registry::keys::{KeyRules, Order},
    xml::Node,
};

/// One change of one element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ElementChange {
    /// The way to it from below the root; empty for the root itself.
    pub path: Vec<Step>,
    /// What happened to it.
    pub kind: ChangeKind,
    /// It as it was; `None` where it was not there or only moved. With
    /// [`ChangeKind::Attributes`], an element with nothing but the attributes.
    pub before: Option<Node>,
    /// It as it is; `None` where it is gone or only moved.
    pub after: Option<Node>,
    /// Where it stood, for what was removed or moved.
    pub from: Option<Place>,
    /// Where it stands, for what was added or moved.
    pub to: Option<Place>,
}

/// What happened to an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// It says something else, and changes as a whole.
    Changed,
    /// It stands elsewhere in its list.
    Moved,
    /// Its attributes differ; what stands in it is told by other changes.
    Attributes,
}

/// One element on the way to a change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// Its name; `#comment` for a comment.
    pub name: String,
    /// Which of its name.
    pub id: Id,
}

/// Which of several elements of one name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Id {
    /// The one that its key names; `nth` tells those of one key, from 0.
    Key {
        /// The texts of the key.
        texts: Vec<String>,
        /// How many of the same key stand before it.
        nth: usize,
    },
    /// One that nothing names, by its number among such, from 0.
    Nth {
        /// In the document before; `None` where it is new.
        before: Option<usize>,
        /// In the document after; `None` where it is gone.
        after: Option<usize>,
    },
}

/// Where an element stands in its parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its number among all that stands there, from 0.
    pub index: usize,
    /// What stands before it.
    pub previous: Option<Step>,
    /// What stands behind it.
    pub next: Option<Step>,
}

/// The changes that undo `changes`.
#[must_use]
pub fn invert(changes: &[ElementChange]) -> Vec<ElementChange> {
    changes.iter().map(ElementChange::inverse).collect()
}

impl ElementChange {
    /// Whether something only stands elsewhere, and that says nothing: an item of a set, or
    /// one that keeps its place among those of its name.
    ///
    /// `root` is the name of the document's root element.
    #[must_use]
    pub fn is_without_meaning(&self, root: &str, keys: &KeyRules) -> bool {
        if self.kind != ChangeKind::Moved {
            return false;
        }
        let mut scope = keys.root(root);
        let mut order = Order::Unknown;
        for step in &self.path {
            let (rule, inside) = keys.look_up(scope, &step.name);
            (order, scope) = (rule.order, inside);
        }
        let keeps_its_place = match self.path.last().map(|it| &it.id) {
            Some(Id::Nth { before, after }) => before == after,
            _ => false,
        };
        order == Order::Set || keeps_its_place
    }

    /// The change that undoes this one.
    #[must_use]
    pub fn inverse(&self) -> Self {
        let kind = match self.kind {
            ChangeKind::Added => ChangeKind::Removed,
            ChangeKind::Removed => ChangeKind::Added,
            other => other,
        };
        Self {
            path: self.path.iter().map(Step::inverse).collect(),
            kind,
            before: self.after.clone(),
            after: self.before.clone(),
            from: self.to.as_ref().map(Place::inverse),
            to: self.from.as_ref().map(Place::inverse),
        }
    }
}

impl Step {
    fn inverse(&self) -> Self {
        let id = match &self.id {
            Id::Nth { before, after } => Id::Nth {
                before: *after,
                after: *before,
            },
            key @ Id::Key { .. } => key.clone(),
        };
        Self {
            name: self.name.clone(),
            id,
        }
    }
}

impl Place {
    fn inverse(&self) -> Self {
        Self {
            index: self.index,
            previous: self.previous.as_ref().map(Step::inverse),
            next: self.next.as_ref().map(Step::inverse),
        }
    }
}

#[cfg(test)]
mod tests;
