//! Reading what was exported: what changed, the history of a row, a row as it was.

mod diff;
mod row;

pub use diff::{DiffReport, FieldSummary, ObjectDiff, UserSummary, diff};
pub use row::{BodyReport, RowChangeReport, RowReport, body, log, show};
