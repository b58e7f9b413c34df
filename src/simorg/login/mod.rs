//! OAuth: how tokens are got, shown and given back.
//!
//! Knows the token endpoint with the grants that tools use, the page that asks
//! which user, userinfo and the identity URL. There are no passwords.
//!
//! Source: `oauth-openid` pages of Salesforce Help and recorded answers; error
//! bodies are `{"error","error_description"}` with status 400, a bad token at
//! userinfo gives 403 and plain text.
//!
//! Invariant: a token is opaque, has the shape `<15-char org id>!<A-Za-z0-9._>`,
//! and belongs to one user.

mod authorize;
mod identity;
mod jwt;
mod people;
mod token;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use people::{InvalidUsers, default_users, read_users};

use super::{
    SimOrg,
    http::{Reply, Request},
};
use crate::model::{RecordId, Timestamp};

/// What logging in needs besides users and sessions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Logins {
    /// The registered app.
    pub client_id: String,
    /// Its secret, for the client credentials flow.
    pub client_secret: String,
    /// The public key registered for it, as PEM.
    pub public_key_pem: String,
    /// Users in the order in which they were given.
    pub order: Vec<RecordId>,
    /// User that the client credentials flow runs as.
    pub run_as: Option<RecordId>,
    refresh_tokens: BTreeMap<String, RecordId>,
    codes: BTreeMap<String, Code>,
}

/// An authorization code that was given out.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Code {
    user: RecordId,
    client_id: String,
    redirect_uri: String,
    challenge: Option<String>,
    until: Timestamp,
}

/// What a call about logins works with.
pub struct Desk<'a> {
    /// The org.
    pub org: &'a mut SimOrg,
    /// The logins.
    pub logins: &'a mut Logins,
    /// Address of the org, without a slash at the end.
    pub url: &'a str,
    /// The real time, which assertions are dated by.
    pub clock: Timestamp,
}

impl Logins {
    /// The app's id.
    pub const CLIENT_ID: &'static str =
        "3MVG9orgkeepSimulatedOrg.ConnectedAppForTestsAndDemo_0000000000000000000000000000001";

    /// The app's secret. No secret at all: it is the same everywhere.
    pub const CLIENT_SECRET: &'static str = "SIMULATED0000000000000000000000000000000SECRET";

    /// The app with `public_key_pem` registered, and nobody logged in.
    #[must_use]
    pub fn new(public_key_pem: String) -> Self {
        Self {
            client_id: Self::CLIENT_ID.to_owned(),
            client_secret: Self::CLIENT_SECRET.to_owned(),
            public_key_pem,
            order: Vec::new(),
            run_as: None,
            refresh_tokens: BTreeMap::new(),
            codes: BTreeMap::new(),
        }
    }

    /// A new refresh token of `user`.
    pub fn give_refresh_token(&mut self, user: RecordId) -> String {
        let token = format!("5Aep861{}", random_text(80));
        self.refresh_tokens.insert(token.clone(), user);
        token
    }

    /// A refresh token that `user` has.
    #[must_use]
    pub fn refresh_token_of(&self, user: RecordId) -> Option<&str> {
        let found = self.refresh_tokens.iter().find(|(_, it)| **it == user);
        found.map(|(token, _)| token.as_str())
    }

    fn is_client(&self, client_id: &str) -> bool {
        // `PlatformCLI` is installed in every org.
        client_id == self.client_id || client_id == "PlatformCLI"
    }
}

/// Opens a session of `user` and gives its token.
///
/// `lifetime` is how long it lasts; without one it lasts until it is ended.
pub fn open_session(org: &mut SimOrg, user: RecordId, lifetime: Option<Duration>) -> String {
    let short = &org.config.org_id.as_str()[..15];
    let token = format!("{short}!AQEAQ{}", random_text(91));
    let now = org.now();
    org.sessions.open(&token, user, now, lifetime);
    token
}

/// So many characters of `A-Za-z0-9._`.
fn random_text(length: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
    rand::random_iter::<u8>()
        .take(length)
        .map(|it| char::from(ALPHABET[usize::from(it % 64)]))
        .collect()
}

/// Name of the API call that a path under `/services/oauth2` is; `None` for no call.
#[must_use]
pub fn call(path: &[&str]) -> Option<&'static str> {
    match path {
        ["services", "oauth2", "token"] => Some("token"),
        ["services", "oauth2", "authorize"] => Some("authorize"),
        ["services", "oauth2", "revoke"] => Some("revoke"),
        ["services", "oauth2", "userinfo"] => Some("userinfo"),
        ["id", _, _] => Some("identity"),
        [".well-known", "openid-configuration"] => Some("openid-configuration"),
        _ => None,
    }
}

/// Answers a call that [`call`] knows.
pub fn answer(desk: &mut Desk<'_>, call: &str, request: &Request) -> Reply {
    match (call, request.method.as_str()) {
        ("token", "POST") => token::answer(desk, request),
        ("authorize", "GET" | "POST") => authorize::answer(desk, request),
        ("revoke", "POST" | "GET") => token::revoke(desk, request),
        ("userinfo", "GET" | "POST") => identity::userinfo(desk, request),
        ("identity", "GET" | "POST") => identity::identity(desk, request),
        ("openid-configuration", "GET") => identity::configuration(desk),
        _ => error(400, "invalid_request", "HTTP POST method required"),
    }
}

/// An OAuth error.
#[must_use]
pub fn error(status: u16, error: &str, description: &str) -> Reply {
    let body = json!({"error": error, "error_description": description});
    Reply::json(status, &body)
}

fn refused(kind: &str, description: &str) -> Reply {
    error(400, kind, description)
}

/// The parameters of a call: those of its body, else those of its query.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(request: &Request) -> Self {
        let body = std::str::from_utf8(&request.body).unwrap_or("");
        let mut pairs = super::http::form(body);
        pairs.extend(request.query.iter().cloned());
        Self(pairs)
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(it, _)| it == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|it| !it.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_opaque_and_no_two_are_the_same() {
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut org = SimOrg::new(crate::simorg::state::Config::sandbox(), now);
        let user = default_users()[0].clone();
        let id = user.id;
        org.add_user(user);
        let token = open_session(&mut org, id, None);
        let (start, rest) = token.split_once('!').unwrap();
        assert_eq!(start, &org.config.org_id.as_str()[..15]);
        let is_opaque = |it: char| it.is_ascii_alphanumeric() || it == '.' || it == '_';
        assert!(rest.chars().all(is_opaque));
        assert_ne!(token, open_session(&mut org, id, None));
        assert_eq!(org.user_of(&token).unwrap().id, id);
    }
}
