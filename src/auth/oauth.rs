//! The login server: one form per grant, one answer for all. Hides `jsonwebtoken`.
//!
//! Source of forms and answers: api documentation of the OAuth flows, sfdx-core
//! `orgs/authInfo.ts`, jsforce `oauth2.ts`, and recorded answers.

use std::{
    path::PathBuf,
    time::{Duration, SystemTime},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use serde_json::Value;

use super::{App, Error, Key};
use crate::{
    client::{self, HostPolicy, Http, InstanceUrl, Secret, Session, form, ids_of_url},
    model::OrgId,
};

const TOKEN_PATH: &str = "/services/oauth2/token";

/// How long an assertion is good.
///
/// Source: help article on the JWT bearer flow: three minutes are recommended.
const ASSERTION_LIFE: Duration = Duration::from_mins(3);

/// What the login server gives.
#[derive(Clone, Debug)]
pub(super) struct Granted {
    pub(super) session: Session,
    /// A refresh token, where one was asked for or the old one was replaced.
    pub(super) refresh_token: Option<Secret>,
    pub(super) org: Option<OrgId>,
}

/// Where logins are made: the exchange, and the hosts that may see them.
pub(super) struct LoginServer<'a> {
    pub(super) http: &'a Http,
    pub(super) hosts: &'a HostPolicy,
    pub(super) login: &'a InstanceUrl,
}

impl LoginServer<'_> {
    /// A session by refresh token.
    pub(super) async fn refresh(&self, app: &App, token: &Secret) -> Result<Granted, Error> {
        let mut fields = vec![
            ("grant_type", "refresh_token"),
            ("client_id", app.id.as_str()),
            ("refresh_token", token.expose()),
        ];
        push_secret(&mut fields, app);
        self.grant("refresh token", &fields).await
    }

    /// A session by the code that a browser brought.
    pub(super) async fn code(
        &self,
        app: &App,
        code: &str,
        verifier: &Secret,
        redirect_uri: &str,
    ) -> Result<Granted, Error> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("client_id", app.id.as_str()),
            ("code", code),
            ("code_verifier", verifier.expose()),
            ("redirect_uri", redirect_uri),
        ];
        push_secret(&mut fields, app);
        self.grant("browser", &fields).await
    }

    /// A session by an app's own credentials.
    pub(super) async fn client_credentials(&self, app: &App) -> Result<Granted, Error> {
        let mut fields = vec![
            ("grant_type", "client_credentials"),
            ("client_id", app.id.as_str()),
        ];
        push_secret(&mut fields, app);
        self.grant("client credentials", &fields).await
    }

    /// A session by a signed assertion.
    pub(super) async fn jwt(
        &self,
        client_id: &str,
        username: &str,
        audience: Option<&str>,
        key: &Key,
    ) -> Result<Granted, Error> {
        let audience = audience.map_or_else(|| default_audience(self.login), str::to_owned);
        let assertion = assertion(client_id, username, &audience, key)?;
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.expose()),
        ];
        self.grant("JWT", &fields).await
    }

    async fn grant(&self, grant: &'static str, fields: &[(&str, &str)]) -> Result<Granted, Error> {
        let answer = form(self.http, self.login, TOKEN_PATH, "token", fields).await;
        let answer = answer.map_err(|err| refused(grant, err))?;
        self.granted(&answer)
    }

    fn granted(&self, answer: &Value) -> Result<Granted, Error> {
        let unreadable = |reason: &str| Error::Unreadable {
            host: self.login.host().to_owned(),
            reason: reason.to_owned(),
        };
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let token = text("access_token").ok_or_else(|| unreadable("it has no access token"))?;
        let instance = text("instance_url").ok_or_else(|| unreadable("it names no org"))?;
        Ok(Granted {
            session: Session {
                instance: self.login.answered(instance, self.hosts)?,
                token: Secret::new(token),
            },
            refresh_token: text("refresh_token").map(Secret::new),
            org: text("id").and_then(ids_of_url).map(|(org, _)| org),
        })
    }
}

/// Ends a token: the org takes neither it nor what was had from it any more.
///
/// # Errors
///
/// [`Error::Refused`] where the org did not know it.
pub async fn revoke(http: &Http, host: &InstanceUrl, token: &Secret) -> Result<(), Error> {
    let fields = [("token", token.expose())];
    match form(http, host, "/services/oauth2/revoke", "revoke", &fields).await {
        // It answers well with a body that need not be JSON.
        Ok(_) | Err(client::Error::Unreadable { .. }) => Ok(()),
        Err(err) => Err(refused("revocation", err)),
    }
}

fn refused(grant: &'static str, err: client::Error) -> Error {
    match err {
        client::Error::Fault {
            host,
            code,
            message,
            ..
        } => Error::Refused {
            host,
            grant,
            code,
            message,
        },
        err => Error::Call(err),
    }
}

fn push_secret<'a>(fields: &mut Vec<(&'static str, &'a str)>, app: &'a App) {
    if let Some(secret) = &app.secret {
        fields.push(("client_secret", secret.expose()));
    }
}

/// Who an assertion for `login` is addressed to.
///
/// Source: sfdx-core, `util/sfdcUrl.ts`, `getJwtAudienceUrl`.
fn default_audience(login: &InstanceUrl) -> String {
    if !login.is_salesforces() {
        login.as_str().to_owned()
    } else if login.is_sandbox() {
        "https://test.salesforce.com".to_owned()
    } else {
        "https://login.salesforce.com".to_owned()
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: u64,
}

fn assertion(client_id: &str, username: &str, audience: &str, key: &Key) -> Result<Secret, Error> {
    let (pem, path): (Secret, Option<PathBuf>) = match key {
        Key::Text(text) => (text.clone(), None),
        Key::File(path) => {
            let text = std::fs::read_to_string(path).map_err(|source| Error::KeyFile {
                path: Some(path.clone()),
                source,
            })?;
            (Secret::new(text), Some(path.clone()))
        }
    };
    // Its error could quote the key.
    let format = |_| Error::KeyFormat { path: path.clone() };
    let key = EncodingKey::from_rsa_pem(pem.expose().trim().as_bytes()).map_err(format)?;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    let claims = Claims {
        iss: client_id,
        sub: username,
        aud: audience,
        exp: (now + ASSERTION_LIFE).as_secs(),
    };
    let text = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key);
    text.map(Secret::new).map_err(format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assertion_is_addressed_to_the_users_login_host() {
        for (url, audience) in [
            (
                "https://login.salesforce.com",
                "https://login.salesforce.com",
            ),
            (
                "https://acme.my.salesforce.com",
                "https://login.salesforce.com",
            ),
            (
                "https://acme--dev.sandbox.my.salesforce.com",
                "https://test.salesforce.com",
            ),
            ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ] {
            let login = InstanceUrl::parse(url, &HostPolicy::default()).unwrap();
            assert_eq!(default_audience(&login), audience);
        }
    }

    #[test]
    fn key_that_is_none_is_not_quoted() {
        let key = Key::Text(Secret::new("-----BEGIN SECRET"));
        let err = assertion("id", "jane@acme.com", "aud", &key).unwrap_err();
        assert_eq!(
            err.to_string(),
            "the private key is no RSA key in PEM format"
        );
        let key = Key::File("/nowhere/jwt.key".into());
        let err = assertion("id", "jane@acme.com", "aud", &key).unwrap_err();
        assert_eq!(
            err.to_string(),
            "cannot read the private key /nowhere/jwt.key"
        );
    }
}
