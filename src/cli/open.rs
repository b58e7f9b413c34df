//! Opens what commands work on: the repository, its settings, the org.

use std::path::PathBuf;

use super::{CommandError, Context};
use crate::{
    auth::{self, LoginSource, Vault},
    client::{self, HostPolicy, Org},
    model::ApiVersion,
    ops::snapshot::SnapshotSetup,
    source::{Ignored, Level, canonical::Rules},
    store::{self, GitProgram, Prompts, Repository},
};

impl Context {
    /// The repository that the command works in.
    ///
    /// # Errors
    ///
    /// A folder that is in no repository, and a repository that cannot be read.
    pub fn open_repository(&self) -> Result<Repository, CommandError> {
        Ok(Repository::discover(&self.dir(), self.store_options())?)
    }

    /// How repositories are opened: with the user's `git`, and questions only where somebody answers.
    #[must_use]
    pub fn store_options(&self) -> store::Options {
        store::Options {
            git: GitProgram {
                prompts: if self.is_interactive() {
                    Prompts::Allowed
                } else {
                    Prompts::Never
                },
                ..GitProgram::default()
            },
            checkpoint: None,
        }
    }

    /// The logins that are kept on this machine.
    ///
    /// # Errors
    ///
    /// Where there is no folder for them.
    pub fn vault(&self) -> Result<Vault, CommandError> {
        use etcetera::BaseStrategy;
        let dir = match self.variable("ORGKEEP_CONFIG_DIR") {
            Some(dir) => PathBuf::from(dir),
            None => etcetera::choose_base_strategy()
                .map_err(|err| CommandError::failed(&err, None))?
                .config_dir()
                .join("orgkeep"),
        };
        let use_keyring = self.variable("ORGKEEP_NO_KEYRING").is_none();
        Ok(Vault::at(dir, use_keyring))
    }

    /// Hosts that may see a credential.
    #[must_use]
    pub fn hosts(&self) -> HostPolicy {
        HostPolicy::allowing(&self.globals().allow_hosts)
    }

    /// How to talk to an org.
    #[must_use]
    pub fn client_options(&self, version: Option<ApiVersion>, floor: u64) -> client::Options {
        client::Options {
            api_version: version,
            hosts: self.hosts(),
            max_api_calls: self.globals().max_api_calls,
            floor,
            ..client::Options::default()
        }
    }

    /// Connects to the org: that of the environment, of `--org`, or the one named `default`.
    ///
    /// # Errors
    ///
    /// No login, a login that ended, an org that does not answer.
    pub async fn open_org(
        &self,
        default: Option<&str>,
        options: client::Options,
    ) -> Result<Org, CommandError> {
        let source = self.login(default, &options)?;
        Ok(Org::connect(source, options).await?)
    }

    fn login(
        &self,
        default: Option<&str>,
        options: &client::Options,
    ) -> Result<LoginSource, CommandError> {
        let named = self.globals().org.as_deref();
        if named.is_none()
            && let Some((_, credential)) =
                auth::login_of_environment(self.environment(), &options.hosts)?
        {
            return Ok(LoginSource::new(credential, options)?);
        }
        let vault = self.vault()?;
        let logins = vault.logins()?;
        let login = match (named.or(default), logins.as_slice()) {
            (Some(name), _) => vault.login(name)?,
            (None, [only]) => only.clone(),
            (None, []) => {
                return Err(CommandError::refused(
                    "there is no login",
                    "run `orgkeep login web`, or set SF_ORG_INSTANCE_URL and SF_ACCESS_TOKEN",
                ));
            }
            (None, several) => {
                let names: Vec<&str> = several.iter().map(|it| it.name.as_str()).collect();
                return Err(CommandError::refused(
                    "several logins are kept, and none is named",
                    &format!("say `--org NAME`: {}", names.join(", ")),
                ));
            }
        };
        Ok(LoginSource::stored(vault, login, options)?)
    }

    /// The settings of a repository.
    ///
    /// # Errors
    ///
    /// An `orgkeep.toml` that cannot be read.
    pub fn setup(&self, repo: &Repository) -> Result<SnapshotSetup, CommandError> {
        let _ = repo;
        Ok(SnapshotSetup {
            branch: "main".to_owned(),
            remote: "origin".to_owned(),
            api_version: ApiVersion::new(66),
            level: Level::Canonical,
            rules: Rules::default(),
            scope: crate::plan::scope::Scope::default(),
            ignored: Ignored::nothing(),
            ignored_digest: None,
            package_dir: "force-app".parse().expect("a literal path is valid"),
            redact: true,
            full_every: std::time::Duration::from_secs(7 * 24 * 3600),
            committer: ("orgkeep".to_owned(), "orgkeep@localhost".to_owned()),
        })
    }
}
