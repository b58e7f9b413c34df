//! Zip archives: read with suspicion, written the same each time.
//!
//! Hides `flate2` where it inflates and deflates entries. The layout of an
//! archive is read here and not by a library, because what is wrong with one
//! (a name that stands twice, an entry that lies about its size) must reach the
//! caller as data, and a library drops or merges it.
//!
//! Invariant: no archive, however made, makes reading panic, allocate by what a
//! header claims, or yield more bytes than [`Limits`] allow.

mod entry;
mod format;
pub mod read;
pub mod write;

pub use entry::{Entry, Problem};
pub use read::{Archive, Error, FileSource, Limits, Packed, ReadAt};
pub use write::{Deflated, Level, Writer};
