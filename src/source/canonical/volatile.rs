//! Values that differ from one retrieve to the next though nobody changed them.

use super::{Note, Rules};
use crate::xml::{Document, Element, Node};

/// A rule that can be switched off, or on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolatileRule {
    /// Its name in the configuration.
    pub name: &'static str,
    /// What it does, why, and why a deploy of the result does no harm.
    pub reason: &'static str,
    /// Whether it holds unless switched off.
    pub is_on: bool,
}

pub(super) const FLOW_COORDINATES: &str = "flow-coordinates";
pub(super) const PROFILE_POLICY_NAMES: &str = "profile-policy-names";
pub(super) const REVISION_COUNTER: &str = "revision-counter";
pub(super) const JSON_KEY_ORDER: &str = "json-key-order";
pub(super) const UNTRANSLATED: &str = "untranslated-placeholders";
/// The rule on the bodies of Site.com sites, which a snapshot applies: a file alone does not tell.
pub const SITE_BODIES: &str = "site-bodies";
pub(super) const ASSET_RELATIONSHIPS: &str = "asset-relationships";

/// All rules on volatile values.
pub const VOLATILE_RULES: [VolatileRule; 7] = [
    VolatileRule {
        name: FLOW_COORDINATES,
        reason: "In a flow with automatic layout, `locationX` and `locationY` are written as 0: the canvas computes \
                 them, and opening the flow moves them. In a free-form flow a person placed the boxes, and they stay.",
        is_on: true,
    },
    VolatileRule {
        name: PROFILE_POLICY_NAMES,
        reason: "A password policy or session setting of a profile comes without the profile's name when the profile \
                 was not in the same retrieve. The name is then taken from the component's own name.",
        is_on: true,
    },
    VolatileRule {
        name: REVISION_COUNTER,
        reason: "`serverRevisionCounter` of a profile is left out: each deploy counts it up, and a deploy ignores it.",
        is_on: true,
    },
    VolatileRule {
        name: JSON_KEY_ORDER,
        reason: "The keys of an object in the JSON of digital experiences and of CRM Analytics assets are sorted: they \
                 come back in another order. Arrays keep theirs.",
        is_on: true,
    },
    VolatileRule {
        name: UNTRANSLATED,
        reason: "The comment that stands for a missing translation is left out: it repeats a label, and a renamed label \
                 would change the files of all languages. A deploy reads both as not translated.",
        is_on: false,
    },
    VolatileRule {
        name: SITE_BODIES,
        reason: "The body of a Site.com site is encrypted anew at each retrieve. It is committed only when the site's \
                 date says that it changed; the body that was committed deploys as well as any later one.",
        is_on: true,
    },
    VolatileRule {
        name: ASSET_RELATIONSHIPS,
        reason: "`relationships` of an asset file are left out: the platform adds one wherever the file is used, and \
                 adds it again after a deploy.",
        is_on: false,
    },
];

/// Applies the rules that hold, and notes each that did something.
pub(super) fn apply(doc: &mut Document, path: &str, rules: &Rules, notes: &mut Vec<Note>) {
    let root = &mut doc.root;
    let mut note = |rule: &'static str, n_values: usize| {
        if 0 < n_values {
            notes.push(Note { rule, n_values });
        }
    };
    match root.local_name() {
        "Flow" if rules.holds(FLOW_COORDINATES) && has_automatic_layout(root) => {
            note(FLOW_COORDINATES, zero_coordinates(root));
        }
        "Profile" if rules.holds(REVISION_COUNTER) => {
            note(REVISION_COUNTER, drop_named(root, COUNTER));
        }
        "ProfilePasswordPolicy" | "ProfileSessionSetting" if rules.holds(PROFILE_POLICY_NAMES) => {
            note(PROFILE_POLICY_NAMES, usize::from(name_profile(root, path)));
        }
        "CustomObjectTranslation" | "CustomFieldTranslation" | "Translations"
            if rules.holds(UNTRANSLATED) =>
        {
            note(UNTRANSLATED, drop_placeholders(root));
        }
        "ContentAsset" if rules.holds(ASSET_RELATIONSHIPS) => {
            note(ASSET_RELATIONSHIPS, drop_named(root, "relationships"));
        }
        _ => (),
    }
}

/// The element that counts deploys of a profile.
pub(super) const COUNTER: &str = "serverRevisionCounter";
/// Value of `CanvasMode` in a flow whose canvas is laid out automatically.
pub(super) const AUTOMATIC_LAYOUT: &str = "AUTO_LAYOUT_CANVAS";

fn has_automatic_layout(flow: &Element) -> bool {
    flow.elements_named("processMetadataValues").any(|it| {
        let value = it
            .child("value")
            .and_then(|it| it.child_text("stringValue"));
        it.child_text("name").as_deref() == Some("CanvasMode")
            && value.as_deref() == Some(AUTOMATIC_LAYOUT)
    })
}

/// Whether `name` is a coordinate of a flow's element.
pub(super) fn is_coordinate(name: &str) -> bool {
    matches!(name, "locationX" | "locationY")
}

fn zero_coordinates(element: &mut Element) -> usize {
    let mut n_zeroed = 0;
    for child in element.elements_mut() {
        if is_coordinate(&child.name) && !child.has_elements() {
            if child.text() != "0" {
                child.children = vec![Node::Text("0".to_owned())];
                n_zeroed += 1;
            }
        } else {
            n_zeroed += zero_coordinates(child);
        }
    }
    n_zeroed
}

/// Puts the profile's name where it is missing; whether it did.
fn name_profile(root: &mut Element, path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    let name = ["_profilePasswordPolicy", "_profileSessionSetting"]
        .iter()
        .find_map(|marker| {
            let (name, rest) = file.split_once(marker)?;
            rest.starts_with(|it: char| it.is_ascii_digit())
                .then_some(name)
        });
    let Some(name) = name.filter(|it| !it.is_empty()) else {
        return false;
    };
    let named = Element::new("profile").with_text(name);
    let mut is_changed = false;
    for child in root.elements_mut() {
        if child.local_name() == "profile" && child.is_nil() {
            *child = named.clone();
            is_changed = true;
        }
    }
    let uses_xsi = root.elements().any(|it| {
        it.attributes
            .iter()
            .any(|(name, _)| name.starts_with("xsi:"))
    });
    if is_changed && !uses_xsi {
        root.attributes.retain(|(name, _)| name != "xmlns:xsi");
    }
    is_changed
}

/// Takes the elements of a name out; how many there were.
fn drop_named(root: &mut Element, name: &str) -> usize {
    let before = root.children.len();
    root.children
        .retain(|node| !matches!(node, Node::Element(it) if it.local_name() == name));
    before - root.children.len()
}

fn drop_placeholders(element: &mut Element) -> usize {
    if let [Node::Comment(_)] = element.children.as_slice() {
        element.children.clear();
        return 1;
    }
    element.elements_mut().map(drop_placeholders).sum()
}
