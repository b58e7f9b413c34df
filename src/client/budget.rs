//! How many calls an org allows, how many were made, and how many may still be.
//!
//! Invariant: a call that would pass what the run or the org allows is refused
//! before it is sent.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

/// Calls of one run, and what is left of the org's daily allowance.
///
/// The org tells its allowance in the header `Sforce-Limit-Info` of REST answers;
/// between two of them our own calls are added. Source: REST API Developer Guide,
/// `headers_api_usage`.
#[derive(Debug, Default)]
pub struct Budget(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    made: BTreeMap<&'static str, u64>,
    charged: u64,
    max_calls: Option<u64>,
    floor: u64,
    used: Option<(u64, u64)>,
}

/// A call that was not sent because nothing is left to pay for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BudgetSpent {
    /// This run was given fewer calls.
    #[error("`{call}` was not sent: this run may make {max_calls} API calls, and has")]
    Run {
        /// The call.
        call: &'static str,
        /// Calls that the run may make.
        max_calls: u64,
    },
    /// The org's daily allowance is at the share that is left to others.
    #[error(
        "`{call}` was not sent: the org has used {used} of {max} API calls in 24 hours, \
         and {floor} are left to others"
    )]
    Org {
        /// The call.
        call: &'static str,
        /// Calls used in the last 24 hours, by everybody.
        used: u64,
        /// Calls that the org may use.
        max: u64,
        /// Calls that this run leaves to others.
        floor: u64,
    },
}

impl Budget {
    /// A budget of `max_calls` calls for this run that leaves `floor` of the org's to others.
    #[must_use]
    pub fn new(max_calls: Option<u64>, floor: u64) -> Self {
        Self(Mutex::new(State {
            max_calls,
            floor,
            ..State::default()
        }))
    }

    /// Leaves so many of the org's calls to others from now on.
    pub fn set_floor(&self, floor: u64) {
        self.state().floor = floor;
    }

    /// Calls used of the org's daily allowance and the allowance, as far as known.
    #[must_use]
    pub fn allowance(&self) -> Option<(u64, u64)> {
        self.state().used
    }

    /// Calls that may still be made; `None` while nothing limits them.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        let state = self.state();
        let run = state.max_calls.map(|max| max.saturating_sub(state.charged));
        let org = state
            .used
            .map(|(used, max)| max.saturating_sub(used).saturating_sub(state.floor));
        match (run, org) {
            (Some(run), Some(org)) => Some(run.min(org)),
            (run, org) => run.or(org),
        }
    }

    /// Calls made so far, by name; repeated ones count each time.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<&'static str, u64> {
        self.state().made.clone()
    }

    /// Calls made so far that count against the allowance.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.state().charged
    }

    /// Pays for one call.
    pub(crate) fn spend(&self, call: &'static str) -> Result<(), BudgetSpent> {
        let mut state = self.state();
        if let Some(max_calls) = state.max_calls
            && state.charged >= max_calls
        {
            return Err(BudgetSpent::Run { call, max_calls });
        }
        if let Some((used, max)) = state.used
            && used.saturating_add(state.floor) >= max
        {
            let floor = state.floor;
            return Err(BudgetSpent::Org {
                call,
                used,
                max,
                floor,
            });
        }
        state.charged += 1;
        if let Some((used, _)) = &mut state.used {
            *used += 1;
        }
        *state.made.entry(call).or_default() += 1;
        Ok(())
    }

    /// Notes a call that no allowance counts: a login, the list of versions.
    pub(crate) fn note(&self, call: &'static str) {
        *self.state().made.entry(call).or_default() += 1;
    }

    /// Takes what an answer's `Sforce-Limit-Info` says.
    pub(crate) fn observe(&self, header: &str) {
        if let Some(used) = usage(header) {
            self.state().used = Some(used);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while counting")
    }
}

/// Reads `api-usage=12/15000`, whatever stands beside it.
fn usage(header: &str) -> Option<(u64, u64)> {
    header.split(';').find_map(|part| {
        let (used, max) = part.trim().strip_prefix("api-usage=")?.split_once('/')?;
        Some((used.trim().parse().ok()?, max.trim().parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_read_beside_that_of_one_app() {
        assert_eq!(usage("api-usage=12/15000"), Some((12, 15_000)));
        let both = "api-usage=25/5000; per-app-api-usage=17/250(appName=sample-app)";
        assert_eq!(usage(both), Some((25, 5_000)));
        assert_eq!(usage("per-app-api-usage=17/250(appName=x)"), None);
        assert_eq!(usage("api-usage=a/b"), None);
    }

    #[test]
    fn run_makes_no_more_calls_than_it_may() {
        let budget = Budget::new(Some(2), 0);
        assert_eq!(budget.left(), Some(2));
        budget.note("token");
        assert!(budget.spend("listMetadata").is_ok());
        assert!(budget.spend("query").is_ok());
        let err = budget.spend("query").unwrap_err();
        assert_eq!(
            err.to_string(),
            "`query` was not sent: this run may make 2 API calls, and has"
        );
        assert_eq!(budget.total(), 2);
        assert_eq!(
            budget.calls(),
            [("listMetadata", 1), ("query", 1), ("token", 1)].into()
        );
    }

    #[test]
    fn floor_is_left_to_others() {
        let budget = Budget::new(None, 100);
        assert_eq!(budget.left(), None);
        budget.observe("api-usage=14898/15000");
        assert_eq!(budget.left(), Some(2));
        assert!(budget.spend("query").is_ok());
        assert!(budget.spend("query").is_ok());
        assert!(matches!(
            budget.spend("query"),
            Err(BudgetSpent::Org { used: 14_900, .. })
        ));
        budget.observe("api-usage=10/15000");
        assert!(budget.spend("query").is_ok());
    }
}
