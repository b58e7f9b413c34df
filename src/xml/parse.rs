//! Reads a document.

use quick_xml::events::{BytesStart, Event};

use super::element::reference;
use super::{Document, Element, Node};

/// Deepest nesting of elements that is read.
///
/// Own limit. The deepest documents of the platform (flexipages, flows) stay
/// below 20; more is an attack on the stack.
pub const MAX_DEPTH: usize = 200;

/// A document that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It is not well-formed.
    #[error("malformed XML at line {line}: {reason}")]
    Malformed {
        /// Line, counted from 1.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// It declares a document type or uses an entity of its own.
    #[error("XML at line {line} has {what}, which is refused")]
    Refused {
        /// Line, counted from 1.
        line: usize,
        /// What it has.
        what: String,
    },
    /// It nests too deep.
    #[error("XML at line {line} nests deeper than {MAX_DEPTH} elements")]
    TooDeep {
        /// Line, counted from 1.
        line: usize,
    },
}

/// Reads a document.
///
/// A byte order mark is skipped, CR LF and CR become LF, white space between
/// elements is dropped. Text that holds more than white space keeps all of it.
///
/// # Errors
///
/// [`Error`] with the line.
pub fn parse(bytes: &[u8]) -> Result<Document, Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|err| Error::Malformed {
        line: line_at(bytes, err.valid_up_to()),
        reason: "it is not UTF-8".to_owned(),
    })?;
    let unix;
    let text = if text.contains('\r') {
        unix = text.replace("\r\n", "\n").replace('\r', "\n");
        &unix
    } else {
        text
    };
    Parser {
        text,
        reader: quick_xml::Reader::from_str(text),
        open: Vec::new(),
        doc: Document {
            prolog: Vec::new(),
            root: Element::new(""),
            epilog: Vec::new(),
        },
        seen_root: false,
    }
    .run()
}

fn line_at(bytes: &[u8], offset: usize) -> usize {
    let before = &bytes[..offset.min(bytes.len())];
    1 + before.iter().filter(|it| **it == b'\n').count()
}

struct Parser<'a> {
    text: &'a str,
    reader: quick_xml::Reader<&'a [u8]>,
    open: Vec<Element>,
    doc: Document,
    seen_root: bool,
}

impl Parser<'_> {
    fn run(mut self) -> Result<Document, Error> {
        loop {
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(err) => return Err(self.malformed(&err.to_string())),
            };
            match event {
                Event::Start(start) => {
                    let element = self.element(&start)?;
                    if self.open.len() >= MAX_DEPTH {
                        return Err(Error::TooDeep { line: self.line() });
                    }
                    self.open.push(element);
                }
                Event::Empty(start) => {
                    let element = self.element(&start)?;
                    self.close(element)?;
                }
                Event::End(_) => match self.open.pop() {
                    Some(element) => self.close(element)?,
                    None => return Err(self.malformed("an element ends that never began")),
                },
                Event::Text(text) => {
                    self.push_text(&text)?;
                }
                Event::GeneralRef(name) => {
                    let name: &str = &name;
                    if reference(name).is_none() {
                        return Err(self.refused(format!("the entity `&{name};`")));
                    }
                    self.push_text(&format!("&{name};"))?;
                }
                Event::CData(text) => {
                    let text = text.into_inner().into_owned();
                    match self.open.last_mut() {
                        Some(parent) => parent.children.push(Node::CData(text)),
                        None => return Err(self.malformed("text stands outside the root")),
                    }
                }
                Event::Comment(text) => {
                    let text = text.into_inner().into_owned();
                    match self.open.last_mut() {
                        Some(parent) => parent.children.push(Node::Comment(text)),
                        None if self.seen_root => self.doc.epilog.push(text),
                        None => self.doc.prolog.push(text),
                    }
                }
                Event::DocType(_) => return Err(self.refused("a document type".to_owned())),
                Event::Decl(_) | Event::PI(_) => (),
                Event::Eof => break,
            }
        }
        if let Some(element) = self.open.last() {
            let reason = format!("`{}` does not end", element.name);
            return Err(self.malformed(&reason));
        }
        if !self.seen_root {
            return Err(self.malformed("there is no element"));
        }
        Ok(self.doc)
    }

    fn element(&self, start: &BytesStart<'_>) -> Result<Element, Error> {
        let mut element = Element::new(start.name().as_ref());
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|err| self.malformed(&err.to_string()))?;
            let name = attribute.key.as_ref().to_owned();
            element
                .attributes
                .push((name, attribute.value.into_owned()));
        }
        Ok(element)
    }

    fn close(&mut self, mut element: Element) -> Result<(), Error> {
        let is_blank = |node: &Node| match node {
            Node::Text(text) => text.chars().all(char::is_whitespace),
            _ => false,
        };
        let has_other = element.children.iter().any(|node| !is_blank(node));
        let holds_text = element
            .children
            .iter()
            .any(|node| matches!(node, Node::Text(_) | Node::CData(_)) && !is_blank(node));
        if has_other && !holds_text {
            element.children.retain(|node| !is_blank(node));
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None if self.seen_root => return Err(self.malformed("there is a second root")),
            None => {
                self.seen_root = true;
                self.doc.root = element;
            }
        }
        Ok(())
    }

    fn push_text(&mut self, raw: &str) -> Result<(), Error> {
        match self.open.last_mut() {
            Some(parent) => match parent.children.last_mut() {
                Some(Node::Text(text)) => text.push_str(raw),
                _ => parent.children.push(Node::Text(raw.to_owned())),
            },
            None if raw.chars().all(char::is_whitespace) => (),
            None => return Err(self.malformed("text stands outside the root")),
        }
        Ok(())
    }

    fn line(&self) -> usize {
        let offset = usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX);
        line_at(self.text.as_bytes(), offset)
    }

    fn malformed(&self, reason: &str) -> Error {
        Error::Malformed {
            line: self.line(),
            reason: reason.to_owned(),
        }
    }

    fn refused(&self, what: String) -> Error {
        Error::Refused {
            line: self.line(),
            what,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_its_blanks_and_its_spelling() {
        let doc = parse(b"<a>\r\n <b> x &amp; &#160;y </b>\n</a>").unwrap();
        let b = doc.root.child("b").unwrap();
        assert_eq!(b.children, [Node::Text(" x &amp; &#160;y ".to_owned())]);
        assert_eq!(b.text(), " x & \u{a0}y ");
        assert_eq!(doc.root.children.len(), 1);
    }

    #[test]
    fn entities_and_document_types_are_refused() {
        let bomb = b"<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>";
        assert!(matches!(parse(bomb), Err(Error::Refused { .. })));
        assert!(matches!(
            parse(b"<a>\n&nbsp;</a>"),
            Err(Error::Refused { line: 2, .. })
        ));
    }

    #[test]
    fn malformed_document_names_its_line() {
        for text in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "x<a/>",
            "<a>\n<b></a>",
            "<a x=1/>",
        ] {
            assert!(
                matches!(parse(text.as_bytes()), Err(Error::Malformed { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = "<a>".repeat(MAX_DEPTH + 1);
        assert!(matches!(parse(deep.as_bytes()), Err(Error::TooDeep { .. })));
    }
}
