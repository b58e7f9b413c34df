//! Rows that were found, as they are told.

use serde_json::{Map, Value, json};

use super::{
    super::{Bench, Cell, StoreError, bench::compound, fit::setup_of},
    Found, Rows,
    plan::{ChildPlan, Out, Plan},
};
use crate::simorg::soql::{Field, Kind, Object};

impl Bench<'_> {
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

    pub(super) fn record(
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

    pub(super) fn children(
        &self,
        plan: &ChildPlan,
        id: &str,
        url: &str,
    ) -> Result<Value, StoreError> {
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

    pub(super) fn by_type(
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
    pub(super) fn put(
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
    pub(super) fn name_of(&self, id: &str) -> Option<String> {
        let parsed = id.parse().ok()?;
        if let Some(object) = self.schema.object_of(parsed) {
            return Some(object.name.clone());
        }
        let name = setup_of(parsed.prefix());
        (!name.is_empty()).then(|| name.to_owned())
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
