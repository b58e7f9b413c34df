//! What became of a plan.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Failure, Residue, TestReport};
use crate::{client::DeployStatus, model::ComponentKey, ops::snapshot::CommitReport};

/// How far a plan came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// There was nothing to do.
    #[default]
    Nothing,
    /// The check failed: nothing has changed in the org.
    CheckFailed,
    /// The check went well, and no more was asked for.
    Checked,
    /// A deploy failed after the check, and none before it had gone through.
    DeployFailed,
    /// A deploy was stopped, and none before it had gone through.
    Canceled,
    /// A deploy did not go through after another had.
    PartlyDeployed,
    /// What the org takes of it is in the org, as was asked for.
    DeployedInPart,
    /// It is in the org.
    Deployed,
}

/// A job in the org.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobReport {
    /// Its id.
    pub id: String,
    /// Whether it only checked.
    pub check_only: bool,
    /// How it ended; absent where its end was not seen.
    pub status: Option<DeployStatus>,
    /// Components that it deployed, as the org counts them.
    pub n_components: u64,
}

/// What became of a plan.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ApplyReport {
    /// How far it came.
    pub stage: Stage,
    /// Jobs in the org, in order.
    pub jobs: Vec<JobReport>,
    /// What the org refused.
    pub failures: Vec<Failure>,
    /// Components that were not sent, with the reason.
    pub refused: BTreeMap<ComponentKey, String>,
    /// What could not be checked beforehand, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unchecked: Vec<String>,
    /// What the Apex tests came to, where any ran.
    pub tests: Option<TestReport>,
    /// Commits of the snapshot afterwards, oldest first.
    pub commits: Vec<CommitReport>,
    /// What is still different.
    pub residue: Vec<Residue>,
}

impl ApplyReport {
    /// Whether the org refused it.
    #[must_use]
    pub fn failed(&self) -> bool {
        matches!(
            self.stage,
            Stage::CheckFailed | Stage::DeployFailed | Stage::Canceled | Stage::PartlyDeployed
        )
    }

    /// Whether something was not put back.
    #[must_use]
    pub fn has_gaps(&self) -> bool {
        self.stage == Stage::DeployedInPart || !self.refused.is_empty() || !self.residue.is_empty()
    }
}

/// What is left of a plan when a deploy of it ended so, `n_done` others having gone through.
///
/// `None` where it went well and the plan goes on.
pub(super) fn stage_after(status: DeployStatus, n_done: usize, in_part: bool) -> Option<Stage> {
    match status {
        DeployStatus::Succeeded => None,
        DeployStatus::SucceededPartial if in_part => None,
        DeployStatus::SucceededPartial => Some(Stage::PartlyDeployed),
        _ if n_done > 0 => Some(Stage::PartlyDeployed),
        DeployStatus::Canceled => Some(Stage::Canceled),
        _ => Some(Stage::DeployFailed),
    }
}

/// Whether a deploy that ended so may have changed the org.
pub(super) fn may_have_changed(status: DeployStatus) -> bool {
    !matches!(status, DeployStatus::Failed | DeployStatus::Canceled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_goes_on_only_after_what_the_server_calls_a_success() {
        use DeployStatus::{Canceled, Failed, FinalizingFailed, Succeeded, SucceededPartial};
        assert_eq!(stage_after(Succeeded, 0, false), None);
        assert_eq!(stage_after(Failed, 0, false), Some(Stage::DeployFailed));
        assert_eq!(stage_after(Failed, 1, false), Some(Stage::PartlyDeployed));
        assert_eq!(stage_after(Canceled, 0, true), Some(Stage::Canceled));
        assert_eq!(stage_after(Canceled, 2, true), Some(Stage::PartlyDeployed));
        assert_eq!(stage_after(SucceededPartial, 0, true), None);
        let in_part = stage_after(SucceededPartial, 0, false);
        assert_eq!(in_part, Some(Stage::PartlyDeployed));
        let finalizing = stage_after(FinalizingFailed, 0, false);
        assert_eq!(finalizing, Some(Stage::DeployFailed));
        assert!(may_have_changed(FinalizingFailed) && may_have_changed(SucceededPartial));
        assert!(!may_have_changed(Failed) && !may_have_changed(Canceled));
    }
}
