//! `.orgkeep/org.json`: what this history is a history of.

use serde::{Deserialize, Serialize};

use super::{Error, pretty, whole};
use crate::model::{ApiVersion, OrgId};

/// Version of the on-disk contract that this release writes.
pub const LAYOUT: u32 = 1;

/// The org and the rules that wrote the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgFile {
    /// Version of the on-disk contract; see [`LAYOUT`].
    pub layout: u32,
    /// The org. A branch keeps one org for ever.
    pub org_id: OrgId,
    /// Version in which the content was retrieved; pinned.
    pub api_version: ApiVersion,
    /// `canonical` or `faithful`.
    pub level: String,
    /// Versions of the rules.
    pub rules: RuleVersions,
    /// Id of the key that tags of secrets are made with; absent where there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redaction_key: Option<String>,
    /// Types that the files have taken apart further than usual, by Salesforce's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub presets: Vec<String>,
    /// Rules of `[normalise]` that hold otherwise than by default: `-flow-coordinates`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub switched: Vec<String>,
}

/// Versions of the rules that wrote the tree; a difference calls for a rewrite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleVersions {
    /// Order and spelling.
    pub canonical: u32,
    /// Types and their files.
    pub registry: u32,
    /// Secrets; 0 where redaction is off.
    pub redaction: u32,
}

impl OrgFile {
    /// Its path in the tree.
    pub const PATH: &str = ".orgkeep/org.json";

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

    /// Whether a newer release wrote it, so that this one may only read.
    #[must_use]
    pub fn is_newer(&self, ours: &RuleVersions) -> bool {
        self.layout > LAYOUT
            || self.rules.canonical > ours.canonical
            || self.rules.registry > ours.registry
            || self.rules.redaction > ours.redaction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: RuleVersions = RuleVersions {
        canonical: 2,
        registry: 1,
        redaction: 1,
    };

    fn file() -> OrgFile {
        OrgFile {
            layout: LAYOUT,
            org_id: "00D5f000006TdUJEA0".parse().unwrap(),
            api_version: ApiVersion::new(66),
            level: "canonical".to_owned(),
            rules: OURS,
            redaction_key: Some("5f0c11d2".to_owned()),
            presets: vec!["decomposeWorkflowBeta".to_owned()],
            switched: vec!["-flow-coordinates".to_owned()],
        }
    }

    #[test]
    fn file_survives_a_round_trip() {
        assert_eq!(OrgFile::parse(&file().render()).unwrap(), file());
    }

    #[test]
    fn file_of_a_newer_release_is_recognised() {
        assert!(!file().is_newer(&OURS));
        let mut newer = file();
        newer.rules.canonical += 1;
        assert!(newer.is_newer(&OURS));
    }
}
