//! What an export of records remembers, and what it could not keep.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Error, pretty, whole};
use crate::model::{FieldName, ObjectName, OrgId, RecordId, Timestamp};

/// What the next export goes on from; part of the state, never of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsState {
    /// Commit that it belongs to; rows of another one are read in full.
    #[serde(default)]
    pub commit: Option<String>,
    /// Permissions of the user of the last run; fewer now makes absences doubtful.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// Where each object stands.
    #[serde(default)]
    pub objects: BTreeMap<ObjectName, Cursor>,
    /// Jobs that were started and whose rows were not taken, by a digest of what they ask.
    #[serde(default)]
    pub open_jobs: BTreeMap<String, OpenJob>,
}

/// Where one object stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Start of the last complete read, by the org's clock.
    pub since: Timestamp,
    /// Start of the last full pass.
    pub full_at: Timestamp,
    /// Digest of what was asked for: other fields or another condition need a full pass.
    pub digest: String,
    /// Rows that the tree has.
    pub n_rows: u64,
}

/// A job that runs, or whose rows were not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenJob {
    /// Its id.
    pub id: RecordId,
    /// When it was started, by the org's clock: its rows are not older.
    pub at: Timestamp,
}

impl RecordsState {
    /// Its path in the state commit.
    pub const PATH: &str = "records.json";

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`Error`] with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        whole(Self::PATH, bytes)
    }

    /// Writes it.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        pretty(self)
    }
}

/// `.orgkeep/records.json` on the branch of the records: what it is a history of, and its gaps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsLedger {
    /// The org.
    pub org: OrgId,
    /// Version of the layout.
    pub layout: u32,
    /// What is not as the org has it, by object.
    #[serde(default)]
    pub gaps: BTreeMap<ObjectName, RecordGap>,
    /// Bodies of files that are not there, by object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bodies: BTreeMap<ObjectName, BodyGaps>,
    /// Rows that were erased, and are not taken again whatever the org has.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub erased: BTreeSet<RecordId>,
}

/// What is missing of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordGap {
    /// Why its rows are those of an earlier run, or not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
    /// Fields that the user of the export may not see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<FieldName>,
    /// Fields that are masked for the user of the export.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub masked: Vec<FieldName>,
}

/// Bodies of files of one object that are not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyGaps {
    /// How many are still to come, for the calls did not suffice.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub missing: u64,
    /// How many are those of an earlier state of their row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stale: u64,
    /// Those that are longer than the settings allow, with their bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub too_large: BTreeMap<RecordId, u64>,
    /// Those that could not be read, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub failed: BTreeMap<RecordId, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl BodyGaps {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl RecordsLedger {
    /// Its path in the tree.
    pub const PATH: &str = ".orgkeep/records.json";
    /// Version of the layout that this release writes.
    pub const LAYOUT: u32 = 1;

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`Error`] with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        whole(Self::PATH, bytes)
    }

    /// Writes it.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        pretty(self)
    }
}

impl RecordGap {
    /// Whether nothing is missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
