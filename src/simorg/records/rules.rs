//! What the platform does by itself around a write: names put together,
//! statuses that mean something, rows that come with others.
//!
//! Source: Object Reference, pages of the objects.

use std::sync::Arc;

use super::{Bench, Cell, RowError, StoredRow};
use crate::{
    model::{RecordId, Timestamp},
    simorg::soql::Object,
};

/// A row on its way into the store.
#[derive(Clone)]
pub(super) struct Draft<'a> {
    pub object: &'a Arc<Object>,
    /// The row as it is; none for a new one.
    pub old: Option<&'a StoredRow>,
    /// Its values as they will be.
    pub cells: Vec<Cell>,
    /// Which of them the request gave.
    pub given: Vec<bool>,
    /// Contents of files, by place of the field.
    pub blobs: Vec<(usize, Vec<u8>)>,
    /// The id it must have.
    pub id: Option<RecordId>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(object: &'a Arc<Object>, old: Option<&'a StoredRow>) -> Self {
        let width = object.fields.len();
        Self {
            object,
            old,
            cells: old.map_or_else(|| vec![Cell::Null; width], |it| it.cells.clone()),
            given: vec![false; width],
            blobs: Vec::new(),
            id: None,
        }
    }

    pub(super) fn give(&mut self, at: usize, cell: Cell) {
        self.cells[at] = cell;
        self.given[at] = true;
    }

    pub(super) fn give_bytes(&mut self, at: usize, bytes: Vec<u8>) {
        self.given[at] = true;
        self.blobs.push((at, bytes));
    }

    /// The value of the field `name`; nothing where there is no such field.
    pub(super) fn get(&self, name: &str) -> &Cell {
        let at = self.object.fields.iter().position(|it| it.name == name);
        at.map_or(&Cell::Null, |at| &self.cells[at])
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).as_str().unwrap_or_default()
    }

    /// Sets the field `name`, where there is one.
    pub(super) fn set(&mut self, name: &str, cell: Cell) {
        if let Some(at) = self.object.fields.iter().position(|it| it.name == name) {
            self.cells[at] = cell;
        }
    }

    /// Whether the request gave the field `name`.
    pub(super) fn was_given(&self, name: &str) -> bool {
        let at = self.object.fields.iter().position(|it| it.name == name);
        at.is_some_and(|at| self.given[at])
    }

    /// Whether the field `name` gets another value.
    pub(super) fn changes_field(&self, name: &str) -> bool {
        let at = self.object.fields.iter().position(|it| it.name == name);
        at.is_some_and(|at| self.old.is_none_or(|it| it.cells[at] != self.cells[at]))
    }

    /// What is different from the row as it is.
    pub(super) fn changes(&self) -> Vec<(usize, Cell)> {
        let Some(old) = self.old else {
            return Vec::new();
        };
        self.cells
            .iter()
            .enumerate()
            .filter(|(at, cell)| old.cells[*at] != **cell)
            .map(|(at, cell)| (at, cell.clone()))
            .collect()
    }

    /// Notes who writes, and when.
    pub(super) fn stamp(&mut self, bench: &Bench<'_>, is_new: bool) {
        let (now, me) = (Cell::time(bench.now()), Cell::id(bench.user.id));
        if is_new {
            if !self.was_given("CreatedDate") {
                self.set("CreatedDate", now.clone());
            }
            if !self.was_given("CreatedById") {
                self.set("CreatedById", me.clone());
            }
            if self.get("OwnerId").is_null() {
                self.set("OwnerId", me.clone());
            }
        }
        if !self.was_given("LastModifiedDate") {
            self.set("LastModifiedDate", now.clone());
        }
        if !self.was_given("LastModifiedById") {
            self.set("LastModifiedById", me);
        }
        self.set("SystemModstamp", now);
    }
}

impl Bench<'_> {
    /// What happens to a row before it is stored.
    pub(super) fn before(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
        match draft.object.name.as_str() {
            "Contact" | "Lead" => person_name(draft),
            "Opportunity" => self.opportunity(draft),
            "Case" => {
                let is_closed = self.schema.is_closed("Case", draft.text("Status"));
                draft.set("IsClosed", Cell::Int(i64::from(is_closed)));
                let at = match (is_closed, draft.get("ClosedDate").is_null()) {
                    (true, false) => draft.get("ClosedDate").clone(),
                    (true, true) => Cell::time(self.now()),
                    (false, _) => Cell::Null,
                };
                draft.set("ClosedDate", at);
            }
            _ => (),
        }
        Ok(())
    }

    /// What comes with a row that was stored.
    pub(super) fn after(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
        let _ = (draft, id);
        Ok(())
    }

    fn opportunity(&self, draft: &mut Draft<'_>) {
        let stage = self.schema.stage(draft.text("StageName")).cloned();
        let Some(stage) = stage else {
            return;
        };
        let stage_changed = draft.changes_field("StageName");
        draft.set("IsClosed", Cell::Int(i64::from(stage.is_closed)));
        draft.set("IsWon", Cell::Int(i64::from(stage.is_won)));
        if stage_changed {
            if !draft.was_given("Probability") {
                draft.set("Probability", Cell::Real(stage.probability));
            }
            if !draft.was_given("ForecastCategoryName") {
                let name = match stage.forecast.as_str() {
                    "BestCase" => "Best Case",
                    "Forecast" => "Commit",
                    other => other,
                };
                draft.set("ForecastCategoryName", Cell::text(name));
            }
            draft.set("ForecastCategory", Cell::text(&stage.forecast));
            if draft.old.is_some() {
                draft.set("LastStageChangeDate", Cell::time(self.now()));
            }
        }
        let expected = draft
            .get("Amount")
            .as_f64()
            .zip(draft.get("Probability").as_f64());
        let expected = expected.map_or(Cell::Null, |(amount, chance)| {
            Cell::Real(amount * chance / 100.0)
        });
        draft.set("ExpectedRevenue", expected);
        let close = draft.text("CloseDate").to_owned();
        if let (Some(year), Some(month)) = (close.get(..4), close.get(5..7)) {
            let month: i64 = month.parse().unwrap_or(1);
            let quarter = (month - 1) / 3 + 1;
            draft.set("FiscalYear", Cell::Int(year.parse().unwrap_or(0)));
            draft.set("FiscalQuarter", Cell::Int(quarter));
            draft.set("Fiscal", Cell::Text(format!("{year} {quarter}")));
        }
    }

    /// Makes the store fit to be written: tables, rows that every org has, and
    /// nothing in the recycle bin that has lain there too long.
    pub(super) fn make_ready(&self) -> Result<(), RowError> {
        for object in self.schema.objects() {
            self.store.fit(object)?;
        }
        self.purge()?;
        Ok(())
    }

    /// The time before which deletions are for good.
    pub(super) fn bin_begins(&self) -> Timestamp {
        self.now().before(super::delete::REST)
    }
}

/// `FirstName` and `LastName` make the name.
fn person_name(draft: &mut Draft<'_>) {
    let parts = [draft.text("FirstName"), draft.text("LastName")];
    let name: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
    let name = Cell::text(&name.join(" "));
    draft.set("Name", name);
}
