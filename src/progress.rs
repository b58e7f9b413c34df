//! How the library tells a face what it is doing.
//!
//! Invariant: nothing below `cli` writes to stdout or stderr.

use std::{fmt, sync::Mutex};

/// What a running operation reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A phase began, with so many units ahead when that is known.
    Started(Phase, Option<u64>),
    /// So many units of the phase are complete: absolute, never a delta.
    Advanced(Phase, u64),
    /// The phase ended well.
    Finished(Phase),
    /// The org has taken a deploy as this job.
    Job(String),
    /// Something was left out; the operation goes on and will say so at its end.
    Warned(String),
}

/// A part of an operation long enough to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Listing components; counts metadata types.
    List,
    /// Retrieving; counts components.
    Retrieve,
    /// Converting and storing; counts files.
    Store,
    /// Refreshing the working tree; counts files.
    CheckOut,
    /// Deploying; counts components.
    Deploy,
    /// Running Apex tests; counts tests.
    Test,
    /// Exporting records; counts rows.
    Export,
    /// Fetching files; counts their bodies.
    Bodies,
    /// Restoring records; counts rows.
    Restore,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::List => "listing",
            Self::Retrieve => "retrieving",
            Self::Store => "storing",
            Self::CheckOut => "refreshing the working tree",
            Self::Deploy => "deploying",
            Self::Test => "running tests",
            Self::Export => "exporting records",
            Self::Bodies => "fetching files",
            Self::Restore => "restoring records",
        })
    }
}

/// Receives the events of one operation.
///
/// Called from any thread and often: an implementation returns at once and
/// draws on its own schedule.
pub trait Monitor: Send + Sync {
    /// Takes one event.
    fn event(&self, event: Event);
}

/// Takes every event and shows none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn event(&self, _: Event) {}
}

/// Keeps every event, for tests.
#[derive(Debug, Default)]
pub struct RecordingMonitor(Mutex<Vec<Event>>);

impl RecordingMonitor {
    /// The events so far, leaving none.
    ///
    /// # Panics
    ///
    /// If another thread panicked while reporting.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut *self.0.lock().expect("no reporter panicked"))
    }
}

impl Monitor for RecordingMonitor {
    fn event(&self, event: Event) {
        self.0.lock().expect("no reporter panicked").push(event);
    }
}
