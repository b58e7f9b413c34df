//! Logins kept between runs: an index without secrets, and the secrets.
//!
//! Invariant: a secret that replaces another is stored before the other is gone;
//! the index never names a login whose secret was not stored.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{App, Credential, Error, Key, Kind, SfProgram, file};
use crate::{
    client::{HostPolicy, Identity, InstanceUrl, Secret},
    model::{OrgId, Timestamp},
};

/// Logins kept between runs.
#[derive(Clone, Debug)]
pub struct Vault {
    dir: PathBuf,
    use_keyring: bool,
}

/// Where the secret of a login lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretPlace {
    /// In the keyring of the system.
    Keyring,
    /// In a file of mode 0600.
    File,
    /// It has none: the key is in a file of the user, or `sf` has it.
    Nowhere,
}

/// What is known of a login without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Name to call it by.
    pub name: String,
    /// How it was made.
    pub kind: Kind,
    /// Org it leads to.
    pub org_id: OrgId,
    /// Name of that org.
    pub org_name: String,
    /// Whether that org is a sandbox.
    pub is_sandbox: bool,
    /// User it logs in.
    pub username: String,
    /// Address of the org when it was made.
    pub instance: String,
    /// When it was made.
    pub made: Timestamp,
    /// Where its secret lies.
    pub secret: SecretPlace,
    /// What else makes the credential whole.
    #[serde(flatten)]
    detail: Detail,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sf_target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sf_program: Option<PathBuf>,
}

#[derive(Default, Serialize, Deserialize)]
struct Index {
    schema: String,
    logins: Vec<Login>,
}

const SCHEMA: &str = "orgkeep/logins/1";

impl Vault {
    /// The logins kept below `dir`; secrets go to the keyring only where `use_keyring`.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>, use_keyring: bool) -> Self {
        Self {
            dir: dir.into(),
            use_keyring,
        }
    }

    /// A file beside the logins.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// All logins, by name.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::FileFormat`], [`Error::TooOpen`].
    pub fn logins(&self) -> Result<Vec<Login>, Error> {
        Ok(self.index()?.logins)
    }

    /// The login that goes by `name`: its name, its username, its org's id or name.
    ///
    /// # Errors
    ///
    /// [`Error::NoLogin`] and [`Error::Ambiguous`], besides those of [`Vault::logins`].
    pub fn login(&self, name: &str) -> Result<Login, Error> {
        let logins = self.logins()?;
        if let Some(login) = logins.iter().find(|it| it.name == name) {
            return Ok(login.clone());
        }
        let id = name.parse::<OrgId>().ok();
        let found: Vec<_> = logins
            .iter()
            .filter(|it| {
                it.username.eq_ignore_ascii_case(name)
                    || it.org_name == name
                    || Some(it.org_id) == id
            })
            .collect();
        let names = |logins: &[&Login]| logins.iter().map(|it| it.name.clone()).collect();
        match found.as_slice() {
            [login] => Ok((*login).clone()),
            [] => Err(Error::NoLogin {
                name: name.to_owned(),
                known: names(&logins.iter().collect::<Vec<_>>()),
            }),
            several => Err(Error::Ambiguous {
                name: name.to_owned(),
                known: names(several),
            }),
        }
    }

    /// Keeps `credential` as the login `name`, in place of one that had that name.
    ///
    /// # Errors
    ///
    /// [`Error::File`], or [`Error::Keyring`] where the keyring that is there does
    /// not take it.
    pub fn put(
        &self,
        name: &str,
        kind: Kind,
        identity: &Identity,
        instance: &InstanceUrl,
        credential: &Credential,
        made: Timestamp,
    ) -> Result<Login, Error> {
        let (detail, secrets) = apart(credential);
        let _lock = file::lock(&self.dir)?;
        let mut login = Login {
            name: name.to_owned(),
            kind,
            org_id: identity.org.id,
            org_name: identity.org.name.clone(),
            is_sandbox: identity.org.is_sandbox,
            username: identity.user.username.clone(),
            instance: instance.as_str().to_owned(),
            made,
            secret: SecretPlace::Nowhere,
            detail,
        };
        if !secrets.is_empty() {
            login.secret = self.store(&login, &secrets)?;
        }
        let mut index = self.index()?;
        let before = index.logins.iter().position(|it| it.name == name);
        let before = before.map(|at| index.logins.remove(at));
        index.logins.push(login.clone());
        index.logins.sort_by(|a, b| a.name.cmp(&b.name));
        self.write_index(index)?;
        if let Some(before) = before
            && (before.secret, account(&before)) != (login.secret, account(&login))
        {
            self.drop_secret(&before)?;
        }
        Ok(login)
    }

    /// The credential of a login, secrets included.
    ///
    /// # Errors
    ///
    /// [`Error::SecretGone`] where it lies nowhere any more; [`Error::Host`] where
    /// its host may not see it.
    pub fn credential(&self, login: &Login, hosts: &HostPolicy) -> Result<Credential, Error> {
        let gone = || Error::SecretGone {
            name: login.name.clone(),
        };
        let mut secrets = match login.secret {
            SecretPlace::Nowhere => Secrets::new(),
            SecretPlace::File => self.secrets()?.remove(&account(login)).ok_or_else(gone)?,
            SecretPlace::Keyring => {
                let text = get_from_keyring(&account(login))?.ok_or_else(gone)?;
                secrets_of_text(text.expose()).ok_or_else(gone)?
            }
        };
        let detail = &login.detail;
        let host = || {
            let host = detail.host.as_deref().ok_or_else(gone)?;
            InstanceUrl::parse(host, hosts).map_err(Error::from)
        };
        let client_id = || detail.client_id.clone().ok_or_else(gone);
        let mut take = |name: &str| secrets.remove(name);
        Ok(match login.kind {
            Kind::Sf => Credential::Sf {
                program: detail.sf_program.clone().map(SfProgram).unwrap_or_default(),
                target: detail.sf_target.clone(),
            },
            Kind::Jwt => Credential::Jwt {
                login: host()?,
                client_id: client_id()?,
                username: login.username.clone(),
                audience: detail.audience.clone(),
                key: match &detail.key_file {
                    Some(path) => Key::File(path.clone()),
                    None => Key::Text(take(KEY).ok_or_else(gone)?),
                },
            },
            Kind::ClientCredentials => Credential::ClientCredentials {
                login: host()?,
                app: App {
                    id: client_id()?,
                    secret: Some(take(CLIENT_SECRET).ok_or_else(gone)?),
                },
            },
            Kind::Token | Kind::Web | Kind::AuthUrl => match take(REFRESH_TOKEN) {
                Some(refresh_token) => Credential::Refresh {
                    login: host()?,
                    app: App {
                        id: client_id()?,
                        secret: take(CLIENT_SECRET),
                    },
                    refresh_token,
                },
                None => Credential::Token {
                    instance: host()?,
                    token: take(TOKEN).ok_or_else(gone)?,
                },
            },
        })
    }

    /// Keeps a refresh token that came in place of the one before.
    ///
    /// # Errors
    ///
    /// [`Error::File`] or [`Error::Keyring`]; the one before is still stored then.
    pub fn rotate(&self, login: &Login, credential: &Credential) -> Result<(), Error> {
        let _lock = file::lock(&self.dir)?;
        let (_, secrets) = apart(credential);
        match login.secret {
            SecretPlace::Keyring => put_in_keyring(&account(login), &text_of_secrets(&secrets)),
            SecretPlace::File => self.store_in_file(login, &secrets),
            SecretPlace::Nowhere => Ok(()),
        }
    }

    /// Forgets a login and its secret.
    ///
    /// # Errors
    ///
    /// [`Error::File`] or [`Error::Keyring`]; what is left then can be forgotten again.
    pub fn forget(&self, login: &Login) -> Result<(), Error> {
        let _lock = file::lock(&self.dir)?;
        self.drop_secret(login)?;
        let mut index = self.index()?;
        index.logins.retain(|it| it.name != login.name);
        self.write_index(index)
    }

    fn drop_secret(&self, login: &Login) -> Result<(), Error> {
        match login.secret {
            SecretPlace::Keyring => forget_in_keyring(&account(login)),
            SecretPlace::Nowhere => Ok(()),
            SecretPlace::File => {
                let mut all = self.secrets()?;
                all.remove(&account(login));
                self.write_secrets(&all)
            }
        }
    }

    fn store(&self, login: &Login, secrets: &Secrets) -> Result<SecretPlace, Error> {
        if self.use_keyring && keyring_is_there() {
            put_in_keyring(&account(login), &text_of_secrets(secrets))?;
            return Ok(SecretPlace::Keyring);
        }
        self.store_in_file(login, secrets)?;
        Ok(SecretPlace::File)
    }

    fn store_in_file(&self, login: &Login, secrets: &Secrets) -> Result<(), Error> {
        let mut all = self.secrets()?;
        all.insert(account(login), secrets.clone());
        self.write_secrets(&all)
    }

    fn index_path(&self) -> PathBuf {
        self.dir.join("logins.json")
    }

    fn secrets_path(&self) -> PathBuf {
        self.dir.join("secrets.json")
    }

    fn index(&self) -> Result<Index, Error> {
        let path = self.index_path();
        let Some(text) = file::read(&path)? else {
            return Ok(Index::default());
        };
        let index: Index =
            serde_json::from_str(&text).map_err(|err| wrong(&path, err.to_string()))?;
        if index.schema == SCHEMA {
            Ok(index)
        } else {
            Err(wrong(&path, "another release of orgkeep wrote it"))
        }
    }

    fn write_index(&self, mut index: Index) -> Result<(), Error> {
        SCHEMA.clone_into(&mut index.schema);
        let path = self.index_path();
        let text =
            serde_json::to_string_pretty(&index).map_err(|err| wrong(&path, err.to_string()))?;
        file::write(&path, &text)
    }

    fn secrets(&self) -> Result<BTreeMap<String, Secrets>, Error> {
        let path = self.secrets_path();
        let Some(text) = file::read(&path)?.map(Secret::new) else {
            return Ok(BTreeMap::new());
        };
        // The reason of serde_json quotes nothing of the text.
        let all: Map<String, Value> =
            serde_json::from_str(text.expose()).map_err(|err| wrong(&path, err.to_string()))?;
        all.into_iter()
            .map(|(account, value)| match secrets_of(value) {
                Some(secrets) => Ok((account, secrets)),
                None => Err(wrong(&path, "an entry is no map of texts")),
            })
            .collect()
    }

    fn write_secrets(&self, all: &BTreeMap<String, Secrets>) -> Result<(), Error> {
        let value: Map<String, Value> = all
            .iter()
            .map(|(account, secrets)| (account.clone(), value_of(secrets)))
            .collect();
        let text = Secret::new(Value::Object(value).to_string());
        file::write(&self.secrets_path(), text.expose())
    }
}

fn wrong(path: &Path, reason: impl Into<String>) -> Error {
    Error::FileFormat {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// Name of a secret's place: not the login's name alone, so that a login of
/// another org never meets it.
fn account(login: &Login) -> String {
    format!("{}/{}/{}", login.org_id, login.username, login.name)
}

type Secrets = BTreeMap<&'static str, Secret>;

const TOKEN: &str = "token";
const REFRESH_TOKEN: &str = "refresh_token";
const CLIENT_SECRET: &str = "client_secret";
const KEY: &str = "key";

fn value_of(secrets: &Secrets) -> Value {
    let pairs = secrets.iter();
    Value::Object(
        pairs
            .map(|(name, secret)| ((*name).to_owned(), secret.expose().into()))
            .collect(),
    )
}

fn text_of_secrets(secrets: &Secrets) -> Secret {
    Secret::new(value_of(secrets).to_string())
}

fn secrets_of(value: Value) -> Option<Secrets> {
    let Value::Object(pairs) = value else {
        return None;
    };
    let names = [TOKEN, REFRESH_TOKEN, CLIENT_SECRET, KEY];
    pairs
        .into_iter()
        .map(|(name, value)| {
            let name = names.into_iter().find(|it| *it == name)?;
            match value {
                Value::String(text) => Some((name, Secret::new(text))),
                _ => None,
            }
        })
        .collect()
}

fn secrets_of_text(text: &str) -> Option<Secrets> {
    secrets_of(serde_json::from_str(text).ok()?)
}

/// What of a credential may be seen, and what may not.
fn apart(credential: &Credential) -> (Detail, Secrets) {
    let mut detail = Detail {
        host: credential.host().map(|it| it.as_str().to_owned()),
        ..Detail::default()
    };
    let mut secrets = Secrets::new();
    match credential {
        Credential::Token { token, .. } => {
            secrets.insert(TOKEN, token.clone());
        }
        Credential::Refresh {
            app, refresh_token, ..
        } => {
            detail.client_id = Some(app.id.clone());
            secrets.insert(REFRESH_TOKEN, refresh_token.clone());
            secrets.extend(app.secret.clone().map(|it| (CLIENT_SECRET, it)));
        }
        Credential::ClientCredentials { app, .. } => {
            detail.client_id = Some(app.id.clone());
            secrets.extend(app.secret.clone().map(|it| (CLIENT_SECRET, it)));
        }
        Credential::Jwt {
            client_id,
            audience,
            key,
            ..
        } => {
            detail.client_id = Some(client_id.clone());
            detail.audience.clone_from(audience);
            match key {
                Key::File(path) => detail.key_file = Some(path.clone()),
                Key::Text(text) => {
                    secrets.insert(KEY, text.clone());
                }
            }
        }
        Credential::Sf { program, target } => {
            detail.sf_target.clone_from(target);
            if *program != SfProgram::default() {
                detail.sf_program = Some(program.0.clone());
            }
        }
    }
    (detail, secrets)
}

#[cfg(feature = "keyring")]
use super::keyring::{
    forget as forget_in_keyring, get as get_from_keyring, is_there as keyring_is_there,
    put as put_in_keyring,
};

#[cfg(not(feature = "keyring"))]
mod no_keyring {
    use super::{Error, Secret};

    fn none<T>() -> Result<T, Error> {
        Err(Error::Keyring {
            act: "be reached",
            reason: "this orgkeep was built without it".to_owned(),
        })
    }

    pub(super) fn is_there() -> bool {
        false
    }

    pub(super) fn put(_: &str, _: &Secret) -> Result<(), Error> {
        none()
    }

    pub(super) fn get(_: &str) -> Result<Option<Secret>, Error> {
        none()
    }

    pub(super) fn forget(_: &str) -> Result<(), Error> {
        none()
    }
}
#[cfg(not(feature = "keyring"))]
use no_keyring::{
    forget as forget_in_keyring, get as get_from_keyring, is_there as keyring_is_there,
    put as put_in_keyring,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{OrgInfo, Permissions, UserInfo};

    fn identity(org: &str, username: &str) -> Identity {
        Identity {
            org: OrgInfo {
                id: org.parse().unwrap(),
                name: "ACME".to_owned(),
                instance: None,
                is_sandbox: false,
                edition: None,
                namespace: None,
                ends: None,
            },
            user: UserInfo {
                id: "005000000000001".parse().unwrap(),
                username: username.to_owned(),
                name: "Jane Doe".to_owned(),
            },
            permissions: Permissions::default(),
        }
    }

    fn instance() -> InstanceUrl {
        InstanceUrl::parse("https://acme.my.salesforce.com", &HostPolicy::default()).unwrap()
    }

    fn credentials() -> Vec<(Kind, Credential)> {
        let app = App {
            id: "3MVG9".to_owned(),
            secret: Some(Secret::new("hidden-app")),
        };
        let login = instance;
        let jwt = |key| Credential::Jwt {
            login: login(),
            client_id: "3MVG9".to_owned(),
            username: "jane@acme.com".to_owned(),
            audience: Some("https://test.salesforce.com".to_owned()),
            key,
        };
        vec![
            (
                Kind::Token,
                Credential::Token {
                    instance: login(),
                    token: Secret::new("00D!hidden"),
                },
            ),
            (
                Kind::Web,
                Credential::Refresh {
                    login: login(),
                    app: app.clone(),
                    refresh_token: Secret::new("hidden-refresh"),
                },
            ),
            (
                Kind::ClientCredentials,
                Credential::ClientCredentials {
                    login: login(),
                    app,
                },
            ),
            (Kind::Jwt, jwt(Key::File("/keys/jwt.key".into()))),
            (Kind::Jwt, jwt(Key::Text(Secret::new("hidden-key")))),
            (
                Kind::Sf,
                Credential::Sf {
                    program: SfProgram::default(),
                    target: Some("acme".to_owned()),
                },
            ),
        ]
    }

    fn put(vault: &Vault, name: &str, kind: Kind, credential: &Credential) -> Login {
        let identity = identity("00D000000000001", "jane@acme.com");
        let made = "2026-11-22T10:00:00Z".parse().unwrap();
        vault
            .put(name, kind, &identity, &instance(), credential, made)
            .unwrap()
    }

    #[test]
    fn each_kind_comes_back_as_it_went_and_shows_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::at(dir.path().join("orgkeep"), false);
        assert!(vault.logins().unwrap().is_empty());
        for (kind, credential) in credentials() {
            put(&vault, "acme", kind, &credential);
            let login = vault.login("acme").unwrap();
            let back = vault.credential(&login, &HostPolicy::default()).unwrap();
            assert!(back == credential, "{kind}");
            let index = std::fs::read_to_string(vault.index_path()).unwrap();
            assert!(!index.contains("hidden"), "{index}");
            assert!(!format!("{login:?} {credential:?}").contains("hidden"));
        }
        assert_eq!(vault.logins().unwrap().len(), 1);
    }

    #[test]
    fn login_is_found_by_what_it_is_called() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::at(dir.path(), false);
        let (kind, credential) = credentials().remove(0);
        put(&vault, "acme", kind, &credential);
        for name in [
            "acme",
            "Jane@acme.com",
            "ACME",
            "00D000000000001",
            "00D000000000001EAA",
        ] {
            assert_eq!(vault.login(name).unwrap().name, "acme", "{name}");
        }
        put(&vault, "second", kind, &credential);
        assert_eq!(
            vault.login("ACME").unwrap_err().to_string(),
            "`ACME` may be several logins: acme, second"
        );
        let err = vault.login("other").unwrap_err();
        assert_eq!(err.hint().unwrap(), "choose one of: acme, second");
    }

    #[test]
    fn forgotten_login_leaves_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::at(dir.path(), false);
        for (kind, credential) in credentials() {
            put(&vault, "acme", kind, &credential);
        }
        let (kind, credential) = credentials().remove(1);
        let login = put(&vault, "other", kind, &credential);
        vault.forget(&vault.login("acme").unwrap()).unwrap();
        vault.forget(&login).unwrap();
        assert!(vault.logins().unwrap().is_empty());
        let left = std::fs::read_to_string(vault.secrets_path()).unwrap();
        assert!(!left.contains("hidden"), "{left}");
        let err = vault
            .credential(&login, &HostPolicy::default())
            .unwrap_err();
        assert!(matches!(err, Error::SecretGone { .. }));
    }

    #[test]
    fn file_of_a_newer_release_is_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::at(dir.path(), false);
        file::write(
            &vault.index_path(),
            r#"{"schema":"orgkeep/logins/2","logins":[]}"#,
        )
        .unwrap();
        assert!(matches!(vault.logins(), Err(Error::FileFormat { .. })));
    }
}
