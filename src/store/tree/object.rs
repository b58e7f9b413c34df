//! The bytes of a tree object.

use std::cmp::Ordering;

use crate::store::{Error, ObjectId};

/// What an entry of a tree is, as Git writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mode(u32);

/// What stands at one path: its mode and its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// What sort of entry it is.
    pub mode: Mode,
    /// Its blob, tree or, for a submodule, commit.
    pub id: ObjectId,
}

/// One entry of a tree object, as it stands there.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct RawEntry<'a> {
    pub(in crate::store) name: &'a [u8],
    pub(in crate::store) entry: Entry,
}

impl Mode {
    /// A file.
    pub const FILE: Self = Self(0o100_644);
    /// A file that may be run.
    pub const EXECUTABLE: Self = Self(0o100_755);
    /// A symbolic link.
    pub const LINK: Self = Self(0o120_000);
    /// A submodule's commit.
    pub const SUBMODULE: Self = Self(0o160_000);
    /// A folder.
    pub const TREE: Self = Self(0o40_000);

    /// The number that Git writes in octal.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Whether it is a file that may stand for one of ours; links are not.
    #[must_use]
    pub fn is_file(self) -> bool {
        self.0 & 0o170_000 == 0o100_000
    }

    pub(in crate::store) fn is_tree(self) -> bool {
        self == Self::TREE
    }
}

/// The entries of a tree object, in its order; ends after the first malformed one.
pub(in crate::store) struct Entries<'a> {
    id: ObjectId,
    rest: &'a [u8],
}

/// The entries of the tree object with those bytes; `id` is for the error.
pub(in crate::store) fn entries(id: ObjectId, bytes: &[u8]) -> Entries<'_> {
    Entries { id, rest: bytes }
}

impl Entries<'_> {
    /// How many bytes are not read yet.
    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<RawEntry<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        if let Some((entry, rest)) = split_entry(self.rest) {
            self.rest = rest;
            Some(Ok(entry))
        } else {
            self.rest = &[];
            Some(Err(Error::Unreadable {
                kind: "tree",
                id: self.id,
                source: "its entries are malformed".into(),
            }))
        }
    }
}

fn split_entry(bytes: &[u8]) -> Option<(RawEntry<'_>, &[u8])> {
    // A mode has at most six octal digits, so a long run without a blank is no tree.
    let blank = bytes.iter().take(8).position(|&it| it == b' ')?;
    let mut bits = 0;
    for &digit in &bytes[..blank] {
        bits = bits * 8 + char::from(digit).to_digit(8)?;
    }
    let rest = &bytes[blank + 1..];
    let end = rest.iter().position(|&it| it == 0)?;
    let (name, rest) = (&rest[..end], &rest[end + 1..]);
    let (id, rest) = rest.split_first_chunk::<20>()?;
    let entry = Entry {
        mode: Mode(bits),
        id: ObjectId::from_bytes(*id),
    };
    Some((RawEntry { name, entry }, rest))
}

/// Appends one entry to the bytes of a tree object.
pub(super) fn push_entry(out: &mut Vec<u8>, name: &[u8], entry: Entry) {
    out.extend_from_slice(format!("{:o} ", entry.mode.0).as_bytes());
    out.extend_from_slice(name);
    out.push(0);
    out.extend_from_slice(entry.id.as_bytes());
}

/// The order of a tree's entries: by bytes, where a folder's name ends in a slash.
pub(super) fn tree_order(a: (&[u8], Mode), b: (&[u8], Mode)) -> Ordering {
    let common = a.0.len().min(b.0.len());
    let next = |(name, mode): (&[u8], Mode)| match name.get(common) {
        Some(&byte) => byte,
        None if mode.is_tree() => b'/',
        None => 0,
    };
    a.0[..common]
        .cmp(&b.0[..common])
        .then_with(|| next(a).cmp(&next(b)))
}
