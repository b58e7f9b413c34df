//! What every org has from the beginning, and what time takes away.

use super::{
    super::{Bench, Cell, RowError, delete},
    Draft,
};
use crate::{
    model::Timestamp,
    simorg::{rest::set_of_profile, state::made_id},
};

impl Bench<'_> {
    /// Makes the store fit to be used: tables, rows that every org has, and
    /// nothing in the recycle bin that has lain there too long.
    ///
    /// To be called outside of steps: a table that is made within one would go with it.
    pub(in crate::simorg) fn make_ready(&self) -> Result<(), RowError> {
        for object in self.schema.objects() {
            self.store.fit(object)?;
        }
        self.purge()?;
        if let Some(books) = self.schema.object("Pricebook2")
            && self.store.is_first("Pricebook2")?
        {
            let mut draft = Draft::new(&books, None);
            let values = [
                ("Name", Cell::text("Standard Price Book")),
                ("IsStandard", Cell::Int(1)),
                ("IsActive", Cell::Int(1)),
                ("IsArchived", Cell::Int(0)),
            ];
            for (name, cell) in values {
                draft.set(name, cell);
            }
            draft.stamp(self, true);
            let id = self.store.next_id(&books)?;
            self.store.insert(&books, id, &draft.cells)?;
        }
        self.assign_profiles()?;
        self.open_currencies()?;
        self.sync_documents()?;
        self.store.note_numbers()?;
        Ok(())
    }

    /// The currencies of an org that has several: the one that the company
    /// reckons in, and another.
    fn open_currencies(&self) -> Result<(), RowError> {
        let Some(object) = self.schema.object("CurrencyType") else {
            return Ok(());
        };
        if !self.store.is_first(&object.name)? {
            return Ok(());
        }
        for (code, rate, is_corporate) in [("USD", 1.0, true), ("EUR", 0.92, false)] {
            let values = [
                ("IsoCode", Cell::text(code)),
                ("ConversionRate", Cell::Real(rate)),
                ("DecimalPlaces", Cell::Int(2)),
                ("IsActive", Cell::Int(1)),
                ("IsCorporate", Cell::Int(i64::from(is_corporate))),
            ];
            self.platform_row(&object.name, &values)?;
        }
        Ok(())
    }

    /// Each user has the permission set that stands for the profile.
    fn assign_profiles(&self) -> Result<(), RowError> {
        let Some(object) = self.schema.object("PermissionSetAssignment") else {
            return Ok(());
        };
        if !self.store.is_first(&object.name)? {
            return Ok(());
        }
        for user in self.org.users.values() {
            let mut draft = Draft::new(&object, None);
            let set = set_of_profile(self.org, &user.profile);
            draft.set("PermissionSetId", Cell::id(set));
            draft.set("AssigneeId", Cell::id(user.id));
            draft.set("IsActive", Cell::Int(1));
            let id = made_id("0Pa", user.id.as_str());
            self.store.insert(&object, id, &draft.cells)?;
        }
        Ok(())
    }

    /// The time before which deletions are for good.
    pub(in crate::simorg::records) fn bin_begins(&self) -> Timestamp {
        self.now().before(delete::REST)
    }
}
