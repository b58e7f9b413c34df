//! What a profile or a permission set must say so that access is as it was.
//!
//! Deploying a profile overwrites only the entries that it names: what was granted
//! since is taken away by entries that say `false`. Deploying a permission set
//! replaces it whole (API 40.0 and later): it is always sent whole, and what it
//! leaves out is revoked.
//!
//! Source: `api.md` §2.5; Metadata API Developer Guide, `Profile`, `PermissionSet`.
//!
//! Invariant: after the deploy nobody has more than the target gave, in what the
//! target knew of; entries of what the target did not know of stay.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ComponentKey, TypeName};
use crate::plan::retrieve::partial;
use crate::registry::keys::KeyRules;
use crate::xml::{Element, Node};

/// What the plan knows of the things that entries name.
pub struct Things<'a> {
    /// Whether an entry about a thing would have stood in the target's file: it is given
    /// whole, or the target held the thing, or proved that it was not there.
    pub known_then: &'a dyn Fn(&ComponentKey) -> bool,
    /// Whether the org will lack a thing after the deploy.
    pub missing_after: &'a dyn Fn(&ComponentKey) -> bool,
}

/// The document to deploy, and what it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// The file's root; for a profile only the entries that differ.
    pub document: Element,
    /// Entries taken away or set back to less, by what they are called.
    pub n_revoked: usize,
    /// Entries given back or set back to more.
    pub n_restored: usize,
    /// Entries of the target whose thing is not there any more.
    pub left_out: Vec<ComponentKey>,
    /// Elements that came since and that no deploy of a profile takes away.
    pub stays: BTreeSet<String>,
}

impl Permissions {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n_revoked == 0 && self.n_restored == 0
    }
}

/// Whether a component of this type is rolled back entry by entry.
#[must_use]
pub fn has_entries(type_name: &TypeName) -> bool {
    matches!(
        type_name.as_str(),
        "Profile" | "PermissionSet" | "MutingPermissionSet"
    )
}

/// What two entries have in common that mean the same.
type Slot = (String, String, String);

/// An entry's slot; entries without a thing are known by the key rules, else by content.
fn slot_of(type_name: &TypeName, entry: &Element) -> Slot {
    if let Some(about) = partial::about(type_name, entry) {
        return about.slot;
    }
    let rules = KeyRules::official();
    let (rule, _) = rules.look_up(rules.root(type_name.as_str()), entry.local_name());
    let key = rule.known_by.of(entry).map(|texts| texts.join("\n"));
    (
        entry.local_name().to_owned(),
        key.unwrap_or_default(),
        String::new(),
    )
}

fn things_of(type_name: &TypeName, entry: &Element) -> Vec<ComponentKey> {
    partial::about(type_name, entry).map_or_else(Vec::new, |it| it.things)
}

fn by_slot<'a>(type_name: &TypeName, document: &'a Element) -> BTreeMap<Slot, Vec<&'a Element>> {
    let mut entries: BTreeMap<Slot, Vec<&Element>> = BTreeMap::new();
    for entry in document.elements() {
        entries
            .entry(slot_of(type_name, entry))
            .or_default()
            .push(entry);
    }
    entries
}

/// What to deploy so that `now` gives what `target` gave.
#[must_use]
pub fn roll_back(
    type_name: &TypeName,
    target: &Element,
    now: &Element,
    things: &Things<'_>,
) -> Permissions {
    let then = by_slot(type_name, target);
    let today = by_slot(type_name, now);
    let is_profile = type_name.as_str() == "Profile";
    let mut result = Permissions {
        document: Element {
            name: now.name.clone(),
            attributes: now.attributes.clone(),
            children: Vec::new(),
        },
        n_revoked: 0,
        n_restored: 0,
        left_out: Vec::new(),
        stays: BTreeSet::new(),
    };
    let mut entries: Vec<(Slot, Vec<Element>)> = Vec::new();
    let slots: BTreeSet<&Slot> = then.keys().chain(today.keys()).collect();
    for slot in slots {
        let (old, new) = (then.get(slot), today.get(slot));
        if old == new {
            if !is_profile && let Some(same) = new {
                entries.push((slot.clone(), owned(same)));
            }
            continue;
        }
        let any = old.or(new).and_then(|it| it.first());
        let needs = any.map_or_else(Vec::new, |it| things_of(type_name, it));
        match (old, new) {
            (Some(old), _) => {
                let gone: Vec<_> = needs
                    .iter()
                    .filter(|it| (things.missing_after)(it))
                    .collect();
                if let Some(thing) = gone.first() {
                    result.left_out.push((*thing).clone());
                } else {
                    let less = new.is_some_and(|new| grants(old) < grants(new));
                    *(if less {
                        &mut result.n_revoked
                    } else {
                        &mut result.n_restored
                    }) += 1;
                    entries.push((slot.clone(), owned(old)));
                }
            }
            (None, Some(new)) => {
                let known = needs.is_empty() || needs.iter().any(|it| (things.known_then)(it));
                if !known {
                    if !is_profile {
                        entries.push((slot.clone(), owned(new)));
                    }
                } else if is_profile {
                    if let Some(denied) = deny(new) {
                        result.n_revoked += 1;
                        entries.push((slot.clone(), denied));
                    } else if !has_flag(new) {
                        result.stays.insert(slot.0.clone());
                    }
                } else {
                    result.n_revoked += 1;
                }
            }
            (None, None) => (),
        }
    }
    entries.sort_by(|(a, _), (b, _)| (a.0 != "fullName", a).cmp(&(b.0 != "fullName", b)));
    let all = entries.into_iter().flat_map(|(_, it)| it);
    result.document.children = all.map(Node::Element).collect();
    result
}

fn owned(elements: &[&Element]) -> Vec<Element> {
    elements.iter().map(|it| (*it).clone()).collect()
}

/// How many rights entries give.
fn grants(entries: &[&Element]) -> usize {
    let flags = entries.iter().flat_map(|it| it.elements());
    let given = flags.filter(|it| {
        matches!(
            it.text().trim(),
            "true" | "Visible" | "DefaultOn" | "Available" | "DefaultOff"
        )
    });
    given.count()
}

/// Whether entries have a right that could be taken away.
fn has_flag(entries: &[&Element]) -> bool {
    let mut flags = entries.iter().flat_map(|it| it.elements());
    flags.any(|it| matches!(it.text().trim(), "true" | "false" | "Hidden" | "None"))
}

/// The same entries with every right taken away; `None` where none was given.
fn deny(entries: &[&Element]) -> Option<Vec<Element>> {
    let mut given = false;
    let mut denied = owned(entries);
    for flag in denied.iter_mut().flat_map(Element::elements_mut) {
        let text = match flag.text().trim() {
            "true" => "false",
            "DefaultOn" | "DefaultOff" => "Hidden",
            "Visible" | "Available" => "None",
            _ => continue,
        };
        given = true;
        flag.children = vec![Node::Text(text.to_owned())];
    }
    given.then_some(denied)
}

/// The document that gives back to `now` the entries that it lost with a component.
///
/// For a profile those entries alone, for a permission set the whole of `merged`. What
/// took the place of a lost entry, such as another layout, gives way to it.
#[must_use]
pub fn give_back(type_name: &TypeName, now: &Element, merged: &Element) -> Element {
    if type_name.as_str() != "Profile" {
        return merged.clone();
    }
    let lost = merged
        .elements()
        .filter(|entry| !now.elements().any(|it| it == *entry));
    Element {
        name: merged.name.clone(),
        attributes: merged.attributes.clone(),
        children: lost.cloned().map(Node::Element).collect(),
    }
}

/// The document of a profile once the org has taken the entries of `sent`.
///
/// An entry that gives nothing is left out, as a retrieve leaves it out.
#[must_use]
pub fn deployed(type_name: &TypeName, now: &Element, sent: &Element) -> Element {
    let mut slots = by_slot(type_name, now);
    slots.extend(by_slot(type_name, sent));
    let gives = |entries: &[&Element]| !has_flag(entries) || grants(entries) > 0;
    let children = slots
        .into_values()
        .filter(|it| gives(it))
        .flat_map(|it| owned(&it));
    Element {
        name: now.name.clone(),
        attributes: now.attributes.clone(),
        children: children.map(Node::Element).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::testing::key;
    use crate::xml;

    fn parse(text: &str) -> Element {
        xml::parse(text.as_bytes()).unwrap().root
    }

    fn of(root: &str, inner: &[String]) -> Element {
        parse(&format!("<{root}>{}</{root}>", inner.concat()))
    }

    fn field(name: &str, editable: bool) -> String {
        format!(
            "<fieldPermissions><editable>{editable}</editable><field>{name}</field><readable>true</readable></fieldPermissions>"
        )
    }

    fn class(name: &str, enabled: bool) -> String {
        format!(
            "<classAccesses><apexClass>{name}</apexClass><enabled>{enabled}</enabled></classAccesses>"
        )
    }

    fn user(name: &str) -> String {
        format!("<userPermissions><enabled>true</enabled><name>{name}</name></userPermissions>")
    }

    const ALL: Things<'static> = Things {
        known_then: &|_| true,
        missing_after: &|_| false,
    };

    #[test]
    fn profile_is_taken_back_by_entries_that_say_false() {
        let target = of("Profile", &[field("A.B__c", false), class("Kept", true)]);
        let now = of(
            "Profile",
            &[
                class("Gained", true),
                class("Kept", true),
                field("A.B__c", true),
                user("ModifyAllData"),
            ],
        );
        let result = roll_back(&TypeName::known("Profile"), &target, &now, &ALL);
        let denied = user("ModifyAllData").replace("true", "false");
        assert_eq!(
            result.document,
            of(
                "Profile",
                &[class("Gained", false), field("A.B__c", false), denied]
            )
        );
        assert_eq!((result.n_revoked, result.n_restored), (3, 0));
    }

    #[test]
    fn permission_set_is_sent_whole() {
        let set = TypeName::known("PermissionSet");
        let target = of("PermissionSet", &[class("Kept", true), class("Lost", true)]);
        let now = of(
            "PermissionSet",
            &[class("Gained", true), class("Kept", true)],
        );
        let result = roll_back(&set, &target, &now, &ALL);
        assert_eq!(result.document, target);
        assert_eq!((result.n_revoked, result.n_restored), (1, 1));
    }

    #[test]
    fn entry_of_what_the_target_did_not_know_stays() {
        let unknown = |it: &ComponentKey| *it != key("ApexClass:Gained");
        let things = Things {
            known_then: &unknown,
            missing_after: &|_| false,
        };
        let target = of("PermissionSet", &[class("Kept", true)]);
        let now = of(
            "PermissionSet",
            &[class("Gained", true), class("Kept", true)],
        );
        let result = roll_back(&TypeName::known("PermissionSet"), &target, &now, &things);
        assert_eq!(result.document, now);
        assert!(result.is_empty());
        let profile = roll_back(
            &TypeName::known("Profile"),
            &of("Profile", &[class("Kept", true)]),
            &of("Profile", &[class("Gained", true), class("Kept", true)]),
            &things,
        );
        assert!(profile.is_empty());
        assert_eq!(profile.document.elements().count(), 0);
    }

    #[test]
    fn entry_whose_thing_is_gone_is_left_out_and_said_to_be() {
        let missing = |it: &ComponentKey| *it == key("ApexClass:Lost");
        let things = Things {
            known_then: &|_| true,
            missing_after: &missing,
        };
        let target = of("PermissionSet", &[class("Kept", true), class("Lost", true)]);
        let now = of("PermissionSet", &[class("Kept", true)]);
        let result = roll_back(&TypeName::known("PermissionSet"), &target, &now, &things);
        assert_eq!(result.document, now);
        assert_eq!(result.left_out, [key("ApexClass:Lost")]);
    }

    #[test]
    fn profile_gets_back_what_it_lost_and_a_permission_set_the_whole() {
        let now = of("Profile", &[class("Kept", true)]);
        let merged = of("Profile", &[class("Kept", true), field("A.B__c", true)]);
        let profile = give_back(&TypeName::known("Profile"), &now, &merged);
        assert_eq!(profile, of("Profile", &[field("A.B__c", true)]));
        let set = give_back(&TypeName::known("PermissionSet"), &now, &merged);
        assert_eq!(set, merged);
    }

    fn entries() -> impl Strategy<Value = BTreeMap<String, String>> {
        let entry = ("[ab]", "[A-F]", any::<bool>()).prop_map(|(kind, name, on)| {
            let text = if kind == "a" {
                class(&name, on)
            } else {
                field(&format!("X.{name}"), on)
            };
            (format!("{kind}{name}"), text)
        });
        proptest::collection::vec(entry, 0..10).prop_map(|it| it.into_iter().collect())
    }

    /// As the platform deploys a profile: entries in the file overwrite, others stay.
    fn deploy_profile(now: &Element, file: &Element) -> BTreeMap<Slot, Element> {
        let of = TypeName::known("Profile");
        let both = now.elements().chain(file.elements());
        both.map(|it| (slot_of(&of, it), it.clone())).collect()
    }

    proptest! {
        #[test]
        fn after_a_rollback_access_is_as_it_was(target in entries(), now in entries()) {
            let doc = |root: &str, it: &BTreeMap<String, String>| of(root, &it.values().cloned().collect::<Vec<_>>());
            let set = roll_back(&TypeName::known("PermissionSet"), &doc("PermissionSet", &target), &doc("PermissionSet", &now), &ALL);
            prop_assert_eq!(set.document, doc("PermissionSet", &target));
            let profile = TypeName::known("Profile");
            let (then, today) = (doc("Profile", &target), doc("Profile", &now));
            let after = deploy_profile(&today, &roll_back(&profile, &then, &today, &ALL).document);
            for (slot, entry) in &after {
                let wanted = then.elements().find(|it| slot_of(&profile, it) == *slot);
                prop_assert!(wanted.map_or(grants(&[entry]) == 0, |it| it == entry));
            }
            for entry in then.elements() {
                prop_assert!(after.contains_key(&slot_of(&profile, entry)));
            }
        }
    }
}
