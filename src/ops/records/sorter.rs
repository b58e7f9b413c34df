//! Takes the rows of one object as they come, and gives them sorted. Hides `tempfile`.
//!
//! Invariant: memory is bounded by [`ARENA_BYTES`] and one row, however many rows there are.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    fs::File,
    io::{BufReader, BufWriter, Read, Seek},
    path::PathBuf,
};

use super::spool::disk;
use crate::{
    client,
    model::{ObjectName, RecordId},
    ops::error::{Error, Refusal},
    records::{
        Arena, Choice, Columns, CsvError, Disguise, Disguiser, FieldType, Merge, NulFilter,
        RawReader, RawRow, value,
    },
};

/// Most memory that rows take before they are written out.
const ARENA_BYTES: usize = 48 << 20;

/// Sorted rows, ready to be walked.
pub(super) type Sorted = Merge<BufReader<File>>;

/// Rows of one object.
#[derive(Debug)]
pub(super) struct Sorter {
    object: ObjectName,
    columns: Columns,
    kinds: Vec<Kind>,
    disguiser: Option<Disguiser>,
    /// Rows that are counted and not kept.
    erased: BTreeSet<RecordId>,
    arena: Arena,
    runs: Vec<File>,
    dir: PathBuf,
    n_rows: u64,
}

/// How a table spells its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// As the APIs do.
    Bulk,
    /// As Salesforce's own Data Export does; deleted rows may be in it.
    DataExport,
}

/// How the cells of one column are written.
#[derive(Clone, Copy, Debug)]
struct Kind {
    kind: FieldType,
    disguise: Option<Disguise>,
}

impl Sorter {
    /// Takes rows of the columns of `choice`; what does not fit into memory goes to `dir`.
    pub(super) fn new(choice: &Choice, disguiser: Option<Disguiser>, dir: PathBuf) -> Self {
        let kinds = choice.columns.iter().map(|name| Kind {
            kind: choice
                .schema
                .field(name.as_str())
                .map_or(FieldType::Id, |it| it.kind),
            disguise: choice.schema.disguised.get(name).copied(),
        });
        Self {
            object: choice.schema.name.clone(),
            kinds: kinds.collect(),
            columns: choice.columns.clone(),
            disguiser,
            erased: BTreeSet::new(),
            arena: Arena::default(),
            runs: Vec::new(),
            dir,
            n_rows: 0,
        }
    }

    /// Keeps no row of `erased`.
    pub(super) fn without(mut self, erased: &BTreeSet<RecordId>) -> Self {
        self.erased.clone_from(erased);
        self
    }

    /// Rows taken so far, each as often as it came.
    pub(super) fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Counts from `n_rows` on, where a page is taken again.
    pub(super) fn recount(&mut self, n_rows: u64) {
        self.n_rows = n_rows;
    }

    /// Takes the rows of a page of Bulk results; gives how many there were.
    ///
    /// # Errors
    ///
    /// A page that lacks a column: its cells would look like null. A malformed page.
    pub(super) fn take_page(&mut self, mut page: &File) -> Result<u64, Error> {
        let path = self.dir.clone();
        page.rewind().map_err(|err| disk("read", &path, err))?;
        self.take_csv(
            NulFilter::new(BufReader::with_capacity(1 << 17, page)),
            Dialect::Bulk,
        )
    }

    /// Takes the rows of a table with a header; gives how many there were.
    ///
    /// # Errors
    ///
    /// As for [`Sorter::take_page`].
    pub(super) fn take_csv(&mut self, from: impl Read, dialect: Dialect) -> Result<u64, Error> {
        let mut reader = RawReader::new(from);
        let header = reader.header().map_err(|err| self.damaged(&err))?;
        if header.is_empty() {
            return Ok(0);
        }
        let find = |name: &str| header.iter().position(|it| it.eq_ignore_ascii_case(name));
        let mut at = Vec::with_capacity(self.columns.len());
        for column in self.columns.iter() {
            at.push(find(column.as_str()).ok_or_else(|| Refusal::DamagedRows {
                object: self.object.clone(),
                reason: format!("column `{column}` is missing"),
            })?);
        }
        let deleted = match dialect {
            Dialect::Bulk => None,
            Dialect::DataExport => find("IsDeleted"),
        };
        let mut n_rows = 0;
        loop {
            let row = match reader.next_row() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(err) => return Err(self.damaged(&err)),
            };
            if deleted.is_some_and(|at| matches!(row.get(at), b"1" | b"true")) {
                continue;
            }
            self.take_row(row, &at, dialect)?;
            n_rows += 1;
            if self.arena.size() >= ARENA_BYTES {
                self.spill()?;
            }
        }
        self.n_rows += n_rows;
        Ok(n_rows)
    }

    fn take_row(&mut self, row: RawRow<'_>, at: &[usize], dialect: Dialect) -> Result<(), Error> {
        let id = std::str::from_utf8(row.get(at[0])).unwrap_or_default();
        let id: RecordId = id.parse().map_err(|err| Refusal::DamagedRows {
            object: self.object.clone(),
            reason: format!("{err}"),
        })?;
        if self.erased.contains(&id) {
            return Ok(());
        }
        let Self {
            arena,
            kinds,
            columns,
            disguiser,
            object,
            ..
        } = self;
        let cell = |kind: &Kind, at: usize| match dialect {
            Dialect::Bulk => value::of_text(kind.kind, row.get(at)),
            Dialect::DataExport => value::of_data_export(kind.kind, row.get(at)),
        };
        let first = std::iter::once(Cow::Borrowed(id.as_str().as_bytes()));
        let cells = kinds.iter().zip(at).skip(1);
        if let Some(disguiser) = disguiser {
            let cells = cells.zip(columns.iter().skip(1));
            let cells = cells.map(|((kind, at), field)| {
                let cell = cell(kind, *at);
                match kind.disguise {
                    Some(how) => {
                        let (object, field) = (object.as_str(), field.as_str());
                        Cow::Owned(disguiser.disguise(how, object, field, id, &cell))
                    }
                    None => cell,
                }
            });
            arena.push(id, first.chain(cells));
        } else {
            arena.push(id, first.chain(cells.map(|(kind, at)| cell(kind, *at))));
        }
        Ok(())
    }

    /// Takes rows that came as JSON.
    ///
    /// # Errors
    ///
    /// A row that lacks a field or an Id.
    pub(super) fn take_json(&mut self, rows: &[client::Row]) -> Result<(), Error> {
        for row in rows {
            let damaged = |reason: String| Refusal::DamagedRows {
                object: self.object.clone(),
                reason,
            };
            let id = row.get("Id").and_then(|it| it.as_str()).unwrap_or_default();
            let id: RecordId = id.parse().map_err(|err| damaged(format!("{err}")))?;
            self.n_rows += 1;
            if self.erased.contains(&id) {
                continue;
            }
            let mut cells: Vec<Vec<u8>> = vec![id.as_str().as_bytes().to_vec()];
            for (kind, field) in self.kinds.iter().zip(self.columns.iter()).skip(1) {
                let cell = row
                    .get(field.as_str())
                    .ok_or_else(|| damaged(format!("field `{field}` is missing in a row")))?;
                let cell = value::of_json(kind.kind, cell).into_bytes();
                cells.push(match (kind.disguise, &self.disguiser) {
                    (Some(how), Some(it)) => {
                        it.disguise(how, self.object.as_str(), field.as_str(), id, &cell)
                    }
                    _ => cell,
                });
            }
            self.arena.push(id, cells);
            if self.arena.size() >= ARENA_BYTES {
                self.spill()?;
            }
        }
        Ok(())
    }

    /// The rows in order.
    ///
    /// # Errors
    ///
    /// The disk.
    pub(super) fn finish(self) -> Result<Sorted, Error> {
        let dir = self.dir;
        let mut runs = Vec::with_capacity(self.runs.len());
        for mut run in self.runs {
            run.rewind().map_err(|err| disk("read", &dir, err))?;
            runs.push(BufReader::with_capacity(1 << 18, run));
        }
        Merge::new(runs, self.arena).map_err(|err| disk("read", &dir, err))
    }

    fn spill(&mut self) -> Result<(), Error> {
        let dir = self.dir.clone();
        let failed = |err| disk("write into", &dir, err);
        std::fs::create_dir_all(&dir).map_err(failed)?;
        // Without a name: it is gone with the process.
        let file = tempfile::tempfile_in(&dir).map_err(failed)?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        self.arena.spill(&mut out).map_err(failed)?;
        let file = out.into_inner().map_err(|err| failed(err.into_error()))?;
        self.runs.push(file);
        Ok(())
    }

    fn damaged(&self, err: &CsvError) -> Error {
        Refusal::DamagedRows {
            object: self.object.clone(),
            reason: err.to_string(),
        }
        .into()
    }
}

/// Ids that came as JSON.
///
/// # Errors
///
/// A row without an Id.
pub(super) fn ids_of(
    object: &ObjectName,
    rows: &[client::Row],
    into: &mut BTreeSet<RecordId>,
) -> Result<(), Error> {
    for row in rows {
        let id = row.get("Id").and_then(|it| it.as_str()).unwrap_or_default();
        into.insert(id.parse().map_err(|err| Refusal::DamagedRows {
            object: object.clone(),
            reason: format!("{err}"),
        })?);
    }
    Ok(())
}
