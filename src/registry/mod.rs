//! The metadata types of the platform, as data.
//!
//! `types.json` says of each type where its files lie, what they are called and
//! what it is made of; nothing else in the crate knows a type by heart. `presets.json`
//! says which types a project may have in more files than usual.
//!
//! Invariant: the table is loaded once and never changes; each type name stands
//! in it once, and what one type says of another (parent, folder type) exists.

pub mod keys;
mod preset;
mod table;
mod types;

pub use preset::{Preset, Presets, UnknownPreset};
pub use table::Registry;
pub use types::{Decomposition, Files, Type};
