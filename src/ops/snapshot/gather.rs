//! From a retrieve's zip to blobs in the pack.
//!
//! Zip entry → component → source files → canonical → redacted → blob. Components
//! are taken in chunks of bounded size, unpacked and converted on all cores; nothing but
//! paths and ids is kept. What is known to be as it was is not even unpacked.
//!
//! Invariant: each entry becomes files, waits for its other parts, or stands in
//! the ledger with a reason.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fs::File,
    sync::Arc,
};

use rayon::prelude::*;

use super::{
    base::OwnedFile,
    damage::{self, Damage, Damaged},
    listing::parent_of,
    marks::{Mark, Marks},
    short,
};
use crate::{
    archive::{self, Archive, Packed, Problem, read::FileSource},
    ledger::{Gap, GapKind, redacted::RedactedLine},
    model::{ApiVersion, ComponentKey, InvalidPath, RemoteComponent, TreePath},
    ops::error::Error,
    plan::{retrieve::RetrieveBatch, retrieve::partial, scope::Scope},
    registry::Registry,
    source::{
        self, Ignored, Layout, Level, PackageComponent, PackageFile,
        canonical::{self, Rules},
        redact::{self, Tags},
    },
    store::{ObjectId, PackBuilder},
};

/// Bytes that are unpacked at once.
///
/// Own figure: enough to keep the cores busy, little beside the memory goal. A core
/// holds one component of it at a time.
const CHUNK_BYTES: u64 = 64 << 20;

/// How package files become files of the tree.
pub(super) struct Conversion<'a> {
    pub(super) registry: &'a Registry,
    pub(super) level: Level,
    pub(super) rules: &'a Rules,
    /// How secrets that are taken out are tagged; `None` where redaction is off.
    pub(super) tags: Option<&'a Tags>,
    pub(super) scope: &'a Scope,
    pub(super) ignored: &'a Ignored,
    /// Where the files of the project stand.
    pub(super) layout: Layout<'a>,
    pub(super) version: ApiVersion,
    /// Whether what looks like a secret is told.
    pub(super) looks_for_secrets: bool,
}

/// A file that is in the pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredFile {
    pub(super) path: TreePath,
    /// The finest component that it is of.
    pub(super) key: ComponentKey,
    pub(super) id: ObjectId,
}

/// A document that holds a part of its component, and what that part is.
#[derive(Clone, Debug)]
pub(super) struct PartialAnswer {
    /// Its path in the package.
    pub(super) path: String,
    /// The document.
    pub(super) packed: Packed<'static>,
    /// What its call asked about; all answers of the call share it.
    pub(super) coverage: Arc<partial::Coverage>,
}

/// What came so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    /// Files of each component, by the component as the tree names it.
    pub(super) files: BTreeMap<ComponentKey, Vec<StoredFile>>,
    /// Components whose files are those that the tree has.
    pub(super) unchanged: BTreeSet<ComponentKey>,
    /// What is to be written down of how files came about.
    pub(super) marks: Vec<(ComponentKey, Option<Mark>)>,
    /// Answers that hold only a part, such as profiles.
    pub(super) partial: BTreeMap<ComponentKey, Vec<PartialAnswer>>,
    /// Active versions of flows, where they are not the latest: blob by flow and number.
    pub(super) flow_versions: BTreeMap<(String, u32), ObjectId>,
    /// What came of these is not the whole of them, or cannot be converted.
    pub(super) damaged: Damaged,
    pub(super) gaps: BTreeSet<Gap>,
    pub(super) redacted: BTreeSet<RedactedLine>,
    pub(super) n_files: u64,
}

/// One converted file, before it is in the pack.
struct Converted {
    path: TreePath,
    key: ComponentKey,
    bytes: Vec<u8>,
}

/// What became of one component.
struct Outcome {
    key: ComponentKey,
    files: Vec<Converted>,
    gaps: Vec<Gap>,
    redacted: Vec<RedactedLine>,
    damage: Option<Damage>,
}

impl Outcome {
    fn new(key: &ComponentKey) -> Self {
        Self {
            key: key.clone(),
            files: Vec::new(),
            gaps: Vec::new(),
            redacted: Vec::new(),
            damage: None,
        }
    }
}

/// What came of one component of an answer.
enum Taken {
    /// Just what the tree has.
    Unchanged,
    Damaged(Damage),
    /// One version of a flow, and its blob.
    FlowVersion(String, u32, ObjectId),
    /// Documents that hold a part, as they are packed.
    Partial(Vec<(String, Packed<'static>)>),
    Converted(Outcome, Vec<StoredFile>, Marking),
}

/// What is to be written down of a component that was converted.
enum Marking {
    /// Nothing is written down, and nothing is to be.
    None,
    New(Option<Mark>),
}

/// An answer that is being taken in.
struct AnswerZip<'a> {
    archive: &'a Archive<FileSource>,
    /// Paths of its files in the package, and their places in the archive.
    names: &'a [&'a str],
    numbers: &'a [usize],
    absent: &'a Damaged,
    before: Before<'a>,
}

/// What the tree has, and what is known of how it came about.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    pub(super) marks: &'a Marks,
    pub(super) families: &'a BTreeMap<ComponentKey, Vec<OwnedFile>>,
}

impl Gathered {
    /// Every component that came, whole or in part.
    pub(super) fn came(&self) -> impl Iterator<Item = &ComponentKey> {
        let whole = self.files.keys().chain(&self.unchanged);
        whole.chain(self.partial.keys()).chain(self.damaged.keys())
    }

    /// The same with the files of what did not change, for a comparison with another tree.
    pub(super) fn whole(&self, families: &BTreeMap<ComponentKey, Vec<OwnedFile>>) -> Self {
        let mut whole = self.clone();
        for key in std::mem::take(&mut whole.unchanged) {
            let files = families.get(&key).into_iter().flatten();
            let stored = files.filter_map(|it| {
                Some(StoredFile {
                    path: it.path.parse().ok()?,
                    key: it.key.clone(),
                    id: it.id,
                })
            });
            whole.files.insert(key, stored.collect());
        }
        whole
    }

    /// Adds what came of `key`. Of a component that was fetched again the later answer counts.
    fn add(
        &mut self,
        key: &ComponentKey,
        taken: Taken,
        coverage: &Arc<partial::Coverage>,
        registry: &Registry,
    ) {
        if let Taken::Damaged(damage) = taken {
            self.damaged.insert(key.clone(), damage);
            return;
        }
        self.damaged.remove(key);
        match taken {
            Taken::Damaged(_) => (),
            Taken::Unchanged => {
                self.files.remove(key);
                self.unchanged.insert(key.clone());
            }
            Taken::FlowVersion(flow, version, id) => {
                self.flow_versions.insert((flow, version), id);
            }
            Taken::Partial(files) => {
                let answers = self.partial.entry(key.clone()).or_default();
                answers.extend(files.into_iter().map(|(path, packed)| PartialAnswer {
                    path,
                    packed,
                    coverage: coverage.clone(),
                }));
            }
            Taken::Converted(outcome, files, marking) => {
                if let Marking::New(mark) = marking {
                    self.marks.push((key.clone(), mark));
                }
                self.add_converted(outcome, files, registry);
            }
        }
    }

    fn add_converted(&mut self, outcome: Outcome, files: Vec<StoredFile>, registry: &Registry) {
        self.n_files += files.len() as u64;
        self.gaps.extend(outcome.gaps);
        self.redacted.extend(outcome.redacted);
        if let Some(damage) = outcome.damage {
            self.damaged.insert(outcome.key.clone(), damage);
        }
        self.unchanged.remove(&outcome.key);
        let is_bundle = short::is_bundle(registry, &outcome.key);
        let known = self.files.entry(outcome.key).or_default();
        known.retain(|it| !is_bundle && files.iter().all(|new| new.path != it.path));
        known.extend(files);
    }
}

/// A component as files of the tree, which are not in the pack.
pub(super) struct Formed {
    /// Paths, the finest components that they are of, and bytes.
    pub(super) files: Vec<(TreePath, ComponentKey, Vec<u8>)>,
    /// What could not be converted.
    pub(super) gaps: Vec<Gap>,
    pub(super) redacted: Vec<RedactedLine>,
}

impl Conversion<'_> {
    /// Takes in one answer; `properties` are the files that it names.
    ///
    /// # Errors
    ///
    /// An archive that cannot be read at all, and a pack that cannot be written.
    #[expect(
        clippy::too_many_arguments,
        reason = "an answer and all that it is held against"
    )]
    pub(super) fn gather(
        &self,
        zip: File,
        batch: &RetrieveBatch,
        properties: &[RemoteComponent],
        coverage: &Arc<partial::Coverage>,
        before: Before<'_>,
        pack: &PackBuilder<'_>,
        into: &mut Gathered,
    ) -> Result<(), Error> {
        let archive = Archive::open(FileSource(zip), &archive::Limits::default())?;
        let mut names = Vec::new();
        let mut numbers = Vec::new();
        for (n, entry) in archive.entries().iter().enumerate() {
            let inside = inside(&entry.name);
            if let Some(problem @ Problem::Name(_)) = &entry.problem {
                into.gaps
                    .insert(not_converted(inside, &problem.to_string()));
            } else if !entry.is_folder {
                names.push(inside);
                numbers.push(n);
            }
        }
        let there = names.iter().copied().collect();
        let absent = damage::absent(self.registry, batch, properties, &there);
        let assignment = source::assign(self.registry, &names);
        for it in &assignment.left_over {
            if it.reason.is_gap() {
                let name = names[it.entry];
                into.gaps
                    .insert(not_converted(name, &it.reason.to_string()));
            }
        }
        // A field that stands beside a profile brings its object, without the rest of it.
        let parents = batch
            .companions
            .iter()
            .filter_map(|it| parent_of(self.registry, it));
        let companions: BTreeSet<ComponentKey> = parents
            .chain(batch.companions.iter().cloned())
            .filter(|it| !batch.components.contains(it))
            .collect();
        let sizes = archive.entries();
        let answer = AnswerZip {
            archive: &archive,
            names: &names,
            numbers: &numbers,
            absent: &absent,
            before,
        };
        let mut chunk = Vec::new();
        let mut chunk_bytes = 0;
        for component in &assignment.components {
            if companions.contains(&component.key) {
                continue;
            }
            let size = component.entries.iter().map(|it| sizes[numbers[*it]].size);
            chunk_bytes += size.sum::<u64>();
            chunk.push(component);
            if chunk_bytes >= CHUNK_BYTES {
                self.take_chunk(&answer, &std::mem::take(&mut chunk), coverage, pack, into)?;
                chunk_bytes = 0;
            }
        }
        self.take_chunk(&answer, &chunk, coverage, pack, into)?;
        let came: BTreeSet<_> = assignment.components.iter().map(|it| &it.key).collect();
        let nothing = absent.iter().filter(|(key, _)| !came.contains(key));
        let nothing = nothing.map(|(key, damage)| (key.clone(), damage.clone()));
        into.damaged.extend(nothing);
        Ok(())
    }

    /// Takes in some components of an answer, on all cores.
    fn take_chunk(
        &self,
        answer: &AnswerZip<'_>,
        chunk: &[&PackageComponent],
        coverage: &Arc<partial::Coverage>,
        pack: &PackBuilder<'_>,
        into: &mut Gathered,
    ) -> Result<(), Error> {
        let taken: Vec<Taken> = chunk
            .par_iter()
            .map(|component| self.take(answer, component, pack))
            .collect::<Result<_, Error>>()?;
        for (component, taken) in chunk.iter().zip(taken) {
            into.add(&component.key, taken, coverage, self.registry);
        }
        Ok(())
    }

    /// Takes in one component; it is unpacked only where it is not known to be as it was.
    fn take(
        &self,
        answer: &AnswerZip<'_>,
        component: &PackageComponent,
        pack: &PackBuilder<'_>,
    ) -> Result<Taken, Error> {
        let key = &component.key;
        if let Some(damage) = answer.absent.get(key) {
            return Ok(Taken::Damaged(damage.clone()));
        }
        let packed = component
            .entries
            .iter()
            .map(|&n| Ok((answer.names[n], answer.archive.packed(answer.numbers[n])?)))
            .collect::<Result<Vec<_>, archive::Error>>();
        let packed = match packed {
            Ok(packed) => packed,
            Err(err) => return Ok(Taken::Damaged(Damage::part(err.to_string()))),
        };
        let mut fingerprints: Vec<_> = packed
            .iter()
            .map(|(path, it)| (*path, it.fingerprint()))
            .collect();
        fingerprints.sort_unstable();
        let Before { marks, families } = answer.before;
        if let Some(files) = families.get(key)
            && marks.knows(key, &fingerprints, files)
        {
            return Ok(Taken::Unchanged);
        }
        let mut files = Vec::with_capacity(packed.len());
        for (path, it) in &packed {
            match it.unpack() {
                Ok(bytes) => files.push(PackageFile {
                    path: (*path).to_owned(),
                    bytes,
                }),
                Err(err) => return Ok(Taken::Damaged(Damage::part(err.to_string()))),
            }
        }
        if let Some(damage) = damage::lacks(self.registry, key, &files) {
            return Ok(Taken::Damaged(damage));
        }
        if let Some((flow, version)) = flow_version(key, &files) {
            let id = pack.blob(&files[0].bytes)?;
            return Ok(Taken::FlowVersion(flow, version, id));
        }
        if partial::is_partial(&key.type_name, self.version) {
            // Kept as they came: there may be many, and large ones.
            let packed = packed.into_iter();
            let kept = packed.map(|(path, it)| (path.to_owned(), it.into_owned()));
            return Ok(Taken::Partial(kept.collect()));
        }
        let (outcome, stored) = self.stored(key, files, pack)?;
        let is_plain =
            outcome.damage.is_none() && outcome.gaps.is_empty() && outcome.redacted.is_empty();
        let mark = is_plain.then(|| {
            let mut files: Vec<_> = stored
                .iter()
                .map(|it| (it.path.as_str(), *it.id.as_bytes()))
                .collect();
            files.sort_unstable();
            marks.of(key, &fingerprints, files)
        });
        let mark = match mark {
            None if !marks.has(key) => Marking::None,
            mark => Marking::New(mark),
        };
        Ok(Taken::Converted(outcome, stored, mark))
    }

    /// Converts one component and puts its files into the pack.
    fn stored(
        &self,
        key: &ComponentKey,
        files: Vec<PackageFile>,
        pack: &PackBuilder<'_>,
    ) -> Result<(Outcome, Vec<StoredFile>), Error> {
        let mut outcome = self.convert(key, files);
        let files = std::mem::take(&mut outcome.files);
        let stored = files
            .into_iter()
            .map(|it| {
                Ok(StoredFile {
                    id: pack.blob(&it.bytes)?,
                    path: it.path,
                    key: it.key,
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        Ok((outcome, stored))
    }

    /// Converts whole components and puts their files into the pack, on all cores.
    pub(super) fn convert_chunk(
        &self,
        components: Vec<(ComponentKey, Vec<PackageFile>)>,
        pack: &PackBuilder<'_>,
        into: &mut Gathered,
    ) -> Result<(), Error> {
        let stored: Vec<(Outcome, Vec<StoredFile>)> = components
            .into_par_iter()
            .map(|(key, files)| self.stored(&key, files, pack))
            .collect::<Result<_, Error>>()?;
        for (outcome, files) in stored {
            into.add_converted(outcome, files, self.registry);
        }
        Ok(())
    }

    /// Converts one component. What cannot be converted is kept raw, and said.
    fn convert(&self, key: &ComponentKey, files: Vec<PackageFile>) -> Outcome {
        let mut outcome = Outcome::new(key);
        let raw = files.clone();
        let split = match source::split(self.registry, self.level, key, files) {
            Ok(split) => split,
            Err(err) => {
                outcome.damage = Some(Damage::unconverted(with_causes(&err)));
                for file in raw {
                    self.keep_raw(key, &file, &mut outcome);
                }
                return outcome;
            }
        };
        for file in split {
            let parent = (file.key != *key).then_some(key);
            if self.scope.skips_key(&file.key, parent, None).is_some() {
                continue;
            }
            let path = match self.tree_path(&file.path) {
                Ok(path) if self.ignored.denies(path.as_str()) => continue,
                Ok(path) => path,
                Err(err) => {
                    outcome
                        .gaps
                        .push(not_converted(file.path.as_str(), &err.to_string()));
                    continue;
                }
            };
            if let Some(problem) = path.windows_problem() {
                outcome.gaps.push(Gap {
                    what: path.to_string(),
                    kind: GapKind::NotDeployable,
                    reason: format!("Windows cannot check it out: {problem}"),
                    since: None,
                });
            }
            if let Some(bytes) = self.finish(&file.key, &path, file.bytes, &mut outcome) {
                outcome.files.push(Converted {
                    path,
                    key: file.key,
                    bytes,
                });
            }
        }
        outcome
    }

    /// Canonical form, then secrets out; `None` where secrets cannot be looked for.
    fn finish(
        &self,
        key: &ComponentKey,
        path: &TreePath,
        bytes: Vec<u8>,
        outcome: &mut Outcome,
    ) -> Option<Vec<u8>> {
        let type_name = key.type_name.as_str();
        let canonical = match self.level {
            Level::Faithful => None,
            Level::Canonical => {
                match canonical::canonicalise(type_name, path.as_str(), &bytes, self.rules) {
                    Ok(canonical) => match canonical.bytes {
                        Cow::Borrowed(_) => None,
                        Cow::Owned(bytes) => Some(bytes),
                    },
                    Err(err) => {
                        outcome.damage = Some(Damage::unconverted(with_causes(&err)));
                        None
                    }
                }
            }
        };
        self.redacted(key, path, canonical.unwrap_or(bytes), outcome)
    }

    /// One component as these rules have it.
    pub(super) fn in_memory(&self, key: &ComponentKey, files: Vec<PackageFile>) -> Formed {
        let outcome = self.convert(key, files);
        let files = outcome.files.into_iter();
        Formed {
            files: files.map(|it| (it.path, it.key, it.bytes)).collect(),
            gaps: outcome.gaps,
            redacted: outcome.redacted,
        }
    }

    /// A file of the tree as these rules have it, and the secrets that are out of it.
    pub(super) fn again(
        &self,
        key: &ComponentKey,
        path: &TreePath,
        bytes: Vec<u8>,
    ) -> Option<(Vec<u8>, Vec<RedactedLine>)> {
        let mut outcome = Outcome::new(key);
        let is_raw = path
            .as_str()
            .strip_prefix(source::UNMAPPED)
            .is_some_and(|it| it.starts_with('/'));
        let bytes = if is_raw {
            self.redacted(key, path, bytes, &mut outcome)?
        } else {
            self.finish(key, path, bytes, &mut outcome)?
        };
        Some((bytes, outcome.redacted))
    }

    /// The bytes without their secrets; `None`, and a gap, where they cannot be looked for.
    fn redacted(
        &self,
        key: &ComponentKey,
        path: &TreePath,
        bytes: Vec<u8>,
        outcome: &mut Outcome,
    ) -> Option<Vec<u8>> {
        let Some(tags) = self.tags else {
            return Some(bytes);
        };
        match redact::redact(key.type_name.as_str(), path.as_str(), &bytes, tags) {
            Ok(redacted) => {
                outcome
                    .redacted
                    .extend(redacted.values.iter().map(|it| RedactedLine {
                        path: path.clone(),
                        element: it.element.clone(),
                        tag: it.tag.clone(),
                    }));
                let bytes = match redacted.bytes {
                    Cow::Borrowed(_) => bytes,
                    Cow::Owned(bytes) => bytes,
                };
                if self.looks_for_secrets {
                    outcome.gaps.extend(suspect(path, &bytes));
                }
                Some(bytes)
            }
            Err(err) => {
                outcome.damage = Some(Damage::part(err.to_string()));
                None
            }
        }
    }

    /// Keeps a package file that could not be converted, byte for byte, below `unmapped/`.
    fn keep_raw(&self, key: &ComponentKey, file: &PackageFile, outcome: &mut Outcome) {
        let path = format!("{}/{}", source::UNMAPPED, file.path);
        match TreePath::from_org(&path) {
            Ok(path) => {
                if let Some(bytes) = self.redacted(key, &path, file.bytes.clone(), outcome) {
                    outcome.files.push(Converted {
                        path,
                        key: key.clone(),
                        bytes,
                    });
                }
            }
            Err(err) => outcome
                .gaps
                .push(not_converted(&file.path, &err.to_string())),
        }
    }

    /// Where a source file stands in the tree.
    fn tree_path(&self, path: &TreePath) -> Result<TreePath, InvalidPath> {
        let path = self.layout.place(path)?;
        TreePath::from_org(path.as_str())
    }
}

/// The path in the package: what a retrieve gives stands below `unpackaged/`.
fn inside(name: &str) -> &str {
    name.strip_prefix("unpackaged/").unwrap_or(name)
}

/// The flow and its version, where the component is one named version of a flow.
fn flow_version(key: &ComponentKey, files: &[PackageFile]) -> Option<(String, u32)> {
    if key.type_name.as_str() != "Flow" || files.len() != 1 {
        return None;
    }
    let (flow, number) = key.name.as_str().rsplit_once('-')?;
    Some((flow.to_owned(), number.parse().ok()?))
}

/// What in a file looks like a secret, by its places.
fn suspect(path: &TreePath, bytes: &[u8]) -> Option<Gap> {
    let places: Vec<String> = redact::suspects(path.as_str(), bytes)
        .into_iter()
        .map(|it| format!("line {}: {}", it.line, it.what))
        .collect();
    (!places.is_empty()).then(|| Gap {
        what: path.to_string(),
        kind: GapKind::Suspect,
        reason: places.join(", "),
        since: None,
    })
}

fn not_converted(what: &str, reason: &str) -> Gap {
    Gap {
        what: what.to_owned(),
        kind: GapKind::NotConverted,
        reason: reason.to_owned(),
        since: None,
    }
}

fn with_causes(err: &dyn std::error::Error) -> String {
    let mut text = err.to_string();
    let mut cause = err.source();
    while let Some(err) = cause {
        text.push_str(": ");
        text.push_str(&err.to_string());
        cause = err.source();
    }
    text
}
