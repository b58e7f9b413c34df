//! The history of a branch, and the names of commits.

use std::collections::BTreeSet;

use git2::{ErrorCode, ObjectType};

use super::{Commit, Error, ObjectId, Repository, message::trailer};
use crate::model::Timestamp;

/// The commits from one on, each followed by its first parent.
///
/// Ends after the first commit of all, or where a shallow clone ends.
pub struct History<'a> {
    repo: &'a Repository,
    next: Option<ObjectId>,
}

/// How a text was understood as a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The commit.
    pub commit: ObjectId,
    /// What the text was taken for.
    pub meaning: Meaning,
}

/// What a text was taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A commit, tag, branch or other expression of Git's.
    Name,
    /// The id of a snapshot; its last commit is meant.
    Snapshot,
    /// A day or a time; the last commit made at or before it is meant.
    Time,
}

impl Iterator for History<'_> {
    type Item = Result<Commit, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.repo.commit(self.next?);
        self.next = read
            .as_ref()
            .ok()
            .and_then(|it| it.parents.first().copied());
        Some(read)
    }
}

impl Repository {
    /// The commits from `from` on, newest first, along first parents.
    #[must_use]
    pub fn history(&self, from: ObjectId) -> History<'_> {
        History {
            repo: self,
            next: Some(from),
        }
    }

    /// Whether `commit` changed something at or below `path`, against its first parent.
    ///
    /// Reads only the folders on the way to `path`, and only as far as they
    /// differ. The first commit, and the one where a shallow clone ends, change
    /// all that they have.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`], [`Error::TooShallow`].
    pub fn touches(&self, commit: &Commit, path: &str) -> Result<bool, Error> {
        let before = match commit.parents.first() {
            Some(parent) => self.commit(*parent)?.tree,
            None => ObjectId::EMPTY_TREE,
        };
        let (mut before, mut after) = (Some(before), Some(commit.tree));
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            if before == after {
                return Ok(false);
            }
            let find = |tree: Option<ObjectId>| match tree {
                Some(tree) => self.entry_at(tree, part),
                None => Ok(None),
            };
            let (old, new) = (find(before)?, find(after)?);
            if parts.peek().is_none() {
                return Ok(old != new);
            }
            let folder =
                |it: Option<super::Entry>| it.filter(|it| it.mode.is_tree()).map(|it| it.id);
            (before, after) = (folder(old), folder(new));
        }
        Ok(before != after)
    }

    /// Finds the commit that `text` names: a commit or any other expression of
    /// Git's, the id of a snapshot of the history of `tip`, or a day or a time
    /// in UTC, such as `2026-11-21` or `2026-11-21T14:02Z`.
    ///
    /// Tried in this order. Of a snapshot in several parts the last is meant,
    /// which equals the org. A day or a time means the last commit of the history
    /// of `tip` that was committed at or before it; a day ends at midnight.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchRevision`], [`Error::AmbiguousRevision`]; in a shallow
    /// clone [`Error::TooShallow`] where the rest of the history may have it.
    pub fn resolve(&self, text: &str, tip: Option<ObjectId>) -> Result<Revision, Error> {
        if let Some(commit) = self.named_commit(text)? {
            return Ok(Revision {
                commit,
                meaning: Meaning::Name,
            });
        }
        let time = parse_time(text);
        let found = match (tip, time) {
            (None, _) => None,
            (Some(tip), Some(time)) => self.find_in(tip, |it| it.committer.time <= time)?,
            (Some(tip), None) => self.find_in(tip, |it| {
                it.message.trailer(trailer::SNAPSHOT) == Some(text)
            })?,
        };
        match found {
            Some(commit) => Ok(Revision {
                commit,
                meaning: match time {
                    Some(_) => Meaning::Time,
                    None => Meaning::Snapshot,
                },
            }),
            None if self.is_shallow()? => Err(Error::TooShallow {
                wanted: format!("`{}`", text.escape_debug()),
            }),
            None => Err(Error::NoSuchRevision {
                text: text.to_owned(),
            }),
        }
    }

    /// Whether the history is cut off somewhere.
    ///
    /// # Errors
    ///
    /// Whatever opening the repository again gives.
    pub fn is_shallow(&self) -> Result<bool, Error> {
        Ok(self.handle()?.is_shallow())
    }

    /// Makes sure that `commit` and what it changed can be read: that it is here
    /// with its first parent, if it has one.
    ///
    /// # Errors
    ///
    /// [`Error::TooShallow`], [`Error::Unreadable`].
    pub fn require_depth(&self, commit: ObjectId) -> Result<(), Error> {
        self.commit(commit)?;
        if self.shallow_ends()?.contains(&commit) {
            return Err(Error::TooShallow {
                wanted: format!("the parent of {}", commit.short()),
            });
        }
        Ok(())
    }

    /// The commits at which a shallow clone ends; empty in a complete one.
    fn shallow_ends(&self) -> Result<BTreeSet<ObjectId>, Error> {
        let path = self.common_dir().join("shallow");
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text
                .lines()
                .filter_map(|line| line.trim().parse().ok())
                .collect()),
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(BTreeSet::new()),
            Err(err) => Err(Error::disk("read", &path)(err)),
        }
    }

    /// Whether `ancestor` is `commit` or lies in its history.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub fn is_ancestor(&self, ancestor: ObjectId, commit: ObjectId) -> Result<bool, Error> {
        if ancestor == commit {
            return Ok(true);
        }
        let handle = self.handle()?;
        handle
            .graph_descendant_of(commit.to_git(), ancestor.to_git())
            .map_err(Error::database("walk the history"))
    }

    fn named_commit(&self, text: &str) -> Result<Option<ObjectId>, Error> {
        let handle = self.handle()?;
        let found = match handle.revparse_single(text) {
            Ok(found) => found,
            Err(err) if err.code() == ErrorCode::Ambiguous => {
                return Err(Error::AmbiguousRevision {
                    text: text.to_owned(),
                });
            }
            // Whatever Git cannot parse may be a snapshot or a date.
            Err(_) => return Ok(None),
        };
        let commit = found.peel(ObjectType::Commit);
        Ok(commit.ok().map(|it| it.id().into()))
    }

    fn find_in(
        &self,
        tip: ObjectId,
        is_it: impl Fn(&Commit) -> bool,
    ) -> Result<Option<ObjectId>, Error> {
        for commit in self.history(tip) {
            let commit = commit?;
            if is_it(&commit) {
                return Ok(Some(commit.id));
            }
        }
        Ok(None)
    }
}

/// The last moment that `text` means: a day, a minute, or a time as RFC 3339 has it.
fn parse_time(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let is_day = |it: &[u8]| {
        it.len() == 10
            && it.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    };
    if !is_day(bytes.get(..10)?) {
        return None;
    }
    let (day, rest) = text.split_at(10);
    let rest = rest.strip_prefix(['T', ' ']).unwrap_or(rest);
    let rest = rest.strip_suffix('Z').unwrap_or(rest);
    let clock = match rest.len() {
        0 => "23:59:59.999Z".to_owned(),
        5 => format!("{rest}:59.999Z"),
        8 => format!("{rest}.999Z"),
        _ => return text.parse().ok(),
    };
    format!("{day}T{clock}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn day_and_minute_mean_their_last_moment() {
        let read = |text| parse_time(text).map(Timestamp::to_soap);
        let day = Some("2026-11-21T23:59:59.999Z".to_owned());
        let minute = Some("2026-11-21T14:02:59.999Z".to_owned());
        assert_eq!(read("2026-11-21"), day);
        assert_eq!(read("2026-11-21T14:02Z"), minute);
        assert_eq!(read("2026-11-21 14:02"), minute);
        assert_eq!(
            read("2026-11-21T14:02:03+02:00"),
            Some("2026-11-21T12:02:03.000Z".to_owned())
        );
        for text in ["2026-13-01", "20261121", "main", "2026-11-21x", ""] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
