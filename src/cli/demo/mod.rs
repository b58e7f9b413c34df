//! `orgkeep demo`: the main job on the embedded simulated org.
//!
//! Plays a story with the commands a user would type. Each runs as a process of
//! its own, so what is shown is what they print.

mod company;
mod stage;

use std::{
    io::{IsTerminal, Read, Write as _},
    path::PathBuf,
};

use clap::Args;

use self::stage::Stage;
use super::{CommandError, Context, Outcome, output::Tone};
use crate::simorg::serve::{self, Options};

/// Play the main job on a simulated org
///
/// Starts a simulated org with a small company in it, takes a snapshot, lets two people change
/// the org, takes another, shows who did what, and rolls a deleted field back. Every command and
/// its output is real.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  orgkeep demo\n  orgkeep demo --keep acme")]
pub(super) struct DemoArgs {
    /// Make DIR the repository, and keep the org up after the story
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Runs `orgkeep demo`.
pub(super) fn run(context: &Context, args: &DemoArgs) -> Result<Outcome, CommandError> {
    let org = serve::start(&Options::default()).map_err(|err| CommandError::failed(&err, None))?;
    let scratch = tempfile::tempdir()?;
    let repo = match &args.keep {
        Some(dir) => {
            std::fs::create_dir_all(dir)?;
            if std::fs::read_dir(dir)?.next().is_some() {
                return Err(CommandError::refused(
                    &format!("`{}` is not empty", dir.display()),
                    "name a folder that is not there, or an empty one",
                ));
            }
            dir.canonicalize()?
        }
        None => scratch.path().join("acme"),
    };
    std::fs::create_dir_all(&repo)?;
    let stage = Stage {
        context,
        org: &org,
        repo: &repo,
    };
    story(&stage)?;
    if args.keep.is_some() {
        stage.say("")?;
        stage.say(&context.paint().paint(
            Tone::Strong,
            "The org stays up until you press Ctrl-C here. Go on by hand, in another terminal:",
        ))?;
        let admin = &org.ready.users[0];
        stage.say(&format!("  cd {}", repo.display()))?;
        stage.say(&format!("  export SF_ORG_INSTANCE_URL={}", org.url()))?;
        stage.say(&format!("  export SF_ACCESS_TOKEN='{}'", admin.token))?;
        for line in [
            "  orgkeep log",
            "  orgkeep log CustomField:Account.Region__c",
            "  orgkeep show HEAD",
            "  orgkeep diff HEAD~1",
            "  orgkeep status",
            "  orgkeep snapshot --tag before-the-project -m 'Before we touch the sales process'",
            "  orgkeep rollback --to before-the-project ApexClass:OpportunityService",
        ] {
            stage.say(line)?;
        }
        wait(&org)?;
    }
    org.shut_down();
    Ok(Outcome::Done)
}

/// The story, as far as it is told by commands.
fn story(stage: &Stage<'_>) -> Result<(), CommandError> {
    stage.title("Acme Outdoor has an org. Keep it under Git.")?;
    stage.command(&["init"], &[0])?;
    stage.command(&["snapshot"], &[0])?;
    let first = stage.head()?;

    stage
        .title("Next day, Jane deletes the field Account.Region__c, with a deploy of her own …")?;
    stage.advance("17h")?;
    stage.deploy("Jane Doe", "jane")?;
    stage.title(
        "… and Omar edits a report, a validation rule and an Apex class, and activates a flow.",
    )?;
    stage.advance("40m")?;
    stage.deploy("Omar Haddad", "omar")?;
    stage.deploy("Omar Haddad", "flow")?;

    stage.title("The nightly snapshot sees it.")?;
    stage.advance("5h")?;
    stage.command(&["snapshot"], &[0])?;
    stage.command(&["log"], &[0])?;
    stage.command(&["diff", &first, "HEAD", "--no-patch"], &[0])?;

    stage.title("Who deleted the field, and what would it take to bring it back?")?;
    stage.command(&["log", "CustomField:Account.Region__c"], &[0])?;
    stage.command(
        &["rollback", "--to", &first, "CustomField:Account.Region__c"],
        &[0, 1, 2, 3],
    )?;

    stage.title("Bring it back, with every place that used it. Omar's edits stay.")?;
    stage.command(
        &[
            "rollback",
            "--to",
            &first,
            "CustomField:Account.Region__c",
            "--yes",
        ],
        &[0],
    )?;
    stage.command(&["snapshot"], &[0])?;

    stage.title("The proof: against the first snapshot only Omar's edits differ.")?;
    let left = stage.command(&["diff", &first, "HEAD", "--name-only"], &[0])?;
    company::check(&left)?;
    stage.say(&stage.context.paint().paint(
        Tone::Added,
        "✓ the field and every place that used it are as they were, and Omar's edits are still there",
    ))
}

/// Waits for Ctrl-C, or, where nobody can press it, for the end of standard input.
fn wait(org: &serve::Running) -> Result<(), CommandError> {
    std::io::stdout().flush()?;
    if std::io::stdin().is_terminal() {
        org.signals()?.wait()?;
        return Ok(());
    }
    let mut rest = Vec::new();
    std::io::stdin().lock().read_to_end(&mut rest)?;
    Ok(())
}
