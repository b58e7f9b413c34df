//! Objects with their fields, and tables of rows.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

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
                Self::Boolean | Self::Date | Self::DateTime | Self::Time | Self::Complex
            )
    }
}

/// A field of an object.
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
    /// Relationship name and the object it leads to, for a reference.
    pub reference: Option<(String, String)>,
    /// Whether users made it.
    pub custom: bool,
    /// Whether a record may be without it.
    pub nillable: bool,
    /// Whether a record may be given it.
    pub writable: bool,
    /// Formula, where it is computed.
    pub formula: Option<String>,
    /// Values of a picklist.
    pub picklist: Vec<String>,
}

impl Field {
    /// A read-only standard field.
    #[must_use]
    pub fn new(name: &str, kind: Kind) -> Self {
        let length = match kind {
            Kind::Id | Kind::Reference => 18,
            Kind::Text | Kind::Picklist | Kind::Url => 255,
            Kind::Email => 80,
            Kind::Phone => 40,
            Kind::TextArea => 32_000,
            _ => 0,
        };
        Self {
            name: name.to_owned(),
            label: label_of(name),
            kind,
            length,
            reference: None,
            custom: name.ends_with("__c"),
            nillable: true,
            writable: false,
            formula: None,
            picklist: Vec::new(),
        }
    }

    /// A reference to `target`, followed as `relationship`.
    #[must_use]
    pub fn reference(name: &str, relationship: &str, target: &str) -> Self {
        Self {
            reference: Some((relationship.to_owned(), target.to_owned())),
            ..Self::new(name, Kind::Reference)
        }
    }

    /// The same, to be written by users.
    #[must_use]
    pub fn writable(mut self) -> Self {
        self.writable = true;
        self
    }

    /// The same, which no record may be without.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.nillable = false;
        self
    }
}

/// `LastModifiedDate` → `Last Modified Date`.
fn label_of(name: &str) -> String {
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

/// An object: what describe tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// API name.
    pub name: String,
    /// Label.
    pub label: String,
    /// First three characters of its ids; empty where it has none.
    pub prefix: String,
    /// Whether users made it.
    pub custom: bool,
    /// Whether it holds settings of the org, not records.
    pub setting: bool,
    /// Whether records can be made, changed and deleted through the API.
    pub writable: bool,
    /// Its fields, `Id` first.
    pub fields: Vec<Field>,
}

impl Object {
    /// An object of the setup, read only.
    #[must_use]
    pub fn new(name: &str, prefix: &str, fields: Vec<Field>) -> Self {
        Self {
            name: name.to_owned(),
            label: label_of(name),
            prefix: prefix.to_owned(),
            custom: name.ends_with("__c"),
            setting: false,
            writable: false,
            fields,
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
    pub fn relationship(&self, relationship: &str) -> Option<(usize, &str)> {
        self.fields.iter().enumerate().find_map(|(at, field)| {
            let (name, target) = field.reference.as_ref()?;
            name.eq_ignore_ascii_case(relationship)
                .then_some((at, target.as_str()))
        })
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
