//! Aggregates: rows grouped and counted.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{
    Row, SoqlError,
    ast::{Function, Item, Query},
    eval::Column,
    filter::{Place, Scope, key, order, place},
};

/// Something that a grouped query gives for each group.
#[expect(clippy::large_enum_variant, reason = "a query has few of them")]
enum Output {
    Grouped(usize),
    Aggregate(Function, Place),
    Count,
}

/// Whether the query groups or aggregates.
pub(super) fn is_aggregate(query: &Query) -> bool {
    !query.group_by.is_empty()
        || query
            .items
            .iter()
            .any(|it| matches!(it, Item::Aggregate { .. }))
}

/// The records and columns of a grouped query; rows are those it is about.
pub(super) fn records(
    scope: &Scope<'_>,
    query: &Query,
    rows: &[&Row],
) -> Result<(Vec<Value>, Vec<Column>), SoqlError> {
    let find = |path| place(scope.catalog, scope.text, scope.object, path);
    let keys = query
        .group_by
        .iter()
        .map(find)
        .collect::<Result<Vec<_>, _>>()?;
    let mut outputs: Vec<(String, Output)> = Vec::new();
    for item in &query.items {
        let unnamed = outputs
            .iter()
            .filter(|(name, _)| name.starts_with("expr"))
            .count();
        match item {
            Item::Field(path) | Item::Aliased(path, _) | Item::Rendered(path, _) => {
                let same = |it: &super::Path| it.text().eq_ignore_ascii_case(&path.text());
                let Some(at) = query.group_by.iter().position(same) else {
                    find(path)?;
                    let reason = format!("Field must be grouped or aggregated: {}", path.text());
                    return Err(SoqlError::malformed(scope.text, path.at, &reason));
                };
                let name = match item {
                    Item::Aliased(_, alias) => alias.clone(),
                    _ => keys[at].field.name.clone(),
                };
                outputs.push((name, Output::Grouped(at)));
            }
            Item::Aggregate {
                function,
                path,
                alias,
            } => {
                let name = alias.clone().unwrap_or_else(|| format!("expr{unnamed}"));
                outputs.push((name, Output::Aggregate(*function, find(path)?)));
            }
            Item::CountAll => outputs.push((format!("expr{unnamed}"), Output::Count)),
            Item::Children(_) | Item::TypeOf { .. } => {
                let reason = "Grouped query cannot use child relationships in the SELECT list";
                return Err(SoqlError::malformed(scope.text, query.from_at, reason));
            }
            Item::Fields(_, at) => {
                let reason = "The SOQL FIELDS function is not supported with aggregate functions";
                return Err(SoqlError::malformed(scope.text, *at, reason));
            }
        }
    }
    let mut groups: Vec<(Vec<&Value>, Vec<&Row>)> = Vec::new();
    let mut places: HashMap<Vec<String>, usize> = HashMap::new();
    if keys.is_empty() {
        groups.push((Vec::new(), rows.to_vec()));
    } else {
        for row in rows {
            let values: Vec<&Value> = keys.iter().map(|it| it.value(row)).collect();
            let at = *places
                .entry(values.iter().map(|it| key(it)).collect())
                .or_insert_with(|| {
                    groups.push((values, Vec::new()));
                    groups.len() - 1
                });
            groups[at].1.push(row);
        }
    }
    let records = groups
        .iter()
        .map(|(values, rows)| {
            let mut record = Map::new();
            record.insert("attributes".to_owned(), json!({"type": "AggregateResult"}));
            for (name, output) in &outputs {
                let value = match output {
                    Output::Grouped(at) => values[*at].clone(),
                    Output::Count => Value::from(rows.len()),
                    Output::Aggregate(function, place) => aggregate(*function, place, rows),
                };
                record.insert(name.clone(), value);
            }
            Value::Object(record)
        })
        .collect();
    let columns = outputs
        .iter()
        .map(|(name, output)| Column {
            name: name.clone(),
            aggregate: !matches!(output, Output::Grouped(_)),
            joins: Vec::new(),
        })
        .collect();
    Ok((records, columns))
}

fn aggregate(function: Function, place: &Place, rows: &[&Row]) -> Value {
    let values = || {
        rows.iter()
            .map(|row| place.value(row))
            .filter(|it| !it.is_null())
    };
    let numbers = || values().filter_map(Value::as_f64);
    match function {
        Function::Count => Value::from(values().count()),
        Function::CountDistinct => {
            let distinct: std::collections::HashSet<String> = values().map(key).collect();
            Value::from(distinct.len())
        }
        Function::Min => values()
            .min_by(|a, b| order(a, b))
            .cloned()
            .unwrap_or_default(),
        Function::Max => values()
            .max_by(|a, b| order(a, b))
            .cloned()
            .unwrap_or_default(),
        Function::Sum => Value::from(numbers().sum::<f64>()),
        Function::Avg => {
            let count = numbers().count();
            if count == 0 {
                return Value::Null;
            }
            #[expect(
                clippy::cast_precision_loss,
                reason = "a count of rows is far below 2^52"
            )]
            let count = count as f64;
            Value::from(numbers().sum::<f64>() / count)
        }
    }
}
