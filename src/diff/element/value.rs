//! What an element says, in one line, for a person who compares.
//!
//! Names and values come from an org: whoever shows them escapes them.

use crate::xml::{self, Document, Node};

/// Longest value, in characters.
const MAX_VALUE: usize = 300;

/// What a node says: its text in quotes, its markup where it has elements.
///
/// Cut after 300 characters; `not there` without a node, `nothing` where it is empty.
#[must_use]
pub fn value(node: Option<&Node>) -> String {
    match node {
        None => "not there".to_owned(),
        Some(Node::Element(it)) if !it.has_elements() => quoted(it.text().trim()),
        Some(Node::Element(it)) => {
            let text = xml::render(&Document::new(it.clone()));
            let text = String::from_utf8_lossy(&text).into_owned();
            let body = text.split_once("?>").map_or(&*text, |it| it.1);
            let lines: Vec<_> = body.lines().map(str::trim).collect();
            cut(&lines.concat())
        }
        Some(Node::Text(it) | Node::CData(it) | Node::Comment(it)) => quoted(it.trim()),
    }
}

/// A text in quotes, cut after 300 characters; `nothing` for an empty one.
#[must_use]
pub fn quoted(text: &str) -> String {
    match text {
        "" => "nothing".to_owned(),
        text => format!("\"{}\"", cut(text.trim_end())),
    }
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_VALUE {
        return text.to_owned();
    }
    let cut: String = text.chars().take(MAX_VALUE - 1).collect();
    format!("{cut}…")
}
