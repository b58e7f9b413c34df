//! `orgkeep logout`

use clap::Args;
use serde::Serialize;

use super::{
    CommandError, Context, Outcome,
    login::{client_options, failed, vault},
    text,
};
use crate::ops::login::{LogoutReport, Revocation, Revoked, log_out};

/// Revoke a login and forget it
///
/// A token that the org cannot be told of is forgotten all the same; the exit
/// status is 3 then, for it may still be good.
#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    /// Login to end, by its name, username or org
    #[arg(value_name = "LOGIN")]
    login: String,

    /// Only forget it: the token stays good, as for `sf` that uses it too
    #[arg(long)]
    keep_token: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    schema: &'static str,
    #[serde(flatten)]
    report: &'a LogoutReport,
}

/// Runs `orgkeep logout`.
///
/// # Errors
///
/// Whatever the store of logins refuses.
pub(crate) async fn run(context: &Context, args: LogoutArgs) -> Result<Outcome, CommandError> {
    let revocation = if args.keep_token {
        Revocation::Leave
    } else {
        Revocation::Ask
    };
    let vault = vault(context)?;
    let options = client_options(context);
    let report = log_out(&vault, &args.login, revocation, &options)
        .await
        .map_err(failed)?;
    let outcome = match &report.revoked {
        Revoked::Failed(reason) => {
            context.say(&text::one_line(&format!(
                "warning: the token was not revoked and may still be good: {reason}"
            )));
            Outcome::Partial
        }
        Revoked::Revoked | Revoked::NotNeeded => Outcome::Done,
    };
    let mut out = context.out();
    if context.json() {
        out.json(&Output {
            schema: "orgkeep/logout/1",
            report: &report,
        })?;
    } else {
        let what = match report.revoked {
            Revoked::Revoked => "revoked and forgotten",
            Revoked::NotNeeded | Revoked::Failed(_) => "forgotten",
        };
        out.line(&text::one_line(&format!("{}  {what}", report.name)))?;
    }
    out.finish()?;
    Ok(outcome)
}
