//! Query jobs: start, watch, fetch.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
};

use serde_json::{Value, json};

use super::{BulkJob, BulkState};
use crate::{
    client::{
        Call, Error, Org,
        host::parse_query,
        http::{Answer, Method},
        poll::poll_job,
        rest::Ask,
    },
    model::RecordId,
};

/// Which rows a query sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Those that are there.
    Query,
    /// Deleted and archived ones, too.
    QueryAll,
}

/// One page of results, which lies in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultPage {
    /// Where the next page begins; `None` for the last one.
    pub locator: Option<String>,
    /// Rows of the page, as the org counts them.
    pub n_records: Option<u64>,
}

/// Longest page that is read, unpacked; the platform makes none longer than 1 GB.
///
/// Source: Bulk API 2.0 and Bulk API Developer Guide, "Limits": 1 GB for each result file.
const MAX_PAGE_BYTES: u64 = 2 << 30;

impl Org {
    /// Starts a job that queries `soql`.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call; `INVALIDENTITY`, `FUNCTIONALITY_NOT_ENABLED` and their
    /// like for an object that only REST reads. A second job by a lost answer does no harm.
    pub async fn start_bulk_query(
        &self,
        soql: &str,
        operation: Operation,
    ) -> Result<BulkJob, Error> {
        let call = Call::read("createQueryJob");
        let path = format!("/services/data/v{}/jobs/query", self.version());
        let body = json!({
            "operation": match operation {
                Operation::Query => "query",
                Operation::QueryAll => "queryAll",
            },
            "query": soql,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        });
        let answer = self.send_json(call, Method::Post, &path, &body).await?;
        BulkJob::parse(&answer).ok_or_else(|| self.unreadable(call, "it is no job"))
    }

    /// How a query job stands.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call; `NOT_FOUND` for a job that the org has forgotten.
    pub async fn bulk_query(&self, id: RecordId) -> Result<BulkJob, Error> {
        let call = Call::read("getQueryJob");
        let answer = self.get_json(call, &self.query_path(id, ""), &[]).await?;
        BulkJob::parse(&answer).ok_or_else(|| self.unreadable(call, "it is no job"))
    }

    /// Waits until a query job is complete.
    ///
    /// # Errors
    ///
    /// [`Error::JobFailed`] where it failed or was aborted, [`Error::StillRunning`],
    /// and [`Error`] of the calls.
    pub async fn await_bulk_query(&self, id: RecordId) -> Result<BulkJob, Error> {
        let call = "createQueryJob";
        let policy = self.options().poll;
        let job = poll_job(call, id.as_str(), policy, async || {
            let job = self.bulk_query(id).await?;
            Ok(job.state.is_over().then_some(job))
        })
        .await?;
        if job.state == BulkState::JobComplete {
            return Ok(job);
        }
        Err(Error::JobFailed {
            call,
            host: self.instance().host().to_owned(),
            job_id: id.to_string(),
            code: job.state.word().to_owned(),
            message: job
                .error
                .unwrap_or_else(|| "the org gives no reason".to_owned()),
        })
    }

    /// Where the pages of a complete job begin, so that several can be fetched at
    /// once; `None` is the first page, and no list means the org does not tell.
    ///
    /// # Errors
    ///
    /// [`Error`] of a call that failed in passing; an org without parallel results
    /// is no error.
    pub async fn bulk_query_pages(
        &self,
        id: RecordId,
    ) -> Result<Option<Vec<Option<String>>>, Error> {
        let call = Call::read("getQueryResultPages");
        let first = self.query_path(id, "/resultPages");
        let mut locators = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let query: Vec<(String, String)> = match &next {
                // Only the query of the address is taken: the path is ours to choose.
                Some(next) => next
                    .split_once('?')
                    .map(|(_, query)| parse_query(query))
                    .unwrap_or_default(),
                None => Vec::new(),
            };
            let query: Vec<_> = query
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let answer = match self.get_json(call, &first, &query).await {
                Ok(answer) => answer,
                Err(err) if locators.is_empty() && !err.is_transient() => return Ok(None),
                Err(err) => return Err(err),
            };
            let Some(links) = links(&answer) else {
                return Ok(None);
            };
            locators.extend(links);
            let following = ["nextRecordsUrl", "nextRecordUrl"]
                .iter()
                .find_map(|it| answer.get(*it).and_then(Value::as_str));
            match following {
                Some(following) if next.as_deref() != Some(following) => {
                    next = Some(following.to_owned());
                }
                _ => break,
            }
        }
        Ok((!locators.is_empty()).then_some(locators))
    }

    /// Fetches one page of results into `into`, from its beginning.
    ///
    /// The page has a header of its own. A page is the same however often it is fetched.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call, [`Error::Local`] for the file.
    pub async fn bulk_query_page(
        &self,
        id: RecordId,
        locator: Option<&str>,
        max_records: Option<u64>,
        into: &File,
    ) -> Result<ResultPage, Error> {
        let max = max_records.map(|it| it.to_string());
        let mut query = Vec::new();
        query.extend(locator.map(|it| ("locator", it)));
        query.extend(max.as_deref().map(|it| ("maxRecords", it)));
        let path = self.query_path(id, "/results");
        let ask = Ask {
            call: Call::read("getQueryResults"),
            method: Method::Get,
            path: &path,
            query: &query,
            headers: &[("accept", "text/csv")],
            body: None,
            max_bytes: MAX_PAGE_BYTES,
        };
        self.exchange(&ask, async |answer: &mut Answer| {
            let local = |source| Error::Local {
                act: "keep a page of results on the disk",
                source,
            };
            let mut into = into;
            into.set_len(0).map_err(local)?;
            into.seek(SeekFrom::Start(0)).map_err(local)?;
            let locator = answer.header("sforce-locator");
            let n_records = answer
                .header("sforce-numberofrecords")
                .and_then(|it| it.trim().parse().ok());
            while let Some(piece) = answer.piece().await? {
                into.write_all(piece.as_ref()).map_err(local)?;
            }
            Ok(ResultPage {
                // The last page says `null` in letters.
                locator: locator.filter(|it| it != "null" && !it.is_empty()),
                n_records,
            })
        })
        .await
    }

    /// Stops a query job.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call, also where the job is over.
    pub async fn abort_bulk_query(&self, id: RecordId) -> Result<(), Error> {
        let call = Call::read("abortQueryJob");
        let body = json!({"state": "Aborted"});
        let path = self.query_path(id, "");
        self.send_json(call, Method::Patch, &path, &body).await?;
        Ok(())
    }

    /// Removes a query job that is over, with its results.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call.
    pub async fn delete_bulk_query(&self, id: RecordId) -> Result<(), Error> {
        let call = Call::read("deleteQueryJob");
        let path = self.query_path(id, "");
        self.send_json(call, Method::Delete, &path, &Value::Null)
            .await?;
        Ok(())
    }

    fn query_path(&self, id: RecordId, rest: &str) -> String {
        format!("/services/data/v{}/jobs/query/{id}{rest}", self.version())
    }
}

/// The locators of a list of pages, in the form that the API has and in the one that its guide prints.
fn links(answer: &Value) -> Option<Vec<Option<String>>> {
    let (list, key) = match (answer.get("resultChunks"), answer.get("resultPages")) {
        (Some(Value::Array(list)), _) => (list, "resultLink"),
        (_, Some(Value::Array(list))) => (list, "resultUrl"),
        _ => return None,
    };
    list.iter()
        .map(|it| {
            let link = it.get(key)?.as_str()?;
            let query = link.split_once('?').map_or("", |(_, query)| query);
            let locator = parse_query(query)
                .into_iter()
                .find(|(name, _)| name == "locator");
            Some(locator.map(|(_, value)| value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_in_both_forms() {
        let real = json!({"resultChunks": [
            {"resultLink": "/jobs/query/750/results"},
            {"resultLink": "/jobs/query/750/results?locator=MTAw%3D"}], "done": true});
        let printed = json!({"resultPages": [
            {"resultUrl": "/services/data/v66.0/jobs/query/750/results?locator=x&maxRecords=5"}]});
        assert_eq!(links(&real), Some(vec![None, Some("MTAw=".to_owned())]));
        assert_eq!(links(&printed), Some(vec![Some("x".to_owned())]));
        assert_eq!(links(&json!({"done": true})), None);
    }
}
