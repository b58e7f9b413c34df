//! Opening a repository, and its handles.
//!
//! Invariant: a [`Repository`] that exists can be read by libgit2 in full, and
//! belongs to the user who runs us or was declared safe by them.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use git2::{ErrorCode, RepositoryInitOptions, RepositoryOpenFlags};

use super::{
    Checkpoint, Error, GitProgram,
    checkpoint::{Step, Watch},
};

/// A Git repository: a clone, a bare one, a linked worktree or a submodule.
///
/// May be shared between threads: each act borrows one of a set of handles.
#[derive(Debug)]
pub struct Repository {
    git_dir: PathBuf,
    common_dir: PathBuf,
    work_dir: Option<PathBuf>,
    handles: Handles,
    pub(super) git: GitProgram,
    watch: Watch,
}

/// How a repository is opened.
#[derive(Clone, Default)]
pub struct Options {
    /// The user's `git`.
    pub git: GitProgram,
    /// Is told of each step of writing; for tests.
    pub checkpoint: Option<Arc<dyn Checkpoint>>,
}

/// How a repository is made.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// Its first branch, which HEAD names.
    pub branch: String,
    /// Whether it has a working tree.
    pub kind: RepositoryKind,
}

/// Whether a repository has a working tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryKind {
    /// It has one, and a `.git` in it.
    WithWorkTree,
    /// It has none.
    Bare,
}

/// Handles that are free. libgit2's are for one thread at a time.
#[derive(Default)]
struct Handles(Mutex<Vec<git2::Repository>>);

/// A handle while it is in use.
pub(super) struct Handle<'a> {
    home: &'a Handles,
    handle: Option<git2::Repository>,
}

impl Repository {
    /// Opens the repository at `path`: a working tree's root, or a Git directory.
    ///
    /// # Errors
    ///
    /// [`Error::NotARepository`], [`Error::UnsupportedFormat`], [`Error::ForeignOwner`].
    pub fn open(path: &Path, options: Options) -> Result<Self, Error> {
        Self::open_with(path, RepositoryOpenFlags::NO_SEARCH, options)
    }

    /// Opens the repository that holds `path`, looking upward as Git does.
    ///
    /// # Errors
    ///
    /// As for [`Repository::open`].
    pub fn discover(path: &Path, options: Options) -> Result<Self, Error> {
        Self::open_with(path, RepositoryOpenFlags::empty(), options)
    }

    /// Makes a repository at `path`, or opens the one that is there.
    ///
    /// # Errors
    ///
    /// [`Error::Database`] where it cannot be made, else as for [`Repository::open`].
    pub fn init(path: &Path, init: &InitOptions, options: Options) -> Result<Self, Error> {
        match Self::open(path, options.clone()) {
            Err(Error::NotARepository { .. }) => (),
            opened => return opened,
        }
        super::refs::check_branch_name(&init.branch)?;
        let mut how = RepositoryInitOptions::new();
        how.bare(init.kind == RepositoryKind::Bare)
            .mkpath(true)
            .initial_head(&init.branch);
        git2::Repository::init_opts(path, &how).map_err(Error::database(format!(
            "make a repository at `{}`",
            path.display()
        )))?;
        Self::open(path, options)
    }

    fn open_with(path: &Path, flags: RepositoryOpenFlags, options: Options) -> Result<Self, Error> {
        let none: [&Path; 0] = [];
        let git = git2::Repository::open_ext(path, flags, none)
            .map_err(|err| explain_refusal(path, flags, err))?;
        Ok(Self {
            git_dir: git.path().to_owned(),
            common_dir: git.commondir().to_owned(),
            work_dir: work_dir_of(&git),
            handles: Handles(Mutex::new(vec![git])),
            git: options.git,
            watch: Watch(options.checkpoint),
        })
    }

    /// The Git directory: `.git`, or that of the linked worktree.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// The Git directory that all worktrees share; [`Repository::git_dir`] where there is one.
    #[must_use]
    pub fn common_dir(&self) -> &Path {
        &self.common_dir
    }

    /// The root of the working tree; `None` in a bare repository.
    #[must_use]
    pub fn work_dir(&self) -> Option<&Path> {
        self.work_dir.as_deref()
    }

    /// Folder for orgkeep's own files inside the Git directory: large working
    /// files, the lock, notes. Made when it is not there.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`].
    pub fn private_dir(&self) -> Result<PathBuf, Error> {
        let path = self.common_dir.join("orgkeep");
        fs::create_dir_all(&path).map_err(Error::disk("make", &path))?;
        Ok(path)
    }

    /// A value of the repository's or the user's Git configuration.
    ///
    /// `None` where it is not set, or not text.
    #[must_use]
    pub fn config_text(&self, key: &str) -> Option<String> {
        let config = self.handle().ok()?.config().ok()?;
        config.get_string(key).ok()
    }

    pub(super) fn config_flag(&self, key: &str) -> bool {
        let value = || -> Result<bool, git2::Error> {
            let handle = self
                .handle()
                .map_err(|_| git2::Error::from_str("no handle"))?;
            handle.config()?.get_bool(key)
        };
        value().unwrap_or(false)
    }

    /// A handle for the calling thread; returned to the others when dropped.
    pub(super) fn handle(&self) -> Result<Handle<'_>, Error> {
        let free = self.handles.lock().pop();
        let handle = match free {
            Some(handle) => handle,
            None => git2::Repository::open(&self.git_dir).map_err(|err| {
                explain_refusal(&self.git_dir, RepositoryOpenFlags::NO_SEARCH, err)
            })?,
        };
        Ok(Handle {
            home: &self.handles,
            handle: Some(handle),
        })
    }

    /// Forgets the free handles, which remember where a shallow clone ended.
    pub(super) fn renew_handles(&self) {
        self.handles.lock().clear();
    }

    pub(super) fn reached(&self, step: Step, path: &Path) -> Result<(), Error> {
        self.watch.reached(step, path)
    }
}

impl Handles {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<git2::Repository>> {
        // A list of handles is whole whatever its holder was doing.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Handles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} free", self.lock().len())
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("git", &self.git)
            .field("checkpoint", &self.checkpoint.is_some())
            .finish()
    }
}

impl Deref for Handle<'_> {
    type Target = git2::Repository;

    fn deref(&self) -> &git2::Repository {
        self.handle
            .as_ref()
            .expect("a handle is there until it is dropped")
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.home.lock().push(handle);
        }
    }
}

/// The working tree of a repository.
///
/// libgit2 takes the folder above a Git directory for it, which is wrong where
/// that directory was put elsewhere (`git init --separate-git-dir`): so the folder
/// must be configured, or lead back to the repository.
pub(super) fn work_dir_of(git: &git2::Repository) -> Option<PathBuf> {
    let work_dir = git.workdir()?;
    let configured = || git.config().ok()?.get_path("core.worktree").ok();
    let leads_back = git2::Repository::open(work_dir).is_ok_and(|it| it.path() == git.path());
    (leads_back || configured().is_some()).then(|| work_dir.to_owned())
}

/// Says in our words why libgit2 did not open what is at `path`.
fn explain_refusal(path: &Path, flags: RepositoryOpenFlags, err: git2::Error) -> Error {
    let found = find_git_dir(path, !flags.contains(RepositoryOpenFlags::NO_SEARCH));
    match (err.code(), found) {
        (ErrorCode::Owner, found) => Error::ForeignOwner {
            path: found.map_or_else(|| path.to_owned(), without_dot_git),
        },
        (_, Some(git_dir)) => match foreign_feature(&git_dir) {
            Some(feature) => Error::UnsupportedFormat {
                path: git_dir,
                feature,
            },
            None if err.code() == ErrorCode::NotFound => Error::NotARepository {
                path: path.to_owned(),
            },
            None => Error::database(format!("open the repository at `{}`", path.display()))(err),
        },
        (_, None) => Error::NotARepository {
            path: path.to_owned(),
        },
    }
}

/// The folder that a user knows: the one with `.git` in it, or the bare repository.
fn without_dot_git(git_dir: PathBuf) -> PathBuf {
    match git_dir.parent() {
        Some(parent) if git_dir.ends_with(".git") => parent.to_owned(),
        _ => git_dir,
    }
}

/// The Git directory at `path` or above it, found without libgit2.
fn find_git_dir(path: &Path, upward: bool) -> Option<PathBuf> {
    let start = fs::canonicalize(path).ok()?;
    let up_to = if upward { usize::MAX } else { 1 };
    start.ancestors().take(up_to).find_map(|dir| {
        let dot_git = dir.join(".git");
        if dot_git.is_dir() {
            return Some(dot_git);
        }
        if let Ok(text) = fs::read_to_string(&dot_git) {
            let target = text.strip_prefix("gitdir:")?.trim();
            return Some(dir.join(target));
        }
        (dir.join("HEAD").is_file() && dir.join("objects").is_dir()).then(|| dir.to_owned())
    })
}

/// What the configuration in `git_dir` names and libgit2 does not know.
fn foreign_feature(git_dir: &Path) -> Option<String> {
    let common = fs::read_to_string(git_dir.join("commondir"))
        .map_or_else(|_| git_dir.to_owned(), |text| git_dir.join(text.trim()));
    let config = git2::Config::open(&common.join("config")).ok()?;
    let value = |key: &str| config.get_string(key).ok();
    if value("extensions.refstorage").is_some_and(|it| it.eq_ignore_ascii_case("reftable")) {
        return Some("reftable references".to_owned());
    }
    if value("extensions.objectformat").is_some_and(|it| !it.eq_ignore_ascii_case("sha1")) {
        return Some("SHA-256 object ids".to_owned());
    }
    let mut unknown = None;
    let entries = config.entries(Some("^extensions\\.")).ok()?;
    entries
        .for_each(|entry| {
            // Source: libgit2 1.9, repository.c, `builtin_extensions`.
            const KNOWN: [&str; 5] = [
                "extensions.noop",
                "extensions.objectformat",
                "extensions.preciousobjects",
                "extensions.worktreeconfig",
                "extensions.relativeworktrees",
            ];
            if let Ok(name) = entry.name()
                && !KNOWN.contains(&name)
            {
                unknown = Some(format!("`{name}`"));
            }
        })
        .ok()?;
    unknown
}
