//! Each fault at each call of each verb: told or overcome, and never a loss.

use std::{path::Path, sync::Mutex, thread};

use serde_json::{Value, json};

use super::{assert_complete, assert_sound, copy, differing, lost, metadata, snapshot, some, tree};
use crate::support::{Package, Ran, TestEnv};

const CALLS: [&str; 10] = [
    "token",
    "describeMetadata",
    "listMetadata",
    "retrieve",
    "checkRetrieveStatus",
    "query",
    "toolingQuery",
    "userinfo",
    "versions",
    "limits",
];

const FAULTS: [&str; 9] = [
    "expired",
    "503",
    "drop",
    "truncate",
    "slow:200",
    "fail",
    "error:UNKNOWN_EXCEPTION",
    "error:LIMIT_EXCEEDED",
    "error:REQUEST_LIMIT_EXCEEDED",
];

/// How long a fault lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lasting {
    Once,
    Later,
    Always,
}

/// A repository whose org has changed since the last snapshot.
struct Stage {
    env: TestEnv,
    before: String,
    after: String,
    tree: String,
}

impl Stage {
    fn new() -> Self {
        let env = TestEnv::initialised();
        env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
        snapshot(&env, &env.repo(), &[], "first");
        let before = metadata(&env, &env.repo());
        let package = Package::acme();
        package.edit("classes/OpportunityService.cls", "{", "{ // Jane");
        package.load(&env.org, "jane@acme.example", "2027-01-10T08:10:00Z");
        package.remove(&["reports/Sales/Web_Leads.report"]);
        package.load(&env.org, "omar@acme.example", "2027-01-10T08:20:00Z");
        env.org.clock(&json!({"now": "2027-01-10T09:00:00Z"}));
        let dir = env.scratch("whole");
        copy(&env.repo(), &dir);
        snapshot(&env, &dir, &[], "undisturbed");
        Self {
            before,
            after: metadata(&env, &dir),
            tree: tree(&env, &dir),
            env,
        }
    }

    /// Runs `arguments` in `dir` with a key that opens a new session where one has ended.
    fn orgkeep(&self, dir: &Path, arguments: &[&str]) -> Ran {
        let ready = &self.env.org.ready;
        let output = self
            .env
            .command(env!("CARGO_BIN_EXE_orgkeep"), dir)
            .env_remove("SF_ACCESS_TOKEN")
            .env("SF_CLIENT_ID", ready["client_id"].as_str().unwrap())
            .env("SF_USERNAME", "admin@acme.example")
            .env("SF_JWT_KEY_FILE", ready["jwt_key_file"].as_str().unwrap())
            .env("SF_LOGIN_URL", self.env.org.url())
            .args(arguments)
            .output();
        Ran::of(&output.unwrap())
    }

    /// Runs `arguments` in `dir` under a fault.
    fn run(
        &self,
        dir: &Path,
        arguments: &[&str],
        call: &str,
        fault: &str,
        lasting: Lasting,
    ) -> Ran {
        self.env.org.fault(&json!({
            "call": call,
            "fault": fault,
            "after": u8::from(lasting == Lasting::Later),
            "times": u8::from(lasting != Lasting::Always),
        }));
        let ran = self.orgkeep(dir, arguments);
        self.env
            .org
            .control("DELETE", "/simorg/faults", &Value::Null);
        ran
    }

    /// What a snapshot under a fault may leave, and what the next makes of it.
    fn assert_survives(&self, dir: &Path, ran: &Ran, what: &str) {
        let words = || format!("{what}: {}\n{}{}", ran.status, ran.stdout, ran.stderr);
        assert_sound(&self.env, dir, what);
        let status = self.env.git_in(dir, &["status", "--porcelain"]);
        assert_eq!(status, "", "{}", words());
        let now = metadata(&self.env, dir);
        match ran.status {
            0 => assert_eq!(differing(&now, &self.after), [""; 0], "{}", words()),
            1 => {
                super::assert_told(ran, what);
                assert_eq!(differing(&now, &self.before), [""; 0], "{}", words());
            }
            3 => {
                assert_eq!(lost(&self.after, &now), [""; 0], "{}", words());
                assert!(ran.stdout.contains("\n! "), "{}", words());
            }
            _ => panic!("{}", words()),
        }
        let next = self.orgkeep(dir, &["snapshot", "--json"]);
        assert_eq!(next.status, 0, "{what}: {}{}", next.stdout, next.stderr);
        let report: Value = serde_json::from_str(&next.stdout).unwrap();
        assert_eq!(report["gaps"], json!([]), "{what}");
        let now = metadata(&self.env, dir);
        assert_eq!(differing(&now, &self.after), [""; 0], "{what}");
        assert_eq!(tree(&self.env, dir), self.tree, "{what}");
        assert_complete(&self.env, dir, what);
    }
}

/// The rows of the table; one in eleven where not all are asked for.
fn rows() -> Vec<(&'static str, &'static str, Lasting)> {
    let all = CALLS.iter().flat_map(|call| {
        FAULTS.iter().flat_map(|fault| {
            [Lasting::Once, Lasting::Later, Lasting::Always].map(|lasting| (*call, *fault, lasting))
        })
    });
    some(all, 11)
}

#[test]
fn snapshot_overcomes_each_fault_or_tells_of_it() {
    let rows = rows();
    let next = Mutex::new(rows.iter().enumerate());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let stage = Stage::new();
                loop {
                    let Some((at, (call, fault, lasting))) = next.lock().unwrap().next() else {
                        break;
                    };
                    let what = format!("{call}={fault} {lasting:?}");
                    let dir = stage.env.scratch(&format!("row{at}"));
                    copy(&stage.env.repo(), &dir);
                    let ran = stage.run(&dir, &["snapshot"], call, fault, *lasting);
                    stage.assert_survives(&dir, &ran, &what);
                    std::fs::remove_dir_all(dir).unwrap();
                }
            });
        }
    });
}

#[test]
fn what_only_looks_at_the_org_overcomes_each_fault_or_tells_of_it() {
    let stage = Stage::new();
    let dir = stage.env.repo();
    let refs = || stage.env.git(&["for-each-ref"]);
    let before = refs();
    for arguments in [&["status"][..], &["diff", "--live"]] {
        for (call, fault, lasting) in some(rows(), 5) {
            let what = format!("{arguments:?} {call}={fault} {lasting:?}");
            let ran = stage.run(&dir, arguments, call, fault, lasting);
            if ran.status == 1 {
                super::assert_told(&ran, &what);
            } else {
                assert!(
                    [0, 3].contains(&ran.status),
                    "{what}: {}{}",
                    ran.stdout,
                    ran.stderr
                );
                let is_whole = ran.stdout.contains("OpportunityService");
                assert!(
                    is_whole || ran.status == 3,
                    "{what}: {}{}",
                    ran.stdout,
                    ran.stderr
                );
            }
            assert_eq!(refs(), before, "{what}");
        }
    }
    assert_complete(&stage.env, &dir, "looking");
}

#[test]
fn rollback_overcomes_each_fault_of_a_deploy_or_tells_of_it() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    let wanted = metadata(&env, &env.repo());
    let package = Package::acme();
    let rollback = [
        "rollback",
        "--to",
        &first,
        "ApexClass:OpportunityService",
        "--yes",
    ];
    for (n, (call, fault)) in [
        ("deploy", "503"),
        ("deploy", "error:UNKNOWN_EXCEPTION"),
        ("deploy", "fail"),
        ("checkDeployStatus", "503"),
        ("checkDeployStatus", "drop"),
        ("checkDeployStatus", "truncate"),
        ("checkDeployStatus", "fail"),
        ("checkDeployStatus", "error:UNKNOWN_EXCEPTION"),
    ]
    .into_iter()
    .enumerate()
    {
        let what = format!("{call}={fault}");
        package.edit("classes/OpportunityService.cls", "{", &format!("{{ // {n}"));
        env.org.control(
            "POST",
            "/simorg/load",
            &json!({"path": package.path(""), "user": "jane@acme.example"}),
        );
        snapshot(&env, &env.repo(), &[], &what);
        env.org.fault(&json!({"call": call, "fault": fault}));
        let ran = env.orgkeep(&rollback);
        env.org.control("DELETE", "/simorg/faults", &Value::Null);
        if ran.status != 0 {
            super::assert_told(&ran, &what);
            snapshot(&env, &env.repo(), &[], &what);
            let again = env.orgkeep(&rollback);
            assert_eq!(again.status, 0, "{what}: {}{}", again.stdout, again.stderr);
        }
        assert_complete(&env, &env.repo(), &what);
        let now = metadata(&env, &env.repo());
        assert_eq!(differing(&now, &wanted), [""; 0], "{what}");
    }
}
