//! Accounts, contacts, leads, members of campaigns.

use super::{
    super::{Bench, Cell, RowError},
    Draft,
};
use crate::{model::RecordId, simorg::state::Feature};

impl Bench<'_> {
    pub(super) fn account(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
        self.no_circle(draft, "ParentId")?;
        if !self.schema.has(Feature::PersonAccounts) {
            return Ok(());
        }
        let type_id = draft.get("RecordTypeId").as_id();
        let is_person_type = type_id.is_some_and(|id| {
            let mut types = draft.object.record_types.iter();
            types.any(|it| it.id == id && it.is_person)
        });
        let is_person = match draft.old {
            Some(_) => draft.get("IsPersonAccount").is_true(),
            None => is_person_type || !draft.get("LastName").is_null(),
        };
        draft.set("IsPersonAccount", Cell::Int(i64::from(is_person)));
        if !is_person {
            return Ok(());
        }
        if draft.was_given("Name") && draft.old.is_none() {
            return Err(RowError::new(
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                "Unable to create/update fields: Name. Please check the security settings of this field and verify \
                 that it is read/write for your profile or permission set.",
            )
            .about(["Name"]));
        }
        if draft.get("LastName").is_null() {
            return Err(RowError::new(
                "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [LastName]",
            )
            .about(["LastName"]));
        }
        person_name(draft);
        Ok(())
    }

    #[expect(clippy::unused_self, reason = "a rule as the others are")]
    pub(super) fn lead(&self, draft: &Draft<'_>) -> Result<(), RowError> {
        let was_converted = draft.old.is_some() && draft.get("IsConverted").is_true();
        if was_converted {
            return Err(RowError::new(
                "CANNOT_UPDATE_CONVERTED_LEAD",
                "cannot reference converted lead",
            ));
        }
        Ok(())
    }

    pub(super) fn member(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
        let lead = draft.get("LeadId").clone();
        let contact = draft.get("ContactId").clone();
        let own = if contact.is_null() { lead } else { contact };
        let Some(person) = (match own.as_id() {
            Some(id) => self.other(id)?,
            None => None,
        }) else {
            return Err(RowError::new(
                "FIELD_INTEGRITY_EXCEPTION",
                "field integrity exception: LeadId or ContactId must be specified",
            ));
        };
        for name in ["Name", "FirstName", "LastName", "Title", "Email", "Phone"] {
            draft.set(name, person.get(name).clone());
        }
        draft.set("Type", Cell::text(&person.object.name));
        draft.set("LeadOrContactId", own.clone());
        draft.set("LeadOrContactOwnerId", person.get("OwnerId").clone());
        let responded = draft.text("Status") == "Responded";
        draft.set("HasResponded", Cell::Int(i64::from(responded)));
        if draft.old.is_some() {
            return Ok(());
        }
        let (Some((campaign_at, _)), Some((own_at, _))) = (
            draft.object.field("CampaignId"),
            draft.object.field("LeadOrContactId"),
        ) else {
            return Ok(());
        };
        let known = self.store.rows_with(draft.object, own_at, &own)?;
        if known
            .iter()
            .any(|it| it.cells[campaign_at] == draft.cells[campaign_at])
        {
            return Err(RowError::new(
                "DUPLICATE_VALUE",
                "Already a campaign member.",
            ));
        }
        Ok(())
    }

    pub(super) fn after_account(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
        if draft.old.is_none() {
            self.owned(draft, id)?;
        }
        if !draft.get("IsPersonAccount").is_true() {
            return Ok(());
        }
        // A person is a contact as well, with the same values.
        let pairs = [
            ("FirstName", "FirstName"),
            ("LastName", "LastName"),
            ("Salutation", "Salutation"),
            ("Name", "Name"),
            ("Phone", "Phone"),
            ("Email", "PersonEmail"),
            ("MobilePhone", "PersonMobilePhone"),
            ("HomePhone", "PersonHomePhone"),
            ("Title", "PersonTitle"),
            ("Birthdate", "PersonBirthdate"),
            ("MailingStreet", "PersonMailingStreet"),
            ("MailingCity", "PersonMailingCity"),
            ("MailingState", "PersonMailingState"),
            ("MailingPostalCode", "PersonMailingPostalCode"),
            ("MailingCountry", "PersonMailingCountry"),
            ("OwnerId", "OwnerId"),
        ];
        let mut values: Vec<(String, Cell)> = pairs
            .iter()
            .map(|(to, from)| ((*to).to_owned(), draft.get(from).clone()))
            .collect();
        for field in draft
            .object
            .fields
            .iter()
            .filter(|it| it.name.ends_with("__pc"))
        {
            let stem = field.name.trim_end_matches("__pc");
            values.push((format!("{stem}__c"), draft.get(&field.name).clone()));
        }
        values.push(("AccountId".to_owned(), Cell::id(id)));
        values.push(("IsPersonAccount".to_owned(), Cell::Int(1)));
        if let Some(contact) = draft.get("PersonContactId").as_id() {
            if let Some(other) = self.other(contact)? {
                let changes: Vec<(usize, Cell)> = values
                    .into_iter()
                    .filter_map(|(name, cell)| Some((other.object.field(&name)?.0, cell)))
                    .collect();
                self.store
                    .update(&other.object, other.row.rowid, &changes)?;
                self.touch(&other.object, other.row.rowid)?;
            }
            return Ok(());
        }
        let values: Vec<(&str, Cell)> = values
            .iter()
            .map(|(name, cell)| (name.as_str(), cell.clone()))
            .collect();
        let contact = self.platform_row("Contact", &values)?;
        if let (Some(contact), Some((at, _)), Some(row)) = (
            contact,
            draft.object.field("PersonContactId"),
            self.store.row(draft.object, id)?,
        ) {
            self.store
                .update(draft.object, row.rowid, &[(at, Cell::id(contact))])?;
        }
        Ok(())
    }

    /// The relation of a contact to its account, which comes by itself.
    pub(super) fn relate(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
        let Some(object) = self.schema.object("AccountContactRelation") else {
            return Ok(());
        };
        let place = |name: &str| object.field(name).map(|it| it.0);
        let (Some(contact), Some(account), Some(direct)) =
            (place("ContactId"), place("AccountId"), place("IsDirect"))
        else {
            return Ok(());
        };
        let all = self.store.rows_with(&object, contact, &Cell::id(id))?;
        let to = draft.get("AccountId");
        if let Some(old) = all.iter().find(|it| it.cells[direct].is_true()) {
            if to.is_null() {
                self.store.remove(&object, old.id)?;
                return Ok(());
            }
            self.store
                .update(&object, old.rowid, &[(account, to.clone())])?;
            return self.touch(&object, old.rowid);
        }
        if to.is_null() {
            return Ok(());
        }
        if let Some(known) = all.iter().find(|it| it.cells[account] == *to) {
            self.store
                .update(&object, known.rowid, &[(direct, Cell::Int(1))])?;
            return self.touch(&object, known.rowid);
        }
        self.platform_row(
            "AccountContactRelation",
            &[
                ("AccountId", to.clone()),
                ("ContactId", Cell::id(id)),
                ("IsDirect", Cell::Int(1)),
                ("IsActive", Cell::Int(1)),
            ],
        )?;
        Ok(())
    }
}

/// `FirstName` and `LastName` make the name.
pub(super) fn person_name(draft: &mut Draft<'_>) {
    let parts = [draft.text("FirstName"), draft.text("LastName")];
    let name: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
    let name = Cell::text(&name.join(" "));
    draft.set("Name", name);
}
