//! A request as its handler sees it.

use std::fmt::Write as _;

use hyper::{HeaderMap, body::Bytes, http::request::Parts};

/// One request, read to its end.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Parts of the path, decoded; none of them is empty.
    pub path: Vec<String>,
    /// The query, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The body, decompressed.
    pub body: Bytes,
    headers: HeaderMap,
}

impl Request {
    pub(super) fn new(parts: &Parts, body: Bytes) -> Self {
        Self {
            method: parts.method.as_str().to_owned(),
            path: split_path(parts.uri.path()),
            query: form(parts.uri.query().unwrap_or("")),
            body,
            headers: parts.headers.clone(),
        }
    }

    /// A request within this one: the same headers, another method, URL and body.
    #[must_use]
    pub fn inner(&self, method: &str, url: &str, body: Vec<u8>) -> Self {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        Self {
            method: method.to_ascii_uppercase(),
            path: split_path(path),
            query: form(query),
            body: body.into(),
            headers: self.headers.clone(),
        }
    }

    /// The value of a header; `None` where it is missing or not ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The first value of a parameter of the query.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(it, _)| it == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The token of `Authorization: Bearer …` or `OAuth …`.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        let known = ["bearer", "oauth"];
        known
            .iter()
            .any(|it| scheme.eq_ignore_ascii_case(it))
            .then_some(token.trim())
    }

    /// The path as it would be written without repeated slashes.
    #[must_use]
    pub fn path_text(&self) -> String {
        format!("/{}", self.path.join("/"))
    }
}

/// The parts of a path: empty ones left out, so that `//services/data/` is
/// `/services/data`.
fn split_path(path: &str) -> Vec<String> {
    path.split('/')
        .filter(|it| !it.is_empty())
        .map(|it| crate::model::component::percent_decoded(it).into_owned())
        .collect()
}

/// Reads `a=1&b=2`, as a query or the body of a form has it.
#[must_use]
pub fn form(text: &str) -> Vec<(String, String)> {
    let decoded = |it: &str| {
        let it = it.replace('+', " ");
        crate::model::component::percent_decoded(&it).into_owned()
    };
    text.split('&')
        .filter(|it| !it.is_empty())
        .map(|it| {
            let (name, value) = it.split_once('=').unwrap_or((it, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

/// Writes a value so that it can stand in a query.
#[must_use]
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_and_trailing_slashes_are_collapsed() {
        assert_eq!(
            split_path("//services//data/v66.0/"),
            ["services", "data", "v66.0"]
        );
        assert_eq!(split_path("/"), Vec::<String>::new());
    }

    #[test]
    fn form_is_decoded_and_encoded() {
        let pairs = form("q=SELECT+Id%2C%20Name&empty=&flag");
        assert_eq!(pairs[0], ("q".to_owned(), "SELECT Id, Name".to_owned()));
        assert_eq!(pairs[2], ("flag".to_owned(), String::new()));
        let text = "a b&c=%ü/";
        assert_eq!(form(&format!("x={}", encode(text)))[0].1, text);
    }
}
