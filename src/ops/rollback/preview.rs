//! What the files of the tree would be after a plan.
//!
//! Invariant: nothing but what the plan carries out differs from today's files.

use super::{PlannedRollback, view::TreeView};
use crate::{
    ledger::FlowVersions,
    model::ComponentKey,
    ops::error::Error,
    plan::rollback::{Content, Item, Step, Verdict, View as _, ViewFile, permissions},
    store::Repository,
    xml::{self, Document},
};

/// One file as it is, and as it would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The component that it is of.
    pub component: ComponentKey,
    /// Where it stands in the tree.
    pub path: String,
    /// As the org has it; `None` where it is not there.
    pub before: Option<Vec<u8>>,
    /// As it would be; `None` where it would go.
    pub after: Option<Vec<u8>>,
}

/// The files that `planned` would change, in the order of the plan.
///
/// A version of a flow that is activated again is shown as the flow's file, since that is
/// what the flow does then.
///
/// # Errors
///
/// Objects that cannot be read.
pub fn preview(planned: &PlannedRollback, repo: &Repository) -> Result<Vec<Preview>, Error> {
    let target = TreeView::new(repo, &planned.then);
    let now = TreeView::new(repo, &planned.now);
    let mut all = Vec::new();
    for item in planned.plan.applied() {
        of_item(item, &target, &now, &mut all);
    }
    target.check()?;
    now.check()?;
    all.retain(|it| it.before != it.after);
    Ok(all)
}

fn of_item(item: &Item, target: &TreeView<'_>, now: &TreeView<'_>, all: &mut Vec<Preview>) {
    let today = now.read(&item.key);
    let mut add = |path: &str, before: Option<&ViewFile>, after: Option<Vec<u8>>| {
        all.push(Preview {
            component: item.key.clone(),
            path: path.to_owned(),
            before: before.map(|it| it.bytes.to_vec()),
            after,
        });
    };
    if item.verdict == Verdict::Delete {
        for file in &today {
            add(file.path.as_str(), Some(file), None);
        }
        return;
    }
    let then = target.read(&item.key);
    for (path, content) in &item.files {
        let before = today.iter().find(|it| it.path == *path);
        let after = match content {
            Content::Target => then
                .iter()
                .find(|it| it.path == *path)
                .map(|it| it.bytes.to_vec()),
            Content::Merged(bytes) => Some(deployed(item, before, bytes)),
        };
        add(path.as_str(), before, after);
    }
    let is_whole = item.files.iter().any(|(_, it)| *it == Content::Target);
    if is_whole {
        // What the target has not goes, where the platform replaces the whole.
        for file in today
            .iter()
            .filter(|it| item.files.iter().all(|(path, _)| *path != it.path))
        {
            add(file.path.as_str(), Some(file), None);
        }
    }
    let activates = item.after.iter().any(|it| {
        let Step::ActivateFlow { version, .. } = it;
        *version != 0
    });
    if activates && item.files.is_empty() {
        for file in &then {
            let path = file.path.as_str();
            let before = today.iter().find(|it| it.path == file.path);
            add(path, before, Some(file.bytes.to_vec()));
        }
    } else if item.verdict == Verdict::Activate && item.files.is_empty() {
        let path = FlowVersions::path(item.key.name.as_str());
        all.push(Preview {
            component: item.key.clone(),
            path,
            before: Some(b"active\n".to_vec()),
            after: Some(b"inactive\n".to_vec()),
        });
    }
}

/// The file that the org has once it has taken `sent`.
fn deployed(item: &Item, before: Option<&ViewFile>, sent: &[u8]) -> Vec<u8> {
    let root = |bytes: &[u8]| xml::parse(bytes).ok().map(|it| it.root);
    match (before.and_then(|it| root(&it.bytes)), root(sent)) {
        (Some(today), Some(sent)) if item.key.type_name.as_str() == "Profile" => {
            let after = permissions::deployed(&item.key.type_name, &today, &sent);
            xml::render(&Document::new(after))
        }
        _ => sent.to_vec(),
    }
}
