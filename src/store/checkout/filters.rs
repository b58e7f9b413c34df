//! Attributes that make a working copy differ from its blob.
//!
//! A repository made by `orgkeep init` has none (`* -text`). In one that was
//! there before, line ends are compared as Git compares them, and what a filter
//! such as Git LFS makes is left to the user's `git`.

use std::collections::BTreeMap;

use git2::{AttrCheckFlags, AttrValue};

use crate::store::{Error, Kind, ObjectId, Repository, TreeChange, git::GitCommand, seat::Seat};

/// How the working copy of a file differs from its blob.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Filter {
    /// Not at all.
    #[default]
    None,
    /// It may have CR LF where the blob has LF.
    LineEnds,
    /// By what only the user's `git` can do.
    External,
}

/// The paths of a refresh that have a filter.
#[derive(Debug, Default)]
pub(super) struct Filters(BTreeMap<String, Filter>);

impl Filters {
    pub(super) fn find(
        repo: &Repository,
        seat: &Seat,
        changes: &[TreeChange],
    ) -> Result<Self, Error> {
        let converts = repo
            .config_text("core.autocrlf")
            .is_some_and(|it| matches!(it.as_str(), "true" | "input"));
        let mut filters = BTreeMap::new();
        for change in changes {
            let filter = filter_of(&seat.git, &change.path, converts)
                .map_err(Error::database("read the attributes"))?;
            if filter != Filter::None {
                filters.insert(change.path.clone(), filter);
            }
        }
        Ok(Self(filters))
    }

    pub(super) fn of(&self, path: &str) -> Filter {
        self.0.get(path).copied().unwrap_or_default()
    }
}

fn filter_of(git: &git2::Repository, path: &str, converts: bool) -> Result<Filter, git2::Error> {
    let value = |name: &str| -> Result<Option<String>, git2::Error> {
        let value = git.get_attr(
            std::path::Path::new(path),
            name,
            AttrCheckFlags::FILE_THEN_INDEX,
        )?;
        Ok(match AttrValue::from_string(value) {
            AttrValue::Unspecified => None,
            AttrValue::False => Some("-".to_owned()),
            AttrValue::True => Some("+".to_owned()),
            AttrValue::String(text) => Some(text.to_owned()),
            AttrValue::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        })
    };
    for name in ["filter", "working-tree-encoding", "ident"] {
        if value(name)?.is_some_and(|it| it != "-") {
            return Ok(Filter::External);
        }
    }
    let is_text = match value("text")?.as_deref() {
        Some("-") => false,
        Some(_) => true,
        None => converts || value("eol")?.is_some(),
    };
    Ok(if is_text {
        Filter::LineEnds
    } else {
        Filter::None
    })
}

impl Repository {
    /// The blob that the user's `git` would make of those bytes at `path`.
    pub(super) fn filtered_id(&self, path: &str, bytes: &[u8]) -> Result<ObjectId, Error> {
        let printed = self
            .in_work_tree("hash-object")
            .arg("--stdin")
            .arg(format!("--path={path}"))
            .run(bytes)?;
        let id = String::from_utf8_lossy(&printed).trim().parse();
        // A filter that fails or prints nothing makes it look changed, never unchanged.
        Ok(id.unwrap_or_else(|_| Kind::Blob.id_of(bytes)))
    }

    /// The working copy that the user's `git` makes of a blob at `path`.
    pub(super) fn smudged(&self, path: &str, id: ObjectId) -> Result<Vec<u8>, Error> {
        self.in_work_tree("cat-file")
            .arg("--filters")
            .arg(format!("--path={path}"))
            .arg(id.to_string())
            .run(b"")
    }

    fn in_work_tree(&self, command: &'static str) -> GitCommand<'_> {
        let git = GitCommand::new(&self.git, self.git_dir(), command);
        match self.work_dir() {
            Some(dir) => git.env("GIT_WORK_TREE", dir).current_dir(dir),
            None => git,
        }
    }
}
