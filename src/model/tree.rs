//! Paths in the tree that a snapshot commits.
//!
//! Invariant: a [`TreePath`] can stand in a Git tree on every system: it
//! passes `git fsck` and what `core.protectNTFS` and `core.protectHFS` refuse.
//! Whatever comes from an org, a zip or an import becomes a path here or nowhere.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// A file's path in the tree: relative, with `/`, and safe to check out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreePath(Arc<str>);

/// A string refused as a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("path `{}` may not stand in the tree: {reason}", text.escape_debug())]
pub struct InvalidPath {
    text: String,
    reason: &'static str,
}

impl InvalidPath {
    /// Why it was refused, as the end of a sentence that begins with "it".
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl TreePath {
    /// The path, with `/` between its parts.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the last slash.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Checks a path that comes from an org, a zip or an import.
    ///
    /// On top of what every path must satisfy, no part of it may be something
    /// that Git, `sf` or orgkeep itself would obey: `.git*`, `.forceignore`,
    /// `sfdx-project.json`, `.orgkeep*`, `orgkeep.toml`.
    ///
    /// # Errors
    ///
    /// [`InvalidPath`] with the reason.
    pub fn from_org(text: &str) -> Result<Self, InvalidPath> {
        let path = text.parse::<Self>()?;
        for part in text.split('/') {
            let begins = |with: &str| {
                let start = part.as_bytes().get(..with.len());
                start.is_some_and(|it| it.eq_ignore_ascii_case(with.as_bytes()))
            };
            let is = |name: &str| part.eq_ignore_ascii_case(name);
            let obeyed = begins(".git")
                || begins(".orgkeep")
                || [".forceignore", "sfdx-project.json", "orgkeep.toml"]
                    .into_iter()
                    .any(is);
            if obeyed {
                return Err(InvalidPath {
                    text: text.to_owned(),
                    reason: "Git, `sf` or orgkeep would obey a file of that name",
                });
            }
        }
        Ok(path)
    }

    /// The path `rest` below this one taken as a folder.
    ///
    /// # Errors
    ///
    /// [`InvalidPath`] when the two together are not a path.
    pub fn join(&self, rest: &str) -> Result<Self, InvalidPath> {
        format!("{}/{rest}", self.0).parse()
    }

    /// Why Windows could not check this path out; `None` where it could.
    ///
    /// Such a path is kept, and the ledger says so.
    #[must_use]
    pub fn windows_problem(&self) -> Option<&'static str> {
        self.0.split('/').find_map(windows_problem)
    }
}

/// Names that Windows keeps for devices, whatever their extension.
///
/// Source: Win32 "Naming Files, Paths, and Namespaces".
const DEVICES: [&str; 4] = ["CON", "PRN", "AUX", "NUL"];

fn windows_problem(part: &str) -> Option<&'static str> {
    if part.contains(['<', '>', ':', '"', '|', '?', '*']) {
        return Some("it has a character that Windows keeps for itself");
    }
    if part.ends_with(['.', ' ']) {
        return Some("it ends in a dot or a blank");
    }
    let stem = part.split('.').next().unwrap_or(part).trim_end();
    let numbered = |device: &str| {
        stem.len() == 4
            && stem.is_char_boundary(3)
            && stem[..3].eq_ignore_ascii_case(device)
            && matches!(stem.as_bytes()[3], b'1'..=b'9')
    };
    if DEVICES.iter().any(|it| stem.eq_ignore_ascii_case(it)) || numbered("COM") || numbered("LPT")
    {
        return Some("it is the name of a device");
    }
    None
}

/// Code points that HFS+ ignores when it compares names.
///
/// Source: Git, `utf8.c`, `next_hfs_char`.
fn hfs_ignores(it: char) -> bool {
    matches!(it, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{feff}')
}

fn has_control(part: &str) -> bool {
    if part.is_ascii() {
        return part.bytes().any(|it| it.is_ascii_control());
    }
    part.chars().any(char::is_control)
}

/// Whether some file system takes `part` for `.git`.
fn is_dot_git(part: &str) -> bool {
    // Each spelling begins with a dot, a `g`, or with what HFS+ does not see.
    let first = part.as_bytes().first();
    if first.is_none_or(|it| it.is_ascii() && !matches!(it, b'.' | b'g' | b'G')) {
        return false;
    }
    let hfs: String = part.chars().filter(|it| !hfs_ignores(*it)).collect();
    if hfs.eq_ignore_ascii_case(".git") {
        return true;
    }
    // NTFS: what follows a colon is a stream, trailing dots and blanks are dropped.
    let ntfs = part.split(':').next().unwrap_or(part);
    let ntfs = ntfs.trim_end_matches(['.', ' ']);
    ntfs.eq_ignore_ascii_case(".git") || ntfs.eq_ignore_ascii_case("git~1")
}

impl FromStr for TreePath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let refuse = |reason| {
            Err(InvalidPath {
                text: text.to_owned(),
                reason,
            })
        };
        if text.is_empty() {
            return refuse("it is empty");
        }
        if text.len() > 4096 {
            return refuse("it is longer than 4,096 bytes");
        }
        for part in text.split('/') {
            match part {
                "" => return refuse("it is absolute or has an empty part"),
                "." | ".." => return refuse("it would leave its folder"),
                _ if part.len() > 255 => return refuse("a part of it is longer than 255 bytes"),
                _ if is_dot_git(part) => return refuse("some file systems take it for `.git`"),
                _ if part.contains('\\') => {
                    return refuse("it has a backslash, which separates folders on Windows");
                }
                _ if has_control(part) => {
                    return refuse("it has a control character");
                }
                _ => (),
            }
        }
        Ok(Self(text.into()))
    }
}

impl Borrow<str> for TreePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for TreePath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for TreePath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        text.parse()
    }
}

impl From<TreePath> for String {
    fn from(it: TreePath) -> String {
        it.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_dot_git_is_refused() {
        for text in [
            ".git/config",
            "a/.GIT/b",
            ".git./x",
            ".git /x",
            ".git::$INDEX_ALLOCATION/x",
            "GIT~1/x",
            ".g\u{200c}it/x",
            "a/.git",
        ] {
            assert!(text.parse::<TreePath>().is_err(), "{text}");
        }
        assert!(".gitattributes".parse::<TreePath>().is_ok());
        assert!("digit/x.git".parse::<TreePath>().is_ok());
    }

    #[test]
    fn path_never_leaves_the_tree() {
        for text in [
            "",
            "/etc/passwd",
            "a//b",
            "../a",
            "a/..",
            "a\\b",
            "a/\0",
            "C:\\x",
            "a/",
        ] {
            assert!(text.parse::<TreePath>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn org_content_brings_nothing_that_would_be_obeyed() {
        for text in [
            "lwc/a/.gitattributes",
            "x/.forceignore",
            "a/SFDX-project.json",
            ".orgkeep/org.json",
        ] {
            assert!(TreePath::from_org(text).is_err(), "{text}");
        }
        assert!(TreePath::from_org("lwc/a/.eslintrc.json").is_ok());
    }

    #[test]
    fn what_windows_cannot_hold_is_known() {
        for text in ["a/b:c", "aux.txt", "x/COM1.log", "dot./y"] {
            assert!(
                text.parse::<TreePath>()
                    .unwrap()
                    .windows_problem()
                    .is_some(),
                "{text}"
            );
        }
        let fine: TreePath = "layouts/Account-Account %28Sales%29.layout-meta.xml"
            .parse()
            .unwrap();
        assert_eq!(fine.windows_problem(), None);
    }
}
