//! `orgkeep records`

mod export;

use clap::{Args, Subcommand};

use super::{CommandError, Context, Outcome};

pub(super) use export::{run_export, secret};

/// Keep the rows of an org, read and restore them
///
/// Rows are committed to branches of their own, one for each period, as plain CSV.
#[derive(Debug, Args)]
pub(super) struct RecordsArgs {
    #[command(subcommand)]
    command: RecordsCommand,
}

#[derive(Debug, Subcommand)]
enum RecordsCommand {
    Export(export::ExportArgs),
}

/// Runs `orgkeep records`.
pub(super) async fn run(context: &Context, args: RecordsArgs) -> Result<Outcome, CommandError> {
    match args.command {
        RecordsCommand::Export(args) => export::run(context, args).await,
    }
}
