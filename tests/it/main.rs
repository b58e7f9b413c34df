//! Integration tests: one binary, one file per subject.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accept;
mod apply;
mod architecture;
mod auth;
mod bad_input;
mod calls;
mod canonical_corpora;
mod client;
mod convert;
#[cfg(unix)]
mod damage;
mod diff_corpora;
mod docs;
mod every_type;
mod foreign;
mod golden;
mod history;
mod in_hand;
mod key_rules;
mod own_layout;
mod people;
mod presets;
mod push;
mod recorded;
mod redaction;
mod registry;
mod resume;
mod rollback_e2e;
mod rules;
mod shared;
mod simorg_deploy;
mod simorg_http;
mod simorg_load;
mod simorg_wire;
mod snapshot;
mod snapshot_damage;
mod status;
mod store_damage;
mod store_open;
mod store_remote;
mod store_snapshot;
mod store_support;
mod store_worktree;
mod support;
mod verify;
