//! What a run remembers for the next one, in `refs/orgkeep/state/<org id>`.
//!
//! Not part of a snapshot: losing it costs a full pass and nothing else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Error, lines, pretty, whole};
use crate::model::{ComponentName, RecordId, RemoteComponent, Timestamp, TypeName};

/// `state.json`: watermarks and open jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunState {
    /// Commit that this state belongs to.
    #[serde(default)]
    pub commit: Option<String>,
    /// Start of the last listing that a snapshot came from, by the org's clock.
    #[serde(default)]
    pub listed_at: Option<Timestamp>,
    /// Start of the last full pass, by the org's clock.
    #[serde(default)]
    pub full_at: Option<Timestamp>,
    /// Permissions of the user of the last run; fewer now makes absences doubtful.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// Components whose content was not what the listing promised: fetched again next time.
    #[serde(default)]
    pub unsettled: Vec<String>,
    /// Whether the last snapshot of everything left gaps: who changed what of them is still to be told.
    #[serde(default)]
    pub had_gaps: bool,
    /// Fingerprint of each table that was watched, such as the permission tables.
    #[serde(default)]
    pub watermarks: BTreeMap<String, String>,
    /// Retrieves that were started and whose answer was not fetched: job id by a digest of the batch.
    #[serde(default)]
    pub open_jobs: BTreeMap<String, RecordId>,
}

/// One line of `runs.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Id of the snapshot.
    pub snapshot: String,
    /// When the listing began, by the org's clock.
    pub at: Timestamp,
    /// `full`, `incremental`, `only`.
    pub kind: String,
    /// Commit at its end.
    pub commit: Option<String>,
    /// Files that changed.
    pub changed: u64,
    /// Gaps that nobody expects.
    pub gaps: u64,
    /// API calls.
    pub calls: u64,
}

/// Date and id under which each component was last seen, of one type.
///
/// Kept apart from the inventory, which moves only with content.
pub type Seen = BTreeMap<ComponentName, SeenComponent>;

/// Date and id of one component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenComponent {
    /// When it was last changed, as listed.
    #[serde(rename = "m")]
    pub modified: Timestamp,
    /// Its id, as listed.
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<RecordId>,
}

/// Folders that need not be listed again while their rows stay the same, by name.
///
/// What was listed in them stands in [`Seen`] and in the inventory of the snapshot.
pub type SeenFolders = BTreeMap<String, SeenFolder>;

/// What the table of a type said of one folder when the folder was listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenFolder {
    /// Id of the folder.
    #[serde(rename = "i")]
    pub id: RecordId,
    /// Mark of its rows.
    #[serde(rename = "m")]
    pub mark: String,
    /// Number of components that were listed in it.
    pub n: usize,
    /// Those of them that are not in scope.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outside: Vec<RemoteComponent>,
}

impl RunState {
    /// Its path in the state commit.
    pub const PATH: &str = "state.json";
    /// Path of the list of runs.
    pub const RUNS: &str = "runs.jsonl";
    /// How many runs are kept.
    pub const MAX_RUNS: usize = 500;

    /// Path of what was seen of a type.
    #[must_use]
    pub fn seen_path(type_name: &TypeName) -> String {
        format!("seen/{type_name}.json")
    }

    /// Path of the folders of a type.
    #[must_use]
    pub fn folders_path(type_name: &TypeName) -> String {
        format!("folders/{type_name}.json")
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`Error`] with the line.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        whole(Self::PATH, bytes)
    }

    /// Writes it.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        pretty(self)
    }
}

/// Writes what was seen of a type.
#[must_use]
pub fn render_seen(seen: &Seen) -> Vec<u8> {
    pretty(seen)
}

/// Reads what was seen of a type.
///
/// # Errors
///
/// [`Error`] with the line.
pub fn parse_seen(type_name: &TypeName, bytes: &[u8]) -> Result<Seen, Error> {
    whole(&RunState::seen_path(type_name), bytes)
}

/// Writes the folders of a type.
#[must_use]
pub fn render_folders(folders: &SeenFolders) -> Vec<u8> {
    pretty(folders)
}

/// Reads the folders of a type.
///
/// # Errors
///
/// [`Error`] with the line.
pub fn parse_folders(type_name: &TypeName, bytes: &[u8]) -> Result<SeenFolders, Error> {
    whole(&RunState::folders_path(type_name), bytes)
}

/// The list of runs with `record` added, the oldest dropped past [`RunState::MAX_RUNS`].
#[must_use]
pub fn append_run(runs: &[u8], record: &RunRecord) -> Vec<u8> {
    let kept: Vec<&[u8]> = runs
        .split(|it| *it == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    let first = kept.len().saturating_sub(RunState::MAX_RUNS - 1);
    let mut out = Vec::with_capacity(runs.len() + 200);
    for line in &kept[first..] {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.extend(lines([record]));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_of_runs_is_bounded() {
        let record = RunRecord {
            snapshot: "s".to_owned(),
            at: Timestamp::UNKNOWN,
            kind: "full".to_owned(),
            commit: None,
            changed: 0,
            gaps: 0,
            calls: 1,
        };
        let runs =
            (0..RunState::MAX_RUNS + 10).fold(Vec::new(), |runs, _| append_run(&runs, &record));
        assert_eq!(
            runs.iter().filter(|it| **it == b'\n').count(),
            RunState::MAX_RUNS
        );
    }

    #[test]
    fn state_of_an_earlier_release_is_read() {
        assert_eq!(RunState::parse(b"{}").unwrap(), RunState::default());
    }
}
