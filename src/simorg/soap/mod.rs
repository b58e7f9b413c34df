//! The Metadata API in SOAP 1.1: an envelope in, an envelope out.
//!
//! The server reads the body, calls [`Request::parse`], looks at
//! [`Request::call`] and [`Request::subjects`] for the failures it was asked
//! for, and gives the request to [`answer`]. Sessions are checked here.

use super::{
    SimOrg,
    fault::{Fault, Script},
};
use crate::{
    model::ApiVersion,
    xml::{self, Element},
};

/// One call, read from its envelope.
#[derive(Clone, Debug)]
pub struct Request {
    token: Option<String>,
    element: Element,
}

/// What goes back: an HTTP status and a body of `text/xml;charset=UTF-8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200, or 500 for a fault.
    pub status: u16,
    /// The envelope.
    pub body: Vec<u8>,
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
        let body = doc
            .root
            .child("Body")
            .ok_or_else(|| refuse("no SOAP body"))?;
        let element = body
            .elements()
            .next()
            .ok_or_else(|| refuse("no operation"))?;
        let token = doc
            .root
            .child("Header")
            .and_then(|it| it.child("SessionHeader")?.child_text("sessionId"))
            .map(|it| it.trim().to_owned());
        Ok(Self {
            token,
            element: element.clone(),
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

    /// What the call is about: types, and components as `Type:FullName`.
    #[must_use]
    pub fn subjects(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Answers a call made to `/services/Soap/m/<version>`.
pub fn answer(
    org: &mut SimOrg,
    version: ApiVersion,
    request: &Request,
    script: &mut dyn Script,
) -> Reply {
    let _ = (org, version, request, script);
    fault_reply(&Fault::unknown_exception())
}

/// The reply that says `fault`.
#[must_use]
pub fn fault_reply(fault: &Fault) -> Reply {
    Reply {
        status: 500,
        body: fault.to_string().into_bytes(),
    }
}
