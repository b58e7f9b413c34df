//! What changed in a component, in words.

use super::compare::{ChangedComponent, ChangedFile, Detail, Read, changed_file};
use crate::{
    diff::{
        child::{child_of, has_children_inside},
        element::{self, ChangeKind, describe_below},
        file,
        text::{self, FileDiff},
        tree::{ComponentChange, ComponentChangeKind, PathChange},
    },
    ledger::FlowVersions,
    model::ComponentKey,
    ops::error::Error,
    registry::{Registry, keys::KeyRules},
    store::ObjectId,
    xml::{self, Element},
};

/// The components of which a change is: itself, or those that are elements of its file.
pub(super) fn changed_components(
    registry: &Registry,
    change: &ComponentChange<ObjectId>,
    read: &Read<'_>,
    detail: Detail,
) -> Result<Vec<ChangedComponent>, Error> {
    if let [path] = change.paths.as_slice()
        && has_children_inside(registry, &change.key)
        && let Some(children) = children(registry, &change.key, path, read, detail)?
    {
        return Ok(children);
    }
    Ok(vec![changed_component(change, read, detail)?])
}

/// The components inside a file that differ; `None` where none does.
fn children(
    registry: &Registry,
    of: &ComponentKey,
    path: &PathChange<ObjectId>,
    read: &Read<'_>,
    detail: Detail,
) -> Result<Option<Vec<ChangedComponent>>, Error> {
    let root = |id: Option<ObjectId>| -> Result<Option<Element>, Error> {
        let Some(id) = id else { return Ok(None) };
        Ok(xml::parse(&read(id)?).ok().map(|it| it.root))
    };
    let (before, after) = (root(path.before)?, root(path.after)?);
    let Some(some) = before.as_ref().or(after.as_ref()) else {
        return Ok(None);
    };
    let mut empty = some.clone();
    empty.children.clear();
    let keys = KeyRules::official();
    let name = some.local_name().to_owned();
    let changes = element::diff(
        before.as_ref().unwrap_or(&empty),
        after.as_ref().unwrap_or(&empty),
        keys,
    );
    let file = changed_file(path);
    let mut found: Vec<ChangedComponent> = Vec::new();
    for it in &changes {
        let (key, kind, above) = match child_of(registry, of, it) {
            Some(child) => (child.key, kind_of(child.kind), 1),
            None => (of.clone(), ComponentChangeKind::Changed, 0),
        };
        let at = found.iter().position(|it| it.component == key);
        let at = at.unwrap_or_else(|| {
            found.push(ChangedComponent {
                component: key,
                change: kind,
                details: Vec::new(),
                with: None,
                renamed: None,
                files: vec![file.clone()],
            });
            found.len() - 1
        });
        if detail == Detail::Elements && kind == ComponentChangeKind::Changed {
            found[at]
                .details
                .push(describe_below(above, &name, it, keys));
        }
    }
    let has_some = found.iter().any(|it| it.component != *of);
    Ok(has_some.then_some(found))
}

fn kind_of(kind: ChangeKind) -> ComponentChangeKind {
    match kind {
        ChangeKind::Added => ComponentChangeKind::Added,
        ChangeKind::Removed => ComponentChangeKind::Deleted,
        ChangeKind::Changed | ChangeKind::Moved | ChangeKind::Attributes => {
            ComponentChangeKind::Changed
        }
    }
}

fn changed_component(
    change: &ComponentChange<ObjectId>,
    read: &Read<'_>,
    detail: Detail,
) -> Result<ChangedComponent, Error> {
    let mut details = Vec::new();
    if detail == Detail::Elements && change.kind == ComponentChangeKind::Changed {
        for path in &change.paths {
            details.extend(path_details(path, read)?);
        }
    }
    let mut files: Vec<ChangedFile> = change.paths.iter().map(changed_file).collect();
    for child in &change.children {
        files.extend(child.paths.iter().map(changed_file));
    }
    Ok(ChangedComponent {
        component: change.key.clone(),
        change: change.kind,
        details,
        with: change.parts_in_words(),
        renamed: None,
        files,
    })
}

fn path_details(path: &PathChange<ObjectId>, read: &Read<'_>) -> Result<Vec<String>, Error> {
    let (Some(before), Some(after)) = (path.before, path.after) else {
        let word = if path.before.is_none() {
            "added"
        } else {
            "deleted"
        };
        let name = path.path.rsplit('/').next().unwrap_or(&path.path);
        return Ok(vec![format!("file {name} {word}")]);
    };
    let (before, after) = (read(before)?, read(after)?);
    if path.path.ends_with("/versions.json") {
        return Ok(flow_details(&before, &after));
    }
    let mut details = file::details(&before, &after);
    if details.is_empty() {
        details.push(line_counts(&path.path, &before, &after));
    }
    Ok(details)
}

/// What changed in the versions of a flow.
fn flow_details(before: &[u8], after: &[u8]) -> Vec<String> {
    let (Ok(before), Ok(after)) = (
        FlowVersions::parse("", before),
        FlowVersions::parse("", after),
    ) else {
        return vec!["versions".to_owned()];
    };
    let version = |it: Option<u32>| it.map_or("none".to_owned(), |it| it.to_string());
    let mut details = Vec::new();
    if before.active != after.active {
        details.push(format!(
            "active version {} → {}",
            version(before.active),
            version(after.active)
        ));
    }
    if before.latest != after.latest {
        details.push(format!(
            "latest version {} → {}",
            before.latest, after.latest
        ));
    }
    if details.is_empty() {
        details.push("status of a version".to_owned());
    }
    details
}

/// `Order.cls: 3 lines added, 1 removed`, or that it is no text.
fn line_counts(path: &str, before: &[u8], after: &[u8]) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    match text::diff(before, after, 0) {
        FileDiff::Text(hunks) => {
            let lines = hunks.iter().flat_map(|it| &it.lines);
            let (mut added, mut removed) = (0, 0);
            for line in lines {
                match line.tag {
                    text::Tag::Added => added += 1,
                    text::Tag::Removed => removed += 1,
                    text::Tag::Same => (),
                }
            }
            format!("{name}: +{added} −{removed} lines")
        }
        FileDiff::Binary { .. } => format!("{name}: {} → {} bytes", before.len(), after.len()),
    }
}
