//! `.orgkeep/redacted.jsonl`: each secret that was taken out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Error, each_line, lines};
use crate::model::TreePath;

/// One secret that was taken out of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RedactedLine {
    /// The file.
    pub path: TreePath,
    /// The element, as a path from the root.
    pub element: String,
    /// Keyed tag of the value, `hmac-sha256:<key id>:<tag>`: a change is visible, the
    /// value is not. `unseen:…` where it was taken out without a key.
    pub tag: String,
}

/// All of them, ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RedactedValues(pub BTreeSet<RedactedLine>);

impl RedactedValues {
    /// Its path in the tree.
    pub const PATH: &str = ".orgkeep/redacted.jsonl";

    /// Reads them.
    ///
    /// # Errors
    ///
    /// [`Error`] with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self(each_line(Self::PATH, bytes)?.into_iter().collect()))
    }

    /// Writes them.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        lines(&self.0)
    }
}
