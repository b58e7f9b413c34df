//! The `orgkeep` command.

fn main() {}
