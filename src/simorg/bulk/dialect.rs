//! The CSV that the Bulk API writes and takes.
//!
//! Hides `csv`, which reads more than the platform takes: [`check`] comes first.
//!
//! Written: every cell in quotes, `""` for a quote, the line ending and the
//! delimiter that the job names, UTF-8 without a byte order mark; nothing and
//! an empty text look the same. Taken: cells with or without quotes.
//!
//! Source: Bulk API 2.0 Developer Guide, "Prepare CSV Files", and recorded
//! results.

use std::io::{self, Read};

use serde::{Deserialize, Serialize};

use super::InvalidBatch;

/// What stands between two cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Delimiter {
    /// `` ` ``
    Backquote,
    /// `^`
    Caret,
    /// `,`
    #[default]
    Comma,
    /// `|`
    Pipe,
    /// `;`
    Semicolon,
    /// A tab.
    Tab,
}

impl Delimiter {
    /// The byte.
    #[must_use]
    pub fn byte(self) -> u8 {
        match self {
            Self::Backquote => b'`',
            Self::Caret => b'^',
            Self::Comma => b',',
            Self::Pipe => b'|',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }

    /// Its name in a job.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Backquote => "BACKQUOTE",
            Self::Caret => "CARET",
            Self::Comma => "COMMA",
            Self::Pipe => "PIPE",
            Self::Semicolon => "SEMICOLON",
            Self::Tab => "TAB",
        }
    }
}

/// What stands behind a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LineEnding {
    /// `\n`
    #[default]
    Lf,
    /// `\r\n`
    Crlf,
}

impl LineEnding {
    /// Its name in a job.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lf => "LF",
            Self::Crlf => "CRLF",
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::Crlf => "\r\n",
        }
    }
}

/// How one job writes and takes its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// Between cells.
    pub delimiter: Delimiter,
    /// Behind rows.
    pub ending: LineEnding,
}

impl Dialect {
    /// Writes one row, every cell in quotes, to the end of `out`.
    ///
    /// # Errors
    ///
    /// None where `out` takes all that is written.
    pub fn write_row<'a>(
        self,
        out: &mut Vec<u8>,
        cells: impl IntoIterator<Item = &'a str>,
    ) -> io::Result<()> {
        let terminator = match self.ending {
            LineEnding::Lf => csv::Terminator::Any(b'\n'),
            LineEnding::Crlf => csv::Terminator::CRLF,
        };
        let mut writer = csv::WriterBuilder::new()
            .quote_style(csv::QuoteStyle::Always)
            .delimiter(self.delimiter.byte())
            .terminator(terminator)
            .flexible(true)
            .buffer_capacity(512)
            .from_writer(out);
        writer.write_record(cells)?;
        writer.flush()
    }

    /// The rows behind the header of data that `check` passed.
    pub fn rows<R: Read>(self, data: R) -> impl Iterator<Item = Result<Vec<String>, InvalidBatch>> {
        let reader = csv::ReaderBuilder::new()
            .delimiter(self.delimiter.byte())
            .terminator(csv::Terminator::CRLF)
            .flexible(true)
            .has_headers(true)
            .from_reader(data);
        reader.into_records().map(|row| {
            let row =
                row.map_err(|err| InvalidBatch::new(&format!("Failed to parse CSV. {err}")))?;
            Ok(row.iter().map(str::to_owned).collect())
        })
    }

    /// The cells of a header.
    ///
    /// # Errors
    ///
    /// [`InvalidBatch`] where it cannot be read.
    pub fn header(self, line: &str) -> Result<Vec<String>, InvalidBatch> {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(self.delimiter.byte())
            .flexible(true)
            .has_headers(false)
            .from_reader(line.as_bytes());
        let first = reader.records().next().transpose();
        let first =
            first.map_err(|err| InvalidBatch::new(&format!("Failed to parse CSV. {err}")))?;
        let cells = first.unwrap_or_default();
        Ok(cells.iter().map(|it| it.trim().to_owned()).collect())
    }
}

/// What [`check`] found in data that the platform takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// The header as it was sent, without its line ending.
    pub(super) header: String,
    /// Rows behind it.
    pub(super) rows: u64,
}

/// Reads through uploaded data and refuses what the platform refuses.
///
/// Knows quotes, so that a line break within a cell ends nothing.
///
/// # Errors
///
/// [`InvalidBatch`] for a byte order mark or a stray quote, for another line
/// ending than the job's, for what is no UTF-8, and where there is nothing.
pub(super) fn check(mut data: impl Read, dialect: Dialect) -> Result<Shape, InvalidBatch> {
    let mut scan = Scan::new(dialect);
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = data
            .read(&mut piece)
            .map_err(|err| InvalidBatch::new(&err.to_string()))?;
        if length == 0 {
            return scan.end();
        }
        for byte in &piece[..length] {
            scan.take(*byte)?;
        }
    }
}

/// Where in a row a scan is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before the first byte of a cell.
    Start,
    /// In a cell without quotes.
    Bare,
    /// Within quotes.
    Quoted,
    /// Behind a quote within quotes: the end of the cell, or half of `""`.
    Quote,
    /// Behind `\r` outside quotes.
    Return,
}

struct Scan {
    dialect: Dialect,
    at: At,
    header: Vec<u8>,
    in_header: bool,
    rows: u64,
    /// Whether the present row has a byte.
    has_bytes: bool,
}

impl Scan {
    fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            at: At::Start,
            header: Vec::new(),
            in_header: true,
            rows: 0,
            has_bytes: false,
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), InvalidBatch> {
        let delimiter = self.dialect.delimiter.byte();
        if self.at == At::Return {
            let is_end = byte == b'\n' && self.dialect.ending == LineEnding::Crlf;
            return match is_end {
                true => self.end_row(),
                false => Err(self.wrong_ending()),
            };
        }
        if self.in_header && !(matches!(byte, b'\r' | b'\n') && self.at != At::Quoted) {
            self.header.push(byte);
            if self.header == "\u{feff}".as_bytes() {
                return Err(stray_quote());
            }
        }
        if self.at == At::Quoted {
            if byte == b'"' {
                self.at = At::Quote;
            }
            return Ok(());
        }
        match byte {
            b'\r' => {
                self.at = At::Return;
                return Ok(());
            }
            b'\n' if self.dialect.ending == LineEnding::Lf => return self.end_row(),
            b'\n' => return Err(self.wrong_ending()),
            _ => (),
        }
        self.has_bytes = true;
        self.at = match (self.at, byte) {
            (_, byte) if byte == delimiter => At::Start,
            (At::Start | At::Quote, b'"') => At::Quoted,
            (At::Quote, _) | (At::Bare, b'"') => return Err(stray_quote()),
            _ => At::Bare,
        };
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), InvalidBatch> {
        self.at = At::Start;
        // An empty line is none.
        if std::mem::take(&mut self.has_bytes) {
            match std::mem::take(&mut self.in_header) {
                true => {
                    std::str::from_utf8(&self.header)
                        .map_err(|_| InvalidBatch::new("Failed to parse CSV. Invalid UTF-8"))?;
                }
                false => self.rows += 1,
            }
        }
        Ok(())
    }

    fn end(mut self) -> Result<Shape, InvalidBatch> {
        match self.at {
            At::Quoted => {
                return Err(InvalidBatch::new(
                    "Failed to parse CSV. EOF reached before closing an opened quote",
                ));
            }
            At::Return => return Err(self.wrong_ending()),
            _ => self.end_row()?,
        }
        if self.in_header {
            return Err(InvalidBatch::new(
                "Failed to parse CSV. The header is missing",
            ));
        }
        let header = String::from_utf8(self.header)
            .map_err(|_| InvalidBatch::new("Failed to parse CSV. Invalid UTF-8"))?;
        Ok(Shape {
            header,
            rows: self.rows,
        })
    }

    fn wrong_ending(&self) -> InvalidBatch {
        InvalidBatch::new(&format!(
            "LineEnding is invalid on user data. Current LineEnding setting is {}",
            self.dialect.ending.name()
        ))
    }
}

fn stray_quote() -> InvalidBatch {
    InvalidBatch::new(
        "Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LF: Dialect = Dialect {
        delimiter: Delimiter::Comma,
        ending: LineEnding::Lf,
    };
    const CRLF: Dialect = Dialect {
        delimiter: Delimiter::Comma,
        ending: LineEnding::Crlf,
    };

    fn shape(text: &str, dialect: Dialect) -> Result<(String, u64), String> {
        let shape = check(text.as_bytes(), dialect).map_err(|err| err.to_string())?;
        Ok((shape.header, shape.rows))
    }

    #[test]
    fn header_comes_back_as_it_was_sent() {
        let text = "\"Id\",Name , \"x\"\n1,2,\"a\nb\"\n\n3,4,5";
        assert!(
            shape(text, LF).is_err(),
            "a quote behind a blank is a stray one"
        );
        assert_eq!(
            shape("\"Id\",Name \n1,\"a\n\"\"b\"\"\"\n\n3,4", LF),
            Ok(("\"Id\",Name ".to_owned(), 2))
        );
        assert_eq!(shape("Id\r\n1\r\n", CRLF), Ok(("Id".to_owned(), 1)));
    }

    #[test]
    fn another_line_ending_than_the_jobs_is_refused_unless_in_quotes() {
        let refused = |name| {
            Err(format!(
                "InvalidBatch : LineEnding is invalid on user data. Current LineEnding setting is {name}"
            ))
        };
        assert_eq!(shape("Id\r\n1\r\n", LF), refused("LF"));
        assert_eq!(shape("Id\n1\r\n", LF), refused("LF"));
        assert_eq!(shape("Id\n1\n", CRLF), refused("CRLF"));
        assert_eq!(shape("Id\r\n1\n", CRLF), refused("CRLF"));
        assert_eq!(shape("A\n\"x\r\ny\"\n", LF), Ok(("A".to_owned(), 1)));
    }

    #[test]
    fn byte_order_mark_and_stray_quotes_are_refused() {
        let refused = "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote";
        for text in [
            "\u{feff}Id\n1\n",
            "\u{feff}\"Id\"\n1\n",
            "Id\na\"b\n",
            "Id\n\"a\"b\n",
        ] {
            assert_eq!(shape(text, LF).unwrap_err(), refused, "{text:?}");
        }
    }

    #[test]
    fn nothing_and_an_open_quote_are_refused() {
        for text in ["", "\n\n", "Id\n\"open", "Id\r"] {
            assert!(shape(text, LF).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_taken_and_read_back(
            rows in prop::collection::vec(prop::collection::vec("[a,;|^`\t\"\r\n ü]{0,4}", 2), 0..6),
            delimiter in prop::sample::select(vec![
                Delimiter::Backquote, Delimiter::Caret, Delimiter::Comma,
                Delimiter::Pipe, Delimiter::Semicolon, Delimiter::Tab,
            ]),
            ending in prop::sample::select(vec![LineEnding::Lf, LineEnding::Crlf]),
        ) {
            let dialect = Dialect { delimiter, ending };
            let mut data = Vec::new();
            dialect.write_row(&mut data, ["Id", "Name"]).unwrap();
            for row in &rows {
                dialect.write_row(&mut data, row.iter().map(String::as_str)).unwrap();
            }
            let shape = check(&data[..], dialect).unwrap();
            prop_assert_eq!(shape.rows, rows.len() as u64);
            prop_assert_eq!(dialect.header(&shape.header).unwrap(), ["Id", "Name"]);
            let read: Vec<_> = dialect.rows(&data[..]).map(|it| it.unwrap()).collect();
            prop_assert_eq!(read, rows);
        }
    }
}
