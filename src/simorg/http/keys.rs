//! Keys for signing assertions.

use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use super::TlsError;

/// A pair of RSA keys, as PEM.
#[derive(Clone, Debug)]
pub struct SigningKey {
    /// PKCS #8.
    pub private_pem: String,
    /// `SubjectPublicKeyInfo`.
    pub public_pem: String,
}

impl SigningKey {
    /// Makes a key of 2,048 bits.
    ///
    /// # Errors
    ///
    /// [`TlsError::Make`].
    pub fn generate() -> Result<Self, TlsError> {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        Ok(Self::of(&pair))
    }

    /// Reads a private key.
    ///
    /// # Errors
    ///
    /// [`TlsError::Make`] where it is none.
    pub fn from_pem(private_pem: &str) -> Result<Self, TlsError> {
        let pair = KeyPair::from_pem_and_sign_algo(private_pem, &PKCS_RSA_SHA256)?;
        Ok(Self::of(&pair))
    }

    fn of(pair: &KeyPair) -> Self {
        Self {
            private_pem: pair.serialize_pem(),
            public_pem: pair.public_key_pem(),
        }
    }
}
