//! `records export`: rows of the org, committed.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::{
    alerts::{Alert, alerts},
    at::RecordsAt,
    bodies::{Bodies, BodiesReport, BodyRun},
    bounded::Bound,
    branches::Place,
    commit::{self, Finished},
    fetch::{self, Fetched, Fetcher, JobRows, Jobs},
    fold::{Counts, Fold, Folded},
    incremental,
    scope::{self, Target},
    sorter::Sorter,
};
use crate::{
    client::{self, Identity, Org},
    config::{Config, Records},
    ledger::{Cursor, RecordGap, RecordsLedger, RecordsState},
    model::{FieldName, ObjectName, Timestamp},
    ops::{
        error::{During, Error, Refusal},
        snapshot::SnapshotSetup,
    },
    plan::select::Glob,
    progress::{Event, Monitor, Phase},
    records::{Choice, Disguiser, FieldType, Schema, Why, choose, schema_path},
    store::{Kind, ObjectId, PackBuilder, Repository, Signature},
};

/// Objects that are read at once.
///
/// Own figure: jobs of the org run side by side, and each takes memory here.
const OBJECTS_AT_ONCE: usize = 3;

/// A read that loses a larger share of the rows is counted once more before it is believed.
const DOUBTFUL_LOSS: u64 = 2;

/// How records are exported.
#[derive(Clone, Debug, Default)]
pub struct ExportOptions {
    /// Names and patterns in the place of the settings' list.
    pub objects: Vec<Glob>,
    /// Whether all rows are read, whatever was seen before.
    pub full: bool,
    /// Name of a tag for the commit.
    pub tag: Option<String>,
    /// Why.
    pub message: Option<String>,
    /// Whether rows that vanished are believed to be gone.
    pub accept_deletions: bool,
    /// Whether branch and state go to the remote.
    pub push: bool,
    /// The commit of the metadata that the records stand beside.
    pub metadata: Option<ObjectId>,
    /// The secret that hashes and encrypts values.
    pub secret: Option<Vec<u8>>,
}

/// What an export came to.
#[derive(Clone, Debug, Serialize)]
pub struct ExportReport {
    /// `orgkeep/records-export/1`.
    pub schema: &'static str,
    /// The org.
    pub org: String,
    /// The branch.
    pub branch: String,
    /// The commit; `None` where nothing changed.
    pub commit: Option<String>,
    /// Each object, by name.
    pub objects: Vec<ObjectReport>,
    /// What is not as the org has it.
    pub gaps: Vec<GapReport>,
    /// Changes beyond the limits of the settings.
    pub alerts: Vec<Alert>,
    /// Bodies of files.
    pub files: BodiesReport,
    /// API calls.
    pub calls: u64,
    /// The tag.
    pub tag: Option<String>,
    /// Whether the remote has it.
    pub pushed: bool,
}

/// What became of one object.
#[derive(Clone, Debug, Serialize)]
pub struct ObjectReport {
    /// The object.
    pub object: ObjectName,
    /// `full` or `incremental`.
    pub pass: &'static str,
    /// Rows that it has now.
    pub rows: u64,
    /// Rows that came.
    pub fetched: u64,
    /// Rows that are new.
    pub added: u64,
    /// Rows that changed.
    pub changed: u64,
    /// Rows that are gone.
    pub deleted: u64,
    /// Cells that changed, by field.
    pub fields: BTreeMap<FieldName, u64>,
}

/// Something that is not as the org has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GapReport {
    /// An object, or a field of one.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// What one object came to.
pub(super) struct Outcome {
    pub(super) target: Target,
    pub(super) result: Result<Read, String>,
    pub(super) hidden: Vec<FieldName>,
    pub(super) masked: Vec<FieldName>,
}

/// The rows of one object that were read well.
pub(super) struct Read {
    pub(super) schema: Schema,
    pub(super) folded: Folded,
    pub(super) cursor: Cursor,
    pub(super) is_full: bool,
    pub(super) fetched: u64,
    pub(super) rows_before: u64,
    pub(super) job: Option<JobRows>,
}

/// Exports records and commits them.
///
/// One object that cannot be read stays as it was, and is a gap in the report.
///
/// # Errors
///
/// No object named, no key where values are to be disguised, another org's branch;
/// what reaching the org or writing the repository gives. Nothing has changed but
/// the list of jobs that run.
pub async fn export(
    org: &Org,
    repo: &Repository,
    metadata: &Repository,
    config: &Config,
    setup: &SnapshotSetup,
    options: &ExportOptions,
    monitor: &dyn Monitor,
) -> Result<ExportReport, Error> {
    let records = config.records.clone().unwrap_or(Records {
        setup: false,
        ..Records::default()
    });
    if !records.privacy.is_empty() && options.secret.is_none() {
        let needs_key = records
            .privacy
            .values()
            .any(|it| *it != crate::config::Privacy::Drop);
        if needs_key {
            return Err(Refusal::NoRecordsKey.into());
        }
    }
    let lock = repo.lock()?;
    let identity = org.identity().await.during("asking the org who it is")?;
    let place = Place::of(config);
    if options.push {
        if records.files.lfs_above.is_some() && !repo.has_git_lfs()? {
            return Err(Refusal::NoGitLfs.into());
        }
        commit::begin_push(&lock, &place, &records, identity.org.id, org.now())?;
    }
    let tip = place.tip(repo)?;
    let base = RecordsAt::open(repo, tip)?;
    commit::check_bond(&place, &base, identity.org.id)?;
    let state = commit::state_of(repo, identity.org.id, tip)?;
    let began = org.now().unwrap_or(Timestamp::UNKNOWN);
    let who = Signature::new(&setup.committer.0, &setup.committer.1, began);

    let listed = org
        .describe_objects()
        .await
        .during("listing the objects of the org")?;
    let is_kept = |name: &str| base.object(name).is_some();
    let targets = scope::targets(&listed, &records, &options.objects, &is_kept)?;
    if targets.is_empty() {
        return Err(Refusal::NoObjectNamed.into());
    }
    monitor.event(Event::Started(Phase::Export, None));
    let dir = spool_dir(repo)?;
    fetch::clean(&dir, &state);
    let fetcher = Fetcher {
        org,
        jobs: Jobs::new(&lock, identity.org.id, state.clone(), who.clone()),
        dir,
        monitor,
        n_rows: Cell::new(0),
    };
    let pack = repo.pack(base.listing())?;
    let run = Run {
        org,
        fetcher: &fetcher,
        base: &base,
        pack: &pack,
        records: &records,
        options,
        state: &state,
        identity: &identity,
        disguiser: options
            .secret
            .as_ref()
            .map(|it| Disguiser::new(identity.org.id, it)),
        hidden: hidden_fields(metadata, setup)?,
        sees_masked: Cell::new(None),
    };
    let outcomes: Vec<Outcome> = stream::iter(targets)
        .map(|target| run.object(target))
        .buffered(OBJECTS_AT_ONCE)
        .try_collect()
        .await?;
    monitor.event(Event::Finished(Phase::Export));
    let bodies = BodyRun {
        org,
        base: &base,
        pack: &pack,
        files: records.files,
        dir: fetcher.dir.join(BODIES_DIR),
        monitor,
    };
    let bodies = bodies.take(&outcomes).await?;
    let open_jobs = fetcher.jobs.open();
    let finished = commit::commit(
        &lock, pack, &place, &base, &identity, &who, &state, open_jobs, &outcomes, &bodies,
        options, monitor,
    )?;
    if options.push {
        if records.files.lfs_above.is_some() {
            repo.push_lfs(&place.remote, &finished.branch)
                .during("sending files by Git LFS")?;
        }
        commit::push(repo, &place, &finished, identity.org.id)?;
    }
    Ok(report(
        outcomes, bodies, finished, org, &identity, &records, options,
    ))
}

/// One export under way.
struct Run<'a> {
    org: &'a Org,
    fetcher: &'a Fetcher<'a>,
    base: &'a RecordsAt<'a>,
    pack: &'a PackBuilder<'a>,
    records: &'a Records,
    options: &'a ExportOptions,
    state: &'a RecordsState,
    identity: &'a Identity,
    disguiser: Option<Disguiser>,
    /// Custom fields by object, as the metadata has them.
    hidden: BTreeMap<ObjectName, BTreeSet<FieldName>>,
    sees_masked: Cell<Option<bool>>,
}

impl Run<'_> {
    /// Reads one object. What only concerns that object is no error but a gap.
    async fn object(&self, target: Target) -> Result<Outcome, Error> {
        let mut outcome = Outcome {
            target: target.clone(),
            result: Err(String::new()),
            hidden: Vec::new(),
            masked: Vec::new(),
        };
        if target.is_gone {
            let reason = "the org has no such object any more, or hides it from this user";
            outcome.result = Err(reason.to_owned());
            return Ok(outcome);
        }
        let choice = match self.choose(&target).await {
            Ok(choice) => choice,
            Err(err) if is_of_one_object(&err) => {
                outcome.result = Err(words(&err));
                return Ok(outcome);
            }
            Err(err) => return Err(err),
        };
        // What the list of the setup records leaves out is nobody's loss.
        if !target.is_setup {
            for (field, why) in &choice.schema.left_out {
                match why {
                    Why::Hidden => outcome.hidden.push(field.clone()),
                    Why::Masked => outcome.masked.push(field.clone()),
                    _ => {}
                }
            }
        }
        outcome.result = match self.read(&target, choice).await {
            Ok(read) => Ok(read),
            Err(err) if is_of_one_object(&err) => Err(words(&err)),
            Err(err) => return Err(err.during(format!("reading the rows of {}", target.name))),
        };
        Ok(outcome)
    }

    async fn choose(&self, target: &Target) -> Result<Choice, Error> {
        let schema = self.org.describe_object(&target.name).await?;
        let hidden = self.hidden.get(&target.name).cloned().unwrap_or_default();
        let has_masked = schema
            .fields
            .iter()
            .any(|it| it.kind == FieldType::Encryptedstring);
        let sees_masked = has_masked && self.sees_masked().await?;
        let rules = scope::field_rules(target, self.records, hidden, sees_masked);
        Ok(choose(schema, &rules))
    }

    /// Whether the user sees what is masked for others; asked once.
    async fn sees_masked(&self) -> Result<bool, Error> {
        if let Some(known) = self.sees_masked.get() {
            return Ok(known);
        }
        let soql = "SELECT PermissionsViewEncryptedData FROM UserPermissionAccess";
        let sees = match self.org.query(soql).await {
            Ok(rows) => rows
                .first()
                .and_then(|it| it.get("PermissionsViewEncryptedData")?.as_bool())
                .unwrap_or(false),
            // An org that does not tell masks: a mask must never be taken for a value.
            Err(client::Error::Fault { .. }) => false,
            Err(err) => return Err(err.into()),
        };
        self.sees_masked.set(Some(sees));
        Ok(sees)
    }

    async fn read(&self, target: &Target, choice: Choice) -> Result<Read, Error> {
        let digest = scope::digest(target, &choice);
        let old = self.base.object(target.name.as_str());
        let cursor = self.state.objects.get(&target.name);
        let now = self.org.now().unwrap_or(Timestamp::UNKNOWN);
        // An object that was deleted and made again has lost its rows without a trace of it.
        let is_the_same = old.is_some_and(|it| it.schema.key_prefix == choice.schema.key_prefix);
        let gap = self.base.ledger().and_then(|it| it.gaps.get(&target.name));
        let was_read = gap.is_none_or(|it| it.stale.is_none());
        let resumed = cursor.filter(|it| {
            !self.options.full
                && self.options.tag.is_none()
                && it.digest == digest
                && is_the_same
                && was_read
                && now.since(it.full_at) < self.records.full_every
                && incremental::is_possible(&choice)
        });
        let erased = self.base.ledger().map(|it| it.erased.clone());
        let erased = erased.unwrap_or_default();
        let sorter = || {
            let dir = self.fetcher.dir.clone();
            Sorter::new(&choice, self.disguiser.clone(), dir).without(&erased)
        };
        let rows_before = cursor.map_or(0, |it| it.n_rows);
        let bound = Bound::of(&target.name);
        let resumed = resumed.filter(|_| bound.is_none());
        if let Some(cursor) = resumed
            && let Some(changed) =
                incremental::changed(self.fetcher, target, &choice, cursor.since, sorter()).await?
        {
            let Fetched { sorter, at, job } = changed.fetched;
            let fetched = sorter.n_rows();
            let fold = Fold::new(self.pack, &target.name, &choice.columns, old);
            let folded = fold.partial(sorter.finish()?, &changed.gone, cursor.n_rows)?;
            let cursor = Cursor {
                since: at.max(cursor.since),
                full_at: cursor.full_at,
                digest,
                n_rows: folded.n_rows,
            };
            return Ok(Read {
                schema: choice.schema,
                folded,
                cursor,
                is_full: false,
                fetched,
                rows_before,
                job,
            });
        }
        let soql = scope::query(target, &choice, &[]);
        let Fetched { sorter, at, job } = if let Some(bound) = bound {
            bound.rows(self.fetcher, target, &choice, sorter()).await?
        } else if target.is_setup {
            self.fetcher
                .few_or_bulk(&soql, sorter(), SMALL_ROWS)
                .await?
        } else {
            self.fetcher.bulk_or_rest(&soql, sorter()).await?
        };
        let fetched = sorter.n_rows();
        let fold = Fold::new(self.pack, &target.name, &choice.columns, old);
        let folded = fold.full(sorter.finish()?)?;
        self.believe(target, &folded).await?;
        let cursor = Cursor {
            since: at,
            full_at: at,
            digest,
            n_rows: folded.n_rows,
        };
        Ok(Read {
            schema: choice.schema,
            folded,
            cursor,
            is_full: true,
            fetched,
            rows_before,
            job,
        })
    }

    /// Makes sure that rows which a full read lacks are gone from the org, and not from our sight.
    async fn believe(&self, target: &Target, folded: &Folded) -> Result<(), Error> {
        let lost = folded.counts.deleted;
        if lost == 0 || self.options.accept_deletions {
            return Ok(());
        }
        let granted = self.identity.permissions.granted();
        let missing = self
            .state
            .permissions
            .iter()
            .find(|it| !granted.contains(&it.as_str()));
        if let Some(missing) = missing {
            return Err(Refusal::DoubtfulLoss {
                object: target.name.clone(),
                lost,
                reason: format!("this user lacks {missing}, which the one before had"),
            }
            .into());
        }
        let had = folded.n_rows + lost;
        if lost * DOUBTFUL_LOSS <= had {
            return Ok(());
        }
        let counted = if let Some(bound) = Bound::of(&target.name) {
            bound.count(self.fetcher, target).await?
        } else {
            let soql = scope::select(&target.name, "COUNT(Id) n", target, &[]);
            self.fetcher.count(&soql).await?
        };
        match counted {
            Some(counted) if counted == folded.n_rows => Ok(()),
            _ => Err(Refusal::DoubtfulLoss {
                object: target.name.clone(),
                lost,
                reason: "a second count does not agree with the rows that came".to_owned(),
            }
            .into()),
        }
    }
}

/// Folder of the bodies that are not committed yet.
pub(super) const BODIES_DIR: &str = "bodies";

/// So many rows of setup records come by REST.
const SMALL_ROWS: u64 = 10_000;

fn spool_dir(repo: &Repository) -> Result<PathBuf, Error> {
    Ok(repo.private_dir()?.join("records"))
}

/// Whether the failure is of the object alone, so that the others can go on.
fn is_of_one_object(err: &Error) -> bool {
    match &*err.cause {
        crate::ops::Cause::Client(err) => {
            matches!(
                err,
                client::Error::Fault { .. }
                    | client::Error::JobFailed { .. }
                    | client::Error::Unreadable { .. }
                    | client::Error::TooLarge { .. }
                    | client::Error::StillRunning { .. }
            ) && err.code() != Some("REQUEST_LIMIT_EXCEEDED")
                && err.code() != Some("INVALID_SESSION_ID")
        }
        crate::ops::Cause::Refused(it) => matches!(
            it,
            Refusal::DamagedRows { .. }
                | Refusal::RowsMissing { .. }
                | Refusal::DoubtfulLoss { .. }
        ),
        _ => false,
    }
}

fn words(err: &Error) -> String {
    err.to_string()
}

/// The custom fields of each object, as the metadata on its branch has them.
///
/// A describe does not show a field that the user may not see; the metadata does.
fn hidden_fields(
    repo: &Repository,
    setup: &SnapshotSetup,
) -> Result<BTreeMap<ObjectName, BTreeSet<FieldName>>, Error> {
    let mut found: BTreeMap<ObjectName, BTreeSet<FieldName>> = BTreeMap::new();
    let Some(tip) = repo.branch(&setup.branch, &setup.remote)?.tip else {
        return Ok(found);
    };
    for file in repo.list_tree(repo.commit(tip)?.tree)?.iter() {
        let mut parts = file.path.rsplit('/');
        let (Some(name), Some("fields"), Some(object), Some("objects")) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            continue;
        };
        let Some(field) = name.strip_suffix(".field-meta.xml") else {
            continue;
        };
        if field.ends_with("__c")
            && let (Ok(object), Ok(field)) = (object.parse(), field.parse())
        {
            found.entry(object).or_default().insert(field);
        }
    }
    Ok(found)
}

fn report(
    outcomes: Vec<Outcome>,
    bodies: Bodies,
    finished: Finished,
    org: &Org,
    identity: &Identity,
    records: &Records,
    options: &ExportOptions,
) -> ExportReport {
    let mut report = ExportReport {
        schema: "orgkeep/records-export/1",
        org: identity.org.name.clone(),
        branch: finished.branch,
        commit: finished.commit.map(|it| it.to_string()),
        objects: Vec::new(),
        gaps: Vec::new(),
        alerts: Vec::new(),
        files: bodies.report.clone(),
        calls: org.budget().total(),
        tag: options.tag.clone().map(|it| commit::tag_name(&it)),
        pushed: options.push,
    };
    for outcome in outcomes {
        let object = outcome.target.name;
        for (fields, why) in [(outcome.hidden, Why::Hidden), (outcome.masked, Why::Masked)] {
            report.gaps.extend(fields.iter().map(|field| GapReport {
                what: format!("{object}.{field}"),
                reason: why.words().to_owned(),
            }));
        }
        let read = match outcome.result {
            Ok(read) => read,
            Err(reason) => {
                let what = object.to_string();
                report.gaps.push(GapReport { what, reason });
                continue;
            }
        };
        let Counts {
            added,
            changed,
            deleted,
            fields,
        } = read.folded.counts;
        report.alerts.extend(alerts(
            &records.alerts,
            &object,
            changed,
            deleted,
            read.rows_before,
        ));
        report.objects.push(ObjectReport {
            object,
            pass: if read.is_full { "full" } else { "incremental" },
            rows: read.folded.n_rows,
            fetched: read.fetched,
            added,
            changed,
            deleted,
            fields,
        });
        if let Some(job) = read.job {
            job.done();
        }
    }
    for (id, reason) in &bodies.report.failed {
        let what = format!("file {id}");
        let reason = reason.clone();
        report.gaps.push(GapReport { what, reason });
    }
    bodies.done();
    report
}

/// The gap of one object in the ledger; `None` where nothing is missing.
pub(super) fn gap_of(outcome: &Outcome, before: Option<&RecordsLedger>) -> Option<RecordGap> {
    let stale = match &outcome.result {
        Ok(_) => None,
        Err(reason) => {
            // One gap is one gap, whatever the words of the day.
            let before = before.and_then(|it| it.gaps.get(&outcome.target.name));
            let known = before.and_then(|it| it.stale.clone());
            Some(known.unwrap_or_else(|| reason.clone()))
        }
    };
    let gap = RecordGap {
        stale,
        hidden: outcome.hidden.clone(),
        masked: outcome.masked.clone(),
    };
    (!gap.is_empty()).then_some(gap)
}

/// The schema file of an object that was read, where it differs from the one in `base`.
pub(super) fn schema_edit(
    pack: &PackBuilder<'_>,
    base: &RecordsAt<'_>,
    object: &ObjectName,
    schema: &Schema,
) -> Result<Option<ObjectId>, Error> {
    let bytes = schema.render();
    let id = Kind::Blob.id_of(&bytes);
    let path = schema_path(object);
    if base.listing().get(path.as_str()).map(|it| it.id) == Some(id) {
        return Ok(None);
    }
    Ok(Some(pack.blob(&bytes)?))
}
