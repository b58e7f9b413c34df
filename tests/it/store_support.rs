//! A repository to try things in, seen both through `store` and through `git`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::Arc,
};

use orgkeep::{
    model::{Timestamp, TreePath},
    progress::Silent,
    store::{
        Checkpoint, CommitDraft, GitProgram, InitOptions, Listing, Message, ObjectId, Options,
        Publication, Published, Repository, RepositoryKind, Signature, TreeEdit, trailer,
    },
};
use tempfile::TempDir;

/// A folder that goes with the test, and `git` kept away from the machine's settings.
pub(crate) struct Scratch {
    dir: TempDir,
}

/// What a path is to be: its text, or gone.
pub(crate) type Edit<'a> = (&'a str, Option<&'a str>);

pub(crate) const FIRST: &[Edit<'static>] = &[
    (".gitattributes", Some("* -text\n")),
    ("force-app/main/default/classes/A.cls", Some("class A {}\n")),
    ("force-app/main/default/classes/B.cls", Some("class B {}\n")),
    (
        "force-app/main/default/objects/X__c/X__c.object-meta.xml",
        Some("<x/>\n"),
    ),
];

pub(crate) const SECOND: &[Edit<'static>] = &[
    (
        "force-app/main/default/classes/A.cls",
        Some("class A { int a; }\n"),
    ),
    (
        "force-app/main/default/objects/X__c/X__c.object-meta.xml",
        None,
    ),
    ("force-app/main/default/classes/C.cls", Some("class C {}\n")),
];

impl Scratch {
    pub(crate) fn new() -> Self {
        Self {
            dir: crate::support::tempdir(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The repository in `name`, with a working tree and the branch `main`.
    pub(crate) fn repo(&self, name: &str) -> Repository {
        self.repo_of(name, RepositoryKind::WithWorkTree, None)
    }

    pub(crate) fn repo_of(
        &self,
        name: &str,
        kind: RepositoryKind,
        checkpoint: Option<Arc<dyn Checkpoint>>,
    ) -> Repository {
        let init = InitOptions {
            branch: "main".to_owned(),
            kind,
        };
        let options = Options {
            checkpoint,
            ..self.options()
        };
        let repo = Repository::init(&self.path(name), &init, options).unwrap();
        for (key, value) in [
            ("commit.gpgsign", "false"),
            ("core.autocrlf", "false"),
            ("user.name", "Test Runner"),
            ("user.email", "runner@example.com"),
        ] {
            self.git(name, &["config", key, value]);
        }
        repo
    }

    pub(crate) fn options(&self) -> Options {
        Options {
            git: GitProgram {
                env: self.environment(),
                ..GitProgram::default()
            },
            checkpoint: None,
        }
    }

    fn environment(&self) -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
        let home = self.dir.path().as_os_str().to_owned();
        vec![
            ("HOME".into(), home),
            ("GIT_CONFIG_GLOBAL".into(), "/dev/null".into()),
            ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
        ]
    }

    pub(crate) fn git_output(&self, name: &str, arguments: &[&str]) -> Output {
        Command::new("git")
            .current_dir(self.path(name))
            .envs(self.environment())
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Runs `git` in the folder `name`; its standard output.
    #[track_caller]
    pub(crate) fn git(&self, name: &str, arguments: &[&str]) -> String {
        let output = self.git_output(name, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {arguments:?}: {stderr}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Asserts that `git fsck` finds nothing, and that no temporary file is left.
    #[track_caller]
    pub(crate) fn assert_sound(&self, name: &str) {
        let fsck = self.git_output(name, &["fsck", "--full", "--strict", "--no-dangling"]);
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&fsck.stdout),
            String::from_utf8_lossy(&fsck.stderr)
        );
        assert!(fsck.status.success(), "{said}");
        for word in ["error", "warning", "missing", "garbage"] {
            assert!(!said.contains(word), "{said}");
        }
    }

    /// Asserts that `git status` has nothing to say.
    #[track_caller]
    pub(crate) fn assert_clean(&self, name: &str) {
        assert_eq!(self.git(name, &["status", "--porcelain"]), "");
    }
}

pub(crate) fn path(text: &str) -> TreePath {
    text.parse().unwrap()
}

pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + seconds * 1000).unwrap()
}

pub(crate) fn draft(tree: ObjectId, parent: Option<ObjectId>, subject: &str) -> CommitDraft {
    CommitDraft {
        tree,
        parents: parent.into_iter().collect(),
        author: Signature::new("Jane Doe", "jane@acme.com", time(0)),
        committer: Signature::new("orgkeep", "orgkeep@localhost", time(60)),
        message: Message::new(subject).with_trailer(trailer::SNAPSHOT, format!("id-{subject}")),
    }
}

/// Commits the edits on top of the branch `main` and publishes them.
pub(crate) fn snapshot(
    repo: &Repository,
    subject: &str,
    edits: &[Edit<'_>],
) -> Result<(ObjectId, Published), orgkeep::store::Error> {
    let lock = repo.lock()?;
    let branch = repo.ready("main", "origin")?;
    let (base, listing) = match branch.tip {
        Some(tip) => {
            let tree = repo.commit(tip)?.tree;
            (Some(tree), repo.list_tree(tree)?)
        }
        None => (None, Listing::default()),
    };
    let pack = repo.pack(&listing)?;
    let mut edit = TreeEdit::new(base);
    for &(at, text) in edits {
        match text {
            Some(text) => edit.put(path(at), pack.blob(text.as_bytes())?),
            None => edit.remove(path(at)),
        }
    }
    let tree = edit.write(&pack)?;
    let new = pack.commit(&draft(tree, branch.tip, subject))?;
    let kept = pack.finish()?;
    let publication = Publication {
        branch,
        new,
        reason: format!("snapshot: {subject}"),
        also: Vec::new(),
    };
    let published = lock.publish(kept, &publication, &Silent)?;
    Ok((new, published))
}

/// The same where nothing stands in the way; the new commit.
#[track_caller]
pub(crate) fn put(repo: &Repository, subject: &str, edits: &[Edit<'_>]) -> ObjectId {
    let (new, published) = snapshot(repo, subject, edits).unwrap();
    assert_eq!(published.refreshed.unwrap().kept, []);
    assert_eq!(published.not_moved, [""; 0]);
    new
}

/// The files below `dir` with their texts, `.git` aside.
pub(crate) fn files(dir: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(dir)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(|it| it.file_name() != ".git")
    {
        let entry = entry.unwrap();
        if !entry.file_type().is_dir() {
            let name = entry.path().strip_prefix(dir).unwrap();
            found.push((
                name.to_str().unwrap().to_owned(),
                fs::read_to_string(entry.path()).unwrap(),
            ));
        }
    }
    found
}
