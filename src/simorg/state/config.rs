//! What kind of org is simulated.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::model::{ApiVersion, OrgId};

/// Whether the org is a sandbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrgKind {
    /// A full sandbox.
    #[default]
    Sandbox,
    /// A production org.
    Production,
}

/// Something that an org may have switched on, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Feature {
    /// Accounts that are people.
    #[serde(rename = "person-accounts")]
    PersonAccounts,
    /// Several currencies.
    #[serde(rename = "multi-currency")]
    MultiCurrency,
}

/// Limits of the platform; each may be set lower, never higher.
///
/// Source: Salesforce Developer Limits and Allocations Quick Reference,
/// "Metadata Limits", as of API 66.0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Files in one retrieve or deploy.
    pub files: usize,
    /// Bytes of its zip.
    pub zip_bytes: u64,
    /// Bytes of its files, uncompressed.
    pub content_bytes: u64,
    /// Queries of one listMetadata.
    pub list_queries: usize,
    /// API requests in 24 hours.
    pub daily_api_requests: u64,
    /// Query jobs of the Bulk API in 24 hours.
    pub daily_query_jobs: u64,
    /// Bytes of their results in 24 hours.
    pub daily_query_bytes: u64,
    /// Batches of 10,000 rows that jobs take in in 24 hours.
    pub daily_batches: u64,
    /// Bytes of one upload of rows.
    pub ingest_bytes: u64,
    /// Bytes of one file that is uploaded as a form.
    pub file_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 10_000,
            zip_bytes: 39 * 1024 * 1024,
            content_bytes: 600 * 1024 * 1024,
            list_queries: 3,
            daily_api_requests: 100_000,
            // Source: Bulk API 2.0 Limits and Allocations.
            daily_query_jobs: 10_000,
            daily_query_bytes: 1_000_000_000_000,
            daily_batches: 15_000,
            ingest_bytes: 150 * 1024 * 1024,
            // Source: REST API Developer Guide, "Insert or Update Blob Data".
            file_bytes: 2 * 1024 * 1024 * 1024,
        }
    }
}

/// What does not change while the org runs, or only by its operator.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Sandbox or production.
    pub kind: OrgKind,
    /// Id of the org.
    pub org_id: OrgId,
    /// Name of the company.
    pub name: String,
    /// Name of the instance, such as `USA794S`.
    pub instance: String,
    /// Newest API version it speaks.
    pub api_version: ApiVersion,
    /// Oldest API version it speaks.
    pub api_floor: ApiVersion,
    /// Limits.
    pub limits: Limits,
    /// Status checks that say `Pending` or `InProgress` before a job is done.
    pub checks_per_job: u32,
    /// Seed of the noise; absent for an org that answers the same each time.
    pub noise: Option<u64>,
    /// Types whose date stays when their content changes.
    ///
    /// Source: seen in production orgs; a profile's date does not move when a
    /// permission in it does.
    pub dates_that_lie: Vec<String>,
    /// What is switched on.
    #[serde(default)]
    pub features: BTreeSet<Feature>,
}

impl Config {
    /// The org id where none is given.
    pub const ORG_ID: &'static str = "00D5g000004acme";

    /// A sandbox of API 66.0.
    #[must_use]
    pub fn sandbox() -> Self {
        Self {
            kind: OrgKind::Sandbox,
            org_id: Self::ORG_ID.parse().expect("the literal is an org id"),
            name: "ACME".to_owned(),
            instance: "USA794S".to_owned(),
            api_version: ApiVersion::new(66),
            api_floor: ApiVersion::new(31),
            limits: Limits::default(),
            checks_per_job: 2,
            noise: None,
            dates_that_lie: vec!["Profile".to_owned()],
            features: BTreeSet::new(),
        }
    }
}
