//! `orgkeep rollback` and `apply`

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use super::{
    CommandError, Context, Outcome,
    attendant::Attendant,
    deploying::{HowArgs, confirm, failure, tell},
    output::Tone,
    text,
};
use crate::{
    client::Org,
    ops::{
        rollback::{self, ApplyOptions, ApplyReport, PlannedRollback, RollbackOptions},
        snapshot::SnapshotSetup,
    },
    plan::{
        deploy::TestLevel,
        rollback::{Heading, Item, MAX_BYTES, Options, PlanFile, render},
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

    /// Apply it only if its digest, which `rollback --plan` printed, is this one
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,

    #[command(flatten)]
    how: HowArgs,
}

/// The result as JSON.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    org: &'a str,
    org_id: String,
    user: &'a str,
    target: String,
    digest: &'a str,
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
        org: None,
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
            "plan written to {}, digest {}",
            text::one_line(&path.display().to_string()),
            planned.file.digest
        ));
        return Ok(outcome(&planned, None));
    }
    session.carry_out(context, &planned, &args.how).await
}

/// Runs `orgkeep apply`.
pub(super) async fn apply(context: &Context, args: ApplyArgs) -> Result<Outcome, CommandError> {
    let saved = read_plan(&args.file)?;
    if let Some(wanted) = &args.digest
        && *wanted != saved.digest
    {
        return Err(CommandError::refused(
            &format!("the plan has the digest {}", saved.digest),
            "this is another plan than the one you mean",
        ));
    }
    let session = Session::open(context).await?;
    let options = RollbackOptions {
        to: saved.target.clone(),
        selectors: saved.selectors.clone(),
        except: saved.except.clone(),
        allowed: saved.options,
        tests: match args.how.tests() {
            TestLevel::Default => saved.tests.clone(),
            other => other,
        },
        org: Some(saved.org),
    };
    let planned = session.plan(context, &options).await?;
    planned.must_equal(&PlanFile {
        tests: options.tests.clone(),
        ..saved
    })?;
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
        for deploy in &planned.deploys {
            context.say(&text::one_line(&deploy.in_words()));
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
        let attendant = Attendant::new(context);
        let options = ApplyOptions {
            check_only: how.check,
            ignore_errors: how.ignore_errors,
            interrupts: &attendant,
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

/// Reads a saved plan; no more of a file than a plan can have.
fn read_plan(path: &Path) -> Result<PlanFile, CommandError> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|err| {
        let shown = text::one_line(&path.display().to_string());
        CommandError::refused(
            &format!("cannot read the plan `{shown}`: {err}"),
            "name a file that `orgkeep rollback --plan FILE` wrote",
        )
    })?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    rollback::read_plan(&bytes).map_err(|err| {
        let hint = err.hint();
        CommandError::failed(&err, Some(hint))
    })
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
            digest: &planned.file.digest,
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
    if let Some(tests) = planned
        .deploy
        .tests
        .in_words()
        .filter(|_| !planned.plan.is_empty())
    {
        let line = format!("Tests: {}.", text::one_line(&tests));
        out.line(&paint.paint(Tone::Strong, &line))?;
    }
    Ok(())
}
