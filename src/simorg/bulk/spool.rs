//! Rows of a job on disk: what was uploaded, what is to be fetched.
//!
//! A file of rows has a second one beside it with where each row begins, so
//! that a page of any length is found without reading, and memory does not
//! grow with the rows.
//!
//! Invariant: a spool writes within its folder only, under names made of job
//! ids; what one page of a file says does not change.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    ops::Range,
    path::{Path, PathBuf},
};

use crate::model::RecordId;

/// The folder of the files.
#[derive(Clone, Debug, Default)]
pub struct Spool(PathBuf);

impl Spool {
    /// The spool in `dir`, which is made with the first file.
    #[must_use]
    pub fn new(dir: PathBuf) -> Self {
        Self(dir)
    }

    /// Where `what` of job `id` lies.
    #[must_use]
    pub fn path(&self, id: RecordId, what: &str) -> PathBuf {
        self.0.join(format!("{id}.{what}"))
    }

    /// Writes `what` of job `id` anew, whole.
    ///
    /// # Errors
    ///
    /// Where the disk does not take it; what was there may be gone.
    pub fn put(&self, id: RecordId, what: &str, bytes: &[u8]) -> io::Result<()> {
        create(&self.path(id, what))?.write_all(bytes)
    }

    /// Begins `what` of job `id`, a file of rows.
    ///
    /// # Errors
    ///
    /// Where the disk does not take it.
    pub fn begin(&self, id: RecordId, what: &str) -> io::Result<RowWriter> {
        RowWriter::new(&self.path(id, what), false)
    }

    /// Goes on with `what` of job `id`, or begins it.
    ///
    /// # Errors
    ///
    /// Where the disk does not take it.
    pub fn go_on(&self, id: RecordId, what: &str) -> io::Result<RowWriter> {
        RowWriter::new(&self.path(id, what), true)
    }

    /// Opens `what` of job `id`.
    ///
    /// # Errors
    ///
    /// Where it is not there.
    pub fn open(&self, id: RecordId, what: &str) -> io::Result<File> {
        File::open(self.path(id, what))
    }

    /// Where the rows `rows` of `what` stand.
    ///
    /// # Errors
    ///
    /// Where there are not so many.
    pub fn stretch(&self, id: RecordId, what: &str, rows: &Range<u64>) -> io::Result<Range<u64>> {
        let mut index = File::open(index_of(&self.path(id, what)))?;
        let mut at = |row: u64| -> io::Result<u64> {
            let mut bytes = [0; 8];
            index.seek(SeekFrom::Start(row.saturating_mul(8)))?;
            index.read_exact(&mut bytes)?;
            Ok(u64::from_le_bytes(bytes))
        };
        Ok(at(rows.start)?..at(rows.end)?)
    }

    /// Removes all files of job `id`; what is not there or cannot be removed is left.
    pub fn remove(&self, id: RecordId) {
        let prefix = format!("{id}.");
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn index_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".rows");
    PathBuf::from(name)
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    File::create(path)
}

/// Writes a file of rows.
///
/// The last entry of the index is where the file ends, so that it has one more
/// entry than the file has rows.
#[derive(Debug)]
pub struct RowWriter {
    rows: BufWriter<File>,
    index: BufWriter<File>,
    end: u64,
}

impl RowWriter {
    fn new(path: &Path, goes_on: bool) -> io::Result<Self> {
        let index = index_of(path);
        if goes_on && path.exists() {
            let rows = File::options().append(true).open(path)?;
            let index = File::options().append(true).open(&index)?;
            let end = rows.metadata()?.len();
            return Ok(Self {
                rows: BufWriter::new(rows),
                index: BufWriter::new(index),
                end,
            });
        }
        let rows = create(path)?;
        let mut index = BufWriter::new(create(&index)?);
        index.write_all(&0_u64.to_le_bytes())?;
        Ok(Self {
            rows: BufWriter::with_capacity(256 * 1024, rows),
            index,
            end: 0,
        })
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// Where the disk does not take it.
    pub fn push(&mut self, row: &[u8]) -> io::Result<()> {
        self.rows.write_all(row)?;
        self.end += u64::try_from(row.len()).map_err(io::Error::other)?;
        self.index.write_all(&self.end.to_le_bytes())
    }

    /// Makes sure that all of it is in the file.
    ///
    /// # Errors
    ///
    /// Where the disk does not take it.
    pub fn finish(mut self) -> io::Result<()> {
        self.rows.flush()?;
        self.index.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> RecordId {
        "7505g0000000001".parse().unwrap()
    }

    fn text(spool: &Spool, rows: Range<u64>) -> String {
        let stretch = spool.stretch(id(), "results", &rows).unwrap();
        let all = fs::read(spool.path(id(), "results")).unwrap();
        let within = |it: u64| usize::try_from(it).unwrap();
        String::from_utf8(all[within(stretch.start)..within(stretch.end)].to_vec()).unwrap()
    }

    #[test]
    fn any_stretch_of_rows_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path().join("bulk"));
        let mut rows = spool.begin(id(), "results").unwrap();
        for row in ["one\n", "two\ntwo\n"] {
            rows.push(row.as_bytes()).unwrap();
        }
        rows.finish().unwrap();
        let mut rows = spool.go_on(id(), "results").unwrap();
        rows.push(b"three\n").unwrap();
        rows.finish().unwrap();
        assert_eq!(text(&spool, 0..3), "one\ntwo\ntwo\nthree\n");
        assert_eq!(text(&spool, 1..2), "two\ntwo\n");
        assert_eq!(text(&spool, 2..2), "");
        assert!(spool.stretch(id(), "results", &(0..4)).is_err());
    }

    #[test]
    fn removed_job_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path().to_path_buf());
        spool.begin(id(), "results").unwrap().finish().unwrap();
        spool.put(id(), "data", b"Id\n").unwrap();
        spool.remove(id());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
