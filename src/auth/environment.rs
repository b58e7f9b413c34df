//! A login in the variables of the environment, for CI: nothing is stored.
//!
//! Pure: the variables are given. Four groups make a login each; exactly one may
//! be set, and wholly. An empty variable counts as unset, for that is what CI
//! systems make of a secret that a run may not see.

use std::{collections::BTreeMap, path::PathBuf};

use super::{App, Credential, Error, Key, Kind, parse_auth_url};
use crate::client::{HostPolicy, InstanceUrl, Secret};

/// Host where a user logs in when nothing else is said.
const LOGIN_HOST: &str = "https://login.salesforce.com";

/// Variables that contradict each other or are incomplete.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// One is missing that another needs.
    #[error("`{set}` is set, and `{missing}` is not")]
    Incomplete {
        /// Variable that is set.
        set: &'static str,
        /// Variable, or variables, that it needs.
        missing: &'static str,
    },
    /// Two make a login each.
    #[error("`{one}` and `{other}` are both set, and each is a login of its own")]
    Contradiction {
        /// The first.
        one: &'static str,
        /// The second.
        other: &'static str,
    },
}

impl EnvironmentError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Incomplete { set, missing } => format!("set `{missing}`, or unset `{set}`"),
            Self::Contradiction { one, other } => {
                format!("unset `{one}` or `{other}`, or pass `--org` for a stored login")
            }
        })
    }
}

/// The login that `variables` make, if any.
///
/// - `SF_ACCESS_TOKEN` with `SF_ORG_INSTANCE_URL`
/// - `SFDX_AUTH_URL`
/// - `SF_JWT_KEY_FILE` or `SF_JWT_KEY`, with `SF_CLIENT_ID` and `SF_USERNAME`
/// - `SF_CLIENT_SECRET` with `SF_CLIENT_ID`
///
/// The last two log in at `SF_LOGIN_URL`, else at `SF_ORG_INSTANCE_URL`; a user
/// else at login.salesforce.com, while an app needs its My Domain.
///
/// # Errors
///
/// [`Error::Environment`] for groups that are half set or contradict each other,
/// [`Error::Host`] and [`Error::NotAnAuthUrl`] for values that are wrong.
pub fn login_of_environment(
    variables: &BTreeMap<String, String>,
    hosts: &HostPolicy,
) -> Result<Option<(Kind, Credential)>, Error> {
    let get = |name: &str| {
        let value = variables.get(name).map(|it| it.trim());
        value.filter(|it| !it.is_empty())
    };
    let marks = [
        "SF_ACCESS_TOKEN",
        "SFDX_AUTH_URL",
        "SF_JWT_KEY_FILE",
        "SF_JWT_KEY",
        "SF_CLIENT_SECRET",
    ];
    let mut set = marks.into_iter().filter(|it| get(it).is_some());
    let first = set.next();
    if let (Some(one), Some(other)) = (first, set.next()) {
        return Err(EnvironmentError::Contradiction { one, other }.into());
    }
    let need = |set, missing| get(missing).ok_or(EnvironmentError::Incomplete { set, missing });
    let url = get("SF_LOGIN_URL").or_else(|| get("SF_ORG_INSTANCE_URL"));
    Ok(Some(match first {
        None if get("SF_CLIENT_ID").is_some() => {
            let set = "SF_CLIENT_ID";
            let missing = "SF_JWT_KEY_FILE or SF_JWT_KEY or SF_CLIENT_SECRET";
            return Err(EnvironmentError::Incomplete { set, missing }.into());
        }
        None => return Ok(None),
        Some(set @ "SF_ACCESS_TOKEN") => {
            let instance = InstanceUrl::parse(need(set, "SF_ORG_INSTANCE_URL")?, hosts)?;
            let token = Secret::new(need(set, set)?);
            (Kind::Token, Credential::Token { instance, token })
        }
        Some(set @ "SFDX_AUTH_URL") => (Kind::AuthUrl, parse_auth_url(need(set, set)?, hosts)?),
        Some(set @ "SF_CLIENT_SECRET") => {
            let login = url.ok_or(EnvironmentError::Incomplete {
                set,
                missing: "SF_LOGIN_URL",
            })?;
            let app = App {
                id: need(set, "SF_CLIENT_ID")?.to_owned(),
                secret: Some(Secret::new(need(set, set)?)),
            };
            let login = InstanceUrl::parse(login, hosts)?;
            (
                Kind::ClientCredentials,
                Credential::ClientCredentials { login, app },
            )
        }
        Some(set) => {
            let value = need(set, set)?;
            let key = if set == "SF_JWT_KEY" {
                Key::Text(Secret::new(with_line_breaks(value)))
            } else {
                Key::File(PathBuf::from(value))
            };
            let credential = Credential::Jwt {
                login: InstanceUrl::parse(url.unwrap_or(LOGIN_HOST), hosts)?,
                client_id: need(set, "SF_CLIENT_ID")?.to_owned(),
                username: need(set, "SF_USERNAME")?.to_owned(),
                audience: get("SF_AUDIENCE_URL").map(str::to_owned),
                key,
            };
            (Kind::Jwt, credential)
        }
    }))
}

/// A key whose line breaks a CI system wrote as `\n`.
fn with_line_breaks(key: &str) -> String {
    if key.contains('\n') {
        key.to_owned()
    } else {
        key.replace("\\n", "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(variables: &[(&str, &str)]) -> Result<Option<(Kind, Credential)>, Error> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        login_of_environment(&variables, &HostPolicy::default())
    }

    const URL: (&str, &str) = ("SF_ORG_INSTANCE_URL", "https://acme.my.salesforce.com");

    #[test]
    fn each_group_is_a_login() {
        assert!(login(&[]).unwrap().is_none());
        assert!(
            login(&[URL, ("SF_USERNAME", "jane@acme.com")])
                .unwrap()
                .is_none()
        );
        for (variables, kind, host) in [
            (
                vec![URL, ("SF_ACCESS_TOKEN", "00D!x")],
                Kind::Token,
                "acme.my.salesforce.com",
            ),
            (
                vec![(
                    "SFDX_AUTH_URL",
                    "force://PlatformCLI::5Aep@b.my.salesforce.com",
                )],
                Kind::AuthUrl,
                "b.my.salesforce.com",
            ),
            (
                vec![
                    ("SF_CLIENT_ID", "3MVG9"),
                    ("SF_USERNAME", "jane@acme.com"),
                    ("SF_JWT_KEY_FILE", "/keys/jwt.key"),
                ],
                Kind::Jwt,
                "login.salesforce.com",
            ),
            (
                vec![
                    ("SF_CLIENT_ID", "3MVG9"),
                    ("SF_USERNAME", "jane@acme.com"),
                    (
                        "SF_JWT_KEY",
                        "-----BEGIN RSA PRIVATE KEY-----\\nM\\n-----END",
                    ),
                    ("SF_LOGIN_URL", "https://test.salesforce.com"),
                    URL,
                ],
                Kind::Jwt,
                "test.salesforce.com",
            ),
            (
                vec![("SF_CLIENT_ID", "3MVG9"), ("SF_CLIENT_SECRET", "s"), URL],
                Kind::ClientCredentials,
                "acme.my.salesforce.com",
            ),
        ] {
            let (found, credential) = login(&variables).unwrap().unwrap();
            assert_eq!((found, credential.host().unwrap().host()), (kind, host));
        }
    }

    #[test]
    fn half_a_group_and_two_groups_are_refused() {
        let told = |variables: &[_]| login(variables).unwrap_err().to_string();
        assert_eq!(
            told(&[("SF_ACCESS_TOKEN", "00D!x"), ("SF_ORG_INSTANCE_URL", "")]),
            "`SF_ACCESS_TOKEN` is set, and `SF_ORG_INSTANCE_URL` is not"
        );
        assert_eq!(
            told(&[("SF_CLIENT_ID", "3MVG9"), ("SF_JWT_KEY", "k")]),
            "`SF_JWT_KEY` is set, and `SF_USERNAME` is not"
        );
        assert_eq!(
            told(&[("SF_CLIENT_ID", "3MVG9"), ("SF_CLIENT_SECRET", "s")]),
            "`SF_CLIENT_SECRET` is set, and `SF_LOGIN_URL` is not"
        );
        assert_eq!(
            told(&[("SF_CLIENT_ID", "3MVG9"), ("SF_JWT_KEY", " ")]),
            "`SF_CLIENT_ID` is set, and `SF_JWT_KEY_FILE or SF_JWT_KEY or SF_CLIENT_SECRET` is not"
        );
        assert_eq!(
            told(&[
                URL,
                ("SF_ACCESS_TOKEN", "00D!x"),
                ("SFDX_AUTH_URL", "force://x")
            ]),
            "`SF_ACCESS_TOKEN` and `SFDX_AUTH_URL` are both set, and each is a login of its own"
        );
    }

    #[test]
    fn token_is_not_for_any_host() {
        let url = ("SF_ORG_INSTANCE_URL", "https://evil.example");
        let err = login(&[url, ("SF_ACCESS_TOKEN", "00D!secret")]).unwrap_err();
        assert!(matches!(err, Error::Host(_)));
        assert!(!format!("{err} {err:?}").contains("secret"));
    }
}
