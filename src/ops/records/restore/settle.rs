//! What became of inserts whose answer nobody has seen.
//!
//! Invariant: an insert leaves the notes only when it is known for each of its rows
//! whether it is in the org.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use serde_json::Value;

use super::{
    RestoreRefusal,
    journal::{Journal, digest},
    opener::Opener,
    upload::documents_of,
    views::CommitRows,
};
use crate::{
    client::{BulkState, IngestRows, Org},
    ledger::{InsertedRow, SentRows},
    model::{ObjectName, RecordId, Timestamp},
    ops::{
        error::{During, Error},
        records::RecordsAt,
    },
    plan::records::Table,
    records::{FieldType, RawReader, value},
    store::{ObjectId, Repository},
};

/// How much earlier than we sent a row the org may have dated it.
///
/// Own figure: the org's clock is known to a second or two.
const CLOCK: Duration = Duration::from_secs(5);

/// Settles everything that is noted as sent; gives how many rows were found in the org.
///
/// # Errors
///
/// [`RestoreRefusal::InsertUnclear`] where rows of others cannot be told from ours.
pub(super) async fn settle(
    org: &Org,
    journal: &mut Journal<'_>,
    captured: impl FnOnce() -> Result<Option<ObjectId>, Error>,
    repo: &Repository,
    lost_not_taken: bool,
) -> Result<usize, Error> {
    if journal.sent().is_empty() {
        return Ok(0);
    }
    let before = RecordsAt::open(repo, captured()?)?;
    let before = CommitRows::new(&before, &Opener::default());
    let mut n_found = 0;
    for sent in journal.sent().to_vec() {
        let target = sent.target.parse().ok();
        let target = target.filter(|it| repo.commit(*it).is_ok());
        let target = RecordsAt::open(repo, target)?;
        let known = Known {
            before: &before,
            target: &CommitRows::new(&target, &Opener::default()),
        };
        let found = match sent.job {
            Some(job) => of_job(org, &sent, job).await?,
            None => None,
        };
        let pairs = match found {
            Some(pairs) => pairs,
            None => by_query(org, journal, &sent, &known, lost_not_taken).await?,
        };
        n_found += pairs.len();
        let row_of = |id| known.target.row(&sent.object, id);
        let documents = documents_of(org, &pairs, &row_of).await?;
        let at = org.now().unwrap_or(sent.at);
        journal
            .note(at, |it| {
                it.sent.retain(|other| *other != sent);
                it.pairs.extend(pairs);
                it.pairs.extend(documents);
            })
            .await?;
    }
    before.check()?;
    Ok(n_found)
}

/// Rows that cannot be ours: they were there when the restore began, or came out of the bin.
struct Known<'r> {
    before: &'r CommitRows<'r>,
    target: &'r CommitRows<'r>,
}

impl Known<'_> {
    fn has(&self, object: &ObjectName, id: RecordId) -> bool {
        self.before.row(object, id).is_some() || self.target.row(object, id).is_some()
    }
}

/// What went in by a job; `None` where the org has forgotten the job.
async fn of_job(
    org: &Org,
    sent: &SentRows,
    job: RecordId,
) -> Result<Option<Vec<InsertedRow>>, Error> {
    let during = || format!("asking what became of job {job}");
    match org.ingest(job).await {
        Ok(it) if it.state == BulkState::Open => {
            // It was never started, and never will be.
            org.abort_ingest(job).await.during(during())?;
            return Ok(Some(Vec::new()));
        }
        Ok(_) => (),
        Err(err) if err.code() == Some("NOT_FOUND") => return Ok(None),
        Err(err) => return Err(err).during(during()),
    }
    org.await_ingest(job).await.during(during())?;
    let csv = org
        .ingest_rows(job, IngestRows::Successful)
        .await
        .during(during())?;
    Ok(Some(pairs(sent, &csv, org.now().unwrap_or(sent.at))?))
}

/// Reads which rows went in: each by the cells that it was sent with.
///
/// # Errors
///
/// A row that is none of those that were sent.
pub(super) fn pairs(sent: &SentRows, csv: &[u8], at: Timestamp) -> Result<Vec<InsertedRow>, Error> {
    let mut open: BTreeMap<&str, VecDeque<RecordId>> = BTreeMap::new();
    for row in &sent.rows {
        open.entry(&row.digest).or_default().push_back(row.old);
    }
    let strange = |reason: &str| RestoreRefusal::StrangeResults {
        job: sent.job.map_or_else(String::new, |it| it.to_string()),
        reason: reason.to_owned(),
    };
    let mut reader = RawReader::new(csv);
    let header = reader.header().map_err(RestoreRefusal::from)?;
    let place = |name: &str| header.iter().position(|it| it.eq_ignore_ascii_case(name));
    let id_at = place("sf__Id").ok_or_else(|| strange("they have no Ids"))?;
    let places: Vec<usize> = sent
        .fields
        .iter()
        .map(|it| place(it).ok_or_else(|| strange("they lack a column that was sent")))
        .collect::<Result<_, _>>()?;
    let mut pairs = Vec::new();
    while let Some(row) = reader.next_row().map_err(RestoreRefusal::from)? {
        let cell = |n: usize| String::from_utf8_lossy(row.get(n)).into_owned();
        let cells: Vec<String> = places.iter().map(|it| cell(*it)).collect();
        let key = digest(cells.iter().map(String::as_str));
        // Rows that were sent alike are alike: either Id may be either's.
        let old = open
            .get_mut(key.as_str())
            .and_then(VecDeque::pop_front)
            .ok_or_else(|| strange("they have a row that was not sent"))?;
        let new = cell(id_at)
            .parse()
            .map_err(|_| strange("a row that went in has no Id"))?;
        pairs.push(InsertedRow {
            object: sent.object.clone(),
            old,
            new,
            at,
        });
    }
    Ok(pairs)
}

/// Looks for the rows of a call that takes all or none among those that the user made since.
async fn by_query(
    org: &Org,
    journal: &Journal<'_>,
    sent: &SentRows,
    there: &Known<'_>,
    lost_not_taken: bool,
) -> Result<Vec<InsertedRow>, Error> {
    let object = &sent.object;
    let live = org
        .describe_object(object)
        .await
        .during(format!("describing {object}"))?;
    let mut fields = vec!["Id"];
    let asked = sent.fields.iter().map(String::as_str);
    fields.extend(asked.filter(|it| live.field(it).is_some()));
    let since = sent.at.before(CLOCK).to_soap();
    // Where audit fields were sent, the rows say that somebody else made them long ago.
    let ours = match sent.fields.iter().any(|it| it.starts_with("Created")) {
        true => format!("SystemModstamp >= {since}"),
        false => format!("CreatedById = '{}' AND CreatedDate >= {since}", sent.by),
    };
    let soql = format!("SELECT {} FROM {object} WHERE {ours}", fields.join(", "));
    let rows = org
        .query(&soql)
        .await
        .during(format!("looking for the rows of {object} that were sent"))?;
    let known: BTreeSet<RecordId> = journal.pairs().iter().map(|it| it.new).collect();
    let mut open: BTreeMap<&str, VecDeque<RecordId>> = BTreeMap::new();
    for row in &sent.rows {
        open.entry(&row.digest).or_default().push_back(row.old);
    }
    let (mut pairs, mut n_strange) = (Vec::new(), 0);
    for row in rows {
        let id = row
            .get("Id")
            .and_then(Value::as_str)
            .and_then(|it| it.parse().ok());
        // What was there when the restore began is none of ours.
        let is_new = |it: &RecordId| !known.contains(it) && !there.has(object, *it);
        let Some(new) = id.filter(is_new) else {
            continue;
        };
        let cells: Vec<String> = sent
            .fields
            .iter()
            .map(|it| {
                let kind = live.field(it).map_or(FieldType::String, |it| it.kind);
                value::of_json(kind, row.get(it).unwrap_or(&Value::Null))
            })
            .collect();
        let key = digest(cells.iter().map(String::as_str));
        match open.get_mut(key.as_str()).and_then(VecDeque::pop_front) {
            Some(old) => pairs.push(InsertedRow {
                object: object.clone(),
                old,
                new,
                at: sent.at,
            }),
            None => n_strange += 1,
        }
    }
    // All or none went in; automation may have changed cells, so that ours look strange.
    let is_clear = pairs.len() == sent.rows.len() || (pairs.is_empty() && n_strange == 0);
    if is_clear || lost_not_taken {
        return Ok(pairs);
    }
    Err(RestoreRefusal::InsertUnclear {
        object: object.to_string(),
        rows: sent.rows.len(),
        found: pairs.len() + n_strange,
        at: sent.at.minute(),
    }
    .into())
}

/// The rows that a job touched, and when it was made.
///
/// # Errors
///
/// A job that the org does not know, or not any more.
pub(super) async fn rows_of_job(
    org: &Org,
    job: RecordId,
) -> Result<(Vec<RecordId>, Option<Timestamp>), Error> {
    let during = || format!("asking for the rows of job {job}");
    let at = org.ingest_created(job).await.during(during())?;
    let csv = org
        .ingest_rows(job, IngestRows::Successful)
        .await
        .during(during())?;
    let mut reader = RawReader::new(csv.as_slice());
    let header = reader.header().map_err(RestoreRefusal::from)?;
    let Some(id_at) = header
        .iter()
        .position(|it| it.eq_ignore_ascii_case("sf__Id"))
    else {
        return Ok((Vec::new(), at));
    };
    let mut ids = Vec::new();
    while let Some(row) = reader.next_row().map_err(RestoreRefusal::from)? {
        let id = std::str::from_utf8(row.get(id_at)).ok();
        ids.extend(id.and_then(|it| it.parse::<RecordId>().ok()));
    }
    Ok((ids, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::SentRow;

    fn id(n: usize) -> RecordId {
        format!("001{n:012}").parse().unwrap()
    }

    #[test]
    fn rows_are_known_by_their_cells_whatever_their_order() {
        let at = "2026-11-28T07:00:00.000Z".parse().unwrap();
        let row = |n, cells: [&str; 2]| SentRow {
            old: id(n),
            digest: digest(cells),
        };
        let sent = SentRows {
            object: "Account".parse().unwrap(),
            at,
            by: id(9),
            target: String::new(),
            job: None,
            fields: vec!["Name".to_owned(), "Phone".to_owned()],
            rows: vec![row(1, ["a", "1"]), row(2, ["b", "2"]), row(3, ["b", "2"])],
        };
        let csv = format!(
            "\"sf__Id\",\"sf__Created\",Phone,Name\n\"{}\",\"true\",2,b\n\"{}\",\"true\",1,a\n\"{}\",\"true\",2,b\n",
            id(12),
            id(11),
            id(13)
        );
        let found = pairs(&sent, csv.as_bytes(), at).unwrap();
        let found: Vec<_> = found.iter().map(|it| (it.old, it.new)).collect();
        assert_eq!(found, [(id(2), id(12)), (id(1), id(11)), (id(3), id(13))]);
        let strange = format!(
            "\"sf__Id\",\"sf__Created\",Name,Phone\n\"{}\",\"true\",x,y\n",
            id(12)
        );
        assert!(pairs(&sent, strange.as_bytes(), at).is_err());
    }
}
