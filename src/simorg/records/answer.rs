//! Queries over records: found first, read page by page after.
//!
//! Invariant: a [`Found`] holds where its rows are, not the rows; groups alone
//! are held as they are, for nothing else tells them again.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    Bench, Cell, StoreError,
    bench::compound,
    sql::{Scope, kind_of, source},
    store::collation,
};
use crate::simorg::soql::{
    Call, Field, Function, Group, Item, Kind, Object, Path, Query, SoqlError,
};

/// Most rows that a query may skip.
///
/// Source: SOQL and SOSL Reference, "OFFSET".
const MAX_OFFSET: usize = 2_000;

/// Most rows of a query with `FIELDS(ALL)` or `FIELDS(CUSTOM)`.
///
/// Source: SOQL and SOSL Reference, "`FIELDS()`".
const MAX_ROWS_OF_ALL_FIELDS: usize = 200;

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

/// How the rows of a query are read.
struct Plan {
    /// Reads one row by its place.
    sql: String,
    outs: Vec<Out>,
}

/// One thing that is asked of a row; numbers are places in the row of [`Plan::sql`].
enum Out {
    Field {
        at: usize,
        field: Field,
        /// Name of each relationship on the way, place of the parent's id.
        steps: Vec<(String, usize)>,
    },
    Compound {
        field: Field,
        object: Arc<Object>,
        /// Places of the parts, by place in the object.
        parts: Vec<(usize, usize)>,
        steps: Vec<(String, usize)>,
    },
    Children {
        name: String,
        plan: Box<ChildPlan>,
    },
    TypeOf {
        name: String,
        id: usize,
        /// Object, fields and their places.
        whens: Vec<(String, Vec<(Field, usize)>)>,
    },
}

struct ChildPlan {
    object: Arc<Object>,
    /// Finds the places of the children of one parent: its id is the first parameter.
    find: String,
    params: Vec<Cell>,
    plan: Plan,
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

    /// The groups of a query that groups or aggregates.
    fn groups(
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

    /// How the rows of a query are read.
    fn plan(
        &self,
        scope: &mut Scope<'_, '_>,
        query: &Query,
    ) -> Result<(Plan, Vec<OutColumn>), SoqlError> {
        let mut selected = vec![format!("{}.\"Id\"", scope.alias)];
        let mut outs = Vec::new();
        let mut columns = Vec::new();
        for item in &query.items {
            match item {
                Item::Field(path) | Item::Rendered(path, _) => {
                    if path.call.is_some() {
                        let reason = "unexpected token: '('";
                        return Err(SoqlError::malformed(scope.text, path.at, reason));
                    }
                    let out = self.out(scope, path, &mut selected)?;
                    columns.push(column_of_out(&out));
                    outs.push(out);
                }
                Item::Fields(group, at) => {
                    let unbounded = query.limit.is_none_or(|it| it > MAX_ROWS_OF_ALL_FIELDS);
                    if *group != Group::Standard && unbounded {
                        let reason = "The SOQL FIELDS function must have a LIMIT of at most 200";
                        return Err(SoqlError::malformed(scope.text, *at, reason));
                    }
                    let object = Arc::clone(&scope.object);
                    for field in &object.fields {
                        let is_wanted = match group {
                            Group::All => true,
                            Group::Standard => !field.custom,
                            Group::Custom => field.custom,
                        };
                        if is_wanted {
                            let path = Path {
                                call: None,
                                parts: vec![field.name.clone()],
                                at: *at,
                            };
                            let out = self.out(scope, &path, &mut selected)?;
                            columns.push(column_of_out(&out));
                            outs.push(out);
                        }
                    }
                }
                Item::CountAll => {
                    if query.items.len() > 1 {
                        let reason = "unexpected token: '('";
                        return Err(SoqlError::malformed(scope.text, query.from_at, reason));
                    }
                }
                Item::Aliased(path, _) => {
                    let reason = "only aggregate expressions use field aliasing";
                    return Err(SoqlError::malformed(scope.text, path.at, reason));
                }
                Item::Aggregate { .. } => {
                    let reason = "unexpected token: '('";
                    return Err(SoqlError::malformed(scope.text, query.from_at, reason));
                }
                Item::Children(inner) => {
                    let (name, plan) = self.child_plan(scope, inner)?;
                    columns.push(OutColumn {
                        name: name.clone(),
                        field: None,
                        aggregate: false,
                    });
                    outs.push(Out::Children {
                        name,
                        plan: Box::new(plan),
                    });
                }
                Item::TypeOf {
                    path,
                    whens,
                    otherwise,
                } => {
                    let out = self.type_of(scope, path, whens, otherwise, &mut selected)?;
                    columns.push(column_of_out(&out));
                    outs.push(out);
                }
            }
        }
        let sql = format!(
            "SELECT {} {} WHERE {}.rowid = ?",
            selected.join(", "),
            scope.from(),
            scope.alias
        );
        Ok((Plan { sql, outs }, columns))
    }

    fn out(
        &self,
        scope: &mut Scope<'_, '_>,
        path: &Path,
        selected: &mut Vec<String>,
    ) -> Result<Out, SoqlError> {
        let column = scope.column(path)?;
        let mut place = |sql: String| {
            if let Some(at) = selected.iter().position(|it| *it == sql) {
                return at;
            }
            selected.push(sql);
            selected.len() - 1
        };
        let steps: Vec<(String, usize)> = column
            .steps
            .into_iter()
            .map(|(name, key)| (name, place(key)))
            .collect();
        if !column.field.kind.is_compound() {
            return Ok(Out::Field {
                at: place(column.sql),
                field: column.field,
                steps,
            });
        }
        let object = source(self, &column.object).map(|it| it.0);
        let object = object.unwrap_or_else(|| Arc::clone(&scope.object));
        let mut parts = Vec::new();
        for (at, part) in object.fields.iter().enumerate() {
            if part.compound.as_deref() == Some(&column.field.name) {
                let mut names = path.parts.clone();
                if let Some(last) = names.last_mut() {
                    last.clone_from(&part.name);
                }
                let path = Path {
                    parts: names,
                    ..path.clone()
                };
                let sql = scope.column(&path)?.sql;
                if let Some(known) = selected.iter().position(|it| *it == sql) {
                    parts.push((at, known));
                } else {
                    selected.push(sql);
                    parts.push((at, selected.len() - 1));
                }
            }
        }
        Ok(Out::Compound {
            field: column.field,
            object,
            parts,
            steps,
        })
    }

    fn child_plan(
        &self,
        scope: &Scope<'_, '_>,
        query: &Query,
    ) -> Result<(String, ChildPlan), SoqlError> {
        let parent = &scope.object.name;
        let links = self.links_to(parent);
        let link = links.into_iter().find(|it| {
            it.name()
                .is_some_and(|it| it.eq_ignore_ascii_case(&query.from))
        });
        let Some(link) = link else {
            return Err(SoqlError::no_relationship_down(
                scope.text,
                query.from_at,
                &query.from,
            ));
        };
        let name = link.name().unwrap_or_default().to_owned();
        let no_object = || SoqlError::no_object(scope.text, query.from_at, &query.from);
        let (object, table) = source(self, &link.child.name).ok_or_else(no_object)?;
        self.store
            .index(&link.child, link.field())
            .map_err(|err| broken(&err))?;
        let mut inner = Scope::over(self, scope.text, object, table, query.alias.clone(), 5);
        if is_grouped(query) {
            let reason = "Aggregate functions are not supported in sub-queries";
            return Err(SoqlError::malformed(scope.text, query.from_at, reason));
        }
        if query.items.iter().any(|it| matches!(it, Item::Children(_))) {
            let reason = "sub-queries of sub-queries are not supported in this version";
            return Err(SoqlError::malformed(scope.text, query.from_at, reason));
        }
        let (plan, _) = self.plan(&mut inner, query)?;
        let key = Path {
            call: None,
            parts: vec![link.field().name.clone()],
            at: query.from_at,
        };
        let key = inner.column(&key)?.sql;
        let (find, params) = finder(&mut inner, query, false, Some(&key))?;
        Ok((
            name,
            ChildPlan {
                object: Arc::clone(&inner.object),
                find,
                params,
                plan,
            },
        ))
    }

    fn type_of(
        &self,
        scope: &mut Scope<'_, '_>,
        path: &Path,
        whens: &[(String, Vec<Path>)],
        otherwise: &[Path],
        selected: &mut Vec<String>,
    ) -> Result<Out, SoqlError> {
        let name = path.parts.last().map(String::as_str).unwrap_or_default();
        let object = Arc::clone(&scope.object);
        let Some((at, reference)) = object.relationship(name) else {
            return Err(SoqlError::no_relationship(scope.text, path.at, name));
        };
        let key = Path {
            call: None,
            parts: vec![object.fields[at].name.clone()],
            at: path.at,
        };
        let key = scope.column(&key)?.sql;
        selected.push(key.clone());
        let id = selected.len() - 1;
        let mut all = Vec::new();
        for target in &reference.targets {
            let fields = whens
                .iter()
                .find(|it| it.0.eq_ignore_ascii_case(target))
                .map_or(otherwise, |it| it.1.as_slice());
            let Some((parent, table)) = source(self, target) else {
                continue;
            };
            let mut outs = Vec::new();
            for field in fields {
                let inner_table = table.clone();
                let mut inner =
                    Scope::over(self, scope.text, Arc::clone(&parent), inner_table, None, 7);
                let found = match inner.column(field) {
                    Ok(found) => found,
                    // What is asked of all others need not be there for each.
                    Err(_) if std::ptr::eq(fields, otherwise) => continue,
                    Err(err) => return Err(err),
                };
                selected.push(format!(
                    "(SELECT {} {} WHERE {}.\"Id\" = {key})",
                    found.sql,
                    inner.from(),
                    inner.alias
                ));
                outs.push((found.field, selected.len() - 1));
            }
            all.push((parent.name.clone(), outs));
        }
        Ok(Out::TypeOf {
            name: reference.relationship.clone().unwrap_or_default(),
            id,
            whens: all,
        })
    }

    /// Rows of what a query found, from `start` on and at most `count`, as REST
    /// gives them; `url` stands before object and id in a record's own.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn page(
        &self,
        found: &Found,
        start: usize,
        count: usize,
        url: &str,
    ) -> Result<Vec<Value>, StoreError> {
        match &found.rows {
            Rows::Count(_) => Ok(Vec::new()),
            Rows::Groups(groups) => {
                let page = groups.iter().skip(start).take(count);
                let record = |values: &Vec<Value>| {
                    let mut record = Map::new();
                    record.insert("attributes".to_owned(), json!({"type": "AggregateResult"}));
                    for (column, value) in found.columns.iter().zip(values) {
                        record.insert(column.name.clone(), value.clone());
                    }
                    Value::Object(record)
                };
                Ok(page.map(record).collect())
            }
            Rows::Records(rows, plan) => {
                let mut page = Vec::new();
                for row in rows.iter().skip(start).take(count) {
                    page.extend(self.record(&found.object, plan, *row, url)?);
                }
                Ok(page)
            }
        }
    }

    /// The same rows as plain values, in the order of [`Found::columns`].
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub fn cells(
        &self,
        found: &Found,
        start: usize,
        count: usize,
    ) -> Result<Vec<Vec<Value>>, StoreError> {
        let (rows, plan) = match &found.rows {
            Rows::Count(_) => return Ok(Vec::new()),
            Rows::Groups(groups) => {
                return Ok(groups.iter().skip(start).take(count).cloned().collect());
            }
            Rows::Records(rows, plan) => (rows, plan),
        };
        let mut page = Vec::new();
        for row in rows.iter().skip(start).take(count) {
            self.store
                .select(&plan.sql, &[Cell::Int(*row)], &mut |cells| {
                    let values = plan.outs.iter().map(|out| match out {
                        Out::Field { at, field, .. } => {
                            self.shown(field, &cells[*at]).to_json(field.kind)
                        }
                        _ => Value::Null,
                    });
                    page.push(values.collect());
                    true
                })?;
        }
        Ok(page)
    }

    fn record(
        &self,
        object: &Object,
        plan: &Plan,
        row: i64,
        url: &str,
    ) -> Result<Option<Value>, StoreError> {
        let mut cells = Vec::new();
        self.store
            .select(&plan.sql, &[Cell::Int(row)], &mut |found| {
                cells = found;
                false
            })?;
        let Some(id) = cells.first().and_then(Cell::as_str) else {
            return Ok(None);
        };
        let mut record = attributes(&object.name, id, url);
        for out in &plan.outs {
            match out {
                Out::Field { at, field, steps } => {
                    let value = match field.kind {
                        Kind::Base64 => json!(format!("{url}/{}/{id}/{}", object.name, field.name)),
                        kind => self.shown(field, &cells[*at]).to_json(kind),
                    };
                    self.put(&mut record, steps, &cells, &field.name, value, url);
                }
                Out::Compound {
                    field,
                    object,
                    parts,
                    steps,
                } => {
                    let value = compound(object, field, |at| {
                        let place = parts.iter().find(|it| it.0 == at);
                        place.map_or(Cell::Null, |it| cells[it.1].clone())
                    });
                    self.put(&mut record, steps, &cells, &field.name, value, url);
                }
                Out::Children { name, plan } => {
                    record.insert(name.clone(), self.children(plan, id, url)?);
                }
                Out::TypeOf { name, id, whens } => {
                    let value = self.by_type(&cells, *id, whens, url);
                    record.insert(name.clone(), value);
                }
            }
        }
        Ok(Some(Value::Object(record)))
    }

    fn children(&self, plan: &ChildPlan, id: &str, url: &str) -> Result<Value, StoreError> {
        let mut params = vec![Cell::text(id)];
        params.extend(plan.params.iter().cloned());
        let mut rows = Vec::new();
        self.store.select(&plan.find, &params, &mut |cells| {
            if let Some(Cell::Int(row)) = cells.first() {
                rows.push(*row);
            }
            true
        })?;
        if rows.is_empty() {
            return Ok(Value::Null);
        }
        let mut records = Vec::new();
        for row in rows {
            records.extend(self.record(&plan.object, &plan.plan, row, url)?);
        }
        Ok(json!({"totalSize": records.len(), "done": true, "records": records}))
    }

    fn by_type(
        &self,
        cells: &[Cell],
        id: usize,
        whens: &[(String, Vec<(Field, usize)>)],
        url: &str,
    ) -> Value {
        let Some(id) = cells[id].as_id() else {
            return Value::Null;
        };
        let Some(name) = self.name_of(id.as_str()) else {
            return Value::Null;
        };
        let mut record = attributes(&name, id.as_str(), url);
        let fields = whens.iter().find(|it| it.0 == name);
        for (field, at) in fields.into_iter().flat_map(|it| &it.1) {
            let value = self.shown(field, &cells[*at]).to_json(field.kind);
            record.insert(field.name.clone(), value);
        }
        Value::Object(record)
    }

    /// Puts a value into a record, making the records of parents on the way.
    fn put(
        &self,
        record: &mut Map<String, Value>,
        steps: &[(String, usize)],
        cells: &[Cell],
        name: &str,
        value: Value,
        url: &str,
    ) {
        let Some(((relationship, at), rest)) = steps.split_first() else {
            record.insert(name.to_owned(), value);
            return;
        };
        let Some(id) = cells[*at].as_str() else {
            record.insert(relationship.clone(), Value::Null);
            return;
        };
        let entry = record.entry(relationship.clone()).or_insert_with(|| {
            let object = self.name_of(id).unwrap_or_else(|| "Name".to_owned());
            Value::Object(attributes(&object, id, url))
        });
        if let Value::Object(inner) = entry {
            self.put(inner, rest, cells, name, value, url);
        }
    }

    /// The object that an id belongs to, of records or of the setup.
    fn name_of(&self, id: &str) -> Option<String> {
        let parsed = id.parse().ok()?;
        if let Some(object) = self.schema.object_of(parsed) {
            return Some(object.name.clone());
        }
        let name = super::write::setup_of(parsed.prefix());
        (!name.is_empty()).then(|| name.to_owned())
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

fn is_grouped(query: &Query) -> bool {
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

fn column_of_out(out: &Out) -> OutColumn {
    let full = |steps: &[(String, usize)], name: &str| {
        let mut parts: Vec<&str> = steps.iter().map(|it| it.0.as_str()).collect();
        parts.push(name);
        parts.join(".")
    };
    let (name, field) = match out {
        Out::Field { field, steps, .. } | Out::Compound { field, steps, .. } => {
            (full(steps, &field.name), Some(field.clone()))
        }
        Out::Children { name, .. } | Out::TypeOf { name, .. } => (name.clone(), None),
    };
    OutColumn {
        name,
        field,
        aggregate: false,
    }
}

fn attributes(object: &str, id: &str, url: &str) -> Map<String, Value> {
    let mut record = Map::new();
    record.insert(
        "attributes".to_owned(),
        json!({"type": object, "url": format!("{url}/{object}/{id}")}),
    );
    record
}

fn broken(err: &StoreError) -> SoqlError {
    SoqlError::plain(
        "UNKNOWN_EXCEPTION",
        &format!("An unexpected error occurred. {err}"),
    )
}

/// What some objects do not let one ask.
///
/// Source: Object Reference, pages of the objects.
fn restrict(text: &str, query: &Query) -> Result<(), SoqlError> {
    let filtered: &[&str] = match query.from.to_ascii_lowercase().as_str() {
        "contentdocumentlink" => &["Id", "ContentDocumentId", "LinkedEntityId"],
        "vote" => &["Id", "ParentId", "Parent.Type"],
        _ => return Ok(()),
    };
    let mut is_bounded = false;
    if let Some(condition) = &query.condition {
        bounds(condition, filtered, &mut is_bounded);
    }
    if is_bounded {
        return Ok(());
    }
    let reason = "Implementation restriction: ContentDocumentLink requires a filter by a single Id on \
                  ContentDocumentId or LinkedEntityId using the equals operator or multiple Id's using the \
                  IN operator.";
    Err(SoqlError::malformed(text, query.from_at, reason))
}

/// Whether a condition bounds one of `fields` by `=` or `IN`.
fn bounds(condition: &crate::simorg::soql::Condition, fields: &[&str], found: &mut bool) {
    use crate::simorg::soql::{Condition as C, Operator};
    let is_one = |path: &Path| {
        fields
            .iter()
            .any(|it| it.eq_ignore_ascii_case(&path.text()))
    };
    match condition {
        C::And(terms) => terms.iter().for_each(|it| bounds(it, fields, found)),
        C::Compare(path, Operator::Equal, _) => *found |= is_one(path),
        C::In { path, negated, .. } | C::InQuery { path, negated, .. } => {
            *found |= is_one(path) && !negated;
        }
        _ => (),
    }
}
