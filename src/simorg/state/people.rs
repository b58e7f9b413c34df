//! Users and their sessions.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{Access, made_id};
use crate::model::{Author, RecordId, Timestamp};

/// A permission that calls ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Permission {
    /// Use any API.
    ApiEnabled,
    /// See Setup: SetupAuditTrail among it.
    ViewSetup,
    /// Use the Metadata API together with others of its kind.
    ModifyMetadata,
    /// See and change everything.
    ModifyAllData,
    /// See all records.
    ViewAllData,
    /// Write Apex.
    AuthorApex,
    /// See users and profiles and change them.
    ManageUsers,
    /// See reports and dashboards in all folders.
    ManageReportsInPublicFolders,
    /// Change customisations.
    CustomizeApplication,
    /// Give new records their audit fields.
    SetAuditFields,
    /// Change records whose owner is inactive.
    UpdateInactiveOwner,
    /// See encrypted text as it is.
    ViewEncryptedData,
    /// Delete records for good.
    BulkApiHardDelete,
}

/// A user of the org.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// Id, `005…`.
    pub id: RecordId,
    /// Username, unique without regard to case.
    pub username: String,
    /// First name; may be empty.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Name as displayed.
    pub name: String,
    /// Address.
    pub email: String,
    /// Full name of the profile, as the metadata spells it.
    pub profile: String,
    /// Whether the user may log in.
    pub is_active: bool,
    /// What the user may do.
    pub permissions: BTreeSet<Permission>,
    /// Metadata types that this user gets to see nothing of, silently.
    pub hidden_types: BTreeSet<String>,
    /// What of records is kept from this user.
    #[serde(default)]
    pub access: Access,
}

impl User {
    /// An administrator named `first_name last_name`.
    #[must_use]
    pub fn administrator(username: &str, first_name: &str, last_name: &str) -> Self {
        use Permission as P;
        Self {
            id: made_id("005", username),
            username: username.to_owned(),
            first_name: first_name.to_owned(),
            last_name: last_name.to_owned(),
            name: format!("{first_name} {last_name}").trim().to_owned(),
            email: username.to_owned(),
            profile: "Admin".to_owned(),
            is_active: true,
            permissions: [
                P::ApiEnabled,
                P::ViewSetup,
                P::ModifyMetadata,
                P::ModifyAllData,
                P::ViewAllData,
                P::AuthorApex,
                P::ManageUsers,
                P::ManageReportsInPublicFolders,
                P::CustomizeApplication,
            ]
            .into(),
            hidden_types: BTreeSet::new(),
            access: Access::default(),
        }
    }

    /// The same with a permission.
    #[must_use]
    pub fn with(mut self, permission: Permission) -> Self {
        self.permissions.insert(permission);
        self
    }

    /// The same without a permission.
    #[must_use]
    pub fn without(mut self, permission: Permission) -> Self {
        self.permissions.remove(&permission);
        self
    }

    /// Whether the user has a permission.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// Whether the user may use the Metadata API.
    #[must_use]
    pub fn may_use_metadata_api(&self) -> bool {
        self.may(Permission::ModifyAllData) || self.may(Permission::ModifyMetadata)
    }

    /// Whether the user gets to see components of type `type_name`.
    #[must_use]
    pub fn sees(&self, type_name: &str) -> bool {
        !self.hidden_types.contains(type_name)
    }
}

/// The user that the platform acts as.
pub(super) fn automated_process() -> Author {
    Author {
        id: Some(made_id("005", "autoproc")),
        name: "Automated Process".to_owned(),
    }
}

/// One login.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Session {
    /// Whose it is.
    pub user: RecordId,
    /// When it ends by itself; never where absent.
    pub expires: Option<Timestamp>,
}

/// The valid sessions, by access token.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Sessions(BTreeMap<String, Session>);

impl Sessions {
    /// Opens a session under `token`, for `lifetime` from `now` on.
    pub fn open(
        &mut self,
        token: &str,
        user: RecordId,
        now: Timestamp,
        lifetime: Option<Duration>,
    ) {
        let expires = lifetime.map(|it| now.after(it));
        self.0.insert(token.to_owned(), Session { user, expires });
    }

    /// The session of `token` if it is valid at `now`.
    #[must_use]
    pub fn get(&self, token: &str, now: Timestamp) -> Option<&Session> {
        self.0
            .get(token)
            .filter(|it| it.expires.is_none_or(|end| now < end))
    }

    /// Ends one session.
    pub fn close(&mut self, token: &str) -> bool {
        self.0.remove(token).is_some()
    }

    /// Ends all sessions.
    pub fn expire_all(&mut self) {
        self.0.clear();
    }

    /// Ends all sessions of a user.
    pub fn expire_of(&mut self, user: RecordId) {
        self.0.retain(|_, it| it.user != user);
    }

    /// All sessions with their tokens.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Session)> {
        self.0.iter().map(|(token, it)| (token.as_str(), it))
    }
}
