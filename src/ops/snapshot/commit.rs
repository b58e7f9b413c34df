//! From changes to commits: who did what, in the pack.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    SnapshotOptions, SnapshotSetup,
    base::{Base, snapshot_id},
    decide::ReadPlan,
    detail,
    evidence::Stamps,
    flows,
    gather::StoredFile,
    ledger,
    listing::{has_made_up_dates, parent_of},
    outcome::{self, Known, PathChange},
    people,
    read::{Answers, tree_key},
    release,
};
use crate::{
    client::{Identity, Org, OrgInfo},
    ledger::{FlowVersions, Gap},
    model::{ComponentKey, RecordId, RemoteComponent, Timestamp, TreePath, TypeName},
    ops::error::Error,
    plan::commits::{
        self, Change, ChangedFile, DEFAULT_GAP, Evidence, Kind, Part, Piece, PlannedCommit,
        Rollback, Story, User, Who,
    },
    plan::{retrieve::partial, rollback::references},
    registry::Registry,
    source::{Level, canonical},
    store::{self, CommitDraft, Message, ObjectId, PackBuilder, TreeEdit},
};

/// Subject of the first snapshot, where nobody gave a reason.
const FIRST: &str = "First snapshot";

/// The commits of a snapshot, in the pack and not yet on the branch.
#[derive(Debug, Default)]
pub(super) struct Commits {
    /// Oldest first; empty where nothing changed.
    pub(super) made: Vec<Made>,
    /// What differs from the tree before.
    pub(super) changes: Vec<PathChange>,
    /// The ledger, as the last commit has it.
    pub(super) ledger: ledger::LedgerFiles,
}

/// One commit that was made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) id: ObjectId,
    pub(super) author: String,
    pub(super) at: Timestamp,
    pub(super) subject: String,
    pub(super) n_files: usize,
}

/// Makes the commits, and asks the org who the people in them are.
#[expect(
    clippy::too_many_arguments,
    reason = "everything that was read meets here"
)]
pub(super) async fn commits(
    org: &Org,
    base: &Base,
    identity: &Identity,
    plan: &ReadPlan,
    answers: &Answers,
    setup: &SnapshotSetup,
    options: &SnapshotOptions,
    pack: &PackBuilder<'_>,
) -> Result<Commits, Error> {
    let drafts = drafts(base, &identity.org, plan, answers, setup, pack)?;
    let users = people::users(org, &drafts.people()).await;
    write(
        drafts,
        &users,
        base,
        &identity.org,
        plan,
        setup,
        options,
        pack,
    )
}

/// Commits that are planned, with everything that they change in the pack.
pub(super) struct Drafts {
    commits: Vec<Draft>,
    changes: Vec<PathChange>,
    ledger: ledger::LedgerFiles,
}

impl Drafts {
    /// Users whose names and addresses the commits bear.
    pub(super) fn people(&self) -> BTreeSet<RecordId> {
        let commits = self.commits.iter();
        commits.flat_map(|it| people_of(&it.commit)).collect()
    }
}

/// Compares what came with the tree before, and plans the commits.
pub(super) fn drafts(
    base: &Base,
    org: &OrgInfo,
    plan: &ReadPlan,
    answers: &Answers,
    setup: &SnapshotSetup,
    pack: &PackBuilder<'_>,
) -> Result<Drafts, Error> {
    let registry = Registry::official();
    let (changes, gaps) = tree_changes(base, plan, answers, setup, pack)?;
    let ledger = ledger::ledger(base, org.id, plan, answers, &changes, &gaps, setup, pack)?;
    let (by_scope, others): (Vec<_>, Vec<_>) = changes.iter().partition(|it| it.by_scope);
    let stamps = Stamps::new(base, plan, answers);
    let (by_rules, by_others): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|it| plan.renewal.is_some() && !has_moved(it, &stamps, plan, answers));
    let mut by_others: Vec<PathChange> = by_others.into_iter().cloned().collect();
    let moved = |it: &PathChange| has_moved(it, &stamps, plan, answers);
    let release = release::set_apart(&mut by_others, plan, setup, &moved, pack)?;
    let by_people: Vec<&PathChange> = by_others.iter().collect();
    let parting = detail::Parting::new(registry, &by_people);
    let mut files = parting.changed_files(&by_people, pack)?;
    let renamed = renamed(base, plan, &files);
    tell_renamed(&mut files, &renamed);
    let planned = commits::plan_commits(
        &files,
        &Evidence {
            stamp: &|key| stamps.of(key),
            is_derived: &|key| stamps.is_derived(key),
            goes_with: &|key, lost| {
                references::may_take_along(lost) && references::goes_with(key, lost)
            },
            renamed: &|key| renamed.get(key).cloned(),
            label: &|_| None,
            trail: &answers.trail,
            rollbacks: &plan.rollbacks,
            since: plan.since,
            until: plan.began,
        },
        DEFAULT_GAP,
    );
    let files = Arc::new(files);
    let mut drafts = Vec::new();
    if let Some((kind, label)) = &plan.renewal
        && (!by_rules.is_empty() || planned.is_empty())
    {
        let kind = kind.clone();
        drafts.push(ours(kind, label, &by_rules, registry, plan.began));
    }
    if !by_scope.is_empty() {
        drafts.push(ours(
            Kind::Scope,
            "What is in scope changed",
            &by_scope,
            registry,
            plan.began,
        ));
    }
    if !release.changes.is_empty() {
        let changes: Vec<&PathChange> = release.changes.iter().collect();
        let label = release.label();
        drafts.push(ours(Kind::Release, &label, &changes, registry, plan.began));
    }
    for commit in planned {
        let label = match commit.kind {
            Kind::First => first_of(org, plan),
            _ => rollback_of(&commit, plan)
                .map(|it| it.title.clone())
                .unwrap_or_default(),
        };
        let mut paths = Vec::new();
        for (&n, piece) in &commit.pieces {
            let change = by_people[n];
            let id = match piece {
                Piece::Whole => change.after,
                Piece::Parts(parts) => {
                    let wanted = |it: usize| parts.contains(&it);
                    match parting.with_parts(change, &files[n], &wanted, pack)? {
                        Some(bytes) => Some(pack.blob(&bytes)?),
                        // All of it comes with the last of its parts.
                        None => continue,
                    }
                }
            };
            paths.push((change.path.clone(), id));
        }
        drafts.push(Draft {
            paths,
            files: Arc::clone(&files),
            label,
            commit,
        });
    }
    if drafts.is_empty() && base.org.is_none() {
        // An org without a component has a history as well: what comes later has an author.
        let label = first_of(org, plan);
        drafts.push(ours(Kind::First, &label, &[], registry, plan.began));
    }
    if drafts.is_empty() && ledger.gaps_moved {
        drafts.push(ours(Kind::Gap, &ledger.story, &[], registry, plan.began));
    }
    Ok(Drafts {
        commits: drafts,
        changes,
        ledger,
    })
}

/// What the first commit of a history says.
fn first_of(org: &OrgInfo, plan: &ReadPlan) -> String {
    format!(
        "First snapshot of {}: {} components",
        org.name,
        plan.in_scope.components.len()
    )
}

/// Components that are listed under another name than before, by the old one.
fn renamed(
    base: &Base,
    plan: &ReadPlan,
    files: &[ChangedFile],
) -> BTreeMap<ComponentKey, ComponentKey> {
    let registry = Registry::official();
    // With the new name something came, and with the old one it went.
    let some = |change: Change| {
        let mut parts = files.iter().flat_map(|it| &it.parts);
        parts.any(|it| it.change == change)
    };
    if !(some(Change::Added) && some(Change::Deleted)) {
        return BTreeMap::new();
    }
    let listed = &plan.in_scope.components;
    let before = base
        .inventories
        .values()
        .flat_map(|it| it.components.values());
    let missing: BTreeMap<(&TypeName, RecordId), &RemoteComponent> = before
        .filter(|it| !listed.contains_key(&it.key) && !has_made_up_dates(it))
        .filter_map(|it| Some(((&it.key.type_name, it.id?), it)))
        .collect();
    if missing.is_empty() {
        return BTreeMap::new();
    }
    listed
        .values()
        .filter_map(|now| {
            let was = missing.get(&(&now.key.type_name, now.id?))?;
            let old = tree_key(registry, &was.key, Some(was));
            Some((old, tree_key(registry, &now.key, Some(now))))
        })
        .collect()
}

/// Says of what came and what went under one id that it was renamed.
fn tell_renamed(files: &mut [ChangedFile], renamed: &BTreeMap<ComponentKey, ComponentKey>) {
    let back: BTreeMap<&ComponentKey, &ComponentKey> =
        renamed.iter().map(|(old, new)| (new, old)).collect();
    for part in files.iter_mut().flat_map(|it| &mut it.parts) {
        let words = match part.change {
            Change::Added => back
                .get(&part.key)
                .map(|it| format!("renamed from {}", it.name.decoded())),
            Change::Deleted => renamed
                .get(&part.key)
                .map(|it| format!("renamed to {}", it.name.decoded())),
            Change::Changed => None,
        };
        part.details.extend(words);
    }
}

/// Whether a component was touched in the org while the tree was written by other rules.
fn has_moved(change: &PathChange, stamps: &Stamps<'_>, plan: &ReadPlan, answers: &Answers) -> bool {
    let keys = [&change.key, &change.family];
    let is_gone = change.after.is_none() && keys.iter().any(|it| answers.deleted.contains(*it));
    let at = keys
        .iter()
        .filter_map(|it| stamps.of(it))
        .map(|it| it.at)
        .max();
    is_gone || at.is_some_and(|at| at.is_known() && plan.since <= Some(at))
}

/// What differs between the tree before and the org, and the gaps that comparing them opens.
pub(super) fn tree_changes(
    base: &Base,
    plan: &ReadPlan,
    answers: &Answers,
    setup: &SnapshotSetup,
    pack: &PackBuilder<'_>,
) -> Result<(Vec<PathChange>, BTreeSet<Gap>), Error> {
    let registry = Registry::official();
    let mut gaps = answers.gaps.clone();
    let listed = |key: &ComponentKey| plan.in_scope.components.contains_key(key);
    let in_tree = |keys: &BTreeSet<ComponentKey>| -> BTreeSet<ComponentKey> {
        keys.iter()
            .map(|key| tree_key(registry, key, base.remote(key)))
            .collect()
    };
    let (left, entered) = (in_tree(&plan.left), in_tree(&plan.entered));
    let known = Known {
        is_listed: &listed,
        deleted: &answers.deleted,
        left: &left,
        entered: &entered,
        is_noise: &|file| is_noise(base, plan, setup, file),
    };
    let mut changes = outcome::changes(base, &answers.gathered.files, &known, &mut gaps);
    changes.extend(flows::changes(base, plan, answers, pack)?);
    mark_scope(&mut changes, base, plan, setup);
    Ok((changes, gaps))
}

/// Whether a file came back in other bytes although nobody touched its component.
///
/// The body of a Site.com site is opaque and another one at each retrieve; whether
/// it changed, only its date tells.
fn is_noise(base: &Base, plan: &ReadPlan, setup: &SnapshotSetup, file: &StoredFile) -> bool {
    if !is_opaque(setup, file.key.type_name.as_str(), &file.path) {
        return false;
    }
    has_same_date(base, plan, &file.key)
}

/// Whether the org names the same id and date of a component as when it was committed.
fn has_same_date(base: &Base, plan: &ReadPlan, key: &ComponentKey) -> bool {
    match (base.remote(key), plan.in_scope.components.get(key)) {
        (Some(before), Some(now)) => (before.id, before.modified.at) == (now.id, now.modified.at),
        _ => false,
    }
}

/// Whether a file is a body that is another one at each retrieve, and a rule says so.
pub(in crate::ops) fn is_opaque(setup: &SnapshotSetup, type_name: &str, path: &TreePath) -> bool {
    setup.level == Level::Canonical
        && setup.rules.holds(canonical::SITE_BODIES)
        && type_name == "SiteDotCom"
        && path
            .as_str()
            .rsplit_once('.')
            .is_some_and(|it| it.1 == "site")
}

/// What profiles lose and gain with the scope is nobody's change.
fn mark_scope(changes: &mut [PathChange], base: &Base, plan: &ReadPlan, setup: &SnapshotSetup) {
    if plan.left.is_empty() && plan.entered.is_empty() {
        return;
    }
    for change in changes {
        let at = plan.in_scope.components.get(&change.family);
        let is_older = at.is_none_or(|it| Some(it.modified.at) < base.listed_at);
        if is_older && partial::is_partial(&change.family.type_name, setup.api_version) {
            change.by_scope = true;
        }
    }
}

/// A commit with what it puts into the tree.
struct Draft {
    commit: PlannedCommit,
    files: Arc<Vec<ChangedFile>>,
    paths: Vec<(TreePath, Option<ObjectId>)>,
    label: String,
}

/// A commit that blames nobody.
fn ours(
    kind: Kind,
    label: &str,
    changes: &[&PathChange],
    registry: &Registry,
    at: Timestamp,
) -> Draft {
    let files: Vec<ChangedFile> = changes
        .iter()
        .map(|it| changed_file(registry, it))
        .collect();
    let parts = files
        .iter()
        .enumerate()
        .flat_map(|(n, it)| (0..it.parts.len()).map(move |part| (n, part)))
        .collect();
    Draft {
        commit: PlannedCommit {
            kind,
            who: Who::Ourselves,
            delegate: None,
            with: BTreeSet::new(),
            at,
            pieces: (0..files.len()).map(|it| (it, Piece::Whole)).collect(),
            parts,
            rollback: None,
        },
        files: Arc::new(files),
        paths: changes
            .iter()
            .map(|it| (it.path.clone(), it.after))
            .collect(),
        label: label.to_owned(),
    }
}

/// A changed file of which nothing more is told.
pub(super) fn changed_file(registry: &Registry, change: &PathChange) -> ChangedFile {
    let parent = parent_of(registry, &change.key)
        .or_else(|| (change.key != change.family).then(|| change.family.clone()));
    ChangedFile {
        path: change.path.clone(),
        parts: vec![Part {
            key: change.key.clone(),
            parent,
            change: match (change.before, change.after) {
                // A file of versions comes and goes while the flow stays.
                _ if is_version_of_flow(change) => Change::Changed,
                (None, _) => Change::Added,
                (_, None) => Change::Deleted,
                _ => Change::Changed,
            },
            consequence_of: None,
            details: Vec::new(),
        }],
        is_divisible: true,
    }
}

/// Whether the file only tells versions of a flow that is there before and after.
fn is_version_of_flow(change: &PathChange) -> bool {
    change.path.as_str().starts_with(FlowVersions::FOLDER)
        && (change.before.is_some() || change.after.is_some())
        && !(change.after.is_none() && change.path.file_name() == "versions.json")
        && !(change.before.is_none() && change.path.file_name() == "versions.json")
}

/// Writes planned commits into the pack; `users` are the people in them, as far as known.
#[expect(
    clippy::too_many_arguments,
    reason = "a commit tells of everything that was read"
)]
pub(super) fn write(
    drafts: Drafts,
    users: &BTreeMap<RecordId, User>,
    base: &Base,
    org: &OrgInfo,
    plan: &ReadPlan,
    setup: &SnapshotSetup,
    options: &SnapshotOptions,
    pack: &PackBuilder<'_>,
) -> Result<Commits, Error> {
    let Drafts {
        commits: drafts,
        changes,
        ledger,
    } = drafts;
    let mut tree = base.tree;
    let mut parents: Vec<ObjectId> = base.commit.into_iter().collect();
    let mut made = Vec::new();
    let snapshot = snapshot_id(plan.began);
    for (n, draft) in drafts.iter().enumerate() {
        let mut edit = TreeEdit::new(tree);
        for (path, after) in &draft.paths {
            match after {
                Some(id) => edit.put(path.clone(), *id),
                None => edit.remove(path.clone()),
            }
        }
        let is_last = n + 1 == drafts.len();
        if is_last {
            for (path, id) in &ledger.files {
                match id {
                    Some(id) => edit.put(path.clone(), *id),
                    None => edit.remove(path.clone()),
                }
            }
        }
        let root = edit.write(pack)?;
        let with: Vec<commits::Signature> = draft
            .commit
            .with
            .iter()
            .map(|it| commits::Signature::of_author(it, user(users, it.id), org.id))
            .collect();
        let story = Story {
            snapshot: &snapshot,
            part: n + 1,
            of: drafts.len(),
            org: org.id,
            between: (base.listed_at, plan.began),
            label: if draft.label.is_empty() {
                options.message.as_deref().unwrap_or(FIRST)
            } else {
                &draft.label
            },
            with: &with,
            rollback: rollback_of(&draft.commit, plan),
        };
        let text = commits::describe(&draft.commit, &draft.files, &story);
        let message = Message::parse(&text);
        let subject = message.subject.clone();
        let author = signature(&draft.commit, users, org, setup);
        let commit = CommitDraft {
            tree: root,
            parents: parents.clone(),
            author: store::Signature::new(&author.name, &author.email, draft.commit.at),
            committer: store::Signature::new(&setup.committer.0, &setup.committer.1, plan.began),
            message,
        };
        let id = pack.commit(&commit)?;
        made.push(Made {
            id,
            author: author.name,
            at: draft.commit.at,
            subject,
            n_files: draft.paths.len(),
        });
        tree = Some(root);
        parents = vec![id];
    }
    Ok(Commits {
        made,
        changes,
        ledger,
    })
}

/// The rollback that a commit tells.
fn rollback_of<'p>(commit: &PlannedCommit, plan: &'p ReadPlan) -> Option<&'p Rollback> {
    plan.rollbacks.get(commit.rollback?)
}

fn people_of(commit: &PlannedCommit) -> Vec<RecordId> {
    let mut ids: Vec<RecordId> = commit.with.iter().filter_map(|it| it.id).collect();
    if let Who::Person(author) | Who::Platform(author) = &commit.who {
        ids.extend(author.id);
    }
    ids
}

fn user(users: &BTreeMap<RecordId, User>, id: Option<RecordId>) -> Option<&User> {
    users.get(&id?)
}

fn signature(
    commit: &PlannedCommit,
    users: &BTreeMap<RecordId, User>,
    org: &OrgInfo,
    setup: &SnapshotSetup,
) -> commits::Signature {
    if commit.who == Who::Ourselves {
        return commits::Signature {
            name: setup.committer.0.clone(),
            email: setup.committer.1.clone(),
        };
    }
    let id = match &commit.who {
        Who::Person(author) | Who::Platform(author) => author.id,
        Who::Unknown | Who::Ourselves => None,
    };
    commits::Signature::of(&commit.who, user(users, id), org.id)
}
