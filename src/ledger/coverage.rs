//! `.orgkeep/coverage.json`: what a snapshot holds, and what it does not.
//!
//! It says what holds, not how a run went. A component that is neither in the
//! tree nor here did not exist.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Error, pretty, whole};
use crate::model::{ComponentKey, Timestamp, TypeName};

/// The whole ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The scope that was asked for, as `orgkeep.toml` spells it.
    pub scope: Scope,
    /// How far each type was read.
    pub types: BTreeMap<TypeName, Extent>,
    /// What is missing and why, ordered by what and kind.
    pub gaps: BTreeSet<Gap>,
}

/// The rules of `[metadata]` that held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Only what one of these selects; empty for everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Nothing that one of these selects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// SHA-256 of `.forceignore`; absent where there is none or it ignores nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forceignore: Option<String>,
}

/// How far a type was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// Listed in full and in scope in full: what is absent does not exist.
    Full,
    /// Listed, but a part of it is out of scope.
    Part,
    /// Not listed, or not to be trusted: absence says nothing.
    Unknown,
}

/// Something that the snapshot lacks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// A component `Type:Name`, a type `Type`, a folder `Type:Folder/*`, or an entry of an answer.
    pub what: String,
    /// What kind of lack.
    pub kind: GapKind,
    /// Why, in the platform's words where it gave some.
    pub reason: String,
    /// Since when, where the time matters (`stale`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// Kinds of lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// Listed, but the org did not give it.
    Missing,
    /// The user may not read it, or the org fails when asked for it.
    Unreadable,
    /// The API does not give this type.
    Unsupported,
    /// Left out by a rule that is written down; not a reason for status 3.
    Skipped,
    /// Kept as an earlier snapshot had it, because its absence is not proved.
    Stale,
    /// It changed each time it was read.
    InMotion,
    /// It arrived and could not be converted; kept raw or left out.
    NotConverted,
    /// It is in the tree and does not deploy as it stands.
    NotDeployable,
}

impl GapKind {
    /// Whether a gap of this kind is expected and no reason for status 3.
    #[must_use]
    pub fn is_expected(self) -> bool {
        matches!(self, Self::Skipped | Self::NotDeployable)
    }

    /// The word in reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::Unsupported => "unsupported",
            Self::Skipped => "skipped",
            Self::Stale => "stale",
            Self::InMotion => "in motion",
            Self::NotConverted => "not converted",
            Self::NotDeployable => "not deployable",
        }
    }
}

impl Coverage {
    /// Its path in the tree.
    pub const PATH: &str = ".orgkeep/coverage.json";

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

    /// Whether the absence of `key` proves that it did not exist.
    ///
    /// Only where its type was listed in full and in scope, and no gap covers it.
    #[must_use]
    pub fn proves_absence(&self, key: &ComponentKey) -> bool {
        self.types.get(&key.type_name) == Some(&Extent::Full)
            && !self.gaps.iter().any(|gap| gap.covers(key))
    }

    /// Gaps that nobody expects: the reason for status 3.
    pub fn unexpected(&self) -> impl Iterator<Item = &Gap> {
        self.gaps.iter().filter(|gap| !gap.kind.is_expected())
    }
}

impl Gap {
    /// Whether the gap speaks of `key`, of its whole type or of its folder.
    #[must_use]
    pub fn covers(&self, key: &ComponentKey) -> bool {
        match self.what.split_once(':') {
            None => self.what == key.type_name.as_str(),
            Some((type_name, name)) => {
                type_name == key.type_name.as_str()
                    && match name.strip_suffix("/*") {
                        Some(folder) => key.name.folder() == Some(folder),
                        None => name == key.name.as_str(),
                    }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coverage(extent: Extent, gap: &str) -> Coverage {
        Coverage {
            types: [(TypeName::known("Report"), extent)].into(),
            gaps: [Gap {
                what: gap.to_owned(),
                kind: GapKind::Unreadable,
                reason: "no access".to_owned(),
                since: None,
            }]
            .into(),
            ..Coverage::default()
        }
    }

    #[test]
    fn absence_is_proved_only_where_the_type_was_read_in_full() {
        let key: ComponentKey = "Report:Sales/Pipeline".parse().unwrap();
        assert!(coverage(Extent::Full, "Flow").proves_absence(&key));
        assert!(!coverage(Extent::Part, "Flow").proves_absence(&key));
        assert!(!coverage(Extent::Full, "Report:Sales/*").proves_absence(&key));
        assert!(!coverage(Extent::Full, "Report").proves_absence(&key));
        assert!(!Coverage::default().proves_absence(&key));
    }

    #[test]
    fn ledger_survives_a_round_trip() {
        let it = coverage(Extent::Part, "Report:Sales/*");
        assert_eq!(Coverage::parse(&it.render()).unwrap(), it);
    }
}
