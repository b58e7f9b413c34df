//! A plan as lines of text, for people.

use std::fmt::Write as _;

use super::{Item, RollbackPlan, Verdict};
use crate::plan::commits::neutral;

/// What stands in the last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading<'a> {
    /// Name of the org.
    pub org: &'a str,
    /// What kind of org it is: `production`, `sandbox`.
    pub kind: &'a str,
    /// The user who would do it.
    pub user: &'a str,
    /// Address of the org, before the pages of Setup.
    pub url: &'a str,
}

/// Widest column of names.
const WIDEST: usize = 60;

/// The plan, a line for each component, and a sum.
///
/// What stays as it is has a line only where that needs a word: it is new, was not
/// known of, or was made again.
#[must_use]
pub fn render(plan: &RollbackPlan, heading: &Heading<'_>) -> String {
    let shown: Vec<&Item> = plan.items.iter().filter(|it| is_shown(it)).collect();
    let widths = shown
        .iter()
        .map(|it| neutral(&it.key.to_string()).chars().count());
    let width = widths.max().unwrap_or(0).min(WIDEST);
    let mut out = String::new();
    for item in &shown {
        let key = neutral(&item.key.to_string());
        let mut notes = vec![item.reason.clone()];
        notes.extend(item.details.iter().cloned());
        let mut note = neutral(&notes.join("; "));
        if let Some(page) = &item.page {
            let _ = write!(
                note,
                ": {}{}",
                heading.url.trim_end_matches('/'),
                neutral(page)
            );
        }
        let verdict = item.verdict;
        let line = format!(
            "{} {:<10} {key:<width$}    {note}",
            verdict.sign(),
            verdict.word()
        );
        out.push_str(line.trim_end());
        out.push('\n');
    }
    let n_unchanged = plan.items.len() - shown.len();
    if n_unchanged > 0 {
        let _ = writeln!(out, "= {n_unchanged} unchanged");
    }
    out.push_str(&sum(plan, heading));
    out.push('\n');
    out
}

fn is_shown(item: &Item) -> bool {
    item.verdict != Verdict::Unchanged || item.states.0 != item.states.1 || !item.details.is_empty()
}

fn sum(plan: &RollbackPlan, heading: &Heading<'_>) -> String {
    let count = |verdicts: &[Verdict]| {
        plan.items
            .iter()
            .filter(|it| verdicts.contains(&it.verdict))
            .count()
    };
    let lossy = plan
        .items
        .iter()
        .filter(|it| it.verdict == Verdict::Lossy && !it.applies)
        .count();
    let mut parts = vec![
        format!("{} to recreate", count(&[Verdict::Recreate])),
        format!("{} to revert", count(&[Verdict::Revert])),
        format!("{} to delete", count(&[Verdict::Delete])),
    ];
    for (verdict, word) in [
        (Verdict::Activate, "to activate"),
        (Verdict::Lossy, "lossy"),
    ] {
        if count(&[verdict]) > 0 {
            parts.push(format!("{} {word}", count(&[verdict])));
        }
    }
    let people = count(&[Verdict::Manual, Verdict::Impossible]) + lossy;
    let need = if people == 1 { "needs" } else { "need" };
    parts.push(format!("{people} {need} a person"));
    format!(
        "Plan: {}. Org {} ({}), as {}.",
        parts.join(", "),
        neutral(heading.org),
        neutral(heading.kind),
        neutral(heading.user)
    )
}
