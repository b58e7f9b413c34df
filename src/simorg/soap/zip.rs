//! A zip as the platform's Java writes it.
//!
//! Sizes and checksum stand behind the data and not before it (flag 0x0808), so
//! that a reader must go by the directory at the end. Entries are packed by
//! several threads; times are the org's.

use std::{
    io::{self, Write},
    num::NonZero,
    thread,
};

use flate2::{Compression, Crc, write::DeflateEncoder};

use crate::{model::Timestamp, simorg::state::PackageFile};

const STORED: [u8; 2] = [0, 0];
const DEFLATED: [u8; 2] = [8, 0];
/// UTF-8 names; sizes behind the data.
const FLAGS: u16 = 0x0808;
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";

/// Packs files in their order, below `prefix`.
pub(super) fn pack(files: &[PackageFile], prefix: &str, now: Timestamp) -> Vec<u8> {
    let time = dos_time(now);
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for entry in packed(files, prefix) {
        entry.write(&mut out, &mut directory, time);
    }
    let (start, length) = (out.len(), directory.len());
    out.extend(directory);
    let n_files = le16(files.len());
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(n_files);
    out.extend(n_files);
    out.extend(le32(length));
    out.extend(le32(start));
    out.extend([0, 0]);
    out
}

/// One entry, packed.
struct Entry {
    name: Vec<u8>,
    method: [u8; 2],
    /// Checksum, packed and unpacked size.
    sums: [u8; 12],
    data: Vec<u8>,
}

impl Entry {
    fn new(name: &str, content: &[u8]) -> io::Result<Self> {
        let mut crc = Crc::new();
        crc.update(content);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(3));
        encoder.write_all(content)?;
        let mut data = encoder.finish()?;
        let mut method = DEFLATED;
        if data.len() >= content.len() {
            (data, method) = (content.to_vec(), STORED);
        }
        let mut sums = [0; 12];
        sums[..4].copy_from_slice(&crc.sum().to_le_bytes());
        sums[4..8].copy_from_slice(&le32(data.len()));
        sums[8..].copy_from_slice(&le32(content.len()));
        Ok(Self {
            name: name.as_bytes().to_vec(),
            method,
            sums,
            data,
        })
    }

    fn write(&self, out: &mut Vec<u8>, directory: &mut Vec<u8>, time: [u8; 4]) {
        let offset = le32(out.len());
        // A stored entry has its sizes before it: its end could not be found else.
        let is_deflated = self.method != STORED;
        let flags = if is_deflated { FLAGS } else { FLAGS & !8 }.to_le_bytes();
        let mut head = Vec::with_capacity(26);
        head.extend([20, 0]);
        head.extend(flags);
        head.extend(self.method);
        head.extend(time);
        out.extend(b"PK\x03\x04");
        out.extend(&head);
        out.extend(if is_deflated { [0; 12] } else { self.sums });
        out.extend(le16(self.name.len()));
        out.extend([0, 0]);
        out.extend(&self.name);
        out.extend(&self.data);
        if is_deflated {
            out.extend(DESCRIPTOR);
            out.extend(self.sums);
        }
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&head);
        directory.extend(self.sums);
        directory.extend(le16(self.name.len()));
        directory.extend([0; 12]);
        directory.extend(offset);
        directory.extend(&self.name);
    }
}

/// Packs all files, sharing the work among the processor's cores.
fn packed(files: &[PackageFile], prefix: &str) -> Vec<Entry> {
    let n_threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = files.len().div_ceil(n_threads).max(64);
    let pack = |files: &[PackageFile]| -> Vec<Entry> {
        files
            .iter()
            .map(|it| Entry::new(&format!("{prefix}{}", it.path), &it.content))
            .map(|it| it.expect("writing to memory does not fail, and paths are short"))
            .collect()
    };
    thread::scope(|scope| {
        let threads: Vec<_> = files
            .chunks(share)
            .map(|files| scope.spawn(move || pack(files)))
            .collect();
        threads
            .into_iter()
            .flat_map(|it| it.join().expect("packing does not panic"))
            .collect()
    })
}

fn le16(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes()
}

fn le32(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

/// Time and day in MS-DOS form.
fn dos_time(at: Timestamp) -> [u8; 4] {
    let text = at.to_soap();
    let number = |from: usize, to: usize| text.get(from..to).and_then(|it| it.parse::<u16>().ok());
    let parts = [
        number(0, 4),
        number(5, 7),
        number(8, 10),
        number(11, 13),
        number(14, 16),
        number(17, 19),
    ];
    let [
        Some(year @ 1980..=2107),
        Some(month),
        Some(day),
        Some(hour),
        Some(minute),
        Some(second),
    ] = parts
    else {
        return [0, 0, 0x21, 0];
    };
    let time = (hour << 11) | (minute << 5) | (second / 2);
    let date = ((year - 1980) << 9) | (month << 5) | day;
    let ([a, b], [c, d]) = (time.to_le_bytes(), date.to_le_bytes());
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{Archive, Limits};

    #[test]
    fn zip_is_read_by_its_directory() {
        let files: Vec<_> = (0..200)
            .map(|n| PackageFile::new(&format!("classes/C{n}.cls"), "x".repeat(n).into_bytes()))
            .collect();
        let zip = pack(
            &files,
            "unpackaged/",
            "2026-02-03T04:05:06Z".parse().unwrap(),
        );
        let hundredth = zip
            .windows(15)
            .position(|it| it == b"classes/C99.cls")
            .unwrap();
        let local = hundredth - "unpackaged/".len() - 30;
        assert_eq!(zip[local + 6..local + 8], FLAGS.to_le_bytes());
        assert_eq!(
            zip[local + 14..local + 26],
            [0; 12],
            "sizes stand behind the data"
        );
        let archive = Archive::open(&zip, &Limits::default()).unwrap();
        assert_eq!(archive.entries().len(), 200);
        for (n, entry) in archive.entries().iter().enumerate() {
            assert_eq!(entry.name, format!("unpackaged/classes/C{n}.cls"));
            assert_eq!(archive.read(n).unwrap(), "x".repeat(n).into_bytes());
        }
    }
}
