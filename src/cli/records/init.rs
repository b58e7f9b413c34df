//! `orgkeep records init`

use std::fmt::Write as _;

use clap::Args;

use crate::{
    cli::{CommandError, Context, Outcome, output::Tone, text},
    config::FILE_NAME,
    ops::records::survey::{Surveyed, survey},
    plan::select::Glob,
};

/// List the objects that have rows, and write the choice into orgkeep.toml
///
/// Shows rows, size and the fields that look personal. Writes a `[records]` table that names the
/// objects, or only OBJECT where that is said; a table that is there is left alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    orgkeep records init --dry-run\n  \
    orgkeep records init Account Contact 'Deal*'")]
pub(super) struct InitArgs {
    /// Object to keep, or a pattern
    #[arg(value_name = "OBJECT")]
    objects: Vec<String>,

    /// Write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs `orgkeep records init`.
pub(super) async fn run(context: &Context, args: InitArgs) -> Result<Outcome, CommandError> {
    let repo = context.open_repository()?;
    let (config, _) = context.settings(&repo)?;
    let org = context.open_org_of(&config).await?;
    let globs: Vec<_> = args.objects.iter().map(|it| Glob::new(it)).collect();
    let found = survey(&org, &globs, context.monitor()).await?;
    let path = repo.work_dir().map(|it| it.join(FILE_NAME));
    let may_write = !args.dry_run && config.records.is_none() && !found.is_empty();
    let written = path.filter(|_| may_write);
    if let Some(path) = &written {
        let mut text = std::fs::read_to_string(path)?;
        text.push_str(&table(&found));
        std::fs::write(path, text)?;
    }
    let mut out = context.out();
    if context.json() {
        out.json(&serde_json::json!({
            "schema": "orgkeep/records-init/1", "objects": found, "written": written.is_some(),
        }))?;
        return Ok(Outcome::Done);
    }
    let paint = context.paint();
    for it in &found {
        let personal: Vec<_> = it
            .personal
            .iter()
            .map(crate::model::object::FieldName::as_str)
            .collect();
        let line = format!(
            "{:<32}{:>12} rows  {:>8} MB  {}",
            it.object.as_str(),
            it.rows,
            it.bytes.div_ceil(1 << 20),
            paint.paint(Tone::Dim, &text::one_line(&personal.join(", "))),
        );
        out.line(line.trim_end())?;
    }
    if found.is_empty() {
        out.line("no object has rows")?;
    }
    if written.is_some() {
        out.line("written to orgkeep.toml; `orgkeep records export` takes them")?;
    } else if config.records.is_some() {
        context.say("hint: orgkeep.toml has a table `[records]`, which is left as it is");
    }
    Ok(Outcome::Done)
}

/// The table that names those objects.
fn table(found: &[Surveyed]) -> String {
    let mut text = "\n[records]\nobjects = [\n".to_owned();
    let put = |text: &mut String, line: std::fmt::Arguments<'_>| {
        writeln!(text, "{line}").expect("a String takes all");
    };
    for it in found {
        put(&mut text, format_args!("    \"{}\",", it.object));
    }
    text.push_str("]\n");
    if found.iter().any(|it| !it.personal.is_empty()) {
        text.push_str("\n# Fields that look personal: \"drop\", \"hash\" or \"encrypt\" them.\n[records.privacy]\n");
        for it in found {
            for field in &it.personal {
                put(
                    &mut text,
                    format_args!("#\"{}.{field}\" = \"hash\"", it.object),
                );
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn table_that_is_written_is_read_back() {
        let found = [Surveyed {
            object: "Contact".parse().unwrap(),
            rows: 3,
            bytes: 6144,
            personal: vec!["Email".parse().unwrap()],
        }];
        let text = table(&found);
        let records = Config::parse(&text).unwrap().records.unwrap();
        assert_eq!(records.objects.len(), 1);
        assert!(records.privacy.is_empty());
        let on = text.replace("#\"", "\"");
        assert_eq!(
            Config::parse(&on).unwrap().records.unwrap().privacy.len(),
            1
        );
    }
}
