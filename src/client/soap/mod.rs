//! The Metadata API: SOAP envelopes out, typed results in.
//!
//! Source of names, order and cardinality: Metadata API WSDL 66.0.

mod deploy;
mod deploy_result;
mod describe;
mod envelope;
mod exchange;
mod read;
mod reply;
mod retrieve;
mod scan;
mod undelete;

pub use deploy::{DeployOptions, JobState, TestLevel};
pub use deploy_result::{
    CodeCoverage, CoverageWarning, DeployMessage, DeployResult, DeployStatus, FlowCoverage,
    ProblemType, TestFailure, TestResults, TestSuccess,
};
pub use describe::{DescribedType, ListQuery, Listing, MAX_LIST_QUERIES, OrgDescription};
pub use read::{MAX_READ_NAMES, ReadRecord};
pub use reply::Unnamed;
pub use retrieve::{
    RetrieveMessage, RetrieveOptions, RetrieveStatus, Retrieved, RetrievedProgress,
};
pub use undelete::MAX_UNDELETED;
