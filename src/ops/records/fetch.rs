//! Fetching all rows of a query: by Bulk, and by REST where Bulk refuses.
//!
//! Invariant: rows are handed on only when as many came as the org has counted.

use std::{cell::RefCell, collections::BTreeSet, fs::File, path::PathBuf, time::Duration};

use futures_util::{StreamExt, TryStreamExt, pin_mut, stream};
use sha2::{Digest, Sha256};

use super::{
    sorter::{Sorter, ids_of},
    spool::{self, JobSpool},
};
use crate::{
    client::{self, BulkJob, BulkState, Operation, Org, ResultPage},
    ledger::{OpenJob, RecordsState},
    model::{ObjectName, OrgId, RecordId, Timestamp, hex},
    ops::error::{During, Error, Refusal},
    progress::{Event, Monitor, Phase},
    store::{Signature, WriteLock},
};

/// Pages that are fetched at once.
///
/// Own figure: more do not come faster on one connection to one org.
const PAGES_AT_ONCE: usize = 4;

/// Fewer rows than that are walked page by page, without asking where the pages begin.
const WALKED_ROWS: u64 = 50_000;

/// A job that was started longer ago is not gone on with: its rows are of that time.
const JOB_AGE: Duration = Duration::from_hours(12);

/// How often a page that came damaged is fetched again.
const PAGE_TRIES: u32 = 3;

/// What fetching needs beside the query.
pub(super) struct Fetcher<'a> {
    pub(super) org: &'a Org,
    pub(super) jobs: Jobs<'a>,
    /// Folder for pages and for rows that do not fit into memory.
    pub(super) dir: PathBuf,
    pub(super) monitor: &'a dyn Monitor,
    /// Rows taken so far, of all objects.
    pub(super) n_rows: std::cell::Cell<u64>,
}

/// All rows of a query.
pub(super) struct Fetched {
    pub(super) sorter: Sorter,
    /// By the org's clock: the rows are not older than that.
    pub(super) at: Timestamp,
    /// The job that they came from.
    pub(super) job: Option<JobRows>,
}

/// A job whose rows are to be committed before it is forgotten.
pub(super) struct JobRows {
    pub(super) key: String,
    spool: JobSpool,
}

impl JobRows {
    /// The rows are safe: the pages are not needed any more.
    pub(super) fn done(self) {
        self.spool.remove();
    }
}

/// Jobs that were started: noted in the state before anybody waits for them.
pub(super) struct Jobs<'a> {
    lock: &'a WriteLock<'a>,
    org: OrgId,
    state: RefCell<RecordsState>,
    who: Signature,
}

impl<'a> Jobs<'a> {
    pub(super) fn new(
        lock: &'a WriteLock<'a>,
        org: OrgId,
        state: RecordsState,
        who: Signature,
    ) -> Self {
        Self {
            lock,
            org,
            state: RefCell::new(state),
            who,
        }
    }

    fn find(&self, key: &str) -> Option<OpenJob> {
        self.state.borrow().open_jobs.get(key).cloned()
    }

    fn note(&self, key: &str, job: OpenJob) -> Result<(), Error> {
        let mut state = self.state.borrow_mut();
        state.open_jobs.insert(key.to_owned(), job);
        let path = RecordsState::PATH.parse().expect("a literal path is valid");
        let bytes = state.render();
        self.lock.remember(self.org, path, &bytes, &self.who)?;
        Ok(())
    }

    /// Jobs that are noted, by key.
    pub(super) fn open(&self) -> std::collections::BTreeMap<String, OpenJob> {
        self.state.borrow().open_jobs.clone()
    }
}

impl Fetcher<'_> {
    /// Fetches all rows of `soql` by a job; by REST where the Bulk API refuses the object.
    pub(super) async fn bulk_or_rest(&self, soql: &str, sorter: Sorter) -> Result<Fetched, Error> {
        let key = hex(&Sha256::digest(soql.as_bytes())[..12]);
        let job = match self.job(&key, soql).await {
            Ok(job) => job,
            Err(err) if is_refused_by_bulk(&err) => return self.rest(soql, sorter).await,
            Err(err) => return Err(err.into()),
        };
        let (job, at) = job;
        self.jobs.note(&key, OpenJob { id: job.id, at })?;
        let job = match self.org.await_bulk_query(job.id).await {
            Ok(job) => job,
            // What REST says of the same query tells more than `Failed`.
            Err(client::Error::JobFailed { .. }) => return self.rest(soql, sorter).await,
            Err(err) => return Err(err.into()),
        };
        let spool = JobSpool::open(&self.dir, job.id)?;
        let sorter = match self.pages(&job, &spool, sorter).await {
            Ok(sorter) => sorter,
            Err(err) => {
                if !is_client(&err) {
                    spool.remove();
                }
                return Err(err);
            }
        };
        if let Some(n_processed) = job.n_processed
            && sorter.n_rows() != n_processed
        {
            spool.remove();
            return Err(Refusal::RowsMissing {
                job: job.id.to_string(),
                counted: n_processed,
                came: sorter.n_rows(),
            }
            .into());
        }
        Ok(Fetched {
            sorter,
            at,
            job: Some(JobRows { key, spool }),
        })
    }

    /// The job of an earlier run that asked the same and is not over, or a new one.
    async fn job(&self, key: &str, soql: &str) -> Result<(BulkJob, Timestamp), client::Error> {
        let now = self.org.now().unwrap_or(Timestamp::UNKNOWN);
        let open = self.jobs.find(key);
        if let Some(open) = open.filter(|it| now.since(it.at) < JOB_AGE) {
            match self.org.bulk_query(open.id).await {
                Ok(job) if !matches!(job.state, BulkState::Aborted | BulkState::Failed) => {
                    return Ok((job, open.at));
                }
                Err(err) if err.is_transient() => return Err(err),
                // It failed, or the org has forgotten it.
                Ok(_) | Err(_) => {}
            }
        }
        let job = self.org.start_bulk_query(soql, Operation::Query).await?;
        Ok((job, now))
    }

    /// Fetches the pages of a complete job, several at once where their beginnings are known.
    async fn pages(
        &self,
        job: &BulkJob,
        spool: &JobSpool,
        mut sorter: Sorter,
    ) -> Result<Sorter, Error> {
        let is_large = job.n_processed.is_none_or(|it| it > WALKED_ROWS);
        let locators = if is_large && spool.page(0).is_none() {
            self.org.bulk_query_pages(job.id).await?
        } else {
            None
        };
        let Some(locators) = locators else {
            return self.walk(job, spool, sorter).await;
        };
        let pages = stream::iter(locators.iter().enumerate())
            .map(|(n, locator)| self.page(job.id, spool, n, locator.as_deref()))
            .buffered(PAGES_AT_ONCE);
        pin_mut!(pages);
        let mut next = pages.try_next().await?;
        while let Some(page) = next.take() {
            // The rows are read while the next pages come.
            let (taken, following) = tokio::join!(self.take(page, sorter), pages.try_next());
            sorter = self.retaken(job.id, spool, taken?, &locators).await?;
            next = following?;
        }
        Ok(sorter)
    }

    /// Fetches the pages of a job in turn.
    async fn walk(
        &self,
        job: &BulkJob,
        spool: &JobSpool,
        mut sorter: Sorter,
    ) -> Result<Sorter, Error> {
        let mut locators: Vec<Option<String>> = vec![None];
        let mut next = Some(self.page(job.id, spool, 0, None).await?);
        while let Some(page) = next.take() {
            let n = page.n;
            let following = page.page.locator.clone();
            if let Some(locator) = &following {
                if locators.iter().any(|it| it.as_ref() == Some(locator)) {
                    return Err(Refusal::DamagedRows {
                        object: sorter_object(job),
                        reason: "its pages go in a circle".to_owned(),
                    }
                    .into());
                }
                locators.push(Some(locator.clone()));
            }
            let fetched = async {
                match &following {
                    Some(locator) => {
                        let page = self.page(job.id, spool, n + 1, Some(locator)).await;
                        page.map(Some)
                    }
                    None => Ok(None),
                }
            };
            let (taken, fetched) = tokio::join!(self.take(page, sorter), fetched);
            sorter = self.retaken(job.id, spool, taken?, &locators).await?;
            next = fetched?;
        }
        Ok(sorter)
    }

    /// One page: from an earlier run, or from the org.
    async fn page(
        &self,
        job: RecordId,
        spool: &JobSpool,
        n: usize,
        locator: Option<&str>,
    ) -> Result<Page, Error> {
        if let Some((file, page)) = spool.page(n) {
            return Ok(Page { n, file, page });
        }
        let file = spool.begin(n)?;
        let page = self.org.bulk_query_page(job, locator, None, &file).await?;
        spool.complete(n, &page)?;
        Ok(Page { n, file, page })
    }

    /// Reads the rows of a page away from the threads that wait for the org.
    async fn take(&self, page: Page, mut sorter: Sorter) -> Result<Taken, Error> {
        let work = tokio::task::spawn_blocking(move || {
            let before = sorter.n_rows();
            let taken = sorter.take_page(&page.file);
            (taken, page, sorter, before)
        });
        let (taken, page, sorter, before) = work.await.expect("reading rows does not panic");
        let problem = match taken {
            Ok(n_rows) => match page.page.n_records {
                Some(counted) if counted != n_rows => Some(Error::from(Refusal::RowsMissing {
                    job: format!("page {}", page.n + 1),
                    counted,
                    came: n_rows,
                })),
                _ => None,
            },
            Err(err) => Some(err),
        };
        self.advanced(sorter.n_rows() - before);
        Ok(Taken {
            page,
            sorter,
            before,
            problem,
        })
    }

    /// Fetches a page again that came damaged, a few times.
    async fn retaken(
        &self,
        job: RecordId,
        spool: &JobSpool,
        mut taken: Taken,
        locators: &[Option<String>],
    ) -> Result<Sorter, Error> {
        let mut n_tries = 1;
        loop {
            let Some(problem) = taken.problem.take() else {
                return Ok(taken.sorter);
            };
            if n_tries == PAGE_TRIES {
                return Err(problem);
            }
            n_tries += 1;
            let n = taken.page.n;
            spool.forget(n);
            let locator = locators.get(n).and_then(Option::as_deref);
            let page = self.page(job, spool, n, locator).await?;
            // The rows that came are taken once more; one Id is one row all the same.
            let mut sorter = taken.sorter;
            sorter.recount(taken.before);
            taken = self.take(page, sorter).await?;
        }
    }

    /// Fetches all rows of `soql`: by REST where they are few, else by a job.
    pub(super) async fn few_or_bulk(
        &self,
        soql: &str,
        sorter: Sorter,
        most: u64,
    ) -> Result<Fetched, Error> {
        if !self.org.is_short_enough(soql) {
            return self.bulk_or_rest(soql, sorter).await;
        }
        match self.rest_up_to(soql, sorter, most).await? {
            Few::Rows(fetched) => Ok(fetched),
            Few::TooMany(sorter) => self.bulk_or_rest(soql, sorter).await,
        }
    }

    /// Fetches all rows of `soql` by REST.
    pub(super) async fn rest(&self, soql: &str, sorter: Sorter) -> Result<Fetched, Error> {
        match self.rest_up_to(soql, sorter, u64::MAX).await? {
            Few::Rows(fetched) => Ok(fetched),
            Few::TooMany(_) => unreachable!("no number is larger than the largest"),
        }
    }

    async fn rest_up_to(&self, soql: &str, mut sorter: Sorter, most: u64) -> Result<Few, Error> {
        let at = self.org.now().unwrap_or(Timestamp::UNKNOWN);
        let pages = self.org.query_rows(soql);
        pin_mut!(pages);
        let before = sorter.n_rows();
        let mut total = 0;
        while let Some(page) = pages.try_next().await? {
            total = page.total;
            if total > most {
                return Ok(Few::TooMany(sorter));
            }
            sorter.take_json(&page.rows)?;
            self.advanced(page.rows.len() as u64);
        }
        let came = sorter.n_rows() - before;
        if came < total {
            return Err(Refusal::RowsMissing {
                job: "query".to_owned(),
                counted: total,
                came,
            }
            .into());
        }
        Ok(Few::Rows(Fetched {
            sorter,
            at,
            job: None,
        }))
    }

    /// The Ids that a query gives, deleted rows included where `all` says so.
    pub(super) async fn ids(
        &self,
        object: &ObjectName,
        soql: &str,
        all: Rows,
    ) -> Result<BTreeSet<RecordId>, Error> {
        let mut ids = BTreeSet::new();
        let mut total = 0;
        let mut came = 0;
        let pages = match all {
            Rows::There => self.org.query_rows(soql).boxed(),
            Rows::All => self.org.query_all_rows(soql).boxed(),
        };
        pin_mut!(pages);
        while let Some(page) = pages.try_next().await? {
            total = page.total;
            came += page.rows.len() as u64;
            ids_of(object, &page.rows, &mut ids)?;
        }
        if came < total {
            return Err(Refusal::RowsMissing {
                job: "query".to_owned(),
                counted: total,
                came,
            }
            .into());
        }
        Ok(ids)
    }

    /// How many rows a query counts; `what` is the rest of it behind `FROM`.
    pub(super) async fn count(&self, soql: &str) -> Result<Option<u64>, Error> {
        let rows = self.org.query(soql).await.during("counting rows")?;
        let n = rows.first().and_then(|it| it.get("n"));
        Ok(n.and_then(serde_json::Value::as_u64))
    }

    fn advanced(&self, n_rows: u64) {
        let n = self.n_rows.get() + n_rows;
        self.n_rows.set(n);
        self.monitor.event(Event::Advanced(Phase::Export, n));
    }
}

/// Which rows a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    There,
    All,
}

/// What a query gave of which only few rows are wanted.
enum Few {
    Rows(Fetched),
    TooMany(Sorter),
}

#[expect(clippy::struct_field_names, reason = "the page that the file holds")]
struct Page {
    n: usize,
    file: File,
    page: ResultPage,
}

struct Taken {
    page: Page,
    sorter: Sorter,
    /// Rows before the page.
    before: u64,
    problem: Option<Error>,
}

fn sorter_object(job: &BulkJob) -> ObjectName {
    job.object
        .clone()
        .unwrap_or_else(|| "SObject".parse().expect("a literal name is valid"))
}

/// Whether the Bulk API does not read what is asked, so that REST may.
///
/// Source: Bulk API 2.0 and Bulk API Developer Guide, "Considerations"; which
/// objects are refused is written nowhere, so each refusal of the query itself counts.
fn is_refused_by_bulk(err: &client::Error) -> bool {
    matches!(
        err.code(),
        Some(
            "INVALIDENTITY"
                | "INVALIDJOB"
                | "INVALID_ENTITY"
                | "FUNCTIONALITY_NOT_ENABLED"
                | "API_ERROR"
                | "INVALID_TYPE"
                | "INVALID_TYPE_FOR_OPERATION"
                | "EXTERNAL_OBJECT_UNSUPPORTED_EXCEPTION"
                | "MALFORMED_QUERY"
                | "INVALID_FIELD"
                | "FEATURENOTENABLED"
                | "NOT_FOUND"
        )
    )
}

fn is_client(err: &Error) -> bool {
    matches!(*err.cause, crate::ops::Cause::Client(_))
}

/// Removes pages of jobs that nobody goes on with.
pub(super) fn clean(dir: &std::path::Path, state: &RecordsState) {
    let keep = state.open_jobs.values().map(|it| it.id.to_string());
    let bodies = [super::export::BODIES_DIR.to_owned()];
    spool::clean(dir, &keep.chain(bodies).collect());
}
