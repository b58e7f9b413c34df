//! `orgkeep records export`

use std::io::Write as _;

use clap::Args;

use crate::{
    cli::{CommandError, Context, Outcome, output::Tone, text},
    client::Org,
    config::Config,
    ops::{
        records::{BodiesReport, ExportOptions, ExportReport, export},
        snapshot::SnapshotSetup,
    },
    plan::{commits::counted, select::Glob},
    store::Repository,
};

/// Export rows of the org and commit them
///
/// Reads what changed since the last export, and everything at an interval. Without OBJECT the
/// list of orgkeep.toml is taken, and the small setup records. Fields that this user may not see
/// and objects that cannot be read stand in the ledger, the rest is committed, and the exit
/// status is 3; so it is where more rows were changed or deleted than `[records.alerts]` allows.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep records export\n  \
    orgkeep records export Account Contact 'Deal*'\n  \
    orgkeep records export --tag before-the-cleanup Contact\n  \
    orgkeep records export --push")]
pub(super) struct ExportArgs {
    /// Object to export, or a pattern such as 'Deal*'
    #[arg(value_name = "OBJECT")]
    objects: Vec<String>,

    /// Read all rows, whatever was seen before
    #[arg(long)]
    full: bool,

    /// Read all rows and mark the commit with the annotated tag NAME-records
    #[arg(long, value_name = "NAME")]
    tag: Option<String>,

    /// Why the export is made
    #[arg(short, long, value_name = "WHY")]
    message: Option<String>,

    /// Believe that rows are gone where they do not come, although that is doubtful
    #[arg(long)]
    accept_deletions: bool,

    /// Go on from the remote's branch, and push branch and state to it
    #[arg(long)]
    push: bool,
}

/// Runs `orgkeep records export`.
pub(super) async fn run(context: &Context, args: ExportArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (mut config, setup) = context.settings(&repo)?;
    if args.push {
        super::beside::ask_whether_to_push(context, &repo, &mut config)?;
    }
    let options = ExportOptions {
        objects: args.objects.iter().map(|it| Glob::new(it)).collect(),
        full: args.full,
        tag: args.tag,
        message: args.message,
        accept_deletions: args.accept_deletions,
        push: args.push,
        metadata: repo.branch(&setup.branch, &setup.remote)?.tip,
        secret: secret(context)?,
    };
    let org = context.open_org_of(&config).await?;
    let report = run_export(context, &org, &repo, &config, &setup, &options).await?;
    if context.json() {
        context.out().json(&report)?;
    }
    tell(context, &report)?;
    Ok(outcome(&report))
}

/// Tells what an export came to, but as JSON.
pub(in crate::cli) fn tell(context: &Context, report: &ExportReport) -> Result<(), CommandError> {
    if !context.json() {
        print(context, report)?;
    }
    summarise(context, report)
}

/// Exports into the repository that the settings name.
pub(super) async fn run_export(
    context: &Context,
    org: &Org,
    repo: &Repository,
    config: &Config,
    setup: &SnapshotSetup,
    options: &ExportOptions,
) -> Result<ExportReport, CommandError> {
    let other = super::other_repository(context, repo, config)?;
    let target = other.as_ref().unwrap_or(repo);
    let monitor = context.monitor();
    Ok(export(org, target, repo, config, setup, options, monitor).await?)
}

/// The secret that values are hashed and encrypted with, from the environment.
pub(in crate::cli) fn secret(context: &Context) -> Result<Option<Vec<u8>>, CommandError> {
    const SHORTEST: usize = 16;
    let secret = if let Some(secret) = context.variable("ORGKEEP_RECORDS_KEY") {
        secret.trim().as_bytes().to_vec()
    } else if let Some(path) = context.variable("ORGKEEP_RECORDS_KEY_FILE") {
        std::fs::read(path)?.trim_ascii().to_vec()
    } else {
        return Ok(None);
    };
    if secret.len() < SHORTEST {
        return Err(CommandError::refused(
            "the secret for records is too short",
            "make one of 16 characters or more: `openssl rand -hex 32`",
        ));
    }
    Ok(Some(secret))
}

fn outcome(report: &ExportReport) -> Outcome {
    if report.gaps.is_empty() && report.alerts.is_empty() {
        Outcome::Done
    } else {
        Outcome::Partial
    }
}

fn print(context: &Context, report: &ExportReport) -> Result<(), CommandError> {
    let mut out = context.out();
    let paint = context.paint();
    for object in &report.objects {
        if object.added + object.changed + object.deleted == 0 {
            continue;
        }
        let sign = |tone, sign: char, n: u64| match n {
            0 => String::new(),
            n => format!("  {}", paint.paint(tone, &format!("{sign}{n}"))),
        };
        out.line(&format!(
            "{:<28}{:>9} rows{}{}{}",
            object.object.as_str(),
            object.rows,
            sign(Tone::Added, '+', object.added),
            sign(Tone::Changed, '~', object.changed),
            sign(Tone::Removed, '-', object.deleted),
        ))?;
    }
    let rows: u64 = report.objects.iter().map(|it| it.rows).sum();
    let objects = counted(report.objects.len(), "object");
    match &report.commit {
        Some(commit) => out.line(&format!(
            "{}  {}: {rows} rows of {objects}",
            paint.paint(Tone::Commit, &commit[..7]),
            text::one_line(&report.branch),
        ))?,
        None => out.line(&format!("no change in {rows} rows of {objects}"))?,
    }
    for line in of_files(&report.files) {
        out.line(&line)?;
    }
    if let Some(tag) = &report.tag {
        out.line(&format!(
            "tagged {}",
            paint.paint(Tone::Commit, &text::one_line(tag))
        ))?;
    }
    for gap in &report.gaps {
        out.line(&format!(
            "{} {}  {}",
            paint.paint(Tone::Removed, "!"),
            text::one_line(&gap.what),
            text::one_line(&gap.reason)
        ))?;
    }
    for alert in &report.alerts {
        out.line(&format!(
            "{} {}",
            paint.paint(Tone::Removed, "!!"),
            text::one_line(&alert.in_words())
        ))?;
    }
    Ok(())
}

/// What became of the bodies of files, in words; nothing where nothing did.
fn of_files(files: &BodiesReport) -> Vec<String> {
    let mut lines = Vec::new();
    if files.added + files.removed > 0 {
        lines.push(format!(
            "files: {} came ({} bytes), {} went, {} are kept",
            files.added, files.bytes, files.removed, files.kept
        ));
    }
    if files.missing > 0 {
        lines.push(format!(
            "files: {} are still to come, for the API calls did not suffice; the next export goes on with the newest",
            files.missing
        ));
    }
    if files.too_large > 0 {
        lines.push(format!(
            "files: {} are larger than `max_size` allows; the ledger names them",
            files.too_large
        ));
    }
    lines
}

/// Adds to the step summary of a GitHub workflow, where one is asked for.
fn summarise(context: &Context, report: &ExportReport) -> Result<(), CommandError> {
    let Some(mut file) = context.step_summary()? else {
        return Ok(());
    };
    writeln!(file, "## Records of {}\n", text::markdown(&report.org))?;
    for alert in &report.alerts {
        writeln!(file, "- **{}**", text::markdown(&alert.in_words()))?;
    }
    writeln!(
        file,
        "\n| object | rows | added | changed | deleted |\n|---|--:|--:|--:|--:|"
    )?;
    for it in &report.objects {
        writeln!(
            file,
            "| {} | {} | {} | {} | {} |",
            it.object, it.rows, it.added, it.changed, it.deleted
        )?;
    }
    for line in of_files(&report.files) {
        writeln!(file, "- {line}")?;
    }
    for gap in &report.gaps {
        writeln!(
            file,
            "- **{}** {}",
            text::markdown(&gap.what),
            text::markdown(&gap.reason)
        )?;
    }
    Ok(())
}
