//! The state of a simulated org, and every way to change it.
//!
//! # Reading
//!
//! [`SimOrg::metadata`] is the store of components: [`Metadata::get`],
//! [`Metadata::of_type`], [`Metadata::child`], [`Metadata::contains`] (which
//! knows children and folders alike), [`Metadata::element`] (a child's or a
//! whole component's parsed XML).
//!
//! # Changing
//!
//! Each change takes a [`Stamp`]: who and when ([`SimOrg::stamp`] makes one).
//! All go through these, which keep ids, dates, children and the audit trail:
//!
//! - [`SimOrg::put`] makes or replaces a whole component by its files;
//! - [`SimOrg::edit`] changes the XML of a component in place (children are
//!   told apart afterwards: each gets its own stamp);
//! - [`SimOrg::put_child`] makes or replaces one child element;
//! - [`SimOrg::delete`] takes a component or a child away (without the side
//!   effects that a deploy has); custom fields and objects rest 15 days;
//! - [`SimOrg::rename`];
//! - [`SimOrg::put_flow_version`], [`SimOrg::activate_flow`];
//! - [`SimOrg::load`] makes the whole state equal to a project and records
//!   only what differs.
//!
//! To try something and drop it (a check-only deploy), work on a clone:
//! contents are shared, so that a clone costs the index only.
//!
//! # Keeping
//!
//! The whole state is `serde`: JSON text with binary contents in base64.

mod access;
mod audit;
mod change;
mod component;
mod config;
mod content;
mod document;
mod flow;
mod ids;
mod jobs;
mod load;
mod metadata;
mod people;
mod release;
mod settle;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

pub use access::{Access, Names};
pub use audit::AuditRow;
pub use change::{ChangeError, Outcome};
pub use component::{Child, Component, PackageFile};
pub use config::{Config, Feature, Limits, OrgKind};
pub use content::Content;
pub use document::insert_sorted;
pub use flow::{FlowVersion, FlowVersions};
pub use ids::{digest, made_id, numbered_id, row_id};
pub use jobs::{DeployJob, DeployStage, Jobs, RetrieveJob, RetrieveOutcome};
pub use load::{LoadReport, NewComponent, Recording};
pub use metadata::Metadata;
pub use people::{Permission, Session, Sessions, User};

use crate::{
    model::{Author, ComponentKey, RecordId, Stamp, Timestamp},
    simorg::deploy::TestScript,
};

/// How long deleted custom fields and objects rest before they are gone.
///
/// Source: Salesforce Help, "Manage Deleted Custom Fields".
pub const REST_OF_DELETED: Duration = Duration::from_hours(15 * 24);

/// A simulated org. Holds no socket and no clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SimOrg {
    /// What kind of org it is, its versions, limits and delays.
    pub config: Config,
    /// The users, by id.
    pub users: BTreeMap<RecordId, User>,
    /// Who is logged in.
    pub sessions: Sessions,
    /// Setup Audit Trail, oldest first.
    pub audit: Vec<AuditRow>,
    /// Asynchronous jobs.
    pub jobs: Jobs,
    /// How often each call was made: `retrieve`, `listMetadata`, `query`, …, and
    /// `noise:<rule>` for each noise applied.
    pub calls: BTreeMap<String, u64>,
    /// What Apex tests come to.
    #[serde(default)]
    pub tests: TestScript,
    /// Jobs that are scheduled to run a class, by their name: the class.
    #[serde(default)]
    pub scheduled: BTreeMap<String, String>,
    /// Rights that a profile or permission set has and no retrieve tells of: the platform
    /// brings them along with another right or a licence.
    #[serde(default)]
    pub implied: Vec<Implied>,
    /// How many reports and dashboards lie in folders that only their owners see.
    #[serde(default)]
    pub private: BTreeMap<String, u64>,
    /// Deleted custom fields and objects, by the time they were deleted.
    pub resting: Vec<Resting>,
    metadata: Metadata,
    now: Timestamp,
    next_number: u64,
}

/// A deleted custom field or object that can still be undeleted in Setup.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Resting {
    /// What it was.
    pub key: ComponentKey,
    /// The id it had.
    pub id: Option<RecordId>,
    /// Who deleted it, and when.
    pub deleted: Stamp,
    /// Its XML: a child's element, or a component's document.
    pub content: Content,
}

/// A right that no retrieve tells of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Implied {
    /// The profile or permission set.
    pub component: ComponentKey,
    /// The field that may be read.
    pub field: Option<String>,
    /// The user permission that is there.
    pub user_permission: Option<String>,
}

impl SimOrg {
    /// An empty org of `config`, with no users, at the time `now`.
    #[must_use]
    pub fn new(config: Config, now: Timestamp) -> Self {
        Self {
            config,
            users: BTreeMap::new(),
            sessions: Sessions::default(),
            audit: Vec::new(),
            jobs: Jobs::default(),
            calls: BTreeMap::new(),
            tests: TestScript::default(),
            scheduled: BTreeMap::new(),
            implied: Vec::new(),
            private: BTreeMap::new(),
            resting: Vec::new(),
            metadata: Metadata::default(),
            now,
            next_number: 1,
        }
    }

    /// The components.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The org's present time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Moves the org's time; what rested long enough is gone then.
    pub fn set_now(&mut self, now: Timestamp) {
        self.now = now;
        self.resting
            .retain(|it| now.since(it.deleted.at) < REST_OF_DELETED);
    }

    /// Moves the org's time on.
    pub fn advance(&mut self, span: Duration) {
        self.set_now(self.now.after(span));
    }

    /// Counts one call for `GET /simorg/calls`.
    pub fn count_call(&mut self, call: &str) {
        *self.calls.entry(call.to_owned()).or_default() += 1;
    }

    /// A number that this org gives once: for the ids of jobs and rows.
    pub fn next_number(&mut self) -> u64 {
        let number = self.next_number;
        self.next_number += 1;
        number
    }

    /// A fresh id with key prefix `prefix`, such as `0Af` for a deploy.
    pub fn next_id(&mut self, prefix: &str) -> RecordId {
        let number = self.next_number();
        ids::numbered_id(prefix, number)
    }

    /// The stamp of a change by user `user` at time `at`.
    ///
    /// An unknown user gives the stamp of Automated Process.
    #[must_use]
    pub fn stamp(&self, user: RecordId, at: Timestamp) -> Stamp {
        let by = match self.users.get(&user) {
            Some(user) => Author {
                id: Some(user.id),
                name: user.name.clone(),
            },
            None => people::automated_process(),
        };
        Stamp { by, at }
    }

    /// The user of that name.
    #[must_use]
    pub fn user_named(&self, username: &str) -> Option<&User> {
        self.users
            .values()
            .find(|it| it.username.eq_ignore_ascii_case(username))
    }

    /// Whether a job is scheduled to run a class.
    #[must_use]
    pub fn is_scheduled(&self, class: &str) -> bool {
        let mut classes = self.scheduled.values();
        classes.any(|it| it.eq_ignore_ascii_case(class))
    }

    /// Adds a user, or replaces the one with the same id.
    pub fn add_user(&mut self, user: User) {
        self.users.insert(user.id, user);
    }

    /// The user of a session that is valid now.
    #[must_use]
    pub fn user_of(&self, token: &str) -> Option<&User> {
        let session = self.sessions.get(token, self.now)?;
        self.users.get(&session.user).filter(|it| it.is_active)
    }
}
