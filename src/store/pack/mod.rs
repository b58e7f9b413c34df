//! One pack per snapshot.
//!
//! Objects go as they come into a temporary pack, each compressed by the thread
//! that brings it, and become visible all at once when the index of the pack
//! gets its name. There is no loose object, no delta and nothing kept in memory
//! but ids and offsets.
//!
//! The index is written here and not by libgit2, whose indexer inflates and hashes
//! every object a second time: for 50,000 files of 332 MB it takes 2.4 s for the
//! index alone (3.2 s with its check of connections), where `git fast-import`
//! takes 8.2 s for everything and this takes 1.2 s. Converting an org takes 0.3
//! times fast-import, so with that indexer a first snapshot would miss the goal of
//! 0.7. Source: `benches/store.rs` and our measurements, 2 cores, under load.

mod builder;
mod index;
mod object;

pub(super) use builder::sync_dir;
pub use builder::{KeptPack, PackBuilder};
pub use object::Kind;
