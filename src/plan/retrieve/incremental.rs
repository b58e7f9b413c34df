//! What has to be fetched again, by the ids and dates that were seen before.
//!
//! A date proves a change and never the absence of one: for each type it is held
//! as data how far its dates can be trusted, and a full pass at an interval
//! catches the rest.
//!
//! Invariant: a component that is new, or whose id or date differs in whatever
//! direction, is fetched; its parent is, where the parent's file holds it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{ComponentKey, RecordId, RemoteComponent, Timestamp, TypeName};

/// What was seen of a component when it was last fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSeen {
    /// Its id, where the org gives one.
    pub id: Option<RecordId>,
    /// Date of its last change; the earlier one of listing and answer.
    pub at: Timestamp,
}

impl LastSeen {
    /// What `component` shows now.
    #[must_use]
    pub fn of(component: &RemoteComponent) -> Self {
        Self {
            id: component.id,
            at: component.modified.at,
        }
    }
}

/// How far the dates of a type can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A change moves the date.
    Dated,
    /// The date tells nothing, and the type is small: fetched each time.
    Always,
    /// The date tells nothing, and the type is large: a slice each time.
    Slice,
}

/// Types whose dates lie.
///
/// Source: `api.md` §2.4 and `field.md` §3.2: settings carry 1970; labels one
/// date for all; profiles and the like change without a date; values of standard
/// picklists are not listed at all; installed packages keep the date of their
/// first installation.
const LIES: &[(&str, Trust)] = &[
    ("CustomLabels", Trust::Always),
    ("InstalledPackage", Trust::Always),
    ("MutingPermissionSet", Trust::Slice),
    ("PermissionSet", Trust::Slice),
    ("Profile", Trust::Slice),
    ("ProfilePasswordPolicy", Trust::Always),
    ("ProfileSessionSetting", Trust::Always),
    ("Settings", Trust::Always),
    ("StandardValueSet", Trust::Always),
    ("StandardValueSetTranslation", Trust::Slice),
    ("Translations", Trust::Slice),
];

/// How far the date of a listed component can be trusted.
///
/// 1970 is the platform's word for not knowing, whatever the type.
#[must_use]
pub fn trust(type_name: &TypeName, at: Timestamp) -> Trust {
    let lie = LIES.iter().find(|(name, _)| *name == type_name.as_str());
    match lie {
        Some((_, trust)) => *trust,
        None if at.is_known() => Trust::Dated,
        None => Trust::Slice,
    }
}

/// Why a component is fetched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// It was not there before.
    New,
    /// Its id is another: it was deleted and made again.
    Remade,
    /// Its date is another.
    Changed,
    /// This child of it is new, changed or gone.
    ChildOf(ComponentKey),
    /// Its date tells nothing, so it is fetched each time.
    Always,
    /// Its date tells nothing, and this pass's slice holds it.
    Slice,
    /// Everything is fetched.
    FullPass,
    /// The last attempt failed or was not whole.
    Stale,
}

/// How a pass is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Everything is fetched.
    Full,
    /// What changed, and of what has no date the slice `number` modulo `n_slices`.
    Incremental {
        /// Counts the passes since the last full one.
        number: u64,
        /// Number of passes after which each slice had its turn.
        n_slices: u64,
    },
}

/// What a pass has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Components to fetch, children replaced by the parents whose files hold them.
    pub fetch: BTreeMap<ComponentKey, Need>,
    /// Components that were seen before and are not listed now; not yet deletions.
    pub gone: BTreeSet<ComponentKey>,
    /// Components that are new, whose entries profiles may have.
    pub new: BTreeSet<ComponentKey>,
}

/// Decides what to fetch.
///
/// `listed` is what the org lists now, in scope. `parent_of` tells the parent whose
/// file holds a child; a child itself is not fetched where it has one. `stale` are
/// components whose content is not what the last listing promised.
pub fn decide(
    seen: &BTreeMap<ComponentKey, LastSeen>,
    listed: &[RemoteComponent],
    stale: &BTreeSet<ComponentKey>,
    pass: Pass,
    parent_of: impl Fn(&ComponentKey) -> Option<ComponentKey>,
) -> Decision {
    let mut decision = Decision::default();
    let mut want = |key: &ComponentKey, need: Need| {
        let (key, need) = match parent_of(key) {
            Some(parent) if need == Need::FullPass => (parent, need),
            Some(parent) => (parent, Need::ChildOf(key.clone())),
            None => (key.clone(), need),
        };
        let known = decision.fetch.entry(key).or_insert_with(|| need.clone());
        if need < *known {
            *known = need;
        }
    };
    let mut names = BTreeSet::new();
    for component in listed {
        let key = &component.key;
        names.insert(key);
        let before = seen.get(key);
        if before.is_none() {
            decision.new.insert(key.clone());
        }
        if let Some(need) = need_of(component, before, stale.contains(key), pass) {
            want(key, need);
        }
    }
    for key in seen.keys().filter(|key| !names.contains(key)) {
        decision.gone.insert(key.clone());
        // The parent's file is another one without the child, unless it went as well.
        if let Some(parent) = parent_of(key)
            && names.contains(&parent)
        {
            want(key, Need::Changed);
        }
    }
    decision
}

fn need_of(
    component: &RemoteComponent,
    before: Option<&LastSeen>,
    is_stale: bool,
    pass: Pass,
) -> Option<Need> {
    let Some(before) = before else {
        return Some(Need::New);
    };
    let now = LastSeen::of(component);
    if before.id.is_some() && now.id.is_some() && before.id != now.id {
        return Some(Need::Remade);
    }
    if before.at != now.at {
        return Some(Need::Changed);
    }
    if is_stale {
        return Some(Need::Stale);
    }
    let Pass::Incremental { number, n_slices } = pass else {
        return Some(Need::FullPass);
    };
    match trust(&component.key.type_name, now.at) {
        Trust::Dated => None,
        Trust::Always => Some(Need::Always),
        Trust::Slice => {
            let n_slices = n_slices.max(1);
            let turn = super::partial::stable_hash(&component.key.to_string()) % n_slices;
            (turn == number % n_slices).then_some(Need::Slice)
        }
    }
}

/// What the state of earlier runs says about the need for a full pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LastFullPass {
    /// When it began, by the org's clock; absent where the state is lost.
    pub at: Option<Timestamp>,
    /// Passes since then.
    pub n_passes: u64,
}

/// How far the clock of the org may seem to go back between two runs.
///
/// It is read off answers, which have whole seconds and are as old as they were under way.
pub const CLOCK_SLACK: Duration = Duration::from_mins(5);

/// How the next pass is made.
///
/// Full where none is known, where `interval` has passed, where the clock of the
/// org went back by more than [`CLOCK_SLACK`], or where the caller `asks` for it.
#[must_use]
pub fn next_pass(
    last: LastFullPass,
    now: Timestamp,
    interval: Duration,
    n_slices: u64,
    asked: Asked,
) -> Pass {
    let due = match last.at {
        None => true,
        Some(at) => now.after(CLOCK_SLACK) < at || interval <= now.since(at),
    };
    if due || asked == Asked::Full {
        return Pass::Full;
    }
    Pass::Incremental {
        number: last.n_passes,
        n_slices,
    }
}

/// What a user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asked {
    /// Whatever is due.
    #[default]
    WhatIsDue,
    /// A full pass, by `--full`, a tag, or rules that changed.
    Full,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing::{at, key, remote};

    const INCREMENTAL: Pass = Pass::Incremental {
        number: 0,
        n_slices: 1_000_000_007,
    };

    fn seen(components: &[RemoteComponent]) -> BTreeMap<ComponentKey, LastSeen> {
        let pairs = components
            .iter()
            .map(|it| (it.key.clone(), LastSeen::of(it)));
        pairs.collect()
    }

    fn parent_of(key: &ComponentKey) -> Option<ComponentKey> {
        (key.type_name.as_str() == "CustomField")
            .then(|| ComponentKey::parse("CustomObject", key.name.parent()?).ok())?
    }

    fn run(before: &[RemoteComponent], now: &[RemoteComponent]) -> Decision {
        decide(&seen(before), now, &BTreeSet::new(), INCREMENTAL, parent_of)
    }

    #[test]
    fn what_did_not_move_is_not_fetched() {
        let all = [
            remote("Flow:A"),
            remote("CustomObject:Account"),
            remote("CustomField:Account.X__c"),
        ];
        assert_eq!(run(&all, &all), Decision::default());
    }

    #[test]
    fn date_that_differs_in_either_direction_is_a_change() {
        let before = [remote("Flow:A"), remote("Flow:B")];
        let mut now = before.clone();
        now[0].modified.at = at("2025-01-01T00:00:00Z");
        now[1].modified.at = at("2027-01-01T00:00:00Z");
        let decision = run(&before, &now);
        assert_eq!(decision.fetch[&key("Flow:A")], Need::Changed);
        assert_eq!(decision.fetch[&key("Flow:B")], Need::Changed);
    }

    #[test]
    fn another_id_under_the_same_name_was_made_again() {
        let mut before = remote("Flow:A");
        before.id = Some("300000000000001".parse().unwrap());
        let mut now = before.clone();
        now.id = Some("300000000000002".parse().unwrap());
        let decision = run(&[before], &[now]);
        assert_eq!(decision.fetch[&key("Flow:A")], Need::Remade);
    }

    #[test]
    fn child_that_moved_came_or_went_makes_its_parent_fetched() {
        let object = remote("CustomObject:Account");
        let field = remote("CustomField:Account.X__c");
        let mut moved = field.clone();
        moved.modified.at = at("2027-01-01T00:00:00Z");
        let cases = [
            (
                vec![object.clone(), field.clone()],
                vec![object.clone(), moved],
            ),
            (vec![object.clone()], vec![object.clone(), field.clone()]),
            (vec![object.clone(), field.clone()], vec![object.clone()]),
        ];
        for (before, now) in cases {
            let decision = run(&before, &now);
            assert_eq!(decision.fetch.len(), 1);
            assert_eq!(
                decision.fetch[&key("CustomObject:Account")],
                Need::ChildOf(key("CustomField:Account.X__c"))
            );
        }
        let all_gone = run(&[object, field], &[]);
        assert!(all_gone.fetch.is_empty());
        assert_eq!(all_gone.gone.len(), 2);
    }

    #[test]
    fn types_whose_dates_lie_are_fetched_each_time_or_in_turn() {
        let mut dateless = remote("CustomSite:X");
        dateless.modified.at = Timestamp::UNKNOWN;
        let all = [
            remote("Settings:Account"),
            remote("Profile:Admin"),
            dateless,
        ];
        assert_eq!(
            run(&all, &all).fetch,
            [(key("Settings:Account"), Need::Always)].into()
        );
        let mut turns = 0;
        for number in 0..5 {
            let pass = Pass::Incremental {
                number,
                n_slices: 5,
            };
            let decision = decide(&seen(&all), &all, &BTreeSet::new(), pass, parent_of);
            turns += decision
                .fetch
                .values()
                .filter(|it| **it == Need::Slice)
                .count();
        }
        assert_eq!(turns, 2);
    }

    #[test]
    fn full_pass_fetches_everything_once_and_children_with_their_parents() {
        let all = [
            remote("Flow:A"),
            remote("CustomObject:Account"),
            remote("CustomField:Account.X__c"),
        ];
        let decision = decide(&seen(&all), &all, &BTreeSet::new(), Pass::Full, parent_of);
        assert_eq!(
            decision.fetch.into_keys().collect::<Vec<_>>(),
            [key("CustomObject:Account"), key("Flow:A")]
        );
    }

    #[test]
    fn stale_component_is_fetched_again() {
        let all = [remote("Flow:A")];
        let stale = [key("Flow:A")].into();
        let decision = decide(&seen(&all), &all, &stale, INCREMENTAL, parent_of);
        assert_eq!(decision.fetch[&key("Flow:A")], Need::Stale);
    }

    #[test]
    fn full_pass_is_due_without_state_after_the_interval_and_when_asked_for() {
        let week = Duration::from_hours(168);
        let now = at("2026-02-10T00:00:00Z");
        let pass = |last: Option<&str>, asked| {
            let last = LastFullPass {
                at: last.map(at),
                n_passes: 3,
            };
            next_pass(last, now, week, 7, asked)
        };
        assert_eq!(pass(None, Asked::WhatIsDue), Pass::Full);
        assert_eq!(
            pass(Some("2026-02-03T00:00:00Z"), Asked::WhatIsDue),
            Pass::Full
        );
        assert_eq!(
            pass(Some("2026-02-11T00:00:00Z"), Asked::WhatIsDue),
            Pass::Full
        );
        assert_ne!(
            pass(Some("2026-02-10T00:00:02Z"), Asked::WhatIsDue),
            Pass::Full
        );
        assert_eq!(pass(Some("2026-02-09T00:00:00Z"), Asked::Full), Pass::Full);
        assert_eq!(
            pass(Some("2026-02-09T00:00:00Z"), Asked::WhatIsDue),
            Pass::Incremental {
                number: 3,
                n_slices: 7
            }
        );
    }
}
