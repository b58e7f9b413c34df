//! What the platform does by itself around a write: names put together,
//! statuses that mean something, rows that come with others.
//!
//! Source: Object Reference, pages of the objects.

mod attached;
mod files;
mod opening;
mod people;
mod sales;
mod work;

use std::sync::Arc;

use super::{Bench, Cell, Draft, RowError, StoredRow};
use crate::{model::RecordId, simorg::soql::Object};
use people::person_name;
use sales::status_code;

impl Bench<'_> {
    /// What happens to a row before it is stored.
    pub(super) fn before(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
        match draft.object.name.as_str() {
            "Account" => self.account(draft)?,
            "Contact" => {
                person_name(draft);
                self.no_circle(draft, "ReportsToId")?;
            }
            "Lead" => {
                person_name(draft);
                self.lead(draft)?;
            }
            "Opportunity" => self.opportunity(draft),
            "Campaign" | "Asset" | "Case" => {
                self.no_circle(draft, "ParentId")?;
                if draft.object.name == "Case" {
                    self.case(draft);
                }
            }
            "Task" | "Event" => self.activity(draft)?,
            "PricebookEntry" => self.price(draft)?,
            "OpportunityLineItem" | "OrderItem" => self.line(draft)?,
            "Contract" | "Order" => status_code(draft)?,
            "CampaignMember" => self.member(draft)?,
            "ContentVersion" | "Attachment" | "FeedItem" | "FeedComment" => self.file(draft)?,
            _ => (),
        }
        Ok(())
    }

    /// A record by its id, deleted or not, with its object.
    pub(super) fn other(&self, id: RecordId) -> Result<Option<Other>, RowError> {
        let Some(object) = self.schema.object_of(id) else {
            return Ok(None);
        };
        let row = self.store.row(&object, id)?;
        Ok(row.map(|row| Other { object, row }))
    }

    /// The record that the field `name` of a draft leads to.
    fn led_to(&self, draft: &Draft<'_>, name: &str) -> Result<Option<Other>, RowError> {
        match draft.get(name).as_id() {
            Some(id) => self.other(id),
            None => Ok(None),
        }
    }

    /// A hierarchy does not come back to itself.
    fn no_circle(&self, draft: &Draft<'_>, name: &str) -> Result<(), RowError> {
        let (Some(old), true) = (draft.old, draft.changes_field(name)) else {
            return Ok(());
        };
        let mut next = draft.get(name).as_id();
        // No hierarchy is deeper; a circle that is there already ends as well.
        for _ in 0..500 {
            let Some(id) = next else {
                return Ok(());
            };
            if id == old.id {
                return Err(RowError::new(
                    "CIRCULAR_DEPENDENCY",
                    "attempt to violate hierarchy constraints",
                )
                .about([name]));
            }
            next = self.other(id)?.and_then(|it| it.get(name).as_id());
        }
        Ok(())
    }

    /// What comes with a row that was stored.
    pub(super) fn after(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
        self.history(draft, id)?;
        match draft.object.name.as_str() {
            "Account" => self.after_account(draft, id),
            "Contact" if draft.changes_field("AccountId") => self.relate(draft, id),
            "Opportunity" if draft.old.is_none() => self.owned(draft, id),
            "OpportunityLineItem" => match draft.get("OpportunityId").as_id() {
                Some(parent) => self.sum_lines(parent),
                None => Ok(()),
            },
            "ContentVersion" => self.after_version(draft, id),
            "Task" | "Event" if draft.old.is_none() && draft.get("IsRecurrence").is_true() => {
                self.recur(draft, id)
            }
            _ => Ok(()),
        }
    }
}

/// Another record than the one that is written.
pub(super) struct Other {
    pub object: Arc<Object>,
    pub row: StoredRow,
}

impl Other {
    /// The value of the field `name`; nothing where there is no such field.
    pub(super) fn get(&self, name: &str) -> &Cell {
        let at = self.object.fields.iter().position(|it| it.name == name);
        at.map_or(&Cell::Null, |at| &self.row.cells[at])
    }
}
