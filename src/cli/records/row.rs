//! `orgkeep records log` and `orgkeep records show`

use std::{fs::File, path::PathBuf};

use clap::Args;

use crate::{
    cli::{CommandError, Context, Outcome, output::Tone, text},
    model::RecordId,
    ops::records::{Place, read},
};

/// Show what happened to one row, the latest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  orgkeep records log 0013h00000Ffg18AAB")]
pub(super) struct LogArgs {
    /// Id of the row
    #[arg(value_name = "ID")]
    id: RecordId,
}

/// Show one row as it was exported
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep records show 0013h00000Ffg18AAB\n  \
    orgkeep records show 0013h00000Ffg18AAB --at 2026-11-20\n  \
    orgkeep records show 0683h00000Ffg18AAB --save contract.pdf")]
pub(super) struct ShowArgs {
    /// Id of the row
    #[arg(value_name = "ID")]
    id: RecordId,

    /// Commit, tag, snapshot or date (default: the last export)
    #[arg(long, value_name = "COMMIT")]
    at: Option<String>,

    /// Write the file that the row stands for to PATH, which must not be there yet
    #[arg(long, value_name = "PATH")]
    save: Option<PathBuf>,
}

/// Runs `orgkeep records log`.
pub(super) fn log(context: &Context, args: &LogArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, _) = context.settings(&repo)?;
    let other = super::other_repository(context, &repo, &config)?;
    let repo = other.as_ref().unwrap_or(&repo);
    let changes = read::log(repo, &Place::of(&config), args.id)?;
    let mut out = context.paged();
    if context.json() {
        out.json(&serde_json::json!({
            "schema": "orgkeep/records-log/1", "id": args.id, "changes": changes,
        }))?;
        return Ok(Outcome::Done);
    }
    let paint = context.paint();
    if changes.is_empty() {
        out.line("no export has that row")?;
    }
    for change in &changes {
        let by = change.by.as_deref().map(|it| format!("  by {it}"));
        out.line(&format!(
            "{}  {}  {}{}",
            paint.paint(Tone::Commit, &change.commit[..7]),
            change.changed_at.unwrap_or(change.at).minute(),
            change.change,
            text::one_line(&by.unwrap_or_default()),
        ))?;
        for (field, (before, after)) in &change.fields {
            let cell = |it: &Option<String>| match it {
                Some(it) => text::one_line(it),
                None => "(null)".to_owned(),
            };
            out.line(&format!("    {field}: {} → {}", cell(before), cell(after)))?;
        }
    }
    out.finish()?;
    Ok(Outcome::Done)
}

/// Runs `orgkeep records show`.
pub(super) fn show(context: &Context, args: &ShowArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, _) = context.settings(&repo)?;
    let other = super::other_repository(context, &repo, &config)?;
    let repo = other.as_ref().unwrap_or(&repo);
    let place = Place::of(&config);
    let at = match &args.at {
        Some(text) => place.resolve(repo, text)?,
        None => place.require_tip(repo)?,
    };
    let row = read::show(repo, at, args.id)?;
    if let Some(path) = &args.save {
        let mut body = read::body(repo, at, args.id)?;
        let mut into = File::create_new(path)?;
        std::io::copy(&mut body, &mut into)?;
    }
    let mut out = context.paged();
    if context.json() {
        out.json(&serde_json::json!({"schema": "orgkeep/records-show/1", "row": row}))?;
        return Ok(Outcome::Done);
    }
    let paint = context.paint();
    out.line(&format!(
        "{} {}  {}  {} UTC",
        paint.paint(Tone::Strong, row.object.as_str()),
        row.id,
        paint.paint(Tone::Commit, &row.commit[..7]),
        row.at.minute()
    ))?;
    let width = row.fields.keys().map(|it| it.as_str().len()).max();
    let width = width.unwrap_or(0);
    for (field, cell) in &row.fields {
        let cell = match cell {
            Some(cell) => text::one_line(cell),
            None => paint.paint(Tone::Dim, "(null)"),
        };
        out.line(&format!("  {:<width$}  {cell}", field.as_str()))?;
    }
    if let Some(body) = &row.body {
        let stale = if body.is_stale {
            ", of an earlier state of the row"
        } else {
            ""
        };
        out.line(&format!(
            "  file of {} bytes{stale}, SHA-256 {}",
            body.bytes, body.sha256
        ))?;
    }
    out.finish()?;
    Ok(Outcome::Done)
}
