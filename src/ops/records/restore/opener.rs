//! Encrypted cells of a snapshot, opened with the user's key before anything is compared.
//!
//! Invariant: a cell that is not opened is never written: its schema says that it is encrypted.

use super::RestoreRefusal;
use crate::{
    model::OrgId,
    ops::error::Error,
    plan::records::Schemas,
    records::{Disguise, Disguiser, ENCRYPTED, Row, Schema},
};

/// Opens cells; without a key it leaves them.
#[derive(Clone, Default)]
pub(super) struct Opener(Option<Disguiser>);

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The key is nobody's business.
        f.debug_tuple("Opener").field(&self.0.is_some()).finish()
    }
}

impl Opener {
    /// With the secret of the user's, where one was given.
    pub(super) fn new(org: OrgId, secret: Option<&[u8]>) -> Self {
        Self(secret.map(|it| Disguiser::new(org, it)))
    }

    /// The row with its encrypted cells opened.
    ///
    /// # Errors
    ///
    /// [`RestoreRefusal::WrongKey`].
    pub(super) fn row(&self, schema: &Schema, row: Row) -> Result<Row, Error> {
        let Some(disguiser) = &self.0 else {
            return Ok(row);
        };
        let is_sealed = |field: &str, cell: &str| {
            schema.disguised.get(field) == Some(&Disguise::Encrypt) && cell.starts_with(ENCRYPTED)
        };
        if !row
            .cells()
            .any(|(field, cell)| is_sealed(field.as_str(), cell))
        {
            return Ok(row);
        }
        let mut cells = Vec::new();
        for (field, cell) in row.cells().filter(|(field, _)| **field != "Id") {
            if !is_sealed(field.as_str(), cell) {
                cells.push(cell.to_owned());
                continue;
            }
            let opened = disguiser.uncover(schema.name.as_str(), field.as_str(), row.id(), cell);
            cells.push(opened.map_err(|_| RestoreRefusal::WrongKey {
                object: schema.name.to_string(),
                field: field.to_string(),
            })?);
        }
        let cells = cells.iter().map(String::as_str);
        Ok(Row::new(row.id(), row.columns(), cells))
    }

    /// The schemas of rows that were opened.
    pub(super) fn schemas(&self, mut schemas: Schemas) -> Schemas {
        if self.0.is_some() {
            for schema in schemas.values_mut() {
                schema.disguised.retain(|_, how| *how != Disguise::Encrypt);
            }
        }
        schemas
    }
}
