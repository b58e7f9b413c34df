//! Queries that group or aggregate.

use serde_json::Value;

use super::{
    super::{
        Bench,
        sql::{Scope, kind_of},
        store::collation,
    },
    OutColumn, bounded, broken, cut,
};
use crate::simorg::soql::{Call, Field, Function, Item, Kind, Path, Query, SoqlError};

impl Bench<'_> {
    /// The groups of a query that groups or aggregates.
    pub(super) fn groups(
        &self,
        scope: &mut Scope<'_, '_>,
        query: &Query,
        all: bool,
    ) -> Result<(Vec<Vec<Value>>, Vec<OutColumn>), SoqlError> {
        let mut selected = Vec::new();
        let mut columns: Vec<OutColumn> = Vec::new();
        for item in &query.items {
            let (path, alias) = match item {
                Item::Field(path) | Item::Rendered(path, None) => (path.clone(), None),
                Item::Rendered(path, alias) => (path.clone(), alias.clone()),
                Item::Aliased(path, alias) => (path.clone(), Some(alias.clone())),
                Item::Aggregate {
                    function,
                    path,
                    alias,
                } => {
                    let call = Some(Call::Aggregate(*function));
                    (
                        Path {
                            call,
                            ..path.clone()
                        },
                        alias.clone(),
                    )
                }
                Item::CountAll => (count_of_rows(query.from_at), None),
                Item::Children(_) | Item::TypeOf { .. } => {
                    let reason = "Grouped query cannot use child relationships in the SELECT list";
                    return Err(SoqlError::malformed(scope.text, query.from_at, reason));
                }
                Item::Fields(_, at) => {
                    let reason =
                        "The SOQL FIELDS function is not supported with aggregate functions";
                    return Err(SoqlError::malformed(scope.text, *at, reason));
                }
            };
            let is_aggregate = matches!(path.call, Some(Call::Aggregate(_)));
            let is_key = query.group_by.iter().any(|it| same(it, &path));
            if !is_aggregate && !is_key {
                scope.column(&path)?;
                let reason = format!("Field must be grouped or aggregated: {}", path.text());
                return Err(SoqlError::malformed(scope.text, path.at, &reason));
            }
            let (sql, column) = scope.value(&path)?;
            if is_aggregate {
                aggregatable(scope.text, &path, &column.field)?;
            }
            let unnamed = columns
                .iter()
                .filter(|it| it.name.starts_with("expr"))
                .count();
            let name = match alias {
                Some(alias) => alias,
                None if path.call.is_some() => format!("expr{unnamed}"),
                None => column.field.name.clone(),
            };
            selected.push(sql);
            columns.push(OutColumn {
                name,
                field: Some(column.field),
                aggregate: is_aggregate,
            });
        }
        let mut keys = Vec::new();
        for path in &query.group_by {
            let (sql, column) = scope.value(path)?;
            let field = &column.field;
            if path.call.is_none() && matches!(field.kind, Kind::DateTime | Kind::TextArea) {
                let reason = format!("field '{}' can not be grouped in a query call", field.name);
                return Err(SoqlError::malformed(scope.text, path.at, &reason));
            }
            keys.push(format!("{sql}{}", collation(field)));
        }
        let condition = bounded(scope, query, all)?;
        let mut tail = String::new();
        if !keys.is_empty() {
            tail = format!(" GROUP BY {}", keys.join(", "));
        }
        if let Some(having) = &query.having {
            tail = format!("{tail} HAVING {}", scope.condition(having)?);
        }
        let order = scope.order(query)?;
        if !order.is_empty() {
            tail = format!("{tail} ORDER BY {order}");
        }
        tail.push_str(&cut(query));
        let sql = format!(
            "SELECT {} {}{condition}{tail}",
            selected.join(", "),
            scope.from()
        );
        let mut groups = Vec::new();
        let params = std::mem::take(&mut scope.params);
        self.store
            .select(&sql, &params, &mut |cells| {
                let values = cells.iter().zip(&columns).map(|(cell, column)| {
                    let kind = column.field.as_ref().map_or(Kind::Int, |it| it.kind);
                    cell.to_json(kind)
                });
                groups.push(values.collect());
                true
            })
            .map_err(|err| broken(&err))?;
        Ok((groups, columns))
    }
}

pub(super) fn is_grouped(query: &Query) -> bool {
    !query.group_by.is_empty()
        || query
            .items
            .iter()
            .any(|it| matches!(it, Item::Aggregate { .. }))
}

fn same(a: &Path, b: &Path) -> bool {
    a.call == b.call && a.text().eq_ignore_ascii_case(&b.text())
}

fn count_of_rows(at: usize) -> Path {
    Path {
        call: Some(Call::Aggregate(Function::Count)),
        parts: vec!["Id".to_owned()],
        at,
    }
}

fn aggregatable(text: &str, path: &Path, field: &Field) -> Result<(), SoqlError> {
    let Some(Call::Aggregate(function)) = path.call else {
        return Ok(());
    };
    let fits = match function {
        Function::Sum | Function::Avg => field.kind.is_number(),
        Function::Min | Function::Max => !matches!(field.kind, Kind::TextArea | Kind::Boolean),
        Function::Count | Function::CountDistinct => {
            !matches!(field.kind, Kind::TextArea | Kind::Base64)
        }
    };
    if fits || kind_of(function, field.kind) == Kind::Int {
        return Ok(());
    }
    let reason = format!(
        "field {} does not support aggregate operator {}",
        field.name,
        format!("{function:?}").to_ascii_uppercase()
    );
    Err(SoqlError::malformed(text, path.at, &reason))
}
