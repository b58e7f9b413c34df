//! What the commands that deploy have in common: options, the question, the result.

use std::{fmt::Write as _, io};

use clap::{Args, ValueEnum};

use super::{
    CommandError, Context,
    confirm::{self, Question},
    output::Tone,
    text,
};
use crate::{
    ops::{
        rollback::{ApplyReport, Failure, PlannedRollback, Stage},
        snapshot::CommitReport,
    },
    plan::deploy::TestLevel,
};

/// How a plan is carried out.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of the command line"
)]
pub(super) struct HowArgs {
    /// Only check the plan in the org, which leaves nothing there
    #[arg(long)]
    pub(super) check: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Deploy with this login, while the other one reads
    #[arg(long = "as", value_name = "LOGIN")]
    pub(super) writer: Option<String>,

    /// Go on from the remote's branch, and push each snapshot
    #[arg(long)]
    pub(super) push: bool,

    /// With --yes: in a production org as well
    #[arg(long, requires = "yes")]
    production: bool,

    /// Keep what goes in although other components fail; not in a production org
    #[arg(long)]
    pub(super) ignore_errors: bool,

    /// Apex tests that the org runs (default: in production the local ones, where the plan holds Apex)
    #[arg(long, value_name = "LEVEL", value_enum)]
    test_level: Option<Tests>,

    /// Run these Apex test classes (can be repeated)
    #[arg(long, value_name = "CLASS", conflicts_with = "test_level")]
    run_tests: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
#[expect(
    clippy::enum_variant_names,
    reason = "they are the platform's own words"
)]
enum Tests {
    /// None
    NoTestRun,
    /// All but those of packages
    RunLocalTests,
    /// All
    RunAllTestsInOrg,
    /// Those that the change may touch
    RunRelevantTests,
}

impl HowArgs {
    /// Whether nobody is asked before the deploy.
    pub(super) fn is_confirmed(&self) -> bool {
        self.yes || self.check
    }

    /// Which tests were asked for.
    pub(super) fn tests(&self) -> TestLevel {
        if !self.run_tests.is_empty() {
            return TestLevel::RunSpecifiedTests(self.run_tests.clone());
        }
        match self.test_level {
            None => TestLevel::Default,
            Some(Tests::NoTestRun) => TestLevel::NoTestRun,
            Some(Tests::RunLocalTests) => TestLevel::RunLocalTests,
            Some(Tests::RunAllTestsInOrg) => TestLevel::RunAllTestsInOrg,
            Some(Tests::RunRelevantTests) => TestLevel::RunRelevantTests,
        }
    }
}

/// Asks whether to go on.
pub(super) fn confirm(
    context: &Context,
    planned: &PlannedRollback,
    how: &HowArgs,
) -> Result<(), CommandError> {
    confirm::confirm(
        context,
        &Question {
            org: &planned.identity.org,
            yes: how.yes,
            production: how.production,
            act: "Deploy",
            act_in_production: "deploy to production",
            nothing: "nothing was deployed",
            instead: "say `--yes`, or `--plan FILE` and later `orgkeep apply FILE`",
        },
    )
}

/// Tells what became of the plan.
pub(super) fn tell(context: &Context, report: &ApplyReport) -> Result<(), CommandError> {
    let mut out = context.out();
    let paint = context.paint();
    tell_failures(context, &report.failures)?;
    if let Some(tests) = &report.tests {
        let verb = match tests.n_failed {
            0 => "all passed".to_owned(),
            n => format!("{n} failed"),
        };
        out.line(&format!("tests: {} run, {verb}", tests.n_run))?;
        for (name, percent) in &tests.low_coverage {
            out.line(&format!(
                "  coverage of {}: {percent}%",
                text::one_line(name)
            ))?;
        }
    }
    for (key, reason) in &report.refused {
        out.line(&format!(
            "{} {}  not sent: {}",
            paint.paint(Tone::Removed, "!"),
            text::one_line(&key.to_string()),
            text::one_line(reason)
        ))?;
    }
    if report.stage == Stage::Checked {
        for reason in &report.unchecked {
            out.line(&format!("not checked: {}", text::one_line(reason)))?;
        }
        out.line("checked: the org takes the plan, and nothing has changed")?;
    }
    tell_commits(context, &report.commits)?;
    for residue in &report.residue {
        out.line(&format!(
            "{} {}  still different: {}",
            paint.paint(Tone::Removed, "!"),
            text::one_line(&residue.component.to_string()),
            text::one_line(&residue.details.join("; "))
        ))?;
    }
    match report.stage {
        Stage::Deployed if report.has_gaps() => {
            out.line("rolled back, with the differences above")?;
        }
        Stage::Deployed => {
            out.line("rolled back: every component of the plan is as planned")?;
        }
        Stage::DeployedInPart => {
            out.line("rolled back in part: what failed is as it was")?;
        }
        _ => (),
    }
    Ok(())
}

/// Tells commits, a line each.
pub(super) fn tell_commits(context: &Context, commits: &[CommitReport]) -> io::Result<()> {
    let paint = context.paint();
    for commit in commits {
        context.out().line(&format!(
            "{}  {}  {:<20} {}",
            paint.paint(Tone::Commit, &commit.id[..7]),
            commit.at.minute(),
            text::one_line(&commit.author),
            text::one_line(&commit.subject)
        ))?;
    }
    Ok(())
}

/// Tells what the org refused: where, in its own words, and what to do.
pub(super) fn tell_failures(context: &Context, failures: &[Failure]) -> io::Result<()> {
    let mut out = context.out();
    let paint = context.paint();
    for failure in failures {
        let parts = [
            text::one_line(&failure.component),
            text::one_line(&place(failure)),
            text::one_line(&failure.problem),
        ];
        let parts: Vec<_> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        out.line(&format!(
            "{} {}",
            paint.paint(Tone::Removed, "×"),
            parts.join("  ")
        ))?;
        for frame in failure.stack.iter().flat_map(|it| it.lines()) {
            out.line(&format!("    at {}", text::one_line(frame)))?;
        }
        if let Some(hint) = &failure.hint {
            out.line(&format!("  hint: {}", text::one_line(hint)))?;
        }
    }
    Ok(())
}

/// `5a90b3f:force-app/…/A.cls:3:7`, as `git show` takes it but for line and column.
fn place(failure: &Failure) -> String {
    let mut place = match &failure.commit {
        Some(commit) => format!("{commit}:{}", failure.file),
        None => failure.file.clone(),
    };
    if let Some(line) = failure.line.filter(|_| !place.is_empty()) {
        let _ = write!(place, ":{line}");
        if let Some(column) = failure.column {
            let _ = write!(place, ":{column}");
        }
    }
    place
}

/// The error of a plan that did not go through.
pub(super) fn failure(report: &ApplyReport) -> CommandError {
    let (message, hint) = match report.stage {
        Stage::CheckFailed => (
            "the org refuses the plan; nothing has changed there",
            "see to what the messages name, or leave it out with `--except`",
        ),
        Stage::PartlyDeployed => (
            "a deploy of the plan did not go through; what went before it is in the org",
            "`orgkeep rollback` shows what is left to do",
        ),
        Stage::Canceled => (
            "it was cancelled; nothing has changed in the org",
            "run the command again to roll back after all",
        ),
        _ => (
            "the deploy failed; nothing has changed in the org",
            "run the command again: somebody may have changed the org meanwhile",
        ),
    };
    CommandError::refused(message, hint)
}
