//! Automation that was switched off for a restore: `bypass.json` in the state of an org.
//!
//! Invariant: it stands here before the first switch is turned, and until the org has
//! said that all are back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Error, pretty, whole};
use crate::model::{RecordId, Timestamp};

/// What is off, and what was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bypasses {
    /// What is off, or may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Bypass>,
    /// What was off, the latest last.
    #[serde(default)]
    pub past: Vec<PastBypass>,
}

/// Automation that is off, or may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bypass {
    /// Since when, by the org's clock.
    pub at: Timestamp,
    /// The user who switched it off.
    pub by: RecordId,
    /// Name of that user.
    pub name: String,
    /// The value of each switch as it was, by `Type:FullName`.
    pub switches: BTreeMap<String, String>,
    /// The last deploy that turned switches, where the org has told its job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

/// Automation that was off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastBypass {
    /// From when.
    pub at: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Name of the user who switched it off.
    pub name: String,
    /// What it was.
    pub components: Vec<String>,
}

impl Bypasses {
    /// Its path in the state commit.
    pub const PATH: &str = "bypass.json";

    /// So many that are over are kept.
    const MAX_PAST: usize = 50;

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`Error`] with the line: what cannot be read is never taken for nothing.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        whole(Self::PATH, bytes)
    }

    /// Writes it.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        pretty(self)
    }

    /// Notes that what is off is on again.
    pub fn close(&mut self, until: Timestamp) {
        let Some(open) = self.open.take() else { return };
        self.past.push(PastBypass {
            at: open.at,
            until,
            name: open.name,
            components: open.switches.into_keys().collect(),
        });
        let n_old = self.past.len().saturating_sub(Self::MAX_PAST);
        self.past.drain(..n_old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_again_is_remembered() {
        let at: Timestamp = "2026-11-28T07:00:00.000Z".parse().unwrap();
        let mut all = Bypasses {
            open: Some(Bypass {
                at,
                by: "005000000000001".parse().unwrap(),
                name: "Ada".to_owned(),
                switches: [("Flow:A".to_owned(), "3".to_owned())].into(),
                job: None,
            }),
            past: Vec::new(),
        };
        assert_eq!(Bypasses::parse(&all.render()).unwrap(), all);
        all.close(at);
        all.close(at);
        assert_eq!(all.open, None);
        assert_eq!(all.past.len(), 1);
        assert_eq!(all.past[0].components, ["Flow:A"]);
        assert!(Bypasses::parse(b"{").is_err());
    }
}
