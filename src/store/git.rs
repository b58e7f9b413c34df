//! The user's `git`, for what needs their credentials, keys and hooks.
//!
//! Invariant: what runs here sees the repository it is given and no other,
//! whatever `GIT_*` variables surround us, and asks no question without a terminal.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
};

use super::Error;

/// Where the user's `git` is, and how it may behave.
#[derive(Clone, Debug)]
pub struct GitProgram {
    /// The program; found on the PATH where it is a bare name.
    pub program: PathBuf,
    /// Variables for it, on top of those that surround us.
    pub env: Vec<(OsString, OsString)>,
    /// Whether a person is there to answer.
    pub prompts: Prompts,
}

/// Whether `git` and its helpers may ask for a password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prompts {
    /// Never: a question is a failure.
    #[default]
    Never,
    /// On the terminal.
    Allowed,
}

impl Default for GitProgram {
    fn default() -> Self {
        Self {
            program: "git".into(),
            env: Vec::new(),
            prompts: Prompts::Never,
        }
    }
}

/// What points `git` at a repository, and would point it at another than ours
/// when we run inside a hook or an alias.
///
/// Source: `git rev-parse --local-env-vars`, Git 2.47.
const LOCAL_ENV: [&str; 14] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_WORK_TREE",
];

/// One run of `git` in a repository.
pub(super) struct GitCommand<'a> {
    program: &'a GitProgram,
    command: Command,
    name: &'static str,
}

impl<'a> GitCommand<'a> {
    /// `git <name>` in the repository whose Git directory is `git_dir`.
    pub(super) fn new(program: &'a GitProgram, git_dir: &Path, name: &'static str) -> Self {
        let mut command = Command::new(&program.program);
        for key in LOCAL_ENV {
            command.env_remove(key);
        }
        command.env("LC_ALL", "C");
        if program.prompts == Prompts::Never {
            command
                .env("GIT_TERMINAL_PROMPT", "0")
                .env("GCM_INTERACTIVE", "never")
                .env("SSH_ASKPASS_REQUIRE", "never");
        }
        command.envs(program.env.iter().map(|(key, value)| (key, value)));
        // What we write is UTF-8, whatever the user's own commits are in.
        command.args(["-c", "i18n.commitEncoding=UTF-8"]);
        command.arg("--git-dir").arg(git_dir).arg(name);
        Self {
            program,
            command,
            name,
        }
    }

    pub(super) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(super) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.command.args(args);
        self
    }

    pub(super) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    pub(super) fn current_dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs it with `input` on its standard input; a bad status is no error here.
    pub(super) fn output(self, input: &[u8]) -> Result<Output, Error> {
        self.output_to(input, Stdio::piped())
    }

    /// The same with its standard output in a file.
    pub(super) fn output_into(self, input: &[u8], into: &File) -> Result<Output, Error> {
        let into = into.try_clone().map_err(|source| Error::NoGit {
            program: self.program.program.clone(),
            source,
        })?;
        self.output_to(input, into.into())
    }

    fn output_to(mut self, input: &[u8], into: Stdio) -> Result<Output, Error> {
        let no_git = |source| Error::NoGit {
            program: self.program.program.clone(),
            source,
        };
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(into)
            .stderr(Stdio::piped())
            .spawn()
            .map_err(no_git)?;
        let mut stdin = child.stdin.take().expect("its input was piped");
        thread::scope(|scope| {
            let feeding = scope.spawn(move || match stdin.write_all(input) {
                // It may have made up its mind before it read everything.
                Err(err) if err.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                fed => fed,
            });
            let output = child.wait_with_output().map_err(no_git)?;
            match feeding.join() {
                Ok(Ok(())) => Ok(output),
                Ok(Err(err)) => Err(no_git(err)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Runs it and gives what it printed.
    pub(super) fn run(self, input: &[u8]) -> Result<Vec<u8>, Error> {
        let name = self.name;
        let output = self.output(input)?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(failure(name, &output))
        }
    }
}

/// The error for a run that ended badly.
pub(super) fn failure(command: &'static str, output: &Output) -> Error {
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("hint:"))
        .collect();
    let last = lines[lines.len().saturating_sub(6)..].join("; ");
    Error::GitFailed {
        command,
        message: if last.is_empty() {
            output.status.to_string()
        } else {
            without_secrets(&last)
        },
    }
}

/// `text` without the user and password of the URLs in it.
fn without_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after
            .find(|it: char| it == '/' || it.is_whitespace() || matches!(it, '\'' | '"'))
            .unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => {
                out.push_str("***");
                &after[at..]
            }
            None => after,
        };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_in_a_url_is_never_repeated() {
        assert_eq!(
            without_secrets(
                "unable to access 'https://jane:s3cret@git.acme.com/x/': 403; see ssh://h/x@y"
            ),
            "unable to access 'https://***@git.acme.com/x/': 403; see ssh://h/x@y"
        );
    }
}
