//! What a deploy does to the state.
//!
//! SOAP and REST both come here; neither knows what happens inside. A deploy
//! is queued by [`start`], moves on with each [`check`], and is kept in
//! [`crate::simorg::state::Jobs`].

mod result;

pub use result::{
    CodeCoverageWarning, DeployDetails, DeployMessage, DeployOptions, DeployResult, RunTestFailure,
    RunTestSuccess, RunTestsResult,
};

use super::{
    SimOrg,
    fault::{Fault, Script},
    state::Content,
};
use crate::model::RecordId;

/// Queues a deploy of `zip` by `user` and gives its id.
///
/// # Errors
///
/// [`Fault`] where it is refused outright: a missing permission, a limit.
pub fn start(
    _org: &mut SimOrg,
    _user: RecordId,
    _zip: Content,
    _options: DeployOptions,
    _script: &mut dyn Script,
) -> Result<RecordId, Fault> {
    Err(not_there())
}

/// Moves a deploy on by one status check and gives its state.
///
/// # Errors
///
/// [`Fault`] where there is no such deploy.
pub fn check(_org: &mut SimOrg, _user: RecordId, _id: &str) -> Result<DeployResult, Fault> {
    Err(not_there())
}

/// Asks a deploy to stop; says whether it has stopped.
///
/// # Errors
///
/// [`Fault`] where there is no such deploy or it has ended.
pub fn cancel(_org: &mut SimOrg, _user: RecordId, _id: &str) -> Result<bool, Fault> {
    Err(not_there())
}

/// Queues the deploy that the validation `id` has tried, and gives its id.
///
/// # Errors
///
/// [`Fault`] where the validation is not eligible.
pub fn repeat_validation(_org: &mut SimOrg, _user: RecordId, _id: &str) -> Result<RecordId, Fault> {
    Err(not_there())
}

fn not_there() -> Fault {
    Fault::new("UNSUPPORTED_OPERATION", "this org does not deploy")
}
