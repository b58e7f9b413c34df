//! One component as it is in the org.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Content, FlowVersions};
use crate::model::{ComponentKey, RecordId, Stamp};

/// One file of a component, in metadata format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageFile {
    /// Path in a package: `objects/Account.object`.
    pub path: String,
    /// Its bytes.
    pub content: Content,
}

impl PackageFile {
    /// The file `path` of `content`.
    #[must_use]
    pub fn new(path: &str, content: impl Into<Content>) -> Self {
        Self {
            path: path.to_owned(),
            content: content.into(),
        }
    }
}

/// A component with files of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Component {
    /// Its id; absent for standard components.
    pub id: Option<RecordId>,
    /// Who made it, and when.
    pub created: Stamp,
    /// Who changed it last, and when: what the org says, which for some types is not true.
    pub modified: Stamp,
    /// Namespace of the package it came with.
    pub namespace: Option<String>,
    /// `unmanaged`, `installed`, …
    pub manageable_state: Option<String>,
    /// Its files, by path. Of a flow: those of the latest version.
    pub files: Vec<PackageFile>,
    /// Components in its file that have names of their own.
    pub children: BTreeMap<ComponentKey, Child>,
    /// Versions of a flow.
    pub flow: Option<FlowVersions>,
    /// Digest of what is its own and no child's.
    pub(super) own_digest: u64,
}

/// A component that lives in the file of another.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Child {
    /// Its id; absent for standard ones.
    pub id: Option<RecordId>,
    /// Who made it, and when.
    pub created: Stamp,
    /// Who changed it last, and when.
    pub modified: Stamp,
    pub(super) digest: u64,
}

impl Component {
    /// The file that holds its XML, where there is one.
    ///
    /// The companion of a class, the `.js-meta.xml` of a Lightning component,
    /// the one file of most others.
    #[must_use]
    pub fn document(&self) -> Option<&PackageFile> {
        self.files
            .iter()
            .find(|it| it.path.ends_with("-meta.xml"))
            .or(match self.files.as_slice() {
                [only] => Some(only),
                _ => None,
            })
    }

    /// Bytes of all its files.
    #[must_use]
    pub fn n_bytes(&self) -> u64 {
        self.files
            .iter()
            .map(|it| u64::try_from(it.content.len()).unwrap_or(u64::MAX))
            .sum()
    }
}
