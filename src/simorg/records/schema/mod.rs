//! The objects of an org that hold records: the standard ones and those that
//! its metadata defines.
//!
//! Invariant: no two objects share a key prefix, and every reference names the
//! objects it may lead to one by one.

mod attached;
mod made;
mod maker;
mod values;

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::standard;
use crate::{
    model::{ComponentKey, RecordId},
    simorg::{
        SimOrg,
        soql::{Field, Object, OnDelete},
        state::{Component, Feature},
    },
};
use maker::Maker;

/// The objects of an org that hold records.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    objects: BTreeMap<String, Arc<Object>>,
    by_prefix: HashMap<String, Arc<Object>>,
    children: HashMap<String, Vec<Link>>,
    stages: HashMap<String, Stage>,
    closed: HashMap<&'static str, Vec<String>>,
    /// Features that are switched on.
    pub(super) features: Vec<Feature>,
}

/// A reference seen from the object that it leads to.
#[derive(Clone, Debug)]
pub struct Link {
    /// The object that has the reference.
    pub child: Arc<Object>,
    /// Place of the field in it.
    pub at: usize,
}

impl Link {
    /// The field that leads here.
    #[must_use]
    pub fn field(&self) -> &Field {
        &self.child.fields[self.at]
    }

    /// What becomes of the child when the parent is deleted.
    #[must_use]
    pub fn on_delete(&self) -> OnDelete {
        let reference = self.field().reference.as_ref();
        reference.map_or(OnDelete::Keep, |it| it.on_delete)
    }

    /// Name by which the parent finds the children.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.field().reference.as_ref()?.children.as_deref()
    }
}

/// What a stage of an opportunity means.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    pub is_closed: bool,
    pub is_won: bool,
    pub probability: f64,
    pub forecast: String,
}

/// The component that defines an object.
#[must_use]
pub fn component<'a>(org: &'a SimOrg, name: &str) -> Option<&'a Component> {
    let key = ComponentKey::parse("CustomObject", name).ok()?;
    org.metadata().get(&key)
}

impl Schema {
    /// The objects of `org`.
    ///
    /// `prefix` gives the key prefix of a custom object, which it keeps for
    /// ever; it is asked with the object's name and the prefix that is wished.
    #[must_use]
    pub fn of(org: &SimOrg, prefix: &mut dyn FnMut(&str, &str) -> String) -> Self {
        let maker = Maker::new(org);
        let customs = maker.custom_objects();
        let mut objects: Vec<Object> = Vec::new();
        for it in standard::all() {
            if it.needs_currencies && !maker.has(Feature::MultiCurrency) {
                continue;
            }
            objects.extend(maker.standard(it));
        }
        for name in &customs {
            objects.extend(maker.custom(name, prefix));
        }
        maker.person_fields(&mut objects);
        let polymorphic: Vec<String> = customs
            .iter()
            .filter(|it| it.ends_with("__c"))
            .filter(|it| {
                let found = objects.iter().find(|object| object.name == **it);
                found.is_some_and(|it| it.custom_setting.is_none())
            })
            .cloned()
            .collect();
        for field in objects.iter_mut().flat_map(|it| &mut it.fields) {
            if let Some(reference) = &mut field.reference
                && reference.targets.last().is_some_and(|it| it == "*")
            {
                reference.targets.pop();
                reference.targets.extend(polymorphic.iter().cloned());
            }
        }
        Self::index(objects, maker)
    }

    fn index(objects: Vec<Object>, maker: Maker<'_>) -> Self {
        let mut schema = Self {
            stages: maker.stages,
            closed: maker.closed,
            features: maker.features,
            ..Self::default()
        };
        for object in objects {
            let object = Arc::new(object);
            // Shares and histories of custom objects have a common prefix.
            schema
                .by_prefix
                .entry(object.prefix.clone())
                .or_insert_with(|| Arc::clone(&object));
            schema.objects.insert(object.name.to_lowercase(), object);
        }
        for object in schema.objects.values() {
            for (at, field) in object.fields.iter().enumerate() {
                let targets = field.reference.iter().flat_map(|it| &it.targets);
                for target in targets {
                    let links = schema.children.entry(target.to_lowercase()).or_default();
                    links.push(Link {
                        child: Arc::clone(object),
                        at,
                    });
                }
            }
        }
        schema
    }

    /// The object `name`, in any case.
    #[must_use]
    pub fn object(&self, name: &str) -> Option<Arc<Object>> {
        if let Some(found) = self.objects.get(name) {
            return Some(Arc::clone(found));
        }
        self.objects.get(&name.to_lowercase()).cloned()
    }

    /// The object that an id belongs to.
    #[must_use]
    pub fn object_of(&self, id: RecordId) -> Option<Arc<Object>> {
        self.by_prefix.get(id.prefix()).cloned()
    }

    /// All objects, by name.
    pub fn objects(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.objects.values()
    }

    /// The references that lead to `object`, of every object.
    #[must_use]
    pub fn links_to(&self, object: &str) -> &[Link] {
        self.children
            .get(&object.to_lowercase())
            .map_or(&[], Vec::as_slice)
    }

    /// Whether a feature is switched on.
    #[must_use]
    pub fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// What a stage of an opportunity means.
    pub(super) fn stage(&self, name: &str) -> Option<&Stage> {
        self.stages.get(&name.to_lowercase())
    }

    /// Whether a status of `object` means that it is over.
    pub(super) fn is_closed(&self, object: &str, status: &str) -> bool {
        let closed = self.closed.get(object);
        closed.is_some_and(|it| it.iter().any(|it| it.eq_ignore_ascii_case(status)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::Timestamp, simorg::state::Config};

    fn schema(config: Config) -> Schema {
        let org = SimOrg::new(config, Timestamp::UNKNOWN);
        Schema::of(&org, &mut |_, wished| wished.to_owned())
    }

    #[test]
    fn ids_tell_their_object() {
        let schema = schema(Config::sandbox());
        let mut seen: HashMap<&str, &str> = HashMap::new();
        for object in schema.objects() {
            // Histories and shares of custom objects have one in common.
            if matches!(object.prefix.as_str(), "017" | "02c") {
                continue;
            }
            let other = seen.insert(&object.prefix, &object.name);
            assert_eq!(other, None, "{} has the prefix of another", object.name);
        }
        assert!(seen.len() > 40, "{}", seen.len());
    }

    #[test]
    fn what_goes_with_an_account_is_known() {
        let schema = schema(Config::sandbox());
        let act = |child: &str, field: &str| {
            let links = schema.links_to("account");
            let link = links
                .iter()
                .find(|it| it.child.name == child && it.field().name == field);
            link.unwrap_or_else(|| panic!("{child}.{field}"))
                .on_delete()
        };
        assert_eq!(act("Contact", "AccountId"), OnDelete::Cascade);
        assert_eq!(act("Opportunity", "AccountId"), OnDelete::Cascade);
        assert_eq!(act("Case", "AccountId"), OnDelete::Restrict);
        assert_eq!(act("Order", "AccountId"), OnDelete::RestrictActive);
        assert_eq!(act("Account", "ParentId"), OnDelete::Clear);
        assert_eq!(act("Task", "WhatId"), OnDelete::Cascade);
        assert_eq!(act("AccountShare", "AccountId"), OnDelete::Cascade);
    }

    #[test]
    fn features_bring_their_fields() {
        let has = |schema: &Schema, object: &str, field: &str| {
            schema
                .object(object)
                .is_some_and(|it| it.field(field).is_some())
        };
        let plain = schema(Config::sandbox());
        assert!(!has(&plain, "Account", "PersonEmail") && !has(&plain, "Lead", "CurrencyIsoCode"));
        assert!(plain.object("CurrencyType").is_none());
        let mut config = Config::sandbox();
        config.features = [Feature::PersonAccounts, Feature::MultiCurrency].into();
        let rich = schema(config);
        assert!(has(&rich, "Account", "PersonEmail") && has(&rich, "Lead", "CurrencyIsoCode"));
        assert!(rich.object("CurrencyType").is_some());
    }
}
