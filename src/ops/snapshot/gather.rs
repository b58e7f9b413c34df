//! From a retrieve's zip to blobs in the pack.
//!
//! Zip entry → component → source files → canonical → redacted → blob. Entries
//! are taken in chunks of bounded size and converted on all cores; nothing but
//! paths and ids is kept.
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
    damage::{self, Damage, Damaged},
    listing::parent_of,
    short,
};
use crate::{
    archive::{self, Archive, Problem, read::FileSource},
    ledger::{Gap, GapKind, redacted::RedactedLine},
    model::{ApiVersion, ComponentKey, InvalidPath, RemoteComponent, TreePath},
    ops::error::Error,
    plan::{retrieve::RetrieveBatch, retrieve::partial, scope::Scope},
    registry::Registry,
    source::{
        self, Ignored, Layout, Level, PackageFile,
        canonical::{self, Rules},
        redact::{self, Tags},
    },
    store::{ObjectId, PackBuilder},
};

/// Bytes that are unpacked at once.
///
/// Own figure: enough to keep the cores busy, little beside the memory goal.
const CHUNK_BYTES: u64 = 16 << 20;

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
    pub(super) file: PackageFile,
    /// What its call asked about; all answers of the call share it.
    pub(super) coverage: Arc<partial::Coverage>,
}

/// What came so far.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// Files of each component, by the component as the tree names it.
    pub(super) files: BTreeMap<ComponentKey, Vec<StoredFile>>,
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
    pub(super) fn gather(
        &self,
        zip: File,
        batch: &RetrieveBatch,
        properties: &[RemoteComponent],
        coverage: &Arc<partial::Coverage>,
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
        let mut chunk = Vec::new();
        let mut chunk_bytes = 0;
        for component in &assignment.components {
            if companions.contains(&component.key) {
                continue;
            }
            let mut files = Vec::with_capacity(component.entries.len());
            let mut damage = absent.get(&component.key).cloned();
            for &n in &component.entries {
                match archive.read(numbers[n]) {
                    Ok(bytes) => {
                        chunk_bytes += bytes.len() as u64;
                        files.push(PackageFile {
                            path: names[n].to_owned(),
                            bytes,
                        });
                    }
                    Err(err) => damage = Some(Damage::part(err.to_string())),
                }
            }
            damage = damage.or_else(|| damage::lacks(self.registry, &component.key, &files));
            if let Some(damage) = damage {
                into.damaged.insert(component.key.clone(), damage);
                continue;
            }
            into.damaged.remove(&component.key);
            if let Some((flow, version)) = flow_version(&component.key, &files) {
                let id = pack.blob(&files[0].bytes)?;
                into.flow_versions.insert((flow, version), id);
                continue;
            }
            if partial::is_partial(&component.key.type_name, self.version) {
                let answers = into.partial.entry(component.key.clone()).or_default();
                answers.extend(files.into_iter().map(|file| PartialAnswer {
                    file,
                    coverage: coverage.clone(),
                }));
                continue;
            }
            chunk.push((component.key.clone(), files));
            if chunk_bytes >= CHUNK_BYTES {
                self.convert_chunk(std::mem::take(&mut chunk), pack, into)?;
                chunk_bytes = 0;
            }
        }
        let came: BTreeSet<_> = assignment.components.iter().map(|it| &it.key).collect();
        let nothing = absent.into_iter().filter(|(key, _)| !came.contains(key));
        into.damaged.extend(nothing);
        self.convert_chunk(chunk, pack, into)
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
            .map(|(key, files)| {
                let mut outcome = self.convert(&key, files);
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
            })
            .collect::<Result<_, Error>>()?;
        for (outcome, files) in stored {
            into.n_files += files.len() as u64;
            into.gaps.extend(outcome.gaps);
            into.redacted.extend(outcome.redacted);
            if let Some(damage) = outcome.damage {
                into.damaged.insert(outcome.key.clone(), damage);
            }
            let is_bundle = short::is_bundle(self.registry, &outcome.key);
            let known = into.files.entry(outcome.key).or_default();
            // Of a component that was fetched again the later answer counts.
            known.retain(|it| !is_bundle && files.iter().all(|new| new.path != it.path));
            known.extend(files);
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
                match redacted.bytes {
                    Cow::Borrowed(_) => Some(bytes),
                    Cow::Owned(bytes) => Some(bytes),
                }
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
