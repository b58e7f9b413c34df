//! Which key the tags of secrets are made with.
//!
//! The key is never in the repository; its id stands in `.orgkeep/org.json`. A run
//! that has no key, or another one, keeps the tags that stand in the tree: secrets
//! stay out all the same, and only whether one changed cannot be seen.

use std::collections::BTreeSet;

use super::{SnapshotSetup, base::Base};
use crate::{
    ledger::{Gap, GapKind, OrgFile, RedactedValues},
    model::{OrgId, TreePath},
    ops::error::{Error, Refusal},
    progress::{Event, Monitor},
    source::{
        self,
        redact::{OnSuspect, RedactionKey, Tags},
    },
    store::{ObjectId, Repository},
};

/// How secrets are tagged; `None` where they are not taken out.
pub(super) fn tags(setup: &SnapshotSetup, base: &Base, org: OrgId) -> Option<Tags> {
    if !setup.redact {
        return None;
    }
    if let Some(key) = &setup.redaction_key
        && key_id(setup, base) == Some(key.id())
    {
        return Some(Tags::keyed(org.to_string(), key.clone()));
    }
    let kept = base.redacted.0.iter().map(|it| {
        let place = (it.path.to_string(), it.element.clone());
        (place, it.tag.clone())
    });
    Some(Tags::kept(kept.collect()))
}

/// The same for the snapshot in a tree; `None` also where the tree holds none.
///
/// # Errors
///
/// Objects that cannot be read.
pub(in crate::ops) fn tags_of_tree(
    repo: &Repository,
    setup: &SnapshotSetup,
    tree: ObjectId,
) -> Result<Option<Tags>, Error> {
    let read = |path: &str| match repo.entry_at(tree, path)? {
        Some(entry) => repo.blob(entry.id).map(Some),
        None => Ok(None),
    };
    let Some(org) = read(OrgFile::PATH)? else {
        return Ok(None);
    };
    let redacted = match read(RedactedValues::PATH)? {
        Some(bytes) => RedactedValues::parse(&bytes)?,
        None => RedactedValues::default(),
    };
    let org = OrgFile::parse(&org)?;
    let org_id = org.org_id;
    let base = Base {
        org: Some(org),
        redacted,
        ..Base::default()
    };
    Ok(tags(setup, &base, org_id))
}

/// The id of the key of this history: the one that began it, unless another is to take its place.
pub(super) fn key_id(setup: &SnapshotSetup, base: &Base) -> Option<String> {
    if setup.new_key && setup.redact {
        return setup.redaction_key.as_ref().map(RedactionKey::id);
    }
    match &base.org {
        Some(org) if org.redaction_key.is_some() || !base.redacted.0.is_empty() => {
            org.redaction_key.clone()
        }
        _ if setup.redact => setup.redaction_key.as_ref().map(RedactionKey::id),
        _ => None,
    }
}

/// That changes of secrets cannot be seen, where secrets are out and the key is not at hand.
pub(super) fn gap(tags: Option<&Tags>, n_secrets: usize) -> Option<Gap> {
    let is_blind = n_secrets > 0 && tags.is_some_and(|it| !it.are_keyed());
    is_blind.then(|| Gap {
        what: RedactedValues::PATH.to_owned(),
        kind: GapKind::Unseen,
        reason: "the redaction key of this history is not at hand".to_owned(),
        since: None,
    })
}

/// Tells of what looks like a secret, or refuses to commit it.
pub(super) fn suspected(
    gaps: &BTreeSet<Gap>,
    base: &Base,
    setup: &SnapshotSetup,
    monitor: &dyn Monitor,
) -> Result<(), Error> {
    let accepted = &base.coverage.accepted;
    let is_new = |gap: &&Gap| {
        gap.kind == GapKind::Suspect
            && !accepted
                .iter()
                .any(|it| it.what == gap.what && it.kind == gap.kind)
    };
    let found: Vec<&Gap> = gaps.iter().filter(is_new).collect();
    let Some(first) = found.first() else {
        return Ok(());
    };
    let first = format!("{} ({})", first.what, first.reason);
    let n_more = found.len() - 1;
    if setup.on_suspect == OnSuspect::Stop {
        return Err(Refusal::SuspectedSecret { first, n_more }.into());
    }
    let more = match n_more {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    monitor.event(Event::Warned(format!(
        "what looks like a secret is committed: {first}{more}"
    )));
    Ok(())
}

/// The `.forceignore` that keeps `sf` from deploying placeholders; `None` where it is
/// as it should be.
pub(super) fn forceignore(
    base: &Base,
    redacted: &RedactedValues,
    repo: &Repository,
) -> Result<Option<Vec<u8>>, Error> {
    let before = match base.listing.get(FORCEIGNORE) {
        Some(entry) => repo.blob(entry.id)?,
        None => Vec::new(),
    };
    let files: BTreeSet<&TreePath> = redacted.0.iter().map(|it| &it.path).collect();
    // What is no text is the user's own affair.
    let Ok(text) = std::str::from_utf8(&before) else {
        return Ok(None);
    };
    let after = source::with_block(text, &files).into_bytes();
    Ok((after != before).then_some(after))
}

/// Path of the file that `sf` reads.
pub(super) const FORCEIGNORE: &str = ".forceignore";

/// Whether the branch has no snapshot yet, so that a key may be made for it.
///
/// # Errors
///
/// A repository or a branch that cannot be read.
pub fn begins_history(repo: &Repository, setup: &SnapshotSetup) -> Result<bool, Error> {
    let branch = repo.ready(&setup.branch, &setup.remote)?;
    let Some(tip) = branch.tip else {
        return Ok(true);
    };
    let tree = repo.commit(tip)?.tree;
    Ok(repo.entry_at(tree, OrgFile::PATH)?.is_none())
}
