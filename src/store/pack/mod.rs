//! One pack per snapshot.
//!
//! Objects go as they come into a temporary pack, each compressed by the thread
//! that brings it, and become visible all at once when the index of the pack
//! gets its name. There is no loose object, no delta and nothing kept in memory
//! but ids and offsets.
//!
//! The index is written here and not by libgit2: its indexer inflates and
//! hashes every object a second time (see `benches/store.rs` for the numbers).

mod builder;
mod index;
mod object;

pub(super) use builder::sync_dir;
pub use builder::{KeptPack, PackBuilder};
pub use object::Kind;
