//! What changed inside the files, and what of it went with a deleted component.

use super::{commit::changed_file, outcome::PathChange};
use crate::{
    diff::{element::ChangeKind, file},
    model::ComponentKey,
    ops::error::Error,
    plan::{
        commits::{Change, ChangedFile, Part},
        rollback::references::{Container, References, noun},
    },
    registry::Registry,
    store::{Kind, ObjectId, PackBuilder},
    xml::{self, Node},
};

/// Changed files above which nobody reads details; only names are told then.
const MAX_DETAILED: usize = 2_000;

/// The changed files with what changed in them.
///
/// Where a component was deleted, elements that named it and are gone went with
/// it: nobody edited those files.
pub(super) fn changed_files(
    registry: &Registry,
    changes: &[&PathChange],
    pack: &PackBuilder<'_>,
) -> Result<Vec<ChangedFile>, Error> {
    let deleted: Vec<(ComponentKey, References)> = changes
        .iter()
        .filter(|it| it.after.is_none() && !it.path.as_str().starts_with(".orgkeep/"))
        .map(|it| (it.key.clone(), References::to(&it.key)))
        .collect();
    changes
        .iter()
        .map(|change| {
            let plain = changed_file(registry, change);
            match (change.before, change.after) {
                (Some(before), Some(after)) if changes.len() <= MAX_DETAILED => {
                    detailed(plain, change, (before, after), &deleted, pack)
                }
                _ => Ok(plain),
            }
        })
        .collect()
}

fn detailed(
    plain: ChangedFile,
    change: &PathChange,
    (before, after): (ObjectId, ObjectId),
    deleted: &[(ComponentKey, References)],
    pack: &PackBuilder<'_>,
) -> Result<ChangedFile, Error> {
    let before = pack.read(Kind::Blob, before)?;
    let after = pack.read(Kind::Blob, after)?;
    let Some(first) = plain.parts.first().cloned() else {
        return Ok(plain);
    };
    let Some((_, changes)) = file::changes(&before, &after) else {
        return Ok(plain);
    };
    let details = file::short_details(&before, &after);
    let root = xml::parse(&before).ok().map(|it| it.root);
    let mut own = Vec::new();
    let mut lost: Vec<(ComponentKey, String)> = Vec::new();
    for (it, words) in changes.iter().zip(details) {
        let removed = match (&it.kind, &it.before) {
            (ChangeKind::Removed, Some(Node::Element(element))) => Some(element),
            _ => None,
        };
        let cause = removed.zip(root.as_ref()).and_then(|(element, root)| {
            let container = Container {
                key: &change.key,
                root,
            };
            deleted
                .iter()
                .find(|(_, references)| references.are_in(element, &container))
                .map(|(key, _)| (key.clone(), noun(&change.key, element.local_name())))
        });
        match cause {
            Some(cause) => lost.push(cause),
            None => own.push(words),
        }
    }
    let mut parts = Vec::new();
    if !own.is_empty() || lost.is_empty() {
        parts.push(Part {
            details: own,
            ..first.clone()
        });
    }
    let mut causes: Vec<ComponentKey> = lost.iter().map(|it| it.0.clone()).collect();
    causes.dedup();
    for cause in causes {
        parts.push(Part {
            change: Change::Changed,
            details: lost
                .iter()
                .filter(|it| it.0 == cause)
                .map(|it| it.1.clone())
                .collect(),
            consequence_of: Some(cause),
            ..first.clone()
        });
    }
    Ok(ChangedFile {
        path: plain.path,
        parts,
    })
}
