//! Sends rows: updates and inserts, few by collections and many by a job.
//!
//! Invariant: an insert is noted before it is sent. A job is noted before it is
//! started; a call takes all of its rows or none, so that a lost answer has two
//! meanings and not many.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    RestoreRefusal,
    journal::{Journal, digest},
    report::FailedRow,
    settle::pairs,
    upload,
};
use crate::{
    client::{
        self, Ingest, IngestRows, MAX_COLLECTION, Org, RowError, RowResult, Together, ingest_error,
    },
    ledger::{InsertedRow, SentRow, SentRows},
    model::{FieldName, ObjectName, RecordId, Timestamp},
    ops::error::{During, Error},
    plan::records::{MAX_BULK_CELL, to_json},
    records::{RawReader, Schema, csv_line},
};

/// More rows than that go by a job.
///
/// Own figure: three calls of a collection cost less than a job, which takes six and waits.
const FEW: usize = 600;

/// Rows of one job; the platform works on 10,000 at a time.
///
/// Source: Bulk API 2.0 limits.
const ROWS_PER_JOB: usize = 10_000;

/// Longest content of one job that we make; the platform takes more.
const BYTES_PER_JOB: usize = 40_000_000;

/// How often a row that somebody else has is tried again, by itself.
const LOCK_TRIES: u32 = 5;

/// A row to send.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// Its Id in the snapshot.
    pub(super) old: RecordId,
    /// Its Id in the org; the same as `old` for a row that is to be inserted.
    pub(super) now: RecordId,
    /// What is written.
    pub(super) cells: Vec<(FieldName, String)>,
}

/// What became of rows.
#[derive(Debug, Default)]
pub(super) struct Sent {
    pub(super) taken: Vec<RecordId>,
    pub(super) failed: Vec<FailedRow>,
}

/// Sends rows of one object.
pub(super) struct Sender<'a, 'j> {
    pub(super) org: &'a Org,
    pub(super) user: RecordId,
    /// The commit that is restored.
    pub(super) target: &'a str,
    pub(super) live: &'a Schema,
    pub(super) journal: &'a mut Journal<'j>,
}

impl Sender<'_, '_> {
    fn object(&self) -> &ObjectName {
        &self.live.name
    }

    fn now(&self) -> Timestamp {
        self.org.now().unwrap_or(Timestamp::UNKNOWN)
    }

    /// Updates rows.
    pub(super) async fn update(&mut self, rows: Vec<Outgoing>) -> Result<Sent, Error> {
        let mut sent = Sent::default();
        let mut rest = rows;
        if rest.len() > FEW {
            let (many, few): (Vec<_>, Vec<_>) = rest.into_iter().partition(fits_a_job);
            rest = few;
            for rows in jobs(&many) {
                match self.update_by_job(rows).await? {
                    Some(mut done) => {
                        sent.taken.append(&mut done.taken);
                        sent.failed.append(&mut done.failed);
                    }
                    // Bulk does not know the object.
                    None => rest.extend(rows.iter().cloned()),
                }
            }
        }
        let mut locked = Vec::new();
        for rows in rest.chunks(MAX_COLLECTION) {
            for (row, result) in rows.iter().zip(self.update_call(rows).await?) {
                match is_locked(&result) {
                    true => locked.push(row.clone()),
                    false => self.count(&mut sent, row, "update", &result),
                }
            }
        }
        // One after the other, so that they do not lock each other out.
        for row in locked {
            let result = self.update_locked(&row).await?;
            self.count(&mut sent, &row, "update", &result);
        }
        Ok(sent)
    }

    async fn update_locked(&self, row: &Outgoing) -> Result<RowResult, Error> {
        let mut wait = self.org.options().retry.first;
        let mut tries = 0;
        loop {
            tokio::time::sleep(wait).await;
            let results = self.update_call(std::slice::from_ref(row)).await?;
            let result = results.into_iter().next().unwrap_or_default();
            tries += 1;
            if !is_locked(&result) || tries == LOCK_TRIES {
                return Ok(result);
            }
            wait = (wait * 2).min(self.org.options().retry.longest);
        }
    }

    async fn update_call(&self, rows: &[Outgoing]) -> Result<Vec<RowResult>, Error> {
        let records = rows.iter().map(|row| {
            let mut record = to_json(self.live, &row.cells);
            record.insert("Id".to_owned(), row.now.as_str().into());
            record
        });
        let results = self.org.update_rows(self.object(), records.collect()).await;
        refused_as_rows(results, rows.len()).during(format!(
            "updating {} rows of {}",
            rows.len(),
            self.object()
        ))
    }

    async fn update_by_job(&mut self, rows: &[Outgoing]) -> Result<Option<Sent>, Error> {
        let during = format!("updating {} rows of {} by a job", rows.len(), self.object());
        let job = match self.org.create_ingest(self.object(), Ingest::Update).await {
            Ok(job) => job.id,
            Err(client::Error::Fault { .. }) => return Ok(None),
            Err(err) => return Err(err).during(during),
        };
        let fields = fields_of(rows);
        let mut csv = csv_line(
            ["Id"]
                .into_iter()
                .chain(fields.iter().map(FieldName::as_str)),
        );
        for row in rows {
            let cells = fields.iter().map(|field| {
                let cell = row.cells.iter().find(|(name, _)| name == field);
                match cell {
                    Some((_, cell)) if cell.is_empty() => "#N/A",
                    Some((_, cell)) => cell,
                    // An empty cell leaves the field as it is.
                    None => "",
                }
            });
            csv.push_str(&csv_line([row.now.as_str()].into_iter().chain(cells)));
        }
        self.run_job(job, &csv).await.during(during.as_str())?;
        let by_now: BTreeMap<_, _> = rows.iter().map(|it| (it.now, it)).collect();
        let by_now = |id: RecordId| by_now.get(&id).copied();
        let mut sent = Sent::default();
        let successes = self.org.ingest_rows(job, IngestRows::Successful).await;
        for (id, _) in results(&successes.during(during.as_str())?)? {
            sent.taken.extend(id.and_then(by_now).map(|it| it.old));
        }
        let failures = self.org.ingest_rows(job, IngestRows::Failed).await;
        let mut locked = Vec::new();
        for (id, error) in results(&failures.during(during.as_str())?)? {
            let Some(row) = id.and_then(by_now) else {
                continue;
            };
            let error = ingest_error(&error);
            match error.is_lock() {
                true => locked.push(row.clone()),
                false => {
                    sent.failed
                        .push(FailedRow::new(self.object(), row.old, "update", &[error]));
                }
            }
        }
        let told: BTreeSet<_> = sent
            .taken
            .iter()
            .copied()
            .chain(sent.failed.iter().map(|it| it.id))
            .collect();
        // Rows that the job never came to, and those that were locked.
        for row in rows.iter().filter(|it| !told.contains(&it.old)) {
            let result = self.update_locked(row).await?;
            self.count(&mut sent, row, "update", &result);
        }
        Ok(Some(sent))
    }

    /// Inserts rows; their new Ids are in the notes when this returns.
    pub(super) async fn insert(&mut self, rows: Vec<Outgoing>) -> Result<Sent, Error> {
        let mut sent = Sent::default();
        let mut rest = rows;
        if rest.len() > FEW {
            let (many, few): (Vec<_>, Vec<_>) = rest.into_iter().partition(fits_a_job);
            rest = few;
            for rows in jobs(&many) {
                match self.insert_by_job(rows).await? {
                    Some((mut done, mut again)) => {
                        sent.taken.append(&mut done.taken);
                        sent.failed.append(&mut done.failed);
                        rest.append(&mut again);
                    }
                    None => rest.extend(rows.iter().cloned()),
                }
            }
        }
        let mut locked = Vec::new();
        for rows in rest.chunks(MAX_COLLECTION) {
            locked.append(&mut self.insert_call(rows.to_vec(), &mut sent).await?);
        }
        let mut wait = self.org.options().retry.first;
        for tries in 1..=LOCK_TRIES {
            if locked.is_empty() {
                break;
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(self.org.options().retry.longest);
            let mut still = Vec::new();
            for row in locked {
                still.append(&mut self.insert_call(vec![row], &mut sent).await?);
            }
            if tries == LOCK_TRIES {
                sent.failed.extend(still.iter().map(|it| {
                    let error = RowError {
                        code: "UNABLE_TO_LOCK_ROW".to_owned(),
                        message: "unable to obtain exclusive access to this record".to_owned(),
                        fields: Vec::new(),
                    };
                    FailedRow::new(&self.live.name, it.old, "insert", &[error])
                }));
                break;
            }
            locked = still;
        }
        Ok(sent)
    }

    /// Inserts rows by calls that take all or none, leaving out those that are refused; gives
    /// those that somebody else had.
    async fn insert_call(
        &mut self,
        rows: Vec<Outgoing>,
        sent: &mut Sent,
    ) -> Result<Vec<Outgoing>, Error> {
        let mut rows = rows;
        let mut locked = Vec::new();
        while !rows.is_empty() {
            let during = format!("inserting {} rows of {}", rows.len(), self.object());
            let note = self.sent_rows(&rows, None);
            self.journal
                .note(note.at, |it| it.sent.push(note.clone()))
                .await?;
            let records = rows
                .iter()
                .map(|it| to_json(self.live, &it.cells))
                .collect();
            let results = self
                .org
                .insert_rows(&self.live.name, records, Together::All)
                .await;
            let results = refused_as_rows(results, rows.len()).during(during)?;
            let are_in = results.iter().all(RowResult::is_taken);
            let at = self.now();
            let pairs: Vec<_> = rows
                .iter()
                .zip(&results)
                .filter(|_| are_in)
                .filter_map(|(row, result)| {
                    Some(InsertedRow {
                        object: self.live.name.clone(),
                        old: row.old,
                        new: result.id?,
                        at,
                    })
                })
                .collect();
            sent.taken.extend(pairs.iter().map(|it| it.old));
            self.journal
                .note(at, |it| {
                    it.sent.retain(|other| *other != note);
                    it.pairs.extend(pairs);
                })
                .await?;
            if are_in {
                break;
            }
            let before = rows.len();
            let mut again = Vec::new();
            for (row, result) in rows.into_iter().zip(&results) {
                let code = result.errors.first().map(|it| it.code.as_str());
                if result.is_taken() || code == Some(RowError::ROLLED_BACK) {
                    again.push(row);
                } else if is_locked(result) {
                    locked.push(row);
                } else {
                    let failed = FailedRow::new(&self.live.name, row.old, "insert", &result.errors);
                    sent.failed.push(failed);
                }
            }
            rows = again;
            if rows.len() == before {
                // All rows went out again for none of them: nothing would come of another try.
                let error = RowError {
                    code: RowError::ROLLED_BACK.to_owned(),
                    message: "the org took none of the rows and names no reason".to_owned(),
                    fields: Vec::new(),
                };
                sent.failed.extend(rows.iter().map(|it| {
                    FailedRow::new(
                        &self.live.name,
                        it.old,
                        "insert",
                        std::slice::from_ref(&error),
                    )
                }));
                break;
            }
        }
        Ok(locked)
    }

    /// Inserts rows by a job; gives also those that are to be sent again. `None` where Bulk
    /// does not know the object.
    async fn insert_by_job(
        &mut self,
        rows: &[Outgoing],
    ) -> Result<Option<(Sent, Vec<Outgoing>)>, Error> {
        let during = format!(
            "inserting {} rows of {} by a job",
            rows.len(),
            self.object()
        );
        let job = match self.org.create_ingest(self.object(), Ingest::Insert).await {
            Ok(job) => job.id,
            Err(client::Error::Fault { .. }) => return Ok(None),
            Err(err) => return Err(err).during(during),
        };
        let note = self.sent_rows(rows, Some(job));
        // From here on the job can be asked what went in, whoever asks.
        self.journal
            .note(note.at, |it| it.sent.push(note.clone()))
            .await?;
        let mut csv = csv_line(note.fields.iter().map(String::as_str));
        for row in rows {
            csv.push_str(&csv_line(cells_in(&note.fields, row)));
        }
        self.run_job(job, &csv).await.during(during.as_str())?;
        let successes = self.org.ingest_rows(job, IngestRows::Successful).await;
        let failures = self.org.ingest_rows(job, IngestRows::Failed).await;
        let found = pairs(&note, &successes.during(during.as_str())?, self.now())?;
        let failures = failures.during(during.as_str())?;
        let mut sent = Sent {
            taken: found.iter().map(|it| it.old).collect(),
            failed: Vec::new(),
        };
        let taken: BTreeSet<_> = sent.taken.iter().copied().collect();
        self.journal
            .note(self.now(), |it| {
                it.sent.retain(|other| *other != note);
                it.pairs.extend(found);
            })
            .await?;
        let mut open: BTreeMap<&str, Vec<&Outgoing>> = BTreeMap::new();
        for (row, outgoing) in note.rows.iter().zip(rows) {
            if !taken.contains(&row.old) {
                open.entry(&row.digest).or_default().push(outgoing);
            }
        }
        for (key, error) in failed_rows(&note, &failures)? {
            if error.is_lock() {
                continue;
            }
            if let Some(row) = open.get_mut(key.as_str()).and_then(Vec::pop) {
                let failed = FailedRow::new(self.object(), row.old, "insert", &[error]);
                sent.failed.push(failed);
            }
        }
        // Locked rows, and those that the job never came to: by calls, which are few.
        let again = open.into_values().flatten().cloned().collect();
        Ok(Some((sent, again)))
    }

    /// Inserts one row with its file; its new Id is in the notes when this returns.
    pub(super) async fn upload(
        &mut self,
        row: Outgoing,
        file: &client::Upload,
    ) -> Result<Sent, Error> {
        let during = format!("uploading the file {}", row.old);
        let record = to_json(self.live, &row.cells);
        let mut wait = self.org.options().retry.first;
        let mut tries = 0;
        loop {
            let note = self.sent_rows(std::slice::from_ref(&row), None);
            self.journal
                .note(note.at, |it| it.sent.push(note.clone()))
                .await?;
            let result = self.org.insert_with_body(&self.live.name, &record, file);
            let result = result.await.during(during.as_str())?;
            let at = self.now();
            let pair = result.id.filter(|_| result.is_taken());
            let pair = pair.map(|new| InsertedRow {
                object: self.live.name.clone(),
                old: row.old,
                new,
                at,
            });
            let is_in = pair.is_some();
            self.journal
                .note(at, |it| {
                    it.sent.retain(|other| *other != note);
                    it.pairs.extend(pair);
                })
                .await?;
            tries += 1;
            if !is_locked(&result) || tries == LOCK_TRIES {
                return Ok(upload::sent(&self.live.name, &row, &result.errors, is_in));
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(self.org.options().retry.longest);
        }
    }

    async fn run_job(&self, job: RecordId, csv: &str) -> Result<(), client::Error> {
        self.org.fill_ingest(job, csv).await?;
        self.org.start_ingest(job).await?;
        self.org.await_ingest(job).await.map(drop)
    }

    fn sent_rows(&self, rows: &[Outgoing], job: Option<RecordId>) -> SentRows {
        let fields: Vec<String> = fields_of(rows).iter().map(ToString::to_string).collect();
        SentRows {
            object: self.live.name.clone(),
            at: self.now(),
            by: self.user,
            target: self.target.to_owned(),
            job,
            rows: rows
                .iter()
                .map(|row| SentRow {
                    old: row.old,
                    digest: digest(cells_in(&fields, row)),
                })
                .collect(),
            fields,
        }
    }

    fn count(&self, sent: &mut Sent, row: &Outgoing, act: &'static str, result: &RowResult) {
        if result.is_taken() {
            sent.taken.push(row.old);
        } else {
            let failed = FailedRow::new(&self.live.name, row.old, act, &result.errors);
            sent.failed.push(failed);
        }
    }
}

/// A call that was refused as a whole refuses each of its rows.
fn refused_as_rows(
    results: Result<Vec<RowResult>, client::Error>,
    n_rows: usize,
) -> Result<Vec<RowResult>, client::Error> {
    match results {
        Err(client::Error::Fault { code, message, .. }) if !is_of_the_whole(&code) => {
            let error = RowError {
                code,
                message,
                fields: Vec::new(),
            };
            let refused = RowResult {
                id: None,
                errors: vec![error],
            };
            Ok(vec![refused; n_rows])
        }
        other => other,
    }
}

/// Whether a refusal says nothing of the rows.
fn is_of_the_whole(code: &str) -> bool {
    matches!(
        code,
        "INVALID_SESSION_ID"
            | "REQUEST_LIMIT_EXCEEDED"
            | "SERVER_UNAVAILABLE"
            | "API_DISABLED_FOR_ORG"
            | "API_CURRENTLY_DISABLED"
            | "UNKNOWN_EXCEPTION"
    )
}

fn is_locked(result: &RowResult) -> bool {
    result.errors.first().is_some_and(RowError::is_lock)
}

/// Whether a row can stand in the CSV of a job.
///
/// `#N/A` would be read as null, and longer cells are refused.
fn fits_a_job(row: &Outgoing) -> bool {
    let mut cells = row.cells.iter();
    cells.all(|(_, cell)| cell != "#N/A" && cell.chars().count() <= MAX_BULK_CELL)
}

/// Rows in lots of which each fits into one job.
fn jobs(rows: &[Outgoing]) -> Vec<&[Outgoing]> {
    let mut lots = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (n, row) in rows.iter().enumerate() {
        let size: usize = row.cells.iter().map(|(_, it)| it.len() + 8).sum();
        if n > start && (n - start == ROWS_PER_JOB || bytes + size > BYTES_PER_JOB) {
            lots.push(&rows[start..n]);
            (start, bytes) = (n, 0);
        }
        bytes += size;
    }
    if start < rows.len() {
        lots.push(&rows[start..]);
    }
    lots
}

fn fields_of(rows: &[Outgoing]) -> Vec<FieldName> {
    let fields: BTreeSet<_> = rows
        .iter()
        .flat_map(|row| row.cells.iter().map(|(name, _)| name))
        .collect();
    fields.into_iter().cloned().collect()
}

fn cells_in<'r>(fields: &[String], row: &'r Outgoing) -> Vec<&'r str> {
    let cell = |field: &String| {
        let mut cells = row.cells.iter();
        cells
            .find(|(name, _)| name.as_str() == field)
            .map_or("", |(_, cell)| cell.as_str())
    };
    fields.iter().map(cell).collect()
}

/// Id and error of each row of results.
fn results(csv: &[u8]) -> Result<Vec<(Option<RecordId>, String)>, Error> {
    let mut reader = RawReader::new(csv);
    let header = reader.header().map_err(RestoreRefusal::from)?;
    let place = |name: &str| header.iter().position(|it| it.eq_ignore_ascii_case(name));
    let (id_at, own_at, error_at) = (place("sf__Id"), place("Id"), place("sf__Error"));
    let mut all = Vec::new();
    while let Some(row) = reader.next_row().map_err(RestoreRefusal::from)? {
        let cell = |at: Option<usize>| {
            at.map_or_else(String::new, |it| {
                String::from_utf8_lossy(row.get(it)).into_owned()
            })
        };
        let id = cell(id_at).parse().or_else(|_| cell(own_at).parse()).ok();
        all.push((id, cell(error_at)));
    }
    Ok(all)
}

/// Digest and error of each row of an insert that was refused.
fn failed_rows(sent: &SentRows, csv: &[u8]) -> Result<Vec<(String, RowError)>, Error> {
    let mut reader = RawReader::new(csv);
    let header = reader.header().map_err(RestoreRefusal::from)?;
    let place = |name: &str| header.iter().position(|it| it.eq_ignore_ascii_case(name));
    let error_at = place("sf__Error");
    let places: Vec<_> = sent.fields.iter().map(|it| place(it)).collect();
    let mut all = Vec::new();
    while let Some(row) = reader.next_row().map_err(RestoreRefusal::from)? {
        let cell = |at: Option<usize>| {
            at.map_or_else(String::new, |it| {
                String::from_utf8_lossy(row.get(it)).into_owned()
            })
        };
        let cells: Vec<_> = places.iter().map(|it| cell(*it)).collect();
        let key = digest(cells.iter().map(String::as_str));
        all.push((key, ingest_error(&cell(error_at))));
    }
    Ok(all)
}
