//! Killed at every moment, on a full disk, and beside others.
//!
//! The child process is this test binary again: it runs one test by name, in
//! which the environment tells it what to do.

use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use orgkeep::store::{Checkpoint, Error, Options, Repository, RepositoryKind, Step};

use crate::store_support::{Edit, FIRST, SECOND, Scratch, put, snapshot};

const CHILD: &str = "store_damage::child_takes_a_snapshot";

/// Ends the process, or fails, at the n-th step.
struct EndAt {
    left: AtomicUsize,
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    Abort,
    Fail,
}

impl Checkpoint for EndAt {
    fn reached(&self, _: Step) -> io::Result<()> {
        let left = self.left.load(Ordering::SeqCst);
        if left == 0 {
            return match self.how {
                How::Abort => std::process::abort(),
                How::Fail => Err(io::Error::from(io::ErrorKind::StorageFull)),
            };
        }
        self.left.store(left - 1, Ordering::SeqCst);
        Ok(())
    }
}

fn many() -> Vec<(String, String)> {
    (0..6)
        .map(|n| (format!("force-app/d{}/f{n}", n % 2), format!("{n}\n")))
        .collect()
}

/// SECOND and more, so that there are steps enough.
fn second(many: &[(String, String)]) -> Vec<Edit<'_>> {
    let more = many
        .iter()
        .map(|(path, text)| (path.as_str(), Some(text.as_str())));
    SECOND.iter().copied().chain(more).collect()
}

/// What the parent asks for by its environment; on its own, an ordinary snapshot.
#[test]
fn child_takes_a_snapshot() {
    let (own, repo);
    let many = many();
    if let Some(dir) = std::env::var_os("ORGKEEP_TEST_REPOSITORY") {
        let left = std::env::var("ORGKEEP_TEST_STEPS").ok();
        let checkpoint: Option<Arc<dyn Checkpoint>> = left.map(|left| -> Arc<dyn Checkpoint> {
            Arc::new(EndAt {
                left: AtomicUsize::new(left.parse().unwrap()),
                how: How::Abort,
            })
        });
        let options = Options {
            checkpoint,
            ..Options::default()
        };
        repo = Repository::open(Path::new(&dir), options).unwrap();
    } else {
        own = Scratch::new();
        repo = own.repo("r");
        put(&repo, "first", FIRST);
    }
    let (_, published) = snapshot(&repo, "second", &second(&many)).unwrap();
    published.refreshed.unwrap();
}

/// Runs the child; whether it came to its end.
fn run_child(repo: &Path, steps: Option<usize>, file_size_kib: Option<u32>) -> bool {
    let exe = std::env::current_exe().unwrap();
    let mut command = match file_size_kib {
        Some(limit) => {
            let mut shell = Command::new("sh");
            // Without the signal a write beyond the limit is an error, as on a full disk.
            let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$@\"");
            shell.args(["-c", &script, "sh"]).arg(exe);
            shell
        }
        None => Command::new(exe),
    };
    command
        .args(["--exact", CHILD, "--test-threads=1"])
        .env("ORGKEEP_TEST_REPOSITORY", repo)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Some(steps) = steps {
        command.env("ORGKEEP_TEST_STEPS", steps.to_string());
    }
    command.status().unwrap().success()
}

/// Asserts that the repository is as before or complete, and that the next run ends well.
#[track_caller]
fn assert_recovers(scratch: &Scratch, repo: &Repository, before: &str, what: &str) {
    scratch.assert_sound("r");
    let tip = scratch.git("r", &["rev-parse", "main"]);
    let subject = scratch.git("r", &["log", "-1", "--format=%s", "main"]);
    assert!(
        tip.trim() == before || subject == "second\n",
        "{what}: {subject}"
    );
    let many = many();
    let (_, published) = snapshot(repo, "second", &second(&many)).unwrap();
    assert_eq!(published.refreshed.unwrap().kept, [], "{what}");
    scratch.assert_clean("r");
    scratch.assert_sound("r");
    let left = fs::read_dir(scratch.path("r/.git/orgkeep"))
        .unwrap()
        .count();
    assert_eq!(left, 1, "{what}: only the lock's file stays");
    let packs = fs::read_dir(scratch.path("r/.git/objects/pack")).unwrap();
    for entry in packs {
        let path = entry.unwrap().path();
        let suffix = path.extension().unwrap_or_default();
        assert!(
            suffix == "pack" || suffix == "idx",
            "{what}: {}",
            path.display()
        );
    }
}

#[test]
fn killed_at_any_step_it_is_as_before_or_complete() {
    let mut n_killed = 0;
    for steps in 0.. {
        let scratch = Scratch::new();
        let repo = scratch.repo("r");
        let before = put(&repo, "first", FIRST).to_string();
        let ended = run_child(&scratch.path("r"), Some(steps), None);
        assert_recovers(&scratch, &repo, &before, &format!("step {steps}"));
        if ended {
            break;
        }
        n_killed += 1;
    }
    assert!(25 < n_killed, "{n_killed} steps");
}

#[test]
fn lock_files_of_a_killed_writer_are_no_obstacle() {
    let note = ".git/orgkeep/publishing.json";
    let mut n_noted = 0;
    for steps in 15.. {
        let scratch = Scratch::new();
        let repo = scratch.repo("r");
        let before = put(&repo, "first", FIRST).to_string();
        let ended = run_child(&scratch.path("r"), Some(steps), None);
        if ended {
            break;
        }
        let Ok(text) = fs::read_to_string(scratch.path("r").join(note)) else {
            continue;
        };
        // libgit2 leaves them empty, or with what the reference was to be.
        let noted: serde_json::Value = serde_json::from_str(&text).unwrap();
        let new = noted["new"].as_str().unwrap();
        let text = [String::new(), format!("{new}\n")][n_noted % 2].clone();
        fs::write(scratch.path("r/.git/refs/heads/main.lock"), text).unwrap();
        assert_recovers(&scratch, &repo, &before, &format!("step {steps}"));
        n_noted += 1;
    }
    assert!(5 < n_noted, "{n_noted} steps with a note");
}

#[test]
fn lock_files_of_others_are_left_alone() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let before = put(&repo, "first", FIRST).to_string();
    let index = scratch.path("r/.git/index.lock");
    fs::write(&index, "").unwrap();
    let err = snapshot(&repo, "second", SECOND).unwrap_err();
    assert!(matches!(err, Error::IndexLocked { .. }), "{err}");
    fs::remove_file(index).unwrap();
    let branch = scratch.path("r/.git/refs/heads/main.lock");
    fs::write(&branch, format!("{before}\n")).unwrap();
    let err = snapshot(&repo, "second", SECOND).unwrap_err();
    assert!(matches!(err, Error::RefMoved { .. }), "{err}");
    assert!(branch.exists());
    assert_eq!(scratch.git("r", &["rev-parse", "main"]).trim(), before);
    fs::remove_file(branch).unwrap();
    put(&repo, "second", SECOND);
    scratch.assert_clean("r");
}

#[test]
fn disk_that_refuses_at_any_step_loses_nothing() {
    for steps in 0.. {
        let scratch = Scratch::new();
        let healthy = scratch.repo("r");
        let before = put(&healthy, "first", FIRST).to_string();
        let end = Arc::new(EndAt {
            left: AtomicUsize::new(steps),
            how: How::Fail,
        });
        let repo = scratch.repo_of("r", RepositoryKind::WithWorkTree, Some(end.clone()));
        let many = many();
        let written = snapshot(&repo, "second", &second(&many));
        let ended = 0 < end.left.load(Ordering::SeqCst);
        let head = scratch.git("r", &["rev-parse", "main"]);
        match written {
            // Nothing moved, and no file was touched.
            Err(err) => {
                assert!(matches!(err, Error::Disk { .. }), "{err}");
                assert_eq!(head.trim(), before);
                scratch.assert_clean("r");
            }
            Ok((new, published)) => {
                assert_eq!(head.trim(), new.to_string());
                if published.refreshed.is_ok() {
                    scratch.assert_clean("r");
                }
                assert!(published.refreshed.is_ok() || !ended);
            }
        }
        assert_recovers(&scratch, &healthy, &before, &format!("step {steps}"));
        if ended {
            break;
        }
    }
}

#[cfg(unix)]
#[test]
fn file_size_limit_is_an_error_and_not_a_loss() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let before = put(&repo, "first", FIRST).to_string();
    assert!(!run_child(&scratch.path("r"), None, Some(0)));
    assert_eq!(scratch.git("r", &["rev-parse", "main"]).trim(), before);
    assert_recovers(&scratch, &repo, &before, "limit");
}

#[test]
fn second_writer_is_told_who_is_first() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let first = repo.lock().unwrap();
    let other = Repository::open(&scratch.path("r"), scratch.options()).unwrap();
    let err = other.lock().unwrap_err();
    assert_eq!(
        err.to_string(),
        format!(
            "the repository is in use by another orgkeep (process {})",
            std::process::id()
        )
    );
    assert!(err.is_transient());
    drop(first);
    other.lock().unwrap();
}

#[test]
fn branch_that_someone_else_moved_is_left_alone() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    let first = put(&repo, "first", FIRST);
    let lock = repo.lock().unwrap();
    let branch = repo.ready("main", "origin").unwrap();
    let pack = repo.pack(&orgkeep::store::Listing::default()).unwrap();
    let tree = repo.commit(first).unwrap().tree;
    let new = pack
        .commit(&crate::store_support::draft(tree, Some(first), "late"))
        .unwrap();
    let kept = pack.finish().unwrap();
    scratch.git("r", &["commit", "-q", "--allow-empty", "-m", "people"]);
    let theirs = scratch.git("r", &["rev-parse", "main"]);
    let publication = orgkeep::store::Publication {
        branch,
        new,
        reason: "snapshot".to_owned(),
        also: vec![],
    };
    let err = lock
        .publish(kept, &publication, &orgkeep::progress::Silent)
        .unwrap_err();
    assert!(matches!(err, Error::RefMoved { .. }), "{err}");
    assert_eq!(scratch.git("r", &["rev-parse", "main"]), theirs);
    scratch.assert_clean("r");
}

#[test]
fn pack_is_kept_from_a_repack_until_the_branch_has_moved() {
    let scratch = Scratch::new();
    let repo = scratch.repo("r");
    put(&repo, "first", FIRST);
    let pack = repo.pack(&orgkeep::store::Listing::default()).unwrap();
    let blob = pack.blob(b"not reachable yet").unwrap();
    let kept = pack.finish().unwrap();
    scratch.git("r", &["gc", "-q", "--prune=now"]);
    assert_eq!(repo.blob(blob).unwrap(), b"not reachable yet");
    kept.release();
    scratch.git("r", &["gc", "-q", "--prune=now"]);
    assert!(
        !scratch
            .git_output("r", &["cat-file", "-e", &blob.to_string()])
            .status
            .success()
    );
}
