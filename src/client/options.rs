//! What a caller may set about how an org is talked to.

use std::time::Duration;

use super::{HostPolicy, PollPolicy, RetryPolicy};
use crate::model::ApiVersion;

/// How to talk to an org.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// API version to use; the org's newest where `None`.
    pub api_version: Option<ApiVersion>,
    /// Hosts that may see a credential.
    pub hosts: HostPolicy,
    /// Proxy between us and the org; loopback is always reached directly.
    pub proxy: ProxyChoice,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// When to try again.
    pub retry: RetryPolicy,
    /// How to wait for jobs.
    pub poll: PollPolicy,
    /// Most calls that this run may make.
    pub max_api_calls: Option<u64>,
    /// Calls of the org's daily allowance that are left to others.
    pub floor: u64,
    /// Longest answers that are read.
    pub sizes: Sizes,
}

/// Which proxy to use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ProxyChoice {
    /// The system's, or that of the usual variables of the environment.
    #[default]
    System,
    /// None.
    Direct,
    /// The one at this URL.
    Url(String),
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// From sending the call to the head of its answer.
    ///
    /// Listing a large type takes minutes; eight are what Salto waits.
    pub answer: Duration,
    /// From one piece of the answer to the next.
    pub idle: Duration,
    /// For all of it.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            answer: Duration::from_mins(8),
            idle: Duration::from_mins(2),
            whole: Duration::from_mins(30),
        }
    }
}

/// Longest answers that are read, unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// A REST answer, or what a SOAP answer has beside records and a zip.
    pub answer_bytes: u64,
    /// A SOAP answer of many records: a listing.
    pub listing_bytes: u64,
    /// A retrieve's answer, its zip included.
    ///
    /// The platform stops at 50 MB of SOAP message (app limits cheat sheet,
    /// "Metadata"); ten times that is no answer of it.
    pub retrieve_bytes: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            answer_bytes: 64 * MIB,
            listing_bytes: 1024 * MIB,
            retrieve_bytes: 512 * MIB,
        }
    }
}
