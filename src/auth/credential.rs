//! What a session can be had from.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::SfProgram;
use crate::client::{InstanceUrl, Secret};

/// Client id of the app that every org has for the Salesforce CLI.
///
/// Source: sfdx-core, `orgs/authInfo.ts`.
pub(super) const CLI_APP: &str = "PlatformCLI";

/// How a login was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// In a browser.
    Web,
    /// By an auth URL of `sf`.
    AuthUrl,
    /// By a signed assertion.
    Jwt,
    /// By an app's own credentials.
    ClientCredentials,
    /// By an access token.
    Token,
    /// By a login of `sf`.
    Sf,
}

/// A connected app: its id, and its secret where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Client id, also called consumer key.
    pub id: String,
    /// Client secret, also called consumer secret.
    pub secret: Option<Secret>,
}

impl App {
    /// The app that every org has for the Salesforce CLI.
    #[must_use]
    pub fn of_the_cli() -> Self {
        Self {
            id: CLI_APP.to_owned(),
            secret: None,
        }
    }
}

/// A private key for signing assertions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// In a file, read for each signature.
    File(PathBuf),
    /// In hand, as PEM.
    Text(Secret),
}

/// What a session can be had from.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// An access token, which cannot be renewed.
    Token {
        /// Host that it was made for.
        instance: InstanceUrl,
        /// The token.
        token: Secret,
    },
    /// A refresh token.
    Refresh {
        /// Host that it was made for.
        login: InstanceUrl,
        /// App that it was made for.
        app: App,
        /// The token.
        refresh_token: Secret,
    },
    /// A key whose certificate a connected app knows.
    Jwt {
        /// Host to log in at.
        login: InstanceUrl,
        /// Client id of the app.
        client_id: String,
        /// User to log in.
        username: String,
        /// Audience of the assertion, where it is not what `login` asks for.
        audience: Option<String>,
        /// The key.
        key: Key,
    },
    /// An app that logs in for itself, as its run-as user.
    ClientCredentials {
        /// The org's My Domain.
        login: InstanceUrl,
        /// The app; its secret is required.
        app: App,
    },
    /// A login of `sf`, which is asked for a token each time.
    Sf {
        /// How to run it.
        program: SfProgram,
        /// Alias or username of the login; `sf`'s default where `None`.
        target: Option<String>,
    },
}

impl Credential {
    /// Host that it is shown to; `None` for a login of `sf`.
    #[must_use]
    pub fn host(&self) -> Option<&InstanceUrl> {
        match self {
            Self::Token { instance: host, .. }
            | Self::Refresh { login: host, .. }
            | Self::Jwt { login: host, .. }
            | Self::ClientCredentials { login: host, .. } => Some(host),
            Self::Sf { .. } => None,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, host) = match self {
            Self::Token { .. } => ("Token", self.host()),
            Self::Refresh { .. } => ("Refresh", self.host()),
            Self::Jwt { .. } => ("Jwt", self.host()),
            Self::ClientCredentials { .. } => ("ClientCredentials", self.host()),
            Self::Sf { .. } => ("Sf", None),
        };
        f.debug_tuple(kind).field(&host).finish()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Web => "web",
            Self::AuthUrl => "auth-url",
            Self::Jwt => "jwt",
            Self::ClientCredentials => "client-credentials",
            Self::Token => "token",
            Self::Sf => "sf",
        })
    }
}
