//! What the platform says of a row that it does not take.

use super::store::StoreError;

/// A row that was refused.
///
/// Source of codes and texts: recorded answers of `sobjects` and
/// `composite/sobjects` calls, and the status codes of the partner WSDL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct RowError {
    /// HTTP status of a call about this row alone.
    pub status: u16,
    /// The API's code.
    pub code: String,
    /// The API's words.
    pub message: String,
    /// Fields it is about.
    pub fields: Vec<String>,
}

impl RowError {
    /// A refusal with status 400.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: code.to_owned(),
            message: message.into(),
            fields: Vec::new(),
        }
    }

    /// The same about fields.
    #[must_use]
    pub fn about<const N: usize>(mut self, fields: [&str; N]) -> Self {
        self.fields = fields.iter().map(|it| (*it).to_owned()).collect();
        self
    }

    /// The same with another HTTP status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// There is no such record.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new("NOT_FOUND", "The requested resource does not exist").status(404)
    }

    /// The record was deleted.
    #[must_use]
    pub fn is_deleted() -> Self {
        Self::new("ENTITY_IS_DELETED", "entity is deleted").status(404)
    }

    /// An id that nothing has.
    #[must_use]
    pub fn cross_reference() -> Self {
        Self::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    }

    /// A text that is no id, or one of another object.
    #[must_use]
    pub fn malformed_id(label: &str, text: &str) -> Self {
        Self::new(
            "MALFORMED_ID",
            format!("{label}: id value of incorrect type: {text}"),
        )
    }

    /// What a row is told that was good, but went together with a bad one.
    #[must_use]
    pub fn rolled_back() -> Self {
        Self::new(
            "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "Record rolled back because not all records were valid and the request was using \
             AllOrNone header",
        )
    }

    /// The same as it is said of one row among several.
    #[must_use]
    pub fn among_others(&self) -> Self {
        if self.code == "NOT_FOUND" && self.message.starts_with("The requested resource") {
            return Self::cross_reference();
        }
        self.clone()
    }

    /// An object that does not let one do this.
    #[must_use]
    pub fn not_supported(object: &str, act: &str) -> Self {
        Self::new(
            "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
            format!("entity type {object} does not support {act}"),
        )
    }
}

impl From<StoreError> for RowError {
    fn from(err: StoreError) -> Self {
        Self::new(
            "UNKNOWN_EXCEPTION",
            format!("An unexpected error occurred. {err}"),
        )
        .status(500)
    }
}
