//! Takes a SOAP answer apart while it comes in.
//!
//! Records (`result`, `fileProperties`, …) and the zip leave as they end; only
//! the rest is kept. So a listing of 50,000 components and a zip of 40 MB cost
//! the memory of one record and one piece.
//!
//! Invariant: what was handed out was well-formed and came whole; what is left
//! is a document that `xml` parses, or the scan has failed.

use std::io;

use crate::{
    client::base64::{Decoder, InvalidBase64},
    xml::{self, Element, MAX_DEPTH},
};

/// Longest record. Own limit: the longest known are deploy messages of some 100 kB.
const MAX_RECORD_BYTES: usize = 16 << 20;

/// Longest rest, records and zip apart. Own limit.
const MAX_REST_BYTES: usize = 64 << 20;

/// Who takes what leaves an answer.
pub(crate) trait Sink {
    /// Names of the elements that leave one by one, whatever their prefix.
    const RECORDS: &'static [&'static str];

    /// Forgets everything: the call is made again.
    fn restart(&mut self) -> io::Result<()>;

    /// Takes one record; the reason why it makes no sense is the error.
    fn record(&mut self, record: &Element) -> Result<(), String>;

    /// Takes the next bytes of `zipFile`.
    fn zip_bytes(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// Takes nothing: the answer is short.
pub(crate) struct Whole;

impl Sink for Whole {
    const RECORDS: &'static [&'static str] = &[];

    fn restart(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn record(&mut self, _: &Element) -> Result<(), String> {
        Ok(())
    }
}

/// Why an answer could not be taken apart.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    /// It is not what the API writes.
    #[error("{0}")]
    Malformed(String),
    /// It ended early.
    #[error("it ends in the middle")]
    CutOff,
    /// What it holds could not be stored.
    #[error("cannot store it")]
    Store(#[from] io::Error),
}

impl From<xml::Error> for ScanError {
    fn from(err: xml::Error) -> Self {
        Self::Malformed(err.to_string())
    }
}

impl From<InvalidBase64> for ScanError {
    fn from(err: InvalidBase64) -> Self {
        match err {
            InvalidBase64::CutOff => Self::CutOff,
            InvalidBase64::Malformed => Self::Malformed(err.to_string()),
        }
    }
}

fn malformed(reason: &str) -> ScanError {
    ScanError::Malformed(reason.to_owned())
}

/// An answer half read.
pub(crate) struct Scanner<'a, S> {
    sink: &'a mut S,
    rest: Vec<u8>,
    record: Vec<u8>,
    tag: Vec<u8>,
    quote: Option<u8>,
    entity: Vec<u8>,
    depth: usize,
    record_depth: Option<usize>,
    zip: Option<Decoder>,
    has_zip: bool,
    has_root: bool,
}

const ZIP: &str = "zipFile";

impl<'a, S: Sink> Scanner<'a, S> {
    /// Starts an answer.
    pub(crate) fn new(sink: &'a mut S) -> io::Result<Self> {
        sink.restart()?;
        Ok(Self {
            sink,
            rest: Vec::new(),
            record: Vec::new(),
            tag: Vec::new(),
            quote: None,
            entity: Vec::new(),
            depth: 0,
            record_depth: None,
            zip: None,
            has_zip: false,
            has_root: false,
        })
    }

    /// Takes the next piece of the answer.
    pub(crate) fn piece(&mut self, mut bytes: &[u8]) -> Result<(), ScanError> {
        while let Some(first) = bytes.first() {
            if self.tag.is_empty() && *first != b'<' {
                let end = bytes.iter().position(|it| *it == b'<');
                let (text, after) = bytes.split_at(end.unwrap_or(bytes.len()));
                self.text(text)?;
                bytes = after;
                continue;
            }
            bytes = self.markup(bytes)?;
        }
        Ok(())
    }

    /// Ends the answer and gives the document that is left of it.
    pub(crate) fn finish(self) -> Result<Element, ScanError> {
        if !self.has_root || self.depth > 0 || !self.tag.is_empty() {
            return Err(if self.rest.trim_ascii_start().starts_with(b"<") {
                ScanError::CutOff
            } else {
                malformed("it is no XML")
            });
        }
        Ok(xml::parse(&self.rest)?.root)
    }

    fn text(&mut self, text: &[u8]) -> Result<(), ScanError> {
        if self.zip.is_some() {
            self.zip_text(text)
        } else {
            self.keep(text)
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), ScanError> {
        let (kept, most) = match self.record_depth {
            Some(_) => (&mut self.record, MAX_RECORD_BYTES),
            None => (&mut self.rest, MAX_REST_BYTES),
        };
        if kept.len() + bytes.len() > most {
            return Err(malformed("a part of it is too long"));
        }
        kept.extend_from_slice(bytes);
        Ok(())
    }

    /// Text of the zip, in which line breaks may stand as references.
    fn zip_text(&mut self, mut text: &[u8]) -> Result<(), ScanError> {
        while !text.is_empty() {
            if self.entity.is_empty() {
                let end = text.iter().position(|it| *it == b'&');
                let (plain, after) = text.split_at(end.unwrap_or(text.len()));
                if let Some(decoder) = &mut self.zip {
                    let bytes = decoder.piece(plain)?;
                    self.sink.zip_bytes(bytes)?;
                }
                text = after;
                if text.is_empty() {
                    break;
                }
            }
            self.entity.push(text[0]);
            text = &text[1..];
            if self.entity.ends_with(b";") {
                let is_break = [&b"&#xd;"[..], b"&#xa;", b"&#13;", b"&#10;"]
                    .iter()
                    .any(|it| self.entity.eq_ignore_ascii_case(it));
                if !is_break {
                    return Err(malformed("its base64 is broken"));
                }
                self.entity.clear();
            } else if self.entity.len() > 8 {
                return Err(malformed("its base64 is broken"));
            }
        }
        Ok(())
    }

    /// Takes a tag up to its end, or what there is of it.
    fn markup<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], ScanError> {
        for (at, byte) in bytes.iter().enumerate() {
            self.tag.push(*byte);
            let is_element = !matches!(self.tag.get(1), Some(b'!' | b'?'));
            if is_element {
                match (self.quote, byte) {
                    (None, b'"' | b'\'') => self.quote = Some(*byte),
                    (Some(quote), byte) if quote == *byte => self.quote = None,
                    _ => (),
                }
            }
            if self.tag.len() > MAX_RECORD_BYTES {
                return Err(malformed("a part of it is too long"));
            }
            if *byte == b'>' && self.quote.is_none() && self.is_whole_tag()? {
                let tag = std::mem::take(&mut self.tag);
                self.whole_tag(&tag)?;
                self.tag = tag;
                self.tag.clear();
                return Ok(&bytes[at + 1..]);
            }
        }
        Ok(&[])
    }

    fn is_whole_tag(&self) -> Result<bool, ScanError> {
        let tag = &self.tag;
        if tag.starts_with(b"<!--") {
            return Ok(tag.len() >= 7 && tag.ends_with(b"-->"));
        }
        if tag.starts_with(b"<![CDATA[") {
            return Ok(tag.ends_with(b"]]>"));
        }
        if tag.starts_with(b"<?") {
            return Ok(tag.ends_with(b"?>"));
        }
        if tag.starts_with(b"<!") {
            return Err(malformed("it declares a document type"));
        }
        Ok(true)
    }

    fn whole_tag(&mut self, tag: &[u8]) -> Result<(), ScanError> {
        match tag.get(1) {
            Some(b'/') => self.close(tag),
            Some(b'!') if tag.starts_with(b"<!--") => Ok(()),
            Some(b'!') if self.zip.is_some() => Err(malformed("its base64 is broken")),
            Some(b'!' | b'?') => self.keep(tag),
            _ => self.open(tag),
        }
    }

    fn open(&mut self, tag: &[u8]) -> Result<(), ScanError> {
        if self.zip.is_some() {
            return Err(malformed("its zip has elements"));
        }
        if self.depth == 0 && self.has_root {
            return Err(malformed("it goes on behind its end"));
        }
        self.has_root = true;
        let is_empty = tag.ends_with(b"/>");
        let name = local_name(&tag[1..]);
        let is_free = self.record_depth.is_none();
        if is_free && S::RECORDS.contains(&name) {
            self.record_depth = Some(self.depth);
        } else if is_free && name == ZIP && !is_empty {
            if self.has_zip {
                return Err(malformed("it has two zips"));
            }
            self.has_zip = true;
            self.zip = Some(Decoder::default());
        }
        self.keep(tag)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(malformed("it nests too deep"));
        }
        if is_empty {
            self.depth -= 1;
            self.end_of_record()?;
        }
        Ok(())
    }

    fn close(&mut self, tag: &[u8]) -> Result<(), ScanError> {
        if let Some(decoder) = self.zip.take() {
            if local_name(&tag[2..]) != ZIP || !self.entity.is_empty() {
                return Err(malformed("its zip has no end"));
            }
            decoder
                .finish()
                .map_err(|_| malformed("its base64 is broken"))?;
        }
        self.keep(tag)?;
        self.depth = self
            .depth
            .checked_sub(1)
            .ok_or_else(|| malformed("an element ends that never began"))?;
        self.end_of_record()
    }

    fn end_of_record(&mut self) -> Result<(), ScanError> {
        if self.record_depth != Some(self.depth) {
            return Ok(());
        }
        self.record_depth = None;
        let record = xml::parse(&self.record)?.root;
        self.record.clear();
        self.sink.record(&record).map_err(ScanError::Malformed)
    }
}

/// The name of a tag without its prefix; `tag` begins behind `<` or `</`.
fn local_name(tag: &[u8]) -> &str {
    let end = tag
        .iter()
        .position(|it| it.is_ascii_whitespace() || matches!(it, b'>' | b'/'))
        .unwrap_or(tag.len());
    let name = std::str::from_utf8(&tag[..end]).unwrap_or_default();
    name.rsplit(':').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Default, Debug, PartialEq)]
    struct Kept {
        names: Vec<String>,
        zip: Vec<u8>,
    }

    impl Sink for Kept {
        const RECORDS: &'static [&'static str] = &["fileProperties", "messages"];

        fn restart(&mut self) -> io::Result<()> {
            *self = Self::default();
            Ok(())
        }

        fn record(&mut self, record: &Element) -> Result<(), String> {
            let name = record.child_text("fullName").ok_or("no name")?;
            self.names.push(name.into_owned());
            Ok(())
        }

        fn zip_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
            self.zip.extend_from_slice(bytes);
            Ok(())
        }
    }

    fn scan(text: &str, piece: usize) -> Result<(Kept, String), ScanError> {
        let mut kept = Kept::default();
        let mut scanner = Scanner::new(&mut kept)?;
        for bytes in text.as_bytes().chunks(piece) {
            scanner.piece(bytes)?;
        }
        let rest = scanner.finish()?;
        let status = rest.child_text("status").unwrap_or_default().into_owned();
        Ok((kept, status))
    }

    const ANSWER: &str = "<?xml version=\"1.0\"?><r a=\"x>y\"><m:messages xmlns:m='u'>\
        <fullName>a &amp; b</fullName></m:messages><!-- <zipFile> --><zipFile>UEsD&#xD;\nBA==\
        </zipFile><fileProperties><fullName><![CDATA[c>d]]></fullName><id/></fileProperties>\
        <status>Succeeded</status></r>\n";

    #[test]
    fn answer_is_the_same_however_it_is_cut() {
        for piece in 1..ANSWER.len() {
            let (kept, status) = scan(ANSWER, piece).unwrap();
            assert_eq!(kept.names, ["a & b", "c>d"], "pieces of {piece}");
            assert_eq!(kept.zip, b"PK\x03\x04");
            assert_eq!(status, "Succeeded");
        }
    }

    #[test]
    fn answer_that_ends_early_is_never_taken_for_whole() {
        let whole = ANSWER.trim_end();
        for end in 1..whole.len() {
            assert!(scan(&whole[..end], 7).is_err(), "cut at {end}");
        }
        assert!(matches!(scan("<a><b></b>", 3), Err(ScanError::CutOff)));
    }

    #[test]
    fn nil_zip_is_no_zip() {
        let (kept, _) = scan("<r><zipFile xsi:nil=\"true\"/></r>", 5).unwrap();
        assert!(kept.zip.is_empty());
        let (kept, _) = scan("<r><zipFile></zipFile></r>", 5).unwrap();
        assert!(kept.zip.is_empty());
    }

    #[test]
    fn hostile_answers_are_refused() {
        let deep = "<a>".repeat(300);
        for text in [
            "<!DOCTYPE r [<!ENTITY a \"b\">]><r>&a;</r>",
            "<r><zipFile>UEsD</zipFile><zipFile>UEsD</zipFile></r>",
            "<r><zipFile>UE<b/>sD</zipFile></r>",
            "<r><zipFile>UEsDB</zipFile></r>",
            "<r><zipFile>UEs&lt;</zipFile></r>",
            "<r/><r/>",
            "</r>",
            "<r></s>",
            "<r><messages></r></messages>",
            "plain words",
            "",
            &deep,
        ] {
            assert!(scan(text, 4).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut kept = Kept::default();
            let mut scanner = Scanner::new(&mut kept).unwrap();
            if scanner.piece(&bytes).is_ok() {
                let _ = scanner.finish();
            }
        }

        #[test]
        fn no_text_of_markup_makes_it_panic(text in "[<>/!?a-c:\"'&;= \\[\\]-]{0,60}") {
            let _ = scan(&text, 3);
        }
    }
}
