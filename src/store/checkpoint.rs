//! Moments at which a write to the repository can be cut short.
//!
//! The promise is that a repository killed at any moment is as before or
//! complete. Whoever holds us to it passes a [`Checkpoint`] that ends the
//! process, or fails, when a step is reached.

use std::{fmt, io, sync::Arc};

use super::Error;

/// A step of writing that was just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// One object went into the temporary pack.
    ObjectPacked,
    /// The temporary pack is complete and on the disk.
    PackClosed,
    /// The pack has its name, but no index yet.
    PackNamed,
    /// The pack is readable by everyone.
    PackIndexed,
    /// The note of old and new commit is written.
    NoteWritten,
    /// The branch is at the new commit.
    BranchMoved,
    /// One of the other references has moved.
    RefMoved,
    /// The index of a working tree is locked.
    IndexLocked,
    /// One file of the working tree is in place.
    FileWritten,
    /// One file of the working tree is gone.
    FileRemoved,
    /// The index is written.
    IndexWritten,
    /// The note is gone.
    NoteRemoved,
}

/// Is told of each step as soon as it is done.
pub trait Checkpoint: Send + Sync {
    /// Takes notice of `step`; an error stands for a disk that refuses from here on.
    ///
    /// # Errors
    ///
    /// Whatever the write is to fail with.
    fn reached(&self, step: Step) -> io::Result<()>;
}

/// The checkpoint of a repository, which is none outside of tests.
#[derive(Clone, Default)]
pub(super) struct Watch(pub(super) Option<Arc<dyn Checkpoint>>);

impl Watch {
    pub(super) fn reached(&self, step: Step, path: &std::path::Path) -> Result<(), Error> {
        match &self.0 {
            Some(checkpoint) => checkpoint.reached(step).map_err(Error::disk("write", path)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "watched" } else { "-" })
    }
}
