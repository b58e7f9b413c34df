//! Carries a plan out: looks again, undeletes, plans again, updates, inserts, exports.

mod insert;
mod outcome;
mod undelete;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
};

use super::{
    CommitRows, Facts, PlannedRestore, RestoreRefusal, Site,
    journal::Journal,
    look,
    opener::Opener,
    report::{FailedRow, RestoreReport},
    send::{Outgoing, Sender},
};
use crate::{
    client::Org,
    ledger::InsertedRow,
    model::{ComponentKey, FieldName, ObjectName, RecordId, Timestamp},
    ops::{
        error::{During, Error, Refusal},
        records::RecordsAt,
    },
    plan::records::{Deed, Item, References, RestorePlan, Shapes, Wave, rules},
    progress::{Event, Monitor, Phase},
    records::{CellChange, Columns, IdMap, Row, body::Kept},
};

/// How a plan is carried out.
#[derive(Clone, Debug, Default)]
pub struct ApplyOptions {
    /// Write although something may send messages to others.
    pub allow_email: bool,
    /// What is switched off for the time.
    pub bypassed: BTreeSet<ComponentKey>,
}

/// Carries out `planned`.
///
/// # Errors
///
/// A plan that writes more than it may, that may send messages, or that no longer
/// holds: nothing was written. After that, whatever stands between us and the org;
/// what was sent is noted, and the next run settles it. A row that is refused is
/// in the report.
pub async fn apply(
    site: Site<'_>,
    planned: &PlannedRestore,
    options: &ApplyOptions,
    monitor: &dyn Monitor,
) -> Result<RestoreReport, Error> {
    planned.check_limits(site.repo)?;
    if planned.may_tell_others(&options.bypassed) && !options.allow_email {
        return Err(RestoreRefusal::MayTellOthers.into());
    }
    let then = RecordsAt::open(site.repo, Some(planned.target))?;
    let now = RecordsAt::open(site.repo, planned.captured)?;
    let at = &then;
    let opener = Opener::new(planned.identity.org.id, site.secret);
    let (then, now) = (CommitRows::new(at, &opener), CommitRows::new(&now, &opener));
    let journal = Journal::open(site.repo, site.setup, planned.identity.org.id)?;
    let mut run = Run {
        site,
        user: planned.identity.user.id,
        target: planned.target.to_string(),
        facts: &planned.facts,
        ids: planned.facts.ids.clone(),
        journal,
        at,
        then: &then,
        report: RestoreReport {
            schema: "orgkeep/records-restore/1",
            target: planned.target.to_string(),
            ..RestoreReport::default()
        },
        n_written: 0,
        monitor,
    };
    let n_rows = u64::try_from(planned.plan.written().count()).ok();
    monitor.event(Event::Started(Phase::Restore, n_rows));
    run.must_still_hold(&planned.plan).await?;
    run.undelete(&planned.plan).await?;
    let plan = run.plan_again(&planned.plan, &now).await?;
    run.carry_out(&plan).await?;
    run.mend(&planned.plan).await?;
    monitor.event(Event::Finished(Phase::Restore));
    run.finish(&planned.plan).await
}

pub(super) struct Run<'a, 'j> {
    site: Site<'a>,
    user: RecordId,
    target: String,
    facts: &'a Facts,
    ids: IdMap,
    journal: Journal<'j>,
    at: &'a RecordsAt<'a>,
    then: &'a CommitRows<'a>,
    report: RestoreReport,
    n_written: u64,
    monitor: &'a dyn Monitor,
}

impl<'j> Run<'_, 'j> {
    pub(super) fn now(&self) -> Timestamp {
        self.site.org.now().unwrap_or(Timestamp::UNKNOWN)
    }

    pub(super) fn org(&self) -> &Org {
        self.site.org
    }

    pub(super) fn facts(&self) -> &Facts {
        self.facts
    }

    /// The Id under which a row is found now.
    pub(super) fn latest(&self, id: RecordId) -> RecordId {
        self.ids.latest(id)
    }

    pub(super) fn open_body(&self, kept: &Kept) -> Result<File, Error> {
        self.at.open_body(kept)
    }

    /// Notes under which Id a row is found from now on.
    pub(super) async fn note_pair(&mut self, pair: InsertedRow) -> Result<(), Error> {
        self.journal.note(pair.at, |it| it.pairs.push(pair)).await?;
        self.ids.extend(self.journal.ids());
        Ok(())
    }

    fn references(&self) -> References<'_> {
        References::new(&self.facts.then_schemas, &self.facts.live_schemas)
    }

    fn shapes(&self, object: &ObjectName) -> Result<Shapes<'_>, Error> {
        let then = self.facts.then_schemas.get(object);
        let live = self.facts.live_schemas.get(object);
        match (then, live) {
            (Some(then), Some(live)) => Ok(Shapes { then, live }),
            _ => Err(RestoreRefusal::NoSuchRecords {
                word: object.to_string(),
            }
            .into()),
        }
    }

    pub(super) fn wrote(&mut self, n_rows: usize) {
        self.n_written += u64::try_from(n_rows).unwrap_or(0);
        let event = Event::Advanced(Phase::Restore, self.n_written);
        self.monitor.event(event);
    }

    /// Rows of these Ids as they are now.
    async fn look(
        &self,
        object: &ObjectName,
        ids: &[RecordId],
    ) -> Result<BTreeMap<RecordId, Row>, Error> {
        let shapes = self.shapes(object)?;
        look::rows(self.site.org, shapes.then, shapes.live, ids).await
    }

    /// Refuses a plan whose rows somebody has changed since it was made.
    async fn must_still_hold(&self, plan: &RestorePlan) -> Result<(), Error> {
        let mut moved = Vec::new();
        for (object, items) in by_object(plan, |it| matches!(it.deed, Deed::Update(_))) {
            let ids: Vec<_> = items.iter().map(|it| it.now).collect();
            let rows = self.look(object, &ids).await?;
            for item in items {
                let Deed::Update(cells) = &item.deed else {
                    continue;
                };
                let row = rows.get(&item.now);
                let is_same = |cell: &CellChange| {
                    row.is_some_and(|row| row.get(cell.field.as_str()) == Some(&cell.before))
                };
                if !cells.iter().all(is_same) {
                    moved.push(format!("{object} {} has changed in the org", item.now));
                }
            }
        }
        if moved.is_empty() {
            return Ok(());
        }
        Err(Refusal::PlanOutdated { differences: moved }.into())
    }

    async fn carry_out(&mut self, plan: &RestorePlan) -> Result<(), Error> {
        let inserted: BTreeSet<_> = plan
            .items
            .iter()
            .filter(|it| it.deed == Deed::Insert)
            .map(|it| it.id)
            .collect();
        let refers_to_inserted = |item: &Item, cells: &[CellChange]| {
            let mut cells = cells.iter();
            cells.any(|it| {
                let then = item
                    .then
                    .as_ref()
                    .and_then(|then| then.get(it.field.as_str()));
                then.and_then(|it| it.parse().ok())
                    .is_some_and(|id: RecordId| inserted.contains(&id))
            })
        };
        let (mut first, mut last): (Updates, Updates) = Default::default();
        for item in &plan.items {
            if let Deed::Update(cells) = &item.deed {
                let cells_of = cells
                    .iter()
                    .map(|it| (it.field.clone(), it.after.clone()))
                    .collect();
                let to = match refers_to_inserted(item, cells) {
                    true => &mut last,
                    false => &mut first,
                };
                to.entry(item.object.clone())
                    .or_default()
                    .push((item, cells_of));
            }
        }
        self.update(first).await?;
        let mut later: BTreeMap<usize, Vec<FieldName>> = BTreeMap::new();
        for (at, field) in &plan.deferred {
            later.entry(*at).or_default().push(field.clone());
        }
        // What links a file needs the file, which no field of it tells.
        let is_last = |it: &&Wave| rules::is_last(it.object.as_str());
        let (links, others): (Vec<_>, Vec<_>) = plan.waves.iter().partition(is_last);
        for wave in others.into_iter().chain(links) {
            self.insert(plan, wave, &later).await?;
        }
        for (at, fields) in later {
            let item = &plan.items[at];
            let then = item.then.as_ref();
            let cells = fields.into_iter().filter_map(|field| {
                let cell = then?.get(field.as_str())?.to_owned();
                Some((field, cell))
            });
            let row = (item, cells.collect());
            last.entry(item.object.clone()).or_default().push(row);
        }
        self.update(last).await?;
        self.delete(plan).await
    }

    async fn update(&mut self, all: Updates<'_>) -> Result<(), Error> {
        for (object, rows) in all {
            let mut outgoing = Vec::new();
            let changed = rows
                .iter()
                .filter(|(it, _)| matches!(it.deed, Deed::Update(_)));
            let changed: BTreeSet<_> = changed.map(|(it, _)| it.id).collect();
            for (item, cells) in rows {
                let now = self.ids.latest(item.now);
                let is_in = now != item.now || item.deed != Deed::Insert;
                if is_in {
                    outgoing.push(Outgoing {
                        old: item.id,
                        now,
                        cells: self.present(&object, item, cells),
                    });
                }
            }
            outgoing.sort_by_key(|it| it.now);
            if outgoing.is_empty() {
                continue;
            }
            let n_rows = outgoing.len();
            let sent = self.sender(&object)?.update(outgoing).await?;
            self.wrote(n_rows);
            // A field of a new row that is set at the end makes no second row of it.
            let n_taken = sent.taken.iter().filter(|it| changed.contains(it)).count();
            if n_taken > 0 {
                *self.report.updated.entry(object).or_default() += n_taken;
            }
            self.report.failed.extend(sent.failed);
        }
        Ok(())
    }

    /// Lets rows that came out of the bin refer to rows that are there under new Ids.
    ///
    /// In the bin they kept the old ones, which the plan could not tell from right ones.
    async fn mend(&mut self, plan: &RestorePlan) -> Result<(), Error> {
        if self.ids.is_empty() {
            return Ok(());
        }
        let facts = self.facts;
        let references = References::new(&facts.then_schemas, &facts.live_schemas);
        for (object, items) in by_object(plan, |it| it.deed == Deed::Undelete) {
            let mut wanted = Vec::new();
            for item in items {
                let Some(then) = &item.then else { continue };
                let fields = references.moved(object, then, &self.ids);
                if !fields.is_empty() {
                    wanted.push((item, then, fields));
                }
            }
            let ids: Vec<_> = wanted.iter().map(|(it, ..)| it.now).collect();
            let rows = self.look(object, &ids).await?;
            let mut outgoing = Vec::new();
            for (item, then, fields) in wanted {
                let Some(now) = rows.get(&item.now) else {
                    continue;
                };
                let present = references.present_row(object, then, &self.ids);
                let asked = |field: &FieldName| fields.contains(field);
                let (cells, _) = self.shapes(object)?.update(&present, now, &asked);
                if !cells.is_empty() {
                    outgoing.push(Outgoing {
                        old: item.id,
                        now: item.now,
                        cells: cells.into_iter().map(|it| (it.field, it.after)).collect(),
                    });
                }
            }
            if !outgoing.is_empty() {
                let sent = self.sender(object)?.update(outgoing).await?;
                self.report.failed.extend(sent.failed);
            }
        }
        Ok(())
    }

    /// The cells as they are written: references under the Ids that their rows have now.
    fn present(
        &self,
        object: &ObjectName,
        item: &Item,
        cells: Vec<(FieldName, String)>,
    ) -> Vec<(FieldName, String)> {
        let references = self.references();
        let cells = cells.into_iter().filter_map(|(field, cell)| {
            if let Some(instead) = item.instead.get(&field) {
                return Some((field, instead.clone()));
            }
            let cell = references.present(object, &field, &cell, &self.ids)?;
            Some((field, cell))
        });
        cells.collect()
    }

    async fn delete(&mut self, plan: &RestorePlan) -> Result<(), Error> {
        for (object, items) in by_object(plan, |it| it.deed == Deed::Delete) {
            let ids: Vec<_> = items.iter().map(|it| it.now).collect();
            let results = self.site.org.delete_rows(&ids).await;
            let results = results.during(format!("deleting rows of {object}"))?;
            for (item, result) in items.iter().zip(results) {
                if result.is_taken() {
                    *self.report.deleted.entry(object.clone()).or_default() += 1;
                } else {
                    let failed = FailedRow::new(object, item.id, "delete", &result.errors);
                    self.report.failed.push(failed);
                }
            }
            self.wrote(ids.len());
        }
        Ok(())
    }

    pub(super) fn sender(&mut self, object: &ObjectName) -> Result<Sender<'_, 'j>, Error> {
        let live = self.facts.live_schemas.get(object);
        let live = live.ok_or_else(|| RestoreRefusal::NoSuchRecords {
            word: object.to_string(),
        })?;
        Ok(Sender {
            org: self.site.org,
            user: self.user,
            target: &self.target,
            live,
            journal: &mut self.journal,
        })
    }
}

/// Rows to update with what is written, by object.
type Updates<'p> = BTreeMap<ObjectName, Vec<(&'p Item, Vec<(FieldName, String)>)>>;

fn by_object(
    plan: &RestorePlan,
    is_wanted: impl Fn(&Item) -> bool,
) -> BTreeMap<&ObjectName, Vec<&Item>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for item in plan.items.iter().filter(|it| is_wanted(it)) {
        all.entry(&item.object).or_default().push(item);
    }
    all
}

/// The row with those columns alone.
fn only_cells(then: &Row, cells: &[CellChange]) -> Row {
    let columns = Columns::new(cells.iter().map(|it| it.field.clone()));
    let values = columns
        .iter()
        .skip(1)
        .map(|it| then.get(it.as_str()).unwrap_or_default())
        .collect::<Vec<_>>();
    Row::new(then.id(), &columns, values)
}
