//! Records from a CSV file: RFC 4180, first line the names of fields.

use serde_json::{Map, Value};

use super::{Records, records};
use crate::{
    model::{RecordId, Stamp},
    simorg::{SimOrg, soql::Kind},
};

/// A CSV file that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// It is not UTF-8.
    #[error("the file is not UTF-8")]
    Encoding,
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
}

impl Records {
    /// Puts the rows of a CSV file into the object `name`.
    ///
    /// A row with an `Id` keeps it. Empty cells are no values.
    ///
    /// # Errors
    ///
    /// [`CsvError`]; rows before the one it names are there.
    pub fn load_csv(
        &mut self,
        org: &mut SimOrg,
        name: &str,
        bytes: &[u8],
        stamp: &Stamp,
    ) -> Result<usize, CsvError> {
        let object = records::object(org, name).ok_or_else(|| CsvError::Object(name.to_owned()))?;
        let text = std::str::from_utf8(bytes).map_err(|_| CsvError::Encoding)?;
        let mut rows = rows(text.strip_prefix('\u{feff}').unwrap_or(text)).into_iter();
        let mut fields = Vec::new();
        for cell in rows.next().unwrap_or_default() {
            match object.field(&cell) {
                Some((_, field)) => fields.push(field.clone()),
                None => {
                    return Err(CsvError::Field {
                        object: object.name,
                        field: cell,
                    });
                }
            }
        }
        let mut loaded = 0;
        for (at, cells) in rows.enumerate() {
            let refuse = |reason: String| CsvError::Row {
                row: at + 1,
                reason,
            };
            if cells.len() != fields.len() {
                let reason = format!("{} cells instead of {}", cells.len(), fields.len());
                return Err(refuse(reason));
            }
            let mut id: Option<RecordId> = None;
            let mut values = Map::new();
            for (field, cell) in fields.iter().zip(cells).filter(|(_, it)| !it.is_empty()) {
                if field.name == "Id" {
                    id = Some(
                        cell.parse()
                            .map_err(|_| refuse(format!("`{cell}` is no id")))?,
                    );
                } else if field.writable {
                    let number = || cell.parse::<f64>().ok().map(Value::from);
                    let value = match field.kind {
                        kind if kind.is_number() => {
                            number().ok_or_else(|| refuse(format!("`{cell}` is no number")))?
                        }
                        Kind::Boolean => Value::from(matches!(cell.as_str(), "true" | "1")),
                        _ => Value::from(cell),
                    };
                    values.insert(field.name.clone(), value);
                }
            }
            if let Some(id) = id {
                self.put(&object, id, &values, stamp);
            } else {
                let number = org.next_number();
                self.insert(&object, &values, stamp, number)
                    .map_err(|err| refuse(err.to_string()))?;
            }
            loaded += 1;
        }
        Ok(loaded)
    }
}

/// The cells of each row.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut cell = String::new();
    let mut is_quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(it) = chars.next() {
        match it {
            '"' if is_quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !is_quoted && chars.peek() == Some(&'\n') => (),
            '\n' if !is_quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            other => cell.push(other),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows.retain(|it| it.len() != 1 || !it[0].is_empty());
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_keep_commas_quotes_and_lines() {
        assert_eq!(
            rows("a,b\r\n\"x, \"\"y\"\"\",\"1\n2\"\n\nlast,"),
            [["a", "b"], ["x, \"y\"", "1\n2"], ["last", ""]]
        );
    }
}
