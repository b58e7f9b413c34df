//! What a snapshot costs in API calls, as the org counts them.

use std::{collections::BTreeMap, fs::File, path::PathBuf};

use orgkeep::archive::{Level, Writer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    push::{self, fresh_clone},
    support::{Org, Ran, TestEnv},
};

/// Most calls of a snapshot that finds nothing, however many folders there are.
const EMPTY: u64 = 300;

/// Folders of reports: each has `Main`, each tenth `Second`.
struct Company {
    n_folders: usize,
    /// A folder that is not there.
    gone: Option<usize>,
    /// Descriptions, by folder and name.
    reports: BTreeMap<(usize, String), String>,
    dir: TempDir,
}

impl Company {
    fn new(n_folders: usize) -> Self {
        let report = |n, name: &str| ((n, name.to_owned()), "as made".to_owned());
        let one = (0..n_folders).map(|n| report(n, "Main"));
        let two = (0..n_folders / 10).map(|n| report(n * 10, "Second"));
        Self {
            n_folders,
            gone: None,
            reports: one.chain(two).collect(),
            dir: crate::support::tempdir(),
        }
    }

    /// The org as a zip in metadata format.
    fn zip(&self) -> PathBuf {
        const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        const NS: &str = "xmlns=\"http://soap.sforce.com/2006/04/metadata\"";
        let path = self.dir.path().join("org.zip");
        let mut zip = Writer::new(File::create(&path).unwrap());
        let mut add = |path: &str, text: String| {
            zip.add(path, text.as_bytes(), Level::FAST).unwrap();
        };
        add(
            "package.xml",
            format!("{HEAD}<Package {NS}><version>66.0</version></Package>\n"),
        );
        for n in (0..self.n_folders).filter(|it| self.gone != Some(*it)) {
            add(
                &format!("reports/F{n:04}-meta.xml"),
                format!(
                    "{HEAD}<ReportFolder {NS}>\n    <name>Folder {n}</name>\n</ReportFolder>\n"
                ),
            );
        }
        for ((n, name), description) in &self.reports {
            add(
                &format!("reports/F{n:04}/{name}.report"),
                format!(
                    "{HEAD}<Report {NS}>\n    <description>{description}</description>\n    \
                     <format>Tabular</format>\n    <name>{name}</name>\n    \
                     <reportType>AccountList</reportType>\n</Report>\n"
                ),
            );
        }
        zip.finish().unwrap();
        path
    }

    /// A repository of an org that is as this company is.
    fn env(&self) -> TestEnv {
        self.env_with(&[])
    }

    /// The same, of an org that is started with `options`.
    fn env_with(&self, options: &[&str]) -> TestEnv {
        let zip = self.zip();
        let load = ["--load", zip.to_str().unwrap()];
        let env = TestEnv::new(Org::start(&[&load, options].concat()));
        env.orgkeep(&["init"]).status(0);
        env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
        env
    }

    /// Makes the org as this company is, as changes of Jane.
    fn change(&self, env: &TestEnv) {
        let jane = "jane@acme.example";
        env.org.load(&self.zip(), jane, "2027-01-10T09:00:00Z");
        env.org.clock(&json!({"now": "2027-01-10T10:00:00Z"}));
    }
}

/// Takes a snapshot; its report, and the calls that the org counted.
#[track_caller]
fn counted(env: &TestEnv, options: &[&str]) -> (Value, u64, BTreeMap<String, u64>) {
    env.org.control("DELETE", "/simorg/calls", &Value::Null);
    let mut arguments = vec!["snapshot", "--json"];
    arguments.extend(options);
    let ran = env.orgkeep(&arguments).status(0);
    let calls = env.org.calls();
    let report = serde_json::from_str(&ran.stdout).unwrap();
    (report, calls.values().sum(), calls)
}

fn n_commits(report: &Value) -> usize {
    report["commits"].as_array().unwrap().len()
}

fn changed_files(env: &TestEnv) -> String {
    let show = [
        "show",
        "--name-status",
        "--no-renames",
        "--format=%an",
        "HEAD",
    ];
    let text = env.git(&[&show[..], &["--", "force-app"]].concat());
    text.replace("force-app/main/default/reports/", "")
        .replace("-meta.xml", "")
}

#[test]
fn thousands_of_folders_cost_an_incremental_snapshot_no_call_each() {
    let mut company = Company::new(3_000);
    let env = company.env();
    let (report, first, calls) = counted(&env, &[]);
    assert_eq!(report["pass"], "full");
    assert_eq!(n_commits(&report), 1);
    assert!(
        first <= 1_000 + EMPTY,
        "each folder is listed once: {calls:?}"
    );

    let (report, empty, calls) = counted(&env, &[]);
    assert_eq!(report["pass"], "incremental");
    assert_eq!(n_commits(&report), 0);
    assert!(empty <= EMPTY, "{empty}: {calls:?}");

    // One report is edited, one deleted, one goes to another folder.
    let reports = &mut company.reports;
    reports.insert((7, "Main".to_owned()), "edited".to_owned());
    reports.remove(&(20, "Second".to_owned()));
    let moved = reports.remove(&(30, "Second".to_owned())).unwrap();
    reports.insert((31, "Second".to_owned()), moved);
    company.change(&env);
    let (report, some, calls) = counted(&env, &[]);
    assert_eq!(report["pass"], "incremental");
    assert_eq!(
        changed_files(&env),
        "Jane Doe\n\nM\tF0007/Main.report\nD\tF0020/Second.report\n\
         D\tF0030/Second.report\nA\tF0031/Second.report\n"
    );
    assert!(some <= empty + 20, "{some}: {calls:?}");

    let (report, again, calls) = counted(&env, &[]);
    assert_eq!(n_commits(&report), 0);
    assert!(again <= EMPTY, "{again}: {calls:?}");
}

#[test]
fn folders_are_listed_one_by_one_where_a_table_cannot_be_read_and_by_a_full_pass() {
    let mut company = Company::new(60);
    let env = company.env();
    counted(&env, &[]);
    let (_, empty, _) = counted(&env, &[]);
    for table in ["Report", "Folder"] {
        env.org
            .fault(&json!({"call": "query", "of": table, "fault": "error:INVALID_TYPE"}));
        let before = env.org.n_calls("listMetadata");
        let head = env.head();
        env.orgkeep(&["snapshot"])
            .status(0)
            .warns(&format!("the table `{table}` cannot be read"));
        assert!(env.org.n_calls("listMetadata") - before >= 60 / 3);
        assert_eq!(head, env.head());
        // What the table could not say is not remembered.
        let (_, after, _) = counted(&env, &[]);
        assert!(after >= empty + 60 / 3 - 1, "{after}");
        assert_eq!(counted(&env, &[]).1, empty);
    }
    let (report, full, _) = counted(&env, &["--full"]);
    assert_eq!(n_commits(&report), 0);
    assert!(full >= empty + 60 / 3 - 1, "a full pass trusts no table");

    // A folder goes with all that lies in it, and a new one comes.
    company.reports.retain(|(n, _), _| *n != 59);
    company
        .reports
        .insert((60, "New".to_owned()), "new".to_owned());
    company.n_folders = 61;
    company.gone = Some(59);
    company.change(&env);
    // Whatever the org says of a folder that is no more.
    env.org
        .fault(&json!({"call": "listMetadata", "of": "Report:F0059",
        "fault": "error:INVALID_CROSS_REFERENCE_KEY", "times": 0}));
    counted(&env, &[]);
    assert_eq!(
        changed_files(&env),
        "Jane Doe\n\nD\tF0059.reportFolder\nD\tF0059/Main.report\nA\tF0060.reportFolder\nA\tF0060/New.report\n"
    );
    assert_eq!(n_commits(&counted(&env, &["--full"]).0), 0);
    env.assert_sound();
}

#[test]
fn what_is_out_of_scope_in_a_folder_is_told_of_alike_by_both_passes() {
    let company = Company::new(60);
    let env = company.env();
    let config = env.repo().join("orgkeep.toml");
    let written = std::fs::read_to_string(&config).unwrap();
    let set = |rule: &str| {
        let text = written.replace("[metadata]", &format!("[metadata]\n{rule}"));
        std::fs::write(&config, text).unwrap();
        env.git(&["commit", "-qam", rule]);
    };
    set("exclude = [\"Report:F0010/*\"]");
    counted(&env, &[]);
    let tree = env.tree("HEAD");
    let (_, empty, _) = counted(&env, &[]);
    assert_eq!(n_commits(&counted(&env, &["--full"]).0), 0);
    assert_eq!(tree, env.tree("HEAD"));

    // What was listed and skipped then is known now, and fetched.
    set("exclude = []");
    let (report, calls, _) = counted(&env, &[]);
    assert_eq!(report["pass"], "incremental");
    assert_eq!(
        changed_files(&env).lines().skip(2).collect::<Vec<_>>(),
        ["A\tF0010/Main.report", "A\tF0010/Second.report"]
    );
    assert!(calls <= empty + 6, "{calls} after {empty}");
    assert_eq!(n_commits(&counted(&env, &["--full"]).0), 0);
}

#[test]
fn each_run_in_a_fresh_clone_of_depth_1_goes_on_and_commits_no_noise() {
    let mut company = Company::new(1_000);
    let state = company.dir.path().join("state");
    let kept = ["--state", state.to_str().unwrap()];
    let mut env = company.env_with(&kept);
    let remote = env.scratch("remote.git");
    std::fs::create_dir_all(&remote).unwrap();
    env.git_in(&remote, &["init", "--quiet", "--bare", "-b", "main"]);
    env.git(&["remote", "add", "origin", &push::url(&remote)]);
    env.git(&["push", "--quiet", "origin", "main"]);
    let run = |env: &TestEnv, name: &str| {
        let clone = fresh_clone(env, &remote, name);
        env.org.control("DELETE", "/simorg/calls", &Value::Null);
        let report = push::snapshot(env, &clone, &["--push"]);
        push::assert_sound(env, &clone);
        (report, env.org.calls().values().sum::<u64>())
    };
    let head = |env: &TestEnv| push::head(env, &remote);

    let (report, _) = run(&env, "first");
    assert_eq!((&report["pass"], n_commits(&report)), (&json!("full"), 1));
    let first = head(&env);
    let (report, calls) = run(&env, "second");
    assert_eq!(report["pass"], "incremental");
    assert!(calls <= EMPTY, "{calls}");
    assert_eq!(first, head(&env));

    // Each report gets another date, and the content that it had.
    let as_made = company.reports.clone();
    company
        .reports
        .values_mut()
        .for_each(|it| *it = "edited".to_owned());
    company.change(&env);
    company.reports = as_made;
    company.change(&env);
    let (report, _) = run(&env, "dates");
    assert_eq!(report["pass"], "incremental");
    assert!(report["n_fetched"].as_u64() >= Some(1_000), "{report}");
    assert_eq!(first, head(&env), "dates are no change");
    let (report, calls) = run(&env, "after");
    assert_eq!(report["n_fetched"], 0, "the dates are remembered");
    assert!(calls <= EMPTY, "{calls}");

    let url = env.org.url().to_owned();
    env.org.stop();
    env.org = Org::start(&kept);
    assert_ne!(url, env.org.url());
    let (report, calls) = run(&env, "elsewhere");
    assert_eq!(report["pass"], "incremental");
    assert!(calls <= EMPTY, "{calls}");
    assert_eq!(first, head(&env), "the address is no change");
}

#[test]
fn run_that_cannot_afford_its_listing_says_when_it_can_and_spends_nothing_on_it() {
    let env = TestEnv::new(Org::start(&["--limits", "daily_api_requests=700"]));
    env.orgkeep(&["init"]).status(0);
    let config = env.repo().join("orgkeep.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        text.replace("#api_floor = 10000", "api_floor = 300"),
    )
    .unwrap();
    env.git(&["commit", "-qam", "Leave 300 calls to others"]);
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    let mut n_runs = 0;
    let refused = loop {
        env.org.control("DELETE", "/simorg/calls", &Value::Null);
        let ran = env.orgkeep(&["snapshot"]);
        if ran.status != 0 {
            break ran;
        }
        n_runs += 1;
        assert!(n_runs < 4, "400 calls last for two runs");
    };
    assert!(n_runs >= 1);
    let head = env.head();
    refused
        .status(1)
        .warns("error: listing the org takes ")
        .warns("hint: each call comes back 24 hours after it was made");
    let spent: u64 = env.org.calls().values().sum();
    assert!(spent < 10, "{:?}", env.org.calls());
    env.assert_sound();

    env.org.clock(&json!({"advance": "25h"}));
    env.orgkeep(&["snapshot"]).status(0);
    assert_eq!(head, env.head());
}

#[test]
fn run_that_ends_with_its_calls_commits_nothing_and_the_next_one_goes_on_with_its_jobs() {
    let probe = TestEnv::initialised();
    let (_, whole, _) = counted(&probe, &[]);
    let env = TestEnv::initialised();
    let head = env.head();
    // The last calls are those that ask how the retrieve stands, and the four that count
    // what the org grants and what it gives to nobody.
    let max = (whole - 7).to_string();
    env.orgkeep(&["snapshot", "--max-api-calls", &max])
        .status(1)
        .warns("`checkRetrieveStatus` was not sent: this run may make")
        .warns("hint: ");
    assert_eq!(head, env.head());
    env.assert_sound();
    let (report, _, calls) = counted(&env, &[]);
    assert_eq!(n_commits(&report), 1);
    assert_eq!(calls.get("retrieve"), None, "the job was there: {calls:?}");
    assert_eq!(n_commits(&counted(&env, &["--full"]).0), 0);
    env.assert_sound();
}

/// Most calls of the plan for one report.
///
/// Source: our goal, which is measured on an org of 60,000 files.
const PLAN: u64 = 25;

/// Plans to roll `what` back to `to`; the answer, and the calls that the org counted.
#[track_caller]
fn planned(env: &TestEnv, to: &str, what: &[&str]) -> (Ran, u64) {
    env.org.control("DELETE", "/simorg/calls", &Value::Null);
    let file = env.scratch("plan.json");
    let file = file.to_str().unwrap();
    let rollback = ["rollback", "--to", to, "--plan", file];
    let ran = env.orgkeep(&[&rollback[..], what].concat()).status(0);
    let calls = env.org.calls();
    let n = calls.values().sum();
    assert!(n <= PLAN, "{n}: {calls:?}");
    (ran, n)
}

#[test]
fn plan_for_one_report_looks_at_its_folder_only_and_says_so() {
    let mut company = Company::new(300);
    let env = company.env();
    counted(&env, &[]);
    let first = env.head();
    let edit = |company: &mut Company, n: usize, text: &str| {
        let key = (n, "Main".to_owned());
        company.reports.insert(key, text.to_owned());
    };
    edit(&mut company, 7, "edited");
    company.change(&env);
    counted(&env, &[]);
    // A day later both it and one in another folder are edited again, and one that lies
    // beside it is gone.
    env.org.clock(&json!({"now": "2027-01-11T11:00:00Z"}));
    edit(&mut company, 7, "edited again");
    edit(&mut company, 8, "edited too");
    let zip = company.zip();
    let jane = "jane@acme.example";
    env.org.load(&zip, jane, "2027-01-11T12:00:00Z");
    env.org.clock(&json!({"now": "2027-01-11T13:00:00Z"}));

    let (ran, _) = planned(&env, &first, &["Report:F0007/Main"]);
    ran.says("~ revert     Report:F0007/Main")
        .warns("new in the org: ")
        .warns("the rest is as the snapshot of 2027-01-10 10:00 UTC has it");
    assert_eq!(changed_files(&env), "Jane Doe\n\nM\tF0007/Main.report\n");

    // What changes between the plan and its application is seen.
    let file = env.scratch("plan.json");
    let file = file.to_str().unwrap();
    edit(&mut company, 7, "edited a third time");
    env.org.load(&company.zip(), jane, "2027-01-11T14:00:00Z");
    env.org.clock(&json!({"now": "2027-01-11T15:00:00Z"}));
    env.orgkeep(&["apply", file, "--yes"])
        .status(1)
        .warns("the plan no longer holds: Report:F0007/Main");

    planned(&env, &first, &["Report:F0007/Main"]);
    env.orgkeep(&["apply", file, "--yes"])
        .status(0)
        .says("every component of the plan is as planned");
    // The snapshot after it looks at everything.
    let differing = env.git(&["diff", "--name-only", &first, "HEAD", "--", "force-app"]);
    assert_eq!(
        differing,
        "force-app/main/default/reports/F0008/Main.report-meta.xml\n"
    );
    env.assert_sound();
}

#[test]
fn plan_for_a_report_sees_that_its_folder_is_gone_since() {
    let mut company = Company::new(60);
    let env = company.env();
    counted(&env, &[]);
    let first = env.head();
    company.reports.retain(|(n, _), _| *n != 20);
    company.gone = Some(20);
    company.change(&env);
    let (ran, _) = planned(&env, &first, &["Report:F0020/Main"]);
    ran.says("+ recreate   Report:F0020/Main")
        .says("ReportFolder:F0020");
    assert_eq!(
        changed_files(&env),
        "Jane Doe\n\nD\tF0020.reportFolder\nD\tF0020/Main.report\nD\tF0020/Second.report\n"
    );
    // Nothing of it was taken for looked at: an ordinary snapshot finds nothing more.
    assert_eq!(n_commits(&counted(&env, &[]).0), 0);
    assert_eq!(n_commits(&counted(&env, &["--full"]).0), 0);
    env.assert_sound();
}
