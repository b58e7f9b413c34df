//! Canonical CSV. Hides `csv`.
//!
//! RFC 4180 with LF and UTF-8: quotes only where a cell has a comma, a quote or
//! a line break; `Id` first, then the other columns by name.
//!
//! Invariant: what [`RowWriter`] wrote, [`RowReader`] reads back cell by cell.

use std::{cmp::Ordering, fmt, io, sync::Arc};

use crate::model::{FieldName, RecordId};

/// The columns of a table: `Id`, then the others in the order of their names' bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Columns(Arc<[FieldName]>);

/// One row: a cell for each column.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    id: RecordId,
    columns: Columns,
    cells: ::csv::StringRecord,
}

/// A table that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CsvError {
    /// Its first line is not the header of a table of ours.
    #[error("the header of the table is wrong: {reason}")]
    Header {
        /// What is wrong about it.
        reason: String,
    },
    /// A row of it is malformed.
    #[error("row {row} of the table is malformed: {reason}")]
    Row {
        /// Its number, counted from 1 behind the header.
        row: u64,
        /// What is wrong about it.
        reason: String,
    },
    /// It could not be read to its end.
    #[error("the table could not be read to its end")]
    Read(#[source] io::Error),
}

impl Columns {
    /// The columns of a table with those fields, in the one order that they have; `Id` is added.
    #[must_use]
    pub fn new(fields: impl IntoIterator<Item = FieldName>) -> Self {
        let mut all: Vec<_> = fields.into_iter().collect();
        all.push(FieldName::id());
        all.sort_by(column_order);
        all.dedup();
        Self(all.into())
    }

    /// The fields, `Id` first.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &FieldName> {
        self.0.iter()
    }

    /// How many there are, `Id` included.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "`Id` is always there")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Where the column `field` is.
    #[must_use]
    pub fn position(&self, field: &str) -> Option<usize> {
        let order = |it: &FieldName| match (it.as_str(), field) {
            (a, b) if a == b => Ordering::Equal,
            ("Id", _) => Ordering::Less,
            (_, "Id") => Ordering::Greater,
            (a, b) => a.cmp(b),
        };
        self.0.binary_search_by(order).ok()
    }

    /// The header line, with its line feed.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let names: Vec<_> = self.0.iter().map(FieldName::as_str).collect();
        let mut line = names.join(",").into_bytes();
        line.push(b'\n');
        line
    }
}

fn column_order(a: &FieldName, b: &FieldName) -> Ordering {
    let is_other = |it: &FieldName| *it != "Id";
    (is_other(a), a).cmp(&(is_other(b), b))
}

impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(FieldName::as_str))
            .finish()
    }
}

impl Row {
    /// A row of those cells, one for each column after `Id`, in their order.
    ///
    /// # Panics
    ///
    /// If there are more or fewer cells than columns.
    #[must_use]
    pub fn new<'a>(
        id: RecordId,
        columns: &Columns,
        cells: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut record = ::csv::StringRecord::new();
        record.push_field(id.as_str());
        for cell in cells {
            record.push_field(cell);
        }
        assert_eq!(record.len(), columns.len(), "a cell for each column");
        Self {
            id,
            columns: columns.clone(),
            cells: record,
        }
    }

    /// Its Id.
    #[must_use]
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// Its columns.
    #[must_use]
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The cell of `field`: `None` where the table has no such column, empty where it is null.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        self.cells.get(self.columns.position(field)?)
    }

    /// All cells with their fields, `Id` first.
    pub fn cells(&self) -> impl Iterator<Item = (&FieldName, &str)> {
        self.columns.0.iter().zip(self.cells.iter())
    }

    /// The row as a line of its table, with its line feed.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.cells.as_slice().len() + self.cells.len() + 8);
        write_line(&mut out, self.cells.iter().map(str::as_bytes));
        out
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.cells()).finish()
    }
}

/// One line of CSV of any columns, with its line feed, for an API or for people.
#[must_use]
pub fn csv_line<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = Vec::new();
    write_line(&mut out, cells.into_iter().map(str::as_bytes));
    String::from_utf8(out).expect("cells are text, and what parts them is ASCII")
}

/// Appends one line, with its line feed.
pub(super) fn write_line<C: AsRef<[u8]>>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = C>) {
    for (n, cell) in cells.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        write_cell(out, cell.as_ref());
    }
    out.push(b'\n');
}

fn write_cell(out: &mut Vec<u8>, cell: &[u8]) {
    if !cell
        .iter()
        .any(|it| matches!(it, b',' | b'"' | b'\n' | b'\r'))
    {
        out.extend_from_slice(cell);
        return;
    }
    out.push(b'"');
    for part in cell.split_inclusive(|it| *it == b'"') {
        out.extend_from_slice(part);
        if part.ends_with(b"\"") {
            out.push(b'"');
        }
    }
    out.push(b'"');
}

/// Reads the rows of one table, as they stand.
pub struct RowReader<R> {
    inner: ::csv::Reader<R>,
    columns: Columns,
    n_rows: u64,
}

impl<R: io::Read> RowReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// [`CsvError::Header`] where the columns are not in canonical order or not
    /// API names, [`CsvError::Read`].
    pub fn new(from: R) -> Result<Self, CsvError> {
        let mut inner = ::csv::ReaderBuilder::new()
            .has_headers(true)
            .terminator(::csv::Terminator::Any(b'\n'))
            .from_reader(from);
        let header = match inner.headers() {
            Ok(header) => header.clone(),
            Err(err) => return Err(wrong(err, 0)),
        };
        let refuse = |reason: String| CsvError::Header { reason };
        let fields: Vec<FieldName> = header
            .iter()
            .map(|it| it.parse().map_err(|err| refuse(format!("{err}"))))
            .collect::<Result<_, _>>()?;
        let columns = Columns::new(fields.iter().cloned());
        if !columns.iter().eq(fields.iter()) {
            return Err(refuse(
                "it is not `Id` and then the other fields by name, each once".to_owned(),
            ));
        }
        Ok(Self {
            inner,
            columns,
            n_rows: 0,
        })
    }

    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &Columns {
        &self.columns
    }
}

impl<R: io::Read> Iterator for RowReader<R> {
    type Item = Result<Row, CsvError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut cells = ::csv::StringRecord::new();
        self.n_rows += 1;
        match self.inner.read_record(&mut cells) {
            Ok(false) => None,
            Err(err) => Some(Err(wrong(err, self.n_rows))),
            Ok(true) => {
                let id = cells.get(0).unwrap_or_default().parse();
                Some(match id {
                    Ok(id) => Ok(Row {
                        id,
                        columns: self.columns.clone(),
                        cells,
                    }),
                    Err(err) => Err(CsvError::Row {
                        row: self.n_rows,
                        reason: format!("{err}"),
                    }),
                })
            }
        }
    }
}

fn wrong(err: ::csv::Error, row: u64) -> CsvError {
    let reason = err.to_string();
    match err.into_kind() {
        ::csv::ErrorKind::Io(err) => CsvError::Read(err),
        ::csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => CsvError::Row {
            row,
            reason: format!("it has {len} cells, and there are {expected_len} columns"),
        },
        _ => CsvError::Row { row, reason },
    }
}

/// All rows of one file of the tree, in Id order whoever wrote it.
///
/// # Errors
///
/// As for [`RowReader::new`] and its rows.
pub fn read_shard(bytes: &[u8]) -> Result<Vec<Row>, CsvError> {
    let mut rows = RowReader::new(bytes)?.collect::<Result<Vec<_>, _>>()?;
    if !rows.is_sorted_by_key(|it| it.id) {
        rows.sort_by_key(|it| it.id);
    }
    Ok(rows)
}

/// Writes one table.
#[derive(Debug)]
pub struct RowWriter {
    columns: Columns,
    out: Vec<u8>,
}

impl RowWriter {
    /// Begins a table with its header.
    #[must_use]
    pub fn new(columns: &Columns) -> Self {
        Self {
            columns: columns.clone(),
            out: columns.header(),
        }
    }

    /// Appends one row; a column that `row` has not is written as null, one that only `row` has is left.
    pub fn push(&mut self, row: &Row) {
        if row.columns == self.columns {
            write_line(&mut self.out, row.cells.iter().map(str::as_bytes));
        } else {
            let cells = self.columns.0.iter().map(|it| row.get(it.as_str()));
            write_line(
                &mut self.out,
                cells.map(|it| it.unwrap_or_default().as_bytes()),
            );
        }
    }

    /// The bytes of the table.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.out
    }
}

/// Leaves out the NUL bytes that stand between the cells of a stream, as real ones have them.
///
/// What stands within quotes is kept.
pub struct NulFilter<R> {
    from: R,
    is_quoted: bool,
}

impl<R: io::Read> NulFilter<R> {
    /// Reads from `from`.
    pub fn new(from: R) -> Self {
        Self {
            from,
            is_quoted: false,
        }
    }
}

impl<R: io::Read> io::Read for NulFilter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.from.read(buffer)?;
            let piece = &mut buffer[..n];
            if !piece.contains(&0) {
                let quotes = piece.iter().filter(|it| **it == b'"').count();
                self.is_quoted ^= quotes % 2 == 1;
                return Ok(n);
            }
            let mut kept = 0;
            for at in 0..n {
                let byte = piece[at];
                self.is_quoted ^= byte == b'"';
                if byte != 0 || self.is_quoted {
                    piece[kept] = byte;
                    kept += 1;
                }
            }
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}

/// Reads CSV that an API or a person wrote: any line ending, any columns, any order.
///
/// Cells are handed out as they stand; the caller knows the columns by [`RawReader::header`].
pub struct RawReader<R>(::csv::Reader<R>, ::csv::ByteRecord);

/// The cells of one row, as they stand.
#[derive(Clone, Copy, Debug)]
pub struct RawRow<'a>(&'a ::csv::ByteRecord);

impl<'a> RawRow<'a> {
    /// The cell of the column at `n`, counted from 0; empty where there is none.
    #[must_use]
    pub fn get(self, n: usize) -> &'a [u8] {
        self.0.get(n).unwrap_or_default()
    }
}

impl<R: io::Read> RawReader<R> {
    /// Reads from `from`, which has a header.
    pub fn new(from: R) -> Self {
        let inner = ::csv::ReaderBuilder::new()
            .buffer_capacity(1 << 17)
            .from_reader(from);
        Self(inner, ::csv::ByteRecord::new())
    }

    /// The names in the first line, as they stand.
    ///
    /// # Errors
    ///
    /// [`CsvError`].
    pub fn header(&mut self) -> Result<Vec<String>, CsvError> {
        let header = self.0.byte_headers().map_err(|err| wrong(err, 0))?;
        let names = header.iter();
        Ok(names
            .map(|it| String::from_utf8_lossy(it).into_owned())
            .collect())
    }

    /// The cells of the next row; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`CsvError::Row`] where a row has not one cell for each column.
    pub fn next_row(&mut self) -> Result<Option<RawRow<'_>>, CsvError> {
        let row = self.0.position().record();
        match self.0.read_byte_record(&mut self.1) {
            Ok(true) => Ok(Some(RawRow(&self.1))),
            Ok(false) => Ok(None),
            Err(err) => Err(wrong(err, row)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn columns(names: &[&str]) -> Columns {
        Columns::new(names.iter().map(|it| it.parse().unwrap()))
    }

    #[test]
    fn id_comes_first_and_the_others_by_name() {
        let columns = columns(&["Name", "AccountId", "Zip__c", "Id", "Name"]);
        assert_eq!(columns.header(), b"Id,AccountId,Name,Zip__c\n");
        assert_eq!(columns.position("Id"), Some(0));
        assert_eq!(columns.position("Name"), Some(2));
        assert_eq!(columns.position("Nobody"), None);
    }

    #[test]
    fn cell_is_quoted_only_where_it_must_be() {
        let columns = columns(&["Name", "Note"]);
        let id = "0013h00000Ffg18AAB".parse().unwrap();
        let mut writer = RowWriter::new(&columns);
        writer.push(&Row::new(id, &columns, ["Acme, \"the\" firm", ""]));
        writer.push(&Row::new(id, &columns, [" plain ", "two\r\nlines"]));
        insta::assert_snapshot!(String::from_utf8(writer.finish()).unwrap(), @r#"
        Id,Name,Note
        0013h00000Ffg18AAB,"Acme, ""the"" firm",
        0013h00000Ffg18AAB, plain ,"two
        lines"
        "#);
    }

    #[test]
    fn table_that_is_not_ours_is_refused_with_its_row() {
        let refused = |text: &str| read_shard(text.as_bytes()).unwrap_err().to_string();
        insta::assert_snapshot!(refused("Name,Id\n"), @"the header of the table is wrong: it is not `Id` and then the other fields by name, each once");
        insta::assert_snapshot!(refused(""), @"the header of the table is wrong: it is not `Id` and then the other fields by name, each once");
        insta::assert_snapshot!(refused("Id,Name\n0013h00000Ffg18AAB\n"), @"row 1 of the table is malformed: it has 1 cells, and there are 2 columns");
        insta::assert_snapshot!(refused("Id\nxyz\n"), @"row 1 of the table is malformed: `xyz` is not a record id of 15 or 18 letters and digits");
    }

    #[test]
    fn nul_bytes_between_cells_are_left_out_and_those_of_a_value_kept() {
        let stream: &[u8] = b"\"Id\",\0\"N\"\n\0\"1\",\"a\0b\"\n\0";
        let mut reader = RawReader::new(NulFilter::new(stream));
        assert_eq!(reader.header().unwrap(), ["Id", "N"]);
        let row = reader.next_row().unwrap().unwrap();
        assert_eq!((row.get(0), row.get(1)), (&b"1"[..], &b"a\0b"[..]));
        assert!(reader.next_row().unwrap().is_none());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(cells in proptest::collection::vec(("[0-9A-Za-z]{12}", any::<String>(), "[,\"\r\n a]{0,6}"), 0..8)) {
            let columns = columns(&["Name", "Note"]);
            let mut rows: Vec<_> = cells
                .iter()
                .map(|(id, a, b)| Row::new(format!("001{id}").parse().unwrap(), &columns, [a.as_str(), b]))
                .collect();
            rows.sort_by_key(Row::id);
            let mut writer = RowWriter::new(&columns);
            for row in &rows {
                writer.push(row);
            }
            prop_assert_eq!(read_shard(&writer.finish()).unwrap(), rows);
        }
    }
}
