//! The command line: parses, opens, calls one verb, prints its report.
//!
//! Invariant: the only place that reads the environment, prints or exits. No
//! decision is taken here that `ops` could take.

mod accept;
mod attendant;
mod bypass;
mod changes;
mod confirm;
mod context;
mod convert;
mod demo;
mod deploying;
mod diff;
mod error;
mod init;
mod interrupt;
mod jobs;
mod log;
mod login;
mod logout;
mod monitor;
mod open;
mod orgs;
mod output;
mod page;
mod planned;
mod records;
mod revert;
mod rollback;
mod show;
mod simorg;
mod snapshot;
mod status;
mod text;
mod upgrade_api;
mod verify;
mod when;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

pub use context::{Context, Globals};
pub use error::CommandError;

/// How a command ended that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done: status 0.
    Done,
    /// Done, with a gap that nobody has accepted: status 3.
    Partial,
    /// The two sides differ, and `--exit-code` asked to be told: status 4.
    Differs,
    /// It failed, and the JSON that was printed tells how: this status.
    Failed(u8),
}

impl Outcome {
    fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Partial => 3,
            Self::Differs => 4,
            Self::Failed(status) => status,
        }
    }
}

/// Keeps a Salesforce org under Git
///
/// `orgkeep` retrieves an org's metadata, normalises it into Salesforce DX
/// source format and commits each snapshot to a Git repository, each change
/// under the name of the person who made it. What was changed or deleted is put
/// back by a rollback, which shows its plan before anything reaches the org.
#[derive(Debug, Parser)]
#[command(
    name = "orgkeep",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "Exit status: 0 done · 1 failed · 2 usage · 3 done, with a gap · 4 differs (with --exit-code)\n\n\
                  Begin with `orgkeep demo`, or `orgkeep init`, `orgkeep login web` and `orgkeep snapshot`."
)]
struct Cli {
    #[command(flatten)]
    globals: Globals,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Init(init::InitArgs),
    Login(login::LoginArgs),
    Logout(logout::LogoutArgs),
    Orgs(orgs::OrgsArgs),
    Snapshot(snapshot::SnapshotArgs),
    Status(status::StatusArgs),
    Log(log::LogArgs),
    Show(show::ShowArgs),
    Diff(diff::DiffArgs),
    Accept(accept::AcceptArgs),
    Rollback(rollback::RollbackArgs),
    Revert(revert::RevertArgs),
    Apply(rollback::ApplyArgs),
    Jobs(jobs::JobsArgs),
    Bypass(bypass::BypassArgs),
    Records(records::RecordsArgs),
    Verify(verify::VerifyArgs),
    UpgradeApi(upgrade_api::UpgradeApiArgs),
    /// Serve a simulated org, for trying things out
    Simorg(simorg::Simorg),
    Convert(convert::ConvertArgs),
    /// Print the completions of a shell
    #[command(hide = true)]
    Completions {
        /// Shell to complete for
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or that of a command
    #[command(hide = true)]
    Man {
        /// Command to print the page of: `login web`
        command: Vec<String>,
    },
}

/// Runs the command that `arguments` name, and says how it ended.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(err) => {
            let status = u8::try_from(err.exit_code()).unwrap_or(2);
            return match err.print() {
                Ok(()) => ExitCode::from(status),
                Err(_) => ExitCode::from(1),
            };
        }
    };
    let context = Context::new(cli.globals);
    match dispatch(&context, cli.command) {
        Ok(outcome) => ExitCode::from(outcome.status()),
        Err(err) if err.is_broken_pipe() => ExitCode::SUCCESS,
        Err(err) => {
            context.report_error(&err);
            ExitCode::from(err.status())
        }
    }
}

fn dispatch(context: &Context, command: Command) -> Result<Outcome, CommandError> {
    match command {
        Command::Demo(args) => demo::run(context, &args),
        Command::Init(args) => init::run(context, &args),
        Command::Login(args) => interruptible(login::run(context, args), NOTHING_CHANGED),
        Command::Logout(args) => interruptible(logout::run(context, args), NOTHING_CHANGED),
        Command::Orgs(args) => orgs::run(context, &args),
        Command::Snapshot(args) => interruptible(snapshot::run(context, args), GOES_ON),
        Command::Status(args) => interruptible(status::run(context, &args), NOTHING_CHANGED),
        Command::Log(args) => log::run(context, &args),
        Command::Show(args) => show::run(context, &args),
        Command::Accept(args) => accept::run(context, args),
        Command::Rollback(args) => interruptible(rollback::run(context, args), LOOK),
        Command::Revert(args) => interruptible(revert::run(context, args), LOOK),
        Command::Apply(args) => interruptible(rollback::apply(context, args), LOOK),
        Command::Jobs(args) => interruptible(jobs::run(context, args), LOOK),
        Command::Bypass(args) => interruptible(bypass::run(context, args), LOOK),
        Command::Records(args) => interruptible(records::run(context, args), GOES_ON),
        Command::Verify(args) => interruptible(verify::run(context, &args), NOTHING_CHANGED),
        Command::UpgradeApi(args) => upgrade_api::run(context, &args),
        Command::Diff(args) => interruptible(diff::run(context, &args), NOTHING_CHANGED),
        Command::Simorg(command) => simorg::run(context, command),
        Command::Convert(args) => convert::run(context, &args),
        Command::Completions { shell } => {
            let mut bytes = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "orgkeep", &mut bytes);
            context.out().raw(&bytes)?;
            Ok(Outcome::Done)
        }
        Command::Man { command } => {
            let mut bytes = Vec::new();
            clap_mangen::Man::new(named(&command)?).render(&mut bytes)?;
            context.out().raw(&bytes)?;
            Ok(Outcome::Done)
        }
    }
}

/// The command that `words` name; `orgkeep` itself where there are none.
fn named(words: &[String]) -> Result<clap::Command, CommandError> {
    let mut command = Cli::command();
    command.build();
    for word in words {
        let Some(found) = command.find_subcommand(word) else {
            return Err(CommandError::usage(
                format!("there is no command `{}`", words.join(" ")),
                "`orgkeep --help` lists them".to_owned(),
            ));
        };
        command = found.clone();
    }
    Ok(command)
}

/// What to do after a signal.
const NOTHING_CHANGED: &str = "nothing is half done; run the command again";
const GOES_ON: &str =
    "the repository is sound; run the command again, and it goes on with the answers that came";
const LOOK: &str = "a deploy that had begun goes on in the org: `orgkeep snapshot` records what it \
                    did, then run the command again";

/// Runs a command that talks to an org; a signal ends it in good order, with `hint`.
fn interruptible<T>(
    command: impl Future<Output = Result<T, CommandError>>,
    hint: &'static str,
) -> Result<T, CommandError> {
    run_async(interrupt::or_interrupted(command, hint))
}

/// Runs what talks to an org.
fn run_async<T>(command: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(command)
}
