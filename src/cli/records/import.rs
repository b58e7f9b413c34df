//! `orgkeep records import`

use std::path::PathBuf;

use clap::Args;

use crate::{
    cli::{CommandError, Context, Outcome, output::Tone, text, when},
    model::OrgId,
    ops::records::import::{ImportOptions, import},
};

/// Commit the files of Salesforce's own Data Export as records of their date
///
/// Takes all parts of one export, `WE_<org id>_1.ZIP` and so on. A table in several parts is one,
/// a row that comes twice is one, and the encoding is found out.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  orgkeep records import WE_*.ZIP --date 2026-08-31")]
pub(super) struct ImportArgs {
    /// The zips of one export
    #[arg(value_name = "ZIP", required = true)]
    zips: Vec<PathBuf>,

    /// Day or time at which the export was made
    #[arg(long, value_name = "DATE")]
    date: String,

    /// Id of the org, where the names of the files do not tell
    #[arg(long, value_name = "ID")]
    org_id: Option<OrgId>,

    /// Start of the names of the branches, in the place of the one that orgkeep.toml names
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
}

/// Runs `orgkeep records import`.
pub(super) fn run(context: &Context, args: ImportArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (mut config, setup) = context.settings(&repo)?;
    let other = super::other_repository(context, &repo, &config)?;
    if args.branch.is_some() {
        config.records.get_or_insert_default().branch = args.branch;
    }
    let options = ImportOptions {
        at: when::parse(&args.date)?,
        org: args.org_id,
        secret: super::secret(context)?,
    };
    let target = other.as_ref().unwrap_or(&repo);
    let report = import(
        target,
        &config,
        &setup,
        &args.zips,
        &options,
        context.monitor(),
    )?;
    let mut out = context.out();
    if context.json() {
        out.json(&report)?;
        return Ok(Outcome::Done);
    }
    let paint = context.paint();
    for (object, rows) in &report.objects {
        out.line(&format!("{:<28}{rows:>9} rows", object.as_str()))?;
    }
    match &report.commit {
        Some(commit) => out.line(&format!(
            "{}  {}",
            paint.paint(Tone::Commit, &commit[..7]),
            text::one_line(&report.branch)
        ))?,
        None => out.line("no change")?,
    }
    if let Some((first, _)) = report.skipped.first() {
        context.say(&format!(
            "warning: {} files were not taken, `{}` among them: only tables are",
            report.skipped.len(),
            text::one_line(first)
        ));
    }
    Ok(Outcome::Done)
}
