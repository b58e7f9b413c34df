//! Writing and reading a snapshot, against `git` doing the same.
//!
//! `cargo bench --bench store -- [files…]` (default 5000 and 50000). Each side
//! gets the same blobs from memory or from one file; times are medians of five
//! runs in a fresh bare repository in `$ORGKEEP_BENCH_DIR`, or in the folder for
//! temporary files. No two generated files are equal.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a measurement is for the terminal, and ends when something fails"
)]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use orgkeep::{
    model::{Timestamp, TreePath},
    progress::Silent,
    store::{
        CommitDraft, InitOptions, Listing, Message, ObjectId, Options, Publication, Repository,
        RepositoryKind, Signature, TreeEdit,
    },
};

const RUNS: usize = 5;

struct File {
    path: TreePath,
    bytes: Vec<u8>,
}

fn main() {
    let sizes: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|it| it.parse().ok())
        .collect();
    if std::env::var_os("ORGKEEP_BENCH_WRITER").is_some() {
        // The child whose memory is measured.
        let dir = PathBuf::from(std::env::var_os("ORGKEEP_BENCH_WRITER").unwrap());
        write_streamed(&dir, sizes[0]);
        return;
    }
    let sizes = if sizes.is_empty() {
        vec![5_000, 50_000]
    } else {
        sizes
    };
    let base = std::env::var_os("ORGKEEP_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    for n in sizes {
        let dir = tempfile::tempdir_in(&base).unwrap();
        measure(dir.path(), n);
    }
}

fn measure(dir: &Path, n: usize) {
    let files: Vec<File> = (0..n).map(file).collect();
    let n_bytes: usize = files.iter().map(|it| it.bytes.len()).sum();
    println!("\n{n} files, {:.1} MB", megabytes(n_bytes));

    let stream = dir.join("stream");
    fs::write(&stream, fast_import_stream(&files)).unwrap();
    let fast_import = median(|run| {
        let repo = bare(dir, &format!("fi{run}"));
        let timer = Instant::now();
        git(&repo, &["fast-import", "--quiet"], Some(&stream));
        timer.elapsed()
    });
    show("git fast-import", fast_import, fast_import);

    let ours = median(|run| {
        let repo = open(dir, &format!("ours{run}"), RepositoryKind::Bare);
        let timer = Instant::now();
        commit(&repo, &files, &[]);
        timer.elapsed()
    });
    show("first snapshot, bare", ours, fast_import);

    let with_tree = median(|run| {
        let repo = open(dir, &format!("tree{run}"), RepositoryKind::WithWorkTree);
        let timer = Instant::now();
        commit(&repo, &files, &[]);
        timer.elapsed()
    });
    show("first snapshot, with files", with_tree, fast_import);

    let add = median(|run| {
        let repo = dir.join(format!("add{run}"));
        fs::create_dir(&repo).unwrap();
        git(&repo, &["init", "-q"], None);
        for file in &files {
            let path = repo.join(file.path.as_str());
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, &file.bytes).unwrap();
        }
        let timer = Instant::now();
        git(&repo, &["add", "-A"], None);
        git(&repo, &["commit", "-qm", "all"], None);
        timer.elapsed()
    });
    show("git add -A && git commit", add, fast_import);

    incremental(dir, &files, fast_import);
    memory(dir, n);
    for run in 0..RUNS {
        for name in ["fi", "ours", "tree", "add"] {
            fs::remove_dir_all(dir.join(format!("{name}{run}"))).ok();
        }
    }
}

fn incremental(dir: &Path, files: &[File], fast_import: Duration) {
    let repo = open(dir, "ours0", RepositoryKind::Bare);
    let changed: Vec<_> = (0..20)
        .map(|n| n * files.len() / 20)
        .map(|at| File {
            path: files[at].path.clone(),
            bytes: [&files[at].bytes[..], b"<!-- changed -->\n"].concat(),
        })
        .collect();
    let before = repo.branch("main", "origin").unwrap().tip.unwrap();
    let timer = Instant::now();
    commit(&repo, &changed, files);
    show(
        "incremental, 20 files, all hashed",
        timer.elapsed(),
        fast_import,
    );
    let after = repo.branch("main", "origin").unwrap().tip.unwrap();

    let (before, after) = (
        repo.commit(before).unwrap().tree,
        repo.commit(after).unwrap().tree,
    );
    let list = median(|_| timed(|| assert_eq!(repo.list_tree(after).unwrap().len(), files.len())));
    show("list the tree", list, fast_import);
    let raw = median(|_| {
        timed(|| {
            git(
                repo.git_dir(),
                &["diff", "--raw", &before.to_string(), &after.to_string()],
                None,
            );
        })
    });
    let diff = median(|_| timed(|| assert_eq!(repo.diff_trees(before, after).unwrap().len(), 20)));
    show("git diff --raw", raw, raw);
    show("diff of two trees", diff, raw);
}

fn timed(act: impl FnOnce()) -> Duration {
    let timer = Instant::now();
    act();
    timer.elapsed()
}

/// Peak memory of a process that makes the files one after the other.
fn memory(dir: &Path, n: usize) {
    for times in [1, 4] {
        let status = dir.join("status");
        let exe = std::env::current_exe().unwrap();
        let output = Command::new(exe)
            .arg((n * times).to_string())
            .env("ORGKEEP_BENCH_WRITER", dir)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let peak = String::from_utf8_lossy(&output.stdout);
        println!("{:>9} files: peak memory {}", n * times, peak.trim());
        fs::remove_file(status).ok();
    }
}

fn write_streamed(dir: &Path, n: usize) {
    use rayon::prelude::*;
    let name = format!("streamed{n}");
    let repo = open(dir, &name, RepositoryKind::Bare);
    let pack = repo.pack(&Listing::default()).unwrap();
    let put: Vec<_> = (0..n)
        .into_par_iter()
        .map(|n| {
            let file = file(n);
            (file.path, pack.blob(&file.bytes).unwrap())
        })
        .collect();
    let mut edit = TreeEdit::new(None);
    for (path, id) in put {
        edit.put(path, id);
    }
    edit.write(&pack).unwrap();
    drop(pack.finish().unwrap());
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    println!("{}", peak.unwrap_or("unknown").trim());
    fs::remove_dir_all(dir.join(name)).unwrap();
}

fn commit(repo: &Repository, changed: &[File], unchanged: &[File]) {
    let lock = repo.lock().unwrap();
    let branch = repo.ready("main", "origin").unwrap();
    let base = branch.tip.map(|tip| repo.commit(tip).unwrap().tree);
    let known = base.map_or_else(Listing::default, |base| repo.list_tree(base).unwrap());
    let pack = repo.pack(&known).unwrap();
    let mut edit = TreeEdit::new(base);
    let unchanged: Vec<_> = unchanged.iter().map(|it| &it.bytes[..]).collect();
    pack.blobs(&unchanged).unwrap();
    let bytes: Vec<_> = changed.iter().map(|it| &it.bytes[..]).collect();
    let ids: Vec<ObjectId> = pack.blobs(&bytes).unwrap();
    for (file, id) in changed.iter().zip(ids) {
        edit.put(file.path.clone(), id);
    }
    let who = Signature::new(
        "orgkeep",
        "orgkeep@localhost",
        Timestamp::from_millis(1_795_000_000_000).unwrap(),
    );
    let new = pack
        .commit(&CommitDraft {
            tree: edit.write(&pack).unwrap(),
            parents: branch.tip.into_iter().collect(),
            author: who.clone(),
            committer: who,
            message: Message::new("all"),
        })
        .unwrap();
    let kept = pack.finish().unwrap();
    let publication = Publication {
        branch,
        new,
        reason: "snapshot".to_owned(),
        also: vec![],
    };
    let published = lock.publish(kept, &publication, &Silent).unwrap();
    assert!(published.refreshed.unwrap().kept.is_empty());
}

/// The n-th file: a field, a class or a report, about 4 kB in the mean.
fn file(n: usize) -> File {
    // A multiplier from Knuth spreads the numbers; ids and names come from it.
    let seed = n.wrapping_mul(2_654_435_761) % 4_294_967_296;
    let (folder, suffix) = match n % 3 {
        0 => (format!("objects/Obj{}__c/fields", n / 60), "field-meta.xml"),
        1 => ("classes".to_owned(), "cls-meta.xml"),
        _ => (format!("reports/Folder{}", n / 200), "report-meta.xml"),
    };
    let path = format!("force-app/main/default/{folder}/Name{n}_{seed:x}.{suffix}");
    let mut text =
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Metadata id=\"{seed:08x}{n:08}\">\n");
    let n_lines = 8 + (seed >> 5) % 120;
    for line in 0..n_lines {
        let value = seed.wrapping_mul(line + 7) % 9_973;
        writeln!(text, "    <fields>\n        <name>Field_{line}_{value}__c</name>\n        <visible>{}</visible>\n    </fields>", value.is_multiple_of(2)).unwrap();
    }
    text.push_str("</Metadata>\n");
    File {
        path: path.parse().unwrap(),
        bytes: text.into_bytes(),
    }
}

fn fast_import_stream(files: &[File]) -> Vec<u8> {
    let mut out =
        b"commit refs/heads/main\ncommitter o <o@x> 1795000000 +0000\ndata 3\nall\n".to_vec();
    for file in files {
        out.extend(format!("M 100644 inline {}\ndata {}\n", file.path, file.bytes.len()).bytes());
        out.extend(&file.bytes);
        out.push(b'\n');
    }
    out
}

fn open(dir: &Path, name: &str, kind: RepositoryKind) -> Repository {
    let init = InitOptions {
        branch: "main".to_owned(),
        kind,
    };
    Repository::init(&dir.join(name), &init, Options::default()).unwrap()
}

fn bare(dir: &Path, name: &str) -> PathBuf {
    let repo = dir.join(name);
    fs::create_dir(&repo).unwrap();
    git(&repo, &["init", "-q", "--bare"], None);
    repo
}

fn git(dir: &Path, arguments: &[&str], input: Option<&Path>) {
    let input = input.map_or_else(Stdio::null, |it| fs::File::open(it).unwrap().into());
    let status = Command::new("git")
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
        .unwrap();
    assert!(status.success());
}

fn median(mut run: impl FnMut(usize) -> Duration) -> Duration {
    let mut times: Vec<_> = (0..RUNS).map(&mut run).collect();
    times.sort_unstable();
    times[RUNS / 2]
}

fn show(what: &str, time: Duration, reference: Duration) {
    println!(
        "{what:<36}{:>9.1} ms  × {:.3}",
        time.as_secs_f64() * 1e3,
        time.as_secs_f64() / reference.as_secs_f64()
    );
}

#[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
fn megabytes(n_bytes: usize) -> f64 {
    n_bytes as f64 / 1e6
}
