//! The `orgkeep` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    orgkeep::cli::run(std::env::args_os())
}
