//! Tables of the setup beside those of records.

use std::sync::Arc;

use rusqlite::params_from_iter;

use super::{
    super::Cell,
    Store, StoreError,
    names::{column_of, quoted},
};
use crate::simorg::soql::Table;

impl Store {
    /// Copies a table of the setup, so that records can be joined with it;
    /// gives its name in statements.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub(in crate::simorg::records) fn copy(
        &self,
        table: &Arc<Table>,
    ) -> Result<String, StoreError> {
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
}
