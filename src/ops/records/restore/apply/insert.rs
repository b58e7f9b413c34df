//! Inserts rows again in the order of their relations, or takes those that the platform made itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    super::{
        report::FailedRow,
        send::{Outgoing, Sent},
    },
    Run,
};
use crate::{
    client::{RowError, soql_text},
    ledger::InsertedRow,
    model::{FieldName, ObjectName, RecordId},
    ops::error::{During, Error},
    plan::records::{
        Item, RestorePlan, Wave,
        rules::{self, How},
    },
};

impl Run<'_, '_> {
    pub(super) async fn insert(
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

    pub(in super::super) fn inserted(&mut self, object: &ObjectName, sent: Sent) {
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
}
