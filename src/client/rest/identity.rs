//! Which org this is, and who we are in it.

use serde::Serialize;
use serde_json::Value;

use super::{Row, soql_text};
use crate::{
    client::{Call, Error, Org},
    model::{OrgId, RecordId, Timestamp},
};

/// The org, the user, and what the user may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The org.
    pub org: OrgInfo,
    /// The user.
    pub user: UserInfo,
    /// What the user may do.
    pub permissions: Permissions,
}

/// What an org says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OrgInfo {
    /// Its id.
    pub id: OrgId,
    /// Its name, which a confirmation asks for.
    pub name: String,
    /// Instance it runs on, such as `NA123`; moves.
    pub instance: Option<String>,
    /// Whether it is a sandbox; a scratch org is one too.
    pub is_sandbox: bool,
    /// Its edition, such as `Enterprise Edition`.
    pub edition: Option<String>,
    /// Its own namespace.
    pub namespace: Option<String>,
    /// When it ends, where it is a trial or a scratch org.
    pub ends: Option<Timestamp>,
}

impl OrgInfo {
    /// Whether what is deployed here concerns people at work.
    ///
    /// Developer editions are neither sandboxes nor production.
    #[must_use]
    pub fn is_production(&self) -> bool {
        !self.is_sandbox
            && self.ends.is_none()
            && self.edition.as_deref() != Some("Developer Edition")
    }
}

/// Who a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserInfo {
    /// Id of the user.
    pub id: RecordId,
    /// Username, such as `jane@acme.com`.
    pub username: String,
    /// Name, such as `Jane Doe`.
    pub name: String,
}

/// What a user may do; `None` where the org does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Permissions {
    /// Modify all data.
    pub modify_all_data: Option<bool>,
    /// Modify metadata through the Metadata API.
    pub modify_metadata: Option<bool>,
    /// View setup and configuration.
    pub view_setup: Option<bool>,
    /// View all data.
    pub view_all_data: Option<bool>,
    /// Customise the application.
    pub customize_application: Option<bool>,
    /// Author Apex.
    pub author_apex: Option<bool>,
    /// Use the API.
    pub api_enabled: Option<bool>,
}

type Field = fn(&mut Permissions) -> &mut Option<bool>;

/// Fields of `UserPermissionAccess` and of `PermissionSet`.
const PERMISSION_FIELDS: [(&str, Field); 7] = [
    ("PermissionsModifyAllData", |it| &mut it.modify_all_data),
    ("PermissionsModifyMetadata", |it| &mut it.modify_metadata),
    ("PermissionsViewSetup", |it| &mut it.view_setup),
    ("PermissionsViewAllData", |it| &mut it.view_all_data),
    ("PermissionsCustomizeApplication", |it| {
        &mut it.customize_application
    }),
    ("PermissionsAuthorApex", |it| &mut it.author_apex),
    ("PermissionsApiEnabled", |it| &mut it.api_enabled),
];

impl Permissions {
    /// Whether the user may use the Metadata API; `None` where the org does not tell.
    #[must_use]
    pub fn may_use_metadata(&self) -> Option<bool> {
        match (self.modify_all_data, self.modify_metadata) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        }
    }

    /// Names of what the user has of these, for comparing one run with another.
    #[must_use]
    pub fn granted(mut self) -> Vec<&'static str> {
        PERMISSION_FIELDS
            .iter()
            .filter(|(_, field)| *field(&mut self) == Some(true))
            .map(|(name, _)| name.trim_start_matches("Permissions"))
            .collect()
    }

    fn add(&mut self, row: &Row, prefix: Option<&str>) {
        let row = match prefix {
            Some(name) => row.get(name).and_then(Value::as_object),
            None => Some(row),
        };
        let Some(row) = row else { return };
        for (name, field) in PERMISSION_FIELDS {
            if let Some(granted) = row.get(name).and_then(Value::as_bool) {
                let held = field(self);
                *held = Some(granted || *held == Some(true));
            }
        }
    }
}

impl Org {
    /// Asks which org this is, who we are and what we may do; four calls.
    ///
    /// # Errors
    ///
    /// [`Error`] of the calls: `INVALID_SESSION_ID` for a wrong token,
    /// `API_DISABLED_FOR_ORG` without the API.
    pub async fn identity(&self) -> Result<Identity, Error> {
        let (org_id, user_id) = self.ids().await?;
        let org = self.org_info().await?;
        if org.id != org_id {
            return Err(self.odd("it is of another org than its login"));
        }
        let user = self.user_info(user_id).await?;
        let permissions = self.permissions(user_id).await?;
        Ok(Identity {
            org,
            user,
            permissions,
        })
    }

    /// Ids of the org and the user.
    ///
    /// Userinfo needs a scope that not every app asks for; the directory of
    /// resources has the identity URL for all.
    async fn ids(&self) -> Result<(OrgId, RecordId), Error> {
        let call = Call::read("userinfo");
        match self.get_json(call, "/services/oauth2/userinfo", &[]).await {
            Ok(answer) => {
                let id = |name: &str| answer.get(name).and_then(Value::as_str);
                let ids = id("organization_id")
                    .and_then(|it| it.parse().ok())
                    .zip(id("user_id").and_then(|it| it.parse().ok()));
                if let Some(ids) = ids {
                    return Ok(ids);
                }
            }
            Err(Error::Fault { code, .. }) if code != "INVALID_SESSION_ID" => (),
            Err(Error::NoApi {
                status: 401..=404, ..
            }) => (),
            Err(err) => return Err(err),
        }
        let path = format!("/services/data/v{}/", self.version());
        let answer = self.get_json(Call::read("resources"), &path, &[]).await?;
        answer
            .get("identity")
            .and_then(Value::as_str)
            .and_then(ids_of_url)
            .ok_or_else(|| self.odd("it does not say who we are"))
    }

    async fn org_info(&self) -> Result<OrgInfo, Error> {
        let rows = self
            .query(
                "SELECT Id, Name, InstanceName, IsSandbox, OrganizationType, NamespacePrefix, \
                 TrialExpirationDate FROM Organization",
            )
            .await?;
        rows.first()
            .and_then(org_info)
            .ok_or_else(|| self.odd("it has no row of the org"))
    }

    async fn user_info(&self, id: RecordId) -> Result<UserInfo, Error> {
        let soql = format!(
            "SELECT Id, Username, Name FROM User WHERE Id = {}",
            soql_text(id.as_str())
        );
        let rows = self.query(&soql).await?;
        let text = |name: &str| Some(rows.first()?.get(name)?.as_str()?.to_owned());
        text("Username")
            .map(|username| UserInfo {
                id,
                name: text("Name").unwrap_or_else(|| username.clone()),
                username,
            })
            .ok_or_else(|| self.odd("it has no row of the user"))
    }

    /// What the user may do: from the platform's own sum, else from the permission
    /// sets and the profile. That the org tells neither is no error.
    async fn permissions(&self, user: RecordId) -> Result<Permissions, Error> {
        let fields: Vec<_> = PERMISSION_FIELDS.iter().map(|(name, _)| *name).collect();
        let sum = format!(
            "SELECT {} FROM UserPermissionAccess LIMIT 1",
            fields.join(", ")
        );
        let mut permissions = Permissions::default();
        match self.query(&sum).await {
            Ok(rows) if !rows.is_empty() => {
                for row in &rows {
                    permissions.add(row, None);
                }
                return Ok(permissions);
            }
            Err(err) if !is_unknown(&err) => return Err(err),
            _ => (),
        }
        let each: Vec<_> = fields
            .iter()
            .map(|it| format!("PermissionSet.{it}"))
            .collect();
        let sets = format!(
            "SELECT {} FROM PermissionSetAssignment WHERE AssigneeId = {}",
            each.join(", "),
            soql_text(user.as_str())
        );
        match self.query(&sets).await {
            Ok(rows) => {
                for row in &rows {
                    permissions.add(row, Some("PermissionSet"));
                }
            }
            Err(err) if !is_unknown(&err) => return Err(err),
            Err(_) => (),
        }
        Ok(permissions)
    }

    fn odd(&self, reason: &str) -> Error {
        Error::Unreadable {
            call: "identity",
            host: self.instance().host().to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// Whether the org does not have what was asked for, or hides it.
fn is_unknown(err: &Error) -> bool {
    matches!(
        err.code(),
        Some("INVALID_TYPE" | "INVALID_FIELD" | "MALFORMED_QUERY" | "INSUFFICIENT_ACCESS")
    )
}

/// Ids of org and user in an identity URL: its last two parts.
pub(crate) fn ids_of_url(url: &str) -> Option<(OrgId, RecordId)> {
    let mut parts = url.trim_end_matches('/').rsplit('/');
    let user = parts.next()?.parse().ok()?;
    let org = parts.next()?.parse().ok()?;
    Some((org, user))
}

fn org_info(row: &Row) -> Option<OrgInfo> {
    let text = |name: &str| {
        let text = row.get(name)?.as_str()?;
        (!text.is_empty()).then(|| text.to_owned())
    };
    Some(OrgInfo {
        id: text("Id")?.parse().ok()?,
        name: text("Name").unwrap_or_default(),
        instance: text("InstanceName"),
        is_sandbox: row.get("IsSandbox")?.as_bool()?,
        edition: text("OrganizationType"),
        namespace: text("NamespacePrefix"),
        ends: text("TrialExpirationDate").and_then(|it| it.parse().ok()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(value: &Value) -> Row {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn identity_url_ends_in_two_ids() {
        let (org, user) =
            ids_of_url("https://login.salesforce.com/id/00Dx0000000BV7z/005x00000012Q9P").unwrap();
        assert_eq!(org.as_str(), "00Dx0000000BV7zEAG");
        assert_eq!(user.short(), "005x00000012Q9P");
        assert!(ids_of_url("https://login.salesforce.com/id/foo/bar").is_none());
    }

    #[test]
    fn production_is_neither_sandbox_nor_trial_nor_developer_edition() {
        let org = |sandbox: bool, edition: &str, ends: Option<&str>| {
            org_info(&row(
                &json!({"Id": "00D000000000001", "Name": "ACME", "IsSandbox": sandbox,
                "OrganizationType": edition, "NamespacePrefix": null,
                "TrialExpirationDate": ends}),
            ))
            .unwrap()
            .is_production()
        };
        assert!(org(false, "Enterprise Edition", None));
        assert!(!org(true, "Enterprise Edition", None));
        assert!(!org(false, "Developer Edition", None));
        assert!(!org(
            false,
            "Enterprise Edition",
            Some("2026-12-01T00:00:00.000+0000")
        ));
    }

    #[test]
    fn permission_is_held_when_one_set_grants_it() {
        let mut held = Permissions::default();
        for granted in [false, true, false] {
            let set = json!({"PermissionSet": {"PermissionsModifyMetadata": granted,
                "PermissionsModifyAllData": false}});
            held.add(&row(&set), Some("PermissionSet"));
        }
        assert_eq!(held.may_use_metadata(), Some(true));
        assert_eq!(held.granted(), ["ModifyMetadata"]);
        assert_eq!(Permissions::default().may_use_metadata(), None);
    }
}
