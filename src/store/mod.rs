//! The Git repository. Hides `git2` and the user's `git`.
//!
//! Reading goes through libgit2. A write is one pack ([`PackBuilder`]) and then
//! [`WriteLock::publish`], which moves the branch by compare-and-swap and
//! refreshes the working tree; the user's own `git` signs and pushes, so that
//! their keys, credentials, proxies and hooks apply.
//!
//! Invariant: killed at any moment, a repository is as before or complete, or
//! holds a note by which the next writer completes it.

mod checkout;
mod checkpoint;
mod commit;
mod error;
mod git;
mod history;
mod lfs;
mod lock;
mod message;
mod oid;
mod pack;
mod publish;
mod refs;
mod remote;
mod replay;
mod repository;
mod seat;
mod sign;
mod stale;
mod state;
mod tag;
mod tree;

pub use checkout::{KeptFile, Refreshed};
pub use checkpoint::{Checkpoint, Step};
pub use commit::{Commit, CommitDraft, Signature};
pub use error::{Cause, Error};
pub use git::{GitProgram, Prompts};
pub use history::{History, Meaning, Revision};
pub use lock::WriteLock;
pub use message::{Message, trailer};
pub use oid::{InvalidObjectId, ObjectId};
pub use pack::{KeptPack, Kind, PackBuilder};
pub use publish::{Publication, Published, Recovery};
pub use refs::{Branch, RefUpdate};
pub use remote::{PushPlan, Pushed, RemoteTips, StatePush};
pub use replay::Replayed;
pub use repository::{InitOptions, Options, Repository, RepositoryKind};
pub use state::{State, state_ref};
pub use tree::{Entry, Listing, ListingEntry, Mode, TreeChange, TreeEdit};
