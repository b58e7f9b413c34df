//! `orgkeep records erase` and `orgkeep records prune`

use clap::Args;

use crate::{
    cli::{CommandError, Context, Outcome, init::now, output::Tone, text, when},
    model::RecordId,
    ops::records::{
        Place, erase,
        prune::{self, Act},
    },
    plan::commits::counted,
};

/// Keep rows out of the records from now on
///
/// Takes the rows out of the present tree and of every later export, and says which branches still
/// hold them in their history. `records prune` cuts those, one period at a time.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  orgkeep records erase 0033h00000Ffg18AAB")]
pub(super) struct EraseArgs {
    /// Id of a row
    #[arg(value_name = "ID", required = true)]
    ids: Vec<RecordId>,
}

/// Delete the records of whole periods
///
/// Deletes the branches of the periods that ended at or before DATE, their copies here and the tags
/// on them. The latest period stays. Without `--yes` it only says what would go.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep records prune --before 2026-01-01\n  \
    orgkeep records prune --before 2026-01-01 --yes")]
pub(super) struct PruneArgs {
    /// Day
    #[arg(long, value_name = "DATE")]
    before: String,

    /// Do it
    #[arg(long)]
    yes: bool,
}

/// Runs `orgkeep records erase`.
pub(super) fn erase(context: &Context, args: &EraseArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, setup) = context.settings(&repo)?;
    let other = super::other_repository(context, &repo, &config)?;
    let repo = other.as_ref().unwrap_or(&repo);
    let place = Place::of(&config);
    let ids = args.ids.iter().copied().collect();
    let report = erase::erase(repo, &place, &setup, &ids, now(), context.monitor())?;
    let mut out = context.out();
    if context.json() {
        out.json(&report)?;
        return Ok(Outcome::Done);
    }
    let paint = context.paint();
    match &report.commit {
        Some(commit) => out.line(&format!(
            "{}  {} taken out, and kept out of later exports",
            paint.paint(Tone::Commit, &commit[..7]),
            counted(report.rows.len(), "row")
        ))?,
        None => out.line("these rows were erased before")?,
    }
    for (branch, n) in &report.held {
        out.line(&format!(
            "{} {} still has them in {}",
            paint.paint(Tone::Removed, "!"),
            text::one_line(branch),
            counted(usize::try_from(*n).unwrap_or(usize::MAX), "commit")
        ))?;
    }
    if !report.held.is_empty() {
        context.say(
            "hint: cut a period with `orgkeep records prune --before DATE --yes` once it is over, then \
             `git gc --prune=now`; delete its branch on every remote and in every clone",
        );
    }
    Ok(Outcome::Done)
}

/// Runs `orgkeep records prune`.
pub(super) fn prune(context: &Context, args: &PruneArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, _) = context.settings(&repo)?;
    let other = super::other_repository(context, &repo, &config)?;
    let repo = other.as_ref().unwrap_or(&repo);
    let place = Place::of(&config);
    let before = when::parse(&args.before)?.day();
    let act = if args.yes { Act::Prune } else { Act::Look };
    let report = prune::prune(repo, &place, &before, act)?;
    let mut out = context.out();
    if context.json() {
        out.json(&report)?;
        return Ok(Outcome::Done);
    }
    let paint = context.paint();
    let word = if report.done {
        "deleted"
    } else {
        "would delete"
    };
    for branch in &report.branches {
        let line = format!("{word} branch {}", text::one_line(branch));
        out.line(&paint.paint(Tone::Removed, &line))?;
    }
    for tag in &report.tags {
        let line = format!("{word} tag {}", text::one_line(tag));
        out.line(&paint.paint(Tone::Removed, &line))?;
    }
    if report.files > 0 {
        let files = counted(usize::try_from(report.files).unwrap_or(usize::MAX), "file");
        out.line(&format!("{word} {files} of Git LFS here"))?;
    }
    if report.branches.is_empty() {
        out.line(&format!("no period ended at or before {before}"))?;
    } else if report.done {
        context.say(&format!(
            "hint: the rows lie in the repository until `git gc --prune=now`, and on the remote until \
             `git push {} --delete BRANCH`",
            place.remote
        ));
    } else {
        context.say("hint: say `--yes` to do it");
    }
    Ok(Outcome::Done)
}
