//! `orgkeep accept`

use clap::Args;

use super::{CommandError, Context, Outcome, init, output::Tone, text};
use crate::ops::accept::{self, AcceptReport, Choice, KnownGap};

/// List the gaps of the last snapshot, or accept those that are known
///
/// A snapshot that lacks something ends with status 3 until somebody has accepted the gap, with
/// a reason. An accepted gap is counted and no longer makes a run end with 3; a new one does,
/// and so does one that was closed and comes back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep accept\n  \
    orgkeep accept 'Report:Private/*' --because \"folders of people who left\"\n  \
    orgkeep accept --all --because \"known since the migration\"")]
pub(super) struct AcceptArgs {
    /// What is lacking, as the list names it; patterns such as `Report:*` are allowed
    #[arg(value_name = "GAP", requires = "because", conflicts_with = "all")]
    gaps: Vec<String>,

    /// Accept every gap that is open
    #[arg(long, requires = "because")]
    all: bool,

    /// Why one can live with it
    #[arg(long, value_name = "WHY")]
    because: Option<String>,
}

/// Runs `orgkeep accept`.
pub(super) fn run(context: &Context, args: AcceptArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (_, setup) = context.settings(&repo)?;
    let report = match args.because {
        Some(because) if args.all || !args.gaps.is_empty() => {
            let choice = Choice {
                patterns: args.gaps,
                because,
                who: init::who(context, &repo),
                at: init::now(),
            };
            accept::accept(&repo, &setup, &choice, context.monitor())?
        }
        Some(_) => {
            let hint = "name gaps as `orgkeep accept` lists them, or say `--all`";
            return Err(CommandError::usage("no gap is named", hint.to_owned()));
        }
        None => accept::gaps(&repo, &setup)?,
    };
    print(context, &report)?;
    Ok(Outcome::Done)
}

fn print(context: &Context, report: &AcceptReport) -> Result<(), CommandError> {
    let mut out = context.out();
    if context.json() {
        out.json(report)?;
        return Ok(());
    }
    if report.commit.is_some() {
        for known in report.gaps.iter().filter(|it| it.is_new) {
            out.line(&line(context, known))?;
        }
        return Ok(());
    }
    for known in &report.gaps {
        out.line(&line(context, known))?;
    }
    if report.gaps.is_empty() {
        out.line(&format!(
            "the last snapshot on {} has no gap",
            text::one_line(&report.branch)
        ))?;
    }
    Ok(())
}

fn line(context: &Context, known: &KnownGap) -> String {
    let paint = context.paint();
    let gap = format!(
        "{}  {}: {}",
        text::one_line(&known.gap.what),
        known.gap.kind.word(),
        text::one_line(&known.gap.reason)
    );
    match &known.because {
        Some(because) => format!(
            "{} {gap}\n    accepted: {}",
            paint.paint(Tone::Dim, "="),
            text::one_line(because)
        ),
        None if known.gap.kind.is_expected() => format!("{} {gap}", paint.paint(Tone::Dim, "·")),
        None => format!("{} {gap}", paint.paint(Tone::Removed, "!")),
    }
}
