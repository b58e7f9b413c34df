//! Pages of results that were fetched: on the disk until their rows are committed.
//!
//! A run that is killed leaves them, and the next one goes on behind the last
//! complete page. One folder a job, readable by its owner only.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    client::ResultPage,
    model::RecordId,
    ops::error::{Cause, Error},
};

/// The folder of one job.
#[derive(Debug)]
pub(super) struct JobSpool {
    dir: PathBuf,
}

/// What is known of a page that is complete.
#[derive(Debug, Serialize, Deserialize)]
struct PageNote {
    locator: Option<String>,
    n_records: Option<u64>,
}

impl JobSpool {
    /// The folder of the job `id` below `root`.
    pub(super) fn open(root: &Path, id: RecordId) -> Result<Self, Error> {
        let dir = root.join(id.as_str());
        fs::create_dir_all(&dir).map_err(|err| disk("make", &dir, err))?;
        Ok(Self { dir })
    }

    /// The page `n`, where it is complete.
    pub(super) fn page(&self, n: usize) -> Option<(File, ResultPage)> {
        let note: PageNote = serde_json::from_slice(&fs::read(self.note(n)).ok()?).ok()?;
        let file = File::open(self.file(n)).ok()?;
        let page = ResultPage {
            locator: note.locator,
            n_records: note.n_records,
        };
        Some((file, page))
    }

    /// A file for the page `n`.
    pub(super) fn begin(&self, n: usize) -> Result<File, Error> {
        let path = self.file(n);
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).read(true).write(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        options.open(&path).map_err(|err| disk("write", &path, err))
    }

    /// Notes that the page `n` is complete.
    pub(super) fn complete(&self, n: usize, page: &ResultPage) -> Result<(), Error> {
        let note = PageNote {
            locator: page.locator.clone(),
            n_records: page.n_records,
        };
        let path = self.note(n);
        let bytes = serde_json::to_vec(&note).expect("texts and numbers are JSON");
        fs::write(&path, bytes).map_err(|err| disk("write", &path, err))
    }

    /// Forgets the page `n`, which is damaged.
    pub(super) fn forget(&self, n: usize) {
        // A note that stays behind leads to the same complaint once more.
        let _ = fs::remove_file(self.note(n));
    }

    /// Removes the folder.
    pub(super) fn remove(self) {
        // What stays behind is removed by a later run.
        let _ = fs::remove_dir_all(self.dir);
    }

    fn file(&self, n: usize) -> PathBuf {
        self.dir.join(format!("{n:06}.csv"))
    }

    fn note(&self, n: usize) -> PathBuf {
        self.dir.join(format!("{n:06}.json"))
    }
}

/// Removes the folders of all jobs but those of `keep`.
pub(super) fn clean(root: &Path, keep: &BTreeSet<String>) {
    let Ok(listed) = fs::read_dir(root) else {
        return;
    };
    for entry in listed.flatten() {
        if !keep.contains(entry.file_name().to_string_lossy().as_ref()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

pub(super) fn disk(act: &'static str, path: &Path, source: io::Error) -> Error {
    Error::from(Cause::Disk {
        act,
        path: path.display().to_string(),
        source,
    })
}
