//! Rows that are refused on request, and what users see of records.

use serde::Deserialize;
use serde_json::json;

use super::{Reply, State, error};
use crate::simorg::{
    records::Trap,
    state::{Access, Permission},
};

/// Answers `POST /simorg/traps`.
pub(super) fn add_trap(state: &mut State, trap: Trap) -> Reply {
    let org = &state.kept.org;
    if state
        .kept
        .records
        .schema(org)
        .object(&trap.object)
        .is_none()
    {
        return error(400, "there is no such object");
    }
    state.kept.traps.get_mut().0.push(trap);
    state.is_dirty = true;
    traps(state)
}

/// Answers `GET /simorg/traps`.
pub(super) fn traps(state: &State) -> Reply {
    Reply::json(200, &json!(state.kept.traps))
}

/// Answers `DELETE /simorg/traps`.
pub(super) fn drop_traps(state: &mut State) -> Reply {
    state.kept.traps.get_mut().0.clear();
    state.is_dirty = true;
    Reply::json(200, &json!({}))
}

/// What of a user is to be changed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewAccess {
    user: String,
    #[serde(default)]
    with: Vec<Permission>,
    #[serde(default)]
    without: Vec<Permission>,
    #[serde(default)]
    access: Option<Access>,
    #[serde(default)]
    active: Option<bool>,
}

/// Answers `POST /simorg/access`.
pub(super) fn set_access(state: &mut State, asked: NewAccess) -> Reply {
    let found = state.kept.org.user_named(&asked.user).map(|it| it.id);
    let Some(user) = found.and_then(|id| state.kept.org.users.get_mut(&id)) else {
        return error(400, "there is no such user");
    };
    user.permissions.extend(asked.with);
    user.permissions.retain(|it| !asked.without.contains(it));
    if let Some(access) = asked.access {
        user.access = access;
    }
    if let Some(active) = asked.active {
        user.is_active = active;
    }
    let body = json!({
        "user": user.username,
        "active": user.is_active,
        "permissions": user.permissions,
        "access": user.access,
    });
    state.touch();
    Reply::json(200, &body)
}
