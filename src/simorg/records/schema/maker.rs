//! Objects made of the table of standard ones and of the org's metadata.

use std::collections::HashMap;

use super::{
    super::{custom::custom_fields, standard::Standard},
    Stage,
    attached::{history, share},
    component,
    made::currency,
    values::STAGES,
};
use crate::{
    model::ComponentKey,
    model::TypeName,
    simorg::{
        SimOrg,
        soql::{Choice, Field, Object, RecordTypeInfo},
        state::Feature,
    },
    xml::{self, Element},
};

/// Key prefixes of the shares that have one of their own.
const SHARE_PREFIXES: [(&str, &str); 6] = [
    ("Account", "00r"),
    ("Opportunity", "00t"),
    ("Case", "01n"),
    ("Contact", "03s"),
    ("Lead", "01o"),
    ("Campaign", "08s"),
];

pub(super) fn document(org: &SimOrg, name: &str) -> Option<Element> {
    let file = component(org, name)?.document()?;
    Some(xml::parse(&file.content).ok()?.root)
}

pub(super) struct Maker<'a> {
    pub(super) org: &'a SimOrg,
    pub(super) features: Vec<Feature>,
    pub(super) stages: HashMap<String, Stage>,
    pub(super) closed: HashMap<&'static str, Vec<String>>,
    /// Values of standard fields, by `Object.Field`.
    pub(super) values: HashMap<&'static str, Vec<Choice>>,
}

impl<'a> Maker<'a> {
    pub(super) fn new(org: &'a SimOrg) -> Self {
        let has = |text: &str| {
            text.parse::<ComponentKey>()
                .is_ok_and(|key| org.metadata().contains(&key))
        };
        let mut features: Vec<Feature> = org.config.features.iter().copied().collect();
        if has("CustomObject:PersonAccount") || has("Settings:PersonAccount") {
            features.push(Feature::PersonAccounts);
        }
        let stages = STAGES.map(|(name, probability, forecast)| {
            let stage = Stage {
                is_closed: name.starts_with("Closed"),
                is_won: name == "Closed Won",
                probability: f64::from(probability),
                forecast: forecast.to_owned(),
            };
            (name.to_lowercase(), stage)
        });
        let words = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
        let mut maker = Self {
            org,
            features,
            stages: HashMap::from(stages),
            closed: HashMap::from([
                ("Case", words(&["Closed"])),
                ("Task", words(&["Completed"])),
                ("Lead", words(&["Closed - Converted"])),
            ]),
            values: HashMap::new(),
        };
        maker.value_sets();
        maker
    }

    pub(super) fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// A standard object with what hangs on it.
    pub(super) fn standard(&self, standard: &Standard) -> Vec<Object> {
        let mut object = standard.object.clone();
        let name = object.name.clone();
        if !self.has(Feature::PersonAccounts) {
            let hidden = &standard.person_fields;
            object.fields.retain(|it| !hidden.contains(&it.name));
        }
        if standard.has_currency && self.has(Feature::MultiCurrency) {
            object.fields.push(currency());
        }
        for field in &mut object.fields {
            let values = self.values.get(format!("{name}.{}", field.name).as_str());
            if let Some(values) = values {
                field.picklist.clone_from(values);
                let default = values.iter().find(|it| it.is_default);
                if let Some(default) = default.map(|it| it.value.clone()) {
                    field.default = Some(default);
                }
            }
        }
        let mut has_history = standard.history.is_some() && component(self.org, &name).is_none();
        if let Some(root) = document(self.org, &name) {
            has_history = standard.history.is_some();
            self.define(&mut object, &root, &name);
        }
        if matches!(name.as_str(), "Task" | "Event")
            && let Some(root) = document(self.org, "Activity")
        {
            // Custom fields of both are defined on Activity.
            self.define(&mut object, &root, "Activity");
        }
        if standard.has_types {
            self.record_types(&mut object);
        }
        let mut all = Vec::new();
        if let (true, Some((key, history_name))) = (has_history, &standard.history) {
            all.push(history(&object, history_name, key, "017"));
        }
        if standard.is_shared {
            let known = SHARE_PREFIXES.iter().find(|it| it.0 == name);
            let prefix = known.map_or("02c", |it| it.1);
            all.push(share(&object, &format!("{name}Share"), prefix));
        }
        all.insert(0, object);
        all
    }

    /// Puts the custom fields of a document into an object, and notes which
    /// standard fields are tracked.
    pub(super) fn define(&self, object: &mut Object, root: &Element, owner: &str) {
        for element in root.elements_named("fields") {
            let custom = custom_fields(element, &|name| self.shared_values(name));
            for mut field in custom {
                let own = match field
                    .compound
                    .as_ref()
                    .filter(|_| field.name.ends_with("__s"))
                {
                    Some(whole) => whole,
                    None => &field.name,
                };
                let key = ComponentKey::parse("CustomField", &format!("{owner}.{own}")).ok();
                field.id = key.and_then(|it| self.org.metadata().child(&it)?.id);
                object.fields.push(field);
            }
            let name = element.child_text("fullName").unwrap_or_default();
            let is_tracked = element
                .child_text("trackHistory")
                .is_some_and(|it| it.trim() == "true");
            if let Some(field) = object.fields.iter_mut().find(|it| it.name == name.trim()) {
                field.tracked = is_tracked;
            }
        }
    }

    pub(super) fn record_types(&self, object: &mut Object) {
        let metadata = self.org.metadata();
        let type_name = TypeName::known("RecordType");
        let all = metadata.children_of_type(&type_name);
        for (_, key, child) in all {
            let (owner, own) = key.name.as_str().split_once('.').unwrap_or_default();
            let is_person = owner == "PersonAccount" && object.name == "Account";
            let (true, Some(id)) = (owner == object.name || is_person, child.id) else {
                continue;
            };
            let element = metadata.element(key);
            let text = |name: &str| {
                element
                    .as_ref()?
                    .child_text(name)
                    .map(|it| it.trim().to_owned())
            };
            object.record_types.push(RecordTypeInfo {
                id,
                developer_name: own.to_owned(),
                label: text("label").unwrap_or_else(|| own.to_owned()),
                is_active: text("active").as_deref() == Some("true"),
                is_person,
            });
        }
        if !object.record_types.is_empty() {
            let mut field = Field::reference("RecordTypeId", "RecordType", "RecordType").writable();
            "Record Type ID".clone_into(&mut field.label);
            let at = object.fields.iter().position(|it| it.name == "OwnerId");
            object
                .fields
                .insert(at.unwrap_or(object.fields.len()), field);
        }
    }

    /// Gives person accounts the custom fields of contacts, as `X__pc`.
    pub(super) fn person_fields(&self, objects: &mut [Object]) {
        if !self.has(Feature::PersonAccounts) {
            return;
        }
        let contact = objects.iter().find(|it| it.name == "Contact");
        let fields: Vec<Field> = contact
            .into_iter()
            .flat_map(|it| &it.fields)
            .filter(|it| it.custom && it.name.ends_with("__c"))
            .map(|it| {
                let mut field = it.clone();
                field.name = format!("{}__pc", it.name.trim_end_matches("__c"));
                if let Some(reference) = &mut field.reference {
                    let stem = it.name.trim_end_matches("__c");
                    reference.relationship = Some(format!("{stem}__pr"));
                    reference.children = None;
                }
                field
            })
            .collect();
        if let Some(account) = objects.iter_mut().find(|it| it.name == "Account") {
            account.fields.extend(fields);
        }
    }
}
