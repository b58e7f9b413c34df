//! The key of redaction tags, kept beside the logins in a file of mode 0600.
//!
//! What makes a text a key is not known here.

use std::path::PathBuf;

use super::{Error, Secret, Vault, file};
use crate::client::{encode_for_url, random_bytes};

/// Name of the file.
const FILE_NAME: &str = "redaction.key";
/// Bytes of a new key; as many as the digest of SHA-256 has.
const N_BYTES: usize = 32;

impl Vault {
    /// The text of the key that is kept; `None` where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::TooOpen`].
    pub fn redaction_key(&self) -> Result<Option<Secret>, Error> {
        Ok(file::read(&self.path(FILE_NAME))?.map(Secret::new))
    }

    /// Makes a key and keeps it; the one that is kept, and where. One that is there stays.
    ///
    /// # Errors
    ///
    /// [`Error::File`], and those of [`Vault::redaction_key`].
    pub fn make_redaction_key(&self) -> Result<(Secret, PathBuf), Error> {
        let path = self.path(FILE_NAME);
        let _lock = file::lock(&self.path(""))?;
        if let Some(key) = self.redaction_key()? {
            return Ok((key, path));
        }
        let text = encode_for_url(&random_bytes(N_BYTES));
        file::write(&path, &format!("{text}\n"))?;
        Ok((Secret::new(text), path))
    }
}
