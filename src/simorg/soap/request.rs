//! A call, read from its envelope as leniently as the platform reads it.

use crate::{
    model::ApiVersion,
    simorg::fault::Fault,
    xml::{self, Element},
};

/// One call.
#[derive(Clone, Debug)]
pub struct Request {
    token: Option<String>,
    headers: Vec<Element>,
    element: Element,
}

impl Request {
    /// Reads an envelope, by local names, whatever the prefixes.
    ///
    /// # Errors
    ///
    /// The fault `soapenv:Client` for what is no envelope with a call in it.
    pub fn parse(body: &[u8]) -> Result<Self, Fault> {
        let refuse = |why: &str| Fault::new("soapenv:Client", why);
        let doc = xml::parse(body).map_err(|err| refuse(&err.to_string()))?;
        let mut token = None;
        let mut headers = Vec::new();
        let mut element = None;
        for part in doc.root.children {
            let xml::Node::Element(part) = part else {
                continue;
            };
            match part.local_name() {
                "Header" => {
                    token = part
                        .child("SessionHeader")
                        .and_then(|it| it.child_text("sessionId"))
                        .map(|it| it.trim().to_owned());
                    headers.extend(part.elements().cloned());
                }
                "Body" => {
                    element = part.children.into_iter().find_map(|node| match node {
                        xml::Node::Element(it) => Some(it),
                        _ => None,
                    });
                }
                _ => (),
            }
        }
        let element = element.ok_or_else(|| refuse("there is no operation in the SOAP body"))?;
        Ok(Self {
            token,
            headers,
            element,
        })
    }

    /// The operation: `listMetadata`.
    #[must_use]
    pub fn call(&self) -> &str {
        self.element.local_name()
    }

    /// The access token.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A header by its local name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Element> {
        self.headers.iter().find(|it| it.local_name() == name)
    }

    /// What the call is about: types, and components as `Type:FullName`.
    ///
    /// Of a retrieve the types and the members that its manifest names, `*`
    /// among them; of listMetadata the types; of a status check nothing.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        let mut subjects = Vec::new();
        match self.call() {
            "listMetadata" => {
                for query in self.element.elements_named("queries") {
                    let text = |name: &str| query.child_text(name).map(|it| it.trim().to_owned());
                    let type_name = text("type").unwrap_or_default();
                    subjects.extend(text("folder").map(|it| format!("{type_name}:{it}")));
                    subjects.push(type_name);
                }
            }
            "readMetadata" => {
                let type_name = self.text("type", 0).unwrap_or_default();
                for name in self.element.elements_named("fullNames") {
                    subjects.push(format!("{type_name}:{}", name.text().trim()));
                }
                subjects.push(type_name);
            }
            "retrieve" => {
                let unpackaged = self
                    .parameter("retrieveRequest", 0)
                    .and_then(|it| it.child("unpackaged"));
                for types in unpackaged.iter().flat_map(|it| it.elements_named("types")) {
                    let type_name = types
                        .child_text("name")
                        .unwrap_or_default()
                        .trim()
                        .to_owned();
                    for member in types.elements_named("members") {
                        subjects.push(format!("{type_name}:{}", member.text().trim()));
                    }
                    subjects.push(type_name);
                }
            }
            _ => (),
        }
        subjects
    }

    /// The element of the call itself.
    pub(in crate::simorg) fn element(&self) -> &Element {
        &self.element
    }

    /// A parameter by its name in any case, else by its place, counted from 0.
    ///
    /// Clients name parameters as they like (`request` for `retrieveRequest`,
    /// `id` for `String`), and production takes them.
    pub(super) fn parameter(&self, name: &str, place: usize) -> Option<&Element> {
        let named = self
            .element
            .elements()
            .find(|it| it.local_name().eq_ignore_ascii_case(name));
        named.or_else(|| self.element.elements().nth(place))
    }

    /// The text of a parameter.
    pub(super) fn text(&self, name: &str, place: usize) -> Option<String> {
        self.parameter(name, place)
            .map(|it| it.text().trim().to_owned())
    }

    /// The text of a parameter found by its name alone.
    pub(in crate::simorg) fn named_text(&self, name: &str) -> Option<String> {
        self.element
            .elements()
            .find(|it| it.local_name().eq_ignore_ascii_case(name))
            .map(|it| it.text().trim().to_owned())
    }

    /// The version in which the answer is to be, where the call says so.
    pub(super) fn as_of_version(&self) -> Option<ApiVersion> {
        let said = match self.call() {
            "retrieve" => self
                .parameter("retrieveRequest", 0)
                .and_then(|it| it.child_text("apiVersion"))
                .map(|it| it.trim().to_owned()),
            _ => self.named_text("asOfVersion"),
        };
        said.and_then(|it| it.parse().ok())
    }
}
