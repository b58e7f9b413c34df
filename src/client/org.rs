//! A connected org: the session, the budget and the clock that its calls share.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use super::{
    Budget, Call, Error, Http, InstanceUrl, NoSession, Options, RetryPolicy, Session,
    SessionSource,
    http::Answer,
    retry::{self, Failed, Next},
    session::SessionKeeper,
};
use crate::model::{ApiVersion, Timestamp};

/// An org that calls can be made to. Cheap to clone; all clones share one
/// session, one budget and one pool of connections.
#[derive(Clone)]
pub struct Org(Arc<Inner>, ApiVersion);

struct Inner {
    http: Http,
    keeper: SessionKeeper,
    budget: Budget,
    options: Options,
    versions: Vec<ApiVersion>,
    instance: InstanceUrl,
    clock: Mutex<Option<(Timestamp, Instant)>>,
}

impl Org {
    /// Takes a session from `source` and settles the API version with the org.
    ///
    /// Whether the session is good is seen by the first call that needs one:
    /// [`Org::identity`].
    ///
    /// # Errors
    ///
    /// [`Error::LoginEnded`] without a session, [`Error::NoVersion`] where the org
    /// lacks the version in `options`, and whatever stands between us and the org.
    pub async fn connect(
        source: impl SessionSource + 'static,
        options: Options,
    ) -> Result<Self, Error> {
        Self::connect_boxed(Box::new(source), options).await
    }

    async fn connect_boxed(
        source: Box<dyn SessionSource>,
        options: Options,
    ) -> Result<Self, Error> {
        let http = Http::new(&options)?;
        let keeper = SessionKeeper::new(source);
        let instance = keeper.session().await?.instance;
        let budget = Budget::new(options.max_api_calls, options.floor);
        let versions = super::rest::versions(&http, &instance, &budget, &options).await?;
        let host = || instance.host().to_owned();
        let (Some(&oldest), Some(&newest)) = (versions.first(), versions.last()) else {
            return Err(Error::Unreadable {
                call: "versions",
                host: host(),
                reason: "it lists no version".to_owned(),
            });
        };
        let version = options.api_version.unwrap_or(newest);
        if !versions.contains(&version) {
            return Err(Error::NoVersion {
                host: host(),
                wanted: version,
                oldest,
                newest,
            });
        }
        let inner = Arc::new(Inner {
            http,
            keeper,
            budget,
            options,
            versions,
            instance,
            clock: Mutex::new(None),
        });
        Ok(Self(inner, version))
    }

    /// API version that calls use.
    #[must_use]
    pub fn version(&self) -> ApiVersion {
        self.1
    }

    /// The same org, spoken to in another version.
    ///
    /// # Errors
    ///
    /// [`Error::NoVersion`] where the org does not have it.
    pub fn at(&self, version: ApiVersion) -> Result<Self, Error> {
        match self.versions() {
            [oldest, .., newest] | [oldest @ newest] if !self.versions().contains(&version) => {
                Err(Error::NoVersion {
                    host: self.instance().host().to_owned(),
                    wanted: version,
                    oldest: *oldest,
                    newest: *newest,
                })
            }
            _ => Ok(Self(self.0.clone(), version)),
        }
    }

    /// API versions that the org has, ascending.
    #[must_use]
    pub fn versions(&self) -> &[ApiVersion] {
        &self.0.versions
    }

    /// Address of the org, as the login gave it.
    #[must_use]
    pub fn instance(&self) -> &InstanceUrl {
        &self.0.instance
    }

    /// Calls made and left.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.0.budget
    }

    /// How this org is talked to.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.0.options
    }

    /// The time by the org's own clock, right to a second or so; `None` before its first answer.
    #[must_use]
    pub fn now(&self) -> Option<Timestamp> {
        let clock = self.0.clock.lock().unwrap_or_else(PoisonError::into_inner);
        let (told, at) = (*clock)?;
        Timestamp::from_millis(told.after(at.elapsed()).as_millis())
    }

    /// The present access token, for a command that hands the login on.
    ///
    /// # Errors
    ///
    /// [`Error::LoginEnded`] when there is none.
    pub async fn session(&self) -> Result<Session, Error> {
        self.0.keeper.session().await
    }

    pub(crate) fn http(&self) -> &Http {
        &self.0.http
    }

    /// Takes what the head of an answer tells beside the answer.
    pub(crate) fn heard(&self, answer: &Answer) {
        if let Some(info) = &answer.limit_info {
            self.0.budget.observe(info);
        }
        if let Some(date) = answer.date {
            // An answer is read some time after it was dated, one in a crowd long after: the
            // latest that any of them tells is the nearest.
            let now = self.now();
            if now.is_none_or(|now| now < date) {
                let mut clock = self.0.clock.lock().unwrap_or_else(PoisonError::into_inner);
                *clock = Some((date, Instant::now()));
            }
        }
    }

    /// Starts the tries of one call.
    pub(crate) fn tries(&self, call: Call) -> Tries<'_> {
        Tries {
            org: self,
            call,
            policy: self.0.options.retry,
            made: 0,
            was_renewed: false,
        }
    }
}

/// The tries of one call: each is paid for, and the session is renewed once at most.
pub(crate) struct Tries<'a> {
    org: &'a Org,
    call: Call,
    policy: RetryPolicy,
    made: u32,
    was_renewed: bool,
}

impl Tries<'_> {
    /// Pays for the next try and gives the session for it.
    pub(crate) async fn next(&mut self) -> Result<Session, Error> {
        let session = self.org.0.keeper.session().await?;
        self.org.0.budget.spend(self.call.name)?;
        self.made += 1;
        Ok(session)
    }

    /// Waits or renews before the next try.
    ///
    /// # Errors
    ///
    /// The failure itself, where there is to be no next try.
    pub(crate) async fn failed(&mut self, failed: Failed, session: &Session) -> Result<(), Error> {
        let jitter = retry::jitter();
        match retry::decide(
            &self.policy,
            self.call,
            &failed,
            self.made,
            self.was_renewed,
            jitter,
        ) {
            Next::Renew => {
                self.was_renewed = true;
                self.made -= 1;
                self.org.0.keeper.renew(session).await
            }
            Next::Wait(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            Next::GiveUp => Err(self.told(failed.error)),
        }
    }

    /// The error as the caller gets it.
    fn told(&self, error: Error) -> Error {
        let is_lost = matches!(
            error,
            Error::BrokenOff { .. } | Error::TooSlow { .. } | Error::NoApi { .. }
        );
        if is_lost && !self.call.repeatable {
            return Error::Unconfirmed {
                call: self.call.name,
                host: self.org.0.instance.host().to_owned(),
                source: Box::new(error),
            };
        }
        error
    }
}

/// A source that always gives one session, for a token that cannot be renewed.
pub struct FixedSession(pub Session);

impl SessionSource for FixedSession {
    fn session<'a>(
        &'a self,
        stale: Option<&'a super::Secret>,
    ) -> futures_util::future::BoxFuture<'a, Result<Session, NoSession>> {
        let res = match stale {
            None => Ok(self.0.clone()),
            Some(_) => Err(NoSession {
                hint: Some("give a new access token: this one cannot be renewed".to_owned()),
                transient: false,
                source: "the access token has expired or is wrong".into(),
            }),
        };
        Box::pin(std::future::ready(res))
    }

    fn host(&self) -> String {
        self.0.instance.host().to_owned()
    }
}
