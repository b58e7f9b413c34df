//! What stands in `.orgkeep/` of a snapshot, beside the metadata itself.
//!
//! Values and their spelling; reading and writing the files is `store`'s.
//! Everything here is a function of the org's state and of our rules: no file
//! names an instance, a job, or a count of calls.
//!
//! Invariant: rendering is deterministic, and parsing what was rendered gives
//! the same value.

mod bypass;
pub mod coverage;
pub mod deploys;
pub mod flows;
pub mod inventory;
pub mod org;
pub mod records;
pub mod redacted;
pub mod restores;
pub mod state;

pub use bypass::{Bypass, Bypasses, PastBypass};
pub use coverage::{Acceptance, Coverage, Extent, Gap, GapKind};
pub use deploys::{DeployEnd, DeployRecord, Deploys};
pub use flows::FlowVersions;
pub use inventory::{Inventory, render_inventory};
pub use org::{OrgFile, RuleVersions};
pub use records::{BodyGaps, Cursor, OpenJob, RecordGap, RecordsLedger, RecordsState};
pub use redacted::RedactedValues;
pub use restores::{InsertedRow, Restores, SentRow, SentRows};
pub use state::{RunRecord, RunState};

/// Folder of everything here, in the tree.
pub const FOLDER: &str = ".orgkeep";

/// A file of the ledger that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{path}` of the snapshot, line {line}")]
pub struct Error {
    /// Path in the tree.
    pub path: String,
    /// Line, counted from 1.
    pub line: usize,
    /// What the parser says.
    #[source]
    pub source: serde_json::Error,
}

/// Writes a value as indented JSON with a line end.
fn pretty<T: serde::Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("a ledger value has string keys");
    bytes.push(b'\n');
    bytes
}

/// Reads a value that fills a whole file.
fn whole<T: serde::de::DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|source| Error {
        path: path.to_owned(),
        line: source.line(),
        source,
    })
}

/// Writes one value a line.
fn lines<T: serde::Serialize>(values: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        serde_json::to_writer(&mut out, &value).expect("a ledger value has string keys");
        out.push(b'\n');
    }
    out
}

/// Reads one value a line.
fn each_line<T: serde::de::DeserializeOwned>(path: &str, bytes: &[u8]) -> Result<Vec<T>, Error> {
    bytes
        .split(|it| *it == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(|(n, line)| {
            serde_json::from_slice(line).map_err(|source| Error {
                path: path.to_owned(),
                line: n + 1,
                source,
            })
        })
        .collect()
}
