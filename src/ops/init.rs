//! Makes a folder ready for snapshots. Needs no org and asks nothing.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::error::Error;
use crate::{
    config,
    model::{Timestamp, TreePath},
    progress::Monitor,
    store::{
        CommitDraft, InitOptions, Listing, Message, ObjectId, Options, Publication, Repository,
        RepositoryKind, Signature, TreeEdit,
    },
    workdir::{self, Written},
};

/// What `init` did.
#[derive(Clone, Debug, Serialize)]
pub struct InitReport {
    /// Names the shape of this object.
    pub schema: &'static str,
    /// Branch that snapshots go to.
    pub branch: String,
    /// Files that were written.
    pub written: Vec<TreePath>,
    /// Files that were there and were left alone.
    pub kept: Vec<TreePath>,
    /// The commit of what was written; absent where nothing was.
    pub commit: Option<String>,
    /// What a file that was left alone should say.
    pub advice: Vec<String>,
}

/// Makes `dir` a project: the repository where there is none, and each file that is missing.
///
/// # Errors
///
/// A folder or repository that cannot be made or written. A file that is there is
/// never overwritten.
pub fn init(
    dir: &Path,
    branch: Option<&str>,
    who: &dyn Fn(&Repository) -> (String, String),
    now: Timestamp,
    options: Options,
    monitor: &dyn Monitor,
) -> Result<InitReport, Error> {
    let repo = match Repository::discover(dir, options.clone()) {
        Ok(repo) if repo.work_dir().is_some_and(|it| is_same(it, dir)) => repo,
        _ => Repository::init(
            dir,
            &InitOptions {
                branch: branch.unwrap_or("main").to_owned(),
                kind: RepositoryKind::WithWorkTree,
            },
            options,
        )?,
    };
    let root = repo.work_dir().unwrap_or(dir).to_owned();
    let branch = match branch {
        Some(branch) => branch.to_owned(),
        None => repo.head_branch()?.unwrap_or_else(|| "main".to_owned()),
    };
    let name = root
        .canonicalize()
        .ok()
        .and_then(|it| it.file_name().map(|it| it.to_string_lossy().into_owned()))
        .unwrap_or_else(|| "org".to_owned());
    let mut files = workdir::initial_files(&name, config::DEFAULT_API_VERSION)
        .into_iter()
        .map(|it| (it.path, it.text))
        .collect::<BTreeMap<_, _>>();
    let config_path: TreePath = config::FILE_NAME.parse().expect("a literal path is valid");
    files.insert(
        config_path,
        config::template(&branch, config::DEFAULT_API_VERSION),
    );
    let mut report = InitReport {
        schema: "orgkeep/init/1",
        branch: branch.clone(),
        written: Vec::new(),
        kept: Vec::new(),
        commit: None,
        advice: Vec::new(),
    };
    let lock = repo.lock()?;
    let at = repo.ready(&branch, "origin")?;
    let base = match at.tip {
        Some(tip) => Some(repo.commit(tip)?.tree),
        None => None,
    };
    let mut edit = TreeEdit::new(base);
    let pack = repo.pack(&Listing::default())?;
    for (path, text) in &files {
        match workdir::write_new(&root, path, text)? {
            Written::New => {
                edit.put(path.clone(), pack.blob(text.as_bytes())?);
                report.written.push(path.clone());
            }
            Written::Kept => report.kept.push(path.clone()),
        }
    }
    report.advice = advice(&root, &report.kept)?;
    if report.written.is_empty() {
        return Ok(report);
    }
    let (name, email) = who(&repo);
    let signature = Signature::new(name, email, now);
    let draft = CommitDraft {
        tree: edit.write(&pack)?,
        parents: at.tip.into_iter().collect(),
        author: signature.clone(),
        committer: signature,
        message: Message::new("Set up orgkeep"),
    };
    let new: ObjectId = pack.commit(&draft)?;
    let kept = pack.finish()?;
    let publication = Publication {
        branch: at,
        new,
        reason: "init".to_owned(),
        also: Vec::new(),
    };
    let published = lock.publish(kept, &publication, monitor)?;
    published.refreshed?;
    report.commit = Some(new.to_string());
    Ok(report)
}

fn is_same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

/// What files that were there before should say.
fn advice(root: &Path, kept: &[TreePath]) -> Result<Vec<String>, Error> {
    let mut advice = Vec::new();
    let attributes = kept.iter().find(|it| it.as_str() == ".gitattributes");
    if let Some(path) = attributes {
        let text = workdir::read_text(root, path)?.unwrap_or_default();
        if !workdir::obeys_bytes(&text) {
            advice.push(
                "add `* -text` as the first line of .gitattributes, so that Git converts no line end"
                    .to_owned(),
            );
        }
    }
    Ok(advice)
}
