//! The order in which a result comes.
//!
//! The platform cuts a query into chunks of ids and gives them as they are
//! done: rows ascend within a chunk, chunks come in any order. Here the odd
//! ones come first, so that who takes the order for granted is found out.

use std::ops::Range;

/// Where the chunk that stands at `place` in the result lies among `chunks`.
#[must_use]
pub(super) fn place(place: u64, chunks: u64) -> u64 {
    let odd = chunks / 2;
    if place < odd {
        place * 2 + 1
    } else {
        (place - odd) * 2
    }
}

/// Stretches of stored rows that are rows `wanted` of the result of `rows` rows.
#[must_use]
pub(super) fn stretches(wanted: &Range<u64>, rows: u64, chunk_rows: u64) -> Vec<Range<u64>> {
    let chunk_rows = chunk_rows.max(1);
    let chunks = rows.div_ceil(chunk_rows);
    let mut all: Vec<Range<u64>> = Vec::new();
    let mut at = 0;
    for n in 0..chunks {
        let first = place(n, chunks) * chunk_rows;
        let length = chunk_rows.min(rows - first);
        let from = wanted.start.max(at);
        let to = wanted.end.min(at + length);
        if from < to {
            let stretch = first + (from - at)..first + (to - at);
            match all.last_mut() {
                Some(last) if last.end == stretch.start => last.end = stretch.end,
                _ => all.push(stretch),
            }
        }
        at += length;
        if wanted.end <= at {
            break;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_chunks_come_first() {
        assert_eq!(stretches(&(0..7), 7, 2), [2..4, 6..7, 0..2, 4..6]);
        assert_eq!(stretches(&(1..4), 7, 2), [3..4, 6..7, 0..1]);
        assert_eq!(stretches(&(0..7), 7, 100), vec![0..7]);
        assert_eq!(stretches(&(0..0), 0, 2), Vec::<Range<u64>>::new());
    }

    proptest! {
        #[test]
        fn pages_of_any_length_give_each_row_once(rows in 0_u64..60, chunk in 1_u64..9, page in 1_u64..9) {
            let mut seen = Vec::new();
            let mut from = 0;
            while from < rows {
                let to = rows.min(from + page);
                for stretch in stretches(&(from..to), rows, chunk) {
                    seen.extend(stretch);
                }
                from = to;
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..rows).collect::<Vec<_>>());
        }
    }
}
