//! A simulated org: the far side of the wire, for the demo, tests and bug reports.
//!
//! [`SimOrg`] is a state machine: no socket, no thread and no clock of its own.
//! Time stands where [`SimOrg::set_now`] put it; asynchronous jobs count their
//! progress in status checks. Whoever serves it (the HTTP server) holds it
//! behind a lock, asks it, and writes what it answers.
//!
//! ```text
//! catalogue   the metadata types as orgs describe them
//! state       the org: components, people, sessions, audit trail, jobs
//! load        a project on disk or in a zip → components
//! soap        the Metadata API: envelope in, envelope out
//! partner     the partner API: what REST does not have
//! noise       what real orgs change between two identical answers
//! deploy      what a deploy does to the state
//! bulk        jobs that read and write rows as CSV
//! company     the rows of a made-up company of any size
//! records     what the org holds besides: rows, their rules, queries over them
//! ```
//!
//! Invariant: never uses `client` or `ops`. It is written from the API's
//! documentation, its WSDL and recorded answers, so that a mistake in the
//! client is not repeated here. It binds to no address by itself.

pub mod blobs;
pub mod bulk;
pub mod catalogue;
pub mod company;
pub mod control;
pub mod deploy;
pub mod fault;
pub mod faults;
pub mod host;
pub mod http;
pub mod load;
pub mod login;
mod noise;
pub mod partner;
pub mod records;
pub mod rest;
pub mod serve;
pub mod soap;
pub mod soql;
pub mod state;

pub use state::SimOrg;
