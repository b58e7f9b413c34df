//! Which components were deleted, as opposed to not being shown.
//!
//! A deletion was listed before, is absent from a successful listing in scope, and
//! is absent again from the listing at the end. A type that came back empty or
//! lost more than a set share keeps its components as stale, unless
//! `SetupAuditTrail` accounts for them or the user accepts it. Fewer are asked for by
//! their names before they are believed to be gone, since a listing can be short.
//!
//! Invariant: no failed, partial, short or suddenly empty listing makes a deletion.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::component::percent_decoded;
use crate::model::{ComponentKey, TypeName};

/// What a listing of one type gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// These components, all of them but for `unread_folders`.
    Listed {
        /// Every component that was listed.
        keys: BTreeSet<ComponentKey>,
        /// Folders whose content could not be listed.
        unread_folders: BTreeSet<String>,
    },
    /// It failed.
    Failed {
        /// The platform's words.
        reason: String,
    },
}

impl Listing {
    /// A listing without failures.
    #[must_use]
    pub fn of(keys: impl IntoIterator<Item = ComponentKey>) -> Self {
        Self::Listed {
            keys: keys.into_iter().collect(),
            unread_folders: BTreeSet::new(),
        }
    }

    /// Whether it proves that `key` is not there.
    fn lacks(&self, key: &ComponentKey) -> bool {
        match self {
            Self::Failed { .. } => false,
            Self::Listed {
                keys,
                unread_folders,
            } => {
                let ancestors = std::iter::successors(key.name.folder(), |it| {
                    it.rsplit_once('/').map(|(folder, _)| folder)
                });
                !keys.contains(key) && !ancestors.into_iter().any(|it| unread_folders.contains(it))
            }
        }
    }
}

/// How much may go without being asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caution {
    /// Share of a type, in percent, above which its shrinking is suspicious.
    pub max_percent: usize,
    /// Up to so many deletions of a type never are, unless nothing is left of it.
    pub always_up_to: usize,
    /// Whether the user accepts whatever is missing.
    pub accept: bool,
    /// Whether the run may see less than the one before: it has fewer permissions.
    pub sees_less: bool,
}

impl Default for Caution {
    fn default() -> Self {
        Self {
            max_percent: 20,
            always_up_to: 5,
            accept: false,
            sees_less: false,
        }
    }
}

/// Why components that are not listed are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The first listing of the type failed.
    ListingFailed(String),
    /// The second one did, so nothing was confirmed.
    NotConfirmed(String),
    /// Nothing is left of the type.
    CameBackEmpty,
    /// More is missing than usual.
    Shrank {
        /// Components missing.
        n_missing: usize,
        /// Components before.
        n_before: usize,
    },
    /// The user of the run lost permissions.
    SeesLess,
    /// The org gives it when it is asked for by its name.
    StillGiven,
    /// The org was asked for it by its name, and did not answer.
    NotAnswered(String),
}

impl std::fmt::Display for Doubt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ListingFailed(reason) => write!(f, "the type could not be listed: {reason}"),
            Self::NotConfirmed(reason) => {
                write!(
                    f,
                    "the second listing, which confirms deletions, failed: {reason}"
                )
            }
            Self::CameBackEmpty => f.write_str("the type came back empty"),
            Self::Shrank {
                n_missing,
                n_before,
            } => write!(
                f,
                "{n_missing} of {n_before} components are missing at once"
            ),
            Self::SeesLess => f.write_str("the user of this run has fewer permissions than before"),
            Self::StillGiven => f.write_str("no listing names it, and a retrieve gives it"),
            Self::NotAnswered(reason) => {
                write!(f, "no listing names it, and asking for it failed: {reason}")
            }
        }
    }
}

/// What became of the components of one type that are not listed any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeVerdict {
    /// Deleted: their files go.
    pub deleted: BTreeSet<ComponentKey>,
    /// Kept as stale: their files stay, and the ledger says why.
    pub stale: BTreeSet<ComponentKey>,
    /// Listed under a name that differs in case or encoding: old name and new one.
    pub respelled: BTreeMap<ComponentKey, ComponentKey>,
    /// Gone from the first listing and back in the second.
    pub in_motion: BTreeSet<ComponentKey>,
    /// Why `stale` is not empty.
    pub doubt: Option<Doubt>,
}

impl TypeVerdict {
    /// Keeps what was taken for deleted where asking for it by name left a doubt.
    pub fn keep(&mut self, doubts: &BTreeMap<ComponentKey, Doubt>) {
        for (key, doubt) in doubts {
            if self.deleted.remove(key) {
                self.stale.insert(key.clone());
                self.doubt.get_or_insert_with(|| doubt.clone());
            }
        }
    }
}

/// The two listings of a run.
pub struct Listings<'a> {
    /// Made at the beginning.
    pub first: &'a BTreeMap<TypeName, Listing>,
    /// Made at the end, of types and folders that miss something.
    pub second: &'a BTreeMap<TypeName, Listing>,
}

/// Components that have to be listed again, since they are missing.
#[must_use]
pub fn to_confirm(
    before: &BTreeSet<ComponentKey>,
    first: &BTreeMap<TypeName, Listing>,
) -> BTreeSet<ComponentKey> {
    let missing = before
        .iter()
        .filter(|key| first.get(&key.type_name).is_some_and(|it| it.lacks(key)));
    missing.cloned().collect()
}

/// Decides for each type what was deleted.
///
/// `before` are the components of the last inventory that are in scope now: what
/// has left the scope is no deletion. `accounted_for` tells whether the audit trail
/// knows of the deletion of a component, or of what it belonged to. A type that
/// was not listed at all, and not tried, keeps everything without a word.
pub fn decide(
    before: &BTreeSet<ComponentKey>,
    listings: &Listings<'_>,
    caution: Caution,
    accounted_for: impl Fn(&ComponentKey) -> bool,
) -> BTreeMap<TypeName, TypeVerdict> {
    let mut by_type: BTreeMap<&TypeName, Vec<&ComponentKey>> = BTreeMap::new();
    for key in before {
        by_type.entry(&key.type_name).or_default().push(key);
    }
    let mut verdicts = BTreeMap::new();
    for (type_name, keys) in by_type {
        let Some(first) = listings.first.get(type_name) else {
            continue;
        };
        let second = listings.second.get(type_name);
        let verdict = decide_type(&keys, first, second, caution, &accounted_for);
        if verdict != TypeVerdict::default() {
            verdicts.insert(type_name.clone(), verdict);
        }
    }
    verdicts
}

fn decide_type(
    keys: &[&ComponentKey],
    first: &Listing,
    second: Option<&Listing>,
    caution: Caution,
    accounted_for: &impl Fn(&ComponentKey) -> bool,
) -> TypeVerdict {
    let mut verdict = TypeVerdict::default();
    let all = || keys.iter().map(|it| (*it).clone()).collect::<BTreeSet<_>>();
    let listed = match first {
        Listing::Failed { reason } => {
            verdict.stale = all();
            verdict.doubt = Some(Doubt::ListingFailed(reason.clone()));
            return verdict;
        }
        Listing::Listed { keys, .. } => keys,
    };
    let mut missing: BTreeSet<ComponentKey> = keys
        .iter()
        .filter(|it| first.lacks(it))
        .map(|it| (*it).clone())
        .collect();
    take_respelled(&mut missing, listed, &mut verdict.respelled);
    match second {
        Some(second @ Listing::Listed { .. }) => {
            verdict.in_motion = missing
                .iter()
                .filter(|it| !second.lacks(it))
                .cloned()
                .collect();
            missing.retain(|it| second.lacks(it));
        }
        Some(Listing::Failed { reason }) if !missing.is_empty() => {
            verdict.doubt = Some(Doubt::NotConfirmed(reason.clone()));
            verdict.stale = missing;
            return verdict;
        }
        None if !missing.is_empty() => {
            verdict.doubt = Some(Doubt::NotConfirmed("it was not made".to_owned()));
            verdict.stale = missing;
            return verdict;
        }
        _ => (),
    }
    let doubt = doubt_about(missing.len(), keys.len(), listed.is_empty(), caution);
    if let Some(doubt) = doubt {
        let (known, unknown) = missing.into_iter().partition(accounted_for);
        verdict.deleted = known;
        verdict.stale = unknown;
        verdict.doubt = (!verdict.stale.is_empty()).then_some(doubt);
    } else {
        verdict.deleted = missing;
    }
    verdict
}

fn doubt_about(
    n_missing: usize,
    n_before: usize,
    is_empty: bool,
    caution: Caution,
) -> Option<Doubt> {
    if n_missing == 0 || caution.accept {
        return None;
    }
    if caution.sees_less {
        return Some(Doubt::SeesLess);
    }
    if is_empty {
        return Some(Doubt::CameBackEmpty);
    }
    let too_many =
        caution.always_up_to < n_missing && n_before * caution.max_percent < n_missing * 100;
    too_many.then_some(Doubt::Shrank {
        n_missing,
        n_before,
    })
}

/// Takes out of `missing` what is listed in another spelling.
fn take_respelled(
    missing: &mut BTreeSet<ComponentKey>,
    listed: &BTreeSet<ComponentKey>,
    respelled: &mut BTreeMap<ComponentKey, ComponentKey>,
) {
    if missing.is_empty() {
        return;
    }
    let fold = |key: &ComponentKey| percent_decoded(key.name.as_str()).to_lowercase();
    let wanted: BTreeMap<String, ComponentKey> =
        missing.iter().map(|it| (fold(it), it.clone())).collect();
    for now in listed {
        if let Some(old) = wanted.get(&fold(now)) {
            missing.remove(old);
            respelled.insert(old.clone(), now.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::testing::key;

    fn keys(lines: &[&str]) -> BTreeSet<ComponentKey> {
        lines.iter().map(|it| key(it)).collect()
    }

    fn listing(lines: &[&str]) -> BTreeMap<TypeName, Listing> {
        [(TypeName::known("Report"), Listing::of(keys(lines)))].into()
    }

    fn failed() -> BTreeMap<TypeName, Listing> {
        let reason = "INVALID_SESSION_ID".to_owned();
        [(TypeName::known("Report"), Listing::Failed { reason })].into()
    }

    fn report(
        before: &[&str],
        first: &BTreeMap<TypeName, Listing>,
        second: &BTreeMap<TypeName, Listing>,
        caution: Caution,
        audited: &[&str],
    ) -> TypeVerdict {
        let audited = keys(audited);
        let listings = Listings { first, second };
        let all = decide(&keys(before), &listings, caution, |it| audited.contains(it));
        all.get(&TypeName::known("Report"))
            .cloned()
            .unwrap_or_default()
    }

    const CAREFUL: Caution = Caution {
        max_percent: 20,
        always_up_to: 5,
        accept: false,
        sees_less: false,
    };

    #[test]
    fn absent_from_both_listings_is_deleted() {
        let now = listing(&["Report:F/A"]);
        let verdict = report(&["Report:F/A", "Report:F/B"], &now, &now, CAREFUL, &[]);
        assert_eq!(verdict.deleted, keys(&["Report:F/B"]));
        assert_eq!(verdict.doubt, None);
    }

    #[test]
    fn nothing_is_deleted_on_a_listing_that_failed_or_was_not_made() {
        let before = ["Report:F/A", "Report:F/B"];
        let now = listing(&["Report:F/A"]);
        for (first, second) in [
            (failed(), now.clone()),
            (now.clone(), failed()),
            (now, BTreeMap::new()),
        ] {
            let verdict = report(&before, &first, &second, CAREFUL, &["Report:F/B"]);
            assert!(verdict.deleted.is_empty());
            assert!(verdict.stale.contains(&key("Report:F/B")));
            assert!(verdict.doubt.is_some());
        }
        let verdict = report(&before, &BTreeMap::new(), &BTreeMap::new(), CAREFUL, &[]);
        assert_eq!(verdict, TypeVerdict::default());
    }

    #[test]
    fn component_that_comes_back_is_in_motion() {
        let (first, second) = (
            listing(&["Report:F/A"]),
            listing(&["Report:F/A", "Report:F/B"]),
        );
        let verdict = report(&["Report:F/A", "Report:F/B"], &first, &second, CAREFUL, &[]);
        assert_eq!(verdict.in_motion, keys(&["Report:F/B"]));
        assert!(verdict.deleted.is_empty());
    }

    #[test]
    fn type_that_came_back_empty_is_kept_unless_the_trail_tells_or_the_user_accepts() {
        let before = ["Report:F/A", "Report:F/B"];
        let now = listing(&[]);
        let verdict = report(&before, &now, &now, CAREFUL, &["Report:F/A"]);
        assert_eq!(verdict.deleted, keys(&["Report:F/A"]));
        assert_eq!(verdict.stale, keys(&["Report:F/B"]));
        assert_eq!(verdict.doubt, Some(Doubt::CameBackEmpty));
        let accept = Caution {
            accept: true,
            ..CAREFUL
        };
        assert_eq!(
            report(&before, &now, &now, accept, &[]).deleted,
            keys(&before)
        );
    }

    #[test]
    fn type_that_shrank_much_or_a_run_that_sees_less_is_doubted() {
        let before: Vec<String> = (0..40).map(|n| format!("Report:F/R{n:02}")).collect();
        let before: Vec<&str> = before.iter().map(String::as_str).collect();
        let of = |n_left: usize, caution| {
            let now = listing(&before[..n_left]);
            report(&before, &now, &now, caution, &[])
        };
        assert_eq!(of(32, CAREFUL).deleted.len(), 8);
        assert_eq!(
            of(31, CAREFUL).doubt.unwrap().to_string(),
            "9 of 40 components are missing at once"
        );
        let less = Caution {
            sees_less: true,
            ..CAREFUL
        };
        assert_eq!(of(39, less).doubt, Some(Doubt::SeesLess));
    }

    #[test]
    fn what_the_org_still_gives_by_name_is_kept() {
        let now = listing(&["Report:F/A"]);
        let before = ["Report:F/A", "Report:F/B", "Report:F/C"];
        let mut verdict = report(&before, &now, &now, CAREFUL, &[]);
        verdict.keep(&[(key("Report:F/B"), Doubt::StillGiven)].into());
        assert_eq!(verdict.deleted, keys(&["Report:F/C"]));
        assert_eq!(verdict.stale, keys(&["Report:F/B"]));
        assert_eq!(verdict.doubt, Some(Doubt::StillGiven));
    }

    #[test]
    fn content_of_a_folder_that_was_not_read_stays() {
        let mut now = listing(&["Report:F/A"]);
        if let Some(Listing::Listed { unread_folders, .. }) =
            now.get_mut(&TypeName::known("Report"))
        {
            unread_folders.insert("G".to_owned());
        }
        let verdict = report(&["Report:F/A", "Report:G/Sub/B"], &now, &now, CAREFUL, &[]);
        assert_eq!(verdict, TypeVerdict::default());
    }

    #[test]
    fn other_case_of_a_name_is_no_deletion() {
        let now = listing(&["Report:F/pipeline"]);
        let verdict = report(&["Report:F/Pipeline"], &now, &now, CAREFUL, &[]);
        assert!(verdict.deleted.is_empty() && verdict.stale.is_empty());
        assert_eq!(
            verdict.respelled[&key("Report:F/Pipeline")],
            key("Report:F/pipeline")
        );
    }

    #[test]
    fn only_what_is_missing_is_listed_again() {
        let before = keys(&["Report:F/A", "Flow:B"]);
        let first = [
            (TypeName::known("Report"), Listing::of([])),
            (TypeName::known("Flow"), Listing::of(keys(&["Flow:B"]))),
        ];
        assert_eq!(to_confirm(&before, &first.into()), keys(&["Report:F/A"]));
    }

    proptest! {
        #[test]
        fn deleted_is_always_absent_from_two_good_listings(
            before in proptest::collection::btree_set(0u8..20, 0..20),
            first in proptest::option::of(proptest::collection::btree_set(0u8..20, 0..20)),
            second in proptest::option::of(proptest::collection::btree_set(0u8..20, 0..20)),
            accept in any::<bool>(),
            sees_less in any::<bool>(),
        ) {
            let of = |it: &u8| key(&format!("Report:F/R{it}"));
            let list = |it: &Option<BTreeSet<u8>>| match it {
                Some(names) => [(TypeName::known("Report"), Listing::of(names.iter().map(of)))].into(),
                None => failed(),
            };
            let (one, two) = (list(&first), list(&second));
            let listings = Listings { first: &one, second: &two };
            let caution = Caution { accept, sees_less, ..CAREFUL };
            let keys: BTreeSet<_> = before.iter().map(of).collect();
            for verdict in decide(&keys, &listings, caution, |_| false).into_values() {
                for name in before.iter().filter(|it| verdict.deleted.contains(&of(it))) {
                    prop_assert!(first.as_ref().is_some_and(|it| !it.contains(name)));
                    prop_assert!(second.as_ref().is_some_and(|it| !it.contains(name)));
                    prop_assert!(accept || !sees_less);
                }
                prop_assert!(verdict.deleted.is_disjoint(&verdict.stale));
                prop_assert_eq!(verdict.stale.is_empty(), verdict.doubt.is_none());
            }
        }
    }
}
