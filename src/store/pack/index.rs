//! The index of a pack, version 2.
//!
//! Source: gitformat-pack(5), "Version 2 pack-*.idx files".

use std::io::{self, Write};

use sha1::{Digest, Sha1};

use crate::store::ObjectId;

/// Where one object lies in a pack.
#[derive(Clone, Copy, Debug)]
pub(super) struct IndexRecord {
    pub(super) id: ObjectId,
    pub(super) offset: u64,
    /// CRC-32 of the object as it stands in the pack.
    pub(super) crc: u32,
}

/// Offsets from here on stand in a table of their own.
const LARGE: u64 = 1 << 31;

/// Writes the index of a pack whose trailing checksum is `pack_sum`.
///
/// # Panics
///
/// If there are more than 2³¹ objects, which a pack cannot hold.
pub(super) fn write_index(
    out: &mut impl Write,
    mut records: Vec<IndexRecord>,
    pack_sum: [u8; 20],
) -> io::Result<()> {
    records.sort_unstable_by_key(|it| it.id);
    let mut out = Summed {
        out,
        sum: Sha1::new(),
    };
    out.write_all(b"\xfftOc\0\0\0\x02")?;
    let mut n_up_to = 0;
    for first in 0..=u8::MAX {
        n_up_to += records[n_up_to..].partition_point(|it| it.id.as_bytes()[0] <= first);
        let n = u32::try_from(n_up_to).expect("a pack holds fewer than 2^32 objects");
        out.write_all(&n.to_be_bytes())?;
    }
    for it in &records {
        out.write_all(it.id.as_bytes())?;
    }
    for it in &records {
        out.write_all(&it.crc.to_be_bytes())?;
    }
    let mut large = Vec::new();
    for it in &records {
        let word = match u32::try_from(it.offset) {
            Ok(offset) if it.offset < LARGE => offset,
            _ => {
                large.push(it.offset);
                let at = u32::try_from(large.len() - 1).expect("a pack holds fewer than 2^31");
                at | 1 << 31
            }
        };
        out.write_all(&word.to_be_bytes())?;
    }
    for offset in large {
        out.write_all(&offset.to_be_bytes())?;
    }
    out.write_all(&pack_sum)?;
    let sum = out.sum.finalize();
    out.out.write_all(&sum)
}

/// Hashes what goes through it.
struct Summed<'a, W> {
    out: &'a mut W,
    sum: Sha1,
}

impl<W: Write> Summed<'_, W> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.out.write_all(bytes)
    }
}
