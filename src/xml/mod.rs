//! XML documents as trees, read and written without losing a spelling.
//!
//! Hides `quick-xml`. Text is kept as it is escaped in the document, so that
//! what is written again is what was read; [`Element::text`] decodes it.
//!
//! Invariant: a document that parsed has no document type, no entity of its
//! own, and is at most [`MAX_DEPTH`] elements deep.

mod element;
mod parse;
mod render;

pub use element::{Document, Element, Node, decode, escape};
pub use parse::{Error, MAX_DEPTH, parse};
pub use render::{render, render_element};
