//! Writes archives that depend on their content alone.
//!
//! Invariant: the same entries in the same order at the same level give the same
//! bytes, whenever and wherever: all times are 1980-01-01, no attribute is set.

use std::io::{self, Write};

use flate2::{Compression, Crc, write::DeflateEncoder};

use super::format::{
    CENTRAL, DEFLATED, END, END_64, END_64_LEN, FLAG_UTF8, LOCAL, LOCATOR_64, STORED,
};

/// How hard to compress: 0 stores, 1 is fast, 9 is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(u32);

impl Level {
    /// Fast, and nearly as small: what `sf` uses for deploys.
    pub const FAST: Self = Self(3);
    /// As small as deflate gets: what `sf` uses for static resources.
    pub const SMALL: Self = Self(9);

    /// The level `level`, at most 9.
    #[must_use]
    pub fn new(level: u32) -> Self {
        Self(level.min(9))
    }
}

/// One file, compressed and not yet in an archive, so that threads can share the work.
#[derive(Debug)]
pub struct Deflated {
    bytes: Vec<u8>,
    method: u16,
    size: u64,
    crc: u32,
}

impl Deflated {
    /// Compresses `content`; what does not become smaller is stored.
    #[must_use]
    pub fn new(content: &[u8], level: Level) -> Self {
        let mut crc = Crc::new();
        crc.update(content);
        let stored = |bytes: &[u8]| Self {
            bytes: bytes.to_vec(),
            method: STORED,
            size: bytes.len() as u64,
            crc: crc.sum(),
        };
        if level.0 == 0 || content.is_empty() {
            return stored(content);
        }
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level.0));
        let packed = encoder
            .write_all(content)
            .and_then(|()| encoder.finish())
            .expect("writing to memory does not fail");
        if packed.len() >= content.len() {
            return stored(content);
        }
        Self {
            bytes: packed,
            method: DEFLATED,
            size: content.len() as u64,
            crc: crc.sum(),
        }
    }
}

/// Writes one archive, front to back.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    offset: u64,
    n_entries: u64,
    directory: Vec<u8>,
}

/// Day 1980-01-01 in MS-DOS form, the first there is; the time is 0.
const DATE: u16 = 0x0021;
/// Version of the format that is needed: 2.0, or 4.5 with 64-bit sizes.
const VERSION: u16 = 20;
const VERSION_64: u16 = 45;

impl<W: Write> Writer<W> {
    /// An archive that goes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            offset: 0,
            n_entries: 0,
            directory: Vec::new(),
        }
    }

    /// Appends a file; `name` has slashes and is written as it is.
    ///
    /// # Errors
    ///
    /// Those of the output; the archive is then of no use. `InvalidInput` for a
    /// name longer than 65,535 bytes.
    pub fn add(&mut self, name: &str, content: &[u8], level: Level) -> io::Result<()> {
        self.add_deflated(name, &Deflated::new(content, level))
    }

    /// Appends a file that is already compressed.
    ///
    /// # Errors
    ///
    /// As [`Writer::add`].
    pub fn add_deflated(&mut self, name: &str, file: &Deflated) -> io::Result<()> {
        let name_len = u16::try_from(name.len())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "the name is too long"))?;
        let flags = if name.is_ascii() { 0 } else { FLAG_UTF8 };
        let packed_size = file.bytes.len() as u64;
        let large = file.size >= u64::from(u32::MAX);
        let far = self.offset >= u64::from(u32::MAX);
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let sizes = if large {
            [u32::MAX, u32::MAX]
        } else {
            [narrow(packed_size), narrow(file.size)]
        };
        let wide = [(large, file.size), (large, packed_size)];

        let mut common = Vec::with_capacity(26);
        let version = if large || far { VERSION_64 } else { VERSION };
        for value in [version, flags, file.method, 0, DATE] {
            common.extend(value.to_le_bytes());
        }
        for value in [file.crc, sizes[0], sizes[1]] {
            common.extend(value.to_le_bytes());
        }
        common.extend(name_len.to_le_bytes());

        let extra = wide_field(&wide);
        let mut header = LOCAL.to_le_bytes().to_vec();
        header.extend(&common);
        header.extend(extra_len(&extra));
        header.extend(name.as_bytes());
        header.extend(&extra);

        let extra = wide_field(&[wide[0], wide[1], (far, self.offset)]);
        self.directory.extend(CENTRAL.to_le_bytes());
        self.directory.extend(VERSION.to_le_bytes());
        self.directory.extend(&common);
        self.directory.extend(extra_len(&extra));
        // Comment length, disk, attributes inside and outside.
        self.directory.extend([0; 10]);
        self.directory.extend(narrow(self.offset).to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.directory.extend(&extra);

        self.out.write_all(&header)?;
        self.out.write_all(&file.bytes)?;
        self.offset += header.len() as u64 + packed_size;
        self.n_entries += 1;
        Ok(())
    }

    /// Writes the directory and gives the output back.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        let size = self.directory.len() as u64;
        let mut end = Vec::new();
        let count = u16::try_from(self.n_entries).unwrap_or(u16::MAX);
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        if count == u16::MAX || narrow(size) == u32::MAX || narrow(self.offset) == u32::MAX {
            end.extend(END_64.to_le_bytes());
            end.extend((END_64_LEN as u64 - 12).to_le_bytes());
            end.extend(VERSION_64.to_le_bytes());
            end.extend(VERSION_64.to_le_bytes());
            end.extend([0; 8]);
            for value in [self.n_entries, self.n_entries, size, self.offset] {
                end.extend(value.to_le_bytes());
            }
            end.extend(LOCATOR_64.to_le_bytes());
            end.extend([0; 4]);
            end.extend((self.offset + size).to_le_bytes());
            end.extend(1u32.to_le_bytes());
        }
        end.extend(END.to_le_bytes());
        end.extend([0; 4]);
        end.extend(count.to_le_bytes());
        end.extend(count.to_le_bytes());
        end.extend(narrow(size).to_le_bytes());
        end.extend(narrow(self.offset).to_le_bytes());
        end.extend([0; 2]);
        self.out.write_all(&self.directory)?;
        self.out.write_all(&end)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// The extra field with the numbers that do not fit 32 bits; empty where all fit.
fn wide_field(values: &[(bool, u64)]) -> Vec<u8> {
    let wide: Vec<u8> = values
        .iter()
        .filter(|(is_wide, _)| *is_wide)
        .flat_map(|(_, value)| value.to_le_bytes())
        .collect();
    if wide.is_empty() {
        return wide;
    }
    let mut field = 1u16.to_le_bytes().to_vec();
    field.extend(extra_len(&wide));
    field.extend(wide);
    field
}

fn extra_len(extra: &[u8]) -> [u8; 2] {
    u16::try_from(extra.len())
        .expect("three numbers are short")
        .to_le_bytes()
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
        let file = Deflated::new(b"", Level::FAST);
        for n in 0..70_000 {
            writer.add_deflated(&n.to_string(), &file).unwrap();
        }
        let bytes = writer.finish().unwrap();
        let ours = Archive::open(&bytes, &Limits::default()).unwrap();
        assert_eq!(ours.entries().len(), 70_000);
        let theirs = zip::ZipArchive::new(io::Cursor::new(&bytes)).unwrap();
        assert_eq!(theirs.len(), 70_000);
    }
}
