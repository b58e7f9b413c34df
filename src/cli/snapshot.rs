//! `orgkeep snapshot`

use std::{collections::BTreeSet, io::Write as _};

use clap::Args;

use super::{CommandError, Context, Outcome, login, output::Tone, records, text};
use crate::{
    ops::{
        records::ExportReport,
        snapshot::{self, PushReport, SnapshotOptions, SnapshotReport},
    },
    plan::{commits::counted, select::Selector},
};

/// Retrieve an org's metadata and commit it
///
/// Retrieves what changed since the last snapshot, and everything at an interval. Each
/// person's changes become a commit of their own; without a change there is none. What the org
/// refuses to give stands in the ledger, the rest is committed, and the exit status is 3.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep snapshot\n  \
    orgkeep snapshot --tag before-the-project -m \"Before we touch the sales process\"\n  \
    orgkeep snapshot --only 'Report:Sales/*'\n  \
    orgkeep snapshot --tag before-the-import --records Account,Contact\n  \
    orgkeep snapshot --push\n  \
    orgkeep snapshot --dry-run")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of the command line"
)]
pub(super) struct SnapshotArgs {
    /// Retrieve everything, whatever its date says
    #[arg(long)]
    full: bool,

    /// Refresh only what SELECTOR names (can be repeated)
    #[arg(long, value_name = "SELECTOR", conflicts_with_all = ["full", "tag"])]
    only: Vec<String>,

    /// Take a full pass and mark it with an annotated tag, also where nothing changed
    #[arg(long, value_name = "NAME")]
    tag: Option<String>,

    /// Why the snapshot is taken
    #[arg(short, long, value_name = "WHY")]
    message: Option<String>,

    /// List and pack, but retrieve nothing
    #[arg(long)]
    dry_run: bool,

    /// Believe a listing that shows far less than before
    #[arg(long)]
    accept_deletions: bool,

    /// Tag secrets with the redaction key that is at hand, in place of the history's own
    #[arg(long, conflicts_with_all = ["only", "dry_run"])]
    new_key: bool,

    /// Go on from the remote's branch, and push branch, tag and state to it
    #[arg(long, conflicts_with = "dry_run")]
    push: bool,

    /// Read all rows of these objects as well, whatever orgkeep.toml lists: the backup before a data project
    #[arg(
        long,
        value_name = "OBJECT,…",
        value_delimiter = ',',
        conflicts_with = "dry_run"
    )]
    records: Vec<String>,
}

/// Runs `orgkeep snapshot`.
pub(super) async fn run(context: &Context, args: SnapshotArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, mut setup) = context.settings(&repo)?;
    if !setup.redact {
        context.say("warning: redact = \"off\": secrets go into the history for ever");
    }
    let options = SnapshotOptions {
        full: args.full,
        only: args.only.iter().map(|it| Selector::parse(it)).collect(),
        reach: None,
        fresh: BTreeSet::new(),
        tag: args.tag,
        message: args.message,
        dry_run: args.dry_run,
        accept_deletions: args.accept_deletions,
        push: args.push,
    };
    let records = records::Wanted::beside(&config, &options, &args.records);
    let secret = records.as_ref().map(|_| records::secret(context));
    let secret = secret.transpose()?.flatten();
    let org = context.open_org_of(&config).await?;
    let has_key = setup.redaction_key.is_some() || !setup.redact || options.dry_run;
    if !has_key && snapshot::begins_history(&repo, &setup)? {
        setup.redaction_key = login::make_redaction_key(context)?;
    }
    if args.new_key && setup.redaction_key.is_none() {
        return Err(CommandError::usage(
            "there is no redaction key at hand".to_owned(),
            "put one into `ORGKEEP_REDACTION_KEY`".to_owned(),
        ));
    }
    setup.new_key = args.new_key;
    let report = snapshot::snapshot(&org, &repo, &setup, &options, context.monitor()).await?;
    let records = match records {
        Some(wanted) if report.refresh_problem.is_none() => {
            wanted
                .export(context, &org, &repo, &config, &setup, secret)
                .await?
        }
        _ => None,
    };
    print(context, &report, records.as_ref())?;
    summarise(context, &report)?;
    if let Some(records) = &records {
        records::tell(context, records)?;
    }
    if let Some(problem) = &report.refresh_problem {
        let failure = not_refreshed(problem);
        if context.json() {
            return Ok(Outcome::Failed(failure.status()));
        }
        return Err(failure);
    }
    let has_gaps = records
        .as_ref()
        .is_some_and(|it| !it.gaps.is_empty() || !it.alerts.is_empty());
    Ok(if report.has_gaps() || has_gaps {
        Outcome::Partial
    } else {
        Outcome::Done
    })
}

fn print(
    context: &Context,
    report: &SnapshotReport,
    records: Option<&ExportReport>,
) -> Result<(), CommandError> {
    let mut out = context.out();
    if context.json() {
        #[derive(serde::Serialize)]
        struct Both<'a> {
            #[serde(flatten)]
            snapshot: &'a SnapshotReport,
            #[serde(skip_serializing_if = "Option::is_none")]
            records: Option<&'a ExportReport>,
        }
        let snapshot = report;
        out.json(&Both { snapshot, records })?;
        return Ok(());
    }
    let paint = context.paint();
    if let Some(dry) = &report.dry_run {
        let n: usize = dry.by_type.values().sum();
        out.line(&format!(
            "would retrieve {n} of {} components, about {} files, in {} and {}",
            report.n_components,
            dry.n_files,
            counted(dry.n_retrieves, "retrieve"),
            counted(dry.n_calls, "call")
        ))?;
        for (type_name, n) in &dry.by_type {
            out.line(&format!("{n:>7}  {type_name}"))?;
        }
        return Ok(());
    }
    for deploy in &report.deploys {
        context.say(&text::one_line(&deploy.in_words()));
    }
    for commit in &report.commits {
        out.line(&format!(
            "{}  {}  {:<20} {}",
            paint.paint(Tone::Commit, &commit.id[..7]),
            commit.at.minute(),
            text::one_line(&commit.author),
            text::one_line(&commit.subject),
        ))?;
    }
    if report.commits.is_empty() {
        out.line(&format!("no change in {} components", report.n_components))?;
    } else {
        out.line(&format!(
            "{} files changed; {} components retrieved with their parts, {} in all",
            report.n_changed_files, report.n_fetched, report.n_components
        ))?;
    }
    if let Some(tag) = &report.tag {
        out.line(&format!(
            "tagged {}",
            paint.paint(Tone::Commit, &text::one_line(tag))
        ))?;
    }
    if let Some(pushed) = &report.pushed {
        push_lines(context, pushed)?;
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
    match report.n_accepted {
        0 => {}
        1 => out.line("1 known gap (`orgkeep accept` lists it)")?,
        n => out.line(&format!("{n} known gaps (`orgkeep accept` lists them)"))?,
    }
    for path in &report.kept_files {
        context.say(&format!(
            "warning: `{}` was edited by hand and left alone",
            text::one_line(path)
        ));
    }
    Ok(())
}

/// The failure of a refresh whose snapshot is committed.
fn not_refreshed(problem: &str) -> CommandError {
    CommandError::refused(
        &format!("the snapshot is committed, and the working tree is not refreshed: {problem}"),
        "make room on the disk if it is full; the next run finishes the refresh",
    )
}

/// Says what became of the remote.
fn push_lines(context: &Context, pushed: &PushReport) -> Result<(), CommandError> {
    let mut out = context.out();
    let remote = text::one_line(&pushed.remote);
    let commit = &pushed.commit[..7];
    if let Some(later) = &pushed.dropped_for {
        out.line(&format!(
            "dropped: {remote} holds snapshot {} at {commit}, which began later",
            text::one_line(later)
        ))?;
    } else if pushed.is_up_to_date {
        out.line(&format!("{remote} is up to date at {commit}"))?;
    } else {
        out.line(&format!(
            "pushed {} to {remote}, now at {commit}",
            text::one_line(&pushed.branch)
        ))?;
    }
    if pushed.without_state {
        context.say(&format!(
            "warning: another snapshot had replaced the state on {remote}; the next one may be a full pass"
        ));
    }
    if let Some(words) = &pushed.state_refused {
        context.say(&format!(
            "warning: {remote} has the snapshot and refuses our state, so each fresh clone makes a full pass: {}",
            text::one_line(words)
        ));
        context.say("hint: the remote must let this user push to `refs/orgkeep/*`");
    }
    Ok(())
}

/// Writes the step summary of a GitHub workflow, where one is asked for.
fn summarise(context: &Context, report: &SnapshotReport) -> Result<(), CommandError> {
    let Some(mut file) = context.step_summary()? else {
        return Ok(());
    };
    writeln!(file, "## Snapshot of {}\n", text::markdown(&report.org))?;
    if report.commits.is_empty() {
        writeln!(file, "No change in {} components.", report.n_components)?;
    } else {
        writeln!(file, "| commit | when | who | what |\n|---|---|---|---|")?;
        for commit in &report.commits {
            writeln!(
                file,
                "| `{}` | {} | {} | {} |",
                &commit.id[..7],
                commit.at.minute(),
                text::markdown(&commit.author),
                text::markdown(&commit.subject)
            )?;
        }
    }
    for gap in &report.gaps {
        writeln!(
            file,
            "- **{}** {}: {}",
            text::markdown(&gap.what),
            gap.kind.word(),
            text::markdown(&gap.reason)
        )?;
    }
    Ok(())
}
