//! SOQL: rows page by page.

use futures_util::{Stream, stream};
use serde_json::{Map, Value};

use crate::{
    client::{Call, Error, Org},
    model::{RecordId, Timestamp},
};

/// One row of a query: a value for each field asked for, and `attributes`.
pub type Row = Map<String, Value>;

/// Longest path and query of a call that is sent.
///
/// Source: app limits cheat sheet, "API": 16,384 bytes for a URI.
pub const MAX_QUERY_URI: usize = 16_000;

/// The rows of a query, and how many there are in all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// Rows of this page.
    pub rows: Vec<Row>,
    /// Rows of all pages, as the org counts.
    pub total: u64,
    /// Path of the next page.
    next: Option<String>,
}

#[derive(Clone, Copy)]
enum Api {
    Data,
    /// With rows that are deleted or archived.
    All,
    Tooling,
}

impl Api {
    fn call(self) -> Call {
        Call::read(match self {
            Self::Data => "query",
            Self::All => "queryAll",
            Self::Tooling => "toolingQuery",
        })
    }

    fn path(self, version: impl std::fmt::Display) -> String {
        match self {
            Self::Data => format!("/services/data/v{version}/query"),
            Self::All => format!("/services/data/v{version}/queryAll"),
            Self::Tooling => format!("/services/data/v{version}/tooling/query"),
        }
    }
}

impl Org {
    /// All rows of a query, each page fetched in turn.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call; `INVALID_FIELD` and `INVALID_TYPE` for what the org
    /// does not have or the user may not see. A query that is too long for a URL
    /// is not sent.
    pub async fn query(&self, soql: &str) -> Result<Vec<Row>, Error> {
        self.all_rows(Api::Data, soql).await
    }

    /// All rows of a query of the Tooling API.
    ///
    /// # Errors
    ///
    /// As for [`Org::query`].
    pub async fn tooling_query(&self, soql: &str) -> Result<Vec<Row>, Error> {
        self.all_rows(Api::Tooling, soql).await
    }

    /// The rows of a query as they come, page by page.
    ///
    /// The stream ends behind its first error, whose kinds are those of [`Org::query`].
    pub fn query_rows(&self, soql: &str) -> impl Stream<Item = Result<Rows, Error>> + Send {
        self.pages(Api::Data, soql.to_owned())
    }

    /// The rows of a query that sees deleted and archived rows, too, as they come.
    ///
    /// The stream ends behind its first error, whose kinds are those of [`Org::query`].
    pub fn query_all_rows(&self, soql: &str) -> impl Stream<Item = Result<Rows, Error>> + Send {
        self.pages(Api::All, soql.to_owned())
    }

    /// Whether `soql` is short enough for a call of REST.
    #[must_use]
    pub fn is_short_enough(&self, soql: &str) -> bool {
        let path = Api::All.path(self.version());
        self.instance().at(&path, &[("q", soql)]).as_str().len() <= MAX_QUERY_URI
    }

    /// Deploys by the user `user` that were sent since `since`, the latest first.
    ///
    /// For the time after a deploy whose answer was lost. `since` is by the org's
    /// clock.
    ///
    /// # Errors
    ///
    /// As for [`Org::query`].
    pub async fn deploys_since(
        &self,
        user: RecordId,
        since: Timestamp,
    ) -> Result<Vec<DeployRequest>, Error> {
        let soql = format!(
            "SELECT Id, Status, CheckOnly, CreatedDate FROM DeployRequest \
             WHERE CreatedById = '{user}' AND CreatedDate >= {} ORDER BY CreatedDate DESC",
            since.to_soap()
        );
        let rows = self.tooling_query(&soql).await?;
        Ok(rows.iter().filter_map(deploy_request).collect())
    }

    async fn all_rows(&self, api: Api, soql: &str) -> Result<Vec<Row>, Error> {
        let mut page = self.first_page(api, soql).await?;
        let mut rows = std::mem::take(&mut page.rows);
        let total = page.total;
        while page.next.is_some() {
            page = self.next_page(api, page).await?;
            rows.append(&mut page.rows);
        }
        // A page that was lost must not look like rows that are gone.
        if u64::try_from(rows.len()).unwrap_or(u64::MAX) < total {
            return Err(self.wrong(api, "it has fewer rows than it counts"));
        }
        Ok(rows)
    }

    fn pages(&self, api: Api, soql: String) -> impl Stream<Item = Result<Rows, Error>> + Send {
        enum At {
            Begin(String),
            Behind(Rows),
            End,
        }
        let org = self.clone();
        stream::try_unfold(At::Begin(soql), move |at| {
            let org = org.clone();
            async move {
                let mut page = match at {
                    At::Begin(soql) => org.first_page(api, &soql).await?,
                    At::Behind(page) => org.next_page(api, page).await?,
                    At::End => return Ok(None),
                };
                let behind = if page.next.is_some() {
                    At::Behind(Rows {
                        rows: Vec::new(),
                        total: page.total,
                        next: page.next.take(),
                    })
                } else {
                    At::End
                };
                Ok(Some((page, behind)))
            }
        })
    }

    async fn first_page(&self, api: Api, soql: &str) -> Result<Rows, Error> {
        let path = api.path(self.version());
        let length = self.instance().at(&path, &[("q", soql)]).as_str().len();
        if length > MAX_QUERY_URI {
            return Err(Error::Local {
                act: "send a query that is longer than a URL may be",
                source: std::io::Error::from(std::io::ErrorKind::InvalidInput),
            });
        }
        let answer = self.get_json(api.call(), &path, &[("q", soql)]).await?;
        self.page(api, answer)
    }

    async fn next_page(&self, api: Api, page: Rows) -> Result<Rows, Error> {
        let path = page.next.unwrap_or_default();
        let answer = self.get_json(api.call(), &path, &[]).await?;
        self.page(api, answer)
    }

    fn page(&self, api: Api, answer: Value) -> Result<Rows, Error> {
        let page = page(answer).map_err(|reason| self.wrong(api, reason))?;
        match &page.next {
            // The token goes with the next call: to this org, whatever the answer says.
            Some(next) if !next.starts_with("/services/data/") => {
                Err(self.wrong(api, "its next page is elsewhere"))
            }
            _ => Ok(page),
        }
    }

    fn wrong(&self, api: Api, reason: &str) -> Error {
        Error::Unreadable {
            call: api.call().name,
            host: self.instance().host().to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// A deploy that the org remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployRequest {
    /// Id of the job.
    pub id: String,
    /// How it stands, in the platform's word.
    pub status: String,
    /// Whether it only checks.
    pub check_only: bool,
    /// When it was sent.
    pub created: Timestamp,
}

fn deploy_request(row: &Row) -> Option<DeployRequest> {
    Some(DeployRequest {
        id: row.get("Id")?.as_str()?.to_owned(),
        status: row.get("Status")?.as_str()?.to_owned(),
        check_only: row
            .get("CheckOnly")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        created: row.get("CreatedDate")?.as_str()?.parse().ok()?,
    })
}

fn page(answer: Value) -> Result<Rows, &'static str> {
    let Value::Object(mut answer) = answer else {
        return Err("it is no page of rows");
    };
    let done = answer
        .get("done")
        .and_then(Value::as_bool)
        .ok_or("`done` is missing in it")?;
    let next = answer
        .get("nextRecordsUrl")
        .and_then(Value::as_str)
        .map(str::to_owned);
    if done == next.is_some() {
        return Err("it does not say where it goes on");
    }
    let Some(Value::Array(records)) = answer.remove("records") else {
        return Err("`records` is missing in it");
    };
    let total = answer.get("totalSize").and_then(Value::as_u64).unwrap_or(0);
    let rows = records
        .into_iter()
        .map(|it| match it {
            Value::Object(row) => Ok(row),
            _ => Err("a row of it is no object"),
        })
        .collect::<Result<Vec<_>, _>>()?;
    // `SELECT COUNT() …` counts and has no rows.
    let total = if rows.is_empty() && done { 0 } else { total };
    Ok(Rows { rows, total, next })
}

/// Writes `text` as a literal of SOQL, quotes included.
///
/// Source: SOQL and SOSL Reference, "Quoted String Escape Sequences".
#[must_use]
pub fn soql_text(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for it in text.chars() {
        match it {
            '\'' => literal.push_str("\\'"),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            _ => literal.push(it),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn literal_cannot_be_left() {
        assert_eq!(soql_text(r"O'Hara\"), r"'O\'Hara\\'");
        assert_eq!(soql_text("a\nb"), r"'a\nb'");
    }

    #[test]
    fn page_says_where_it_goes_on_or_that_it_does_not() {
        let last = page(json!({"totalSize": 1, "done": true, "records": [{"Id": "1"}]})).unwrap();
        assert_eq!(last.next, None);
        let more = json!({"totalSize": 2, "done": false, "records": [],
            "nextRecordsUrl": "/services/data/v66.0/query/01g-1"});
        assert!(page(more).unwrap().next.is_some());
        for wrong in [
            json!({"totalSize": 1, "done": false, "records": []}),
            json!({"records": []}),
            json!({"done": true}),
            json!({"done": true, "records": ["x"]}),
            json!([]),
        ] {
            assert!(page(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
