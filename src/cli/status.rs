//! `orgkeep status`

use clap::Args;

use super::{CommandError, Context, Outcome, changes::sign, output::Tone, text};
use crate::{
    diff::tree::ComponentChangeKind,
    ops::snapshot::{self, StatusChange, StatusReport},
};

/// Show what changed in the org since the last snapshot
///
/// Lists the org and compares ids and dates; nothing is retrieved. What has no date that can be
/// trusted, such as settings and translations, shows in a snapshot only; so does what changed
/// and was changed back. `diff --live` looks at the content.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  orgkeep status\n  orgkeep status --exit-code --json")]
pub(super) struct StatusArgs {
    /// Exit with status 4 where something differs
    #[arg(long)]
    exit_code: bool,
}

/// Runs `orgkeep status`.
pub(super) async fn run(context: &Context, args: &StatusArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, setup) = context.settings(&repo)?;
    let org = context.open_org_of(&config).await?;
    let report = snapshot::status(&org, &repo, &setup, context.monitor()).await?;
    print(context, &report)?;
    Ok(match report.differs() && args.exit_code {
        true => Outcome::Differs,
        false if !report.gaps.is_empty() => Outcome::Partial,
        false => Outcome::Done,
    })
}

fn print(context: &Context, report: &StatusReport) -> Result<(), CommandError> {
    let mut out = context.paged();
    if context.json() {
        out.json(report)?;
        return Ok(());
    }
    let paint = context.paint();
    for change in &report.changes {
        let (sign, tone) = sign(change.change);
        out.line(&format!(
            "{} {} {}",
            paint.paint(tone, sign),
            text::one_line(&change.component.to_string()),
            paint.paint(Tone::Dim, &what_happened(change)),
        ))?;
    }
    for gap in &report.gaps {
        out.line(&format!(
            "{} {}  {}: {}",
            paint.paint(Tone::Removed, "!"),
            text::one_line(&gap.what),
            gap.kind.word(),
            text::one_line(&gap.reason)
        ))?;
    }
    let since = report
        .listed_at
        .map(|it| format!(" since {} UTC", it.minute()))
        .unwrap_or_default();
    let n = report.changes.len();
    let summary = match n {
        0 => format!("no change by date{since}"),
        1 => format!("1 component differs by date{since}"),
        n => format!("{n} components differ by date{since}"),
    };
    out.line(&format!(
        "{summary}; {} of {} components have no date to go by",
        report.n_undated, report.n_components
    ))?;
    out.finish()?;
    Ok(())
}

fn what_happened(change: &StatusChange) -> String {
    let verb = match change.change {
        ComponentChangeKind::Added => "created",
        ComponentChangeKind::Deleted => "gone",
        ComponentChangeKind::Changed => "changed",
    };
    let mut out = match change.known_by {
        Some(what) => format!("{what} changed"),
        None => verb.to_owned(),
    };
    if let Some(at) = change.at {
        out.push(' ');
        out.push_str(&at.minute());
    }
    if let Some(by) = &change.by {
        out.push_str(" by ");
        out.push_str(&text::one_line(by));
    }
    out
}
