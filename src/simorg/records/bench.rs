//! An org, its rows and who asks, together.

use std::{cell::RefCell, sync::Arc};

use serde_json::{Map, Value, json};

use super::{
    Cell, Draft, Link, RowError, Schema, Store, StoredRow, Traps,
    store::{StoreError, has_column},
};
use crate::{
    model::{RecordId, Timestamp},
    simorg::{
        SimOrg,
        soql::{Catalog, Field, Kind, Object},
        state::{Permission, User},
    },
};

/// An org, its rows and who asks.
pub struct Bench<'a> {
    /// The org.
    pub org: &'a SimOrg,
    /// Its rows.
    pub store: &'a Store,
    /// Its objects.
    pub schema: Arc<Schema>,
    /// The tables of the setup, as this user sees them.
    pub setup: Box<dyn Catalog + 'a>,
    /// Who asks.
    pub user: &'a User,
    /// What is to be refused on request.
    pub traps: &'a RefCell<Traps>,
}

impl Bench<'_> {
    /// The org's present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.org.now()
    }

    /// The object `name` as this user sees it; none where there is no such
    /// object for this user.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Arc<Object>> {
        let object = self.schema.object(name)?;
        if self.store.fit(&object).is_err() {
            return None;
        }
        let access = &self.user.access;
        if access.hides_object(&object.name) {
            return None;
        }
        if access.is_plain() {
            return Some(object);
        }
        let mut seen = Object::clone(&object);
        let name = seen.name.clone();
        seen.fields
            .retain(|it| !it.permissionable || !access.hides_field(&name, &it.name));
        for field in &mut seen.fields {
            if access.locks_field(&name, &field.name) {
                (field.createable, field.updateable) = (false, false);
            }
        }
        seen.can.create &= access.may_create(&name);
        seen.can.update &= access.may_update(&name);
        seen.can.delete &= access.may_delete(&name);
        Some(Arc::new(seen))
    }

    /// All objects with records that this user sees, by name.
    #[must_use]
    pub fn objects(&self) -> Vec<Arc<Object>> {
        let all = self.schema.objects();
        all.filter(|it| !self.user.access.hides_object(&it.name))
            .cloned()
            .collect()
    }

    /// The references that lead to `object` and that this user sees.
    #[must_use]
    pub fn links_to(&self, object: &str) -> Vec<&Link> {
        let access = &self.user.access;
        let links = self.schema.links_to(object).iter();
        links
            .filter(|it| {
                !access.hides_object(&it.child.name)
                    && !access.hides_field(&it.child.name, &it.field().name)
            })
            .collect()
    }

    /// One record that is not deleted, by its id.
    ///
    /// `fields` are names of fields in any case; all where there are none.
    ///
    /// # Errors
    ///
    /// [`RowError`]: no such object, record or field, or a deleted record.
    pub fn read(
        &self,
        object: &str,
        id: &str,
        fields: Option<&[&str]>,
        url: &str,
    ) -> Result<Value, RowError> {
        let object = self.object(object).ok_or_else(RowError::not_found)?;
        self.make_ready()?;
        let row = self.existing(&object, id)?;
        self.record_of(&object, &row, fields, url)
    }

    /// A row as REST gives it.
    ///
    /// # Errors
    ///
    /// [`RowError`] for a field that is not there.
    pub fn record_of(
        &self,
        object: &Object,
        row: &StoredRow,
        fields: Option<&[&str]>,
        url: &str,
    ) -> Result<Value, RowError> {
        for name in fields.into_iter().flatten() {
            if object.field(name).is_none() {
                let message = format!("No such column '{name}' on sobject of type {}", object.name);
                return Err(RowError::new("INVALID_FIELD", message));
            }
        }
        let mut record = Map::new();
        let own = format!("{url}/{}/{}", object.name, row.id);
        record.insert(
            "attributes".to_owned(),
            json!({"type": object.name, "url": own}),
        );
        for (field, cell) in object.fields.iter().zip(&row.cells) {
            let is_wanted =
                fields.is_none_or(|all| all.iter().any(|it| it.eq_ignore_ascii_case(&field.name)));
            if !is_wanted && field.name != "Id" {
                continue;
            }
            let value = match field.kind {
                Kind::Base64 => json!(format!("{own}/{}", field.name)),
                kind if kind.is_compound() => compound(object, field, |at| row.cells[at].clone()),
                _ if !has_column(field) && !matches!(field.name.as_str(), "Id" | "IsDeleted") => {
                    self.computed(object, field, row)?.to_json(field.kind)
                }
                kind => self.shown(field, cell).to_json(kind),
            };
            record.insert(field.name.clone(), value);
        }
        Ok(Value::Object(record))
    }

    /// The value of a field that is computed.
    fn computed(
        &self,
        object: &Object,
        field: &Field,
        row: &StoredRow,
    ) -> Result<Cell, StoreError> {
        let Some(sql) = super::sql::computed(&self.schema, object, field, "a0") else {
            return Ok(Cell::Null);
        };
        let table = super::store::table_of(object);
        self.store.one(
            &format!("SELECT {sql} FROM {table} a0 WHERE a0.rowid = ?1"),
            &[Cell::Int(row.rowid)],
        )
    }

    /// The row of a record that is not deleted.
    ///
    /// # Errors
    ///
    /// [`RowError`]: no id, no such record, deleted.
    pub(super) fn existing(&self, object: &Object, id: &str) -> Result<StoredRow, RowError> {
        let Ok(id) = id.parse::<RecordId>() else {
            return Err(RowError::malformed_id(&object.label, id));
        };
        match self.store.row(object, id)? {
            Some(row) if !row.is_deleted => Ok(row),
            Some(_) => Err(RowError::is_deleted()),
            None if self.is_gone(id)? => Err(RowError::is_deleted()),
            None => Err(RowError::not_found()),
        }
    }

    /// Whether a record with this id was deleted for good.
    pub(super) fn is_gone(&self, id: RecordId) -> Result<bool, StoreError> {
        let found = self
            .store
            .one("SELECT 1 FROM _gone WHERE id = ?1", &[Cell::id(id)])?;
        Ok(!found.is_null())
    }

    /// What this user gets to see of a value: encrypted text is masked.
    #[must_use]
    pub(super) fn shown(&self, field: &Field, cell: &Cell) -> Cell {
        match (&field.mask, cell.as_str()) {
            (Some((kind, character)), Some(text))
                if !self.user.may(Permission::ViewEncryptedData) =>
            {
                Cell::Text(masked(text, kind, character))
            }
            _ => cell.clone(),
        }
    }

    /// Puts rows into an object as they are, unchecked, as made at `at`.
    ///
    /// `columns` are places of fields; a column `Id` gives the rows their ids,
    /// else they get fresh ones. Audit fields that are not among the columns
    /// are those of this user and moment, an owner is this user, a boolean is
    /// false; what the platform puts together (names, what a stage means) it
    /// does. Gives how many rows.
    ///
    /// # Errors
    ///
    /// [`RowError`]; rows before the one that failed are not there either.
    pub fn load(
        &self,
        object: &Arc<Object>,
        columns: &[usize],
        rows: impl Iterator<Item = Vec<Cell>>,
        at: Timestamp,
    ) -> Result<usize, RowError> {
        self.make_ready()?;
        let mut base = Draft::new(object, None);
        let (now, me) = (Cell::time(at), Cell::id(self.user.id));
        for (cell, field) in base.cells.iter_mut().zip(&object.fields) {
            *cell = match field.name.as_str() {
                "CreatedDate" | "LastModifiedDate" | "SystemModstamp" => now.clone(),
                "CreatedById" | "LastModifiedById" | "OwnerId" => me.clone(),
                _ if field.kind == Kind::Boolean => Cell::Int(0),
                _ => Cell::Null,
            };
        }
        for at in columns {
            base.given[*at] = true;
        }
        self.store.begin()?;
        let mut count = 0;
        for row in rows {
            if let Err(err) = self.load_one(&base, columns, row) {
                self.store.undo()?;
                return Err(err);
            }
            count += 1;
        }
        self.store.note_numbers()?;
        self.store.keep()?;
        Ok(count)
    }

    fn load_one(
        &self,
        base: &Draft<'_>,
        columns: &[usize],
        row: Vec<Cell>,
    ) -> Result<(), RowError> {
        let object = base.object;
        let mut draft = base.clone();
        let mut id = None;
        for (at, cell) in columns.iter().zip(row) {
            if object.fields[*at].name == "Id" {
                id = cell.as_id();
            } else if !cell.is_null() {
                draft.cells[*at] = cell;
            }
        }
        self.number(&mut draft)?;
        self.before(&mut draft)?;
        let id = match id {
            Some(id) => id,
            None => self.store.next_id(object)?,
        };
        self.store.insert(object, id, &draft.cells)?;
        Ok(())
    }
}

/// The value of a compound field, put together from its parts.
pub(super) fn compound(object: &Object, field: &Field, cell: impl Fn(usize) -> Cell) -> Value {
    let stem = field.name.strip_suffix("Address").unwrap_or(&field.name);
    let stem = stem.strip_suffix("__c").unwrap_or(stem);
    let mut whole = Map::new();
    let mut is_empty = true;
    for (at, part) in object.fields.iter().enumerate() {
        if part.compound.as_deref() != Some(&field.name) {
            continue;
        }
        let name = part.name.strip_prefix(stem).unwrap_or(&part.name);
        let name = name.trim_start_matches("__").trim_end_matches("__s");
        let mut chars = name.chars();
        let first = chars.next().map(|it| it.to_ascii_lowercase());
        let name: String = first.into_iter().chain(chars).collect();
        let value = cell(at).to_json(part.kind);
        is_empty &= value.is_null();
        whole.insert(name, value);
    }
    if is_empty {
        return Value::Null;
    }
    let mut sorted: Vec<(String, Value)> = whole.into_iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Object(sorted.into_iter().collect())
}

/// Encrypted text as people see it who may not read it.
///
/// Source: Salesforce Help, "Custom Field Types", Text (Encrypted).
fn masked(text: &str, kind: &str, character: &str) -> String {
    let mark = if character == "X" { 'X' } else { '*' };
    let shown = match kind {
        "lastFour" | "creditCard" | "ssn" => 4,
        "sin" | "nino" => 3,
        _ => 0,
    };
    let length = text.chars().count();
    text.chars()
        .enumerate()
        .map(|(at, it)| if length <= at + shown { it } else { mark })
        .collect()
}
