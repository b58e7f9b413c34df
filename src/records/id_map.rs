//! Which row took the place of which: `.orgkeep/restored.csv` on the branch of the records.
//!
//! A row that is gone for good comes back under a new Id. Later restores, and
//! rows that still refer to the old one, find it here.
//!
//! Invariant: the present Id of a row is found whatever order the pairs came in,
//! and a circle of pairs ends the search instead of the program.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::model::{ObjectName, RecordId, Timestamp};

/// One row that was inserted again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// Its object.
    pub object: ObjectName,
    /// The Id that it has now.
    pub by: RecordId,
    /// When it was inserted, by the org's clock.
    pub at: Timestamp,
}

/// Old Ids and the new ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdMap {
    pairs: BTreeMap<RecordId, Replaced>,
    back: BTreeMap<RecordId, RecordId>,
}

/// A file of pairs that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("line {line} of {} is malformed", IdMap::PATH)]
pub struct IdMapError {
    /// Counted from 1.
    line: usize,
}

const HEADER: &str = "OldId,NewId,Object,RestoredAt";

impl IdMap {
    /// Its file in the tree.
    pub const PATH: &'static str = ".orgkeep/restored.csv";

    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`IdMapError`] with the line that is no pair: a pair that is lost would
    /// insert its row once more.
    pub fn parse(bytes: &[u8]) -> Result<Self, IdMapError> {
        let text = std::str::from_utf8(bytes).map_err(|_| IdMapError { line: 1 })?;
        let mut all = Self::default();
        for (n, line) in text.lines().enumerate() {
            let refuse = || IdMapError { line: n + 1 };
            if n == 0 {
                (line == HEADER).then_some(()).ok_or_else(refuse)?;
                continue;
            }
            let mut cells = line.split(',');
            let mut cell = || cells.next().ok_or_else(refuse);
            let (old, new, object, at) = (cell()?, cell()?, cell()?, cell()?);
            all.insert(
                old.parse().map_err(|_| refuse())?,
                Replaced {
                    object: object.parse().map_err(|_| refuse())?,
                    by: new.parse().map_err(|_| refuse())?,
                    at: at.parse().map_err(|_| refuse())?,
                },
            );
        }
        Ok(all)
    }

    /// Writes the file: by old Id.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut out = format!("{HEADER}\n");
        for (old, new) in &self.pairs {
            let at = new.at.to_soap();
            let _ = writeln!(out, "{old},{},{},{at}", new.by, new.object);
        }
        out.into_bytes()
    }

    /// Notes that `old` is there again as `new`.
    ///
    /// A row that was there again before, and went once more, is known by each Id it had:
    /// rows and plans made in between speak of it by the one of then.
    pub fn insert(&mut self, old: RecordId, new: Replaced) {
        let by = new.by;
        let before = self.pairs.insert(old, new.clone());
        self.back.insert(by, old);
        if let Some(before) = before
            && self.latest(by) != before.by
        {
            self.pairs.entry(before.by).or_insert(new);
        }
    }

    /// Takes all pairs of `other`.
    pub fn extend(&mut self, other: Self) {
        for (old, new) in other.pairs {
            self.insert(old, new);
        }
    }

    /// The Id that the row `id` has now, as far as is known: `id` itself where it was never inserted again.
    #[must_use]
    pub fn latest(&self, id: RecordId) -> RecordId {
        let mut at = id;
        for _ in 0..=self.pairs.len() {
            match self.pairs.get(&at) {
                Some(next) => at = next.by,
                None => return at,
            }
        }
        // A circle tells nothing.
        id
    }

    /// The first Id that the row `id` had, as far as is known.
    #[must_use]
    pub fn first(&self, id: RecordId) -> RecordId {
        let mut at = id;
        for _ in 0..=self.back.len() {
            match self.back.get(&at) {
                Some(before) => at = *before,
                None => return at,
            }
        }
        id
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether no row was ever inserted again.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// All pairs, by old Id.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&RecordId, &Replaced)> {
        self.pairs.iter()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(n: usize) -> RecordId {
        format!("001{n:012}").parse().unwrap()
    }

    fn replaced(n: usize) -> Replaced {
        Replaced {
            object: "Account".parse().unwrap(),
            by: id(n),
            at: "2026-11-28T07:00:00.000Z".parse().unwrap(),
        }
    }

    #[test]
    fn second_restore_finds_what_the_first_inserted() {
        let mut map = IdMap::default();
        map.insert(id(2), replaced(3));
        map.insert(id(1), replaced(2));
        assert_eq!(map.latest(id(1)), id(3));
        assert_eq!(map.first(id(3)), id(1));
        assert_eq!(map.latest(id(9)), id(9));
        assert_eq!(
            String::from_utf8(map.render()).unwrap(),
            format!(
                "OldId,NewId,Object,RestoredAt\n{},{},Account,2026-11-28T07:00:00.000Z\n{},{},Account,2026-11-28T07:00:00.000Z\n",
                id(1),
                id(2),
                id(2),
                id(3)
            )
        );
    }

    #[test]
    fn row_that_was_inserted_twice_is_known_by_each_id_it_had() {
        let mut map = IdMap::default();
        map.insert(id(1), replaced(2));
        map.insert(id(1), replaced(3));
        for n in 1..=3 {
            assert_eq!(map.latest(id(n)), id(3), "{n}");
            assert_eq!(map.first(id(n)), id(1), "{n}");
        }
    }

    #[test]
    fn line_that_is_no_pair_is_refused_with_its_number() {
        for (text, line) in [
            ("", None),
            ("Old\n", Some(1)),
            ("OldId,NewId,Object,RestoredAt\nx,y\n", Some(2)),
        ] {
            let read = IdMap::parse(text.as_bytes());
            assert_eq!(read.err().map(|it| it.line), line, "{text}");
        }
    }

    proptest! {
        #[test]
        fn map_is_read_back_and_no_circle_holds_it_up(pairs in proptest::collection::vec((0_usize..20, 0_usize..20), 0..30)) {
            let mut map = IdMap::default();
            for (old, new) in &pairs {
                map.insert(id(*old), replaced(*new));
            }
            prop_assert_eq!(IdMap::parse(&map.render()).unwrap().pairs, map.pairs.clone());
            for n in 0..20 {
                let _ = (map.latest(id(n)), map.first(id(n)));
            }
        }
    }
}
