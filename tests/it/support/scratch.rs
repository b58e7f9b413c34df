//! Where tests write: a disk in memory where the machine has a large one, else its folder for temporary files.
//!
//! Tests make thousands of files and flush each repository; in memory that takes about
//! half the time.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use tempfile::TempDir;

/// What must be free there, in KiB: containers often have 64 MiB, which would not do.
const ENOUGH: u64 = 2 << 20;

/// A new folder, gone when it is dropped.
pub(crate) fn tempdir() -> TempDir {
    tempfile::tempdir_in(scratch_root()).unwrap()
}

/// The folder in which temporary ones are made, for the processes of a test as well.
pub(crate) fn scratch_root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        match free(&memory) {
            Some(kib) if kib >= ENOUGH && runs_programs(&memory) => memory,
            _ => std::env::temp_dir(),
        }
    })
}

/// KiB that are free in `dir`; `None` where it is not there, or cannot be asked.
fn free(dir: &Path) -> Option<u64> {
    let output = Command::new("df").args(["-Pk"]).arg(dir).output().ok()?;
    let told = String::from_utf8(output.stdout).ok()?;
    let row = told.lines().nth(1)?;
    row.split_whitespace().nth(3)?.parse().ok()
}

/// Whether a script in `dir` can be run: some tests stand in for programs, and containers
/// often forbid it there.
fn runs_programs(dir: &Path) -> bool {
    let Ok(dir) = tempfile::tempdir_in(dir) else {
        return false;
    };
    let script = dir.path().join("script");
    let is_written = std::fs::write(&script, "#!/bin/sh\n").is_ok();
    let may_run = Command::new("chmod").arg("+x").arg(&script).status();
    is_written && may_run.is_ok_and(|it| it.success()) && Command::new(&script).status().is_ok()
}
