//! Integration tests: one binary, one file per subject.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod architecture;
mod canonical_corpora;
mod diff_corpora;
mod key_rules;
mod registry;
mod shared;
