//! Rows in `SQLite`; the one module that knows it.
//!
//! A table for each object, a column for each field. What a custom field or
//! object is called in the database ends in the id of its definition, so that
//! one made anew begins empty, and one undeleted has its values back.
//!
//! Tables of our own begin with `_`: ids once given, the recycle bin, what was
//! deleted for good, references that a deletion emptied, contents of files.
//!
//! Invariant: a value that was bound to a statement is data, never SQL; names
//! in statements come from a [`Schema`] and are quoted.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    fmt::Write as _,
    path::Path,
    sync::Arc,
};

use rusqlite::{
    Connection, OptionalExtension as _, params_from_iter,
    types::{ToSqlOutput, Value as SqlValue, ValueRef},
};

use super::{Cell, Schema};
use crate::{
    model::RecordId,
    simorg::{
        SimOrg,
        soql::{Field, Kind, Object, Table},
        state::numbered_id,
    },
};

/// The database that could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[error("the records cannot be read or written")]
pub struct StoreError(#[from] rusqlite::Error);

impl StoreError {
    /// The database is not there any more.
    pub(super) fn closed() -> Self {
        Self(rusqlite::Error::InvalidQuery)
    }
}

/// The records of an org.
pub struct Store {
    db: Connection,
    schema: RefCell<Option<Arc<Schema>>>,
    /// Tables that have a column for each field of the schema.
    fitted: RefCell<HashSet<String>>,
    counters: RefCell<HashMap<String, i64>>,
    /// Counters that were moved since they were written down last.
    moved: RefCell<HashSet<String>>,
    /// Whether the metadata changed since the documents were brought over.
    is_stale: RefCell<bool>,
    /// Setup tables that were copied for joins, by name.
    copied: RefCell<HashMap<String, Arc<Table>>>,
}

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

const OWN_TABLES: &str = "
    CREATE TABLE IF NOT EXISTS _counter (name TEXT PRIMARY KEY, next INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS _prefix (object TEXT PRIMARY KEY, prefix TEXT NOT NULL UNIQUE);
    CREATE TABLE IF NOT EXISTS _bin (id TEXT PRIMARY KEY, object TEXT NOT NULL, at INTEGER NOT NULL,
        by TEXT, root TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS _bin_at ON _bin (at);
    CREATE INDEX IF NOT EXISTS _bin_root ON _bin (root);
    CREATE INDEX IF NOT EXISTS _bin_object ON _bin (object, at);
    CREATE TABLE IF NOT EXISTS _gone (id TEXT PRIMARY KEY, object TEXT NOT NULL, at INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS _gone_object ON _gone (object, at);
    CREATE TABLE IF NOT EXISTS _cleared (root TEXT NOT NULL, object TEXT NOT NULL, id TEXT NOT NULL,
        field TEXT NOT NULL, value TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS _cleared_root ON _cleared (root);
    CREATE TABLE IF NOT EXISTS _document (id TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS _blob (id TEXT NOT NULL, field TEXT NOT NULL, bytes BLOB NOT NULL,
        PRIMARY KEY (id, field));
";

impl Store {
    /// An empty store in a file of its own that goes with it.
    ///
    /// Memory is bounded: what does not fit the cache lies in the file.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn temporary() -> Result<Self, StoreError> {
        let db = Connection::open("")?;
        db.execute_batch("PRAGMA journal_mode = MEMORY")?;
        Self::new(db)
    }

    /// The store in the file `path`, made where there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn at(path: &Path) -> Result<Self, StoreError> {
        let db = Connection::open(path)?;
        db.execute_batch("PRAGMA journal_mode = WAL")?;
        Self::new(db)
    }

    fn new(db: Connection) -> Result<Self, StoreError> {
        db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -65536;")?;
        db.execute_batch(OWN_TABLES)?;
        db.set_prepared_statement_cache_capacity(256);
        Ok(Self {
            db,
            schema: RefCell::default(),
            fitted: RefCell::default(),
            counters: RefCell::default(),
            moved: RefCell::default(),
            is_stale: RefCell::new(true),
            copied: RefCell::default(),
        })
    }

    /// The objects of `org`; made anew after [`Store::forget_schema`].
    #[must_use]
    pub fn schema(&self, org: &SimOrg) -> Arc<Schema> {
        if let Some(schema) = self.schema.borrow().as_ref() {
            return Arc::clone(schema);
        }
        let schema = Arc::new(Schema::of(org, &mut |name, wished| {
            self.prefix(name, wished)
                .unwrap_or_else(|_| wished.to_owned())
        }));
        *self.schema.borrow_mut() = Some(Arc::clone(&schema));
        schema
    }

    /// To be called when the metadata of the org was changed.
    pub fn forget_schema(&self) {
        self.schema.take();
        self.fitted.borrow_mut().clear();
        self.copied.borrow_mut().clear();
        self.is_stale.replace(true);
    }

    /// Whether the metadata changed since this was asked last.
    pub(super) fn take_stale(&self) -> bool {
        self.is_stale.replace(false)
    }

    /// The key prefix of a custom object: the wished one, or the next that is free.
    fn prefix(&self, object: &str, wished: &str) -> Result<String, StoreError> {
        let known = self
            .db
            .prepare_cached("SELECT prefix FROM _prefix WHERE object = ?1")?
            .query_row([object], |row| row.get::<_, String>(0))
            .optional()?;
        if let Some(prefix) = known {
            return Ok(prefix);
        }
        let mut prefix = wished.to_owned();
        let mut free = self
            .db
            .prepare_cached("SELECT count(*) FROM _prefix WHERE prefix = ?1")?;
        while free.query_row([&prefix], |row| row.get::<_, i64>(0))? > 0 {
            prefix = next_prefix(&prefix);
        }
        self.db.execute(
            "INSERT INTO _prefix (object, prefix) VALUES (?1, ?2)",
            [object, &prefix],
        )?;
        Ok(prefix)
    }

    /// Makes what happens until [`Store::keep`] or [`Store::undo`] one step; steps nest.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn begin(&self) -> Result<(), StoreError> {
        Ok(self
            .db
            .prepare_cached("SAVEPOINT step")?
            .execute([])
            .map(|_| ())?)
    }

    /// Ends the last step: what it did stays.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn keep(&self) -> Result<(), StoreError> {
        Ok(self
            .db
            .prepare_cached("RELEASE step")?
            .execute([])
            .map(|_| ())?)
    }

    /// Ends the last step: nothing of it was.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn undo(&self) -> Result<(), StoreError> {
        self.db.prepare_cached("ROLLBACK TO step")?.execute([])?;
        // What was copied within the step is not there any more.
        self.copied.borrow_mut().clear();
        self.keep()
    }

    /// Makes the table of an object and its columns; to be called outside of steps.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn fit(&self, object: &Object) -> Result<(), StoreError> {
        let table = table_of(object);
        if self.fitted.borrow().contains(&table) {
            return Ok(());
        }
        let mut sql = format!(
            "CREATE TABLE IF NOT EXISTS {table} (\"Id\" TEXT PRIMARY KEY NOT NULL, \
             \"IsDeleted\" INTEGER NOT NULL DEFAULT 0"
        );
        for field in object.fields.iter().filter(|it| has_column(it)) {
            let _ = write!(sql, ", {} {}", column_of(field), affinity(field.kind));
        }
        self.db.execute_batch(&format!("{sql})"))?;
        let mut there = HashSet::new();
        let mut columns = self.db.prepare(&format!("PRAGMA table_info({table})"))?;
        let mut rows = columns.query([])?;
        while let Some(row) = rows.next()? {
            there.insert(quoted(&row.get::<_, String>(1)?).to_lowercase());
        }
        drop(rows);
        for field in object.fields.iter().filter(|it| has_column(it)) {
            let column = column_of(field);
            if !there.contains(&column.to_lowercase()) {
                self.db.execute_batch(&format!(
                    "ALTER TABLE {table} ADD COLUMN {column} {}",
                    affinity(field.kind)
                ))?;
            }
        }
        self.fitted.borrow_mut().insert(table);
        Ok(())
    }

    /// A fresh id of an object; ids of one object ascend.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn next_id(&self, object: &Object) -> Result<RecordId, StoreError> {
        let number = self.next_number(&object.prefix)?;
        Ok(numbered_id(
            &object.prefix,
            u64::try_from(number).unwrap_or(0),
        ))
    }

    /// The next of a row of numbers that begins with 1.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn next_number(&self, name: &str) -> Result<i64, StoreError> {
        let known = self.counters.borrow().get(name).copied();
        let number = match known {
            Some(number) => number,
            None => self
                .db
                .prepare_cached("SELECT next FROM _counter WHERE name = ?1")?
                .query_row([name], |row| row.get(0))
                .optional()?
                .unwrap_or(1),
        };
        self.counters
            .borrow_mut()
            .insert(name.to_owned(), number + 1);
        if !self.moved.borrow().contains(name) {
            self.moved.borrow_mut().insert(name.to_owned());
        }
        Ok(number)
    }

    /// Whether this is asked for the first time of this org.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn is_first(&self, what: &str) -> Result<bool, StoreError> {
        let name = format!("first:{what}");
        let known = self.counters.borrow().contains_key(&name);
        Ok(!known && self.next_number(&name)? == 1)
    }

    /// Makes `next` the next number of a row of numbers.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn go_on_from(&self, name: &str, next: i64) -> Result<(), StoreError> {
        self.counters.borrow_mut().insert(name.to_owned(), next);
        self.moved.borrow_mut().insert(name.to_owned());
        self.note_numbers()
    }

    /// Writes down which numbers were given.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn note_numbers(&self) -> Result<(), StoreError> {
        let mut statement = self.db.prepare_cached(
            "INSERT INTO _counter (name, next) VALUES (?1, ?2) \
             ON CONFLICT (name) DO UPDATE SET next = ?2",
        )?;
        let counters = self.counters.borrow();
        for name in self.moved.take() {
            statement.execute((&name, counters.get(&name).copied().unwrap_or(1)))?;
        }
        Ok(())
    }

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

    /// Makes sure that rows are found by a field without a walk through all.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn index(&self, object: &Object, field: &Field) -> Result<(), StoreError> {
        if field.name == "Id" {
            return Ok(());
        }
        let table = table_of(object);
        let column = column_of(field);
        let name = format!("{}.{}", table.trim_matches('"'), column.trim_matches('"'));
        let name = quoted(&name);
        self.db
            .prepare_cached(&format!(
                "CREATE INDEX IF NOT EXISTS {name} ON {table} ({column}{})",
                collation(field)
            ))?
            .execute([])?;
        Ok(())
    }

    /// Runs a statement that changes something; gives how many rows.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(super) fn execute(&self, sql: &str, params: &[Cell]) -> Result<usize, StoreError> {
        Ok(self
            .db
            .prepare_cached(sql)?
            .execute(params_from_iter(params))?)
    }

    /// Gives each row of a statement to `take`, until that says no.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(super) fn select(
        &self,
        sql: &str,
        params: &[Cell],
        take: &mut dyn FnMut(Vec<Cell>) -> bool,
    ) -> Result<(), StoreError> {
        let mut statement = self.db.prepare_cached(sql)?;
        let width = statement.column_count();
        let mut rows = statement.query(params_from_iter(params))?;
        while let Some(row) = rows.next()? {
            let mut cells = Vec::with_capacity(width);
            for at in 0..width {
                cells.push(cell_of(row.get_ref(at)?));
            }
            if !take(cells) {
                break;
            }
        }
        Ok(())
    }

    /// The first value of the first row of a statement.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(super) fn one(&self, sql: &str, params: &[Cell]) -> Result<Cell, StoreError> {
        let mut found = Cell::Null;
        self.select(sql, params, &mut |cells| {
            found = cells.into_iter().next().unwrap_or_default();
            false
        })?;
        Ok(found)
    }

    /// Copies a table of the setup, so that records can be joined with it;
    /// gives its name in statements.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(super) fn copy(&self, table: &Arc<Table>) -> Result<String, StoreError> {
        let object = &table.object;
        let name = quoted(&format!("setup:{}", object.name));
        let known = self.copied.borrow().get(&name).cloned();
        if known.is_some_and(|it| Arc::ptr_eq(&it, table)) {
            return Ok(format!("temp.{name}"));
        }
        let columns: Vec<String> = object.fields.iter().map(column_of).collect();
        let marks = vec!["?"; columns.len()].join(", ");
        self.db.execute_batch(&format!(
            "DROP TABLE IF EXISTS temp.{name}; CREATE TABLE temp.{name} ({});",
            columns.join(", ")
        ))?;
        self.begin()?;
        let mut statement = self
            .db
            .prepare(&format!("INSERT INTO temp.{name} VALUES ({marks})"))?;
        for row in &table.rows {
            let cells: Vec<Cell> = object
                .fields
                .iter()
                .zip(row)
                .map(|(field, value)| Cell::from_json(value, field.kind))
                .collect();
            statement.execute(params_from_iter(&cells))?;
        }
        drop(statement);
        self.keep()?;
        if object.field("Id").is_some() {
            let index = quoted(&format!("setup:{}.Id", object.name));
            self.db
                .execute_batch(&format!("CREATE INDEX temp.{index} ON {name} (\"Id\")"))?;
        }
        self.copied
            .borrow_mut()
            .insert(name.clone(), Arc::clone(table));
        Ok(format!("temp.{name}"))
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

/// The name of an object's table, quoted.
pub(super) fn table_of(object: &Object) -> String {
    match object.id {
        Some(id) => quoted(&format!("{}@{id}", object.name)),
        None => quoted(&object.name),
    }
}

/// The name of a field's column, quoted.
pub(super) fn column_of(field: &Field) -> String {
    match field.id {
        Some(id) => quoted(&format!("{}@{id}", field.name)),
        None => quoted(&field.name),
    }
}

/// Whether a field has a column of its own besides those of every table.
pub(super) fn has_column(field: &Field) -> bool {
    field.is_stored()
        && field.kind != Kind::Base64
        && !matches!(field.name.as_str(), "Id" | "IsDeleted")
}

/// How values of a field are compared for equality.
pub(super) fn collation(field: &Field) -> &'static str {
    match field.kind {
        Kind::Id | Kind::Reference => "",
        kind if kind.is_text() && !field.case_sensitive => " COLLATE NOCASE",
        _ => "",
    }
}

fn affinity(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean | Kind::DateTime => "INTEGER",
        // Not REAL: a whole number keeps being one.
        Kind::Int | Kind::Double | Kind::Currency | Kind::Percent => "NUMERIC",
        _ => "TEXT",
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `SELECT` of all that [`stored`] wants, up to the table.
pub(super) fn select_all(object: &Object) -> String {
    let mut sql = "SELECT rowid, \"Id\", \"IsDeleted\"".to_owned();
    for field in object.fields.iter().filter(|it| has_column(it)) {
        let _ = write!(sql, ", {}", column_of(field));
    }
    let _ = write!(sql, " FROM {}", table_of(object));
    sql
}

/// The row that [`select_all`] gave.
pub(super) fn stored(object: &Object, cells: Vec<Cell>) -> Option<StoredRow> {
    let mut cells = cells.into_iter();
    let (Some(Cell::Int(rowid)), Some(id), Some(deleted)) =
        (cells.next(), cells.next(), cells.next())
    else {
        return None;
    };
    let values = object.fields.iter().map(|field| match field.name.as_str() {
        "Id" => id.clone(),
        "IsDeleted" => deleted.clone(),
        _ if has_column(field) => cells.next().unwrap_or_default(),
        _ => Cell::Null,
    });
    let values = values.collect();
    Some(StoredRow {
        rowid,
        id: id.as_id()?,
        is_deleted: deleted.is_true(),
        cells: values,
    })
}

fn next_prefix(prefix: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut bytes = prefix.as_bytes().to_vec();
    for at in (1..bytes.len()).rev() {
        let digit = DIGITS.iter().position(|it| *it == bytes[at]).unwrap_or(0);
        bytes[at] = DIGITS[(digit + 1) % DIGITS.len()];
        if digit + 1 < DIGITS.len() {
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn cell_of(value: ValueRef<'_>) -> Cell {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(it) => Cell::Int(it),
        ValueRef::Real(it) => Cell::Real(it),
        ValueRef::Text(it) | ValueRef::Blob(it) => {
            Cell::Text(String::from_utf8_lossy(it).into_owned())
        }
    }
}

impl rusqlite::ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(SqlValue::Null),
            Self::Int(it) => ToSqlOutput::Owned(SqlValue::Integer(*it)),
            Self::Real(it) => ToSqlOutput::Owned(SqlValue::Real(*it)),
            Self::Text(it) => ToSqlOutput::Borrowed(ValueRef::Text(it.as_bytes())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simorg::state::made_id;

    fn shelf(field_id: &str) -> Object {
        let mut code = Field::new("Code__c", Kind::Text);
        code.id = Some(made_id("00N", field_id));
        let mut object = Object::new(
            "Shelf__c",
            "a00",
            vec![Field::new("Id", Kind::Id), code, Field::new("N", Kind::Int)],
        );
        object.id = Some(made_id("01I", "Shelf__c"));
        object
    }

    #[test]
    fn field_made_anew_begins_empty_and_one_undeleted_has_its_values() {
        let store = Store::temporary().unwrap();
        let (first, second) = (shelf("one"), shelf("two"));
        store.fit(&first).unwrap();
        let id = store.next_id(&first).unwrap();
        let cells = [Cell::id(id), Cell::text("A"), Cell::Int(1)];
        store.insert(&first, id, &cells).unwrap();
        store.forget_schema();
        store.fit(&second).unwrap();
        let row = store.row(&second, id).unwrap().unwrap();
        assert_eq!(row.cells[1..], [Cell::Null, Cell::Int(1)]);
        let row = store.row(&first, id).unwrap().unwrap();
        assert_eq!(row.cells[1], Cell::text("A"));
    }

    #[test]
    fn steps_nest_and_are_undone_one_by_one() {
        let store = Store::temporary().unwrap();
        let object = shelf("one");
        store.fit(&object).unwrap();
        let insert = || {
            let id = store.next_id(&object).unwrap();
            store.insert(&object, id, &[]).unwrap();
        };
        store.begin().unwrap();
        insert();
        store.begin().unwrap();
        insert();
        store.undo().unwrap();
        assert_eq!(store.count(&object).unwrap(), 1);
        store.keep().unwrap();
        assert_eq!(store.count(&object).unwrap(), 1);
    }

    #[test]
    fn prefixes_are_kept_and_never_shared() {
        let store = Store::temporary().unwrap();
        assert_eq!(store.prefix("A__c", "aZz").unwrap(), "aZz");
        let other = store.prefix("B__c", "aZz").unwrap();
        assert_eq!(other, "aa0");
        assert_eq!(store.prefix("B__c", "a11").unwrap(), other);
    }

    #[test]
    fn rows_are_found_in_any_case_unless_the_field_minds() {
        let store = Store::temporary().unwrap();
        let mut object = shelf("one");
        store.fit(&object).unwrap();
        let id = store.next_id(&object).unwrap();
        let cells = [Cell::id(id), Cell::text("Ab"), Cell::Null];
        store.insert(&object, id, &cells).unwrap();
        let found = |object: &Object| store.rows_with(object, 1, &Cell::text("aB")).unwrap().len();
        assert_eq!(found(&object), 1);
        object.fields[1].case_sensitive = true;
        assert_eq!(found(&object), 0);
    }

    #[test]
    fn ids_ascend_and_are_remembered_by_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("records.sqlite");
        let object = shelf("one");
        let last = {
            let store = Store::at(&path).unwrap();
            let (a, b) = (
                store.next_id(&object).unwrap(),
                store.next_id(&object).unwrap(),
            );
            assert!(a < b);
            store.note_numbers().unwrap();
            b
        };
        let store = Store::at(&path).unwrap();
        assert!(last < store.next_id(&object).unwrap());
    }
}
