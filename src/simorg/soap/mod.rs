//! The Metadata API in SOAP 1.1: an envelope in, an envelope out.
//!
//! The server reads the body, calls [`Request::parse`], looks at
//! [`Request::call`] and [`Request::subjects`] for the failures it was asked
//! for that break an answer, and gives the request to [`answer`], which checks
//! the session and serves the call. Failures inside a job come from the
//! [`Script`]: it is asked for every component that goes into a retrieve.
//!
//! Invariant: elements of an answer stand in the order of the WSDL.

mod contents;
mod deploy;
mod describe;
mod envelope;
mod list;
mod permissions;
mod properties;
mod read;
mod request;
mod retrieve;
mod select;
mod zip;

pub use envelope::{Reply, fault_reply};
pub use request::Request;

use super::{
    SimOrg,
    fault::{Fault, Script},
    state::{Permission, User},
};
use crate::model::{ApiVersion, RecordId};

/// Answers a call made to `/services/Soap/m/<version>` and counts it.
pub fn answer(
    org: &mut SimOrg,
    version: ApiVersion,
    request: &Request,
    script: &mut dyn Script,
) -> Reply {
    org.count_call(request.call());
    match serve(org, version, request, script) {
        Ok(reply) => reply,
        Err(fault) => fault_reply(&fault),
    }
}

fn serve(
    org: &mut SimOrg,
    version: ApiVersion,
    request: &Request,
    script: &mut dyn Script,
) -> Result<Reply, Fault> {
    if version < org.config.api_floor || org.config.api_version < version {
        let why = "Invalid Api version specified on URL";
        return Err(Fault::new("UNSUPPORTED_API_VERSION", why));
    }
    let token = request.token().unwrap_or_default();
    let user = org.user_of(token).ok_or_else(Fault::invalid_session)?;
    let asking = Asking {
        user: user.id,
        version: request.as_of_version().unwrap_or(version),
    };
    may_call(user)?;
    match request.call() {
        "describeMetadata" => Ok(describe::describe(org)),
        "describeValueType" => describe::value_type(request),
        "listMetadata" => list::list(org, &asking, request),
        "retrieve" => retrieve::start(org, &asking, request, script),
        "checkRetrieveStatus" => retrieve::check(org, version, request),
        "checkStatus" => retrieve::check_async(org, &asking, request),
        "readMetadata" => read::read(org, &asking, request),
        "deploy" => deploy::start(org, &asking, request, script),
        "checkDeployStatus" => deploy::check(org, &asking, request),
        "cancelDeploy" => deploy::cancel(org, &asking, request),
        "deployRecentValidation" => deploy::repeat_validation(org, &asking, request),
        known if OTHER_CALLS.contains(&known) => Err(Fault::new(
            "UNSUPPORTED_OPERATION",
            format!("this org does not serve {known}"),
        )),
        unknown => Err(Fault::new(
            "soapenv:Client",
            format!(
                "No operation available for request {{http://soap.sforce.com/2006/04/metadata}}{unknown}"
            ),
        )),
    }
}

/// Calls of the WSDL that are refused: they change components without a deploy.
const OTHER_CALLS: &[&str] = &[
    "create",
    "createMetadata",
    "delete",
    "deleteMetadata",
    "renameMetadata",
    "update",
    "updateMetadata",
    "upsertMetadata",
];

/// Who asks, and in which version the answer is to be.
#[derive(Clone, Copy, Debug)]
struct Asking {
    user: RecordId,
    version: ApiVersion,
}

impl Asking {
    fn user<'a>(&self, org: &'a SimOrg) -> Result<&'a User, Fault> {
        org.users.get(&self.user).ok_or_else(Fault::invalid_session)
    }
}

fn may_call(user: &User) -> Result<(), Fault> {
    if !user.may(Permission::ApiEnabled) {
        let why = "API is not enabled for this Organization or Partner";
        return Err(Fault::new("API_DISABLED_FOR_ORG", why));
    }
    if !user.may_use_metadata_api() {
        let why = "use of the Metadata API requires a user with the ModifyAllData or \
                   ModifyMetadata permissions";
        return Err(Fault::new("INSUFFICIENT_ACCESS", why));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
