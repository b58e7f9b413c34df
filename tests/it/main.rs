//! Integration tests: one binary, one file per subject.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod registry;
mod shared;
mod simorg_http;
mod simorg_load;
mod simorg_wire;
