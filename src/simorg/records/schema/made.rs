//! Objects that users and packages made.

use super::{
    super::standard,
    attached::{history, share},
    component,
    maker::{Maker, document},
};
use crate::{
    model::TypeName,
    simorg::{
        soql::{Abilities, Field, Kind, Object},
        state::{Feature, digest},
    },
    xml::Element,
};

impl Maker<'_> {
    pub(super) fn custom_objects(&self) -> Vec<String> {
        let type_name = TypeName::known("CustomObject");
        let names = self.org.metadata().of_type(&type_name);
        names
            .map(|(name, _)| name.as_str().to_owned())
            .filter(|it| is_custom(it))
            .collect()
    }

    /// A custom object with what hangs on it.
    pub(super) fn custom(
        &self,
        name: &str,
        prefix: &mut dyn FnMut(&str, &str) -> String,
    ) -> Vec<Object> {
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

pub(super) fn currency() -> Field {
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
