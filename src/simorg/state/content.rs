//! The bytes of a file, shared.

use std::{ops::Deref, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Bytes of a file; a clone shares them.
///
/// Serialised as text where they are UTF-8, else as `{"base64": …}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content(Arc<[u8]>);

impl Content {
    /// The content `text`.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Kept<T> {
    Text(T),
    Binary { base64: String },
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(self) {
            Ok(text) => Kept::Text(text),
            Err(_) => Kept::Binary {
                base64: STANDARD.encode(&**self),
            },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Kept::<String>::deserialize(deserializer)? {
            Kept::Text(text) => text.into_bytes(),
            Kept::Binary { base64 } => STANDARD.decode(base64).map_err(de::Error::custom)?,
        }
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_binary_survive_being_kept() {
        for bytes in [b"caf\xc3\xa9".to_vec(), b"\xff\x00".to_vec()] {
            let content = Content::from(bytes);
            let json = serde_json::to_string(&content).unwrap();
            assert_eq!(serde_json::from_str::<Content>(&json).unwrap(), content);
        }
    }
}
