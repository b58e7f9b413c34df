//! Errors as the API words them, and the script of failures on request.

use std::fmt;

/// An error of the API: a code and its text.
///
/// SOAP writes it as `sf:CODE` and `CODE: message`, REST as `errorCode` and
/// `message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Code such as `INVALID_TYPE`; `soapenv:Client` for a message that is no call.
    pub code: String,
    /// Text without the code.
    pub message: String,
}

impl Fault {
    /// The fault `code` with `message`.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// The fault that stands for a failure inside the platform.
    #[must_use]
    pub fn unknown_exception() -> Self {
        Self::new(
            "UNKNOWN_EXCEPTION",
            "An unexpected error occurred. Please include this ErrorId if you contact support: \
             1652385436-48211 (-1287463392)",
        )
    }

    /// The fault for an id that nothing has.
    #[must_use]
    pub fn invalid_cross_reference() -> Self {
        Self::new("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    }

    /// The fault of a session that is not valid.
    #[must_use]
    pub fn invalid_session() -> Self {
        Self::new(
            "INVALID_SESSION_ID",
            "Invalid Session ID found in SessionHeader: Illegal Session. Session not found, \
             missing session hash: 4f2c",
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Fault {}

/// A failure on request that shows inside an answer.
///
/// What breaks the answer itself (a dropped connection, a 503, a delay) is the
/// server's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strike {
    /// The call is refused with this code.
    Error(String),
    /// The job that the call begins ends as `Failed`.
    Fail,
}

/// The failures on request.
///
/// Asked with the call's name and what it is about: a type, or a component as
/// `Type:FullName`. A strike given is a strike used.
pub trait Script {
    /// The failure of `call` about `of`, if there is one.
    fn strike(&mut self, call: &str, of: &str) -> Option<Strike>;
}

/// The script of an org in which nothing fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoScript;

impl Script for NoScript {
    fn strike(&mut self, _call: &str, _of: &str) -> Option<Strike> {
        None
    }
}
