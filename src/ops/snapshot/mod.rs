//! Takes a snapshot: lists the org, retrieves what changed, commits it.
//!
//! The way of the data is that of the functions in [`snapshot`]: base → listing →
//! decision → answers → changes → commits → branch. Each step is a file here.
//!
//! Invariant: until the branch moves nothing in the repository has changed, and
//! what was not read successfully is never taken for deleted.

mod base;
mod commit;
mod confirm;
mod damage;
mod decide;
mod detail;
mod evidence;
mod flows;
mod folders;
mod form;
mod gather;
mod grants;
mod in_hand;
mod ledger;
mod listing;
mod live;
mod look;
mod marks;
mod memory;
mod merge;
pub(super) mod narrow;
mod notes;
mod options;
mod outcome;
pub(in crate::ops) mod own;
mod people;
mod permissions;
mod private;
mod push;
mod put_back;
mod read;
mod record;
mod redaction;
mod references;
mod release;
mod renew;
mod report;
mod rewrite;
mod short;
mod status;
mod twice;

use std::cell::RefCell;

use notes::JobNotes;

pub(super) use base::snapshot_id;
pub use base::{Base, OwnedFile, snapshot_of, time_of_snapshot};
pub(super) use commit::is_opaque;
pub(super) use form::{in_our_form, in_our_form_again};
pub use in_hand::{Answer, InHand, TakenIn, take_in};
pub use live::diff_with_org;
pub use options::{SnapshotOptions, SnapshotSetup};
pub use push::PushReport;
pub use redaction::begins_history;
pub(super) use redaction::tags_of_tree;
pub use report::{CommitReport, SnapshotReport};
pub use status::{StatusChange, StatusReport, status};
pub use twice::{NoiseFound, TwiceReport, retrieve_twice};

use super::{
    error::{During, Error, Refusal},
    fetch::Spool,
    jobs::{self, DeployNews, Journal},
};
use crate::{
    client::{Identity, Org},
    ledger::{Deploys, RuleVersions},
    model::{OrgId, Timestamp},
    progress::{Event, Monitor},
    source::{Level, canonical, redact},
    store::{Branch, Repository, WriteLock},
};

/// Version of the table of types; raised when files of a type move or change their names.
const REGISTRY_VERSION: u32 = 1;

/// Takes a snapshot of `org` onto the branch that `setup` names.
///
/// Where the settings ask for a tree by other rules, and the org has to be asked for it,
/// it takes two: what changed in the org, by the rules of then, and everything by the new
/// ones, which is nobody's change.
///
/// # Errors
///
/// [`Error`]; the branch is where it was, unless the error says that it moved.
pub async fn snapshot(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
    options: &SnapshotOptions,
    monitor: &dyn Monitor,
) -> Result<SnapshotReport, Error> {
    let old = match take(org, repo, setup, options, Rules::OfTheTree, monitor).await? {
        Taken::Done(report) => return Ok(*report),
        Taken::OtherRules(old) => *old,
    };
    let by_old = SnapshotOptions {
        tag: None,
        ..options.clone()
    };
    let first = match org.at(old.api_version) {
        Ok(org) => match take(&org, repo, &old, &by_old, Rules::OfTheTree, monitor).await? {
            Taken::Done(report) => Some(*report),
            Taken::OtherRules(_) => None,
        },
        Err(err) => {
            monitor.event(Event::Warned(format!(
                "what changed since the last snapshot cannot be told from what API version {} shows: {err}",
                setup.api_version
            )));
            None
        }
    };
    if options.is_selective()
        && let Some(first) = first
    {
        monitor.event(Event::Warned(
            "the tree stays as it is written until a snapshot of everything: run `orgkeep snapshot`"
                .to_owned(),
        ));
        return Ok(first);
    }
    let all = SnapshotOptions {
        full: true,
        ..options.clone()
    };
    match take(org, repo, setup, &all, Rules::New, monitor).await? {
        Taken::Done(report) => Ok(report.after(first)),
        Taken::OtherRules(_) => unreachable!("new rules are taken as they are"),
    }
}

/// By which rules a snapshot is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    /// Those that the tree has, or can be rewritten by.
    OfTheTree,
    /// Those of the settings; what differs by them is nobody's change.
    New,
}

/// What one pass came to.
enum Taken {
    Done(Box<SnapshotReport>),
    /// Nothing: the tree was written by rules that only the org can change.
    OtherRules(Box<SnapshotSetup>),
}

/// Takes one snapshot.
#[expect(
    clippy::too_many_lines,
    reason = "the steps of a snapshot, in their order"
)]
async fn take(
    org: &Org,
    repo: &Repository,
    setup: &SnapshotSetup,
    options: &SnapshotOptions,
    rules: Rules,
    monitor: &dyn Monitor,
) -> Result<Taken, Error> {
    let lock = repo.lock()?;
    let mut branch = repo.ready(&setup.branch, &setup.remote)?;
    let identity = identify(org).await?;
    let known_before = Journal::new(repo, setup, identity.org.id).read()?;
    let remote = if options.push && !options.dry_run {
        Some(push::begin(
            &lock,
            &mut branch,
            setup,
            identity.org.id,
            monitor,
        )?)
    } else {
        None
    };
    let mut base = Base::read(repo, &branch, &setup.package_dirs)?;
    check_bond(&base, &branch, identity.org.id)?;
    if rules == Rules::OfTheTree
        && !options.dry_run
        && let Some(old) = base
            .org
            .as_ref()
            .and_then(|it| renew::by_old_rules(it, setup))
    {
        return Ok(Taken::OtherRules(Box::new(old)));
    }
    if !options.dry_run && own_changes(&lock, &branch, &base, setup, rules, org.now(), monitor)? {
        branch = repo.ready(&setup.branch, &setup.remote)?;
        base = Base::read(repo, &branch, &setup.package_dirs)?;
    }
    let deploys = match options.dry_run {
        true => Vec::new(),
        false => earlier_deploys(&lock, org, setup, identity.org.id, &known_before).await?,
    };
    let memory = memory::Memory::read(repo, identity.org.id)?;
    let began = org.now().unwrap_or(Timestamp::UNKNOWN);

    let mut plan = decide::plan(
        org,
        repo,
        &base,
        &memory,
        setup,
        options,
        identity.org.id,
        began,
        monitor,
    )
    .await?;
    plan.sees_less = memory.sees_less(&identity);
    plan.rollbacks = memory.rollbacks();
    if options.dry_run {
        let report = report::dry_run(&base, &plan, org, &identity, setup);
        return Ok(Taken::Done(Box::new(report)));
    }
    let pack = repo.pack(&base.listing)?;
    let remote = remote.map(RefCell::new);
    let who = record::signature(setup, began);
    let notes = JobNotes::new(
        repo,
        remote.as_ref(),
        identity.org.id,
        &memory,
        &who,
        monitor,
    );
    let mut marks = marks::Marks::read(repo, &base, setup);
    let mut answers = read::read(
        org, repo, &base, &plan, setup, &pack, options, &marks, &notes, monitor,
    )
    .await?;
    if let Err(err) = redaction::suspected(&answers.gaps, &base, setup, monitor) {
        // The answers hold what is not to be written.
        Spool::open(&repo.private_dir()?)?.clear();
        return Err(err);
    }
    marks.take(&mut answers);
    grants::check(org, &base, &plan, &mut answers, &pack).await?;
    answers
        .gaps
        .extend(private::gaps(org, &plan, &base.coverage.gaps).await);
    let remote = remote.map(RefCell::into_inner);
    let commits = commit::commits(
        org, &base, &identity, &plan, &answers, setup, options, &pack,
    )
    .await?;
    let closed = record::close(
        pack,
        &base,
        &memory,
        &identity,
        &plan,
        &answers,
        commits,
        setup,
        options,
        org.budget().total(),
    )?;
    let result = match remote {
        None => record::show(&lock, closed, &branch, options, monitor)?,
        Some(remote) => {
            let run = push::Run {
                lock: &lock,
                org,
                branch: &branch,
                base: &base,
                memory: &memory,
                identity: &identity,
                plan: &plan,
                answers: &answers,
                setup,
                options,
                monitor,
            };
            push::publish(&run, remote, closed).await?
        }
    };
    marks.write();
    let report = report::done(result, &plan, &answers, org, &identity, setup);
    Ok(Taken::Done(Box::new(SnapshotReport { deploys, ..report })))
}

/// Commits what is ours to change before the org is looked at; whether the branch moved.
fn own_changes(
    lock: &WriteLock<'_>,
    branch: &Branch,
    base: &Base,
    setup: &SnapshotSetup,
    rules: Rules,
    now: Option<Timestamp>,
    monitor: &dyn Monitor,
) -> Result<bool, Error> {
    let read_again = || -> Result<(Branch, Base), Error> {
        let repo = lock.repository();
        let branch = repo.ready(&setup.branch, &setup.remote)?;
        let base = Base::read(repo, &branch, &setup.package_dirs)?;
        Ok((branch, base))
    };
    let moved = put_back::put_back(lock, branch, base, setup, now, monitor)?;
    if rules == Rules::New {
        return Ok(moved);
    }
    let again = if moved { Some(read_again()?) } else { None };
    let (branch, base) = again.as_ref().map_or((branch, base), |it| (&it.0, &it.1));
    let Some(org) = &base.org else {
        return Ok(moved);
    };
    let tags = redaction::tags(setup, base, org.org_id);
    let conversion = read::conversion(base, setup, tags.as_ref());
    Ok(rewrite::rewrite(lock, branch, base, &conversion, setup, now, monitor)? || moved)
}

/// What became of deploys that earlier runs noted; those that a state from a remote lacks included.
async fn earlier_deploys(
    lock: &WriteLock<'_>,
    org: &Org,
    setup: &SnapshotSetup,
    id: OrgId,
    known_before: &Deploys,
) -> Result<Vec<DeployNews>, Error> {
    let now = org.now().unwrap_or(Timestamp::UNKNOWN);
    Journal::new(lock.repository(), setup, id).write(lock, now, |it| {
        it.take_over(known_before);
    })?;
    jobs::settle(lock, org, setup, id).await
}

/// Who we are, and whether that is enough.
async fn identify(org: &Org) -> Result<Identity, Error> {
    let identity = org.identity().await.during("asking the org who it is")?;
    if identity.permissions.may_use_metadata() == Some(false) {
        return Err(Refusal::NoPermission {
            user: identity.user.username.clone(),
            host: org.instance().host().to_owned(),
        }
        .into());
    }
    Ok(identity)
}

/// Refuses another org's snapshot, and to write where a newer release wrote.
fn check_bond(base: &Base, branch: &Branch, found: OrgId) -> Result<(), Error> {
    let Some(kept) = &base.org else {
        return Ok(());
    };
    if kept.is_newer(&NEWEST) {
        return Err(Refusal::NewerRelease {
            branch: branch.name.clone(),
        }
        .into());
    }
    check_org(base, branch, found)
}

/// Refuses another org.
fn check_org(base: &Base, branch: &Branch, found: OrgId) -> Result<(), Error> {
    let Some(kept) = &base.org else {
        return Ok(());
    };
    if kept.org_id != found {
        return Err(Refusal::OtherOrg {
            branch: branch.name.clone(),
            kept: kept.org_id,
            found,
        }
        .into());
    }
    Ok(())
}

/// The newest versions of the rules that this release knows.
const NEWEST: RuleVersions = RuleVersions {
    canonical: canonical::RULES_VERSION,
    registry: REGISTRY_VERSION,
    redaction: redact::RULES_VERSION,
};

/// Versions of the rules that this release writes with.
fn rule_versions(setup: &SnapshotSetup) -> RuleVersions {
    RuleVersions {
        canonical: match setup.level {
            Level::Faithful => 0,
            Level::Canonical => canonical::RULES_VERSION,
        },
        registry: REGISTRY_VERSION,
        redaction: if setup.redact {
            redact::RULES_VERSION
        } else {
            0
        },
    }
}
