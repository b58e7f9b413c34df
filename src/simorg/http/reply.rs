//! What is answered, and how the answer goes wrong where it is meant to.

use std::time::Duration;

use serde_json::Value;

/// How far an answer gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// To its end.
    #[default]
    Whole,
    /// To its middle; then the connection is closed.
    Truncated,
    /// Nowhere: the connection is closed without an answer.
    Dropped,
    /// Nowhere: the connection stays open without an answer.
    Never,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body, not compressed.
    pub body: Vec<u8>,
    /// Time to wait before it is sent.
    pub delay: Duration,
    /// How far it gets.
    pub ending: Ending,
}

impl Reply {
    /// An answer without a body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
            delay: Duration::ZERO,
            ending: Ending::Whole,
        }
    }

    /// An answer with a body of type `content_type`.
    #[must_use]
    pub fn new(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            body,
            ..Self::empty(status).with("Content-Type", content_type)
        }
    }

    /// A JSON answer.
    ///
    /// Source of the type's spelling: `recorded/rest/http_post_sobject_201_raw.txt`.
    #[must_use]
    pub fn json(status: u16, value: &Value) -> Self {
        let body = value.to_string().into_bytes();
        Self::new(status, "application/json;charset=UTF-8", body)
    }

    /// A SOAP answer.
    #[must_use]
    pub fn xml(status: u16, body: Vec<u8>) -> Self {
        Self::new(status, "text/xml;charset=UTF-8", body)
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}
