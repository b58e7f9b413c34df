//! `orgkeep bypass`

use clap::{Args, Subcommand};

use super::{CommandError, Context, Outcome, text};
use crate::{
    ledger::Bypasses,
    ops::bypass::{Switchboard, noted},
    plan::commits::counted,
};

/// Show automation that a restore has switched off, and switch it on again
///
/// `orgkeep records restore --bypass` switches rules, triggers and flows off and on again. What
/// it switches is noted in the repository before the first deploy; where it was interrupted,
/// `orgkeep bypass restore` switches on what the notes say. It may be run as often as one likes,
/// and turns only the switches: what others edited meanwhile stays.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep bypass\n  \
    orgkeep bypass restore")]
pub(super) struct BypassArgs {
    #[command(subcommand)]
    word: Option<BypassWord>,
}

#[derive(Debug, Subcommand)]
enum BypassWord {
    /// Switch on again what is off
    Restore,
}

/// Runs `orgkeep bypass`.
pub(super) async fn run(context: &Context, args: BypassArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, setup) = context.settings(&repo)?;
    let org = context.open_org_of(&config).await?;
    let identity = org.identity().await?;
    if args.word.is_none() {
        return list(context, &noted(&repo, identity.org.id)?);
    }
    let board = Switchboard {
        org: &org,
        repo: &repo,
        setup: &setup,
        identity: &identity,
        monitor: context.monitor(),
    };
    let report = board.restore().await?;
    let mut out = context.out();
    if context.json() {
        out.json(&serde_json::json!({"schema": "orgkeep/bypass-restore/1", "result": report}))?;
    } else if report.on.is_empty() && report.gone.is_empty() {
        out.line("nothing is off")?;
    } else {
        out.line(&format!(
            "{} on as before",
            counted(report.on.len(), "component")
        ))?;
        for gone in &report.gone {
            out.line(&format!("! {} is not there any more", text::one_line(gone)))?;
        }
    }
    Ok(if report.gone.is_empty() {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}

fn list(context: &Context, notes: &Bypasses) -> Result<Outcome, CommandError> {
    let mut out = context.out();
    if context.json() {
        out.json(&serde_json::json!({"schema": "orgkeep/bypass/1", "open": notes.open, "past": notes.past}))?;
        return Ok(Outcome::Done);
    }
    for past in &notes.past {
        let components = past.components.join(", ");
        out.line(&format!(
            "{} to {}  {}  {}",
            past.at.minute(),
            past.until.minute(),
            text::one_line(&past.name),
            text::one_line(&components)
        ))?;
    }
    let Some(open) = &notes.open else {
        out.line("nothing is off")?;
        return Ok(Outcome::Done);
    };
    for component in open.switches.keys() {
        out.line(&format!(
            "! off since {}, by {}: {}",
            open.at.minute(),
            text::one_line(&open.name),
            text::one_line(component)
        ))?;
    }
    context.say("hint: `orgkeep bypass restore` switches it on again");
    Ok(Outcome::Partial)
}
