//! Reading what changed since the last read of an object.
//!
//! `SystemModstamp` tells, from the start of the last complete read by the org's
//! own clock less an overlap; deletions come from the replication API, or from a
//! query that sees deleted rows. Formulas and hard deletes leave no trace: a full
//! pass at an interval finds those.

use std::{collections::BTreeSet, time::Duration};

use super::{
    fetch::{Fetched, Fetcher, Rows},
    scope::{self, Target},
    sorter::Sorter,
};
use crate::{
    client::{self, MAX_DELETED_SPAN},
    model::{RecordId, Timestamp},
    ops::error::Error,
    records::Choice,
};

/// How far a read reaches back behind the start of the one before.
///
/// Own figure: a transaction may be open for ten minutes, and its rows appear
/// with the time at which they were written.
const OVERLAP: Duration = Duration::from_mins(12);

/// More changed rows than that come by a job.
const REST_ROWS: u64 = 10_000;

/// What changed.
pub(super) struct Changed {
    pub(super) fetched: Fetched,
    /// Rows that are gone, or do not meet the condition any more.
    pub(super) gone: BTreeSet<RecordId>,
}

/// Whether a read of the changes can tell all.
pub(super) fn is_possible(choice: &Choice) -> bool {
    let has = |name: &str| choice.schema.field(name).is_some();
    has("SystemModstamp") && (choice.schema.replicateable || has("IsDeleted"))
}

/// Reads what changed since `since`; `None` where the org cannot tell, so that all must be read.
pub(super) async fn changed(
    fetcher: &Fetcher<'_>,
    target: &Target,
    choice: &Choice,
    since: Timestamp,
    sorter: Sorter,
) -> Result<Option<Changed>, Error> {
    let from = since.before(OVERLAP);
    let later = format!("SystemModstamp >= {}", from.to_soap());
    // What comes back after it was deleted is in the second answer.
    let Some((mut gone, covered)) = deleted(fetcher, target, choice, from).await? else {
        return Ok(None);
    };
    if target.condition.is_some() {
        let everywhere = Target {
            condition: None,
            ..target.clone()
        };
        let soql = scope::select(
            &target.name,
            "Id",
            &everywhere,
            std::slice::from_ref(&later),
        );
        gone.extend(fetcher.ids(&target.name, &soql, Rows::There).await?);
    }
    let soql = scope::query(target, choice, &[later]);
    let mut rows = fetcher.few_or_bulk(&soql, sorter, REST_ROWS).await?;
    // What was deleted later than the answer covers is asked for again.
    rows.at = covered.map_or(rows.at, |it| it.min(rows.at));
    Ok(Some(Changed {
        fetched: rows,
        gone,
    }))
}

/// Rows deleted since `from`, and until when that is all; `None` where the org cannot tell.
async fn deleted(
    fetcher: &Fetcher<'_>,
    target: &Target,
    choice: &Choice,
    from: Timestamp,
) -> Result<Option<(BTreeSet<RecordId>, Option<Timestamp>)>, Error> {
    let now = fetcher.org.now().unwrap_or(Timestamp::UNKNOWN);
    if now.since(from) >= MAX_DELETED_SPAN {
        return Ok(None);
    }
    if choice.schema.replicateable {
        let until = now.after(Duration::from_mins(1));
        match fetcher.org.deleted(&target.name, from, until).await {
            Ok(answer) if answer.earliest.is_some_and(|it| it > from) => return Ok(None),
            Ok(answer) => {
                let gone = answer.rows.iter().map(|(id, _)| *id).collect();
                return Ok(Some((gone, answer.covered)));
            }
            Err(client::Error::Fault { code, .. }) if code != "REQUEST_LIMIT_EXCEEDED" => {
                // It does not know the object after all, or does not reach so far.
            }
            Err(err) => return Err(err.into()),
        }
    }
    if choice.schema.field("IsDeleted").is_none() {
        return Ok(None);
    }
    let soql = format!(
        "SELECT Id FROM {} WHERE IsDeleted = true AND SystemModstamp >= {}",
        target.name,
        from.to_soap()
    );
    let gone = fetcher.ids(&target.name, &soql, Rows::All).await?;
    Ok(Some((gone, None)))
}
