//! What snapshots of orgs of different sizes cost in API calls and in time.
//!
//! `cargo bench --bench calls -- [files…]` (default 5000 and 60000). Our company is
//! multiplied until its repository has about so many files, a simulated org serves it,
//! and each snapshot is a run of the command with a working tree, through the socket. So is
//! the plan that puts one report back which somebody changed, a day after the last snapshot.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a measurement is for the terminal, and ends when something fails"
)]

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Instant,
};

use orgkeep::archive::{Level, Writer};
use serde_json::{Value, json};

const ORGKEEP: &str = env!("CARGO_BIN_EXE_orgkeep");
const PACKAGE: &str = "fixtures/orgs/acme/package";

/// Files of the repository that our company makes, and that one copy adds, roughly: measured.
const FILES_OF_COMPANY: usize = 400;
const FILES_PER_COPY: usize = 89;

/// The report that is put back, and its file in the package.
const REPORT: &str = "Report:Sales/Pipeline";
const FILE_OF_REPORT: &str = "reports/Sales/Pipeline.report";

/// Each so many copies have folders and permission sets of their own.
const FOLDERS_EACH: usize = 10;

fn main() {
    let mut sizes: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|it| it.parse().ok())
        .collect();
    if sizes.is_empty() {
        sizes = vec![5_000, 60_000];
    }
    println!(
        "| files, folders | first | nothing changed | 20 files changed | plan for a report |\n\
         |---|---|---|---|---|"
    );
    for n in sizes {
        measure(n);
    }
}

fn measure(n_files: usize) {
    let dir = tempfile::tempdir().unwrap();
    let n_copies = n_files.saturating_sub(FILES_OF_COMPANY) / FILES_PER_COPY;
    let zip = dir.path().join("org.zip");
    let n_folders = write(&zip, n_copies, "", "");
    let org = Org::start(&zip);
    org.control(
        "POST",
        "/simorg/clock",
        &json!({"now": "2027-01-10T08:00:00Z"}),
    );
    let repo = dir.path().join("repo");
    fs::create_dir_all(&repo).unwrap();
    org.orgkeep(&repo, &["init"]);
    let (first, _) = org.snapshot(&repo);
    let (empty, pass) = org.snapshot(&repo);
    assert_eq!(pass, "incremental");
    write(&zip, n_copies, "// changed\n", "");
    org.load(&zip, "2027-01-10T09:00:00Z", "2027-01-10T10:00:00Z");
    let (some, _) = org.snapshot(&repo);
    write(&zip, n_copies, "// changed\n", " as it is now");
    org.load(&zip, "2027-01-11T09:00:00Z", "2027-01-11T10:00:00Z");
    let rollback = [
        "-q", "rollback", "--to", "HEAD", REPORT, "--plan", "../plan",
    ];
    let (plan, said) = org.counted(&repo, &rollback);
    assert!(said.contains("1 to revert"), "{said}");
    let n_files = git(&repo, &["ls-files"]).lines().count();
    println!("| {n_files}, {n_folders} | {first} | {empty} | {some} | {plan} |");
}

fn git(repo: &Path, arguments: &[&str]) -> String {
    let mut git = Command::new("git");
    let output = git.args(arguments).current_dir(repo).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Writes the company and its copies as a zip; `change` is put behind 20 of the classes, and
/// `more` behind the name of the report.
/// Gives the number of folders of reports, dashboards, documents and e-mail templates.
fn write(to: &Path, n_copies: usize, change: &str, more: &str) -> usize {
    let root = Path::new(PACKAGE);
    let mut paths = Vec::new();
    collect(root, &mut paths);
    paths.sort();
    let mut zip = Writer::new(File::create(to).unwrap());
    let (mut n_folders, mut n_changes) = (0, 20);
    for path in &paths {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        let bytes = fs::read(path).unwrap();
        for copy in 0..=n_copies {
            let Some(name) = name_of_copy(name, copy) else {
                continue;
            };
            let mut bytes = bytes.clone();
            let is_class = name.starts_with("classes/") && !name.ends_with("-meta.xml");
            if is_class && 0 < n_changes {
                n_changes -= 1;
                bytes.extend(change.as_bytes());
            }
            if name == FILE_OF_REPORT {
                let text = String::from_utf8(bytes).unwrap();
                bytes = text
                    .replacen("</name>", &format!("{more}</name>"), 1)
                    .into_bytes();
            }
            n_folders += usize::from(is_folder(&name));
            zip.add(&name, &bytes, Level::FAST).unwrap();
        }
    }
    zip.finish().unwrap();
    n_folders
}

fn collect(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else {
            into.push(path);
        }
    }
}

fn is_folder(name: &str) -> bool {
    let in_folders = ["reports/", "dashboards/", "documents/", "email/"];
    let is_meta = name.strip_suffix("-meta.xml");
    in_folders.iter().any(|it| name.starts_with(it))
        && is_meta.is_some_and(|it| !it.rsplit('/').next().unwrap_or(it).contains('.'))
}

/// The path of a file in a copy; `None` where its type is not multiplied.
fn name_of_copy(name: &str, copy: usize) -> Option<String> {
    if copy == 0 {
        return Some(name.to_owned());
    }
    let (dir, rest) = name.split_once('/')?;
    let renamed = match dir {
        "reports" | "dashboards" | "documents" | "email" | "permissionsets"
            if !copy.is_multiple_of(FOLDERS_EACH) =>
        {
            return None;
        }
        "reports" | "dashboards" | "documents" | "email" => {
            let end = rest.find('/').or_else(|| rest.find("-meta.xml"))?;
            if rest.starts_with("unfiled$public") {
                return None;
            }
            format!("{}_{copy}{}", &rest[..end], &rest[end..])
        }
        "objects" => format!("{}_{copy}__c.object", rest.strip_suffix("__c.object")?),
        "lwc" | "aura" => {
            let (bundle, file) = rest.split_once('/')?;
            let file = file.replacen(bundle, &format!("{bundle}{copy}"), 1);
            format!("{bundle}{copy}/{file}")
        }
        "classes" | "triggers" | "pages" | "components" | "layouts" | "permissionsets" => {
            let end = rest.find('.')?;
            format!("{}_{copy}{}", &rest[..end], &rest[end..])
        }
        _ => return None,
    };
    Some(format!("{dir}/{renamed}"))
}

/// A simulated org in a process of its own.
struct Org {
    child: Child,
    url: String,
    token: String,
}

impl Org {
    fn start(zip: &Path) -> Self {
        let mut child = Command::new(ORGKEEP)
            .args(["simorg", "serve", "--load"])
            .arg(zip)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let text = |it: &Value| it.as_str().unwrap().to_owned();
        Self {
            child,
            url: text(&ready["url"]),
            token: text(&ready["users"][0]["token"]),
        }
    }

    /// One exchange over a connection of its own.
    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let host = self.url.strip_prefix("http://").unwrap();
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(" 200 ") || head.contains(" 204 "), "{answer}");
        let json = body
            .find('{')
            .map_or("null", |at| &body[at..=body.rfind('}').unwrap()]);
        serde_json::from_str(json).unwrap()
    }

    fn orgkeep(&self, repo: &Path, arguments: &[&str]) -> String {
        let output = Command::new(ORGKEEP)
            .args(arguments)
            .current_dir(repo)
            .env("HOME", repo)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("SF_ORG_INSTANCE_URL", &self.url)
            .env("SF_ACCESS_TOKEN", &self.token)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let code = output.status.code();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            matches!(code, Some(0 | 3)),
            "{arguments:?}: {code:?}\n{said}"
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// Takes a snapshot; what it cost, and its pass.
    fn snapshot(&self, repo: &Path) -> (String, String) {
        let (cost, report) = self.counted(repo, &["-q", "snapshot", "--json"]);
        let report: Value = serde_json::from_str(&report).unwrap();
        let pass = report["pass"].as_str().unwrap().to_owned();
        (cost, pass)
    }

    /// Runs the command; what it cost, and what it said.
    fn counted(&self, repo: &Path, arguments: &[&str]) -> (String, String) {
        self.control("DELETE", "/simorg/calls", &Value::Null);
        let begun = Instant::now();
        let said = self.orgkeep(repo, arguments);
        let seconds = begun.elapsed().as_secs_f64();
        let calls = self.control("GET", "/simorg/calls", &Value::Null);
        let n: u64 = calls
            .as_object()
            .unwrap()
            .values()
            .filter_map(Value::as_u64)
            .sum();
        (format!("{n} calls, {seconds:.1} s"), said)
    }

    /// Makes the org as the zip has it at `at`; it is `now` then.
    fn load(&self, zip: &Path, at: &str, now: &str) {
        let load = json!({"path": zip, "at": at});
        self.control("POST", "/simorg/load", &load);
        self.control("POST", "/simorg/clock", &json!({"now": now}));
    }
}

impl Drop for Org {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
