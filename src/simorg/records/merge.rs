//! Merging records, and converting leads.
//!
//! Source: SOAP API Developer Guide, "`merge()`" and "`convertLead()`".

use serde_json::{Map, Value};

use super::{Act, Bench, Cell, Item, Options, RowError};
use crate::model::RecordId;

/// Most records that one merge takes into the master.
const MOST_LOSERS: usize = 2;

/// What a merge did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// The record that stays.
    pub id: RecordId,
    /// The records that went into it.
    pub losers: Vec<RecordId>,
    /// Children that now belong to it.
    pub moved: Vec<RecordId>,
}

/// A lead that is to be converted.
#[derive(Clone, Debug, Default)]
pub struct Conversion {
    /// Its id.
    pub lead: String,
    /// The status that it gets.
    pub status: String,
    /// The account it goes to; a new one where none is named.
    pub account: Option<String>,
    /// The contact it goes to; a new one where none is named.
    pub contact: Option<String>,
    /// Owner of what is made; the lead's where none is named.
    pub owner: Option<String>,
    /// Name of the opportunity; the company's where none is given.
    pub opportunity_name: Option<String>,
    /// No opportunity is made.
    pub no_opportunity: bool,
}

/// What a conversion made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Converted {
    /// The lead.
    pub lead: RecordId,
    /// The account.
    pub account: RecordId,
    /// The contact.
    pub contact: RecordId,
    /// The opportunity, where one was made.
    pub opportunity: Option<RecordId>,
}

impl Bench<'_> {
    /// Merges records into `master`: its values are written, the children of
    /// the others become its own, the others are deleted and name it.
    ///
    /// # Errors
    ///
    /// [`RowError`]; nothing was done.
    pub fn merge(&self, master: &Item, losers: &[String]) -> Result<Merged, RowError> {
        self.make_ready()?;
        self.in_one(|| self.merge_now(master, losers))
    }

    /// Does something as a whole or not at all.
    fn in_one<T>(&self, act: impl FnOnce() -> Result<T, RowError>) -> Result<T, RowError> {
        self.store.begin()?;
        match act() {
            Ok(done) => {
                self.store.note_numbers()?;
                self.store.keep()?;
                Ok(done)
            }
            Err(err) => {
                self.store.undo()?;
                Err(err)
            }
        }
    }

    fn merge_now(&self, master: &Item, losers: &[String]) -> Result<Merged, RowError> {
        let object = self
            .object(&master.object)
            .filter(|it| it.can.merge)
            .ok_or_else(|| {
                let message = format!("entity type {} does not support merge", master.object);
                RowError::new("INVALID_OPERATION", message)
            })?;
        let full = self.schema.object(&object.name).unwrap_or(object);
        if losers.is_empty() || losers.len() > MOST_LOSERS {
            let message = "merge takes one or two records into the master";
            return Err(RowError::new("INVALID_NUMBER_FOR_MERGE", message));
        }
        let id = master.id.as_deref().unwrap_or_default();
        let winner = self.existing(&full, id)?;
        if !master.values.is_empty() {
            self.one(&Act::Update, master.clone())?;
        }
        let mut moved = Vec::new();
        let mut gone = Vec::new();
        for loser in losers {
            let row = self.existing(&full, loser)?;
            if row.id == winner.id {
                return Err(RowError::new(
                    "INVALID_CROSS_REFERENCE_KEY",
                    "cannot merge with self",
                ));
            }
            for link in self.schema.links_to(&full.name) {
                let is_own = link.child.name == full.name && link.field().name == "MasterRecordId";
                let is_companion =
                    link.child.name.ends_with("Share") || link.child.name.ends_with("History");
                if is_own || is_companion {
                    continue;
                }
                let children = self
                    .store
                    .rows_with(&link.child, link.at, &Cell::id(row.id))?;
                for child in children {
                    if child.id == winner.id {
                        continue;
                    }
                    let to = Cell::id(winner.id);
                    self.store
                        .update(&link.child, child.rowid, &[(link.at, to)])?;
                    self.touch(&link.child, child.rowid)?;
                    moved.push(child.id);
                }
            }
            if let Some((at, _)) = full.field("MasterRecordId") {
                let to = Cell::id(winner.id);
                self.store.update(&full, row.rowid, &[(at, to)])?;
            }
            self.delete(&full, &full, row.id.as_str())?;
            gone.push(row.id);
        }
        Ok(Merged {
            id: winner.id,
            losers: gone,
            moved,
        })
    }

    /// Does one thing with one row, inside of a step.
    fn one(&self, act: &Act, item: Item) -> Result<RecordId, RowError> {
        let results = self.run(act, &[item], Options::default());
        match results.into_iter().next() {
            Some(result) => result.map(|it| it.id),
            None => Err(RowError::not_found()),
        }
    }

    /// Converts a lead.
    ///
    /// # Errors
    ///
    /// [`RowError`]; nothing was done.
    pub fn convert_lead(&self, wanted: &Conversion) -> Result<Converted, RowError> {
        self.make_ready()?;
        self.in_one(|| self.convert_now(wanted))
    }

    #[expect(clippy::too_many_lines, reason = "one conversion, told in order")]
    fn convert_now(&self, wanted: &Conversion) -> Result<Converted, RowError> {
        let lead = self.schema.object("Lead").ok_or_else(RowError::not_found)?;
        let row = self.existing(&lead, &wanted.lead)?;
        let value = |name: &str| {
            let found = lead.field(name);
            found.map_or(Value::Null, |(at, field)| row.cells[at].to_json(field.kind))
        };
        if value("IsConverted") == Value::Bool(true) {
            let message = "lead is already converted";
            return Err(RowError::new("CANNOT_UPDATE_CONVERTED_LEAD", message));
        }
        if !self.schema.is_closed("Lead", &wanted.status) {
            let message = format!("invalid convertedStatus: {}", wanted.status);
            return Err(RowError::new("INVALID_STATUS", message));
        }
        let owner = wanted
            .owner
            .clone()
            .map_or_else(|| value("OwnerId"), Value::from);
        let made = |object: &str, pairs: &[(&str, Value)]| {
            let mut values: Map<String, Value> = pairs
                .iter()
                .filter(|(_, it)| !it.is_null())
                .map(|(name, it)| ((*name).to_owned(), it.clone()))
                .collect();
            values.insert("OwnerId".to_owned(), owner.clone());
            self.one(&Act::Insert, Item::new(object, values))
        };
        let account = match &wanted.account {
            Some(id) => self.known_id("Account", id)?,
            None => made(
                "Account",
                &[
                    ("Name", value("Company")),
                    ("Phone", value("Phone")),
                    ("Fax", value("Fax")),
                    ("Website", value("Website")),
                    ("Industry", value("Industry")),
                    ("Rating", value("Rating")),
                    ("AnnualRevenue", value("AnnualRevenue")),
                    ("NumberOfEmployees", value("NumberOfEmployees")),
                    ("AccountSource", value("LeadSource")),
                    ("BillingStreet", value("Street")),
                    ("BillingCity", value("City")),
                    ("BillingState", value("State")),
                    ("BillingPostalCode", value("PostalCode")),
                    ("BillingCountry", value("Country")),
                ],
            )?,
        };
        let contact = match &wanted.contact {
            Some(id) => self.known_id("Contact", id)?,
            None => made(
                "Contact",
                &[
                    ("AccountId", Value::from(account.as_str())),
                    ("FirstName", value("FirstName")),
                    ("LastName", value("LastName")),
                    ("Salutation", value("Salutation")),
                    ("Title", value("Title")),
                    ("Email", value("Email")),
                    ("Phone", value("Phone")),
                    ("MobilePhone", value("MobilePhone")),
                    ("Fax", value("Fax")),
                    ("LeadSource", value("LeadSource")),
                    ("MailingStreet", value("Street")),
                    ("MailingCity", value("City")),
                    ("MailingState", value("State")),
                    ("MailingPostalCode", value("PostalCode")),
                    ("MailingCountry", value("Country")),
                ],
            )?,
        };
        let mut opportunity = None;
        if !wanted.no_opportunity {
            let name = wanted
                .opportunity_name
                .clone()
                .map_or_else(|| value("Company"), Value::from);
            let stage = self.schema.object("Opportunity").and_then(|it| {
                let (_, field) = it.field("StageName")?;
                Some(Value::from(field.picklist.first()?.value.as_str()))
            });
            let close = self.now().after(std::time::Duration::from_hours(90 * 24));
            opportunity = Some(made(
                "Opportunity",
                &[
                    ("AccountId", Value::from(account.as_str())),
                    ("Name", name),
                    ("StageName", stage.unwrap_or(Value::Null)),
                    ("CloseDate", Value::from(close.day())),
                    ("LeadSource", value("LeadSource")),
                ],
            )?);
        }
        let text = |id: RecordId| Cell::id(id);
        let mut changes = vec![
            ("IsConverted", Cell::Int(1)),
            ("Status", Cell::text(&wanted.status)),
            ("ConvertedDate", Cell::Text(self.now().day())),
            ("ConvertedAccountId", text(account)),
            ("ConvertedContactId", text(contact)),
            ("LastModifiedDate", Cell::time(self.now())),
            ("SystemModstamp", Cell::time(self.now())),
        ];
        changes.extend(opportunity.map(|it| ("ConvertedOpportunityId", text(it))));
        let changes: Vec<(usize, Cell)> = changes
            .into_iter()
            .filter_map(|(name, cell)| Some((lead.field(name)?.0, cell)))
            .collect();
        self.store.update(&lead, row.rowid, &changes)?;
        Ok(Converted {
            lead: row.id,
            account,
            contact,
            opportunity,
        })
    }

    fn known_id(&self, object: &str, id: &str) -> Result<RecordId, RowError> {
        let object = self.schema.object(object).ok_or_else(RowError::not_found)?;
        Ok(self.existing(&object, id)?.id)
    }
}
