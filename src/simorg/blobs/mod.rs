//! Bodies of files: outside the rows, and outside memory where they are large.
//!
//! Hides `md-5`.
//!
//! Invariant: a body once put is given back byte for byte; bodies of equal
//! content lie once.

use md5::{Digest as _, Md5};

/// The checksum that `ContentVersion.Checksum` has: MD5 in hexadecimal.
#[must_use]
pub fn md5_hex(bytes: &[u8]) -> String {
    crate::model::hex(&Md5::digest(bytes))
}
