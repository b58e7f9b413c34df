//! `orgkeep jobs`

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    CommandError, Context, Outcome,
    attendant::Attendant,
    deploying::{tell_commits, tell_failures},
    text,
};
use crate::{
    client::DeployStatus,
    ledger::DeployRecord,
    model::RecordId,
    ops::jobs::{self, DeployNews, WaitReport},
};

/// List deploys, wait for one, or stop one
///
/// Every deploy of a rollback is noted in the repository before it is sent, so that none is lost
/// when the process or the connection ends. Without a word the latest ones are listed; the org is
/// asked about those whose end was not seen. The notes travel with `refs/orgkeep/state/<org id>`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep jobs\n  \
    orgkeep jobs wait 0Af5g00000XyZ1a\n  \
    orgkeep jobs cancel 0Af5g00000XyZ1a")]
pub(super) struct JobsArgs {
    #[command(subcommand)]
    word: Option<JobsWord>,
}

#[derive(Debug, Subcommand)]
enum JobsWord {
    /// Wait until a deploy is done, then take a snapshot of what it did
    Wait {
        /// Id of the job
        #[arg(value_name = "ID")]
        job: String,
    },
    /// Ask a deploy to stop, and wait until it has
    Cancel {
        /// Id of the job
        #[arg(value_name = "ID")]
        job: String,
    },
}

/// The list as JSON.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    jobs: Vec<DeployNews>,
}

/// A job that was waited for, as JSON.
#[derive(Serialize)]
struct Waited<'a> {
    schema: &'static str,
    #[serde(flatten)]
    report: &'a WaitReport,
}

/// Runs `orgkeep jobs`.
pub(super) async fn run(context: &Context, args: JobsArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, setup) = context.settings(&repo)?;
    match args.word {
        None => {
            if jobs::list(&repo, &setup)?.iter().any(DeployRecord::is_open) {
                let org = context.open_org_of(&config).await?;
                jobs::refresh(&org, &repo, &setup).await?;
            }
            list(context, &jobs::list(&repo, &setup)?)
        }
        Some(JobsWord::Wait { job }) => {
            let job = id(&job)?;
            let org = context.open_org_of(&config).await?;
            let attendant = Attendant::new(context);
            let monitor = context.monitor();
            let report = jobs::wait_for(&org, &repo, &setup, job, &attendant, monitor).await?;
            tell(context, &report)
        }
        Some(JobsWord::Cancel { job }) => {
            let job = id(&job)?;
            let org = context.open_org_of(&config).await?;
            let report = jobs::cancel(&org, &repo, &setup, job, context.monitor()).await?;
            if report.status == DeployStatus::Canceled && !context.json() {
                context.out().line(&format!(
                    "{job} was cancelled; nothing has changed in the org"
                ))?;
                return Ok(Outcome::Done);
            }
            tell(context, &report)
        }
    }
}

fn id(text: &str) -> Result<RecordId, CommandError> {
    let id: Result<RecordId, _> = text.parse();
    id.map_err(|err| {
        let hint = "`orgkeep jobs` lists the deploys".to_owned();
        CommandError::usage(err.to_string(), hint)
    })
}

fn list(context: &Context, records: &[DeployRecord]) -> Result<Outcome, CommandError> {
    let mut out = context.out();
    let jobs: Vec<DeployNews> = records.iter().map(DeployNews::from).collect();
    if context.json() {
        out.json(&Report {
            schema: "orgkeep/jobs/1",
            jobs,
        })?;
        return Ok(Outcome::Done);
    }
    if jobs.is_empty() {
        out.line("no deploy is noted")?;
    }
    for job in jobs {
        let act = if job.check_only { "check" } else { "deploy" };
        out.line(&format!(
            "{:<18}  {}  {act:<6}  {:<16}  {}  {}",
            job.job.map_or_else(|| "-".to_owned(), |it| it.to_string()),
            job.sent.minute(),
            job.status.as_deref().unwrap_or("running"),
            text::one_line(&job.by),
            text::one_line(&job.purpose),
        ))?;
    }
    Ok(Outcome::Done)
}

fn tell(context: &Context, report: &WaitReport) -> Result<Outcome, CommandError> {
    let outcome = match report.status {
        DeployStatus::Succeeded => Outcome::Done,
        DeployStatus::SucceededPartial => Outcome::Partial,
        _ => Outcome::Failed(1),
    };
    let mut out = context.out();
    if context.json() {
        out.json(&Waited {
            schema: "orgkeep/job/1",
            report,
        })?;
        return Ok(outcome);
    }
    tell_failures(context, &report.failures)?;
    let of = report.purpose.as_deref().unwrap_or("not one of ours");
    let act = if report.check_only { "check" } else { "deploy" };
    out.line(&format!(
        "{act} {} ({}) ended as {:?}, with {} components deployed",
        text::one_line(&report.job),
        text::one_line(of),
        report.status,
        report.n_components
    ))?;
    tell_commits(context, &report.commits)?;
    Ok(outcome)
}
