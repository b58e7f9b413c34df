//! Git trees: reading them whole, comparing two, and writing a changed one.
//!
//! Trees are parsed here and not by libgit2, because a snapshot reads every one
//! of them and keeps only paths, modes and ids.

mod diff;
mod edit;
mod listing;
mod object;

pub use diff::TreeChange;
pub use edit::TreeEdit;
pub(super) use listing::find_entry;
pub use listing::{Listing, ListingEntry};
pub use object::{Entry, Mode};
use object::{RawEntry, entries};
