//! The end of an export: the commit, the tag, the state, the remote.

use std::collections::BTreeMap;

use super::{
    at::RecordsAt,
    bodies::{Bodies, BodiesReport},
    branches::Place,
    export::{ExportOptions, Outcome, gap_of, schema_edit},
    fold::Folded,
};
use crate::{
    client::Identity,
    config::Records,
    ledger::{BodyGaps, OpenJob, RecordsLedger, RecordsState},
    model::{ObjectName, OrgId, Timestamp, TreePath},
    ops::{
        error::{During, Error, Refusal},
        notes,
        snapshot::snapshot_id,
    },
    plan::commits::counted,
    progress::Monitor,
    records::{Period, Schema, branch_name, schema_path},
    store::{
        Branch, CommitDraft, Listing, Message, ObjectId, PackBuilder, Publication, PushPlan,
        Pushed, Repository, Signature, StatePush, TreeEdit, WriteLock, state_ref, trailer,
    },
};

/// What an export left in the repository.
pub(super) struct Finished {
    pub(super) branch: String,
    /// The new commit; `None` where nothing changed.
    pub(super) commit: Option<ObjectId>,
    /// Where the branch is.
    tip: ObjectId,
}

/// Name of the tag of the records beside a tag of the metadata.
pub(super) fn tag_name(name: &str) -> String {
    format!("{name}-records")
}

/// Refuses another org's records.
pub(super) fn check_bond(place: &Place, base: &RecordsAt<'_>, org: OrgId) -> Result<(), Error> {
    let Some(ledger) = base.ledger() else {
        return Ok(());
    };
    if ledger.layout > RecordsLedger::LAYOUT {
        return Err(Refusal::NewerRelease {
            branch: place.prefix.clone(),
        }
        .into());
    }
    if ledger.org != org {
        return Err(Refusal::OtherOrg {
            branch: place.prefix.clone(),
            kept: ledger.org,
            found: org,
        }
        .into());
    }
    Ok(())
}

/// What is remembered of the records of `org`; cursors only where they belong to `tip`.
pub(super) fn state_of(
    repo: &Repository,
    org: OrgId,
    tip: Option<ObjectId>,
) -> Result<RecordsState, Error> {
    let stored = repo.state(org)?;
    let bytes = stored.files.get(RecordsState::PATH);
    let mut state = bytes
        .and_then(|it| RecordsState::parse(it).ok())
        .unwrap_or_default();
    if state.commit != tip.map(|it| it.to_string()) {
        state.objects.clear();
    }
    Ok(state)
}

/// Commits what was read, and moves branch, tag and state.
#[expect(
    clippy::too_many_arguments,
    reason = "the end of the way, where everything meets"
)]
pub(super) fn commit(
    lock: &WriteLock<'_>,
    pack: PackBuilder<'_>,
    place: &Place,
    base: &RecordsAt<'_>,
    identity: &Identity,
    who: &Signature,
    state: &RecordsState,
    open_jobs: BTreeMap<String, OpenJob>,
    outcomes: &[Outcome],
    bodies: &Bodies,
    options: &ExportOptions,
    monitor: &dyn Monitor,
) -> Result<Finished, Error> {
    let repo = lock.repository();
    let org = identity.org.id;
    let base_tree = match base.commit() {
        Some(commit) => Some(repo.commit(commit)?.tree),
        None => None,
    };
    let mut edit = TreeEdit::new(base_tree);
    for outcome in outcomes {
        let Ok(read) = &outcome.result else { continue };
        let object = &outcome.target.name;
        for (path, id) in &read.folded.edits {
            match id {
                Some(id) => edit.put(path.clone(), *id),
                None => edit.remove(path.clone()),
            }
        }
        if let Some(id) = schema_edit(&pack, base, object, &read.schema)? {
            edit.put(schema_path(object), id);
        }
    }
    for (path, id) in &bodies.edits {
        match id {
            Some(id) => edit.put(path.clone(), *id),
            None => edit.remove(path.clone()),
        }
    }
    let ledger = ledger(base, org, outcomes, &bodies.gaps);
    edit.put(path(RecordsLedger::PATH), pack.blob(&ledger.render())?);
    let tree = edit.write(&pack)?;

    let period = Period::of(who.time, place.every);
    let present = place.branches(repo)?.last().copied();
    let has_changed = base_tree != Some(tree);
    let branch = match present {
        // Nothing to write: no new root either.
        Some((last, _)) if !has_changed => {
            repo.ready(&branch_name(&place.prefix, last), &place.remote)?
        }
        _ => repo.ready(&branch_name(&place.prefix, period), &place.remote)?,
    };
    let (tip, commit) = if has_changed {
        let message = message(
            base,
            &branch,
            who.time,
            org,
            outcomes,
            &bodies.report,
            options,
        );
        let id = pack.commit(&CommitDraft {
            tree,
            parents: branch.tip.into_iter().collect(),
            author: who.clone(),
            committer: who.clone(),
            message,
        })?;
        (id, Some(id))
    } else {
        let tip = branch.tip.or(base.commit());
        (tip.expect("what has not changed was there before"), None)
    };
    let mut also = Vec::new();
    if let Some(name) = &options.tag {
        let text = options.message.clone();
        let text = text.unwrap_or_else(|| format!("Records of {}", who.time.minute()));
        let message = Message::new(text).with_trailer(trailer::SNAPSHOT, snapshot_id(who.time));
        also.push(pack.tag(&tag_name(name), tip, who, &message)?);
    }
    let new_state = next_state(state, open_jobs, identity, outcomes, tip);
    let stored = repo.state(org)?;
    let mut files = stored.files.clone();
    files.insert(path(RecordsState::PATH), new_state.render());
    also.extend(pack.state(org, stored.commit, &files, who)?);
    let publication = Publication {
        branch: branch.clone(),
        new: tip,
        reason: format!("records: {}", counted(outcomes.len(), "object")),
        also,
    };
    let published = lock.publish(pack.finish()?, &publication, monitor)?;
    published.refreshed?;
    Ok(Finished {
        branch: branch.name,
        commit,
        tip,
    })
}

/// The rows of one object that an import gave.
pub(super) struct Imported {
    pub(super) object: ObjectName,
    pub(super) schema: Schema,
    pub(super) folded: Folded,
}

/// Commits what was imported, at the date of its export; the state knows nothing of it.
#[expect(
    clippy::too_many_arguments,
    reason = "the end of the way, where everything meets"
)]
pub(super) fn import(
    lock: &WriteLock<'_>,
    pack: PackBuilder<'_>,
    place: &Place,
    base: &RecordsAt<'_>,
    org: OrgId,
    who: &Signature,
    imported: &[Imported],
    monitor: &dyn Monitor,
) -> Result<Finished, Error> {
    let repo = lock.repository();
    let base_tree = match base.commit() {
        Some(commit) => Some(repo.commit(commit)?.tree),
        None => None,
    };
    let mut edit = TreeEdit::new(base_tree);
    let mut lines = Vec::new();
    for it in imported {
        for (path, id) in &it.folded.edits {
            match id {
                Some(id) => edit.put(path.clone(), *id),
                None => edit.remove(path.clone()),
            }
        }
        if let Some(id) = schema_edit(&pack, base, &it.object, &it.schema)? {
            edit.put(schema_path(&it.object), id);
        }
        lines.push(format!("{}: {} rows", it.object, it.folded.n_rows));
    }
    let ledger = ledger(base, org, &[], &BTreeMap::new());
    edit.put(path(RecordsLedger::PATH), pack.blob(&ledger.render())?);
    let tree = edit.write(&pack)?;
    let name = place.branch_at(who.time);
    let branch = repo.ready(&name, &place.remote)?;
    if base_tree == Some(tree) {
        let tip = base
            .commit()
            .expect("what has not changed was there before");
        return Ok(Finished {
            branch: name,
            commit: None,
            tip,
        });
    }
    let mut message = Message::new(format!("Records of the Data Export of {}", who.time.day()))
        .with_body(lines.join("\n"))
        .with_trailer(trailer::SNAPSHOT, snapshot_id(who.time))
        .with_trailer(trailer::KIND, "records-import")
        .with_trailer(trailer::ORG, org.to_string());
    if branch.tip.is_none()
        && let Some(before) = base.commit()
    {
        message = message.with_trailer(trailer::FOLLOWS, before.to_string());
    }
    let id = pack.commit(&CommitDraft {
        tree,
        parents: branch.tip.into_iter().collect(),
        author: who.clone(),
        committer: who.clone(),
        message,
    })?;
    let publication = Publication {
        branch,
        new: id,
        reason: "records: import".to_owned(),
        also: Vec::new(),
    };
    lock.publish(pack.finish()?, &publication, monitor)?
        .refreshed?;
    Ok(Finished {
        branch: name,
        commit: Some(id),
        tip: id,
    })
}

pub(super) fn path(text: &str) -> TreePath {
    text.parse().expect("a literal path is valid")
}

/// The ledger after this run: gaps of objects that were not looked at stay.
fn ledger(
    base: &RecordsAt<'_>,
    org: OrgId,
    outcomes: &[Outcome],
    bodies: &BTreeMap<ObjectName, BodyGaps>,
) -> RecordsLedger {
    let known = base.ledger().map(|it| it.bodies.clone());
    let mut body_gaps = known.unwrap_or_default();
    for (object, gaps) in bodies {
        let before = body_gaps.remove(object).unwrap_or_default();
        let mut gaps = gaps.clone();
        for (id, reason) in &mut gaps.failed {
            // One gap is one gap, whatever the words of the day.
            if let Some(known) = before.failed.get(id) {
                reason.clone_from(known);
            }
        }
        if !gaps.is_empty() {
            body_gaps.insert(object.clone(), gaps);
        }
    }
    let mut gaps = base.ledger().map(|it| it.gaps.clone()).unwrap_or_default();
    for outcome in outcomes {
        match gap_of(outcome, base.ledger()) {
            Some(gap) => gaps.insert(outcome.target.name.clone(), gap),
            None => gaps.remove(&outcome.target.name),
        };
    }
    RecordsLedger {
        org,
        layout: RecordsLedger::LAYOUT,
        gaps,
        bodies: body_gaps,
        erased: base
            .ledger()
            .map(|it| it.erased.clone())
            .unwrap_or_default(),
    }
}

fn next_state(
    state: &RecordsState,
    mut open_jobs: BTreeMap<String, OpenJob>,
    identity: &Identity,
    outcomes: &[Outcome],
    tip: ObjectId,
) -> RecordsState {
    let mut objects = state.objects.clone();
    for outcome in outcomes {
        let Ok(read) = &outcome.result else { continue };
        objects.insert(outcome.target.name.clone(), read.cursor.clone());
        if let Some(job) = &read.job {
            open_jobs.remove(&job.key);
        }
    }
    let is_whole = outcomes.iter().all(|it| it.result.is_ok());
    let granted = identity.permissions.granted();
    RecordsState {
        commit: Some(tip.to_string()),
        // Where something is kept because this user sees less, the next run has to know, too.
        permissions: if is_whole {
            granted.iter().map(ToString::to_string).collect()
        } else {
            state.permissions.clone()
        },
        objects,
        open_jobs,
    }
}

fn message(
    base: &RecordsAt<'_>,
    branch: &Branch,
    at: Timestamp,
    org: OrgId,
    outcomes: &[Outcome],
    bodies: &BodiesReport,
    options: &ExportOptions,
) -> Message {
    let (mut added, mut changed, mut deleted) = (0, 0, 0);
    let mut lines = Vec::new();
    if let Some(why) = &options.message {
        lines.push(why.clone());
        lines.push(String::new());
    }
    for outcome in outcomes {
        let Ok(read) = &outcome.result else { continue };
        let counts = &read.folded.counts;
        added += counts.added;
        changed += counts.changed;
        deleted += counts.deleted;
        if counts.added + counts.changed + counts.deleted == 0 {
            continue;
        }
        lines.push(format!(
            "{}: {} added, {} changed, {} deleted",
            outcome.target.name, counts.added, counts.changed, counts.deleted
        ));
        let fields: Vec<_> = counts
            .fields
            .iter()
            .map(|(field, n)| format!("{field} ({n})"))
            .collect();
        if !fields.is_empty() {
            lines.push(format!("  changed fields: {}", fields.join(", ")));
        }
    }
    if bodies.added + bodies.removed > 0 {
        lines.push(format!(
            "Files: {} added ({} bytes), {} removed",
            bodies.added, bodies.bytes, bodies.removed
        ));
    }
    if bodies.missing > 0 {
        lines.push(format!("Files still to come: {}", bodies.missing));
    }
    let subject = if added + changed + deleted == 0 {
        match bodies.added {
            0 => "Records: no row changed, what is known of them did".to_owned(),
            n => format!("Records: {n} files came, no row changed"),
        }
    } else {
        format!("Records: {added} added, {changed} changed, {deleted} deleted")
    };
    let mut message = Message::new(subject)
        .with_body(lines.join("\n"))
        .with_trailer(trailer::SNAPSHOT, snapshot_id(at))
        .with_trailer(trailer::KIND, "records")
        .with_trailer(trailer::ORG, org.to_string());
    if let Some(metadata) = options.metadata {
        message = message.with_trailer(trailer::METADATA, metadata.to_string());
    }
    if branch.tip.is_none()
        && let Some(before) = base.commit()
    {
        message = message.with_trailer(trailer::FOLLOWS, before.to_string());
    }
    message
}

/// Goes on from the remote, where it is ahead; refuses where nobody has said that it may hold records.
pub(super) fn begin_push(
    lock: &WriteLock<'_>,
    place: &Place,
    records: &Records,
    org: OrgId,
    now: Option<Timestamp>,
) -> Result<(), Error> {
    let repo = lock.repository();
    if records.may_push != Some(true) {
        return Err(Refusal::RecordsStayHere {
            remote: place.remote.clone(),
        }
        .into());
    }
    if !repo.has_remote(&place.remote)? {
        return Err(Refusal::NoRemote {
            remote: place.remote.clone(),
        }
        .into());
    }
    let name = place.branch_at(now.unwrap_or(Timestamp::UNKNOWN));
    let branch = repo.ready(&name, &place.remote)?;
    let tips = repo
        .fetch(&place.remote, &name, org)
        .during(format!("fetching from `{}`", place.remote))?;
    let Some(theirs) = tips.branch else {
        return Ok(());
    };
    if let Some(ours) = branch.tip {
        if repo.is_ancestor(theirs, ours)? {
            return Ok(());
        }
        if !repo.is_ancestor(ours, theirs)? {
            return Err(Refusal::Diverged {
                branch: name,
                remote: place.remote.clone(),
            }
            .into());
        }
    }
    // Their state belongs to their commits: ours would only lead to a full pass, which is
    // made where notes of ours would go with it.
    let mut also = Vec::new();
    let ours = repo.state(org)?.commit;
    let is_other = tips.state.filter(|it| Some(*it) != ours);
    if let Some(new) = is_other
        && !notes::are_open(repo, org)?
    {
        also.push(crate::store::RefUpdate {
            name: state_ref(org),
            old: ours,
            new,
            reason: "state".to_owned(),
        });
    }
    let publication = Publication {
        branch,
        new: theirs,
        reason: format!("records: go on from {}", place.remote),
        also,
    };
    let kept = repo.pack(&Listing::default())?.finish()?;
    lock.publish(kept, &publication, &crate::progress::Silent)?
        .refreshed?;
    Ok(())
}

/// Sends branch and state.
pub(super) fn push(
    repo: &Repository,
    place: &Place,
    finished: &Finished,
    org: OrgId,
) -> Result<(), Error> {
    let tips = repo
        .fetch(&place.remote, &finished.branch, org)
        .during(format!("fetching from `{}`", place.remote))?;
    let state = repo.state(org)?.commit;
    let plan = PushPlan {
        branch: finished.branch.clone(),
        commit: finished.tip,
        state: state.map(|new| StatePush {
            org,
            new,
            old: tips.state,
        }),
        tags: Vec::new(),
    };
    match repo.push(&place.remote, &plan)? {
        Pushed::Done | Pushed::WithoutState | Pushed::StateRefused(_) => Ok(()),
        Pushed::Moved => Err(Refusal::PushContended {
            remote: place.remote.clone(),
            tries: 1,
        }
        .into()),
        Pushed::Refused(reason) => Err(Refusal::PushRefused {
            remote: place.remote.clone(),
            reason,
        }
        .into()),
    }
}
