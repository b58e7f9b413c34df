//! Deploys that were begun, and what became of them: `deploys.json` in the state of an org.
//!
//! Written before a deploy is sent and after each answer, so that a process that
//! was killed is no deploy that nobody knows of.
//!
//! Invariant: at most [`Deploys::MAX`] are kept, and none that is open or that the
//! history does not tell yet is dropped.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Error, pretty, whole};
use crate::model::{Author, ComponentKey, RecordId, Timestamp};

/// One deploy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployRecord {
    /// The job; absent until the org has told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<RecordId>,
    /// Names the rollback; several deploys may carry out one.
    pub run: String,
    /// Its number in the rollback, checks included.
    pub no: u32,
    /// When it was sent, by the org's clock.
    pub sent: Timestamp,
    /// Who sent it.
    pub by: Author,
    /// Whether it only checks.
    pub check_only: bool,
    /// What it is for: `Roll back Layout:Account-Account Layout to 5a90b3f`.
    pub purpose: String,
    /// The commit to go back to.
    pub target: String,
    /// What it sends and deletes; empty once the history tells it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub components: BTreeSet<ComponentKey>,
    /// How it ended; absent while it is not known to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<DeployEnd>,
    /// Whether a snapshot has seen what it did.
    #[serde(default)]
    pub told: bool,
}

/// How a deploy ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployEnd {
    /// The platform's word, such as `Succeeded`, or one of ours for what it does not tell.
    pub status: String,
    /// When, by the org's clock.
    pub at: Timestamp,
}

impl DeployEnd {
    /// The org never took it.
    pub const NOT_TAKEN: &str = "NotTaken";
    /// The org does not know it any more.
    pub const FORGOTTEN: &str = "Forgotten";
    /// The org does not tell this user, who may ask again.
    pub const NOT_TOLD: &str = "NotTold";
}

/// All of them, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deploys {
    /// The deploys.
    pub deploys: Vec<DeployRecord>,
}

impl DeployRecord {
    /// Whether it may still be at work.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.end.is_none()
    }

    /// Whether it changed the org, all of it or a part.
    #[must_use]
    pub fn took_effect(&self) -> bool {
        let words = ["Succeeded", "SucceededPartial"];
        !self.check_only
            && self
                .end
                .as_ref()
                .is_some_and(|it| words.contains(&it.status.as_str()))
    }

    /// Whether it changed the org and no snapshot has seen that yet.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        self.took_effect() && !self.told
    }
}

impl Deploys {
    /// Path in the state commit.
    pub const PATH: &str = "deploys.json";
    /// How many are kept.
    pub const MAX: usize = 200;

    /// Reads them.
    ///
    /// # Errors
    ///
    /// [`Error`] with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        whole(Self::PATH, bytes)
    }

    /// Writes them, the oldest that are over dropped past [`Self::MAX`].
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut left = self.deploys.len().saturating_sub(Self::MAX);
        let kept = self.deploys.iter().filter(|it| {
            let goes = 0 < left && !it.is_open() && !it.is_untold();
            left -= usize::from(goes);
            !goes
        });
        pretty(&Self {
            deploys: kept.cloned().collect(),
        })
    }

    /// The deploy with that job.
    #[must_use]
    pub fn of_job(&self, job: RecordId) -> Option<&DeployRecord> {
        self.deploys.iter().find(|it| it.job == Some(job))
    }

    /// The deploy with that number of that rollback.
    pub fn entry(&mut self, run: &str, no: u32) -> Option<&mut DeployRecord> {
        self.deploys
            .iter_mut()
            .find(|it| it.run == run && it.no == no)
    }

    /// Takes over what is open or untold in `other` and not known here.
    ///
    /// Whether anything was taken over.
    pub fn take_over(&mut self, other: &Self) -> bool {
        let before = self.deploys.len();
        for deploy in &other.deploys {
            let is_known = self.entry(&deploy.run, deploy.no).is_some();
            if !is_known && (deploy.is_open() || deploy.is_untold()) {
                self.deploys.push(deploy.clone());
            }
        }
        before < self.deploys.len()
    }

    /// Says of everything that has ended that the history tells it.
    pub fn tell(&mut self) {
        for deploy in self.deploys.iter_mut().filter(|it| !it.is_open()) {
            deploy.told = true;
            deploy.components.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: usize, end: Option<&str>) -> DeployRecord {
        DeployRecord {
            job: None,
            run: n.to_string(),
            no: 0,
            sent: Timestamp::UNKNOWN,
            by: Author {
                id: None,
                name: "Jane Doe".to_owned(),
            },
            check_only: false,
            purpose: String::new(),
            target: String::new(),
            components: BTreeSet::from(["Layout:A".parse().unwrap()]),
            end: end.map(|status| DeployEnd {
                status: status.to_owned(),
                at: Timestamp::UNKNOWN,
            }),
            told: false,
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let all = Deploys {
            deploys: vec![record(1, None), record(2, Some("Succeeded"))],
        };
        assert_eq!(Deploys::parse(&all.render()).unwrap(), all);
        assert_eq!(
            Deploys::parse(b"{\"deploys\":[]}").unwrap(),
            Deploys::default()
        );
    }

    #[test]
    fn old_deploys_are_dropped_and_open_or_untold_ones_are_not() {
        let mut all = Deploys {
            deploys: vec![record(0, None), record(1, Some("Succeeded"))],
        };
        let rest = (2..Deploys::MAX + 10).map(|n| record(n, Some("Failed")));
        all.deploys.extend(rest);
        let kept = Deploys::parse(&all.render()).unwrap().deploys;
        assert_eq!(kept.len(), Deploys::MAX);
        assert_eq!((kept[0].run.as_str(), kept[1].run.as_str()), ("0", "1"));
        assert_eq!(kept[2].run, "12");
    }

    #[test]
    fn state_that_takes_the_place_of_another_loses_no_open_deploy() {
        let ours = Deploys {
            deploys: vec![record(1, None), record(2, Some("Failed"))],
        };
        let mut theirs = Deploys {
            deploys: vec![record(3, Some("Succeeded"))],
        };
        assert!(theirs.take_over(&ours));
        let runs: Vec<_> = theirs.deploys.iter().map(|it| it.run.as_str()).collect();
        assert_eq!(runs, ["3", "1"]);
        assert!(!theirs.take_over(&ours));
    }

    #[test]
    fn a_failed_deploy_has_nothing_to_tell() {
        assert!(record(1, Some("SucceededPartial")).is_untold());
        assert!(!record(1, Some("Failed")).is_untold());
        let check = DeployRecord {
            check_only: true,
            ..record(1, Some("Succeeded"))
        };
        assert!(!check.is_untold());
        let mut all = Deploys {
            deploys: vec![record(1, Some("Succeeded")), record(2, None)],
        };
        all.tell();
        assert!(!all.deploys[0].is_untold() && all.deploys[0].components.is_empty());
        assert!(!all.deploys[1].told);
    }
}
