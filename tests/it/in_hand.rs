//! Snapshots from answers that are in hand.

#[path = "../../benches/company/mod.rs"]
#[expect(
    dead_code,
    reason = "measurements use more of it than a test of what they measure"
)]
mod company;

use std::{collections::BTreeSet, fs, path::Path, time::SystemTime};

use company::{
    Company,
    in_hand::{self, Edits},
};
use orgkeep::{
    model::{ApiVersion, Timestamp, TreePath},
    ops::{
        rollback::{RollbackOptions, outline},
        snapshot::{SnapshotSetup, TakenIn, take_in},
    },
    plan::scope::Scope,
    progress::Silent,
    registry::{Presets, Registry},
    source::{Ignored, Level, canonical::Rules, redact::OnSuspect},
    store::{InitOptions, ObjectId, Options, Repository, RepositoryKind},
};
use tempfile::TempDir;

/// A bare repository, and answers beside it.
struct Bench {
    dir: TempDir,
    company: Company,
}

const SOME: Edits = Edits {
    n_changed: 6,
    n_gone: 1,
};

impl Bench {
    fn new() -> Self {
        Self {
            dir: TempDir::new().unwrap(),
            company: Company::read(),
        }
    }

    fn answers(&self, name: &str, max_files: usize, edits: Edits) {
        let dir = self.dir.path().join(name);
        in_hand::write_in_zips_of(max_files, &self.company, 1, edits, &dir);
    }

    fn repo(&self, name: &str) -> Repository {
        let init = InitOptions {
            branch: "main".to_owned(),
            kind: RepositoryKind::Bare,
        };
        Repository::init(&self.dir.path().join(name), &init, Options::default()).unwrap()
    }

    /// Takes in answers; the listing began so many minutes after the first one.
    fn take(&self, repo: &Repository, answers: &str, minute: i64) -> TakenIn {
        let at = Timestamp::from_millis(1_795_000_000_000 + minute * 60_000).unwrap();
        let answers = in_hand::read(&self.dir.path().join(answers), at);
        take_in(repo, &setup(), answers, &Silent).unwrap()
    }
}

fn setup() -> SnapshotSetup {
    let project: TreePath = "force-app".parse().unwrap();
    SnapshotSetup {
        branch: "main".to_owned(),
        remote: "origin".to_owned(),
        api_version: ApiVersion::new(66),
        level: Level::Canonical,
        rules: Rules::default(),
        scope: Scope::default(),
        ignored: Ignored::nothing(),
        ignored_digest: None,
        package_dir: project.clone(),
        package_dirs: vec![project],
        redact: true,
        redaction_key: None,
        new_key: false,
        on_suspect: OnSuspect::Report,
        registry: Registry::with(&Presets::new()),
        full_every: std::time::Duration::from_hours(24),
        committer: ("orgkeep".to_owned(), "orgkeep@localhost".to_owned()),
    }
}

fn tip(repo: &Repository) -> ObjectId {
    repo.branch("main", "origin").unwrap().tip.unwrap()
}

/// What stands at `path` in the last commit.
fn at(repo: &Repository, path: &str) -> ObjectId {
    let tree = repo.commit(tip(repo)).unwrap().tree;
    repo.entry_at(tree, path).unwrap().unwrap().id
}

/// Every file but the lock, with its size and time.
fn files_below(dir: &Path) -> BTreeSet<(String, u64, SystemTime)> {
    let mut all = BTreeSet::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = path.metadata().unwrap();
        if meta.is_dir() {
            all.extend(files_below(&path));
        } else if !path.ends_with("orgkeep/lock") {
            let name = path.display().to_string();
            all.insert((name, meta.len(), meta.modified().unwrap()));
        }
    }
    all
}

#[test]
fn answers_make_one_tree_however_the_org_is_cut() {
    let bench = Bench::new();
    bench.answers("one", 10_000, Edits::default());
    bench.answers("several", 200, Edits::default());
    assert!(bench.dir.path().join("several/1.zip").exists());
    let (one, several) = (bench.repo("a"), bench.repo("b"));

    bench.take(&one, "one", 0);
    bench.take(&several, "several", 0);

    assert_eq!(tip(&one), tip(&several));
}

#[test]
fn answers_that_came_before_touch_no_file() {
    let bench = Bench::new();
    bench.answers("one", 10_000, Edits::default());
    let repo = bench.repo("a");
    bench.take(&repo, "one", 0);
    let before = files_below(repo.git_dir());

    let again = bench.take(&repo, "one", 60);

    assert!(again.commits.is_empty(), "{again:?}");
    assert_eq!(files_below(repo.git_dir()), before);
}

#[test]
fn what_was_not_unpacked_again_is_what_unpacking_gives() {
    let bench = Bench::new();
    bench.answers("before", 10_000, Edits::default());
    bench.answers("after", 10_000, SOME);
    let (known, fresh) = (bench.repo("a"), bench.repo("b"));
    bench.take(&known, "before", 0);

    let taken = bench.take(&known, "after", 60);
    bench.take(&fresh, "after", 60);

    assert!(taken.n_changed_files >= 7, "{taken:?}");
    assert_eq!(at(&known, "force-app"), at(&fresh, "force-app"));
    bench.take(&known, "before", 120);
    bench.take(&fresh, "before", 120);
    assert_eq!(at(&known, "force-app"), at(&fresh, "force-app"));
}

#[test]
fn tree_that_is_not_what_was_written_is_put_right_in_spite_of_the_marks() {
    let bench = Bench::new();
    bench.answers("one", 10_000, Edits::default());
    bench.answers("other", 10_000, SOME);
    let repo = bench.repo("a");
    bench.take(&repo, "one", 0);
    let was = at(&repo, "force-app");
    let marks = repo.git_dir().join("orgkeep/marks");
    let of_one = fs::read(&marks).unwrap();
    bench.take(&repo, "other", 60);

    // The marks of another tree.
    fs::write(&marks, of_one).unwrap();
    bench.take(&repo, "one", 120);

    assert_eq!(at(&repo, "force-app"), was);
}

#[test]
fn plan_from_the_branch_alone_has_an_item_for_each_component() {
    let bench = Bench::new();
    bench.answers("before", 10_000, Edits::default());
    bench.answers("after", 10_000, SOME);
    let repo = bench.repo("a");
    bench.take(&repo, "before", 0);
    bench.take(&repo, "after", 60);

    let options = RollbackOptions {
        to: "main~1".to_owned(),
        ..RollbackOptions::default()
    };
    let at = Timestamp::from_millis(1_795_100_000_000).unwrap();
    let outline = outline(&repo, &setup(), &options, at).unwrap();

    let verdicts: Vec<_> = outline
        .plan
        .items
        .iter()
        .map(|it| it.verdict.word())
        .collect();
    assert_eq!(verdicts.iter().filter(|it| **it == "recreate").count(), 1);
    assert!(verdicts.len() >= 7, "{verdicts:?}");
    assert!(!outline.deploy.calls.is_empty());
}
