//! Bulk API 2.0: jobs that read and write many rows.
//!
//! Source: Bulk API 2.0 and Bulk API Developer Guide, and recorded answers.

mod ingest;
mod job;
mod query;

pub use ingest::{Ingest, IngestRows, MAX_INGEST_BYTES, ingest_error};
pub use job::{BulkJob, BulkState};
pub use query::{Operation, ResultPage};
