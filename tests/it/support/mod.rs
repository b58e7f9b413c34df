//! What tests share: a simulated org in a process, a home of its own, folders as zips.

mod env;
mod org;
pub(crate) mod script_server;

pub(crate) use env::TestEnv;
pub(crate) use org::Org;
