//! Logins that the Salesforce CLI has: `sf` is run and its JSON read.
//!
//! Since May 2026 `sf org display` hides the token; then `sf org auth
//! show-access-token` is asked. Source: salesforcecli/plugin-org 6.0.10.

use std::{ffi::OsString, path::PathBuf, process::Stdio, time::Duration};

use serde_json::Value;
use tokio::process::Command;

use super::{Credential, Error, parse_auth_url};
use crate::client::{HostPolicy, InstanceUrl, Secret, Session};

/// How long `sf` may take; it renews a token on the way.
const PATIENCE: Duration = Duration::from_mins(2);

/// How to run `sf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SfProgram(pub PathBuf);

impl Default for SfProgram {
    /// The one that the system finds.
    fn default() -> Self {
        Self(PathBuf::from(if cfg!(windows) { "sf.cmd" } else { "sf" }))
    }
}

const DISPLAY: &str = "org display";
const SHOW_TOKEN: &str = "org auth show-access-token";
const SHOW_URL: &str = "org auth show-sfdx-auth-url";

/// A session by the login `target` of `sf`.
pub(super) async fn session_of_sf(
    program: &SfProgram,
    target: Option<&str>,
    hosts: &HostPolicy,
) -> Result<Session, Error> {
    let shown = run(program, DISPLAY, &[], target).await?;
    let url = text(&shown, "instanceUrl").ok_or_else(|| said(DISPLAY, "it names no org"))?;
    let instance = InstanceUrl::parse(url, hosts)?;
    let shown_token = |shown: &Value| {
        let token = text(shown, "accessToken").filter(|it| !is_redacted(it));
        token.map(Secret::new)
    };
    let token = if let Some(token) = shown_token(&shown) {
        token
    } else {
        let shown = run(program, SHOW_TOKEN, &[], target).await?;
        shown_token(&shown).ok_or_else(|| said(SHOW_TOKEN, "it shows no token"))?
    };
    Ok(Session { instance, token })
}

/// The refresh token of the login `target` of `sf`, to be kept as a login of our own.
///
/// # Errors
///
/// [`Error::Sf`] where the login has none, as one made by JWT.
pub async fn auth_url_of_sf(
    program: &SfProgram,
    target: Option<&str>,
    hosts: &HostPolicy,
) -> Result<Credential, Error> {
    let shown = match run(program, SHOW_URL, &[], target).await {
        Ok(shown) => shown,
        // Older releases have no such command and show it here.
        Err(Error::Sf { .. }) => run(program, DISPLAY, &["--verbose"], target).await?,
        Err(err) => return Err(err),
    };
    let url = text(&shown, "sfdxAuthUrl").filter(|it| !is_redacted(it));
    parse_auth_url(
        url.ok_or_else(|| said(SHOW_URL, "the login has no refresh token"))?,
        hosts,
    )
}

fn is_redacted(text: &str) -> bool {
    text.starts_with("[REDACTED]")
}

fn text<'a>(shown: &'a Value, name: &str) -> Option<&'a str> {
    shown.get(name)?.as_str().filter(|it| !it.is_empty())
}

fn said(command: &'static str, message: &str) -> Error {
    Error::Sf {
        command,
        message: message.to_owned(),
    }
}

async fn run(
    program: &SfProgram,
    command: &'static str,
    more: &[&str],
    target: Option<&str>,
) -> Result<Value, Error> {
    let failed = |source| Error::SfMissing { command, source };
    let mut arguments: Vec<OsString> = command.split(' ').map(Into::into).collect();
    arguments.extend(more.iter().map(Into::into));
    arguments.push("--json".into());
    if let Some(target) = target {
        // In one piece, so that no name is taken for an option.
        arguments.push(format!("--target-org={target}").into());
    }
    let child = Command::new(&program.0)
        .args(arguments)
        .env("NO_COLOR", "1")
        .env("FORCE_COLOR", "0")
        .env("SF_AUTOUPDATE_DISABLE", "true")
        .env("SF_DISABLE_TELEMETRY", "true")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, child)
        .await
        .map_err(|_| failed(std::io::ErrorKind::TimedOut.into()))?
        .map_err(failed)?;
    result(command, &output.stdout)
}

/// The `result` of what `sf … --json` printed; the words of its failure as an error.
fn result(command: &'static str, stdout: &[u8]) -> Result<Value, Error> {
    let start = stdout.iter().position(|it| *it == b'{');
    let json = start.map_or(&[][..], |at| &stdout[at..]);
    let mut value: Value = serde_json::Deserializer::from_slice(json)
        .into_iter()
        .next()
        .and_then(Result::ok)
        .ok_or_else(|| said(command, "it printed no JSON"))?;
    if value.get("status").and_then(Value::as_i64) == Some(0)
        && let Some(result) = value.get_mut("result")
    {
        return Ok(result.take());
    }
    let message = text(&value, "message").unwrap_or("it gave no reason");
    // The first line that says something: before it stands which option it is about, behind it
    // how to use `sf`.
    let mut lines = message.lines().map(str::trim);
    let line = lines.find(|it| !it.is_empty() && !it.starts_with("Parsing --"));
    Err(said(command, line.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_is_found_behind_words() {
        let printed = b"Warning: update available\n{\"status\":0,\"result\":{\"id\":\"00D\"},\
            \"warnings\":[]}\ntail";
        assert_eq!(text(&result(DISPLAY, printed).unwrap(), "id"), Some("00D"));
    }

    #[test]
    fn failure_has_the_words_of_sf() {
        let printed = br#"{"name":"NamedOrgNotFoundError","message":"No authorization information found for nope.\nTry this","exitCode":1,"status":1}"#;
        assert_eq!(
            result(DISPLAY, printed).unwrap_err().to_string(),
            "`sf org display` failed: No authorization information found for nope."
        );
        let printed = br#"{"message":"Parsing --target-org \n\tNo authorization information found for nope.","status":1}"#;
        assert_eq!(
            result(DISPLAY, printed).unwrap_err().to_string(),
            "`sf org display` failed: No authorization information found for nope."
        );
        assert!(result(DISPLAY, b"command not found").is_err());
        assert!(result(DISPLAY, b"{\"status\":0").is_err());
    }

    #[cfg(unix)]
    mod with_a_program {
        use std::os::unix::fs::PermissionsExt;

        use super::*;

        fn program(dir: &std::path::Path, script: &str) -> SfProgram {
            let path = dir.join("sf");
            std::fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
            SfProgram(path)
        }

        #[tokio::test]
        async fn token_that_is_redacted_is_asked_for_by_its_own_command() {
            let dir = tempfile::tempdir().unwrap();
            let sf = program(
                dir.path(),
                r#"case "$*" in
                "org display --json --target-org=acme")
                    echo '{"status":0,"result":{"instanceUrl":"https://acme.my.salesforce.com",
                    "accessToken":"[REDACTED] Use '"'sf org auth show-access-token'"' to view"}}';;
                "org auth show-access-token --json --target-org=acme")
                    echo '{"status":0,"result":{"accessToken":"00D!new"}}';;
                "org auth show-sfdx-auth-url --json --target-org=acme")
                    echo '{"status":0,"result":{"sfdxAuthUrl":"force://PlatformCLI::5Aep@acme.my.salesforce.com"}}';;
                *) echo '{"status":1,"message":"what? '"$*"'"}'; exit 1;;
                esac"#,
            );
            let hosts = HostPolicy::default();
            let session = session_of_sf(&sf, Some("acme"), &hosts).await.unwrap();
            assert_eq!(session.token.expose(), "00D!new");
            let credential = auth_url_of_sf(&sf, Some("acme"), &hosts).await.unwrap();
            assert!(matches!(credential, Credential::Refresh { .. }));
        }

        #[tokio::test]
        async fn older_release_shows_all_at_once() {
            let dir = tempfile::tempdir().unwrap();
            let sf = program(
                dir.path(),
                r#"case "$*" in
                "org display --json") echo '{"status":0,"result":{"instanceUrl":
                    "https://acme.my.salesforce.com","accessToken":"00D!old"}}';;
                "org display --verbose --json") echo '{"status":0,"result":{"sfdxAuthUrl":
                    "force://PlatformCLI::5Aep@acme.my.salesforce.com"}}';;
                *) echo '{"status":1,"message":"command not found"}'; exit 127;;
                esac"#,
            );
            let hosts = HostPolicy::default();
            let session = session_of_sf(&sf, None, &hosts).await.unwrap();
            assert_eq!(session.token.expose(), "00D!old");
            assert!(auth_url_of_sf(&sf, None, &hosts).await.is_ok());
            let missing = SfProgram(dir.path().join("none"));
            let err = session_of_sf(&missing, None, &hosts).await.unwrap_err();
            assert!(err.hint().unwrap().contains("Salesforce CLI"));
        }
    }
}
