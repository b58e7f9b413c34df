//! Moving a branch, and everything that follows it.
//!
//! The order is: pack (made already, and kept from a repack) → note of old and
//! new commit → branch by compare-and-swap → other references → files and index
//! of the working trees that have the branch checked out → note removed. Whoever
//! finds a note finishes the refresh.
//!
//! Invariant: no file of a working tree is touched before the branch has moved,
//! and none without a note.

use std::{fs, path::PathBuf};

use super::{
    Branch, Error, KeptPack, ObjectId, RefUpdate, Repository, WriteLock,
    checkout::{self, Refreshed},
    checkpoint::Step,
    pack::sync_dir,
    repository::work_dir_of,
    seat::Seat,
    stale,
};
use crate::progress::Monitor;
use serde::{Deserialize, Serialize};

/// What a write makes visible.
#[derive(Clone, Debug)]
pub struct Publication {
    /// The branch, as it was when the commits were made.
    pub branch: Branch,
    /// Its new commit; the old one where only other references move.
    pub new: ObjectId,
    /// What the reflog says, such as `snapshot: 3 changes`.
    pub reason: String,
    /// References that move after the branch: tags, the state.
    pub also: Vec<RefUpdate>,
}

/// How a write ended whose branch has moved.
#[derive(Debug)]
#[must_use]
pub struct Published {
    /// The working trees that follow the branch; an error means that the next
    /// writer will finish the refresh.
    pub refreshed: Result<Refreshed, Error>,
    /// References of [`Publication::also`] that someone else had moved: they stay
    /// where that one put them.
    pub not_moved: Vec<String>,
}

/// What was completed for a writer that did not come to its end.
#[derive(Debug)]
pub struct Recovery {
    /// The branch it was moving.
    pub branch: String,
    /// Its commit, where the branch had moved; the refresh is complete now.
    pub completed: Option<ObjectId>,
    /// What the refresh did.
    pub refreshed: Refreshed,
}

/// What is on the disk while a branch moves.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    branch: String,
    old: Option<ObjectId>,
    new: ObjectId,
    /// Git directory of the working tree whose HEAD was the old commit itself.
    detached: Option<PathBuf>,
    /// The commit that HEAD was.
    detached_at: Option<ObjectId>,
    /// The other references that move, and where they go.
    #[serde(default)]
    also: Vec<(String, ObjectId)>,
}

impl WriteLock<'_> {
    /// Moves the branch to the new commit, then all that follows it.
    ///
    /// `pack` is what the commits are in; a repack may take it apart as soon as
    /// the branch has moved.
    ///
    /// # Errors
    ///
    /// Whatever [`Repository::ready`] refuses, [`Error::TagExists`],
    /// [`Error::RefMoved`] for the branch, [`Error::Disk`] for the note: the
    /// branch has not moved, and no file was touched.
    pub fn publish(
        &self,
        pack: KeptPack,
        publication: &Publication,
        monitor: &dyn Monitor,
    ) -> Result<Published, Error> {
        let repo = self.repository();
        let branch = &publication.branch;
        repo.refuse_taken_tags(&publication.also)?;
        if branch.local == Some(publication.new) {
            if publication.also.is_empty() {
                pack.release();
                return Ok(Published {
                    refreshed: Ok(Refreshed::default()),
                    not_moved: Vec::new(),
                });
            }
            repo.write_note(publication, &[])?;
            let not_moved = repo.move_others(&publication.also);
            repo.remove_note()?;
            let not_moved = not_moved?;
            pack.release();
            return Ok(Published {
                refreshed: Ok(Refreshed::default()),
                not_moved,
            });
        }
        let seats = repo.seats(branch)?;
        repo.write_note(publication, &seats)?;
        if let Err(err) = repo.move_branch(publication) {
            repo.remove_note()?;
            return Err(err);
        }
        let not_moved = repo.move_others(&publication.also);
        pack.release();
        let refreshed = repo.refresh_seats(&seats, publication.new, monitor);
        let refreshed = refreshed.and_then(|it| repo.remove_note().map(|()| it));
        Ok(Published {
            refreshed,
            not_moved: not_moved?,
        })
    }
}

impl Repository {
    fn refuse_taken_tags(&self, also: &[RefUpdate]) -> Result<(), Error> {
        for update in also {
            let Some(name) = update.name.strip_prefix("refs/tags/") else {
                continue;
            };
            super::refs::check_tag_name(name)?;
            if update.old.is_none() && self.ref_target(&update.name)?.is_some() {
                return Err(Error::TagExists {
                    name: name.to_owned(),
                });
            }
        }
        Ok(())
    }

    fn move_branch(&self, publication: &Publication) -> Result<(), Error> {
        let name = format!("refs/heads/{}", publication.branch.name);
        self.move_ref(&RefUpdate {
            name: name.clone(),
            old: publication.branch.local,
            new: publication.new,
            reason: publication.reason.clone(),
        })?;
        // From here on it is done, whatever a checkpoint says.
        let _ = self.reached(Step::BranchMoved, &self.common_dir().join(name));
        Ok(())
    }

    /// Moves the references and names those that others had moved.
    fn move_others(&self, also: &[RefUpdate]) -> Result<Vec<String>, Error> {
        let mut not_moved = Vec::new();
        for update in also {
            match self.move_ref(update) {
                Ok(()) => (),
                Err(Error::RefMoved { name }) => not_moved.push(name),
                Err(err) => return Err(err),
            }
            self.reached(Step::RefMoved, self.common_dir())?;
        }
        Ok(not_moved)
    }

    fn refresh_seats(
        &self,
        seats: &[Seat],
        new: ObjectId,
        monitor: &dyn Monitor,
    ) -> Result<Refreshed, Error> {
        let mut all = Refreshed::default();
        let to = if seats.is_empty() {
            return Ok(all);
        } else {
            self.commit(new)?.tree
        };
        for seat in seats {
            let from = match seat.base {
                Some(base) => self.commit(base)?.tree,
                None => ObjectId::EMPTY_TREE,
            };
            if seat.is_detached {
                seat.git
                    .set_head_detached(new.to_git())
                    .map_err(Error::database("move HEAD"))?;
            }
            all.add(checkout::refresh(self, seat, from, to, monitor)?);
        }
        Ok(all)
    }

    /// Completes, or forgets, what a note says. The caller holds the lock.
    pub(super) fn recover(&self) -> Result<Option<Recovery>, Error> {
        let path = self.note_path()?;
        let Ok(text) = fs::read(&path) else {
            return Ok(None);
        };
        let Ok(note) = serde_json::from_slice::<Note>(&text) else {
            // It is written whole or not at all, so this one is not ours.
            self.remove_note()?;
            return Ok(None);
        };
        self.clear_locks(&note)?;
        let branch = self.branch(&note.branch, "origin")?;
        let completed = (branch.local == Some(note.new)).then_some(note.new);
        let mut refreshed = Refreshed::default();
        if completed.is_some() {
            let seats = self.noted_seats(&note)?;
            refreshed = self.refresh_seats(&seats, note.new, &crate::progress::Silent)?;
        }
        self.remove_note()?;
        Ok(Some(Recovery {
            branch: note.branch,
            completed,
            refreshed,
        }))
    }

    /// Takes away the lock files of the writer whose note it is.
    fn clear_locks(&self, note: &Note) -> Result<(), Error> {
        let branch = format!("refs/heads/{}", note.branch);
        stale::clear_ref(self.common_dir(), &branch, note.new);
        for (name, new) in &note.also {
            stale::clear_ref(self.common_dir(), name, *new);
        }
        if let Some(git_dir) = &note.detached {
            stale::clear_ref(git_dir, "HEAD", note.new);
        }
        for git in self.work_trees()? {
            stale::clear_index(git.path());
        }
        Ok(())
    }

    /// The working trees that were to follow the branch, as they were before it moved.
    fn noted_seats(&self, note: &Note) -> Result<Vec<Seat>, Error> {
        let mut seats = Vec::new();
        for git in self.work_trees()? {
            let Some(work_dir) = work_dir_of(&git) else {
                continue;
            };
            let head = git
                .find_reference("HEAD")
                .map_err(Error::database("read HEAD"))?;
            let name = format!("refs/heads/{}", note.branch);
            let follows = head.symbolic_target_bytes() == Some(name.as_bytes());
            let head_id = head.target().map(ObjectId::from);
            let was_detached = note.detached.as_deref() == Some(git.path())
                && head_id.is_some()
                && (head_id == note.detached_at || head_id == Some(note.new));
            drop(head);
            if follows || was_detached {
                seats.push(Seat {
                    git,
                    work_dir,
                    base: if follows { note.old } else { note.detached_at },
                    is_detached: was_detached,
                });
            }
        }
        Ok(seats)
    }

    fn note_path(&self) -> Result<PathBuf, Error> {
        Ok(self.private_dir()?.join("publishing.json"))
    }

    fn write_note(&self, publication: &Publication, seats: &[Seat]) -> Result<(), Error> {
        let detached = seats.iter().find(|it| it.is_detached);
        let note = Note {
            branch: publication.branch.name.clone(),
            old: publication.branch.local,
            new: publication.new,
            detached: detached.map(|it| it.git.path().to_owned()),
            detached_at: detached.and_then(|it| it.base),
            also: publication
                .also
                .iter()
                .map(|it| (it.name.clone(), it.new))
                .collect(),
        };
        let path = self.note_path()?;
        let dir = self.private_dir()?;
        let write = || {
            let mut file = tempfile::Builder::new().prefix("note-").tempfile_in(&dir)?;
            serde_json::to_writer(&mut file, &note)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|err| err.error)
        };
        write().map_err(Error::disk("write", &path))?;
        sync_dir(&dir);
        self.reached(Step::NoteWritten, &path)
    }

    fn remove_note(&self) -> Result<(), Error> {
        let path = self.note_path()?;
        match fs::remove_file(&path) {
            Err(err) if err.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::disk("remove", &path)(err))
            }
            _ => self.reached(Step::NoteRemoved, &path),
        }
    }
}
