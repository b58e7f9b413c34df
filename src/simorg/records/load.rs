//! Records from a CSV file: RFC 4180, first line the names of fields.

use super::{
    Bench, Cell, RowError,
    check::{Taken, take},
};
use crate::model::Timestamp;

/// A CSV file that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// It is not UTF-8, or no table.
    #[error("the file is no CSV in UTF-8")]
    Csv(#[source] csv::Error),
    /// The org has no such object.
    #[error("the org has no object `{}`", _0.escape_debug())]
    Object(String),
    /// The object has no such field.
    #[error("`{object}` has no field `{}`", field.escape_debug())]
    Field {
        /// The object.
        object: String,
        /// The field.
        field: String,
    },
    /// A row that cannot be taken.
    #[error("row {row}: {reason}")]
    Row {
        /// Which, the first below the names being 1.
        row: usize,
        /// Why not.
        reason: String,
    },
    /// The rows cannot be stored.
    #[error("the rows cannot be stored")]
    Store(#[source] RowError),
}

impl Bench<'_> {
    /// Puts the rows of a CSV file into the object `name`, made at `at`.
    ///
    /// A row with an `Id` keeps it. Empty cells are no values. References are
    /// not followed, so files may come in any order.
    ///
    /// # Errors
    ///
    /// [`CsvError`]; nothing was put in.
    pub fn load_csv(&self, name: &str, bytes: &[u8], at: Timestamp) -> Result<usize, CsvError> {
        let object = self
            .schema
            .object(name)
            .ok_or_else(|| CsvError::Object(name.to_owned()))?;
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let mut reader = csv::Reader::from_reader(bytes);
        let mut columns = Vec::new();
        for cell in reader.headers().map_err(CsvError::Csv)? {
            match object.field(cell) {
                Some((at, _)) => columns.push(at),
                None => {
                    return Err(CsvError::Field {
                        object: object.name.clone(),
                        field: cell.to_owned(),
                    });
                }
            }
        }
        let mut rows = Vec::new();
        for (n, record) in reader.records().enumerate() {
            let record = record.map_err(CsvError::Csv)?;
            let mut cells = Vec::with_capacity(columns.len());
            for (column, text) in columns.iter().zip(&record) {
                let field = &object.fields[*column];
                match take(field, &serde_json::Value::from(text)) {
                    Ok(Taken::Cell(cell)) => cells.push(cell),
                    Ok(Taken::Bytes(_)) => cells.push(Cell::Null),
                    Err(err) => {
                        return Err(CsvError::Row {
                            row: n + 1,
                            reason: err.to_string(),
                        });
                    }
                }
            }
            rows.push(cells);
        }
        self.load(&object, &columns, rows.into_iter(), at)
            .map_err(CsvError::Store)
    }
}
