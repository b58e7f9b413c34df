//! Hands out retrieve calls, and makes smaller ones of those that are refused.
//!
//! A call that is too large is halved. A call that fails is bisected down to the
//! component that poisons it, which is quarantined; the others are fetched. The
//! queue knows no call and no clock: it is told outcomes and says what is next.
//!
//! Invariant: each component of the first batches ends up answered or
//! quarantined, exactly once, unless the queue gives up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{CostModel, RetrieveBatch};
use crate::model::{ComponentKey, TypeName};

/// Failures without any answer after which the fault is not a component's.
///
/// Own figure: finding one of 10,000 components takes 14 halvings; three times that
/// without one answer means that every call fails.
pub const MAX_FAILURES: u32 = 42;

/// Poisoned components of a type, with none answered, after which all of it is.
///
/// Own figure: keeps a type that the user may not read from costing a call for each
/// component.
pub const MAX_POISONED_OF_TYPE: usize = 8;

/// Number of a call that was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallNumber(u64);

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It gave an answer, whatever its messages.
    Answered,
    /// It was more than one call may carry.
    LimitExceeded,
    /// It failed for a reason that may lie in a component.
    Failed {
        /// The platform's code and words.
        reason: String,
        /// The component at fault, where the platform names it.
        culprit: Option<ComponentKey>,
    },
    /// It never ran to its end, and may be made again as it is.
    Again,
}

/// A component that cannot be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The component.
    pub key: ComponentKey,
    /// Why, for the ledger.
    pub reason: String,
    /// For a partial component: what it could not be asked about; empty for all of it.
    pub beside: BTreeSet<ComponentKey>,
}

/// One call, with what is known about it.
#[derive(Clone, Debug)]
struct Call {
    batch: RetrieveBatch,
    /// Calls that belong to one batch that failed; what waits for them is in `parked`.
    group: Option<u64>,
    aim: Aim,
}

/// What a call wants to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    /// To fetch what it names.
    Fetch,
    /// Whether a partial component can be fetched alone.
    ///
    /// If it can, one of its companions is at fault.
    Probe,
}

/// Calls that are still to be made.
#[derive(Debug)]
pub struct Queue {
    costs: CostModel,
    waiting: VecDeque<Call>,
    running: BTreeMap<CallNumber, Call>,
    /// Calls for partial components, until their companions are known to be good.
    parked: BTreeMap<u64, RetrieveBatch>,
    quarantined: Vec<Quarantined>,
    poisoned: BTreeSet<ComponentKey>,
    next_number: u64,
    next_group: u64,
    failures: u32,
    answered: bool,
    /// Types of which a component was answered.
    good_types: BTreeSet<TypeName>,
    last_reason: String,
}

impl Queue {
    /// A queue of `batches`, which are handed out in order.
    #[must_use]
    pub fn new(batches: Vec<RetrieveBatch>, costs: CostModel) -> Self {
        let mut this = Self {
            costs,
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            parked: BTreeMap::new(),
            quarantined: Vec::new(),
            poisoned: BTreeSet::new(),
            next_number: 0,
            next_group: 0,
            failures: 0,
            answered: false,
            good_types: BTreeSet::new(),
            last_reason: String::new(),
        };
        for batch in batches {
            this.push(batch, None);
        }
        this
    }

    /// The next call to make; `None` when all are running or done.
    pub fn next_call(&mut self) -> Option<(CallNumber, RetrieveBatch)> {
        if self.has_given_up().is_some() {
            return None;
        }
        let call = self.waiting.pop_front()?;
        let number = CallNumber(self.next_number);
        self.next_number += 1;
        let mut batch = call.batch.clone();
        if call.aim == Aim::Probe {
            batch.companions.clear();
        }
        self.running.insert(number, call);
        Some((number, batch))
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let given_up = self.has_given_up().is_some();
        self.running.is_empty() && (given_up || (self.waiting.is_empty() && self.parked.is_empty()))
    }

    /// The last reason, when so many calls failed in a row that no component is to blame.
    #[must_use]
    pub fn has_given_up(&self) -> Option<&str> {
        (!self.answered && MAX_FAILURES <= self.failures).then_some(self.last_reason.as_str())
    }

    /// What could not be fetched so far.
    #[must_use]
    pub fn quarantined(&self) -> &[Quarantined] {
        &self.quarantined
    }

    /// Takes in how a call ended.
    ///
    /// # Panics
    ///
    /// If `number` was not handed out by this queue, or was reported before.
    pub fn report(&mut self, number: CallNumber, outcome: Outcome) {
        let call = self
            .running
            .remove(&number)
            .expect("a call is reported once, after it was handed out");
        let group = call.group;
        match outcome {
            Outcome::Answered => {
                self.answered = true;
                let types = call.batch.components.iter().map(|it| it.type_name.clone());
                self.good_types.extend(types);
                if call.aim == Aim::Probe {
                    self.bisect_companions(&call.batch, group);
                }
            }
            Outcome::Again => self.waiting.push_back(call),
            Outcome::LimitExceeded => {
                self.halve(call, "it is more than one retrieve may carry");
            }
            Outcome::Failed { reason, culprit } => {
                self.failures += 1;
                self.last_reason.clone_from(&reason);
                self.take_apart(call, &reason, culprit);
            }
        }
        if let Some(group) = group {
            self.release(group);
        }
    }

    fn push(&mut self, batch: RetrieveBatch, group: Option<u64>) {
        let aim = Aim::Fetch;
        if !batch.is_empty() {
            self.waiting.push_back(Call { batch, group, aim });
        }
    }

    /// Puts a part of a call that failed before what was planned.
    ///
    /// So the search ends before it begins elsewhere, and few calls are open at once.
    fn push_first(&mut self, batch: RetrieveBatch, group: Option<u64>) {
        let aim = Aim::Fetch;
        if !batch.is_empty() {
            self.waiting.push_front(Call { batch, group, aim });
        }
    }

    /// Whether a call names one type only, of which nothing was ever answered.
    fn is_hopeless(&self, components: &[ComponentKey]) -> bool {
        let Some(first) = components.first() else {
            return false;
        };
        let of = &first.type_name;
        let n_poisoned = self
            .quarantined
            .iter()
            .filter(|it| it.key.type_name == *of)
            .count();
        components.iter().all(|it| it.type_name == *of)
            && !self.good_types.contains(of)
            && MAX_POISONED_OF_TYPE <= n_poisoned
    }

    fn quarantine(&mut self, key: ComponentKey, reason: &str, beside: BTreeSet<ComponentKey>) {
        if beside.is_empty() {
            self.poisoned.insert(key.clone());
        }
        self.quarantined.push(Quarantined {
            key,
            reason: reason.to_owned(),
            beside,
        });
    }

    /// Makes two calls of one that was too large.
    fn halve(&mut self, call: Call, reason: &str) {
        let RetrieveBatch {
            components,
            partial,
            companions,
        } = call.batch;
        let n_described = components.len() + companions.len();
        let of =
            |components: &[ComponentKey], partial: &[ComponentKey], companions: &[ComponentKey]| {
                RetrieveBatch {
                    components: components.to_vec(),
                    partial: partial.to_vec(),
                    companions: companions.to_vec(),
                }
            };
        let halves = if components.len() > 1 {
            let (a, b) = components.split_at(self.middle(&components));
            // Companions go with both halves: a layout needs its object wherever it is.
            [
                of(a, &partial, &companions),
                of(b, &partial, &with_anchors(b, &components, &companions)),
            ]
        } else if partial.len() > 1 {
            let (a, b) = partial.split_at(partial.len() / 2);
            let mut beside = components.clone();
            beside.extend_from_slice(&companions);
            [of(&components, a, &companions), of(&[], b, &beside)]
        } else if !partial.is_empty() && companions.len() > 1 {
            let (a, b) = companions.split_at(companions.len() / 2);
            [of(&components, &partial, a), of(&[], &partial, b)]
        } else if !partial.is_empty() && !components.is_empty() {
            [
                of(&components, &[], &companions),
                of(&[], &partial, &companions),
            ]
        } else {
            let beside: BTreeSet<_> = companions.iter().cloned().collect();
            let is_partial = !partial.is_empty() && n_described > 0;
            for key in components.into_iter().chain(partial) {
                let beside = if is_partial {
                    beside.clone()
                } else {
                    BTreeSet::new()
                };
                self.quarantine(key, reason, beside);
            }
            return;
        };
        for mut half in halves.into_iter().rev() {
            half.tidy();
            self.push_first(half, call.group);
        }
    }

    /// Where to cut so that both sides cost about the same; never at an end.
    fn middle(&self, components: &[ComponentKey]) -> usize {
        let files = |it: &ComponentKey| self.costs.estimate(it).files.max(1);
        let total: u64 = components.iter().map(files).sum();
        let mut sum = 0;
        let at = components.iter().position(|it| {
            sum += files(it);
            total <= sum * 2
        });
        at.map_or(1, |it| it + 1).clamp(1, components.len() - 1)
    }

    /// Looks for the component that makes a call fail.
    fn take_apart(&mut self, call: Call, reason: &str, culprit: Option<ComponentKey>) {
        let mut batch = call.batch;
        let named = |key: &ComponentKey| {
            [&batch.components, &batch.partial, &batch.companions]
                .into_iter()
                .any(|keys| keys.contains(key))
        };
        if let Some(key) = culprit.filter(named) {
            if !batch.companions.contains(&key) {
                self.quarantine(key.clone(), reason, BTreeSet::new());
            }
            self.poisoned.insert(key);
            self.clean(&mut batch);
            self.push_first(batch, call.group);
            return;
        }
        if call.aim == Aim::Probe {
            for key in batch.partial {
                self.quarantine(key, reason, BTreeSet::new());
            }
        } else if !batch.components.is_empty() && !batch.partial.is_empty() {
            self.part_from_profiles(batch, call.group);
        } else if batch.partial.is_empty() {
            self.bisect_components(batch, call.group, reason);
        } else if batch.partial.len() > 1 {
            let (a, b) = batch.partial.split_at(batch.partial.len() / 2);
            for partial in [b, a] {
                let half = RetrieveBatch {
                    partial: partial.to_vec(),
                    ..batch.clone()
                };
                self.push_first(half, call.group);
            }
        } else if batch.companions.len() > 1 {
            self.waiting.push_back(Call {
                batch,
                group: call.group,
                aim: Aim::Probe,
            });
        } else {
            let beside = batch.companions.into_iter().collect();
            let key = batch.partial.remove(0);
            self.quarantine(key, reason, beside);
        }
    }

    /// First finds what is wrong without the profiles, then asks for these again.
    fn part_from_profiles(&mut self, batch: RetrieveBatch, group: Option<u64>) {
        let number = self.next_group;
        self.next_group += 1;
        let mut beside = batch.components.clone();
        beside.extend(batch.companions.iter().cloned());
        let later = RetrieveBatch {
            components: Vec::new(),
            partial: batch.partial,
            companions: beside,
        };
        debug_assert!(
            group.is_none(),
            "parts of a batch that failed have no profiles and components"
        );
        self.parked.insert(number, later);
        let first = RetrieveBatch {
            components: batch.components,
            partial: Vec::new(),
            companions: batch.companions,
        };
        self.push_first(first, Some(number));
    }

    fn bisect_components(&mut self, batch: RetrieveBatch, group: Option<u64>, reason: &str) {
        if self.is_hopeless(&batch.components) {
            for key in batch.components {
                self.quarantine(key, reason, BTreeSet::new());
            }
            return;
        }
        if let [one] = batch.components.as_slice() {
            if batch.companions.is_empty() {
                self.quarantine(one.clone(), reason, BTreeSet::new());
            } else {
                // It may be what is named beside it.
                let alone = RetrieveBatch {
                    companions: Vec::new(),
                    ..batch
                };
                self.push_first(alone, group);
            }
            return;
        }
        let (a, b) = batch.components.split_at(batch.components.len() / 2);
        for components in [b, a] {
            let mut half = RetrieveBatch {
                components: components.to_vec(),
                partial: Vec::new(),
                companions: with_anchors(components, &batch.components, &batch.companions),
            };
            half.companions.retain(|it| {
                components
                    .iter()
                    .any(|key| super::partial::anchor(key, true).as_ref() == Some(it))
            });
            half.tidy();
            self.push_first(half, group);
        }
    }

    /// A profile that comes alone, and not beside all of `companions`.
    fn bisect_companions(&mut self, batch: &RetrieveBatch, group: Option<u64>) {
        let (a, b) = batch.companions.split_at(batch.companions.len() / 2);
        for companions in [b, a] {
            let half = RetrieveBatch {
                companions: companions.to_vec(),
                ..batch.clone()
            };
            self.push_first(half, group);
        }
    }

    fn clean(&self, batch: &mut RetrieveBatch) {
        for keys in [
            &mut batch.components,
            &mut batch.partial,
            &mut batch.companions,
        ] {
            keys.retain(|it| !self.poisoned.contains(it));
        }
    }

    /// Lets the profiles of a batch go on when its components are through.
    fn release(&mut self, group: u64) {
        let is_busy = self
            .waiting
            .iter()
            .chain(self.running.values())
            .any(|it| it.group == Some(group));
        if is_busy {
            return;
        }
        if let Some(mut batch) = self.parked.remove(&group) {
            self.clean(&mut batch);
            batch.tidy();
            self.push_first(batch, None);
        }
    }
}

/// `companions`, and of `all` the objects that `part` needs and does not hold.
fn with_anchors(
    part: &[ComponentKey],
    all: &[ComponentKey],
    companions: &[ComponentKey],
) -> Vec<ComponentKey> {
    let mut beside = companions.to_vec();
    let anchors = part
        .iter()
        .filter_map(|it| super::partial::anchor(it, true));
    beside.extend(anchors.filter(|it| all.contains(it)));
    beside
}

#[cfg(test)]
mod tests;
