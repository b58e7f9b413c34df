//! What changed inside the files: which component each change is of, and what of it
//! went with a deleted component.

use super::{commit::changed_file, outcome::PathChange};
use crate::{
    diff::{
        between::Between,
        child::{child_of, has_children_inside},
        element::{self, ChangeKind, ElementChange, noun, short_below},
    },
    model::ComponentKey,
    ops::error::Error,
    plan::{
        commits::{Change, ChangedFile, Part},
        rollback::references::{Container, References},
    },
    registry::{Registry, keys::KeyRules},
    store::{Kind, ObjectId, PackBuilder},
    xml::{self, Element, Node},
};

/// Changed files above which nobody reads details; only names are told then.
const MAX_DETAILED: usize = 2_000;

/// Tells the parts of changed files apart.
pub(super) struct Parting<'a> {
    registry: &'a Registry,
    deleted: Vec<(ComponentKey, References)>,
}

/// What one change of an element is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Belongs {
    key: ComponentKey,
    cause: Option<ComponentKey>,
    change: Change,
}

impl<'a> Parting<'a> {
    pub(super) fn new(registry: &'a Registry, changes: &[&PathChange]) -> Self {
        let deleted = changes
            .iter()
            .filter(|it| it.after.is_none() && !it.path.as_str().starts_with(".orgkeep/"))
            .map(|it| (it.key.clone(), References::to(&it.key)))
            .collect();
        Self { registry, deleted }
    }

    /// The changed files with what changed in them.
    ///
    /// Where a component was deleted, elements that named it and are gone went with
    /// it: nobody edited those files.
    pub(super) fn changed_files(
        &self,
        changes: &[&PathChange],
        pack: &PackBuilder<'_>,
    ) -> Result<Vec<ChangedFile>, Error> {
        changes
            .iter()
            .map(|change| {
                let plain = changed_file(self.registry, change);
                if changes.len() <= MAX_DETAILED && self.looks_into(change) {
                    self.detailed(plain, change, pack)
                } else {
                    Ok(plain)
                }
            })
            .collect()
    }

    /// Files that came or went are looked into only where they hold several components.
    fn looks_into(&self, change: &PathChange) -> bool {
        match (change.before, change.after) {
            (Some(_), Some(_)) => true,
            _ => change.key == change.family && has_children_inside(self.registry, &change.key),
        }
    }

    fn detailed(
        &self,
        plain: ChangedFile,
        change: &PathChange,
        pack: &PackBuilder<'_>,
    ) -> Result<ChangedFile, Error> {
        let before = read(pack, change.before)?;
        let after = read(pack, change.after)?;
        let (Some(first), Some((old, new))) = (
            plain.parts.first().cloned(),
            roots(before.as_deref(), after.as_deref()),
        ) else {
            return Ok(plain);
        };
        let keys = KeyRules::official();
        let mut parts: Vec<Part> = Vec::new();
        for it in element::diff(&old, &new, keys) {
            let of = self.belongs(change, &old, &it);
            let is_child = of.key != change.key;
            let detail = match (&of.cause, &it.before) {
                (Some(_), Some(Node::Element(lost))) => {
                    Some(noun(change.key.type_name.as_str(), lost.local_name()))
                }
                _ if of.change != Change::Changed => None,
                _ => Some(short_below(
                    usize::from(is_child),
                    old.local_name(),
                    &it,
                    keys,
                )),
            };
            let known = parts
                .iter()
                .position(|it| it.key == of.key && it.consequence_of == of.cause);
            let at = known.unwrap_or_else(|| {
                parts.push(Part {
                    parent: if is_child {
                        Some(change.key.clone())
                    } else {
                        first.parent.clone()
                    },
                    change: if is_child || of.cause.is_some() {
                        of.change
                    } else {
                        first.change
                    },
                    key: of.key,
                    consequence_of: of.cause,
                    details: Vec::new(),
                });
                parts.len() - 1
            });
            parts[at].details.extend(detail);
        }
        if parts.is_empty() {
            return Ok(plain);
        }
        let mut file = ChangedFile {
            path: plain.path,
            parts,
            is_divisible: true,
        };
        if file.parts.len() > 1 {
            let bytes = (before.as_deref(), after.as_deref());
            file.is_divisible = (0..file.parts.len()).all(|it| {
                self.state_with(change, &file, bytes, &|part| part == it)
                    .is_some()
            });
        }
        Ok(file)
    }

    /// The file of before with some of its parts.
    ///
    /// `None` where they cannot be told from the others.
    pub(super) fn with_parts(
        &self,
        change: &PathChange,
        file: &ChangedFile,
        wanted: &dyn Fn(usize) -> bool,
        pack: &PackBuilder<'_>,
    ) -> Result<Option<Vec<u8>>, Error> {
        let before = read(pack, change.before)?;
        let after = read(pack, change.after)?;
        let bytes = (before.as_deref(), after.as_deref());
        Ok(self.state_with(change, file, bytes, wanted))
    }

    fn state_with(
        &self,
        change: &PathChange,
        file: &ChangedFile,
        (before, after): (Option<&[u8]>, Option<&[u8]>),
        wanted: &dyn Fn(usize) -> bool,
    ) -> Option<Vec<u8>> {
        let between = Between::new(before, after)?;
        let (old, _) = roots(before, after)?;
        between.with(|it| {
            let of = self.belongs(change, &old, it);
            let part = file
                .parts
                .iter()
                .position(|it| it.key == of.key && it.consequence_of == of.cause);
            // What only stands elsewhere comes with the last of them.
            part.is_some_and(wanted)
        })
    }

    fn belongs(&self, change: &PathChange, old: &Element, it: &ElementChange) -> Belongs {
        if let Some(child) = child_of(self.registry, &change.key, it) {
            let whole = match child.kind {
                ChangeKind::Added => Some(Change::Added),
                ChangeKind::Removed => Some(Change::Deleted),
                _ => None,
            };
            return Belongs {
                cause: match whole {
                    Some(_) => None,
                    None => self.cause(change, old, it),
                },
                key: child.key,
                change: whole.unwrap_or(Change::Changed),
            };
        }
        Belongs {
            key: change.key.clone(),
            cause: self.cause(change, old, it),
            change: Change::Changed,
        }
    }

    /// The deleted component with which an element went.
    fn cause(
        &self,
        change: &PathChange,
        old: &Element,
        it: &ElementChange,
    ) -> Option<ComponentKey> {
        let (ChangeKind::Removed, Some(Node::Element(lost))) = (it.kind, &it.before) else {
            return None;
        };
        let container = Container {
            key: &change.key,
            root: old,
        };
        let found = self
            .deleted
            .iter()
            .find(|(key, references)| *key != change.key && references.are_in(lost, &container));
        found.map(|(key, _)| key.clone())
    }
}

fn read(pack: &PackBuilder<'_>, id: Option<ObjectId>) -> Result<Option<Vec<u8>>, Error> {
    Ok(match id {
        Some(id) => Some(pack.read(Kind::Blob, id)?),
        None => None,
    })
}

/// The roots of both states; of one that is not there, an empty one like the other.
fn roots(before: Option<&[u8]>, after: Option<&[u8]>) -> Option<(Element, Element)> {
    let parse = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => xml::parse(bytes).map(|it| Some(it.root)),
        None => Ok(None),
    };
    let (before, after) = (parse(before).ok()?, parse(after).ok()?);
    let like = |other: &Option<Element>| {
        let mut empty = other.clone()?;
        empty.children.clear();
        Some(empty)
    };
    Some((
        before.clone().or_else(|| like(&after))?,
        after.or_else(|| like(&before))?,
    ))
}
