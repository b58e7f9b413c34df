//! Custom fields as describe tells them, from their metadata.

use crate::{
    simorg::soql::{Choice, Computed, Field, Kind, OnDelete, Reference},
    xml::Element,
};

/// Values of the global value sets, asked by name.
pub(super) type ValueSets<'a> = dyn Fn(&str) -> Vec<Choice> + 'a;

/// The fields that a `CustomField` element of `object` defines: one, or three
/// for a location.
///
/// None for an element that only refines a standard field.
pub(super) fn custom_fields(element: &Element, sets: &ValueSets<'_>) -> Vec<Field> {
    let text = |name: &str| {
        element
            .child_text(name)
            .map(|it| it.trim().to_owned())
            .filter(|it| !it.is_empty())
    };
    let is = |name: &str| text(name).as_deref() == Some("true");
    let number = |name: &str| text(name).and_then(|it| it.parse::<u32>().ok());
    let (Some(name), Some(kind_text)) = (text("fullName"), text("type")) else {
        return Vec::new();
    };
    if !name.contains("__") {
        return Vec::new();
    }
    let Some(kind) = kind(&kind_text) else {
        return Vec::new();
    };
    let mut field = Field::new(&name, kind).writable();
    field.custom = true;
    field.permissionable = true;
    if let Some(label) = element.child_text("label") {
        field.label = label.into_owned();
    }
    field.length = number("length").unwrap_or(match kind_text.as_str() {
        "TextArea" => 255,
        "AutoNumber" => 30,
        "Summary" => 0,
        _ => field.length,
    });
    if let Some(precision) = number("precision") {
        let digit = |it: u32| u8::try_from(it).unwrap_or(18);
        field.digits = (digit(precision), digit(number("scale").unwrap_or(0)));
    }
    field.html = kind_text == "Html";
    if kind == Kind::TextArea {
        field.extra = Some(match kind_text.as_str() {
            "Html" => "richtextarea",
            _ => "plaintextarea",
        });
    }
    field.help = text("inlineHelpText");
    field.external_id = is("externalId");
    field.unique = is("unique");
    field.case_sensitive = is("caseSensitive");
    field.id_lookup = field.external_id || field.unique;
    field.tracked = is("trackHistory");
    field.nillable = kind != Kind::Boolean && !is("required");
    // Nobody is kept from a field that every record must have.
    field.permissionable = !is("required");
    if let Some(formula) = element.child_text("formula") {
        field.computed = Some(Computed::Formula(formula.into_owned()));
    }
    if kind_text == "Summary" {
        field.computed = Some(roll_up(&text));
    }
    if kind_text == "AutoNumber" {
        field.auto_number = Some(text("displayFormat").unwrap_or_else(|| "{0}".to_owned()));
    }
    if field.computed.is_some() || field.auto_number.is_some() {
        (field.createable, field.updateable) = (false, false);
        field.nillable = field.auto_number.is_none();
    }
    if kind == Kind::Encrypted {
        field.mask = Some((
            text("maskType").unwrap_or_else(|| "all".to_owned()),
            text("maskChar").unwrap_or_else(|| "asterisk".to_owned()),
        ));
    }
    default_of(&mut field, text("defaultValue"));
    if kind == Kind::Reference {
        reference_of(&mut field, element, &kind_text);
    }
    if matches!(kind, Kind::Picklist | Kind::MultiPicklist) {
        picklist_of(&mut field, element, sets);
    }
    if kind == Kind::Location {
        return location(field);
    }
    vec![field]
}

fn kind(text: &str) -> Option<Kind> {
    Some(match text {
        "Text" | "AutoNumber" => Kind::Text,
        "EncryptedText" => Kind::Encrypted,
        "LongTextArea" | "TextArea" | "Html" => Kind::TextArea,
        "Picklist" => Kind::Picklist,
        "MultiselectPicklist" => Kind::MultiPicklist,
        "Checkbox" => Kind::Boolean,
        "Number" | "Summary" => Kind::Double,
        "Currency" => Kind::Currency,
        "Percent" => Kind::Percent,
        "Date" => Kind::Date,
        "DateTime" => Kind::DateTime,
        "Time" => Kind::Time,
        "Email" => Kind::Email,
        "Phone" => Kind::Phone,
        "Url" => Kind::Url,
        "Location" => Kind::Location,
        "Lookup"
        | "MasterDetail"
        | "Hierarchy"
        | "MetadataRelationship"
        | "ExternalLookup"
        | "IndirectLookup" => Kind::Reference,
        _ => return None,
    })
}

fn roll_up(text: &dyn Fn(&str) -> Option<String>) -> Computed {
    let split = |it: Option<String>| {
        let it = it.unwrap_or_default();
        let (object, field) = it.split_once('.').unwrap_or(("", ""));
        (object.to_owned(), field.to_owned())
    };
    let (detail, key) = split(text("summaryForeignKey"));
    Computed::RollUp {
        function: text("summaryOperation").unwrap_or_else(|| "count".to_owned()),
        detail,
        key,
        field: split(text("summarizedField")).1,
    }
}

/// What a new record gets: a plain value, or a formula that is one.
fn default_of(field: &mut Field, text: Option<String>) {
    let Some(text) = text else {
        return;
    };
    let quoted = text
        .strip_prefix('"')
        .and_then(|it| it.strip_suffix('"'))
        .or_else(|| text.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')))
        .filter(|it| !it.contains(['"', '\'']));
    let plain = match field.kind {
        Kind::Boolean => Some(text.to_ascii_lowercase()),
        kind if kind.is_number() => text.parse::<f64>().is_ok().then(|| text.clone()),
        _ => quoted.map(str::to_owned),
    };
    match plain {
        Some(value) => field.default = Some(value),
        None => field.default_formula = Some(text),
    }
    field.defaulted = field.kind == Kind::Boolean;
}

fn reference_of(field: &mut Field, element: &Element, kind_text: &str) {
    let text = |name: &str| {
        element
            .child_text(name)
            .map(|it| it.trim().to_owned())
            .filter(|it| !it.is_empty())
    };
    let is_master = kind_text == "MasterDetail";
    let on_delete = match (text("deleteConstraint").as_deref(), is_master) {
        (_, true) | (Some("Cascade"), _) => OnDelete::Cascade,
        (Some("Restrict"), _) => OnDelete::Restrict,
        // A required lookup cannot be emptied.
        _ if !field.nillable => OnDelete::Restrict,
        _ => OnDelete::Clear,
    };
    let stem = field.name.strip_suffix("__c").unwrap_or(&field.name);
    field.reference = Some(Reference {
        relationship: Some(format!("{stem}__r")),
        targets: vec![text("referenceTo").unwrap_or_else(|| "User".to_owned())],
        children: text("relationshipName").map(|it| format!("{it}__r")),
        order: is_master.then(|| {
            text("relationshipOrder")
                .and_then(|it| it.parse().ok())
                .unwrap_or(0)
        }),
        on_delete,
    });
    if is_master {
        field.nillable = false;
        field.updateable = text("reparentableMasterDetail").as_deref() == Some("true");
        field.permissionable = false;
    }
}

fn picklist_of(field: &mut Field, element: &Element, sets: &ValueSets<'_>) {
    // `picklist` is how versions below 38.0 wrote it.
    let set = element.child("valueSet");
    let is = |element: &Element, name: &str| {
        element
            .child_text(name)
            .is_some_and(|it| it.trim() == "true")
    };
    if let Some(set) = set {
        field.restricted = is(set, "restricted");
        field.controller = set
            .child_text("controllingField")
            .map(|it| it.trim().to_owned());
        if let Some(name) = set.child_text("valueSetName") {
            field.picklist = sets(name.trim());
            field.restricted = true;
        }
    }
    let values = set
        .and_then(|it| it.child("valueSetDefinition"))
        .map(|it| ("value", it))
        .or_else(|| element.child("picklist").map(|it| ("picklistValues", it)));
    if let Some((name, values)) = values {
        field.picklist = values.elements_named(name).filter_map(choice).collect();
    }
    let default = field.picklist.iter().find(|it| it.is_default);
    field.default = default.map(|it| it.value.clone());
}

/// A value of a value set.
pub(super) fn choice(element: &Element) -> Option<Choice> {
    let text = |name: &str| element.child_text(name).map(|it| it.trim().to_owned());
    let value = crate::model::component::percent_decoded(&text("fullName")?).into_owned();
    Some(Choice {
        label: text("label").unwrap_or_else(|| value.clone()),
        is_active: text("isActive").as_deref() != Some("false"),
        is_default: text("default").as_deref() == Some("true"),
        value,
    })
}

/// `Site__c` → `Site__Latitude__s`, `Site__Longitude__s` and the two together.
fn location(whole: Field) -> Vec<Field> {
    let stem = whole.name.trim_end_matches("__c").to_owned();
    let mut fields = Vec::new();
    for axis in ["Latitude", "Longitude"] {
        let mut part = Field::new(&format!("{stem}__{axis}__s"), Kind::Double).writable();
        part.label = format!("{} ({axis})", whole.label);
        part.custom = true;
        part.permissionable = true;
        part.digits = (18, 15);
        part.nillable = whole.nillable;
        part.compound = Some(whole.name.clone());
        fields.push(part);
    }
    let mut whole = whole;
    (whole.createable, whole.updateable, whole.length) = (false, false, 0);
    whole.computed = Some(Computed::Platform);
    fields.push(whole);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(xml: &str) -> Field {
        let doc = crate::xml::parse(format!("<fields>{xml}</fields>").as_bytes()).unwrap();
        custom_fields(&doc.root, &|_| vec![Choice::new("Shared")]).remove(0)
    }

    #[test]
    fn text_field_has_length_label_and_uniqueness() {
        let it = field(
            "<fullName>Code__c</fullName><label>Code &amp; co</label><length>40</length><type>Text</type>\
             <unique>true</unique><externalId>true</externalId><required>true</required>",
        );
        assert_eq!(
            (it.kind, it.length, it.label.as_str()),
            (Kind::Text, 40, "Code & co")
        );
        assert!(it.createable && it.updateable && it.custom && it.unique && it.id_lookup);
        assert!(!it.nillable);
    }

    #[test]
    fn references_know_what_becomes_of_them() {
        let it = field(
            "<fullName>Dealer__c</fullName><type>MasterDetail</type><referenceTo>Account</referenceTo>\
             <relationshipName>Rentals</relationshipName><relationshipOrder>1</relationshipOrder>",
        );
        let reference = it.reference.as_ref().unwrap();
        assert_eq!(reference.relationship.as_deref(), Some("Dealer__r"));
        assert_eq!(reference.children.as_deref(), Some("Rentals__r"));
        assert_eq!(
            (reference.order, reference.on_delete),
            (Some(1), OnDelete::Cascade)
        );
        assert!(!it.nillable && !it.updateable && it.createable);
        let it = field(
            "<fullName>L__c</fullName><type>Lookup</type><referenceTo>Account</referenceTo>\
             <deleteConstraint>Restrict</deleteConstraint>",
        );
        assert_eq!(it.reference.unwrap().on_delete, OnDelete::Restrict);
    }

    #[test]
    fn computed_fields_cannot_be_written() {
        let it = field("<fullName>F__c</fullName><type>Number</type><formula>1</formula>");
        assert_eq!(it.computed, Some(Computed::Formula("1".to_owned())));
        assert!(!it.createable && !it.is_stored());
        let it = field(
            "<fullName>N__c</fullName><type>Summary</type><summaryForeignKey>R__c.E__c</summaryForeignKey>\
             <summaryOperation>sum</summaryOperation><summarizedField>R__c.Fee__c</summarizedField>",
        );
        assert!(matches!(it.computed, Some(Computed::RollUp { field, .. }) if field == "Fee__c"));
        let it = field(
            "<fullName>No__c</fullName><type>AutoNumber</type><displayFormat>R-{0000}</displayFormat>",
        );
        assert_eq!(it.auto_number.as_deref(), Some("R-{0000}"));
        assert!(!it.updateable && it.is_stored());
    }

    #[test]
    fn picklists_have_values_of_their_own_or_shared_ones() {
        let it = field(
            "<fullName>P__c</fullName><type>Picklist</type><valueSet><restricted>true</restricted>\
             <valueSetDefinition><value><fullName>A%2FB</fullName><default>true</default></value>\
             <value><fullName>C</fullName><isActive>false</isActive></value></valueSetDefinition></valueSet>",
        );
        assert!(it.restricted);
        assert_eq!(it.default.as_deref(), Some("A/B"));
        assert!(!it.picklist[1].is_active);
        let it = field(
            "<fullName>P__c</fullName><type>Picklist</type><valueSet><valueSetName>S</valueSetName></valueSet>",
        );
        assert_eq!(it.picklist[0].value, "Shared");
    }

    #[test]
    fn location_is_three_fields() {
        let doc = crate::xml::parse(
            b"<fields><fullName>Site__c</fullName><label>Site</label><type>Location</type></fields>",
        )
        .unwrap();
        let names: Vec<_> = custom_fields(&doc.root, &|_| Vec::new())
            .into_iter()
            .map(|it| it.name)
            .collect();
        assert_eq!(
            names,
            ["Site__Latitude__s", "Site__Longitude__s", "Site__c"]
        );
    }
}
