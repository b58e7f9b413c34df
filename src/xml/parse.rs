//! Reads a document.

use std::borrow::Cow;

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
        blanks: Vec::new(),
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
    open: Vec<Open>,
    /// White space in the open elements, by the place among the children: nearly all of it
    /// is indentation and goes.
    blanks: Vec<(usize, &'a str)>,
    doc: Document,
    seen_root: bool,
}

/// An element that has begun.
struct Open {
    element: Element,
    /// How many blanks there were before it.
    first_blank: usize,
}

impl<'a> Parser<'a> {
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
                    self.open.push(Open {
                        element,
                        first_blank: self.blanks.len(),
                    });
                }
                Event::Empty(start) => {
                    let element = self.element(&start)?;
                    self.add(element)?;
                }
                Event::End(_) => match self.open.pop() {
                    Some(open) => self.close(open)?,
                    None => return Err(self.malformed("an element ends that never began")),
                },
                Event::Text(text) => match text.into_inner() {
                    Cow::Borrowed(text) if text.chars().all(char::is_whitespace) => {
                        self.push_blank(text);
                    }
                    text => self.push_text(&text)?,
                },
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
                        Some(parent) => parent.element.children.push(Node::CData(text)),
                        None => return Err(self.malformed("text stands outside the root")),
                    }
                }
                Event::Comment(text) => {
                    let text = text.into_inner().into_owned();
                    match self.open.last_mut() {
                        Some(parent) => parent.element.children.push(Node::Comment(text)),
                        None if self.seen_root => self.doc.epilog.push(text),
                        None => self.doc.prolog.push(text),
                    }
                }
                Event::DocType(_) => return Err(self.refused("a document type".to_owned())),
                Event::Decl(_) | Event::PI(_) => (),
                Event::Eof => break,
            }
        }
        if let Some(open) = self.open.last() {
            let reason = format!("`{}` does not end", open.element.name);
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

    fn close(&mut self, open: Open) -> Result<(), Error> {
        let mut element = open.element;
        let is_text = |node: &Node| matches!(node, Node::Text(_) | Node::CData(_));
        if element.children.is_empty() || element.children.iter().any(is_text) {
            element.children = self.with_blanks(element.children, open.first_blank);
        }
        self.blanks.truncate(open.first_blank);
        self.add(element)
    }

    /// The children of an element that holds text, with the white space between them.
    fn with_blanks(&self, children: Vec<Node>, first: usize) -> Vec<Node> {
        let mut blanks = self.blanks[first..].iter().peekable();
        if blanks.peek().is_none() {
            return children;
        }
        let mut all = Vec::with_capacity(children.len() + blanks.len());
        let n = children.len();
        let mut children = children.into_iter();
        for at in 0..=n {
            let mut text = String::new();
            while let Some((_, blank)) = blanks.next_if(|it| it.0 == at) {
                text.push_str(blank);
            }
            if !text.is_empty() {
                all.push(Node::Text(text));
            }
            all.extend(children.next());
        }
        all
    }

    fn add(&mut self, element: Element) -> Result<(), Error> {
        match self.open.last_mut() {
            Some(parent) => parent.element.children.push(Node::Element(element)),
            None if self.seen_root => return Err(self.malformed("there is a second root")),
            None => {
                self.seen_root = true;
                self.doc.root = element;
            }
        }
        Ok(())
    }

    /// White space: part of the text that it follows, else of no account until the element ends.
    fn push_blank(&mut self, raw: &'a str) {
        let Some(parent) = self.open.last_mut() else {
            return;
        };
        let children = &mut parent.element.children;
        match children.last_mut() {
            Some(Node::Text(text)) => text.push_str(raw),
            _ => self.blanks.push((children.len(), raw)),
        }
    }

    fn push_text(&mut self, raw: &str) -> Result<(), Error> {
        let Some(parent) = self.open.last_mut() else {
            if raw.chars().all(char::is_whitespace) {
                return Ok(());
            }
            return Err(self.malformed("text stands outside the root"));
        };
        let children = &mut parent.element.children;
        if let Some(Node::Text(text)) = children.last_mut() {
            text.push_str(raw);
            return Ok(());
        }
        // White space right before it is part of it.
        let own = &self.blanks[parent.first_blank..];
        let n_before = own.iter().rev().take_while(|it| it.0 == children.len());
        let start = self.blanks.len() - n_before.count();
        let mut text: String = self.blanks[start..].iter().map(|it| it.1).collect();
        self.blanks.truncate(start);
        text.push_str(raw);
        children.push(Node::Text(text));
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
    fn white_space_is_kept_where_there_is_text_or_nothing_else() {
        let text = |it: &str| Node::Text(it.to_owned());
        let b = || Node::Element(Element::new("b"));
        for (document, children) in [
            ("<a>\n  <b/>\n</a>", vec![b()]),
            ("<a>\n</a>", vec![text("\n")]),
            ("<a> x <b/> </a>", vec![text(" x "), b(), text(" ")]),
            ("<a> <b/> y</a>", vec![text(" "), b(), text(" y")]),
            ("<a> <?p?> z</a>", vec![text("  z")]),
            ("<a> &lt; </a>", vec![text(" &lt; ")]),
            (
                "<a> <b/> <![CDATA[c]]> </a>",
                vec![
                    text(" "),
                    b(),
                    text(" "),
                    Node::CData("c".to_owned()),
                    text(" "),
                ],
            ),
            ("<a> <!-- c --> </a>", vec![Node::Comment(" c ".to_owned())]),
            (
                "<a><b> </b> </a>",
                vec![Node::Element({
                    let mut inner = Element::new("b");
                    inner.children.push(text(" "));
                    inner
                })],
            ),
        ] {
            assert_eq!(
                parse(document.as_bytes()).unwrap().root.children,
                children,
                "{document}"
            );
        }
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
