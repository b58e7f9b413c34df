//! `orgkeep show`

use std::collections::BTreeMap;

use clap::Args;

use super::{
    CommandError, Context, Outcome,
    changes::{components, phrases},
    output::Tone,
    text,
};
use crate::ops::history;

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

/// Runs `orgkeep show`.
pub(super) fn run(context: &Context, args: &ShowArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (_, setup) = context.settings(&repo)?;
    let tip = history::tip(&repo, &setup.branch, &setup.remote)?;
    let commit = history::resolve(&repo, &args.commit, Some(tip))?;
    let entry = history::show(&repo, setup.package_dir.as_str(), commit)?;
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
    for other in &entry.with {
        out.line(&format!("With:   {}", text::one_line(other)))?;
    }
    out.line(&format!("Date:   {} UTC", entry.at.minute()))?;
    out.line("")?;
    for line in phrases(&text::one_line(&entry.subject), paint, context.width(), 4) {
        out.line(&line)?;
    }
    for line in told_besides(&entry.body) {
        out.line(&format!("    {}", text::one_line(line)))?;
    }
    out.line("")?;
    let blobs = (&repo, &BTreeMap::new());
    components(
        &mut out,
        blobs,
        &entry.components,
        paint,
        args.name_only,
        !args.no_patch,
    )?;
    out.finish()?;
    Ok(Outcome::Done)
}

/// Lines of a message that do not tell of components: those are listed below it.
fn told_besides(body: &str) -> impl Iterator<Item = &str> {
    body.lines().filter(|it| {
        let line = it.trim_start();
        !line.is_empty() && !line.starts_with(['+', '~', '−', '…'])
    })
}
