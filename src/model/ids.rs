//! Ids of Salesforce records, and the version of its API.
//!
//! Invariant: an id that exists has 18 characters, the last three of which
//! check the case of the first fifteen.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Id of one record: 18 characters, safe to compare without regard to case.
///
/// Parses the 15-character form as well and completes it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordId([u8; 18]);

/// Id of an org: a [`RecordId`] that begins with `00D`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OrgId(RecordId);

/// Version of the API, such as `66.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiVersion(u16);

/// A string refused as an id or a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not {wanted}", text.escape_debug())]
pub struct InvalidId {
    text: String,
    wanted: &'static str,
}

const CHECK_LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

impl RecordId {
    /// All 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("an id is ASCII")
    }

    /// The first 15 characters, in which case matters.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.as_str()[..15]
    }

    /// The first three characters, which tell the object.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.as_str()[..3]
    }

    /// The number within the object: characters 7 to 15 read to the base 62, `0-9A-Za-z`.
    ///
    /// Two ids of one object may share a number where the org has moved between
    /// instances: the three characters before it tell them apart.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.0[6..15].iter().fold(0, |sum, byte| {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'A'..=b'Z' => byte - b'A' + 10,
                _ => byte - b'a' + 36,
            };
            sum * 62 + u64::from(digit)
        })
    }

    fn complete(short: [u8; 15]) -> Self {
        let mut id = [0; 18];
        id[..15].copy_from_slice(&short);
        for (n, chunk) in short.chunks(5).enumerate() {
            let index = chunk.iter().enumerate().fold(0, |sum, (bit, byte)| {
                sum | usize::from(byte.is_ascii_uppercase()) << bit
            });
            id[15 + n] = CHECK_LETTERS[index];
        }
        Self(id)
    }
}

impl FromStr for RecordId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let refuse = || InvalidId {
            text: text.to_owned(),
            wanted: "a record id of 15 or 18 letters and digits",
        };
        let bytes = text.as_bytes();
        if !matches!(bytes.len(), 15 | 18) || !bytes.iter().all(u8::is_ascii_alphanumeric) {
            return Err(refuse());
        }
        let id = Self::complete(bytes[..15].try_into().expect("fifteen bytes were checked"));
        if bytes.len() == 18 && !id.as_str()[15..].eq_ignore_ascii_case(&text[15..]) {
            return Err(InvalidId {
                text: text.to_owned(),
                wanted: "a record id: its last three characters do not fit the others",
            });
        }
        Ok(id)
    }
}

impl OrgId {
    /// The id as a record id.
    #[must_use]
    pub fn record(self) -> RecordId {
        self.0
    }

    /// All 18 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for OrgId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.parse::<RecordId>() {
            Ok(id) if id.prefix() == "00D" => Ok(Self(id)),
            _ => Err(InvalidId {
                text: text.to_owned(),
                wanted: "an org id (`00D…`)",
            }),
        }
    }
}

impl ApiVersion {
    /// Version `major`.0.
    #[must_use]
    pub const fn new(major: u16) -> Self {
        Self(major)
    }

    /// The number before the dot.
    #[must_use]
    pub const fn major(self) -> u16 {
        self.0
    }
}

impl FromStr for ApiVersion {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let number = text.strip_prefix('v').unwrap_or(text);
        let major = number.strip_suffix(".0").unwrap_or(number);
        match major.parse() {
            Ok(major @ 1..=999) => Ok(Self(major)),
            _ => Err(InvalidId {
                text: text.to_owned(),
                wanted: "an API version such as `66.0`",
            }),
        }
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for OrgId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.0", self.0)
    }
}

macro_rules! as_string {
    ($($name:ty),*) => {$(
        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }
        impl From<$name> for String {
            fn from(it: $name) -> String {
                it.to_string()
            }
        }
    )*};
}
as_string!(RecordId, OrgId, ApiVersion);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_id_is_completed_by_its_case() {
        let id: RecordId = "00530000009M943".parse().unwrap();
        assert_eq!(id.as_str(), "00530000009M943AAC");
        assert_eq!(id.as_str().parse::<RecordId>(), Ok(id));
        assert!("00530000009M943AAB".parse::<RecordId>().is_err());
    }

    #[test]
    fn number_counts_in_the_order_of_the_ids() {
        let number = |text: &str| text.parse::<RecordId>().unwrap().number();
        assert_eq!(number("001300000000000"), 0);
        assert_eq!(number("00130000000000z"), 61);
        assert_eq!(number("001300000000010"), 62);
        assert_eq!(number("001zzzzzzzzzzzz"), 62_u64.pow(9) - 1);
    }

    #[test]
    fn version_is_read_with_and_without_its_zero() {
        assert_eq!("v66.0".parse(), Ok(ApiVersion::new(66)));
        assert_eq!("66".parse(), Ok(ApiVersion::new(66)));
        assert!("66.5".parse::<ApiVersion>().is_err());
        assert_eq!(ApiVersion::new(66).to_string(), "66.0");
    }
}
