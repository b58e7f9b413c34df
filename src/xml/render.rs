//! Writes a document with the server's spelling.
//!
//! Source: answers of retrieve; `<?xml version="1.0" encoding="UTF-8"?>`, four
//! spaces, LF, a line end at the end, `<x></x>` for an empty string,
//! `<x xsi:nil="true"/>` for no value.

use super::{Document, Element, Node};

/// Writes a document with its declaration.
#[must_use]
pub fn render(doc: &Document) -> Vec<u8> {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    for comment in &doc.prolog {
        write_comment(&mut out, comment);
        out.push('\n');
    }
    write_element(&mut out, &doc.root, 0);
    out.push('\n');
    for comment in &doc.epilog {
        write_comment(&mut out, comment);
        out.push('\n');
    }
    out.into_bytes()
}

/// Writes one element without a declaration, as it stands at the left margin.
#[must_use]
pub fn render_element(element: &Element) -> String {
    let mut out = String::new();
    write_element(&mut out, element, 0);
    out
}

fn write_element(out: &mut String, element: &Element, depth: usize) {
    out.push('<');
    out.push_str(&element.name);
    for (name, value) in &element.attributes {
        out.push(' ');
        out.push_str(name);
        out.push_str("=\"");
        // A value that stood in single quotes may have double ones.
        out.push_str(&value.replace('"', "&quot;"));
        out.push('"');
    }
    if element.children.is_empty() && element.is_nil() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    let holds_text = element
        .children
        .iter()
        .any(|node| matches!(node, Node::Text(_) | Node::CData(_)));
    let inline = holds_text || !element.has_elements();
    for node in &element.children {
        if !inline {
            new_line(out, depth + 1);
        }
        match node {
            Node::Element(child) => write_element(out, child, depth + 1),
            Node::Text(text) => out.push_str(text),
            Node::CData(text) => {
                out.push_str("<![CDATA[");
                out.push_str(text);
                out.push_str("]]>");
            }
            Node::Comment(text) => write_comment(out, text),
        }
    }
    if !inline {
        new_line(out, depth);
    }
    out.push_str("</");
    out.push_str(&element.name);
    out.push('>');
}

fn write_comment(out: &mut String, text: &str) {
    out.push_str("<!--");
    out.push_str(text);
    out.push_str("-->");
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    for _ in 0..depth {
        out.push_str("    ");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::parse;

    #[test]
    fn lone_comment_stays_in_its_line_and_quotes_stay_whole() {
        let doc = parse(br#"<a><b x='"'><!-- c --></b></a>"#).unwrap();
        assert_eq!(
            render_element(&doc.root),
            "<a>\n    <b x=\"&quot;\"><!-- c --></b>\n</a>"
        );
    }

    #[test]
    fn document_is_written_as_the_server_writes_it() {
        let doc = parse(
            br#"<P xmlns="m" xmlns:xsi="i"><!-- c --><a/><v xsi:nil="true"></v><t>it&apos;s
two</t><n><i>1</i></n></P>"#,
        )
        .unwrap();
        let text = String::from_utf8(render(&doc)).unwrap();
        insta::assert_snapshot!(text, @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <P xmlns="m" xmlns:xsi="i">
            <!-- c -->
            <a></a>
            <v xsi:nil="true"/>
            <t>it&apos;s
        two</t>
            <n>
                <i>1</i>
            </n>
        </P>
        "#);
        assert_eq!(
            parse(text.as_bytes()).unwrap(),
            doc,
            "writing loses nothing"
        );
    }
}
