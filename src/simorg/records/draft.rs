//! A row on its way into the store.

use std::sync::Arc;

use super::{Bench, Cell, StoredRow};
use crate::{model::RecordId, simorg::soql::Object};

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
