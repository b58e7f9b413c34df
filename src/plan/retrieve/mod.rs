//! How an org is fetched: what, in which calls, and what to do when one is refused.
//!
//! [`incremental::decide`] says which components to fetch,
//! [`plan_retrieve`] packs them into calls by a learned [`CostModel`],
//! [`recover::Queue`] hands the calls out and splits what is refused,
//! [`partial`] merges answers that hold only a part of a profile.
//!
//! Invariant: each component is fetched by exactly one batch, and any split into
//! batches merges to the answer of one retrieve of everything.

mod batch;
mod cost;
pub mod incremental;

mod manifest;
pub mod motion;
pub mod partial;
pub mod recover;

pub use batch::{RetrieveBatch, RetrieveRequest, plan_retrieve};
pub use cost::{Cost, CostModel, Limits};
pub use manifest::{ManifestHints, UNFILED, manifest, named_under};
