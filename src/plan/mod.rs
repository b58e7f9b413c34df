//! What to do, decided before it is done.
//!
//! Everything here is a function from values to a value: a plan that can be
//! printed, tested and compared, and that an operation then carries out. What a
//! decision needs to know of an org, a tree or the registry is passed in.
//!
//! Invariant: no async, no disk, no clock, no environment.

pub mod commits;
pub mod deletions;
pub mod deploy;
pub mod folders;
pub mod grants;
pub mod reach;
pub mod records;
pub mod retrieve;
pub mod rollback;
pub mod scope;
pub mod select;

#[cfg(test)]
mod testing;
