//! `orgkeep upgrade-api`

use clap::Args;

use super::{CommandError, Context, Outcome, output::Tone};
use crate::{
    model::ApiVersion,
    ops::upgrade_api::{self, Mode},
};

/// Raise the API version that the history is written in
///
/// Needs no org: writes the version into orgkeep.toml and sfdx-project.json. The next snapshot
/// takes the org's changes in the old version first, and then what the new version adds in a
/// commit of its own, labelled so: nobody is blamed for it. A version is never lowered.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  orgkeep upgrade-api --dry-run\n  orgkeep upgrade-api 66.0")]
pub(super) struct UpgradeApiArgs {
    /// Version (default: the newest whose types this release knows)
    #[arg(value_name = "VERSION")]
    to: Option<ApiVersion>,

    /// Only say what would be written
    #[arg(long)]
    dry_run: bool,
}

/// Runs `orgkeep upgrade-api`.
pub(super) fn run(context: &Context, args: &UpgradeApiArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let mode = if args.dry_run {
        Mode::DryRun
    } else {
        Mode::Write
    };
    let report = upgrade_api::upgrade_api(&repo, args.to, mode)?;
    let mut out = context.out();
    if context.json() {
        out.json(&report)?;
        return Ok(Outcome::Done);
    }
    if report.files.is_empty() {
        out.line(&format!("the API version is {} already", report.to))?;
        return Ok(Outcome::Done);
    }
    let paint = context.paint();
    for path in &report.files {
        out.line(&format!(
            "{} {path}  API version {}",
            paint.paint(Tone::Changed, "~"),
            report.to
        ))?;
    }
    if report.known < report.to {
        context.say(&format!(
            "warning: this release knows the types of {}; newer ones are kept as they come, in `unmapped/`",
            report.known
        ));
    }
    if report.dry_run {
        context.say("hint: nothing was written; leave `--dry-run` out to write it");
    } else {
        context.say("hint: commit this; the next snapshot writes the tree in the new version");
    }
    Ok(Outcome::Done)
}
