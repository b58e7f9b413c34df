//! The standard objects, from the table in `standard.txt`.
//!
//! Invariant: the table is read as a whole or not at all; a line that cannot
//! be read is a defect of the program, and a test reads every line.

use std::sync::OnceLock;

use crate::simorg::soql::{
    Abilities, Choice, Computed, Field, Kind, Object, OnDelete, Reference, label_of,
};

/// One standard object and what of it depends on the org.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of the table by itself"
)]
#[derive(Clone, Debug)]
pub(super) struct Standard {
    /// The object with the fields that it always has.
    pub object: Object,
    /// Names of the fields that are there with person accounts only.
    pub person_fields: Vec<String>,
    /// Whether it has record types where the org has some for it.
    pub has_types: bool,
    /// Whether it has a currency where the org has several.
    pub has_currency: bool,
    /// Whether it is there only where the org has several currencies.
    pub needs_currencies: bool,
    /// Whether it has shares.
    pub is_shared: bool,
    /// Field of its history that leads back, and name of the history.
    pub history: Option<(String, String)>,
}

const TABLE: &str = include_str!("standard.txt");

/// All standard objects, in the order of the table.
pub(super) fn all() -> &'static [Standard] {
    static ALL: OnceLock<Vec<Standard>> = OnceLock::new();
    ALL.get_or_init(|| read(TABLE))
}

fn read(table: &str) -> Vec<Standard> {
    let mut all: Vec<Standard> = Vec::new();
    for line in table.lines() {
        if line.starts_with('#') || line.trim().is_empty() {
            continue;
        }
        if line.starts_with(' ') {
            if let Some(standard) = all.last_mut() {
                add_fields(standard, line);
            }
        } else {
            if let Some(last) = all.last_mut() {
                finish(last);
            }
            all.push(header(line));
        }
    }
    if let Some(last) = all.last_mut() {
        finish(last);
    }
    all
}

fn header(line: &str) -> Standard {
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    let prefix = words.next().unwrap_or_default();
    let mut object = Object::new(name, prefix, vec![Field::new("Id", Kind::Id).required()]);
    object.can = Abilities::of_records();
    object.plural = match object.label.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{}s", object.label),
    };
    let mut standard = Standard {
        object,
        person_fields: Vec::new(),
        has_types: false,
        has_currency: false,
        needs_currencies: false,
        is_shared: false,
        history: None,
    };
    let (mut is_plain, mut is_audited, mut audit_words) = (false, true, AUDIT);
    let mut tail: Vec<&str> = Vec::new();
    for word in words {
        let object = &mut standard.object;
        match word.split_once('=').unwrap_or((word, "")) {
            ("label", labels) => {
                let (one, several) = labels.split_once('/').unwrap_or((labels, labels));
                object.label = one.replace('_', " ");
                object.plural = several.replace('_', " ");
            }
            ("owner", "queue") => tail.push("OwnerId ref(Group,User) req def as=Owner noperm"),
            ("owner", _) => tail.push("OwnerId ref(User) req def as=Owner noperm"),
            ("viewed", _) => tail.extend([
                "LastViewedDate datetime ro",
                "LastReferencedDate datetime ro",
            ]),
            ("activity", _) => tail.push("LastActivityDate date ro"),
            ("types", _) => standard.has_types = true,
            ("merge", _) => object.can.merge = true,
            ("feed", _) => object.can.feed = true,
            ("track", key) => {
                let (key, name) = key.split_once(',').map_or_else(
                    || (key, format!("{}History", object.name)),
                    |(key, name)| (key, name.to_owned()),
                );
                standard.history = Some((key.to_owned(), name));
            }
            ("share", _) => standard.is_shared = true,
            ("currency", _) => standard.has_currency = true,
            ("currencies", _) => standard.needs_currencies = true,
            ("plain", _) => is_plain = true,
            ("noaudit", _) => is_audited = false,
            ("created", _) => audit_words = CREATED,
            (other, _) => {
                if let Some(ability) = other.strip_prefix('-') {
                    cannot(&mut object.can, ability);
                }
            }
        }
    }
    if !is_plain {
        add_fields(&mut standard, "IsDeleted boolean ro req");
    }
    // What comes behind the object's own fields waits at the end.
    if is_audited {
        tail.extend(audit_words);
    }
    for line in tail {
        add_fields(&mut standard, line);
    }
    standard
}

/// The fields that the platform keeps on its own.
const AUDIT: &[&str] = &[
    "CreatedDate datetime ro req def",
    "CreatedById ref(User) ro req def as=CreatedBy",
    "LastModifiedDate datetime ro req def",
    "LastModifiedById ref(User) ro req def as=LastModifiedBy",
    "SystemModstamp datetime ro req def",
];

const CREATED: &[&str] = &[
    "CreatedDate datetime ro req def",
    "CreatedById ref(User) ro req def as=CreatedBy",
    "SystemModstamp datetime ro req def",
];

fn cannot(can: &mut Abilities, word: &str) {
    let ability = match word {
        "create" => &mut can.create,
        "update" => &mut can.update,
        "delete" => &mut can.delete,
        "undelete" => &mut can.undelete,
        "search" => &mut can.search,
        "layout" => &mut can.layout,
        "trigger" => &mut can.trigger,
        "recent" => &mut can.recent,
        _ => &mut can.replicate,
    };
    *ability = false;
}

/// Puts the fields that the platform keeps behind those of the object.
fn finish(standard: &mut Standard) {
    let last = |field: &Field| {
        matches!(
            field.name.as_str(),
            "OwnerId"
                | "CreatedDate"
                | "CreatedById"
                | "LastModifiedDate"
                | "LastModifiedById"
                | "SystemModstamp"
                | "LastViewedDate"
                | "LastReferencedDate"
                | "LastActivityDate"
        )
    };
    standard.object.fields.sort_by_key(last);
}

/// The fields of one line: one, or all parts of an address.
fn add_fields(standard: &mut Standard, line: &str) {
    let fields = parse(line);
    let is_person = line.split_whitespace().any(|it| it == "person");
    if is_person {
        let names = fields.iter().map(|it| it.name.clone());
        standard.person_fields.extend(names);
    }
    standard.object.fields.extend(fields);
}

/// Fields written in the form of the table.
pub(super) fn parse(line: &str) -> Vec<Field> {
    let (line, values) = line.split_once(" = ").unwrap_or((line, ""));
    let mut words = line.split_whitespace();
    let name = words.next().unwrap_or_default();
    let (kind, detail) = words
        .next()
        .map(|it| it.split_once('(').unwrap_or((it, "")))
        .unwrap_or_default();
    let detail = detail.trim_end_matches(')');
    if kind == "address" {
        return address(name);
    }
    let mut field = typed(name, kind, detail).writable();
    field.permissionable = true;
    field.label = label(name, field.kind);
    for word in words {
        apply(&mut field, word);
    }
    if !field.createable && !field.updateable {
        field.permissionable = false;
    }
    for value in values.split('|').map(str::trim).filter(|it| !it.is_empty()) {
        let mut choice = Choice::new(value.trim_start_matches('*'));
        choice.is_default = value.starts_with('*');
        if choice.is_default {
            field.default = Some(choice.value.clone());
        }
        field.picklist.push(choice);
    }
    vec![field]
}

fn typed(name: &str, kind: &str, detail: &str) -> Field {
    let numbers: Vec<u32> = detail.split(',').filter_map(|it| it.parse().ok()).collect();
    let kind = match kind {
        "textarea" => Kind::TextArea,
        "picklist" => Kind::Picklist,
        "multipicklist" => Kind::MultiPicklist,
        "combobox" => Kind::Combobox,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "double" => Kind::Double,
        "currency" => Kind::Currency,
        "percent" => Kind::Percent,
        "date" => Kind::Date,
        "datetime" => Kind::DateTime,
        "time" => Kind::Time,
        "email" => Kind::Email,
        "phone" => Kind::Phone,
        "url" => Kind::Url,
        "base64" => Kind::Base64,
        "ref" => Kind::Reference,
        _ => Kind::Text,
    };
    let mut field = Field::new(name, kind);
    match (kind, numbers.as_slice()) {
        (Kind::Reference, _) => {
            field.reference = Some(Reference {
                targets: detail.split(',').map(str::to_owned).collect(),
                ..Reference::default()
            });
        }
        (_, [length]) => field.length = *length,
        (_, [precision, scale]) => {
            let digit = |it: u32| u8::try_from(it).unwrap_or(18);
            field.digits = (digit(*precision), digit(*scale));
        }
        _ => (),
    }
    field
}

fn apply(field: &mut Field, word: &str) {
    let (word, value) = word.split_once('=').unwrap_or((word, ""));
    let reference = field.reference.get_or_insert_default();
    match word {
        "req" => field.nillable = false,
        "ro" => (field.createable, field.updateable) = (false, false),
        "co" => field.updateable = false,
        "uo" => field.createable = false,
        "def" => {
            field.defaulted = true;
            if !value.is_empty() {
                field.default = Some(value.to_owned());
            }
        }
        "name" => field.is_name = true,
        "key" => field.id_lookup = true,
        "auto" => field.auto_number = Some(value.to_owned()),
        "in" => field.compound = Some(value.to_owned()),
        "as" => reference.relationship = Some(value.to_owned()),
        "kids" => reference.children = Some(value.to_owned()),
        "cascade" => reference.on_delete = OnDelete::Cascade,
        "restrict" => reference.on_delete = OnDelete::Restrict,
        "restrict-active" => reference.on_delete = OnDelete::RestrictActive,
        "clear" => reference.on_delete = OnDelete::Clear,
        "strict" => field.restricted = true,
        "unique" => field.unique = true,
        "noperm" => field.permissionable = false,
        "extra" => {
            field.extra = match value {
                "personname" => Some("personname"),
                "switchablepersonname" => Some("switchablepersonname"),
                "imageurl" => Some("imageurl"),
                _ => field.extra,
            }
        }
        _ => (),
    }
    if field.kind != Kind::Reference {
        field.reference = None;
    }
}

/// `ParentId` → `Parent ID`.
fn label(name: &str, kind: Kind) -> String {
    let label = label_of(name);
    match (kind, label.strip_suffix(" Id")) {
        (Kind::Reference, Some(stem)) => format!("{stem} ID"),
        _ => label,
    }
}

/// The parts of an address and the address itself.
fn address(name: &str) -> Vec<Field> {
    let stem = name.strip_suffix("Address").unwrap_or(name);
    let parts = [
        "Street textarea(255)",
        "City string(40)",
        "State string(80)",
        "PostalCode string(20)",
        "Country string(80)",
        "Latitude double(18,15)",
        "Longitude double(18,15)",
        "GeocodeAccuracy picklist(40) strict",
    ];
    let mut fields = Vec::new();
    for part in parts {
        let accuracy = " = Address|NearAddress|Block|Street|ExtendedZip|Zip|Neighborhood|City|County|State|Unknown";
        let values = if part.contains("strict") {
            accuracy
        } else {
            ""
        };
        fields.extend(parse(
            &format!("{stem}{part} in={name}{values}").replace("strict in", "in"),
        ));
    }
    if let Some(last) = fields.last_mut() {
        last.restricted = true;
    }
    let mut whole = Field::new(name, Kind::Address);
    whole.computed = Some(Computed::Platform);
    whole.permissionable = true;
    fields.push(whole);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_means_something() {
        let words = [
            "req",
            "ro",
            "co",
            "uo",
            "def",
            "name",
            "key",
            "auto",
            "in",
            "as",
            "kids",
            "cascade",
            "restrict",
            "restrict-active",
            "clear",
            "strict",
            "unique",
            "noperm",
            "extra",
            "person",
        ];
        for line in TABLE.lines().filter(|it| it.starts_with("  ")) {
            let head = line.split(" = ").next().unwrap();
            for word in head.split_whitespace().skip(2) {
                let word = word.split('=').next().unwrap();
                assert!(words.contains(&word), "{line}: {word}");
            }
        }
        let all = all();
        for standard in all {
            let object = &standard.object;
            assert_eq!(object.prefix.len(), 3, "{}", object.name);
            let mut names: Vec<_> = object.fields.iter().map(|it| &it.name).collect();
            names.sort();
            let before = names.len();
            names.dedup();
            assert_eq!(before, names.len(), "{} has a field twice", object.name);
            for target in object
                .fields
                .iter()
                .filter_map(|it| it.reference.as_ref())
                .flat_map(|it| &it.targets)
            {
                let elsewhere = [
                    "User",
                    "Group",
                    "Folder",
                    "Organization",
                    "CollaborationGroup",
                    "PermissionSet",
                    "PermissionSetGroup",
                    "*",
                ];
                let known = all.iter().any(|it| it.object.name == *target)
                    || elsewhere.contains(&target.as_str());
                assert!(known, "{}: {target}", object.name);
            }
        }
    }

    #[test]
    fn words_of_a_line_become_attributes() {
        let field = &parse("ParentId ref(Account) as=Parent kids=ChildAccounts clear")[0];
        let reference = field.reference.as_ref().unwrap();
        assert_eq!(reference.on_delete, OnDelete::Clear);
        assert_eq!(reference.children.as_deref(), Some("ChildAccounts"));
        assert_eq!(field.label, "Parent ID");
        let field = &parse("Status picklist(255) req def = *New|Working")[0];
        assert_eq!(field.default.as_deref(), Some("New"));
        assert!(!field.nillable && field.defaulted);
        assert_eq!(parse("BillingAddress address").len(), 9);
    }
}
