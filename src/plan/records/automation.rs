//! What a write to records sets off in the org, read from the metadata in the same repository.
//!
//! Source: Apex Developer Guide, "Triggers and Order of Execution"; Metadata API
//! Developer Guide, the page of each type.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    model::ObjectName,
    xml::{self, Element},
};

/// What kind of automation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Apex trigger.
    Trigger,
    /// Flow that a record sets off.
    Flow,
    /// Process of the Process Builder.
    Process,
    /// Validation rule.
    ValidationRule,
    /// Workflow rule.
    WorkflowRule,
    /// Duplicate rule.
    DuplicateRule,
    /// Assignment rule.
    AssignmentRule,
    /// Auto-response rule.
    AutoResponseRule,
    /// Roll-up summary of a parent.
    RollUp,
}

/// What is done to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// It is inserted.
    Insert,
    /// It is updated.
    Update,
    /// It is deleted.
    Delete,
    /// It comes out of the recycle bin.
    Undelete,
}

/// One active automation of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Automation {
    /// The object whose rows set it off.
    pub object: String,
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What sets it off.
    pub on: BTreeSet<Operation>,
    /// Whether it may send e-mail or messages to the outside.
    pub tells_others: bool,
}

/// What keeps an automation from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// A header of our calls.
    Header,
    /// Switching it off for the time, by `--bypass`.
    Bypass,
    /// Nothing.
    Nothing,
}

/// An automation that a plan sets off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fires {
    /// The automation.
    pub automation: Automation,
    /// What of the plan sets it off.
    pub by: BTreeSet<Operation>,
    /// What keeps it from running.
    pub stop: Stop,
}

impl Kind {
    /// In words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Trigger => "trigger",
            Self::Flow => "flow",
            Self::Process => "process",
            Self::ValidationRule => "validation rule",
            Self::WorkflowRule => "workflow rule",
            Self::DuplicateRule => "duplicate rule",
            Self::AssignmentRule => "assignment rule",
            Self::AutoResponseRule => "auto-response rule",
            Self::RollUp => "roll-up",
        }
    }

    /// What keeps it from running.
    #[must_use]
    pub fn stop(self) -> Stop {
        match self {
            Self::DuplicateRule | Self::AssignmentRule => Stop::Header,
            Self::Trigger
            | Self::Flow
            | Self::ValidationRule
            | Self::WorkflowRule
            | Self::AutoResponseRule => Stop::Bypass,
            Self::Process | Self::RollUp => Stop::Nothing,
        }
    }
}

/// The automations that `plan` sets off, given what it does to each object.
#[must_use]
pub fn fires(all: &[Automation], plan: &BTreeMap<ObjectName, BTreeSet<Operation>>) -> Vec<Fires> {
    let found = all.iter().filter_map(|it| {
        let done = plan.get(it.object.as_str())?;
        let by: BTreeSet<_> = done.intersection(&it.on).copied().collect();
        (!by.is_empty()).then(|| Fires {
            automation: it.clone(),
            by,
            stop: it.kind.stop(),
        })
    });
    found.collect()
}

const SAVES: [Operation; 2] = [Operation::Insert, Operation::Update];

/// The active automations in files of a project, given as path and content.
///
/// A file that cannot be read as what it should be is passed over.
#[must_use]
pub fn automations<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<Automation> {
    let mut found = Vec::new();
    let mut inactive = BTreeSet::new();
    for (path, bytes) in files {
        let file = path.rsplit('/').next().unwrap_or(path);
        if file.ends_with(".trigger") {
            found.extend(trigger(&String::from_utf8_lossy(bytes)));
            continue;
        }
        let Some((name, kind)) = file
            .strip_suffix("-meta.xml")
            .and_then(|it| it.rsplit_once('.'))
        else {
            continue;
        };
        let Ok(doc) = xml::parse(bytes) else { continue };
        let root = &doc.root;
        // The version that runs, where it is not the latest, stands under the name of its flow.
        let name = path
            .strip_prefix(".orgkeep/flows/")
            .and_then(|it| it.split('/').next())
            .unwrap_or(name);
        match kind {
            "trigger" if text(root, "status") != "Active" => {
                inactive.insert(name.to_owned());
            }
            "flow" => found.extend(flow(name, root)),
            "validationRule" => found.extend(validation_rule(path, name, root)),
            "workflow" => found.extend(workflow(name, root)),
            "duplicateRule" => found.extend(duplicate_rule(name, root)),
            "assignmentRules" => found.extend(rules(name, root, Kind::AssignmentRule)),
            "autoResponseRules" => found.extend(rules(name, root, Kind::AutoResponseRule)),
            "field" => found.extend(roll_up(path, name, root)),
            _ => (),
        }
    }
    found.retain(|it| it.kind != Kind::Trigger || !inactive.contains(&it.name));
    found.sort();
    found.dedup();
    found
}

/// Paths that [`automations`] has a use for.
#[must_use]
pub fn is_automation(path: &str) -> bool {
    const ENDS: [&str; 9] = [
        ".trigger",
        ".trigger-meta.xml",
        ".flow-meta.xml",
        ".validationRule-meta.xml",
        ".workflow-meta.xml",
        ".duplicateRule-meta.xml",
        ".assignmentRules-meta.xml",
        ".autoResponseRules-meta.xml",
        ".field-meta.xml",
    ];
    ENDS.iter().any(|it| path.ends_with(it))
}

fn text(element: &Element, name: &str) -> String {
    element
        .child_text(name)
        .map(|it| it.trim().to_owned())
        .unwrap_or_default()
}

/// Reads the head of a trigger: `trigger Name on Object (before insert, after update)`.
fn trigger(code: &str) -> Option<Automation> {
    let code = without_comments(code);
    let (head, rest) = code.split_once('(')?;
    let mut words = head.split_whitespace();
    let is =
        |word: Option<&str>, wanted: &str| word.is_some_and(|it| it.eq_ignore_ascii_case(wanted));
    if !is(words.next(), "trigger") {
        return None;
    }
    let name = words.next()?;
    if !is(words.next(), "on") {
        return None;
    }
    let object = words.next()?;
    let (events, _) = rest.split_once(')')?;
    let on = events.split(',').filter_map(|event| {
        let what = event.split_whitespace().nth(1)?;
        match what.to_ascii_lowercase().as_str() {
            "insert" => Some(Operation::Insert),
            "update" => Some(Operation::Update),
            "delete" => Some(Operation::Delete),
            "undelete" => Some(Operation::Undelete),
            _ => None,
        }
    });
    Some(Automation {
        object: object.to_owned(),
        kind: Kind::Trigger,
        name: name.to_owned(),
        on: on.collect(),
        // What its code does is not read.
        tells_others: false,
    })
}

fn without_comments(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find('/') {
        out.push_str(&rest[..at]);
        let behind = &rest[at..];
        let end = match behind.as_bytes().get(1) {
            Some(b'/') => behind.find('\n').unwrap_or(behind.len()),
            Some(b'*') => behind[2..].find("*/").map_or(behind.len(), |it| it + 4),
            _ => {
                out.push('/');
                1
            }
        };
        rest = &behind[end..];
        out.push(' ');
    }
    out.push_str(rest);
    out
}

fn flow(name: &str, root: &Element) -> Option<Automation> {
    if text(root, "status") != "Active" {
        return None;
    }
    let mut calls = root.elements_named("actionCalls");
    let tells_others = calls.any(|it| {
        let kind = text(it, "actionType");
        kind.starts_with("email") || kind.starts_with("outboundMessage")
    });
    let one = |object: String, kind, on| Automation {
        object,
        kind,
        name: name.to_owned(),
        on,
        tells_others,
    };
    if text(root, "processType") == "Workflow" {
        let values = root.elements_named("processMetadataValues");
        let object = values
            .filter(|it| text(it, "name") == "ObjectType")
            .find_map(|it| Some(text(it.child("value")?, "stringValue")))?;
        return Some(one(object, Kind::Process, SAVES.into()));
    }
    let start = root.child("start")?;
    let object = text(start, "object");
    if object.is_empty() || !text(start, "triggerType").starts_with("Record") {
        return None;
    }
    let on = match text(start, "recordTriggerType").as_str() {
        "Create" => [Operation::Insert].into(),
        "Update" => [Operation::Update].into(),
        "CreateAndUpdate" => SAVES.into(),
        "Delete" => [Operation::Delete].into(),
        _ => return None,
    };
    Some(one(object, Kind::Flow, on))
}

/// The object in whose folder a child of an object lies.
fn folder_object(path: &str) -> Option<&str> {
    let (_, rest) = path.rsplit_once("objects/")?;
    Some(rest.split_once('/')?.0)
}

fn validation_rule(path: &str, name: &str, root: &Element) -> Option<Automation> {
    (text(root, "active") == "true").then_some(())?;
    Some(Automation {
        object: folder_object(path)?.to_owned(),
        kind: Kind::ValidationRule,
        name: name.to_owned(),
        on: SAVES.into(),
        tells_others: false,
    })
}

fn workflow(object: &str, root: &Element) -> Vec<Automation> {
    let active = root
        .elements_named("rules")
        .filter(|it| text(it, "active") == "true");
    let found = active.map(|rule| {
        let on = match text(rule, "triggerType").as_str() {
            "onCreateOnly" => [Operation::Insert].into(),
            _ => SAVES.into(),
        };
        let actions = rule.elements_named("actions").chain(
            rule.elements_named("workflowTimeTriggers")
                .flat_map(|it| it.elements_named("actions")),
        );
        let mut kinds = actions.map(|it| text(it, "type"));
        Automation {
            object: object.to_owned(),
            kind: Kind::WorkflowRule,
            name: text(rule, "fullName"),
            on,
            tells_others: kinds.any(|it| it == "Alert" || it == "OutboundMessage"),
        }
    });
    found.collect()
}

fn duplicate_rule(name: &str, root: &Element) -> Option<Automation> {
    (text(root, "isActive") == "true").then_some(())?;
    let (object, name) = name.split_once('.')?;
    Some(Automation {
        object: object.to_owned(),
        kind: Kind::DuplicateRule,
        name: name.to_owned(),
        on: SAVES.into(),
        tells_others: false,
    })
}

fn rules(object: &str, root: &Element, kind: Kind) -> Vec<Automation> {
    let tag = match kind {
        Kind::AssignmentRule => "assignmentRule",
        _ => "autoResponseRule",
    };
    let active = root
        .elements_named(tag)
        .filter(|it| text(it, "active") == "true");
    let found = active.map(|rule| Automation {
        object: object.to_owned(),
        kind,
        name: text(rule, "fullName"),
        on: [Operation::Insert].into(),
        tells_others: kind == Kind::AutoResponseRule,
    });
    found.collect()
}

fn roll_up(path: &str, name: &str, root: &Element) -> Option<Automation> {
    (text(root, "type") == "Summary").then_some(())?;
    let key = text(root, "summaryForeignKey");
    let (child, _) = key.split_once('.')?;
    Some(Automation {
        object: child.to_owned(),
        kind: Kind::RollUp,
        name: format!("{}.{name}", folder_object(path)?),
        on: [
            Operation::Insert,
            Operation::Update,
            Operation::Delete,
            Operation::Undelete,
        ]
        .into(),
        tells_others: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(path, text)| (*path, text.as_bytes()));
        automations(files)
            .iter()
            .map(|it| {
                let mail = if it.tells_others { " tells" } else { "" };
                format!(
                    "{} {} {} {:?}{mail}",
                    it.object,
                    it.kind.word(),
                    it.name,
                    it.on
                )
            })
            .collect()
    }

    #[test]
    fn trigger_tells_what_sets_it_off_and_an_inactive_one_is_silent() {
        let code = "// on Lead (before insert)\ntrigger Guard on Account (before insert,\n  after UNDELETE) { /* ( */ }";
        let meta = |status: &str| {
            format!("<ApexTrigger xmlns=\"x\"><status>{status}</status></ApexTrigger>")
        };
        let files = |status: &str| {
            shown(&[
                ("force-app/main/default/triggers/Guard.trigger", code),
                (
                    "force-app/main/default/triggers/Guard.trigger-meta.xml",
                    &meta(status),
                ),
            ])
        };
        assert_eq!(
            files("Active"),
            ["Account trigger Guard {Insert, Undelete}"]
        );
        assert_eq!(files("Inactive"), Vec::<String>::new());
    }

    #[test]
    fn active_rules_and_flows_are_found_with_their_mail() {
        let found = shown(&[
            (
                "force-app/main/default/flows/Welcome.flow-meta.xml",
                "<Flow xmlns='x'><status>Active</status><start><object>Contact</object><recordTriggerType>Create</recordTriggerType>\
                 <triggerType>RecordAfterSave</triggerType></start><actionCalls><actionType>emailSimple</actionType></actionCalls></Flow>",
            ),
            (
                "force-app/main/default/flows/Draft.flow-meta.xml",
                "<Flow xmlns='x'><status>Draft</status><start><object>Contact</object><recordTriggerType>Create</recordTriggerType><triggerType>RecordAfterSave</triggerType></start></Flow>",
            ),
            (
                "force-app/main/default/flows/Screen.flow-meta.xml",
                "<Flow xmlns='x'><status>Active</status><start/></Flow>",
            ),
            (
                "force-app/main/default/objects/Deal__c/validationRules/Amount.validationRule-meta.xml",
                "<ValidationRule xmlns='x'><active>true</active></ValidationRule>",
            ),
            (
                "force-app/main/default/objects/Account/fields/Total__c.field-meta.xml",
                "<CustomField xmlns='x'><type>Summary</type><summaryForeignKey>Deal__c.Account__c</summaryForeignKey></CustomField>",
            ),
            (
                "force-app/main/default/workflows/Case.workflow-meta.xml",
                "<Workflow xmlns='x'><rules><fullName>Tell</fullName><active>true</active><triggerType>onCreateOnly</triggerType>\
                 <actions><type>Alert</type></actions></rules><rules><fullName>Off</fullName><active>false</active></rules></Workflow>",
            ),
            (
                "force-app/main/default/duplicateRules/Lead.Standard.duplicateRule-meta.xml",
                "<DuplicateRule xmlns='x'><isActive>true</isActive></DuplicateRule>",
            ),
            (
                "force-app/main/default/assignmentRules/Case.assignmentRules-meta.xml",
                "<AssignmentRules xmlns='x'><assignmentRule><fullName>Std</fullName><active>true</active></assignmentRule></AssignmentRules>",
            ),
            ("force-app/main/default/flows/Broken.flow-meta.xml", "<Flow"),
            (
                ".orgkeep/flows/Draft/active.flow-meta.xml",
                "<Flow xmlns='x'><status>Active</status><start><object>Contact</object><recordTriggerType>Update</recordTriggerType><triggerType>RecordAfterSave</triggerType></start></Flow>",
            ),
        ]);
        insta::assert_debug_snapshot!(found, @r#"
        [
            "Case workflow rule Tell {Insert} tells",
            "Case assignment rule Std {Insert}",
            "Contact flow Draft {Update}",
            "Contact flow Welcome {Insert} tells",
            "Deal__c validation rule Amount {Insert, Update}",
            "Deal__c roll-up Account.Total__c {Insert, Update, Delete, Undelete}",
            "Lead duplicate rule Standard {Insert, Update}",
        ]
        "#);
    }

    #[test]
    fn only_what_the_plan_sets_off_fires() {
        let all = automations([(
            "triggers/Guard.trigger",
            "trigger Guard on Account (before update) {}".as_bytes(),
        )]);
        let plan = |operation| [("Account".parse().unwrap(), BTreeSet::from([operation]))].into();
        assert_eq!(fires(&all, &plan(Operation::Insert)).len(), 0);
        let fired = fires(&all, &plan(Operation::Update));
        assert_eq!((fired.len(), fired[0].stop), (1, Stop::Bypass));
    }
}
