//! `.orgkeep/flows/<Flow>/`: the versions of a flow.
//!
//! `force-app` holds the latest version of a flow, as a retrieve gives it.
//! Where another one is active, that one stands here byte for byte.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Error, pretty, whole};

/// `versions.json` of one flow.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowVersions {
    /// Number of the active version; absent where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<u32>,
    /// Number of the latest version.
    pub latest: u32,
    /// Status of each version: `Active`, `Draft`, `Obsolete`, `InvalidDraft`.
    pub versions: BTreeMap<u32, String>,
}

impl FlowVersions {
    /// Folder of all flows, in the tree.
    pub const FOLDER: &str = ".orgkeep/flows";

    /// Path of the version map of `flow`.
    #[must_use]
    pub fn path(flow: &str) -> String {
        format!("{}/{flow}/versions.json", Self::FOLDER)
    }

    /// Path of the active version of `flow`, where it is not the latest.
    #[must_use]
    pub fn active_path(flow: &str) -> String {
        format!("{}/{flow}/active.flow-meta.xml", Self::FOLDER)
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`Error`] with the line.
    pub fn parse(flow: &str, bytes: &[u8]) -> Result<Self, Error> {
        whole(&Self::path(flow), bytes)
    }

    /// Writes it.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        pretty(self)
    }
}
