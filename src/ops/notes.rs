//! Notes in the state of an org: how they are written, and when they must not be lost.
//!
//! Most of the state only saves calls, and a later one of another clone may take its
//! place. What is open of a restore or a bypass is known nowhere else.
//!
//! Invariant: a state with open notes is never exchanged for another.

use std::time::Duration;

use super::{bypass, error::Error};
use crate::{
    ledger::Restores,
    model::OrgId,
    store::{self, Repository, WriteLock},
};

/// How often somebody else's write is waited for, and how long each time.
const LOCK_TRIES: u32 = 50;
const LOCK_WAIT: Duration = Duration::from_millis(100);

/// The lock of the repository; waits a little for another writer.
///
/// # Errors
///
/// [`store::Error::Locked`] where the other one takes long.
pub(super) async fn lock(repo: &Repository) -> Result<WriteLock<'_>, Error> {
    let mut tries = 0;
    loop {
        match repo.lock() {
            Err(store::Error::Locked { .. }) if tries < LOCK_TRIES => {
                tries += 1;
                tokio::time::sleep(LOCK_WAIT).await;
            }
            other => return Ok(other?),
        }
    }
}

/// What is open of restores of records.
///
/// # Errors
///
/// Notes that cannot be read: what they say must not be lost.
pub(super) fn restores(repo: &Repository, org: OrgId) -> Result<Restores, Error> {
    match repo.state(org)?.files.get(Restores::PATH) {
        Some(bytes) => Ok(Restores::parse(bytes)?),
        None => Ok(Restores::default()),
    }
}

/// Whether the state of `org` tells of what is not over: rows that may have gone in,
/// automation that may be off.
///
/// # Errors
///
/// Notes that cannot be read.
pub(super) fn are_open(repo: &Repository, org: OrgId) -> Result<bool, Error> {
    let is_off = bypass::noted(repo, org)?.open.is_some();
    Ok(is_off || restores(repo, org)? != Restores::default())
}
