//! Writing rows: collections of up to 200.
//!
//! Source: REST API Developer Guide, "sObject Collections", and its headers;
//! recorded answers.

use serde_json::{Map, Value, json};

use super::exchange::Ask;
use crate::{
    client::{
        Call, Error, Org,
        http::{Answer, Method},
    },
    model::{ObjectName, RecordId},
};

/// Most rows of one call.
///
/// Source: "sObject Collections": up to 200 records.
pub const MAX_COLLECTION: usize = 200;

/// Most Ids in the address of one deletion: so many stay well below the longest.
const MAX_DELETED: usize = 200;

/// What became of one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowResult {
    /// Its Id, where the org gives one.
    pub id: Option<RecordId>,
    /// Why it was refused; empty where it was taken.
    pub errors: Vec<RowError>,
}

/// Why a row was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowError {
    /// The platform's code: `FIELD_CUSTOM_VALIDATION_EXCEPTION`.
    pub code: String,
    /// The platform's words.
    pub message: String,
    /// Fields that it is about.
    pub fields: Vec<String>,
}

/// Whether all rows of a call go in or none, or each for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Together {
    /// All or none.
    All,
    /// Each for itself.
    Each,
}

impl RowResult {
    /// A row that was refused.
    pub(super) fn refused(code: String, message: String) -> Self {
        Self {
            id: None,
            errors: vec![RowError {
                code,
                message,
                fields: Vec::new(),
            }],
        }
    }

    /// Whether the row was taken.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        self.errors.is_empty()
    }
}

impl RowError {
    /// Code of the rows that were fine and went out again with one that was not.
    ///
    /// Source: recorded answer of a collection with `allOrNone`.
    pub const ROLLED_BACK: &'static str = "ALL_OR_NONE_OPERATION_ROLLED_BACK";

    /// Whether the row may be taken at another time: somebody else had it.
    #[must_use]
    pub fn is_lock(&self) -> bool {
        self.code == "UNABLE_TO_LOCK_ROW"
    }
}

impl Org {
    /// Inserts rows; never made again where the answer is lost.
    ///
    /// Duplicate rules that only warn are passed, and no assignment rule runs. Results
    /// come in the order of the rows.
    ///
    /// # Errors
    ///
    /// [`Error::Unconfirmed`] where the answer was lost: the rows may be there.
    /// A row that is refused is no error.
    pub async fn insert_rows(
        &self,
        object: &ObjectName,
        rows: Vec<Map<String, Value>>,
        together: Together,
    ) -> Result<Vec<RowResult>, Error> {
        let call = Call::act("insertRows");
        self.send_rows(call, Method::Post, object, rows, together)
            .await
    }

    /// Updates rows; each has its `Id`.
    ///
    /// Made again where the answer is lost, since it comes to the same.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call. A row that is refused is no error.
    pub async fn update_rows(
        &self,
        object: &ObjectName,
        rows: Vec<Map<String, Value>>,
    ) -> Result<Vec<RowResult>, Error> {
        let call = Call::read("updateRows");
        self.send_rows(call, Method::Patch, object, rows, Together::Each)
            .await
    }

    /// Deletes rows; one that is gone already counts as deleted.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call. A row that is refused is no error.
    pub async fn delete_rows(&self, ids: &[RecordId]) -> Result<Vec<RowResult>, Error> {
        let call = Call::read("deleteRows");
        let path = format!("/services/data/v{}/composite/sobjects", self.version());
        let mut results = Vec::new();
        for ids in ids.chunks(MAX_DELETED) {
            let list: Vec<_> = ids.iter().map(RecordId::as_str).collect();
            let list = list.join(",");
            let ask = Ask {
                call,
                method: Method::Delete,
                path: &path,
                query: &[("ids", list.as_str()), ("allOrNone", "false")],
                headers: &[("accept", "application/json")],
                body: None,
                max_bytes: self.options().sizes.answer_bytes,
            };
            let mut found = self.rows_of(&ask, ids.len()).await?;
            for it in &mut found {
                it.errors.retain(|it| it.code != "ENTITY_IS_DELETED");
            }
            results.append(&mut found);
        }
        Ok(results)
    }

    async fn send_rows(
        &self,
        call: Call,
        method: Method,
        object: &ObjectName,
        rows: Vec<Map<String, Value>>,
        together: Together,
    ) -> Result<Vec<RowResult>, Error> {
        let path = format!("/services/data/v{}/composite/sobjects", self.version());
        let n_rows = rows.len();
        let records: Vec<Value> = rows
            .into_iter()
            .map(|row| {
                let mut record = Map::new();
                record.insert("attributes".to_owned(), json!({"type": object.as_str()}));
                record.extend(row);
                Value::Object(record)
            })
            .collect();
        let body = json!({"allOrNone": together == Together::All, "records": records}).to_string();
        let ask = Ask {
            call,
            method,
            path: &path,
            query: &[],
            headers: &[
                ("accept", "application/json"),
                ("sforce-duplicate-rule-header", "allowSave=true"),
                ("sforce-auto-assign", "FALSE"),
            ],
            body: Some(("application/json", &body)),
            max_bytes: self.options().sizes.answer_bytes,
        };
        self.rows_of(&ask, n_rows).await
    }

    async fn rows_of(&self, ask: &Ask<'_>, n_rows: usize) -> Result<Vec<RowResult>, Error> {
        self.exchange(ask, async |answer: &mut Answer| {
            let bytes = answer.bytes().await?;
            let value: Value = serde_json::from_slice(&bytes)
                .map_err(|err| answer.unreadable(format!("it is no JSON: {err}")))?;
            let results = results(&value).ok_or_else(|| answer.unreadable("it has no results"))?;
            if results.len() != n_rows {
                return Err(answer.unreadable("it has not one result for each row"));
            }
            Ok(results)
        })
        .await
    }
}

fn results(answer: &Value) -> Option<Vec<RowResult>> {
    answer.as_array()?.iter().map(result).collect()
}

/// Reads one result: of a collection, or of a single insert.
pub(super) fn result(answer: &Value) -> Option<RowResult> {
    let id = answer.get("id").and_then(Value::as_str);
    let mut errors: Vec<RowError> = answer
        .get("errors")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|it| {
            let text = |name: &str| it.get(name).and_then(Value::as_str);
            let fields = it.get("fields").and_then(Value::as_array);
            RowError {
                code: text("statusCode")
                    .or_else(|| text("errorCode"))
                    .unwrap_or("UNKNOWN_EXCEPTION")
                    .to_owned(),
                message: text("message").unwrap_or_default().trim().to_owned(),
                fields: fields
                    .into_iter()
                    .flatten()
                    .filter_map(|it| Some(it.as_str()?.to_owned()))
                    .collect(),
            }
        })
        .collect();
    let is_taken = answer.get("success")?.as_bool()?;
    if is_taken {
        errors.clear();
    } else if errors.is_empty() {
        errors.push(RowError {
            code: "UNKNOWN_EXCEPTION".to_owned(),
            message: "the org gives no reason".to_owned(),
            fields: Vec::new(),
        });
    }
    Some(RowResult {
        id: id.and_then(|it| it.parse().ok()),
        errors,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_of_each_row_is_read() {
        let answer = json!([
            {"id": "001R0000000ZZZZIA4", "success": true, "errors": []},
            {"success": false, "errors": [{"statusCode": "REQUIRED_FIELD_MISSING",
                "message": "Required fields are missing: [Name]", "fields": ["Name"]}]},
            {"success": false, "errors": []},
        ]);
        let results = results(&answer).unwrap();
        assert!(results[0].is_taken() && results[0].id.is_some());
        assert_eq!(results[1].errors[0].fields, ["Name"]);
        assert!(!results[2].is_taken(), "a refusal without a reason is one");
        assert_eq!(super::results(&json!([{"id": "x"}])), None);
        assert_eq!(super::results(&json!({"success": true})), None);
    }
}
