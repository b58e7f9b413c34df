//! `kill -9` at moments spread over a run, and at those when something appears on the disk.
//!
//! `ORGKEEP_KILLS` is the number of moments of each of the five runs.

use std::{
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{assert_complete, assert_sound, copy, metadata, snapshot, story, tip, tree};
use crate::support::{Org, Package, TestEnv};

/// Moments of each run, where the environment names no other number.
const KILLS: usize = 5;

/// How many runs are killed at once; they mostly wait.
const AT_ONCE: usize = 3;

/// When a run is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After this share of the time that it takes.
    Share(f64),
    /// So long after this appeared in the repository.
    Seen(Sign, Duration),
    /// So long after the org had this many of that call in all.
    Called(&'static str, u64, Duration),
}

/// Something on the disk that tells how far a run is.
#[derive(Clone, Copy, Debug)]
enum Sign {
    File(&'static str),
    /// A file in the folder whose name ends so.
    Like(&'static str, &'static str),
    /// The branch is elsewhere than before.
    Moved,
}

impl Sign {
    fn is_there(self, dir: &Path, before: &str) -> bool {
        match self {
            Self::File(path) => dir.join(path).exists(),
            Self::Like(folder, end) => std::fs::read_dir(dir.join(folder)).is_ok_and(|mut it| {
                it.any(|it| it.is_ok_and(|it| it.file_name().to_string_lossy().ends_with(end)))
            }),
            Self::Moved => std::fs::read_to_string(dir.join(".git/refs/heads/main"))
                .is_ok_and(|it| it.trim() != before),
        }
    }
}

fn n_kills() -> usize {
    let asked = std::env::var("ORGKEEP_KILLS").ok();
    asked.map_or(KILLS, |it| it.parse().unwrap())
}

/// `n` moments: half of them by time, half by `signs`, each time a little later.
fn moments(n: usize, signs: &[Sign]) -> Vec<Moment> {
    (0..n)
        .map(|at| {
            let half = at / 2;
            if at % 2 == 0 || signs.is_empty() {
                #[expect(clippy::cast_precision_loss, reason = "there are not so many moments")]
                return Moment::Share((at as f64 + 0.5) / n as f64);
            }
            let later = u64::try_from(half / signs.len()).unwrap();
            Moment::Seen(
                signs[half % signs.len()],
                Duration::from_micros(later * 700),
            )
        })
        .collect()
}

/// Waits for the moment, or the end of the child if that comes first, and kills it.
fn kill_at(child: &mut Child, moment: Moment, span: Duration, dir: &Path, before: &str, org: &Org) {
    let begun = Instant::now();
    let wait = match moment {
        Moment::Share(share) => span.mul_f64(share),
        Moment::Seen(sign, later) => {
            while !sign.is_there(dir, before) && child.try_wait().unwrap().is_none() {
                thread::sleep(Duration::from_micros(50));
            }
            begun.elapsed() + later
        }
        Moment::Called(call, n, later) => {
            while org.n_calls(call) < n && child.try_wait().unwrap().is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            begun.elapsed() + later
        }
    };
    while begun.elapsed() < wait && child.try_wait().unwrap().is_none() {
        thread::sleep(Duration::from_micros(200).min(wait));
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// A repository and perhaps its remote, as they are before the run that is killed.
struct Stage {
    env: TestEnv,
    home: PathBuf,
    arguments: Vec<&'static str>,
    before: String,
    signs: Vec<Sign>,
}

/// What a run leaves that nobody kills.
struct Whole {
    tree: String,
    story: String,
    span: Duration,
}

impl Stage {
    /// The repository of `env` becomes the one that each run begins with.
    fn new(env: TestEnv, arguments: &[&'static str], signs: &[Sign]) -> Self {
        let home = env.scratch("stage");
        copy(&env.repo(), &home.join("repo"));
        let remote = env.scratch("remote.git");
        if remote.exists() {
            copy(&remote, &home.join("remote.git"));
        }
        Self {
            before: tip(&env, &env.repo()),
            env,
            home,
            arguments: arguments.to_vec(),
            signs: signs.to_vec(),
        }
    }

    /// A copy of it all; the repository in it.
    fn copy(&self, name: &str) -> PathBuf {
        let home = self.env.scratch(name);
        copy(&self.home, &home);
        home.join("repo")
    }

    fn spawn(&self, dir: &Path) -> Child {
        self.env
            .command(env!("CARGO_BIN_EXE_orgkeep"), dir)
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn whole(&self) -> Whole {
        let dir = self.copy("whole");
        let begun = Instant::now();
        assert!(self.spawn(&dir).wait().unwrap().success());
        let span = begun.elapsed();
        assert_complete(&self.env, &dir, "nobody killed it");
        Whole {
            tree: tree(&self.env, &dir),
            story: story(&self.env, &dir, &self.before),
            span,
        }
    }

    /// Kills the run at every moment, and lets the next one complete it.
    fn kill_at_all_moments(&self) {
        let whole = self.whole();
        let all = moments(n_kills(), &self.signs);
        let n_cut = AtomicUsize::new(0);
        each_of(&all, |at, moment| {
            let what = format!("killed at moment {at}, {moment:?}");
            let dir = self.copy(&format!("m{at}"));
            let mut child = self.spawn(&dir);
            kill_at(
                &mut child,
                moment,
                whole.span,
                &dir,
                &self.before,
                &self.env.org,
            );
            if !child.wait().unwrap().success() {
                n_cut.fetch_add(1, Ordering::SeqCst);
            }
            self.assert_half_or_whole(&dir, &whole, &what);
            snapshot(&self.env, &dir, &self.arguments[1..], &what);
            assert_complete(&self.env, &dir, &what);
            assert!(
                !dir.join(".git/orgkeep/spool").exists(),
                "{what}: answers are left"
            );
            assert_eq!(tree(&self.env, &dir), whole.tree, "{what}");
            assert_eq!(story(&self.env, &dir, &self.before), whole.story, "{what}");
            let remote = dir.with_file_name("remote.git");
            if remote.exists() {
                assert_sound(&self.env, &remote, &what);
                assert_eq!(tip(&self.env, &remote), tip(&self.env, &dir), "{what}");
            }
        });
        let n_cut = n_cut.into_inner();
        assert!(
            2 * n_cut >= all.len(),
            "only {n_cut} of {} were cut short",
            all.len()
        );
    }

    fn assert_half_or_whole(&self, dir: &Path, whole: &Whole, what: &str) {
        assert_sound(&self.env, dir, what);
        let has_moved = tip(&self.env, dir) != self.before;
        if has_moved {
            assert_eq!(tree(&self.env, dir), whole.tree, "{what}: half a snapshot");
            assert_eq!(story(&self.env, dir, &self.before), whole.story, "{what}");
        }
        let remote = dir.with_file_name("remote.git");
        if remote.exists() && tip(&self.env, &remote) != self.before {
            assert_eq!(tree(&self.env, &remote), whole.tree, "{what}: half a push");
            assert_eq!(
                story(&self.env, &remote, &self.before),
                whole.story,
                "{what}"
            );
        }
    }
}

/// Does `act` with each moment, some at once.
fn each_of(all: &[Moment], act: impl Fn(usize, Moment) + Sync) {
    let next = Mutex::new(0..all.len());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(at) = next.lock().unwrap().next() else {
                        break;
                    };
                    act(at, all[at]);
                }
            });
        }
    });
}

const WRITING: [Sign; 8] = [
    Sign::File(".git/orgkeep/spool"),
    Sign::Like(".git/orgkeep/spool", ".zip"),
    Sign::Like(".git/objects/pack", ".keep"),
    Sign::File(".git/orgkeep/publishing.json"),
    Sign::File(".git/refs/heads/main.lock"),
    Sign::Moved,
    Sign::File(".git/index.lock"),
    Sign::File(".git/orgkeep/index-draft"),
];

/// Jane and Omar have changed this and that since the snapshot of `env`.
fn changes_of_two(env: &TestEnv) {
    let package = Package::acme();
    let at = |minute| format!("2027-01-10T08:{minute}:00Z");
    package.edit("classes/OpportunityService.cls", "{", "{ // Jane");
    package.edit("classes/RentalDeskController.cls", "{", "{ // Jane");
    package.load(&env.org, "jane@acme.example", &at("10"));
    package.remove(&["reports/Sales/Web_Leads.report"]);
    package.edit(
        "reports/Sales/Regional/Big_Deals_This_Quarter.report",
        "25000",
        "9",
    );
    package.load(&env.org, "omar@acme.example", &at("20"));
    package.edit("classes/InboundRentalMail.cls", "{", "{ // Jane");
    package.load(&env.org, "jane@acme.example", &at("30"));
    env.org.clock(&json!({"now": "2027-01-10T09:00:00Z"}));
}

fn at_eight() -> TestEnv {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    env
}

#[test]
fn first_snapshot_killed_at_any_moment_is_completed_by_the_next() {
    Stage::new(at_eight(), &["snapshot"], &WRITING).kill_at_all_moments();
}

#[test]
fn incremental_snapshot_killed_at_any_moment_is_completed_by_the_next() {
    let env = at_eight();
    env.orgkeep(&["snapshot"]).status(0);
    changes_of_two(&env);
    Stage::new(env, &["snapshot"], &WRITING).kill_at_all_moments();
}

#[test]
fn push_killed_at_any_moment_is_completed_by_the_next() {
    let env = at_eight();
    let remote = env.scratch("remote.git");
    std::fs::create_dir_all(&remote).unwrap();
    env.git_in(&remote, &["init", "--quiet", "--bare", "-b", "main"]);
    env.git(&["remote", "add", "origin", "../remote.git"]);
    env.orgkeep(&["snapshot", "--push"]).status(0);
    changes_of_two(&env);
    let signs = [
        Sign::Like(".git/objects/pack", ".keep"),
        Sign::File("../remote.git/refs/heads/main.lock"),
        Sign::File(".git/orgkeep/publishing.json"),
        Sign::Moved,
    ];
    Stage::new(env, &["snapshot", "--push"], &signs).kill_at_all_moments();
}

#[test]
fn refresh_of_a_large_working_tree_killed_at_any_moment_is_completed_by_the_next() {
    let env = at_eight();
    let package = Package::acme();
    let class = std::fs::read_to_string(package.path("classes/RentalDeskController.cls")).unwrap();
    let meta = package.path("classes/RentalDeskController.cls-meta.xml");
    let write = |mark: &str| {
        for n in 0..500 {
            let path = package.path(&format!("classes/Made{n}.cls"));
            let text = class.replace("RentalDeskController", &format!("Made{n}"));
            std::fs::write(&path, format!("{text}// {mark} {n}\n")).unwrap();
            let path = package.path(&format!("classes/Made{n}.cls-meta.xml"));
            std::fs::copy(&meta, path).unwrap();
        }
    };
    write("first");
    package.load(&env.org, "omar@acme.example", "2027-01-10T08:05:00Z");
    env.orgkeep(&["snapshot"]).status(0);
    write("second");
    package.load(&env.org, "jane@acme.example", "2027-01-10T08:30:00Z");
    env.org.clock(&json!({"now": "2027-01-10T09:00:00Z"}));
    let signs = [
        Sign::File(".git/orgkeep/publishing.json"),
        Sign::Moved,
        Sign::File(".git/orgkeep/index-draft"),
    ];
    Stage::new(env, &["snapshot"], &signs).kill_at_all_moments();
}

/// A repository whose org has lost a field, and the commit that has it.
struct Loss {
    home: tempfile::TempDir,
    first: String,
}

impl Loss {
    fn new() -> Self {
        let home = crate::support::tempdir();
        let state = home.path().join("org");
        let mut env = TestEnv::new(Org::start(&["--state", state.to_str().unwrap()]));
        env.orgkeep(&["init"]).status(0);
        env.orgkeep(&["snapshot"]).status(0);
        let first = env.head();
        for who in ["jane", "omar"] {
            crate::support::deploy(&env.org, who, &format!("fixtures/orgs/acme-changes/{who}"));
        }
        env.orgkeep(&["snapshot"]).status(0);
        copy(&env.repo(), &home.path().join("repo"));
        copy(&env.scratch(".config"), &home.path().join("config"));
        env.org.stop();
        Self { home, first }
    }

    /// The same once more: an org and a repository of its own.
    fn again(&self) -> TestEnv {
        let env = TestEnv::new(Org::acme());
        let state = env.scratch("org");
        copy(&self.home.path().join("org"), &state);
        let mut env = env;
        env.org = Org::start(&["--state", state.to_str().unwrap()]);
        std::fs::remove_dir(env.repo()).unwrap();
        copy(&self.home.path().join("repo"), &env.scratch("repo"));
        copy(&self.home.path().join("config"), &env.scratch(".config"));
        env
    }

    fn arguments(&self) -> [&str; 5] {
        [
            "rollback",
            "--to",
            &self.first,
            "CustomField:Account.Region__c",
            "--yes",
        ]
    }
}

#[test]
fn rollback_killed_at_any_moment_is_completed_by_the_next() {
    let loss = Loss::new();
    let env = loss.again();
    let begun = Instant::now();
    env.orgkeep(&loss.arguments()).status(0);
    let span = begun.elapsed();
    let wanted = metadata(&env, &env.repo());
    let (n_deploys, n_checks) = (
        env.org.n_calls("deploy"),
        env.org.n_calls("checkDeployStatus"),
    );
    let n = n_kills();
    let mut all = moments(n, &[]);
    // Before the deploy, while it is asked for, and before the commit.
    for (at, moment) in all.iter_mut().enumerate().filter(|(at, _)| at % 2 == 1) {
        let later = Duration::from_millis(u64::try_from(at / 8).unwrap() * 5);
        *moment = match at / 2 % 4 {
            0 => Moment::Called("deploy", 1, later),
            1 => Moment::Called("deploy", n_deploys, later),
            2 => Moment::Called("checkDeployStatus", n_checks, later),
            _ => Moment::Called("checkDeployStatus", n_checks.saturating_sub(1), later),
        };
    }
    each_of(&all, |at, moment| {
        let what = format!("killed at moment {at}, {moment:?}");
        let env = loss.again();
        let dir = env.repo();
        let before = tip(&env, &dir);
        let mut child = env
            .command(env!("CARGO_BIN_EXE_orgkeep"), &dir)
            .args(loss.arguments())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        kill_at(&mut child, moment, span, &dir, &before, &env.org);
        assert_sound(&env, &dir, &what);
        snapshot(&env, &dir, &[], &what);
        assert_complete(&env, &dir, &what);
        let mut ran = env.orgkeep(&loss.arguments());
        if let Some((_, rest)) = ran.stderr.split_once("orgkeep jobs wait ") {
            // The killed one's deploy goes on: nobody deploys beside it.
            let (job, _) = rest.split_once('`').unwrap();
            env.orgkeep(&["jobs", "wait", job]).status(0);
            ran = env.orgkeep(&loss.arguments());
        }
        if ran.stderr.contains("the plan no longer holds") {
            // The killed one's deploy ended only now: the plan is refused, and made again.
            ran = env.orgkeep(&loss.arguments());
        }
        assert_eq!(ran.status, 0, "{what}: {}{}", ran.stdout, ran.stderr);
        assert_complete(&env, &dir, &what);
        assert_eq!(metadata(&env, &dir), wanted, "{what}");
        let range = format!("{before}..main");
        let named = env.git(&["log", "--format=", "--name-only", &range, "--", "force-app"]);
        let mut paths: Vec<_> = named.lines().filter(|it| !it.is_empty()).collect();
        let n_all = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(
            paths.len(),
            n_all,
            "{what}: a change stands there twice: {paths:#?}"
        );
        let authors = env.git(&["log", "--format=%an", &range, "--", "force-app"]);
        assert!(
            authors.lines().all(|it| it == "Ada Admin"),
            "{what}: {authors}"
        );
    });
}
