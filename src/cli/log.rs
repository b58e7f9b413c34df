//! `orgkeep log`

use clap::Args;

use super::{
    CommandError, Context, Outcome,
    changes::{component_lines, phrases, selectors, tinted},
    output::{Paint, Tone},
    text, when,
};
use crate::{
    ledger::RunRecord,
    ops::history::{self, LogEntry, LogOptions},
};

/// Show who changed what
///
/// Newest first, by component and element. Without a component every commit is one line; with
/// one, what changed in it stands below. Persons and times are those of the change in the org,
/// times in UTC.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep log\n  \
    orgkeep log CustomField:Account.Region__c\n  \
    orgkeep log 'Report:Sales/*' --since 2026-11-01\n  \
    orgkeep log --author 'Jane Doe' --since '2 weeks ago'\n  \
    orgkeep log --runs")]
pub(super) struct LogArgs {
    /// Components: `Type:Name`, a pattern, a type, or a path in the tree
    #[arg(value_name = "COMPONENT|GLOB")]
    selectors: Vec<String>,

    /// Only changes of this person: a part of the name or address
    #[arg(long, value_name = "WHO")]
    author: Option<String>,

    /// Only changes made at or after this: a day, a time, or as in `3 days ago` and `yesterday`
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,

    /// Most commits or runs to show
    #[arg(short = 'n', long = "max-count", value_name = "N")]
    limit: Option<usize>,

    /// Show runs of snapshot instead of changes
    #[arg(long, conflicts_with_all = ["selectors", "author"])]
    runs: bool,
}

/// Runs `orgkeep log`.
pub(super) fn run(context: &Context, args: &LogArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (_, setup) = context.settings(&repo)?;
    let tip = history::tip(&repo, &setup.branch, &setup.remote)?;
    let since = args.since.as_deref().map(when::parse).transpose()?;
    if args.runs {
        let mut runs = history::runs(&repo, tip)?;
        runs.retain(|it| since.is_none_or(|since| since <= it.at));
        runs.truncate(args.limit.unwrap_or(usize::MAX));
        return print_runs(context, &runs);
    }
    let options = LogOptions {
        selectors: selectors(&args.selectors),
        author: args.author.clone(),
        since,
        limit: args.limit,
    };
    let report = history::log(&repo, setup.package_dir.as_str(), tip, &options)?;
    let mut out = context.paged();
    if context.json() {
        out.json(&report)?;
        return Ok(Outcome::Done);
    }
    let columns = Columns {
        paint: context.paint(),
        width: context.width(),
        author: author_width(&report.commits, context.width()),
    };
    for entry in &report.commits {
        for line in columns.lines(entry) {
            out.line(&line)?;
        }
        for component in &entry.components {
            component_lines(&mut out, component, columns.paint, "  ")?;
        }
    }
    out.finish()?;
    Ok(Outcome::Done)
}

/// Lists runs of snapshot.
fn print_runs(context: &Context, runs: &[RunRecord]) -> Result<Outcome, CommandError> {
    let mut out = context.paged();
    if context.json() {
        out.json(&serde_json::json!({"schema": "orgkeep/runs/1", "runs": runs}))?;
        return Ok(Outcome::Done);
    }
    let paint = context.paint();
    for run in runs {
        let commit = run.commit.as_deref().and_then(|it| it.get(..7));
        let changed = match run.changed {
            0 => "no change".to_owned(),
            1 => "1 file changed".to_owned(),
            n => format!("{n} files changed"),
        };
        let gaps = match run.gaps {
            0 => String::new(),
            1 => "  1 gap".to_owned(),
            n => format!("  {n} gaps"),
        };
        out.line(&format!(
            "{}  {}  {:<11}  {changed:<20}  {:>5} calls{}",
            paint.paint(Tone::Commit, commit.unwrap_or("-------")),
            paint.paint(Tone::Dim, &run.at.minute()),
            text::one_line(&run.kind),
            run.calls,
            paint.paint(Tone::Removed, &gaps),
        ))?;
    }
    out.finish()?;
    Ok(Outcome::Done)
}

/// How the lines of a log are laid out.
struct Columns {
    paint: Paint,
    /// Width of the terminal; `None` where there is none.
    width: Option<usize>,
    author: usize,
}

/// Width of the column of names: as wide as they are, and no more than there is room for.
fn author_width(entries: &[LogEntry], width: Option<usize>) -> usize {
    let most = if width.is_some_and(|it| it < 100) {
        14
    } else {
        20
    };
    let widths = entries
        .iter()
        .map(|it| console::measure_text_width(&text::one_line(&it.author)));
    widths.max().unwrap_or(0).clamp(12, most)
}

impl Columns {
    /// Hash, time, author and subject: in one line where there is room, else the subject below.
    fn lines(&self, entry: &LogEntry) -> Vec<String> {
        let author = text::one_line(&entry.author);
        let author = match self.width {
            Some(_) => console::truncate_str(&author, self.author, "…").into_owned(),
            None => author,
        };
        let subject = text::one_line(&entry.subject);
        let pad = self
            .author
            .saturating_sub(console::measure_text_width(&author));
        let head = format!(
            "{}  {}  {}{}",
            self.paint.paint(Tone::Commit, &entry.commit[..7]),
            self.paint.paint(Tone::Dim, &entry.at.minute()),
            self.paint.paint(Tone::Strong, &author),
            " ".repeat(pad)
        );
        let length = 27 + self.author + 2 + console::measure_text_width(&subject);
        match self.width {
            Some(width) if width < length => {
                let mut lines = vec![head.trim_end().to_owned()];
                lines.extend(phrases(&subject, self.paint, Some(width), 9));
                lines
            }
            _ => vec![format!("{head}  {}", tinted(&subject, self.paint))],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(author: &str, subject: &str) -> LogEntry {
        LogEntry {
            commit: "7c1e0d4aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".to_owned(),
            snapshot: None,
            kind: None,
            author: author.to_owned(),
            email: String::new(),
            with: Vec::new(),
            at: "2026-11-21T14:02:00Z".parse().unwrap(),
            subject: subject.to_owned(),
            body: String::new(),
            components: Vec::new(),
        }
    }

    fn shown(entries: &[LogEntry], width: Option<usize>) -> String {
        let columns = Columns {
            paint: Paint { on: false },
            width,
            author: author_width(entries, width),
        };
        let lines = entries.iter().flat_map(|it| columns.lines(it));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn subject_that_does_not_fit_stands_below_phrase_by_phrase() {
        let entries = [
            entry("Jane Doe", "~ Report Sales/Pipeline: filter 2"),
            entry(
                "Maximiliana Ottoline Featherstonehaugh",
                "− CustomField Account.Region__c and with it: 3 field permissions, 1 layout item, 1 list view column, ~ Flow Welcome",
            ),
        ];
        insta::assert_snapshot!(shown(&entries, Some(80)), @"
        7c1e0d4  2026-11-21 14:02  Jane Doe        ~ Report Sales/Pipeline: filter 2
        7c1e0d4  2026-11-21 14:02  Maximiliana O…
                 − CustomField Account.Region__c and with it: 3 field permissions, 1
                   layout item, 1 list view column
                 ~ Flow Welcome
        ");
        insta::assert_snapshot!(shown(&entries, None), @"
        7c1e0d4  2026-11-21 14:02  Jane Doe              ~ Report Sales/Pipeline: filter 2
        7c1e0d4  2026-11-21 14:02  Maximiliana Ottoline Featherstonehaugh  − CustomField Account.Region__c and with it: 3 field permissions, 1 layout item, 1 list view column, ~ Flow Welcome
        ");
    }

    #[test]
    fn text_of_an_org_neither_moves_the_cursor_nor_breaks_the_line() {
        let entries = [entry("A\u{202e}b", "~ Flow a\u{1b}[2J\n::error::b")];
        let shown = shown(&entries, Some(200));
        assert_eq!(shown.lines().count(), 1);
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
    }
}
