//! What is still different after a rollback.

use serde::Serialize;

use super::view::TreeView;
use crate::{
    diff::file,
    ledger::FlowVersions,
    model::ComponentKey,
    ops::{
        error::Error,
        snapshot::{Base, SnapshotSetup, is_opaque},
    },
    plan::rollback::{Content, Item, Step, View as _},
};

/// A component that is not as it was meant to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Residue {
    /// The component.
    pub component: ComponentKey,
    /// What differs, in words.
    pub details: Vec<String>,
}

/// Compares what was applied with what the org has now.
pub(super) fn compare<'i>(
    items: impl Iterator<Item = &'i Item>,
    target: &TreeView<'_>,
    now: &TreeView<'_>,
    after: &Base,
    setup: &SnapshotSetup,
) -> Result<Vec<Residue>, Error> {
    let mut residue = Vec::new();
    for item in items {
        let details = details(item, target, now, after, setup);
        if !details.is_empty() {
            residue.push(Residue {
                component: item.key.clone(),
                details,
            });
        }
    }
    target.check()?;
    now.check()?;
    Ok(residue)
}

fn details(
    item: &Item,
    target: &TreeView<'_>,
    now: &TreeView<'_>,
    after: &Base,
    setup: &SnapshotSetup,
) -> Vec<String> {
    let mut details = Vec::new();
    if !item.deletes.is_empty() && now.state(&item.key).is_some() {
        details.push("it is still there".to_owned());
    }
    let sent = |it: &Content| matches!(it, Content::Target);
    let is_whole = !item.files.is_empty() && item.files.iter().all(|(_, it)| sent(it));
    let is_as_then = is_whole && now.state(&item.key) == item.states.0;
    if !item.files.is_empty() && !is_as_then {
        let (then, is) = (target.read(&item.key), now.read(&item.key));
        for (path, content) in &item.files {
            let of = |files: &[crate::plan::rollback::ViewFile]| {
                files
                    .iter()
                    .find(|it| it.path == *path)
                    .map(|it| it.bytes.to_vec())
            };
            let wanted = match content {
                Content::Merged(bytes) => Some(bytes.to_vec()),
                Content::Target => of(&then),
            };
            let (Some(wanted), found) = (wanted, of(&is)) else {
                continue;
            };
            // Another body at each retrieve tells nothing.
            let is_opaque = is_opaque(setup, item.key.type_name.as_str(), path);
            match found {
                Some(_) if is_opaque => (),
                None => details.push(format!("file {} is missing", path.file_name())),
                Some(found) if found == wanted || of(&then).as_ref() == Some(&found) => (),
                Some(found) => {
                    let in_words = file::details(&found, &wanted);
                    let in_words = in_words
                        .into_iter()
                        .filter(|it| !is_of_no_concern(item, it));
                    let n_before = details.len();
                    details.extend(in_words);
                    if details.len() == n_before && file::changes(&found, &wanted).is_none() {
                        details.push(format!("file {} differs", path.file_name()));
                    }
                }
            }
        }
    }
    for step in item.before.iter().chain(&item.after) {
        let Step::ActivateFlow { key, version } = step;
        let flow: Option<&FlowVersions> = after.flows.get(key.name.as_str());
        let active = flow.and_then(|it| it.active).unwrap_or(0);
        if flow.is_some() && active != *version && item.deletes.is_empty() {
            details.push(format!("version {active} is active, not {version}"));
        }
    }
    details
}

/// What a comparison with the part of a profile that was sent says of the rest.
///
/// A deploy of a profile names only what it changes, and a right that is taken away is
/// sent as a `false`, which no retrieve gives back.
fn is_of_no_concern(item: &Item, words: &str) -> bool {
    item.key.type_name.as_str() == "Profile"
        && (words.ends_with("added") || words.ends_with("removed") || words.ends_with("→ false"))
}
