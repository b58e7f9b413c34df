//! `orgkeep revert`

use std::io::{self, BufRead as _};

use clap::Args;

use super::{
    CommandError, Context, Outcome,
    confirm::prompt,
    deploying::HowArgs,
    interrupt,
    planned::{Session, ViewArgs},
    text,
};
use crate::{
    diff::element::Side,
    ops::rollback::{PlannedRollback, Revert, RollbackOptions},
    plan::rollback::{Options, undo::Clash},
};

/// Undo what commits did, and keep what others changed since
///
/// Element by element: of each file that the commits changed, just their changes are taken
/// back. Where somebody has changed the same element since, all three states are shown and
/// you choose. The plan, the checks and the deploy are those of `rollback`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep revert 7c1e0d4\n  \
    orgkeep revert 7c1e0d4 --dry-run\n  \
    orgkeep revert 5a90b3f..HEAD --only 'Layout:*'\n  \
    orgkeep revert 7c1e0d4 --theirs --check")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of the command line"
)]
pub(super) struct RevertArgs {
    /// Commits, or ranges of commits as `A..B`: those after A up to B
    #[arg(value_name = "COMMIT|RANGE", required = true)]
    commits: Vec<String>,

    /// Only these of the components that the commits changed (can be repeated)
    #[arg(long, value_name = "SELECTOR")]
    only: Vec<String>,

    /// Leave alone what SELECTOR names (can be repeated)
    #[arg(long, value_name = "SELECTOR")]
    except: Vec<String>,

    /// Where somebody changed the same since, keep that
    #[arg(long, conflicts_with = "theirs")]
    ours: bool,

    /// Where somebody changed the same since, bring back what was before the commit
    #[arg(long)]
    theirs: bool,

    /// Delete what the commits made
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

impl RevertArgs {
    fn all(&self) -> Option<Side> {
        match (self.ours, self.theirs) {
            (true, _) => Some(Side::Ours),
            (_, true) => Some(Side::Theirs),
            _ => None,
        }
    }
}

/// Runs `orgkeep revert`.
pub(super) async fn run(context: &Context, args: RevertArgs) -> Result<Outcome, CommandError> {
    let session = Session::open(context).await?;
    let mut options = RollbackOptions {
        revert: Some(Revert {
            commits: args.commits.clone(),
            all: args.all(),
            ..Revert::default()
        }),
        selectors: args.only.clone(),
        except: args.except.clone(),
        allowed: Options {
            delete_new: args.delete_new,
            accept_lossy: args.accept_lossy,
        },
        tests: args.how.tests(),
        push: args.how.push,
        ..RollbackOptions::default()
    };
    let mut planned = session.plan(context, &options).await?;
    if !planned.clashes.is_empty() && context.is_interactive() && !context.json() {
        choose(context, &planned, &mut options)?;
        planned = session.plan(context, &options).await?;
    }
    session
        .finish(context, &planned, &args.view, &args.how)
        .await
}

/// Asks of each clash which state is to hold.
fn choose(
    context: &Context,
    planned: &PlannedRollback,
    options: &mut RollbackOptions,
) -> Result<(), CommandError> {
    let Some(revert) = &mut options.revert else {
        return Ok(());
    };
    context.pause();
    for clash in &planned.clashes {
        if let Some(side) = ask(context, clash)? {
            revert.each.insert(clash.id(), side);
        }
    }
    Ok(())
}

/// The answer for one clash; `None` where it is left open.
fn ask(context: &Context, clash: &Clash) -> Result<Option<Side>, CommandError> {
    let component = text::one_line(&clash.component.to_string());
    context.say(&format!("{component}  {}", text::one_line(&clash.what)));
    let commit = text::one_line(&clash.commit);
    for (when, value) in [
        (format!("before {commit}"), &clash.theirs),
        (format!("by {commit}"), &clash.base),
        ("now".to_owned(), &clash.now),
    ] {
        context.say(&format!("  {when:<16} {}", text::printable(value)));
    }
    loop {
        prompt(
            "Keep now's (o), bring back what was before (t), or leave the component alone (s)? ",
        )?;
        let mut answer = String::new();
        let n = interrupt::while_asking(|| io::stdin().lock().read_line(&mut answer))?;
        match answer.trim() {
            "o" | "ours" => return Ok(Some(Side::Ours)),
            "t" | "theirs" => return Ok(Some(Side::Theirs)),
            "s" | "skip" => return Ok(None),
            _ if n == 0 => return Ok(None),
            _ => (),
        }
    }
}
