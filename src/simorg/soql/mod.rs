//! SOQL: read, checked against the objects of the org, and answered in memory.
//!
//! Knows the part of the language that tools use to look around an org; what
//! it does not know is refused as the platform refuses it, never ignored.
//!
//! Invariant: a query that was answered had only columns that its object has.

mod ast;
mod dates;
mod error;
mod eval;
mod filter;
mod group;
mod lex;
mod parse;
mod schema;

pub use ast::{
    Call, Condition, DatePart, Function, Group, Item, Literal, Operator, Order, Path, Query,
};
pub(in crate::simorg) use dates::range;
pub use error::SoqlError;
pub use eval::{Answer, Column, run};
pub use parse::parse;
pub(in crate::simorg) use schema::label_of;
pub use schema::{
    Abilities, Catalog, Choice, Computed, Field, Kind, Object, OnDelete, RecordTypeInfo, Reference,
    Row, Table,
};
