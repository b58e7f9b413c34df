//! Objects with their fields, and tables of rows.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use crate::model::RecordId;

/// Type of a field, as describe names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `id`.
    Id,
    /// `string`.
    Text,
    /// `textarea`: cannot be filtered or sorted by.
    TextArea,
    /// `picklist`.
    Picklist,
    /// `multipicklist`.
    MultiPicklist,
    /// `boolean`.
    Boolean,
    /// `int`.
    Int,
    /// `double`.
    Double,
    /// `currency`.
    Currency,
    /// `percent`.
    Percent,
    /// `date`.
    Date,
    /// `datetime`.
    DateTime,
    /// `time`.
    Time,
    /// `reference`.
    Reference,
    /// `email`.
    Email,
    /// `phone`.
    Phone,
    /// `url`.
    Url,
    /// `complexvalue`: a document, such as `Metadata` of the Tooling API.
    Complex,
    /// `combobox`: a picklist that takes any text.
    Combobox,
    /// `encryptedstring`: masked for most people.
    Encrypted,
    /// `base64`: the contents of a file.
    Base64,
    /// `address`: made of other fields.
    Address,
    /// `location`: made of a latitude and a longitude.
    Location,
}

impl Kind {
    /// The name that describe gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Text => "string",
            Self::TextArea => "textarea",
            Self::Picklist => "picklist",
            Self::MultiPicklist => "multipicklist",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Double => "double",
            Self::Currency => "currency",
            Self::Percent => "percent",
            Self::Date => "date",
            Self::DateTime => "datetime",
            Self::Time => "time",
            Self::Reference => "reference",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Complex => "complexvalue",
            Self::Combobox => "combobox",
            Self::Encrypted => "encryptedstring",
            Self::Base64 => "base64",
            Self::Address => "address",
            Self::Location => "location",
        }
    }

    /// Whether its values are numbers.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(
            self,
            Self::Int | Self::Double | Self::Currency | Self::Percent
        )
    }

    /// Whether its values are written in quotes.
    #[must_use]
    pub fn is_text(self) -> bool {
        !self.is_number()
            && !matches!(
                self,
                Self::Boolean
                    | Self::Date
                    | Self::DateTime
                    | Self::Time
                    | Self::Complex
                    | Self::Base64
                    | Self::Address
                    | Self::Location
            )
    }

    /// Whether its value is put together from those of other fields.
    #[must_use]
    pub fn is_compound(self) -> bool {
        matches!(self, Self::Address | Self::Location)
    }

    /// Whether queries can filter by it.
    #[must_use]
    pub fn is_filterable(self) -> bool {
        !matches!(
            self,
            Self::TextArea
                | Self::Complex
                | Self::Encrypted
                | Self::Base64
                | Self::Address
                | Self::Location
        )
    }
}

/// What becomes of a reference when the record it leads to is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDelete {
    /// It stays: audit fields, owners.
    #[default]
    Keep,
    /// It is emptied, and filled again when the other is undeleted.
    Clear,
    /// The record goes with the other, and comes back with it.
    Cascade,
    /// The other may not be deleted.
    Restrict,
    /// As `Restrict` where the record was activated, as `Cascade` where it is a draft.
    RestrictActive,
}

/// Where a reference leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference {
    /// Name by which it is followed; none where it cannot be.
    pub relationship: Option<String>,
    /// Objects it may lead to; several for a polymorphic one.
    pub targets: Vec<String>,
    /// Name by which the other finds its children; none where it cannot.
    pub children: Option<String>,
    /// Place among the masters, 0 or 1, for master-detail.
    pub order: Option<u8>,
    /// What becomes of it when the other is deleted.
    pub on_delete: OnDelete,
}

/// One value of a picklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The value.
    pub value: String,
    /// What people see.
    pub label: String,
    /// Whether it can be chosen.
    pub is_active: bool,
    /// Whether a new record gets it.
    pub is_default: bool,
}

impl Choice {
    /// An active value that is its own label.
    #[must_use]
    pub fn new(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            label: value.to_owned(),
            is_active: true,
            is_default: false,
        }
    }
}

/// How a value comes about that nobody writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Computed {
    /// By a formula.
    Formula(String),
    /// From the details of a master: function, field of the detail that leads
    /// here, and field that is summed (empty for a count).
    RollUp {
        /// `count`, `sum`, `min` or `max`.
        function: String,
        /// The detail object.
        detail: String,
        /// Its field that leads to the master.
        key: String,
        /// Its field that is taken; empty for a count.
        field: String,
    },
    /// By the platform, which does not say how.
    Platform,
}

/// A field of an object.
#[expect(
    clippy::struct_excessive_bools,
    reason = "describe tells each of them by itself"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// API name.
    pub name: String,
    /// Label.
    pub label: String,
    /// Type.
    pub kind: Kind,
    /// Most characters; zero where that says nothing.
    pub length: u32,
    /// Digits of a number in all, and behind the point.
    pub digits: (u8, u8),
    /// Where a reference leads.
    pub reference: Option<Reference>,
    /// Whether users made it.
    pub custom: bool,
    /// Whether a record may be without it.
    pub nillable: bool,
    /// Whether a new record may be given it.
    pub createable: bool,
    /// Whether a record may be given it later.
    pub updateable: bool,
    /// Whether a new record gets one by itself.
    pub defaulted: bool,
    /// How it is computed, where it is.
    pub computed: Option<Computed>,
    /// Pattern of an auto-number, such as `R-{0000}`.
    pub auto_number: Option<String>,
    /// Whether no two records may have the same.
    pub unique: bool,
    /// Whether `a` and `A` are the same for `unique`.
    pub case_sensitive: bool,
    /// Whether it is a key of another system.
    pub external_id: bool,
    /// Whether records can be upserted by it.
    pub id_lookup: bool,
    /// Mask type and character, where it is encrypted.
    pub mask: Option<(String, String)>,
    /// Whether it is the record's name.
    pub is_name: bool,
    /// The compound field that it is part of.
    pub compound: Option<String>,
    /// Whether it is formatted text.
    pub html: bool,
    /// What `extraTypeInfo` says.
    pub extra: Option<&'static str>,
    /// What a new record gets: a value, never a formula.
    pub default: Option<String>,
    /// The formula of the default.
    pub default_formula: Option<String>,
    /// Values of a picklist.
    pub picklist: Vec<Choice>,
    /// Whether other values are refused.
    pub restricted: bool,
    /// The field that a dependent picklist depends on.
    pub controller: Option<String>,
    /// Whether permissions can hide it.
    pub permissionable: bool,
    /// Help text.
    pub help: Option<String>,
    /// Whether its changes are kept in the history of the record.
    pub tracked: bool,
    /// Id of the definition of a custom field: one made anew holds nothing.
    pub id: Option<RecordId>,
}

impl Field {
    /// A read-only standard field.
    #[must_use]
    pub fn new(name: &str, kind: Kind) -> Self {
        let length = match kind {
            Kind::Id | Kind::Reference => 18,
            Kind::Text | Kind::Picklist | Kind::Url | Kind::Combobox => 255,
            Kind::Email => 80,
            Kind::Phone => 40,
            Kind::TextArea => 32_000,
            _ => 0,
        };
        let digits = match kind {
            Kind::Double | Kind::Currency => (18, 2),
            Kind::Percent => (5, 2),
            _ => (0, 0),
        };
        Self {
            name: name.to_owned(),
            label: label_of(name),
            kind,
            length,
            digits,
            reference: None,
            custom: name.ends_with("__c"),
            nillable: kind != Kind::Boolean,
            createable: false,
            updateable: false,
            defaulted: kind == Kind::Boolean,
            computed: None,
            auto_number: None,
            unique: false,
            case_sensitive: false,
            external_id: false,
            id_lookup: kind == Kind::Id,
            mask: None,
            is_name: false,
            compound: None,
            html: false,
            extra: (kind == Kind::TextArea).then_some("plaintextarea"),
            default: None,
            default_formula: None,
            picklist: Vec::new(),
            restricted: false,
            controller: None,
            permissionable: false,
            help: None,
            tracked: false,
            id: None,
        }
    }

    /// A reference to `target`, followed as `relationship`.
    #[must_use]
    pub fn reference(name: &str, relationship: &str, target: &str) -> Self {
        Self {
            reference: Some(Reference {
                relationship: Some(relationship.to_owned()),
                targets: vec![target.to_owned()],
                ..Reference::default()
            }),
            ..Self::new(name, Kind::Reference)
        }
    }

    /// The same, to be written by users.
    #[must_use]
    pub fn writable(mut self) -> Self {
        self.createable = true;
        self.updateable = true;
        self
    }

    /// The same, which no record may be without.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.nillable = false;
        self
    }

    /// Whether records hold a value of it in the store.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        !self.kind.is_compound()
            && !matches!(
                self.computed,
                Some(Computed::Formula(_) | Computed::RollUp { .. })
            )
    }

    /// Whether it is the detail's side of a master-detail.
    #[must_use]
    pub fn is_master_detail(&self) -> bool {
        self.reference.as_ref().is_some_and(|it| it.order.is_some())
    }
}

/// `LastModifiedDate` → `Last Modified Date`.
pub(in crate::simorg) fn label_of(name: &str) -> String {
    let mut label = String::new();
    let mut before = 'A';
    for it in name.trim_end_matches("__c").chars() {
        if it.is_ascii_uppercase() && before.is_ascii_lowercase() {
            label.push(' ');
        }
        label.push(if it == '_' { ' ' } else { it });
        before = it;
    }
    label
}

/// What an object lets one do.
#[expect(
    clippy::struct_excessive_bools,
    reason = "describe tells each of them by itself"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// Records can be made.
    pub create: bool,
    /// Records can be changed.
    pub update: bool,
    /// Records can be deleted.
    pub delete: bool,
    /// Deleted records can be had back.
    pub undelete: bool,
    /// Records can be merged.
    pub merge: bool,
    /// `getUpdated` and `getDeleted` know it.
    pub replicate: bool,
    /// It can be searched.
    pub search: bool,
    /// It has page layouts.
    pub layout: bool,
    /// It can have triggers.
    pub trigger: bool,
    /// It has a feed.
    pub feed: bool,
    /// It has recently used items.
    pub recent: bool,
}

impl Abilities {
    /// What records that users make can do.
    #[must_use]
    pub fn of_records() -> Self {
        Self {
            create: true,
            update: true,
            delete: true,
            undelete: true,
            merge: false,
            replicate: true,
            search: true,
            layout: true,
            trigger: true,
            feed: false,
            recent: true,
        }
    }
}

/// A record type of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordTypeInfo {
    /// Its id.
    pub id: RecordId,
    /// Developer name.
    pub developer_name: String,
    /// Label.
    pub label: String,
    /// Whether it can be chosen.
    pub is_active: bool,
    /// Whether it is for person accounts.
    pub is_person: bool,
}

/// An object: what describe tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// API name.
    pub name: String,
    /// Label.
    pub label: String,
    /// Label of several.
    pub plural: String,
    /// First three characters of its ids; empty where it has none.
    pub prefix: String,
    /// Whether users made it.
    pub custom: bool,
    /// Whether it holds settings of the org, not records.
    pub setting: bool,
    /// Whether it is a custom setting: `List` or `Hierarchy`.
    pub custom_setting: Option<String>,
    /// What it lets one do.
    pub can: Abilities,
    /// Its fields, `Id` first.
    pub fields: Vec<Field>,
    /// Its record types.
    pub record_types: Vec<RecordTypeInfo>,
    /// Id of the definition of a custom object: one made anew holds nothing.
    pub id: Option<RecordId>,
}

impl Object {
    /// An object of the setup, read only.
    #[must_use]
    pub fn new(name: &str, prefix: &str, fields: Vec<Field>) -> Self {
        let label = label_of(name);
        Self {
            name: name.to_owned(),
            plural: format!("{label}s"),
            label,
            prefix: prefix.to_owned(),
            custom: name.ends_with("__c"),
            setting: false,
            custom_setting: None,
            can: Abilities::default(),
            fields,
            record_types: Vec::new(),
            id: None,
        }
    }

    /// Place and definition of the field `name`, in any case.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<(usize, &Field)> {
        self.fields
            .iter()
            .enumerate()
            .find(|(_, field)| field.name.eq_ignore_ascii_case(name))
    }

    /// Place and definition of the reference that is followed as `relationship`.
    #[must_use]
    pub fn relationship(&self, relationship: &str) -> Option<(usize, &Reference)> {
        self.fields.iter().enumerate().find_map(|(at, field)| {
            let reference = field.reference.as_ref()?;
            let name = reference.relationship.as_ref()?;
            name.eq_ignore_ascii_case(relationship)
                .then_some((at, reference))
        })
    }

    /// The field that holds the record's name.
    #[must_use]
    pub fn name_field(&self) -> Option<&Field> {
        self.fields.iter().find(|it| it.is_name)
    }
}

/// Values of one row, in the order of the object's fields.
pub type Row = Vec<Value>;

/// An object with its rows.
#[derive(Clone, Debug)]
pub struct Table {
    /// The object.
    pub object: Arc<Object>,
    /// Its rows.
    pub rows: Vec<Row>,
    by_id: HashMap<String, usize>,
}

impl Table {
    /// A table of `rows`, each as long as the object has fields.
    #[must_use]
    pub fn new(object: Arc<Object>, rows: Vec<Row>) -> Self {
        let id = object.field("Id").map(|(at, _)| at);
        let by_id = id.map_or_else(HashMap::new, |id| {
            rows.iter()
                .enumerate()
                .filter_map(|(n, row)| Some((row.get(id)?.as_str()?.to_owned(), n)))
                .collect()
        });
        Self {
            object,
            rows,
            by_id,
        }
    }

    /// The row with this id of 18 characters.
    #[must_use]
    pub fn by_id(&self, id: &str) -> Option<&Row> {
        self.by_id.get(id).and_then(|at| self.rows.get(*at))
    }
}

/// Where a query finds its objects.
pub trait Catalog {
    /// The object `name`, in any case; `None` where the org has none, or the
    /// user may not see it.
    fn object(&self, name: &str) -> Option<Arc<Object>>;

    /// The object with its rows.
    fn table(&self, name: &str) -> Option<Arc<Table>>;
}
