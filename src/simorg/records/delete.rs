//! The recycle bin: deletion with what goes along, and the way back.
//!
//! Everything that one deletion took carries the same root, and comes back
//! together. References that it emptied are written down and filled again.

use std::{collections::HashSet, sync::Arc, time::Duration};

use super::{
    Bench, Cell, RowError, Saved, StoredRow,
    store::{column_of, table_of},
    traps,
};
use crate::{
    model::RecordId,
    simorg::{
        soql::{Object, OnDelete},
        state::Permission,
    },
};

/// How long deleted records rest before they are gone.
///
/// Source: Salesforce Help, "View, Restore, and Manage the Recycle Bin": 15 days.
pub(super) const REST: Duration = Duration::from_hours(15 * 24);

/// Names of records that a refusal lists.
const MOST_NAMED: usize = 5;

impl Bench<'_> {
    /// Puts a record into the recycle bin, with all that depends on it.
    pub(super) fn delete(
        &self,
        object: &Arc<Object>,
        seen: &Object,
        id: &str,
    ) -> Result<Saved, RowError> {
        if !seen.can.delete {
            return Err(RowError::not_supported(&object.name, "delete"));
        }
        let row = self.existing(object, id)?;
        self.spring(object, traps::Act::Delete, Some(row.id), &row.cells, true)?;
        self.may_delete(object, &row)?;
        self.bury(object, &row, row.id, &mut HashSet::new())?;
        self.after_delete(object, &row)?;
        Ok(Saved {
            id: row.id,
            created: false,
        })
    }

    /// Deletes a record for good.
    pub(super) fn hard_delete(
        &self,
        object: &Arc<Object>,
        seen: &Object,
        id: &str,
    ) -> Result<Saved, RowError> {
        if !self.user.may(Permission::BulkApiHardDelete) {
            return Err(RowError::new(
                "INSUFFICIENT_ACCESS",
                "hardDelete operation requires special user profile permission, please contact your system administrator",
            ));
        }
        let parsed = id
            .parse::<RecordId>()
            .map_err(|_| RowError::malformed_id(&object.label, id))?;
        // What lies in the bin can be deleted for good as well.
        let is_in_bin = self
            .store
            .row(object, parsed)?
            .is_some_and(|it| it.is_deleted);
        if !is_in_bin {
            self.delete(object, seen, id)?;
        }
        self.forget(parsed)?;
        Ok(Saved {
            id: parsed,
            created: false,
        })
    }

    /// Takes a record out of the bin for good.
    pub(super) fn empty(&self, object: &Arc<Object>, id: &str) -> Result<Saved, RowError> {
        let id = id
            .parse::<RecordId>()
            .map_err(|_| RowError::malformed_id(&object.label, id))?;
        if self.root_of(id)? != Some(id) {
            return Err(RowError::new(
                "INVALID_ID_FIELD",
                "This record can\u{2019}t be found in the recycle bin",
            ));
        }
        self.forget(id)?;
        Ok(Saved { id, created: false })
    }

    /// Takes a record and what went with it out of the recycle bin.
    pub(super) fn undelete(
        &self,
        object: &Arc<Object>,
        seen: &Object,
        id: &str,
    ) -> Result<Saved, RowError> {
        let id = id
            .parse::<RecordId>()
            .map_err(|_| RowError::malformed_id(&object.label, id))?;
        if !seen.can.undelete {
            return Err(RowError::new(
                "UNDELETE_FAILED",
                format!("Undelete is not supported for {}", object.name),
            ));
        }
        let Some(row) = self.store.row(object, id)? else {
            return Err(RowError::new(
                "UNDELETE_FAILED",
                "Entity is not in the recycle bin",
            ));
        };
        if !row.is_deleted || self.root_of(id)? != Some(id) {
            return Err(RowError::new(
                "UNDELETE_FAILED",
                "Entity is not in the recycle bin",
            ));
        }
        self.spring(object, traps::Act::Undelete, Some(id), &row.cells, true)?;
        self.masters_are_there(object, &row)?;
        let mut back: Vec<(Cell, Cell)> = Vec::new();
        self.store.select(
            "SELECT id, object FROM _bin WHERE root = ?1",
            &[Cell::id(id)],
            &mut |mut cells| {
                let object = cells.pop().unwrap_or_default();
                back.push((cells.pop().unwrap_or_default(), object));
                true
            },
        )?;
        for (own, name) in &back {
            let object = name.as_str().and_then(|it| self.schema.object(it));
            let (Some(object), Some(own)) = (object, own.as_id()) else {
                continue;
            };
            let Some(row) = self.store.row(&object, own)? else {
                continue;
            };
            for (at, field) in object.fields.iter().enumerate() {
                if field.unique && !row.cells[at].is_null() {
                    self.unique(&object, at, &row.cells[at], Some(row.rowid))?;
                }
            }
            self.store.mark_deleted(&object, row.rowid, false)?;
            self.touch(&object, row.rowid)?;
        }
        self.store
            .execute("DELETE FROM _bin WHERE root = ?1", &[Cell::id(id)])?;
        self.refill(id)?;
        Ok(Saved { id, created: false })
    }

    /// What was emptied when `root` was deleted is filled again where it is still empty.
    fn refill(&self, root: RecordId) -> Result<(), RowError> {
        let mut emptied: Vec<Vec<Cell>> = Vec::new();
        self.store.select(
            "SELECT object, id, field, value FROM _cleared WHERE root = ?1",
            &[Cell::id(root)],
            &mut |cells| {
                emptied.push(cells);
                true
            },
        )?;
        for cells in emptied {
            let text = |at: usize| cells.get(at).and_then(Cell::as_str).unwrap_or_default();
            let Some(object) = self.schema.object(text(0)) else {
                continue;
            };
            let Some((_, field)) = object.field(text(2)) else {
                continue;
            };
            let (table, column) = (table_of(&object), column_of(field));
            self.store.execute(
                &format!("UPDATE {table} SET {column} = ?1 WHERE \"Id\" = ?2 AND {column} IS NULL"),
                &[cells[3].clone(), cells[1].clone()],
            )?;
        }
        self.store
            .execute("DELETE FROM _cleared WHERE root = ?1", &[Cell::id(root)])?;
        Ok(())
    }

    /// A detail comes back only to a master that is there.
    fn masters_are_there(&self, object: &Object, row: &StoredRow) -> Result<(), RowError> {
        for (at, field) in object.fields.iter().enumerate() {
            let (Some(reference), Some(id)) = (&field.reference, row.cells[at].as_id()) else {
                continue;
            };
            if reference.on_delete != OnDelete::Cascade {
                continue;
            }
            let Some(parent) = self.schema.object_of(id) else {
                continue;
            };
            let is_there = self
                .store
                .row(&parent, id)?
                .is_some_and(|it| !it.is_deleted);
            if !is_there {
                return Err(RowError::new(
                    "UNDELETE_FAILED",
                    format!(
                        "Undelete failed: the parent record {} is deleted",
                        id.short()
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Nothing that depends on a record forbids that it is deleted.
    fn may_delete(&self, object: &Arc<Object>, row: &StoredRow) -> Result<(), RowError> {
        for link in self.schema.links_to(&object.name) {
            let is_draft_free = match link.on_delete() {
                OnDelete::Restrict => false,
                OnDelete::RestrictActive => true,
                _ => continue,
            };
            let mut children = self
                .store
                .rows_with(&link.child, link.at, &Cell::id(row.id))?;
            if is_draft_free {
                let status = link.child.field("StatusCode").map(|it| it.0);
                children.retain(|it| {
                    let code = status.and_then(|at| it.cells[at].as_str());
                    code.is_some_and(|it| it == "Activated")
                });
            }
            if children.is_empty() {
                continue;
            }
            let name_at = link.child.fields.iter().position(|it| it.is_name);
            let named: Vec<String> = children
                .iter()
                .take(MOST_NAMED)
                .map(|it| {
                    let name = name_at.and_then(|at| it.cells[at].as_str());
                    name.unwrap_or(it.id.as_str()).to_owned()
                })
                .collect();
            let own_at = object.fields.iter().position(|it| it.is_name);
            let own = own_at
                .and_then(|at| row.cells[at].as_str())
                .unwrap_or(row.id.as_str());
            let message = format!(
                "Your attempt to delete {own} could not be completed because it is associated with the \
                 following {}.: {}\n",
                link.child.plural.to_lowercase(),
                named.join(", ")
            );
            return Err(RowError::new("DELETE_FAILED", message));
        }
        Ok(())
    }

    /// Marks a row and all that goes with it as deleted by the deletion of `root`.
    fn bury(
        &self,
        object: &Arc<Object>,
        row: &StoredRow,
        root: RecordId,
        seen: &mut HashSet<RecordId>,
    ) -> Result<(), RowError> {
        if !seen.insert(row.id) {
            return Ok(());
        }
        self.store.mark_deleted(object, row.rowid, true)?;
        self.touch(object, row.rowid)?;
        self.store.execute(
            "INSERT OR REPLACE INTO _bin (id, object, at, by, root) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                Cell::id(row.id),
                Cell::text(&object.name),
                Cell::time(self.now()),
                Cell::id(self.user.id),
                Cell::id(root),
            ],
        )?;
        for link in self.schema.links_to(&object.name) {
            let act = link.on_delete();
            if act == OnDelete::Keep || act == OnDelete::Restrict {
                continue;
            }
            let children = self
                .store
                .rows_with(&link.child, link.at, &Cell::id(row.id))?;
            for child in children {
                if act == OnDelete::Clear {
                    self.clear(&link.child, link.at, &child, root)?;
                } else {
                    self.bury(&link.child, &child, root, seen)?;
                }
            }
        }
        Ok(())
    }

    /// Empties a reference to a row that was deleted.
    fn clear(
        &self,
        object: &Object,
        at: usize,
        row: &StoredRow,
        root: RecordId,
    ) -> Result<(), RowError> {
        self.store.execute(
            "INSERT INTO _cleared (root, object, id, field, value) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                Cell::id(root),
                Cell::text(&object.name),
                Cell::id(row.id),
                Cell::text(&object.fields[at].name),
                row.cells[at].clone(),
            ],
        )?;
        self.store.update(object, row.rowid, &[(at, Cell::Null)])?;
        self.touch(object, row.rowid)
    }

    /// The platform's own stamp of a row it changed by itself.
    pub(super) fn touch(&self, object: &Object, rowid: i64) -> Result<(), RowError> {
        if let Some((at, _)) = object.field("SystemModstamp") {
            let now = Cell::time(self.now());
            self.store.update(object, rowid, &[(at, now)])?;
        }
        Ok(())
    }

    /// The deletion that a record in the bin belongs to.
    fn root_of(&self, id: RecordId) -> Result<Option<RecordId>, RowError> {
        let sql = "SELECT root FROM _bin WHERE id = ?1";
        Ok(self.store.one(sql, &[Cell::id(id)])?.as_id())
    }

    /// Takes a deletion out of the bin for good.
    fn forget(&self, root: RecordId) -> Result<(), RowError> {
        let mut all = Vec::new();
        self.store.select(
            "SELECT id, object, at FROM _bin WHERE root = ?1",
            &[Cell::id(root)],
            &mut |cells| {
                all.push(cells);
                true
            },
        )?;
        for cells in all {
            let object = cells[1].as_str().and_then(|it| self.schema.object(it));
            if let (Some(object), Some(id)) = (object, cells[0].as_id()) {
                self.store.remove(&object, id)?;
            }
            self.store.execute(
                "INSERT OR REPLACE INTO _gone (id, object, at) VALUES (?1, ?2, ?3)",
                &cells,
            )?;
        }
        for table in ["_bin", "_cleared"] {
            self.store.execute(
                &format!("DELETE FROM {table} WHERE root = ?1"),
                &[Cell::id(root)],
            )?;
        }
        Ok(())
    }

    /// Takes what has lain in the bin for too long out of it.
    pub(super) fn purge(&self) -> Result<(), RowError> {
        let mut roots = Vec::new();
        self.store.select(
            "SELECT DISTINCT root FROM _bin WHERE at < ?1",
            &[Cell::time(self.bin_begins())],
            &mut |cells| {
                roots.extend(cells.first().and_then(Cell::as_id));
                true
            },
        )?;
        for root in roots {
            self.forget(root)?;
        }
        Ok(())
    }

    /// What a deletion changes in what stays: sums, latest versions.
    fn after_delete(&self, object: &Object, row: &StoredRow) -> Result<(), RowError> {
        if object.name == "OpportunityLineItem"
            && let Some((at, _)) = object.field("OpportunityId")
            && let Some(parent) = row.cells[at].as_id()
        {
            self.sum_lines(parent)?;
        }
        Ok(())
    }
}
