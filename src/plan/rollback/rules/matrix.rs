//! The rules as a table for people, which `docs/rollback.md` holds.

use std::fmt::Write as _;

use super::{Act, Change, Effect, Rule, When, table::RULES};

/// The rows in Markdown.
fn table() -> String {
    let mut out =
        String::from("| what | when it | where | verdict | why |\n|---|---|---|---|---|\n");
    for rule in RULES {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            types(rule),
            acts(rule),
            condition(rule.when),
            match rule.effect {
                Effect::Is(verdict) => format!("**{}**", verdict.word()),
                Effect::Note => "goes ahead".to_owned(),
            },
            rule.reason.replace('|', "\\|"),
        );
    }
    out
}

fn types(rule: &Rule) -> String {
    match rule.of {
        [] => "anything".to_owned(),
        several => several.join(", "),
    }
}

fn acts(rule: &Rule) -> String {
    let words = rule.on.iter().map(|it| match it {
        Act::Revert => "changed",
        Act::Recreate => "is gone",
        Act::Delete => "is new",
        Act::Leave => "is as it was",
    });
    words.collect::<Vec<_>>().join(", ")
}

fn condition(when: When) -> String {
    match when {
        When::Always => String::new(),
        When::Standard => "it is no custom one".to_owned(),
        When::Installed => "an installed package brought it".to_owned(),
        When::Renamed => "it has another name on the other side".to_owned(),
        When::MadeAgain => "it has another id than then".to_owned(),
        When::OnlyLayout => "it is the only layout of its object".to_owned(),
        When::TypeChanged(Change::Safe) => "it had another type, and values stay".to_owned(),
        When::TypeChanged(Change::Lossy) => {
            "it had another type, and values can be lost".to_owned()
        }
        When::TypeChanged(Change::Filled) => "it was a master-detail".to_owned(),
        When::TypeChanged(Change::Never) => {
            "it had a type that the platform never changes back to".to_owned()
        }
        When::ValuesAdded => "it has values that it had not".to_owned(),
        When::Says(element, text) => format!("its `{element}` was `{text}`"),
        When::TurnedOn(name, element) => format!("`{element}` of {name} is on and was off"),
        When::Redacted => "a secret was taken out of its file".to_owned(),
        When::Named(name) => format!("it is {name}"),
        When::OfActivity => "it is a custom one of Task or Event".to_owned(),
        When::Gained(element) => format!("it has a `{element}` that it had not"),
        When::Has(element) => format!("it had a `{element}`"),
        When::Scheduled => "jobs are scheduled to run it".to_owned(),
    }
}

#[test]
fn docs_hold_the_table_of_these_rules() {
    let docs = include_str!("../../../../docs/rollback.md");
    let table = table();
    assert!(
        docs.contains(&table),
        "docs/rollback.md should hold:\n{table}"
    );
}
