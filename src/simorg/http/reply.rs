//! What is answered, and how the answer goes wrong where it is meant to.

use std::time::Duration;

use serde_json::Value;

use super::Tail;

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
    /// What follows the body from a file; such an answer is not compressed.
    pub tail: Option<Tail>,
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
            tail: None,
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

    /// The same, followed by what stands in a file.
    #[must_use]
    pub fn followed_by(mut self, tail: Tail) -> Self {
        self.tail = Some(tail).filter(|it| !it.is_empty());
        self
    }

    /// Number of bytes of body and tail.
    #[must_use]
    pub fn len(&self) -> u64 {
        let body = u64::try_from(self.body.len()).unwrap_or(u64::MAX);
        body.saturating_add(self.tail.as_ref().map_or(0, Tail::len))
    }

    /// Whether it has no body.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}
