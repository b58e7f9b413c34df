//! A blob that is read from the disk while it is packed, so that no file is too large for the memory.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
};

use flate2::{Compression, Crc, read::ZlibEncoder};
use sha1::{Digest, Sha1};

use super::{
    Kind, PackBuilder,
    builder::{PackFile, Place, lock},
    object::{LEVEL, push_header},
};
use crate::store::{Error, ObjectId, checkpoint::Step};

/// Bytes that are read at once.
const PIECE_BYTES: usize = 64 << 10;

impl PackBuilder<'_> {
    /// Puts the bytes of `file`, from its beginning, in as a blob, and gives its id.
    ///
    /// Other threads wait while it is written; memory goes by one piece of it.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`]; the pack cannot be finished after one of writing.
    pub fn blob_file(&self, file: &File) -> Result<ObjectId, Error> {
        let failed = || Error::disk("read a file for a pack into", self.dir());
        let n_bytes = file.metadata().map_err(failed())?.len();
        let id = id_of(file, n_bytes).map_err(failed())?;
        if self.has(id)? || !self.claim(id) {
            return Ok(id);
        }
        let mut pack = lock(self.file());
        let offset = pack.len;
        let written = append(&mut pack, file, n_bytes);
        pack.broken |= written.is_err();
        let crc = written.map_err(Error::disk("write a pack into", self.dir()))?;
        let reached = self.repository().reached(Step::ObjectPacked, self.dir());
        pack.broken |= reached.is_err();
        reached?;
        drop(pack);
        self.found(id, Place::At { offset, crc });
        Ok(id)
    }
}

fn id_of(file: &File, n_bytes: u64) -> io::Result<ObjectId> {
    let mut hash = Sha1::new();
    hash.update(format!("{} {n_bytes}\0", Kind::Blob.name()));
    each_piece(from_start(file, n_bytes)?, |piece| {
        hash.update(piece);
        Ok(())
    })?;
    Ok(ObjectId::from_bytes(hash.finalize().into()))
}

/// Writes header and compressed bytes at the end of the pack; their checksum.
fn append(pack: &mut PackFile, file: &File, n_bytes: u64) -> io::Result<u32> {
    let size = usize::try_from(n_bytes).map_err(io::Error::other)?;
    let mut crc = Crc::new();
    let mut write = |piece: &[u8]| {
        crc.update(piece);
        pack.out.write_all(piece)?;
        pack.len += piece.len() as u64;
        Ok(())
    };
    let mut header = Vec::new();
    push_header(&mut header, Kind::Blob, size);
    write(&header)?;
    let bytes = BufReader::with_capacity(PIECE_BYTES, from_start(file, n_bytes)?);
    let packed = ZlibEncoder::new(bytes, Compression::new(LEVEL));
    each_piece(packed, write)?;
    Ok(crc.sum())
}

fn from_start(mut file: &File, n_bytes: u64) -> io::Result<io::Take<&File>> {
    file.seek(SeekFrom::Start(0))?;
    Ok(file.take(n_bytes))
}

fn each_piece(
    mut from: impl Read,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(n) => take(&piece[..n])?,
            Err(err) if err.kind() == io::ErrorKind::Interrupted => {}
            Err(err) => return Err(err),
        }
    }
}
