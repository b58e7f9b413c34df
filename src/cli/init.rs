//! `orgkeep init`

use std::path::PathBuf;

use clap::Args;

use super::{CommandError, Context, Outcome, output::Tone, text};
use crate::{model::Timestamp, ops::init, store::Repository};

/// Make a folder ready for snapshots
///
/// Needs no org and asks nothing: makes DIR and a Git repository where they are not there,
/// writes and commits a commented orgkeep.toml and the files that `sf` and Git need. In an
/// existing repository or DX project it adds what is missing and overwrites nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  orgkeep init acme\n  orgkeep init --branch org/prod")]
pub(super) struct InitArgs {
    /// Folder (default: the one you are in)
    dir: Option<PathBuf>,

    /// Branch that snapshots go to (default: the one that is checked out, else main)
    #[arg(long)]
    branch: Option<String>,
}

/// Runs `orgkeep init`.
pub(super) fn run(context: &Context, args: &InitArgs) -> Result<Outcome, CommandError> {
    let dir = match &args.dir {
        Some(dir) => context.dir().join(dir),
        None => context.dir(),
    };
    std::fs::create_dir_all(&dir)?;
    let report = init::init(
        &dir,
        args.branch.as_deref(),
        &|repo| who(context, repo),
        now(),
        context.store_options(),
        context.monitor(),
    )?;
    let mut out = context.out();
    if context.json() {
        out.json(&report)?;
        return Ok(Outcome::Done);
    }
    let paint = context.paint();
    for path in &report.written {
        out.line(&format!("{} {path}", paint.paint(Tone::Added, "+")))?;
    }
    for path in &report.kept {
        out.line(&format!(
            "{} {path}  was there",
            paint.paint(Tone::Dim, "=")
        ))?;
    }
    for line in &report.advice {
        context.say(&format!("hint: {}", text::one_line(line)));
    }
    Ok(Outcome::Done)
}

/// Name and address of the user, as Git knows them.
pub(super) fn who(context: &Context, repo: &Repository) -> (String, String) {
    let value = |variable: &str, key: &str, default: &str| {
        context
            .variable(variable)
            .map(str::to_owned)
            .or_else(|| repo.config_text(key))
            .unwrap_or_else(|| default.to_owned())
    };
    (
        value("GIT_AUTHOR_NAME", "user.name", "orgkeep"),
        value("GIT_AUTHOR_EMAIL", "user.email", "orgkeep@localhost"),
    )
}

/// The time by this machine's clock; only commits that no org has a part in are dated by it.
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis())
        .ok()
        .and_then(Timestamp::from_millis)
        .unwrap_or(Timestamp::UNKNOWN)
}
