//! How objects are written down in the other modules of this folder.

use serde_json::{Map, Value};

use crate::{
    model::{RecordId, Stamp, Timestamp},
    simorg::soql::{Field, Kind, Object, Row},
    xml::Element,
};

/// Fields that most objects end with.
pub(super) const AUDITED: &str =
    " CreatedDate@ CreatedById>User LastModifiedDate@ LastModifiedById>User SystemModstamp@";

/// An object written as its fields, with blanks between.
///
/// `Name` is text, `IsActive?` a boolean, `CreatedDate@` a point in time,
/// `VersionNumber#` a whole number, `Body~` a long text, `Metadata*` a
/// document, `ProfileId>Profile` a reference. `Id` is an id.
pub(super) fn object(name: &str, prefix: &str, fields: &str) -> Object {
    Object {
        setting: true,
        ..Object::new(name, prefix, self::fields(fields))
    }
}

/// The fields alone.
pub(super) fn fields(text: &str) -> Vec<Field> {
    text.split_whitespace().map(field).collect()
}

fn field(word: &str) -> Field {
    if word == "Id" {
        return Field::new("Id", Kind::Id).required();
    }
    if let Some((name, target)) = word.split_once('>') {
        let relationship = name.strip_suffix("Id").unwrap_or(name);
        return Field::reference(name, relationship, target);
    }
    let kinds = [
        ('?', Kind::Boolean),
        ('@', Kind::DateTime),
        ('#', Kind::Int),
        ('~', Kind::TextArea),
        ('*', Kind::Complex),
        ('$', Kind::Currency),
        ('|', Kind::Picklist),
    ];
    for (mark, kind) in kinds {
        if let Some(name) = word.strip_suffix(mark) {
            return Field::new(name, kind);
        }
    }
    Field::new(word, Kind::Text)
}

/// Values of [`AUDITED`].
pub(super) fn audited(row: &mut Row, created: &Stamp, modified: &Stamp) {
    for stamp in [created, modified] {
        row.push(time(stamp.at));
        row.push(id(stamp.by.id));
    }
    row.push(time(modified.at));
}

/// A point in time as REST writes it; nothing for one that is not known.
pub(super) fn time(at: Timestamp) -> Value {
    Value::from(at.to_rest())
}

/// An id, or nothing.
pub(super) fn id(id: Option<RecordId>) -> Value {
    id.map_or(Value::Null, |it| Value::from(it.as_str()))
}

/// Text; nothing for an empty one, for the platform has no empty texts.
pub(super) fn text(text: &str) -> Value {
    if text.is_empty() {
        return Value::Null;
    }
    Value::from(text)
}

/// The text of a child element, or nothing.
pub(super) fn child(element: Option<&Element>, name: &str) -> Value {
    element
        .and_then(|it| it.child_text(name))
        .map_or(Value::Null, |it| text(it.trim()))
}

/// Whether a child element says `true`.
pub(super) fn flag(element: &Element, name: &str) -> bool {
    element
        .child_text(name)
        .is_some_and(|it| it.trim() == "true")
}

/// A document as the Tooling API gives it in `Metadata`.
///
/// An element that occurs once is a value or an object, several are an array,
/// and those named in `lists` are an array always.
pub(in crate::simorg::rest) fn document_as_json(element: &Element, lists: &[&str]) -> Value {
    if !element.has_elements() {
        let text = element.text();
        return match text.as_ref() {
            _ if element.is_nil() => Value::Null,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            other => match other.parse::<i64>() {
                Ok(number) if number.to_string() == other => Value::from(number),
                _ => Value::from(other),
            },
        };
    }
    let mut map = Map::new();
    for inner in element.elements() {
        let name = inner.local_name();
        let value = document_as_json(inner, lists);
        match map.get_mut(name) {
            Some(Value::Array(all)) => all.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
            None if lists.contains(&name) => {
                map.insert(name.to_owned(), Value::Array(vec![value]));
            }
            None => {
                map.insert(name.to_owned(), value);
            }
        }
    }
    for list in lists {
        // An empty list is a list at the top.
        if element
            .local_name()
            .starts_with(|it: char| it.is_ascii_uppercase())
        {
            map.entry((*list).to_owned())
                .or_insert_with(|| Value::Array(Vec::new()));
        }
    }
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_read_from_their_short_form() {
        let object = object(
            "X",
            "00x",
            "Id Name IsActive? ProfileId>Profile CreatedDate@",
        );
        let kinds: Vec<_> = object.fields.iter().map(|it| it.kind.name()).collect();
        assert_eq!(kinds, ["id", "string", "boolean", "reference", "datetime"]);
        let (at, profile) = object.relationship("profile").unwrap();
        assert_eq!(
            (at, profile.targets.as_slice()),
            (3, &["Profile".to_owned()][..])
        );
    }

    #[test]
    fn document_becomes_json() {
        let doc = crate::xml::parse(
            b"<StandardValueSet><sorted>false</sorted><standardValue><fullName>A</fullName>\
              <default>true</default></standardValue></StandardValueSet>",
        )
        .unwrap();
        assert_eq!(
            document_as_json(&doc.root, &["standardValue"]),
            json!({"sorted": false, "standardValue": [{"fullName": "A", "default": true}]})
        );
    }
}
