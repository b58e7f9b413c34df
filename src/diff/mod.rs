//! What changed between two trees, two documents, two texts.
