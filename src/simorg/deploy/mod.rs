//! What a deploy does to the state.
//!
//! SOAP and REST both come here; neither knows what happens inside. A deploy
//! is queued by [`start`], moves on with each [`check()`], and is kept in
//! [`crate::simorg::state::Jobs`].
//!
//! ```text
//! job         the queue: options refused, status counted in checks, what is kept
//! run         one deploy on a copy of the org: deletes, puts, looks up, tests
//! package     the zip: manifests, what is missing
//! pool        its components: what is named, and how much of it
//! schema      which elements may stand where, and in which order
//! merge       what a file does to what is there      (keys, meaning)
//! apply       a component in its place, and its row
//! check       whether what it names is there         (refs, formula, code, flow, names)
//! remove      deletions: refused, done, taken along  (usage)
//! apex_tests  which tests run, by script
//! ```
//!
//! Invariant: a deploy that fails, is cancelled or only tries leaves the state as
//! it was, but for its job.

mod apex_tests;
mod apply;
mod check;
mod code;
mod flow;
mod formula;
mod job;
mod keys;
mod meaning;
mod merge;
mod messages;
mod names;
mod package;
mod pool;
mod refs;
mod remove;
mod result;
mod run;
mod schema;
#[cfg(test)]
mod tests;
mod usage;

pub use apex_tests::TestScript;
pub use job::{cancel, check, repeat_validation, start};
pub use result::{
    CodeCoverage, CodeCoverageWarning, DeployDetails, DeployMessage, DeployOptions, DeployResult,
    RunTestFailure, RunTestSuccess, RunTestsResult,
};
