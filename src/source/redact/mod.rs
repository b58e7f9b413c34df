//! Secrets taken out of source files, and put back.
//!
//! A committed secret cannot be taken back, so it is taken out before anything
//! is written, at both levels. In its place stands `!redacted:<tag>`: the tag
//! is keyed with a key that is not in the repository and has 48 bits, so that a
//! change of the secret is visible and guessing it leaves many candidates. Without
//! the key the tags that stand in the tree are kept.
//!
//! Hides `hmac`. Invariant: no other byte of a file changes.

mod rules;
mod scan;
mod shapes;
mod suspects;
mod tags;

use std::{borrow::Cow, ops::Range};

pub use rules::places;
use scan::{Found, find};
pub use shapes::kinds;
pub use suspects::{OnSuspect, Suspect, suspects};
pub use tags::{RedactionKey, ShortKey, Tags};

/// Counts the changes of these rules that change files already written.
pub const RULES_VERSION: u32 = 3;

/// What every placeholder begins with.
const MARK: &str = "!redacted:";

/// A file without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted<'a> {
    /// The file; borrowed where it held none.
    pub bytes: Cow<'a, [u8]>,
    /// The secrets taken out, in the order of the file.
    pub values: Vec<RedactedValue>,
}

/// A secret that was taken out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RedactedValue {
    /// The file.
    pub path: String,
    /// The elements from below the root to it, and what tells it from others
    /// there: `oauthConfig.consumerSecret`, `customHttpHeaders.headerFieldValue[X-Api-Key]`.
    pub element: String,
    /// Its tag, as the ledger tells it: equal as long as the value is.
    pub tag: String,
}

/// A file in which secrets cannot be found, or not be put back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Its type has secrets, and it is no well-formed XML.
    #[error("cannot look for secrets in `{}`: its tags do not match", path.escape_debug())]
    Unreadable {
        /// The file.
        path: String,
    },
    /// The org has no value now for what was taken out.
    #[error("the org has no value for `{}`, which was taken out of the snapshot", element.escape_debug())]
    Missing {
        /// The elements from below the root to it.
        element: String,
    },
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreadable { .. } => {
                "the file is left out of the snapshot; look at the component in Setup"
            }
            Self::Missing { .. } => "enter the value by hand in Setup after the component is there",
        };
        Some(hint.to_owned())
    }
}

/// Takes the secrets out of the file `path` of a component of type `type_name`.
///
/// What was taken out before stays as it is and is reported again.
///
/// # Errors
///
/// [`Error::Unreadable`]; the file must not be written then.
pub fn redact<'a>(
    type_name: &str,
    path: &str,
    bytes: &'a [u8],
    tags: &Tags,
) -> Result<Redacted<'a>, Error> {
    let found = secrets(type_name, path, bytes)?;
    let mut values = Vec::new();
    let mut changes = Vec::new();
    for it in &found {
        let value = scan::value(&bytes[it.at.clone()]);
        let element = name(it);
        let tag = if let Some(tag) = tag_of(&value) {
            tag.to_owned()
        } else {
            let is_new_each_time =
                rules::ENCRYPTED_ANEW.contains(&(type_name, it.element.as_str()));
            let value = if is_new_each_time { "" } else { &value };
            let tag = tags.tag(path, &element, value);
            changes.push((it.at.clone(), format!("{MARK}{tag}").into_bytes()));
            tag
        };
        values.push(RedactedValue {
            path: path.to_owned(),
            tag: tags.told(path, &element, &tag),
            element,
        });
    }
    Ok(Redacted {
        bytes: replace(bytes, &changes),
        values,
    })
}

/// Puts the values that the org has now, in `present`, in place of placeholders.
///
/// Both are files of the same component. Values are matched by their place and
/// by what tells them from others there.
///
/// # Errors
///
/// [`Error::Missing`] for the first placeholder for which there is no value, or
/// that stands where no rule looks; [`Error::Unreadable`].
pub fn reinstate<'a>(
    type_name: &str,
    path: &str,
    bytes: &'a [u8],
    present: &[u8],
) -> Result<Cow<'a, [u8]>, Error> {
    if !has_placeholder(bytes) {
        return Ok(Cow::Borrowed(bytes));
    }
    let now = secrets(type_name, path, present)?;
    let mut changes = Vec::new();
    for it in secrets(type_name, path, bytes)? {
        if tag_of(&scan::value(&bytes[it.at.clone()])).is_none() {
            continue;
        }
        let same = |other: &&Found| (&other.element, &other.told_by) == (&it.element, &it.told_by);
        let value = now.iter().find(same).map(|it| &present[it.at.clone()]);
        match value.filter(|it| !has_placeholder(it)) {
            Some(value) => changes.push((it.at.clone(), value.to_owned())),
            None => return Err(Error::Missing { element: name(&it) }),
        }
    }
    let res = replace(bytes, &changes);
    if has_placeholder(&res) {
        let element = "a place that no rule knows".to_owned();
        return Err(Error::Missing { element });
    }
    Ok(res)
}

/// Whether a placeholder stands somewhere in `bytes`.
#[must_use]
pub fn has_placeholder(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|it| *it == MARK.as_bytes()[0]) {
        rest = &rest[at..];
        if is_placeholder_first(rest) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

fn is_placeholder_first(bytes: &[u8]) -> bool {
    bytes
        .strip_prefix(MARK.as_bytes())
        .and_then(|it| it.get(..tags::DIGITS))
        .is_some_and(|it| it.iter().all(u8::is_ascii_hexdigit))
}

/// The tag of a value that is a placeholder.
fn tag_of(value: &str) -> Option<&str> {
    let tag = value.strip_prefix(MARK)?;
    (is_placeholder_first(value.as_bytes()) && tag.len() == tags::DIGITS).then_some(tag)
}

fn name(found: &Found) -> String {
    let (told_by, count) = &found.told_by;
    let mut parts: Vec<&str> = told_by
        .iter()
        .map(String::as_str)
        .filter(|it| !it.is_empty())
        .collect();
    let count = (*count + 1).to_string();
    if count != "1" {
        parts.push(&count);
    }
    if parts.is_empty() {
        return found.element.clone();
    }
    format!("{}[{}]", found.element, parts.join(", "))
}

fn secrets(type_name: &str, path: &str, bytes: &[u8]) -> Result<Vec<Found>, Error> {
    if type_name == "Certificate" && !path.ends_with("-meta.xml") {
        return Ok(private_keys(bytes));
    }
    if !path.ends_with("-meta.xml") {
        return Ok(Vec::new());
    }
    find(type_name, bytes).map_err(|_| Error::Unreadable {
        path: path.to_owned(),
    })
}

/// The bodies of private keys in a file of PEM blocks; certificates are public.
fn private_keys(bytes: &[u8]) -> Vec<Found> {
    const TAIL: &[u8] = b"PRIVATE KEY-----";
    let mut found = Vec::new();
    let mut at = 0;
    let next = |from: usize, wanted: &[u8]| {
        let rest = bytes.get(from..)?;
        Some(from + rest.windows(wanted.len()).position(|it| it == wanted)?)
    };
    while let Some(head) = next(at, TAIL) {
        let from = head + TAIL.len();
        let to = next(from, b"-----END").unwrap_or(bytes.len());
        let body: Range<usize> = from + leading_blanks(&bytes[from..to])..to;
        let body = body.start..body.start + bytes[body.clone()].trim_ascii_end().len();
        if !body.is_empty() {
            found.push(Found {
                at: body,
                element: "privateKey".to_owned(),
                told_by: (Vec::new(), found.len()),
            });
        }
        at = next(to, TAIL).map_or(bytes.len(), |it| it + TAIL.len());
    }
    found
}

fn leading_blanks(bytes: &[u8]) -> usize {
    bytes.len() - bytes.trim_ascii_start().len()
}

fn replace<'a>(bytes: &'a [u8], changes: &[(Range<usize>, Vec<u8>)]) -> Cow<'a, [u8]> {
    if changes.is_empty() {
        return Cow::Borrowed(bytes);
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    for (place, with) in changes {
        out.extend_from_slice(&bytes[at..place.start]);
        out.extend_from_slice(with);
        at = place.end;
    }
    out.extend_from_slice(&bytes[at..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
