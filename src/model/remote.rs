//! What an org tells about a component without giving its content.

use serde::{Deserialize, Serialize};

use super::{ComponentKey, RecordId, Timestamp};

/// A user as the platform names the author of a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Author {
    /// Id of the user; absent where the platform gave none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RecordId>,
    /// Name as displayed, such as `Jane Doe` or `Automated Process`.
    pub name: String,
}

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// Who.
    pub by: Author,
    /// When; [`Timestamp::UNKNOWN`] for standard components.
    pub at: Timestamp,
}

/// One entry of listMetadata or of a retrieve's `fileProperties`.
///
/// Source: Metadata API 66.0 WSDL, `FileProperties`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteComponent {
    /// Type and full name, the latter as the org spells it.
    pub key: ComponentKey,
    /// Id of the component; absent for standard ones.
    pub id: Option<RecordId>,
    /// Path in a retrieve, without `unpackaged/`; empty where the org gave none.
    pub file_name: String,
    /// Who made it and when.
    pub created: Stamp,
    /// Who changed it last and when. Not to be trusted as proof that nothing changed.
    pub modified: Stamp,
    /// Namespace of the package it came with.
    pub namespace: Option<String>,
    /// `released`, `installed`, `unmanaged`, … as the org says.
    pub manageable_state: Option<String>,
}

impl RemoteComponent {
    /// Whether it is the body of an installed managed package, which is not given out.
    #[must_use]
    pub fn is_installed(&self) -> bool {
        matches!(
            self.manageable_state.as_deref(),
            Some("installed" | "installedEditable" | "deprecatedEditable")
        )
    }
}
