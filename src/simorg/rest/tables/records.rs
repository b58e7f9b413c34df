//! Records: the rows that users make.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    define::{AUDITED, fields as written},
    fields::custom_field,
};
use crate::{
    model::{ComponentKey, RecordId, Stamp, TypeName},
    simorg::{
        SimOrg,
        soql::{Field, Kind, Object, Row},
        state::{Component, digest, made_id},
    },
    xml,
};

/// One record: values by field, in the spelling of the object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    values: Map<String, Value>,
    created: Stamp,
    modified: Stamp,
}

/// The records of an org, by object and id.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Records {
    objects: BTreeMap<String, BTreeMap<RecordId, Record>>,
    /// Ids of records that were deleted.
    deleted: BTreeMap<RecordId, String>,
}

/// A record that the org does not take.
///
/// Source of codes and texts: recorded answers of `sobjects` calls.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct RecordError {
    /// HTTP status.
    pub status: u16,
    /// The API's code.
    pub code: &'static str,
    /// The API's words.
    pub message: String,
    /// Fields it is about.
    pub fields: Vec<String>,
}

impl RecordError {
    fn new(status: u16, code: &'static str, message: &str) -> Self {
        Self {
            status,
            code,
            message: message.to_owned(),
            fields: Vec::new(),
        }
    }

    fn about(mut self, fields: Vec<String>) -> Self {
        self.fields = fields;
        self
    }
}

/// Standard objects with records: name, id prefix, fields without the audited ones.
const STANDARD: [(&str, &str, &str); 9] = [
    (
        "Account",
        "001",
        "Id IsDeleted? Name Type| ParentId>Account Phone Fax AccountNumber Website Industry| AnnualRevenue$ \
         NumberOfEmployees# Description~ Rating| Site Ownership| TickerSymbol Sic AccountSource| OwnerId>User \
         BillingStreet~ BillingCity BillingState BillingPostalCode BillingCountry ShippingStreet~ ShippingCity \
         ShippingState ShippingPostalCode ShippingCountry",
    ),
    (
        "Contact",
        "003",
        "Id IsDeleted? Name FirstName LastName AccountId>Account Salutation| Title Email Phone MobilePhone \
         Department Description~ LeadSource| Birthdate OwnerId>User MailingStreet~ MailingCity MailingCountry",
    ),
    (
        "Opportunity",
        "006",
        "Id IsDeleted? Name AccountId>Account StageName| Amount$ CloseDate Probability# Type| LeadSource| \
         NextStep Description~ IsClosed? IsWon? OwnerId>User",
    ),
    (
        "Lead",
        "00Q",
        "Id IsDeleted? Name FirstName LastName Company Title Email Phone Status| LeadSource| Industry| Rating| \
         Description~ OwnerId>User",
    ),
    (
        "Case",
        "500",
        "Id IsDeleted? CaseNumber Subject Status| Priority| Origin| Type| Reason| Description~ AccountId>Account \
         ContactId>Contact OwnerId>User",
    ),
    (
        "Task",
        "00T",
        "Id IsDeleted? Subject Status| Priority| Description~ AccountId>Account OwnerId>User",
    ),
    (
        "Event",
        "00U",
        "Id IsDeleted? Subject Location Description~ AccountId>Account OwnerId>User",
    ),
    (
        "Campaign",
        "701",
        "Id IsDeleted? Name Type| Status| IsActive? Description~ OwnerId>User",
    ),
    (
        "Product2",
        "01t",
        "Id IsDeleted? Name ProductCode Family| IsActive? Description~",
    ),
];

/// Fields that the platform fills.
const SYSTEM: [&str; 8] = [
    "Id",
    "IsDeleted",
    "CreatedDate",
    "CreatedById",
    "LastModifiedDate",
    "LastModifiedById",
    "SystemModstamp",
    "CaseNumber",
];

/// Names of the objects that records are made of.
pub(super) fn object_names(org: &SimOrg) -> Vec<String> {
    let mut names: Vec<String> = STANDARD.iter().map(|it| it.0.to_owned()).collect();
    let type_name = TypeName::known("CustomObject");
    names.extend(
        org.metadata()
            .of_type(&type_name)
            .map(|(name, _)| name.as_str().to_owned())
            .filter(|it| is_custom(it)),
    );
    names
}

fn is_custom(name: &str) -> bool {
    ["__c", "__mdt", "__e", "__b", "__x", "__kav"]
        .iter()
        .any(|it| name.ends_with(it))
}

/// The component that defines an object.
pub(super) fn component<'a>(org: &'a SimOrg, name: &str) -> Option<&'a Component> {
    let key = ComponentKey::parse("CustomObject", name).ok()?;
    org.metadata().get(&key)
}

/// The object `name`, in any case, as the org has it now.
pub(super) fn object(org: &SimOrg, name: &str) -> Option<Object> {
    let names = object_names(org);
    let name = names.iter().find(|it| it.eq_ignore_ascii_case(name))?;
    let standard = STANDARD.iter().find(|it| it.0 == name);
    let root = component(org, name)
        .and_then(Component::document)
        .and_then(|it| xml::parse(&it.content).ok())
        .map(|it| it.root);
    let (prefix, own) = match standard {
        Some((_, prefix, own)) => ((*prefix).to_owned(), (*own).to_owned()),
        None => (
            custom_prefix(name),
            "Id IsDeleted? Name OwnerId>User".to_owned(),
        ),
    };
    let mut fields = written(&format!("{own}{AUDITED}"));
    for field in &mut fields {
        field.writable = !SYSTEM.contains(&field.name.as_str());
        let computed_name = matches!(name.as_str(), "Contact" | "Lead") && field.name == "Name";
        if computed_name {
            field.writable = false;
        }
        let is_required = match name.as_str() {
            "Contact" => field.name == "LastName",
            "Lead" => matches!(field.name.as_str(), "LastName" | "Company" | "Status"),
            "Opportunity" => matches!(field.name.as_str(), "Name" | "StageName" | "CloseDate"),
            _ => standard.is_some() && field.name == "Name",
        };
        if is_required {
            field.nillable = false;
        }
    }
    let mut object = Object {
        writable: !name.ends_with("__mdt"),
        ..Object::new(name, &prefix, fields)
    };
    object.custom = is_custom(name);
    if let Some(root) = &root {
        if let Some(label) = root.child_text("label").filter(|_| object.custom) {
            object.label = label.into_owned();
        }
        let custom = root.elements_named("fields").filter_map(custom_field);
        object.fields.extend(custom);
    }
    if matches!(name.as_str(), "Task" | "Event") {
        // Custom fields of both are defined on Activity.
        let shared = component(org, "Activity").and_then(Component::document);
        if let Some(doc) = shared.and_then(|it| xml::parse(&it.content).ok()) {
            let custom = doc.root.elements_named("fields").filter_map(custom_field);
            object.fields.extend(custom);
        }
    }
    Some(object)
}

fn custom_prefix(name: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let sum = digest(name.as_bytes());
    let digit = |it: u64| char::from(DIGITS[usize::try_from(it % 62).unwrap_or(0)]);
    format!("a{}{}", digit(sum >> 7), digit(sum >> 17))
}

impl Records {
    /// The rows of an object, in its order of fields, by id.
    #[must_use]
    pub fn rows(&self, object: &Object) -> Vec<Row> {
        let Some(records) = self.objects.get(&object.name) else {
            return Vec::new();
        };
        records
            .iter()
            .map(|(id, record)| {
                object
                    .fields
                    .iter()
                    .map(|field| record.value(*id, field))
                    .collect()
            })
            .collect()
    }

    /// Makes a record and gives its id.
    ///
    /// # Errors
    ///
    /// [`RecordError`]; nothing was made.
    pub fn insert(
        &mut self,
        object: &Object,
        values: &Map<String, Value>,
        stamp: &Stamp,
        number: u64,
    ) -> Result<RecordId, RecordError> {
        let mut checked = check(object, values)?;
        let is_missing = |it: &&Field| {
            !it.nillable
                && it.writable
                && it.kind != Kind::Boolean
                && checked.get(&it.name).is_none_or(Value::is_null)
        };
        let missing: Vec<String> = object
            .fields
            .iter()
            .filter(is_missing)
            .map(|it| it.name.clone())
            .collect();
        if !missing.is_empty() {
            let message = format!("Required fields are missing: [{}]", missing.join(", "));
            return Err(RecordError::new(400, "REQUIRED_FIELD_MISSING", &message).about(missing));
        }
        own(object, &mut checked, stamp);
        let id = made_id(&object.prefix, &format!("{}#{number}", object.name));
        let record = Record {
            values: checked,
            created: stamp.clone(),
            modified: stamp.clone(),
        };
        self.objects
            .entry(object.name.clone())
            .or_default()
            .insert(id, record);
        Ok(id)
    }

    /// Puts a record under an id of its own choice, as a loaded file has it.
    pub fn put(
        &mut self,
        object: &Object,
        id: RecordId,
        values: &Map<String, Value>,
        stamp: &Stamp,
    ) {
        let mut values: Map<String, Value> = values
            .iter()
            .filter(|(name, _)| object.field(name).is_some_and(|(_, it)| it.writable))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        own(object, &mut values, stamp);
        let record = Record {
            values,
            created: stamp.clone(),
            modified: stamp.clone(),
        };
        self.objects
            .entry(object.name.clone())
            .or_default()
            .insert(id, record);
    }

    /// Changes a record.
    ///
    /// # Errors
    ///
    /// [`RecordError`]; nothing was changed.
    pub fn update(
        &mut self,
        object: &Object,
        id: &str,
        values: &Map<String, Value>,
        stamp: &Stamp,
    ) -> Result<(), RecordError> {
        let id = self.find(object, id)?;
        let checked = check(object, values)?;
        let records = self.objects.get_mut(&object.name);
        if let Some(record) = records.and_then(|it| it.get_mut(&id)) {
            record.values.extend(checked);
            record.modified = stamp.clone();
        }
        Ok(())
    }

    /// Deletes a record.
    ///
    /// # Errors
    ///
    /// [`RecordError`] where it is not there.
    pub fn delete(&mut self, object: &Object, id: &str) -> Result<(), RecordError> {
        let id = self.find(object, id)?;
        if let Some(records) = self.objects.get_mut(&object.name) {
            records.remove(&id);
        }
        self.deleted.insert(id, object.name.clone());
        Ok(())
    }

    /// Whether a record with this id was deleted.
    #[must_use]
    pub fn is_deleted(&self, id: &str) -> bool {
        id.parse()
            .is_ok_and(|id: RecordId| self.deleted.contains_key(&id))
    }

    /// Number of records of an object.
    #[must_use]
    pub fn count(&self, object: &str) -> usize {
        self.objects.get(object).map_or(0, BTreeMap::len)
    }

    fn find(&self, object: &Object, id: &str) -> Result<RecordId, RecordError> {
        let id: RecordId = id.parse().map_err(|_| {
            let message = format!("{}: id value of incorrect type: {id}", object.label);
            RecordError::new(400, "MALFORMED_ID", &message)
        })?;
        let is_there = self
            .objects
            .get(&object.name)
            .is_some_and(|it| it.contains_key(&id));
        if is_there {
            return Ok(id);
        }
        Err(if self.deleted.contains_key(&id) {
            RecordError::new(404, "ENTITY_IS_DELETED", "entity is deleted")
        } else {
            RecordError::new(404, "NOT_FOUND", "The requested resource does not exist")
        })
    }
}

impl Record {
    fn value(&self, id: RecordId, field: &Field) -> Value {
        match field.name.as_str() {
            "Id" => Value::from(id.as_str()),
            "IsDeleted" => Value::from(false),
            "CreatedDate" => Value::from(self.created.at.to_rest()),
            "CreatedById" => super::define::id(self.created.by.id),
            "LastModifiedDate" | "SystemModstamp" => Value::from(self.modified.at.to_rest()),
            "LastModifiedById" => super::define::id(self.modified.by.id),
            "Name" if !field.writable => {
                let part = |name: &str| self.values.get(name).and_then(Value::as_str);
                let parts = [part("FirstName"), part("LastName")];
                let name: Vec<&str> = parts.into_iter().flatten().collect();
                super::define::text(&name.join(" "))
            }
            name => match self.values.get(name) {
                Some(value) => value.clone(),
                None if field.kind == Kind::Boolean => Value::from(false),
                None => Value::Null,
            },
        }
    }
}

/// Gives a record without an owner to who makes it.
fn own(object: &Object, values: &mut Map<String, Value>, stamp: &Stamp) {
    if object.field("OwnerId").is_none() {
        return;
    }
    let owner = values.entry("OwnerId".to_owned()).or_insert(Value::Null);
    if let (true, Some(id)) = (owner.is_null(), stamp.by.id) {
        *owner = Value::from(id.as_str());
    }
}

/// The values of a request in the spelling of the object.
fn check(object: &Object, values: &Map<String, Value>) -> Result<Map<String, Value>, RecordError> {
    let mut checked = Map::new();
    for (name, value) in values {
        if name == "attributes" {
            continue;
        }
        let Some((_, field)) = object.field(name) else {
            let message = format!("No such column '{name}' on sobject of type {}", object.name);
            return Err(RecordError::new(400, "INVALID_FIELD", &message));
        };
        if !field.writable {
            let message = format!(
                "Unable to create/update fields: {}. Please check the security settings of this field and verify \
                 that it is read/write for your profile or permission set.",
                field.name
            );
            let error = RecordError::new(400, "INVALID_FIELD_FOR_INSERT_UPDATE", &message);
            return Err(error.about(vec![field.name.clone()]));
        }
        checked.insert(field.name.clone(), value_of(field, value)?);
    }
    Ok(checked)
}

fn value_of(field: &Field, value: &Value) -> Result<Value, RecordError> {
    let misfit = || {
        let message = format!("{}: value not of required type: {value}", field.label);
        RecordError::new(400, "JSON_PARSER_ERROR", &message)
    };
    match value {
        Value::Null => Ok(Value::Null),
        Value::String(text) if text.is_empty() => Ok(Value::Null),
        Value::String(text) if field.kind.is_number() => {
            text.parse::<f64>().map(Value::from).map_err(|_| misfit())
        }
        Value::String(text) if field.kind == Kind::Boolean => match text.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(misfit()),
        },
        Value::String(text) => {
            let length = usize::try_from(field.length).unwrap_or(usize::MAX);
            if field.length > 0 && text.chars().count() > length {
                let start: String = text.chars().take(length).collect();
                let message = format!(
                    "{}: data value too large: {start} (max length={length})",
                    field.label
                );
                let error = RecordError::new(400, "STRING_TOO_LONG", &message);
                return Err(error.about(vec![field.name.clone()]));
            }
            match (field.kind, text.parse::<RecordId>()) {
                (Kind::Reference, Ok(id)) => Ok(Value::from(id.as_str())),
                (Kind::Reference, Err(_)) => {
                    let message = format!("{}: id value of incorrect type: {text}", field.label);
                    let error = RecordError::new(400, "MALFORMED_ID", &message);
                    Err(error.about(vec![field.name.clone()]))
                }
                _ => Ok(Value::from(text.as_str())),
            }
        }
        Value::Bool(_) if field.kind == Kind::Boolean => Ok(value.clone()),
        Value::Number(_) if field.kind.is_number() => Ok(value.clone()),
        _ => Err(misfit()),
    }
}
