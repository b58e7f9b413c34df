//! Raises the API version that a history is written in. Needs no org.
//!
//! Only the two files that name the version change here. The tree follows in the next
//! snapshot, which looks at the org in the old version first, so that what people did and
//! what the new version adds stand in commits of their own.

use serde::Serialize;

use super::{
    error::{Error, Refusal},
    setup,
};
use crate::{
    config,
    model::{ApiVersion, TreePath},
    store::Repository,
    workdir::{self, Project},
};

/// What was raised, or would be.
#[derive(Clone, Debug, Serialize)]
pub struct UpgradeReport {
    /// Names the shape of this object.
    pub schema: &'static str,
    /// The version so far.
    pub from: ApiVersion,
    /// The version from now on.
    pub to: ApiVersion,
    /// The newest version whose types this release knows.
    pub known: ApiVersion,
    /// Files that name the new version now; none where it was that already.
    pub files: Vec<TreePath>,
    /// Whether nothing was written.
    pub dry_run: bool,
}

/// Whether files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    Write,
    /// It is only told which would be.
    DryRun,
}

/// Raises the version to `to`, or to the newest one whose types this release knows.
///
/// # Errors
///
/// [`Refusal::LowerVersion`], [`Refusal::NoWorkTree`]; a file that is wrong or cannot be
/// written, and nothing is half raised but by the disk's failure between the two.
pub fn upgrade_api(
    repo: &Repository,
    to: Option<ApiVersion>,
    mode: Mode,
) -> Result<UpgradeReport, Error> {
    let root = repo.work_dir().ok_or(Refusal::NoWorkTree)?;
    let (config, _) = setup::setup(repo)?;
    let from = config.api_version;
    let to = to.unwrap_or(config::DEFAULT_API_VERSION.max(from));
    if to < from {
        return Err(Refusal::LowerVersion { from, to }.into());
    }
    let mut new: Vec<(TreePath, String)> = Vec::new();
    let mut raise = |name: &str, with: fn(&str, ApiVersion) -> Option<String>| {
        let path: TreePath = name.parse().expect("a literal path is valid");
        if let Some(text) = workdir::read_text(root, &path)?
            && let Some(raised) = with(&text, to)
            && raised != text
        {
            new.push((path, raised));
        }
        Ok::<_, Error>(())
    };
    raise("sfdx-project.json", Project::with_version)?;
    if from < to {
        raise(config::FILE_NAME, config::with_api_version)?;
        if !new.iter().any(|it| it.0.as_str() == config::FILE_NAME) {
            let reason = "names its `api_version` in a way that cannot be edited".to_owned();
            let path = config::FILE_NAME.to_owned();
            return Err(Refusal::BadFile { path, reason }.into());
        }
    }
    if mode == Mode::Write {
        // The one that counts comes last: killed in between, the command can be run again.
        for (path, text) in &new {
            workdir::replace(root, path, text)?;
        }
    }
    Ok(UpgradeReport {
        schema: "orgkeep/upgrade-api/1",
        from,
        to,
        known: config::DEFAULT_API_VERSION,
        files: new.into_iter().map(|it| it.0).collect(),
        dry_run: mode == Mode::DryRun,
    })
}
