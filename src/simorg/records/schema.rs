//! The objects of an org that hold records: the standard ones and those that
//! its metadata defines.
//!
//! Invariant: no two objects share a key prefix, and every reference names the
//! objects it may lead to one by one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use super::{
    custom::{choice, custom_fields},
    standard::{self, Standard},
};
use crate::{
    model::{ComponentKey, RecordId, TypeName},
    simorg::{
        SimOrg,
        soql::{Abilities, Choice, Field, Kind, Object, OnDelete, RecordTypeInfo},
        state::{Component, Feature, digest},
    },
    xml::{self, Element},
};

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

/// Stages of a new org: name, probability, forecast category.
///
/// Source: recorded describe of Opportunity and the stages of a Developer Edition.
const STAGES: [(&str, u8, &str); 10] = [
    ("Prospecting", 10, "Pipeline"),
    ("Qualification", 10, "Pipeline"),
    ("Needs Analysis", 20, "Pipeline"),
    ("Value Proposition", 50, "Pipeline"),
    ("Id. Decision Makers", 60, "Pipeline"),
    ("Perception Analysis", 70, "Pipeline"),
    ("Proposal/Price Quote", 75, "Pipeline"),
    ("Negotiation/Review", 90, "Pipeline"),
    ("Closed Won", 100, "Closed"),
    ("Closed Lost", 0, "Omitted"),
];

/// Standard value sets and the fields that take their values.
///
/// Source: Metadata API Developer Guide, "`StandardValueSet` Names and Standard Picklist Fields".
const VALUE_SETS: [(&str, &[&str]); 22] = [
    ("AccountOwnership", &["Account.Ownership"]),
    ("AccountRating", &["Account.Rating", "Lead.Rating"]),
    ("AccountType", &["Account.Type"]),
    ("AssetStatus", &["Asset.Status"]),
    ("CampaignStatus", &["Campaign.Status"]),
    ("CampaignMemberStatus", &["CampaignMember.Status"]),
    ("CampaignType", &["Campaign.Type"]),
    ("CaseOrigin", &["Case.Origin"]),
    ("CasePriority", &["Case.Priority"]),
    ("CaseReason", &["Case.Reason"]),
    ("CaseStatus", &["Case.Status"]),
    ("CaseType", &["Case.Type"]),
    ("ContactRole", &["OpportunityContactRole.Role"]),
    ("ContractStatus", &["Contract.Status"]),
    ("EventSubject", &["Event.Subject"]),
    ("Industry", &["Account.Industry", "Lead.Industry"]),
    (
        "LeadSource",
        &[
            "Contact.LeadSource",
            "Lead.LeadSource",
            "Opportunity.LeadSource",
            "Account.AccountSource",
        ],
    ),
    ("LeadStatus", &["Lead.Status"]),
    ("OpportunityStage", &["Opportunity.StageName"]),
    ("OpportunityType", &["Opportunity.Type"]),
    ("TaskPriority", &["Task.Priority"]),
    ("TaskStatus", &["Task.Status"]),
];

/// Key prefixes of the shares that have one of their own.
const SHARE_PREFIXES: [(&str, &str); 6] = [
    ("Account", "00r"),
    ("Opportunity", "00t"),
    ("Case", "01n"),
    ("Contact", "03s"),
    ("Lead", "01o"),
    ("Campaign", "08s"),
];

/// The component that defines an object.
#[must_use]
pub fn component<'a>(org: &'a SimOrg, name: &str) -> Option<&'a Component> {
    let key = ComponentKey::parse("CustomObject", name).ok()?;
    org.metadata().get(&key)
}

fn document(org: &SimOrg, name: &str) -> Option<Element> {
    let file = component(org, name)?.document()?;
    Some(xml::parse(&file.content).ok()?.root)
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

struct Maker<'a> {
    org: &'a SimOrg,
    features: Vec<Feature>,
    stages: HashMap<String, Stage>,
    closed: HashMap<&'static str, Vec<String>>,
    /// Values of standard fields, by `Object.Field`.
    values: HashMap<&'static str, Vec<Choice>>,
}

impl<'a> Maker<'a> {
    fn new(org: &'a SimOrg) -> Self {
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

    fn has(&self, feature: Feature) -> bool {
        self.features.contains(&feature)
    }

    /// Reads the standard value sets of the org.
    fn value_sets(&mut self) {
        for (name, fields) in VALUE_SETS {
            let key = ComponentKey::parse("StandardValueSet", name).ok();
            let file = key.and_then(|it| self.org.metadata().get(&it)?.document());
            let Some(root) = file.and_then(|it| xml::parse(&it.content).ok()) else {
                continue;
            };
            let values: Vec<&Element> = root.root.elements_named("standardValue").collect();
            let choices: Vec<Choice> = values.iter().filter_map(|it| choice(it)).collect();
            for field in fields {
                self.values.insert(field, choices.clone());
            }
            let is = |it: &Element, name: &str| it.child_text(name).is_some_and(|it| it == "true");
            if name == "OpportunityStage" {
                self.stages = values
                    .iter()
                    .filter_map(|it| {
                        let number = it.child_text("probability");
                        let stage = Stage {
                            is_closed: is(it, "closed"),
                            is_won: is(it, "won"),
                            probability: number
                                .and_then(|it| it.trim().parse().ok())
                                .unwrap_or(0.0),
                            forecast: it.child_text("forecastCategory")?.into_owned(),
                        };
                        Some((choice(it)?.value.to_lowercase(), stage))
                    })
                    .collect();
            }
            let over = [
                ("CaseStatus", "Case"),
                ("TaskStatus", "Task"),
                ("LeadStatus", "Lead"),
            ];
            if let Some((_, object)) = over.iter().find(|it| it.0 == name) {
                let mark = if *object == "Lead" {
                    "converted"
                } else {
                    "closed"
                };
                let closed = values
                    .iter()
                    .filter(|it| is(it, mark))
                    .filter_map(|it| Some(choice(it)?.value));
                self.closed.insert(object, closed.collect());
            }
        }
    }

    /// Values of a global value set.
    fn shared_values(&self, name: &str) -> Vec<Choice> {
        let key = ComponentKey::parse("GlobalValueSet", name).ok();
        let file = key.and_then(|it| self.org.metadata().get(&it)?.document());
        let Some(doc) = file.and_then(|it| xml::parse(&it.content).ok()) else {
            return Vec::new();
        };
        let values = doc.root.elements_named("customValue");
        values.filter_map(choice).collect()
    }

    fn custom_objects(&self) -> Vec<String> {
        let type_name = TypeName::known("CustomObject");
        let names = self.org.metadata().of_type(&type_name);
        names
            .map(|(name, _)| name.as_str().to_owned())
            .filter(|it| is_custom(it))
            .collect()
    }

    /// A standard object with what hangs on it.
    fn standard(&self, standard: &Standard) -> Vec<Object> {
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
    fn define(&self, object: &mut Object, root: &Element, owner: &str) {
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

    fn record_types(&self, object: &mut Object) {
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

    /// A custom object with what hangs on it.
    fn custom(&self, name: &str, prefix: &mut dyn FnMut(&str, &str) -> String) -> Vec<Object> {
        let Some(root) = document(self.org, name) else {
            return Vec::new();
        };
        let text = |it: &str| root.child_text(it).map(|it| it.trim().to_owned());
        let is = |it: &str| text(it).as_deref() == Some("true");
        let setting = text("customSettingsType");
        let mut object = Object::new(name, &prefix(name, &wished_prefix(name)), Vec::new());
        object.custom = true;
        object.id = component(self.org, name).and_then(|it| it.id);
        object.custom_setting.clone_from(&setting);
        if let Some(label) = text("label") {
            object.plural = text("pluralLabel").unwrap_or_else(|| label.clone());
            object.label = label;
        }
        let has_master = root.elements_named("fields").any(|it| {
            it.child_text("type")
                .is_some_and(|it| it.trim() == "MasterDetail")
        });
        let suffix = name.rsplit("__").next().unwrap_or_default();
        object.can = abilities(suffix, setting.is_some());
        object.fields = own_fields(suffix, setting.as_deref(), has_master);
        if let Some(element) = root.child("nameField")
            && let Some(field) = object.fields.iter_mut().find(|it| it.is_name)
        {
            name_field(field, element);
        }
        if is("enableActivities") && suffix == "c" {
            object
                .fields
                .push(read_only("LastActivityDate", Kind::Date));
        }
        if self.has(Feature::MultiCurrency) && suffix == "c" && setting.is_none() {
            object.fields.push(currency());
        }
        self.define(&mut object, &root, name);
        self.record_types(&mut object);
        let mut all = Vec::new();
        let stem = name.strip_suffix("__c");
        if let (Some(stem), None) = (stem, &setting) {
            if is("enableHistory") {
                all.push(history(
                    &object,
                    &format!("{stem}__History"),
                    "ParentId",
                    "017",
                ));
            }
            let model = text("sharingModel");
            if !has_master && model.is_some_and(|it| it != "ReadWrite") {
                all.push(share(&object, &format!("{stem}__Share"), "02c"));
            }
        }
        all.insert(0, object);
        all
    }

    /// Gives person accounts the custom fields of contacts, as `X__pc`.
    fn person_fields(&self, objects: &mut [Object]) {
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

/// Whether an object is one that users or packages made.
fn is_custom(name: &str) -> bool {
    ["__c", "__mdt", "__e", "__b", "__x", "__kav"]
        .iter()
        .any(|it| name.ends_with(it))
}

/// What a custom object wants for a prefix: made from its name, so that it is
/// the same in every run.
fn wished_prefix(name: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let sum = digest(name.as_bytes());
    let digit = |it: u64| char::from(DIGITS[usize::try_from(it % 62).unwrap_or(0)]);
    let first = match name.rsplit("__").next() {
        Some("mdt") => 'm',
        Some("e") => 'e',
        Some("x") => 'x',
        Some("kav") => 'k',
        _ => 'a',
    };
    format!("{first}{}{}", digit(sum >> 7), digit(sum >> 17))
}

fn abilities(suffix: &str, is_setting: bool) -> Abilities {
    let all = Abilities::of_records();
    let few = Abilities {
        search: false,
        layout: false,
        trigger: false,
        recent: false,
        ..all
    };
    match suffix {
        "mdt" => Abilities {
            layout: true,
            ..Abilities::default()
        },
        "e" => Abilities {
            create: true,
            trigger: true,
            ..Abilities::default()
        },
        "b" => Abilities {
            create: true,
            ..Abilities::default()
        },
        "x" => Abilities {
            undelete: false,
            replicate: false,
            ..few
        },
        "c" if is_setting => few,
        _ => all,
    }
}

fn read_only(name: &str, kind: Kind) -> Field {
    Field::new(name, kind)
}

fn currency() -> Field {
    let mut field = standard::parse("CurrencyIsoCode picklist(3) def strict noperm = *USD|EUR")
        .into_iter()
        .next()
        .unwrap_or_else(|| Field::new("CurrencyIsoCode", Kind::Picklist));
    "Currency ISO Code".clone_into(&mut field.label);
    field
}

const AUDIT: [&str; 5] = [
    "CreatedDate datetime ro req def",
    "CreatedById ref(User) ro req def as=CreatedBy",
    "LastModifiedDate datetime ro req def",
    "LastModifiedById ref(User) ro req def as=LastModifiedBy",
    "SystemModstamp datetime ro req def",
];

/// The fields that every custom object of a kind has.
fn own_fields(suffix: &str, setting: Option<&str>, has_master: bool) -> Vec<Field> {
    let mut lines: Vec<&str> = Vec::new();
    match (suffix, setting) {
        ("mdt", _) => lines.extend([
            "DeveloperName string(40) req name ro",
            "MasterLabel string(40) req ro",
            "Language picklist(40) ro = *en_US|de|fr",
            "NamespacePrefix string(15) ro",
            "Label string(40) ro",
            "QualifiedApiName string(70) ro",
            "SystemModstamp datetime ro",
        ]),
        ("e", _) => lines.extend([
            "ReplayId string(1000) ro",
            "EventUuid string(36) ro",
            "CreatedDate datetime ro req def",
            "CreatedById ref(User) ro req def as=CreatedBy",
        ]),
        ("b", _) => lines.extend([
            "CreatedDate datetime ro req def",
            "CreatedById ref(User) ro req def as=CreatedBy",
        ]),
        ("x", _) => lines.extend([
            "ExternalId string(1000) req key unique",
            "DisplayUrl url(1000)",
        ]),
        ("kav", _) => {
            lines.extend([
                "KnowledgeArticleId string(18) ro",
                "OwnerId ref(User) req def as=Owner noperm",
                "IsDeleted boolean ro req",
                "PublishStatus picklist(40) ro def strict = *Draft|Online|Archived",
                "VersionNumber int ro",
                "IsLatestVersion boolean ro",
                "Language picklist(10) co def strict noperm = *en_US|de|fr",
                "Title string(255) req name",
                "UrlName string(255) req noperm",
                "Summary textarea(1000)",
                "ArticleNumber string(30) ro auto={000000000}",
                "FirstPublishedDate datetime ro",
                "LastPublishedDate datetime ro",
            ]);
            lines.extend(AUDIT);
        }
        (_, Some(_)) => {
            lines.extend([
                "IsDeleted boolean ro req",
                "Name string(38) def name",
                "SetupOwnerId ref(Organization,Profile,User) req def as=SetupOwner noperm co",
            ]);
            lines.extend(AUDIT);
        }
        _ => {
            if !has_master {
                lines.push("OwnerId ref(Group,User) req def as=Owner noperm");
            }
            lines.extend(["IsDeleted boolean ro req", "Name string(80) def name key"]);
            lines.extend(AUDIT);
            lines.extend([
                "LastViewedDate datetime ro",
                "LastReferencedDate datetime ro",
            ]);
        }
    }
    let mut fields = vec![Field::new("Id", Kind::Id).required()];
    fields.extend(lines.into_iter().flat_map(standard::parse));
    if let Some(field) = fields.iter_mut().find(|it| it.name == "Name") {
        field.permissionable = false;
    }
    fields
}

/// The name of a custom object's records as its metadata has it.
fn name_field(field: &mut Field, element: &Element) {
    if let Some(label) = element.child_text("label") {
        field.label = label.into_owned();
    }
    field.tracked = element
        .child_text("trackHistory")
        .is_some_and(|it| it.trim() == "true");
    if element
        .child_text("type")
        .is_some_and(|it| it.trim() == "AutoNumber")
    {
        let format = element.child_text("displayFormat");
        field.auto_number =
            Some(format.map_or_else(|| "{0}".to_owned(), std::borrow::Cow::into_owned));
        (field.createable, field.updateable) = (false, false);
        field.nillable = false;
    }
}

/// The history of an object.
fn history(object: &Object, name: &str, key: &str, prefix: &str) -> Object {
    let lines = [
        "IsDeleted boolean ro req".to_owned(),
        format!(
            "{key} ref({}) req ro as={} kids=Histories cascade",
            object.name,
            key.trim_end_matches("Id")
        ),
        "CreatedById ref(User) ro req def as=CreatedBy".to_owned(),
        "CreatedDate datetime ro req def".to_owned(),
        "Field picklist(255) req ro".to_owned(),
        "DataType picklist(40) ro".to_owned(),
        "OldValue string(255) ro".to_owned(),
        "NewValue string(255) ro".to_owned(),
    ];
    let mut fields = vec![Field::new("Id", Kind::Id).required()];
    fields.extend(lines.iter().flat_map(|it| standard::parse(it)));
    let mut history = Object::new(name, prefix, fields);
    history.label = format!("{} History", object.label);
    history.plural.clone_from(&history.label);
    history.custom = false;
    history.can.replicate = true;
    history
}

/// The shares of an object.
fn share(object: &Object, name: &str, prefix: &str) -> Object {
    let key = if object.custom {
        "Parent".to_owned()
    } else {
        object.name.clone()
    };
    let access = if object.custom {
        "AccessLevel".to_owned()
    } else {
        format!("{key}AccessLevel")
    };
    let mut lines = vec![
        format!(
            "{key}Id ref({}) req co as={key} kids=Shares cascade noperm",
            object.name
        ),
        "UserOrGroupId ref(Group,User) req co as=UserOrGroup noperm".to_owned(),
        format!("{access} picklist(40) req strict noperm = Read|Edit|All"),
    ];
    if object.name == "Account" {
        for other in ["Opportunity", "Case", "Contact"] {
            lines.push(format!(
                "{other}AccessLevel picklist(40) def=None strict noperm = None|Read|Edit"
            ));
        }
    }
    lines.extend([
        "RowCause picklist(40) co def=Manual strict noperm = Owner|Manual|Rule|Team|ImplicitChild|ImplicitParent".to_owned(),
        "LastModifiedDate datetime ro req def".to_owned(),
        "LastModifiedById ref(User) ro req def as=LastModifiedBy".to_owned(),
        "IsDeleted boolean ro req".to_owned(),
    ]);
    let mut fields = vec![Field::new("Id", Kind::Id).required()];
    fields.extend(lines.iter().flat_map(|it| standard::parse(it)));
    let mut share = Object::new(name, prefix, fields);
    share.label = format!("{} Share", object.label);
    share.plural.clone_from(&share.label);
    share.custom = false;
    share.can = Abilities {
        create: true,
        update: true,
        delete: true,
        ..Abilities::default()
    };
    share
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
