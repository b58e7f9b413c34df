//! Tags of secrets: made with a key, or kept where the key is not at hand.

use std::{collections::BTreeMap, fmt};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::model::hex;

/// Hexadecimal digits of a tag: 48 bits.
pub(super) const DIGITS: usize = 12;
/// Hexadecimal digits of the id of a key.
const ID_DIGITS: usize = 8;
/// Fewest characters of a key's text.
///
/// Own figure: 16 characters of base64 are 96 bits, which nobody tries out.
const FEWEST: usize = 16;
/// The tag of a secret that was taken out without a key: no change of it is seen.
const UNSEEN: &str = "000000000000";
/// How the tags are made, in what is said of them.
const METHOD: &str = "hmac-sha256";

/// The key that tags are made with.
///
/// Whoever has it can test a guess of a secret against its tag.
#[derive(Clone, PartialEq, Eq)]
pub struct RedactionKey(Vec<u8>);

/// A text that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a redaction key has at least {FEWEST} characters")]
pub struct ShortKey;

impl RedactionKey {
    /// The key that a text is, blanks around it left out.
    ///
    /// # Errors
    ///
    /// [`ShortKey`]
    pub fn parse(text: &str) -> Result<Self, ShortKey> {
        let text = text.trim();
        if text.chars().count() < FEWEST {
            return Err(ShortKey);
        }
        Ok(Self(text.as_bytes().to_owned()))
    }

    /// What tells the key from others, and does not help to guess it.
    #[must_use]
    pub fn id(&self) -> String {
        self.digits(&["key"], ID_DIGITS)
    }

    /// The tag of `value` in the org `org`: equal secrets of two orgs have two tags.
    #[must_use]
    pub fn tag(&self, org: &str, value: &str) -> String {
        self.digits(&["value", org, value], DIGITS)
    }

    fn digits(&self, parts: &[&str], n: usize) -> String {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        let digest = mac.finalize().into_bytes();
        let mut digits = hex(&digest);
        digits.truncate(n);
        digits
    }
}

impl fmt::Debug for RedactionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedactionKey(..)")
    }
}

/// Gives the tags of one snapshot.
#[derive(Clone, Debug)]
pub struct Tags {
    org: String,
    key: Option<RedactionKey>,
    /// What the ledger says, by path and element.
    kept: BTreeMap<(String, String), String>,
}

impl Tags {
    /// Tags made with `key` for the secrets of the org `org`.
    #[must_use]
    pub fn keyed(org: impl Into<String>, key: RedactionKey) -> Self {
        Self {
            org: org.into(),
            key: Some(key),
            kept: BTreeMap::new(),
        }
    }

    /// Tags as the ledger has them, by path and element: their key is not at hand.
    #[must_use]
    pub fn kept(kept: BTreeMap<(String, String), String>) -> Self {
        Self {
            org: String::new(),
            key: None,
            kept,
        }
    }

    /// Whether a change of a secret can be seen.
    #[must_use]
    pub fn are_keyed(&self) -> bool {
        self.key.is_some()
    }

    /// The tag that takes the place of `value`.
    pub(super) fn tag(&self, path: &str, element: &str, value: &str) -> String {
        match &self.key {
            Some(key) => key.tag(&self.org, value),
            None => self
                .line(path, element)
                .and_then(|it| it.rsplit(':').next())
                .unwrap_or(UNSEEN)
                .to_owned(),
        }
    }

    /// What the ledger says of a tag: `hmac-sha256:<key id>:<tag>`.
    pub(super) fn told(&self, path: &str, element: &str, tag: &str) -> String {
        match (&self.key, self.line(path, element)) {
            (None, Some(line)) => line.to_owned(),
            (None, None) => format!("unseen:{tag}"),
            (Some(_), _) if tag == UNSEEN => format!("unseen:{tag}"),
            (Some(key), _) => format!("{METHOD}:{}:{tag}", key.id()),
        }
    }

    fn line(&self, path: &str, element: &str) -> Option<&str> {
        self.kept
            .get(&(path.to_owned(), element.to_owned()))
            .map(String::as_str)
    }
}
