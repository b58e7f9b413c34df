//! How a failed command is told: one error, its causes, one hint.

use std::io;

use crate::model::disk::disk_hint;

/// A command that failed.
#[derive(Debug)]
pub struct CommandError {
    kind: Kind,
    /// What failed, then its causes, outermost first.
    pub messages: Vec<String>,
    /// What there is to say besides, one line each.
    pub details: Vec<String>,
    /// What the user can do, in the imperative.
    pub hint: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Failed,
    Usage,
    BrokenPipe,
}

impl CommandError {
    /// An act that failed: status 1.
    #[must_use]
    pub fn failed(error: &(dyn std::error::Error + 'static), hint: Option<String>) -> Self {
        Self {
            kind: Kind::Failed,
            messages: chain(error),
            details: Vec::new(),
            hint,
        }
    }

    /// Something that a command refuses: status 1.
    #[must_use]
    pub fn refused(message: &str, hint: &str) -> Self {
        Self {
            kind: Kind::Failed,
            messages: vec![message.to_owned()],
            details: Vec::new(),
            hint: Some(hint.to_owned()),
        }
    }

    /// Words of the command line that do not go together: status 2.
    #[must_use]
    pub fn usage(message: impl Into<String>, hint: impl Into<Option<String>>) -> Self {
        Self {
            kind: Kind::Usage,
            messages: vec![message.into()],
            details: Vec::new(),
            hint: hint.into(),
        }
    }

    /// Status of the process.
    #[must_use]
    pub fn status(&self) -> u8 {
        match self.kind {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::BrokenPipe => 0,
        }
    }

    /// Whether nobody reads the output any more, which is no failure.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        self.kind == Kind::BrokenPipe
    }
}

/// The message of `error` and of each of its causes; one that only repeats its cause is said once.
fn chain(error: &(dyn std::error::Error + 'static)) -> Vec<String> {
    let mut messages = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(err) = cause {
        let text = err.to_string();
        if messages.last().is_none_or(|last| !last.contains(&text)) {
            messages.push(text);
        }
        cause = err.source();
    }
    messages
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self {
                kind: Kind::BrokenPipe,
                messages: Vec::new(),
                details: Vec::new(),
                hint: None,
            };
        }
        Self::failed(&error, disk_hint(&error))
    }
}

impl From<crate::ops::Error> for CommandError {
    fn from(error: crate::ops::Error) -> Self {
        let details = error.details().to_vec();
        let hint = error.hint();
        Self {
            details,
            ..Self::failed(&error, hint)
        }
    }
}

macro_rules! from_error_with_hint {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                let hint = error.hint();
                Self::failed(&error, hint)
            }
        }
    )*};
}
from_error_with_hint!(
    crate::store::Error,
    crate::client::Error,
    crate::auth::Error,
);
