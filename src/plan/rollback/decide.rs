//! From two trees and a selection to a verdict for each component.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::closure::Index;
use super::people;
use super::permissions::{self, Things};
use super::references::{goes_with, may_take_along};
use super::rules::{self, Act, Case};
use super::undo::Clash;
use super::{
    Content, Facts, FlowVersions, Inputs, Item, RollbackPlan, Step, Verdict, View, ViewFile,
};
use crate::diff::child::{child_of, has_children_inside};
use crate::diff::element::{self, ChangeKind, noun};
use crate::model::{ComponentKey, TypeName};
use crate::plan::commits::counted;
use crate::registry::Registry;
use crate::registry::keys::KeyRules;
use crate::xml::{self, Document, Element};

/// Most details of one kind that are named one by one.
pub(super) const NAMED: usize = 5;

/// Plans the rollback of what was selected.
///
/// Nothing has been sent, and nothing is read but what `inputs` give.
#[must_use]
pub fn plan(inputs: &Inputs<'_>) -> RollbackPlan {
    let mut planner = Planner {
        inputs,
        recreated: BTreeMap::new(),
        still_gone: Index::default(),
        items: BTreeMap::new(),
    };
    planner.find_recreated();
    let recreated: Vec<_> = planner.recreated.clone().into_iter().collect();
    for key in inputs.selected {
        let item = planner.decide(key);
        planner.items.insert((false, key.clone()), item);
    }
    for (key, cause) in recreated {
        if let Some(cause) = cause
            && !inputs.selected.contains(&key)
        {
            let mut item = planner.decide(&key);
            item.because_of = Some(cause);
            planner.items.insert((true, key), item);
        }
    }
    planner.find_lost();
    planner.find_needed();
    planner.check_order_of_duplicate_rules();
    planner.warn_of_missing();
    RollbackPlan {
        items: planner.items.into_values().collect(),
    }
}

/// What is gone, by the objects that it is of: thousands of fields may go with one.
struct Gone<'a> {
    all: Vec<&'a ComponentKey>,
    /// By the name up to the first dot or hyphen, lower case.
    by_object: HashMap<String, Vec<&'a ComponentKey>>,
    targets: OnceCell<HashMap<String, Vec<&'a ComponentKey>>>,
}

impl<'a> Gone<'a> {
    fn new(keys: impl Iterator<Item = &'a ComponentKey>) -> Self {
        let mut gone = Self {
            all: keys.collect(),
            by_object: HashMap::new(),
            targets: OnceCell::new(),
        };
        for key in &gone.all {
            let of = gone.by_object.entry(object_of(key)).or_default();
            of.push(*key);
        }
        gone
    }

    /// What may have gone with `lost`, by its name.
    fn near(&self, lost: &ComponentKey) -> impl Iterator<Item = &'a ComponentKey> {
        let is_field = lost.type_name.as_str() == "CustomField";
        let near = self.by_object.get(&object_of(lost));
        // Of what a field takes along, most are none of its object's other fields.
        let may = move |it: &&ComponentKey| !is_field || it.type_name != lost.type_name;
        near.into_iter().flatten().copied().filter(may)
    }

    /// The lookup fields that pointed to `object`, if it is one.
    fn pointing_to(
        &self,
        object: &ComponentKey,
        targets: impl FnOnce() -> HashMap<String, Vec<&'a ComponentKey>>,
    ) -> impl Iterator<Item = &'a ComponentKey> {
        let found = (object.type_name.as_str() == "CustomObject").then(|| {
            let targets = self.targets.get_or_init(targets);
            targets.get(&object.name.as_str().to_lowercase())
        });
        found.flatten().into_iter().flatten().copied()
    }
}

/// The object that a component is of, by its name; neither dots nor hyphens are in it.
fn object_of(key: &ComponentKey) -> String {
    let name = key.name.decoded();
    let object = name.split(['.', '-']).next().unwrap_or(&name);
    object.to_lowercase()
}

pub(super) struct Planner<'a> {
    pub(super) inputs: &'a Inputs<'a>,
    /// What is made again, and for the sake of which other component.
    pub(super) recreated: BTreeMap<ComponentKey, Option<ComponentKey>>,
    /// What is gone and stays so.
    pub(super) still_gone: Index,
    /// By whether it was not selected, and name.
    pub(super) items: BTreeMap<(bool, ComponentKey), Item>,
}

impl Planner<'_> {
    pub(super) fn was_there(&self, key: &ComponentKey) -> bool {
        self.inputs.target.state(key).is_some()
    }

    pub(super) fn is_there(&self, key: &ComponentKey) -> bool {
        self.inputs.now.state(key).is_some()
    }

    pub(super) fn is_gone(&self, key: &ComponentKey) -> bool {
        self.was_there(key) && !self.is_there(key)
    }

    /// The selected components that are gone, what they need, and what went with them.
    fn find_recreated(&mut self) {
        let mut ahead: Vec<(ComponentKey, Option<ComponentKey>)> = Vec::new();
        for key in self.inputs.selected {
            if self.is_gone(key) {
                ahead.push((key.clone(), None));
            }
        }
        let gone = Gone::new(self.inputs.differing.iter().filter(|it| self.is_gone(it)));
        while let Some((key, cause)) = ahead.pop() {
            if self.recreated.contains_key(&key) {
                continue;
            }
            // What was asked for brings all of its own, also where something needs it.
            let cause = cause.filter(|_| !self.inputs.selected.contains(&key));
            self.recreated.insert(key.clone(), cause.clone());
            let facts = (self.inputs.facts)(&key);
            let needed = facts.parent.into_iter().chain(facts.folder);
            // Only what must stand before it; what else went with its parent was not asked for.
            let needed = needed.filter(|it| self.is_gone(it));
            ahead.extend(needed.map(|it| (it, Some(key.clone()))));
            let is_needed_only = cause.as_ref().is_some_and(|it| {
                let facts = (self.inputs.facts)(it);
                facts.parent.as_ref() == Some(&key) || facts.folder.as_ref() == Some(&key)
            });
            if is_needed_only {
                continue;
            }
            if !may_take_along(&key) {
                continue;
            }
            let others = gone.near(&key).filter(|it| goes_with(it, &key));
            let pointing = gone.pointing_to(&key, || self.targets(&gone));
            ahead.extend(
                others
                    .chain(pointing)
                    .map(|it| (it.clone(), Some(key.clone()))),
            );
        }
    }

    /// The lookup fields that are gone, by the objects that they pointed to, lower case.
    fn targets<'k>(&self, gone: &Gone<'k>) -> HashMap<String, Vec<&'k ComponentKey>> {
        let mut targets: HashMap<String, Vec<_>> = HashMap::new();
        let is_field = |it: &&&ComponentKey| it.type_name.as_str() == "CustomField";
        for field in gone.all.iter().filter(is_field) {
            let root = first_document(&self.inputs.target.read(field));
            let objects = root.iter().flat_map(|it| it.elements_named("referenceTo"));
            for object in objects {
                let object = object.text().trim().to_lowercase();
                targets.entry(object).or_default().push(*field);
            }
        }
        targets
    }

    fn decide(&self, key: &ComponentKey) -> Item {
        let (then, now) = (self.inputs.target.state(key), self.inputs.now.state(key));
        let facts = (self.inputs.facts)(key);
        let mut item = self.blank(key);
        if let Some(reason) = &facts.unread {
            item.verdict = Verdict::Manual;
            item.reason = format!("its present state could not be read: {reason}");
            return item;
        }
        if let Some(later) = &facts.later {
            item.verdict = Verdict::Manual;
            item.reason =
                format!("changed after that deploy, {later}: name it to roll it back too");
            return item;
        }
        if !facts.clashes.is_empty() {
            item.verdict = Verdict::Manual;
            "somebody changed the same since: `--ours` keeps that, `--theirs` undoes it too"
                .clone_into(&mut item.reason);
            let words = facts.clashes.iter().map(Clash::in_words);
            item.details.extend(words);
            return item;
        }
        let active_differs = facts
            .flow
            .as_ref()
            .is_some_and(|it| it.active_then != it.active_now);
        if key.type_name.as_str() == "FlowDefinition"
            && let Some(versions) = &facts.flow
        {
            self.decide_definition(&mut item, versions);
            return item;
        }
        match (&then, &now) {
            (None, None) => "it is in neither state".clone_into(&mut item.reason),
            (Some(a), Some(b)) if a == b && !active_differs => {
                "it is as it was".clone_into(&mut item.reason);
                self.obey_rules(&mut item, &facts, Act::Leave);
            }
            (Some(_), Some(_)) => self.revert(&mut item, &facts),
            (Some(_), None) => self.recreate(&mut item, &facts),
            (None, Some(_)) => self.delete(&mut item, &facts),
        }
        item
    }

    /// Applies the first rule that decides the case; whether the act goes on.
    fn obey_rules(&self, item: &mut Item, facts: &Facts, act: Act) -> bool {
        let read = |view: &dyn View| match act {
            Act::Leave => Vec::new(),
            _ => view.read(&item.key),
        };
        let (then, now) = (read(self.inputs.target), read(self.inputs.now));
        item.redacted = then.iter().any(|it| (self.inputs.is_redacted)(&it.bytes));
        let (then, now) = (first_document(&then), first_document(&now));
        let case = Case {
            key: &item.key,
            act,
            facts,
            is_redacted: item.redacted,
            then: then.as_ref(),
            now: now.as_ref(),
        };
        let notes = rules::notes(&case);
        let Some(decision) = rules::decide(&case) else {
            item.details.extend(notes);
            return true;
        };
        item.verdict = decision.verdict;
        item.reason = decision.reason;
        item.page = decision.page;
        if decision.verdict != Verdict::Lossy {
            return false;
        }
        item.details.extend(notes);
        item.applies = self.inputs.options.accept_lossy;
        if !item.applies {
            item.details.push("`--accept-lossy` does it".to_owned());
        }
        item.applies
    }

    fn revert(&self, item: &mut Item, facts: &Facts) {
        item.verdict = Verdict::Revert;
        item.applies = true;
        "it changed since".clone_into(&mut item.reason);
        if !self.obey_rules(item, facts, Act::Revert) {
            item.applies = false;
            return;
        }
        if item.redacted {
            let detail = "secrets in it stay as the org has them now";
            item.details.push(detail.to_owned());
        }
        if let Some(versions) = &facts.flow {
            revert_flow(item, versions);
        }
        if item.verdict == Verdict::Activate || item.verdict == Verdict::Manual {
            return;
        }
        if permissions::has_entries(&item.key.type_name) {
            self.revert_permissions(item, facts);
        } else {
            self.send_target(item);
            self.find_new_inside(item);
        }
    }

    /// Sends the target's files, without users that the org does not have.
    fn send_target(&self, item: &mut Item) {
        for file in self.inputs.target.read(&item.key) {
            let cut = parse(&file).and_then(|root| {
                people::without(&item.key.type_name, &root, self.inputs.missing_users)
            });
            let content = match cut {
                None => Content::Target,
                Some((root, left_out)) => {
                    for user in left_out.iter().take(NAMED) {
                        let detail = format!("without user {user}, whom the org does not have");
                        item.details.push(detail);
                    }
                    merged(root)
                }
            };
            item.files.push((file.path, content));
        }
    }

    /// Components inside a file that came since: a deploy of the file leaves them.
    fn find_new_inside(&self, item: &mut Item) {
        let registry = Registry::official();
        if !has_children_inside(registry, &item.key) {
            return;
        }
        let then = first_document(&self.inputs.target.read(&item.key));
        let now = first_document(&self.inputs.now.read(&item.key));
        let (Some(then), Some(now)) = (then, now) else {
            return;
        };
        let changes = element::diff(&then, &now, KeyRules::official());
        let children = changes
            .iter()
            .filter_map(|it| child_of(registry, &item.key, it));
        let new: Vec<ComponentKey> = children
            .filter(|it| it.kind == ChangeKind::Added)
            .map(|it| it.key)
            .collect();
        let may = self.inputs.options.delete_new;
        for key in new.iter().take(NAMED) {
            item.details.push(match may {
                true => format!("deletes {key}, which is new since then"),
                false => format!("{key} is new since then and stays; `--delete-new` deletes it"),
            });
        }
        if NAMED < new.len() {
            let more = new.len() - NAMED;
            item.details.push(format!("and {more} more that are new"));
        }
        if may {
            item.deletes_inside = new;
        }
    }

    /// A definition says which version of its flow is active, and goes with the flow.
    ///
    /// Numbers of versions differ once a flow was made again; what the versions say counts.
    fn decide_definition(&self, item: &mut Item, versions: &FlowVersions) {
        let flow = ComponentKey::new(TypeName::known("Flow"), item.key.name.clone());
        let is_planned = self.inputs.selected.contains(&flow) || self.recreated.contains_key(&flow);
        if self.is_there(&flow) && versions.active_then == versions.active_now {
            "the same version of its flow is active".clone_into(&mut item.reason);
        } else if is_planned || !self.was_there(&flow) {
            item.reason = format!("{flow} decides it");
        } else {
            item.verdict = Verdict::Revert;
            revert_flow(item, versions);
            item.applies = item.verdict == Verdict::Activate;
            if !item.applies {
                item.verdict = Verdict::Manual;
                item.details.clear();
                item.reason = format!("the version is gone: select {flow} too");
            }
        }
    }

    fn revert_permissions(&self, item: &mut Item, facts: &Facts) {
        let (then, now) = (
            self.inputs.target.read(&item.key),
            self.inputs.now.read(&item.key),
        );
        let documents = (then.first().and_then(parse), now.first().and_then(parse));
        let (Some(then), (Some(target), Some(today))) = (then.first(), documents) else {
            item.verdict = Verdict::Manual;
            item.applies = false;
            "its file cannot be read as XML".clone_into(&mut item.reason);
            return;
        };
        let things = Things {
            known_then: &|it| {
                !facts.is_partial || self.was_there(it) || (self.inputs.proves_absence)(it)
            },
            missing_after: &|it| self.is_gone(it) && !self.recreated.contains_key(it),
        };
        let result = permissions::roll_back(&item.key.type_name, &target, &today, &things);
        if result.n_revoked > 0 {
            item.details
                .push(format!("{} taken away", counted(result.n_revoked, "right")));
        }
        if result.n_restored > 0 {
            item.details.push(format!(
                "{} given back",
                counted(result.n_restored, "right")
            ));
        }
        for key in result.left_out.iter().take(NAMED) {
            item.details.push(format!("without {key}, which is gone"));
        }
        for element in &result.stays {
            item.details.push(format!(
                "{} stays: no deploy takes it away",
                noun(item.key.type_name.as_str(), element)
            ));
        }
        if result.is_empty() {
            item.verdict = Verdict::Unchanged;
            item.applies = false;
            "what differs is not the target's to decide".clone_into(&mut item.reason);
            return;
        }
        item.files = vec![(then.path.clone(), merged(result.document))];
    }

    fn recreate(&self, item: &mut Item, facts: &Facts) {
        item.verdict = Verdict::Recreate;
        item.applies = true;
        item.reason = match facts.deleted_at {
            Some(at) => format!("deleted {}", ago(self.inputs.at.since(at))),
            None => "it is gone".to_owned(),
        };
        if !self.obey_rules(item, facts, Act::Recreate) {
            item.applies = false;
            return;
        }
        if rules::rests_after_deletion(&item.key) {
            item.details.push("recreated without its data".to_owned());
            let rest = Duration::from_hours(24 * rules::REST_DAYS);
            let until = facts.deleted_at.map(|it| it.after(rest));
            if until.is_none_or(|it| self.inputs.at < it) {
                let until = until.map_or_else(
                    || format!("for {} days after its deletion", rules::REST_DAYS),
                    |it| format!("until {}", it.day()),
                );
                item.details
                    .push(format!("can be undeleted with its data in Setup {until}"));
                item.page = Some(rules::undelete_page(&item.key));
            }
        }
        if item.key.type_name.as_str() == "Flow" {
            let was = facts.flow.as_ref().and_then(|it| it.active_then);
            item.details.push(match was {
                Some(was) if was != 1 => {
                    format!("its versions begin again at 1: it was {was} that was active")
                }
                _ => "its versions begin again at 1".to_owned(),
            });
            if let Some(draft) = facts.flow.as_ref().and_then(|it| it.draft_then) {
                item.details
                    .push(format!("its later draft, version {draft}, stays lost"));
            }
        }
        self.send_target(item);
    }

    fn delete(&self, item: &mut Item, facts: &Facts) {
        if !(self.inputs.proves_absence)(&item.key) {
            "it may have been there: the target did not list it in full"
                .clone_into(&mut item.reason);
            return;
        }
        if !self.inputs.options.delete_new {
            "it is new since then; `--delete-new` deletes it".clone_into(&mut item.reason);
            return;
        }
        item.verdict = Verdict::Delete;
        item.applies = true;
        "it is new since then".clone_into(&mut item.reason);
        if !self.obey_rules(item, facts, Act::Delete) {
            item.applies = false;
            return;
        }
        match &facts.flow {
            Some(flow) => {
                if flow.active_now.is_some() {
                    item.before.push(Step::ActivateFlow {
                        key: item.key.clone(),
                        version: 0,
                    });
                }
                // A flow goes when its last version does; the bare name is refused.
                let versions = flow.in_org.iter().rev();
                item.deletes = versions
                    .map(|it| format!("{}-{it}", item.key.name))
                    .collect();
            }
            None => item.deletes = vec![item.key.name.as_str().to_owned()],
        }
    }

    pub(super) fn applies(&self, key: &ComponentKey) -> bool {
        [false, true].into_iter().any(|other| {
            self.items
                .get(&(other, key.clone()))
                .is_some_and(|it| it.applies)
        })
    }

    /// An item that does nothing yet.
    pub(super) fn blank(&self, key: &ComponentKey) -> Item {
        Item {
            key: key.clone(),
            verdict: Verdict::Unchanged,
            applies: false,
            reason: String::new(),
            details: Vec::new(),
            page: None,
            because_of: None,
            files: Vec::new(),
            deletes: Vec::new(),
            deletes_inside: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            redacted: false,
            states: (self.inputs.target.state(key), self.inputs.now.state(key)),
        }
    }
}

/// Chooses between activating an old version and deploying its file again.
fn revert_flow(item: &mut Item, flow: &FlowVersions) {
    if flow.active_then == flow.active_now {
        item.details.push("makes a new version".to_owned());
        return;
    }
    let key = ComponentKey::new(TypeName::known("Flow"), item.key.name.clone());
    let step = |version| Step::ActivateFlow {
        key: key.clone(),
        version,
    };
    match flow.active_then {
        None => {
            let step = step(0);
            item.verdict = Verdict::Activate;
            "no version was active".clone_into(&mut item.reason);
            item.after.push(step);
        }
        Some(version) if flow.in_org.contains(&version) => {
            let step = step(version);
            item.verdict = Verdict::Activate;
            item.reason = format!("version {version} was active and is still there");
            item.details
                .push("later versions stay, inactive".to_owned());
            item.after.push(step);
        }
        Some(version) if flow.latest_then == Some(version) => {
            item.reason = format!("version {version} was active and is gone");
            item.details.push("makes a new version".to_owned());
        }
        Some(version) => {
            item.verdict = Verdict::Manual;
            item.applies = false;
            item.reason = format!("version {version} was active, and neither org nor tree has it");
            item.page = Some("/lightning/setup/Flows/home".to_owned());
        }
    }
}

pub(super) fn merged(root: Element) -> Content {
    Content::Merged(Arc::from(xml::render(&Document::new(root))))
}

pub(super) fn parse(file: &ViewFile) -> Option<Element> {
    file.path.as_str().strip_suffix(".xml")?;
    xml::parse(&file.bytes).ok().map(|it| it.root)
}

pub(super) fn first_document(files: &[ViewFile]) -> Option<Element> {
    files.iter().find_map(parse)
}

/// `18 h ago`, `3 days ago`.
fn ago(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    match minutes {
        0 => "just now".to_owned(),
        1..120 => format!("{minutes} min ago"),
        120..2880 => format!("{} h ago", minutes / 60),
        _ => format!("{} days ago", minutes / 1440),
    }
}
