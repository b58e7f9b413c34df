//! What a rollback of ours did, as a commit of its own.
//!
//! Invariant: a part goes to a rollback only where its change is by the user who made
//! the rollback, at that time, or where nobody is known for it and the rollback sent
//! or deleted that very component.

use std::collections::{BTreeMap, BTreeSet};

use super::{Attribution, Kind, Part, PlannedCommit, Who, who_is};
use crate::model::{Author, ComponentKey, Timestamp};

/// A rollback of ours that went into the org.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// Who made it.
    pub by: Author,
    /// When its first deploy was sent, and when its last one ended.
    pub between: (Timestamp, Timestamp),
    /// What it sent and deleted.
    pub components: BTreeSet<ComponentKey>,
    /// What it was for: `Roll back Layout:Account-Account Layout to 5a90b3f`.
    pub title: String,
    /// The commit that it went back to.
    pub target: String,
    /// Its deploys.
    pub jobs: Vec<String>,
}

/// The rollback that made the change of a part, if one did.
pub(super) fn of_part(
    part: &Part,
    attribution: &Attribution,
    rollbacks: &[Rollback],
) -> Option<usize> {
    rollbacks.iter().position(|it| {
        let is_named = [
            Some(&part.key),
            part.parent.as_ref(),
            part.consequence_of.as_ref(),
        ]
        .into_iter()
        .flatten()
        .any(|key| it.components.contains(key));
        match &attribution.who {
            Who::Unknown => is_named,
            Who::Person(author) | Who::Platform(author) => {
                let is_theirs = match (author.id, it.by.id) {
                    (Some(one), Some(other)) => one == other,
                    _ => author.name == it.by.name,
                };
                // What the platform made beside it has the same stamp.
                is_theirs
                    && attribution
                        .at
                        .is_some_and(|at| it.between.0 <= at && at <= it.between.1)
            }
            Who::Ourselves => false,
        }
    })
}

/// The commit that tells it.
pub(super) fn commit(n: usize, of: &Rollback, parts: Vec<(usize, usize)>) -> PlannedCommit {
    PlannedCommit {
        kind: Kind::Rollback,
        who: who_is(&of.by),
        delegate: None,
        with: BTreeSet::new(),
        at: of.between.1,
        pieces: BTreeMap::new(),
        parts,
        rollback: Some(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::commits::Change;
    use crate::plan::testing::{at, author, key};

    const NOON: &str = "2026-11-21T12:00:00Z";

    fn rollback() -> Rollback {
        Rollback {
            by: author("Ada Admin"),
            between: (at("2026-11-21T11:59:00Z"), at("2026-11-21T12:01:00Z")),
            components: [key("Profile:Admin"), key("CustomField:Account.A__c")].into(),
            title: "Roll back CustomField Account.A__c to 5a90b3f".to_owned(),
            target: "5a90b3f".to_owned(),
            jobs: vec!["0Af".to_owned()],
        }
    }

    fn part(of: &str, consequence_of: Option<&str>) -> Part {
        Part {
            key: key(of),
            parent: None,
            change: Change::Changed,
            consequence_of: consequence_of.map(key),
            details: Vec::new(),
        }
    }

    fn is_ours(part: &Part, who: Who, when: Option<&str>) -> bool {
        let attribution = Attribution {
            who,
            at: when.map(at),
            delegate: None,
        };
        of_part(part, &attribution, &[rollback()]).is_some()
    }

    #[test]
    fn what_its_user_changed_in_its_time_is_the_rollbacks() {
        let ada = || Who::Person(author("Ada Admin"));
        let layout = part("Layout:Account-A", None);
        assert!(is_ours(&layout, ada(), Some(NOON)));
        assert!(!is_ours(&layout, ada(), Some("2026-11-21T12:02:00Z")));
        assert!(!is_ours(&layout, ada(), Some("2026-11-21T11:00:00Z")));
        assert!(!is_ours(&layout, ada(), None));
    }

    #[test]
    fn what_another_person_changed_is_theirs_also_where_the_rollback_sent_it() {
        let profile = part("Profile:Admin", None);
        let omar = Who::Person(author("Omar Haddad"));
        assert!(!is_ours(&profile, omar, Some(NOON)));
    }

    #[test]
    fn what_nobody_is_known_for_is_the_rollbacks_where_it_sent_just_that() {
        assert!(is_ours(&part("Profile:Admin", None), Who::Unknown, None));
        assert!(!is_ours(&part("Profile:Other", None), Who::Unknown, None));
        let lost = part("Profile:Other", Some("CustomField:Account.A__c"));
        assert!(is_ours(&lost, Who::Unknown, None));
    }

    #[test]
    fn its_commit_is_by_its_user_at_its_end() {
        let made = commit(0, &rollback(), vec![(0, 0)]);
        assert_eq!(made.kind, Kind::Rollback);
        assert_eq!(made.who, Who::Person(author("Ada Admin")));
        assert_eq!(
            (made.at, made.rollback),
            (at("2026-11-21T12:01:00Z"), Some(0))
        );
    }
}
