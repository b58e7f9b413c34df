//! REST: versions, queries, limits, who we are.
//!
//! Source of answers and errors: REST API Developer Guide, `dome_*` and
//! `errorcodes`, and recorded answers.

mod exchange;
mod identity;
mod limits;
mod query;

pub(crate) use exchange::{form, versions};
pub(crate) use identity::ids_of_url;
pub use identity::{Identity, OrgInfo, Permissions, UserInfo};
pub use limits::Limit;
pub use query::{DeployRequest, MAX_QUERY_URI, Row, Rows, soql_text};
