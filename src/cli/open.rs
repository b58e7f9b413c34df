//! Opens what commands work on: the repository, its settings, the org.

use super::{CommandError, Context, login};
use crate::{
    client::Org,
    config::Config,
    ops::{self, login::Choice, snapshot::SnapshotSetup},
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

    /// The settings of a repository.
    ///
    /// # Errors
    ///
    /// An `orgkeep.toml` that is missing or wrong.
    pub fn settings(&self, repo: &Repository) -> Result<(Config, SnapshotSetup), CommandError> {
        let (config, mut setup) = ops::setup::setup(repo)?;
        if setup.redact {
            setup.redaction_key = login::redaction_key(self)?;
        }
        Ok((config, setup))
    }

    /// Connects to the org of a repository: by `--org`, by the environment, by its settings,
    /// or by the only login that is kept.
    ///
    /// # Errors
    ///
    /// No login, a login that ended, an org that does not answer.
    pub async fn open_org_of(&self, config: &Config) -> Result<Org, CommandError> {
        self.open(config, self.globals().org.as_deref()).await
    }

    /// Connects to the org of the login that is kept under `name`.
    ///
    /// # Errors
    ///
    /// As for [`Self::open_org_of`].
    pub async fn open_org_named(&self, config: &Config, name: &str) -> Result<Org, CommandError> {
        self.open(config, Some(name)).await
    }

    async fn open(&self, config: &Config, named: Option<&str>) -> Result<Org, CommandError> {
        let mut options = login::client_options(self);
        options.api_version = Some(config.api_version);
        options.floor = config.limits.api_floor.unwrap_or(0);
        options.max_api_calls = options.max_api_calls.or(config.limits.max_api_calls);
        let choice = Choice {
            named,
            variables: self.environment(),
            configured: config.org.login.as_deref(),
            vault: &login::vault(self)?,
        };
        let (org, _) = ops::login::open(&choice, options).await?;
        Ok(org)
    }
}
