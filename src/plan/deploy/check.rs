//! What of a plan can be checked in the org before anything is done there.
//!
//! A deploy can be checked as long as it needs nothing that an earlier one of the
//! same plan makes or takes away.
//!
//! Invariant: each act of a plan is checked or stands in [`Checks::later`] with the
//! reason.

use std::collections::BTreeSet;

use super::{DeployCall, DeployPlan};
use crate::model::ComponentKey;
use crate::plan::rollback::Step;

/// One act of a plan, each a deploy of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// Steps before the calls.
    Before,
    /// A call, by its number from 0.
    Call(usize),
    /// Steps after the calls.
    After,
}

/// An act to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The act.
    pub act: Act,
    /// Deletions that are left out of the check.
    pub without: BTreeSet<ComponentKey>,
}

/// How a plan is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checks {
    /// What is checked, in order.
    pub now: Vec<Check>,
    /// What the org can tell only when the earlier acts are done, in words.
    pub later: Vec<(Act, String)>,
}

impl Checks {
    /// Whether the check of the first call is a check of all of it, with nothing before it.
    ///
    /// Only such a check can be deployed as it is.
    #[must_use]
    pub fn first_is_whole(&self) -> bool {
        let first = self.now.first();
        first.is_some_and(|it| it.act == Act::Call(0) && it.without.is_empty())
    }
}

/// Decides what of `plan` is checked beforehand.
#[must_use]
pub fn checks(plan: &DeployPlan) -> Checks {
    let mut checks = Checks::default();
    if !plan.before.is_empty() {
        checks.now.push(whole(Act::Before));
    }
    let deactivated: BTreeSet<_> = plan.before.iter().map(flow_of).collect();
    for (n, call) in plan.calls.iter().enumerate() {
        let act = Act::Call(n);
        if let Some(reason) = plan.calls[..n]
            .iter()
            .find_map(|it| stands_before(it, call))
        {
            checks.later.push((act, reason));
            continue;
        }
        let deleted = call.pre.iter().chain(&call.post);
        let without: BTreeSet<_> = deleted
            .filter(|it| is_version_of(it, &deactivated))
            .cloned()
            .collect();
        if !without.is_empty() {
            let reason = "a flow can be deleted only once it is not active".to_owned();
            checks.later.push((act, reason));
        }
        let n_deleted = call.pre.len() + call.post.len();
        if !call.package.is_empty() || without.len() < n_deleted {
            checks.now.push(Check { act, without });
        }
    }
    if !plan.after.is_empty() {
        let made = plan.after.iter().any(|step| {
            let flow = flow_of(step);
            plan.calls.iter().any(|it| it.package.contains(flow))
        });
        if made {
            let reason = "a flow can be activated only once its version is there".to_owned();
            checks.later.push((Act::After, reason));
        } else {
            checks.now.push(whole(Act::After));
        }
    }
    checks
}

fn whole(act: Act) -> Check {
    Check {
        act,
        without: BTreeSet::new(),
    }
}

/// Why `call` cannot be checked before `earlier` is done.
fn stands_before(earlier: &DeployCall, call: &DeployCall) -> Option<String> {
    if let Some(made) = earlier.made.first().filter(|_| !call.package.is_empty()) {
        return Some(format!("it may need {made}, which an earlier deploy makes"));
    }
    let taken = earlier.pre.iter().chain(&earlier.post).next();
    let goes = call.pre.iter().chain(&call.post).next();
    match (goes, taken.or(earlier.package.first())) {
        (Some(it), Some(user)) => Some(format!(
            "{it} can be deleted only once {user} does not use it any more"
        )),
        _ => None,
    }
}

fn flow_of(step: &Step) -> &ComponentKey {
    let Step::ActivateFlow { key, .. } = step;
    key
}

/// Whether `key` is one of `flows`, or a version of it: `Flow:Name-3`.
fn is_version_of(key: &ComponentKey, flows: &BTreeSet<&ComponentKey>) -> bool {
    let name = key.name.as_str();
    flows.iter().any(|flow| {
        let rest = name.strip_prefix(flow.name.as_str());
        key.type_name == flow.type_name
            && rest.is_some_and(|it| it.is_empty() || it.starts_with('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::key;

    fn keys(texts: &[&str]) -> BTreeSet<ComponentKey> {
        texts.iter().map(|it| key(it)).collect()
    }

    fn call(sent: &[&str], made: &[&str], post: &[&str]) -> DeployCall {
        DeployCall {
            package: keys(sent).union(&keys(made)).cloned().collect(),
            made: keys(made),
            post: keys(post),
            ..DeployCall::default()
        }
    }

    fn step(flow: &str, version: u32) -> Step {
        Step::ActivateFlow {
            key: key(flow),
            version,
        }
    }

    fn acts(checks: &Checks) -> (Vec<Act>, Vec<Act>) {
        (
            checks.now.iter().map(|it| it.act).collect(),
            checks.later.iter().map(|it| it.0).collect(),
        )
    }

    #[test]
    fn one_call_is_checked_whole_and_can_be_deployed_so() {
        let plan = DeployPlan {
            calls: vec![call(
                &["Layout:A"],
                &["CustomField:A.B__c"],
                &["ApexClass:C"],
            )],
            ..DeployPlan::default()
        };
        let checks = checks(&plan);
        assert_eq!(acts(&checks), (vec![Act::Call(0)], vec![]));
        assert!(checks.first_is_whole());
    }

    #[test]
    fn parts_of_what_was_too_large_are_all_checked_where_none_makes_anything() {
        let mut plan = DeployPlan {
            calls: vec![
                call(&["ApexClass:A"], &[], &[]),
                call(&["Report:B/C"], &[], &[]),
            ],
            ..DeployPlan::default()
        };
        let both = vec![Act::Call(0), Act::Call(1)];
        assert_eq!(acts(&checks(&plan)), (both, vec![]));
        plan.calls[0].made = keys(&["ApexClass:A"]);
        let found = checks(&plan);
        assert_eq!(acts(&found), (vec![Act::Call(0)], vec![Act::Call(1)]));
        assert_eq!(
            found.later[0].1,
            "it may need ApexClass:A, which an earlier deploy makes"
        );
    }

    #[test]
    fn value_set_can_be_deleted_only_after_its_fields() {
        let plan = DeployPlan {
            calls: vec![
                call(&[], &[], &["CustomField:A.B__c"]),
                call(&[], &[], &["GlobalValueSet:V"]),
            ],
            ..DeployPlan::default()
        };
        let found = checks(&plan);
        assert_eq!(acts(&found), (vec![Act::Call(0)], vec![Act::Call(1)]));
        assert_eq!(
            found.later[0].1,
            "GlobalValueSet:V can be deleted only once CustomField:A.B__c does not use it any more"
        );
    }

    #[test]
    fn flow_that_is_active_is_deactivated_in_the_check_and_deleted_later() {
        let plan = DeployPlan {
            before: vec![step("Flow:F", 0)],
            calls: vec![call(
                &["Layout:A"],
                &[],
                &["Flow:F-1", "Flow:F-2", "Flow:Fx-1"],
            )],
            ..DeployPlan::default()
        };
        let found = checks(&plan);
        assert_eq!(
            acts(&found),
            (vec![Act::Before, Act::Call(0)], vec![Act::Call(0)])
        );
        assert_eq!(found.now[1].without, keys(&["Flow:F-1", "Flow:F-2"]));
        assert!(!found.first_is_whole());
        let only = DeployPlan {
            calls: vec![call(&[], &[], &["Flow:F-1"])],
            ..plan
        };
        assert_eq!(acts(&checks(&only)).0, [Act::Before]);
    }

    #[test]
    fn activation_is_checked_where_the_version_is_there() {
        let mut plan = DeployPlan {
            after: vec![step("Flow:F", 3)],
            ..DeployPlan::default()
        };
        assert_eq!(acts(&checks(&plan)), (vec![Act::After], vec![]));
        plan.calls = vec![call(&[], &["Flow:F"], &[])];
        assert_eq!(acts(&checks(&plan)), (vec![Act::Call(0)], vec![Act::After]));
    }
}
