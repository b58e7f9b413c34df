//! What tests share: a simulated org in a process, a home of its own, folders as zips.

mod change;
mod deploy;
mod env;
mod meddler;
mod org;
mod records;
mod scratch;
pub(crate) mod script_server;

pub(crate) use change::{Package, deploy};
pub(crate) use deploy::{Deploy, Held};
pub(crate) use env::{Ran, TestEnv};
pub(crate) use meddler::Meddler;
pub(crate) use org::Org;
pub(crate) use records::{DATA, deeds};
pub(crate) use scratch::{scratch_root, tempdir};
