//! What a snapshot is told.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::{
    model::{ApiVersion, ComponentKey, TreePath},
    plan::{reach::Reach, scope::Scope, select::Selector},
    registry::Registry,
    source::{
        Ignored, Level,
        canonical::Rules,
        redact::{OnSuspect, RedactionKey},
    },
};

/// What holds for every snapshot of a repository: `orgkeep.toml` and the project's files.
#[derive(Clone, Debug)]
pub struct SnapshotSetup {
    /// Branch that snapshots go to.
    pub branch: String,
    /// Remote that it is fetched from and pushed to.
    pub remote: String,
    /// Version that content is retrieved in.
    pub api_version: ApiVersion,
    /// What becomes of the bytes.
    pub level: Level,
    /// Canonical rules that hold.
    pub rules: Rules,
    /// The types, with how the project has them written.
    pub registry: Arc<Registry>,
    /// What is kept.
    pub scope: Scope,
    /// `.forceignore`.
    pub ignored: Ignored,
    /// SHA-256 of `.forceignore`, where there is one.
    pub ignored_digest: Option<String>,
    /// Package directory that new components go to.
    pub package_dir: TreePath,
    /// All package directories, that one first.
    pub package_dirs: Vec<TreePath>,
    /// Whether secrets are taken out.
    pub redact: bool,
    /// The key that their tags are made with, where it is at hand.
    pub redaction_key: Option<RedactionKey>,
    /// Whether that key takes the place of the one that tags were made with so far.
    pub new_key: bool,
    /// What becomes of a snapshot in which something looks like a secret.
    pub on_suspect: OnSuspect,
    /// Time between full passes.
    pub full_every: Duration,
    /// Name and address of the committer.
    pub committer: (String, String),
}

/// What one snapshot is asked for.
#[derive(Clone, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a word of the command line"
)]
pub struct SnapshotOptions {
    /// Fetch everything.
    pub full: bool,
    /// Refresh only what these select.
    pub only: Vec<Selector>,
    /// Look at no more than this, and take the rest as the branch has it.
    pub reach: Option<Reach>,
    /// Fetch these too where no date and no table tells whether they changed.
    pub fresh: BTreeSet<ComponentKey>,
    /// Mark the snapshot with an annotated tag of this name.
    pub tag: Option<String>,
    /// Why it was made; message of the tag.
    pub message: Option<String>,
    /// List and pack, but retrieve nothing.
    pub dry_run: bool,
    /// Believe a listing that shows far less than before.
    pub accept_deletions: bool,
    /// Go on from the remote's branch and state, and send ours there.
    pub push: bool,
}

impl SnapshotOptions {
    /// Whether the snapshot is of a part only.
    #[must_use]
    pub fn is_selective(&self) -> bool {
        !self.only.is_empty() || self.reach.is_some()
    }
}
