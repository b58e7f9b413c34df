//! Values that stand in Git in another form: hashed, or encrypted. Hides `aes-siv` and `hmac`.
//!
//! Org, object, field and Id of the row go into both: equal values of two rows do
//! not look equal, and a cell that is moved to another row does not open there.
//! One value of one cell always gives one text, so an export that changes nothing
//! changes no byte.
//!
//! Invariant: without the key, nothing of a value can be told but roughly its length.

use aes_siv::{KeyInit, siv::Aes256Siv};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, Sha512};

use super::Disguise;
use crate::model::{OrgId, RecordId, hex};

/// How an encrypted cell begins; a hashed one begins with [`HASHED`].
pub const ENCRYPTED: &str = "enc:";

/// How a hashed cell begins.
pub const HASHED: &str = "hash:";

/// Disguises and uncovers cells of one org.
#[derive(Clone)]
pub struct Disguiser {
    org: OrgId,
    hash_key: [u8; 32],
    cipher_key: [u8; 64],
}

/// A cell that the key does not open: another key, or a cell that was moved or damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key does not open an encrypted value")]
pub struct NotOpened;

impl Disguiser {
    /// Takes the secret of the user's, which should have 16 random bytes or more.
    #[must_use]
    pub fn new(org: OrgId, secret: &[u8]) -> Self {
        let of = |purpose: &[u8]| {
            Sha512::new()
                .chain_update(purpose)
                .chain_update(secret)
                .finalize()
        };
        let mut it = Self {
            org,
            hash_key: [0; 32],
            cipher_key: [0; 64],
        };
        it.hash_key
            .copy_from_slice(&of(b"orgkeep records hash\0")[..32]);
        it.cipher_key
            .copy_from_slice(&of(b"orgkeep records encrypt\0"));
        it
    }

    /// The text that stands in the cell; an empty cell stays empty.
    ///
    /// # Panics
    ///
    /// Never: the cipher refuses only texts longer than the memory of any machine.
    #[must_use]
    pub fn disguise(
        &self,
        how: Disguise,
        object: &str,
        field: &str,
        id: RecordId,
        value: &[u8],
    ) -> Vec<u8> {
        if value.is_empty() {
            return Vec::new();
        }
        let headers = [self.org.as_str(), object, field, id.as_str()];
        match how {
            Disguise::Hash => {
                let mut mac = Hmac::<Sha256>::new_from_slice(&self.hash_key)
                    .expect("HMAC takes a key of any length");
                for header in headers {
                    mac.update(header.as_bytes());
                    mac.update(b"\0");
                }
                mac.update(value);
                let sum = mac.finalize().into_bytes();
                format!("{HASHED}{}", hex(&sum[..16])).into_bytes()
            }
            Disguise::Encrypt => {
                let sealed = self
                    .cipher()
                    .encrypt(headers, value)
                    .expect("a cell is shorter than the cipher's limit");
                format!("{ENCRYPTED}{}", BASE64_STANDARD_NO_PAD.encode(sealed)).into_bytes()
            }
        }
    }

    /// The value of an encrypted cell.
    ///
    /// # Errors
    ///
    /// [`NotOpened`].
    pub fn uncover(
        &self,
        object: &str,
        field: &str,
        id: RecordId,
        cell: &str,
    ) -> Result<String, NotOpened> {
        if cell.is_empty() {
            return Ok(String::new());
        }
        let sealed = cell.strip_prefix(ENCRYPTED).ok_or(NotOpened)?;
        let sealed = BASE64_STANDARD_NO_PAD
            .decode(sealed)
            .map_err(|_| NotOpened)?;
        let headers = [self.org.as_str(), object, field, id.as_str()];
        let value = self
            .cipher()
            .decrypt(headers, &sealed)
            .map_err(|_| NotOpened)?;
        String::from_utf8(value).map_err(|_| NotOpened)
    }

    fn cipher(&self) -> Aes256Siv {
        Aes256Siv::new(&self.cipher_key.into())
    }
}

impl std::fmt::Debug for Disguiser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disguiser").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disguiser(secret: &[u8]) -> Disguiser {
        Disguiser::new("00D30000000001tEAA".parse().unwrap(), secret)
    }

    fn cell(how: Disguise, id: &str, value: &str) -> String {
        let it = disguiser(b"0123456789abcdef");
        let bytes = it.disguise(
            how,
            "Contact",
            "Email",
            id.parse().unwrap(),
            value.as_bytes(),
        );
        String::from_utf8(bytes).unwrap()
    }

    const A: &str = "003300000000001";
    const B: &str = "003300000000002";

    #[test]
    fn encrypted_value_opens_in_its_own_cell_only() {
        let sealed = cell(Disguise::Encrypt, A, "ann@example.com");
        let it = disguiser(b"0123456789abcdef");
        let open =
            |id: &str, field: &str| it.uncover("Contact", field, id.parse().unwrap(), &sealed);
        assert_eq!(open(A, "Email"), Ok("ann@example.com".to_owned()));
        assert_eq!(open(B, "Email"), Err(NotOpened));
        assert_eq!(open(A, "Phone"), Err(NotOpened));
        let other = disguiser(b"another secret!!");
        assert_eq!(
            other.uncover("Contact", "Email", A.parse().unwrap(), &sealed),
            Err(NotOpened)
        );
    }

    #[test]
    fn one_value_has_one_text_in_its_cell_and_others_elsewhere() {
        for how in [Disguise::Hash, Disguise::Encrypt] {
            assert_eq!(cell(how, A, "x"), cell(how, A, "x"));
            assert_ne!(cell(how, A, "x"), cell(how, B, "x"));
            assert_ne!(cell(how, A, "x"), cell(how, A, "y"));
            assert_eq!(cell(how, A, ""), "");
        }
    }
}
