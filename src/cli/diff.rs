//! `orgkeep diff`

use clap::Args;

use super::{
    CommandError, Context, Outcome,
    changes::{components, file_patch},
    page,
    planned::{Format, ReportArgs},
    text,
};
use crate::{
    ops::{
        history::{self, Comparison, Detail},
        snapshot,
    },
    plan::select::Selector,
    store::Repository,
};

/// Show what differs between two commits, or between a commit and the tip
///
/// By component and element, with the text diff below. Either side may be a commit that
/// orgkeep did not write.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep diff HEAD~1\n  \
    orgkeep diff before-the-project HEAD 'Layout:*'\n  \
    orgkeep diff 2026-11-01 --name-only --exit-code\n  \
    orgkeep diff --live\n  \
    orgkeep diff --live before-the-project 'Layout:*'")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of the command line"
)]
pub(super) struct DiffArgs {
    /// One or two commits, tags, snapshots or dates; then components
    #[arg(value_name = "A [B] [COMPONENT…]")]
    sides: Vec<String>,

    /// Compare with the org as it is now: what changed in it is retrieved and not committed
    #[arg(long)]
    live: bool,

    /// Show only the names of components
    #[arg(long)]
    name_only: bool,

    /// Show no text diff
    #[arg(long)]
    no_patch: bool,

    /// Exit with status 4 where something differs
    #[arg(long)]
    exit_code: bool,

    #[command(flatten)]
    report: ReportArgs,
}

/// Runs `orgkeep diff`.
pub(super) async fn run(context: &Context, args: &DiffArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, setup) = context.settings(&repo)?;
    let tip = history::tip(&repo, &setup.branch, &setup.remote)?;
    let mut sides = args.sides.iter().peekable();
    let mut commits = Vec::new();
    let n_sides = if args.live { 1 } else { 2 };
    while commits.len() < n_sides
        && let Some(side) = sides.peek()
    {
        match history::resolve(&repo, side, Some(tip)) {
            Ok(commit) => commits.push(commit),
            // What is no commit is a component, unless it is the first word.
            Err(err) if commits.is_empty() && !args.live => return Err(err.into()),
            Err(_) => break,
        }
        sides.next();
    }
    let selectors: Vec<Selector> = sides.map(|it| Selector::parse(it)).collect();
    let detail = if args.name_only {
        Detail::Names
    } else {
        Detail::Elements
    };
    if args.live {
        let from = commits.first().copied().unwrap_or(tip);
        let org = context.open_org_of(&config).await?;
        let monitor = context.monitor();
        let report =
            snapshot::diff_with_org(&org, &repo, &setup, from, &selectors, detail, monitor).await?;
        print_comparison(context, &repo, &report, args)?;
        return Ok(outcome(&report, args));
    }
    let (from, to) = match commits.as_slice() {
        [] => {
            let commit = repo.commit(tip)?;
            (commit.parents.first().copied().unwrap_or(tip), tip)
        }
        [from] => (*from, tip),
        [from, to, ..] => (*from, *to),
    };
    let report = history::diff(&repo, &setup, from, to, &selectors, detail)?;
    print_comparison(context, &repo, &report, args)?;
    Ok(outcome(&report, args))
}

fn outcome(report: &Comparison, args: &DiffArgs) -> Outcome {
    if !report.gaps.is_empty() {
        return Outcome::Partial;
    }
    match report.differs() && args.exit_code {
        true => Outcome::Differs,
        false => Outcome::Done,
    }
}

/// Prints how two trees differ.
fn print_comparison(
    context: &Context,
    repo: &Repository,
    report: &Comparison,
    args: &DiffArgs,
) -> Result<(), CommandError> {
    let (name_only, patch) = (args.name_only, !args.no_patch);
    args.report
        .tell(context, || page::of_difference(report, repo))?;
    if args.report.format == Format::Markdown && !context.json() {
        return Ok(());
    }
    let mut out = context.paged();
    if context.json() {
        out.json(report)?;
        return Ok(());
    }
    let paint = context.paint();
    let blobs = (repo, &report.contents);
    components(&mut out, blobs, &report.components, paint, name_only, patch)?;
    for file in &report.others {
        out.line(&format!("~ {}", text::one_line(&file.path)))?;
        if patch && !name_only {
            file_patch(&mut out, blobs, file, paint)?;
        }
    }
    out.finish()?;
    for gap in &report.gaps {
        context.say(&format!(
            "! {}: not compared: {}",
            text::one_line(&gap.what),
            text::one_line(&gap.reason)
        ));
    }
    Ok(())
}
