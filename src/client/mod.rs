//! The HTTP, SOAP and REST side of an org. Hides `reqwest`.
//!
//! [`Org`] is the handle; it is async and cheap to clone. Its calls stand beside
//! their results: `soap` has the Metadata API, `rest` the rest. Logins are not
//! made here: a [`SessionSource`] is asked for a session, and once per call for
//! another when the org no longer takes it.
//!
//! Invariant: a call is counted and paid for before it is sent; no call that
//! carries a token follows a redirect or leaves for a host that may not see it;
//! and an answer that came half is an error, never a short answer.

mod base64;
mod budget;
mod bulk;
mod error;
mod host;
mod http;
mod options;
mod org;
mod poll;
mod rest;
mod retry;
mod secret;
mod session;
mod soap;

pub use base64::encode_for_url;
pub use budget::{Budget, BudgetSpent};
pub use bulk::{
    BulkJob, BulkState, Ingest, IngestRows, MAX_INGEST_BYTES, Operation, ResultPage, ingest_error,
};
pub use error::{Cause, Error};
pub use host::{HostError, HostPolicy, InstanceUrl, parse_query};
pub use http::Http;
pub use options::{Options, ProxyChoice, Sizes, Timeouts};
pub use org::{FixedSession, Org};
pub use poll::{PollPolicy, poll_job};
pub use rest::{
    Deleted, DeployRequest, Identity, Limit, MAX_COLLECTION, MAX_DELETED_SPAN, MAX_QUERY_URI,
    ObjectInfo, OrgInfo, Permissions, Row, RowError, RowResult, Rows, Together, Upload, UserInfo,
    soql_text,
};
pub(crate) use rest::{form, ids_of_url};
pub(crate) use retry::random_bytes;
pub use retry::{Call, RetryPolicy};
pub use secret::Secret;
pub use session::{NoSession, Session, SessionSource};
pub use soap::{
    CodeCoverage, CoverageWarning, DeployMessage, DeployOptions, DeployResult, DeployStatus,
    DescribedType, FlowCoverage, JobState, ListQuery, Listing, MAX_LIST_QUERIES, MAX_READ_NAMES,
    MAX_UNDELETED, OrgDescription, ProblemType, ReadRecord, RetrieveMessage, RetrieveOptions,
    RetrieveStatus, Retrieved, RetrievedProgress, TestFailure, TestLevel, TestResults, TestSuccess,
    Unnamed,
};
