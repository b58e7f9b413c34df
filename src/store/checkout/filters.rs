//! Attributes that make a working copy differ from its blob.
//!
//! A repository made by `orgkeep init` has none (`* -text`). In one that was
//! there before, line ends are compared as Git compares them, and what a filter
//! such as Git LFS makes is left to the user's `git`.

use std::collections::BTreeMap;

use git2::{AttrCheckFlags, AttrValue};

use crate::store::{Error, Kind, ObjectId, Repository, git::GitCommand, seat::Seat};

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

/// From so many paths on one run of `git` is faster than asking libgit2, which
/// looks for the attributes of each path anew.
const MANY: usize = 64;

impl Filters {
    /// Finds the filters of `paths`, as the attributes in the working tree have them.
    pub(super) fn find(repo: &Repository, seat: &Seat, paths: &[&str]) -> Result<Self, Error> {
        let converts = repo
            .config_text("core.autocrlf")
            .is_some_and(|it| matches!(it.as_str(), "true" | "input"));
        let attributes = if paths.len() < MANY {
            None
        } else {
            repo.check_attributes(seat, paths)?
        };
        let mut filters = BTreeMap::new();
        for (at, path) in paths.iter().enumerate() {
            let found = match &attributes {
                Some(all) => all[at].clone(),
                None => {
                    ask_libgit2(&seat.git, path).map_err(Error::database("read the attributes"))?
                }
            };
            match filter_of(&found, converts) {
                Filter::None => (),
                filter => {
                    filters.insert((*path).to_owned(), filter);
                }
            }
        }
        Ok(Self(filters))
    }

    pub(super) fn of(&self, path: &str) -> Filter {
        self.0.get(path).copied().unwrap_or_default()
    }
}

/// The attributes that matter here, in this order everywhere.
const ATTRIBUTES: [&str; 5] = ["filter", "working-tree-encoding", "ident", "text", "eol"];

/// Their values for one path: `None` where nothing is said, `-` where it is unset.
type Attributes = [Option<String>; 5];

fn filter_of(attributes: &Attributes, converts: bool) -> Filter {
    let [filter, encoding, ident, text, eol] = attributes;
    let is_set = |it: &Option<String>| it.as_deref().is_some_and(|it| it != "-");
    if [filter, encoding, ident].into_iter().any(is_set) {
        return Filter::External;
    }
    let is_text = match text.as_deref() {
        Some("-") => false,
        Some(_) => true,
        None => converts || eol.is_some(),
    };
    if is_text {
        Filter::LineEnds
    } else {
        Filter::None
    }
}

fn ask_libgit2(git: &git2::Repository, path: &str) -> Result<Attributes, git2::Error> {
    let mut found = Attributes::default();
    for (name, found) in ATTRIBUTES.into_iter().zip(&mut found) {
        let flags = AttrCheckFlags::FILE_THEN_INDEX;
        let value = git.get_attr(std::path::Path::new(path), name, flags)?;
        *found = match AttrValue::from_string(value) {
            AttrValue::Unspecified => None,
            AttrValue::False => Some("-".to_owned()),
            AttrValue::True => Some("+".to_owned()),
            AttrValue::String(text) => Some(text.to_owned()),
            AttrValue::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        };
    }
    Ok(found)
}

impl Repository {
    /// Asks the user's `git` for the attributes of many paths; `None` where there is none.
    fn check_attributes(
        &self,
        seat: &Seat,
        paths: &[&str],
    ) -> Result<Option<Vec<Attributes>>, Error> {
        let mut input = Vec::new();
        for path in paths {
            input.extend_from_slice(path.as_bytes());
            input.push(0);
        }
        let answer = GitCommand::new(&self.git, seat.git.path(), "check-attr")
            .env("GIT_WORK_TREE", &seat.work_dir)
            .current_dir(&seat.work_dir)
            .args(["-z", "--stdin"])
            .args(ATTRIBUTES)
            .run(&input);
        let answer = match answer {
            Err(Error::NoGit { .. }) => return Ok(None),
            answer => answer?,
        };
        // A path, the name of an attribute and its value, each with a NUL behind it.
        let mut values = answer.split(|&it| it == 0).skip(2).step_by(3);
        let all = paths.iter().map(|_| {
            let mut found = Attributes::default();
            for found in &mut found {
                *found = match values.next()? {
                    b"unspecified" => None,
                    b"unset" => Some("-".to_owned()),
                    value => Some(String::from_utf8_lossy(value).into_owned()),
                };
            }
            Some(found)
        });
        Ok(all.collect())
    }
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
