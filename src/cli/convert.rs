//! `orgkeep convert`

use std::{collections::BTreeMap, path::PathBuf};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{CommandError, Context, Outcome, text};
use crate::{
    ops::convert::{self, Target},
    source::Level,
};

/// Format of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Source format, as in a Salesforce DX project
    Source,
    /// Metadata format, as the Metadata API takes it, with a package.xml
    Metadata,
}

/// What the bytes become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum LevelChoice {
    /// The bytes that `sf` would write
    #[default]
    Faithful,
    /// The order and spelling of a snapshot
    Canonical,
}

/// Convert metadata between metadata format and source format
///
/// Works offline, as `sf project convert` does: needs no repository, no configuration
/// and no org. IN is a folder or a zip. Source format lands in OUT/main/default, types that
/// are not known in OUT/unmapped; metadata format lands in OUT with a package.xml, or in one
/// archive where OUT ends in .zip. A project with an sfdx-project.json may have several package
/// directories. Nothing is redacted.
///
/// A file that cannot be converted is named on standard error, the rest is converted,
/// and the exit status is 3.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep convert source unpackaged.zip force-app\n  \
    orgkeep convert metadata . deploy.zip")]
pub(super) struct ConvertArgs {
    /// Format of the output
    #[arg(
        value_enum,
        value_name = "source|metadata",
        hide_possible_values = true
    )]
    to: Format,

    /// Folder or zip to convert
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// Folder to write, or a zip for metadata format
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// What the bytes become
    #[arg(long, value_enum, value_name = "LEVEL", default_value = "faithful")]
    level: LevelChoice,
}

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    components: usize,
    files: usize,
    not_converted: &'a BTreeMap<String, String>,
}

/// Runs `orgkeep convert`.
///
/// # Errors
///
/// Whatever [`convert::convert`] or the terminal refuses.
pub(super) fn run(context: &Context, args: &ConvertArgs) -> Result<Outcome, CommandError> {
    let target = match args.to {
        Format::Source => Target::Source,
        Format::Metadata => Target::Metadata,
    };
    let level = match args.level {
        LevelChoice::Faithful => Level::Faithful,
        LevelChoice::Canonical => Level::Canonical,
    };
    let dir = context.dir();
    let report = convert::convert(
        &dir.join(&args.input),
        &dir.join(&args.output),
        target,
        level,
    )
    .map_err(|err| CommandError::failed(&err, err.hint()))?;

    for (path, reason) in &report.gaps {
        context.say(&format!(
            "! {}  {}",
            text::one_line(path),
            text::one_line(reason)
        ));
    }
    let mut out = context.out();
    if context.json() {
        out.json(&Report {
            schema: "orgkeep/convert/1",
            components: report.n_components,
            files: report.n_files,
            not_converted: &report.gaps,
        })?;
    } else {
        out.line(&format!(
            "{} components in {} files",
            report.n_components, report.n_files
        ))?;
    }
    out.finish()?;
    Ok(if report.gaps.is_empty() {
        Outcome::Done
    } else {
        Outcome::Partial
    })
}
