//! Who uses the org.

use std::str::FromStr;

use serde::Deserialize;

use crate::{
    model::RecordId,
    simorg::state::{Access, Permission, User},
};

/// A list of users that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InvalidUsers {
    /// It is not JSON of the shape asked for.
    #[error("cannot read the list of users")]
    Json(#[from] serde_json::Error),
    /// It names nobody.
    #[error("the list of users is empty")]
    Empty,
    /// Two users have one name.
    #[error("the list of users has `{}` twice", _0.escape_debug())]
    Twice(String),
    /// An id is none of a user.
    #[error("`{}` is not the id of a user (`005…`)", _0.escape_debug())]
    Id(String),
}

/// The users of an org that was given none: an administrator, two more who may
/// deploy, and three who lack a permission each.
#[must_use]
pub fn default_users() -> Vec<User> {
    let named = User::administrator;
    vec![
        named("admin@acme.example", "Ada", "Admin"),
        named("jane@acme.example", "Jane", "Doe"),
        named("omar@acme.example", "Omar", "Haddad"),
        User {
            profile: "Standard".to_owned(),
            ..named("rita@acme.example", "Rita", "Reader")
                .without(Permission::ModifyAllData)
                .without(Permission::ModifyMetadata)
        },
        named("noah@acme.example", "Noah", "Noapi").without(Permission::ApiEnabled),
        named("vera@acme.example", "Vera", "Viewless").without(Permission::ViewSetup),
    ]
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Person {
    username: String,
    name: String,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    with: Vec<Permission>,
    #[serde(default)]
    without: Vec<Permission>,
    #[serde(default)]
    hidden_types: Vec<String>,
    #[serde(default)]
    access: Access,
    #[serde(default = "yes")]
    active: bool,
}

fn yes() -> bool {
    true
}

/// Reads a list of users: `[{"username","name","without":["ViewSetup"],…}]`.
///
/// # Errors
///
/// [`InvalidUsers`].
pub fn read_users(json: &[u8]) -> Result<Vec<User>, InvalidUsers> {
    let people: Vec<Person> = serde_json::from_slice(json)?;
    if people.is_empty() {
        return Err(InvalidUsers::Empty);
    }
    let mut users: Vec<User> = Vec::new();
    for person in people {
        let (first, last) = match person.name.rsplit_once(' ') {
            Some((first, last)) => (first.to_owned(), last.to_owned()),
            None => (String::new(), person.name),
        };
        let mut user = User::administrator(&person.username, &first, &last);
        if let Some(id) = person.id {
            let parsed = RecordId::from_str(&id)
                .ok()
                .filter(|it| it.prefix() == "005");
            user.id = parsed.ok_or(InvalidUsers::Id(id))?;
        }
        if let Some(profile) = person.profile {
            user.profile = profile;
        }
        for permission in person.with {
            user = user.with(permission);
        }
        for permission in person.without {
            user = user.without(permission);
        }
        user.hidden_types = person.hidden_types.into_iter().collect();
        user.access = person.access;
        user.is_active = person.active;
        let same = |it: &User| it.id == user.id || it.username.eq_ignore_ascii_case(&user.username);
        if users.iter().any(same) {
            return Err(InvalidUsers::Twice(user.username));
        }
        users.push(user);
    }
    Ok(users)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_of_users_is_read() {
        let users = read_users(
            br#"[{"username":"a@b.example","name":"Ana Maria Lopez"},
                 {"username":"c@d.example","name":"Bot","without":["ModifyAllData"],"hiddenTypes":["Report"]}]"#,
        )
        .unwrap();
        assert_eq!(
            (users[0].first_name.as_str(), users[0].last_name.as_str()),
            ("Ana Maria", "Lopez")
        );
        assert_eq!(users[1].name, "Bot");
        assert!(!users[1].may(Permission::ModifyAllData));
        assert!(!users[1].sees("Report"));
    }

    #[test]
    fn list_that_makes_no_sense_is_refused() {
        for json in [
            "[]",
            "{}",
            r#"[{"username":"a","name":"A","surname":"B"}]"#,
            r#"[{"username":"a","name":"A"},{"username":"A","name":"B"}]"#,
            r#"[{"username":"a","name":"A","id":"001000000000001"}]"#,
        ] {
            assert!(read_users(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn people_given_nothing_may_do_what_the_checks_need() {
        let users = default_users();
        assert!(users[0].may_use_metadata_api());
        assert!(
            2 <= users[1..]
                .iter()
                .filter(|it| it.may_use_metadata_api())
                .count()
        );
        for permission in [
            Permission::ModifyMetadata,
            Permission::ApiEnabled,
            Permission::ViewSetup,
        ] {
            assert!(users.iter().any(|it| !it.may(permission)));
        }
    }
}
