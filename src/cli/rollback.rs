//! `orgkeep rollback` and `apply`

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    CommandError, Context, Outcome,
    deploying::HowArgs,
    planned::{ReportArgs, Session, ViewArgs, show},
    text, when,
};
use crate::{
    ops::rollback::{self, Revert, RollbackOptions},
    plan::{
        deploy::TestLevel,
        rollback::{MAX_BYTES, Options, Pick, PlanFile},
    },
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
    orgkeep rollback --to 2026-11-01 --author 'Jane Doe' --dry-run\n  \
    orgkeep rollback --deploy 0Af5g00000Kx1ZbCAJ\n  \
    orgkeep rollback --to 2026-11-01 --all --plan plan.json\n  \
    orgkeep apply plan.json")]
pub(super) struct RollbackArgs {
    /// Commit, tag, snapshot or date to go back to
    #[arg(long, value_name = "COMMIT", required_unless_present = "deploy")]
    to: Option<String>,

    /// Components: `Type:Name`, a pattern, a type, or a path in the tree
    #[arg(value_name = "COMPONENT|GLOB")]
    selectors: Vec<String>,

    /// Leave alone what SELECTOR names (can be repeated)
    #[arg(long, value_name = "SELECTOR")]
    except: Vec<String>,

    /// Everything that differs
    #[arg(long, conflicts_with = "selectors")]
    all: bool,

    /// Only what this person changed since then: a part of the name or address
    #[arg(long, value_name = "WHO")]
    author: Option<String>,

    /// Only what was changed at or after this: a day, a time, or as in `3 days ago`
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,

    /// What this deploy created, changed or deleted, back to the last snapshot before it
    #[arg(long, value_name = "0Af…")]
    deploy: Option<String>,

    /// Delete what is new since then
    #[arg(long)]
    delete_new: bool,

    /// Put back also what comes back only in part
    #[arg(long)]
    accept_lossy: bool,

    #[command(flatten)]
    view: ViewArgs,

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
    report: ReportArgs,

    #[command(flatten)]
    how: HowArgs,
}

/// Runs `orgkeep rollback`.
pub(super) async fn run(context: &Context, args: RollbackArgs) -> Result<Outcome, CommandError> {
    let session = Session::open(context).await?;
    let options = RollbackOptions {
        to: args.to.clone().unwrap_or_default(),
        pick: Pick {
            author: args.author.clone(),
            since: args.since.as_deref().map(when::parse).transpose()?,
            deploy: args.deploy.clone(),
        },
        push: args.how.push,
        selectors: args.selectors.clone(),
        except: args.except.clone(),
        allowed: Options {
            delete_new: args.delete_new,
            accept_lossy: args.accept_lossy,
        },
        tests: args.how.tests(),
        ..RollbackOptions::default()
    };
    let planned = session.plan(context, &options).await?;
    if args.selectors.is_empty() && !args.all && options.pick.is_empty() {
        show(context, &session, &planned, None)?;
        if context.json() {
            return Ok(Outcome::Failed(2));
        }
        return Err(CommandError::usage(
            "no component was selected",
            "name components, such as `CustomField:Account.Region__c`, or say `--all`".to_owned(),
        ));
    }
    session
        .finish(context, &planned, &args.view, &args.how)
        .await
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
        revert: (!saved.reverts.is_empty()).then(|| Revert {
            commits: saved.reverts.clone(),
            all: saved.choices.all,
            each: saved.choices.each.clone(),
        }),
        selectors: saved.selectors.clone(),
        except: saved.except.clone(),
        pick: saved.pick.clone(),
        push: args.how.push,
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
    session
        .carry_out(context, &planned, &args.how, &args.report)
        .await
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
