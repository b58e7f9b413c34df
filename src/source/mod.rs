//! Source format: how components become files, and files components.

pub mod canonical;
