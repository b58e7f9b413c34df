//! Making a part of an org look like an earlier commit.
//!
//! The plan gives each component one verdict with its reason, finds what was lost
//! together with a deleted component and puts that back by element into today's
//! files, and takes away what was granted since. It deploys nothing: a
//! [`DeployPlan`](super::deploy::DeployPlan) is made of it.
//!
//! Invariant: each selected component has exactly one item. Nothing is deleted or
//! revoked that the target's own ledger does not prove to have been absent then.

mod closure;
mod decide;
mod duplicates;
mod file;
mod needed;
pub mod people;
pub mod permissions;
pub mod references;
mod render;
mod rules;
mod title;
pub mod undo;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use closure::{WentWith, went_with};
pub use decide::plan;
pub use file::{
    Choices, Difference, Entry, InvalidPlan, MAX_BYTES, Pick, PlanFile, RELEASE, SCHEMA,
};
pub use render::{Heading, render};
pub use title::{title, title_of_revert};

use crate::model::{ComponentKey, Timestamp, TreePath};
use undo::Clash;

/// What becomes of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is changed back.
    Revert,
    /// It is made again.
    Recreate,
    /// It is deleted, since it is new.
    Delete,
    /// An older version of a flow is activated again.
    Activate,
    /// It can be put back, and something is lost by that.
    Lossy,
    /// A person has to do it.
    Manual,
    /// It cannot be done.
    Impossible,
    /// Nothing is to be done.
    Unchanged,
}

impl Verdict {
    /// The word in listings.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Revert => "revert",
            Self::Recreate => "recreate",
            Self::Delete => "delete",
            Self::Activate => "activate",
            Self::Lossy => "lossy",
            Self::Manual => "manual",
            Self::Impossible => "impossible",
            Self::Unchanged => "unchanged",
        }
    }

    /// The sign before it.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Recreate => '+',
            Self::Revert | Self::Activate => '~',
            Self::Delete => '−',
            Self::Lossy | Self::Manual => '!',
            Self::Impossible => '×',
            Self::Unchanged => '=',
        }
    }
}

/// A file of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewFile {
    /// Where it stands in the tree.
    pub path: TreePath,
    /// Its content.
    pub bytes: Arc<[u8]>,
}

/// A tree, by component: the target commit's, or the org's of now.
///
/// A component here is the finest owner of files: a field, not its object.
pub trait View {
    /// What tells two states of a component apart, such as the ids of its blobs.
    ///
    /// `None` where the tree has no such component.
    fn state(&self, key: &ComponentKey) -> Option<String>;

    /// Its files by path; empty where the tree has no such component.
    fn read(&self, key: &ComponentKey) -> Vec<ViewFile>;
}

/// Versions of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowVersions {
    /// The version that was active at the target.
    pub active_then: Option<u32>,
    /// The latest version at the target, whose file the target's tree has.
    pub latest_then: Option<u32>,
    /// The draft at the target that was later than the active version.
    pub draft_then: Option<u32>,
    /// The version that is active now.
    pub active_now: Option<u32>,
    /// Versions that the org still has.
    pub in_org: BTreeSet<u32>,
}

/// What is known of a component besides its files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and all may hold at once"
)]
pub struct Facts {
    /// The component that it is a child of.
    pub parent: Option<ComponentKey>,
    /// The folder that it lies in, as a component of its own.
    pub folder: Option<ComponentKey>,
    /// Whether it belongs to an installed package.
    pub is_installed: bool,
    /// The name that the same component has in the other tree, by its id.
    pub renamed: Option<ComponentKey>,
    /// Whether it was deleted since, and another one made under its name.
    pub is_made_again: bool,
    /// Whether it is the only page layout of its object.
    pub is_only_layout: bool,
    /// Whether a retrieve gives only those entries of it whose things were asked for too.
    pub is_partial: bool,
    /// When it was deleted, where the audit trail tells.
    pub deleted_at: Option<Timestamp>,
    /// For a flow or its definition, the flow's versions.
    pub flow: Option<FlowVersions>,
    /// Jobs that are scheduled to run it, by name.
    pub jobs: Vec<String>,
    /// Why its present state could not be read freshly.
    pub unread: Option<String>,
    /// Who changed it after the deploy that is to be undone, in words.
    pub later: Option<String>,
    /// What a commit that is to be undone did to it, where somebody changed the same since
    /// and nobody has said which is to hold.
    pub clashes: Vec<Clash>,
}

/// What a user allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// What is new since the target may be deleted.
    pub delete_new: bool,
    /// What can be put back only in part may be.
    pub accept_lossy: bool,
}

/// Everything that a plan is made of.
pub struct Inputs<'a> {
    /// The tree to go back to.
    pub target: &'a dyn View,
    /// The org as it is now.
    pub now: &'a dyn View,
    /// What was selected; the plan has an item for each.
    pub selected: &'a BTreeSet<ComponentKey>,
    /// Every component that differs between the two trees, selected or not.
    pub differing: &'a BTreeSet<ComponentKey>,
    /// Every component that the org has now of types that are looked at as a whole:
    /// duplicate rules.
    pub everything: &'a BTreeSet<ComponentKey>,
    /// Whether the target's ledger proves that a component was not there.
    pub proves_absence: &'a dyn Fn(&ComponentKey) -> bool,
    /// What else is known of a component.
    pub facts: &'a dyn Fn(&ComponentKey) -> Facts,
    /// Whether a file holds a placeholder where a secret was.
    pub is_redacted: &'a dyn Fn(&[u8]) -> bool,
    /// Usernames that the target names and that the org does not have, in lower case.
    pub missing_users: &'a BTreeSet<String>,
    /// The time now, by the org's clock.
    pub at: Timestamp,
    /// What a user allows.
    pub options: Options,
}

/// Where the content of a file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The target's file, as it is.
    Target,
    /// These bytes: today's file with parts of the target's.
    Merged(Arc<[u8]>),
}

/// Something to do outside a deploy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Makes a version of a flow the active one; 0 for none.
    ActivateFlow {
        /// The flow.
        key: ComponentKey,
        /// The version.
        version: u32,
    },
}

/// What the plan does about one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The component.
    pub key: ComponentKey,
    /// What becomes of it.
    pub verdict: Verdict,
    /// Whether that is carried out; not for what needs a word of the user, or a person.
    pub applies: bool,
    /// Why, in one sentence without an end.
    pub reason: String,
    /// What else there is to know.
    pub details: Vec<String>,
    /// Page of Setup, below the org's own address.
    pub page: Option<String>,
    /// The recreated component that this one is touched for, where it was not selected.
    pub because_of: Option<ComponentKey>,
    /// What the deploy sends of it.
    pub files: Vec<(TreePath, Content)>,
    /// Names under which it is deleted: itself, or the versions of a flow.
    pub deletes: Vec<String>,
    /// Components inside its file that are deleted, since they are new: a deploy of the file
    /// leaves what it does not name.
    pub deletes_inside: Vec<ComponentKey>,
    /// What is done before the deploy.
    pub before: Vec<Step>,
    /// What is done after it.
    pub after: Vec<Step>,
    /// Whether a file of the target holds placeholders that the org's values replace.
    pub redacted: bool,
    /// State at the target and now.
    pub states: (Option<String>, Option<String>),
}

/// A whole plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RollbackPlan {
    /// What was selected by name, then what goes with it by name.
    pub items: Vec<Item>,
}

impl RollbackPlan {
    /// The item of a component.
    #[must_use]
    pub fn item(&self, key: &ComponentKey) -> Option<&Item> {
        self.items.iter().find(|it| it.key == *key)
    }

    /// Items that change something in the org.
    pub fn applied(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|it| it.applies)
    }

    /// Whether nothing would be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.applied().next().is_none()
    }
}

#[cfg(test)]
mod tests;
