//! What changed between two trees, two documents, two texts.
//!
//! Changes are values: they can be shown, inverted, applied and merged.

pub mod between;
pub mod child;
pub mod element;
pub mod file;
pub mod release;
pub mod text;
pub mod three;
pub mod tree;
