//! Records: what an org holds besides its configuration.
//!
//! # For who serves an API on top
//!
//! Everything goes through a [`Bench`]: the org, the [`Store`] of its rows and
//! who asks. REST, SOAP and Bulk have the same ways in:
//!
//! - [`Bench::run`] is the one way to write: insert, update, upsert, delete,
//!   hard delete, undelete of [`Item`]s, each with its own result, all rules of
//!   integrity in one place. A value is JSON or text as a CSV cell has it;
//!   `null` empties a field, an absent name leaves it. A parent is named by an
//!   external id as `{"Account": {"Ext__c": "7"}}`. An error is as a call about
//!   one row says it; [`RowError::among_others`] as one about several does.
//! - [`Bench::find`] checks a query and finds its rows; [`Bench::page`] gives
//!   some of them as JSON, [`Bench::cells`] as plain values in the order of
//!   [`Found::columns`]. A [`Found`] holds no rows, only where they are, so a
//!   query over a million rows costs eight megabytes.
//! - [`Bench::read`] gives one record; [`Bench::object`] an object as this user
//!   sees it, [`Bench::objects`] all of them, [`Bench::schema`] what nobody is
//!   kept from.
//! - [`Bench::load`] puts rows in unchecked, for projects and made-up companies.
//! - [`Store::put_blob`] and [`Store::blob`] keep contents of files, by record
//!   and field. A `base64` value that is written goes there by itself.
//!
//! # Inside
//!
//! ```text
//! standard  the standard objects, a table read from text
//! custom    a CustomField element → a field
//! schema    the objects of an org, their prefixes and relationships
//! cell      values
//! store     SQLite; the one module that knows it
//! bench     org, store and user together: who sees what
//! load      rows of a project, from CSV
//! check     a value as it comes → a value as the field takes it
//! item      what is to be done with rows, and what came of it
//! draft     a row on its way
//! write     insert, update, upsert
//! fit       numbers, unique values, where references lead
//! delete    recycle bin, cascades, undelete
//! merge     records into one, leads into more
//! documents what of the metadata stands among the records
//! rules     what the platform does by itself around a write
//! traps     rows refused on request: rules, triggers, locks
//! formula   simple formulas → SQL
//! grants    what profile and permission sets let a user see
//! sql       a query → SQL
//! changes   what was changed or deleted in a span of time
//! answer    rows → what a query gives
//! ```
//!
//! Invariant: a row that any API wrote has passed [`Bench::run`].

mod answer;
mod bench;
mod cell;
mod changes;
mod check;
mod custom;
mod delete;
mod documents;
mod draft;
mod error;
mod fit;
mod formula;
mod grants;
mod item;
mod load;
mod merge;
mod rules;
mod schema;
mod sql;
mod standard;
mod store;
mod traps;
mod write;

pub use answer::{Found, OutColumn};
pub use bench::Bench;
pub use cell::Cell;
use draft::Draft;
pub use error::RowError;
pub use grants::{assigned, granted};
pub use item::{Act, Item, Options, Saved};
pub use load::CsvError;
pub use merge::{Conversion, Converted, Merged};
pub use schema::{Link, Schema, component};
pub use store::{Store, StoreError, StoredRow};
pub use traps::{Act as TrapAct, Trap, TrapKind, Traps};
