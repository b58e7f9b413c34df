//! The tree of a document.

use std::borrow::Cow;

/// A whole document; its declaration is not kept, for it is always the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Comments before the root, in order.
    pub prolog: Vec<String>,
    /// The one root element.
    pub root: Element,
    /// Comments behind the root, in order.
    pub epilog: Vec<String>,
}

impl Document {
    /// A document of one element.
    #[must_use]
    pub fn new(root: Element) -> Self {
        Self {
            prolog: Vec::new(),
            root,
            epilog: Vec::new(),
        }
    }
}

/// One element with all that stands in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its name as written, prefix included.
    pub name: String,
    /// Its attributes in order, values as escaped in the document.
    pub attributes: Vec<(String, String)>,
    /// What stands in it, in order.
    pub children: Vec<Node>,
}

/// Something that stands in an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text, escaped as in the document, line ends as LF.
    Text(String),
    /// The content of a CDATA section.
    CData(String),
    /// The content of a comment.
    Comment(String),
}

impl Element {
    /// An empty element.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            attributes: Vec::new(),
            children: Vec::new(),
        }
    }

    /// The same with one more attribute, `value` not yet escaped.
    #[must_use]
    pub fn with_attribute(mut self, name: &str, value: &str) -> Self {
        let value = escape(value).into_owned();
        self.attributes.push((name.to_owned(), value));
        self
    }

    /// The same with `text` in it, not yet escaped.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        if !text.is_empty() {
            self.children.push(Node::Text(escape(text).into_owned()));
        }
        self
    }

    /// The name without its prefix.
    #[must_use]
    pub fn local_name(&self) -> &str {
        self.name.rsplit(':').next().unwrap_or(&self.name)
    }

    /// Appends an element.
    pub fn push(&mut self, child: Element) {
        self.children.push(Node::Element(child));
    }

    /// Appends `<name>text</name>`, `text` not yet escaped.
    pub fn push_text_element(&mut self, name: &str, text: &str) {
        self.push(Element::new(name).with_text(text));
    }

    /// The elements that stand in it, in order.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            _ => None,
        })
    }

    /// The elements that stand in it, in order, to be changed.
    pub fn elements_mut(&mut self) -> impl Iterator<Item = &mut Element> {
        self.children.iter_mut().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            _ => None,
        })
    }

    /// The elements of local name `name` that stand in it, in order.
    pub fn elements_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements().filter(move |it| it.local_name() == name)
    }

    /// The first element of local name `name`.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.elements().find(|it| it.local_name() == name)
    }

    /// The text of the first element of local name `name`.
    #[must_use]
    pub fn child_text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.child(name).map(Element::text)
    }

    /// The value of an attribute, decoded.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<Cow<'_, str>> {
        self.attributes
            .iter()
            .find(|(it, _)| it == name)
            .map(|(_, value)| decode(value))
    }

    /// Whether it is marked `xsi:nil="true"`.
    #[must_use]
    pub fn is_nil(&self) -> bool {
        self.attributes.iter().any(|(name, value)| {
            name.rsplit(':').next() == Some("nil") && matches!(value.as_str(), "true" | "1")
        })
    }

    /// Whether elements stand in it.
    #[must_use]
    pub fn has_elements(&self) -> bool {
        self.elements().next().is_some()
    }

    /// Its own text, decoded and not trimmed; text in its elements is not included.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self.children.as_slice() {
            [] => Cow::Borrowed(""),
            [Node::Text(text)] => decode(text),
            [Node::CData(text)] => Cow::Borrowed(text),
            several => {
                let mut all = String::new();
                for node in several {
                    match node {
                        Node::Text(text) => all.push_str(&decode(text)),
                        Node::CData(text) => all.push_str(text),
                        Node::Element(_) | Node::Comment(_) => (),
                    }
                }
                Cow::Owned(all)
            }
        }
    }
}

/// Escapes text the way the server does: `&apos;` and `&quot;` in text too.
///
/// A carriage return becomes `&#xD;`, because a parser would drop a bare one.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '\'', '"', '\r']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for it in text.chars() {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&apos;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// Longest reference that is looked for, in bytes, so that a text of `&` alone
/// takes no more time than its size.
const MAX_REFERENCE: usize = 32;

/// Decodes the five named entities and character references.
///
/// What is none of these stays as it is written.
#[must_use]
pub fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let known = rest
            .bytes()
            .take(MAX_REFERENCE)
            .position(|it| it == b';')
            .and_then(|end| Some((reference(&rest[1..end])?, end)));
        if let Some((it, end)) = known {
            out.push(it);
            rest = &rest[end + 1..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character that `&name;` stands for.
pub(super) fn reference(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "apos" => Some('\''),
        "quot" => Some('"'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn escaped_text_decodes_to_itself(text in any::<String>()) {
            prop_assert_eq!(decode(&escape(&text)).into_owned(), text);
        }
    }

    #[test]
    fn what_is_no_reference_stays() {
        assert_eq!(decode("a & b &nbsp; &#x41;&#66;"), "a & b &nbsp; AB");
    }
}
