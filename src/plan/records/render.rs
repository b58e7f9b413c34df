//! A plan as lines of text, for people.

use std::fmt::Write as _;

use super::{Because, Deed, Fires, Item, RestorePlan, Stop};
use crate::{model::ObjectName, plan::commits::neutral, records::CellChange};

/// What stands in the last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heading<'a> {
    /// Name of the org.
    pub org: &'a str,
    /// What kind of org it is: `production`, `sandbox`.
    pub kind: &'a str,
    /// The user who would do it.
    pub user: &'a str,
}

/// Rows of each object and deed that are shown.
pub const MAX_SAMPLES: usize = 5;

/// Longest cell in a line, in characters.
const MAX_CELL: usize = 40;

/// The plan: a block for each object, what it sets off, and a sum.
#[must_use]
pub fn render(plan: &RestorePlan, fires: &[Fires], heading: &Heading<'_>) -> String {
    let mut out = String::new();
    for (object, counts) in plan.counts() {
        let counts: Vec<_> = ORDER
            .iter()
            .filter_map(|(word, words)| Some(format!("{} {words}", counts.get(word)?)))
            .collect();
        let _ = writeln!(out, "{object}: {}", counts.join(", "));
        for (word, _) in ORDER {
            samples(&mut out, plan, object, word);
        }
    }
    for it in fires {
        out.push_str(&fired(it));
    }
    out.push_str(&sum(plan, heading));
    out.push('\n');
    out
}

const ORDER: [(&str, &str); 8] = [
    ("undelete", "to undelete"),
    ("update", "to update"),
    ("insert", "to insert again"),
    ("delete", "to delete"),
    ("conflict", "changed by someone else since"),
    ("impossible", "that cannot come back"),
    ("keep", "new since then, which stay"),
    ("untouched", "untouched"),
];

fn samples(out: &mut String, plan: &RestorePlan, object: &ObjectName, word: &str) {
    if word == "untouched" || word == "keep" {
        return;
    }
    let of = plan
        .items
        .iter()
        .filter(|it| it.object == *object && it.deed.word() == word);
    let mut n = 0;
    for item in of {
        n += 1;
        if n <= MAX_SAMPLES {
            let _ = writeln!(out, "  {}", line(item).trim_end());
        }
    }
    if n > MAX_SAMPLES {
        let _ = writeln!(out, "    … and {} more", n - MAX_SAMPLES);
    }
}

fn line(item: &Item) -> String {
    let sign = match item.deed {
        Deed::Undelete => '↺',
        Deed::Insert => '+',
        Deed::Update(_) => '~',
        Deed::Delete => '−',
        Deed::Conflict => '!',
        Deed::Impossible(_) => '×',
        Deed::Keep | Deed::Untouched => '=',
    };
    let name = item.then.as_ref().and_then(|it| it.get("Name"));
    let mut notes = Vec::new();
    if let Deed::Update(cells) = &item.deed {
        notes.extend(cells.iter().map(cell));
    }
    if let Deed::Impossible(reason) = &item.deed {
        notes.push(reason.clone());
    }
    notes.extend(
        item.conflicts
            .iter()
            .map(|it| format!("stays: {}", cell(it))),
    );
    notes.extend(
        item.refused
            .iter()
            .map(|it| format!("will be refused: {}: {}", it.field, it.text)),
    );
    if matches!(item.deed, Deed::Insert | Deed::Update(_)) {
        notes.extend(
            item.lost
                .iter()
                .map(|it| format!("not {}: {}", it.field, it.reason)),
        );
    }
    match item.because {
        Some(Because::NeededBy(id)) => notes.push(format!("{id} needs it")),
        Some(Because::WentWith(id)) => notes.push(format!("lost with {id}")),
        None => (),
    }
    format!(
        "{sign} {} {}  {}",
        item.id,
        neutral(&short(name.unwrap_or_default())),
        neutral(&notes.join("; "))
    )
}

fn cell(change: &CellChange) -> String {
    format!(
        "{}: {} → {}",
        change.field,
        quoted(&change.before),
        quoted(&change.after)
    )
}

fn quoted(cell: &str) -> String {
    if cell.is_empty() {
        return "(empty)".to_owned();
    }
    format!("\"{}\"", short(cell))
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_CELL) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn fired(it: &Fires) -> String {
    let what = match it.stop {
        Stop::Header => "is held off by a header",
        Stop::Bypass => "runs, unless `--bypass` switches it off",
        Stop::Nothing => "runs",
    };
    let mail = match it.automation.tells_others {
        true => " and may send messages",
        false => "",
    };
    format!(
        "! {} {} of {} {what}{mail}\n",
        it.automation.kind.word(),
        neutral(&it.automation.name),
        neutral(&it.automation.object)
    )
}

fn sum(plan: &RestorePlan, heading: &Heading<'_>) -> String {
    let count = |word: &str| {
        plan.items
            .iter()
            .filter(|it| it.deed.word() == word)
            .count()
    };
    format!(
        "Plan: {} to undelete, {} to update, {} to insert, {} to delete, {} in conflict, {} not restorable. Org {} ({}), as {}.",
        count("undelete"),
        count("update"),
        count("insert"),
        count("delete"),
        count("conflict"),
        count("impossible"),
        neutral(heading.org),
        neutral(heading.kind),
        neutral(heading.user)
    )
}
