//! Rows that go in together with their file, one call each.
//!
//! The first version of a file makes its document; the later ones, in their order, go
//! to that one, whose Id is asked for and noted like that of an inserted row.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    apply::Run,
    look,
    send::{Outgoing, Sent},
};
use crate::{
    client::{Org, RowError, Upload},
    ledger::InsertedRow,
    model::{ObjectName, RecordId, Timestamp},
    ops::error::{During, Error},
    plan::records::Item,
    records::{Row, body::BodyRule},
};

/// The object whose rows are versions of documents.
pub(super) const VERSION: &str = "ContentVersion";

/// The object that is made by its first version.
const DOCUMENT: &str = "ContentDocument";

/// The field of a version with its document.
const OF_DOCUMENT: &str = "ContentDocumentId";

/// The field of a version that links a new document to a row.
const FIRST_LINK: &str = "FirstPublishLocationId";

impl Run<'_, '_> {
    /// Inserts rows with their files, the oldest first.
    pub(super) async fn upload(
        &mut self,
        object: &ObjectName,
        mut rows: Vec<(&Item, Outgoing)>,
    ) -> Result<(), Error> {
        let Some(rule) = BodyRule::of(object.as_str()) else {
            return Ok(());
        };
        let made = |item: &Item| {
            let made = item.then.as_ref().and_then(|it| it.get(rule.made));
            (made.unwrap_or_default().to_owned(), item.id)
        };
        rows.sort_by_key(|(item, _)| made(item));
        let mut there = self.documents_there(&rows).await?;
        for (item, mut row) in rows {
            let Some(kept) = self.facts().bodies.get(&item.id).cloned() else {
                continue;
            };
            let document = document_of(item);
            if let Some(old) = document {
                let now = self.latest(old);
                row.cells.retain(|(field, _)| *field != OF_DOCUMENT);
                if there.contains(&now) {
                    row.cells.retain(|(field, _)| *field != FIRST_LINK);
                    let field = OF_DOCUMENT.parse().expect("a literal name is valid");
                    row.cells.push((field, now.to_string()));
                }
            }
            let upload = Upload {
                field: rule.field,
                name: file_name(item, rule),
                file: Arc::new(self.open_body(&kept)?),
            };
            let sent = self.sender(object)?.upload(row, &upload).await?;
            let is_in = !sent.taken.is_empty();
            self.wrote(1);
            self.inserted(object, sent);
            if is_in && object.as_str() == VERSION {
                self.note_document(item).await?;
                there.extend(document.map(|it| self.latest(it)));
            }
        }
        Ok(())
    }

    /// The documents of these versions that the org has.
    async fn documents_there(
        &self,
        rows: &[(&Item, Outgoing)],
    ) -> Result<BTreeSet<RecordId>, Error> {
        let ids: BTreeSet<_> = rows
            .iter()
            .filter_map(|(item, _)| document_of(item))
            .map(|it| self.latest(it))
            .collect();
        let ids: Vec<_> = ids.into_iter().collect();
        let select = format!("SELECT Id FROM {DOCUMENT}");
        let rows = look::by_ids(self.org(), &select, "", &ids, false)
            .await
            .during("looking for the documents of the files")?;
        let ids = rows
            .iter()
            .filter_map(|it| it.get("Id")?.as_str()?.parse().ok());
        Ok(ids.collect())
    }

    /// Notes the document that the version `item` has made.
    async fn note_document(&mut self, item: &Item) -> Result<(), Error> {
        let Some(old) = document_of(item) else {
            return Ok(());
        };
        let new = document_now(self.org(), self.latest(item.id)).await?;
        let Some(new) = new.filter(|it| *it != self.latest(old)) else {
            return Ok(());
        };
        self.note_pair(document_pair(old, new, self.now())).await
    }
}

/// The document that the version `id` is of.
pub(super) async fn document_now(org: &Org, id: RecordId) -> Result<Option<RecordId>, Error> {
    let soql = format!("SELECT {OF_DOCUMENT} FROM {VERSION} WHERE Id = '{id}'");
    let rows = org
        .query(&soql)
        .await
        .during("asking for the document of a file")?;
    let id = rows.first().and_then(|it| it.get(OF_DOCUMENT)?.as_str());
    Ok(id.and_then(|it| it.parse().ok()))
}

/// The documents of versions that went in, in place of those that `row_of` tells.
pub(super) async fn documents_of(
    org: &Org,
    versions: &[InsertedRow],
    row_of: &dyn Fn(RecordId) -> Option<Row>,
) -> Result<Vec<InsertedRow>, Error> {
    let mut pairs = Vec::new();
    for it in versions.iter().filter(|it| it.object == *VERSION) {
        let row = row_of(it.old);
        let old = row
            .as_ref()
            .and_then(|it| it.get(OF_DOCUMENT)?.parse().ok());
        if let (Some(old), Some(new)) = (old, document_now(org, it.new).await?)
            && old != new
        {
            pairs.push(document_pair(old, new, it.at));
        }
    }
    Ok(pairs)
}

fn document_pair(old: RecordId, new: RecordId, at: Timestamp) -> InsertedRow {
    InsertedRow {
        object: DOCUMENT.parse().expect("a literal name is valid"),
        old,
        new,
        at,
    }
}

fn document_of(item: &Item) -> Option<RecordId> {
    item.then.as_ref()?.get(OF_DOCUMENT)?.parse().ok()
}

fn file_name(item: &Item, rule: &BodyRule) -> String {
    let name = item.then.as_ref().and_then(|it| it.get(rule.name));
    name.filter(|it| !it.is_empty())
        .unwrap_or("file")
        .to_owned()
}

/// What a row came to that went in with its file, or did not.
pub(super) fn sent(object: &ObjectName, row: &Outgoing, errors: &[RowError], is_in: bool) -> Sent {
    let mut sent = Sent::default();
    if is_in {
        sent.taken.push(row.old);
    } else {
        let failed = super::report::FailedRow::new(object, row.old, "insert", errors);
        sent.failed.push(failed);
    }
    sent
}
