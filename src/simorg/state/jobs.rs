//! Asynchronous jobs, whose time is counted in status checks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Content;
use crate::{
    model::{RecordId, Stamp},
    simorg::deploy::{DeployOptions, DeployResult},
};

/// All jobs of the org.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Jobs {
    /// Retrieves, by id (`09S…`).
    pub retrieves: BTreeMap<RecordId, RetrieveJob>,
    /// Deploys, by id (`0Af…`).
    pub deploys: BTreeMap<RecordId, DeployJob>,
}

/// One retrieve.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RetrieveJob {
    /// Who asked for it, and when.
    pub created: Stamp,
    /// Status checks until it is done.
    pub checks_left: u32,
    /// How often it was asked for its status.
    pub checks: u32,
    /// What it gives once it is done.
    pub outcome: RetrieveOutcome,
}

/// What a retrieve came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum RetrieveOutcome {
    /// A zip, and what is said about it.
    Ready {
        /// The zip, until it is fetched.
        zip: Content,
        /// `<fileProperties>` of each file, as they go out.
        properties: String,
        /// `<messages>`, as they go out.
        messages: String,
    },
    /// It failed as a whole.
    Failed {
        /// Status code.
        code: String,
        /// Text.
        message: String,
    },
    /// The zip was fetched, or is kept no longer.
    Gone,
}

/// How far a deploy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeployStage {
    /// It waits for its turn.
    #[default]
    Queued,
    /// It is at work.
    Running,
    /// It is to stop.
    Stopping,
    /// It has ended.
    Ended,
}

/// One deploy. What happens in it is the business of `simorg::deploy`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DeployJob {
    /// Who asked for it, and when.
    pub created: Stamp,
    /// Its options.
    pub options: DeployOptions,
    /// The zip; dropped when the job is done, kept where it may be repeated.
    pub zip: Option<Content>,
    /// Status checks until the next step.
    pub checks_left: u32,
    /// Its state as the last check found it.
    pub result: DeployResult,
    /// For a quick deploy, the validation it repeats.
    pub validation: Option<RecordId>,
    /// Whether it fails by request.
    #[serde(default)]
    pub is_doomed: bool,
    /// How far it is.
    #[serde(default)]
    pub stage: DeployStage,
}
