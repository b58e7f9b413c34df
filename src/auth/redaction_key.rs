//! The key of redaction tags, kept beside the logins in a file of mode 0600.

use std::path::PathBuf;

use super::{Error, Vault, file};
use crate::{
    client::{encode_for_url, random_bytes},
    source::redact::RedactionKey,
};

/// Name of the file.
const FILE_NAME: &str = "redaction.key";
/// Bytes of a new key; as many as the digest of SHA-256 has.
const N_BYTES: usize = 32;

impl Vault {
    /// The key that is kept; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::TooOpen`], and [`Error::FileFormat`] for a file that holds no key.
    pub fn redaction_key(&self) -> Result<Option<RedactionKey>, Error> {
        let path = self.path(FILE_NAME);
        let Some(text) = file::read(&path)? else {
            return Ok(None);
        };
        match RedactionKey::parse(&text) {
            Ok(key) => Ok(Some(key)),
            Err(err) => Err(Error::FileFormat {
                path,
                reason: err.to_string(),
            }),
        }
    }

    /// Makes a key and keeps it; the one that is kept, and where. One that is there stays.
    ///
    /// # Errors
    ///
    /// [`Error::File`], and those of [`Vault::redaction_key`].
    pub fn make_redaction_key(&self) -> Result<(RedactionKey, PathBuf), Error> {
        let path = self.path(FILE_NAME);
        let _lock = file::lock(&self.path(""))?;
        if let Some(key) = self.redaction_key()? {
            return Ok((key, path));
        }
        let text = encode_for_url(&random_bytes(N_BYTES));
        file::write(&path, &format!("{text}\n"))?;
        let key = RedactionKey::parse(&text).expect("32 bytes are more than 16 characters");
        Ok((key, path))
    }
}
