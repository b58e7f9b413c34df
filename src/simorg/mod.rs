//! A simulated org: the far side of the wire, for the demo, tests and bug reports.
pub mod faults;
pub mod http;
pub mod soql;
