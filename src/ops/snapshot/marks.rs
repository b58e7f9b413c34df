//! Which components come as they came before, told without unpacking them.
//!
//! A mark names everything that the files of a component in the tree are made of: the rules,
//! the packed bytes of its entries, and the files that came out. Where the mark of what comes
//! now and of what the tree has now is one that was written down, converting would give the
//! files that are there.
//!
//! The marks lie in the Git directory. Losing them costs a conversion and nothing else, and
//! nothing is believed of them but that such bytes once became such files: a tree that was
//! changed since has other marks.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    SnapshotSetup,
    base::{Base, OwnedFile},
    read::Answers,
    rule_versions,
};
use crate::{model::ComponentKey, store::Repository};

/// Name of the file in the private directory.
const FILE: &str = "marks";

/// What the file begins with.
const MAGIC: &[u8; 16] = b"orgkeep marks 1\n";

/// Bytes of a key's digest, by which a mark is found again.
const NAME: usize = 16;

/// What the files of one component are made of, as a SHA-256.
pub(super) type Mark = [u8; 32];

/// The marks of the components in the tree.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// The rules that files are made by.
    rules: Mark,
    path: Option<PathBuf>,
    stored: HashMap<[u8; NAME], Mark>,
    is_changed: bool,
}

impl Marks {
    /// Reads what is written down; where there is nothing, or something else, none.
    pub(super) fn read(repo: &Repository, base: &Base, setup: &SnapshotSetup) -> Self {
        let path = repo.private_dir().ok().map(|it| it.join(FILE));
        let stored = match (&path, base.commit) {
            (Some(path), Some(_)) => parse(&fs::read(path).unwrap_or_default()),
            _ => HashMap::new(),
        };
        Self {
            rules: rules(setup),
            path,
            stored,
            is_changed: false,
        }
    }

    /// The mark of a component; `entries` are paths and fingerprints, `files` paths and ids,
    /// both in order.
    pub(super) fn of<'a>(
        &self,
        key: &ComponentKey,
        entries: &[(&str, [u8; 32])],
        files: impl IntoIterator<Item = (&'a str, [u8; 20])>,
    ) -> Mark {
        let mut hash = Sha256::new();
        hash.update(self.rules);
        let mut text = |text: &str| {
            hash.update((text.len() as u64).to_le_bytes());
            hash.update(text);
        };
        text(key.type_name.as_str());
        text(key.name.as_str());
        hash.update((entries.len() as u64).to_le_bytes());
        for (path, fingerprint) in entries {
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path);
            hash.update(fingerprint);
        }
        for (path, id) in files {
            hash.update((path.len() as u64).to_le_bytes());
            hash.update(path);
            hash.update(id);
        }
        hash.finalize().into()
    }

    /// Whether `entries` are known to become just the files that the tree has.
    pub(super) fn knows(
        &self,
        key: &ComponentKey,
        entries: &[(&str, [u8; 32])],
        files: &[OwnedFile],
    ) -> bool {
        let stored = self.stored.get(&name(key));
        let files = files.iter().map(|it| (it.path.as_str(), *it.id.as_bytes()));
        stored.is_some_and(|it| *it == self.of(key, entries, files))
    }

    /// Whether something is written down of a component.
    pub(super) fn has(&self, key: &ComponentKey) -> bool {
        self.stored.contains_key(&name(key))
    }

    /// Notes what was learned, and forgets what is deleted.
    pub(super) fn take(&mut self, answers: &mut Answers) {
        for (key, mark) in std::mem::take(&mut answers.gathered.marks) {
            self.note(&key, mark);
        }
        for key in &answers.deleted {
            self.note(key, None);
        }
    }

    /// Notes the mark of a component that was converted; none where it could not be, whole.
    fn note(&mut self, key: &ComponentKey, mark: Option<Mark>) {
        let name = name(key);
        let before = match mark {
            Some(mark) => self.stored.insert(name, mark),
            None => self.stored.remove(&name),
        };
        self.is_changed |= before != mark;
    }

    /// Writes the marks down, where they are others than before.
    ///
    /// A mark that cannot be written is a conversion more for the next run, and no failure.
    pub(super) fn write(&self) {
        if let Some(path) = self.path.as_ref().filter(|_| self.is_changed) {
            let _ = replace(path, &self.stored);
        }
    }
}

/// What the files of every component depend on besides its entries.
fn rules(setup: &SnapshotSetup) -> Mark {
    // The release too: its code decides what no version of a rule names.
    let text = format!(
        "{} {:?} {:?} {:?} {} {:?} {:?} {} {:?} {:?}",
        env!("CARGO_PKG_VERSION"),
        rule_versions(setup),
        setup.rules.switched(),
        setup.scope,
        setup.package_dir,
        setup.ignored_digest,
        setup.level,
        setup.redact,
        setup.registry.presets(),
        setup.on_suspect,
    );
    Sha256::digest(text).into()
}

fn name(key: &ComponentKey) -> [u8; NAME] {
    let mut hash = Sha256::new();
    hash.update(key.type_name.as_str());
    hash.update(":");
    hash.update(key.name.as_str());
    let digest: [u8; 32] = hash.finalize().into();
    digest[..NAME].try_into().expect("a digest is longer")
}

fn parse(bytes: &[u8]) -> HashMap<[u8; NAME], Mark> {
    let Some(bytes) = bytes.strip_prefix(MAGIC) else {
        return HashMap::new();
    };
    // A file that is cut off or damaged has marks that fit nothing.
    let rows = bytes.chunks_exact(NAME + size_of::<Mark>());
    rows.filter_map(|it| {
        let (name, mark) = it.split_at(NAME);
        Some((name.try_into().ok()?, mark.try_into().ok()?))
    })
    .collect()
}

fn replace(path: &Path, marks: &HashMap<[u8; NAME], Mark>) -> io::Result<()> {
    let mut rows: Vec<_> = marks.iter().collect();
    rows.sort_unstable();
    let mut bytes = Vec::with_capacity(MAGIC.len() + rows.len() * (NAME + size_of::<Mark>()));
    bytes.extend_from_slice(MAGIC);
    for (name, mark) in rows {
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(mark);
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(&bytes)?;
    file.persist(path).map(drop).map_err(|err| err.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ComponentKey {
        text.parse().unwrap()
    }

    #[test]
    fn mark_is_of_everything_that_files_are_made_of() {
        let marks = Marks::default();
        let other_rules = Marks {
            rules: [1; 32],
            ..Marks::default()
        };
        let of = |marks: &Marks, name: &str, entry: u8, file: u8| {
            marks.of(&key(name), &[("a", [entry; 32])], [("b", [file; 20])])
        };
        let mark = of(&marks, "ApexClass:A", 0, 0);
        assert_eq!(mark, of(&marks, "ApexClass:A", 0, 0));
        for other in [
            of(&other_rules, "ApexClass:A", 0, 0),
            of(&marks, "ApexClass:B", 0, 0),
            of(&marks, "ApexClass:A", 1, 0),
            of(&marks, "ApexClass:A", 0, 1),
        ] {
            assert_ne!(mark, other);
        }
        // What stands in a path cannot stand for the end of it.
        let one = marks.of(&key("X:a"), &[], [("ab", [0; 20]), ("c", [0; 20])]);
        let other = marks.of(&key("X:a"), &[], [("a", [0; 20]), ("bc", [0; 20])]);
        assert_ne!(one, other);
    }

    #[test]
    fn file_of_marks_that_is_damaged_knows_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let mut marks = Marks {
            path: Some(path.clone()),
            ..Marks::default()
        };
        let entries = [("a", [3; 32])];
        let mark = marks.of(&key("X:a"), &entries, []);
        marks.note(&key("X:a"), Some(mark));
        marks.write();
        let bytes = fs::read(&path).unwrap();
        let read = |bytes: &[u8]| Marks {
            stored: parse(bytes),
            ..Marks::default()
        };
        assert!(read(&bytes).knows(&key("X:a"), &entries, &[]));
        assert!(!read(&bytes[..bytes.len() - 1]).knows(&key("X:a"), &entries, &[]));
        assert!(!read(b"something else").knows(&key("X:a"), &entries, &[]));
        let mut other = bytes.clone();
        *other.last_mut().unwrap() ^= 1;
        assert!(!read(&other).knows(&key("X:a"), &entries, &[]));
    }
}
