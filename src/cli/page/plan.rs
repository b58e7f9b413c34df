//! A plan, and what became of it, as a page.

use std::collections::{BTreeMap, BTreeSet};

use super::{Component, FileChange, Group, MAX_DIFFS, Note, Page};
use crate::{
    cli::{CommandError, text::printable},
    ops::rollback::{ApplyReport, Failure, PlannedRollback, Preview, Stage, preview},
    plan::rollback::{Item, Verdict},
    store::Repository,
};

/// Verdicts in the order of a page, and what a group of them is called.
const GROUPS: [(Verdict, &str); 8] = [
    (Verdict::Impossible, "Impossible"),
    (Verdict::Manual, "For a person to do"),
    (Verdict::Lossy, "Comes back only in part"),
    (Verdict::Delete, "To delete"),
    (Verdict::Recreate, "To recreate"),
    (Verdict::Activate, "Versions of flows to activate"),
    (Verdict::Revert, "To revert"),
    (Verdict::Unchanged, "Unchanged"),
];

/// What a page says besides the plan.
pub(in crate::cli) struct Frame<'a> {
    /// `production`, `sandbox`.
    pub(in crate::cli) kind: &'a str,
    /// Address of the org, before pages of Setup.
    pub(in crate::cli) url: &'a str,
    /// What became of the plan, where it was carried out.
    pub(in crate::cli) report: Option<&'a ApplyReport>,
}

/// The page of a plan.
pub(in crate::cli) fn page(
    planned: &PlannedRollback,
    repo: &Repository,
    frame: &Frame<'_>,
) -> Result<Page, CommandError> {
    let identity = &planned.identity;
    let mut files: BTreeMap<String, Vec<Preview>> = BTreeMap::new();
    for file in preview(planned, repo)? {
        files
            .entry(file.component.to_string())
            .or_default()
            .push(file);
    }
    let mut facts = vec![
        (
            "Org",
            format!(
                "{} ({}), {}",
                identity.org.name, frame.kind, identity.org.id
            ),
        ),
        ("As", identity.user.username.clone()),
        ("Org as of", planned.file.base.clone()),
    ];
    match planned.reverts.as_slice() {
        [] => facts.push(("Back to", planned.target.commit.to_string())),
        commits => {
            let ids: Vec<_> = commits.iter().map(ToString::to_string).collect();
            facts.push(("Undoes", ids.join(", ")));
        }
    }
    if let Some(tests) = planned.deploy.tests.in_words() {
        facts.push(("Tests", tests));
    }
    facts.push(("Digest", planned.file.digest.clone()));
    let facts = facts
        .into_iter()
        .map(|(name, value)| (name, printable(&value).into_owned()));
    Ok(Page {
        title: printable(&planned.title()).into_owned(),
        facts: facts.collect(),
        outcome: frame.report.map_or_else(Vec::new, outcome),
        groups: groups(planned, &mut files, frame),
        footer: format!("Made by orgkeep {}", env!("CARGO_PKG_VERSION")),
    })
}

/// The groups; what goes along with a component that is made again stands below it.
fn groups(
    planned: &PlannedRollback,
    files: &mut BTreeMap<String, Vec<Preview>>,
    frame: &Frame<'_>,
) -> Vec<Group> {
    let items = &planned.plan.items;
    let known: BTreeSet<_> = items.iter().map(|it| &it.key).collect();
    let mut along: BTreeMap<_, Vec<&Item>> = BTreeMap::new();
    for item in items {
        if let Some(cause) = item.because_of.as_ref().filter(|it| known.contains(it)) {
            along.entry(cause).or_default().push(item);
        }
    }
    let mut room = MAX_DIFFS;
    let mut groups = Vec::new();
    for (verdict, heading) in GROUPS {
        let tops = items.iter().filter(|it| {
            it.verdict == verdict && it.because_of.as_ref().is_none_or(|it| !known.contains(it))
        });
        let tops: Vec<Component> = tops
            .map(|it| component(it, &along, files, frame, &mut room, 0))
            .collect();
        if !tops.is_empty() {
            groups.push(Group {
                word: verdict.word(),
                heading,
                n: tops.len(),
                is_open: verdict != Verdict::Unchanged,
                items: tops,
            });
        }
    }
    groups
}

/// How deep a tree of causes is followed: no plan of ours is deeper.
const MAX_DEPTH: usize = 8;

fn component(
    item: &Item,
    along: &BTreeMap<&crate::model::ComponentKey, Vec<&Item>>,
    files: &mut BTreeMap<String, Vec<Preview>>,
    frame: &Frame<'_>,
    room: &mut usize,
    depth: usize,
) -> Component {
    let key = item.key.to_string();
    let safe = |text: &str| printable(text).into_owned();
    let changes = files.remove(&key).unwrap_or_default();
    let changes = changes
        .iter()
        .map(|it| FileChange::new(&it.path, it.before.as_deref(), it.after.as_deref(), room))
        .collect();
    let below = along.get(&item.key).filter(|_| depth < MAX_DEPTH);
    let below: Vec<Component> = below
        .into_iter()
        .flatten()
        .map(|it| component(it, along, files, frame, room, depth + 1))
        .collect();
    let name = safe(&item.key.name.decoded());
    let type_name = item.key.type_name.as_str().to_owned();
    let own = format!("{type_name}:{name}").to_lowercase();
    let words = below
        .iter()
        .fold(own, |all, it| all + " " + it.words.as_str());
    let waits = !item.applies && item.verdict != Verdict::Unchanged;
    Component {
        key: safe(&key),
        words,
        sign: item.verdict.sign(),
        name,
        type_name,
        reason: safe(&item.reason),
        mark: if waits { "not carried out" } else { "" }.to_owned(),
        details: item.details.iter().map(|it| safe(it)).collect(),
        page: item.page.as_ref().map_or_else(String::new, |it| {
            safe(&format!("{}{it}", frame.url.trim_end_matches('/')))
        }),
        sides: ("In the org now", "After"),
        files: changes,
        n_along: below.iter().map(|it| 1 + it.n_along).sum(),
        along: below,
    }
}

/// What became of a plan.
fn outcome(report: &ApplyReport) -> Vec<Note> {
    let safe = |text: &str| printable(text).into_owned();
    let mut notes = Vec::new();
    let (is_good, text) = match report.stage {
        Stage::Nothing => (true, "There was nothing to do."),
        Stage::Checked => (
            true,
            "Checked: the org takes the plan. Nothing has changed there.",
        ),
        Stage::Deployed => (!report.has_gaps(), "Carried out."),
        Stage::DeployedInPart => (false, "Carried out in part."),
        Stage::CheckFailed => (
            false,
            "The org refuses the plan. Nothing has changed there.",
        ),
        Stage::DeployFailed => (false, "The deploy failed. Nothing has changed in the org."),
        Stage::Canceled => (false, "It was cancelled. Nothing has changed in the org."),
        Stage::PartlyDeployed => (
            false,
            "A deploy of the plan did not go through. What went before it is in the org.",
        ),
    };
    let jobs = report.jobs.iter().map(|it| {
        let what = if it.check_only { "check" } else { "deploy" };
        let status = it
            .status
            .map_or_else(|| "not seen to its end".to_owned(), |it| format!("{it:?}"));
        safe(&format!("{what} {}: {status}", it.id))
    });
    let commits = report
        .commits
        .iter()
        .map(|it| safe(&format!("commit {}: {}", &it.id[..7], it.subject)));
    notes.push(Note {
        is_good,
        text: text.to_owned(),
        more: jobs.chain(commits).collect(),
    });
    let mut bad = |text: String, more: Vec<String>| {
        if !more.is_empty() {
            notes.push(Note {
                is_good: false,
                text,
                more,
            });
        }
    };
    bad(
        "Refused by the org:".to_owned(),
        report
            .failures
            .iter()
            .map(|it| safe(&failure(it)))
            .collect(),
    );
    let refused = report.refused.iter();
    bad(
        "Not sent:".to_owned(),
        refused
            .map(|(key, reason)| safe(&format!("{key}: {reason}")))
            .collect(),
    );
    let residue = report.residue.iter();
    bad(
        "Still different:".to_owned(),
        residue
            .map(|it| safe(&format!("{}: {}", it.component, it.details.join("; "))))
            .collect(),
    );
    if let Some(tests) = &report.tests {
        notes.push(Note {
            is_good: tests.n_failed == 0,
            text: format!("Tests: {} run, {} failed.", tests.n_run, tests.n_failed),
            more: tests
                .low_coverage
                .iter()
                .map(|(name, percent)| safe(&format!("coverage of {name}: {percent}%")))
                .collect(),
        });
    }
    notes
}

fn failure(it: &Failure) -> String {
    let line = it.line.map_or_else(String::new, |it| format!(":{it}"));
    let hint = it
        .hint
        .as_ref()
        .map_or_else(String::new, |it| format!(" ({it})"));
    format!("{} {}{line}: {}{hint}", it.component, it.file, it.problem)
}
