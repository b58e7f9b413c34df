//! Files: the private ones of a run, and the state kept between runs.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tempfile::TempDir;

use super::StartError;
use crate::simorg::{
    host::{Host, Kept, Log},
    records::Store,
};

/// How long a change may be unsaved.
const SAVE_EVERY: Duration = Duration::from_secs(2);

const STATE: &str = "org.json";
const KEY: &str = "jwt.key";

/// File of the records.
const RECORDS: &str = "records.sqlite";

/// A folder that only its owner can read, gone with the run.
pub(super) fn private_dir() -> Result<TempDir, StartError> {
    tempfile::Builder::new()
        .prefix("orgkeep-simorg-")
        .tempdir()
        .map_err(|source| StartError::File {
            act: "write",
            path: std::env::temp_dir(),
            source,
        })
}

/// Writes a file that only its owner can read.
pub(super) fn write_private(dir: &TempDir, name: &str, text: &str) -> Result<PathBuf, StartError> {
    let path = dir.path().join(name);
    write(&path, text.as_bytes()).map_err(|source| StartError::File {
        act: "write",
        path: path.clone(),
        source,
    })?;
    Ok(path)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)?.write_all(bytes)
}

/// Opens the file of the records in a folder, or makes it, for its owner alone.
pub(super) fn open_records(dir: &Path) -> Result<Store, StartError> {
    let path = dir.join(RECORDS);
    if !path.exists() {
        write(&path, b"").map_err(|source| StartError::File {
            act: "write",
            path: path.clone(),
            source,
        })?;
    }
    Ok(Store::at(&path)?)
}

/// Keeps the state of an org in a folder.
#[derive(Clone)]
pub(super) struct Keeper {
    dir: PathBuf,
    log: Log,
}

impl Keeper {
    pub(super) fn new(dir: PathBuf, log: Log) -> Result<Self, StartError> {
        fs::create_dir_all(&dir).map_err(|source| StartError::File {
            act: "write",
            path: dir.clone(),
            source,
        })?;
        Ok(Self { dir, log })
    }

    /// What was kept, with the private key; nothing where this is the first run.
    pub(super) fn read(&self) -> Result<Option<(Kept, String)>, StartError> {
        let path = self.dir.join(STATE);
        let file = |path: &Path| {
            fs::read(path).map_err(|source| StartError::File {
                act: "read",
                path: path.to_path_buf(),
                source,
            })
        };
        if !path.exists() {
            return Ok(None);
        }
        let bytes = file(&path)?;
        let mut kept: Kept = serde_json::from_slice(&bytes).map_err(|source| StartError::Kept {
            path: path.clone(),
            source,
        })?;
        kept.records = open_records(&self.dir)?;
        let key = file(&self.dir.join(KEY))?;
        Ok(Some((kept, String::from_utf8_lossy(&key).into_owned())))
    }

    pub(super) fn write_key(&self, key: &str) -> Result<(), StartError> {
        let path = self.dir.join(KEY);
        write(&path, key.as_bytes()).map_err(|source| StartError::File {
            act: "write",
            path: path.clone(),
            source,
        })
    }

    /// Saves the state if it changed; a failure is logged and tried again.
    pub(super) fn save(&self, host: &Host) {
        let bytes = {
            let mut state = host.state();
            if !state.is_dirty {
                return;
            }
            state.is_dirty = false;
            serde_json::to_vec(&state.kept)
        };
        let path = self.dir.join(STATE);
        let new = self.dir.join("org.json.new");
        let saved = bytes
            .map_err(io::Error::from)
            .and_then(|bytes| write(&new, &bytes))
            .and_then(|()| fs::rename(&new, &path));
        if let Err(err) = saved {
            (self.log)(&format!("cannot save the state: {err}"));
            host.state().is_dirty = true;
        }
    }

    pub(super) async fn save_now_and_then(self, host: Arc<Host>) {
        loop {
            tokio::time::sleep(SAVE_EVERY).await;
            let (keeper, host) = (self.clone(), Arc::clone(&host));
            let _ = tokio::task::spawn_blocking(move || keeper.save(&host)).await;
        }
    }
}
