//! Rows as batches bring them.

use serde_json::{Map, Value, json};

use super::{
    super::{Dialect, InvalidBatch, columns::Columns},
    Content,
};
use crate::{
    simorg::{rest::Desk, soql::Object},
    xml::{self, Element},
};

/// A record by names of fields, as the REST API would be given it.
pub(super) type Record = Map<String, Value>;

/// The rows of a batch about `object`.
///
/// # Errors
///
/// [`InvalidBatch`] for what is no rows of this kind.
pub(super) fn records(
    desk: &Desk<'_>,
    content: Content,
    object: &Object,
    bytes: &[u8],
) -> Result<Vec<Record>, InvalidBatch> {
    match content {
        Content::Json => serde_json::from_slice(bytes)
            .map_err(|err| InvalidBatch::new(&format!("Failed to parse JSON: {err}"))),
        Content::Xml => {
            let root = xml::parse(bytes)
                .map_err(|err| InvalidBatch::new(&format!("Failed to parse XML: {err}")))?
                .root;
            Ok(root.elements_named("sObject").map(record).collect())
        }
        Content::Csv => csv(desk, object, bytes),
    }
}

fn csv(desk: &Desk<'_>, object: &Object, bytes: &[u8]) -> Result<Vec<Record>, InvalidBatch> {
    let mut rows = Dialect::default().rows(bytes);
    // The reader of rows leaves the header out, and reads it as a row of an upload.
    let end = bytes.iter().position(|it| *it == b'\n');
    let header = String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]);
    let cells = Dialect::default().header(header.trim_end_matches('\r'))?;
    let bench = desk.bench();
    let columns = Columns::read(&cells, object, |name| {
        bench.object(name).or_else(|| bench.setup.object(name))
    })?;
    let mut records = Vec::new();
    rows.try_for_each(|cells| {
        records.push(columns.record(&cells?)?);
        Ok(())
    })?;
    Ok(records)
}

/// `<sObject><Name>A</Name><Owner><sObject><Ext__c>7</Ext__c></sObject></Owner></sObject>`.
fn record(element: &Element) -> Record {
    let mut record = Map::new();
    for part in element.elements() {
        let value = match part.child("sObject") {
            Some(parent) => {
                let mut parent = self::record(parent);
                if let Some(kind) = parent.remove("type") {
                    parent.insert("attributes".to_owned(), json!({"type": kind}));
                }
                Value::Object(parent)
            }
            None if part.is_nil() => Value::Null,
            None => Value::from(part.text().as_ref()),
        };
        record.insert(part.local_name().to_owned(), value);
    }
    record
}
