//! Where sessions come from. `auth` implements it; this module only asks.

use futures_util::future::BoxFuture;

use super::{Error, InstanceUrl, Secret, error::Cause};

/// A session with an org: where it is, and what opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The org's address.
    pub instance: InstanceUrl,
    /// The access token.
    pub token: Secret,
}

/// No session could be had.
#[derive(Debug)]
pub struct NoSession {
    /// What the user can do, in the imperative.
    pub hint: Option<String>,
    /// Whether asking again later may help.
    pub transient: bool,
    /// Why.
    pub source: Cause,
}

/// Something that sessions can be had from: a stored login, the environment, `sf`.
pub trait SessionSource: Send + Sync {
    /// A session; never again one with the token `stale`, which the org refused.
    fn session<'a>(
        &'a self,
        stale: Option<&'a Secret>,
    ) -> BoxFuture<'a, Result<Session, NoSession>>;

    /// Host that sessions come from, for messages before there is one.
    fn host(&self) -> String;
}

/// The session in use, renewed by one caller at a time.
pub(crate) struct SessionKeeper {
    source: Box<dyn SessionSource>,
    current: tokio::sync::Mutex<Option<Session>>,
}

impl SessionKeeper {
    pub(crate) fn new(source: Box<dyn SessionSource>) -> Self {
        Self {
            source,
            current: tokio::sync::Mutex::new(None),
        }
    }

    /// The session in use, or the first.
    pub(crate) async fn session(&self) -> Result<Session, Error> {
        let mut current = self.current.lock().await;
        if let Some(session) = &*current {
            return Ok(session.clone());
        }
        let session = self
            .source
            .session(None)
            .await
            .map_err(|err| ended(self.source.host(), err))?;
        Ok(current.insert(session).clone())
    }

    /// Replaces `stale`; does nothing where another call has already.
    pub(crate) async fn renew(&self, stale: &Session) -> Result<(), Error> {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|it| it.token != stale.token) {
            return Ok(());
        }
        let host = stale.instance.host();
        let session = self
            .source
            .session(Some(&stale.token))
            .await
            .map_err(|err| ended(host.to_owned(), err))?;
        let orgs = (stale.token.org_prefix(), session.token.org_prefix());
        if let (Some(before), Some(after)) = orgs
            && before != after
        {
            return Err(Error::OtherOrg {
                host: host.to_owned(),
            });
        }
        *current = Some(session);
        Ok(())
    }
}

fn ended(host: String, err: NoSession) -> Error {
    Error::LoginEnded {
        host,
        remedy: err.hint,
        transient: err.transient,
        source: err.source,
    }
}
