//! `orgkeep rollback` and `apply`

use std::{
    fs,
    io::{self, BufRead as _, Write as _},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{CommandError, Context, Outcome, interrupt, output::Tone, text};
use crate::{
    client::Org,
    ops::{
        rollback::{self, ApplyOptions, ApplyReport, PlannedRollback, RollbackOptions, Stage},
        snapshot::SnapshotSetup,
    },
    plan::{
        deploy::TestLevel,
        rollback::{Heading, Item, Options, PlanFile, render},
    },
    store::Repository,
};

/// Make a part of the org look like an earlier snapshot
///
/// Shows what would be done to each component and why, asks, checks it in the org, deploys it
/// and takes a snapshot. What was lost together with a deleted component comes back with it;
/// other people's later edits stay. What is new since then is deleted only with --delete-new.
/// The exit status is 3 where something could not be put back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep rollback --to 5a90b3f CustomField:Account.Region__c\n  \
    orgkeep rollback --to before-the-project 'Layout:Account-*' --check\n  \
    orgkeep rollback --to 2026-11-01 --all --plan plan.json\n  \
    orgkeep apply plan.json")]
pub(super) struct RollbackArgs {
    /// Commit, tag, snapshot or date to go back to
    #[arg(long, value_name = "COMMIT")]
    to: String,

    /// Components: `Type:Name`, a pattern, a type, or a path in the tree
    #[arg(value_name = "COMPONENT|GLOB")]
    selectors: Vec<String>,

    /// Leave alone what SELECTOR names (can be repeated)
    #[arg(long, value_name = "SELECTOR")]
    except: Vec<String>,

    /// Everything that differs
    #[arg(long, conflicts_with = "selectors")]
    all: bool,

    /// Delete what is new since then
    #[arg(long)]
    delete_new: bool,

    /// Put back also what comes back only in part
    #[arg(long)]
    accept_lossy: bool,

    /// Write the plan to FILE and stop
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "yes"])]
    plan: Option<PathBuf>,

    #[command(flatten)]
    how: HowArgs,
}

/// Apply a plan that `rollback --plan` wrote
///
/// The plan is made again from its inputs. Where one entry differs, because the org has moved
/// on or the file was edited, nothing is deployed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  orgkeep apply plan.json\n  orgkeep apply plan.json --yes")]
pub(super) struct ApplyArgs {
    /// The plan
    #[arg(value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    how: HowArgs,
}

/// How a plan is carried out.
#[derive(Debug, Args)]
struct HowArgs {
    /// Only check the plan in the org, which leaves nothing there
    #[arg(long)]
    check: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// With --yes: in a production org as well
    #[arg(long, requires = "yes")]
    production: bool,

    /// Apex tests that the org runs
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
    fn tests(&self) -> TestLevel {
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

/// The result as JSON.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    org: &'a str,
    org_id: String,
    user: &'a str,
    target: String,
    items: Vec<ItemReport<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a ApplyReport>,
}

#[derive(Serialize)]
struct ItemReport<'a> {
    component: String,
    verdict: &'static str,
    applies: bool,
    reason: &'a str,
    details: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    because_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<&'a str>,
}

impl<'a> ItemReport<'a> {
    fn new(item: &'a Item) -> Self {
        Self {
            component: item.key.to_string(),
            verdict: item.verdict.word(),
            applies: item.applies,
            reason: &item.reason,
            details: &item.details,
            because_of: item.because_of.as_ref().map(ToString::to_string),
            page: item.page.as_deref(),
        }
    }
}

/// Runs `orgkeep rollback`.
pub(super) async fn run(context: &Context, args: RollbackArgs) -> Result<Outcome, CommandError> {
    let session = Session::open(context).await?;
    let options = RollbackOptions {
        to: args.to.clone(),
        selectors: args.selectors.clone(),
        except: args.except.clone(),
        allowed: Options {
            delete_new: args.delete_new,
            accept_lossy: args.accept_lossy,
        },
        tests: args.how.tests(),
    };
    let planned = session.plan(context, &options).await?;
    if args.selectors.is_empty() && !args.all {
        show(context, &session, &planned, None)?;
        if context.json() {
            return Ok(Outcome::Failed(2));
        }
        return Err(CommandError::usage(
            "no component was selected",
            "name components, such as `CustomField:Account.Region__c`, or say `--all`".to_owned(),
        ));
    }
    if let Some(path) = &args.plan {
        write_plan(path, &planned.file)?;
        show(context, &session, &planned, None)?;
        context.say(&format!(
            "plan written to {}",
            text::one_line(&path.display().to_string())
        ));
        return Ok(outcome(&planned, None));
    }
    session.carry_out(context, &planned, &args.how).await
}

/// Runs `orgkeep apply`.
pub(super) async fn apply(context: &Context, args: ApplyArgs) -> Result<Outcome, CommandError> {
    let bytes = fs::read(&args.file)?;
    let saved = PlanFile::parse(&bytes).map_err(|err| {
        let hint = err.hint();
        CommandError::failed(&err, Some(hint))
    })?;
    let session = Session::open(context).await?;
    let options = RollbackOptions {
        to: saved.target.clone(),
        selectors: saved.selectors.clone(),
        except: saved.except.clone(),
        allowed: saved.options,
        tests: args.how.tests(),
    };
    let planned = session.plan(context, &options).await?;
    planned.must_equal(&saved)?;
    session.carry_out(context, &planned, &args.how).await
}

/// The repository and the org that a command works on.
struct Session {
    repo: Repository,
    setup: SnapshotSetup,
    org: Org,
}

impl Session {
    async fn open(context: &Context) -> Result<Self, CommandError> {
        let repo = context.open_repository()?;
        let (config, setup) = context.settings(&repo)?;
        let org = context.open_org_of(&config).await?;
        Ok(Self { repo, setup, org })
    }

    async fn plan(
        &self,
        context: &Context,
        options: &RollbackOptions,
    ) -> Result<PlannedRollback, CommandError> {
        let planned = rollback::plan(
            &self.org,
            &self.repo,
            &self.setup,
            options,
            context.monitor(),
        )
        .await?;
        if let Some(named) = planned.target.moved_from {
            context.say(&format!(
                "{} is an earlier part of a snapshot; going back to its last, {}",
                named.short(),
                planned.target.commit.short()
            ));
        }
        for commit in &planned.news {
            context.say(&format!(
                "new in the org: {}  {}  {}",
                &commit.id[..7],
                text::one_line(&commit.author),
                text::one_line(&commit.subject)
            ));
        }
        Ok(planned)
    }

    async fn carry_out(
        &self,
        context: &Context,
        planned: &PlannedRollback,
        how: &HowArgs,
    ) -> Result<Outcome, CommandError> {
        if !context.json() {
            show(context, self, planned, None)?;
        }
        if planned.plan.is_empty() {
            if context.json() {
                show(context, self, planned, None)?;
            } else {
                context.out().line("nothing to do")?;
            }
            return Ok(outcome(planned, None));
        }
        if !how.check {
            confirm(context, planned, how)?;
        }
        let options = ApplyOptions {
            check_only: how.check,
        };
        let report = rollback::apply(
            &self.org,
            &self.repo,
            &self.setup,
            planned,
            options,
            context.monitor(),
        )
        .await?;
        if context.json() {
            show(context, self, planned, Some(&report))?;
        } else {
            tell(context, &report)?;
        }
        if report.failed() {
            if context.json() {
                return Ok(Outcome::Failed(1));
            }
            return Err(failure(&report));
        }
        Ok(outcome(planned, Some(&report)))
    }
}

fn write_plan(path: &Path, file: &PlanFile) -> Result<(), CommandError> {
    let partial = path.with_extension("part");
    fs::write(&partial, file.render())?;
    fs::rename(&partial, path)?;
    Ok(())
}

fn outcome(planned: &PlannedRollback, report: Option<&ApplyReport>) -> Outcome {
    let has_gaps = report.is_some_and(ApplyReport::has_gaps);
    if has_gaps || planned.left_to_people().next().is_some() {
        Outcome::Partial
    } else {
        Outcome::Done
    }
}

fn kind(planned: &PlannedRollback) -> &'static str {
    let org = &planned.identity.org;
    match (org.is_production(), org.is_sandbox) {
        (true, _) => "production",
        (_, true) => "sandbox",
        _ => "trial",
    }
}

/// Shows the plan; as JSON with what became of it.
fn show(
    context: &Context,
    session: &Session,
    planned: &PlannedRollback,
    report: Option<&ApplyReport>,
) -> Result<(), CommandError> {
    let identity = &planned.identity;
    let mut out = context.out();
    if context.json() {
        out.json(&Report {
            schema: "orgkeep/rollback/1",
            org: &identity.org.name,
            org_id: identity.org.id.to_string(),
            user: &identity.user.username,
            target: planned.target.commit.to_string(),
            items: planned.plan.items.iter().map(ItemReport::new).collect(),
            result: report,
        })?;
        return Ok(());
    }
    let rendered = render(
        &planned.plan,
        &Heading {
            org: &identity.org.name,
            kind: kind(planned),
            user: &identity.user.username,
            url: session.org.instance().as_str(),
        },
    );
    let paint = context.paint();
    for line in rendered.lines() {
        let tone = match line.chars().next() {
            Some('+') => Tone::Added,
            Some('−' | '×' | '!') => Tone::Removed,
            Some('~') => Tone::Changed,
            Some('=') => Tone::Dim,
            _ => Tone::Strong,
        };
        let line = text::printable(line);
        let (sign, rest) = line.split_at(line.chars().next().map_or(0, char::len_utf8));
        match tone {
            Tone::Strong | Tone::Dim => out.line(&paint.paint(tone, &line))?,
            _ => out.line(&format!("{}{rest}", paint.paint(tone, sign)))?,
        }
    }
    Ok(())
}

/// Asks whether to go on; in production for the org's name.
fn confirm(
    context: &Context,
    planned: &PlannedRollback,
    how: &HowArgs,
) -> Result<(), CommandError> {
    let org = &planned.identity.org;
    let is_production = org.is_production();
    if how.yes {
        if is_production && !how.production {
            return Err(CommandError::usage(
                format!("{} is a production org", text::one_line(&org.name)),
                "say `--yes --production`, or leave `--yes` out and type the org's name".to_owned(),
            ));
        }
        return Ok(());
    }
    if !context.is_interactive() || context.json() {
        return Err(CommandError::refused(
            "nothing was deployed: nobody is there to confirm it",
            "say `--yes`, or `--plan FILE` and later `orgkeep apply FILE`",
        ));
    }
    let wanted = if is_production {
        eprint_prompt(&format!(
            "Type the name of the org, {}, to deploy to production: ",
            text::one_line(&org.name)
        ))?;
        org.name.as_str()
    } else {
        eprint_prompt("Deploy? Type yes: ")?;
        "yes"
    };
    let mut answer = String::new();
    interrupt::while_asking(|| io::stdin().lock().read_line(&mut answer))?;
    if answer.trim() == wanted.trim() {
        return Ok(());
    }
    Err(CommandError::refused(
        "nothing was deployed: it was not confirmed",
        "run the command again",
    ))
}

fn eprint_prompt(prompt: &str) -> io::Result<()> {
    let mut err = io::stderr().lock();
    err.write_all(prompt.as_bytes())?;
    err.flush()
}

/// Tells what became of the plan.
fn tell(context: &Context, report: &ApplyReport) -> Result<(), CommandError> {
    let mut out = context.out();
    let paint = context.paint();
    for failure in &report.failures {
        let place = match (failure.line, failure.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", failure.file),
            (Some(line), None) => format!("{}:{line}", failure.file),
            _ => failure.file.clone(),
        };
        out.line(&format!(
            "{} {}  {}  {}",
            paint.paint(Tone::Removed, "×"),
            text::one_line(&failure.component),
            text::one_line(&place),
            text::one_line(&failure.problem)
        ))?;
    }
    for (key, reason) in &report.refused {
        out.line(&format!(
            "{} {}  not sent: {}",
            paint.paint(Tone::Removed, "!"),
            text::one_line(&key.to_string()),
            text::one_line(reason)
        ))?;
    }
    match report.stage {
        Stage::Checked => out.line("checked: the org takes the plan, and nothing has changed")?,
        Stage::Deployed => {
            for commit in &report.commits {
                out.line(&format!(
                    "{}  {}  {:<20} {}",
                    paint.paint(Tone::Commit, &commit.id[..7]),
                    commit.at.minute(),
                    text::one_line(&commit.author),
                    text::one_line(&commit.subject)
                ))?;
            }
        }
        _ => (),
    }
    for residue in &report.residue {
        out.line(&format!(
            "{} {}  still different: {}",
            paint.paint(Tone::Removed, "!"),
            text::one_line(&residue.component.to_string()),
            text::one_line(&residue.details.join("; "))
        ))?;
    }
    if report.stage == Stage::Deployed {
        let word = if report.has_gaps() {
            "rolled back, with the differences above"
        } else {
            "rolled back: every component of the plan is as planned"
        };
        out.line(word)?;
    }
    Ok(())
}

fn failure(report: &ApplyReport) -> CommandError {
    let (message, hint) = match report.stage {
        Stage::CheckFailed => (
            "the org refuses the plan; nothing has changed there",
            "select what the messages name as well, or leave it out with `--except`",
        ),
        Stage::PartlyDeployed => (
            "a later deploy of the plan failed; the earlier ones are in the org",
            "`orgkeep rollback` shows what is left to do",
        ),
        _ => (
            "the deploy failed; nothing has changed in the org",
            "run the command again: somebody may have changed the org meanwhile",
        ),
    };
    CommandError::refused(message, hint)
}
