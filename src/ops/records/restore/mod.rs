//! Puts records back as a snapshot has them.
//!
//! [`plan`] reads the objects afresh, which captures what will be touched, compares
//! them with the target and asks the pure planner; [`apply()`] takes rows out of the
//! recycle bin, plans again, updates, inserts in waves, and exports what came of it.
//! A run that was killed is settled by the next one: the org is asked what became
//! of rows that were sent.
//!
//! Invariant: nothing is written that the plan did not show, and no row is inserted
//! that may be there already.

mod apply;
mod commit_ids;
mod journal;
mod look;
mod opener;
mod refusal;
mod report;
mod select;
mod send;
mod settle;
mod upload;
mod views;

use std::collections::{BTreeMap, BTreeSet};

pub use apply::{ApplyOptions, apply};
pub use refusal::RestoreRefusal;
pub use report::{FailedRow, RestoreReport};

use journal::Journal;
use look::BinRow;
use opener::Opener;
use select::{Selection, WrongChange};
use views::{CommitRows, Overlay};

use super::{ExportOptions, Place, RecordsAt, export};
use crate::{
    client::{Identity, Org},
    config::Config,
    model::{ComponentKey, ObjectName, RecordId, Timestamp},
    ops::{
        error::{During, Error},
        snapshot::SnapshotSetup,
    },
    plan::{
        records::{
            self as planner, Automation, Binned, Candidate, Fires, Inputs, Limits, Options, Owner,
            RestorePlan, Schemas, Table,
        },
        select::Glob,
    },
    progress::Monitor,
    records::{
        IdMap, RowChange, Shard,
        body::{BodyRule, Kept},
    },
    store::{ObjectId, Repository},
};

/// What a restore is asked for.
#[derive(Clone, Debug, Default)]
pub struct RestoreOptions {
    /// The commit, tag, snapshot or time to go back to, as typed.
    pub to: Option<String>,
    /// Objects and Ids, as typed.
    pub what: Vec<String>,
    /// More Ids, such as those of a file.
    pub ids: Vec<RecordId>,
    /// A condition on the rows, as they were.
    pub condition: Option<String>,
    /// Undo what this user did, by Id, username or name.
    pub changed_by: Option<String>,
    /// From when to when; both by the org's clock.
    pub between: Option<(Timestamp, Timestamp)>,
    /// Undo what this ingest job did.
    pub bulk_job: Option<RecordId>,
    /// The only fields to set back, as typed.
    pub fields: Vec<String>,
    /// All rows of all objects.
    pub all: bool,
    /// Who gets rows whose owner can have none any more, as typed.
    pub fallback_owner: Option<String>,
    /// What the user allows besides.
    pub allowed: Options,
    /// The most that is written.
    pub limits: Limits,
    /// Take inserts whose answer was lost, and that cannot be told from other rows, for not taken.
    pub lost_not_taken: bool,
}

/// A plan, and everything that carrying it out needs.
#[derive(Debug)]
pub struct PlannedRestore {
    /// What becomes of each row.
    pub plan: RestorePlan,
    /// What the writes set off.
    pub fires: Vec<Fires>,
    /// The org and the user.
    pub identity: Identity,
    /// The commit to go back to.
    pub target: ObjectId,
    /// The commit that has the org as it is now, and thus what is about to be touched.
    pub captured: Option<ObjectId>,
    /// Rows that an earlier restore inserted, and of which that was not known yet.
    pub settled: usize,
    /// Objects that could not be read, and why.
    pub unread: Vec<(String, String)>,
    facts: Facts,
    options: RestoreOptions,
}

/// What the planner is told besides the rows.
#[derive(Debug, Default)]
struct Facts {
    then_schemas: Schemas,
    live_schemas: Schemas,
    changes: BTreeMap<ObjectName, Vec<RowChange>>,
    bin: BTreeMap<RecordId, Binned>,
    owners: BTreeMap<RecordId, Owner>,
    ids: IdMap,
    /// Bodies of files that the snapshot has.
    bodies: BTreeMap<RecordId, Kept>,
    allowed: Options,
}

impl Facts {
    fn plan(&self, selected: Vec<Candidate>, then: &dyn Table, now: &dyn Table) -> RestorePlan {
        planner::plan(&Inputs {
            selected,
            then,
            now,
            then_schemas: &self.then_schemas,
            live_schemas: &self.live_schemas,
            changes: &self.changes,
            bin: &self.bin,
            ids: &self.ids,
            owner: &|id| self.owners.get(&id).copied().unwrap_or(Owner::Active),
            has_body: &|_, row| self.bodies.contains_key(&row.id()),
            options: &self.allowed,
        })
    }
}

/// Where things are: the org, the repositories, the settings.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The org.
    pub org: &'a Org,
    /// The repository of the records.
    pub repo: &'a Repository,
    /// The repository of the metadata, which may be the same.
    pub metadata: &'a Repository,
    /// The settings.
    pub config: &'a Config,
    /// How snapshots are taken.
    pub setup: &'a SnapshotSetup,
    /// The secret that hashes and encrypts values.
    pub secret: Option<&'a [u8]>,
}

/// Plans a restore.
///
/// The objects are exported first: the plan compares with the org as it is now, and
/// what it may touch is in a commit.
///
/// # Errors
///
/// A target that there is not, a selection that is none, an earlier restore whose
/// rows cannot be told apart; whatever an export fails with. Nothing was written to the org.
pub async fn plan(
    site: Site<'_>,
    options: &RestoreOptions,
    monitor: &dyn Monitor,
) -> Result<PlannedRestore, Error> {
    let Site { org, repo, .. } = site;
    let identity = org.identity().await.during("asking the org who it is")?;
    let mut journal = Journal::open(repo, site.setup, identity.org.id)?;
    let place = Place::of(site.config);
    let captured = || place.tip(repo);
    let settled = settle::settle(org, &mut journal, captured, repo, options.lost_not_taken).await?;
    let at = org.now().unwrap_or(Timestamp::UNKNOWN);
    commit_ids::commit_ids(repo, &place, site.setup, identity.org.id, at, monitor)?;
    let wrong = wrong_change(org, options).await?;
    let (job_ids, job_at) = match options.bulk_job {
        Some(job) => settle::rows_of_job(org, job).await?,
        None => (Vec::new(), None),
    };
    let target = match (&options.to, wrong, job_at) {
        (Some(to), _, _) => place.resolve(repo, to)?,
        (None, Some(wrong), _) => before(&place, repo, wrong.since)?,
        (None, None, Some(at)) => before(&place, repo, at)?,
        (None, None, None) => return Err(RestoreRefusal::NoTarget.into()),
    };
    let then = RecordsAt::open(repo, Some(target))?;
    let selection = Selection::parse(options, job_ids, &then)?;
    let opener = Opener::new(identity.org.id, site.secret);
    let then_schemas: Schemas = then
        .objects()
        .map(|(name, it)| (name.clone(), it.schema.clone()))
        .collect();
    let then_schemas = opener.schemas(then_schemas);
    let selected = selection.objects(&then);
    let related = planner::related(&selected, &then_schemas);

    let unread = refresh(site, &related, &selected, monitor).await?;
    let captured = place.tip(repo)?;
    let now = RecordsAt::open(repo, captured)?;
    let read: BTreeSet<_> = related
        .iter()
        .filter(|it| !unread.iter().any(|(what, _)| it.as_str() == what))
        .cloned()
        .collect();
    let changes = select::differences(&then, &now, &read, &opener)?;
    let mut facts = Facts {
        live_schemas: live_schemas(org, &changes).await?,
        then_schemas,
        changes,
        ids: ids_of(repo, &now, &journal)?,
        allowed: Options {
            fields: select::fields(&options.fields)?,
            fallback_owner: match &options.fallback_owner {
                Some(text) => Some(owner_named(org, text).await?),
                None => None,
            },
            ..options.allowed.clone()
        },
        ..Facts::default()
    };
    facts.bodies = bodies(&then, &facts.changes)?;
    let bin = look_into_bin(org, &facts).await?;
    facts.bin = bin.iter().map(|(id, it)| (*id, it.how)).collect();
    facts.owners = look::owners(org, &owners_in(&facts.changes)).await?;

    let (then_rows, now_rows) = (
        CommitRows::new(&then, &opener),
        CommitRows::new(&now, &opener),
    );
    let candidates = match wrong {
        Some(wrong) => {
            let after = behind(&place, repo, wrong.until)?.or(captured);
            let after = RecordsAt::open(repo, after)?;
            let done = select::differences(&then, &after, &selected, &opener)?;
            let deleted = |id| bin.get(&id).map(|it: &BinRow| (it.by, it.at));
            select::wrongly_changed(&selection, &done, wrong, &deleted, &now_rows)
        }
        None => select::candidates(&selection, &facts.changes),
    };
    let overlay = Overlay {
        base: &now_rows,
        fresh: BTreeMap::new(),
    };
    let plan = facts.plan(candidates, &then_rows, &overlay);
    then_rows.check()?;
    now_rows.check()?;
    let fires = planner::fires(&automation(site)?, &operations(&plan));
    Ok(PlannedRestore {
        plan,
        fires,
        identity,
        target,
        captured,
        settled,
        unread,
        facts,
        options: options.clone(),
    })
}

impl PlannedRestore {
    /// Checks that the plan writes no more than it may.
    ///
    /// # Errors
    ///
    /// [`Error`] with how much it would write.
    pub fn check_limits(&self, repo: &Repository) -> Result<(), Error> {
        let then = RecordsAt::open(repo, Some(self.target))?;
        let mut of = BTreeMap::new();
        if self.options.limits.max_percent.is_some() {
            let written: BTreeSet<_> = self.plan.written().map(|it| &it.object).collect();
            for object in written {
                let mut n_rows = 0;
                for rows in then.rows(object) {
                    n_rows += u64::try_from(rows?.len()).unwrap_or(u64::MAX);
                }
                of.insert(object.clone(), n_rows);
            }
        }
        self.options
            .limits
            .check(&self.plan, &of)
            .map_err(RestoreRefusal::from)?;
        Ok(())
    }

    /// Whether something that it sets off may send messages, and nothing stops it; `bypassed` is
    /// switched off for the time.
    #[must_use]
    pub fn may_tell_others(&self, bypassed: &BTreeSet<ComponentKey>) -> bool {
        let mut fires = self.fires.iter();
        let is_off = |it: &Fires| {
            let switch = planner::bypass::switch_of(&it.automation);
            switch.is_some_and(|it| bypassed.contains(&it))
        };
        fires
            .any(|it| it.automation.tells_others && it.stop != planner::Stop::Header && !is_off(it))
    }
}

/// The wrong change that is to be undone, where one is named.
async fn wrong_change(org: &Org, options: &RestoreOptions) -> Result<Option<WrongChange>, Error> {
    let Some(name) = &options.changed_by else {
        return Ok(None);
    };
    let Some((since, until)) = options.between else {
        return Err(RestoreRefusal::NoTarget.into());
    };
    let by = look::user(org, name).await?;
    let by = by.ok_or_else(|| RestoreRefusal::NoSuchUser { name: name.clone() })?;
    Ok(Some(WrongChange { by, since, until }))
}

async fn owner_named(org: &Org, text: &str) -> Result<RecordId, Error> {
    let found = look::user(org, text).await?;
    Ok(found.ok_or_else(|| RestoreRefusal::NoSuchUser {
        name: text.to_owned(),
    })?)
}

/// The last commit of records from before `at`.
fn before(place: &Place, repo: &Repository, at: Timestamp) -> Result<ObjectId, Error> {
    for (_, tip) in place.branches(repo)?.iter().rev() {
        for commit in repo.history(*tip) {
            let commit = commit?;
            if commit.committer.time <= at {
                return Ok(commit.id);
            }
        }
    }
    Err(RestoreRefusal::NothingBefore { at: at.minute() }.into())
}

/// The first commit of records from `at` on.
fn behind(place: &Place, repo: &Repository, at: Timestamp) -> Result<Option<ObjectId>, Error> {
    let mut found = None;
    for (_, tip) in place.branches(repo)?.iter().rev() {
        for commit in repo.history(*tip) {
            let commit = commit?;
            if commit.committer.time < at {
                return Ok(found);
            }
            found = Some(commit.id);
        }
    }
    Ok(found)
}

/// Exports `objects`; gives those that could not be read, and why. Of those that the org does
/// not have the ones of `selected` count.
async fn refresh(
    site: Site<'_>,
    objects: &BTreeSet<ObjectName>,
    selected: &BTreeSet<ObjectName>,
    monitor: &dyn Monitor,
) -> Result<Vec<(String, String)>, Error> {
    let listed = site
        .org
        .describe_objects()
        .await
        .during("listing the objects of the org")?;
    let there: BTreeSet<_> = listed
        .into_iter()
        .filter(|it| it.queryable)
        .map(|it| it.name)
        .collect();
    let globs: Vec<_> = objects
        .intersection(&there)
        .map(|it| Glob::new(it.as_str()))
        .collect();
    let missing = selected.difference(&there).map(|it| {
        let reason = "the org has no such object that this user sees; `orgkeep rollback` brings back one that was deleted";
        (it.to_string(), reason.to_owned())
    });
    let mut unread: Vec<_> = missing.collect();
    if globs.is_empty() {
        return Ok(unread);
    }
    let options = ExportOptions {
        objects: globs,
        secret: site.secret.map(<[u8]>::to_vec),
        message: Some("What a restore starts from".to_owned()),
        ..ExportOptions::default()
    };
    let report = export(
        site.org,
        site.repo,
        site.metadata,
        site.config,
        site.setup,
        &options,
        monitor,
    )
    .await?;
    // Fields that this user may not see are gaps as well, and keep no row from coming back.
    let gaps = report.gaps.into_iter().filter(|it| !it.what.contains('.'));
    unread.extend(gaps.map(|it| (it.what, it.reason)));
    Ok(unread)
}

/// Descriptions of the objects in which something differs.
async fn live_schemas(
    org: &Org,
    changes: &BTreeMap<ObjectName, Vec<RowChange>>,
) -> Result<Schemas, Error> {
    let mut schemas = Schemas::new();
    for (object, changes) in changes {
        if changes.is_empty() {
            continue;
        }
        match org.describe_object(object).await {
            Ok(schema) => {
                schemas.insert(object.clone(), schema);
            }
            // The plan says of its rows that there is no such object.
            Err(err) if err.code() == Some("NOT_FOUND") => (),
            Err(err) => return Err(err).during(format!("describing {object}")),
        }
    }
    Ok(schemas)
}

/// Ids that earlier restores gave: those of the commit, and those that were settled just now.
fn ids_of(repo: &Repository, at: &RecordsAt<'_>, journal: &Journal<'_>) -> Result<IdMap, Error> {
    let mut ids = match at.listing().get(IdMap::PATH) {
        Some(entry) => IdMap::parse(&repo.blob(entry.id)?).map_err(RestoreRefusal::from)?,
        None => IdMap::default(),
    };
    ids.extend(journal.ids());
    Ok(ids)
}

/// The bodies of rows that are gone, where the snapshot has the one of that state of the row.
fn bodies(
    then: &RecordsAt<'_>,
    changes: &BTreeMap<ObjectName, Vec<RowChange>>,
) -> Result<BTreeMap<RecordId, Kept>, Error> {
    let mut bodies = BTreeMap::new();
    for (object, changes) in changes {
        let Some(rule) = BodyRule::of(object.as_str()) else {
            continue;
        };
        let gone = changes.iter().filter_map(|it| match it {
            RowChange::Deleted(row) => Some((row.id(), row)),
            _ => None,
        });
        let gone: BTreeMap<_, _> = gone.collect();
        let shards: BTreeSet<_> = gone.keys().map(Shard::of).collect();
        for shard in shards {
            for kept in then.body_table(object, shard)? {
                let Some(row) = gone.get(&kept.id) else {
                    continue;
                };
                // A row that was renamed since has the body that it had.
                let size = kept.bytes.to_string();
                if row.get(rule.mark) == Some(&kept.mark) || row.get(rule.size) == Some(&size) {
                    bodies.insert(kept.id, kept);
                }
            }
        }
    }
    Ok(bodies)
}

async fn look_into_bin(org: &Org, facts: &Facts) -> Result<BTreeMap<RecordId, BinRow>, Error> {
    let mut bin = BTreeMap::new();
    for (object, changes) in &facts.changes {
        let Some(live) = facts.live_schemas.get(object) else {
            continue;
        };
        let gone = changes.iter().filter_map(|it| match it {
            RowChange::Deleted(row) => Some(row.id()),
            _ => None,
        });
        bin.extend(look::bin(org, live, &gone.collect()).await?);
    }
    Ok(bin)
}

fn owners_in(changes: &BTreeMap<ObjectName, Vec<RowChange>>) -> BTreeSet<RecordId> {
    let rows = changes.values().flatten().filter_map(|it| match it {
        RowChange::Deleted(row) => Some(row),
        RowChange::Changed { before, .. } => Some(before),
        RowChange::Added(_) => None,
    });
    rows.filter_map(|it| it.get("OwnerId")?.parse().ok())
        .collect()
}

/// What the metadata in the repository says of automation.
fn automation(site: Site<'_>) -> Result<Vec<Automation>, Error> {
    let branch = site
        .metadata
        .branch(&site.setup.branch, &site.setup.remote)?;
    let Some(tip) = branch.tip else {
        return Ok(Vec::new());
    };
    let listing = site.metadata.list_tree(site.metadata.commit(tip)?.tree)?;
    let mut files = Vec::new();
    for file in listing.iter().filter(|it| planner::is_automation(it.path)) {
        let bytes = site.metadata.blob(file.entry.id)?;
        // Only roll-ups are of interest among the fields, which are many.
        let is_roll_up = || bytes.windows(7).any(|it| it == b"Summary");
        if !file.path.ends_with(".field-meta.xml") || is_roll_up() {
            files.push((file.path.to_owned(), bytes));
        }
    }
    let files = files
        .iter()
        .map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
    Ok(planner::automations(files))
}

/// What the plan does to each object.
fn operations(plan: &RestorePlan) -> BTreeMap<ObjectName, BTreeSet<planner::Operation>> {
    let mut all: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for item in plan.written() {
        let operation = match item.deed {
            planner::Deed::Undelete => planner::Operation::Undelete,
            planner::Deed::Insert => planner::Operation::Insert,
            planner::Deed::Delete => planner::Operation::Delete,
            _ => planner::Operation::Update,
        };
        all.entry(item.object.clone())
            .or_default()
            .insert(operation);
    }
    all
}
