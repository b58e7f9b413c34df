//! What a plan goes towards: an earlier snapshot, or today without what commits did.
//!
//! For a revert the target is the snapshot before the oldest of the commits, in which
//! every component that they changed stands as it is today without their changes. So the
//! same planner serves both: what was lost together with a deleted component is found as
//! it was just before, and later edits are in the target already.

use std::collections::{BTreeMap, BTreeSet};

use super::{RollbackOptions, pick::Picked, target, target::Target};
use crate::{
    diff::element::Side,
    ledger::FlowVersions,
    model::{ComponentKey, OrgId},
    ops::{
        error::{Error, Refusal},
        history,
        snapshot::{Base, OwnedFile, SnapshotSetup},
    },
    plan::{
        commits::Kind as CommitKind,
        rollback::undo::{Clash, States, undo},
    },
    registry::Registry,
    source,
    store::{Commit, Kind, Listing, ObjectId, Repository, trailer},
};

/// Commits to undo, and what was chosen where somebody changed the same since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revert {
    /// Commits and ranges, as typed.
    pub commits: Vec<String>,
    /// For all clashes.
    pub all: Option<Side>,
    /// For one clash, by its [`Clash::id`]; goes before `all`.
    pub each: BTreeMap<String, Side>,
}

impl Revert {
    fn chosen(&self, clash: &Clash) -> Option<Side> {
        self.each.get(&clash.id()).copied().or(self.all)
    }
}

/// The state that a plan goes towards.
#[derive(Debug)]
pub(super) struct Aim {
    /// The snapshot that it is, or that it begins from.
    pub(super) target: Target,
    /// The tree, as it would be.
    pub(super) then: Base,
    /// Of a revert: the commits, newest first, and what they changed.
    pub(super) revert: Option<Undone>,
    /// What was selected by a person, a time or a deploy; everything where it was not.
    pub(super) picked: Option<Picked>,
}

/// What undoing commits comes to.
#[derive(Debug, Default)]
pub(super) struct Undone {
    /// The commits, newest first.
    pub(super) commits: Vec<ObjectId>,
    /// What they changed.
    pub(super) touched: BTreeSet<ComponentKey>,
    /// What nobody has decided.
    pub(super) clashes: BTreeMap<ComponentKey, Vec<Clash>>,
}

/// Refuses commits that cannot be gone back to, or undone.
pub(super) fn check(
    repo: &Repository,
    options: &RollbackOptions,
    tip: ObjectId,
    org: OrgId,
) -> Result<(), Error> {
    match &options.revert {
        None => target::resolve(repo, &options.to, tip, org).map(drop),
        Some(revert) => match commits(repo, &revert.commits, tip)?.as_slice() {
            [] => Err(Refusal::NothingSelected.into()),
            [.., oldest] => parent(repo, oldest).map(drop),
        },
    }
}

/// The aim of `options`, seen from `now`, the tip.
pub(super) fn resolve(
    repo: &Repository,
    setup: &SnapshotSetup,
    options: &RollbackOptions,
    now: &Base,
    org: OrgId,
) -> Result<Aim, Error> {
    let tip = now.commit.ok_or_else(|| Refusal::NoSnapshot {
        branch: setup.branch.clone(),
    })?;
    let Some(revert) = &options.revert else {
        let target = target::resolve(repo, &options.to, tip, org)?;
        let then = Base::beside(repo, target.commit, now, &setup.package_dirs)?;
        return Ok(Aim {
            target,
            then,
            revert: None,
            picked: None,
        });
    };
    let commits = commits(repo, &revert.commits, tip)?;
    let oldest = commits.last().ok_or(Refusal::NothingSelected)?;
    let before = parent(repo, oldest)?;
    let mut then = Base::beside(repo, before.id, now, &setup.package_dirs)?;
    let undone = Undoing::new(repo, revert, now).undo(&commits, &mut then)?;
    Ok(Aim {
        target: Target {
            commit: before.id,
            moved_from: None,
        },
        then,
        revert: Some(undone),
        picked: None,
    })
}

/// The commits that `texts` name, newest first.
fn commits(repo: &Repository, texts: &[String], tip: ObjectId) -> Result<Vec<Commit>, Error> {
    let mut wanted = BTreeSet::new();
    let mut ranges = Vec::new();
    for text in texts {
        match text.split_once("..") {
            Some((from, to)) => {
                let end = |text: &str| match text {
                    "" => Ok(tip),
                    text => history::resolve(repo, text, Some(tip)),
                };
                ranges.push((end(from)?, end(to)?));
            }
            None => {
                wanted.insert(history::resolve(repo, text, Some(tip))?);
            }
        }
    }
    let mut found = Vec::new();
    let mut open: BTreeSet<ObjectId> = BTreeSet::new();
    let mut ahead: BTreeSet<ObjectId> = ranges.iter().flat_map(|it| [it.0, it.1]).collect();
    ahead.extend(&wanted);
    for commit in repo.history(tip) {
        let commit = commit?;
        ahead.remove(&commit.id);
        for (from, to) in &ranges {
            if commit.id == *to {
                open.insert(*from);
            }
        }
        open.remove(&commit.id);
        if wanted.contains(&commit.id) {
            must_be_change(&commit)?;
            found.push(commit);
        } else if !open.is_empty() && must_be_change(&commit).is_ok() {
            found.push(commit);
        }
        if ahead.is_empty() && open.is_empty() {
            break;
        }
    }
    if let Some(missing) = ahead.first() {
        repo.require_depth(*missing)?;
        return Err(Refusal::NotInHistory {
            commit: missing.short(),
        }
        .into());
    }
    Ok(found)
}

/// Refuses a commit that tells of no change of the org.
fn must_be_change(commit: &Commit) -> Result<(), Error> {
    let kind = commit.message.trailer(trailer::KIND);
    let changes = [CommitKind::Change, CommitKind::Rollback];
    if changes.iter().any(|it| kind == Some(it.word())) && !commit.parents.is_empty() {
        return Ok(());
    }
    Err(Refusal::NoChange {
        commit: commit.id.short(),
        kind: kind.map(str::to_owned),
    }
    .into())
}

fn parent(repo: &Repository, commit: &Commit) -> Result<Commit, Error> {
    let parent = commit.parents.first().ok_or_else(|| Refusal::NoChange {
        commit: commit.id.short(),
        kind: None,
    })?;
    repo.require_depth(commit.id)?;
    Ok(repo.commit(*parent)?)
}

/// A file as it would be, and the component that it is of.
struct File {
    key: ComponentKey,
    family: ComponentKey,
    id: Option<ObjectId>,
}

struct Undoing<'a> {
    repo: &'a Repository,
    revert: &'a Revert,
    now: &'a Base,
    files: BTreeMap<String, File>,
    /// Bytes that are in no repository.
    contents: BTreeMap<ObjectId, Vec<u8>>,
    /// Files of flows, which change as a whole: of each flow its paths with their blobs.
    flows: BTreeMap<ComponentKey, Paths>,
    done: Undone,
}

type Paths = BTreeMap<String, ObjectId>;

impl<'a> Undoing<'a> {
    fn new(repo: &'a Repository, revert: &'a Revert, now: &'a Base) -> Self {
        Self {
            repo,
            revert,
            now,
            files: BTreeMap::new(),
            contents: BTreeMap::new(),
            flows: BTreeMap::new(),
            done: Undone::default(),
        }
    }

    /// Undoes `commits`, newest first, and puts what comes of it into `then`.
    fn undo(mut self, commits: &[Commit], then: &mut Base) -> Result<Undone, Error> {
        for commit in commits {
            let before = parent(self.repo, commit)?;
            self.undo_one(commit, &before)?;
            self.done.commits.push(commit.id);
        }
        for (key, paths) in std::mem::take(&mut self.flows) {
            self.settle_flow(&key, &paths, then);
        }
        self.settle(then);
        Ok(self.done)
    }

    fn undo_one(&mut self, commit: &Commit, before: &Commit) -> Result<(), Error> {
        let registry = Registry::official();
        let mut flows = BTreeSet::new();
        for change in self.repo.diff_trees(before.tree, commit.tree)? {
            if let Some(flow) = history::flow_of(&change.path) {
                flows.insert(flow);
                continue;
            }
            let Some(owner) = source::owner(registry, &change.path) else {
                continue;
            };
            if owner.key.type_name.as_str() == "Flow" {
                flows.insert(owner.key);
                continue;
            }
            let family = owner.parent.unwrap_or_else(|| owner.key.clone());
            let ids = (change.before.map(|it| it.id), change.after.map(|it| it.id));
            self.undo_file(commit, &change.path, (owner.key, family), ids)?;
        }
        if !flows.is_empty() {
            let listing = (
                self.repo.list_tree(before.tree)?,
                self.repo.list_tree(commit.tree)?,
            );
            for flow in flows {
                self.undo_flow(commit, flow, &listing);
            }
        }
        Ok(())
    }

    fn undo_file(
        &mut self,
        commit: &Commit,
        path: &str,
        (key, family): (ComponentKey, ComponentKey),
        (before, after): (Option<ObjectId>, Option<ObjectId>),
    ) -> Result<(), Error> {
        let now = match self.files.get(path) {
            Some(file) => file.id,
            None => self.now.listing.get(path).map(|it| it.id),
        };
        let read = |id: Option<ObjectId>| -> Result<Option<Vec<u8>>, Error> {
            let Some(id) = id else { return Ok(None) };
            Ok(Some(match self.contents.get(&id) {
                Some(bytes) => bytes.clone(),
                None => self.repo.blob(id)?,
            }))
        };
        let id = if now == after {
            before
        } else {
            let bytes = (read(before)?, read(after)?, read(now)?);
            let short = commit.id.short();
            let states = States {
                component: &key,
                path,
                commit: &short,
                before: bytes.0.as_deref(),
                after: bytes.1.as_deref(),
                now: bytes.2.as_deref(),
            };
            let mut open = Vec::new();
            let result = undo(&states, &mut |clash| {
                self.revert.chosen(clash).unwrap_or_else(|| {
                    open.push(clash.clone());
                    Side::Ours
                })
            });
            if !open.is_empty() {
                self.done
                    .clashes
                    .entry(key.clone())
                    .or_default()
                    .append(&mut open);
            }
            result.map(|bytes| {
                let id = Kind::Blob.id_of(&bytes);
                if ![before, after, now].contains(&Some(id)) {
                    self.contents.insert(id, bytes);
                }
                id
            })
        };
        self.done.touched.insert(key.clone());
        self.files.insert(path.to_owned(), File { key, family, id });
        Ok(())
    }

    /// A flow is undone whole: its versions, which of them is active, and its file.
    fn undo_flow(&mut self, commit: &Commit, key: ComponentKey, trees: &(Listing, Listing)) {
        let (before, after) = (paths_of(&key, &trees.0), paths_of(&key, &trees.1));
        let now = self
            .flows
            .entry(key.clone())
            .or_insert_with(|| paths_of(&key, &self.now.listing));
        self.done.touched.insert(key.clone());
        if *now == after {
            *now = before;
            return;
        }
        if *now == before {
            return;
        }
        let count = |it: &Paths| match it.is_empty() {
            true => "not there".to_owned(),
            false => "there".to_owned(),
        };
        let clash = Clash {
            path: String::new(),
            what: "the flow".to_owned(),
            commit: commit.id.short(),
            theirs: count(&before),
            base: count(&after),
            now: match now.is_empty() {
                true => "not there".to_owned(),
                false => "another version".to_owned(),
            },
            component: key.clone(),
        };
        match self.revert.chosen(&clash) {
            Some(Side::Theirs) => *now = before,
            Some(Side::Ours) => (),
            None => self.done.clashes.entry(key).or_default().push(clash),
        }
    }

    /// Sees to it that `then`, the parent of the oldest commit, has the flow as it should be.
    fn settle_flow(&mut self, key: &ComponentKey, paths: &Paths, then: &Base) {
        if *paths == paths_of(key, &then.listing) || self.done.clashes.contains_key(key) {
            return;
        }
        if *paths == paths_of(key, &self.now.listing) {
            // It stays as it is.
            self.done.touched.remove(key);
            return;
        }
        let of = self.done.commits.last().map(|it| it.short());
        self.done
            .clashes
            .entry(key.clone())
            .or_default()
            .push(Clash {
                component: key.clone(),
                path: String::new(),
                what: "the flow, which others changed between these commits".to_owned(),
                commit: of.unwrap_or_default(),
                theirs: "another version".to_owned(),
                base: "another version".to_owned(),
                now: "another version: revert one commit at a time".to_owned(),
            });
    }

    /// Gives what the commits changed the files of now, and among them those that were undone.
    fn settle(&mut self, then: &mut Base) {
        let is_touched = |it: &OwnedFile| {
            self.done.touched.contains(&it.key) && it.key.type_name.as_str() != "Flow"
        };
        for files in then.families.values_mut() {
            files.retain(|it| !is_touched(it));
        }
        for (family, files) in &self.now.families {
            let stay = files
                .iter()
                .filter(|it| is_touched(it) && !self.files.contains_key(&it.path));
            let stay: Vec<_> = stay.cloned().collect();
            if !stay.is_empty() {
                then.families
                    .entry(family.clone())
                    .or_default()
                    .extend(stay);
            }
        }
        for (path, file) in std::mem::take(&mut self.files) {
            let Some(id) = file.id else { continue };
            let files = then.families.entry(file.family).or_default();
            files.push(OwnedFile {
                path,
                key: file.key,
                id,
            });
        }
        for files in then.families.values_mut() {
            files.sort_by(|one, other| one.path.cmp(&other.path));
        }
        then.families.retain(|_, files| !files.is_empty());
        then.contents = std::mem::take(&mut self.contents);
    }
}

/// The files of a flow in a tree.
fn paths_of(key: &ComponentKey, listing: &Listing) -> Paths {
    let registry = Registry::official();
    let folder = format!("{}/{}", FlowVersions::FOLDER, key.name.as_str());
    let ledger = listing.under(&folder);
    let is_own = |path: &str| {
        path.ends_with(".flow-meta.xml")
            && source::owner(registry, path).is_some_and(|it| it.key == *key)
    };
    let own = listing.iter().filter(|it| is_own(it.path));
    let all = ledger.map(|it| (it.path.to_owned(), it.entry.id));
    all.chain(own.map(|it| (it.path.to_owned(), it.entry.id)))
        .collect()
}
