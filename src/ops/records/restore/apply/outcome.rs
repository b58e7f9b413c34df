//! The end of a restore: commits the new Ids, exports what came of it, and compares.

use std::collections::BTreeSet;

use super::{
    super::{
        CommitRows,
        commit_ids::commit_ids,
        opener::Opener,
        refresh,
        report::{Residue, RestoreReport},
    },
    Run,
};
use crate::{
    model::FieldName,
    ops::{
        error::Error,
        records::{Place, RecordsAt},
    },
    plan::records::{Deed, Item, RestorePlan, Table as _},
};

impl Run<'_, '_> {
    /// Commits the new Ids, exports what came of it, and compares.
    pub(super) async fn finish(mut self, plan: &RestorePlan) -> Result<RestoreReport, Error> {
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
        refresh(self.site, &objects, &BTreeSet::new(), self.monitor).await?;
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
