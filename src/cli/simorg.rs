//! `orgkeep simorg`: serves a simulated org.

use std::{
    io::{Write as _, stderr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use clap::{Args, Subcommand};

use super::{CommandError, Context, Outcome};
use crate::{
    model::OrgId,
    simorg::{
        company::CompanyOptions,
        faults::Rule,
        serve::{self, Options, StartError, parse_feature, parse_latency, parse_limits},
        state::{Feature, Limits, OrgKind},
    },
};

/// What to do with a simulated org.
#[derive(Debug, Args)]
pub(super) struct Simorg {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve a simulated org on 127.0.0.1 until SIGTERM or Ctrl-C
    ///
    /// When the port answers, one JSON line on standard output says how to reach
    /// it: `url`, `org_id`, `api_version`, `users` with their tokens, `client_id`,
    /// `jwt_key_file`, `refresh_token`. The log goes to standard error.
    Serve(Box<Serve>),
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
struct Serve {
    /// Folder or zip to load: a DX project or a package in metadata format (can be repeated;
    /// default: our fixture company)
    #[arg(long, value_name = "DIR|ZIP")]
    load: Vec<PathBuf>,

    /// Port; 0 for any
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// JSON file with the users: `[{"username","name","without":["ViewSetup"]}]`
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,

    /// Milliseconds by which each answer is late: `50`, or `20..200`
    #[arg(long, value_name = "MS", value_parser = parse_latency)]
    latency: Option<(Duration, Duration)>,

    /// Let a call go wrong: `call[:of]=fault[*times]`, such as `retrieve:Profile=fail*2`
    /// (can be repeated); times 0 is for ever
    #[arg(long = "fault", value_name = "RULE")]
    faults: Vec<Rule>,

    /// Change what real orgs change between two identical retrieves, from a seed
    #[arg(long, value_name = "SEED", num_args = 0..=1, default_missing_value = "1")]
    noise: Option<u64>,

    /// Be a sandbox (the default)
    #[arg(long, conflicts_with = "production")]
    sandbox: bool,

    /// Be a production org
    #[arg(long)]
    production: bool,

    /// Folder that keeps the state between runs
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// Lower limits: `files`, `zip_bytes`, `content_bytes`, `list_queries`, `daily_api_requests`
    #[arg(long, value_name = "NAME=N,…", value_parser = parse_limits)]
    limits: Option<Limits>,

    /// Serve TLS with a certificate made for this run; the ready line names the authority's file
    #[arg(long)]
    tls: bool,

    /// Id of the org
    #[arg(long, value_name = "ID")]
    org_id: Option<OrgId>,

    /// Switch something on that an org may have: `person-accounts` or `multi-currency` (can be
    /// repeated)
    #[arg(long = "feature", value_name = "NAME", value_parser = parse_feature)]
    features: Vec<Feature>,

    /// Let profiles and permission sets decide who sees and changes which objects and fields
    #[arg(long)]
    field_security: bool,

    /// Fill the org with a made-up company of about so many rows
    #[arg(long, value_name = "ROWS")]
    company: Option<u64>,

    /// Which company: the same number of rows and the same seed give the same rows
    #[arg(long, value_name = "SEED", default_value_t = 1, requires = "company")]
    seed: u64,
}

/// Runs the command.
pub(super) fn run(context: &Context, simorg: Simorg) -> Result<Outcome, CommandError> {
    match simorg.command {
        Command::Serve(serve) => self::serve(context, *serve),
    }
}

fn serve(context: &Context, serve: Serve) -> Result<Outcome, CommandError> {
    let options = Options {
        load: serve.load,
        port: serve.port,
        users: serve.users,
        latency: serve.latency.unwrap_or_default(),
        faults: serve.faults,
        noise: serve.noise,
        kind: match serve.production {
            true => OrgKind::Production,
            false => OrgKind::Sandbox,
        },
        state: serve.state,
        limits: serve.limits.unwrap_or_default(),
        tls: serve.tls,
        org_id: serve.org_id,
        features: serve.features,
        company: serve.company.map(|rows| CompanyOptions {
            rows,
            seed: serve.seed,
        }),
        field_security: serve.field_security,
        log: Arc::new(|line| {
            // A log that nobody reads is no reason to stop.
            let _ = writeln!(stderr().lock(), "simorg: {line}");
        }),
    };
    let running = serve::start(&options).map_err(|err| failed(&err))?;
    let signals = running.signals()?;
    context
        .out()
        .raw(format!("{}\n", running.ready.line()).as_bytes())?;
    signals.wait()?;
    running.shut_down();
    Ok(Outcome::Done)
}

fn failed(err: &StartError) -> CommandError {
    let hint = match err {
        StartError::Serve(_) => Some("choose another `--port`, or 0 for any".to_owned()),
        StartError::Kept { .. } => Some("give `--state` an empty folder".to_owned()),
        _ => None,
    };
    CommandError::failed(err, hint)
}
