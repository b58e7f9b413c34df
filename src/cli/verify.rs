//! `orgkeep verify`

use clap::Args;

use super::{CommandError, Context, Outcome, output::Tone, text};
use crate::ops::snapshot::{self, TwiceReport};

/// Prove what a snapshot promises
///
/// `--twice` retrieves everything twice and compares the two as they would be committed. What
/// differs though nobody changed it is noise that no rule holds still; it is named as a rule that
/// one could add. Nothing is committed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  orgkeep verify --twice\n  orgkeep verify --twice --exit-code --json"
)]
pub(super) struct VerifyArgs {
    /// Retrieve everything twice and name what differs
    #[arg(long, required = true)]
    twice: bool,

    /// Exit with status 4 where something differs
    #[arg(long)]
    exit_code: bool,
}

/// Runs `orgkeep verify`.
pub(super) async fn run(context: &Context, args: &VerifyArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, setup) = context.settings(&repo)?;
    let org = context.open_org_of(&config).await?;
    let report = snapshot::retrieve_twice(&org, &repo, &setup, context.monitor()).await?;
    print(context, &report)?;
    Ok(match !report.noise.is_empty() && args.exit_code {
        true => Outcome::Differs,
        false => Outcome::Done,
    })
}

fn print(context: &Context, report: &TwiceReport) -> Result<(), CommandError> {
    let mut out = context.paged();
    if context.json() {
        out.json(report)?;
        return Ok(());
    }
    let paint = context.paint();
    for noise in &report.noise {
        out.line(&format!(
            "{} {}  {}",
            paint.paint(Tone::Changed, "~"),
            text::one_line(&noise.type_name),
            text::one_line(&noise.what),
        ))?;
        let more = match noise.n_files {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        let place = format!("    {}{more}", text::one_line(noise.example.as_str()));
        out.line(&paint.paint(Tone::Dim, &place))?;
    }
    for key in &report.changed_meanwhile {
        let key = text::one_line(&key.to_string());
        out.line(&paint.paint(Tone::Dim, &format!("{key} was changed meanwhile")))?;
    }
    let n = report.n_files;
    let level = report.level;
    out.line(&match report.noise.len() {
        0 => format!("two retrieves gave the same {n} files ({level})"),
        1 => format!("one kind of noise in {n} files ({level})"),
        kinds => format!("{kinds} kinds of noise in {n} files ({level})"),
    })?;
    Ok(())
}
