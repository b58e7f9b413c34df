//! Reads what stands in a SOAP answer: the response, a fault, plain values.
//!
//! Invariant: elements are found by local name, never by prefix.

use crate::{
    model::{Author, ComponentKey, RemoteComponent, Stamp, Timestamp},
    xml::Element,
};

/// A fault as it stands in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SoapFault {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// The element in the body of an envelope: the response, or the fault.
pub(crate) fn in_body(envelope: &Element) -> Result<&Element, String> {
    if envelope.local_name() != "Envelope" {
        return Err("it is no SOAP envelope".to_owned());
    }
    envelope
        .child("Body")
        .and_then(|body| body.elements().next())
        .ok_or_else(|| "its body is empty".to_owned())
}

/// The fault, where `element` is one.
///
/// The code stands behind the prefix of `faultcode`, and again in front of the
/// message, which some faults of the login omit.
pub(crate) fn fault(element: &Element) -> Option<SoapFault> {
    if element.local_name() != "Fault" {
        return None;
    }
    let code = text(element, "faultcode");
    let code = code.rsplit(':').next().unwrap_or(&code).trim().to_owned();
    let message = text(element, "faultstring");
    let message = match message.split_once(": ") {
        Some((first, rest)) if first == code => rest.to_owned(),
        _ => message,
    };
    Some(SoapFault { code, message })
}

/// Text of the child `name`; empty where it is absent, nil or empty.
pub(crate) fn text(element: &Element, name: &str) -> String {
    optional(element, name).unwrap_or_default()
}

/// Text of the child `name`; `None` where it is absent, nil or empty.
pub(crate) fn optional(element: &Element, name: &str) -> Option<String> {
    let child = element.child(name).filter(|it| !it.is_nil())?;
    let text = child.text();
    (!text.is_empty()).then(|| text.into_owned())
}

/// Text of the child `name`, which the API always writes.
pub(crate) fn required(element: &Element, name: &str) -> Result<String, String> {
    optional(element, name).ok_or_else(|| format!("`{name}` is missing in it"))
}

/// Whether the child `name` is true.
pub(crate) fn flag(element: &Element, name: &str) -> bool {
    optional(element, name).is_some_and(|it| matches!(it.trim(), "true" | "1"))
}

/// The number in the child `name`; 0 where there is none.
pub(crate) fn number(element: &Element, name: &str) -> u64 {
    optional(element, name)
        .and_then(|it| it.trim().parse().ok())
        .unwrap_or(0)
}

/// The time in the child `name`; `None` where there is none that can be read.
pub(crate) fn time(element: &Element, name: &str) -> Option<Timestamp> {
    optional(element, name)?.trim().parse().ok()
}

/// A part of the answer that names no component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unnamed {
    /// Type that it says it is of; may be empty.
    pub type_name: String,
    /// Its name; may be empty.
    pub full_name: String,
    /// Path that it gives; may be empty.
    pub file_name: String,
    /// Why it is no component.
    pub reason: String,
}

/// Reads one `FileProperties`.
///
/// # Errors
///
/// [`Unnamed`] where it names nothing that can be a component, so that the caller
/// can say that it was left out.
pub(crate) fn file_properties(
    element: &Element,
    asked_type: Option<&str>,
) -> Result<RemoteComponent, Unnamed> {
    let mut type_name = text(element, "type");
    if type_name.is_empty() {
        asked_type.unwrap_or_default().clone_into(&mut type_name);
    }
    let full_name = text(element, "fullName");
    let file_name = text(element, "fileName");
    let key = match ComponentKey::parse(&type_name, &full_name) {
        Ok(key) => key,
        Err(err) => {
            return Err(Unnamed {
                type_name,
                full_name,
                file_name,
                reason: err.to_string(),
            });
        }
    };
    let stamp = |who: &str, at: &str| Stamp {
        by: Author {
            id: optional(element, &format!("{who}Id")).and_then(|it| it.parse().ok()),
            name: text(element, &format!("{who}Name")),
        },
        at: time(element, at).unwrap_or(Timestamp::UNKNOWN),
    };
    Ok(RemoteComponent {
        key,
        id: optional(element, "id").and_then(|it| it.parse().ok()),
        file_name,
        created: stamp("createdBy", "createdDate"),
        modified: stamp("lastModifiedBy", "lastModifiedDate"),
        namespace: optional(element, "namespacePrefix"),
        manageable_state: optional(element, "manageableState"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    fn parse(text: &str) -> Element {
        xml::parse(text.as_bytes()).unwrap().root
    }

    #[test]
    fn fault_is_read_whatever_its_prefix() {
        for (code, text) in [
            ("sf:INVALID_LOGIN", "INVALID_LOGIN: who: are you"),
            ("INVALID_LOGIN", "who: are you"),
        ] {
            let envelope = parse(&format!(
                "<s:Envelope xmlns:s='e'><s:Body><s:Fault><faultcode>{code}</faultcode>\
                 <faultstring>{text}</faultstring></s:Fault></s:Body></s:Envelope>"
            ));
            let fault = fault(in_body(&envelope).unwrap()).unwrap();
            assert_eq!(fault.code, "INVALID_LOGIN");
            assert_eq!(fault.message, "who: are you");
        }
    }

    #[test]
    fn standard_component_has_neither_id_nor_date() {
        let element = parse(
            "<result><createdById>005U0000000EGpcIAG</createdById><createdByName>Foo</createdByName>\
             <createdDate>1970-01-01T00:00:00.000Z</createdDate><fileName>objects/Site.object</fileName>\
             <fullName>Site</fullName><id/><lastModifiedDate/><namespacePrefix/>\
             <type>CustomObject</type></result>",
        );
        let component = file_properties(&element, None).unwrap();
        assert_eq!(component.key.to_string(), "CustomObject:Site");
        assert_eq!(component.id, None);
        assert_eq!(component.namespace, None);
        assert!(!component.created.at.is_known() && !component.modified.at.is_known());
        assert_eq!(component.created.by.name, "Foo");
    }

    #[test]
    fn nil_type_is_the_one_asked_for_and_a_bad_name_is_told() {
        let nil = parse("<result><fullName>a</fullName><type xsi:nil='true'/></result>");
        let component = file_properties(&nil, Some("CustomLabel")).unwrap();
        assert_eq!(component.key.to_string(), "CustomLabel:a");

        let bad = parse("<result><fullName>../a</fullName><type>Report</type></result>");
        let unnamed = file_properties(&bad, None).unwrap_err();
        assert_eq!(unnamed.full_name, "../a");
    }
}
