//! Reads the history: which components a commit changed, and how.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{
    error::{Error, Refusal},
    snapshot::snapshot_of,
};
use crate::{
    diff::{
        file,
        text::{self, FileDiff},
        tree::{self, ComponentChange, ComponentChangeKind, PathChange, Side},
    },
    model::{ComponentKey, Timestamp},
    plan::select::{Catalogue, Selector},
    registry::Registry,
    source,
    store::{Commit, ObjectId, Repository, trailer},
};

/// Which commits a log shows.
#[derive(Clone, Debug, Default)]
pub struct LogOptions {
    /// Components; all where none is named.
    pub selectors: Vec<Selector>,
    /// Part of the author's name or address.
    pub author: Option<String>,
    /// Changes made at or after this time.
    pub since: Option<Timestamp>,
    /// Most commits.
    pub limit: Option<usize>,
}

/// A log.
#[derive(Clone, Debug, Serialize)]
pub struct LogReport {
    /// Names the shape of this object.
    pub schema: &'static str,
    /// The commits, newest first.
    pub commits: Vec<LogEntry>,
}

/// One commit of a log.
#[derive(Clone, Debug, Serialize)]
pub struct LogEntry {
    /// Its id.
    pub commit: String,
    /// The snapshot that it is of, where orgkeep wrote it.
    pub snapshot: Option<String>,
    /// What kind it is, where orgkeep wrote it.
    pub kind: Option<String>,
    /// Who did it.
    pub author: String,
    /// Their address.
    pub email: String,
    /// When.
    pub at: Timestamp,
    /// The first line of its message.
    pub subject: String,
    /// The rest of its message, without trailers.
    pub body: String,
    /// What it changed; of a log with selectors only what they name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<ChangedComponent>,
}

/// A component that differs between two trees.
#[derive(Clone, Debug, Serialize)]
pub struct ChangedComponent {
    /// The component, `Type:Name`.
    pub component: ComponentKey,
    /// What happened to it.
    pub change: ComponentChangeKind,
    /// What changed in it, in words: `errorMessage "a" → "b"`.
    pub details: Vec<String>,
    /// What came or went with it, in words: `with 8 fields`.
    pub with: Option<String>,
    /// Its files that differ.
    pub files: Vec<ChangedFile>,
}

/// A file that differs between two trees.
#[derive(Clone, Debug, Serialize)]
pub struct ChangedFile {
    /// Its path.
    pub path: String,
    /// Its blob before.
    pub before: Option<ObjectId>,
    /// Its blob after.
    pub after: Option<ObjectId>,
}

/// How two trees differ.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Names the shape of this object.
    pub schema: &'static str,
    /// What it was compared from.
    pub from: String,
    /// What it was compared with.
    pub to: String,
    /// The components that differ.
    pub components: Vec<ChangedComponent>,
    /// Files that differ and belong to no component, orgkeep's own left out.
    pub others: Vec<ChangedFile>,
}

impl Comparison {
    /// Whether anything differs.
    #[must_use]
    pub fn differs(&self) -> bool {
        !(self.components.is_empty() && self.others.is_empty())
    }
}

/// How much is told of what changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Names only.
    Names,
    /// What changed in each component.
    Elements,
}

/// Walks the history of `tip`.
///
/// # Errors
///
/// A history that cannot be read, a clone too shallow, a selector that matches
/// nothing that ever was.
pub fn log(repo: &Repository, tip: ObjectId, options: &LogOptions) -> Result<LogReport, Error> {
    let mut commits = Vec::new();
    let mut known = BTreeSet::new();
    for commit in repo.history(tip) {
        let commit = commit?;
        if options
            .since
            .is_some_and(|since| commit.author.time < since)
        {
            continue;
        }
        if options
            .author
            .as_deref()
            .is_some_and(|it| !is_by(&commit, it))
        {
            continue;
        }
        let components = if options.selectors.is_empty() {
            Vec::new()
        } else {
            let changed = of_commit(repo, &commit, Detail::Names)?;
            known.extend(changed.iter().map(|it| it.component.clone()));
            let found = selected(&changed, &options.selectors);
            if found.is_empty() {
                continue;
            }
            let with_details = of_commit(repo, &commit, Detail::Elements)?;
            with_details
                .into_iter()
                .filter(|it| found.contains(&it.component))
                .collect()
        };
        commits.push(entry(&commit, components));
        if options.limit.is_some_and(|limit| commits.len() >= limit) {
            break;
        }
    }
    if commits.is_empty()
        && !options.selectors.is_empty()
        && options.since.is_none()
        && options.author.is_none()
    {
        let catalogue = Catalogue::new(known);
        for selector in &options.selectors {
            catalogue.select(selector)?;
        }
    }
    Ok(LogReport {
        schema: "orgkeep/log/1",
        commits,
    })
}

fn is_by(commit: &Commit, who: &str) -> bool {
    let who = who.to_lowercase();
    commit.author.name.to_lowercase().contains(&who)
        || commit.author.email.to_lowercase().contains(&who)
}

fn entry(commit: &Commit, components: Vec<ChangedComponent>) -> LogEntry {
    LogEntry {
        commit: commit.id.to_string(),
        snapshot: commit.message.trailer(trailer::SNAPSHOT).map(str::to_owned),
        kind: commit.message.trailer(trailer::KIND).map(str::to_owned),
        author: commit.author.name.clone(),
        email: commit.author.email.clone(),
        at: commit.author.time,
        subject: commit.message.subject.clone(),
        body: commit.message.body.clone(),
        components,
    }
}

/// The components among `changed` that any selector names.
fn selected(changed: &[ChangedComponent], selectors: &[Selector]) -> BTreeSet<ComponentKey> {
    let keys = changed.iter().map(|it| it.component.clone());
    let paths = changed.iter().flat_map(|it| {
        it.files
            .iter()
            .map(|file| (file.path.clone(), it.component.clone()))
    });
    let catalogue = Catalogue::new(keys).with_paths(paths);
    selectors
        .iter()
        .filter_map(|it| catalogue.select(it).ok())
        .flatten()
        .collect()
}

/// One commit with all that it changed.
///
/// # Errors
///
/// As for [`log`].
pub fn show(repo: &Repository, commit: ObjectId) -> Result<LogEntry, Error> {
    let commit = repo.commit(commit)?;
    let components = of_commit(repo, &commit, Detail::Elements)?;
    Ok(entry(&commit, components))
}

/// What a commit changed against its first parent.
///
/// # Errors
///
/// As for [`log`].
pub fn of_commit(
    repo: &Repository,
    commit: &Commit,
    detail: Detail,
) -> Result<Vec<ChangedComponent>, Error> {
    let before = match commit.parents.first() {
        Some(parent) => repo.commit(*parent)?.tree,
        None => ObjectId::EMPTY_TREE,
    };
    Ok(compare_trees(repo, before, commit.tree, detail)?.0)
}

/// How two commits differ, as far as `selectors` name it; all where there is none.
///
/// # Errors
///
/// As for [`log`].
pub fn diff(
    repo: &Repository,
    from: ObjectId,
    to: ObjectId,
    selectors: &[Selector],
    detail: Detail,
) -> Result<Comparison, Error> {
    let (before, after) = (repo.commit(from)?.tree, repo.commit(to)?.tree);
    let (components, others) = compare_trees(repo, before, after, detail)?;
    let (components, others) = if selectors.is_empty() {
        (components, others)
    } else {
        let wanted = selected(&components, selectors);
        let chosen: Vec<_> = components
            .into_iter()
            .filter(|it| wanted.contains(&it.component))
            .collect();
        (chosen, Vec::new())
    };
    Ok(Comparison {
        schema: "orgkeep/diff/1",
        from: from.to_string(),
        to: to.to_string(),
        components,
        others,
    })
}

/// The components and other files that differ between two trees.
///
/// # Errors
///
/// Objects that cannot be read.
pub fn compare_trees(
    repo: &Repository,
    before: ObjectId,
    after: ObjectId,
    detail: Detail,
) -> Result<(Vec<ChangedComponent>, Vec<ChangedFile>), Error> {
    let registry = Registry::official();
    let changes: Vec<PathChange<ObjectId>> = repo
        .diff_trees(before, after)?
        .into_iter()
        .map(|it| PathChange {
            path: it.path,
            before: it.before.map(|it| it.id),
            after: it.after.map(|it| it.id),
        })
        .collect();
    let owner = |path: &str| {
        if let Some(flow) = flow_of(path) {
            return Some((flow, None));
        }
        source::owner(registry, path).map(|it| (it.key, it.parent))
    };
    let is_in = |key: &ComponentKey, side: Side| {
        let tree = match side {
            Side::Before => before,
            Side::After => after,
        };
        has_files(repo, registry, tree, key)
    };
    let grouped = tree::group(changes, owner, is_in);
    let mut components = Vec::new();
    for change in &grouped.components {
        components.push(changed_component(repo, change, detail)?);
    }
    let others = grouped
        .others
        .iter()
        .filter(|it| !it.path.starts_with(".orgkeep/"))
        .map(changed_file)
        .collect();
    Ok((components, others))
}

/// The flow whose versions a file of the ledger tells.
pub(super) fn flow_of(path: &str) -> Option<ComponentKey> {
    let rest = path.strip_prefix(".orgkeep/flows/")?;
    ComponentKey::parse("Flow", rest.rsplit_once('/')?.0).ok()
}

/// Whether a tree has files of a component below the usual package directory.
fn has_files(repo: &Repository, registry: &Registry, tree: ObjectId, key: &ComponentKey) -> bool {
    source::prefixes(registry, key).iter().any(|prefix| {
        let path = match prefix.starts_with(source::UNMAPPED) {
            true => prefix.clone(),
            false => format!("force-app/{prefix}"),
        };
        repo.entry_at(tree, path.trim_end_matches(['/', '.']))
            .is_ok_and(|it| it.is_some())
    })
}

fn changed_component(
    repo: &Repository,
    change: &ComponentChange<ObjectId>,
    detail: Detail,
) -> Result<ChangedComponent, Error> {
    let mut details = Vec::new();
    if detail == Detail::Elements && change.kind == ComponentChangeKind::Changed {
        for path in &change.paths {
            details.extend(path_details(repo, path)?);
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
        files,
    })
}

fn path_details(repo: &Repository, path: &PathChange<ObjectId>) -> Result<Vec<String>, Error> {
    let (Some(before), Some(after)) = (path.before, path.after) else {
        let word = if path.before.is_none() {
            "added"
        } else {
            "deleted"
        };
        let name = path.path.rsplit('/').next().unwrap_or(&path.path);
        return Ok(vec![format!("file {name} {word}")]);
    };
    let (before, after) = (repo.blob(before)?, repo.blob(after)?);
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
    use crate::ledger::FlowVersions;
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

fn changed_file(change: &PathChange<ObjectId>) -> ChangedFile {
    ChangedFile {
        path: change.path.clone(),
        before: change.before,
        after: change.after,
    }
}

/// The text diff of one file.
///
/// # Errors
///
/// Objects that cannot be read.
pub fn file_diff(repo: &Repository, file: &ChangedFile) -> Result<FileDiff, Error> {
    let read = |id: Option<ObjectId>| match id {
        Some(id) => repo.blob(id),
        None => Ok(Vec::new()),
    };
    Ok(text::diff(
        &read(file.before)?,
        &read(file.after)?,
        text::CONTEXT_LINES,
    ))
}

/// Finds the commit that `text` names, in the history of `tip`.
///
/// # Errors
///
/// No such commit, several of that name, or a clone too shallow to tell.
pub fn resolve(repo: &Repository, text: &str, tip: Option<ObjectId>) -> Result<ObjectId, Error> {
    Ok(repo.resolve(text, tip)?.commit)
}

/// The last commit of the snapshot that `commit` is a part of.
///
/// An earlier part does not equal the org; what promises say of a snapshot holds
/// for its last commit. `None` for a commit that orgkeep did not write.
///
/// # Errors
///
/// As for [`log`].
pub fn whole_snapshot(
    repo: &Repository,
    commit: ObjectId,
    tip: Option<ObjectId>,
) -> Result<Option<ObjectId>, Error> {
    let read = repo.commit(commit)?;
    if snapshot_of(&read.message).is_some() {
        return Ok(Some(commit));
    }
    let Some(id) = read.message.trailer(trailer::SNAPSHOT).map(str::to_owned) else {
        return Ok(None);
    };
    let Some(tip) = tip else { return Ok(None) };
    for commit in repo.history(tip) {
        let commit = commit?;
        if commit.message.trailer(trailer::SNAPSHOT) == Some(&id)
            && snapshot_of(&commit.message).is_some()
        {
            return Ok(Some(commit.id));
        }
    }
    Ok(None)
}

/// The commit at the tip of `branch`.
///
/// # Errors
///
/// [`Refusal::NoSnapshot`] where there is none.
pub fn tip(repo: &Repository, branch: &str, remote: &str) -> Result<ObjectId, Error> {
    repo.branch(branch, remote)?.tip.ok_or_else(|| {
        Refusal::NoSnapshot {
            branch: branch.to_owned(),
        }
        .into()
    })
}
