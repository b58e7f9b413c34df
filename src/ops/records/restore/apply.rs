//! Carries a plan out: looks again, undeletes, plans again, updates, inserts, exports.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
};

use serde_json::Value;

use super::{
    Candidate, CommitRows, Facts, Overlay, PlannedRestore, RestoreRefusal, Site,
    commit_ids::commit_ids,
    journal::Journal,
    look,
    opener::Opener,
    report::{FailedRow, Residue, RestoreReport},
    send::{Outgoing, Sender, Sent},
};
use crate::{
    client::{MAX_UNDELETED, Org, RowError, soql_text},
    ledger::InsertedRow,
    model::{ComponentKey, FieldName, ObjectName, RecordId, Timestamp},
    ops::{
        error::{During, Error, Refusal},
        records::{Place, RecordsAt},
    },
    plan::records::{
        Binned, Deed, Item, References, RestorePlan, Shapes, Table, Wave,
        rules::{self, How},
    },
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

    /// Takes rows out of the recycle bin: those that others went with first.
    async fn undelete(&mut self, plan: &RestorePlan) -> Result<(), Error> {
        let facts = self.facts;
        let references = References::new(&facts.then_schemas, &facts.live_schemas);
        let mut open: BTreeMap<RecordId, &Item> = plan
            .items
            .iter()
            .filter(|it| it.deed == Deed::Undelete)
            .map(|it| (it.id, it))
            .collect();
        while !open.is_empty() {
            let comes_with_another = |item: &Item| {
                let then = item.then.as_ref();
                then.is_some_and(|then| {
                    let owners = references.owners_of(&item.object, then);
                    owners.iter().any(|it| open.contains_key(it))
                })
            };
            let mut first: Vec<&Item> = open
                .values()
                .copied()
                .filter(|it| !comes_with_another(it))
                .collect();
            if first.is_empty() {
                first = open.values().copied().collect();
            }
            let mut refused = Vec::new();
            for items in first.chunks(MAX_UNDELETED) {
                let ids: Vec<_> = items.iter().map(|it| it.id).collect();
                let results = self.site.org.undelete(&ids).await;
                let results = results.during("taking rows out of the recycle bin")?;
                for (item, result) in items.iter().zip(results) {
                    if !result.is_taken() {
                        refused.push((*item, result.errors));
                    }
                }
                self.wrote(items.len());
            }
            for item in &first {
                open.remove(&item.id);
            }
            // What came out together with these needs no call of its own, and what was out
            // already is no failure.
            let asked: Vec<&Item> = open
                .values()
                .copied()
                .chain(first.iter().copied())
                .collect();
            let back = self.who_is_there(&asked).await?;
            for item in &asked {
                if back.contains(&item.id) {
                    open.remove(&item.id);
                    *self
                        .report
                        .undeleted
                        .entry(item.object.clone())
                        .or_default() += 1;
                }
            }
            for (item, errors) in refused {
                if !back.contains(&item.id) {
                    let failed = FailedRow::new(&item.object, item.id, "undelete", &errors);
                    self.report.failed.push(failed);
                }
            }
        }
        Ok(())
    }

    async fn who_is_there(&self, items: &[&Item]) -> Result<BTreeSet<RecordId>, Error> {
        let mut ids: BTreeMap<&ObjectName, Vec<RecordId>> = BTreeMap::new();
        for item in items {
            ids.entry(&item.object).or_default().push(item.id);
        }
        let mut there = BTreeSet::new();
        for (object, ids) in ids {
            let select = format!("SELECT Id FROM {object}");
            let rows = look::by_ids(self.site.org, &select, "", &ids, false).await?;
            let found = rows
                .iter()
                .filter_map(|it| it.get("Id")?.as_str()?.parse::<RecordId>().ok());
            there.extend(found);
        }
        Ok(there)
    }

    /// The plan for the same rows, now that the recycle bin has given back what it has.
    async fn plan_again(
        &mut self,
        plan: &RestorePlan,
        now: &CommitRows<'_>,
    ) -> Result<RestorePlan, Error> {
        let mut fresh = BTreeMap::new();
        let mut bin = BTreeMap::new();
        for (object, items) in by_object(plan, |it| it.deed.writes()) {
            let ids: Vec<_> = items.iter().map(|it| it.now).collect();
            let mut rows = self.look(object, &ids).await?;
            let gone: BTreeSet<_> = ids
                .iter()
                .copied()
                .filter(|it| !rows.contains_key(it))
                .collect();
            let shapes = self.shapes(object)?;
            let still = look::bin(self.site.org, shapes.live, &gone).await?;
            bin.extend(still.iter().map(|(id, it)| (*id, it.how)));
            for id in ids {
                fresh.insert((object.clone(), id), rows.remove(&id));
            }
        }
        let overlay = Overlay { base: now, fresh };
        let updates = plan
            .items
            .iter()
            .filter(|it| matches!(it.deed, Deed::Update(_)));
        let fresh_update: BTreeSet<_> = updates.map(|it| it.id).collect();
        let candidates = plan.items.iter().filter(|it| it.deed.writes()).map(|item| {
            let then = item.then.as_ref().map(|then| match &item.deed {
                // Such a row is here for these cells alone.
                Deed::Update(cells) => only_cells(then, cells),
                _ => then.clone(),
            });
            Candidate {
                object: item.object.clone(),
                id: item.id,
                now: overlay.row(&item.object, item.now),
                then,
                wrong: None,
            }
        });
        let (candidates, vanished): (Vec<_>, Vec<_>) = candidates.partition(|it: &Candidate| {
            let was_there = fresh_update.contains(&it.id);
            it.now.is_some() || !was_there
        });
        for it in vanished {
            let errors = [RowError {
                code: "ENTITY_IS_DELETED".to_owned(),
                message: "the row was deleted while the restore ran".to_owned(),
                fields: Vec::new(),
            }];
            let failed = FailedRow::new(&it.object, it.id, "update", &errors);
            self.report.failed.push(failed);
        }
        let facts = Facts {
            then_schemas: self.facts.then_schemas.clone(),
            live_schemas: self.facts.live_schemas.clone(),
            changes: BTreeMap::new(),
            bin: bin.clone(),
            owners: self.facts.owners.clone(),
            ids: self.ids.clone(),
            bodies: self.facts.bodies.clone(),
            allowed: crate::plan::records::Options {
                no_related: true,
                ..self.facts.allowed.clone()
            },
        };
        let again = facts.plan(candidates, self.then, &overlay);
        self.then.check()?;
        now.check()?;
        self.tell_of_the_bin(&again, &bin);
        Ok(again)
    }

    /// Rows that are still in the bin are told of once.
    fn tell_of_the_bin(&mut self, again: &RestorePlan, bin: &BTreeMap<RecordId, Binned>) {
        let told: BTreeSet<_> = self.report.failed.iter().map(|it| it.id).collect();
        for item in &again.items {
            if item.deed == Deed::Undelete && bin.contains_key(&item.id) && !told.contains(&item.id)
            {
                let failed = FailedRow::new(&item.object, item.id, "undelete", &[]);
                self.report.failed.push(failed);
            }
        }
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

    async fn insert(
        &mut self,
        plan: &RestorePlan,
        wave: &Wave,
        later: &BTreeMap<usize, Vec<FieldName>>,
    ) -> Result<(), Error> {
        let object = &wave.object;
        let mut outgoing = Vec::new();
        let mut uploads = Vec::new();
        let lost = self.not_inserted();
        for at in &wave.nodes {
            let item = &plan.items[*at];
            let Some(then) = &item.then else { continue };
            if self.needs_any(item, &lost) {
                let errors = [RowError {
                    code: "PARENT_FAILED".to_owned(),
                    message: "a row that it needs was refused".to_owned(),
                    fields: Vec::new(),
                }];
                self.report
                    .failed
                    .push(FailedRow::new(object, item.id, "insert", &errors));
                continue;
            }
            let advice = rules::advice(object.as_str(), then);
            if let How::Match(fields) | How::Find(fields) = advice.how
                && let Some(found) = self.find(object, item, fields).await?
            {
                self.take_for(object, item, found).await?;
                continue;
            }
            if let How::Find(_) = advice.how {
                let errors = [RowError {
                    code: "NOT_FOUND".to_owned(),
                    message: advice.reason.to_owned(),
                    fields: Vec::new(),
                }];
                self.report
                    .failed
                    .push(FailedRow::new(object, item.id, "insert", &errors));
                continue;
            }
            let waits = |name: &FieldName| {
                let is_draft = matches!(advice.how, How::Draft { field, .. } if *name == field);
                !is_draft && later.get(at).is_some_and(|it| it.contains(name))
            };
            let (cells, _) = self.shapes(object)?.insert(then, &advice);
            let cells = cells
                .into_iter()
                .filter(|(field, _)| !item.without.contains(field) && !waits(field))
                .collect();
            let row = Outgoing {
                old: item.id,
                now: item.id,
                cells: self.present(object, item, cells),
            };
            match advice.how {
                How::Upload { .. } => uploads.push((item, row)),
                _ => outgoing.push(row),
            }
        }
        self.upload(object, uploads).await?;
        if outgoing.is_empty() {
            return Ok(());
        }
        let n_rows = outgoing.len();
        let sent = self.sender(object)?.insert(outgoing).await?;
        self.wrote(n_rows);
        self.inserted(object, sent);
        Ok(())
    }

    pub(super) fn inserted(&mut self, object: &ObjectName, sent: Sent) {
        self.ids.extend(self.journal.ids());
        if !sent.taken.is_empty() {
            *self.report.inserted.entry(object.clone()).or_default() += sent.taken.len();
        }
        self.report.failed.extend(sent.failed);
    }

    /// Rows that were to be inserted and were refused.
    ///
    /// What an earlier restore inserted for them says nothing: it is gone too.
    fn not_inserted(&self) -> BTreeSet<RecordId> {
        let failed = self.report.failed.iter();
        failed
            .filter(|it| it.act == "insert")
            .map(|it| it.id)
            .collect()
    }

    /// Whether `item` cannot be without one of `rows`.
    fn needs_any(&self, item: &Item, rows: &BTreeSet<RecordId>) -> bool {
        let Some(then) = item.then.as_ref().filter(|_| !rows.is_empty()) else {
            return false;
        };
        let needed = self.references().needed_by(&item.object, then);
        needed.into_iter().any(|it| rows.contains(&it))
    }

    /// The row that the platform made in place of `item`, by the fields in which they agree.
    async fn find(
        &self,
        object: &ObjectName,
        item: &Item,
        fields: &[&str],
    ) -> Result<Option<RecordId>, Error> {
        let Some(then) = &item.then else {
            return Ok(None);
        };
        let shapes = self.shapes(object)?;
        let mut conditions = Vec::new();
        for name in fields {
            let (Some(cell), Some(field)) = (then.get(name), shapes.live.field(name)) else {
                return Ok(None);
            };
            let cell = self
                .references()
                .present(object, &field.name, cell, &self.ids)
                .unwrap_or_default();
            conditions.push(match field.kind {
                _ if cell.is_empty() => format!("{name} = null"),
                crate::records::FieldType::Boolean
                | crate::records::FieldType::Date
                | crate::records::FieldType::Datetime => format!("{name} = {cell}"),
                _ => format!("{name} = {}", soql_text(&cell)),
            });
        }
        let soql = format!(
            "SELECT Id FROM {object} WHERE {} LIMIT 2",
            conditions.join(" AND ")
        );
        let rows = self
            .site
            .org
            .query(&soql)
            .await
            .during(format!("looking for a row of {object} that the org made"))?;
        Ok(match rows.as_slice() {
            [row] => row
                .get("Id")
                .and_then(Value::as_str)
                .and_then(|it| it.parse().ok()),
            _ => None,
        })
    }

    /// Takes `found` for the lost row, and brings it to what that was.
    async fn take_for(
        &mut self,
        object: &ObjectName,
        item: &Item,
        found: RecordId,
    ) -> Result<(), Error> {
        let at = self.now();
        let pair = InsertedRow {
            object: object.clone(),
            old: item.id,
            new: found,
            at,
        };
        if found != self.ids.latest(item.id) {
            self.note_pair(pair).await?;
        }
        let Some(then) = &item.then else {
            return Ok(());
        };
        let rows = self.look(object, &[found]).await?;
        let Some(now) = rows.get(&found) else {
            return Ok(());
        };
        let present = self.references().present_row(object, then, &self.ids);
        let (cells, _) = self.shapes(object)?.update(&present, now, &|_| true);
        let mut sent = Sent {
            taken: vec![item.id],
            failed: Vec::new(),
        };
        if !cells.is_empty() {
            let cells = cells.into_iter().map(|it| (it.field, it.after)).collect();
            let row = Outgoing {
                old: item.id,
                now: found,
                cells,
            };
            sent = self.sender(object)?.update(vec![row]).await?;
        }
        self.wrote(1);
        self.inserted(object, sent);
        Ok(())
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

    /// Commits the new Ids, exports what came of it, and compares.
    async fn finish(mut self, plan: &RestorePlan) -> Result<RestoreReport, Error> {
        let place = Place::of(self.site.config);
        let org = self.journal.org();
        let ids = commit_ids(
            self.site.repo,
            &place,
            self.site.setup,
            org,
            self.now(),
            self.monitor,
        )?;
        self.report.ids_commit = ids.map(|it| it.to_string());
        let objects: BTreeSet<_> = plan.written().map(|it| it.object.clone()).collect();
        let before = place.tip(self.site.repo)?;
        super::refresh(self.site, &objects, &BTreeSet::new(), self.monitor).await?;
        let after = place.tip(self.site.repo)?;
        self.report.commit = after
            .filter(|it| Some(*it) != before)
            .map(|it| it.to_string());
        let at = RecordsAt::open(self.site.repo, after)?;
        let opener = Opener::new(org, self.site.secret);
        let now = CommitRows::new(&at, &opener);
        let failed: BTreeSet<_> = self.report.failed.iter().map(|it| it.id).collect();
        for item in plan.written().filter(|it| !failed.contains(&it.id)) {
            if let Some(residue) = self.residue(item, &now)? {
                self.report.residue.push(residue);
            }
        }
        now.check()?;
        self.report.failed.sort();
        Ok(self.report)
    }

    /// How a row still differs from what the plan promised.
    fn residue(&self, item: &Item, now: &CommitRows<'_>) -> Result<Option<Residue>, Error> {
        let present = now.row(&item.object, self.ids.latest(item.now));
        let residue = |fields| {
            Some(Residue {
                object: item.object.clone(),
                id: item.id,
                fields,
            })
        };
        let (Some(then), Some(present)) = (&item.then, present) else {
            let is_right = item.then.is_none();
            return Ok(if is_right { None } else { residue(Vec::new()) });
        };
        let shapes = self.shapes(&item.object)?;
        let wanted = self.references().present_row(&item.object, then, &self.ids);
        let asked = |field: &FieldName| {
            let is_planned = match &item.deed {
                Deed::Update(cells) => cells.iter().any(|it| it.field == *field),
                _ => true,
            };
            is_planned && !item.without.contains(field) && !item.instead.contains_key(field)
        };
        let (cells, _) = shapes.update(&wanted, &present, &asked);
        let fields: Vec<_> = cells.into_iter().map(|it| it.field).collect();
        Ok(if fields.is_empty() {
            None
        } else {
            residue(fields)
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
