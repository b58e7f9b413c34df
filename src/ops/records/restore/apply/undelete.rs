//! Takes rows out of the recycle bin, and plans again from what is there then.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Candidate, CommitRows, Facts, Overlay, look, report::FailedRow},
    Run, by_object, only_cells,
};
use crate::{
    client::{MAX_UNDELETED, RowError},
    model::{ObjectName, RecordId},
    ops::error::{During, Error},
    plan::records::{self, Binned, Deed, Item, References, RestorePlan, Table},
};

impl Run<'_, '_> {
    /// Takes rows out of the recycle bin: those that others went with first.
    pub(super) async fn undelete(&mut self, plan: &RestorePlan) -> Result<(), Error> {
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
    pub(super) async fn plan_again(
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
            allowed: records::Options {
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
}
