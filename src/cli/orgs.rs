//! `orgkeep orgs`

use clap::Args;
use serde::Serialize;

use super::{
    CommandError, Context, Outcome,
    login::{client_options, failed, vault},
    text,
};
use crate::{
    auth::{Login, login_of_environment},
    client::InstanceUrl,
};

/// List the logins that are kept
///
/// Asks no org: the list says where each login led when it was made.
#[derive(Debug, Args)]
pub(crate) struct OrgsArgs {}

#[derive(Serialize)]
struct Output<'a> {
    schema: &'static str,
    logins: &'a [Login],
    environment: Option<EnvironmentLogin>,
}

#[derive(Serialize)]
struct EnvironmentLogin {
    kind: String,
    host: Option<String>,
}

/// Runs `orgkeep orgs`.
///
/// # Errors
///
/// Whatever the store of logins refuses, and variables that contradict each other.
pub(crate) fn run(context: &Context, _: &OrgsArgs) -> Result<Outcome, CommandError> {
    let logins = vault(context)?.logins().map_err(failed)?;
    let hosts = client_options(context).hosts;
    let environment = login_of_environment(context.environment(), &hosts)
        .map_err(failed)?
        .map(|(kind, credential)| EnvironmentLogin {
            kind: kind.to_string(),
            host: credential.host().map(InstanceUrl::host).map(str::to_owned),
        });
    let mut out = context.out();
    if context.json() {
        out.json(&Output {
            schema: "orgkeep/orgs/1",
            logins: &logins,
            environment,
        })?;
        out.finish()?;
        return Ok(Outcome::Done);
    }
    let width = logins.iter().map(|it| it.name.chars().count()).max();
    let width = width.unwrap_or(0);
    for it in &logins {
        let sort = if it.is_sandbox {
            "sandbox"
        } else {
            "no sandbox"
        };
        let line = format!(
            "{:width$}  {}  {} ({sort})  {}  {}  {}",
            it.name,
            it.org_id,
            it.org_name,
            it.username,
            it.kind,
            it.made.day()
        );
        out.line(&text::one_line(&line))?;
    }
    if let Some(it) = environment {
        let host = it.host.unwrap_or_default();
        context.say(&text::one_line(&format!(
            "the environment holds a login by {} to {host}, which is used unless `--org` is given",
            it.kind
        )));
    } else if logins.is_empty() {
        context.say("no login is kept: run `orgkeep login web`");
    }
    out.finish()?;
    Ok(Outcome::Done)
}
