//! Automation switched off and on again, as files of metadata.
//!
//! Of each component only its switch is changed, in the file as the org has it, so
//! that what others edit meanwhile stays.
//!
//! Source: Metadata API Developer Guide: `ValidationRule.active`, `WorkflowRule.active`,
//! `DuplicateRule.isActive`, `ApexTrigger.status`, `FlowDefinition.activeVersionNumber`.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Fires, Stop,
    automation::{Automation, Kind},
};
use crate::{
    model::{ApiVersion, ComponentKey, Manifest},
    plan::select::Glob,
    xml::{self, Document, Element},
};

/// Files of metadata by their path in a package.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Switches by component: the value that each has.
pub type Switches = BTreeMap<ComponentKey, String>;

/// The component that switches `automation` off; `None` where there is no such.
#[must_use]
pub fn switch_of(automation: &Automation) -> Option<ComponentKey> {
    let Automation { object, name, .. } = automation;
    let text = match automation.kind {
        Kind::Trigger => format!("ApexTrigger:{name}"),
        Kind::Flow => format!("Flow:{name}"),
        Kind::ValidationRule => format!("ValidationRule:{object}.{name}"),
        Kind::WorkflowRule => format!("WorkflowRule:{object}.{name}"),
        Kind::DuplicateRule => format!("DuplicateRule:{object}.{name}"),
        Kind::Process | Kind::AssignmentRule | Kind::AutoResponseRule | Kind::RollUp => {
            return None;
        }
    };
    text.parse().ok()
}

/// A word that names nothing that could be switched off.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` names nothing that this restore sets off and that can be switched off")]
pub struct NoSwitch {
    word: String,
    there: Vec<String>,
}

impl NoSwitch {
    /// What there is instead.
    #[must_use]
    pub fn hint(&self) -> String {
        match self.there.as_slice() {
            [] => "take a snapshot first: the plan lists what it sets off from the metadata in the repository".to_owned(),
            there => format!("name one of: {}", there.join(", ")),
        }
    }
}

/// What the words and patterns name of that which a plan sets off.
///
/// # Errors
///
/// [`NoSwitch`] for a word that matches nothing.
pub fn chosen(fires: &[Fires], words: &[String]) -> Result<BTreeSet<ComponentKey>, NoSwitch> {
    let there: BTreeSet<ComponentKey> = fires
        .iter()
        .filter(|it| it.stop != Stop::Nothing)
        .filter_map(|it| switch_of(&it.automation))
        .collect();
    let mut found = BTreeSet::new();
    for word in words {
        let glob = Glob::new(word);
        let before = found.len();
        let matching = there.iter().filter(|it| glob.matches(&it.to_string()));
        let matching: Vec<_> = matching.cloned().collect();
        if matching.is_empty() && before == found.len() {
            return Err(NoSwitch {
                word: word.clone(),
                there: there.iter().map(ToString::to_string).collect(),
            });
        }
        found.extend(matching);
    }
    Ok(found)
}

/// The manifest that asks for the files with the switches of `keys`, and deploys them.
#[must_use]
pub fn manifest<'k>(
    keys: impl IntoIterator<Item = &'k ComponentKey>,
    version: ApiVersion,
) -> Manifest {
    let mut manifest = Manifest::new(version);
    for key in keys {
        let text = key.to_string();
        // Which version of a flow runs is said by its definition.
        let text = match text.strip_prefix("Flow:") {
            Some(name) => format!("FlowDefinition:{name}"),
            None => text,
        };
        if let Ok(key) = text.parse() {
            manifest.insert(&key);
        }
    }
    manifest
}

/// The value that switches a component off.
#[must_use]
pub fn off(key: &ComponentKey) -> &'static str {
    match key.type_name.as_str() {
        "ApexTrigger" => "Inactive",
        "Flow" => "0",
        _ => "false",
    }
}

/// The switches in the files.
///
/// # Errors
///
/// The path of a file that is no metadata.
pub fn switches(files: &Files) -> Result<Switches, String> {
    let mut found = Switches::new();
    for (path, bytes) in files {
        let Some(mut doc) = document(path, bytes)? else {
            continue;
        };
        each(path, &mut doc.root, &mut |key, switch| {
            found.insert(key, switch.text().trim().to_owned());
        });
    }
    Ok(found)
}

/// The files with switches set to `values`; those that other components are in stay.
///
/// # Errors
///
/// The path of a file that is no metadata.
pub fn set(files: &Files, values: &Switches) -> Result<Files, String> {
    let mut all = Files::new();
    for (path, bytes) in files {
        let mut changed = bytes.clone();
        if let Some(mut doc) = document(path, bytes)? {
            each(path, &mut doc.root, &mut |key, switch| {
                if let Some(value) = values.get(&key) {
                    *switch = Element::new(switch.local_name()).with_text(value);
                }
            });
            changed = xml::render(&doc);
        }
        all.insert(path.clone(), changed);
    }
    Ok(all)
}

fn document(path: &str, bytes: &[u8]) -> Result<Option<Document>, String> {
    const ENDS: [&str; 5] = [
        ".object",
        ".workflow",
        ".trigger-meta.xml",
        ".duplicateRule",
        ".flowDefinition",
    ];
    if !ENDS.iter().any(|it| path.ends_with(it)) {
        return Ok(None);
    }
    xml::parse(bytes).map(Some).map_err(|_| path.to_owned())
}

/// Hands each switch of a file, with its component, to `take`.
fn each(path: &str, root: &mut Element, take: &mut dyn FnMut(ComponentKey, &mut Element)) {
    let file = path.rsplit('/').next().unwrap_or(path);
    let Some((name, kind)) = file
        .strip_suffix("-meta.xml")
        .unwrap_or(file)
        .rsplit_once('.')
    else {
        return;
    };
    let name = name.to_owned();
    let inner = |of: &str| match of {
        "object" => Some(("validationRules", "ValidationRule")),
        "workflow" => Some(("rules", "WorkflowRule")),
        _ => None,
    };
    if let Some((tag, of)) = inner(kind) {
        for element in root.elements_mut().filter(|it| it.local_name() == tag) {
            let own = element.child_text("fullName").unwrap_or_default();
            let key = format!("{of}:{name}.{}", own.trim());
            take_switch(element, "active", &key, take);
        }
        return;
    }
    match kind {
        "trigger" => take_switch(root, "status", &format!("ApexTrigger:{name}"), take),
        "duplicateRule" => take_switch(root, "isActive", &format!("DuplicateRule:{name}"), take),
        "flowDefinition" => {
            take_switch(root, "activeVersionNumber", &format!("Flow:{name}"), take);
        }
        _ => {}
    }
}

fn take_switch(
    of: &mut Element,
    tag: &str,
    key: &str,
    take: &mut dyn FnMut(ComponentKey, &mut Element),
) {
    let switch = of.elements_mut().find(|it| it.local_name() == tag);
    if let (Some(switch), Ok(key)) = (switch, key.parse()) {
        take(key, switch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        let of = |text: &str| text.as_bytes().to_vec();
        [
            (
                "objects/Account.object",
                "<CustomObject xmlns=\"x\"><validationRules><fullName>Tier</fullName><active>true</active></validationRules>\
                 <validationRules><fullName>Other</fullName><active>true</active></validationRules></CustomObject>",
            ),
            ("triggers/Guard.trigger", "trigger Guard on Account (before insert) {}"),
            (
                "triggers/Guard.trigger-meta.xml",
                "<ApexTrigger xmlns=\"x\"><status>Active</status></ApexTrigger>",
            ),
            (
                "flowDefinitions/Welcome.flowDefinition",
                "<FlowDefinition xmlns=\"x\"><activeVersionNumber>3</activeVersionNumber></FlowDefinition>",
            ),
            (
                "duplicateRules/Account.Same.duplicateRule",
                "<DuplicateRule xmlns=\"x\"><isActive>true</isActive></DuplicateRule>",
            ),
            (
                "workflows/Account.workflow",
                "<Workflow xmlns=\"x\"><rules><fullName>Tell</fullName><active>true</active></rules></Workflow>",
            ),
        ]
        .map(|(path, text)| (path.to_owned(), of(text)))
        .into()
    }

    #[test]
    fn switches_are_found_set_and_set_back() {
        let before = switches(&files()).unwrap();
        let shown: Vec<_> = before
            .iter()
            .map(|(key, it)| format!("{key} {it}"))
            .collect();
        insta::assert_debug_snapshot!(shown, @r#"
        [
            "ApexTrigger:Guard Active",
            "DuplicateRule:Account.Same true",
            "Flow:Welcome 3",
            "ValidationRule:Account.Other true",
            "ValidationRule:Account.Tier true",
            "WorkflowRule:Account.Tell true",
        ]
        "#);
        let mut values: Switches = before
            .keys()
            .map(|it| (it.clone(), off(it).to_owned()))
            .collect();
        let other = "ValidationRule:Account.Other".parse().unwrap();
        values.remove(&other);
        let changed = set(&files(), &values).unwrap();
        let after = switches(&changed).unwrap();
        values.insert(other, "true".to_owned());
        assert_eq!(after, values);
        assert_eq!(switches(&set(&changed, &before).unwrap()).unwrap(), before);
        assert_eq!(
            changed["triggers/Guard.trigger"],
            files()["triggers/Guard.trigger"]
        );
        let broken = [("objects/A.object".to_owned(), b"<a".to_vec())].into();
        assert_eq!(switches(&broken), Err("objects/A.object".to_owned()));
    }

    #[test]
    fn flow_is_asked_for_by_its_definition() {
        let keys: Vec<ComponentKey> = ["Flow:Welcome", "WorkflowRule:Account.Tell"]
            .map(|it| it.parse().unwrap())
            .into();
        let text = String::from_utf8(manifest(&keys, ApiVersion::new(66)).render()).unwrap();
        assert!(text.contains("<name>FlowDefinition</name>"), "{text}");
        assert!(!text.contains("<name>Flow</name>"), "{text}");
    }
}
