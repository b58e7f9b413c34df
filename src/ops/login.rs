//! `login`, `logout`, `orgs`, and the choice of a login for every other verb.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

use crate::{
    auth::{
        self, Credential, Error, Kind, Login, LoginSource, SecretPlace, Vault, login_of_environment,
    },
    client::{Http, Identity, Options, Org},
    model::Timestamp,
};

/// What says which login to use, strongest first.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// The one that the command line names.
    pub named: Option<&'a str>,
    /// Variables of the environment, which may hold one.
    pub variables: &'a BTreeMap<String, String>,
    /// The one that the configuration names.
    pub configured: Option<&'a str>,
    /// The stored ones; the only one is taken where nothing else is said.
    pub vault: &'a Vault,
}

/// Where a login came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was stored.
    Stored(Box<Login>),
    /// The environment holds it.
    Environment(Kind),
}

/// A new login.
#[derive(Clone, Debug)]
pub struct NewLogin {
    /// Name to call it by; the username where `None`.
    pub name: Option<String>,
    /// How it is made.
    pub kind: Kind,
    /// What sessions are had from.
    pub credential: Credential,
}

/// What `login` did.
#[derive(Clone, Debug, Serialize)]
pub struct LoginReport {
    /// The login as it is kept.
    pub login: Login,
    /// Where it leads, and what the user may do there.
    pub identity: Identity,
}

/// What became of the token of a login that was ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "token", content = "reason")]
pub enum Revoked {
    /// The org takes it no more.
    Revoked,
    /// There was none to revoke, or it was not asked for.
    NotNeeded,
    /// It may still be good.
    Failed(String),
}

/// What `logout` did.
#[derive(Clone, Debug, Serialize)]
pub struct LogoutReport {
    /// Name of the login that is forgotten.
    pub name: String,
    /// What became of its token.
    #[serde(flatten)]
    pub revoked: Revoked,
}

/// Whether to revoke what is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// The org is asked to take the token no more.
    Ask,
    /// The token stays good: something else uses it.
    Leave,
}

/// Finds the login to use.
///
/// # Errors
///
/// [`Error::NotLoggedIn`], [`Error::NoLogin`], [`Error::Ambiguous`] and
/// [`Error::SeveralLogins`]; [`Error::Environment`] where the
/// environment holds half a login or two. A login that the command line names is
/// taken without a look at the environment.
pub fn choose(choice: &Choice<'_>, options: &Options) -> Result<(LoginSource, Origin), Error> {
    if choice.named.is_none()
        && let Some((kind, credential)) = login_of_environment(choice.variables, &options.hosts)?
    {
        let source = LoginSource::new(credential, options)?;
        return Ok((source, Origin::Environment(kind)));
    }
    let login = match choice.named.or(choice.configured) {
        Some(name) => choice.vault.login(name)?,
        None => the_only(choice.vault.logins()?)?,
    };
    let source = LoginSource::stored(choice.vault.clone(), login.clone(), options)?;
    Ok((source, Origin::Stored(Box::new(login))))
}

fn the_only(mut logins: Vec<Login>) -> Result<Login, Error> {
    let known = |logins: &[Login]| logins.iter().map(|it| it.name.clone()).collect();
    match logins.len() {
        1 => Ok(logins.remove(0)),
        0 => Err(Error::NotLoggedIn),
        _ => Err(Error::SeveralLogins {
            known: known(&logins),
        }),
    }
}

/// Finds the login to use and connects.
///
/// # Errors
///
/// Those of [`choose`] and of [`Org::connect`].
pub async fn open(choice: &Choice<'_>, options: Options) -> Result<(Org, Origin), Error> {
    let (source, origin) = choose(choice, &options)?;
    let org = Org::connect(source, options).await?;
    Ok((org, origin))
}

/// Tries a new login, and keeps it when it is good.
///
/// # Errors
///
/// Whatever the login server or the org refuses; nothing has been stored then.
pub async fn log_in(vault: &Vault, new: NewLogin, options: &Options) -> Result<LoginReport, Error> {
    let source = LoginSource::new(new.credential, options)?;
    let org = Org::connect(source.clone(), options.clone()).await?;
    let identity = org.identity().await?;
    // As it is now: the first session may have replaced the refresh token.
    let credential = source.credential().await;
    let name = new.name.as_deref().unwrap_or(&identity.user.username);
    let made = org.now().unwrap_or_else(now);
    let login = vault.put(name, new.kind, &identity, org.instance(), &credential, made)?;
    Ok(LoginReport { login, identity })
}

/// Revokes the token of a stored login where it has one, and forgets the login.
///
/// A token that cannot be revoked is forgotten all the same, and the report says so.
///
/// # Errors
///
/// [`Error::NoLogin`], [`Error::Ambiguous`], and those of [`Vault::forget`].
pub async fn log_out(
    vault: &Vault,
    name: &str,
    revocation: Revocation,
    options: &Options,
) -> Result<LogoutReport, Error> {
    let login = vault.login(name)?;
    let revoked = match revocation {
        Revocation::Leave => Revoked::NotNeeded,
        Revocation::Ask if login.secret == SecretPlace::Nowhere => Revoked::NotNeeded,
        Revocation::Ask => match revoke(vault, &login, options).await {
            Ok(revoked) => revoked,
            Err(err) => Revoked::Failed(err.to_string()),
        },
    };
    vault.forget(&login)?;
    Ok(LogoutReport {
        name: login.name,
        revoked,
    })
}

async fn revoke(vault: &Vault, login: &Login, options: &Options) -> Result<Revoked, Error> {
    let (host, token) = match vault.credential(login, &options.hosts)? {
        Credential::Refresh {
            login,
            refresh_token,
            ..
        } => (login, refresh_token),
        Credential::Token { instance, token } => (instance, token),
        // An assertion and an app's secret are revoked in Setup, not by a call.
        _ => return Ok(Revoked::NotNeeded),
    };
    auth::revoke(&Http::new(options)?, &host, &token).await?;
    Ok(Revoked::Revoked)
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since
        .ok()
        .and_then(|it| i64::try_from(it.as_millis()).ok())
        .and_then(Timestamp::from_millis)
        .unwrap_or(Timestamp::UNKNOWN)
}
