//! How two trees differ, as a page.

use super::{Component, FileChange, Group, MAX_DIFFS, Page};
use crate::{
    cli::{CommandError, text::printable},
    diff::tree::ComponentChangeKind,
    ops::history::{ChangedComponent, Comparison},
    store::{ObjectId, Repository},
};

const GROUPS: [(ComponentChangeKind, &str, &str, char); 3] = [
    (ComponentChangeKind::Deleted, "deleted", "Deleted", '−'),
    (ComponentChangeKind::Added, "added", "Added", '+'),
    (ComponentChangeKind::Changed, "changed", "Changed", '~'),
];

/// The page of a comparison.
pub(in crate::cli) fn page(report: &Comparison, repo: &Repository) -> Result<Page, CommandError> {
    let read = |id: Option<ObjectId>| -> Result<Option<Vec<u8>>, CommandError> {
        let Some(id) = id else { return Ok(None) };
        Ok(Some(match report.contents.get(&id) {
            Some(bytes) => bytes.clone(),
            None => repo.blob(id).map_err(crate::ops::Error::from)?,
        }))
    };
    let mut room = MAX_DIFFS;
    let mut groups = Vec::new();
    for (kind, word, heading, sign) in GROUPS {
        let mut items = Vec::new();
        for it in report.components.iter().filter(|it| it.change == kind) {
            let mut item = component(it, sign);
            for file in &it.files {
                let (before, after) = (read(file.before)?, read(file.after)?);
                let change =
                    FileChange::new(&file.path, before.as_deref(), after.as_deref(), &mut room);
                item.files.push(change);
            }
            items.push(item);
        }
        if !items.is_empty() {
            groups.push(Group {
                word,
                heading,
                n: items.len(),
                is_open: true,
                items,
            });
        }
    }
    let name = |text: &str| printable(text).into_owned();
    Ok(Page {
        title: format!(
            "{} → {}",
            name(short(&report.from)),
            name(short(&report.to))
        ),
        facts: vec![("From", name(&report.from)), ("To", name(&report.to))],
        outcome: Vec::new(),
        groups,
        footer: format!("Made by orgkeep {}", env!("CARGO_PKG_VERSION")),
    })
}

/// The id of a commit as people read it; other names as they are.
fn short(name: &str) -> &str {
    let is_id = name.len() == 40 && name.bytes().all(|it| it.is_ascii_hexdigit());
    if is_id { &name[..7] } else { name }
}

fn component(it: &ChangedComponent, sign: char) -> Component {
    let safe = |text: &str| printable(text).into_owned();
    let name = safe(&it.component.name.decoded());
    let type_name = it.component.type_name.as_str().to_owned();
    let other = it.renamed.as_ref().map(|it| format!("also {it}"));
    Component {
        key: safe(&it.component.to_string()),
        words: format!("{type_name}:{name}").to_lowercase(),
        sign,
        name,
        type_name,
        reason: safe(it.details.first().map_or("", String::as_str)),
        mark: safe(&it.with.clone().or(other).unwrap_or_default()),
        details: it.details.iter().skip(1).map(|it| safe(it)).collect(),
        sides: ("Before", "After"),
        ..Component::default()
    }
}
