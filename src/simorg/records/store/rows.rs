//! Rows of objects, and the contents of their files.

use std::fmt::Write as _;

use rusqlite::{OptionalExtension as _, params_from_iter};

use super::{
    super::Cell,
    Store, StoreError,
    names::{collation, column_of, has_column, select_all, stored, table_of},
};
use crate::{model::RecordId, simorg::soql::Object};

/// One row with all its values, in the order of the object's fields.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRow {
    /// Its place in the table.
    pub rowid: i64,
    /// Its id.
    pub id: RecordId,
    /// Whether it lies in the recycle bin.
    pub is_deleted: bool,
    /// Its values.
    pub cells: Vec<Cell>,
}

impl Store {
    /// The row with this id, deleted or not.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn row(&self, object: &Object, id: RecordId) -> Result<Option<StoredRow>, StoreError> {
        let sql = format!("{} WHERE \"Id\" = ?1", select_all(object));
        let mut found = self.rows(object, &sql, &[Cell::id(id)])?;
        Ok(found.pop())
    }

    /// The rows that are not deleted and have `value` in the field at `at`,
    /// text compared without regard to case where the field does so.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn rows_with(
        &self,
        object: &Object,
        at: usize,
        value: &Cell,
    ) -> Result<Vec<StoredRow>, StoreError> {
        let field = &object.fields[at];
        self.index(object, field)?;
        let sql = format!(
            "{} WHERE {} = ?1{} AND \"IsDeleted\" = 0 ORDER BY rowid",
            select_all(object),
            column_of(field),
            collation(field)
        );
        self.rows(object, &sql, std::slice::from_ref(value))
    }

    fn rows(
        &self,
        object: &Object,
        sql: &str,
        params: &[Cell],
    ) -> Result<Vec<StoredRow>, StoreError> {
        let mut all = Vec::new();
        self.select(sql, params, &mut |cells| {
            if let Some(row) = stored(object, cells) {
                all.push(row);
            }
            true
        })?;
        Ok(all)
    }

    /// Puts a new row into an object; cells are those of the object's fields.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; an id that is there already is one.
    pub fn insert(&self, object: &Object, id: RecordId, cells: &[Cell]) -> Result<i64, StoreError> {
        let mut sql = format!("INSERT INTO {} (\"Id\"", table_of(object));
        let mut values = "?1".to_owned();
        let mut params = vec![Cell::id(id)];
        for (field, cell) in object.fields.iter().zip(cells) {
            if has_column(field) && !cell.is_null() {
                params.push(cell.clone());
                let _ = write!(sql, ", {}", column_of(field));
                let _ = write!(values, ", ?{}", params.len());
            }
        }
        let _ = write!(sql, ") VALUES ({values})");
        self.execute(&sql, &params)?;
        Ok(self.db.last_insert_rowid())
    }

    /// Puts new rows into an object, each an id and the cells of the object's
    /// fields: by one statement, for there may be a million.
    ///
    /// # Errors
    ///
    /// [`StoreError`]; the rows before the one that failed are there.
    pub fn insert_all(
        &self,
        object: &Object,
        rows: impl Iterator<Item = (RecordId, Vec<Cell>)>,
    ) -> Result<(), StoreError> {
        let fields = object.fields.iter().enumerate();
        let fields: Vec<_> = fields.filter(|(_, it)| has_column(it)).collect();
        let mut sql = format!("INSERT INTO {} (\"Id\"", table_of(object));
        for (_, field) in &fields {
            let _ = write!(sql, ", {}", column_of(field));
        }
        let marks = vec!["?"; fields.len() + 1].join(", ");
        let _ = write!(sql, ") VALUES ({marks})");
        let mut statement = self.db.prepare(&sql)?;
        for (id, cells) in rows {
            let id = Cell::id(id);
            let values = fields.iter().map(|(at, _)| &cells[*at]);
            statement.execute(params_from_iter(std::iter::once(&id).chain(values)))?;
        }
        Ok(())
    }

    /// Changes values of a row.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn update(
        &self,
        object: &Object,
        rowid: i64,
        changes: &[(usize, Cell)],
    ) -> Result<(), StoreError> {
        let mut sql = format!("UPDATE {} SET ", table_of(object));
        let mut params = Vec::new();
        for (at, cell) in changes {
            let field = &object.fields[*at];
            if !has_column(field) {
                continue;
            }
            params.push(cell.clone());
            let comma = if params.len() > 1 { ", " } else { "" };
            let _ = write!(sql, "{comma}{} = ?{}", column_of(field), params.len());
        }
        if params.is_empty() {
            return Ok(());
        }
        params.push(Cell::Int(rowid));
        let _ = write!(sql, " WHERE rowid = ?{}", params.len());
        self.execute(&sql, &params)?;
        Ok(())
    }

    /// Puts a row into the recycle bin, or takes it out.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn mark_deleted(
        &self,
        object: &Object,
        rowid: i64,
        is_deleted: bool,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "UPDATE {} SET \"IsDeleted\" = ?1 WHERE rowid = ?2",
            table_of(object)
        );
        self.execute(&sql, &[Cell::Int(i64::from(is_deleted)), Cell::Int(rowid)])?;
        Ok(())
    }

    /// Takes a row away for good, with its files.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn remove(&self, object: &Object, id: RecordId) -> Result<(), StoreError> {
        let sql = format!("DELETE FROM {} WHERE \"Id\" = ?1", table_of(object));
        self.execute(&sql, &[Cell::id(id)])?;
        self.execute("DELETE FROM _blob WHERE id = ?1", &[Cell::id(id)])?;
        Ok(())
    }

    /// Number of rows that are not deleted.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn count(&self, object: &Object) -> Result<i64, StoreError> {
        self.fit(object)?;
        let sql = format!(
            "SELECT count(*) FROM {} WHERE \"IsDeleted\" = 0",
            table_of(object)
        );
        Ok(self.db.query_row(&sql, [], |row| row.get(0))?)
    }

    /// Number of rows in the recycle bin.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn count_deleted(&self, object: &Object) -> Result<i64, StoreError> {
        let found = self.one(
            "SELECT count(*) FROM _bin WHERE object = ?1",
            &[Cell::text(&object.name)],
        )?;
        Ok(match found {
            Cell::Int(count) => count,
            _ => 0,
        })
    }

    /// Keeps the contents of a file.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn put_blob(&self, id: RecordId, field: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.db
            .prepare_cached("INSERT OR REPLACE INTO _blob (id, field, bytes) VALUES (?1, ?2, ?3)")?
            .execute((id.as_str(), field, bytes))?;
        Ok(())
    }

    /// The contents of a file.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn blob(&self, id: RecordId, field: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self
            .db
            .prepare_cached("SELECT bytes FROM _blob WHERE id = ?1 AND field = ?2")?
            .query_row((id.as_str(), field), |row| row.get(0))
            .optional()?)
    }
}
