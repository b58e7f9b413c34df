//! The verbs: each awaits the edges, calls the pure floors, returns a report.
//!
//! Invariant: nothing here prints, and no decision is taken here that a pure
//! function could take.

pub mod accept;
pub mod bypass;
pub mod convert;
pub mod discover;
mod error;
mod fetch;
pub mod history;
pub mod init;
pub mod jobs;
pub mod login;
mod notes;
pub mod records;
pub mod rollback;
pub mod setup;
pub mod snapshot;
pub mod upgrade_api;

pub use error::{Cause, Error, Refusal};
