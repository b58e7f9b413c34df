//! What the commands that make a plan have in common: it is made, shown, written, carried out.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{
    CommandError, Context, Outcome,
    attendant::Attendant,
    changes::patch,
    deploying::{HowArgs, confirm, failure, tell},
    output::Tone,
    page::{self, Frame, Page},
    text,
};
use crate::{
    client::Org,
    config::Config,
    model::Timestamp,
    ops::{
        rollback::{self, ApplyOptions, ApplyReport, PlannedRollback, RollbackOptions},
        snapshot::SnapshotSetup,
    },
    plan::rollback::{Heading, Item, PlanFile, render, undo::Clash},
    store::Repository,
};

/// What becomes of a plan besides, or in place of, being carried out.
#[derive(Debug, Args)]
pub(super) struct ViewArgs {
    /// Show the files as they would be, as a diff, and stop
    #[arg(long, conflicts_with_all = ["check", "yes", "plan"])]
    dry_run: bool,

    /// Write the plan to FILE and stop
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check", "yes"])]
    plan: Option<PathBuf>,

    /// Write what would be deployed to DIR, which `sf project deploy` takes as it is, and stop
    #[arg(long, value_name = "DIR", conflicts_with_all = ["check", "yes"])]
    out: Option<PathBuf>,

    #[command(flatten)]
    report: ReportArgs,
}

/// In what form a plan, or a comparison, is told.
#[derive(Debug, Default, Args)]
pub(super) struct ReportArgs {
    /// Write it as one page of HTML to FILE as well
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,

    /// Print it as text, or as Markdown that is short enough for a comment to a pull request
    #[arg(
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "text",
        hide_possible_values = true
    )]
    pub(super) format: Format,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Lines for a terminal
    #[default]
    Text,
    /// Markdown
    Markdown,
}

impl ViewArgs {
    /// Whether nothing is to be carried out.
    pub(super) fn stops(&self) -> bool {
        self.dry_run || self.plan.is_some() || self.out.is_some()
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reverts: Vec<String>,
    #[serde(skip_serializing_if = "<[Clash]>::is_empty")]
    clashes: &'a [Clash],
    digest: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rest_as_of: Option<Timestamp>,
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

impl ReportArgs {
    /// Writes the page and prints the Markdown that were asked for.
    pub(super) fn tell(
        &self,
        context: &Context,
        make: impl FnOnce() -> Result<Page, CommandError>,
    ) -> Result<(), CommandError> {
        let is_markdown = self.format == Format::Markdown && !context.json();
        if self.html.is_none() && !is_markdown {
            return Ok(());
        }
        let page = make()?;
        if let Some(path) = &self.html {
            page::write(&page, path)?;
        }
        if is_markdown {
            context.out().raw(page::markdown(&page).as_bytes())?;
        }
        Ok(())
    }
}

/// The repository and the org that a command works on.
pub(super) struct Session {
    pub(super) repo: Repository,
    setup: SnapshotSetup,
    config: Config,
    org: Org,
}

impl Session {
    pub(super) async fn open(context: &Context) -> Result<Self, CommandError> {
        let repo = context.open_repository()?;
        let (config, setup) = context.settings(&repo)?;
        let org = context.open_org_of(&config).await?;
        Ok(Self {
            repo,
            setup,
            config,
            org,
        })
    }

    pub(super) async fn plan(
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
        if let Some(at) = planned.rest_as_of {
            context.say(&format!(
                "read afresh: what the plan may touch; the rest is as the snapshot of {} UTC has it",
                at.minute()
            ));
        }
        Ok(planned)
    }

    /// Shows or writes a plan as `view` says, and carries it out unless that stops it.
    pub(super) async fn finish(
        &self,
        context: &Context,
        planned: &PlannedRollback,
        view: &ViewArgs,
        how: &HowArgs,
    ) -> Result<Outcome, CommandError> {
        if !view.stops() {
            return self.carry_out(context, planned, how, &view.report).await;
        }
        if let Some(path) = &view.plan {
            write_plan(path, &planned.file)?;
        }
        self.tell_plan(context, planned, &view.report)?;
        if view.dry_run && !context.json() {
            self.show_files(context, planned)?;
        }
        if let Some(path) = &view.plan {
            context.say(&format!(
                "plan written to {}, digest {}",
                text::one_line(&path.display().to_string()),
                planned.file.digest
            ));
        }
        if let Some(dir) = &view.out {
            self.write_packages(context, planned, dir).await?;
        }
        Ok(outcome(planned, None))
    }

    /// Shows a plan that was not carried out.
    fn tell_plan(
        &self,
        context: &Context,
        planned: &PlannedRollback,
        form: &ReportArgs,
    ) -> Result<(), CommandError> {
        if form.format == Format::Text || context.json() {
            show(context, self, planned, None)?;
        }
        self.page(context, planned, form, None)
    }

    /// Writes the page, and prints the Markdown, where they were asked for.
    fn page(
        &self,
        context: &Context,
        planned: &PlannedRollback,
        form: &ReportArgs,
        report: Option<&ApplyReport>,
    ) -> Result<(), CommandError> {
        let frame = Frame {
            kind: kind(planned),
            url: self.org.instance().as_str(),
            report,
        };
        form.tell(context, || page::of_plan(planned, &self.repo, &frame))
    }

    /// Writes each deploy of a plan as a folder in metadata format.
    async fn write_packages(
        &self,
        context: &Context,
        planned: &PlannedRollback,
        dir: &Path,
    ) -> Result<(), CommandError> {
        let is_free = fs::read_dir(dir).map_or(!dir.exists(), |mut it| it.next().is_none());
        let shown = text::one_line(&dir.display().to_string());
        if !is_free {
            return Err(CommandError::refused(
                &format!("`{shown}` is not an empty folder"),
                "name a new folder",
            ));
        }
        let packages = rollback::packages(planned, &self.org, &self.repo, &self.setup).await?;
        let is_one = packages.len() == 1;
        for package in &packages {
            let dir = match is_one {
                true => dir.to_owned(),
                false => dir.join(&package.name),
            };
            for (path, bytes) in &package.entries {
                let path = dir.join(path.as_str());
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder)?;
                }
                fs::write(path, bytes)?;
            }
            for (key, reason) in &package.refused {
                context.say(&format!(
                    "! {}: not written: {}",
                    text::one_line(&key.to_string()),
                    text::one_line(reason)
                ));
            }
            context.say(&format!(
                "written; `sf project deploy start --single-package --metadata-dir {}` deploys it",
                text::one_line(&dir.display().to_string())
            ));
        }
        Ok(())
    }

    /// Shows how each file would change.
    fn show_files(&self, context: &Context, planned: &PlannedRollback) -> Result<(), CommandError> {
        let mut out = context.paged();
        for file in rollback::preview(planned, &self.repo)? {
            let [before, after] =
                [&file.before, &file.after].map(|it| it.as_deref().unwrap_or_default());
            patch(&mut out, &file.path, before, after, context.paint())?;
        }
        out.finish()?;
        Ok(())
    }

    pub(super) async fn carry_out(
        &self,
        context: &Context,
        planned: &PlannedRollback,
        how: &HowArgs,
        form: &ReportArgs,
    ) -> Result<Outcome, CommandError> {
        let is_text = !context.json() && form.format == Format::Text;
        if is_text || (!context.json() && !how.is_confirmed()) {
            show(context, self, planned, None)?;
        }
        if planned.plan.is_empty() {
            self.page(context, planned, form, None)?;
            if context.json() {
                show(context, self, planned, None)?;
            } else if is_text {
                context.out().line("nothing to do")?;
            }
            return Ok(outcome(planned, None));
        }
        if !how.check {
            confirm(context, planned, how)?;
        }
        let attendant = Attendant::new(context);
        let writer = match &how.writer {
            Some(name) => Some(context.open_org_named(&self.config, name).await?),
            None => None,
        };
        let options = ApplyOptions {
            writer: writer.as_ref(),
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
        self.page(context, planned, form, Some(&report))?;
        if context.json() {
            show(context, self, planned, Some(&report))?;
        } else if is_text {
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
pub(super) fn show(
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
            reverts: planned.reverts.iter().map(ToString::to_string).collect(),
            clashes: &planned.clashes,
            digest: &planned.file.digest,
            rest_as_of: planned.rest_as_of,
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
