//! Reads archives that somebody else made.

use std::{
    borrow::Cow,
    cell::RefCell,
    collections::{HashMap, HashSet},
    fs::File,
    io::{self, Read},
};

use flate2::{Crc, Decompress, FlushDecompress, Status, read::DeflateDecoder};
use sha2::{Digest, Sha256};

use super::entry::{Entry, Problem};
use super::format::{
    Central, DEFLATED, END, END_64, END_64_LEN, END_LEN, Fields, LOCAL, LOCAL_LEN, LOCATOR_64,
    LOCATOR_64_LEN,
};

/// Something whose bytes can be read at any place, by several threads at once.
pub trait ReadAt: Sync {
    /// Number of bytes in all.
    ///
    /// # Errors
    ///
    /// Those of the medium.
    fn size(&self) -> io::Result<u64>;

    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` where there are fewer; else those of the medium.
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()>;
}

impl<T: AsRef<[u8]> + Sync> ReadAt for T {
    fn size(&self) -> io::Result<u64> {
        Ok(self.as_ref().len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let found = usize::try_from(offset)
            .ok()
            .and_then(|start| self.as_ref().get(start..start.checked_add(buf.len())?));
        buf.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A file, read without moving its cursor.
#[derive(Debug)]
pub struct FileSource(pub File);

impl ReadAt for FileSource {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    #[cfg(unix)]
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, buf, offset)
    }

    #[cfg(windows)]
    fn read_exact_at(&self, mut buf: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buf.is_empty() {
            let n = std::os::windows::fs::FileExt::seek_read(&self.0, buf, offset)?;
            if n == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buf = &mut buf[n..];
            offset += n as u64;
        }
        Ok(())
    }
}

/// What an archive may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most entries.
    pub n_entries: usize,
    /// Most bytes that all entries together unpack to.
    pub bytes: u64,
    /// Most bytes that one entry unpacks to.
    pub entry_bytes: u64,
    /// How many times its packed size an entry may unpack to.
    pub ratio: u64,
    /// Size up to which the ratio does not count.
    pub ratio_free_bytes: u64,
}

impl Default for Limits {
    /// Ten times what the platform allows for one retrieve (10,000 files, 600 MB
    /// unpacked; Metadata API 66.0 limits), and for one entry 1 GiB at 250:1, which
    /// XML does not reach.
    fn default() -> Self {
        Self {
            n_entries: 100_000,
            bytes: 6 << 30,
            entry_bytes: 1 << 30,
            ratio: 250,
            ratio_free_bytes: 8 << 20,
        }
    }
}

/// An archive, or an entry of it, that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The medium failed.
    #[error("cannot read the archive")]
    Io(#[from] io::Error),
    /// It is no zip archive, or one that is cut off or damaged.
    #[error("not a zip archive: {0}")]
    NotAnArchive(&'static str),
    /// It costs more than is allowed.
    #[error("the archive has {what}, more than the limit of {limit}")]
    TooLarge {
        /// What there is too much of, with the number.
        what: String,
        /// The limit.
        limit: u64,
    },
    /// The entry has a problem that its directory shows.
    #[error("cannot read `{}` from the archive: {problem}", name.escape_debug())]
    Refused {
        /// Name of the entry.
        name: String,
        /// What is wrong with it.
        problem: Problem,
    },
    /// The bytes of the entry are not what the directory says.
    #[error("entry `{}` of the archive is damaged: {reason}", name.escape_debug())]
    Damaged {
        /// Name of the entry.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// An archive whose directory has been read.
#[derive(Debug)]
pub struct Archive<R> {
    source: R,
    size: u64,
    /// Number of bytes before the archive proper.
    prefix: u64,
    entries: Vec<Entry>,
    case_twins: Vec<(usize, usize)>,
}

/// The packed bytes of one entry.
#[derive(Clone, Debug)]
pub struct Packed<'a> {
    entry: Cow<'a, Entry>,
    /// What was read of the archive; its own bytes begin at `from`.
    read: Vec<u8>,
    from: usize,
}

/// Bytes that may stand between a local header and the content: what archivers put there.
///
/// Own figure. Where there is more, the content is read once more.
const USUAL_EXTRA: u64 = 64;

impl<R: ReadAt> Archive<R> {
    /// Reads the directory of an archive.
    ///
    /// Entries keep the order of the directory. Of two with the same name the
    /// later one counts, as it does for unzip and `sf`.
    ///
    /// # Errors
    ///
    /// [`Error::NotAnArchive`], [`Error::TooLarge`] and [`Error::Io`]; what is
    /// wrong with single entries stands in them.
    pub fn open(source: R, limits: &Limits) -> Result<Self, Error> {
        let size = source.size()?;
        let directory = Directory::find(&source, size)?;
        if directory.n_entries > limits.n_entries as u64 {
            return Err(Error::TooLarge {
                what: format!("{} entries", directory.n_entries),
                limit: limits.n_entries as u64,
            });
        }
        let bytes = read_vec(&source, directory.offset, directory.size)?;
        let mut fields = Fields(&bytes);
        let mut entries = Vec::new();
        for _ in 0..directory.n_entries {
            let central = Central::read(&mut fields)
                .ok_or(Error::NotAnArchive("its directory is damaged"))?;
            entries.push(Entry::new(&central));
        }
        let mut archive = Self {
            source,
            size,
            prefix: directory.prefix,
            entries,
            case_twins: Vec::new(),
        };
        archive.check_sizes(limits)?;
        archive.check_names();
        Ok(archive)
    }

    /// All entries, in the order of the directory.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Pairs of entries whose names differ only in case, the earlier one first.
    #[must_use]
    pub fn case_twins(&self) -> &[(usize, usize)] {
        &self.case_twins
    }

    /// Reads the packed bytes of entry `n`.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for an entry with a problem, [`Error::Damaged`] where its
    /// bytes are not there.
    ///
    /// # Panics
    ///
    /// If there is no such entry.
    pub fn packed(&self, n: usize) -> Result<Packed<'_>, Error> {
        let entry = &self.entries[n];
        let start = self.start(entry)?;
        // One read for header and content: an archive has tens of thousands of entries.
        let most = (LOCAL_LEN + entry.raw_name.len()) as u64 + USUAL_EXTRA + entry.packed_size;
        let len = most.min(self.size.saturating_sub(start));
        let mut read = self.read_vec(start, len)?;
        let (place, len) = self.place_by(entry, start, &read)?;
        let end = place - start + len;
        let mut from = place - start;
        if (read.len() as u64) < end {
            read = self.read_vec(place, len)?;
            from = 0;
        }
        read.truncate(usize::try_from(from + len).unwrap_or(usize::MAX));
        Ok(Packed {
            entry: Cow::Borrowed(entry),
            read,
            from: usize::try_from(from).unwrap_or(usize::MAX),
        })
    }

    /// Reads and unpacks entry `n`.
    ///
    /// # Errors
    ///
    /// Those of [`Archive::packed`] and [`Packed::unpack`].
    ///
    /// # Panics
    ///
    /// If there is no such entry.
    pub fn read(&self, n: usize) -> Result<Vec<u8>, Error> {
        self.packed(n)?.unpack()
    }

    /// Unpacks entry `n` piece by piece.
    ///
    /// The last read fails with `InvalidData` where the content is not what the
    /// directory says; nothing read before it counts then.
    ///
    /// # Errors
    ///
    /// Those of [`Archive::packed`].
    ///
    /// # Panics
    ///
    /// If there is no such entry.
    pub fn stream(&self, n: usize) -> Result<impl Read + '_, Error> {
        let entry = &self.entries[n];
        let (start, size) = self.place(entry)?;
        let raw = io::BufReader::with_capacity(
            32 << 10,
            Section {
                source: &self.source,
                at: start,
                end: start + size,
            },
        );
        Ok(Unpacking::new(entry, raw))
    }

    /// Where the packed bytes of `entry` are; checks its local header on the way.
    fn place(&self, entry: &Entry) -> Result<(u64, u64), Error> {
        let start = self.start(entry)?;
        let len = (LOCAL_LEN + entry.raw_name.len()) as u64;
        let header = self.read_vec(start, len.min(self.size.saturating_sub(start)))?;
        self.place_by(entry, start, &header)
    }

    /// Where the local header of `entry` begins.
    fn start(&self, entry: &Entry) -> Result<u64, Error> {
        if let Some(problem) = &entry.problem {
            return Err(Error::Refused {
                name: entry.name.clone(),
                problem: problem.clone(),
            });
        }
        let start = self.prefix.checked_add(entry.offset);
        start
            .filter(|it| *it < self.size)
            .ok_or_else(|| damaged(entry, CUT_OFF))
    }

    /// Where the packed bytes are of an entry whose local header, with more or less behind
    /// it, begins at `start`.
    fn place_by(&self, entry: &Entry, start: u64, header: &[u8]) -> Result<(u64, u64), Error> {
        let header_len = LOCAL_LEN + entry.raw_name.len();
        let header = header
            .get(..header_len)
            .ok_or_else(|| damaged(entry, CUT_OFF))?;
        let mut fields = Fields(header);
        let is_local = fields.u32() == Some(LOCAL);
        fields.bytes(22);
        let name_len = fields.u16().unwrap_or_default();
        let extra_len = fields.u16().unwrap_or_default();
        if !is_local {
            let reason = "there is no entry where the directory says";
            return Err(damaged(entry, reason));
        }
        if usize::from(name_len) != entry.raw_name.len() || fields.0 != &*entry.raw_name {
            return Err(damaged(entry, "it has another name in the directory"));
        }
        let start = start + header_len as u64 + u64::from(extra_len);
        let end = start.checked_add(entry.packed_size);
        if end.is_none_or(|it| it > self.size) {
            return Err(damaged(entry, CUT_OFF));
        }
        Ok((start, entry.packed_size))
    }

    /// Some bytes, which lie inside the archive.
    fn read_vec(&self, offset: u64, len: u64) -> Result<Vec<u8>, Error> {
        let len = usize::try_from(len).map_err(|_| Error::NotAnArchive("it is too large"))?;
        let mut bytes = vec![0; len];
        self.source.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn check_sizes(&mut self, limits: &Limits) -> Result<(), Error> {
        let mut total: u64 = 0;
        for entry in &mut self.entries {
            if entry.problem.is_none() {
                if entry.size > limits.entry_bytes {
                    entry.problem = Some(Problem::TooLarge);
                } else if entry.size > limits.ratio_free_bytes
                    && entry.size / limits.ratio > entry.packed_size
                {
                    entry.problem = Some(Problem::TooDense);
                } else {
                    // No entry yields more than its size says, so the sum is a bound.
                    total = total.saturating_add(entry.size);
                }
            }
        }
        if total > limits.bytes {
            return Err(Error::TooLarge {
                what: format!("{total} bytes unpacked"),
                limit: limits.bytes,
            });
        }
        Ok(())
    }

    fn check_names(&mut self) {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        let mut folders: HashSet<&str> = HashSet::new();
        let mut problems = Vec::new();
        for (n, entry) in self.entries.iter().enumerate() {
            if entry.is_folder {
                folders.insert(&entry.name);
            } else if let Some(earlier) = seen.insert(&entry.name, n) {
                problems.push((earlier, Problem::Duplicate));
            }
            let mut name = entry.name.as_str();
            while let Some((folder, _)) = name.rsplit_once('/')
                && folders.insert(folder)
            {
                name = folder;
            }
        }
        for (name, n) in seen {
            if folders.contains(name) {
                problems.push((n, Problem::Name("another entry has it for a folder")));
            }
        }
        for (n, problem) in problems {
            self.entries[n].problem.get_or_insert(problem);
        }
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (n, entry) in self.entries.iter().enumerate() {
            if entry.problem.is_none()
                && !entry.is_folder
                && let Some(earlier) = seen.insert(entry.name.to_lowercase(), n)
            {
                self.case_twins.push((earlier, n));
            }
        }
    }
}

impl Packed<'_> {
    /// The same without its archive.
    #[must_use]
    pub fn into_owned(self) -> Packed<'static> {
        Packed {
            entry: Cow::Owned(self.entry.into_owned()),
            read: self.read,
            from: self.from,
        }
    }

    /// The bytes as they are in the archive.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.read[self.from..]
    }

    /// A name for the content: equal only where what is unpacked is equal.
    ///
    /// SHA-256 over method, size, CRC and packed bytes.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.entry.method.to_le_bytes());
        hash.update(self.entry.size.to_le_bytes());
        hash.update(self.entry.crc.to_le_bytes());
        hash.update(self.bytes());
        hash.finalize().into()
    }

    /// Unpacks the entry.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] where the content is not what the directory says.
    pub fn unpack(&self) -> Result<Vec<u8>, Error> {
        let entry = &*self.entry;
        let out = match entry.method {
            DEFLATED => inflated(self.bytes(), entry.size).map_err(|it| damaged(entry, it))?,
            _ => self.bytes().to_vec(),
        };
        check(out.len() as u64, entry, || {
            let mut crc = Crc::new();
            crc.update(&out);
            crc.sum()
        })
        .map_err(|it| damaged(entry, it))?;
        Ok(out)
    }
}

const CUT_OFF: &str = "it lies outside the archive";
const TOO_LONG: &str = "it is longer than the directory says";

fn damaged(entry: &Entry, reason: &str) -> Error {
    Error::Damaged {
        name: entry.name.clone(),
        reason: reason.to_owned(),
    }
}

/// Holds what came of an entry against the directory.
fn check(len: u64, entry: &Entry, crc: impl FnOnce() -> u32) -> Result<(), &'static str> {
    if len > entry.size {
        return Err(TOO_LONG);
    }
    if len < entry.size {
        return Err("it is shorter than the directory says");
    }
    if crc() != entry.crc {
        return Err("its checksum is wrong");
    }
    Ok(())
}

thread_local! {
    /// Goes from entry to entry: a new one clears more bytes than most entries have.
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Unpacks what is to have `size` bytes; no more than one byte more of it.
fn inflated(packed: &[u8], size: u64) -> Result<Vec<u8>, &'static str> {
    // A header's claim reserves no more than deflate can yield from what is there.
    let most = (packed.len() as u64).saturating_mul(1_032);
    let capacity = usize::try_from(size.min(most)).unwrap_or(0);
    let mut out = Vec::with_capacity(capacity + 1);
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset(false);
        loop {
            let read = usize::try_from(inflate.total_in()).unwrap_or(usize::MAX);
            let rest = packed.get(read..).unwrap_or_default();
            let status = inflate.decompress_vec(rest, &mut out, FlushDecompress::Finish);
            if out.len() as u64 > size {
                return Err(TOO_LONG);
            }
            match status {
                Ok(Status::StreamEnd) => return Ok(out),
                Ok(_) if out.len() == out.capacity() => out.reserve(out.len().max(4_096)),
                Ok(_) => return Err("its content is cut off"),
                Err(_) => return Err("its content cannot be unpacked"),
            }
        }
    })
}

/// Where the directory is.
struct Directory {
    prefix: u64,
    offset: u64,
    size: u64,
    n_entries: u64,
}

impl Directory {
    fn find(source: &impl ReadAt, size: u64) -> Result<Self, Error> {
        let cut_off = || Error::NotAnArchive("it is empty or cut off");
        // The end record is followed by a comment of at most 65,535 bytes.
        let tail_len = size.min((END_LEN + 0xffff + LOCATOR_64_LEN) as u64);
        let tail_start = size - tail_len;
        let tail = read_vec(source, tail_start, tail_len)?;
        let last = tail.len().checked_sub(END_LEN).ok_or_else(cut_off)?;
        let at = (0..=last)
            .rev()
            .find(|at| {
                let mut fields = Fields(&tail[*at..]);
                fields.u32() == Some(END)
                    && fields.bytes(16).is_some()
                    && fields.u16().map(usize::from) == Some(tail.len() - at - END_LEN)
            })
            .ok_or(Error::NotAnArchive("it has no end record"))?;
        let mut fields = Fields(&tail[at + 8..]);
        let (Some(_), Some(n), Some(dir_size), Some(offset)) =
            (fields.u16(), fields.u16(), fields.u32(), fields.u32())
        else {
            return Err(cut_off());
        };
        let mut end = tail_start + at as u64;
        let mut found = (u64::from(n), u64::from(dir_size), u64::from(offset));
        if let Some(locator) = at.checked_sub(LOCATOR_64_LEN) {
            let mut fields = Fields(&tail[locator..]);
            if fields.u32() == Some(LOCATOR_64) {
                (found, end) = Self::find_64(source, end, &mut fields)?;
            }
        }
        let (n_entries, dir_size, offset) = found;
        let start = end
            .checked_sub(dir_size)
            .ok_or(Error::NotAnArchive("its directory is larger than the file"))?;
        let prefix = start.checked_sub(offset).ok_or(Error::NotAnArchive(
            "its directory is not where it should be",
        ))?;
        if n_entries > dir_size / super::format::CENTRAL_LEN as u64 {
            return Err(Error::NotAnArchive("its directory is too short"));
        }
        Ok(Self {
            prefix,
            offset: start,
            size: dir_size,
            n_entries,
        })
    }

    /// The numbers of the 64-bit end record, and where it begins.
    fn find_64(
        source: &impl ReadAt,
        end: u64,
        locator: &mut Fields<'_>,
    ) -> Result<((u64, u64, u64), u64), Error> {
        let damaged = || Error::NotAnArchive("its 64-bit end record is damaged");
        locator.u32();
        let declared = locator.u64().ok_or_else(damaged)?;
        // With bytes before the archive the declared place is wrong; then the record
        // stands right before its locator.
        let before = end
            .checked_sub((LOCATOR_64_LEN + END_64_LEN) as u64)
            .ok_or_else(damaged)?;
        for at in [before, declared] {
            if at > before {
                continue;
            }
            let record = read_vec(source, at, END_64_LEN as u64)?;
            let mut fields = Fields(&record);
            if fields.u32() != Some(END_64) {
                continue;
            }
            fields.bytes(28);
            let n = fields.u64().ok_or_else(damaged)?;
            let size = fields.u64().ok_or_else(damaged)?;
            let offset = fields.u64().ok_or_else(damaged)?;
            return Ok(((n, size, offset), at));
        }
        Err(damaged())
    }
}

fn read_vec(source: &impl ReadAt, offset: u64, len: u64) -> Result<Vec<u8>, Error> {
    let end = offset.checked_add(len);
    if end.is_none_or(|end| source.size().is_ok_and(|size| end > size)) {
        return Err(Error::NotAnArchive("it is cut off"));
    }
    let len = usize::try_from(len).map_err(|_| Error::NotAnArchive("it is too large"))?;
    let mut bytes = vec![0; len];
    source.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

/// Bytes of a source from one place to another.
struct Section<'a, R> {
    source: &'a R,
    at: u64,
    end: u64,
}

impl<R: ReadAt> Read for Section<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let len = buf.len().min(left);
        self.source.read_exact_at(&mut buf[..len], self.at)?;
        self.at += len as u64;
        Ok(len)
    }
}

/// Unpacks and holds the content against the directory.
struct Unpacking<'a, R: Read> {
    entry: &'a Entry,
    content: Content<R>,
    crc: Crc,
    n_read: u64,
}

enum Content<R: Read> {
    Stored(R),
    Deflated(DeflateDecoder<R>),
}

impl<'a, R: Read> Unpacking<'a, R> {
    fn new(entry: &'a Entry, raw: R) -> Self {
        Self {
            entry,
            content: match entry.method {
                DEFLATED => Content::Deflated(DeflateDecoder::new(raw)),
                _ => Content::Stored(raw),
            },
            crc: Crc::new(),
            n_read: 0,
        }
    }
}

impl<R: Read> Read for Unpacking<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        let n = match &mut self.content {
            Content::Stored(raw) => raw.read(buf)?,
            Content::Deflated(raw) => raw.read(buf)?,
        };
        self.crc.update(&buf[..n]);
        self.n_read += n as u64;
        let checked = match n {
            0 => check(self.n_read, self.entry, || self.crc.sum()),
            _ if self.n_read > self.entry.size => Err(TOO_LONG),
            _ => Ok(()),
        };
        checked.map_err(|it| io::Error::new(io::ErrorKind::InvalidData, it))?;
        Ok(n)
    }
}

#[cfg(test)]
mod tests;
