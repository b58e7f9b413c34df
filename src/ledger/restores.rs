//! A restore of records that has begun: `restore.json` in the state of an org.
//!
//! Written before rows are sent that would be there twice if they were sent again,
//! and when the org has told what became of them.
//!
//! Invariant: a row that may have gone in stands here until it is known whether it has.

use serde::{Deserialize, Serialize};

use super::{Error, pretty, whole};
use crate::model::{ObjectName, RecordId, Timestamp};

/// What is open of restores.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restores {
    /// Inserts whose end is not known, in the order in which they were sent.
    #[serde(default)]
    pub sent: Vec<SentRows>,
    /// Rows that went in, and whose new Ids no commit tells yet.
    #[serde(default)]
    pub pairs: Vec<InsertedRow>,
}

/// One insert of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentRows {
    /// Their object.
    pub object: ObjectName,
    /// When they were sent, by the org's clock.
    pub at: Timestamp,
    /// The user who sent them.
    pub by: RecordId,
    /// The commit that is restored: its rows may have come out of the bin meanwhile.
    #[serde(default)]
    pub target: String,
    /// The ingest job; absent where it was one call that takes all or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<RecordId>,
    /// Fields that were sent, in order.
    pub fields: Vec<String>,
    /// The rows.
    pub rows: Vec<SentRow>,
}

/// One row that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentRow {
    /// Its Id before it was lost.
    pub old: RecordId,
    /// Digest of the cells that were sent, by which it is found again.
    pub digest: String,
}

/// A row that went in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InsertedRow {
    /// Its object.
    pub object: ObjectName,
    /// Its Id before it was lost.
    pub old: RecordId,
    /// Its Id now.
    pub new: RecordId,
    /// When, by the org's clock.
    pub at: Timestamp,
}

impl Restores {
    /// Its path in the state commit.
    pub const PATH: &str = "restore.json";

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`Error`] with the line. What cannot be read is never taken for nothing: rows
    /// might be inserted twice.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        whole(Self::PATH, bytes)
    }

    /// Writes it.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        pretty(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_read_back() {
        let id = |text: &str| text.parse::<RecordId>().unwrap();
        let all = Restores {
            sent: vec![SentRows {
                object: "Account".parse().unwrap(),
                at: "2026-11-28T07:00:00.000Z".parse().unwrap(),
                by: id("005000000000001"),
                target: String::new(),
                job: Some(id("750000000000001")),
                fields: vec!["Name".to_owned()],
                rows: vec![SentRow {
                    old: id("001000000000001"),
                    digest: "ab".to_owned(),
                }],
            }],
            pairs: Vec::new(),
        };
        assert_eq!(Restores::parse(&all.render()).unwrap(), all);
        assert_eq!(Restores::parse(b"{}").unwrap(), Restores::default());
        assert!(Restores::parse(b"{\"sent\": 1}").is_err());
    }
}
