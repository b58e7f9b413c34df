use proptest::prelude::*;

use super::*;
use crate::plan::testing::key;

fn batch(components: &[&str], partial: &[&str], companions: &[&str]) -> RetrieveBatch {
    let keys = |lines: &[&str]| lines.iter().map(|it| key(it)).collect();
    RetrieveBatch {
        components: keys(components),
        partial: keys(partial),
        companions: keys(companions),
    }
}

/// What an org gave through a queue.
#[derive(Debug, Default)]
struct Seen {
    fetched: Vec<ComponentKey>,
    /// Profile and what it was asked about in an answer.
    pairs: BTreeSet<(ComponentKey, ComponentKey)>,
    n_calls: u32,
}

/// Runs a queue against an org that answers as `answer` says.
fn run(queue: &mut Queue, answer: impl Fn(&RetrieveBatch) -> Outcome) -> Seen {
    let mut seen = Seen::default();
    while let Some((number, batch)) = queue.next_call() {
        seen.n_calls += 1;
        assert!(seen.n_calls < 10_000, "the queue never ends");
        let outcome = answer(&batch);
        if outcome == Outcome::Answered {
            seen.fetched.extend(batch.components.iter().cloned());
            for profile in &batch.partial {
                let beside = batch.components.iter().chain(&batch.companions);
                seen.pairs
                    .extend(beside.map(|it| (profile.clone(), it.clone())));
            }
        }
        queue.report(number, outcome);
    }
    assert!(queue.is_done());
    seen
}

fn failed() -> Outcome {
    Outcome::Failed {
        reason: "UNKNOWN_EXCEPTION".to_owned(),
        culprit: None,
    }
}

fn names(batch: &RetrieveBatch, wanted: &str) -> bool {
    let all = batch
        .components
        .iter()
        .chain(&batch.partial)
        .chain(&batch.companions);
    all.map(ToString::to_string).any(|it| it == wanted)
}

#[test]
fn call_that_is_too_large_is_halved_until_it_fits() {
    let all: Vec<String> = (0..100).map(|n| format!("Report:F/R{n:02}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut queue = Queue::new(vec![batch(&all, &[], &[])], CostModel::default());
    let seen = run(&mut queue, |it| {
        if it.components.len() > 13 {
            Outcome::LimitExceeded
        } else {
            Outcome::Answered
        }
    });
    assert_eq!(seen.fetched.len(), 100);
    assert!(queue.quarantined().is_empty());
}

#[test]
fn component_larger_than_a_call_is_named_in_quarantine() {
    let mut queue = Queue::new(
        vec![batch(&["Flow:A", "Flow:B"], &[], &[])],
        CostModel::default(),
    );
    let seen = run(&mut queue, |it| {
        if names(it, "Flow:B") {
            Outcome::LimitExceeded
        } else {
            Outcome::Answered
        }
    });
    assert_eq!(seen.fetched, [key("Flow:A")]);
    assert_eq!(queue.quarantined()[0].key, key("Flow:B"));
    assert_eq!(
        queue.quarantined()[0].reason,
        "it is more than one retrieve may carry"
    );
}

#[test]
fn poisoned_component_is_found_and_the_others_are_fetched() {
    let all: Vec<String> = (0..64).map(|n| format!("Flow:F{n:02}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut queue = Queue::new(vec![batch(&all, &[], &[])], CostModel::default());
    let seen = run(&mut queue, |it| {
        if names(it, "Flow:F37") {
            failed()
        } else {
            Outcome::Answered
        }
    });
    assert_eq!(seen.fetched.len(), 63);
    assert_eq!(queue.quarantined().len(), 1);
    assert_eq!(queue.quarantined()[0].key, key("Flow:F37"));
    assert!(seen.n_calls <= 14, "{} calls", seen.n_calls);
}

#[test]
fn culprit_that_the_platform_names_is_taken_out_at_once() {
    let mut queue = Queue::new(
        vec![batch(&["Flow:A", "Flow:B", "Flow:C"], &[], &[])],
        CostModel::default(),
    );
    let seen = run(&mut queue, |it| {
        if names(it, "Flow:B") {
            Outcome::Failed {
                reason: "INSUFFICIENT_ACCESS".to_owned(),
                culprit: Some(key("Flow:B")),
            }
        } else {
            Outcome::Answered
        }
    });
    assert_eq!(seen.n_calls, 2);
    assert_eq!(seen.fetched.len(), 2);
    assert_eq!(queue.quarantined()[0].key, key("Flow:B"));
}

#[test]
fn poisoned_profile_costs_no_component() {
    let mut queue = Queue::new(
        vec![batch(
            &["ApexClass:A", "ApexClass:B"],
            &["Profile:P", "Profile:Q"],
            &[],
        )],
        CostModel::default(),
    );
    let seen = run(&mut queue, |it| {
        if names(it, "Profile:P") {
            failed()
        } else {
            Outcome::Answered
        }
    });
    assert_eq!(seen.fetched.len(), 2);
    assert_eq!(seen.pairs.len(), 2);
    assert_eq!(queue.quarantined().len(), 1);
    assert_eq!(queue.quarantined()[0].key, key("Profile:P"));
    assert!(queue.quarantined()[0].beside.is_empty());
}

#[test]
fn profile_that_one_companion_poisons_is_asked_about_the_others() {
    let mut queue = Queue::new(
        vec![batch(
            &["ApexClass:A", "ApexClass:B", "ApexClass:C"],
            &["Profile:P"],
            &[],
        )],
        CostModel::default(),
    );
    let seen = run(&mut queue, |it| {
        if names(it, "Profile:P") && names(it, "ApexClass:B") {
            failed()
        } else {
            Outcome::Answered
        }
    });
    assert_eq!(seen.fetched.len(), 3);
    assert_eq!(seen.pairs.len(), 2);
    assert_eq!(queue.quarantined().len(), 1);
    assert_eq!(queue.quarantined()[0].beside, [key("ApexClass:B")].into());
}

#[test]
fn call_that_was_cut_off_is_made_again() {
    let mut queue = Queue::new(vec![batch(&["Flow:A"], &[], &[])], CostModel::default());
    let (first, _) = queue.next_call().unwrap();
    queue.report(first, Outcome::Again);
    assert!(!queue.is_done());
    let seen = run(&mut queue, |_| Outcome::Answered);
    assert_eq!(seen.fetched, [key("Flow:A")]);
}

#[test]
fn org_that_refuses_every_call_is_not_asked_for_each_component() {
    let all: Vec<String> = (0..500).map(|n| format!("T{}:F{n}", n % 50)).collect();
    let mut all: Vec<&str> = all.iter().map(String::as_str).collect();
    all.sort_unstable();
    let mut queue = Queue::new(vec![batch(&all, &[], &[])], CostModel::default());
    let seen = run(&mut queue, |_| failed());
    assert_eq!(seen.n_calls, MAX_FAILURES);
    assert_eq!(queue.has_given_up(), Some("UNKNOWN_EXCEPTION"));
}

#[test]
fn type_that_is_poisoned_as_a_whole_costs_few_calls() {
    let mut all: Vec<String> = (0..200).map(|n| format!("Flow:F{n:03}")).collect();
    all.extend((0..300).map(|n| format!("Secret:S{n:03}")));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut queue = Queue::new(vec![batch(&all, &[], &[])], CostModel::default());
    let is_secret = |it: &ComponentKey| it.type_name.as_str() == "Secret";
    let seen = run(&mut queue, |it| {
        if it.components.iter().any(is_secret) {
            failed()
        } else {
            Outcome::Answered
        }
    });
    assert_eq!(seen.fetched.len(), 200);
    assert_eq!(queue.quarantined().len(), 300);
    assert!(seen.n_calls < 60, "{} calls", seen.n_calls);
}

proptest! {
    #[test]
    fn every_component_is_answered_or_quarantined_once(
        n in 1usize..40,
        n_profiles in 0usize..4,
        poison in proptest::collection::btree_set(0usize..44, 0..3),
        largest in 1usize..50,
    ) {
        let all: Vec<String> = (0..n).map(|n| format!("ApexClass:C{n:02}")).collect();
        let profiles: Vec<String> = (0..n_profiles).map(|n| format!("Profile:P{n}")).collect();
        let everything: Vec<&String> = all.iter().chain(&profiles).collect();
        let poisoned: BTreeSet<String> = poison.iter().filter_map(|it| everything.get(*it)).map(|it| (*it).clone()).collect();
        let as_str = |keys: &[String]| keys.iter().map(|it| key(it)).collect::<Vec<_>>();
        let first = RetrieveBatch { components: as_str(&all), partial: as_str(&profiles), companions: vec![] };
        let mut queue = Queue::new(vec![first], CostModel::default());
        let seen = run(&mut queue, |it| {
            if it.components.len() + it.companions.len() > largest { Outcome::LimitExceeded }
            else if poisoned.iter().any(|bad| names(it, bad)) { failed() }
            else { Outcome::Answered }
        });
        prop_assert!(queue.has_given_up().is_none());
        let mut ended: Vec<ComponentKey> = seen.fetched.clone();
        ended.extend(queue.quarantined().iter().filter(|it| it.key.type_name.as_str() == "ApexClass").map(|it| it.key.clone()));
        ended.sort();
        prop_assert_eq!(ended, as_str(&all));
        let bad: BTreeSet<String> = queue.quarantined().iter().map(|it| it.key.to_string()).collect();
        prop_assert_eq!(&bad, &poisoned);
        for profile in profiles.iter().filter(|it| !poisoned.contains(*it)) {
            for class in all.iter().filter(|it| !poisoned.contains(*it)) {
                prop_assert!(seen.pairs.contains(&(key(profile), key(class))), "{} {}", profile, class);
            }
        }
    }
}
