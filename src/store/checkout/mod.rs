//! Refreshing a working tree after its branch has moved.
//!
//! Only files that differ between the old and the new commit are looked at. A
//! file is replaced in one step, and only when it is as the old commit has it;
//! anything else is somebody's work and stays, to be seen in `git status`.
//!
//! Invariant: nothing outside the working tree is touched, whatever links stand
//! in it, and no file whose content is not the old or the new commit's.

mod filters;
pub(super) mod index;
mod place;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use git2::IndexEntry;
use rayon::prelude::*;

use self::{filters::Filters, place::Folder};
use super::{Error, Mode, ObjectId, Repository, TreeChange, checkpoint::Step, seat::Seat};
use crate::{
    model::TreePath,
    progress::{Event, Monitor, Phase},
};

/// What a refresh did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refreshed {
    /// Number of files that were written or taken away.
    pub n_files: u64,
    /// Files that differ from the old commit, by hand or otherwise, and were left alone.
    pub kept: Vec<KeptFile>,
}

/// A file that was left as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFile {
    /// Where it is.
    pub path: String,
    /// Why it was left, as the end of a sentence that begins with "it".
    pub reason: String,
}

impl Refreshed {
    pub(super) fn add(&mut self, other: Self) {
        self.n_files += other.n_files;
        self.kept.extend(other.kept);
    }
}

/// What became of one change.
enum Outcome {
    /// The file is as the new commit has it.
    Done,
    /// It is left alone, and so is its place in the index unless that was untouched.
    Kept(String),
}

/// One change with what the index says about its path.
struct Task<'a> {
    change: &'a TreeChange,
    indexed: Option<IndexEntry>,
}

/// Makes the files of `seat` those of the tree `to`, where they are those of `from`.
pub(super) fn refresh(
    repo: &Repository,
    seat: &Seat,
    from: ObjectId,
    to: ObjectId,
    monitor: &dyn Monitor,
) -> Result<Refreshed, Error> {
    let changes = repo.diff_trees(from, to)?;
    if changes.is_empty() {
        return Ok(Refreshed::default());
    }
    let mut draft = index::Draft::open(repo, seat)?;
    repo.reached(Step::IndexLocked, &seat.work_dir)?;
    let mut tasks: Vec<_> = changes
        .iter()
        .map(|change| Task {
            change,
            indexed: draft.index.get_path(Path::new(&change.path), 0),
        })
        .collect();
    // What goes makes room for what comes: a file for a folder, `a` for `A`. Then
    // come the attributes, which say how the others are to be written.
    tasks.sort_by_key(|it| {
        let is_attributes = Path::new(&it.change.path).ends_with(".gitattributes");
        (it.change.after.is_some(), !is_attributes)
    });
    let n_removals = tasks.partition_point(|it| it.change.after.is_none());
    let n_attributes = tasks[n_removals..]
        .partition_point(|it| Path::new(&it.change.path).ends_with(".gitattributes"));

    monitor.event(Event::Started(Phase::CheckOut, Some(tasks.len() as u64)));
    let n_done = AtomicU64::new(0);
    let files = Files {
        repo,
        seat,
        n_done: &n_done,
        monitor,
    };
    let (removals, rest) = tasks.split_at(n_removals);
    let (attributes, others) = rest.split_at(n_attributes);
    let mut outcomes = files.all(removals)?;
    files.remove_empty_folders(removals);
    outcomes.extend(files.all(attributes)?);
    outcomes.extend(files.all(others)?);

    let mut refreshed = Refreshed::default();
    for (task, outcome) in tasks.iter().zip(&outcomes) {
        match outcome {
            Outcome::Done => refreshed.n_files += 1,
            Outcome::Kept(reason) => refreshed.kept.push(KeptFile {
                path: task.change.path.clone(),
                reason: reason.clone(),
            }),
        }
        index::follow(
            &mut draft.index,
            seat,
            task.change,
            task.indexed.as_ref(),
            outcome,
        )?;
    }
    draft.finish()?;
    repo.reached(Step::IndexWritten, &seat.work_dir)?;
    monitor.event(Event::Finished(Phase::CheckOut));
    Ok(refreshed)
}

/// The files of one working tree.
struct Files<'a> {
    repo: &'a Repository,
    seat: &'a Seat,
    n_done: &'a AtomicU64,
    monitor: &'a dyn Monitor,
}

// libgit2's handle in the seat is for one thread; the others need not have it.
struct SharedFiles<'a> {
    repo: &'a Repository,
    work_dir: &'a Path,
    filters: &'a Filters,
    n_done: &'a AtomicU64,
    monitor: &'a dyn Monitor,
}

impl Files<'_> {
    /// Applies the changes, folder by folder on all cores; outcomes in the order of `tasks`.
    fn all(&self, tasks: &[Task<'_>]) -> Result<Vec<Outcome>, Error> {
        let mut folders: BTreeMap<&str, Vec<(usize, &TreeChange, bool)>> = BTreeMap::new();
        for (at, task) in tasks.iter().enumerate() {
            let path = task.change.path.as_str();
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            let is_left_out = task.indexed.as_ref().is_some_and(index::is_left_out);
            folders
                .entry(folder)
                .or_default()
                .push((at, task.change, is_left_out));
        }
        let paths: Vec<_> = tasks.iter().map(|it| it.change.path.as_str()).collect();
        let filters = Filters::find(self.repo, self.seat, &paths)?;
        let shared = SharedFiles {
            repo: self.repo,
            work_dir: &self.seat.work_dir,
            filters: &filters,
            n_done: self.n_done,
            monitor: self.monitor,
        };
        let done: Result<Vec<_>, Error> = folders
            .into_par_iter()
            .map(|(folder, changes)| shared.folder(folder, &changes))
            .collect();
        let mut done: Vec<_> = done?.into_iter().flatten().collect();
        done.sort_by_key(|(at, _)| *at);
        Ok(done.into_iter().map(|(_, outcome)| outcome).collect())
    }

    fn remove_empty_folders(&self, removals: &[Task<'_>]) {
        let mut folders: Vec<&Path> = removals
            .iter()
            .filter(|it| it.change.path.parse::<TreePath>().is_ok())
            .filter_map(|it| Path::new(&it.change.path).parent())
            .flat_map(Path::ancestors)
            .filter(|it| !it.as_os_str().is_empty())
            .collect();
        folders.sort_unstable();
        folders.dedup();
        // The innermost first. One that is not empty, or is a link, refuses to go.
        for folder in folders.into_iter().rev() {
            if let Some(Folder::There(path)) = place::find_folder(&self.seat.work_dir, folder) {
                let _ = std::fs::remove_dir(path);
            }
        }
    }
}

impl SharedFiles<'_> {
    fn folder(
        &self,
        folder: &str,
        changes: &[(usize, &TreeChange, bool)],
    ) -> Result<Vec<(usize, Outcome)>, Error> {
        let mut outcomes = Vec::with_capacity(changes.len());
        let is_safe = folder.is_empty() || folder.parse::<TreePath>().is_ok();
        let found = if is_safe {
            place::find_folder(self.work_dir, Path::new(folder))
        } else {
            None
        };
        for &(at, change, is_left_out) in changes {
            let outcome = if is_left_out {
                // A sparse checkout: only its place in the index follows.
                Outcome::Done
            } else if let Err(err) = change.path.parse::<TreePath>() {
                Outcome::Kept(err.reason().to_owned())
            } else if let Some(found) = &found {
                self.file(found, change)?
            } else {
                Outcome::Kept("lies behind a link or a file".to_owned())
            };
            outcomes.push((at, outcome));
            let n_done = self.n_done.fetch_add(1, Ordering::Relaxed) + 1;
            if n_done.is_multiple_of(256) {
                self.monitor.event(Event::Advanced(Phase::CheckOut, n_done));
            }
        }
        Ok(outcomes)
    }

    fn file(&self, folder: &Folder, change: &TreeChange) -> Result<Outcome, Error> {
        let name = change.path.rsplit('/').next().unwrap_or(&change.path);
        let (dir, is_there) = match folder {
            Folder::There(dir) => (dir, true),
            Folder::Missing(dir) => (dir, false),
        };
        let path: PathBuf = dir.join(name);
        place::remove_left_over(&path);
        let filter = self.filters.of(&change.path);
        let found = place::inspect(self.repo, &path, change, filter)?;
        match found {
            place::Found::AsAfter => return Ok(Outcome::Done),
            place::Found::Other(reason) => return Ok(Outcome::Kept(reason)),
            place::Found::AsBefore => (),
        }
        let Some(after) = change.after else {
            place::remove(&path)?;
            self.repo.reached(Step::FileRemoved, &path)?;
            return Ok(Outcome::Done);
        };
        if after.mode == Mode::SUBMODULE {
            // Its own `git submodule update` fills it, as after any checkout.
            return Ok(Outcome::Done);
        }
        if !is_there {
            std::fs::create_dir_all(dir).map_err(Error::disk("make", dir))?;
        }
        let written = place::write(self.repo, &path, after, &change.path, filter);
        self.repo.reached(Step::FileWritten, &path)?;
        match written {
            // A name that this system cannot hold stays out, as with any checkout.
            Err(Error::Disk { source, .. }) if place::is_impossible_name(&source) => Ok(
                Outcome::Kept("has a name that this system cannot hold".to_owned()),
            ),
            written => written.map(|()| Outcome::Done),
        }
    }
}
