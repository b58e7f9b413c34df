//! Writes archives that depend on their content alone.
//!
//! Hides the writer of `zip`.
//!
//! Invariant: the same entries in the same order at the same level give the same
//! bytes, whenever and wherever: all times are 1980-01-01, each entry is a plain
//! file of the same mode.

use std::io::{self, Write};

use zip::{
    CompressionMethod, DateTime, System, ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

/// How hard to compress: 1 is fast, 9 is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(u32);

impl Level {
    /// Fast, and nearly as small: what `sf` uses for deploys.
    pub const FAST: Self = Self(3);
    /// As small as deflate gets: what `sf` uses for static resources.
    pub const SMALL: Self = Self(9);

    /// The level `level`, or the nearest there is.
    #[must_use]
    pub fn new(level: u32) -> Self {
        Self(level.clamp(1, 9))
    }
}

/// Size from which an entry needs 64-bit numbers.
const LARGE: u64 = u32::MAX as u64;

/// Writes one archive, front to back.
#[derive(Debug)]
pub struct Writer<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
}

impl<W: Write> Writer<W> {
    /// An archive that goes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            zip: ZipWriter::new_stream(out),
        }
    }

    /// Appends a file; `name` has slashes and is written as it is.
    ///
    /// # Errors
    ///
    /// Those of the output; the archive is then of no use. `InvalidData` for a
    /// name that is too long or was there before.
    pub fn add(&mut self, name: &str, content: &[u8], level: Level) -> io::Result<()> {
        // Sizes stand behind the data, which readers that take an archive as a stream,
        // such as the platform's, only understand of deflated entries.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(level.0.into()))
            .last_modified_time(DateTime::default())
            .system(System::Unix)
            .unix_permissions(0o644)
            .large_file(content.len() as u64 >= LARGE);
        self.zip.start_file(name, options)?;
        self.zip.write_all(content)
    }

    /// Writes the directory and gives the output back.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(self) -> io::Result<W> {
        let mut out = self.zip.finish()?.into_inner();
        out.flush()?;
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;
    use crate::archive::{Archive, Limits};

    fn archive(files: &[(String, Vec<u8>)], level: Level) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new());
        for (name, content) in files {
            writer.add(name, content, level).unwrap();
        }
        writer.finish().unwrap()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_by_us_and_by_others(
            files in proptest::collection::btree_map("[a-zä]{1,8}(/[a-z]{1,8}x){0,2}\\.x", proptest::collection::vec(any::<u8>(), 0..200), 0..8),
            level in 0u32..10,
        ) {
            let files: Vec<_> = files.into_iter().collect();
            let bytes = archive(&files, Level::new(level));
            prop_assert_eq!(&bytes, &archive(&files, Level::new(level)));

            let ours = Archive::open(&bytes, &Limits::default()).unwrap();
            let read: Vec<_> = (0..files.len())
                .map(|n| (ours.entries()[n].name.clone(), ours.read(n).unwrap()))
                .collect();
            prop_assert_eq!(&read, &files);

            let mut theirs = zip::ZipArchive::new(io::Cursor::new(&bytes)).unwrap();
            prop_assert_eq!(theirs.len(), files.len());
            for (name, content) in &files {
                let mut found = Vec::new();
                theirs.by_name(name).unwrap().read_to_end(&mut found).unwrap();
                prop_assert_eq!(&found, content);
            }
        }
    }

    #[test]
    fn more_entries_than_16_bits_count_are_written() {
        let mut writer = Writer::new(Vec::new());
        for n in 0..70_000 {
            writer.add(&n.to_string(), b"", Level::FAST).unwrap();
        }
        let bytes = writer.finish().unwrap();
        let ours = Archive::open(&bytes, &Limits::default()).unwrap();
        assert_eq!(ours.entries().len(), 70_000);
        let theirs = zip::ZipArchive::new(io::Cursor::new(&bytes)).unwrap();
        assert_eq!(theirs.len(), 70_000);
    }
}
