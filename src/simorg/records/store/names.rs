//! What objects and fields are called in the database.

use std::fmt::Write as _;

use super::{super::Cell, StoredRow};
use crate::simorg::soql::{Field, Kind, Object};

/// The name of an object's table, quoted.
pub(in crate::simorg::records) fn table_of(object: &Object) -> String {
    match object.id {
        Some(id) => quoted(&format!("{}@{id}", object.name)),
        None => quoted(&object.name),
    }
}

/// The name of a field's column, quoted.
pub(in crate::simorg::records) fn column_of(field: &Field) -> String {
    match field.id {
        Some(id) => quoted(&format!("{}@{id}", field.name)),
        None => quoted(&field.name),
    }
}

/// Whether a field has a column of its own besides those of every table.
pub(in crate::simorg::records) fn has_column(field: &Field) -> bool {
    field.is_stored()
        && field.kind != Kind::Base64
        && !matches!(field.name.as_str(), "Id" | "IsDeleted")
}

/// How values of a field are compared for equality.
pub(in crate::simorg::records) fn collation(field: &Field) -> &'static str {
    match field.kind {
        Kind::Id | Kind::Reference => "",
        kind if kind.is_text() && !field.case_sensitive => " COLLATE NOCASE",
        _ => "",
    }
}

pub(in crate::simorg::records) fn affinity(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean | Kind::DateTime => "INTEGER",
        // Not REAL: a whole number keeps being one.
        Kind::Int | Kind::Double | Kind::Currency | Kind::Percent => "NUMERIC",
        _ => "TEXT",
    }
}

pub(in crate::simorg::records) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `SELECT` of all that [`stored`] wants, up to the table.
pub(in crate::simorg::records) fn select_all(object: &Object) -> String {
    let mut sql = "SELECT rowid, \"Id\", \"IsDeleted\"".to_owned();
    for field in object.fields.iter().filter(|it| has_column(it)) {
        let _ = write!(sql, ", {}", column_of(field));
    }
    let _ = write!(sql, " FROM {}", table_of(object));
    sql
}

/// The row that [`select_all`] gave.
pub(in crate::simorg::records) fn stored(object: &Object, cells: Vec<Cell>) -> Option<StoredRow> {
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
