//! Insert, update, upsert: the one way into the store.
//!
//! Invariant: each row is a step of its own: what a refused row or a rule did
//! on its way is gone with it.

use std::{collections::HashMap, sync::Arc};

use serde_json::{Map, Value};

use super::{
    Act, Bench, Cell, Draft, Item, Options, RowError, Saved,
    check::{Taken, take},
    traps,
};
use crate::{
    model::RecordId,
    simorg::{
        soql::{Field, Kind, Object},
        state::Permission,
    },
};

/// An object as it is and as the user sees it.
pub(super) struct Known {
    pub full: Arc<Object>,
    pub seen: Arc<Object>,
    /// Places of fields in `full`, by names as they came.
    names: HashMap<String, Option<usize>>,
}

/// One call of [`Bench::run`].
pub(super) struct Run<'a, 'b> {
    pub bench: &'a Bench<'b>,
    pub options: Options,
    known: HashMap<String, Known>,
}

impl Bench<'_> {
    /// Does `act` with each item, in order; gives what came of each.
    #[must_use]
    pub fn run(&self, act: &Act, items: &[Item], options: Options) -> Vec<Result<Saved, RowError>> {
        let attempt = || -> Result<Vec<Result<Saved, RowError>>, RowError> {
            self.make_ready()?;
            self.store.begin()?;
            let mut run = Run {
                bench: self,
                options,
                known: HashMap::new(),
            };
            let mut results = Vec::with_capacity(items.len());
            for item in items {
                self.store.begin()?;
                let result = run.one(act, item);
                match &result {
                    Ok(_) => self.store.keep()?,
                    Err(_) => self.store.undo()?,
                }
                results.push(result);
            }
            let failed = results.iter().any(Result::is_err);
            if options.all_or_none && failed {
                self.store.undo()?;
                for result in results.iter_mut().filter(|it| it.is_ok()) {
                    *result = Err(RowError::rolled_back());
                }
            } else {
                self.store.note_numbers()?;
                self.store.keep()?;
            }
            Ok(results)
        };
        attempt().unwrap_or_else(|err| items.iter().map(|_| Err(err.clone())).collect())
    }
}

impl Run<'_, '_> {
    fn one(&mut self, act: &Act, item: &Item) -> Result<Saved, RowError> {
        let name = self.name_of(item)?;
        self.know(&name)?;
        match act {
            Act::Insert => self.insert(&name, &item.values),
            Act::Update => {
                let id = item.id.as_deref().ok_or_else(missing_id)?;
                self.update(&name, id, &item.values)
            }
            Act::Upsert(key) => self.upsert(&name, key, item),
            Act::Delete | Act::HardDelete | Act::Undelete | Act::Empty => {
                let id = item.id.as_deref().ok_or_else(missing_id)?;
                let known = self.known(&name);
                let (full, seen) = (Arc::clone(&known.full), Arc::clone(&known.seen));
                match act {
                    Act::Delete => self.bench.delete(&full, &seen, id),
                    Act::HardDelete => self.bench.hard_delete(&full, &seen, id),
                    Act::Undelete => self.bench.undelete(&full, &seen, id),
                    _ => self.bench.empty(&full, id),
                }
            }
        }
    }

    /// The object of an item, from its id where it is not named.
    fn name_of(&self, item: &Item) -> Result<String, RowError> {
        if !item.object.is_empty() {
            return Ok(item.object.clone());
        }
        let id = item.id.as_deref().unwrap_or_default();
        let id: RecordId = id
            .parse()
            .map_err(|_| RowError::new("MALFORMED_ID", format!("malformed id {id}")))?;
        let object = self.bench.schema.object_of(id);
        object
            .map(|it| it.name.clone())
            .ok_or_else(RowError::cross_reference)
    }

    fn know(&mut self, name: &str) -> Result<(), RowError> {
        if self.known.contains_key(name) {
            return Ok(());
        }
        let full = self.bench.schema.object(name);
        let (Some(full), Some(seen)) = (full, self.bench.object(name)) else {
            let message = format!("sObject type '{name}' is not supported.");
            return Err(RowError::new("INVALID_TYPE", message));
        };
        self.known.insert(
            name.to_owned(),
            Known {
                full,
                seen,
                names: HashMap::new(),
            },
        );
        Ok(())
    }

    fn known(&self, name: &str) -> &Known {
        &self.known[name]
    }

    /// The place of the field `name` that this user sees.
    fn place(&mut self, object: &str, name: &str) -> Option<usize> {
        let known = self.known.get_mut(object)?;
        if let Some(found) = known.names.get(name) {
            return *found;
        }
        let seen = known.seen.field(name).map(|(_, it)| it.name.clone());
        let found = seen.and_then(|it| known.full.field(&it)).map(|it| it.0);
        known.names.insert(name.to_owned(), found);
        found
    }

    fn insert(&mut self, name: &str, values: &Map<String, Value>) -> Result<Saved, RowError> {
        let bench = self.bench;
        let (full, seen) = self.both(name);
        if !seen.can.create {
            return Err(RowError::not_supported(&full.name, "create"));
        }
        let mut draft = Draft::new(&full, None);
        self.fill(&mut draft, values)?;
        self.default(&mut draft)?;
        bench.before(&mut draft)?;
        self.require(&draft)?;
        self.refer(&draft)?;
        self.unique(&draft, None)?;
        let allow = self.options.allow_duplicates;
        bench.spring(&full, traps::Act::Insert, None, &draft.cells, allow)?;
        let id = match draft.id {
            Some(id) => id,
            None => bench.store.next_id(&full)?,
        };
        bench.store.insert(&full, id, &draft.cells)?;
        for (at, bytes) in &draft.blobs {
            bench.store.put_blob(id, &full.fields[*at].name, bytes)?;
        }
        bench.after(&draft, id)?;
        Ok(Saved { id, created: true })
    }

    fn update(
        &mut self,
        name: &str,
        id: &str,
        values: &Map<String, Value>,
    ) -> Result<Saved, RowError> {
        let bench = self.bench;
        let (full, seen) = self.both(name);
        if !seen.can.update {
            return Err(RowError::not_supported(&full.name, "update"));
        }
        let row = bench.existing(&full, id)?;
        let mut draft = Draft::new(&full, Some(&row));
        self.fill(&mut draft, values)?;
        draft.stamp(bench, false);
        bench.before(&mut draft)?;
        self.require(&draft)?;
        self.refer(&draft)?;
        self.unique(&draft, Some(row.rowid))?;
        let allow = self.options.allow_duplicates;
        bench.spring(&full, traps::Act::Update, Some(row.id), &draft.cells, allow)?;
        bench.store.update(&full, row.rowid, &draft.changes())?;
        for (at, bytes) in &draft.blobs {
            bench
                .store
                .put_blob(row.id, &full.fields[*at].name, bytes)?;
        }
        bench.after(&draft, row.id)?;
        Ok(Saved {
            id: row.id,
            created: false,
        })
    }

    fn upsert(&mut self, name: &str, key: &str, item: &Item) -> Result<Saved, RowError> {
        let (full, _) = self.both(name);
        let Some(at) = self.place(name, key) else {
            return Err(no_key(key));
        };
        let field = &full.fields[at];
        if field.name == "Id" {
            let id = item.id.clone().or_else(|| given(&item.values, "Id"));
            let mut values = item.values.clone();
            values.retain(|name, _| !name.eq_ignore_ascii_case("Id"));
            return match id {
                Some(id) => self.update(name, &id, &values),
                None => self.insert(name, &values),
            };
        }
        if !field.id_lookup {
            return Err(no_key(key));
        }
        let value = item
            .values
            .iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(key))
            .map_or(Value::Null, |it| it.1.clone());
        let cell = match take(field, &value)? {
            Taken::Cell(cell) if !cell.is_null() => cell,
            _ => {
                let message = format!("{} not specified", field.name);
                return Err(RowError::new("MISSING_ARGUMENT", message).about([&field.name]));
            }
        };
        let mut found = self.bench.store.rows_with(&full, at, &cell)?;
        match found.len() {
            0 => self.insert(name, &item.values),
            1 => {
                let row = found.remove(0);
                let mut values = item.values.clone();
                values.retain(|it, _| !it.eq_ignore_ascii_case(key));
                self.update(name, row.id.as_str(), &values)
            }
            _ => {
                let ids: Vec<&str> = found.iter().map(|it| it.id.as_str()).collect();
                let message = format!(
                    "{}: more than one record found for external id field: [{}]",
                    field.name,
                    ids.join(", ")
                );
                Err(RowError::new("DUPLICATE_EXTERNAL_ID", message)
                    .about([&field.name])
                    .status(300))
            }
        }
    }

    fn both(&self, name: &str) -> (Arc<Object>, Arc<Object>) {
        let known = self.known(name);
        (Arc::clone(&known.full), Arc::clone(&known.seen))
    }

    /// Puts the values of a request into a draft.
    fn fill(&mut self, draft: &mut Draft<'_>, values: &Map<String, Value>) -> Result<(), RowError> {
        let object = Arc::clone(draft.object);
        let mut locked = Vec::new();
        for (name, value) in values {
            if name == "attributes" || name == "type" {
                continue;
            }
            if let Value::Object(parent) = value {
                self.parent(draft, name, parent)?;
                continue;
            }
            let Some(at) = self.place(&object.name, name) else {
                let message = format!("No such column '{name}' on sobject of type {}", object.name);
                return Err(RowError::new("INVALID_FIELD", message));
            };
            let field = &object.fields[at];
            if field.name == "Id" {
                if value.is_null() || value.as_str().is_some_and(str::is_empty) {
                    continue;
                }
                if draft.old.is_none() {
                    let message = "cannot specify Id in an insert call";
                    return Err(
                        RowError::new("INVALID_FIELD_FOR_INSERT_UPDATE", message).about(["Id"])
                    );
                }
                continue;
            }
            if !self.is_writable(draft, at) {
                locked.push(field.name.clone());
                continue;
            }
            match take(field, value)? {
                Taken::Cell(cell) => draft.give(at, cell),
                Taken::Bytes(bytes) => draft.give_bytes(at, bytes),
            }
        }
        if locked.is_empty() {
            return Ok(());
        }
        let message = format!(
            "Unable to create/update fields: {}. Please check the security settings of this field and verify \
             that it is read/write for your profile or permission set.",
            locked.join(", ")
        );
        let mut error = RowError::new("INVALID_FIELD_FOR_INSERT_UPDATE", message);
        error.fields = locked;
        Err(error)
    }

    fn is_writable(&self, draft: &Draft<'_>, at: usize) -> bool {
        let name = &draft.object.fields[at].name;
        let known = self
            .known
            .values()
            .find(|it| it.full.name == draft.object.name);
        let Some((_, field)) = known.and_then(|it| it.seen.field(name)) else {
            return false;
        };
        if draft.old.is_some() {
            return field.updateable;
        }
        let is_audit = matches!(
            name.as_str(),
            "CreatedDate" | "CreatedById" | "LastModifiedDate" | "LastModifiedById"
        );
        field.createable || (is_audit && self.bench.user.may(Permission::SetAuditFields))
    }

    /// A parent that is named by an external id.
    fn parent(
        &mut self,
        draft: &mut Draft<'_>,
        name: &str,
        values: &Map<String, Value>,
    ) -> Result<(), RowError> {
        let object = Arc::clone(draft.object);
        let Some((at, reference)) = object.relationship(name) else {
            let message = format!("No such column '{name}' on sobject of type {}", object.name);
            return Err(RowError::new("INVALID_FIELD", message));
        };
        let kind = values
            .get("attributes")
            .and_then(|it| it["type"].as_str())
            .or_else(|| reference.targets.first().map(String::as_str))
            .unwrap_or_default()
            .to_owned();
        let mut keys = values.iter().filter(|(it, _)| *it != "attributes");
        let Some((key, value)) = keys.next() else {
            draft.give(at, Cell::Null);
            return Ok(());
        };
        if !self.is_writable(draft, at) {
            return Err(RowError::new(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                format!(
                    "Unable to create/update fields: {}. Please check the security settings of this field and \
                     verify that it is read/write for your profile or permission set.",
                    object.fields[at].name
                ),
            )
            .about([&object.fields[at].name]));
        }
        let unknown = || {
            RowError::new(
                "INVALID_FIELD",
                format!(
                    "Foreign key external ID: {} not found for field {key} in entity {kind}",
                    value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned)
                ),
            )
        };
        let id = if let Some(target) = self.bench.object(&kind) {
            let Some((key_at, field)) = target.field(key).filter(|it| it.1.id_lookup) else {
                let message = format!(
                    "Field name provided, {key} is not an External ID or indexed field for {kind}"
                );
                return Err(RowError::new("INVALID_FIELD", message));
            };
            let Taken::Cell(cell) = take(field, value)? else {
                return Err(unknown());
            };
            if field.name == "Id" {
                cell.as_id()
            } else {
                let found = self.bench.store.rows_with(&target, key_at, &cell)?;
                match found.as_slice() {
                    [] => None,
                    [one] => Some(one.id),
                    _ => {
                        let message =
                            format!("{key}: more than one record found for external id field");
                        return Err(RowError::new("DUPLICATE_EXTERNAL_ID", message));
                    }
                }
            }
        } else {
            self.setup_id(&kind, key, value)
        };
        draft.give(at, Cell::id(id.ok_or_else(unknown)?));
        Ok(())
    }

    /// The id of a row of the setup: a user by name, a record type by developer name.
    fn setup_id(&self, object: &str, key: &str, value: &Value) -> Option<RecordId> {
        let table = self.bench.setup.table(object)?;
        let (at, _) = table.object.field(key)?;
        let (id, _) = table.object.field("Id")?;
        let same = |a: &Value, b: &Value| match (a.as_str(), b.as_str()) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            _ => a == b,
        };
        let row = table.rows.iter().find(|row| same(&row[at], value))?;
        row[id].as_str()?.parse().ok()
    }

    /// Gives a new row what it was not given.
    fn default(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
        let object = Arc::clone(draft.object);
        for (at, field) in object.fields.iter().enumerate() {
            if draft.given[at] {
                continue;
            }
            if let Some(default) = &field.default {
                if let Ok(Taken::Cell(cell)) = take(field, &Value::from(default.as_str())) {
                    draft.cells[at] = cell;
                }
            } else if field.kind == Kind::Boolean {
                draft.cells[at] = Cell::Int(0);
            }
        }
        self.bench.number(draft)?;
        draft.stamp(self.bench, true);
        Ok(())
    }

    /// No field is empty that must not be.
    #[expect(clippy::unused_self, reason = "a check as the others are")]
    fn require(&self, draft: &Draft<'_>) -> Result<(), RowError> {
        let is_missing = |(at, field): &(usize, &Field)| {
            let is_asked = match draft.old {
                None => field.createable,
                Some(_) => draft.given[*at],
            };
            !field.nillable
                && is_asked
                && !matches!(field.kind, Kind::Boolean | Kind::Base64)
                && field.is_stored()
                && draft.cells[*at].is_null()
        };
        let fields = draft.object.fields.iter().enumerate();
        let missing: Vec<String> = fields
            .filter(is_missing)
            .map(|(_, it)| it.name.clone())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let message = format!("Required fields are missing: [{}]", missing.join(", "));
        let mut error = RowError::new("REQUIRED_FIELD_MISSING", message);
        error.fields = missing;
        Err(error)
    }

    /// Every reference that was given leads somewhere.
    fn refer(&self, draft: &Draft<'_>) -> Result<(), RowError> {
        let bench = self.bench;
        for (at, field) in draft.object.fields.iter().enumerate() {
            let (Some(reference), Some(id)) = (&field.reference, draft.cells[at].as_id()) else {
                continue;
            };
            if !draft.given[at] || draft.old.is_some_and(|it| it.cells[at] == draft.cells[at]) {
                continue;
            }
            bench.leads(field, &reference.targets, id)?;
            if field.name == "OwnerId" {
                bench.owner(draft.object, id)?;
            }
        }
        Ok(())
    }

    /// No other row has the same where that must not be.
    fn unique(&self, draft: &Draft<'_>, own: Option<i64>) -> Result<(), RowError> {
        for (at, field) in draft.object.fields.iter().enumerate() {
            if !field.unique || draft.cells[at].is_null() {
                continue;
            }
            if draft.old.is_some_and(|it| it.cells[at] == draft.cells[at]) {
                continue;
            }
            self.bench.unique(draft.object, at, &draft.cells[at], own)?;
        }
        Ok(())
    }
}

fn missing_id() -> RowError {
    RowError::new("MISSING_ARGUMENT", "Id not specified in an update call").about(["Id"])
}

fn no_key(key: &str) -> RowError {
    let message = format!("Provided external ID field does not exist or is not accessible: {key}");
    RowError::new("NOT_FOUND", message).status(404)
}

fn given(values: &Map<String, Value>, name: &str) -> Option<String> {
    let found = values
        .iter()
        .find(|(it, _)| it.eq_ignore_ascii_case(name))?;
    let text = found.1.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}
