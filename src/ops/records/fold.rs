//! Brings the rows that came together with those that the tree has.
//!
//! Invariant: a shard without a change is not written, and a row leaves only in a
//! full read that lacks it, or by its Id.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    at::{ObjectRows, read_rows},
    sorter::Sorted,
    spool::disk,
};
use crate::{
    model::{FieldName, ObjectName, RecordId, TreePath},
    ops::error::Error,
    records::{Columns, Row, RowChange, RowWriter, Shard, ShardFile, changes, read_shard},
    store::{Kind, ObjectId, PackBuilder},
};

/// Most bytes of shards that are compressed at once.
const BATCH_BYTES: usize = 24 << 20;

/// What becomes of the tree by the rows of one object.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// Files that are written, or go.
    pub(super) edits: BTreeMap<TreePath, Option<ObjectId>>,
    pub(super) counts: Counts,
    /// Rows that the object has now.
    pub(super) n_rows: u64,
}

/// Rows that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) added: u64,
    pub(super) changed: u64,
    pub(super) deleted: u64,
    /// Cells that changed, by field.
    pub(super) fields: BTreeMap<FieldName, u64>,
}

impl Counts {
    fn add(&mut self, changes: &[RowChange]) {
        for change in changes {
            match change {
                RowChange::Added(_) => self.added += 1,
                RowChange::Deleted(_) => self.deleted += 1,
                RowChange::Changed { cells, .. } => {
                    self.changed += 1;
                    for cell in cells {
                        *self.fields.entry(cell.field.clone()).or_default() += 1;
                    }
                }
            }
        }
    }
}

/// Folds what one read gave into the rows of one object.
pub(super) struct Fold<'a> {
    pack: &'a PackBuilder<'a>,
    object: &'a ObjectName,
    columns: &'a Columns,
    old: BTreeMap<Shard, ObjectId>,
    folded: Folded,
    batch: Vec<(Shard, Vec<u8>)>,
    batch_bytes: usize,
}

impl<'a> Fold<'a> {
    pub(super) fn new(
        pack: &'a PackBuilder<'a>,
        object: &'a ObjectName,
        columns: &'a Columns,
        old: Option<&ObjectRows>,
    ) -> Self {
        Self {
            pack,
            object,
            columns,
            old: old.map(|it| it.shards.clone()).unwrap_or_default(),
            folded: Folded::default(),
            batch: Vec::new(),
            batch_bytes: 0,
        }
    }

    /// Takes a read of all rows: those that did not come are gone.
    pub(super) fn full(mut self, mut rows: Sorted) -> Result<Folded, Error> {
        let mut left: BTreeSet<Shard> = self.old.keys().copied().collect();
        while let Some(file) = self.next(&mut rows)? {
            left.remove(&file.shard);
            self.folded.n_rows += file.n_rows;
            match self.old.get(&file.shard).copied() {
                Some(old) if old == Kind::Blob.id_of(&file.bytes) => continue,
                Some(old) => {
                    let before = self.read(file.shard, old)?;
                    let after = self.parse(&file)?;
                    self.folded.counts.add(&changes(before, after));
                }
                None => self.folded.counts.added += file.n_rows,
            }
            self.put(file.shard, file.bytes)?;
        }
        for shard in left {
            let old = self.old[&shard];
            self.folded.counts.deleted += self.read(shard, old)?.len() as u64;
            self.folded.edits.insert(shard.path(self.object), None);
        }
        self.finish()
    }

    /// Takes the rows that changed, and the Ids of those that are gone; `n_rows` is how many there were.
    ///
    /// A row that is on both lists is there: it came back.
    pub(super) fn partial(
        mut self,
        mut rows: Sorted,
        gone: &BTreeSet<RecordId>,
        n_rows: u64,
    ) -> Result<Folded, Error> {
        let mut gone_of: BTreeMap<Shard, Vec<RecordId>> = BTreeMap::new();
        for id in gone {
            gone_of.entry(Shard::of(id)).or_default().push(*id);
        }
        while let Some(file) = self.next(&mut rows)? {
            let came = self.parse(&file)?;
            let gone = gone_of.remove(&file.shard).unwrap_or_default();
            self.merge(file.shard, came, &gone)?;
        }
        for (shard, gone) in gone_of {
            self.merge(shard, Vec::new(), &gone)?;
        }
        let counts = &self.folded.counts;
        self.folded.n_rows = (n_rows + counts.added).saturating_sub(counts.deleted);
        self.finish()
    }

    fn merge(&mut self, shard: Shard, came: Vec<Row>, gone: &[RecordId]) -> Result<(), Error> {
        let before = match self.old.get(&shard) {
            Some(old) => self.read(shard, *old)?,
            None => Vec::new(),
        };
        let mut after: BTreeMap<RecordId, Row> =
            before.iter().map(|it| (it.id(), it.clone())).collect();
        for id in gone {
            after.remove(id);
        }
        after.extend(came.into_iter().map(|it| (it.id(), it)));
        let after: Vec<Row> = after.into_values().collect();
        let bytes = write_rows(self.columns, &after);
        let is_empty = after.is_empty();
        let found = changes(before, after);
        self.folded.counts.add(&found);
        if is_empty {
            if self.old.contains_key(&shard) {
                self.folded.edits.insert(shard.path(self.object), None);
            }
            return Ok(());
        }
        if self.old.get(&shard) == Some(&Kind::Blob.id_of(&bytes)) {
            return Ok(());
        }
        self.put(shard, bytes)
    }

    fn next(&self, rows: &mut Sorted) -> Result<Option<ShardFile>, Error> {
        let dir = std::path::Path::new(self.object.as_str());
        rows.next_shard(self.columns)
            .map_err(|err| disk("read sorted rows of", dir, err))
    }

    fn read(&self, shard: Shard, id: ObjectId) -> Result<Vec<Row>, Error> {
        read_rows(self.pack.repository(), self.object, shard, id)
    }

    fn parse(&self, file: &ShardFile) -> Result<Vec<Row>, Error> {
        read_shard(&file.bytes).map_err(|err| {
            crate::ops::Refusal::DamagedRows {
                object: self.object.clone(),
                reason: err.to_string(),
            }
            .into()
        })
    }

    fn put(&mut self, shard: Shard, bytes: Vec<u8>) -> Result<(), Error> {
        self.batch_bytes += bytes.len();
        self.batch.push((shard, bytes));
        if self.batch_bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        let bytes: Vec<&[u8]> = batch.iter().map(|(_, bytes)| bytes.as_slice()).collect();
        let ids = self.pack.blobs(&bytes)?;
        for ((shard, _), id) in batch.iter().zip(ids) {
            self.folded.edits.insert(shard.path(self.object), Some(id));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Folded, Error> {
        self.flush()?;
        Ok(self.folded)
    }
}

/// The bytes of a file with those rows.
pub(super) fn write_rows(columns: &Columns, rows: &[Row]) -> Vec<u8> {
    let mut table = RowWriter::new(columns);
    for row in rows {
        table.push(row);
    }
    table.finish()
}
