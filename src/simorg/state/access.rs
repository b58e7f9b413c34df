//! What of records is kept from a user.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Names that are found in any case and told as they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct Names(BTreeMap<String, String>);

impl From<Vec<String>> for Names {
    fn from(all: Vec<String>) -> Self {
        Self(all.into_iter().map(|it| (it.to_lowercase(), it)).collect())
    }
}

impl From<Names> for Vec<String> {
    fn from(names: Names) -> Self {
        names.0.into_values().collect()
    }
}

impl Names {
    /// Adds a name.
    pub fn insert(&mut self, name: &str) {
        self.0.insert(name.to_lowercase(), name.to_owned());
    }

    fn has(&self, name: &str) -> bool {
        !self.0.is_empty() && self.0.contains_key(&name.to_lowercase())
    }

    fn has_field(&self, object: &str, field: &str) -> bool {
        !self.0.is_empty() && self.has(&format!("{object}.{field}"))
    }
}

/// What a user does not see, or may not change, of records.
///
/// Fields are named `Object.Field`; case does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Access {
    /// Whether profile and permission sets decide as well.
    pub field_security: bool,
    /// Objects that are not there for this user.
    pub hidden_objects: Names,
    /// Fields that are not there for this user.
    pub hidden_fields: Names,
    /// Objects whose records this user may only read.
    pub read_only_objects: Names,
    /// Fields that this user may only read.
    pub read_only_fields: Names,
    /// Objects of which this user makes no records.
    #[serde(skip)]
    pub uncreatable: Names,
    /// Objects whose records this user does not change.
    #[serde(skip)]
    pub unchangeable: Names,
    /// Objects whose records this user does not delete.
    #[serde(skip)]
    pub undeletable: Names,
}

impl Access {
    /// Whether nothing is kept from the user.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether an object is not there.
    #[must_use]
    pub fn hides_object(&self, object: &str) -> bool {
        self.hidden_objects.has(object)
    }

    /// Whether a field is not there.
    #[must_use]
    pub fn hides_field(&self, object: &str, field: &str) -> bool {
        self.hidden_fields.has_field(object, field)
    }

    /// Whether a field may only be read.
    #[must_use]
    pub fn locks_field(&self, object: &str, field: &str) -> bool {
        self.read_only_fields.has_field(object, field)
    }

    /// Whether this user may make records of an object.
    #[must_use]
    pub fn may_create(&self, object: &str) -> bool {
        !self.read_only_objects.has(object) && !self.uncreatable.has(object)
    }

    /// Whether this user may change records of an object.
    #[must_use]
    pub fn may_update(&self, object: &str) -> bool {
        !self.read_only_objects.has(object) && !self.unchangeable.has(object)
    }

    /// Whether this user may delete records of an object.
    #[must_use]
    pub fn may_delete(&self, object: &str) -> bool {
        !self.read_only_objects.has(object) && !self.undeletable.has(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_told_as_given() {
        let text = r#"{"hiddenFields":["Account.Phone"],"readOnlyObjects":["Lead"]}"#;
        let access: Access = serde_json::from_str(text).unwrap();
        assert!(access.hides_field("account", "PHONE") && !access.hides_field("Account", "Fax"));
        assert!(!access.may_delete("lead") && access.may_delete("Account"));
        let told = serde_json::to_value(&access).unwrap();
        assert_eq!(told["hiddenFields"][0], "Account.Phone");
    }
}
