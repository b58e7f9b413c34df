//! Who uses what is to be deleted.

use std::collections::HashMap;

use super::{
    code, flow,
    names::{LIGHTNING, Target},
    pool::children,
    refs::{self, OnDelete},
};
use crate::{
    model::{ComponentKey, TypeName},
    simorg::{
        SimOrg,
        state::{Component, PackageFile},
    },
    xml,
};

/// What is to go, by lower-case key.
#[derive(Clone, Debug, Default)]
pub(super) struct Gone {
    keys: HashMap<String, ComponentKey>,
}

impl Gone {
    pub(super) fn new(keys: impl IntoIterator<Item = ComponentKey>) -> Self {
        let keys = keys.into_iter().map(|it| (lower(&it), it)).collect();
        Self { keys }
    }

    pub(super) fn has(&self, key: &ComponentKey) -> bool {
        self.keys.contains_key(&lower(key))
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &ComponentKey> {
        self.keys.values()
    }

    /// The component to go that a reference points at.
    pub(super) fn hit(&self, target: &Target) -> Option<&ComponentKey> {
        let find = |type_name: &str, name: &str| {
            let name = crate::model::component::percent_decoded(name).to_lowercase();
            self.keys.get(&format!("{type_name}:{name}"))
        };
        match target {
            Target::Field { object, field } => {
                let step = field.split('.').next().unwrap_or(field);
                let of = |object: &str| find("CustomField", &format!("{object}.{step}"));
                of(object).or_else(|| match object.as_str() {
                    "Task" | "Event" => of("Activity"),
                    "PersonAccount" => of("Account").or_else(|| of("Contact")),
                    "CaseClose" => of("Case"),
                    _ => None,
                })
            }
            Target::Named { type_name, name } => match *type_name {
                LIGHTNING => find("LightningComponentBundle", name)
                    .or_else(|| find("AuraDefinitionBundle", name)),
                other => find(other, name),
            },
        }
    }

    /// Whether what a reference points at goes, its object included.
    pub(super) fn covers(&self, target: &Target) -> bool {
        let object_goes = match target {
            Target::Field { object, .. } => self
                .keys
                .contains_key(&format!("CustomObject:{}", object.to_lowercase())),
            Target::Named { .. } => false,
        };
        object_goes || self.hit(target).is_some()
    }

    /// Words of which a component that refers to any of it has one.
    fn words(&self) -> Vec<String> {
        let mut words: Vec<String> = self
            .keys
            .values()
            .map(|it| {
                let name = it.name.as_str();
                let own = name.rsplit(['.', '/']).next().unwrap_or(name);
                own.to_lowercase()
            })
            .collect();
        words.sort();
        words.dedup();
        words
    }
}

fn lower(key: &ComponentKey) -> String {
    format!("{}:{}", key.type_name, key.name.decoded().to_lowercase())
}

/// One thing in the way of a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// What is used.
    pub used: ComponentKey,
    /// Who uses it, as the platform names it.
    pub by: String,
}

/// Number of words up to which a search for them costs less than parsing.
const FEW_WORDS: usize = 8;

/// Everything that blocks a deletion of `gone`.
pub(super) fn uses(org: &SimOrg, gone: &Gone) -> Vec<Use> {
    let words = gone.words();
    let mut found = Vec::new();
    for (key, component) in org.metadata().iter() {
        if gone.has(&key) || !may_mention(component, &words) {
            continue;
        }
        match key.type_name.as_str() {
            "ApexClass" | "ApexTrigger" => apex(org, &key, component, gone, &mut found),
            "Flow" => flows(component, gone, &mut found),
            "ApexPage" | "ApexComponent" | "LightningComponentBundle" | "AuraDefinitionBundle" => {
                sources(&key, component, gone, &mut found);
            }
            _ => documents(org, &key, component, gone, &mut found),
        }
    }
    found
}

/// Whether a component can refer to something called by one of `words`.
pub(super) fn may_mention(component: &Component, words: &[String]) -> bool {
    if FEW_WORDS < words.len() {
        return true;
    }
    let has = |bytes: &[u8]| {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return false;
        };
        words.iter().any(|word| contains_ignoring_case(text, word))
    };
    component.files.iter().any(|it| has(&it.content))
        || component
            .flow
            .iter()
            .flat_map(|it| it.versions.values())
            .any(|it| has(&it.content))
}

/// Whether `text` has `word`, which is lower case; exact for ASCII.
fn contains_ignoring_case(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let Some((first, rest)) = word.split_first() else {
        return true;
    };
    let upper = first.to_ascii_uppercase();
    let starts = text
        .iter()
        .enumerate()
        .filter(|(_, it)| **it == *first || **it == upper);
    for (at, _) in starts {
        let tail = &text[at + 1..];
        if rest.len() <= tail.len() && tail[..rest.len()].eq_ignore_ascii_case(rest) {
            return true;
        }
    }
    // Escaped names (`&amp;`, `%28`) are spelled otherwise in a document.
    word.iter()
        .any(|it| !it.is_ascii_alphanumeric() && !matches!(it, b'_' | b'-' | b'.' | b' ' | b'$'))
}

pub(super) fn words_of(gone: &Gone) -> Vec<String> {
    gone.words()
}

fn documents(
    org: &SimOrg,
    key: &ComponentKey,
    component: &Component,
    gone: &Gone,
    found: &mut Vec<Use>,
) {
    let Some(root) = parsed(component) else {
        return;
    };
    let tops = children(key, &root);
    for reference in refs::find(key, &root) {
        let Some(used) = gone.hit(&reference.target) else {
            continue;
        };
        let blocks = match reference.rule.on_delete {
            OnDelete::Block => true,
            OnDelete::Drop => reference.rule.is_on_page() && is_active_page(org, key),
            OnDelete::Ignore => false,
        };
        let child = tops
            .iter()
            .find(|(_, it)| std::ptr::eq(*it, reference.top))
            .map(|(child, _)| child);
        let is_itself = child.is_some_and(|it| gone.has(it));
        if blocks && !is_itself {
            found.push(Use {
                used: used.clone(),
                by: described(child.unwrap_or(key)),
            });
        }
    }
}

fn parsed(component: &Component) -> Option<xml::Element> {
    let document = component.document()?;
    Some(xml::parse(&document.content).ok()?.root)
}

/// Whether a Lightning page is assigned anywhere: nothing on it can be deleted then.
///
/// Source: Metadata API Developer Guide, "Deploying and Deleting": items
/// associated with an active Lightning page cannot be deleted.
fn is_active_page(org: &SimOrg, page: &ComponentKey) -> bool {
    let gone = Gone::new([page.clone()]);
    ["CustomObject", "CustomApplication", "CustomTab"]
        .into_iter()
        .any(|type_name| {
            let type_name = TypeName::known(type_name);
            org.metadata().of_type(&type_name).any(|(name, it)| {
                let words = gone.words();
                if !may_mention(it, &words) {
                    return false;
                }
                let key = ComponentKey::new(type_name.clone(), name.clone());
                parsed(it).is_some_and(|root| {
                    refs::find(&key, &root)
                        .iter()
                        .any(|it| gone.hit(&it.target).is_some())
                })
            })
        })
}

fn apex(
    org: &SimOrg,
    key: &ComponentKey,
    component: &Component,
    gone: &Gone,
    found: &mut Vec<Use>,
) {
    let source = component
        .files
        .iter()
        .find(|it| !it.path.ends_with("-meta.xml"));
    let Some(source) = source else {
        return;
    };
    let source = String::from_utf8_lossy(&source.content);
    for used in gone.keys() {
        let name = used.name.as_str();
        let is_used = match used.type_name.as_str() {
            "ApexClass" | "CustomObject" => code::mentions(&source, name),
            "CustomField" => {
                let (object, field) = name.split_once('.').unwrap_or(("", name));
                code::mentions(&source, field)
                    && (code::mentions(&source, object) || is_only_one(org, field))
            }
            "ApexPage" => code::mentions(&source, "Page") && code::mentions(&source, name),
            "CustomLabel" => code::mentions(&source, "Label") && code::mentions(&source, name),
            "Flow" => source.contains(&format!("Flow.Interview.{name}")),
            _ => false,
        };
        if is_used {
            found.push(Use {
                used: used.clone(),
                by: described(key),
            });
        }
    }
}

/// Whether one object only has a field of this name.
fn is_only_one(org: &SimOrg, field: &str) -> bool {
    let type_name = TypeName::known("CustomField");
    let suffix = format!(".{field}");
    org.metadata()
        .children_of_type(&type_name)
        .filter(|(_, key, _)| key.name.as_str().ends_with(&suffix))
        .count()
        == 1
}

fn flows(component: &Component, gone: &Gone, found: &mut Vec<Use>) {
    let versions = component.flow.iter().flat_map(|it| it.versions.values());
    for version in versions {
        let Ok(text) = std::str::from_utf8(&version.content) else {
            continue;
        };
        let by = format!("Flow Version - {}", version.id);
        let mut add = |used: &ComponentKey| {
            let it = Use {
                used: used.clone(),
                by: by.clone(),
            };
            if !found.contains(&it) {
                found.push(it);
            }
        };
        for used in gone.keys() {
            if let ("CustomField", Some((object, field))) =
                (used.type_name.as_str(), used.name.as_str().split_once('.'))
                && flow::uses_field(text, object, field)
            {
                add(used);
            }
        }
        if let Ok(doc) = xml::parse(&version.content) {
            for named in flow::named_in(&doc.root) {
                if let Some(used) = gone.hit(&named.target) {
                    add(used);
                }
            }
        }
    }
}

fn sources(key: &ComponentKey, component: &Component, gone: &Gone, found: &mut Vec<Use>) {
    let by = match (key.type_name.as_str(), &component.id) {
        ("LightningComponentBundle", Some(id)) => format!("Lightning component - {id}"),
        _ => described(key),
    };
    let mut add = |used: &ComponentKey| {
        let it = Use {
            used: used.clone(),
            by: by.clone(),
        };
        if !found.contains(&it) {
            found.push(it);
        }
    };
    let named = code::named_in(key.type_name.as_str(), key.name.as_str(), &component.files);
    for named in named {
        if let Some(used) = gone.hit(&named.target) {
            add(used);
        }
    }
    if !matches!(key.type_name.as_str(), "ApexPage" | "ApexComponent") {
        return;
    }
    for used in gone.keys() {
        if let ("CustomField", Some((object, field))) =
            (used.type_name.as_str(), used.name.as_str().split_once('.'))
            && component
                .files
                .iter()
                .any(|it| page_uses(it, object, field))
        {
            add(used);
        }
    }
}

fn page_uses(file: &PackageFile, object: &str, field: &str) -> bool {
    std::str::from_utf8(&file.content)
        .is_ok_and(|it| code::has_word(it, field) && code::has_word(it, object))
}

/// A component as messages about deletions name it.
fn described(key: &ComponentKey) -> String {
    let name = key.name.as_str();
    let own = name.split_once('.').map_or(name, |(_, own)| own);
    let kind = match key.type_name.as_str() {
        "ApexClass" => "Apex Class",
        "ApexTrigger" => "Apex Trigger",
        "ApexPage" => "Visualforce Page",
        "ApexComponent" => "Visualforce Component",
        "FlexiPage" => "Lightning Page",
        "AuraDefinitionBundle" => "Aura Component Bundle",
        "WorkflowFieldUpdate" => "Field Update",
        "SharingCriteriaRule" => "Sharing Rule",
        "CustomField" => return format!("Custom Field - {name}"),
        other => return format!("{} - {own}", spaced(other)),
    };
    format!("{kind} - {own}")
}

/// `ValidationRule` as `Validation Rule`.
pub(super) fn spaced(type_name: &str) -> String {
    let mut out = String::new();
    let mut after_lower = false;
    for it in type_name.chars() {
        if it.is_ascii_uppercase() && after_lower {
            out.push(' ');
        }
        after_lower = it.is_ascii_lowercase();
        out.push(it);
    }
    out
}
