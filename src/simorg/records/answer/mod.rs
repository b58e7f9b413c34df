//! Queries over records: found first, read page by page after.
//!
//! Invariant: a [`Found`] holds where its rows are, not the rows; groups alone
//! are held as they are, for nothing else tells them again.

mod groups;
mod pages;
mod plan;
mod restrict;

use std::sync::Arc;

use serde_json::Value;

use super::{Bench, Cell, StoreError, sql::Scope};
use crate::simorg::soql::{Field, Item, Object, Query, SoqlError};
use groups::is_grouped;
use plan::Plan;
use restrict::restrict;

/// Most rows that a query may skip.
///
/// Source: SOQL and SOSL Reference, "OFFSET".
const MAX_OFFSET: usize = 2_000;

/// What a query found.
pub struct Found {
    /// The object asked.
    pub object: Arc<Object>,
    /// What was asked of each row, in order.
    pub columns: Vec<OutColumn>,
    rows: Rows,
}

enum Rows {
    /// Records, by their places in the table.
    Records(Vec<i64>, Box<Plan>),
    /// Groups, each with its values.
    Groups(Vec<Vec<Value>>),
    /// Only how many.
    Count(usize),
}

/// A column of an answer.
#[derive(Clone, Debug)]
pub struct OutColumn {
    /// Name, with the relationships on the way: `Owner.Name`, `expr0`.
    pub name: String,
    /// The field; none for a column that is no single field.
    pub field: Option<Field>,
    /// Whether it was computed from several rows.
    pub aggregate: bool,
}

impl Found {
    /// How many rows there are in all.
    #[must_use]
    pub fn total(&self) -> usize {
        match &self.rows {
            Rows::Records(rows, _) => rows.len(),
            Rows::Groups(groups) => groups.len(),
            Rows::Count(count) => *count,
        }
    }

    /// Whether it was asked only how many rows there are.
    #[must_use]
    pub fn is_count(&self) -> bool {
        matches!(self.rows, Rows::Count(_))
    }

    /// Whether rows are groups of records.
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        matches!(self.rows, Rows::Groups(_))
    }
}

impl Bench<'_> {
    /// Checks a query and finds its rows; with `all`, those in the recycle bin too.
    ///
    /// # Errors
    ///
    /// [`SoqlError`] as the platform refuses it.
    pub fn find(&self, text: &str, query: &Query, all: bool) -> Result<Found, SoqlError> {
        restrict(text, query)?;
        if query.offset > MAX_OFFSET {
            return Err(SoqlError::plain(
                "NUMBER_OUTSIDE_VALID_RANGE",
                &format!("Maximum SOQL offset allowed is {MAX_OFFSET}"),
            ));
        }
        if self.make_ready().is_err() {
            return Err(broken(&StoreError::closed()));
        }
        let mut scope = Scope::new(self, text, query, 0)?;
        let object = Arc::clone(&scope.object);
        if is_grouped(query) {
            let (groups, columns) = self.groups(&mut scope, query, all)?;
            return Ok(Found {
                object,
                columns,
                rows: Rows::Groups(groups),
            });
        }
        let (plan, columns) = self.plan(&mut scope, query)?;
        let mut found = Found {
            object,
            columns,
            rows: Rows::Count(0),
        };
        let rows = self.places(&mut scope, query, all)?;
        found.rows = if query.items == [Item::CountAll] {
            Rows::Count(rows.len())
        } else {
            Rows::Records(rows, Box::new(plan))
        };
        Ok(found)
    }

    /// Where the rows of a query are.
    fn places(
        &self,
        scope: &mut Scope<'_, '_>,
        query: &Query,
        all: bool,
    ) -> Result<Vec<i64>, SoqlError> {
        let (sql, params) = finder(scope, query, all, None)?;
        let mut rows = Vec::new();
        self.store
            .select(&sql, &params, &mut |cells| {
                if let Some(Cell::Int(row)) = cells.first() {
                    rows.push(*row);
                }
                true
            })
            .map_err(|err| broken(&err))?;
        Ok(rows)
    }
}

/// The statement that finds the places of a query's rows.
fn finder(
    scope: &mut Scope<'_, '_>,
    query: &Query,
    all: bool,
    key: Option<&str>,
) -> Result<(String, Vec<Cell>), SoqlError> {
    let mut condition = bounded(scope, query, all)?;
    if let Some(key) = key {
        condition = match condition.strip_prefix(" WHERE ") {
            Some(rest) => format!(" WHERE {key} = ? AND {rest}"),
            None => format!(" WHERE {key} = ?"),
        };
    }
    let order = scope.order(query)?;
    let order = match order.is_empty() {
        true => format!("{}.rowid", scope.alias),
        false => format!("{order}, {}.rowid", scope.alias),
    };
    let sql = format!(
        "SELECT {}.rowid {}{condition} ORDER BY {order}{}",
        scope.alias,
        scope.from(),
        cut(query)
    );
    Ok((sql, std::mem::take(&mut scope.params)))
}

/// ` WHERE …` of a query, rows in the recycle bin left out unless wanted.
fn bounded(scope: &mut Scope<'_, '_>, query: &Query, all: bool) -> Result<String, SoqlError> {
    let mut terms = Vec::new();
    if scope.has_bin() && !all {
        terms.push(format!("{}.\"IsDeleted\" = 0", scope.alias));
    }
    if let Some(condition) = &query.condition {
        terms.push(scope.condition(condition)?);
    }
    if terms.is_empty() {
        return Ok(String::new());
    }
    Ok(format!(" WHERE {}", terms.join(" AND ")))
}

fn cut(query: &Query) -> String {
    match (query.limit, query.offset) {
        (None, 0) => String::new(),
        (Some(limit), 0) => format!(" LIMIT {limit}"),
        (limit, offset) => {
            let limit = limit.map_or_else(|| "-1".to_owned(), |it| it.to_string());
            format!(" LIMIT {limit} OFFSET {offset}")
        }
    }
}

fn broken(err: &StoreError) -> SoqlError {
    SoqlError::plain(
        "UNKNOWN_EXCEPTION",
        &format!("An unexpected error occurred. {err}"),
    )
}
