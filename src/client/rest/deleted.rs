//! Rows that were deleted, as the replication API tells.
//!
//! Source: REST API Developer Guide, "Get Deleted"; SOAP API Developer Guide,
//! `getDeleted()`.

use std::time::Duration;

use serde_json::Value;

use crate::{
    client::{Call, Error, Org},
    model::{ObjectName, RecordId, Timestamp},
};

/// Rows deleted in a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Ids and when each was deleted.
    pub rows: Vec<(RecordId, Timestamp)>,
    /// Nothing earlier is known.
    pub earliest: Option<Timestamp>,
    /// All that was deleted until then is in it.
    pub covered: Option<Timestamp>,
}

/// Longest span of one call.
///
/// Source: "Get Deleted": 30 days back at most.
pub const MAX_DELETED_SPAN: Duration = Duration::from_hours(30 * 24);

impl Org {
    /// Rows of `object` that were deleted from `since` until `until`, by the org's clock.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call: `INVALID_REPLICATION_DATE` for too long a span.
    pub async fn deleted(
        &self,
        object: &ObjectName,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Deleted, Error> {
        let call = Call::read("getDeleted");
        let version = self.version();
        let path = format!("/services/data/v{version}/sobjects/{object}/deleted/");
        let (start, end) = (since.to_iso(), until.to_iso());
        let query = [("start", start.as_str()), ("end", end.as_str())];
        let answer = self.get_json(call, &path, &query).await?;
        let time = |name: &str| answer.get(name)?.as_str()?.parse().ok();
        let rows = answer.get("deletedRecords").and_then(Value::as_array);
        let rows = rows.ok_or_else(|| self.unreadable(call, "it has no `deletedRecords`"))?;
        let rows = rows
            .iter()
            .map(|it| {
                let id = it.get("id")?.as_str()?.parse().ok()?;
                Some((id, it.get("deletedDate")?.as_str()?.parse().ok()?))
            })
            .collect::<Option<_>>()
            .ok_or_else(|| self.unreadable(call, "a row of it has no id or no date"))?;
        Ok(Deleted {
            rows,
            earliest: time("earliestDateAvailable"),
            covered: time("latestDateCovered"),
        })
    }
}
