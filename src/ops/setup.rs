//! The settings of a repository: `orgkeep.toml` and the project's own files.

use sha2::{Digest, Sha256};

use super::{error::Error, snapshot::SnapshotSetup};
use crate::{
    config::{self, Config, Redact},
    model::{TreePath, hex},
    registry::Registry,
    source::{self, Ignored},
    store::{ObjectId, Repository},
    workdir::{self, Project},
};

/// Reads the settings: from the working tree, or from the checked-out branch of a bare repository.
///
/// # Errors
///
/// A file that is missing or says something wrong, with line and key.
pub fn setup(repo: &Repository) -> Result<(Config, SnapshotSetup), Error> {
    let (config, project, ignored) = if let Some(root) = repo.work_dir() {
        let path = |text: &str| text.parse::<TreePath>().expect("a literal path is valid");
        let config = Config::read(root)?;
        let project = Project::read(root)?.unwrap_or_default();
        let ignored = workdir::read_text(root, &path(".forceignore"))?;
        (config, project, ignored)
    } else {
        let tree = if let Some(head) = repo.head_commit()? {
            Some(repo.commit(head)?.tree)
        } else {
            None
        };
        let config = match file(repo, tree, config::FILE_NAME)? {
            Some(text) => Config::parse(&text)?,
            None => Config::read(repo.git_dir())?,
        };
        let project = match file(repo, tree, "sfdx-project.json")? {
            Some(text) => Project::parse(&text)?,
            None => Project::default(),
        };
        (config, project, file(repo, tree, ".forceignore")?)
    };
    // What orgkeep wrote there is no rule of the user's.
    let ignored = ignored.map(|it| source::without_block(&it));
    let setup = SnapshotSetup {
        branch: config.org.branch.clone(),
        remote: config.push.remote.clone(),
        api_version: config.api_version,
        level: config.level,
        rules: config.rules.clone(),
        registry: Registry::with(&project.presets),
        scope: config.scope.clone(),
        ignored: ignored
            .as_deref()
            .map_or_else(Ignored::nothing, Ignored::parse),
        ignored_digest: ignored.as_deref().map(digest),
        package_dir: project.default_directory().clone(),
        package_dirs: package_dirs(&project),
        redact: config.redact == Redact::On,
        redaction_key: None,
        new_key: false,
        on_suspect: config.on_suspect,
        full_every: config.full_every,
        committer: (config.commit.name.clone(), config.commit.email.clone()),
    };
    Ok((config, setup))
}

fn file(repo: &Repository, tree: Option<ObjectId>, path: &str) -> Result<Option<String>, Error> {
    let Some(tree) = tree else { return Ok(None) };
    let Some(entry) = repo.entry_at(tree, path)? else {
        return Ok(None);
    };
    let bytes = repo.blob(entry.id)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The package directories, the default one first.
fn package_dirs(project: &Project) -> Vec<TreePath> {
    let default = project.default_directory();
    let others = project.package_directories.iter().map(|it| &it.path);
    let others = others.filter(|it| *it != default);
    std::iter::once(default).chain(others).cloned().collect()
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}
