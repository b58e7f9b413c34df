//! What cannot simply be put back: condition, verdict, reason, page of Setup.
//!
//! The rows stand in [`table`]. The first one that decides a case holds; where none
//! does the act goes ahead, with a word from each row that only notes something.

mod fields;
#[cfg(test)]
mod matrix;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use fields::Change;
use table::RULES;

use super::{Facts, Verdict};
use crate::model::ComponentKey;
use crate::xml::Element;

/// What a plan would do to a component if no rule said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Revert,
    Recreate,
    Delete,
    /// Nothing, since it is as it was.
    Leave,
}

/// When a rule holds.
#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    /// The component is not a custom one.
    Standard,
    /// It belongs to an installed package.
    Installed,
    /// It has another name in the other tree.
    Renamed,
    /// It was deleted since, and another one made under its name.
    MadeAgain,
    /// It is the only page layout of its object.
    OnlyLayout,
    /// It is a field of another type, with this effect on its values.
    TypeChanged(Change),
    /// It has values that the target has not.
    ValuesAdded,
    /// The target's document has this text in this element.
    Says(&'static str, &'static str),
    /// A switch of settings is on and was off: settings, element.
    TurnedOn(&'static str, &'static str),
    /// The file of the target holds a placeholder for a secret.
    Redacted,
    /// It has this name.
    Named(&'static str),
    /// It is a custom field of tasks or events, which is one of activities.
    OfActivity,
    /// The document of now has an element of this name, by its own name, that the target has not.
    Gained(&'static str),
    /// The target's document has this element.
    Has(&'static str),
    /// It is an Apex class that jobs are scheduled to run.
    Scheduled,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It decides what becomes of the component.
    Is(Verdict),
    /// It adds a word.
    Note,
}

/// One row of the table.
pub(super) struct Rule {
    /// Types it is about; empty for all.
    of: &'static [&'static str],
    on: &'static [Act],
    when: When,
    effect: Effect,
    /// Why, in one sentence without an end; `{other}` is the other name.
    reason: &'static str,
    /// Page of Setup where a person does it, `{object}` and `{name}` filled in.
    page: Option<&'static str>,
}

/// What a rule may ask of a component.
pub(super) struct Case<'a> {
    pub(super) key: &'a ComponentKey,
    pub(super) act: Act,
    pub(super) facts: &'a Facts,
    pub(super) is_redacted: bool,
    /// Roots of its document then and now, where it has one.
    pub(super) then: Option<&'a Element>,
    pub(super) now: Option<&'a Element>,
}

/// What the first rule that decides a case says.
pub(super) struct Decision {
    pub(super) verdict: Verdict,
    pub(super) reason: String,
    /// The page of Setup for this component, below the org's own address.
    pub(super) page: Option<String>,
}

/// What the first rule that decides a case says; `None` where the act goes ahead.
pub(super) fn decide(case: &Case<'_>) -> Option<Decision> {
    RULES.iter().find_map(|rule| match rule.effect {
        Effect::Is(verdict) if rule.speaks_of(case) => Some(Decision {
            verdict,
            reason: rule.reason_for(case),
            page: rule.page_for(case.key),
        }),
        _ => None,
    })
}

/// What there is to know although the act goes ahead.
pub(super) fn notes(case: &Case<'_>) -> Vec<String> {
    let notes = RULES
        .iter()
        .filter(|it| it.effect == Effect::Note && it.speaks_of(case));
    notes.map(|it| it.reason_for(case)).collect()
}

impl Rule {
    fn speaks_of(&self, case: &Case<'_>) -> bool {
        let of = case.key.type_name.as_str();
        (self.of.is_empty() || self.of.contains(&of))
            && self.on.contains(&case.act)
            && match self.when {
                When::Always => true,
                When::Standard => is_standard(case),
                When::Installed => case.facts.is_installed,
                When::Renamed => case.facts.renamed.is_some(),
                When::MadeAgain => case.facts.is_made_again,
                When::OnlyLayout => case.facts.is_only_layout,
                When::Redacted => case.is_redacted,
                When::Named(name) => case.key.name.as_str() == name,
                When::OfActivity => {
                    is_custom(case.key) && matches!(object_of(case.key), "Task" | "Event")
                }
                When::Gained(element) => both(case).is_some_and(|(then, now)| {
                    !named(now, element).is_subset(&named(then, element))
                }),
                When::Has(element) => case.then.is_some_and(|it| it.child(element).is_some()),
                When::Scheduled => !case.facts.jobs.is_empty(),
                When::TypeChanged(expected) => both(case).is_some_and(|(then, now)| {
                    fields::change(now, then).is_some_and(|it| it == expected)
                }),
                When::ValuesAdded => {
                    both(case).is_some_and(|(then, now)| !values(now).is_subset(&values(then)))
                }
                When::Says(element, text) => case
                    .then
                    .and_then(|it| it.child_text(element))
                    .is_some_and(|it| it.trim() == text),
                When::TurnedOn(settings, element) => {
                    let is_on =
                        |it: &Element| it.child_text(element).is_some_and(|it| it.trim() == "true");
                    case.key.name.as_str() == settings
                        && both(case).is_some_and(|(then, now)| is_on(now) && !is_on(then))
                }
            }
    }

    fn reason_for(&self, case: &Case<'_>) -> String {
        let other = case.facts.renamed.as_ref().map(ToString::to_string);
        self.reason
            .replace("{other}", other.as_deref().unwrap_or_default())
            .replace(
                "{own}",
                case.key
                    .name
                    .as_str()
                    .rsplit('.')
                    .next()
                    .unwrap_or_default(),
            )
            .replace("{jobs}", &case.facts.jobs.join(", "))
    }

    fn page_for(&self, key: &ComponentKey) -> Option<String> {
        let object = object_of(key);
        let page = self.page?;
        Some(
            page.replace("{object}", object)
                .replace("{name}", key.name.as_str()),
        )
    }
}

/// The object that a component is of, by its name.
fn object_of(key: &ComponentKey) -> &str {
    let name = key.name.as_str();
    match key.type_name.as_str() {
        "Layout" => name.split_once('-').map_or(name, |(object, _)| object),
        _ => key.name.parent().unwrap_or(name),
    }
}

fn both<'a>(case: &Case<'a>) -> Option<(&'a Element, &'a Element)> {
    case.then.zip(case.now)
}

/// Elements that hold one value of a picklist.
const VALUES: &[&str] = &["value", "customValue", "standardValue"];

/// The names of the values that a picklist or a set of values holds itself.
fn values(root: &Element) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut ahead: Vec<&Element> = root.elements().collect();
    while let Some(it) = ahead.pop() {
        if VALUES.contains(&it.local_name())
            && let Some(name) = it.child_text("fullName")
        {
            found.insert(name.trim().to_owned());
        }
        ahead.extend(it.elements());
    }
    found
}

/// The names of the elements `element`, at whatever depth.
fn named(root: &Element, element: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut ahead: Vec<&Element> = root.elements().collect();
    while let Some(it) = ahead.pop() {
        if it.local_name() == element
            && let Some(name) = it.child_text("name").or_else(|| it.child_text("fullName"))
        {
            found.insert(name.trim().to_owned());
        }
        ahead.extend(it.elements());
    }
    found
}

/// Whether a component came with the platform: no suffix, or a profile not marked custom.
fn is_standard(case: &Case<'_>) -> bool {
    let name = case.key.name.as_str();
    match case.key.type_name.as_str() {
        "Profile" => case
            .now
            .is_some_and(|it| it.child_text("custom").as_deref() != Some("true")),
        "CustomTab" | "CustomApplication" => name.starts_with("standard"),
        _ => !is_custom(case.key),
    }
}

/// Whether an object or a field has the suffix of a custom one.
fn is_custom(key: &ComponentKey) -> bool {
    let name = key.name.as_str();
    name.rsplit('.').next().unwrap_or(name).contains("__")
}

/// Whether a component rests for 15 days after its deletion, with its data.
///
/// Source: Salesforce Help, "Manage Deleted Custom Fields", "Manage Deleted Custom Objects".
pub(super) fn rests_after_deletion(key: &ComponentKey) -> bool {
    matches!(key.type_name.as_str(), "CustomField" | "CustomObject")
        && is_custom(key)
        // Records of these are metadata, or there are none.
        && !["__mdt", "__e"].iter().any(|it| object_of(key).ends_with(it))
}

/// Days that a deleted field or object rests.
pub(super) const REST_DAYS: u64 = 15;

/// The page of Setup where a deleted field or object can be undeleted.
pub(super) fn undelete_page(key: &ComponentKey) -> String {
    match (key.type_name.as_str(), key.name.parent()) {
        ("CustomField", Some(object)) => {
            format!("/lightning/setup/ObjectManager/{object}/FieldsAndRelationships/view")
        }
        _ => "/lightning/setup/ObjectManager/home".to_owned(),
    }
}
