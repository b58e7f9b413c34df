//! Integration tests: one binary, one file per subject.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod auth;
mod canonical_corpora;
mod client;
mod recorded;
mod registry;
#[path = "support/script_server.rs"]
mod script_server;
mod shared;
