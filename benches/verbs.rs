//! Whole verbs, from answers in hand to a durable commit, against Git doing the same.
//!
//! `cargo bench --bench verbs -- [files…]` (default 5000 and 50000). Our company is multiplied
//! until its tree has about so many files, and packed as the platform packs answers. All sides
//! begin with the same zips on the disk, in `$ORGKEEP_BENCH_DIR` or the folder for temporary
//! files:
//!
//! - orgkeep: conversion, canonical form, redaction, pack, ledger, state, commit; bare;
//! - `git fast-import` of the blobs that come out, from one ready stream;
//! - `unzip`, `git add -A` and `git commit` of what lies in the zips, as it is.
//!
//! Each run of ours is a process of its own; what it reads before it begins (the listing,
//! which an org gives) is not counted. Figures are medians; runs of all sides take turns.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a measurement is for the terminal, and ends when something fails"
)]

mod company;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant, SystemTime},
};

use company::{
    Company,
    in_hand::{self, Edits},
};
use orgkeep::{
    model::{ApiVersion, Timestamp},
    ops::{
        rollback::{RollbackOptions, outline},
        snapshot::{SnapshotSetup, take_in},
    },
    plan::scope::Scope,
    progress::Silent,
    registry::{Presets, Registry},
    source::{
        Ignored, Level,
        canonical::Rules,
        redact::{OnSuspect, RedactionKey},
    },
    store::{InitOptions, ObjectId, Options, Repository, RepositoryKind},
};

const RUNS: usize = 5;

const TWENTY: Edits = Edits {
    n_changed: 20,
    n_gone: 0,
};

/// The variable that makes this program one of its own children.
const CHILD: &str = "ORGKEEP_BENCH_CHILD";

/// Files of the tree that the company makes, and that one copy adds: measured.
const FILES_OF_COMPANY: usize = 460;
const FILES_PER_COPY: usize = 226;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if std::env::var_os(CHILD).is_some() {
        child(&arguments);
        return;
    }
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|it| it.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![5_000, 50_000];
    }
    let base = std::env::var_os("ORGKEEP_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    for n in sizes {
        let dir = tempfile::tempdir_in(&base).unwrap();
        measure(dir.path(), n);
    }
}

/// What a run cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Cost {
    wall: Duration,
    cpu: Duration,
    peak_kb: u64,
}

fn measure(dir: &Path, n: usize) {
    let n_copies = n.saturating_sub(FILES_OF_COMPANY) / FILES_PER_COPY;
    let company = Company::read();
    let (before, after) = (dir.join("before"), dir.join("after"));
    let n_packed = in_hand::write(&company, n_copies, Edits::default(), &before);
    in_hand::write(&company, n_copies, TWENTY, &after);

    take(&dir.join("warm"), &before);
    let repo = open(&dir.join("warm"));
    let stream = dir.join("stream");
    let (n_files, n_bytes) = write_stream(&repo, &stream);
    println!(
        "\n{n_files} files, {} MB; {n_packed} in {} MB of zips",
        n_bytes / 1_000_000,
        size_of_zips(&before) / 1_000_000
    );
    let mut first = Runs::default();
    for run in 0..RUNS {
        let (ours, theirs) = (dir.join(format!("ours{run}")), dir.join(format!("fi{run}")));
        first.ours.push(take(&ours, &before));
        git(dir, &["init", "-q", "--bare", theirs.to_str().unwrap()]);
        let import = || git_with(&theirs, &["fast-import", "--quiet"], Some(&stream));
        first.reference.push(timed(import));
    }
    first.show("first snapshot", "git fast-import");

    let cli = dir.join("cli");
    git(dir, &["init", "-q", cli.to_str().unwrap()]);
    let all = timed(|| unzip_and_commit(&cli, &before));
    show("  unzip, git add -A, git commit", all, all);
    let ours = dir.join("ours0");
    let (mut some, mut none) = (Runs::default(), Runs::default());
    for run in 0..RUNS {
        let now = if run % 2 == 0 { &after } else { &before };
        some.ours.push(take(&ours, now));
        some.reference.push(timed(|| unzip_and_commit(&cli, now)));
        let was = everything_below(&ours);
        none.ours.push(take(&ours, now));
        assert!(was == everything_below(&ours), "a file was touched");
        none.reference.push(timed(|| unzip_and_commit(&cli, now)));
    }
    some.show("20 edited", "unzip, git add -A, git commit");
    none.show("nothing edited", "unzip, git add -A, git commit");
    trees(&open(&ours));
    plans(dir, &ours, &company, n_copies);
    memory(dir, &company, n, n_copies);
}

/// Plans rollbacks from snapshots that were taken, beside `git diff --raw` of the same commits.
fn plans(dir: &Path, repo: &Path, company: &Company, n_copies: usize) {
    let several = [
        ("plan, 20 edited", TWENTY),
        (
            "plan, 20 edited, 5 fields gone",
            Edits {
                n_changed: 20,
                n_gone: 5,
            },
        ),
        (
            "plan, 5,000 edited",
            Edits {
                n_changed: 5_000.min(n_copies * 15),
                n_gone: 0,
            },
        ),
    ];
    take(repo, &dir.join("before"));
    for (what, edits) in several {
        let edited = dir.join("edited");
        in_hand::write(company, n_copies, edits, &edited);
        take(repo, &edited);
        let mut runs = Runs::default();
        for _ in 0..RUNS {
            let range = ["main~1", "main"];
            runs.reference.push(timed(|| {
                git(repo, &["diff", "--raw", range[0], range[1]]);
            }));
            runs.ours.push(run_child("plan", repo, "main~1"));
        }
        runs.show(what, "git diff --raw");
        take(repo, &dir.join("before"));
    }
}

/// Peak memory of a first snapshot of an org that is four times as large.
fn memory(dir: &Path, company: &Company, n: usize, n_copies: usize) {
    let large = dir.join("large");
    in_hand::write(company, n_copies * 4, Edits::default(), &large);
    let cost = take(&dir.join("four"), &large);
    show(&format!("first snapshot of {}", n * 4), cost, cost);
}

/// Runs of ours and of what they are compared with.
#[derive(Default)]
struct Runs {
    ours: Vec<Cost>,
    reference: Vec<Cost>,
}

impl Runs {
    fn show(mut self, what: &str, reference: &str) {
        let theirs = median(&mut self.reference);
        show(&format!("  {reference}"), theirs, theirs);
        show(what, median(&mut self.ours), theirs);
    }
}

fn median(runs: &mut [Cost]) -> Cost {
    runs.sort_unstable();
    runs[runs.len() / 2]
}

fn show(what: &str, cost: Cost, reference: Cost) {
    let ratio = |one: Duration, other: Duration| one.as_secs_f64() / other.as_secs_f64();
    let peak = match cost.peak_kb {
        0 => String::new(),
        kb => format!("  peak {} MB", kb / 1_000),
    };
    println!(
        "{what:<36}{:>9.1} ms × {:.3}   cpu {:>8.1} ms × {:.3}{peak}",
        cost.wall.as_secs_f64() * 1e3,
        ratio(cost.wall, reference.wall),
        cost.cpu.as_secs_f64() * 1e3,
        ratio(cost.cpu, reference.cpu),
    );
}

/// Compares the two last commits, as `git diff --raw` does.
fn trees(repo: &Repository) {
    let tip = repo.branch("main", "origin").unwrap().tip.unwrap();
    let tip = repo.commit(tip).unwrap();
    let (before, after) = (repo.commit(tip.parents[0]).unwrap().tree, tip.tree);
    let mut runs = Runs::default();
    for _ in 0..RUNS {
        runs.reference.push(timed(|| {
            let ids = [before.to_string(), after.to_string()];
            git(repo.git_dir(), &["diff", "--raw", &ids[0], &ids[1]]);
        }));
        let timer = Instant::now();
        assert!(repo.diff_trees(before, after).unwrap().len() >= 20);
        runs.ours.push(Cost {
            wall: timer.elapsed(),
            ..Cost::default()
        });
    }
    runs.show("difference of two trees", "git diff --raw");
}

/// Takes what lies in `in_hand` into the repository `repo`.
fn take(repo: &Path, in_hand: &Path) -> Cost {
    run_child("take", repo, in_hand.to_str().unwrap())
}

/// Does it in a process of its own.
fn run_child(act: &str, repo: &Path, argument: &str) -> Cost {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([act, repo.to_str().unwrap(), argument])
        .env(CHILD, "1")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<u64> = text
        .split_whitespace()
        .map(|it| it.parse().unwrap())
        .collect();
    Cost {
        wall: Duration::from_micros(numbers[0]),
        cpu: Duration::from_millis(numbers[1]),
        peak_kb: numbers[2],
    }
}

fn child(arguments: &[String]) {
    let [act, repo, argument] = arguments else {
        panic!("{arguments:?}");
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = i64::try_from(now.unwrap().as_millis()).unwrap();
    let now = Timestamp::from_millis(now).unwrap();
    let (repo, setup) = (open(Path::new(repo)), setup());
    let in_hand = (act == "take").then(|| in_hand::read(Path::new(argument), now));
    let (timer, before) = (Instant::now(), cpu());
    if let Some(in_hand) = in_hand {
        let taken = take_in(&repo, &setup, in_hand, &Silent).unwrap();
        assert!(taken.gaps.is_empty(), "{:?}", taken.gaps);
    } else {
        let options = RollbackOptions {
            to: argument.clone(),
            ..RollbackOptions::default()
        };
        let outline = outline(&repo, &setup, &options, now).unwrap();
        assert!(outline.plan.items.len() >= 20);
    }
    let (wall, cpu) = (timer.elapsed(), cpu().saturating_sub(before));
    println!("{} {} {}", wall.as_micros(), cpu.as_millis(), peak_kb());
}

fn setup() -> SnapshotSetup {
    let project: orgkeep::model::TreePath = "force-app".parse().unwrap();
    SnapshotSetup {
        branch: "main".to_owned(),
        remote: "origin".to_owned(),
        api_version: ApiVersion::new(66),
        level: Level::Canonical,
        rules: Rules::default(),
        scope: Scope::default(),
        ignored: Ignored::parse(
            "package.xml\n**/jsconfig.json\n**/.eslintrc.json\n**/__tests__/**\n",
        ),
        ignored_digest: Some("the same each time".to_owned()),
        package_dir: project.clone(),
        package_dirs: vec![project],
        redact: true,
        redaction_key: RedactionKey::parse("a key for a measurement, 32 letters").ok(),
        new_key: false,
        on_suspect: OnSuspect::Report,
        registry: Registry::with(&Presets::new()),
        full_every: Duration::from_hours(24),
        committer: ("orgkeep".to_owned(), "orgkeep@localhost".to_owned()),
    }
}

fn open(dir: &Path) -> Repository {
    if dir.exists() {
        return Repository::open(dir, Options::default()).unwrap();
    }
    let init = InitOptions {
        branch: "main".to_owned(),
        kind: RepositoryKind::Bare,
    };
    Repository::init(dir, &init, Options::default()).unwrap()
}

/// Writes the tip of `repo` as a stream for `git fast-import`; numbers of files and bytes.
fn write_stream(repo: &Repository, to: &Path) -> (usize, usize) {
    let tip = repo.branch("main", "origin").unwrap().tip.unwrap();
    let listing = repo.list_tree(repo.commit(tip).unwrap().tree).unwrap();
    let mut out = BufWriter::new(File::create(to).unwrap());
    out.write_all(b"commit refs/heads/main\ncommitter o <o@x> 1795000000 +0000\ndata 3\nall\n")
        .unwrap();
    let mut n_bytes = 0;
    let mut ids: BTreeSet<ObjectId> = BTreeSet::new();
    for file in listing.iter() {
        let bytes = repo.blob(file.entry.id).unwrap();
        write!(
            out,
            "M 100644 inline {:?}\ndata {}\n",
            file.path,
            bytes.len()
        )
        .unwrap();
        out.write_all(&bytes).unwrap();
        out.write_all(b"\n").unwrap();
        n_bytes += bytes.len();
        ids.insert(file.entry.id);
    }
    out.flush().unwrap();
    let n_equal = listing.len() - ids.len();
    assert!(
        n_equal * 100 < listing.len(),
        "{n_equal} files are equal to others"
    );
    (listing.len(), n_bytes)
}

fn zips(in_hand: &Path) -> impl Iterator<Item = PathBuf> {
    let zips = (0..).map(|it| in_hand.join(format!("{it}.zip")));
    zips.take_while(|it| it.exists())
        .collect::<Vec<_>>()
        .into_iter()
}

fn size_of_zips(in_hand: &Path) -> u64 {
    zips(in_hand).map(|it| it.metadata().unwrap().len()).sum()
}

fn unzip_and_commit(repo: &Path, in_hand: &Path) {
    for zip in zips(in_hand) {
        let status = Command::new("unzip")
            .args(["-qq", "-o"])
            .arg(zip)
            .current_dir(repo)
            .status()
            .unwrap();
        assert!(status.success());
    }
    git(repo, &["add", "-A"]);
    // Status 1 where there is nothing to commit.
    run_git(repo, &["commit", "-qm", "all"], None);
}

fn git(dir: &Path, arguments: &[&str]) {
    git_with(dir, arguments, None);
}

fn git_with(dir: &Path, arguments: &[&str], input: Option<&Path>) {
    assert!(run_git(dir, arguments, input));
}

fn run_git(dir: &Path, arguments: &[&str], input: Option<&Path>) -> bool {
    let input = input.map_or_else(Stdio::null, |it| File::open(it).unwrap().into());
    Command::new("git")
        .current_dir(dir)
        .args([
            "-c",
            "user.name=o",
            "-c",
            "user.email=o@x",
            "-c",
            "gc.auto=0",
        ])
        .args(arguments)
        .stdin(input)
        .stdout(Stdio::null())
        .status()
        .unwrap()
        .success()
}

/// Every file below `dir` with its size and time, the lock apart.
fn everything_below(dir: &Path) -> BTreeSet<(PathBuf, u64, SystemTime)> {
    let mut all = BTreeSet::new();
    let mut ahead = vec![dir.to_owned()];
    while let Some(dir) = ahead.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = path.metadata().unwrap();
            if meta.is_dir() {
                ahead.push(path);
            } else if !path.ends_with("orgkeep/lock") {
                all.insert((path, meta.len(), meta.modified().unwrap()));
            }
        }
    }
    all
}

/// Runs an act of other processes.
fn timed(act: impl FnOnce()) -> Cost {
    let (timer, before) = (Instant::now(), cpu_of_children());
    act();
    Cost {
        wall: timer.elapsed(),
        cpu: cpu_of_children().saturating_sub(before),
        peak_kb: 0,
    }
}

/// Processor time of this process.
fn cpu() -> Duration {
    ticks(14)
}

/// Processor time of the children that ended.
fn cpu_of_children() -> Duration {
    ticks(16)
}

/// Two fields of `/proc/self/stat`, user and system, from the field `at` on.
///
/// Source: proc(5); a tick is 10 ms on every Linux of today.
fn ticks(at: usize) -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind = stat.rsplit_once(") ").map_or("", |it| it.1);
    let fields = behind.split(' ').skip(at - 3).take(2);
    let n: u64 = fields.filter_map(|it| it.parse::<u64>().ok()).sum();
    Duration::from_millis(n * 10)
}

fn peak_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|it| it.trim().strip_suffix(" kB")?.trim().parse().ok())
        .unwrap_or(0)
}
