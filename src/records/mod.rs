//! Records as they stand in Git: shards of canonical CSV, and what a restore must know of their object.
//!
//! A row's shard is a function of its Id alone ([`Shard`]); the rows of a shard
//! stand in Id order; the columns are `Id` and then the others by name; a cell
//! has one spelling whichever API brought it ([`value`]). So two exports of one
//! state are equal to the byte, and Git stores what changed.
//!
//! What is not in the columns is absent, never empty: [`Schema::left_out`] says
//! which fields and why. An empty cell is null; Salesforce has no empty text.
//!
//! Invariant: nothing here reads a disk, a clock or the network.

pub mod body;
mod branch;
mod choose;
mod csv;
mod decode;
mod diff;
mod disguise;
mod id_map;
mod schema;
mod shard;
mod sort;
pub mod value;

pub use branch::{Every, Period, branch_name, period_of_branch};
pub use choose::{Choice, FieldRules, choose};
pub use csv::{
    Columns, CsvError, NulFilter, RawReader, RawRow, Row, RowReader, RowWriter, csv_line,
    read_shard,
};
pub use decode::{Decoded, decoded};
pub use diff::{CellChange, RowChange, changes};
pub use disguise::{Disguiser, ENCRYPTED, HASHED, NotOpened};
pub use id_map::{IdMap, IdMapError, Replaced};
pub use schema::{
    ChildRelationship, Disguise, Field, FieldType, LeftOut, PicklistValue, RecordType, Schema,
    SchemaError, Why,
};
pub use shard::{IDS_PER_SHARD, ROOT, Shard, object_of_path, schema_path};
pub use sort::{Arena, Merge, ShardFile};
