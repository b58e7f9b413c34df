//! `orgkeep` keeps a Salesforce org under Git.
//!
//! # The house
//!
//! One crate. A module uses only floors below it and, on its own floor, what
//! stands before it: no circle to untangle. A test holds this.
//!
//! ```text
//! floor 0  words    xml · model · progress
//! floor 1  pure     ledger · archive · records · registry · source · diff · plan
//! floor 2  edges    client · auth · store · workdir · config
//! floor 3  verbs    ops
//! side     simorg   the far side of the wire; never uses client or ops
//! floor 4  face     cli
//! ```
//!
//! Floors 0 and 1 are pure: no async, no disk, no clock, no environment. Each
//! edge hides one outside thing. Nothing below `cli` prints, exits or reads the
//! environment. The seam for tests is the socket: there is no mock client.
//!
//! # The way of the data
//!
//! answer → spool file → zip entry → components → canonical source files →
//! blobs → one pack per snapshot → tree → commit. Nothing is held whole that
//! can be streamed, and no temporary tree is written.

pub mod archive;
pub mod auth;
pub mod cli;
pub mod client;
pub mod config;
pub mod diff;
pub mod ledger;
pub mod model;
pub mod ops;
pub mod plan;
pub mod progress;
pub mod records;
pub mod registry;
pub mod simorg;
pub mod source;
pub mod store;
pub mod workdir;
pub mod xml;
