//! Why a login was not made, kept or renewed.

use std::{io, path::PathBuf};

use super::EnvironmentError;
use crate::{
    client::{self, HostError},
    model::disk::disk_hint,
};

/// A login that was not made, kept or renewed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The login server refused the credential.
    #[error("{host} refused the login by {grant}: {code}: {message}")]
    Refused {
        /// Host that was asked.
        host: String,
        /// Kind of credential, in words.
        grant: &'static str,
        /// Its `error`, such as `invalid_grant`.
        code: String,
        /// Its own words.
        message: String,
    },
    /// The login server's answer makes no sense.
    #[error("the login answer of {host} cannot be read: {reason}")]
    Unreadable {
        /// Host that answered.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The login is for another org than it was.
    #[error("the login `{name}` was made for org {expected}, and now leads to {found}")]
    OtherOrg {
        /// Name of the login.
        name: String,
        /// Org it was made for.
        expected: String,
        /// Org it leads to.
        found: String,
    },
    /// The call itself did not succeed.
    #[error(transparent)]
    Call(#[from] client::Error),
    /// The host may not see the credential.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The variables of the environment contradict each other.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// A private key cannot be read.
    #[error("cannot read the private key{}", of(path.as_ref()))]
    KeyFile {
        /// Its file.
        path: Option<PathBuf>,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A private key is not one for RS256.
    #[error("the private key{} is no RSA key in PEM format", of(path.as_ref()))]
    KeyFormat {
        /// Its file.
        path: Option<PathBuf>,
    },
    /// A text is no auth URL. It is not quoted, for it may hold a token.
    #[error("the text is no auth URL")]
    NotAnAuthUrl,
    /// `sf` could not be run.
    #[error("cannot run `sf {command}`")]
    SfMissing {
        /// What it was to do.
        command: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// `sf` did not do what it was asked.
    #[error("`sf {command}` failed: {message}")]
    Sf {
        /// What it was to do.
        command: &'static str,
        /// Its own words.
        message: String,
    },
    /// The browser never came back.
    #[error("no login came from the browser within {seconds}s")]
    BrowserTimeout {
        /// How long we waited.
        seconds: u64,
    },
    /// The port for the browser's answer is not free.
    #[error("cannot listen on port {port} of this machine")]
    Port {
        /// The port.
        port: u16,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file of logins cannot be read or written.
    #[error("cannot {act} {}", path.display())]
    File {
        /// What was tried.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file of logins is not what we wrote.
    #[error("{} is no file of logins: {reason}", path.display())]
    FileFormat {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Others may read the secrets.
    #[error("{} may be read by others", path.display())]
    TooOpen {
        /// The file.
        path: PathBuf,
    },
    /// The keyring of the system does not answer.
    #[error("the keyring of this system cannot {act}: {reason}")]
    Keyring {
        /// What was tried.
        act: &'static str,
        /// Why not.
        reason: String,
    },
    /// Nothing names an org, and no login is kept.
    #[error("there is no org to talk to: no login is kept, and the environment names none")]
    NotLoggedIn,
    /// Nothing says which of the logins to use.
    #[error("it is not said which login to use: there are {}", known.join(", "))]
    SeveralLogins {
        /// Names of the logins.
        known: Vec<String>,
    },
    /// There is no login by that name.
    #[error("there is no login `{name}`")]
    NoLogin {
        /// The name.
        name: String,
        /// Names there are.
        known: Vec<String>,
    },
    /// Several logins go by that name.
    #[error("`{name}` may be several logins: {}", known.join(", "))]
    Ambiguous {
        /// The name.
        name: String,
        /// Names of those.
        known: Vec<String>,
    },
    /// The secret of a stored login is gone.
    #[error("the secret of the login `{name}` is not there any more")]
    SecretGone {
        /// The login.
        name: String,
    },
    /// A token that cannot be renewed has ended.
    #[error("the access token has expired or is wrong, and cannot be renewed")]
    TokenEnded,
}

fn of(path: Option<&PathBuf>) -> String {
    path.map(|it| format!(" {}", it.display()))
        .unwrap_or_default()
}

impl Error {
    /// What the user can do about it, in the imperative.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Refused { code, grant, .. } => return refusal_hint(code, grant),
            Self::OtherOrg { .. } => "run `orgkeep login` again for the org you mean".to_owned(),
            Self::Call(err) => return err.hint(),
            Self::Host(err) => return err.hint(),
            Self::Environment(err) => return err.hint(),
            Self::KeyFormat { .. } => {
                "give the key that `openssl genrsa` wrote, without a passphrase".to_owned()
            }
            Self::NotAnAuthUrl => {
                "it is written force://<client id>:<client secret>:<refresh token>@<host>; \
                 `sf org auth show-sfdx-auth-url` prints one"
                    .to_owned()
            }
            Self::SfMissing { .. } => {
                "install the Salesforce CLI, or use another `orgkeep login`".to_owned()
            }
            Self::Sf { .. } => "run `sf org list` to see the logins that `sf` has".to_owned(),
            Self::BrowserTimeout { .. } => {
                "open the printed URL in a browser on this machine, or use `orgkeep login jwt`"
                    .to_owned()
            }
            Self::Port { .. } => "end what listens there, or pass another `--port` that the \
                 connected app has as a callback URL"
                .to_owned(),
            Self::TooOpen { path } => format!("run `chmod 600 {}`", path.display()),
            Self::NotLoggedIn => {
                "run `orgkeep login web`, or in CI set SF_ORG_INSTANCE_URL and SF_ACCESS_TOKEN \
                 (`orgkeep login --help` has the others)"
                    .to_owned()
            }
            Self::SeveralLogins { .. } => {
                "say `--org NAME`, or name one in orgkeep.toml: `login` under [org]".to_owned()
            }
            Self::NoLogin { known, .. } if known.is_empty() => {
                "run `orgkeep login` first".to_owned()
            }
            Self::NoLogin { known, .. } => format!("choose one of: {}", known.join(", ")),
            Self::Ambiguous { .. } => "name one of them".to_owned(),
            Self::File { source, .. } | Self::KeyFile { source, .. } => return disk_hint(source),
            Self::FileFormat { path, .. } => {
                format!(
                    "move {} away, then run `orgkeep login` again",
                    path.display()
                )
            }
            Self::SecretGone { .. } | Self::TokenEnded => "run `orgkeep login` again".to_owned(),
            _ => return None,
        })
    }

    /// Whether the same may succeed if simply tried again.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Call(err) if err.is_transient())
    }
}

/// By the `error` of the answer and the kind of credential, never by its words.
fn refusal_hint(code: &str, grant: &str) -> Option<String> {
    let hint = match (code, grant) {
        ("invalid_client_id" | "invalid_client" | "invalid_client_credentials", _) => {
            "check the client id and secret of the connected app"
        }
        ("invalid_app_access", _) => "approve the connected app for the user's profile",
        ("redirect_uri_mismatch", _) => {
            "add http://localhost:<port>/OauthRedirect to the app's callback URLs"
        }
        ("invalid_grant", "refresh token") => "run `orgkeep login` again",
        ("invalid_grant", "JWT") => {
            "check that the app knows the certificate, that the user is approved for it, and \
             that `--url` is the user's login host (https://test.salesforce.com for a sandbox)"
        }
        ("invalid_grant", "client credentials") => {
            "use the org's My Domain as `--url`, and give the app a run-as user"
        }
        ("OAUTH_APP_BLOCKED", _) => "ask an administrator to unblock the app",
        _ => return None,
    };
    Some(hint.to_owned())
}
