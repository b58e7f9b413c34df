//! Rows in `SQLite`; the one module that knows it, with what is below.
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

mod names;
mod numbers;
mod rows;
mod setup;

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    fmt::Write as _,
    path::Path,
    sync::Arc,
};

use rusqlite::{
    Connection, params_from_iter,
    types::{ToSqlOutput, Value as SqlValue, ValueRef},
};

use super::{Cell, Schema};
use crate::simorg::{
    SimOrg,
    soql::{Field, Object, Table},
};
use names::{affinity, quoted};
pub(super) use names::{collation, column_of, has_column, table_of};
pub use rows::StoredRow;

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
    pub(in crate::simorg::records) fn execute(
        &self,
        sql: &str,
        params: &[Cell],
    ) -> Result<usize, StoreError> {
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
    use crate::simorg::{soql::Kind, state::made_id};

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
