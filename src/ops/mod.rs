//! The verbs: each awaits the edges, calls the pure floors, returns a report.

pub mod login;
