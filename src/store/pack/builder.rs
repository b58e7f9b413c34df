//! Building a pack.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use flate2::Crc;
use rayon::prelude::*;
use sha1::{Digest, Sha1};
use tempfile::NamedTempFile;

use super::{
    Kind,
    index::{IndexRecord, write_index},
    object::{packed, unpacked},
};
use crate::store::{
    CommitDraft, Error, ObjectId, Repository, checkpoint::Step, error::Cause, tree::Listing,
};

/// How our temporary files begin. `git prune` removes old files named `tmp_*` as well.
const TEMPORARY: &str = "tmp_orgkeep_";

/// How the content of our keep files begins.
const KEEP_MARK: &str = "orgkeep";

/// A pack that takes objects, from any thread.
///
/// An object that the repository or the pack already has is not written again.
/// Dropped before [`PackBuilder::finish`], it leaves nothing behind.
pub struct PackBuilder<'a> {
    repo: &'a Repository,
    dir: PathBuf,
    known: HashSet<ObjectId>,
    /// Whether the repository had objects when the pack was begun.
    has_objects: bool,
    seen: Mutex<HashMap<ObjectId, Place>>,
    file: Mutex<PackFile>,
}

/// A pack in its place, protected from a concurrent repack until its objects
/// are reachable.
///
/// Dropped, it loses the protection: what is not reachable then is for `git gc`.
#[derive(Debug)]
pub struct KeptPack {
    keep: Option<PathBuf>,
}

/// Where an object of this pack is.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// A thread is compressing it.
    Coming,
    At {
        offset: u64,
        crc: u32,
    },
}

pub(super) struct PackFile {
    pub(super) out: BufWriter<NamedTempFile>,
    pub(super) len: u64,
    /// Set when a write failed: the pack cannot be finished.
    pub(super) broken: bool,
}

impl Repository {
    /// Begins a pack. The caller holds the lock: whoever takes it next removes
    /// packs that were not finished.
    ///
    /// What `known` lists, such as the parent's tree, is skipped without a look
    /// into the object database.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`].
    pub fn pack(&self, known: &Listing) -> Result<PackBuilder<'_>, Error> {
        let dir = self.common_dir().join("objects").join("pack");
        fs::create_dir_all(&dir).map_err(Error::disk("make", &dir))?;
        let file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            .tempfile_in(&dir)
            .map_err(Error::disk("write into", &dir))?;
        let mut out = BufWriter::with_capacity(1 << 18, file);
        // The number of objects is written when it is known.
        out.write_all(b"PACK\0\0\0\x02\0\0\0\0")
            .map_err(Error::disk("write into", &dir))?;
        Ok(PackBuilder {
            repo: self,
            has_objects: has_objects(&dir),
            dir,
            known: known.iter().map(|it| it.entry.id).collect(),
            seen: Mutex::default(),
            file: Mutex::new(PackFile {
                out,
                len: 12,
                broken: false,
            }),
        })
    }
}

impl PackBuilder<'_> {
    /// Puts one object in, unless it is there, and gives its id.
    ///
    /// Compresses in the calling thread.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`]; the pack cannot be finished after it.
    pub fn put(&self, kind: Kind, bytes: &[u8]) -> Result<ObjectId, Error> {
        let id = kind.id_of(bytes);
        if self.has(id)? || !self.claim(id) {
            return Ok(id);
        }
        let written = packed(kind, bytes, |packed| {
            let mut crc = Crc::new();
            crc.update(packed);
            let offset = self.append(packed)?;
            Ok(Place::At {
                offset,
                crc: crc.sum(),
            })
        });
        self.found(id, written?);
        Ok(id)
    }

    /// Puts a file's bytes in.
    ///
    /// # Errors
    ///
    /// As for [`PackBuilder::put`].
    pub fn blob(&self, bytes: &[u8]) -> Result<ObjectId, Error> {
        self.put(Kind::Blob, bytes)
    }

    /// Puts many files' bytes in, on all cores; the ids come in the same order.
    ///
    /// # Errors
    ///
    /// As for [`PackBuilder::put`].
    pub fn blobs<B: AsRef<[u8]> + Sync>(&self, files: &[B]) -> Result<Vec<ObjectId>, Error> {
        files.par_iter().map(|it| self.blob(it.as_ref())).collect()
    }

    /// Puts a commit in, signed where the user's configuration asks for it.
    ///
    /// # Errors
    ///
    /// As for [`PackBuilder::put`]; [`Error::GitFailed`] where it cannot be signed.
    pub fn commit(&self, draft: &CommitDraft) -> Result<ObjectId, Error> {
        let bytes = if self.repo.config_flag("commit.gpgsign") {
            self.signed(draft)?
        } else {
            draft.render()
        };
        self.put(Kind::Commit, &bytes)
    }

    /// The bytes of an object of this pack or of the repository.
    ///
    /// # Errors
    ///
    /// [`Error::Unreadable`] where there is no such object of that kind.
    pub fn read(&self, kind: Kind, id: ObjectId) -> Result<Vec<u8>, Error> {
        let place = lock(&self.seen).get(&id).copied();
        if let Some(Place::At { offset, .. }) = place {
            return self.read_back(offset).map_err(|source| Error::Unreadable {
                kind: kind.name(),
                id,
                source,
            });
        }
        let handle = self.repo.handle()?;
        let unreadable = Error::unreadable;
        let odb = handle.odb().map_err(unreadable(kind.name(), id))?;
        let object = odb.read(id.to_git()).map_err(unreadable(kind.name(), id))?;
        if object.kind() != kind.to_git() {
            return Err(Error::Unreadable {
                kind: kind.name(),
                id,
                source: "it is another kind of object".into(),
            });
        }
        Ok(object.data().to_vec())
    }

    /// The repository it is for.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        self.repo
    }

    /// Whether nothing was put in that the repository did not have.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        lock(&self.seen).is_empty()
    }

    /// Closes the pack and makes its objects readable.
    ///
    /// On the disk, in this order: the pack, what keeps it from a repack, its
    /// index. Without an object nothing is written.
    ///
    /// # Errors
    ///
    /// [`Error::Disk`]; nothing is left behind but a temporary file, which the
    /// next writer removes.
    pub fn finish(self) -> Result<KeptPack, Error> {
        let seen = self
            .seen
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let file = self
            .file
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        if seen.is_empty() {
            return Ok(KeptPack { keep: None });
        }
        let dir = &self.dir;
        let records = records(seen).filter(|_| !file.broken);
        let records = records.ok_or_else(|| io::Error::other("an earlier write failed"));
        let records = records.map_err(Error::disk("write a pack into", dir))?;
        let out = file
            .out
            .into_inner()
            .map_err(io::IntoInnerError::into_error);
        let (pack, sum) = out
            .and_then(|pack| close_pack(pack, records.len()))
            .map_err(Error::disk("write a pack into", dir))?;
        self.repo.reached(Step::PackClosed, dir)?;
        let id = ObjectId::from_bytes(sum);
        let named = |suffix: &str| dir.join(format!("pack-{id}.{suffix}"));
        if named("idx").exists() && named("pack").exists() {
            // Another writer made the same pack; it has all that ours has.
            return Ok(KeptPack { keep: None });
        }
        let keep = named("keep");
        fs::write(&keep, format!("{KEEP_MARK} {}\n", std::process::id()))
            .map_err(Error::disk("write", &keep))?;
        let kept = KeptPack { keep: Some(keep) };
        persist(pack, &named("pack"))?;
        let indexed = self.repo.reached(Step::PackNamed, dir).and_then(|()| {
            let index = new_index(dir, records, sum);
            persist(
                index.map_err(Error::disk("write an index into", dir))?,
                &named("idx"),
            )
        });
        if let Err(err) = indexed {
            // Without an index nobody has seen it.
            let _ = fs::remove_file(named("pack"));
            return Err(err);
        }
        sync_dir(dir);
        self.repo.reached(Step::PackIndexed, dir)?;
        Ok(kept)
    }

    /// Whether the object database has the object.
    fn is_stored(&self, id: ObjectId) -> Result<bool, Error> {
        if !self.has_objects {
            return Ok(false);
        }
        let handle = self.repo.handle()?;
        let odb = handle.odb().map_err(Error::database("open the objects"))?;
        // A new look at the folder of packs for each new object would cost more
        // than writing one twice, which does no harm.
        Ok(odb.exists_ext(id.to_git(), git2::OdbLookupFlags::NO_REFRESH))
    }

    /// Whether the object need not be written.
    pub(super) fn has(&self, id: ObjectId) -> Result<bool, Error> {
        Ok(self.known.contains(&id) || self.is_stored(id)?)
    }

    /// Notes where an object of this pack is.
    pub(super) fn found(&self, id: ObjectId, place: Place) {
        lock(&self.seen).insert(id, place);
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn file(&self) -> &Mutex<PackFile> {
        &self.file
    }

    /// Whether the calling thread is the first to bring that object.
    pub(super) fn claim(&self, id: ObjectId) -> bool {
        let mut seen = lock(&self.seen);
        if seen.contains_key(&id) {
            return false;
        }
        seen.insert(id, Place::Coming);
        true
    }

    fn append(&self, packed: &[u8]) -> Result<u64, Error> {
        let mut file = lock(&self.file);
        let offset = file.len;
        let written = file.out.write_all(packed);
        file.len += packed.len() as u64;
        file.broken |= written.is_err();
        written.map_err(Error::disk("write a pack into", &self.dir))?;
        let reached = self.repo.reached(Step::ObjectPacked, &self.dir);
        file.broken |= reached.is_err();
        reached.map(|()| offset)
    }

    fn read_back(&self, offset: u64) -> Result<Vec<u8>, Cause> {
        let mut file = lock(&self.file);
        file.out.flush()?;
        let mut pack = file.out.get_ref().reopen()?;
        drop(file);
        pack.seek(SeekFrom::Start(offset))?;
        unpacked(BufReader::new(pack)).ok_or_else(|| "the unfinished pack is damaged".into())
    }
}

impl KeptPack {
    /// Ends the protection: the objects are reachable.
    pub fn release(self) {}
}

impl Drop for KeptPack {
    fn drop(&mut self) {
        if let Some(keep) = self.keep.take() {
            // What stays behind is removed by the next writer.
            let _ = fs::remove_file(keep);
        }
    }
}

impl Repository {
    /// Removes what a killed writer left among the packs. The caller holds the lock.
    pub(in crate::store) fn clean_packs(&self) -> Result<(), Error> {
        let dir = self.common_dir().join("objects").join("pack");
        let Ok(listed) = fs::read_dir(&dir) else {
            return Ok(());
        };
        let named = listed.flatten().map(|it| (it.path(), it.file_name()));
        let named: Vec<_> = named
            .map(|(path, name)| (path, name.to_string_lossy().into_owned()))
            .collect();
        let is_keep = |path: &Path| path.extension().is_some_and(|it| it == "keep");
        let is_pack = |path: &Path| path.extension().is_some_and(|it| it == "pack");
        let temporary = named.iter().filter(|(_, name)| name.starts_with(TEMPORARY));
        let unindexed = named
            .iter()
            .filter(|(path, _)| is_pack(path) && is_unindexed(path));
        // The keep files last: they tell which packs are ours.
        let keeps = named
            .iter()
            .filter(|(path, _)| is_keep(path) && is_our_keep(path));
        for (path, _) in temporary.chain(unindexed).chain(keeps) {
            fs::remove_file(path).map_err(Error::disk("remove", path))?;
        }
        Ok(())
    }
}

/// Whether the folder of packs `dir`, or the one it is in, holds or borrows objects; so it is
/// taken to where that cannot be told.
fn has_objects(dir: &Path) -> bool {
    let Some(objects) = dir.parent() else {
        return true;
    };
    let is_some = |dir: &Path, is_one: &dyn Fn(&Path) -> bool| match fs::read_dir(dir) {
        Ok(mut listed) => listed.any(|it| it.is_ok_and(|it| is_one(&it.path()))),
        Err(_) => true,
    };
    let is_index = |it: &Path| it.extension().is_some_and(|it| it == "idx");
    // Loose objects stand in folders of two digits.
    let is_of_objects = |it: &Path| it.file_name().is_some_and(|it| it.len() == 2);
    let borrows = ["info/alternates", "info/http-alternates"];
    borrows.iter().any(|it| objects.join(it).exists())
        || is_some(dir, &is_index)
        || is_some(objects, &is_of_objects)
}

fn is_our_keep(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.starts_with(KEEP_MARK))
}

/// Whether it is a pack of ours that has no index: ours have a keep file by then.
fn is_unindexed(path: &Path) -> bool {
    !path.with_extension("idx").exists() && is_our_keep(&path.with_extension("keep"))
}

pub(super) fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked left an entry that is coming for ever: `finish` refuses then.
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where each object is; `None` when one never came because its thread panicked.
fn records(seen: HashMap<ObjectId, Place>) -> Option<Vec<IndexRecord>> {
    seen.into_iter()
        .map(|(id, place)| match place {
            Place::At { offset, crc } => Some(IndexRecord { id, offset, crc }),
            Place::Coming => None,
        })
        .collect()
}

/// Writes the number of objects and the checksum, and sees it onto the disk.
fn close_pack(mut pack: NamedTempFile, n_objects: usize) -> io::Result<(NamedTempFile, [u8; 20])> {
    let n_objects = u32::try_from(n_objects)
        .ok()
        .filter(|it| it >> 31 == 0)
        .ok_or_else(|| io::Error::other("more than 2^31 objects in one pack"))?;
    let file = pack.as_file_mut();
    file.seek(SeekFrom::Start(8))?;
    file.write_all(&n_objects.to_be_bytes())?;
    file.seek(SeekFrom::Start(0))?;
    let mut sum = Sha1::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => sum.update(&buffer[..n]),
        }
    }
    let sum: [u8; 20] = sum.finalize().into();
    file.write_all(&sum)?;
    file.sync_all()?;
    Ok((pack, sum))
}

fn new_index(
    dir: &Path,
    records: Vec<IndexRecord>,
    pack_sum: [u8; 20],
) -> io::Result<NamedTempFile> {
    let file = tempfile::Builder::new()
        .prefix(TEMPORARY)
        .tempfile_in(dir)?;
    let mut out = BufWriter::new(file);
    write_index(&mut out, records, pack_sum)?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Gives a complete file its name; read-only, as Git's packs are.
fn persist(file: NamedTempFile, to: &Path) -> Result<(), Error> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::Permissions::from_mode(0o444);
        file.as_file()
            .set_permissions(mode)
            .map_err(Error::disk("write", to))?;
    }
    file.persist(to)
        .map(drop)
        .map_err(|err| Error::disk("write", to)(err.error))
}

/// Sees the names in `dir` onto the disk, where the system can do that.
pub(in crate::store) fn sync_dir(dir: &Path) {
    if let Ok(dir) = File::open(dir) {
        // Windows opens no folders, some file systems sync none: nothing more can be done there.
        let _ = dir.sync_all();
    }
}
