//! Plans of a small company: one file for each component.

mod access;
mod closure;
mod edits;
mod flows;
mod properties;
mod together;
mod verdicts;

use std::collections::BTreeMap;

use super::*;
use crate::model::ApiVersion;
use crate::plan::deploy::{TestLevel, plan_deploy};
use crate::plan::retrieve::{CostModel, Limits};
use crate::plan::testing::{at, key};

/// A tree with one file for each component.
#[derive(Clone, Debug, Default)]
struct Tree(BTreeMap<ComponentKey, String>);

impl Tree {
    fn of(entries: &[(&str, &str)]) -> Self {
        let entries = entries
            .iter()
            .map(|(it, text)| (key(it), (*text).to_owned()));
        Self(entries.collect())
    }

    fn with(mut self, of: &str, text: &str) -> Self {
        self.0.insert(key(of), text.to_owned());
        self
    }

    fn without(mut self, of: &str) -> Self {
        self.0.remove(&key(of));
        self
    }
}

impl View for Tree {
    fn state(&self, key: &ComponentKey) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn read(&self, key: &ComponentKey) -> Vec<ViewFile> {
        let file = |text: &String| ViewFile {
            path: format!("{}/{}-meta.xml", key.type_name, key.name)
                .parse()
                .unwrap(),
            bytes: text.as_bytes().into(),
        };
        self.0.get(key).map(file).into_iter().collect()
    }
}

fn parent_of(key: &ComponentKey) -> Option<ComponentKey> {
    let is_child = matches!(
        key.type_name.as_str(),
        "CustomField" | "ListView" | "RecordType"
    );
    is_child.then(|| ComponentKey::parse("CustomObject", key.name.parent()?).ok())?
}

fn facts_of(key: &ComponentKey) -> Facts {
    let folder = (key.type_name.as_str() == "Report")
        .then(|| ComponentKey::parse("ReportFolder", key.name.folder()?).ok());
    Facts {
        parent: parent_of(key),
        folder: folder.flatten(),
        ..Facts::default()
    }
}

fn differing(a: &Tree, b: &Tree) -> BTreeSet<ComponentKey> {
    let all: BTreeSet<_> = a.0.keys().chain(b.0.keys()).cloned().collect();
    all.into_iter()
        .filter(|it| a.0.get(it) != b.0.get(it))
        .collect()
}

struct Setup<'a> {
    target: &'a Tree,
    now: &'a Tree,
    facts: &'a dyn Fn(&ComponentKey) -> Facts,
    proves_absence: bool,
    missing_users: &'a [&'a str],
    options: Options,
}

const ALLOW_ALL: Options = Options {
    delete_new: true,
    accept_lossy: true,
};

impl Setup<'_> {
    fn plan(&self, selected: &[&str]) -> RollbackPlan {
        let selected: BTreeSet<_> = selected.iter().map(|it| key(it)).collect();
        plan(&Inputs {
            target: self.target,
            now: self.now,
            selected: &selected,
            differing: &differing(self.target, self.now),
            everything: &self.now.0.keys().cloned().collect(),
            missing_users: &self
                .missing_users
                .iter()
                .map(|it| (*it).to_owned())
                .collect(),
            proves_absence: &|_| self.proves_absence,
            facts: self.facts,
            is_redacted: &|bytes| String::from_utf8_lossy(bytes).contains("REDACTED"),
            at: at("2026-11-22T08:00:00Z"),
            options: self.options,
        })
    }
}

fn setup<'a>(target: &'a Tree, now: &'a Tree) -> Setup<'a> {
    Setup {
        target,
        now,
        facts: &facts_of,
        proves_absence: true,
        missing_users: &[],
        options: Options::default(),
    }
}

fn text_of(item: &Item) -> String {
    match &item.files[0].1 {
        Content::Merged(bytes) => {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let (_, body) = text.split_once("?>\n").unwrap();
            body.replace("    ", "").replace('\n', "")
        }
        Content::Target => "target".to_owned(),
    }
}

const FIELD: &str = "CustomField:Account.Region__c";

fn layout(items: &[&str], label: &str) -> String {
    let items = items
        .iter()
        .map(|it| {
            format!("<layoutItems><behavior>Edit</behavior><field>{it}</field></layoutItems>")
        })
        .collect::<Vec<_>>()
        .concat();
    format!(
        "<Layout><layoutSections><label>{label}</label><layoutColumns>{items}</layoutColumns></layoutSections></Layout>"
    )
}

fn permissions(root: &str, fields: &[&str]) -> String {
    let fields = fields.iter().map(|it| format!("<fieldPermissions><editable>true</editable><field>{it}</field><readable>true</readable></fieldPermissions>")).collect::<Vec<_>>().concat();
    format!("<{root}>{fields}</{root}>")
}

fn company() -> Tree {
    Tree::of(&[
        ("CustomObject:Account", "<CustomObject/>"),
        (
            FIELD,
            "<CustomField><fullName>Region__c</fullName><type>Text</type></CustomField>",
        ),
        (
            "Layout:Account-Sales",
            &layout(&["Name", "Region__c", "Phone"], "Info"),
        ),
        (
            "Profile:Admin",
            &permissions("Profile", &["Account.Other__c", "Account.Region__c"]),
        ),
        (
            "PermissionSet:Sales",
            &permissions("PermissionSet", &["Account.Other__c", "Account.Region__c"]),
        ),
        (
            "ListView:Account.All",
            "<ListView><columns>NAME</columns><columns>Region__c</columns></ListView>",
        ),
        (
            "Report:Sales/Won",
            "<Report><columns><field>Account$Region__c</field></columns></Report>",
        ),
        (
            "Report:Sales/Lost",
            "<Report><columns><field>Account$Other__c</field></columns></Report>",
        ),
    ])
}

/// Jane deleted the field; Omar edited the layout and a report that never named it.
fn after_deletion() -> Tree {
    company()
        .without(FIELD)
        .with(
            "Layout:Account-Sales",
            &layout(&["Name", "Rating", "Phone"], "Info"),
        )
        .with(
            "Profile:Admin",
            &permissions("Profile", &["Account.New__c", "Account.Other__c"]),
        )
        .with(
            "PermissionSet:Sales",
            &permissions("PermissionSet", &["Account.New__c", "Account.Other__c"]),
        )
        .with(
            "ListView:Account.All",
            "<ListView><columns>NAME</columns></ListView>",
        )
        .with("Report:Sales/Won", "<Report></Report>")
        .with(
            "Report:Sales/Lost",
            "<Report><columns><field>Account$Another__c</field></columns></Report>",
        )
}
