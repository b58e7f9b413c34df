//! One pack per snapshot.
//!
//! Objects go as they come into a temporary pack, each compressed by the thread
//! that brings it, and become visible all at once when the index of the pack
//! gets its name. There is no loose object, no delta and nothing kept in memory
//! but ids and offsets.
//!
//! The index is written here and not by libgit2, whose indexer inflates and hashes
//! every object a second time. Against `git fast-import` of the same 50,000 files
//! (332 MB), all of this takes 0.15 of the time; libgit2's indexer alone would add
//! 0.29 (0.39 with its check of connections). Converting an org takes another 0.3,
//! so with it a first snapshot would miss the goal of 0.7. Source:
//! `benches/store.rs` and our measurements, 2 cores, under load.

mod builder;
mod index;
mod large;
mod object;

pub(super) use builder::sync_dir;
pub use builder::{KeptPack, PackBuilder};
pub use object::Kind;
