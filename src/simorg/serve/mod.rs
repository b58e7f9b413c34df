//! Starts a simulated org on a port: for `orgkeep simorg serve`, the demo and tests.
//!
//! Runs on threads of its own, so that it can be started from anywhere.
//!
//! Invariant: when [`start`] has returned, the port answers; when a
//! [`Running`] is dropped, the port is closed and the private files are gone.

mod fixture;
mod keep;
mod options;

use std::{
    cell::RefCell,
    io,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde::Serialize;
use tempfile::TempDir;
use tokio::{runtime::Runtime, sync::watch, task::JoinHandle};

pub use options::{InvalidOption, Options, parse_feature, parse_latency, parse_limits};

use super::{
    SimOrg,
    bulk::{Bulk, Spool},
    company::FillError,
    host::{Host, Kept, State, real_now},
    http::{Certificate, Listener, ServeError, SigningKey, TlsError},
    load,
    login::{self, InvalidUsers, Logins, default_users, read_users},
    records::{CsvError, Store, StoreError},
    rest::Permissions,
    state::{Config, Recording},
};
use crate::model::{ApiVersion, OrgId};

/// A simulated org that could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A project could not be read.
    #[error("cannot load {}", path.display())]
    Load {
        /// The project.
        path: PathBuf,
        /// Why not.
        #[source]
        source: load::Error,
    },
    /// Records could not be read.
    #[error("cannot load the records in {}", path.display())]
    Records {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: CsvError,
    },
    /// The file of the records cannot be used.
    #[error("cannot keep records")]
    Store(#[from] StoreError),
    /// The list of users is wrong.
    #[error("cannot take the users of {}", path.display())]
    Users {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: InvalidUsers,
    },
    /// The company could not be made.
    #[error("cannot make the company")]
    Company(#[from] FillError),
    /// There is no user.
    #[error("the org has no user")]
    Nobody,
    /// A file could not be read or written.
    #[error("cannot {act} {}", path.display())]
    File {
        /// `read` or `write`.
        act: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// What was kept of an earlier run cannot be read.
    #[error("cannot go on from {}", path.display())]
    Kept {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// No key or certificate.
    #[error("cannot make keys")]
    Keys(#[from] TlsError),
    /// No port.
    #[error("cannot serve")]
    Serve(#[from] ServeError),
    /// No threads.
    #[error("cannot start threads")]
    Threads(#[source] io::Error),
}

/// What the org says when it is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ready {
    /// Address, without a slash at the end.
    pub url: String,
    /// Id of the org.
    pub org_id: OrgId,
    /// Newest version of its API.
    pub api_version: ApiVersion,
    /// Its users; the first is an administrator.
    pub users: Vec<ReadyUser>,
    /// The registered app.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: String,
    /// File with the private key registered for the app.
    pub jwt_key_file: PathBuf,
    /// A refresh token of the first user.
    pub refresh_token: String,
    /// With TLS, file with the certificate of the authority to trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// A user with a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadyUser {
    /// Username.
    pub username: String,
    /// Name as displayed.
    pub name: String,
    /// Access token.
    pub token: String,
}

impl Ready {
    /// The one line that is printed.
    #[must_use]
    pub fn line(&self) -> String {
        serde_json::to_string(self).expect("a ready line has nothing that JSON lacks")
    }

    /// The token of the user of that name or username.
    #[must_use]
    pub fn token_of(&self, who: &str) -> Option<&str> {
        let mut users = self.users.iter();
        let found = users.find(|it| it.name == who || it.username == who);
        found.map(|it| it.token.as_str())
    }
}

/// Signals that are listened for.
pub struct Signals<'a> {
    runtime: &'a Runtime,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals<'_> {
    /// Waits for SIGTERM or Ctrl-C.
    ///
    /// # Errors
    ///
    /// Where signals cannot be waited for.
    pub fn wait(self) -> io::Result<()> {
        #[cfg(unix)]
        {
            let (mut terminate, mut interrupt) = (self.terminate, self.interrupt);
            self.runtime.block_on(async {
                tokio::select! {
                    _ = terminate.recv() => (),
                    _ = interrupt.recv() => (),
                }
            });
            Ok(())
        }
        #[cfg(not(unix))]
        self.runtime.block_on(tokio::signal::ctrl_c())
    }
}

/// A simulated org that runs.
pub struct Running {
    /// What it said when it was ready.
    pub ready: Ready,
    host: Arc<Host>,
    stop: watch::Sender<bool>,
    server: Option<JoinHandle<()>>,
    runtime: Option<Runtime>,
    keep: Option<keep::Keeper>,
    _private: TempDir,
}

impl Running {
    /// Address, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.ready.url
    }

    /// From now on SIGTERM and Ctrl-C are for [`Signals::wait`].
    ///
    /// To be called before anybody is told that the org is ready: a signal that
    /// comes earlier ends the process as it ends any other.
    ///
    /// # Errors
    ///
    /// Where signals cannot be listened for.
    pub fn signals(&self) -> io::Result<Signals<'_>> {
        let Some(runtime) = &self.runtime else {
            return Err(io::Error::other("the org does not run any more"));
        };
        let _inside = runtime.enter();
        Ok(Signals {
            runtime,
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?,
            #[cfg(unix)]
            interrupt: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?,
        })
    }

    /// Ends it in good order: open requests are answered, the state is saved.
    pub fn shut_down(mut self) {
        self.stop_serving();
    }

    fn stop_serving(&mut self) {
        let _ = self.stop.send(true);
        let (Some(runtime), Some(server)) = (self.runtime.take(), self.server.take()) else {
            return;
        };
        // Waited for on a thread of its own: this one may belong to a runtime.
        let waiting = std::thread::spawn(move || {
            let _ = runtime.block_on(server);
            runtime.shutdown_timeout(Duration::from_millis(500));
        });
        let _ = waiting.join();
        if let Some(keeper) = &self.keep {
            keeper.save(&self.host);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop_serving();
    }
}

/// The key of this process: making one takes long, and tests start many orgs.
fn signing_key() -> Result<SigningKey, TlsError> {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    if let Some(key) = KEY.get() {
        return Ok(key.clone());
    }
    let key = SigningKey::generate()?;
    Ok(KEY.get_or_init(|| key).clone())
}

/// Starts a simulated org.
///
/// # Errors
///
/// [`StartError`]; nothing runs and nothing is left behind.
pub fn start(options: &Options) -> Result<Running, StartError> {
    let keeper = match &options.state {
        Some(dir) => Some(keep::Keeper::new(dir.clone(), options.log.clone())?),
        None => None,
    };
    let kept = match &keeper {
        Some(keeper) => keeper.read()?,
        None => None,
    };
    let private = keep::private_dir()?;
    let is_new = kept.is_none();
    let (mut kept, key) = if let Some(kept) = kept {
        if !options.load.is_empty() {
            (options.log)("what is loaded gives way to the state that was kept");
        }
        kept
    } else {
        let key = signing_key()?;
        (founded(options, &key)?, key.private_pem)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .thread_name("simorg")
        .enable_all()
        .build()
        .map_err(StartError::Threads)?;
    let certificate = match options.tls {
        true => Some(Certificate::generate()?),
        false => None,
    };
    let ca_file = match &certificate {
        Some(it) => Some(keep::write_private(&private, "ca.pem", &it.authority_pem)?),
        None => None,
    };
    let jwt_key_file = keep::write_private(&private, "jwt.key", &key)?;
    if let (Some(keeper), true) = (&keeper, is_new) {
        keeper.write_key(&key)?;
    }
    let listener = {
        let _within = runtime.enter();
        Listener::bind(options.port, certificate)?
    };
    let spool = options.state.as_deref().unwrap_or(private.path());
    kept.bulk.spool = Spool::new(spool.join("bulk"));
    let ready = ready(&mut kept, listener.url(), jwt_key_file, ca_file);
    let mut faults = super::faults::Faults::default();
    for rule in &options.faults {
        faults.add(rule.clone());
    }
    let mut state = State::new(kept, faults);
    state.tick();
    state.touch();
    let log = options.log.clone();
    let host = Arc::new(Host::new(state, ready.url.clone(), options.latency, log));
    let (stop, stopping) = watch::channel(false);
    let handler: Arc<dyn super::http::Handler> = Arc::<Host>::clone(&host);
    let server = runtime.spawn(listener.serve(handler, stopping));
    if let Some(keeper) = &keeper {
        runtime.spawn(keeper.clone().save_now_and_then(Arc::clone(&host)));
    }
    Ok(Running {
        ready,
        host,
        stop,
        server: Some(server),
        runtime: Some(runtime),
        keep: keeper,
        _private: private,
    })
}

/// An org as the options describe it.
fn founded(options: &Options, key: &SigningKey) -> Result<Kept, StartError> {
    let mut config = Config::sandbox();
    config.kind = options.kind;
    config.limits = options.limits.clone();
    config.noise = options.noise;
    config.features = options.features.iter().copied().collect();
    if let Some(org_id) = options.org_id {
        config.org_id = org_id;
    }
    let mut org = SimOrg::new(config, real_now());
    let users = match &options.users {
        None => default_users(),
        Some(path) => {
            let bytes = std::fs::read(path).map_err(|source| StartError::File {
                act: "read",
                path: path.clone(),
                source,
            })?;
            read_users(&bytes).map_err(|source| StartError::Users {
                path: path.clone(),
                source,
            })?
        }
    };
    let first = users.first().map(|it| it.id).ok_or(StartError::Nobody)?;
    let mut logins = Logins::new(key.public_pem.clone());
    logins.order = users.iter().map(|it| it.id).collect();
    logins.run_as = Some(first);
    for user in users {
        org.add_user(user);
    }
    let records = match &options.state {
        Some(dir) => keep::open_records(dir)?,
        None => Store::temporary()?,
    };
    fixture::load(options, &mut org, &records, first)?;
    if options.field_security {
        for user in org.users.values_mut() {
            user.access.field_security = true;
        }
    }
    Ok(Kept {
        org,
        records,
        bulk: Bulk::default(),
        traps: RefCell::default(),
        permissions: Permissions::default(),
        logins,
        clock_ahead: 0,
    })
}

/// Opens a session for each user and says what there is.
fn ready(kept: &mut Kept, url: String, jwt_key_file: PathBuf, ca_file: Option<PathBuf>) -> Ready {
    let mut users = Vec::new();
    for id in kept.logins.order.clone() {
        let Some(user) = kept.org.users.get(&id).filter(|it| it.is_active) else {
            continue;
        };
        let (username, name) = (user.username.clone(), user.name.clone());
        let token = login::open_session(&mut kept.org, id, None);
        users.push(ReadyUser {
            username,
            name,
            token,
        });
    }
    let refresh_token = kept.logins.run_as.map(|it| {
        let known = kept.logins.refresh_token_of(it).map(str::to_owned);
        known.unwrap_or_else(|| kept.logins.give_refresh_token(it))
    });
    Ready {
        url,
        org_id: kept.org.config.org_id,
        api_version: kept.org.config.api_version,
        users,
        client_id: kept.logins.client_id.clone(),
        client_secret: kept.logins.client_secret.clone(),
        jwt_key_file,
        refresh_token: refresh_token.unwrap_or_default(),
        ca_file,
    }
}

/// Makes what `options` name the org's metadata before anybody is there.
const FIRST: Recording = Recording::Silent;
