//! The server's spelling of text and attributes.
//!
//! Invariant: what is spelled anew decodes to the same characters.

use std::{borrow::Cow, fmt::Write as _};

use crate::xml::{Document, Element, Node, decode};

/// Namespace of the Metadata API.
pub(super) const NAMESPACE: &str = "http://soap.sforce.com/2006/04/metadata";

/// Spells every text and attribute of `doc` as the server does, and names the
/// namespace where the root has none.
pub(super) fn spell(doc: &mut Document) {
    let root = &mut doc.root;
    if !root.attributes.iter().any(|(name, _)| name == "xmlns") {
        let namespace = ("xmlns".to_owned(), NAMESPACE.to_owned());
        root.attributes.insert(0, namespace);
    }
    // A root holds elements: what stands in an empty one is indentation.
    if let [Node::Text(text)] = root.children.as_slice()
        && text.chars().all(char::is_whitespace)
    {
        root.children.clear();
    }
    spell_element(root);
}

fn spell_element(element: &mut Element) {
    for (_, value) in &mut element.attributes {
        respell(value);
    }
    for node in &mut element.children {
        match node {
            Node::Element(child) => spell_element(child),
            Node::Text(text) => respell(text),
            Node::CData(_) | Node::Comment(_) => (),
        }
    }
}

fn respell(text: &mut String) {
    if let Cow::Owned(spelled) = spelled(text) {
        *text = spelled;
    }
}

/// Longest reference that is looked for, in bytes, so that a text of `&` alone
/// takes no more time than its size.
const MAX_REFERENCE: usize = 32;

/// `text`, escaped somehow, in the server's escaping.
///
/// References to printable characters become these; those to white space and
/// control characters stay references, because a reader may trim or change the
/// bare ones.
fn spelled(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '\'', '"', '>', '\r']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let reference = rest
            .strip_prefix('&')
            .and_then(|it| it.bytes().take(MAX_REFERENCE).position(|it| it == b';'))
            .map_or("", |end| &rest[..=end + 1]);
        let decoded = decode(reference);
        let mut chars = decoded.chars();
        match (chars.next(), chars.next()) {
            (Some(it), None) if !reference.is_empty() => {
                push(&mut out, it, it.is_whitespace() || it.is_control());
                rest = &rest[reference.len()..];
            }
            _ => {
                push(&mut out, first, false);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    Cow::Owned(out)
}

fn push(out: &mut String, it: char, as_number: bool) {
    match it {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        '\'' => out.push_str("&apos;"),
        '"' => out.push_str("&quot;"),
        it if as_number || it == '\r' => {
            write!(out, "&#x{:X};", u32::from(it)).expect("a string takes all that is written");
        }
        it => out.push(it),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn references_are_spelled_by_meaning() {
        assert_eq!(
            spelled("it's \"x\" &gt; > &#38; &#x41;&#xe9; &#13;&#xd;&#10;&#160;"),
            "it&apos;s &quot;x&quot; &gt; &gt; &amp; A\u{e9} &#xD;&#xD;&#xA;&#xA0;"
        );
        assert_eq!(spelled("plain \u{e9}"), "plain \u{e9}");
    }

    proptest! {
        #[test]
        fn spelling_keeps_meaning_and_ends(
            parts in prop::collection::vec(
                prop_oneof![
                    Just("&amp;".to_owned()), Just("&#39;".to_owned()), Just("&#x20;".to_owned()),
                    Just("&lt;".to_owned()), Just("'".to_owned()), Just(">".to_owned()),
                    "[a-z\u{e9}\n ]{0,4}",
                ],
                0..12,
            )
        ) {
            let text = parts.concat();
            let once = spelled(&text).into_owned();
            prop_assert_eq!(decode(&once), decode(&text));
            prop_assert_eq!(spelled(&once).into_owned(), once.clone());
        }
    }
}
