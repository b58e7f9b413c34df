//! Puts back what people committed under our paths without deploying it.
//!
//! The tree under our paths says what the org held. A commit that only a clone
//! made is no news of the org, so a commit of our own takes it back, and whatever
//! of it is in the org comes with the snapshot, under the name of who deployed it.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    SnapshotSetup,
    base::Base,
    own::{self, OwnCommit},
};
use crate::{
    model::{Timestamp, TreePath},
    ops::error::Error,
    plan::commits::{Kind, neutral},
    progress::{Event, Monitor},
    registry::Registry,
    source,
    store::{Branch, TreeChange, TreeEdit, WriteLock},
};

/// Most paths that the message names.
const LINES: usize = 200;

/// Makes the commit where there is something to put back; whether there was.
pub(super) fn put_back(
    lock: &WriteLock<'_>,
    branch: &Branch,
    base: &Base,
    setup: &SnapshotSetup,
    now: Option<Timestamp>,
    monitor: &dyn Monitor,
) -> Result<bool, Error> {
    let (Some(tip), Some(tree), Some(_)) = (base.commit, base.tree, base.last_snapshot) else {
        return Ok(false);
    };
    let repo = lock.repository();
    let Some(ours) = own::last(repo, tip)?.filter(|it| it.tree != tree) else {
        return Ok(false);
    };
    let changes: Vec<TreeChange> = repo
        .diff_trees(ours.tree, tree)?
        .into_iter()
        .filter(|it| is_ours(&it.path, &setup.package_dirs))
        .collect();
    let changes = without_moves(changes);
    if changes.is_empty() {
        return Ok(false);
    }
    let mut edit = TreeEdit::new(Some(tree));
    let mut body = String::new();
    for (n, change) in changes.iter().enumerate() {
        let Ok(path) = change.path.parse::<TreePath>() else {
            // No tree of ours can hold it, so no snapshot reads it either.
            continue;
        };
        let sign = match (&change.before, &change.after) {
            (None, _) => '−',
            (_, None) => '+',
            _ => '~',
        };
        match &change.before {
            Some(before) => edit.put(path, before.id),
            None => edit.remove(path),
        }
        if n < LINES {
            let _ = writeln!(body, "{sign} {}", neutral(&change.path));
        }
    }
    if LINES < changes.len() {
        let _ = writeln!(body, "… and {} more", changes.len() - LINES);
    }
    let n = changes.len();
    let files = if n == 1 { "file" } else { "files" };
    let subject = format!("Put back {n} {files} committed without being deployed");
    let message = own::message(&Kind::PutBack, subject, body.trim_end(), base);
    let pack = repo.pack(&base.listing)?;
    let tree = edit.write(&pack)?;
    let commit = OwnCommit {
        tree,
        message,
        author: None,
        at: now,
    };
    own::publish(lock, branch, pack, commit, setup, monitor)?;
    monitor.event(Event::Warned(format!(
        "{n} {files} under our paths were committed since the last snapshot and are put back; what of them is in the org comes with it"
    )));
    Ok(true)
}

/// The changes without those of files that only got another place: where a component
/// stands is the project's own affair.
fn without_moves(changes: Vec<TreeChange>) -> Vec<TreeChange> {
    let registry = Registry::official();
    let usual = |it: &TreeChange| source::usual(registry, &it.path);
    let mut gone = BTreeMap::new();
    let mut come = BTreeMap::new();
    for it in &changes {
        match (&it.before, &it.after) {
            (Some(before), None) => gone.insert(usual(it), before.id),
            (None, Some(after)) => come.insert(usual(it), after.id),
            _ => None,
        };
    }
    let is_move = |it: &TreeChange| {
        let usual = usual(it);
        (it.before.is_none() || it.after.is_none())
            && usual.is_some()
            && gone
                .get(&usual)
                .is_some_and(|id| come.get(&usual) == Some(id))
    };
    changes.into_iter().filter(|it| !is_move(it)).collect()
}

/// Whether a path is one that only snapshots write.
fn is_ours(path: &str, package_dirs: &[TreePath]) -> bool {
    let is_under = |folder: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    is_under(".orgkeep")
        || ((package_dirs.iter().any(|it| is_under(it.as_str())) || is_under(source::UNMAPPED))
            && source::owner(Registry::official(), path).is_some())
}
