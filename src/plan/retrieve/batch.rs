//! Packs components into retrieve calls that the platform will accept.

use std::collections::{BTreeMap, BTreeSet};

use super::partial;
use super::{Cost, CostModel, Limits};
use crate::model::ComponentKey;

/// What is to be fetched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetrieveRequest {
    /// Components that answer for themselves.
    pub components: BTreeSet<ComponentKey>,
    /// Components whose answer holds only what was named beside them, such as profiles.
    ///
    /// They travel with each of `components` and `companions` that they describe.
    pub partial: BTreeSet<ComponentKey>,
    /// Components to name beside `partial` without being fetched themselves.
    pub companions: BTreeSet<ComponentKey>,
}

/// One `retrieve()` call.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RetrieveBatch {
    /// Components that this call fetches, by type and name. No other batch does.
    pub components: Vec<ComponentKey>,
    /// Components fetched in part, by type and name. Other batches fetch other parts.
    pub partial: Vec<ComponentKey>,
    /// Components named for the sake of `partial` only; their files are not taken.
    pub companions: Vec<ComponentKey>,
}

/// Components that are fetched together, and what they need beside them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Unit {
    /// What to fetch.
    components: Vec<ComponentKey>,
    /// What to name beside it, unless the batch fetches it anyway.
    companions: Vec<ComponentKey>,
}

/// Bytes that one entry adds to a profile, unpacked.
///
/// Own figure: a `fieldPermissions` entry with its indentation has 140 to 170 bytes.
const ENTRY_BYTES: u64 = 160;

/// What a profile costs a call before its first entry.
///
/// Own figure, from profiles retrieved alone.
const BASE_OF_PARTIAL: Cost = Cost {
    files: 1,
    zip_bytes: 600,
    bytes: 4_000,
};

/// Of the files of a call, the share that partial components may take.
const PARTIAL_SHARE: u64 = 4;

/// Plans the calls that fetch `request`.
///
/// `limits` is what a plan fills, see [`Limits::planned`]. A component that alone
/// exceeds it gets a call of its own, and the platform decides. The same request
/// and costs always give the same batches.
#[must_use]
pub fn plan_retrieve(
    request: &RetrieveRequest,
    costs: &CostModel,
    limits: Limits,
) -> Vec<RetrieveBatch> {
    let components: BTreeSet<_> = request.components.difference(&request.partial).collect();
    let with_partial = !request.partial.is_empty();
    let partial: Vec<ComponentKey> = request.partial.iter().cloned().collect();
    let chunk = usize::try_from(limits.files / PARTIAL_SHARE)
        .unwrap_or(usize::MAX)
        .max(1);
    let (first, others) = partial.split_at(chunk.min(partial.len()));
    let units: Vec<Unit> = units_of(&components, &request.companions, with_partial)
        .into_iter()
        .flat_map(|it| split_unit(it, costs, limits, first.len()))
        .collect();
    let mut batches = pack(&units, first, costs, limits);
    // More profiles than one call should carry go round again, beside companions only.
    let seconds: Vec<Unit> = units.iter().filter_map(as_companions).collect();
    for profiles in others.chunks(chunk) {
        batches.extend(pack(&seconds, profiles, costs, limits));
    }
    batches.retain(|it| !it.is_empty());
    batches
}

/// The same unit, named but not fetched; `None` where nothing of it describes a part.
fn as_companions(unit: &Unit) -> Option<Unit> {
    let all = unit.components.iter().chain(&unit.companions);
    let companions: Vec<_> = all
        .filter(|it| partial::describes_a_part(&it.type_name))
        .cloned()
        .collect();
    (!companions.is_empty()).then_some(Unit {
        components: Vec::new(),
        companions,
    })
}

/// Groups components by what has to be named beside them: an object with its layouts.
///
/// Units that describe a part of a profile come first, so that few calls carry profiles.
fn units_of(
    components: &BTreeSet<&ComponentKey>,
    companions: &BTreeSet<ComponentKey>,
    with_partial: bool,
) -> Vec<Unit> {
    let mut units: BTreeMap<(bool, ComponentKey), Unit> = BTreeMap::new();
    let own = components.iter().map(|key| (*key, true));
    let beside = companions
        .iter()
        .filter(|key| !components.contains(key))
        .map(|key| (key, false));
    for (key, fetched) in own.chain(beside) {
        let describes = with_partial && partial::describes_a_part(&key.type_name);
        let anchor = partial::anchor(key, with_partial);
        let at = anchor.clone().unwrap_or_else(|| key.clone());
        let unit = units.entry((!describes, at)).or_default();
        if let Some(anchor) = anchor.filter(|it| !components.contains(it)) {
            insert_sorted(&mut unit.companions, anchor);
        }
        if fetched {
            unit.components.push(key.clone());
        } else {
            insert_sorted(&mut unit.companions, key.clone());
        }
    }
    units.into_values().collect()
}

fn insert_sorted(keys: &mut Vec<ComponentKey>, key: ComponentKey) {
    if let Err(at) = keys.binary_search(&key) {
        keys.insert(at, key);
    }
}

/// What one member adds to a call that also fetches `n_partial` profiles.
fn member_cost(key: &ComponentKey, costs: &CostModel, n_partial: usize) -> Cost {
    let own = costs.estimate(key);
    if n_partial == 0 || !partial::describes_a_part(&key.type_name) {
        return own;
    }
    // An object has an entry for each of its fields, and a field counts as a file.
    let n_partial = u64::try_from(n_partial).unwrap_or(u64::MAX);
    let bytes = ENTRY_BYTES
        .saturating_mul(own.files.max(1))
        .saturating_mul(n_partial);
    own.and(Cost {
        files: 0,
        zip_bytes: bytes / 20,
        bytes,
    })
}

fn unit_cost(unit: &Unit, costs: &CostModel, n_partial: usize) -> Cost {
    let members = unit.components.iter().chain(&unit.companions);
    members.fold(Cost::default(), |sum, it| {
        sum.and(member_cost(it, costs, n_partial))
    })
}

/// Cuts a unit that no call could carry; each piece names the object again.
fn split_unit(unit: Unit, costs: &CostModel, limits: Limits, n_partial: usize) -> Vec<Unit> {
    let base = BASE_OF_PARTIAL.times(u64::try_from(n_partial).unwrap_or(u64::MAX));
    let n_members = unit.components.len() + unit.companions.len();
    if n_members < 2 || limits.hold(base.and(unit_cost(&unit, costs, n_partial))) {
        return vec![unit];
    }
    let members = unit
        .components
        .into_iter()
        .map(|it| (it, true))
        .chain(unit.companions.into_iter().map(|it| (it, false)));
    let mut pieces: Vec<Unit> = Vec::new();
    let mut room = Cost::default();
    for (key, fetched) in members {
        let anchor = partial::anchor(&key, n_partial > 0);
        let with_anchor = anchor.iter().fold(Cost::default(), |sum, it| {
            sum.and(member_cost(it, costs, n_partial))
        });
        let cost = member_cost(&key, costs, n_partial);
        let fits = limits.hold(base.and(room).and(cost).and(with_anchor));
        if pieces.is_empty() || !fits {
            pieces.push(Unit::default());
            room = Cost::default();
        }
        let piece = pieces.last_mut().expect("a piece was just made sure of");
        if fetched {
            piece.components.push(key);
        } else {
            insert_sorted(&mut piece.companions, key);
        }
        if let Some(anchor) = anchor
            && !piece.components.contains(&anchor)
            && !piece.companions.contains(&anchor)
        {
            room = room.and(with_anchor);
            insert_sorted(&mut piece.companions, anchor);
        }
        room = room.and(cost);
    }
    pieces
}

/// Fills batches with `units` in order; those that describe a part carry `carried`.
fn pack(
    units: &[Unit],
    carried: &[ComponentKey],
    costs: &CostModel,
    limits: Limits,
) -> Vec<RetrieveBatch> {
    let base = BASE_OF_PARTIAL.times(u64::try_from(carried.len()).unwrap_or(u64::MAX));
    let mut batches: Vec<RetrieveBatch> = Vec::new();
    let mut filled = Cost::default();
    for unit in units {
        let describes = !carried.is_empty()
            && unit
                .components
                .iter()
                .chain(&unit.companions)
                .any(|it| partial::describes_a_part(&it.type_name));
        let n_partial = if describes { carried.len() } else { 0 };
        let cost = unit_cost(unit, costs, n_partial);
        let has_partial = batches.last().is_some_and(|it| !it.partial.is_empty());
        let extra = if describes && !has_partial {
            base
        } else {
            Cost::default()
        };
        if batches.is_empty() || !limits.hold(filled.and(cost).and(extra)) {
            batches.push(RetrieveBatch::default());
            filled = if describes { base } else { Cost::default() };
        } else {
            filled = filled.and(extra);
        }
        filled = filled.and(cost);
        let batch = batches.last_mut().expect("a batch was just made sure of");
        batch.components.extend(unit.components.iter().cloned());
        batch.companions.extend(unit.companions.iter().cloned());
        if describes && batch.partial.is_empty() {
            batch.partial.extend(carried.iter().cloned());
        }
    }
    if !carried.is_empty() && batches.iter().all(|it| it.partial.is_empty()) {
        batches.push(RetrieveBatch {
            partial: carried.to_vec(),
            ..RetrieveBatch::default()
        });
    }
    for batch in &mut batches {
        batch.tidy();
    }
    batches
}

impl RetrieveBatch {
    /// Sorts and names nothing twice.
    pub(super) fn tidy(&mut self) {
        for keys in [
            &mut self.components,
            &mut self.partial,
            &mut self.companions,
        ] {
            keys.sort();
            keys.dedup();
        }
        let fetched = &self.components;
        self.companions
            .retain(|it| fetched.binary_search(it).is_err());
    }

    /// Whether it names nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.components.is_empty() && self.partial.is_empty()
    }

    /// What a partial answer of this call is asked about.
    ///
    /// Of these, the ones that the answer has are its coverage.
    pub fn asked(&self) -> impl Iterator<Item = &ComponentKey> {
        self.components
            .iter()
            .chain(&self.companions)
            .filter(|it| partial::describes_a_part(&it.type_name))
    }

    /// What this call is expected to cost.
    #[must_use]
    pub fn cost(&self, costs: &CostModel) -> Cost {
        let n_partial = self.partial.len();
        let members = self.components.iter().chain(&self.companions);
        let base = BASE_OF_PARTIAL.times(u64::try_from(n_partial).unwrap_or(u64::MAX));
        members.fold(base, |sum, it| sum.and(member_cost(it, costs, n_partial)))
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

    fn small(files: u64) -> Limits {
        Limits {
            files,
            ..Limits::PLATFORM
        }
    }

    #[test]
    fn layouts_stay_with_their_object_and_profiles_come_along() {
        let request = RetrieveRequest {
            components: keys(&[
                "ApexClass:Util",
                "CustomObject:Account",
                "Layout:Account-Sales",
                "RemoteSiteSetting:X",
            ]),
            partial: keys(&["Profile:Admin"]),
            companions: BTreeSet::new(),
        };
        let batches = plan_retrieve(&request, &CostModel::default(), Limits::planned());
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].partial.len(), 1);
        assert_eq!(batches[0].asked().count(), 3);
    }

    #[test]
    fn batch_that_describes_no_part_of_a_profile_carries_none() {
        let request = RetrieveRequest {
            components: keys(&["ApexClass:A", "Report:F/A", "Report:F/B"]),
            partial: keys(&["Profile:Admin"]),
            companions: BTreeSet::new(),
        };
        let batches = plan_retrieve(&request, &CostModel::default(), small(3));
        let carrying: Vec<_> = batches.iter().filter(|it| !it.partial.is_empty()).collect();
        assert_eq!(carrying.len(), 1);
        assert_eq!(carrying[0].components, [key("ApexClass:A")]);
    }

    #[test]
    fn profile_alone_is_fetched_for_what_needs_no_companion() {
        let request = RetrieveRequest {
            partial: keys(&["Profile:Admin"]),
            ..RetrieveRequest::default()
        };
        let batches = plan_retrieve(&request, &CostModel::default(), Limits::planned());
        assert_eq!(batches.len(), 1);
        assert_eq!(batches[0].partial, [key("Profile:Admin")]);
    }

    #[test]
    fn layout_that_changed_alone_names_its_object_beside_it() {
        let request = RetrieveRequest {
            components: keys(&["Layout:Account-Sales"]),
            partial: keys(&["Profile:Admin"]),
            companions: keys(&["CustomTab:X__c"]),
        };
        let batches = plan_retrieve(&request, &CostModel::default(), Limits::planned());
        assert_eq!(batches[0].components, [key("Layout:Account-Sales")]);
        assert_eq!(
            batches[0].companions,
            [key("CustomObject:Account"), key("CustomTab:X__c")]
        );
    }

    #[test]
    fn translation_of_an_object_is_fetched_beside_the_object() {
        let request = RetrieveRequest {
            components: keys(&["CustomObjectTranslation:Account-de"]),
            ..RetrieveRequest::default()
        };
        let batches = plan_retrieve(&request, &CostModel::default(), Limits::planned());
        assert_eq!(batches[0].companions, [key("CustomObject:Account")]);
    }

    fn component() -> impl Strategy<Value = ComponentKey> {
        let of = prop_oneof![
            Just("CustomObject"),
            Just("ApexClass"),
            Just("Flow"),
            Just("CustomTab"),
            Just("Report")
        ];
        let plain = (of, "[A-D]{1,2}").prop_map(|(of, name)| key(&format!("{of}:{name}")));
        let layout =
            ("[A-D]", "[a-f]").prop_map(|(object, name)| key(&format!("Layout:{object}-{name}")));
        prop_oneof![plain, layout]
    }

    proptest! {
        #[test]
        fn every_component_is_fetched_once_and_every_pair_is_asked_for(
            components in proptest::collection::btree_set(component(), 0..40),
            companions in proptest::collection::btree_set(component(), 0..10),
            profiles in 0usize..7,
            files in 1u64..90,
        ) {
            let partial: BTreeSet<_> = (0..profiles).map(|n| key(&format!("Profile:P{n}"))).collect();
            let request = RetrieveRequest { components: components.clone(), partial: partial.clone(), companions: companions.clone() };
            let model = CostModel::default();
            let batches = plan_retrieve(&request, &model, small(files));
            let fetched: Vec<_> = batches.iter().flat_map(|it| it.components.clone()).collect();
            prop_assert_eq!(fetched.len(), components.len());
            prop_assert_eq!(fetched.into_iter().collect::<BTreeSet<_>>(), components.clone());
            let mut pairs = BTreeSet::new();
            for batch in &batches {
                prop_assert!(!batch.is_empty());
                let asked: BTreeSet<_> = batch.asked().collect();
                for profile in &batch.partial {
                    for it in &asked {
                        pairs.insert((profile.clone(), (*it).clone()));
                    }
                }
                if !batch.partial.is_empty() {
                    for it in &asked {
                        if let Some(anchor) = partial::anchor(it, true) {
                            prop_assert!(asked.contains(&anchor), "{} without {}", it, anchor);
                        }
                    }
                }
            }
            for profile in &partial {
                prop_assert!(batches.iter().any(|it| it.partial.contains(profile)));
                for it in components.union(&companions).filter(|it| partial::describes_a_part(&it.type_name)) {
                    prop_assert!(pairs.contains(&(profile.clone(), it.clone())));
                }
            }
            let again = plan_retrieve(&request, &model, small(files));
            prop_assert_eq!(again, batches);
        }

        #[test]
        fn no_batch_of_several_units_exceeds_the_plan(
            components in proptest::collection::btree_set(component(), 0..40),
            files in 50u64..200,
        ) {
            let request = RetrieveRequest { components, partial: [key("Profile:P")].into(), companions: BTreeSet::new() };
            let model = CostModel::default();
            for batch in plan_retrieve(&request, &model, small(files)) {
                prop_assert!(small(files).hold(batch.cost(&model)) || batch.components.len() == 1);
            }
        }
    }
}
