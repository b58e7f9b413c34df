//! An org that moves while it is read.
//!
//! Dates in the answers are compared with the listing. What moved, or was listed
//! and not found, is fetched again; three rounds at most, then it is said to be
//! in motion.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ComponentKey, RemoteComponent, Timestamp};

/// How often what moved is fetched again before it is given up.
pub const MAX_ROUNDS: u32 = 3;

/// What one round of answers says about the listing it was made from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Components to list and fetch again.
    pub again: BTreeSet<ComponentKey>,
    /// Components that still move after the last round, with what was seen of them.
    pub in_motion: BTreeMap<ComponentKey, Seen>,
}

/// What was seen of a component that does not hold still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Its date is later in the answer than in the listing.
    Moved,
    /// It was listed, and the answer lacks it.
    NotFound,
}

/// Compares what was listed with what came.
///
/// `round` counts from 1. Of an answer only components that were `asked` for are
/// looked at. Dates of 1970 tell nothing.
#[must_use]
pub fn compare(
    asked: &BTreeMap<ComponentKey, Timestamp>,
    answered: &[RemoteComponent],
    round: u32,
) -> Round {
    let came: BTreeMap<&ComponentKey, Timestamp> = answered
        .iter()
        .map(|it| (&it.key, it.modified.at))
        .collect();
    let mut result = Round::default();
    for (key, listed) in asked {
        let seen = match came.get(key) {
            None => Seen::NotFound,
            Some(at) if at.is_known() && listed.is_known() && listed < at => Seen::Moved,
            Some(_) => continue,
        };
        if round < MAX_ROUNDS {
            result.again.insert(key.clone());
        } else {
            result.in_motion.insert(key.clone(), seen);
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{at, key, remote, stamp};

    #[test]
    fn what_moved_or_is_missing_is_fetched_again_three_times_at_most() {
        let listed = at("2026-01-01T00:00:00Z");
        let asked = ["Flow:Still", "Flow:Moved", "Flow:Gone", "Flow:Dateless"]
            .map(|it| (key(it), listed))
            .into();
        let mut moved = remote("Flow:Moved");
        moved.modified = stamp("Omar", "2026-01-01T00:00:01Z");
        let mut dateless = remote("Flow:Dateless");
        dateless.modified.at = Timestamp::UNKNOWN;
        let answered = [remote("Flow:Still"), moved, dateless];
        let first = compare(&asked, &answered, 1);
        assert_eq!(first.again, [key("Flow:Gone"), key("Flow:Moved")].into());
        assert!(first.in_motion.is_empty());
        let last = compare(&asked, &answered, MAX_ROUNDS);
        assert!(last.again.is_empty());
        assert_eq!(last.in_motion[&key("Flow:Gone")], Seen::NotFound);
        assert_eq!(last.in_motion[&key("Flow:Moved")], Seen::Moved);
    }
}
