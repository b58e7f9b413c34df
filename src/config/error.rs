//! What can be wrong with `orgkeep.toml`.

use std::{io, path::PathBuf};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is none.
    #[error("there is no `{}`", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },

    /// It cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Cause.
        #[source]
        source: io::Error,
    },

    /// It is not TOML.
    #[error("orgkeep.toml, line {line}: {message}")]
    Syntax {
        /// Line, counted from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },

    /// A key that means nothing.
    #[error("orgkeep.toml, line {line}: there is no key `{}`", key.escape_debug())]
    UnknownKey {
        /// Line, counted from 1.
        line: usize,
        /// The key with its table: `metadata.exlude`.
        key: String,
        /// Keys of a like name, best first.
        nearest: Vec<String>,
    },

    /// A value that its key cannot have.
    #[error("orgkeep.toml, line {line}: `{key}` {reason}")]
    Invalid {
        /// Line, counted from 1.
        line: usize,
        /// The key with its table: `metadata.exclude`.
        key: String,
        /// Why, as the end of a sentence that begins with the key.
        reason: String,
        /// What the user can do about it, where more is to be said.
        hint: Option<String>,
    },
}

impl Error {
    /// What the user can do about it, in the imperative; `None` when we do not know.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some(
                "go to the root of a repository that orgkeep keeps, or make one with `orgkeep init`"
                    .to_owned(),
            ),
            Self::UnknownKey { key, nearest, .. } => {
                let last = key.rsplit('.').next().unwrap_or(key);
                if ["host", "url", "instance_url", "login_url", "instance", "domain"]
                    .contains(&last)
                {
                    return Some(
                        "a host belongs to a stored login: run `orgkeep login`, and name that login as `org.login`"
                            .to_owned(),
                    );
                }
                match nearest.as_slice() {
                    [] => None,
                    [one] => Some(format!("did you mean `{one}`?")),
                    several => Some(format!("did you mean one of `{}`?", several.join("`, `"))),
                }
            }
            Self::Invalid { hint, .. } => hint.clone(),
            Self::Unreadable { .. } | Self::Syntax { .. } => None,
        }
    }
}
