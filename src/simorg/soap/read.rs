//! readMetadata.

use super::{Asking, Reply, Request, envelope::reply};
use crate::{
    model::{ComponentKey, TypeName},
    simorg::{SimOrg, catalogue::child_type_named, fault::Fault},
    xml::{self, Element},
};

/// Most components of one call.
///
/// Source: Metadata API Developer Guide, `readMetadata()`.
const MAX_NAMES: usize = 10;
/// The same for these types.
const MAX_NAMES_OF: &[(&str, usize)] = &[("CustomMetadata", 200), ("CustomApplication", 200)];

pub(super) fn read(org: &SimOrg, asking: &Asking, request: &Request) -> Result<Reply, Fault> {
    let type_name = request.text("type", 0).unwrap_or_default();
    let known: Option<TypeName> = type_name.parse().ok().filter(|it| {
        org.metadata().type_entry(it).is_some() || child_type_named(&type_name).is_some()
    });
    let Some(known) = known else {
        let why = format!("Unknown type: {type_name}");
        return Err(Fault::new("INVALID_TYPE", why));
    };
    let names: Vec<String> = request
        .element()
        .elements_named("fullNames")
        .map(|it| it.text().trim().to_owned())
        .collect();
    let limit = MAX_NAMES_OF
        .iter()
        .find(|(it, _)| *it == type_name)
        .map_or(MAX_NAMES, |(_, limit)| *limit);
    if limit < names.len() {
        let why = format!(
            "record limit reached. cannot submit more than {limit} records in this operation"
        );
        return Err(Fault::new("EXCEEDED_ID_LIMIT", why));
    }
    let sees = asking.user(org)?.sees(&type_name);
    let mut out = String::from("<result>");
    for name in names {
        let key = name
            .parse()
            .ok()
            .map(|name| ComponentKey::new(known.clone(), name));
        let element = key
            .filter(|_| sees)
            .and_then(|it| org.metadata().element(&it));
        match element {
            Some(element) => write(&mut out, &type_name, &name, element),
            None => out.push_str("<records xsi:nil=\"true\"/>"),
        }
    }
    out.push_str("</result>");
    Ok(reply("readMetadata", &out))
}

/// Writes a component as a value: its type as an attribute, its full name first.
fn write(out: &mut String, type_name: &str, full_name: &str, element: Element) {
    let mut record = Element::new("records").with_attribute("xsi:type", type_name);
    record.push_text_element("fullName", full_name);
    record.children.extend(
        element.children.into_iter().filter(
            |node| !matches!(node, xml::Node::Element(it) if it.local_name() == "fullName"),
        ),
    );
    write_flat(out, &record);
}

/// Writes an element on one line.
fn write_flat(out: &mut String, element: &Element) {
    out.push('<');
    out.push_str(&element.name);
    for (name, value) in &element.attributes {
        for part in [" ", name, "=\"", value, "\""] {
            out.push_str(part);
        }
    }
    out.push('>');
    for node in &element.children {
        match node {
            xml::Node::Element(it) => write_flat(out, it),
            xml::Node::Text(text) => out.push_str(text),
            xml::Node::CData(text) => out.push_str(&xml::escape(text)),
            xml::Node::Comment(_) => (),
        }
    }
    out.push_str("</");
    out.push_str(&element.name);
    out.push('>');
}
