//! Records: exporting them into Git, and reading what was exported.
//!
//! An export is a commit on a branch of its own, the one of the present period.
//! [`RecordsAt`] reads the rows of a commit; [`branches`] finds the commits.
//!
//! Invariant: rows leave the tree only where the org has said that they are gone.

pub mod alerts;
mod at;
mod bodies;
mod bounded;
pub mod branches;
mod commit;
pub mod erase;
mod export;
mod fetch;
mod fold;
pub mod import;
mod incremental;
pub mod prune;
pub mod read;
pub mod restore;
mod scope;
mod sorter;
mod spool;
pub mod survey;

pub use at::{ObjectRows, RecordsAt};
pub use bodies::BodiesReport;
pub use branches::Place;
pub use export::{ExportOptions, ExportReport, GapReport, ObjectReport, export};
pub use restore::RestoreRefusal;
pub use scope::SETUP_OBJECTS;
