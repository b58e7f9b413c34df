//! What a restore must know of an object: `records/<SObject>/schema.json`.
//!
//! The keys are spelled as the describe spells them, so one type reads the
//! answer of a live org and the stored file. What depends on the user alone
//! (labels, layouts, addresses) is not kept.
//!
//! Source: REST API Developer Guide, "sObject Describe"; partner WSDL 66.0,
//! `DescribeSObjectResult`, `Field`, `ChildRelationship`, `RecordTypeInfo`.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Columns;
use crate::model::{FieldName, ObjectName, RecordId};

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the API's own words, as they come"
)]
pub struct Schema {
    /// Its name.
    pub name: ObjectName,
    /// First three characters of its Ids; some objects have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_prefix: Option<String>,
    /// Whether it is a custom object.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub custom: bool,
    /// Whether it is a custom setting.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub custom_setting: bool,
    /// Whether it can be queried.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub queryable: bool,
    /// Whether rows can be inserted.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub createable: bool,
    /// Whether rows can be updated.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub updateable: bool,
    /// Whether rows can be deleted.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub deletable: bool,
    /// Whether rows come back from the recycle bin.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub undeletable: bool,
    /// Whether rows can be merged.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub mergeable: bool,
    /// Whether `getUpdated` and `getDeleted` know it.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub replicateable: bool,
    /// Whether triggers may stand on it.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub triggerable: bool,
    /// Its fields, by name.
    #[serde(default, deserialize_with = "or_default")]
    pub fields: Vec<Field>,
    /// Relationships in which the deletion of a row deletes or blocks others.
    ///
    /// A live describe has all of them; the plain lookups are found in the
    /// schemas of the children.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "or_default"
    )]
    pub child_relationships: Vec<ChildRelationship>,
    /// Its record types, by Id.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "or_default"
    )]
    pub record_type_infos: Vec<RecordType>,
    /// Fields that are not columns of the stored rows, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<FieldName, LeftOut>,
    /// Fields whose cells hold something in place of the value: `hash` or `encrypt`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub disguised: BTreeMap<FieldName, Disguise>,
}

/// One field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the API's own words, as they come"
)]
pub struct Field {
    /// Its name.
    pub name: FieldName,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: FieldType,
    /// Longest text, in characters; 0 where that means nothing.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "or_default"
    )]
    pub length: u32,
    /// Most digits of a number; 0 where that means nothing.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "or_default"
    )]
    pub precision: u32,
    /// Digits behind the point.
    #[serde(
        default,
        skip_serializing_if = "is_zero",
        deserialize_with = "or_default"
    )]
    pub scale: u32,
    /// Whether it may be null.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub nillable: bool,
    /// Whether it can be set on insert.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub createable: bool,
    /// Whether it can be set on update.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub updateable: bool,
    /// Whether it is a formula or a roll-up.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub calculated: bool,
    /// Whether the platform numbers it.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub auto_number: bool,
    /// Whether the platform fills it on insert where it is not given.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub defaulted_on_create: bool,
    /// Whether no two rows may have one value.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub unique: bool,
    /// Whether its uniqueness minds the case.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub case_sensitive: bool,
    /// Whether it is marked as an external id.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub external_id: bool,
    /// Whether an upsert can go by it.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub id_lookup: bool,
    /// Whether it is stored encrypted.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub encrypted: bool,
    /// Whether it is the name of the row.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub name_field: bool,
    /// Objects that it refers to.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "or_default"
    )]
    pub reference_to: Vec<ObjectName>,
    /// Name by which SOQL goes up through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship_name: Option<String>,
    /// 0 or 1 in a master-detail relationship.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship_order: Option<u8>,
    /// Whether it may refer to objects that `reference_to` does not list.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub polymorphic_foreign_key: bool,
    /// Whether the deletion of its target deletes the row.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub cascade_delete: bool,
    /// Whether its target cannot be deleted while the row is there.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub restricted_delete: bool,
    /// Whether only listed values are taken.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub restricted_picklist: bool,
    /// The compound that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compound_field_name: Option<FieldName>,
    /// Whether the platform is about to take it away.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub deprecated_and_hidden: bool,
    /// Values of a picklist; only of a live describe.
    #[serde(default, skip_serializing, deserialize_with = "or_default")]
    pub picklist_values: Vec<PicklistValue>,
}

/// One value of a picklist.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PicklistValue {
    /// As the rows have it.
    pub value: String,
    /// Whether new rows may have it.
    #[serde(default)]
    pub active: bool,
}

/// A relationship from another object to this one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ChildRelationship {
    /// The other object.
    #[serde(rename = "childSObject")]
    pub child: ObjectName,
    /// Its field.
    pub field: FieldName,
    /// Whether its rows go with the row here.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub cascade_delete: bool,
    /// Whether its rows keep the row here from being deleted.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub restricted_delete: bool,
    /// Name by which SOQL goes down through it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship_name: Option<String>,
}

/// A record type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordType {
    /// Its Id.
    pub record_type_id: RecordId,
    /// Its name, which is the same in every org it was deployed to.
    pub developer_name: String,
    /// Whether it is the one of rows that have none.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub master: bool,
    /// Whether it is active.
    #[serde(
        default,
        skip_serializing_if = "is_false",
        deserialize_with = "or_default"
    )]
    pub active: bool,
}

/// Why a field is not among the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The user of the export may not see it.
    Hidden,
    /// The user of the export sees a mask in place of it.
    Masked,
    /// It is put together from fields that are columns.
    Compound,
    /// Its content is kept as a file.
    Body,
    /// It changes when somebody looks.
    Volatile,
    /// It is calculated, and `formulas` is off.
    Calculated,
    /// The configuration excludes it.
    Excluded,
    /// The configuration drops it for privacy.
    Dropped,
    /// The org is about to take it away.
    Deprecated,
}

/// Why a field is not among the columns, as it stands in the schema.
pub type LeftOut = Why;

/// What stands in a cell in place of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disguise {
    /// A keyed hash.
    Hash,
    /// The value, encrypted.
    Encrypt,
}

/// Type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldType {
    /// Id of the row.
    Id,
    /// Id of another row.
    Reference,
    /// Text of one line.
    String,
    /// Text of several lines.
    Textarea,
    /// One of a list.
    Picklist,
    /// Several of a list, with `;` between.
    Multipicklist,
    /// One of a list, or a text.
    Combobox,
    /// True or false.
    Boolean,
    /// Whole number.
    Int,
    /// Whole number of 64 bits.
    Long,
    /// Number.
    Double,
    /// Amount of money.
    Currency,
    /// Percentage.
    Percent,
    /// Day.
    Date,
    /// Point in time.
    Datetime,
    /// Time of day.
    Time,
    /// Phone number.
    Phone,
    /// E-mail address.
    Email,
    /// Address of a page.
    Url,
    /// Text that the platform encrypts and masks.
    Encryptedstring,
    /// Bytes.
    Base64,
    /// Compound of an address.
    Address,
    /// Compound of two coordinates.
    Location,
    /// Compound of some other sort.
    Complexvalue,
    /// JSON.
    Json,
    /// Reference to a data category.
    Datacategorygroupreference,
    /// Any type.
    Anytype,
    /// A type that is not known here.
    #[serde(other)]
    Other,
}

/// A schema that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the description of an object cannot be read")]
pub struct SchemaError(#[from] serde_json::Error);

impl Schema {
    /// Reads the answer of a describe.
    ///
    /// # Errors
    ///
    /// [`SchemaError`] where a name or a type is missing or malformed.
    pub fn from_describe(answer: Value) -> Result<Self, SchemaError> {
        let mut answer = answer;
        // A record type that the user may not see has no developer name in old versions.
        if let Some(Value::Array(types)) = answer.get_mut("recordTypeInfos") {
            types.retain(|it| it.get("developerName").is_some_and(Value::is_string));
        }
        if let Some(Value::Array(children)) = answer.get_mut("childRelationships") {
            // Some junctions have no field.
            children.retain(|it| it.get("field").is_some_and(Value::is_string));
        }
        let mut schema: Self = serde_json::from_value(answer)?;
        schema.fields.sort_by(|a, b| a.name.cmp(&b.name));
        schema.child_relationships.sort();
        schema.record_type_infos.sort_by_key(|it| it.record_type_id);
        schema.left_out.clear();
        schema.disguised.clear();
        Ok(schema)
    }

    /// Reads the stored file.
    ///
    /// # Errors
    ///
    /// [`SchemaError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SchemaError> {
        Ok(serde_json::from_slice(bytes)?)
    }

    /// Writes the file.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut kept = self.clone();
        kept.child_relationships
            .retain(|it| it.cascade_delete || it.restricted_delete);
        let mut bytes = serde_json::to_vec_pretty(&kept).expect("names and flags are JSON");
        bytes.push(b'\n');
        bytes
    }

    /// The field `name`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        let at = self
            .fields
            .binary_search_by(|it| it.name.as_str().cmp(name));
        at.ok().map(|it| &self.fields[it])
    }

    /// The columns of its rows: all fields that are not left out.
    #[must_use]
    pub fn columns(&self) -> Columns {
        let fields = self.fields.iter().map(|it| &it.name);
        Columns::new(
            fields
                .filter(|it| !self.left_out.contains_key(*it))
                .cloned(),
        )
    }
}

impl Field {
    /// Whether it can be given when a row is inserted.
    #[must_use]
    pub fn is_insertable(&self) -> bool {
        self.createable && !self.calculated && !self.auto_number
    }

    /// Whether it must be given when a row is inserted.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.is_insertable() && !self.nillable && !self.defaulted_on_create
    }

    /// Whether it is the field of a master-detail relationship.
    #[must_use]
    pub fn is_master_detail(&self) -> bool {
        self.relationship_order.is_some()
    }

    /// Whether it may refer to rows of several objects.
    #[must_use]
    pub fn is_polymorphic(&self) -> bool {
        self.polymorphic_foreign_key || self.reference_to.len() > 1
    }

    /// Whether it is put together from others, which are exported in its place.
    #[must_use]
    pub fn is_compound(&self) -> bool {
        matches!(
            self.kind,
            FieldType::Address | FieldType::Location | FieldType::Complexvalue
        )
    }
}

impl Why {
    /// Whether the value is there and could not be read: the one thing that must
    /// never be taken for null.
    #[must_use]
    pub fn is_unreadable(self) -> bool {
        matches!(self, Self::Hidden | Self::Masked)
    }

    /// In words: the end of a sentence that begins with the field.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Hidden => "may not be seen by this user",
            Self::Masked => "is masked for this user",
            Self::Compound => "is put together from other fields",
            Self::Body => "is kept as a file",
            Self::Volatile => "changes without a change",
            Self::Calculated => "is calculated",
            Self::Excluded => "is excluded by orgkeep.toml",
            Self::Dropped => "is dropped for privacy",
            Self::Deprecated => "is about to be taken away",
        }
    }
}

impl FromStr for FieldType {
    type Err = std::convert::Infallible;

    /// Reads the word of a describe; one that is not known is [`FieldType::Other`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = Value::String(text.to_ascii_lowercase());
        Ok(serde_json::from_value(word).unwrap_or(Self::Other))
    }
}

/// Reads null as the default: REST has every key, and null where SOAP has none.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(it: &bool) -> bool {
    !*it
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(it: &u32) -> bool {
    *it == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn described() -> Value {
        json!({
            "name": "Deal__c", "keyPrefix": "a00", "custom": true, "createable": true, "label": "Deal",
            "undeletable": true, "queryable": true, "mruEnabled": false,
            "fields": [
                {"name": "Name", "type": "string", "length": 80, "createable": true, "nillable": false,
                 "defaultedOnCreate": false, "nameField": true, "relationshipOrder": null, "referenceTo": []},
                {"name": "Account__c", "type": "reference", "length": 18, "createable": true, "nillable": false,
                 "defaultedOnCreate": false, "referenceTo": ["Account"], "relationshipName": "Account__r",
                 "relationshipOrder": 0, "cascadeDelete": true},
                {"name": "Odd__c", "type": "novelty", "length": 0, "compoundFieldName": null},
            ],
            "childRelationships": [
                {"childSObject": "Note", "field": "ParentId", "cascadeDelete": true, "relationshipName": "Notes"},
                {"childSObject": "Task", "field": "WhatId", "cascadeDelete": false},
                {"childSObject": "Junction", "field": null},
            ],
            "recordTypeInfos": [{"recordTypeId": "012000000000000AAA", "developerName": "Master", "master": true, "active": true}],
        })
    }

    #[test]
    fn stored_schema_has_what_a_restore_needs_and_no_more() {
        let schema = Schema::from_describe(described()).unwrap();
        let stored = schema.render();
        insta::assert_snapshot!(String::from_utf8(stored.clone()).unwrap(), @r#"
        {
          "name": "Deal__c",
          "keyPrefix": "a00",
          "custom": true,
          "queryable": true,
          "createable": true,
          "undeletable": true,
          "fields": [
            {
              "name": "Account__c",
              "type": "reference",
              "length": 18,
              "createable": true,
              "referenceTo": [
                "Account"
              ],
              "relationshipName": "Account__r",
              "relationshipOrder": 0,
              "cascadeDelete": true
            },
            {
              "name": "Name",
              "type": "string",
              "length": 80,
              "createable": true,
              "nameField": true
            },
            {
              "name": "Odd__c",
              "type": "other"
            }
          ],
          "childRelationships": [
            {
              "childSObject": "Note",
              "field": "ParentId",
              "cascadeDelete": true,
              "relationshipName": "Notes"
            }
          ],
          "recordTypeInfos": [
            {
              "recordTypeId": "012000000000000AAA",
              "developerName": "Master",
              "master": true,
              "active": true
            }
          ]
        }
        "#);
        let read = Schema::parse(&stored).unwrap();
        assert_eq!(read.fields, schema.fields);
        assert_eq!(read.render(), stored);
    }

    #[test]
    fn field_tells_how_it_is_written() {
        let schema = Schema::from_describe(described()).unwrap();
        let parent = schema.field("Account__c").unwrap();
        assert!(parent.is_master_detail() && parent.is_required() && !parent.is_polymorphic());
        assert_eq!(schema.field("Odd__c").unwrap().kind, FieldType::Other);
        assert_eq!(schema.field("Nobody"), None);
    }

    #[test]
    fn what_is_left_out_is_no_column() {
        let mut schema = Schema::from_describe(described()).unwrap();
        schema
            .left_out
            .insert("Odd__c".parse().unwrap(), Why::Hidden);
        assert_eq!(schema.columns().header(), b"Id,Account__c,Name\n");
    }
}
