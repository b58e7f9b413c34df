//! Answers that hold only a part: profiles, and translations of an org.
//!
//! A retrieve gives of a profile only the entries of components that are named
//! in the same call. The call's coverage, what was asked for and found, travels
//! with its answer: inside it an entry that is absent is gone, outside it the
//! stored entry stays, and an entry goes when the thing it names has gone.
//!
//! Source: Metadata API Developer Guide, `Profile`, `Translations`; permission
//! sets are whole since API 40.0.

use std::collections::BTreeSet;

use crate::model::component::percent_decoded;
use crate::model::{ApiVersion, ComponentKey, TypeName};
use crate::xml::{Element, Node};

/// What an entry of a partial file describes.
struct Entry {
    /// Element name of the entry.
    element: &'static str,
    /// Its child that names the thing.
    named_by: &'static str,
    /// Types of the thing; a call that names any of them gives the entry.
    of: &'static [&'static str],
    /// How the thing's name is made of the child's text.
    name: Name,
    /// The flag that only one entry of its group can carry.
    only_one: Option<&'static str>,
}

/// How the name of a component is made of what an entry says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    /// As it stands.
    Same,
    /// `Object.Thing`: the thing, or the object that it belongs to.
    InObject,
    /// A tab; `standard-Account` is none of the org's components and comes with its object.
    Tab,
    /// `Credential-Principal`: what stands before the hyphen.
    BeforeHyphen,
    /// There is one component of the type for all of them.
    Only(&'static str),
}

const fn entry(
    element: &'static str,
    named_by: &'static str,
    of: &'static [&'static str],
) -> Entry {
    Entry {
        element,
        named_by,
        of,
        name: Name::Same,
        only_one: None,
    }
}

impl Entry {
    const fn made(mut self, name: Name) -> Self {
        self.name = name;
        self
    }

    const fn only_one(mut self, flag: &'static str) -> Self {
        self.only_one = Some(flag);
        self
    }
}

/// Entries of profiles and permission sets.
///
/// Source: Metadata API 66.0 WSDL, `Profile`; `field.md` §3.1, §3.2.
const PERMISSIONS: &[Entry] = &[
    entry("agentAccesses", "agentName", &["Bot", "GenAiPlannerBundle"]),
    entry(
        "applicationVisibilities",
        "application",
        &["CustomApplication"],
    )
    .only_one("default"),
    entry(
        "categoryGroupVisibilities",
        "dataCategoryGroup",
        &["DataCategoryGroup"],
    ),
    entry("classAccesses", "apexClass", &["ApexClass"]),
    entry("customMetadataTypeAccesses", "name", &["CustomObject"]),
    entry("customPermissions", "name", &["CustomPermission"]),
    entry("customSettingAccesses", "name", &["CustomObject"]),
    entry(
        "externalCredentialPrincipalAccesses",
        "externalCredentialPrincipal",
        &["ExternalCredential"],
    )
    .made(Name::BeforeHyphen),
    entry(
        "externalDataSourceAccesses",
        "externalDataSource",
        &["ExternalDataSource"],
    ),
    entry("fieldPermissions", "field", &["CustomField"]).made(Name::InObject),
    entry("flowAccesses", "flow", &["Flow", "FlowDefinition"]),
    entry("layoutAssignments", "layout", &["Layout"]),
    entry("objectPermissions", "object", &["CustomObject"]),
    entry("pageAccesses", "apexPage", &["ApexPage"]),
    entry("recordTypeVisibilities", "recordType", &["RecordType"])
        .made(Name::InObject)
        .only_one("default"),
    entry(
        "servicePresenceStatusAccesses",
        "servicePresenceStatus",
        &["ServicePresenceStatus"],
    ),
    entry("tabSettings", "tab", &["CustomTab"]).made(Name::Tab),
    entry("tabVisibilities", "tab", &["CustomTab"]).made(Name::Tab),
];

/// Entries of the translations of a language.
const TRANSLATIONS: &[Entry] = &[
    entry("customApplications", "name", &["CustomApplication"]),
    entry("customLabels", "name", &["CustomLabels"]).made(Name::Only("CustomLabels")),
    entry("customPageWebLinks", "name", &["CustomPageWebLink"]),
    entry("customTabs", "name", &["CustomTab"]).made(Name::Tab),
    entry("flowDefinitions", "fullName", &["Flow", "FlowDefinition"]),
    entry("globalPicklists", "name", &["GlobalValueSet"]),
    entry("quickActions", "name", &["QuickAction"]),
    entry("reportTypes", "name", &["ReportType"]),
    entry("scontrols", "name", &["Scontrol"]),
];

fn entries_of(type_name: &TypeName) -> &'static [Entry] {
    match type_name.as_str() {
        "Profile" | "PermissionSet" | "MutingPermissionSet" => PERMISSIONS,
        "Translations" => TRANSLATIONS,
        _ => &[],
    }
}

/// Whether an answer about a component of this type holds only what was named beside it.
#[must_use]
pub fn is_partial(type_name: &TypeName, version: ApiVersion) -> bool {
    match type_name.as_str() {
        "Profile" | "Translations" => true,
        "PermissionSet" => version < ApiVersion::new(40),
        _ => false,
    }
}

/// Whether partial answers say something about components of this type.
#[must_use]
pub fn describes_a_part(type_name: &TypeName) -> bool {
    let name = type_name.as_str();
    name == "CustomObject"
        || PERMISSIONS
            .iter()
            .chain(TRANSLATIONS)
            .any(|it| it.of.contains(&name))
}

/// The object that has to be named beside a component for its answer to be whole.
///
/// Layout assignments need the layout's object (`field.md` §2a 8), so only where
/// profiles come along; translations of an object need the object always.
#[must_use]
pub fn anchor(key: &ComponentKey, with_partial: bool) -> Option<ComponentKey> {
    let object = match key.type_name.as_str() {
        "Layout" if with_partial => key.name.as_str().split_once('-')?.0,
        "CustomObjectTranslation" => key.name.as_str().rsplit_once('-')?.0,
        _ => return None,
    };
    ComponentKey::parse("CustomObject", object).ok()
}

/// The components that a partial answer was asked about and that it found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeSet<(TypeName, String)>);

fn folded(key: &ComponentKey) -> (TypeName, String) {
    let name = percent_decoded(key.name.as_str()).to_lowercase();
    (key.type_name.clone(), name)
}

impl Coverage {
    /// Whether the answer decides about entries of `key`.
    #[must_use]
    pub fn holds(&self, key: &ComponentKey) -> bool {
        self.0.contains(&folded(key))
    }
}

impl<'a> FromIterator<&'a ComponentKey> for Coverage {
    fn from_iter<I: IntoIterator<Item = &'a ComponentKey>>(keys: I) -> Self {
        Self(keys.into_iter().map(folded).collect())
    }
}

/// What one entry is about.
struct Described {
    /// Two entries with one slot cannot both hold.
    slot: (String, String, String),
    /// Where it stands among its like.
    order: (String, String),
    /// What gives it, the thing itself first; empty where every answer has it.
    things: Vec<ComponentKey>,
    /// What it needs besides: the record type of a layout assignment.
    also: Vec<ComponentKey>,
    /// Entries of one group share `only_one`.
    only_one: Option<(&'static str, String)>,
}

fn describe(entries: &[Entry], element: &Element) -> Option<Described> {
    let rule = entries
        .iter()
        .find(|it| it.element == element.local_name())?;
    let text = element.child_text(rule.named_by)?.trim().to_owned();
    let mut things = Vec::new();
    let mut add = |of: &str, name: &str| things.extend(ComponentKey::parse(of, name).ok());
    // A tab of an object that has no tab of its own comes with the object; a custom tab with itself.
    let shows_object = rule.name == Name::Tab && text.starts_with("standard-");
    for of in rule.of {
        match rule.name {
            Name::Tab if shows_object => (),
            Name::Same | Name::InObject | Name::Tab => add(of, &text),
            Name::BeforeHyphen => add(of, text.split_once('-').map_or(&text, |(it, _)| it)),
            Name::Only(name) => add(of, name),
        }
    }
    let object = match rule.name {
        Name::InObject => text.split_once('.').map(|(object, _)| object),
        // A tab of a custom object is a component, and comes with that alone.
        Name::Tab => text.strip_prefix("standard-"),
        _ => None,
    };
    for object in object.into_iter().flat_map(objects_of) {
        add("CustomObject", object);
    }
    let mut also = Vec::new();
    let (mut slot, mut second) = (text.clone(), String::new());
    if rule.element == "layoutAssignments" {
        second = element
            .child_text("recordType")
            .map(|it| it.trim().to_owned())
            .unwrap_or_default();
        also.extend(ComponentKey::parse("RecordType", &second).ok());
        let object = text.split_once('-').map_or(text.as_str(), |(it, _)| it);
        object.clone_into(&mut slot);
    }
    let group = object
        .filter(|_| rule.name == Name::InObject)
        .unwrap_or("")
        .to_owned();
    Some(Described {
        slot: (rule.element.to_owned(), slot, second.clone()),
        order: (text, second),
        things,
        also,
        only_one: rule.only_one.map(|flag| (flag, group)),
    })
}

/// The objects under which fields of `object` may be found.
///
/// Custom fields of tasks and events belong to `Activity`, what belongs to person
/// accounts to `Account`.
fn objects_of(object: &str) -> Vec<&str> {
    match object {
        "Task" | "Event" => vec![object, "Activity"],
        "PersonAccount" => vec![object, "Account"],
        _ => vec![object],
    }
}

/// What an entry of a permission file is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Two entries with one slot cannot both hold.
    pub slot: (String, String, String),
    /// The thing, under each type by which it may go, and what else the entry needs.
    pub things: Vec<ComponentKey>,
}

/// What an entry of a profile, permission set or translation is about.
///
/// `None` for what no component stands behind, such as a user permission.
#[must_use]
pub fn about(type_name: &TypeName, entry: &Element) -> Option<About> {
    let described = describe(entries_of(type_name), entry)?;
    let mut things = described.things;
    things.extend(described.also);
    Some(About {
        slot: described.slot,
        things,
    })
}

/// The stored file after a partial answer: the answer where it decides, the rest as it was.
///
/// `coverage` is what the call asked for and found. `gone` tells components that
/// are known to have been deleted; of anything else it says no. Merging the answers
/// of any split of an org, in any order, gives the answer of one retrieve of
/// everything; its entries stand by element name and then by what they name.
#[must_use]
pub fn merge(
    type_name: &TypeName,
    stored: Option<&Element>,
    answer: &Element,
    coverage: &Coverage,
    gone: &dyn Fn(&ComponentKey) -> bool,
) -> Element {
    let entries = entries_of(type_name);
    let mut kept: Vec<(Option<Described>, Element)> = Vec::new();
    let mut slots = BTreeSet::new();
    let mut taken_flags = BTreeSet::new();
    for element in answer.elements() {
        let described = describe(entries, element);
        if let Some(it) = &described {
            slots.insert(it.slot.clone());
            if let Some((flag, group)) = &it.only_one
                && is_true(element, flag)
            {
                taken_flags.insert((it.slot.0.clone(), *flag, group.clone()));
            }
        }
        kept.push((described, element.clone()));
    }
    for element in stored.into_iter().flat_map(Element::elements) {
        // What no companion gives is in every answer.
        let Some(it) = describe(entries, element) else {
            continue;
        };
        let covered = it.things.iter().any(|thing| coverage.holds(thing));
        let is_gone = it.things.iter().chain(&it.also).any(gone);
        if covered || is_gone || slots.contains(&it.slot) {
            continue;
        }
        let mut element = element.clone();
        if let Some((flag, group)) = &it.only_one
            && taken_flags.contains(&(it.slot.0.clone(), *flag, group.clone()))
        {
            set_false(&mut element, flag);
        }
        kept.push((Some(it), element));
    }
    kept.sort_by(|(a, x), (b, y)| position(a.as_ref(), x).cmp(&position(b.as_ref(), y)));
    Element {
        name: answer.name.clone(),
        attributes: answer.attributes.clone(),
        children: kept.into_iter().map(|(_, it)| Node::Element(it)).collect(),
    }
}

fn position<'a>(
    described: Option<&'a Described>,
    element: &'a Element,
) -> (bool, &'a str, Option<&'a (String, String)>) {
    let name = element.local_name();
    (name != "fullName", name, described.map(|it| &it.order))
}

fn is_true(element: &Element, flag: &str) -> bool {
    element
        .child_text(flag)
        .is_some_and(|it| it.trim() == "true")
}

fn set_false(element: &mut Element, flag: &str) {
    for child in element.elements_mut() {
        if child.local_name() == flag && child.text().trim() == "true" {
            child.children = vec![Node::Text("false".to_owned())];
        }
    }
}

/// Which companions make up the slice of a pass, so that `n_slices` passes see all.
///
/// The slice of a component depends on its name alone, not on its neighbours. A
/// layout goes with its object.
#[must_use]
pub fn slice<'a>(
    companions: impl IntoIterator<Item = &'a ComponentKey>,
    pass: u64,
    n_slices: u64,
) -> BTreeSet<ComponentKey> {
    let n_slices = n_slices.max(1);
    companions
        .into_iter()
        .filter(|key| describes_a_part(&key.type_name))
        .filter(|key| {
            let at = anchor(key, true).unwrap_or_else(|| (*key).clone());
            stable_hash(&at.to_string()) % n_slices == pass % n_slices
        })
        .cloned()
        .collect()
}

/// FNV-1a, 64 bits: the same on every machine and in every release.
pub(super) fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests;
