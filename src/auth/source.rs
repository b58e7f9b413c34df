//! Sessions from a credential: what `client` asks.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;

use super::{
    Credential, Error, Login, Vault,
    oauth::{Granted, LoginServer},
    sf::session_of_sf,
};
use crate::client::{HostPolicy, Http, NoSession, Options, Secret, Session, SessionSource};

/// Sessions from one credential; cheap to clone.
#[derive(Clone)]
pub struct LoginSource(Arc<Inner>);

struct Inner {
    http: Http,
    hosts: HostPolicy,
    host: String,
    credential: Mutex<Credential>,
    stored: Option<(Vault, Login)>,
}

impl LoginSource {
    /// Sessions from a credential that is not stored.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] where no exchange can be prepared.
    pub fn new(credential: Credential, options: &Options) -> Result<Self, Error> {
        Self::from_parts(credential, None, options)
    }

    /// Sessions from a stored login; a refresh token that is replaced is stored again.
    ///
    /// # Errors
    ///
    /// Those of [`Vault::credential`], and as for [`LoginSource::new`].
    pub fn stored(vault: Vault, login: Login, options: &Options) -> Result<Self, Error> {
        let credential = vault.credential(&login, &options.hosts)?;
        Self::from_parts(credential, Some((vault, login)), options)
    }

    fn from_parts(
        credential: Credential,
        stored: Option<(Vault, Login)>,
        options: &Options,
    ) -> Result<Self, Error> {
        let host = credential
            .host()
            .map_or_else(|| "sf".to_owned(), |it| it.host().to_owned());
        Ok(Self(Arc::new(Inner {
            http: Http::new(options)?,
            hosts: options.hosts.clone(),
            host,
            credential: Mutex::new(credential),
            stored,
        })))
    }

    /// The credential as it is now: a refresh token may have been replaced.
    pub async fn credential(&self) -> Credential {
        self.0.credential.lock().await.clone()
    }

    /// A session; never again one with the token `stale`.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] by the login server, [`Error::TokenEnded`] for a token
    /// that cannot be renewed, [`Error::OtherOrg`] where a stored login leads
    /// elsewhere now.
    pub async fn take(&self, stale: Option<&Secret>) -> Result<Session, Error> {
        let inner = &*self.0;
        let mut credential = inner.credential.lock().await;
        let session = match inner.ask(&credential, stale).await {
            Ok(granted) => inner.keep(&mut credential, granted)?,
            Err(err) => match inner.replaced_meanwhile(&credential, &err) {
                Some(newer) => {
                    *credential = newer;
                    let granted = inner.ask(&credential, stale).await?;
                    inner.keep(&mut credential, granted)?
                }
                None => return Err(err),
            },
        };
        if stale == Some(&session.token) {
            return Err(Error::TokenEnded);
        }
        Ok(session)
    }
}

impl Inner {
    async fn ask(&self, credential: &Credential, stale: Option<&Secret>) -> Result<Granted, Error> {
        let server = |login| LoginServer {
            http: &self.http,
            hosts: &self.hosts,
            login,
        };
        let only = |session| Granted {
            session,
            refresh_token: None,
            org: None,
        };
        match credential {
            Credential::Token { .. } if stale.is_some() => Err(Error::TokenEnded),
            Credential::Token { instance, token } => Ok(only(Session {
                instance: instance.clone(),
                token: token.clone(),
            })),
            Credential::Refresh {
                login,
                app,
                refresh_token,
            } => server(login).refresh(app, refresh_token).await,
            Credential::Jwt {
                login,
                client_id,
                username,
                audience,
                key,
            } => {
                let server = server(login);
                server
                    .jwt(client_id, username, audience.as_deref(), key)
                    .await
            }
            Credential::ClientCredentials { login, app } => {
                server(login).client_credentials(app).await
            }
            Credential::Sf { program, target } => {
                let session = session_of_sf(program, target.as_deref(), &self.hosts).await?;
                Ok(only(session))
            }
        }
    }

    /// Checks what was granted, and stores a refresh token that replaces ours.
    fn keep(&self, credential: &mut Credential, granted: Granted) -> Result<Session, Error> {
        if let (Some((_, login)), Some(org)) = (&self.stored, granted.org)
            && login.org_id != org
        {
            return Err(Error::OtherOrg {
                name: login.name.clone(),
                expected: login.org_id.to_string(),
                found: org.to_string(),
            });
        }
        if let (Credential::Refresh { refresh_token, .. }, Some(newer)) =
            (&mut *credential, granted.refresh_token)
            && *refresh_token != newer
        {
            *refresh_token = newer;
            if let Some((vault, login)) = &self.stored {
                vault.rotate(login, credential)?;
            }
        }
        Ok(granted.session)
    }

    /// The refresh token that another process stored since, where ours was refused.
    fn replaced_meanwhile(&self, credential: &Credential, err: &Error) -> Option<Credential> {
        let (vault, login) = self.stored.as_ref()?;
        let was_refused = matches!(err, Error::Refused { code, .. } if code == "invalid_grant");
        if !was_refused || !matches!(credential, Credential::Refresh { .. }) {
            return None;
        }
        let stored = vault.credential(login, &self.hosts).ok()?;
        (stored != *credential).then_some(stored)
    }
}

impl SessionSource for LoginSource {
    fn session<'a>(
        &'a self,
        stale: Option<&'a Secret>,
    ) -> BoxFuture<'a, Result<Session, NoSession>> {
        Box::pin(async move {
            self.take(stale).await.map_err(|err| NoSession {
                hint: err.hint(),
                transient: err.is_transient(),
                source: err.into(),
            })
        })
    }

    fn host(&self) -> String {
        self.0.host.clone()
    }
}
