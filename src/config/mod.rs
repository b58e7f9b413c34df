//! `orgkeep.toml`. Hides `toml`.
//!
//! The file says what of which org is kept, and how. It names an org by the name
//! of a stored login and never by a host: who can change the file must not be
//! able to send somebody's token elsewhere.
//!
//! Invariant: a [`Config`] that exists is valid to the last key; one that is not
//! known is refused, since a misspelt `exclude` would silently keep too much.

mod error;
mod records;
mod section;
mod template;
mod version;

use std::{fs, io::ErrorKind, path::Path, time::Duration};

pub use error::Error;
pub use records::{Alerts, Files, Limit, Privacy, Records};
pub use template::template;
pub use version::with_api_version;

use self::section::{Document, Section, Value};
use crate::{
    model::ApiVersion,
    plan::scope::{Managed, Rule, Scope},
    source::{
        Level,
        canonical::{Rules, Switch, VOLATILE_RULES},
        redact::OnSuspect,
    },
};

/// Name of the file, in the root of the repository.
pub const FILE_NAME: &str = "orgkeep.toml";

/// Version of the API that a new project is pinned to.
///
/// The one whose types and rules our registry holds (API 66.0, Spring '26).
pub const DEFAULT_API_VERSION: ApiVersion = ApiVersion::new(66);

/// What `orgkeep.toml` says, with a default for all that it does not.
#[derive(Clone, Debug)]
pub struct Config {
    /// `[org]`.
    pub org: Org,
    /// Version that content is retrieved in.
    pub api_version: ApiVersion,
    /// What becomes of the bytes that an org gives.
    pub level: Level,
    /// Whether secrets are taken out.
    pub redact: Redact,
    /// What becomes of a snapshot in which something looks like a secret.
    pub on_suspect: OnSuspect,
    /// Longest time between two full passes.
    pub full_every: Duration,
    /// `[metadata]`.
    pub scope: Scope,
    /// `[limits]`.
    pub limits: Limits,
    /// `[commit]`.
    pub commit: Commit,
    /// `[normalise]`: the canonical rules that hold.
    pub rules: Rules,
    /// `[push]`.
    pub push: Push,
    /// `[records]`; `None` where the file has no such table.
    pub records: Option<Records>,
}

/// Which org is kept, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
    /// What people call it; for reports only.
    pub name: Option<String>,
    /// Stored login to use, by its name or username.
    pub login: Option<String>,
    /// Branch that snapshots go to.
    pub branch: String,
}

/// Whether secrets are taken out of what is committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redact {
    /// They are.
    #[default]
    On,
    /// They are committed; for comparisons only.
    Off,
}

/// How much of the org's daily allowance may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Most API calls of one run.
    pub max_api_calls: Option<u64>,
    /// Calls of the day that are left to others.
    pub api_floor: Option<u64>,
}

/// Who commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Name of the committer.
    pub name: String,
    /// Address of the committer.
    pub email: String,
}

/// Where `--push` sends to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// Name of the Git remote.
    pub remote: String,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            org: Org {
                name: None,
                login: None,
                branch: "main".to_owned(),
            },
            api_version: DEFAULT_API_VERSION,
            level: Level::Canonical,
            redact: Redact::On,
            on_suspect: OnSuspect::Report,
            full_every: Duration::from_hours(7 * 24),
            scope: Scope::default(),
            limits: Limits::default(),
            commit: Commit {
                name: "orgkeep".to_owned(),
                email: "orgkeep@localhost".to_owned(),
            },
            rules: Rules::default(),
            push: Push {
                remote: "origin".to_owned(),
            },
            records: None,
        }
    }
}

impl Config {
    /// Reads the file in the folder `root`.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`], [`Error::Unreadable`]; else as for [`Config::parse`].
    pub fn read(root: &Path) -> Result<Self, Error> {
        let path = root.join(FILE_NAME);
        match fs::read_to_string(&path) {
            Ok(text) => Self::parse(&text),
            Err(err) if err.kind() == ErrorKind::NotFound => Err(Error::Missing { path }),
            Err(source) => Err(Error::Unreadable { path, source }),
        }
    }

    /// Reads the text of the file.
    ///
    /// # Errors
    ///
    /// [`Error::Syntax`], [`Error::UnknownKey`] or [`Error::Invalid`] for the
    /// first thing that is wrong, with its line.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let document = Document::parse(text)?;
        let mut top = document.root();
        let mut config = Self::default();
        top.read("api_version", Value::parsed, &mut config.api_version)?;
        top.read(
            "level",
            |it| {
                it.one_of(&[
                    ("canonical", Level::Canonical),
                    ("faithful", Level::Faithful),
                ])
            },
            &mut config.level,
        )?;
        top.read(
            "redact",
            |it| it.one_of(&[("on", Redact::On), ("off", Redact::Off)]),
            &mut config.redact,
        )?;
        top.read(
            "suspected_secrets",
            |it| {
                it.one_of(&[
                    ("report", OnSuspect::Report),
                    ("stop", OnSuspect::Stop),
                    ("ignore", OnSuspect::Ignore),
                ])
            },
            &mut config.on_suspect,
        )?;
        top.read("full_every", Value::interval, &mut config.full_every)?;
        top.table("org", |it| read_org(it, &mut config.org))?;
        top.table("metadata", |it| read_scope(it, &mut config.scope))?;
        top.table("limits", |it| read_limits(it, &mut config.limits))?;
        top.table("commit", |it| {
            it.read("name", Value::name, &mut config.commit.name)?;
            it.read("email", Value::name, &mut config.commit.email)
        })?;
        top.table("normalise", |it| read_rules(it, &mut config.rules))?;
        top.table("push", |it| {
            it.read("remote", Value::name, &mut config.push.remote)
        })?;
        top.table("records", |it| {
            config.records = Some(records::read(it)?);
            Ok(())
        })?;
        top.finish()?;
        Ok(config)
    }
}

fn read_org(section: &mut Section<'_>, org: &mut Org) -> Result<(), Error> {
    section.read("name", |it| it.name().map(Some), &mut org.name)?;
    section.read("login", |it| it.login().map(Some), &mut org.login)?;
    section.read("branch", Value::name, &mut org.branch)
}

fn read_scope(section: &mut Section<'_>, scope: &mut Scope) -> Result<(), Error> {
    section.read("include", Value::list::<Rule>, &mut scope.include)?;
    section.read("exclude", Value::list::<Rule>, &mut scope.exclude)?;
    section.read(
        "managed",
        |it| {
            it.one_of(&[
                ("editable", Managed::Editable),
                ("all", Managed::All),
                ("none", Managed::None),
            ])
        },
        &mut scope.managed,
    )
}

fn read_limits(section: &mut Section<'_>, limits: &mut Limits) -> Result<(), Error> {
    section.read(
        "max_api_calls",
        |it| it.count().map(Some),
        &mut limits.max_api_calls,
    )?;
    section.read(
        "api_floor",
        |it| it.count().map(Some),
        &mut limits.api_floor,
    )
}

fn read_rules(section: &mut Section<'_>, rules: &mut Rules) -> Result<(), Error> {
    for rule in &VOLATILE_RULES {
        let mut holds = rules.holds(rule.name);
        section.read(rule.name, Value::flag, &mut holds)?;
        let switch = if holds { Switch::On } else { Switch::Off };
        *rules = rules
            .clone()
            .with(rule.name, switch)
            .expect("the rule is one of the list");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
