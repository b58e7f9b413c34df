//! Which fields of an object become columns, and why the others do not.
//!
//! Invariant: each field of the describe, and each field that is known to be
//! hidden, is either a column or has its reason; none is lost silently.

use std::collections::{BTreeMap, BTreeSet};

use super::{Columns, Schema, Why, schema::Disguise};
use crate::model::FieldName;

/// What the configuration and the user of an export say about the fields of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldRules {
    /// Whether formulas and roll-ups are kept.
    pub formulas: bool,
    /// The only fields to keep; `None` for all.
    pub only: Option<BTreeSet<FieldName>>,
    /// Fields to leave out.
    pub exclude: BTreeSet<FieldName>,
    /// Fields that are dropped for privacy.
    pub drop: BTreeSet<FieldName>,
    /// Fields whose values are hashed or encrypted.
    pub disguise: BTreeMap<FieldName, Disguise>,
    /// Fields that the org has and does not show to this user.
    pub hidden: BTreeSet<FieldName>,
    /// Whether this user sees what is masked for others.
    pub sees_masked: bool,
}

/// The outcome for one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The schema, with what is left out and disguised.
    pub schema: Schema,
    /// The columns.
    pub columns: Columns,
}

/// Fields that change when somebody looks at a row, logs in or the org moves, and `SystemModstamp`,
/// which goes by any touch of the platform; the state of the runs keeps that one.
///
/// Source: Object Reference, "System Fields"; measured noise of real histories.
const VOLATILE: [&str; 14] = [
    "LastViewedDate",
    "LastReferencedDate",
    "SystemModstamp",
    "PhotoUrl",
    "SmallPhotoUrl",
    "MediumPhotoUrl",
    "FullPhotoUrl",
    "BannerPhotoUrl",
    "SmallBannerPhotoUrl",
    "MediumBannerPhotoUrl",
    "LastLoginDate",
    "LastPasswordChangeDate",
    "NumberOfFailedLogins",
    "OfflineTrialExpirationDate",
];

/// Decides about each field of `schema`.
#[must_use]
pub fn choose(mut schema: Schema, rules: &FieldRules) -> Choice {
    let mut left_out = BTreeMap::new();
    for field in &schema.fields {
        let name = &field.name;
        if *name == "Id" {
            continue;
        }
        let is_kept = rules.only.as_ref().is_none_or(|it| it.contains(name));
        let is_masked = field.kind == super::FieldType::Encryptedstring && !rules.sees_masked;
        // A body has no cell that could be hashed: what is not to be read is not kept.
        let is_dropped = rules.drop.contains(name)
            || (field.kind == super::FieldType::Base64 && rules.disguise.contains_key(name));
        let why = if is_dropped {
            Why::Dropped
        } else if rules.exclude.contains(name) || !is_kept {
            Why::Excluded
        } else if field.deprecated_and_hidden {
            Why::Deprecated
        } else if field.is_compound() {
            Why::Compound
        } else if field.kind == super::FieldType::Base64 {
            Why::Body
        } else if VOLATILE.contains(&name.as_str()) {
            Why::Volatile
        } else if is_masked {
            Why::Masked
        } else if field.calculated && !rules.formulas {
            Why::Calculated
        } else {
            continue;
        };
        left_out.insert(name.clone(), why);
    }
    for name in &rules.hidden {
        if schema.field(name.as_str()).is_none() {
            left_out.insert(name.clone(), Why::Hidden);
        }
    }
    schema.disguised = rules
        .disguise
        .iter()
        .filter(|(name, _)| schema.field(name.as_str()).is_some() && !left_out.contains_key(*name))
        .map(|(name, how)| (name.clone(), *how))
        .collect();
    schema.left_out = left_out;
    let columns = schema.columns();
    Choice { schema, columns }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn name(text: &str) -> FieldName {
        text.parse().unwrap()
    }

    fn account() -> Schema {
        let field = |name: &str, kind: &str| json!({"name": name, "type": kind});
        Schema::from_describe(json!({"name": "Account", "fields": [
            field("Id", "id"), field("Name", "string"), field("SystemModstamp", "datetime"),
            field("BillingAddress", "address"), field("BillingCity", "string"),
            field("Body", "base64"), field("Card__c", "encryptedstring"),
            {"name": "Total__c", "type": "currency", "calculated": true},
        ]}))
        .unwrap()
    }

    #[test]
    fn each_field_is_a_column_or_has_its_reason() {
        let rules = FieldRules {
            hidden: [name("Salary__c"), name("Name")].into(),
            ..FieldRules::default()
        };
        let choice = choose(account(), &rules);
        assert_eq!(choice.columns.header(), b"Id,BillingCity,Name\n");
        let left: Vec<_> = choice
            .schema
            .left_out
            .iter()
            .map(|(name, why)| format!("{name} {}", why.words()))
            .collect();
        insta::assert_debug_snapshot!(left, @r#"
        [
            "BillingAddress is put together from other fields",
            "Body is kept as a file",
            "Card__c is masked for this user",
            "Salary__c may not be seen by this user",
            "SystemModstamp changes without a change",
            "Total__c is calculated",
        ]
        "#);
    }

    #[test]
    fn who_may_see_masked_values_keeps_them() {
        let rules = FieldRules {
            sees_masked: true,
            formulas: true,
            ..FieldRules::default()
        };
        let choice = choose(account(), &rules);
        assert_eq!(
            choice.columns.header(),
            b"Id,BillingCity,Card__c,Name,Total__c\n"
        );
    }

    #[test]
    fn list_of_fields_keeps_those_and_the_id() {
        let rules = FieldRules {
            only: Some([name("Name")].into()),
            disguise: [
                (name("Name"), Disguise::Hash),
                (name("Gone"), Disguise::Hash),
            ]
            .into(),
            ..FieldRules::default()
        };
        let choice = choose(account(), &rules);
        assert_eq!(choice.columns.header(), b"Id,Name\n");
        assert_eq!(choice.schema.disguised.len(), 1);
    }
}
