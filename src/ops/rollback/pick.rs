//! What was selected by a person, a time or a deploy.

use std::collections::{BTreeMap, BTreeSet};

use super::aim::Aim;
use crate::{
    client::{DeployResult, DeployStatus, Org},
    model::{ComponentKey, Timestamp},
    ops::{
        error::{During, Error, Refusal},
        history,
        snapshot::{Base, snapshot_of, time_of_snapshot},
    },
    plan::rollback::Pick,
    registry::Registry,
    source,
    store::{Commit, ObjectId, Repository},
};

/// What was picked.
#[derive(Clone, Debug, Default)]
pub(super) struct Picked {
    /// The components.
    pub(super) keys: BTreeSet<ComponentKey>,
    /// Those that somebody changed after the deploy, and who.
    pub(super) later: BTreeMap<ComponentKey, String>,
}

/// A deploy that went through.
#[derive(Clone, Debug)]
pub(super) struct Deployed {
    /// The last complete snapshot before it began.
    pub(super) before: ObjectId,
    keys: BTreeSet<ComponentKey>,
    ended: Timestamp,
}

/// Asks the org what a deploy did.
///
/// # Errors
///
/// A deploy that the org does not know any more or that changed nothing, and one before
/// which there is no snapshot.
pub(super) async fn deployed(
    org: &Org,
    repo: &Repository,
    tip: ObjectId,
    job: &str,
) -> Result<Deployed, Error> {
    let result = match org.check_deploy(job).await {
        Ok(result) => result,
        Err(err) if err.code() == Some("INVALID_CROSS_REFERENCE_KEY") => {
            return Err(Refusal::NoSuchDeploy {
                job: job.to_owned(),
            }
            .into());
        }
        Err(err) => return Err(err).during("asking what the deploy did"),
    };
    let took_effect = matches!(
        result.status,
        DeployStatus::Succeeded | DeployStatus::SucceededPartial
    );
    let times = result.started.or(result.created).zip(result.completed);
    let Some((began, ended)) = times.filter(|_| took_effect && !result.check_only) else {
        return Err(Refusal::NoEffect {
            job: job.to_owned(),
        }
        .into());
    };
    let before = last_before(repo, tip, began)?.ok_or_else(|| Refusal::NoSnapshotBefore {
        job: job.to_owned(),
    })?;
    Ok(Deployed {
        before,
        keys: keys_of(&result),
        ended,
    })
}

/// What a deploy created, changed or deleted.
fn keys_of(result: &DeployResult) -> BTreeSet<ComponentKey> {
    let done = result
        .messages
        .iter()
        .filter(|it| it.success && (it.changed || it.created || it.deleted));
    done.filter_map(|it| {
        // Lightning components are named by their markup.
        let name = it.full_name.trim_start_matches("markup://");
        let name = name.strip_prefix("c:").unwrap_or(name);
        ComponentKey::parse(&it.component_type, name).ok()
    })
    .collect()
}

/// The last snapshot that was complete before `at`.
fn last_before(repo: &Repository, tip: ObjectId, at: Timestamp) -> Result<Option<ObjectId>, Error> {
    for commit in repo.history(tip) {
        let commit = commit?;
        let began = snapshot_of(&commit.message).and_then(time_of_snapshot);
        if began.is_some_and(|it| it < at) && commit.committer.time <= at {
            return Ok(Some(commit.id));
        }
    }
    Ok(None)
}

/// The components that `pick` names, between the aim's target and now.
pub(super) fn pick(
    repo: &Repository,
    pick: &Pick,
    deployed: Option<&Deployed>,
    aim: &Aim,
    now: &Base,
) -> Result<Option<Picked>, Error> {
    if pick.is_empty() {
        return Ok(None);
    }
    let mut picked = Picked::default();
    if let Some(deployed) = deployed {
        picked.keys.clone_from(&deployed.keys);
        for key in &deployed.keys {
            if let Some(remote) = now.remote(key)
                && deployed.ended < remote.modified.at
            {
                let stamp = &remote.modified;
                let words = format!("by {} at {} UTC", stamp.by.name, stamp.at.minute());
                picked.later.insert(key.clone(), words);
            }
        }
    }
    if pick.author.is_some() || pick.since.is_some() {
        let changed = changed_by(repo, pick, aim.target.commit, now.commit)?;
        match deployed {
            Some(_) => picked.keys.retain(|it| changed.contains(it)),
            None => picked.keys = changed,
        }
    }
    Ok(Some(picked))
}

/// What commits after `from` changed that are by the person and of the time that are meant.
fn changed_by(
    repo: &Repository,
    pick: &Pick,
    from: ObjectId,
    to: Option<ObjectId>,
) -> Result<BTreeSet<ComponentKey>, Error> {
    let registry = Registry::official();
    let mut keys = BTreeSet::new();
    let Some(to) = to else { return Ok(keys) };
    for commit in repo.history(to) {
        let commit = commit?;
        if commit.id == from {
            break;
        }
        let Some(parent) = commit.parents.first() else {
            break;
        };
        if !is_meant(&commit, pick) {
            continue;
        }
        let before = repo.commit(*parent)?.tree;
        for change in repo.diff_trees(before, commit.tree)? {
            let flow = history::flow_of(&change.path);
            let owner = || source::owner(registry, &change.path).map(|it| it.key);
            keys.extend(flow.or_else(owner));
        }
    }
    Ok(keys)
}

fn is_meant(commit: &Commit, pick: &Pick) -> bool {
    let is_theirs = pick
        .author
        .as_deref()
        .is_none_or(|it| history::is_by(commit, it));
    is_theirs && pick.since.is_none_or(|it| it <= commit.author.time)
}
