//! Text in the encoding that somebody chose, as UTF-8. Hides `encoding_rs`.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, UTF_8, WINDOWS_1252};

/// Reads text as UTF-8 without its byte order mark, from UTF-8 or from Western European.
///
/// ISO-8859-1 is read as Windows-1252, as every browser does: the bytes in which
/// they differ are control characters in the one and quotation marks in the other.
pub fn decoded<R: Read>(from: R, is_utf8: bool) -> Decoded<R> {
    let encoding = if is_utf8 { UTF_8 } else { WINDOWS_1252 };
    Decoded {
        from,
        decoder: encoding.new_decoder_with_bom_removal(),
        input: vec![0; 1 << 16],
        begin: 0,
        end: 0,
        is_over: false,
    }
}

/// A reader that decodes.
pub struct Decoded<R> {
    from: R,
    decoder: Decoder,
    input: Vec<u8>,
    begin: usize,
    end: usize,
    is_over: bool,
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        // Fewer do not hold every character, so the decoder would not move.
        const SMALLEST: usize = 16;
        if out.len() < SMALLEST {
            return Err(io::Error::other("a buffer for text is too small"));
        }
        loop {
            if self.begin == self.end && !self.is_over {
                self.begin = 0;
                self.end = self.from.read(&mut self.input)?;
                self.is_over = self.end == 0;
            }
            let input = &self.input[self.begin..self.end];
            let (result, n_read, n_written, _) =
                self.decoder.decode_to_utf8(input, out, self.is_over);
            self.begin += n_read;
            if n_written > 0 {
                return Ok(n_written);
            }
            if self.is_over && result == CoderResult::InputEmpty {
                return Ok(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], is_utf8: bool) -> String {
        let mut out = Vec::new();
        let mut from = decoded(bytes, is_utf8);
        let mut buffer = [0; 16];
        loop {
            match from.read(&mut buffer).unwrap() {
                0 => return String::from_utf8(out).unwrap(),
                n => out.extend_from_slice(&buffer[..n]),
            }
        }
    }

    #[test]
    fn both_encodings_come_out_as_utf8_without_a_mark() {
        assert_eq!(
            text(b"\xef\xbb\xbfId,Name \xc3\xbc and more text", true),
            "Id,Name ü and more text"
        );
        assert_eq!(
            text(b"M\xfcller \x96 \x80 and again more text", false),
            "Müller – € and again more text"
        );
        assert_eq!(text(b"", true), "");
    }
}
