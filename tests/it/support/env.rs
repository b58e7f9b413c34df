//! A place of its own for each test: home, repository, environment.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tempfile::TempDir;

use super::Org;

/// A home, a repository folder and an org to talk to.
pub(crate) struct TestEnv {
    /// The org.
    pub(crate) org: Org,
    home: TempDir,
    /// Name of the user who runs the commands.
    runner: String,
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: i32,
}

impl Ran {
    /// What it was by its output.
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
            status: output.status.code().unwrap_or(-1),
        }
    }

    /// Asserts the exit status.
    #[track_caller]
    pub(crate) fn status(self, expected: i32) -> Self {
        assert_eq!(
            self.status, expected,
            "stdout:\n{}\nstderr:\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Asserts that standard output holds `text`.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.stdout.contains(text),
            "no `{text}` in:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Asserts that standard error holds `text`.
    #[track_caller]
    pub(crate) fn warns(self, text: &str) -> Self {
        assert!(
            self.stderr.contains(text),
            "no `{text}` in:\n{}",
            self.stderr
        );
        self
    }
}

impl TestEnv {
    /// A fresh home and repository against `org`.
    pub(crate) fn new(org: Org) -> Self {
        let runner = org.ready["users"][0]["name"].as_str().unwrap().to_owned();
        Self {
            org,
            home: crate::support::tempdir(),
            runner,
        }
    }

    /// The same against our fixture company.
    pub(crate) fn acme() -> Self {
        Self::new(Org::acme())
    }

    /// The same, with an initialised repository.
    pub(crate) fn initialised() -> Self {
        let env = Self::acme();
        env.orgkeep(&["init"]).status(0);
        env
    }

    /// Folder of the repository.
    pub(crate) fn repo(&self) -> PathBuf {
        let dir = self.home.path().join("repo");
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    /// A folder beside the repository.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The command with an environment of its own.
    pub(crate) fn command(&self, program: &str, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(dir)
            .env_clear()
            .envs(git_environment(self.home.path()))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TMPDIR", super::scratch_root())
            .env("SF_ORG_INSTANCE_URL", self.org.url())
            .env("SF_ACCESS_TOKEN", self.org.token(&self.runner))
            .stdin(Stdio::null());
        command
    }

    /// Runs `orgkeep` in the repository.
    #[track_caller]
    pub(crate) fn orgkeep(&self, arguments: &[&str]) -> Ran {
        self.orgkeep_in(&self.repo(), arguments)
    }

    /// Runs `orgkeep` in `dir`.
    #[track_caller]
    pub(crate) fn orgkeep_in(&self, dir: &Path, arguments: &[&str]) -> Ran {
        let output = self
            .command(env!("CARGO_BIN_EXE_orgkeep"), dir)
            .args(arguments)
            .output()
            .unwrap();
        Ran::of(&output)
    }

    /// Runs `git` in the repository; its standard output.
    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.git_in(&self.repo(), arguments)
    }

    /// Runs `git` in `dir`; its standard output.
    #[track_caller]
    pub(crate) fn git_in(&self, dir: &Path, arguments: &[&str]) -> String {
        let output = self.command("git", dir).args(arguments).output().unwrap();
        let ran = Ran::of(&output).status(0);
        ran.stdout
    }

    /// Id of the commit at the tip of the branch.
    #[track_caller]
    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Id of the tree at the tip of the branch.
    #[track_caller]
    pub(crate) fn tree(&self, revision: &str) -> String {
        self.git(&["rev-parse", &format!("{revision}^{{tree}}")])
            .trim()
            .to_owned()
    }

    /// Asserts that the repository is sound and the working tree clean.
    #[track_caller]
    pub(crate) fn assert_sound(&self) {
        let fsck = self.git(&["fsck", "--full", "--strict", "--no-dangling"]);
        assert_eq!(fsck, "");
        assert_eq!(self.git(&["status", "--porcelain"]), "");
    }
}

/// Variables that keep Git and orgkeep away from the machine's own settings.
pub(crate) fn git_environment(home: &Path) -> Vec<(&'static str, String)> {
    let home = home.to_str().unwrap().to_owned();
    vec![
        ("HOME", home.clone()),
        ("USERPROFILE", home.clone()),
        ("XDG_CONFIG_HOME", format!("{home}/.config")),
        ("GIT_CONFIG_GLOBAL", "/dev/null".to_owned()),
        ("GIT_CONFIG_NOSYSTEM", "1".to_owned()),
        ("GIT_AUTHOR_NAME", "Test Runner".to_owned()),
        ("GIT_AUTHOR_EMAIL", "runner@example.com".to_owned()),
        ("GIT_COMMITTER_NAME", "Test Runner".to_owned()),
        ("GIT_COMMITTER_EMAIL", "runner@example.com".to_owned()),
        ("GIT_TERMINAL_PROMPT", "0".to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("TZ", "UTC".to_owned()),
    ]
}
