//! What becomes of the values of a field when its type changes.

use crate::xml::Element;

/// What becomes of the values of a field of another type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// They stay.
    Safe,
    /// Some may be lost.
    Lossy,
    /// The platform takes it only where every record has a value.
    Filled,
    /// The platform never takes it: the field has to be deleted and made again.
    Never,
}

/// From a type to another; `*` is any. The first row that fits holds, else it is safe.
///
/// Source: Salesforce Help, "Considerations for Converting the Field Type of a Custom
/// Field"; `field.md` §4.2; the platform's words for formulas and roll-ups in
/// `api.md` §2.6.
const CHANGES: &[(&str, &str, Change)] = &[
    ("Formula", "*", Change::Never),
    ("*", "Formula", Change::Never),
    ("Summary", "*", Change::Never),
    ("*", "Summary", Change::Never),
    ("EncryptedText", "*", Change::Never),
    ("*", "EncryptedText", Change::Never),
    ("Location", "*", Change::Never),
    ("*", "Location", Change::Never),
    ("MasterDetail", "Lookup", Change::Safe),
    ("Lookup", "MasterDetail", Change::Filled),
    ("Lookup", "*", Change::Never),
    ("*", "Lookup", Change::Never),
    ("MasterDetail", "*", Change::Never),
    ("*", "MasterDetail", Change::Never),
    ("Date", "*", Change::Lossy),
    ("*", "Date", Change::Lossy),
    ("DateTime", "*", Change::Lossy),
    ("*", "DateTime", Change::Lossy),
    ("*", "Number", Change::Lossy),
    ("*", "Percent", Change::Lossy),
    ("*", "Currency", Change::Lossy),
    ("Checkbox", "*", Change::Lossy),
    ("MultiselectPicklist", "*", Change::Lossy),
    ("*", "MultiselectPicklist", Change::Lossy),
    ("AutoNumber", "*", Change::Lossy),
    ("Text", "AutoNumber", Change::Safe),
    ("*", "AutoNumber", Change::Lossy),
    ("Text", "Picklist", Change::Lossy),
    ("LongTextArea", "Html", Change::Safe),
    ("Html", "LongTextArea", Change::Lossy),
    ("LongTextArea", "*", Change::Lossy),
    ("Html", "*", Change::Lossy),
];

/// The type of a field; a formula is one whatever it gives.
fn kind(field: &Element) -> String {
    let kind = field.child_text("type").unwrap_or_default();
    let kind = kind.trim();
    // The formula of a roll-up is another element.
    if field.child("formula").is_some() && kind != "Summary" {
        return "Formula".to_owned();
    }
    kind.to_owned()
}

/// What becomes of the values when the field `from` becomes `to`; `None` where the type stays.
pub(super) fn change(from: &Element, to: &Element) -> Option<Change> {
    let (from, to) = (kind(from), kind(to));
    if from == to || from.is_empty() || to.is_empty() {
        return None;
    }
    let fits = |pattern: &str, kind: &str| pattern == "*" || pattern == kind;
    let row = CHANGES
        .iter()
        .find(|(one, other, _)| fits(one, &from) && fits(other, &to));
    Some(row.map_or(Change::Safe, |(.., change)| *change))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    fn field(kind: &str) -> Element {
        let inner = match kind {
            "Formula" => "<formula>1</formula><type>Number</type>".to_owned(),
            kind => format!("<type>{kind}</type>"),
        };
        let text = format!("<CustomField>{inner}</CustomField>");
        xml::parse(text.as_bytes()).unwrap().root
    }

    #[test]
    fn values_stay_are_lost_or_the_field_must_be_made_again() {
        for (from, to, expected) in [
            ("Text", "Text", None),
            ("Number", "Text", Some(Change::Safe)),
            ("Picklist", "Text", Some(Change::Safe)),
            ("Text", "TextArea", Some(Change::Safe)),
            ("TextArea", "LongTextArea", Some(Change::Safe)),
            ("Text", "AutoNumber", Some(Change::Safe)),
            ("Text", "Number", Some(Change::Lossy)),
            ("Number", "Currency", Some(Change::Lossy)),
            ("Number", "AutoNumber", Some(Change::Lossy)),
            ("AutoNumber", "Text", Some(Change::Lossy)),
            ("Checkbox", "Text", Some(Change::Lossy)),
            ("Date", "DateTime", Some(Change::Lossy)),
            ("Text", "Date", Some(Change::Lossy)),
            ("Text", "Picklist", Some(Change::Lossy)),
            ("Picklist", "MultiselectPicklist", Some(Change::Lossy)),
            ("MultiselectPicklist", "Picklist", Some(Change::Lossy)),
            ("LongTextArea", "Text", Some(Change::Lossy)),
            ("LongTextArea", "Html", Some(Change::Safe)),
            ("MasterDetail", "Lookup", Some(Change::Safe)),
            ("Lookup", "MasterDetail", Some(Change::Filled)),
            ("Lookup", "Text", Some(Change::Never)),
            ("Text", "Lookup", Some(Change::Never)),
            ("Formula", "Number", Some(Change::Never)),
            ("Number", "Formula", Some(Change::Never)),
            ("Summary", "Number", Some(Change::Never)),
            ("Number", "Summary", Some(Change::Never)),
            ("Formula", "Summary", Some(Change::Never)),
            ("EncryptedText", "Text", Some(Change::Never)),
            ("Text", "Location", Some(Change::Never)),
        ] {
            assert_eq!(change(&field(from), &field(to)), expected, "{from} to {to}");
        }
    }
}
