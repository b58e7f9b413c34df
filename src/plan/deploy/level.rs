//! Which Apex tests a deploy runs.

use serde::{Deserialize, Serialize};

use super::DeployPlan;

/// Which tests a deploy runs.
///
/// Source: Metadata API 66.0, `DeployOptions.testLevel`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TestLevel {
    /// What the platform does by itself: none in a sandbox, local tests in production with Apex.
    #[default]
    Default,
    /// None.
    NoTestRun,
    /// These classes.
    RunSpecifiedTests(Vec<String>),
    /// All but those of packages.
    RunLocalTests,
    /// All.
    RunAllTestsInOrg,
    /// Those that the change may touch.
    RunRelevantTests,
}

/// A level that production does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a production org takes no Apex without tests")]
pub struct TestsNeeded;

impl TestsNeeded {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(self) -> String {
        "leave `--test-level` out, or name the tests with `--run-tests`".to_owned()
    }
}

impl TestLevel {
    /// What is run, in words; `None` where the platform runs nothing.
    #[must_use]
    pub fn in_words(&self) -> Option<String> {
        Some(match self {
            Self::Default | Self::NoTestRun => return None,
            Self::RunSpecifiedTests(tests) => tests.join(", "),
            Self::RunLocalTests => "all but those of packages".to_owned(),
            Self::RunAllTestsInOrg => "all".to_owned(),
            Self::RunRelevantTests => "those that the change may touch".to_owned(),
        })
    }
}

/// The level at which `plan` is deployed, where the user asked for `asked`.
///
/// Without a word of the user a production org runs its local tests for what holds
/// Apex, which is the platform's own rule; said in full, so that the check is one
/// that can be deployed.
///
/// # Errors
///
/// [`TestsNeeded`]: the org would refuse the deploy. Nothing has been sent.
pub fn test_level(
    asked: &TestLevel,
    plan: &DeployPlan,
    is_production: bool,
) -> Result<TestLevel, TestsNeeded> {
    let needs_tests = is_production && plan.calls.iter().any(super::DeployCall::has_apex);
    match asked {
        TestLevel::NoTestRun if needs_tests => Err(TestsNeeded),
        TestLevel::Default if needs_tests => Ok(TestLevel::RunLocalTests),
        asked => Ok(asked.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::deploy::DeployCall;
    use crate::plan::testing::key;

    fn plan(deleted: &str) -> DeployPlan {
        DeployPlan {
            calls: vec![DeployCall {
                post: [key(deleted)].into(),
                ..DeployCall::default()
            }],
            ..DeployPlan::default()
        }
    }

    #[test]
    fn production_runs_local_tests_for_apex_and_a_sandbox_none() {
        let default = TestLevel::Default;
        let level = |of, is_production| test_level(&default, &plan(of), is_production).unwrap();
        assert_eq!(level("ApexClass:A", true), TestLevel::RunLocalTests);
        assert_eq!(level("ApexTrigger:A", true), TestLevel::RunLocalTests);
        assert_eq!(level("Layout:A", true), TestLevel::Default);
        assert_eq!(level("ApexClass:A", false), TestLevel::Default);
    }

    #[test]
    fn what_the_user_asks_for_holds_unless_production_refuses_it() {
        let asked = TestLevel::RunSpecifiedTests(vec!["ATest".to_owned()]);
        let found = test_level(&asked, &plan("ApexClass:A"), true);
        assert_eq!(found, Ok(asked));
        let none = TestLevel::NoTestRun;
        assert_eq!(
            test_level(&none, &plan("ApexClass:A"), true),
            Err(TestsNeeded)
        );
        assert_eq!(test_level(&none, &plan("ApexClass:A"), false), Ok(none));
    }
}
