//! One entry of an archive, and what is wrong with it.

use std::fmt;

use super::format::{Central, DEFLATED, FLAG_ENCRYPTED, FLAG_MASKED, STORED};
use crate::model::TreePath;

/// One entry of an archive, as its directory describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name; without the slash at the end where it is a folder. Bytes that
    /// are not UTF-8 are replaced, and then it has a problem.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
    /// Number of bytes that it unpacks to.
    pub size: u64,
    /// Number of bytes that it takes in the archive.
    pub packed_size: u64,
    /// CRC-32 of what it unpacks to.
    pub crc: u32,
    /// Why it is not to be used; reading it is refused.
    pub problem: Option<Problem>,
    /// Why Windows could not hold it; no reason to refuse it.
    pub windows_problem: Option<&'static str>,
    pub(super) method: u16,
    pub(super) offset: u64,
    pub(super) raw_name: Box<[u8]>,
}

/// What is wrong with one entry. The others are not affected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// Its name may not become a path.
    Name(&'static str),
    /// A later entry has the same name.
    Duplicate,
    /// It is a symbolic link, a device or the like.
    NoFile,
    /// It is encrypted.
    Encrypted,
    /// It is compressed in a way that is not read.
    Method(u16),
    /// It is larger than the limit for one entry.
    TooLarge,
    /// It unpacks to more than so many times its size.
    TooDense,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(reason) => write!(f, "its name may not become a path: {reason}"),
            Self::Duplicate => f.write_str("a later entry has the same name"),
            Self::NoFile => f.write_str("it is a link or a device, not a file"),
            Self::Encrypted => f.write_str("it is encrypted"),
            Self::Method(method) => write!(f, "its compression method {method} is unknown"),
            Self::TooLarge => f.write_str("it is larger than the limit"),
            Self::TooDense => f.write_str("it unpacks to suspiciously much"),
        }
    }
}

/// Kinds of files in the upper bits of a Unix mode.
const UNIX_KIND: u32 = 0o170_000;
const UNIX_FILE: u32 = 0o100_000;
const UNIX_FOLDER: u32 = 0o040_000;

impl Entry {
    pub(super) fn new(central: &Central<'_>) -> Self {
        let (text, readable) = match std::str::from_utf8(central.name) {
            Ok(text) => (text.to_owned(), true),
            Err(_) => (String::from_utf8_lossy(central.name).into_owned(), false),
        };
        let (name, is_folder) = match text.strip_suffix('/') {
            Some(name) => (name.to_owned(), true),
            None => (text, false),
        };
        let path = TreePath::from_org(&name);
        let kind = (central.attributes >> 16) & UNIX_KIND;
        let is_plain = match central.made_by >> 8 {
            3 | 19 => matches!(kind, 0 | UNIX_FILE) || (kind == UNIX_FOLDER && is_folder),
            _ => true,
        };
        let problem = if !readable {
            Some(Problem::Name("it is not UTF-8"))
        } else if has_drive(&name) {
            Some(Problem::Name("it begins with a drive letter"))
        } else if let Err(err) = &path {
            Some(Problem::Name(err.reason()))
        } else if !is_plain {
            Some(Problem::NoFile)
        } else if central.flags & (FLAG_ENCRYPTED | FLAG_MASKED) != 0 {
            Some(Problem::Encrypted)
        } else if !matches!(central.method, STORED | DEFLATED) {
            Some(Problem::Method(central.method))
        } else {
            None
        };
        Self {
            name,
            is_folder,
            size: central.size,
            packed_size: central.packed_size,
            crc: central.crc,
            problem,
            windows_problem: path.ok().and_then(|it| it.windows_problem()),
            method: central.method,
            offset: central.offset,
            raw_name: central.name.into(),
        }
    }
}

fn has_drive(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|it| it.is_ascii_alphabetic()) && chars.next() == Some(':')
}
