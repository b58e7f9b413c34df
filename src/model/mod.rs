//! The words of the domain: names, ids, times, paths, manifests.
//!
//! Floor 0. Everything here is a value; nothing reads a disk, a clock or the
//! environment. A value that exists has been checked, so that no module above
//! checks it again.

pub mod component;
pub mod disk;
mod hex;
pub mod ids;
pub mod manifest;
pub mod object;
pub mod remote;
pub mod time;
pub mod tree;

pub use component::{ComponentKey, ComponentName, InvalidName, TypeName};
pub use hex::hex;
pub use ids::{ApiVersion, InvalidId, OrgId, RecordId};
pub use manifest::Manifest;
pub use object::{FieldName, ObjectName};
pub use remote::{Author, RemoteComponent, Stamp};
pub use time::Timestamp;
pub use tree::{InvalidPath, TreePath};
