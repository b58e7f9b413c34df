//! Taking a table into Git, and taking it again with few rows changed, against `DuckDB` sorting and writing it.
//!
//! `cargo bench --bench records -- [rows]` (default 1000000, 20 columns). Wall time of
//! the whole: reading, sorting into shards, compressing, the commit. The peak of
//! memory is that of a child that does nothing else (Linux). `DuckDB` is measured in the
//! same run where `python3 -c 'import duckdb'` works.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    missing_docs,
    reason = "a measurement is for the terminal, and ends when something fails"
)]

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use orgkeep::{
    config::Config,
    ops::{
        records::import::{ImportOptions, import},
        setup::setup,
    },
    progress::Silent,
    store::{InitOptions, Options, Repository, RepositoryKind},
};

const COLUMNS: usize = 20;
const RUNS: usize = 3;

fn main() {
    if let Some(dir) = std::env::var_os("ORGKEEP_BENCH_IMPORT") {
        // The child whose time and memory are measured.
        let dir = PathBuf::from(dir);
        let file = PathBuf::from(std::env::var_os("ORGKEEP_BENCH_FILE").unwrap());
        let day = std::env::var("ORGKEEP_BENCH_DAY").unwrap();
        let timer = Instant::now();
        take(&dir, &file, &day);
        println!("{} {}", timer.elapsed().as_millis(), peak_kb());
        return;
    }
    let n_rows: u64 = std::env::args()
        .skip(1)
        .find_map(|it| it.parse().ok())
        .unwrap_or(1_000_000);
    let base = std::env::var_os("ORGKEEP_BENCH_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(base).unwrap();
    let (first, second) = (
        dir.path().join("1/Row__c.csv"),
        dir.path().join("2/Row__c.csv"),
    );
    let changed_bytes = write(&first, &second, n_rows);
    let size = fs::metadata(&first).unwrap().len();
    println!("{n_rows} rows × {COLUMNS} columns, {:.0} MB", mb(size));

    let mut times = Vec::new();
    for run in 0..RUNS {
        let repo = dir.path().join(format!("repo{run}"));
        fresh(&repo);
        let (time, peak) = child(&repo, &first, "2026-01-01");
        times.push(time);
        println!(
            "  import {:>6.2} s  {:>9.0} rows/s  peak {:.0} MB",
            time.as_secs_f64(),
            n_rows as f64 / time.as_secs_f64(),
            peak as f64 / 1024.0
        );
    }
    times.sort();
    let ours = times[RUNS / 2];
    if let Some(theirs) = duckdb(dir.path(), &first) {
        println!(
            "  duckdb {:>6.2} s  sort and copy; ours is {:.2} of it",
            theirs.as_secs_f64(),
            ours.as_secs_f64() / theirs.as_secs_f64()
        );
    }

    let repo = dir.path().join("repo0");
    git(&repo, &["repack", "-adfq"]);
    let before = packed(&repo);
    let (time, _) = child(&repo, &second, "2026-01-02");
    git(&repo, &["repack", "-adfq"]);
    let growth = packed(&repo).saturating_sub(before);
    println!(
        "  second import, 0.1 % of the rows changed: {:.2} s, growth {:.0} KB after a repack, {:.2} of the {:.0} KB of changed rows",
        time.as_secs_f64(),
        growth as f64 / 1024.0,
        growth as f64 / changed_bytes as f64,
        changed_bytes as f64 / 1024.0
    );
}

/// Writes the table twice, the second time with one row in a thousand changed; bytes of the changed rows.
fn write(first: &Path, second: &Path, n_rows: u64) -> u64 {
    fs::create_dir_all(first.parent().unwrap()).unwrap();
    fs::create_dir_all(second.parent().unwrap()).unwrap();
    let mut one = BufWriter::new(File::create(first).unwrap());
    let mut two = BufWriter::new(File::create(second).unwrap());
    let mut header = "\"Id\"".to_owned();
    for n in 1..COLUMNS {
        write!(header, ",\"Field{n}__c\"").unwrap();
    }
    header.push('\n');
    one.write_all(header.as_bytes()).unwrap();
    two.write_all(header.as_bytes()).unwrap();
    let mut changed_bytes = 0;
    // A step that shares no factor with the number of rows visits each of them once, far apart.
    let step = (611_953 % n_rows.max(2)) | 1;
    let mut at = 0;
    for n in 0..n_rows {
        at = (at + step) % n_rows;
        let line = row(at, 0);
        one.write_all(line.as_bytes()).unwrap();
        if n % 1_000 == 0 {
            let line = row(at, 1);
            changed_bytes += line.len() as u64;
            two.write_all(line.as_bytes()).unwrap();
        } else {
            two.write_all(line.as_bytes()).unwrap();
        }
    }
    one.flush().unwrap();
    two.flush().unwrap();
    changed_bytes
}

/// One row, all cells quoted as Bulk writes them; about 370 bytes.
fn row(n: u64, version: u64) -> String {
    let mut line = format!("\"a00300000{}\"", base62(n * 2));
    for column in 1..COLUMNS as u64 {
        let mut x = (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ column.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        if column == 3 {
            x ^= version << 20;
        }
        x ^= x >> 29;
        x = x.wrapping_mul(0x94d0_49bb_1331_11eb);
        match column % 5 {
            0 => write!(line, ",\"{}.{:02}\"", x % 100_000, x % 97 + 1),
            1 => write!(line, ",\"Name of {} and {}\"", x % 9_973, x % 811),
            2 => write!(
                line,
                ",\"2026-0{}-1{}T0{}:00:00.000Z\"",
                x % 9 + 1,
                x % 9,
                x % 10
            ),
            3 => write!(line, ",\"{x:016x}\""),
            _ => write!(
                line,
                ",\"{}\"",
                ["Open", "Closed", "", "In Progress"][(x % 4) as usize]
            ),
        }
        .unwrap();
    }
    line.push('\n');
    line
}

fn base62(mut n: u64) -> String {
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = [b'0'; 6];
    for at in (0..6).rev() {
        text[at] = digits[(n % 62) as usize];
        n /= 62;
    }
    String::from_utf8(text.to_vec()).unwrap()
}

fn fresh(dir: &Path) {
    let init = InitOptions {
        kind: RepositoryKind::WithWorkTree,
        branch: "main".to_owned(),
    };
    Repository::init(dir, &init, Options::default()).unwrap();
    fs::write(dir.join("orgkeep.toml"), "[org]\nbranch = \"main\"\n").unwrap();
}

fn take(dir: &Path, file: &Path, day: &str) {
    let repo = Repository::open(dir, Options::default()).unwrap();
    let (config, setup): (Config, _) = setup(&repo).unwrap();
    let options = ImportOptions {
        at: format!("{day}T00:00:00Z").parse().unwrap(),
        org: Some("00D30000000001tEAA".parse().unwrap()),
        secret: None,
    };
    let paths = [file.to_owned()];
    let report = import(&repo, &config, &setup, &paths, &options, &Silent).unwrap();
    assert!(report.commit.is_some());
}

/// Wall time of the import and the peak of its memory in KB.
fn child(repo: &Path, file: &Path, day: &str) -> (Duration, u64) {
    let output = Command::new(std::env::current_exe().unwrap())
        .env("ORGKEEP_BENCH_IMPORT", repo)
        .env("ORGKEEP_BENCH_FILE", file)
        .env("ORGKEEP_BENCH_DAY", day)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut parts = text.split_whitespace().map(|it| it.parse().unwrap());
    (
        Duration::from_millis(parts.next().unwrap()),
        parts.next().unwrap(),
    )
}

fn peak_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"));
    line.and_then(|it| it.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// `DuckDB`'s time for sorting the same file by Id and writing it; `None` where it is not at hand.
fn duckdb(dir: &Path, file: &Path) -> Option<Duration> {
    let out = dir.join("duckdb.csv");
    let script = format!(
        "import duckdb, time\nt = time.time()\nduckdb.sql(\"COPY (SELECT * FROM read_csv('{}', all_varchar=true) ORDER BY Id) TO '{}' (HEADER)\")\nprint(int((time.time() - t) * 1000))",
        file.display(),
        out.display()
    );
    let output = Command::new("python3")
        .args(["-c", &script])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().parse().ok().map(Duration::from_millis)
}

fn git(repo: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .arg("-C")
        .arg(repo)
        .args(arguments)
        .status();
    assert!(status.unwrap().success());
}

fn packed(repo: &Path) -> u64 {
    let dir = repo.join(".git/objects/pack");
    let files = fs::read_dir(dir).unwrap().flatten();
    files
        .filter(|it| it.path().extension().is_some_and(|it| it == "pack"))
        .map(|it| it.metadata().unwrap().len())
        .sum()
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
