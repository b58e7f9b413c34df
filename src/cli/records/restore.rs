//! `orgkeep records restore`

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use super::export::secret;
use crate::{
    cli::{
        CommandError, Context, Outcome,
        confirm::{Question, confirm},
        output::Tone,
        text, when,
    },
    model::{ComponentKey, RecordId},
    ops::{
        self,
        bypass::Switchboard,
        records::{
            RestoreRefusal, branches,
            restore::{self, ApplyOptions, PlannedRestore, RestoreOptions, RestoreReport, Site},
        },
    },
    plan::{
        commits::counted,
        records::{Fires, Heading, Limits, Options, bypass::chosen, render},
    },
    records::RawReader,
};

/// Put rows back as they were
///
/// Exports the objects first, so that what may be touched is in a commit; shows what becomes of
/// each row and what the writes set off; asks; then takes rows out of the recycle bin, sets back
/// changed fields, and inserts what is gone for good in the order that its relations ask for.
/// Rows that are new stay. A restore that was interrupted goes on when it is run again, and no
/// row is inserted twice. The exit status is 3 where a row was refused or still differs.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of the command line"
)]
#[command(after_help = "Examples:\n  \
    orgkeep records restore --to yesterday Contact --field Phone\n  \
    orgkeep records restore --to 2026-11-20 Account --where \"BillingCity = 'Berlin'\"\n  \
    orgkeep records restore --to 5a90b3f 0013h00000Ffg18AAB --check\n  \
    orgkeep records restore --changed-by omar@acme.com --between 2026-11-21T14:00 2026-11-21T15:00\n  \
    orgkeep records restore --bulk-job 7503h000005ZxbfAAC")]
pub(in crate::cli) struct RestoreArgs {
    /// Objects, or Ids of rows
    #[arg(value_name = "OBJECT|ID")]
    what: Vec<String>,

    /// Commit, tag, snapshot or time to go back to
    #[arg(long, value_name = "COMMIT", required_unless_present_any = ["changed_by", "bulk_job"])]
    to: Option<String>,

    /// Undo what USER changed and deleted: a username, an Id or a name
    #[arg(long, value_name = "USER", requires = "between")]
    changed_by: Option<String>,

    /// From when to when USER did it, by the org's clock
    #[arg(long, num_args = 2, value_names = ["FROM", "TO"], requires = "changed_by")]
    between: Option<Vec<String>>,

    /// Undo what an ingest job of the Bulk API did, where the org still has its results
    #[arg(long, value_name = "ID", conflicts_with = "changed_by")]
    bulk_job: Option<RecordId>,

    /// Only rows that were so: `BillingCity = 'Berlin' AND Rating != null`
    #[arg(long = "where", value_name = "CONDITION")]
    condition: Option<String>,

    /// Only rows whose Ids stand in the column `Id` of FILE
    #[arg(long, value_name = "FILE")]
    from_csv: Option<PathBuf>,

    /// Only this field (can be repeated); rows that are gone then stay gone
    #[arg(long = "field", value_name = "FIELD")]
    fields: Vec<String>,

    /// All rows of all objects
    #[arg(long, conflicts_with_all = ["what", "from_csv"])]
    all: bool,

    /// Delete rows that are new since then
    #[arg(long)]
    delete_new: bool,

    /// Set back also what someone else has changed since
    #[arg(long)]
    overwrite: bool,

    /// Leave alone what nobody selected, even where a selected row needs it
    #[arg(long)]
    no_related: bool,

    /// Give rows whose owner is gone or inactive to USER
    #[arg(long, value_name = "USER")]
    fallback_owner: Option<String>,

    /// Write at most so many rows
    #[arg(long, value_name = "N", default_value_t = Limits::default().max_rows)]
    max_rows: usize,

    /// Write at most so many percent of the rows of an object
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=100))]
    max_percent: Option<u8>,

    /// Only show the plan, with what the org is known to refuse
    #[arg(long)]
    check: bool,

    /// Switch off what the restore sets off, such as 'ValidationRule:Account.*' or '*', and on
    /// again when it is done; for everybody, and in production triggers with the local tests
    #[arg(long, value_name = "COMPONENT")]
    bypass: Vec<String>,

    /// Write although automation may send messages to people
    #[arg(long)]
    allow_email: bool,

    /// Take rows of an earlier restore whose answer was lost for not inserted
    #[arg(long)]
    lost_not_taken: bool,

    /// Write the rows that the org refused to FILE, with its words and a hint
    #[arg(long, value_name = "FILE")]
    errors: Option<PathBuf>,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// With --yes: in a production org as well
    #[arg(long, requires = "yes")]
    production: bool,
}

/// The result as JSON.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    org: &'a str,
    target: String,
    items: Vec<ItemReport<'a>>,
    fires: &'a [Fires],
    unread: &'a [(String, String)],
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a RestoreReport>,
}

#[derive(Serialize)]
struct ItemReport<'a> {
    object: &'a str,
    id: &'a str,
    deed: &'static str,
    fields: Vec<&'a str>,
    lost: Vec<String>,
    refused: Vec<String>,
}

impl RestoreArgs {
    fn options(&self) -> Result<RestoreOptions, CommandError> {
        let between = match self.between.as_deref() {
            Some([since, until]) => Some((when::parse(since)?, when::parse(until)?)),
            _ => None,
        };
        let ids = match &self.from_csv {
            Some(path) => ids_in(path)?,
            None => Vec::new(),
        };
        Ok(RestoreOptions {
            to: self.to.clone(),
            what: self.what.clone(),
            ids,
            condition: self.condition.clone(),
            changed_by: self.changed_by.clone(),
            between,
            bulk_job: self.bulk_job,
            fields: self.fields.clone(),
            all: self.all,
            fallback_owner: self.fallback_owner.clone(),
            allowed: Options {
                delete_new: self.delete_new,
                overwrite: self.overwrite,
                no_related: self.no_related,
                ..Options::default()
            },
            limits: Limits {
                max_rows: self.max_rows,
                max_percent: self.max_percent,
            },
            lost_not_taken: self.lost_not_taken,
        })
    }
}

/// Runs `orgkeep records restore`.
pub(super) async fn run(context: &Context, args: RestoreArgs) -> Result<Outcome, CommandError> {
    let metadata = context.open_repository()?;
    let (config, setup) = context.settings(&metadata)?;
    let options = args.options()?;
    let other = match &config.records {
        Some(records) => branches::other_repository(&metadata, records, context.store_options())?,
        None => None,
    };
    let secret = secret(context)?;
    let org = context.open_org_of(&config).await?;
    let site = Site {
        org: &org,
        repo: other.as_ref().unwrap_or(&metadata),
        metadata: &metadata,
        config: &config,
        setup: &setup,
        secret: secret.as_deref(),
    };
    let planned = restore::plan(site, &options, context.monitor()).await?;
    let board = Switchboard {
        org: &org,
        repo: &metadata,
        setup: &setup,
        identity: &planned.identity,
        monitor: context.monitor(),
    };
    if !args.check {
        board.must_be_closed()?;
    }
    if planned.settled > 0 {
        context.say(&format!(
            "{} of an earlier restore went in before it was interrupted",
            counted(planned.settled, "row")
        ));
    }
    let bypassed = chosen(&planned.fires, &args.bypass)
        .map_err(|err| CommandError::usage(err.to_string(), err.hint()))?;
    let n_written = planned.plan.written().count();
    if !context.json() {
        show(context, &planned)?;
    }
    if args.check || n_written == 0 {
        planned.check_limits(site.repo)?;
        if context.json() {
            json(context, &planned, None)?;
        }
        return Ok(outcome(&planned, None));
    }
    planned.check_limits(site.repo)?;
    tell_bypass(context, &planned, &bypassed);
    ask(context, &planned, &args, n_written)?;
    let how = ApplyOptions {
        allow_email: args.allow_email,
        bypassed,
    };
    if planned.may_tell_others(&how.bypassed) && !how.allow_email {
        return Err(ops::Error::from(RestoreRefusal::MayTellOthers).into());
    }
    let work = Box::pin(async {
        let report = restore::apply(site, &planned, &how, context.monitor()).await;
        Ok(report?)
    });
    let report = bypassing(context, board, &how.bypassed, work).await?;
    if let Some(path) = &args.errors {
        fs::write(path, report.errors_csv())?;
    }
    if context.json() {
        json(context, &planned, Some(&report))?;
    } else {
        tell(context, &report, args.errors.as_deref())?;
    }
    Ok(outcome(&planned, Some(&report)))
}

/// Says what will be off, for how long, and for whom.
fn tell_bypass(context: &Context, planned: &PlannedRestore, bypassed: &BTreeSet<ComponentKey>) {
    if bypassed.is_empty() {
        return;
    }
    let names: Vec<_> = bypassed.iter().map(ToString::to_string).collect();
    context.say(&format!(
        "off for everybody who works in the org, from before the first row until the last one: {}",
        text::one_line(&names.join(", "))
    ));
    let has_apex = bypassed
        .iter()
        .any(|it| it.type_name.as_str() == "ApexTrigger");
    if has_apex && planned.identity.org.is_production() {
        context.say("the org is in production: switching a trigger runs its local tests, twice");
    }
}

/// Tells what is left when the command ends with automation off.
struct StillOff<'a>(Option<&'a Context>);

impl Drop for StillOff<'_> {
    fn drop(&mut self) {
        if let Some(context) = self.0 {
            context
                .say("automation may still be off: `orgkeep bypass restore` switches it on again");
        }
    }
}

/// Does `work` while automation is off, and switches it on again whatever came of it.
async fn bypassing<T>(
    context: &Context,
    board: Switchboard<'_>,
    bypassed: &BTreeSet<ComponentKey>,
    work: impl Future<Output = Result<T, CommandError>>,
) -> Result<T, CommandError> {
    if bypassed.is_empty() {
        return work.await;
    }
    let mut still_off = StillOff(Some(context));
    board.off(bypassed).await?;
    let done = work.await;
    let on = board.restore().await;
    match (done, on) {
        (done, Ok(_)) => {
            still_off.0 = None;
            done
        }
        // What the work has to say would hide that the org is not as it was.
        (_, Err(err)) => Err(err.into()),
    }
}

/// Ids in the column `Id` of a file.
fn ids_in(path: &Path) -> Result<Vec<RecordId>, CommandError> {
    let shown = text::one_line(&path.display().to_string());
    let bad = |what: String| {
        CommandError::refused(
            &format!("{shown} is no list of rows: {what}"),
            "write a CSV with a column `Id`",
        )
    };
    let bytes = fs::read(path)?;
    let mut reader = RawReader::new(bytes.as_slice());
    let header = reader.header().map_err(|err| bad(err.to_string()))?;
    let place = header
        .iter()
        .position(|it| it.trim_start_matches('\u{feff}').eq_ignore_ascii_case("Id"));
    let place = place.ok_or_else(|| bad("it has no column `Id`".to_owned()))?;
    let mut ids = Vec::new();
    while let Some(row) = reader.next_row().map_err(|err| bad(err.to_string()))? {
        let cell = String::from_utf8_lossy(row.get(place)).into_owned();
        let id = cell.trim().parse::<RecordId>();
        ids.push(id.map_err(|err| bad(err.to_string()))?);
    }
    Ok(ids)
}

fn show(context: &Context, planned: &PlannedRestore) -> Result<(), CommandError> {
    let org = &planned.identity.org;
    let heading = Heading {
        org: &org.name,
        kind: if org.is_production() {
            "production"
        } else {
            "not production"
        },
        user: &planned.identity.user.username,
    };
    let mut out = context.out();
    for (object, reason) in &planned.unread {
        out.line(&format!(
            "! {} could not be read and is left alone: {}",
            text::one_line(object),
            text::one_line(reason)
        ))?;
    }
    for line in render(&planned.plan, &planned.fires, &heading).lines() {
        out.line(line)?;
    }
    Ok(())
}

fn json(
    context: &Context,
    planned: &PlannedRestore,
    result: Option<&RestoreReport>,
) -> Result<(), CommandError> {
    let items = planned.plan.items.iter().map(|it| ItemReport {
        object: it.object.as_str(),
        id: it.id.as_str(),
        deed: it.deed.word(),
        fields: match &it.deed {
            crate::plan::records::Deed::Update(cells) => {
                cells.iter().map(|it| it.field.as_str()).collect()
            }
            _ => Vec::new(),
        },
        lost: it
            .lost
            .iter()
            .map(|it| format!("{}: {}", it.field, it.reason))
            .collect(),
        refused: it
            .refused
            .iter()
            .map(|it| format!("{}: {}", it.field, it.text))
            .collect(),
    });
    Ok(context.out().json(&Report {
        schema: "orgkeep/records-restore/1",
        org: &planned.identity.org.name,
        target: planned.target.to_string(),
        items: items.collect(),
        fires: &planned.fires,
        unread: &planned.unread,
        result,
    })?)
}

/// Asks whether to go on.
fn ask(
    context: &Context,
    planned: &PlannedRestore,
    args: &RestoreArgs,
    n_rows: usize,
) -> Result<(), CommandError> {
    let rows = counted(n_rows, "row");
    confirm(
        context,
        &Question {
            org: &planned.identity.org,
            yes: args.yes,
            production: args.production,
            act: &format!("Write {rows}"),
            act_in_production: &format!("write {rows} in production"),
            nothing: "nothing was written",
            instead: "say `--yes`",
        },
    )
}

fn tell(
    context: &Context,
    report: &RestoreReport,
    errors: Option<&Path>,
) -> Result<(), CommandError> {
    const SHOWN: usize = 10;
    let mut out = context.out();
    for (rows, done) in [
        (&report.undeleted, "undeleted"),
        (&report.updated, "updated"),
        (&report.inserted, "inserted under new Ids"),
        (&report.deleted, "deleted"),
    ] {
        for (object, n) in rows {
            out.line(&format!("{object}: {} {done}", counted(*n, "row")))?;
        }
    }
    for it in report.failed.iter().take(SHOWN) {
        let line = format!(
            "! {} {} {}: {}: {}",
            it.object, it.id, it.act, it.code, it.message
        );
        out.line(&context.paint().paint(Tone::Removed, &text::one_line(&line)))?;
        if let Some(hint) = it.hint {
            out.line(&format!("  hint: {hint}"))?;
        }
    }
    if report.failed.len() > SHOWN {
        let rest = report.failed.len() - SHOWN;
        let list = match errors {
            Some(path) => format!(
                "; all are in {}",
                text::one_line(&path.display().to_string())
            ),
            None => "; `--errors FILE` lists all".to_owned(),
        };
        out.line(&format!(
            "… and {} more{list}",
            counted(rest, "refused row")
        ))?;
    }
    for it in report.residue.iter().take(SHOWN) {
        let fields: Vec<_> = it.fields.iter().map(ToString::to_string).collect();
        let what = match fields.is_empty() {
            true => "is not there".to_owned(),
            false => format!("still differs in {}", fields.join(", ")),
        };
        out.line(&format!("! {} {} {what}", it.object, it.id))?;
    }
    if report.residue.len() > SHOWN {
        out.line(&format!(
            "… and {} more",
            counted(report.residue.len() - SHOWN, "row")
        ))?;
    }
    Ok(())
}

fn outcome(planned: &PlannedRestore, report: Option<&RestoreReport>) -> Outcome {
    let is_whole = planned.unread.is_empty()
        && !planned
            .plan
            .items
            .iter()
            .any(|it| matches!(it.deed, crate::plan::records::Deed::Impossible(_)));
    match report {
        Some(report) if !report.is_complete() => Outcome::Partial,
        _ if !is_whole => Outcome::Partial,
        _ => Outcome::Done,
    }
}
