//! Opens what commands work on: the repository, its settings, the org.

use std::path::PathBuf;

use super::{CommandError, Context};
use crate::{
    auth::{self, LoginSource, Vault},
    client::{self, HostPolicy, Org},
    config::Config,
    model::ApiVersion,
    ops::{self, snapshot::SnapshotSetup},
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
    /// An `orgkeep.toml` that is missing or wrong.
    pub fn settings(&self, repo: &Repository) -> Result<(Config, SnapshotSetup), CommandError> {
        let (config, setup) = ops::setup::setup(repo)?;
        if !setup.redact {
            self.say("warning: redact = \"off\": secrets go into the history for ever");
        }
        Ok((config, setup))
    }

    /// Connects to the org of a repository.
    ///
    /// # Errors
    ///
    /// As for [`Context::open_org`].
    pub async fn open_org_of(&self, config: &Config) -> Result<Org, CommandError> {
        let mut options = self.client_options(
            Some(config.api_version),
            config.limits.api_floor.unwrap_or(0),
        );
        options.max_api_calls = options.max_api_calls.or(config.limits.max_api_calls);
        self.open_org(config.org.login.as_deref(), options).await
    }
}
