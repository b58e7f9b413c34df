//! `orgkeep records`

mod beside;
mod diff;
mod export;
mod import;
mod init;
mod keep_less;
mod restore;
mod row;

use clap::{Args, Subcommand};

use super::{CommandError, Context, Outcome};
use crate::{config::Config, ops::records::branches, store::Repository};

pub(super) use beside::Wanted;
pub(super) use export::{secret, tell};

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
    Init(init::InitArgs),
    Export(export::ExportArgs),
    Diff(diff::DiffArgs),
    Log(row::LogArgs),
    Show(row::ShowArgs),
    Import(import::ImportArgs),
    Erase(keep_less::EraseArgs),
    Prune(keep_less::PruneArgs),
    Restore(Box<restore::RestoreArgs>),
}

/// The repository that holds the records, where it is another one than `repo`.
pub(super) fn other_repository(
    context: &Context,
    repo: &Repository,
    config: &Config,
) -> Result<Option<Repository>, CommandError> {
    Ok(match &config.records {
        Some(records) => branches::other_repository(repo, records, context.store_options())?,
        None => None,
    })
}

/// Runs `orgkeep records`.
pub(super) async fn run(context: &Context, args: RecordsArgs) -> Result<Outcome, CommandError> {
    match args.command {
        RecordsCommand::Init(args) => init::run(context, args).await,
        RecordsCommand::Export(args) => export::run(context, args).await,
        RecordsCommand::Diff(args) => diff::run(context, &args),
        RecordsCommand::Log(args) => row::log(context, &args),
        RecordsCommand::Show(args) => row::show(context, &args),
        RecordsCommand::Import(args) => import::run(context, args),
        RecordsCommand::Erase(args) => keep_less::erase(context, &args),
        RecordsCommand::Prune(args) => keep_less::prune(context, &args),
        RecordsCommand::Restore(args) => Box::pin(restore::run(context, *args)).await,
    }
}
