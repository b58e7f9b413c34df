//! `orgkeep.toml`.
