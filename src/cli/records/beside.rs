//! Records beside a snapshot of the metadata, and the question before their first push.

use std::io::{self, BufRead as _};

use super::export::run_export;
use crate::{
    cli::{CommandError, Context, confirm::prompt, interrupt},
    client::Org,
    config::{Config, FILE_NAME, Records},
    ops::{
        records::{ExportOptions, ExportReport},
        snapshot::{SnapshotOptions, SnapshotSetup},
    },
    plan::select::Glob,
    store::Repository,
};

/// The records that a snapshot is to take.
pub(in crate::cli) struct Wanted {
    options: ExportOptions,
}

impl Wanted {
    /// What the settings and the command line want beside a snapshot; `None` for nothing.
    pub(in crate::cli) fn beside(
        config: &Config,
        snapshot: &SnapshotOptions,
        named: &[String],
    ) -> Option<Self> {
        let is_configured = config.records.as_ref().is_some_and(|it| it.with_snapshot);
        let is_wanted = !named.is_empty() || (is_configured && snapshot.only.is_empty());
        if !is_wanted || snapshot.dry_run {
            return None;
        }
        let options = ExportOptions {
            objects: named.iter().map(|it| Glob::new(it)).collect(),
            full: snapshot.full || !named.is_empty(),
            tag: snapshot.tag.clone(),
            message: snapshot.message.clone(),
            accept_deletions: snapshot.accept_deletions,
            push: snapshot.push,
            metadata: None,
            secret: None,
        };
        Some(Self { options })
    }

    /// Exports them; `None` where there is nothing to export.
    pub(in crate::cli) async fn export(
        self,
        context: &Context,
        org: &Org,
        repo: &Repository,
        config: &Config,
        setup: &SnapshotSetup,
        secret: Option<Vec<u8>>,
    ) -> Result<Option<ExportReport>, CommandError> {
        let mut config = config.clone();
        let mut options = self.options;
        options.metadata = repo.branch(&setup.branch, &setup.remote)?.tip;
        options.secret = secret;
        if options.push {
            ask_whether_to_push(context, repo, &mut config)?;
            if config.records.as_ref().and_then(|it| it.may_push) != Some(true) {
                context.say(
                    "warning: the records stay here: nobody has said that the remote may hold them",
                );
                context
                    .say("hint: set `may_push` to true or false below `[records]` in orgkeep.toml");
                options.push = false;
            }
        }
        let report = run_export(context, org, repo, &config, setup, &options).await?;
        Ok(Some(report))
    }
}

/// Asks once whether the remote may hold records, where somebody is there, and writes the answer down.
pub(super) fn ask_whether_to_push(
    context: &Context,
    repo: &Repository,
    config: &mut Config,
) -> Result<(), CommandError> {
    let records = config.records.get_or_insert_with(|| Records {
        setup: false,
        ..Records::default()
    });
    if records.may_push.is_some() || !context.is_interactive() || context.json() {
        return Ok(());
    }
    context.pause();
    prompt(&format!(
        "Who can read `{}` will be able to read the rows of the org. Push them there? Type yes or no: ",
        config.push.remote
    ))?;
    let mut answer = String::new();
    interrupt::while_asking(|| io::stdin().lock().read_line(&mut answer))?;
    let may_push = match answer.trim() {
        "yes" => true,
        "no" => false,
        _ => return Ok(()),
    };
    records.may_push = Some(may_push);
    let Some(root) = repo.work_dir() else {
        return Ok(());
    };
    let path = root.join(FILE_NAME);
    let text = std::fs::read_to_string(&path)?;
    std::fs::write(&path, with_answer(&text, may_push))?;
    context.say("the answer is in orgkeep.toml: `may_push` below `[records]`");
    Ok(())
}

/// The text of the settings with the answer in it.
fn with_answer(text: &str, may_push: bool) -> String {
    let line = format!("may_push = {may_push}\n");
    let mut out = String::new();
    let mut is_said = false;
    for it in text.split_inclusive('\n') {
        out.push_str(it);
        if !is_said && it.trim() == "[records]" {
            if !it.ends_with('\n') {
                out.push('\n');
            }
            out.push_str(&line);
            is_said = true;
        }
    }
    if !is_said {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str("\n[records]\n");
        out.push_str(&line);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_stands_in_its_table_and_nothing_else_moves() {
        assert_eq!(
            with_answer("a = 1\n[records]\nsetup = true\n", true),
            "a = 1\n[records]\nmay_push = true\nsetup = true\n"
        );
        assert_eq!(
            with_answer("#[records]\n", false),
            "#[records]\n\n[records]\nmay_push = false\n"
        );
    }
}
