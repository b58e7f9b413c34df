//! Bulk API 2.0: jobs that read and write many rows.
//!
//! Source: Bulk API 2.0 and Bulk API Developer Guide, and recorded answers.

mod job;
mod query;

pub use job::{BulkJob, BulkState};
pub use query::{Operation, ResultPage};
