//! The part of an answer that stands in a file and is read as it is sent.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use hyper::body::Bytes;

/// Most bytes read at once.
const PIECE_BYTES: u64 = 256 * 1024;

/// Stretches of a file, one after the other.
///
/// The file is held open, so that it may be removed meanwhile.
#[derive(Clone, Debug)]
pub struct Tail {
    file: Arc<Mutex<File>>,
    /// What is still to be sent, in order.
    ranges: Vec<Range<u64>>,
}

impl Tail {
    /// The stretches `ranges` of `file`; an empty one says nothing.
    #[must_use]
    pub fn new(file: File, ranges: Vec<Range<u64>>) -> Self {
        Self {
            file: Arc::new(Mutex::new(file)),
            ranges,
        }
    }

    /// Number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ranges.iter().map(|it| it.end - it.start).sum()
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Leaves only the first `bytes`.
    pub(super) fn cut(&mut self, mut bytes: u64) {
        for range in &mut self.ranges {
            range.end = range.end.min(range.start + bytes);
            bytes -= range.end - range.start;
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, or is shorter than it was.
    pub(super) fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        let Some(range) = self.ranges.iter_mut().find(|it| it.start < it.end) else {
            return Ok(None);
        };
        let length = PIECE_BYTES.min(range.end - range.start);
        let mut piece = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(range.start))?;
        file.read_exact(&mut piece)?;
        range.start += length;
        Ok(Some(Bytes::from(piece)))
    }

    /// All of it.
    ///
    /// # Errors
    ///
    /// As `Tail::next_piece`.
    pub fn read_all(mut self) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = self.next_piece()? {
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn tail(ranges: &[Range<u64>]) -> Tail {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        Tail::new(file, ranges.to_vec())
    }

    #[test]
    fn stretches_come_in_the_order_given() {
        let tail = tail(&[5..8, 3..3, 0..2]);
        assert_eq!(tail.len(), 5);
        assert_eq!(tail.read_all().unwrap(), b"56701");
    }

    #[test]
    fn cut_tail_ends_early() {
        for (bytes, expected) in [(0, ""), (3, "567"), (4, "5670"), (9, "56701")] {
            let mut tail = tail(&[5..8, 0..2]);
            tail.cut(bytes);
            assert_eq!(tail.read_all().unwrap(), expected.as_bytes());
        }
    }

    #[test]
    fn file_that_became_shorter_is_an_error() {
        assert!(
            tail(&std::iter::once(5..80).collect::<Vec<_>>())
                .read_all()
                .is_err()
        );
    }
}
