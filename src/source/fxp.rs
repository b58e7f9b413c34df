//! Writes a document as `sf` does after reading it: what its XML library loses on
//! the way is lost here too.
//!
//! Source: behaviour of fast-xml-parser 5 with the options that
//! source-deploy-retrieve 13.2 sets, seen by running it.
//! - Siblings of one name gather at the place of the first; so do comments and
//!   CDATA sections. Loose text comes last in its parent.
//! - Each piece of text and each attribute is trimmed, the five named entities are
//!   decoded and escaped again, character references stay.
//! - A CDATA section gets a line of its own, and what stood around a comment goes.

use std::borrow::Cow;

use crate::xml::{Document, Element, Node};

/// Writes the root of `doc`; comments outside it are lost.
#[must_use]
pub fn print(doc: &Document) -> Vec<u8> {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    write_element(&mut out, &doc.root, 0);
    if out.contains("&amp;#") {
        out = with_references(&out);
    }
    if out.contains("<!--") {
        out = with_tight_comments(&out);
    }
    out.into_bytes()
}

/// White space as JavaScript's `trim` knows it.
fn is_blank(it: char) -> bool {
    it == '\u{feff}' || (it.is_whitespace() && it != '\u{85}')
}

/// Text as it stands in the output: trimmed, decoded and escaped again.
///
/// Decoding and escaping leave alone what both spell alike, so only a bare
/// character that wants escaping makes a difference.
pub(super) fn normal_text(raw: &str) -> Cow<'_, str> {
    let text = raw.trim_matches(is_blank);
    if !text.contains(['<', '>', '"', '\'', '&']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find(['<', '>', '"', '\'', '&']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let named = ["&lt;", "&gt;", "&amp;", "&quot;", "&apos;"]
            .into_iter()
            .find(|it| found.starts_with(it));
        let (written, len) = match (named, found.as_bytes()[0]) {
            (Some(entity), _) => (entity, entity.len()),
            (None, b'<') => ("&lt;", 1),
            (None, b'>') => ("&gt;", 1),
            (None, b'"') => ("&quot;", 1),
            (None, b'\'') => ("&apos;", 1),
            (None, _) => ("&amp;", 1),
        };
        out.push_str(written);
        rest = &found[len..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn write_element(out: &mut String, element: &Element, depth: usize) {
    indent(out, depth);
    out.push('<');
    out.push_str(&element.name);
    for (name, value) in &element.attributes {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        out.push_str(&normal_text(value));
        out.push('"');
    }
    out.push('>');
    let has_blocks = element
        .children
        .iter()
        .any(|it| !matches!(it, Node::Text(_)));
    if has_blocks {
        out.push('\n');
        for node in gathered(&element.children) {
            write_block(out, node, depth + 1);
        }
    }
    for node in &element.children {
        if let Node::Text(text) = node {
            out.push_str(&normal_text(text));
        }
    }
    if has_blocks {
        indent(out, depth);
    }
    out.push_str("</");
    out.push_str(&element.name);
    out.push_str(">\n");
}

fn write_block(out: &mut String, node: &Node, depth: usize) {
    match node {
        Node::Element(element) => write_element(out, element, depth),
        Node::Text(_) => (),
        Node::CData(text) => {
            indent(out, depth);
            out.push_str("<![CDATA[");
            out.push_str(text);
            out.push_str("]]>\n");
        }
        Node::Comment(text) => {
            indent(out, depth);
            out.push_str("<!--");
            out.push_str(text);
            out.push_str("-->\n");
        }
    }
}

fn indent(out: &mut String, depth: usize) {
    for _ in 0..depth {
        out.push_str("    ");
    }
}

/// What a node is gathered by; text is written elsewhere.
fn gathered_by(node: &Node) -> Option<&str> {
    match node {
        Node::Element(element) => Some(&element.name),
        Node::Comment(_) => Some("#comment"),
        Node::CData(_) => Some("#cdata"),
        Node::Text(_) => None,
    }
}

/// The nodes with those of one name behind the first of that name.
fn gathered(nodes: &[Node]) -> Vec<&Node> {
    let mut names: Vec<&str> = Vec::new();
    let mut is_gathered = true;
    for name in nodes.iter().filter_map(gathered_by) {
        if names.last() != Some(&name) {
            if names.contains(&name) {
                is_gathered = false;
                continue;
            }
            names.push(name);
        }
    }
    if is_gathered {
        return nodes.iter().collect();
    }
    let mut groups: Vec<Vec<&Node>> = vec![Vec::new(); names.len()];
    for node in nodes {
        let place = gathered_by(node).and_then(|name| names.iter().position(|it| *it == name));
        if let Some(place) = place {
            groups[place].push(node);
        }
    }
    groups.concat()
}

/// Turns `&amp;#39;` into `&#39;`, everywhere.
fn with_references(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("&amp;#") {
        out.push_str(&rest[..at]);
        rest = &rest[at + 6..];
        let digits = rest.strip_prefix('x').unwrap_or(rest);
        let n_digits = digits.bytes().take_while(u8::is_ascii_hexdigit).count();
        let is_reference = n_digits > 0 && digits.as_bytes().get(n_digits) == Some(&b';');
        out.push_str(if is_reference { "&#" } else { "&amp;#" });
    }
    out.push_str(rest);
    out
}

/// Drops the white space on both sides of each one-line comment that has some on both.
fn with_tight_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("<!--") {
        let (before, found) = rest.split_at(at);
        let trimmed = before.trim_end_matches(is_blank);
        let end = (trimmed.len() < before.len())
            .then(|| comment_end(found))
            .flatten();
        if let Some((comment, behind)) = end {
            out.push_str(trimmed);
            out.push_str(comment);
            rest = behind;
        } else {
            out.push_str(before);
            out.push_str("<!--");
            rest = &found[4..];
        }
    }
    out.push_str(rest);
    out
}

/// The comment that `text` begins with, and what stands behind it and its white space.
fn comment_end(text: &str) -> Option<(&str, &str)> {
    let mut from = 4;
    loop {
        let end = from + text[from..].find("-->")? + 3;
        if text[..end].contains(['\n', '\r', '\u{2028}', '\u{2029}']) {
            return None;
        }
        let behind = text[end..].trim_start_matches(is_blank);
        if behind.len() < text.len() - end {
            return Some((&text[..end], behind));
        }
        from = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse;

    /// What `sf` makes of the document, without its declaration.
    fn printed(text: &str) -> String {
        let bytes = print(&parse(text.as_bytes()).unwrap());
        let text = String::from_utf8(bytes).unwrap();
        let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        text.strip_prefix(declaration).unwrap().to_owned()
    }

    #[test]
    fn siblings_of_one_name_gather_at_the_first() {
        insta::assert_snapshot!(printed("<A><a><x>1</x></a><b/><a><y>2</y></a><a>str</a></A>"), @r"
        <A>
            <a>
                <x>1</x>
            </a>
            <a>
                <y>2</y>
            </a>
            <a>str</a>
            <b></b>
        </A>
        ");
    }

    #[test]
    fn text_is_trimmed_and_escaped_again() {
        insta::assert_snapshot!(
            printed("<A><w a=' b &amp; c '> it's &quot; &#160; &amp;#39; &amp;#z; </w><v n=\"true\"/><c>\n</c></A>"),
            @r#"
        <A>
            <w a="b &amp; c">it&apos;s &quot; &#160; &#39; &amp;#z;</w>
            <v n="true"></v>
            <c></c>
        </A>
        "#);
    }

    #[test]
    fn loose_text_and_cdata_go_where_the_library_puts_them() {
        insta::assert_snapshot!(
            printed("<A><d>pre<![CDATA[mid]]>post</d><e>a<b>1</b>c</e></A>"),
            @r"
        <A>
            <d>
                <![CDATA[mid]]>
        prepost    </d>
            <e>
                <b>1</b>
        ac    </e>
        </A>
        ");
    }

    #[test]
    fn comments_gather_and_lose_the_space_around_them() {
        insta::assert_snapshot!(
            printed("<A><!-- one --><b>1</b><!-- two --><c><!-- three --><d>x</d></c><f><!-- only --></f></A>"),
            @r"
        <A><!-- one --><!-- two -->
            <b>1</b>
            <c><!-- three --><d>x</d>
            </c>
            <f><!-- only --></f>
        </A>
        ");
    }
}
