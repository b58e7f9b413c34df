//! Bodies of files: which ones are missing, fetching them, putting them into the tree.
//!
//! What the calls of the day do not suffice for stays missing, which the ledger says;
//! the next run goes on with the newest of those.
//!
//! Invariant: a body stands in the tree only where its length and checksum are those
//! of its row, and leaves it only when no row has it any more.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use futures_util::{StreamExt, pin_mut, stream};
use md5::{Digest as _, Md5};
use serde::Serialize;
use sha2::Sha256;

use super::{
    at::{RecordsAt, read_rows},
    export::Outcome,
    fold::write_rows,
    spool::disk,
};
use crate::{
    client::{self, Org},
    config::Files,
    ledger::BodyGaps,
    model::{ObjectName, RecordId, TreePath, hex},
    ops::{
        Cause,
        error::{Error, Refusal},
    },
    progress::{Event, Monitor, Phase},
    records::{
        Shard,
        body::{
            BODY_RULES, BodyRule, Kept, LFS_ATTRIBUTES, Wanted, blob_path, body_table_path,
            pointer, pointer_path,
        },
        read_shard,
    },
    store::{Kind, ObjectId, PackBuilder},
};

/// Bodies that are fetched at once.
///
/// Own figure: below the 25 long calls that an org serves at a time.
const AT_ONCE: usize = 4;

/// How often a body that came damaged is fetched.
const TRIES: u32 = 3;

/// What an export did about bodies of files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BodiesReport {
    /// Bodies that came.
    pub added: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Rows that have their body in the tree.
    pub kept: u64,
    /// Rows whose body goes, for they are gone or have another one.
    pub removed: u64,
    /// Rows whose body is still to come: the calls did not suffice.
    pub missing: u64,
    /// Rows whose body is longer than the settings allow.
    pub too_large: u64,
    /// Rows whose body could not be read, and why.
    pub failed: BTreeMap<RecordId, String>,
}

/// What becomes of the tree.
#[derive(Debug, Default)]
pub(super) struct Bodies {
    pub(super) edits: BTreeMap<TreePath, Option<ObjectId>>,
    pub(super) report: BodiesReport,
    /// What is missing, by object that was looked at.
    pub(super) gaps: BTreeMap<ObjectName, BodyGaps>,
    /// Where bodies lie until the commit is there.
    dir: PathBuf,
}

impl Bodies {
    /// The bodies are safe: their copies are not needed any more.
    pub(super) fn done(self) {
        // What stays behind saves a call, should it be asked for again.
        let _ = fs::remove_dir_all(self.dir);
    }
}

/// What fetching bodies needs.
pub(super) struct BodyRun<'a> {
    pub(super) org: &'a Org,
    pub(super) base: &'a RecordsAt<'a>,
    pub(super) pack: &'a PackBuilder<'a>,
    pub(super) files: Files,
    /// Folder for bodies until they are committed.
    pub(super) dir: PathBuf,
    pub(super) monitor: &'a dyn Monitor,
}

/// The tables of one object: what is kept, and what is to come.
struct Tables {
    object: ObjectName,
    rule: &'static BodyRule,
    kept: BTreeMap<Shard, BTreeMap<RecordId, Kept>>,
    /// Rows that have a body which is to be replaced.
    old: BTreeSet<RecordId>,
    gaps: BodyGaps,
}

/// What became of one body.
enum Got {
    Body {
        kept: Kept,
        file: PathBuf,
    },
    Failed(String),
    /// No call is left for it.
    Later,
}

impl BodyRun<'_> {
    /// Brings the bodies up to the rows of `outcomes`.
    ///
    /// # Errors
    ///
    /// What reaching the org or the disk gives; a single body that cannot be read is none.
    pub(super) async fn take(&self, outcomes: &[Outcome]) -> Result<Bodies, Error> {
        let before = tables(self.base, self.pack)?;
        let mut bodies = Bodies {
            dir: self.dir.clone(),
            ..Bodies::default()
        };
        let mut todo: Vec<(usize, Wanted)> = Vec::new();
        let mut all: Vec<Tables> = Vec::new();
        for rule in &BODY_RULES {
            let found = outcomes.iter().find(|it| it.target.name == rule.object);
            let Some(outcome) = found else { continue };
            let Ok(read) = &outcome.result else { continue };
            let object = outcome.target.name.clone();
            let known = before.get(&object).cloned().unwrap_or_default();
            let mut tables = Tables {
                object,
                rule,
                kept: BTreeMap::new(),
                old: BTreeSet::new(),
                gaps: BodyGaps::default(),
            };
            if rule.is_wanted(&read.schema) {
                let wanted = self.compare(&mut tables, outcome, &known)?;
                todo.extend(wanted.into_iter().map(|it| (all.len(), it)));
            }
            all.push(tables);
        }
        if all.is_empty() {
            return Ok(bodies);
        }
        // The newest first: who needs a file needs the one of today.
        todo.sort_by(|a, b| (&b.1.made, b.1.id).cmp(&(&a.1.made, a.1.id)));
        self.fetch(todo, &mut all, &mut bodies).await?;
        self.edit(&before, all, &mut bodies)?;
        Ok(bodies)
    }

    /// Finds what is kept already and what is to come.
    fn compare(
        &self,
        tables: &mut Tables,
        outcome: &Outcome,
        known: &BTreeMap<Shard, BTreeMap<RecordId, Kept>>,
    ) -> Result<Vec<Wanted>, Error> {
        let object = &tables.object;
        let mut shards: BTreeMap<Shard, ObjectId> = self
            .base
            .object(object.as_str())
            .map(|it| it.shards.clone())
            .unwrap_or_default();
        if let Ok(read) = &outcome.result {
            for (path, id) in &read.folded.edits {
                let Some((_, shard)) = Shard::of_path(path.as_str()) else {
                    continue;
                };
                match id {
                    Some(id) => shards.insert(shard, *id),
                    None => shards.remove(&shard),
                };
            }
        }
        let most = self.files.most_bytes();
        let mut todo = Vec::new();
        for (shard, id) in shards {
            let known = known.get(&shard);
            let bytes = self.pack.read(Kind::Blob, id)?;
            let rows = read_shard(&bytes).map_err(|err| Refusal::DamagedRows {
                object: object.clone(),
                reason: err.to_string(),
            })?;
            for row in &rows {
                let Some(wanted) = tables.rule.wanted(row, self.files.versions) else {
                    continue;
                };
                let has = known.and_then(|it| it.get(&wanted.id));
                if let Some(has) = has {
                    // An old body is better than none, until the new one is here.
                    let kept = tables.kept.entry(shard).or_default();
                    kept.insert(wanted.id, has.clone());
                    if has.mark == wanted.mark {
                        continue;
                    }
                    tables.old.insert(wanted.id);
                }
                match wanted.bytes {
                    Some(n) if n > most => {
                        tables.gaps.too_large.insert(wanted.id, n);
                    }
                    _ => todo.push(wanted),
                }
            }
        }
        Ok(todo)
    }

    /// Fetches bodies in their order, as long as there are calls.
    async fn fetch(
        &self,
        todo: Vec<(usize, Wanted)>,
        all: &mut [Tables],
        bodies: &mut Bodies,
    ) -> Result<(), Error> {
        if todo.is_empty() {
            return Ok(());
        }
        fs::create_dir_all(&self.dir).map_err(|err| disk("make", &self.dir, err))?;
        let total = todo.len() as u64;
        self.monitor
            .event(Event::Started(Phase::Bodies, Some(total)));
        let is_spent = Cell::new(false);
        let names: Vec<_> = all.iter().map(|it| (it.object.clone(), it.rule)).collect();
        let got = stream::iter(todo)
            .map(|(n, wanted)| {
                let (object, rule) = &names[n];
                let is_spent = &is_spent;
                async move {
                    let got = self.one(object, rule, &wanted, is_spent).await;
                    (n, wanted, got)
                }
            })
            .buffered(AT_ONCE);
        pin_mut!(got);
        let mut n_done = 0;
        while let Some((n, wanted, got)) = got.next().await {
            let tables = &mut all[n];
            n_done += 1;
            self.monitor.event(Event::Advanced(Phase::Bodies, n_done));
            match got? {
                Got::Body { kept, file } => {
                    self.put(&kept, &file, bodies)?;
                    bodies.report.added += 1;
                    bodies.report.bytes += kept.bytes;
                    let shard = tables.kept.entry(Shard::of(&kept.id)).or_default();
                    tables.old.remove(&kept.id);
                    shard.insert(kept.id, kept);
                }
                Got::Failed(reason) => {
                    tables.gaps.failed.insert(wanted.id, reason);
                }
                Got::Later => tables.gaps.missing += 1,
            }
        }
        self.monitor.event(Event::Finished(Phase::Bodies));
        Ok(())
    }

    /// Fetches one body, unless an earlier run has left it.
    async fn one(
        &self,
        object: &ObjectName,
        rule: &BodyRule,
        wanted: &Wanted,
        is_spent: &Cell<bool>,
    ) -> Result<Got, Error> {
        let path = self.dir.join(wanted.id.as_str());
        if let Some(kept) = Self::left(wanted, &path) {
            return Ok(Got::Body { kept, file: path });
        }
        let part = path.with_extension("part");
        let file = begin(&part)?;
        let mut reason = String::new();
        for _ in 0..TRIES {
            if is_spent.get() {
                return Ok(Got::Later);
            }
            let most = self.files.most_bytes();
            match self
                .org
                .body(object, wanted.id, rule.field, most, &file)
                .await
            {
                Ok(_) => {}
                Err(client::Error::Budget(_)) => {
                    is_spent.set(true);
                    return Ok(Got::Later);
                }
                Err(err) if err.code() == Some("REQUEST_LIMIT_EXCEEDED") => {
                    is_spent.set(true);
                    return Ok(Got::Later);
                }
                Err(
                    err @ (client::Error::Fault { .. }
                    | client::Error::TooLarge { .. }
                    | client::Error::Unreadable { .. }),
                ) if err.code() != Some("INVALID_SESSION_ID") => {
                    return Ok(Got::Failed(err.to_string()));
                }
                Err(err) => {
                    return Err(Error::from(err).during(format!("fetching the file {}", wanted.id)));
                }
            }
            let (digests, back) = digests_of(file.try_clone().map_err(local(&part))?).await;
            drop(back);
            let digests = digests.map_err(local(&part))?;
            match digests.kept(wanted) {
                Ok(kept) => {
                    // A mark that changes with the row says that the file is of that row.
                    let note = path.with_extension("mark");
                    fs::write(&note, &wanted.mark).map_err(local(&note))?;
                    fs::rename(&part, &path).map_err(local(&path))?;
                    return Ok(Got::Body { kept, file: path });
                }
                Err(why) => reason = why,
            }
        }
        let _ = fs::remove_file(&part);
        Ok(Got::Failed(reason))
    }

    /// The body that a killed run has fetched, where it is that of the row.
    fn left(wanted: &Wanted, path: &Path) -> Option<Kept> {
        let file = File::open(path).ok()?;
        let mark = fs::read_to_string(path.with_extension("mark")).ok()?;
        (mark == wanted.mark).then_some(())?;
        Digests::of(&file).ok()?.kept(wanted).ok()
    }

    /// Puts a body into the pack or into the store of Git LFS.
    fn put(&self, kept: &Kept, file: &PathBuf, bodies: &mut Bodies) -> Result<(), Error> {
        let (blob, link) = (blob_path(&kept.sha256), pointer_path(&kept.sha256));
        let is_there = |path: &TreePath| {
            self.base.listing().get(path.as_str()).is_some() || bodies.edits.contains_key(path)
        };
        if is_there(&blob) || is_there(&link) {
            return Ok(());
        }
        if self.files.is_for_lfs(kept.bytes) {
            let repo = self.pack.repository();
            repo.keep_in_lfs(&kept.sha256, file)?;
            let id = self.pack.blob(&pointer(&kept.sha256, kept.bytes))?;
            bodies.edits.insert(link, Some(id));
            let attributes = self.pack.blob(LFS_ATTRIBUTES.as_bytes())?;
            let path = super::commit::path(".gitattributes");
            bodies.edits.insert(path, Some(attributes));
        } else {
            let open = File::open(file).map_err(local(file))?;
            bodies.edits.insert(blob, Some(self.pack.blob_file(&open)?));
        }
        Ok(())
    }

    /// Writes the tables that changed, and takes out bodies that no row has.
    fn edit(
        &self,
        before: &KeptBodies,
        all: Vec<Tables>,
        bodies: &mut Bodies,
    ) -> Result<(), Error> {
        let columns = Kept::columns();
        let mut after = before.clone();
        for tables in all {
            let old = before.get(&tables.object).cloned().unwrap_or_default();
            let shards: BTreeSet<Shard> = old.keys().chain(tables.kept.keys()).copied().collect();
            for shard in shards {
                let (was, is) = (old.get(&shard), tables.kept.get(&shard));
                if was == is {
                    continue;
                }
                let gone = was.into_iter().flatten().filter(|(id, kept)| {
                    is.and_then(|it| it.get(*id)).map(|it| &it.sha256) != Some(&kept.sha256)
                });
                bodies.report.removed += gone.count() as u64;
                let path = body_table_path(&tables.object, shard);
                let id = match is {
                    Some(is) if !is.is_empty() => {
                        let rows: Vec<_> = is.values().map(|it| it.row(&columns)).collect();
                        Some(self.pack.blob(&write_rows(&columns, &rows))?)
                    }
                    _ => None,
                };
                bodies.edits.insert(path, id);
            }
            let mut gaps = tables.gaps;
            gaps.stale = tables.old.len() as u64;
            bodies.report.missing += gaps.missing;
            bodies.report.too_large += gaps.too_large.len() as u64;
            bodies.report.failed.extend(gaps.failed.clone());
            bodies.report.kept += tables.kept.values().map(|it| it.len() as u64).sum::<u64>();
            bodies.gaps.insert(tables.object.clone(), gaps);
            after.insert(tables.object, tables.kept);
        }
        let digests = |of: &BTreeMap<_, BTreeMap<Shard, BTreeMap<RecordId, Kept>>>| {
            let kept = of
                .values()
                .flat_map(|it| it.values())
                .flat_map(|it| it.values());
            kept.map(|it| it.sha256.clone()).collect::<BTreeSet<_>>()
        };
        let after = digests(&after);
        for gone in digests(before).difference(&after) {
            for path in [blob_path(gone), pointer_path(gone)] {
                if self.base.listing().get(path.as_str()).is_some() {
                    bodies.edits.insert(path, None);
                }
            }
        }
        Ok(())
    }
}

/// The bodies that rows have, by object, shard and row.
pub(super) type KeptBodies = BTreeMap<ObjectName, BTreeMap<Shard, BTreeMap<RecordId, Kept>>>;

/// The bodies of a commit.
pub(super) fn tables(base: &RecordsAt<'_>, pack: &PackBuilder<'_>) -> Result<KeptBodies, Error> {
    let mut found = KeptBodies::new();
    for (object, shards) in base.bodies() {
        for (shard, id) in shards {
            let rows = read_rows(pack.repository(), object, *shard, *id)?;
            let kept = rows.iter().filter_map(Kept::of).map(|it| (it.id, it));
            let of_object = found.entry(object.clone()).or_default();
            of_object.insert(*shard, kept.collect());
        }
    }
    Ok(found)
}

/// What a file is known by.
struct Digests {
    bytes: u64,
    sha256: String,
    md5: String,
}

impl Digests {
    fn of(mut file: &File) -> io::Result<Self> {
        let mut piece = vec![0; 64 << 10];
        let (mut sha256, mut md5, mut bytes) = (Sha256::new(), Md5::new(), 0);
        file.seek(SeekFrom::Start(0))?;
        loop {
            let n = file.read(&mut piece)?;
            if n == 0 {
                break;
            }
            sha256.update(&piece[..n]);
            md5.update(&piece[..n]);
            bytes += n as u64;
        }
        Ok(Self {
            bytes,
            sha256: hex(&sha256.finalize()),
            md5: hex(&md5.finalize()),
        })
    }

    /// The body, where it is the one that is wanted.
    fn kept(self, wanted: &Wanted) -> Result<Kept, String> {
        if let Some(bytes) = wanted.bytes
            && bytes != self.bytes
        {
            return Err(format!(
                "{} bytes came, and the row says {bytes}",
                self.bytes
            ));
        }
        if let Some(md5) = &wanted.md5
            && *md5 != self.md5
        {
            return Err(format!("its MD5 is {}, and the row says {md5}", self.md5));
        }
        Ok(Kept {
            id: wanted.id,
            bytes: self.bytes,
            sha256: self.sha256,
            mark: wanted.mark.clone(),
        })
    }
}

/// Reads a file away from the threads that wait for the org.
async fn digests_of(file: File) -> (io::Result<Digests>, File) {
    let work = tokio::task::spawn_blocking(move || (Digests::of(&file), file));
    work.await.expect("reading a file does not panic")
}

fn begin(path: &PathBuf) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path).map_err(local(path))
}

fn local(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |source| {
        Error::from(Cause::Disk {
            act: "write or read",
            path,
            source,
        })
    }
}
