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
    /// Gaps that somebody knows of and lives with. An entry goes with its gap, so
    /// that a gap which comes back is told again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accepted: BTreeSet<Acceptance>,
}

/// A gap that somebody knows of and lives with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Acceptance {
    /// What is lacking, as the gap spells it.
    pub what: String,
    /// The kind of lack that was accepted; another one of the same thing is not.
    pub kind: GapKind,
    /// Why one can live with it.
    pub because: String,
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
    /// Whether it changed could not be seen.
    Unseen,
    /// It is in the tree, and something in it looks like a secret.
    Suspect,
    /// It is in the tree, and the org's tables grant more than its file says.
    Incomplete,
    /// The API gives it to nobody, and the org counts some of it.
    NotRetrievable,
}

impl GapKind {
    /// Whether a gap of this kind is expected and no reason for status 3.
    #[must_use]
    pub fn is_expected(self) -> bool {
        matches!(
            self,
            Self::Skipped
                | Self::NotDeployable
                | Self::Unseen
                | Self::Suspect
                | Self::Incomplete
                | Self::NotRetrievable
        )
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
            Self::Unseen => "unseen",
            Self::Suspect => "may hold a secret",
            Self::Incomplete => "incomplete",
            Self::NotRetrievable => "not retrievable",
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

    /// Why the gap is accepted; `None` where nobody has accepted it.
    #[must_use]
    pub fn acceptance(&self, gap: &Gap) -> Option<&Acceptance> {
        self.accepted.iter().find(|it| it.covers(gap))
    }

    /// Gaps that nobody expects and nobody has accepted: the reason for status 3.
    pub fn open(&self) -> impl Iterator<Item = &Gap> {
        self.gaps.iter().filter(|gap| self.is_open(gap))
    }

    /// Whether nobody expects `gap` and nobody has accepted it; it may be of a later ledger.
    #[must_use]
    pub fn is_open(&self, gap: &Gap) -> bool {
        !gap.kind.is_expected() && self.acceptance(gap).is_none()
    }

    /// Takes over what was accepted before, as far as its gap still stands.
    pub fn keep_accepted(&mut self, before: &Self) {
        let gaps = &self.gaps;
        let stands = |it: &&Acceptance| gaps.iter().any(|gap| it.covers(gap));
        self.accepted = before.accepted.iter().filter(stands).cloned().collect();
    }
}

impl Acceptance {
    /// Whether it speaks of `gap`: the same thing, lacking in the same way.
    #[must_use]
    pub fn covers(&self, gap: &Gap) -> bool {
        self.what == gap.what && self.kind == gap.kind
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

    fn accepted(mut of: Coverage) -> Coverage {
        let all = of.unexpected().map(|gap| Acceptance {
            what: gap.what.clone(),
            kind: gap.kind,
            because: "private folders of people who left".to_owned(),
        });
        of.accepted = all.collect();
        of
    }

    #[test]
    fn accepted_gap_is_told_again_when_it_comes_back() {
        let known = accepted(coverage(Extent::Full, "Report:Sales/*"));
        assert_eq!(known.open().count(), 0);
        let mut still = coverage(Extent::Full, "Report:Sales/*");
        still.keep_accepted(&known);
        assert_eq!(still.open().count(), 0);

        let mut closed = Coverage::default();
        closed.keep_accepted(&still);
        let mut back = coverage(Extent::Full, "Report:Sales/*");
        back.keep_accepted(&closed);
        assert_eq!(back.open().count(), 1);
    }

    #[test]
    fn acceptance_holds_for_one_kind_of_lack() {
        let known = accepted(coverage(Extent::Full, "Report:Sales/*"));
        let mut other = coverage(Extent::Full, "Report:Sales/*");
        other.gaps = other
            .gaps
            .into_iter()
            .map(|gap| Gap {
                kind: GapKind::Stale,
                ..gap
            })
            .collect();
        other.keep_accepted(&known);
        assert_eq!(other.open().count(), 1);
    }

    #[test]
    fn ledger_survives_a_round_trip() {
        let it = accepted(coverage(Extent::Part, "Report:Sales/*"));
        assert_eq!(Coverage::parse(&it.render()).unwrap(), it);
    }
}
