//! Describing objects and counting their rows.
//!
//! Source: REST API Developer Guide, "Describe Global", "sObject Describe",
//! "Record Count".

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    client::{Call, Error, Org},
    model::ObjectName,
    records::Schema,
};

/// What the directory of objects says of one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the API's own words, as they come"
)]
pub struct ObjectInfo {
    /// Its name.
    pub name: ObjectName,
    /// What people call it.
    #[serde(default)]
    pub label: String,
    /// First three characters of its Ids.
    #[serde(default)]
    pub key_prefix: Option<String>,
    /// Whether it is a custom object.
    #[serde(default)]
    pub custom: bool,
    /// Whether it is a custom setting.
    #[serde(default)]
    pub custom_setting: bool,
    /// Whether it can be queried.
    #[serde(default)]
    pub queryable: bool,
    /// Whether rows can be inserted.
    #[serde(default)]
    pub createable: bool,
    /// Whether `getUpdated` and `getDeleted` know it.
    #[serde(default)]
    pub replicateable: bool,
    /// Whether the platform is about to take it away.
    #[serde(default)]
    pub deprecated_and_hidden: bool,
    /// The object whose share, feed or history it is.
    #[serde(default)]
    pub associate_parent_entity: Option<String>,
}

impl Org {
    /// All objects that the user may see, as the org lists them.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call. A list without an object is one: no org has none.
    pub async fn describe_objects(&self) -> Result<Vec<ObjectInfo>, Error> {
        let call = Call::read("describeGlobal");
        let path = format!("/services/data/v{}/sobjects", self.version());
        let mut answer = self.get_json(call, &path, &[]).await?;
        let listed = answer.get_mut("sobjects").map(Value::take);
        let listed: Vec<ObjectInfo> = listed
            .and_then(|it| serde_json::from_value(it).ok())
            .unwrap_or_default();
        if listed.is_empty() {
            return Err(self.unreadable(call, "it lists no object"));
        }
        Ok(listed)
    }

    /// The description of one object.
    ///
    /// # Errors
    ///
    /// [`Error`] of the call: `NOT_FOUND` for an object that is not there or not
    /// to be seen.
    pub async fn describe_object(&self, object: &ObjectName) -> Result<Schema, Error> {
        let call = Call::read("describeSObject");
        let version = self.version();
        let path = format!("/services/data/v{version}/sobjects/{object}/describe");
        let answer = self.get_json(call, &path, &[]).await?;
        let schema = Schema::from_describe(answer)
            .map_err(|err| self.unreadable(call, &format!("{err}: {}", cause(&err))))?;
        if schema.name != *object || schema.fields.is_empty() {
            return Err(self.unreadable(call, "it is of another object or has no field"));
        }
        Ok(schema)
    }

    /// About how many rows each of `objects` has; one without rows is not listed.
    ///
    /// The org counts now and then, so this is for people and for plans, never a proof.
    ///
    /// # Errors
    ///
    /// [`Error`] of a call; there is one for every few hundred objects.
    pub async fn count_records(
        &self,
        objects: &[ObjectName],
    ) -> Result<BTreeMap<ObjectName, u64>, Error> {
        /// So many names stay well below [`super::MAX_QUERY_URI`].
        const PER_CALL: usize = 150;
        let call = Call::read("recordCount");
        let path = format!("/services/data/v{}/limits/recordCount", self.version());
        let mut counts = BTreeMap::new();
        for objects in objects.chunks(PER_CALL) {
            let names: Vec<_> = objects.iter().map(ObjectName::as_str).collect();
            let query = [("sObjects", names.join(","))];
            let query = [(query[0].0, query[0].1.as_str())];
            let answer = self.get_json(call, &path, &query).await?;
            let listed = answer.get("sObjects").and_then(Value::as_array);
            let listed = listed.ok_or_else(|| self.unreadable(call, "it has no `sObjects`"))?;
            counts.extend(listed.iter().filter_map(|it| {
                let name = it.get("name")?.as_str()?.parse().ok()?;
                Some((name, it.get("count")?.as_u64()?))
            }));
        }
        Ok(counts)
    }
}

fn cause(err: &dyn std::error::Error) -> String {
    err.source().map(ToString::to_string).unwrap_or_default()
}
