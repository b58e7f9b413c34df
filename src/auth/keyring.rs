//! The keyring of the system. Hides `keyring`.
//!
//! Invariant: no call hangs: each has a thread of its own and a longest time, for
//! a keyring may wait for a person that is not there.

use std::{sync::mpsc, thread, time::Duration};

use super::Error;
use crate::client::Secret;

const SERVICE: &str = "orgkeep";

/// How long to look whether there is a keyring.
const PROBE: Duration = Duration::from_secs(3);

/// How long a person may take to unlock it.
const PATIENCE: Duration = Duration::from_mins(1);

/// Whether there is a keyring that answers.
pub(super) fn is_there() -> bool {
    let probe = || match keyring::Entry::new(SERVICE, "probe").and_then(|it| it.get_password()) {
        Ok(_) | Err(keyring::Error::NoEntry) => Ok(()),
        Err(err) => Err(err),
    };
    in_time("be reached", PROBE, probe).is_ok()
}

/// Keeps `secret` under `account`.
pub(super) fn put(account: &str, secret: &Secret) -> Result<(), Error> {
    let (account, secret) = (account.to_owned(), secret.clone());
    in_time("keep a secret", PATIENCE, move || {
        keyring::Entry::new(SERVICE, &account)?.set_password(secret.expose())
    })
}

/// The secret under `account`; `None` where there is none.
pub(super) fn get(account: &str) -> Result<Option<Secret>, Error> {
    let account = account.to_owned();
    in_time(
        "give a secret",
        PATIENCE,
        move || match keyring::Entry::new(SERVICE, &account)?.get_password() {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(err) => Err(err),
        },
    )
}

/// Forgets the secret under `account`.
pub(super) fn forget(account: &str) -> Result<(), Error> {
    let account = account.to_owned();
    in_time(
        "forget a secret",
        PATIENCE,
        move || match keyring::Entry::new(SERVICE, &account)?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(err) => Err(err),
        },
    )
}

fn in_time<T: Send + 'static>(
    act: &'static str,
    patience: Duration,
    work: impl FnOnce() -> keyring::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let (sender, receiver) = mpsc::channel();
    // A thread of its own also because the store may start a runtime of its own.
    thread::spawn(move || sender.send(work()));
    match receiver.recv_timeout(patience) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(err)) => Err(Error::Keyring {
            act,
            reason: err.to_string(),
        }),
        Err(_) => Err(Error::Keyring {
            act,
            reason: "it does not answer".to_owned(),
        }),
    }
}
