//! Integration tests: one binary, one file per subject.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod registry;
mod shared;
