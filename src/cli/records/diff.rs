//! `orgkeep records diff`

use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;

use crate::{
    cli::{
        CommandError, Context, Outcome,
        output::{Out, Paint, Tone},
        text,
    },
    model::{FieldName, ObjectName, RecordId},
    ops::{
        self,
        records::{
            Place, RecordsAt,
            read::{self, DiffReport, FieldSummary, ObjectDiff},
        },
    },
    plan::commits::counted,
    records::RowChange,
    store::{ObjectId, Repository},
};

/// Show which rows changed between two exports
///
/// Without A the last export is compared with the one before it. A and B are a commit, a tag, a
/// snapshot or a date; the name of an object narrows the comparison to its rows.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep records diff\n  \
    orgkeep records diff 2026-11-20 Contact\n  \
    orgkeep records diff before-the-cleanup --csv > changes.csv")]
pub(super) struct DiffArgs {
    /// Earlier and later export, and objects
    #[arg(value_name = "A [B] [OBJECT]", num_args = 0..)]
    words: Vec<String>,

    /// Print a line of CSV for each cell that changed, instead of a summary
    #[arg(long, conflicts_with = "json")]
    csv: bool,

    /// Show so many rows of each object
    #[arg(long, value_name = "N", default_value_t = 5)]
    rows: usize,

    /// Exit with 4 where something changed
    #[arg(long)]
    exit_code: bool,
}

#[derive(Serialize)]
struct JsonRow {
    object: ObjectName,
    id: RecordId,
    change: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<FieldName, (Option<String>, Option<String>)>,
}

/// Runs `orgkeep records diff`.
pub(super) fn run(context: &Context, args: &DiffArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, _) = context.settings(&repo)?;
    let other = super::other_repository(context, &repo, &config)?;
    let repo = other.as_ref().unwrap_or(&repo);
    let place = Place::of(&config);
    let tip = place.require_tip(repo)?;
    let (commits, objects) = sides(repo, &place, tip, &args.words)?;
    let (from, to) = match commits[..] {
        [] => (before(repo, tip)?, tip),
        [from] => (Some(from), tip),
        [from, to, ..] => (Some(from), to),
    };
    let (from, to) = (
        RecordsAt::open(repo, from)?,
        RecordsAt::open(repo, Some(to))?,
    );
    let mut out = context.paged();
    if args.csv {
        out.line("Object,Id,Change,Field,Before,After")?;
    }
    let mut rows: Vec<JsonRow> = Vec::new();
    let mut samples: BTreeMap<ObjectName, Vec<String>> = BTreeMap::new();
    let mut failed = None;
    let report = read::diff(&from, &to, &objects, &mut |object, change| {
        if args.csv {
            if let Err(err) = csv_lines(&mut out, object, change)
                && failed.is_none()
            {
                failed = Some(err);
            }
        } else if context.json() {
            rows.push(json_row(object, change));
        } else {
            let shown = samples.entry(object.clone()).or_default();
            if shown.len() < args.rows {
                shown.push(sample(change, context.paint()));
            }
        }
        Ok::<(), ops::Error>(())
    })?;
    if let Some(err) = failed {
        return Err(err.into());
    }
    if context.json() {
        out.json(&serde_json::json!({
            "schema": "orgkeep/records-diff/1",
            "from": report.from, "to": report.to, "objects": report.objects, "files": report.files, "rows": rows,
        }))?;
    } else if !args.csv {
        print(&mut out, context.paint(), &report, &samples)?;
    }
    out.finish()?;
    Ok(if args.exit_code && !report.is_empty() {
        Outcome::Differs
    } else {
        Outcome::Done
    })
}

/// What the words name: commits first, then objects.
fn sides(
    repo: &Repository,
    place: &Place,
    tip: ObjectId,
    words: &[String],
) -> Result<(Vec<ObjectId>, Vec<ObjectName>), CommandError> {
    let at = RecordsAt::open(repo, Some(tip))?;
    let (mut commits, mut objects) = (Vec::new(), Vec::new());
    for word in words {
        let known = at
            .objects()
            .find(|(name, _)| name.as_str().eq_ignore_ascii_case(word));
        if let Some((name, _)) = known {
            objects.push(name.clone());
            continue;
        }
        match place.resolve(repo, word) {
            Ok(commit) if objects.is_empty() && commits.len() < 2 => commits.push(commit),
            Ok(_) => {
                return Err(CommandError::usage(
                    format!("`{word}` is one commit too many"),
                    "name two commits at most, and the objects behind them".to_owned(),
                ));
            }
            // It may be an object that is gone.
            Err(err) => match word.parse() {
                Ok(name) if word.ends_with("__c") => objects.push(name),
                _ => return Err(err.into()),
            },
        }
    }
    Ok((commits, objects))
}

/// The export before `commit`, across periods.
fn before(repo: &Repository, commit: ObjectId) -> Result<Option<ObjectId>, CommandError> {
    let this = repo.commit(commit)?;
    let follows = this.message.trailer(crate::store::trailer::FOLLOWS);
    Ok(this
        .parents
        .first()
        .copied()
        .or_else(|| follows?.parse().ok())
        .filter(|it| repo.commit(*it).is_ok()))
}

fn print(
    out: &mut Out,
    paint: Paint,
    report: &DiffReport,
    samples: &BTreeMap<ObjectName, Vec<String>>,
) -> Result<(), CommandError> {
    if report.is_empty() {
        out.line("no row changed")?;
    }
    for files in &report.files {
        let counts = counts(paint, [files.added, files.changed, files.deleted]);
        let object = paint.paint(Tone::Strong, files.object.as_str());
        out.line(&format!("{object}  files  {counts}"))?;
    }
    for object in &report.objects {
        let counts = counts(paint, [object.added, object.changed, object.deleted]);
        out.line(&format!(
            "{}  {counts}",
            paint.paint(Tone::Strong, object.object.as_str())
        ))?;
        for line in by_user(object) {
            out.line(&format!("  {}", text::one_line(&line)))?;
        }
        if !object.not_compared.is_empty() {
            let fields: Vec<_> = object.not_compared.iter().map(FieldName::as_str).collect();
            out.line(&format!("  not compared: {}", fields.join(", ")))?;
        }
        let shown = samples.get(&object.object).map_or(&[][..], Vec::as_slice);
        for line in shown {
            out.line(&format!("    {line}"))?;
        }
        let total = object.added + object.changed + object.deleted;
        let more = total.saturating_sub(shown.len() as u64);
        if more > 0 && !shown.is_empty() {
            out.line(&format!("    … and {more} more"))?;
        }
    }
    Ok(())
}

/// `+2  ~1`: what is added, changed and deleted, without what is zero.
fn counts(paint: Paint, [added, changed, deleted]: [u64; 3]) -> String {
    let all = [
        (Tone::Added, '+', added),
        (Tone::Changed, '~', changed),
        (Tone::Removed, '-', deleted),
    ];
    let some: Vec<_> = all
        .into_iter()
        .filter(|it| it.2 > 0)
        .map(|(tone, sign, n)| paint.paint(tone, &format!("{sign}{n}")))
        .collect();
    some.join("  ")
}

/// `2,310 rows: Phone emptied, by Omar Haddad, 2026-11-21 14:02`
fn by_user(object: &ObjectDiff) -> Vec<String> {
    let words = |(field, it): (&FieldName, &FieldSummary)| {
        let what = if it.emptied == it.changed {
            "emptied"
        } else if it.filled == it.changed {
            "filled"
        } else {
            "changed"
        };
        format!("{field} {what} ({})", it.changed)
    };
    if object.by.is_empty() {
        let fields: Vec<_> = object.fields.iter().map(words).collect();
        return if fields.is_empty() {
            Vec::new()
        } else {
            vec![fields.join(", ")]
        };
    }
    let line = |by: &read::UserSummary| {
        let fields: Vec<_> = by.fields.iter().map(words).collect();
        let rows = counted(usize::try_from(by.rows).unwrap_or(usize::MAX), "row");
        let what = if fields.is_empty() {
            String::new()
        } else {
            format!(": {}", fields.join(", "))
        };
        let when = match (by.from, by.to) {
            (Some(from), Some(to)) if from.minute() == to.minute() => from.minute(),
            (Some(from), Some(to)) => format!("{} to {}", from.minute(), to.minute()),
            _ => "at a time unknown".to_owned(),
        };
        let who = by.name.as_deref().unwrap_or(&by.user);
        format!("{rows}{what}, by {who}, {when}")
    };
    object.by.iter().map(line).collect()
}

fn sample(change: &RowChange, paint: Paint) -> String {
    match change {
        RowChange::Added(row) => {
            let name = row.get("Name").unwrap_or_default();
            let line = format!("+ {}  {}", row.id(), text::one_line(name));
            paint.paint(Tone::Added, line.trim_end())
        }
        RowChange::Deleted(row) => {
            let name = row.get("Name").unwrap_or_default();
            let line = format!("- {}  {}", row.id(), text::one_line(name));
            paint.paint(Tone::Removed, line.trim_end())
        }
        RowChange::Changed { after, cells, .. } => {
            let cells: Vec<_> = cells
                .iter()
                .map(|it| {
                    let (before, after) = (shown(&it.before), shown(&it.after));
                    format!("{}: {before} → {after}", it.field)
                })
                .collect();
            let line = format!("~ {}  {}", after.id(), cells.join(", "));
            paint.paint(Tone::Changed, &line)
        }
    }
}

fn shown(cell: &str) -> String {
    const LONGEST: usize = 40;
    if cell.is_empty() {
        return "(null)".to_owned();
    }
    let line = text::one_line(cell);
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

fn word(change: &RowChange) -> (&'static str, RecordId) {
    match change {
        RowChange::Added(row) => ("added", row.id()),
        RowChange::Deleted(row) => ("deleted", row.id()),
        RowChange::Changed { after, .. } => ("changed", after.id()),
    }
}

fn json_row(object: &ObjectName, change: &RowChange) -> JsonRow {
    let known = |cell: &str| (!cell.is_empty()).then(|| cell.to_owned());
    let (word, id) = word(change);
    let fields = match change {
        RowChange::Changed { cells, .. } => cells
            .iter()
            .map(|it| (it.field.clone(), (known(&it.before), known(&it.after))))
            .collect(),
        _ => BTreeMap::new(),
    };
    JsonRow {
        object: object.clone(),
        id,
        change: word,
        fields,
    }
}

fn csv_lines(out: &mut Out, object: &ObjectName, change: &RowChange) -> std::io::Result<()> {
    let (word, id) = word(change);
    let RowChange::Changed { cells, .. } = change else {
        return out.line(&format!("{object},{id},{word},,,"));
    };
    for cell in cells {
        out.line(&format!(
            "{object},{id},{word},{},{},{}",
            cell.field,
            text::csv_cell(&cell.before),
            text::csv_cell(&cell.after)
        ))?;
    }
    Ok(())
}
