//! `orgkeep verify`

use clap::Args;
use serde::Serialize;

use super::{
    CommandError, Context, Outcome, attendant::Attendant, deploying::tell_failures, output::Tone,
    text,
};
use crate::ops::{
    rollback::{self, ProofOptions, ProofReport},
    snapshot::{self, TwiceReport},
};

/// Prove what a snapshot promises
///
/// `--twice` retrieves everything twice and compares the two as they would be committed. What
/// differs though nobody changed it is noise that no rule holds still; it is named as a rule that
/// one could add. `--deploy-check` sends a snapshot to the org, which only checks it: what would
/// not go back in is told at its file, and the exit status is 3. Nothing is committed, and nothing
/// changes in the org.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep verify --twice\n  \
    orgkeep verify --twice --exit-code --json\n  \
    orgkeep verify --deploy-check\n  \
    orgkeep verify --deploy-check --at before-the-project 'ApexClass:*'\n  \
    orgkeep verify --deploy-check --to fresh-sandbox")]
pub(super) struct VerifyArgs {
    /// Retrieve everything twice and name what differs
    #[arg(
        long,
        required_unless_present = "deploy_check",
        conflicts_with = "deploy_check"
    )]
    twice: bool,

    /// Check in the org that a snapshot goes back in
    #[arg(long)]
    deploy_check: bool,

    /// With --deploy-check: components (default: all)
    #[arg(value_name = "COMPONENT|GLOB", requires = "deploy_check")]
    selectors: Vec<String>,

    /// With --deploy-check: the snapshot, as a commit, tag, snapshot or date (default: the last)
    #[arg(long, value_name = "COMMIT", requires = "deploy_check")]
    at: Option<String>,

    /// With --deploy-check: login of another org to check it in
    #[arg(long, value_name = "ORG", requires = "deploy_check")]
    to: Option<String>,

    /// Send at most so many files in one check
    #[arg(long, value_name = "N", hide = true, requires = "deploy_check")]
    at_most: Option<u64>,

    /// Exit with status 4 where something differs
    #[arg(long)]
    exit_code: bool,
}

/// Runs `orgkeep verify`.
pub(super) async fn run(context: &Context, args: &VerifyArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, setup) = context.settings(&repo)?;
    if args.deploy_check {
        let org = match &args.to {
            Some(name) => context.open_org_named(&config, name).await?,
            None => context.open_org_of(&config).await?,
        };
        let options = ProofOptions {
            at: args.at.clone(),
            selectors: args.selectors.clone(),
            elsewhere: args.to.is_some(),
            at_most: args.at_most,
        };
        let attendant = Attendant::new(context);
        let monitor = context.monitor();
        let report = rollback::prove(&org, &repo, &setup, &options, &attendant, monitor).await?;
        tell(context, &report)?;
        return Ok(match report.is_proven() {
            true => Outcome::Done,
            false => Outcome::Partial,
        });
    }
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

#[derive(Serialize)]
struct Proof<'a> {
    schema: &'static str,
    proven: bool,
    #[serde(flatten)]
    report: &'a ProofReport,
}

fn tell(context: &Context, report: &ProofReport) -> Result<(), CommandError> {
    let mut out = context.out();
    if context.json() {
        out.json(&Proof {
            schema: "orgkeep/verify/1",
            proven: report.is_proven(),
            report,
        })?;
        return Ok(());
    }
    tell_failures(context, &report.failures)?;
    if !report.unproven.is_empty() {
        out.line("These may lack only what an earlier part of the snapshot brings:")?;
        tell_failures(context, &report.unproven)?;
    }
    let paint = context.paint();
    let sign = paint.paint(Tone::Removed, "!");
    for (key, reason) in &report.left_out {
        let key = text::one_line(&key.to_string());
        out.line(&format!(
            "{sign} {key}  not checked: {}",
            text::one_line(reason)
        ))?;
    }
    for gap in &report.gaps {
        out.line(&format!(
            "{sign} not in the snapshot: {}",
            text::one_line(gap)
        ))?;
    }
    let checks = match report.jobs.len() {
        1 => "1 check".to_owned(),
        n => format!("{n} checks"),
    };
    out.line(&format!(
        "{} of {} components of {} go back into {}, in {checks}; nothing has changed there",
        report.n_good,
        report.n_sent,
        report.commit.get(..7).unwrap_or_default(),
        text::one_line(&report.org),
    ))?;
    Ok(())
}
