//! From a plan to the org and back, through the real program.

mod confirm;
mod failures;
mod lost;
mod plan_file;
mod story;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStderr, Stdio},
};

use serde_json::{Value, json};

use crate::support::{Org, Package, Ran, TestEnv};

const OMAR: &str = "omar@acme.example";
const CLASS: &str = "ApexClass:OpportunityService";
const CLASS_FILE: &str = "classes/OpportunityService.cls";
const REPORT: &str = "Report:Sales/Regional/Big_Deals_This_Quarter";
const REPORT_FILE: &str = "reports/Sales/Regional/Big_Deals_This_Quarter.report";

/// A repository with two snapshots, Omar's changes between them.
struct Case {
    env: TestEnv,
    first: String,
    company: Package,
}

impl Case {
    /// Against an org with `options`, in which `change` is made after the first snapshot.
    fn new(options: &[&str], change: impl FnOnce(&Package)) -> Self {
        let env = TestEnv::new(Org::start(options));
        env.orgkeep(&["init"]).status(0);
        env.orgkeep(&["snapshot"]).status(0);
        let first = env.head();
        let company = Package::acme();
        let case = Self {
            env,
            first,
            company,
        };
        case.change(change);
        case.env.orgkeep(&["snapshot"]).status(0);
        case
    }

    /// Omar has changed a class and a report.
    fn of_omar(options: &[&str]) -> Self {
        Self::new(options, |it| {
            it.edit(CLASS_FILE, "DEFAULT_LIMIT = 15", "DEFAULT_LIMIT = 99");
            it.edit(REPORT_FILE, "25000", "9");
        })
    }

    /// Omar changes something now.
    fn change(&self, change: impl FnOnce(&Package)) {
        change(&self.company);
        self.company.load(&self.env.org, OMAR, &self.now());
    }

    /// The time by the org's clock.
    fn now(&self) -> String {
        let clock = self.env.org.control("GET", "/simorg/clock", &Value::Null);
        clock["now"].as_str().unwrap().to_owned()
    }

    /// `rollback --to` the first snapshot.
    fn rollback(&self, arguments: &[&str]) -> Ran {
        let start = ["rollback", "--to", &self.first];
        self.env.orgkeep(&[&start[..], arguments].concat())
    }

    fn n_deploys(&self) -> u64 {
        self.env.org.n_calls("deploy")
    }

    fn fault(&self, call: &str, fault: &str, after: u64, times: u64) {
        self.env
            .org
            .fault(&json!({"call": call, "fault": fault, "after": after, "times": times}));
    }

    fn no_faults(&self) {
        self.env
            .org
            .control("DELETE", "/simorg/faults", &Value::Null);
    }

    /// Metadata files in which HEAD differs from the first snapshot.
    fn differing(&self) -> Vec<String> {
        let names = self.env.git(&[
            "diff",
            "--name-only",
            &self.first,
            "HEAD",
            "--",
            "force-app",
        ]);
        names.lines().map(str::to_owned).collect()
    }

    /// Begins a rollback in a process that can be watched.
    fn begin(&self, arguments: &[&str]) -> Begun {
        let mut child = self
            .env
            .command(env!("CARGO_BIN_EXE_orgkeep"), &self.env.repo())
            .args(["rollback", "--to", &self.first])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Begun {
            child,
            stderr,
            seen: String::new(),
        }
    }

    /// Runs a rollback on a terminal, where `keys` are typed; skipped where there is no `script`.
    #[cfg(target_os = "linux")]
    fn on_terminal(&self, arguments: &str, keys: &[(&str, &str)]) -> Option<Ran> {
        let program = env!("CARGO_BIN_EXE_orgkeep");
        let first = &self.first;
        let line = format!("exec '{program}' rollback --to {first} {arguments}");
        let mut child = self
            .env
            .command("timeout", &self.env.repo())
            // A question that nobody understood must not wait for ever.
            .args(["300", "script", "-qefc", &line, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut screen = child.stdout.take().unwrap();
        let mut keyboard = child.stdin.take().unwrap();
        let (mut seen, mut from) = (Vec::new(), 0);
        let mut left = keys.iter().peekable();
        let mut piece = [0; 4096];
        loop {
            let n = screen.read(&mut piece).unwrap_or(0);
            if n == 0 {
                break;
            }
            seen.extend_from_slice(&piece[..n]);
            while let Some((shown, typed)) = left.peek() {
                let text = String::from_utf8_lossy(&seen[from..]).into_owned();
                if !text.contains(shown) {
                    break;
                }
                from = seen.len();
                keyboard.write_all(typed.as_bytes()).unwrap();
                keyboard.flush().unwrap();
                left.next();
            }
        }
        let status = child.wait().unwrap().code().unwrap_or(-1);
        let stdout = String::from_utf8_lossy(&seen).into_owned();
        assert!(
            left.peek().is_none(),
            "{:?} never came:\n{stdout}",
            left.peek()
        );
        Some(Ran {
            stdout,
            stderr: String::new(),
            status,
        })
    }
}

/// A rollback that runs.
struct Begun {
    child: Child,
    stderr: BufReader<ChildStderr>,
    seen: String,
}

impl Begun {
    /// Waits for the next job and gives its id.
    fn next_job(&mut self) -> String {
        loop {
            let from = self.seen.len();
            let n = self.stderr.read_line(&mut self.seen).unwrap();
            assert!(0 < n, "it ended without a job:\n{}", self.seen);
            if let Some(job) = self.seen[from..].strip_prefix("job ") {
                return job.trim().to_owned();
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = std::process::Command::new("kill")
            .args([name, &id])
            .status();
        assert!(sent.unwrap().success());
    }

    fn end(mut self) -> Ran {
        self.stderr.read_to_string(&mut self.seen).unwrap();
        let mut stdout = String::new();
        let mut out = self.child.stdout.take().unwrap();
        out.read_to_string(&mut stdout).unwrap();
        Ran {
            stdout,
            stderr: self.seen,
            status: self.child.wait().unwrap().code().unwrap_or(-1),
        }
    }
}
