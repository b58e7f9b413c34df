//! Custom fields as describe tells them, from their metadata.

use crate::{
    simorg::soql::{Field, Kind},
    xml::Element,
};

/// The field that a `CustomField` element defines; `None` for a type that has
/// no value of its own, such as a location.
pub(super) fn custom_field(element: &Element) -> Option<Field> {
    let name = element.child_text("fullName")?.trim().to_owned();
    if !name.contains("__") {
        return None;
    }
    let kind_text = element.child_text("type")?.trim().to_owned();
    let number = |name: &str| {
        element
            .child_text(name)
            .and_then(|it| it.trim().parse().ok())
    };
    let kind = match kind_text.as_str() {
        "Text" | "AutoNumber" | "EncryptedText" => Kind::Text,
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
        "Lookup"
        | "MasterDetail"
        | "Hierarchy"
        | "MetadataRelationship"
        | "ExternalLookup"
        | "IndirectLookup" => Kind::Reference,
        _ => return None,
    };
    let mut field = Field::new(&name, kind);
    if let Some(label) = element.child_text("label") {
        field.label = label.into_owned();
    }
    if let Some(length) = number("length") {
        field.length = length;
    }
    field.custom = true;
    field.formula = element
        .child_text("formula")
        .map(std::borrow::Cow::into_owned);
    field.nillable = !(matches!(kind, Kind::Boolean)
        || kind_text == "MasterDetail"
        || element
            .child_text("required")
            .is_some_and(|it| it.trim() == "true"));
    field.writable =
        field.formula.is_none() && !matches!(kind_text.as_str(), "AutoNumber" | "Summary");
    if kind == Kind::Reference {
        let target = element.child_text("referenceTo").unwrap_or_default();
        let relationship = name.replace("__c", "__r");
        field.reference = Some((relationship, target.trim().to_owned()));
    }
    if matches!(kind, Kind::Picklist | Kind::MultiPicklist)
        && let Some(values) = element
            .child("valueSet")
            .and_then(|it| it.child("valueSetDefinition"))
    {
        field.picklist = values
            .elements_named("value")
            .filter_map(|it| Some(it.child_text("fullName")?.into_owned()))
            .collect();
    }
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(xml: &str) -> Option<Field> {
        let doc = crate::xml::parse(format!("<fields>{xml}</fields>").as_bytes()).unwrap();
        custom_field(&doc.root)
    }

    #[test]
    fn custom_field_is_described() {
        let it = field(
            "<fullName>Code__c</fullName><label>Code &amp; co</label><length>40</length><type>Text</type>",
        )
        .unwrap();
        assert_eq!(
            (it.kind, it.length, it.label.as_str()),
            (Kind::Text, 40, "Code & co")
        );
        assert!(it.writable && it.nillable && it.custom);
        let it = field(
            "<fullName>Dealer__c</fullName><type>MasterDetail</type><referenceTo>Account</referenceTo>",
        )
        .unwrap();
        assert_eq!(
            it.reference,
            Some(("Dealer__r".to_owned(), "Account".to_owned()))
        );
        assert!(!it.nillable);
        let it = field("<fullName>F__c</fullName><type>Number</type><formula>1</formula>").unwrap();
        assert!(!it.writable);
        assert_eq!(field("<fullName>Name</fullName><type>Text</type>"), None);
    }
}
