//! Which records were changed or deleted in a span of time.

use super::{Bench, Cell, RowError, store::table_of};
use crate::{
    model::{RecordId, Timestamp},
    simorg::soql::Object,
};

impl Bench<'_> {
    /// Ids of the records that were made or changed from `start` on and before
    /// `end`, and are not deleted.
    ///
    /// # Errors
    ///
    /// [`RowError`] for an object that does not tell.
    pub fn updated(
        &self,
        object: &Object,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<RecordId>, RowError> {
        self.replicates(object)?;
        let mut ids = Vec::new();
        self.store.select(
            &format!(
                "SELECT \"Id\" FROM {} WHERE \"SystemModstamp\" >= ?1 AND \"SystemModstamp\" < ?2 \
                 AND \"IsDeleted\" = 0 ORDER BY \"Id\"",
                table_of(object)
            ),
            &[Cell::Int(start.as_millis()), Cell::Int(end.as_millis())],
            &mut |cells| {
                ids.extend(cells.first().and_then(Cell::as_id));
                true
            },
        )?;
        Ok(ids)
    }

    /// Ids of the records that were deleted from `start` on and before `end`,
    /// for good or not, and when.
    ///
    /// # Errors
    ///
    /// [`RowError`] for an object that does not tell.
    pub fn deleted(
        &self,
        object: &Object,
        start: Timestamp,
        end: Timestamp,
    ) -> Result<Vec<(RecordId, Timestamp)>, RowError> {
        self.replicates(object)?;
        let mut found = Vec::new();
        self.store.select(
            "SELECT id, at FROM (SELECT id, object, at FROM _bin UNION SELECT id, object, at FROM _gone) \
             WHERE object = ?1 AND at >= ?2 AND at < ?3 ORDER BY at, id",
            &[
                Cell::text(&object.name),
                Cell::Int(start.as_millis()),
                Cell::Int(end.as_millis()),
            ],
            &mut |cells| {
                if let (Some(id), Some(Cell::Int(at))) =
                    (cells.first().and_then(Cell::as_id), cells.get(1))
                {
                    found.push((id, Timestamp::from_millis(*at).unwrap_or(Timestamp::UNKNOWN)));
                }
                true
            },
        )?;
        Ok(found)
    }

    fn replicates(&self, object: &Object) -> Result<(), RowError> {
        self.make_ready()?;
        if object.can.replicate && object.field("SystemModstamp").is_some() {
            return Ok(());
        }
        let message = format!("object type {} is not replicatable", object.name);
        Err(RowError::new("OPERATION_NOT_SUPPORTED", message))
    }
}
