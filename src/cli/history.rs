//! `orgkeep log`, `show` and `diff`

use clap::Args;

use super::{
    CommandError, Context, Outcome,
    output::{Out, Paint, Tone},
    text,
};
use crate::{
    diff::{
        text::{FileDiff, LineEnd, Tag},
        tree::ComponentChangeKind,
    },
    model::Timestamp,
    ops::history::{self, ChangedComponent, Comparison, Detail, LogEntry, LogOptions},
    plan::select::Selector,
    store::Repository,
};

/// Show who changed what
///
/// Newest first, by component and element. Without a component every commit is one line; with
/// one, what changed in it stands below.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep log\n  \
    orgkeep log CustomField:Account.Region__c\n  \
    orgkeep log 'Report:Sales/*' --since 2026-11-01\n  \
    orgkeep log --author 'Jane Doe' -n 5\n  \
    orgkeep log --runs")]
pub(super) struct LogArgs {
    /// Components: `Type:Name`, a pattern, a type, or a path in the tree
    #[arg(value_name = "COMPONENT|GLOB")]
    selectors: Vec<String>,

    /// Only changes of this person: a part of the name or address
    #[arg(long, value_name = "WHO")]
    author: Option<String>,

    /// Only changes made at or after this day or time
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,

    /// Most commits to show
    #[arg(short = 'n', long = "max-count", value_name = "N")]
    limit: Option<usize>,

    /// Show runs of snapshot instead of changes
    #[arg(long, conflicts_with_all = ["selectors", "author"])]
    runs: bool,
}

/// Show what a commit changed
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  orgkeep show HEAD\n  orgkeep show 7c1e0d4 --name-only")]
pub(super) struct ShowArgs {
    /// Commit, tag, snapshot or date
    #[arg(value_name = "COMMIT", default_value = "HEAD")]
    commit: String,

    /// Show only the names of components
    #[arg(long)]
    name_only: bool,

    /// Show no text diff
    #[arg(long)]
    no_patch: bool,
}

/// Show what differs between two commits, or between a commit and the tip
///
/// By component and element, with the text diff below. Either side may be a commit that
/// orgkeep did not write.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep diff HEAD~1\n  \
    orgkeep diff before-the-project HEAD 'Layout:*'\n  \
    orgkeep diff 2026-11-01 --name-only --exit-code")]
pub(super) struct DiffArgs {
    /// One or two commits, tags, snapshots or dates; then components
    #[arg(value_name = "A [B] [COMPONENT…]")]
    sides: Vec<String>,

    /// Show only the names of components
    #[arg(long)]
    name_only: bool,

    /// Show no text diff
    #[arg(long)]
    no_patch: bool,

    /// Exit with status 4 where something differs
    #[arg(long)]
    exit_code: bool,
}

/// Runs `orgkeep log`.
pub(super) fn log(context: &Context, args: &LogArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let setup = context.setup(&repo)?;
    let tip = history::tip(&repo, &setup.branch, &setup.remote)?;
    if args.runs {
        return runs(context, &repo);
    }
    let options = LogOptions {
        selectors: selectors(&args.selectors),
        author: args.author.clone(),
        since: args.since.as_deref().map(parse_since).transpose()?,
        limit: args.limit,
    };
    let report = history::log(&repo, tip, &options)?;
    let mut out = context.paged();
    if context.json() {
        out.json(&report)?;
        return Ok(Outcome::Done);
    }
    let paint = context.paint();
    for entry in &report.commits {
        out.line(&log_line(entry, paint))?;
        for component in &entry.components {
            component_lines(&mut out, component, paint, "  ")?;
        }
    }
    out.finish()?;
    Ok(Outcome::Done)
}

/// Lists the runs of snapshot that this repository knows of.
fn runs(context: &Context, repo: &Repository) -> Result<Outcome, CommandError> {
    let path = repo.private_dir()?.join("runs.jsonl");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let mut runs: Vec<crate::ledger::RunRecord> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    runs.reverse();
    let mut out = context.paged();
    if context.json() {
        out.json(&serde_json::json!({"schema": "orgkeep/runs/1", "runs": runs}))?;
        return Ok(Outcome::Done);
    }
    for run in runs {
        out.line(&format!(
            "{}  {:<11}  {:>6} files changed  {:>5} calls  {} gaps",
            run.at.minute(),
            run.kind,
            run.changed,
            run.calls,
            run.gaps
        ))?;
    }
    out.finish()?;
    Ok(Outcome::Done)
}

/// Runs `orgkeep show`.
pub(super) fn show(context: &Context, args: &ShowArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let setup = context.setup(&repo)?;
    let tip = history::tip(&repo, &setup.branch, &setup.remote)?;
    let commit = history::resolve(&repo, &args.commit, Some(tip))?;
    let entry = history::show(&repo, commit)?;
    let mut out = context.paged();
    if context.json() {
        out.json(&serde_json::json!({"schema": "orgkeep/show/1", "commit": entry}))?;
        return Ok(Outcome::Done);
    }
    let paint = context.paint();
    out.line(&paint.paint(Tone::Commit, &format!("commit {}", entry.commit)))?;
    out.line(&format!(
        "Author: {} <{}>",
        text::one_line(&entry.author),
        text::one_line(&entry.email)
    ))?;
    out.line(&format!("Date:   {} UTC", entry.at.minute()))?;
    out.line(&format!("\n    {}\n", text::one_line(&entry.subject)))?;
    components(
        &mut out,
        &repo,
        &entry.components,
        paint,
        args.name_only,
        !args.no_patch,
    )?;
    out.finish()?;
    Ok(Outcome::Done)
}

/// Runs `orgkeep diff`.
pub(super) fn diff(context: &Context, args: &DiffArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let setup = context.setup(&repo)?;
    let tip = history::tip(&repo, &setup.branch, &setup.remote)?;
    let mut sides = args.sides.iter().peekable();
    let mut commits = Vec::new();
    while commits.len() < 2
        && let Some(side) = sides.peek()
    {
        match history::resolve(&repo, side, Some(tip)) {
            Ok(commit) => commits.push(commit),
            // What is no commit is a component, unless it is the first word.
            Err(err) if commits.is_empty() => return Err(err.into()),
            Err(_) => break,
        }
        sides.next();
    }
    let selectors: Vec<Selector> = sides.map(|it| Selector::parse(it)).collect();
    let (from, to) = match commits.as_slice() {
        [] => {
            let commit = repo.commit(tip)?;
            (commit.parents.first().copied().unwrap_or(tip), tip)
        }
        [from] => (*from, tip),
        [from, to, ..] => (*from, *to),
    };
    let detail = if args.name_only {
        Detail::Names
    } else {
        Detail::Elements
    };
    let report = history::diff(&repo, from, to, &selectors, detail)?;
    print_comparison(context, &repo, &report, args.name_only, !args.no_patch)?;
    Ok(match report.differs() && args.exit_code {
        true => Outcome::Differs,
        false => Outcome::Done,
    })
}

/// Prints how two trees differ.
pub(super) fn print_comparison(
    context: &Context,
    repo: &Repository,
    report: &Comparison,
    name_only: bool,
    patch: bool,
) -> Result<(), CommandError> {
    let mut out = context.paged();
    if context.json() {
        out.json(report)?;
        return Ok(());
    }
    let paint = context.paint();
    components(&mut out, repo, &report.components, paint, name_only, patch)?;
    for file in &report.others {
        out.line(&format!("~ {}", text::one_line(&file.path)))?;
        if patch && !name_only {
            file_patch(&mut out, repo, file, paint)?;
        }
    }
    out.finish()?;
    Ok(())
}

fn components(
    out: &mut Out,
    repo: &Repository,
    components: &[ChangedComponent],
    paint: Paint,
    name_only: bool,
    patch: bool,
) -> Result<(), CommandError> {
    for component in components {
        if name_only {
            out.line(&text::one_line(&component.component.to_string()))?;
            continue;
        }
        component_lines(out, component, paint, "")?;
    }
    if patch && !name_only {
        for file in components.iter().flat_map(|it| &it.files) {
            file_patch(out, repo, file, paint)?;
        }
    }
    Ok(())
}

fn component_lines(
    out: &mut Out,
    component: &ChangedComponent,
    paint: Paint,
    indent: &str,
) -> Result<(), CommandError> {
    let (sign, tone) = match component.change {
        ComponentChangeKind::Added => ("+", Tone::Added),
        ComponentChangeKind::Deleted => ("−", Tone::Removed),
        ComponentChangeKind::Changed => ("~", Tone::Changed),
    };
    let key = &component.component;
    let with = component
        .with
        .as_deref()
        .map(|it| format!("  {it}"))
        .unwrap_or_default();
    out.line(&format!(
        "{indent}{} {} {}{}",
        paint.paint(tone, sign),
        key.type_name,
        text::one_line(key.name.as_str()),
        text::one_line(&with)
    ))?;
    for detail in &component.details {
        out.line(&format!("{indent}    {}", text::one_line(detail)))?;
    }
    Ok(())
}

fn file_patch(
    out: &mut Out,
    repo: &Repository,
    file: &history::ChangedFile,
    paint: Paint,
) -> Result<(), CommandError> {
    let path = text::one_line(&file.path);
    out.line(&paint.paint(Tone::Strong, &format!("\n--- {path}")))?;
    match history::file_diff(repo, file)? {
        FileDiff::Text(hunks) => {
            for hunk in hunks {
                let head = format!(
                    "@@ -{},{} +{},{} @@",
                    hunk.before_start, hunk.n_before, hunk.after_start, hunk.n_after
                );
                out.line(&paint.paint(Tone::Dim, &head))?;
                for line in hunk.lines {
                    let (sign, tone) = match line.tag {
                        Tag::Added => ('+', Some(Tone::Added)),
                        Tag::Removed => ('-', Some(Tone::Removed)),
                        Tag::Same => (' ', None),
                    };
                    let end = match line.end {
                        LineEnd::None => "\n\\ No newline at end of file",
                        LineEnd::CrLf => "␍",
                        LineEnd::Lf => "",
                    };
                    let shown = format!("{sign}{}", text::printable(&line.text));
                    let shown = tone.map_or(shown.clone(), |tone| paint.paint(tone, &shown));
                    out.line(&format!("{shown}{end}"))?;
                }
            }
        }
        FileDiff::Binary { before, after } => {
            out.line(&format!("binary, {before} → {after} bytes"))?;
        }
    }
    Ok(())
}

fn log_line(entry: &LogEntry, paint: Paint) -> String {
    format!(
        "{}  {}  {}  {}",
        paint.paint(Tone::Commit, &entry.commit[..7]),
        paint.paint(Tone::Dim, &entry.at.minute()),
        paint.paint(
            Tone::Strong,
            &format!("{:<12}", text::one_line(&entry.author))
        ),
        text::one_line(&entry.subject)
    )
}

fn selectors(texts: &[String]) -> Vec<Selector> {
    texts.iter().map(|it| Selector::parse(it)).collect()
}

fn parse_since(text: &str) -> Result<Timestamp, CommandError> {
    let whole = if text.len() == 10 {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    whole.parse().map_err(|_| {
        CommandError::usage(
            format!("`{text}` is not a day or a time"),
            Some(
                "write a day such as `2026-11-21`, or a time such as `2026-11-21T14:02:00Z`"
                    .to_owned(),
            ),
        )
    })
}
