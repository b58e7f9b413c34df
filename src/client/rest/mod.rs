//! REST: versions, queries, limits, who we are.
//!
//! Source of answers and errors: REST API Developer Guide, `dome_*` and
//! `errorcodes`, and recorded answers.

mod body;
mod deleted;
mod describe;
mod exchange;
mod identity;
mod limits;
mod query;
mod write;

pub use body::Upload;
pub use deleted::{Deleted, MAX_DELETED_SPAN};
pub use describe::ObjectInfo;
pub(crate) use exchange::{Ask, form, versions};
pub(crate) use identity::ids_of_url;
pub use identity::{Identity, OrgInfo, Permissions, UserInfo};
pub use limits::Limit;
pub use query::{DeployRequest, MAX_QUERY_URI, Row, Rows, soql_text};
pub use write::{MAX_COLLECTION, RowError, RowResult, Together};
