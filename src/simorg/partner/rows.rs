//! Records as a call of the partner API gives them.

use serde_json::{Map, Value};

use super::{bounded, named};
use crate::{
    simorg::{fault::Fault, records::Item, soap::Request},
    xml::Element,
};

/// The records of a call.
pub(super) fn items(request: &Request) -> Result<Vec<Item>, Fault> {
    bounded(named(request.element(), "sObjects").map(item).collect())
}

/// A record: `type`, `Id`, `fieldsToNull`, and its values by name.
pub(super) fn item(element: &Element) -> Item {
    let mut item = Item::default();
    for part in element.elements() {
        let text = part.text().trim().to_owned();
        match part.local_name() {
            "type" => item.object = text,
            "fieldsToNull" => {
                item.values.insert(text, Value::Null);
            }
            "Id" | "id" => item.id = Some(text).filter(|it| !it.is_empty()),
            name => {
                let value = if part.has_elements() {
                    parent(part)
                } else {
                    Value::from(text)
                };
                item.values.insert(name.to_owned(), value);
            }
        }
    }
    item
}

/// A parent named by an external id.
fn parent(element: &Element) -> Value {
    let mut map = Map::new();
    for part in element.elements() {
        let text = Value::from(part.text().trim());
        match part.local_name() {
            "type" => {
                map.insert("attributes".to_owned(), serde_json::json!({"type": text}));
            }
            name => {
                map.insert(name.to_owned(), text);
            }
        }
    }
    Value::Object(map)
}
