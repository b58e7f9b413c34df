//! Query → records.

use std::{cmp::Ordering, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    Catalog, Object, Path, Row, SoqlError, Table,
    ast::{Group, Item, Query},
    filter::{Place, Scope, order, place},
    group,
};
use crate::model::Timestamp;

/// Most rows that a query may skip.
///
/// Source: SOQL and SOSL Reference, "OFFSET".
const MAX_OFFSET: usize = 2_000;

/// Most rows of a query with `FIELDS(ALL)` or `FIELDS(CUSTOM)`.
///
/// Source: SOQL and SOSL Reference, "`FIELDS()`".
const MAX_ROWS_OF_ALL_FIELDS: usize = 200;

/// What a query found.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The object asked.
    pub object: String,
    /// How many records there are in all.
    pub total: usize,
    /// The records; empty for `count()`.
    pub records: Vec<Value>,
    /// What `columns=true` tells.
    pub columns: Vec<Column>,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in the records.
    pub name: String,
    /// Whether it was computed from several rows.
    pub aggregate: bool,
    /// Columns of the parent that it stands for.
    pub joins: Vec<Column>,
}

/// Answers a query.
///
/// `records_url` is what stands before object and id in a record's URL, such
/// as `/services/data/v66.0/sobjects`.
///
/// # Errors
///
/// [`SoqlError`] as the platform refuses it.
pub fn run(
    catalog: &dyn Catalog,
    text: &str,
    query: &Query,
    records_url: &str,
    now: Timestamp,
) -> Result<Answer, SoqlError> {
    let Some(table) = catalog.table(&query.from) else {
        return Err(SoqlError::no_object(text, query.from_at, &query.from));
    };
    let rows = rows(catalog, text, query, &table, now)?;
    let object = table.object.name.clone();
    let scope = Scope {
        catalog,
        text,
        object: &table.object,
        now,
    };
    if group::is_aggregate(query) {
        let (mut records, columns) = group::records(&scope, query, &rows)?;
        records = cut(records, query);
        return Ok(Answer {
            object,
            total: records.len(),
            records,
            columns,
        });
    }
    let rows = cut(rows, query);
    if query.items == [Item::CountAll] {
        return Ok(Answer {
            object,
            total: rows.len(),
            records: Vec::new(),
            columns: Vec::new(),
        });
    }
    let places = places(&scope, query)?;
    let records: Vec<Value> = rows
        .iter()
        .map(|row| record(&table.object, &places, row, records_url))
        .collect();
    Ok(Answer {
        object,
        total: records.len(),
        records,
        columns: columns(&places),
    })
}

/// The rows that a query is about, in its order, not yet cut to its limit.
fn rows<'a>(
    catalog: &dyn Catalog,
    text: &str,
    query: &Query,
    table: &'a Table,
    now: Timestamp,
) -> Result<Vec<&'a Row>, SoqlError> {
    if query.having.is_some() || query.alias.is_some() {
        let reason = "unexpected token: 'HAVING'";
        return Err(SoqlError::malformed(text, query.from_at, reason));
    }
    if query.offset > MAX_OFFSET {
        return Err(SoqlError::plain(
            "NUMBER_OUTSIDE_VALID_RANGE",
            &format!("Maximum SOQL offset allowed is {MAX_OFFSET}"),
        ));
    }
    let scope = Scope {
        catalog,
        text,
        object: &table.object,
        now,
    };
    let filter = match &query.condition {
        Some(condition) => Some(scope.filter(condition)?),
        None => None,
    };
    let mut rows: Vec<&Row> = table
        .rows
        .iter()
        .filter(|row| filter.as_ref().is_none_or(|it| it.accepts(row)))
        .collect();
    let mut by = Vec::new();
    for it in &query.order_by {
        by.push((place(catalog, text, &table.object, &it.path)?, it));
    }
    if !by.is_empty() {
        rows.sort_by(|a, b| {
            by.iter().fold(Ordering::Equal, |so_far, (place, it)| {
                so_far.then_with(|| ordered(place.value(a), place.value(b), it))
            })
        });
    }
    Ok(rows)
}

fn ordered(a: &Value, b: &Value, by: &super::ast::Order) -> Ordering {
    let nulls = |first: Ordering| {
        if by.nulls_last {
            first.reverse()
        } else {
            first
        }
    };
    match (a.is_null(), b.is_null()) {
        (true, true) => Ordering::Equal,
        (true, false) => nulls(Ordering::Less),
        (false, true) => nulls(Ordering::Greater),
        (false, false) if by.descending => order(b, a),
        (false, false) => order(a, b),
    }
}

fn cut<T>(rows: Vec<T>, query: &Query) -> Vec<T> {
    let limit = query.limit.unwrap_or(usize::MAX);
    rows.into_iter().skip(query.offset).take(limit).collect()
}

/// The values of the first column of a query, as a condition of another needs them.
pub(super) fn first_column(
    catalog: &dyn Catalog,
    text: &str,
    query: &Query,
    now: Timestamp,
) -> Result<Vec<Value>, SoqlError> {
    let Some(table) = catalog.table(&query.from) else {
        return Err(SoqlError::no_object(text, query.from_at, &query.from));
    };
    let [Item::Field(path)] = query.items.as_slice() else {
        let reason = "The inner select query must select exactly one field";
        return Err(SoqlError::malformed(text, query.from_at, reason));
    };
    let place = place(catalog, text, &table.object, path)?;
    let rows = cut(rows(catalog, text, query, &table, now)?, query);
    Ok(rows.iter().map(|row| place.value(row).clone()).collect())
}

/// The columns that the query asks for.
fn places(scope: &Scope<'_>, query: &Query) -> Result<Vec<Place>, SoqlError> {
    let mut places = Vec::new();
    for item in &query.items {
        match item {
            Item::Field(path) | Item::Rendered(path, _) => {
                places.push(place(scope.catalog, scope.text, scope.object, path)?);
            }
            Item::Fields(group, at) => {
                let unbounded = query.limit.is_none_or(|it| it > MAX_ROWS_OF_ALL_FIELDS);
                if *group != Group::Standard && unbounded {
                    let reason = "The SOQL FIELDS function must have a LIMIT of at most 200";
                    return Err(SoqlError::malformed(scope.text, *at, reason));
                }
                for field in &scope.object.fields {
                    let wanted = match group {
                        Group::All => true,
                        Group::Standard => !field.custom,
                        Group::Custom => field.custom,
                    };
                    if wanted {
                        let path = Path {
                            call: None,
                            parts: vec![field.name.clone()],
                            at: *at,
                        };
                        places.push(place(scope.catalog, scope.text, scope.object, &path)?);
                    }
                }
            }
            Item::Aliased(path, _) => {
                let reason = "only aggregate expressions use field aliasing";
                return Err(SoqlError::malformed(scope.text, path.at, reason));
            }
            Item::CountAll | Item::Aggregate { .. } | Item::Children(_) | Item::TypeOf { .. } => {
                let reason = "unexpected token: '('";
                return Err(SoqlError::malformed(scope.text, query.from_at, reason));
            }
        }
    }
    Ok(places)
}

fn record(object: &Arc<Object>, places: &[Place], row: &Row, url: &str) -> Value {
    let mut record = attributes(object, row, url);
    for place in places {
        put(&mut record, place, &place.steps, row, url);
    }
    Value::Object(record)
}

/// Puts one value into a record, making the records of parents on the way.
fn put(
    record: &mut Map<String, Value>,
    place: &Place,
    steps: &[(usize, String, Arc<Table>)],
    row: &Row,
    url: &str,
) {
    let Some(((reference, relationship, table), rest)) = steps.split_first() else {
        record.insert(place.field.name.clone(), row[place.leaf].clone());
        return;
    };
    let Some(parent) = row[*reference].as_str().and_then(|id| table.by_id(id)) else {
        record.insert(relationship.clone(), Value::Null);
        return;
    };
    let entry = record
        .entry(relationship.clone())
        .or_insert_with(|| Value::Object(attributes(&table.object, parent, url)));
    if let Value::Object(inner) = entry {
        put(inner, place, rest, parent, url);
    }
}

fn attributes(object: &Object, row: &Row, url: &str) -> Map<String, Value> {
    let id = object
        .field("Id")
        .and_then(|(at, _)| row[at].as_str())
        .unwrap_or("");
    let name = &object.name;
    let mut record = Map::new();
    record.insert(
        "attributes".to_owned(),
        json!({"type": name, "url": format!("{url}/{name}/{id}")}),
    );
    record
}

fn columns(places: &[Place]) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for place in places {
        let mut level = &mut columns;
        for (_, relationship, _) in &place.steps {
            let at = level.iter().position(|it| it.name == *relationship);
            let at = at.unwrap_or_else(|| {
                level.push(Column {
                    name: relationship.clone(),
                    aggregate: false,
                    joins: Vec::new(),
                });
                level.len() - 1
            });
            level = &mut level[at].joins;
        }
        level.push(Column {
            name: place.field.name.clone(),
            aggregate: false,
            joins: Vec::new(),
        });
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simorg::soql::{Field, Kind, parse};

    struct Two {
        accounts: Arc<Table>,
        users: Arc<Table>,
    }

    impl Catalog for Two {
        fn object(&self, name: &str) -> Option<Arc<Object>> {
            self.table(name).map(|it| Arc::clone(&it.object))
        }

        fn table(&self, name: &str) -> Option<Arc<Table>> {
            match name.to_lowercase().as_str() {
                "account" => Some(Arc::clone(&self.accounts)),
                "user" => Some(Arc::clone(&self.users)),
                _ => None,
            }
        }
    }

    fn org() -> Two {
        let user = Object::new(
            "User",
            "005",
            vec![Field::new("Id", Kind::Id), Field::new("Name", Kind::Text)],
        );
        let account = Object::new(
            "Account",
            "001",
            vec![
                Field::new("Id", Kind::Id),
                Field::new("Name", Kind::Text),
                Field::new("Employees", Kind::Int),
                Field::reference("OwnerId", "Owner", "User"),
                Field::new("CreatedDate", Kind::DateTime),
            ],
        );
        let jane = "005000000000001AAA";
        let at = |day| json!(format!("2026-08-{day:02}T10:00:00.000+0000"));
        Two {
            users: Arc::new(Table::new(
                Arc::new(user),
                vec![vec![json!(jane), json!("Jane Doe")]],
            )),
            accounts: Arc::new(Table::new(
                Arc::new(account),
                vec![
                    vec![
                        json!("001000000000001AAA"),
                        json!("Acme"),
                        json!(10),
                        json!(jane),
                        at(1),
                    ],
                    vec![
                        json!("001000000000002AAA"),
                        json!("acorn"),
                        json!(2),
                        Value::Null,
                        at(20),
                    ],
                    vec![
                        json!("001000000000003AAA"),
                        json!("Birch"),
                        Value::Null,
                        json!(jane),
                        at(30),
                    ],
                ],
            )),
        }
    }

    fn ask(text: &str) -> Result<Answer, SoqlError> {
        let now = "2026-08-31T00:00:00Z".parse().unwrap();
        run(&org(), text, &parse(text)?, "/s", now)
    }

    fn names(condition: &str) -> String {
        let answer = ask(&format!("SELECT Name FROM Account {condition}")).unwrap();
        let names: Vec<&str> = answer
            .records
            .iter()
            .map(|it| it["Name"].as_str().unwrap())
            .collect();
        names.join(" ")
    }

    #[test]
    fn records_carry_attributes_and_parents() {
        let answer =
            ask("SELECT id, owner.name, Owner.Id FROM account WHERE Name = 'ACME'").unwrap();
        assert_eq!(
            answer.records,
            [json!({
                "attributes": {"type": "Account", "url": "/s/Account/001000000000001AAA"},
                "Id": "001000000000001AAA",
                "Owner": {
                    "attributes": {"type": "User", "url": "/s/User/005000000000001AAA"},
                    "Name": "Jane Doe",
                    "Id": "005000000000001AAA",
                },
            })]
        );
        let orphan = ask("SELECT Owner.Name FROM Account WHERE OwnerId = null").unwrap();
        assert_eq!(orphan.records[0]["Owner"], Value::Null);
    }

    #[test]
    fn conditions_select_rows() {
        assert_eq!(
            names("WHERE Name LIKE 'ac%' ORDER BY Name DESC"),
            "acorn Acme"
        );
        assert_eq!(names("WHERE Employees > 2"), "Acme");
        assert_eq!(names("WHERE Employees != 2"), "Acme Birch");
        assert_eq!(
            names("WHERE (Name = 'Acme' OR Name = 'Birch') AND NOT Employees = 10"),
            "Birch"
        );
        assert_eq!(names("WHERE Id IN ('001000000000002') "), "acorn");
        assert_eq!(
            names("WHERE CreatedDate > 2026-08-19T00:00:00Z"),
            "acorn Birch"
        );
        assert_eq!(names("WHERE CreatedDate = LAST_N_DAYS:2"), "Birch");
        assert_eq!(
            names("WHERE OwnerId IN (SELECT Id FROM User WHERE Name = 'Jane Doe')"),
            "Acme Birch"
        );
        assert_eq!(names("WHERE Owner.Name != 'Jane Doe'"), "acorn");
        assert_eq!(
            names("ORDER BY Employees NULLS LAST LIMIT 2 OFFSET 1"),
            "Acme Birch"
        );
    }

    #[test]
    fn counts_and_groups_are_given() {
        assert_eq!(ask("SELECT count() FROM Account").unwrap().total, 3);
        let answer =
            ask("SELECT OwnerId, COUNT(Id), MAX(Employees) most FROM Account GROUP BY OwnerId")
                .unwrap();
        assert_eq!(answer.records[0]["expr0"], 2);
        assert_eq!(answer.records[0]["most"], 10);
        assert_eq!(answer.total, 2);
        assert_eq!(answer.columns[1].name, "expr0");
        assert!(answer.columns[1].aggregate);
        let err = ask("SELECT Name, COUNT(Id) FROM Account").unwrap_err();
        assert!(
            err.message
                .ends_with("Field must be grouped or aggregated: Name")
        );
    }

    #[test]
    fn refusals_name_the_place() {
        let err = ask("SELECT NoSuch__x FROM Account").unwrap_err();
        assert_eq!(err.code, "INVALID_FIELD");
        assert!(err.message.starts_with(
            "\nSELECT NoSuch__x FROM Account\n       ^\nERROR at Row:1:Column:8\nNo such column 'NoSuch__x' on entity 'Account'."
        ));
        let err = ask("select Id from Foo").unwrap_err();
        assert_eq!(err.code, "INVALID_TYPE");
        assert!(
            err.message
                .contains("Column:16\nsObject type 'Foo' is not supported.")
        );
        for text in [
            "SELECT Id FROM Account WHERE Employees = 'x'",
            "SELECT Id FROM Account WHERE Name = 5",
            "SELECT Id FROM Account WHERE CreatedDate = '2026-08-01'",
            "SELECT Boss.Name FROM Account",
            "SELECT Id FROM Account ORDER BY Nope",
            "SELECT Id FROM Account WHERE Employees LIKE '1%'",
        ] {
            assert_eq!(ask(text).unwrap_err().code, "INVALID_FIELD", "{text}");
        }
    }
}
