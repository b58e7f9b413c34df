//! Sorting rows into shards with bounded memory.
//!
//! Rows come in any order. An [`Arena`] takes them until it is full, is sorted
//! and written out as a run; [`Merge`] walks all runs at once and gives shard
//! after shard. Of two rows with one Id the one that came later stays.
//!
//! Invariant: a row that was pushed comes out in exactly one shard, once.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io::{self, Read, Write},
};

use super::{Columns, Shard, csv::write_line};
use crate::model::RecordId;

/// Rows that lie in memory.
#[derive(Debug, Default)]
pub struct Arena {
    bytes: Vec<u8>,
    rows: Vec<Slot>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    shard: Shard,
    id: RecordId,
    start: usize,
    len: u32,
}

impl Arena {
    /// Takes one row: its cells in the order of the columns, `Id` first.
    pub fn push<C: AsRef<[u8]>>(&mut self, id: RecordId, cells: impl IntoIterator<Item = C>) {
        let start = self.bytes.len();
        write_line(&mut self.bytes, cells);
        self.rows.push(Slot {
            shard: Shard::of(&id),
            id,
            start,
            len: u32::try_from(self.bytes.len() - start).expect("a row is shorter than 4 GB"),
        });
    }

    /// Memory that its rows take, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len() + self.rows.len() * size_of::<Slot>()
    }

    /// Whether it has no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Puts the rows in order; of those with one Id, the last stays.
    pub fn sort(&mut self) {
        // Stable, so the one that came last stands last.
        self.rows.sort_by_key(|it| (it.shard, it.id));
        let mut sorted: Vec<Slot> = Vec::with_capacity(self.rows.len());
        for slot in &self.rows {
            match sorted.last_mut() {
                Some(last) if last.id == slot.id => *last = *slot,
                _ => sorted.push(*slot),
            }
        }
        self.rows = sorted;
    }

    /// Writes the sorted rows as a run and empties the arena.
    ///
    /// # Errors
    ///
    /// That of `out`.
    pub fn spill(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.sort();
        for slot in &self.rows {
            out.write_all(slot.id.as_str().as_bytes())?;
            out.write_all(&slot.len.to_le_bytes())?;
            out.write_all(self.line(slot))?;
        }
        self.rows.clear();
        self.bytes.clear();
        out.flush()
    }

    fn line(&self, slot: &Slot) -> &[u8] {
        &self.bytes[slot.start..slot.start + slot.len as usize]
    }
}

/// A run of sorted rows: one in memory, or one that was spilled.
enum Run<R> {
    Memory {
        arena: Arena,
        at: usize,
    },
    Spilled {
        from: R,
        id: RecordId,
        line: Vec<u8>,
    },
}

impl<R: Read> Run<R> {
    /// Goes to the next row; `false` at the end.
    fn advance(&mut self) -> io::Result<bool> {
        match self {
            Self::Memory { arena, at } => {
                *at += 1;
                Ok(*at < arena.rows.len())
            }
            Self::Spilled { from, id, line } => match read_row(from, line)? {
                None => Ok(false),
                Some(next) => {
                    *id = next;
                    Ok(true)
                }
            },
        }
    }

    fn key(&self) -> (Shard, RecordId) {
        let id = match self {
            Self::Memory { arena, at } => arena.rows[*at].id,
            Self::Spilled { id, .. } => *id,
        };
        (Shard::of(&id), id)
    }

    fn line(&self) -> &[u8] {
        match self {
            Self::Memory { arena, at } => arena.line(&arena.rows[*at]),
            Self::Spilled { line, .. } => line,
        }
    }
}

fn read_row(from: &mut impl Read, line: &mut Vec<u8>) -> io::Result<Option<RecordId>> {
    let mut head = [0; 22];
    let mut n = 0;
    while n < head.len() {
        match from.read(&mut head[n..])? {
            0 if n == 0 => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => n += more,
        }
    }
    let damaged = || io::Error::other("a sorted run was damaged on the disk");
    let id = std::str::from_utf8(&head[..18]).map_err(|_| damaged())?;
    let id = id.parse().map_err(|_| damaged())?;
    let len = u32::from_le_bytes(head[18..].try_into().expect("four bytes"));
    line.resize(len as usize, 0);
    from.read_exact(line)?;
    Ok(Some(id))
}

/// All rows of several runs, shard by shard.
pub struct Merge<R> {
    runs: Vec<Run<R>>,
    /// The next row of each run that has one; of equal Ids the later run first.
    heap: BinaryHeap<Reverse<(Shard, RecordId, Reverse<usize>)>>,
}

/// One file of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardFile {
    /// Which.
    pub shard: Shard,
    /// Its bytes, header included.
    pub bytes: Vec<u8>,
    /// How many rows it has.
    pub n_rows: u64,
}

impl<R: Read> Merge<R> {
    /// Merges the runs `spilled`, in the order in which they were written, and `last`, which came after them.
    ///
    /// # Errors
    ///
    /// That of reading a run.
    pub fn new(spilled: Vec<R>, mut last: Arena) -> io::Result<Self> {
        last.sort();
        let mut merge = Self {
            runs: Vec::with_capacity(spilled.len() + 1),
            heap: BinaryHeap::new(),
        };
        for mut from in spilled {
            let mut line = Vec::new();
            if let Some(id) = read_row(&mut from, &mut line)? {
                merge.add(Run::Spilled { from, id, line });
            }
        }
        if !last.is_empty() {
            merge.add(Run::Memory { arena: last, at: 0 });
        }
        Ok(merge)
    }

    fn add(&mut self, run: Run<R>) {
        let (shard, id) = run.key();
        self.heap
            .push(Reverse((shard, id, Reverse(self.runs.len()))));
        self.runs.push(run);
    }

    /// The next shard, under the header of `columns`; `None` at the end.
    ///
    /// # Errors
    ///
    /// That of reading a run.
    pub fn next_shard(&mut self, columns: &Columns) -> io::Result<Option<ShardFile>> {
        let Some(Reverse((shard, ..))) = self.heap.peek().copied() else {
            return Ok(None);
        };
        let mut file = ShardFile {
            shard,
            bytes: columns.header(),
            n_rows: 0,
        };
        let mut last = None;
        while let Some(Reverse((next, id, Reverse(run)))) = self.heap.peek().copied()
            && next == shard
        {
            self.heap.pop();
            if last != Some(id) {
                file.bytes.extend_from_slice(self.runs[run].line());
                file.n_rows += 1;
                last = Some(id);
            }
            if self.runs[run].advance()? {
                let (shard, id) = self.runs[run].key();
                self.heap.push(Reverse((shard, id, Reverse(run))));
            }
        }
        Ok(Some(file))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::records::read_shard;

    proptest! {
        #[test]
        fn each_row_comes_out_once_in_its_shard_and_the_last_of_an_id_stays(
            rows in proptest::collection::vec(("00000[0-9A-Za-b]{4}", 0u32..1000), 0..60),
            per_run in 1usize..20,
        ) {
            let columns = Columns::new(["Name".parse().unwrap()]);
            let mut runs: Vec<Vec<u8>> = Vec::new();
            let mut arena = Arena::default();
            let mut expected: BTreeMap<RecordId, String> = BTreeMap::new();
            for (n, (id, name)) in rows.iter().enumerate() {
                let id: RecordId = format!("001300{id}").parse().unwrap();
                let name = name.to_string();
                arena.push(id, [id.as_str().as_bytes(), name.as_bytes()]);
                expected.insert(id, name);
                if n % per_run == per_run - 1 {
                    let mut run = Vec::new();
                    arena.spill(&mut run).unwrap();
                    runs.push(run);
                }
            }
            let mut merge = Merge::new(runs.iter().map(Vec::as_slice).collect(), arena).unwrap();
            let mut found = BTreeMap::new();
            let mut shards = Vec::new();
            while let Some(file) = merge.next_shard(&columns).unwrap() {
                let rows = read_shard(&file.bytes).unwrap();
                prop_assert_eq!(rows.len() as u64, file.n_rows);
                prop_assert!(rows.is_sorted_by_key(super::super::csv::Row::id));
                for row in rows {
                    prop_assert_eq!(Shard::of(&row.id()), file.shard);
                    found.insert(row.id(), row.get("Name").unwrap().to_owned());
                }
                shards.push(file.shard);
            }
            prop_assert!(shards.is_sorted() && shards.windows(2).all(|it| it[0] != it[1]));
            prop_assert_eq!(found, expected);
        }
    }
}
