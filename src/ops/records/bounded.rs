//! Objects that answer a query only where it names the rows that it is about.
//!
//! Their rows are asked for by the Ids of another object, so many at a time as a URL
//! takes; they have no changes of their own to ask for, so each read is one of all.

use super::{
    fetch::{Fetched, Fetcher, Rows},
    scope::{self, Target},
    sorter::Sorter,
};
use crate::{
    model::{ObjectName, RecordId, Timestamp},
    ops::error::Error,
    records::Choice,
};

/// An object that is asked for by another.
pub(super) struct Bound {
    object: &'static str,
    /// The field that must be filtered.
    by: &'static str,
    /// The object whose Ids stand in it.
    of: &'static str,
}

/// Source: Object Reference, "ContentDocumentLink": a query is to be filtered on Id,
/// `ContentDocumentId` or `LinkedEntityId`.
const BOUND: [Bound; 1] = [Bound {
    object: "ContentDocumentLink",
    by: "ContentDocumentId",
    of: "ContentDocument",
}];

/// Room that the Ids may take in a query, which has columns as well.
const IDS_BYTES: usize = 8_000;

impl Bound {
    /// How `object` is asked for; `None` where it answers any query.
    pub(super) fn of(object: &ObjectName) -> Option<&'static Self> {
        BOUND.iter().find(|it| *object == it.object)
    }

    /// The conditions that reach all rows, each short enough for a call.
    pub(super) async fn conditions(&self, fetcher: &Fetcher<'_>) -> Result<Vec<String>, Error> {
        let of: ObjectName = self.of.parse().expect("a literal name is valid");
        let soql = format!("SELECT Id FROM {of}");
        let ids: Vec<RecordId> = fetcher
            .ids(&of, &soql, Rows::There)
            .await?
            .into_iter()
            .collect();
        // Quotes and a comma; the quotes take three bytes each in a URL.
        let n_ids = IDS_BYTES / (18 + 3 + 3 + 3);
        let conditions = ids.chunks(n_ids).map(|ids| {
            let list: Vec<_> = ids.iter().map(|it| format!("'{it}'")).collect();
            format!("{} IN ({})", self.by, list.join(","))
        });
        Ok(conditions.collect())
    }

    /// Fetches all rows.
    pub(super) async fn rows(
        &self,
        fetcher: &Fetcher<'_>,
        target: &Target,
        choice: &Choice,
        mut sorter: Sorter,
    ) -> Result<Fetched, Error> {
        let at = fetcher.org.now().unwrap_or(Timestamp::UNKNOWN);
        for condition in self.conditions(fetcher).await? {
            let soql = scope::query(target, choice, &[condition]);
            sorter = fetcher.rest(&soql, sorter).await?.sorter;
        }
        Ok(Fetched {
            sorter,
            at,
            job: None,
        })
    }

    /// How many rows there are.
    pub(super) async fn count(
        &self,
        fetcher: &Fetcher<'_>,
        target: &Target,
    ) -> Result<Option<u64>, Error> {
        let mut n_rows = 0;
        for condition in self.conditions(fetcher).await? {
            let soql = scope::select(&target.name, "COUNT(Id) n", target, &[condition]);
            match fetcher.count(&soql).await? {
                Some(n) => n_rows += n,
                None => return Ok(None),
            }
        }
        Ok(Some(n_rows))
    }
}
