//! Asks before something is written into an org; in production for the org's name.
//!
//! Invariant: where nobody says yes, nothing is written.

use std::io::{self, BufRead as _, Write as _};

use super::{CommandError, Context, interrupt, text};
use crate::client::OrgInfo;

/// What is to be confirmed, and how it was answered beforehand.
pub(super) struct Question<'a> {
    /// The org that is written into.
    pub(super) org: &'a OrgInfo,
    /// Whether `--yes` was said.
    pub(super) yes: bool,
    /// Whether `--production` was said.
    pub(super) production: bool,
    /// What is done, as a question: `Deploy`.
    pub(super) act: &'a str,
    /// The same behind `to`, in production: `deploy to production`.
    pub(super) act_in_production: &'a str,
    /// What was not done without an answer: `nothing was deployed`.
    pub(super) nothing: &'a str,
    /// What to do where nobody is there to answer.
    pub(super) instead: &'a str,
}

/// Asks whether to go on.
pub(super) fn confirm(context: &Context, question: &Question<'_>) -> Result<(), CommandError> {
    let org = question.org;
    let is_production = org.is_production();
    if question.yes {
        if is_production && !question.production {
            return Err(CommandError::usage(
                format!("{} is a production org", text::one_line(&org.name)),
                "say `--yes --production`, or leave `--yes` out and type the org's name".to_owned(),
            ));
        }
        return Ok(());
    }
    let nothing = question.nothing;
    if !context.is_interactive() || context.json() {
        return Err(CommandError::refused(
            &format!("{nothing}: nobody is there to confirm it"),
            question.instead,
        ));
    }
    let wanted = if is_production {
        prompt(&format!(
            "Type the name of the org, {}, to {}: ",
            text::one_line(&org.name),
            question.act_in_production
        ))?;
        org.name.as_str()
    } else {
        prompt(&format!("{}? Type yes: ", question.act))?;
        "yes"
    };
    let mut answer = String::new();
    interrupt::while_asking(|| io::stdin().lock().read_line(&mut answer))?;
    if answer.trim() == wanted.trim() {
        return Ok(());
    }
    Err(CommandError::refused(
        &format!("{nothing}: it was not confirmed"),
        "run the command again",
    ))
}

/// Writes a question, and no end of line, to the error output.
pub(super) fn prompt(question: &str) -> io::Result<()> {
    let mut err = io::stderr().lock();
    err.write_all(question.as_bytes())?;
    err.flush()
}
