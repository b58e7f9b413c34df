//! Base64, whole and in pieces. Hides `base64`.
//!
//! Invariant: decoding in pieces holds at most three characters back, and text
//! that ends within a group of four is refused, for it was cut off.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

/// Text that is not base64, or not all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidBase64 {
    /// A character or the padding is out of place.
    #[error("its base64 is broken")]
    Malformed,
    /// It ends within a group of four characters.
    #[error("its base64 is cut off")]
    CutOff,
}

/// Encodes `bytes` for a URL, without padding.
#[must_use]
pub fn encode_for_url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Encodes `bytes`, padded.
#[must_use]
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Length of the encoding of `n_bytes` bytes, padding included.
pub(crate) fn encoded_length(n_bytes: u64) -> u64 {
    n_bytes.div_ceil(3) * 4
}

/// Decodes text that comes in pieces, white space between its characters ignored.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    pending: Vec<u8>,
    bytes: Vec<u8>,
    has_ended: bool,
}

impl Decoder {
    /// Takes a piece and gives what it completes.
    pub(crate) fn piece(&mut self, text: &[u8]) -> Result<&[u8], InvalidBase64> {
        self.bytes.clear();
        let significant = text.iter().filter(|it| !it.is_ascii_whitespace());
        self.pending.extend(significant);
        let n_whole = self.pending.len() / 4 * 4;
        if n_whole == 0 && (self.pending.is_empty() || !self.has_ended) {
            return Ok(&self.bytes);
        }
        if self.has_ended {
            return Err(InvalidBase64::Malformed);
        }
        STANDARD
            .decode_vec(&self.pending[..n_whole], &mut self.bytes)
            .map_err(|_| InvalidBase64::Malformed)?;
        self.has_ended = self.pending[..n_whole].ends_with(b"=");
        self.pending.drain(..n_whole);
        Ok(&self.bytes)
    }

    /// Checks that nothing is missing.
    pub(crate) fn finish(&self) -> Result<(), InvalidBase64> {
        if self.pending.is_empty() {
            Ok(())
        } else {
            Err(InvalidBase64::CutOff)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&str]) -> Result<Vec<u8>, InvalidBase64> {
        let mut decoder = Decoder::default();
        let mut bytes = Vec::new();
        for piece in pieces {
            bytes.extend_from_slice(decoder.piece(piece.as_bytes())?);
        }
        decoder.finish()?;
        Ok(bytes)
    }

    #[test]
    fn text_cut_off_or_gone_on_is_refused() {
        assert_eq!(decode(&["UEs", "DBA", "=="]), Ok(b"PK\x03\x04".to_vec()));
        assert_eq!(decode(&["UE\r\nsD\n", " BA=="]), Ok(b"PK\x03\x04".to_vec()));
        assert_eq!(decode(&["UEsDB"]), Err(InvalidBase64::CutOff));
        assert_eq!(decode(&["UEsDBA==", "UEsD"]), Err(InvalidBase64::Malformed));
        assert_eq!(decode(&["UEsDBA==", "U"]), Err(InvalidBase64::Malformed));
        assert_eq!(decode(&["UE*D"]), Err(InvalidBase64::Malformed));
        assert_eq!(decode(&[]), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn every_cut_of_an_encoding_decodes_to_the_same(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            cuts in prop::collection::vec(1_usize..20, 1..40),
        ) {
            let text = encode(&bytes);
            prop_assert_eq!(text.len() as u64, encoded_length(bytes.len() as u64));
            let mut rest = text.as_str();
            let mut pieces = Vec::new();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(decode(&pieces), Ok(bytes));
        }
    }
}
