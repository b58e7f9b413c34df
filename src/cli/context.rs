//! What every command shares: the place, the environment, the terminal.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{
    CommandError,
    monitor::TermMonitor,
    output::{Out, Paint, is_read_by_a_person},
    text,
};
use crate::progress::Monitor;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Heading of the options of every command, which stand after a command's own.
const COMMON: &str = "Options of every command";

/// Options of every command.
#[derive(Debug, Args)]
pub struct Globals {
    /// Run as if started in DIR
    #[arg(short = 'C', long = "repo", value_name = "DIR", global = true, help_heading = COMMON)]
    pub repo: Option<PathBuf>,

    /// Login to use, by its name or username (default: the one that orgkeep.toml names)
    #[arg(long, value_name = "NAME", global = true, help_heading = COMMON)]
    pub org: Option<String>,

    /// Print one JSON object instead of text, on failure too
    #[arg(long, global = true, help_heading = COMMON)]
    pub json: bool,

    /// Print no progress and no news; warnings are printed
    #[arg(short, long, global = true, help_heading = COMMON)]
    pub quiet: bool,

    /// When to colour: auto, always or never
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto", hide_possible_values = true, help_heading = COMMON)]
    pub color: ColorChoice,

    /// Send credentials to this host although it is not Salesforce's (can be repeated)
    #[arg(long = "allow-host", value_name = "HOST", global = true, help_heading = COMMON)]
    pub allow_hosts: Vec<String>,

    /// Stop in good order after so many API calls
    #[arg(long, value_name = "N", global = true, help_heading = COMMON)]
    pub max_api_calls: Option<u64>,
}

/// What every command shares.
pub struct Context {
    globals: Globals,
    environment: BTreeMap<String, String>,
    monitor: TermMonitor,
}

#[derive(Serialize)]
struct ErrorReport<'a> {
    schema: &'static str,
    error: &'a str,
    causes: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    details: &'a [String],
    hint: Option<&'a str>,
    status: u8,
}

impl Context {
    /// Reads the environment once.
    #[must_use]
    pub fn new(globals: Globals) -> Self {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let monitor = TermMonitor::new(globals.quiet || globals.json);
        Self {
            globals,
            environment,
            monitor,
        }
    }

    /// The options of every command.
    #[must_use]
    pub fn globals(&self) -> &Globals {
        &self.globals
    }

    /// The folder that the command works in.
    #[must_use]
    pub fn dir(&self) -> PathBuf {
        self.globals
            .repo
            .clone()
            .unwrap_or_else(|| PathBuf::from("."))
    }

    /// Variables of the environment.
    #[must_use]
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment
            .get(name)
            .map(String::as_str)
            .filter(|it| !it.is_empty())
    }

    /// The step summary of a GitHub workflow, to be written on; `None` where none is asked for.
    ///
    /// # Errors
    ///
    /// What the system says of the file.
    pub fn step_summary(&self) -> io::Result<Option<fs::File>> {
        let Some(path) = self.variable("GITHUB_STEP_SUMMARY") else {
            return Ok(None);
        };
        let file = fs::OpenOptions::new().create(true).append(true).open(path);
        file.map(Some)
    }

    /// Who is told of progress.
    #[must_use]
    pub fn monitor(&self) -> &dyn Monitor {
        &self.monitor
    }

    /// Whether the result is JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        self.globals.json
    }

    /// Whether somebody can be asked.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Says a line on standard error, in spite of `--quiet`.
    pub(super) fn say(&self, line: &str) {
        self.monitor.say(line);
    }

    /// Says a line on standard error, where `--quiet` does not forbid it.
    pub(super) fn note(&self, line: &str) {
        if !self.globals.quiet {
            self.monitor.say(line);
        }
    }

    /// Stops drawing progress, so that a question can be read.
    pub(super) fn pause(&self) {
        self.monitor.pause();
    }

    pub(super) fn paint(&self) -> Paint {
        let on = match self.globals.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                is_read_by_a_person()
                    && self.variable("NO_COLOR").is_none()
                    && self.variable("TERM") != Some("dumb")
            }
        };
        Paint { on }
    }

    #[expect(
        clippy::unused_self,
        reason = "where output goes is the context's to say"
    )]
    pub(super) fn out(&self) -> Out {
        Out::direct()
    }

    /// Width of the terminal that results go to; `None` where nobody reads them.
    pub(super) fn width(&self) -> Option<usize> {
        if !is_read_by_a_person() || self.json() {
            return None;
        }
        let size = console::Term::stdout().size_checked();
        size.map(|(_, columns)| usize::from(columns))
    }

    /// Output that a person may want to scroll: through the pager that Git would use.
    pub(super) fn paged(&self) -> Out {
        if self.json() || !is_read_by_a_person() {
            return Out::direct();
        }
        let pager = self
            .variable("ORGKEEP_PAGER")
            .or_else(|| self.variable("GIT_PAGER"))
            .or_else(|| self.variable("PAGER"))
            .unwrap_or("less");
        match pager {
            "cat" => Out::direct(),
            command => Out::paged(command),
        }
    }

    /// Tells of a failure: on standard error, or as JSON where that was asked for.
    pub fn report_error(&self, error: &CommandError) {
        let (first, causes) = error
            .messages
            .split_first()
            .map_or(("failed", &[][..]), |(first, rest)| (first.as_str(), rest));
        if self.json() {
            let report = ErrorReport {
                schema: "orgkeep/error/1",
                error: first,
                causes,
                details: &error.details,
                hint: error.hint.as_deref(),
                status: error.status(),
            };
            // Nothing is left to be done about a closed standard output.
            let _ = self.out().json(&report);
        }
        self.say(&format!("error: {}", text::printable(first)));
        for cause in causes {
            self.say(&format!("  caused by: {}", text::printable(cause)));
        }
        for detail in &error.details {
            self.say(&format!("  - {}", text::printable(detail)));
        }
        if let Some(hint) = &error.hint {
            self.say(&format!("hint: {}", text::printable(hint)));
        }
    }
}
