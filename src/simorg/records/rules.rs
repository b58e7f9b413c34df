//! What the platform does by itself around a write: names put together,
//! statuses that mean something, rows that come with others.
//!
//! Source: Object Reference, pages of the objects.

use std::sync::Arc;

use super::{Bench, Cell, RowError, StoredRow};
use crate::{
    model::{RecordId, Timestamp},
    simorg::{
        rest::set_of_profile,
        soql::{Kind, Object},
        state::{Feature, made_id},
    },
};

/// A row on its way into the store.
#[derive(Clone)]
pub(super) struct Draft<'a> {
    pub object: &'a Arc<Object>,
    /// The row as it is; none for a new one.
    pub old: Option<&'a StoredRow>,
    /// Its values as they will be.
    pub cells: Vec<Cell>,
    /// Which of them the request gave.
    pub given: Vec<bool>,
    /// Contents of files, by place of the field.
    pub blobs: Vec<(usize, Vec<u8>)>,
    /// The id it must have.
    pub id: Option<RecordId>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(object: &'a Arc<Object>, old: Option<&'a StoredRow>) -> Self {
        let width = object.fields.len();
        Self {
            object,
            old,
            cells: old.map_or_else(|| vec![Cell::Null; width], |it| it.cells.clone()),
            given: vec![false; width],
            blobs: Vec::new(),
            id: None,
        }
    }

    pub(super) fn give(&mut self, at: usize, cell: Cell) {
        self.cells[at] = cell;
        self.given[at] = true;
    }

    pub(super) fn give_bytes(&mut self, at: usize, bytes: Vec<u8>) {
        self.given[at] = true;
        self.blobs.push((at, bytes));
    }

    /// The value of the field `name`; nothing where there is no such field.
    pub(super) fn get(&self, name: &str) -> &Cell {
        let at = self.object.fields.iter().position(|it| it.name == name);
        at.map_or(&Cell::Null, |at| &self.cells[at])
    }

    pub(super) fn text(&self, name: &str) -> &str {
        self.get(name).as_str().unwrap_or_default()
    }

    /// Sets the field `name`, where there is one.
    pub(super) fn set(&mut self, name: &str, cell: Cell) {
        if let Some(at) = self.object.fields.iter().position(|it| it.name == name) {
            self.cells[at] = cell;
        }
    }

    /// Whether the request gave the field `name`.
    pub(super) fn was_given(&self, name: &str) -> bool {
        let at = self.object.fields.iter().position(|it| it.name == name);
        at.is_some_and(|at| self.given[at])
    }

    /// Whether the field `name` gets another value.
    pub(super) fn changes_field(&self, name: &str) -> bool {
        let at = self.object.fields.iter().position(|it| it.name == name);
        at.is_some_and(|at| self.old.is_none_or(|it| it.cells[at] != self.cells[at]))
    }

    /// What is different from the row as it is.
    pub(super) fn changes(&self) -> Vec<(usize, Cell)> {
        let Some(old) = self.old else {
            return Vec::new();
        };
        self.cells
            .iter()
            .enumerate()
            .filter(|(at, cell)| old.cells[*at] != **cell)
            .map(|(at, cell)| (at, cell.clone()))
            .collect()
    }

    /// Notes who writes, and when.
    pub(super) fn stamp(&mut self, bench: &Bench<'_>, is_new: bool) {
        let (now, me) = (Cell::time(bench.now()), Cell::id(bench.user.id));
        if is_new {
            if !self.was_given("CreatedDate") {
                self.set("CreatedDate", now.clone());
            }
            if !self.was_given("CreatedById") {
                self.set("CreatedById", me.clone());
            }
            if self.get("OwnerId").is_null() {
                self.set("OwnerId", me.clone());
            }
        }
        if !self.was_given("LastModifiedDate") {
            self.set("LastModifiedDate", now.clone());
        }
        if !self.was_given("LastModifiedById") {
            self.set("LastModifiedById", me);
        }
        self.set("SystemModstamp", now);
    }
}

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

    fn account(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
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
    fn lead(&self, draft: &Draft<'_>) -> Result<(), RowError> {
        let was_converted = draft.old.is_some() && draft.get("IsConverted").is_true();
        if was_converted {
            return Err(RowError::new(
                "CANNOT_UPDATE_CONVERTED_LEAD",
                "cannot reference converted lead",
            ));
        }
        Ok(())
    }

    fn case(&self, draft: &mut Draft<'_>) {
        let is_closed = self.schema.is_closed("Case", draft.text("Status"));
        draft.set("IsClosed", Cell::Int(i64::from(is_closed)));
        let at = match (is_closed, draft.get("ClosedDate").is_null()) {
            (true, false) => draft.get("ClosedDate").clone(),
            (true, true) => Cell::time(self.now()),
            (false, _) => Cell::Null,
        };
        draft.set("ClosedDate", at);
    }

    /// Tasks and events: what they are about gives the account.
    fn activity(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
        let mut account = Cell::Null;
        if let Some(about) = self.led_to(draft, "WhatId")? {
            account = match about.object.name.as_str() {
                "Account" => Cell::id(about.row.id),
                _ => about.get("AccountId").clone(),
            };
        }
        if account.is_null()
            && let Some(who) = self.led_to(draft, "WhoId")?
        {
            account = who.get("AccountId").clone();
        }
        draft.set("AccountId", account);
        if draft.object.name == "Task" {
            let is_closed = self.schema.is_closed("Task", draft.text("Status"));
            draft.set("IsClosed", Cell::Int(i64::from(is_closed)));
            let is_high = draft.text("Priority") == "High";
            draft.set("IsHighPriority", Cell::Int(i64::from(is_high)));
            let done = match (is_closed, draft.get("CompletedDateTime").is_null()) {
                (true, true) => Cell::time(self.now()),
                (true, false) => draft.get("CompletedDateTime").clone(),
                (false, _) => Cell::Null,
            };
            draft.set("CompletedDateTime", done);
            return Ok(());
        }
        event_times(draft)
    }

    /// A price in a price book: the standard one comes first, and each once.
    fn price(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
        if let Some(product) = self.led_to(draft, "Product2Id")? {
            draft.set("Name", product.get("Name").clone());
            draft.set("ProductCode", product.get("ProductCode").clone());
        }
        if draft.old.is_some() {
            return Ok(());
        }
        let Some((product_at, _)) = draft.object.field("Product2Id") else {
            return Ok(());
        };
        let prices = self
            .store
            .rows_with(draft.object, product_at, draft.get("Product2Id"))?;
        let value = |row: &StoredRow, name: &str| {
            let found = draft.object.field(name);
            found.map_or(Cell::Null, |(at, _)| row.cells[at].clone())
        };
        let same_book = |it: &&StoredRow| {
            value(it, "Pricebook2Id") == *draft.get("Pricebook2Id")
                && value(it, "CurrencyIsoCode") == *draft.get("CurrencyIsoCode")
        };
        if prices.iter().any(|it| same_book(&it)) {
            return Err(RowError::new(
                "DUPLICATE_VALUE",
                "This price definition already exists in this price book",
            ));
        }
        let book = self.led_to(draft, "Pricebook2Id")?;
        if book.is_none_or(|it| it.get("IsStandard").is_true()) {
            return Ok(());
        }
        let mut has_standard = false;
        for price in &prices {
            if let Some(id) = value(price, "Pricebook2Id").as_id() {
                has_standard |= self
                    .other(id)?
                    .is_some_and(|it| it.get("IsStandard").is_true());
            }
        }
        if has_standard {
            return Ok(());
        }
        Err(RowError::new(
            "STANDARD_PRICE_NOT_DEFINED",
            "Before creating a custom price, create a standard price.",
        ))
    }

    /// A line of an opportunity or an order: product, prices, totals.
    fn line(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
        if draft.object.name == "OrderItem"
            && draft.old.is_none()
            && let Some(order) = self.led_to(draft, "OrderId")?
            && order.get("StatusCode").as_str() == Some("Activated")
        {
            return Err(RowError::new(
                "FIELD_INTEGRITY_EXCEPTION",
                "unable to add order products to an activated order",
            ));
        }
        let Some(entry) = self.led_to(draft, "PricebookEntryId")? else {
            let has_product = !draft.get("Product2Id").is_null();
            if draft.old.is_none() && !has_product {
                return Err(RowError::new(
                    "FIELD_INTEGRITY_EXCEPTION",
                    "field integrity exception: PricebookEntryId (pricebook entry has not been specified)",
                )
                .about(["PricebookEntryId"]));
            }
            return Ok(());
        };
        draft.set("Product2Id", entry.get("Product2Id").clone());
        draft.set("ProductCode", entry.get("ProductCode").clone());
        draft.set("ListPrice", entry.get("UnitPrice").clone());
        if draft.get("UnitPrice").is_null() && !draft.was_given("TotalPrice") {
            draft.set("UnitPrice", entry.get("UnitPrice").clone());
        }
        let quantity = draft.get("Quantity").as_f64().unwrap_or(0.0);
        let discount = draft.get("Discount").as_f64().unwrap_or(0.0);
        let net = quantity * (1.0 - discount / 100.0);
        if draft.was_given("TotalPrice") && !draft.was_given("UnitPrice") && net != 0.0 {
            let price = draft.get("TotalPrice").as_f64().unwrap_or(0.0) / net;
            draft.set("UnitPrice", Cell::Real(cents(price)));
        } else {
            let price = draft.get("UnitPrice").as_f64().unwrap_or(0.0);
            draft.set("TotalPrice", Cell::Real(cents(price * net)));
        }
        if draft.object.name == "OpportunityLineItem"
            && let Some(parent) = self.led_to(draft, "OpportunityId")?
        {
            let names = [parent.get("Name"), entry.get("Name")];
            let names: Vec<&str> = names.iter().filter_map(|it| it.as_str()).collect();
            draft.set("Name", Cell::text(&names.join(" ")));
        }
        Ok(())
    }

    fn member(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
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

    /// Files and posts: what the platform tells of them by itself.
    fn file(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
        let bytes = draft.blobs.first().map(|it| it.1.clone());
        match draft.object.name.as_str() {
            "Attachment" => {
                if draft.old.is_none() && bytes.as_ref().is_none_or(Vec::is_empty) {
                    return Err(RowError::new(
                        "REQUIRED_FIELD_MISSING",
                        "Required fields are missing: [Body]",
                    )
                    .about(["Body"]));
                }
                if let Some(bytes) = bytes {
                    draft.set("BodyLength", length(&bytes));
                }
            }
            "ContentVersion" => self.version(draft, bytes.as_deref())?,
            _ => {
                draft.set("InsertedById", draft.get("CreatedById").clone());
                if draft.object.name == "FeedComment"
                    && let Some(item) = self.led_to(draft, "FeedItemId")?
                {
                    draft.set("ParentId", item.get("ParentId").clone());
                }
            }
        }
        Ok(())
    }

    /// A version of a file: a new file, or the next version of one.
    fn version(&self, draft: &mut Draft<'_>, bytes: Option<&[u8]>) -> Result<(), RowError> {
        if draft.old.is_some() {
            return Ok(());
        }
        let path = draft.text("PathOnClient").to_owned();
        if path.is_empty() && draft.get("ContentUrl").is_null() {
            return Err(RowError::new(
                "REQUIRED_FIELD_MISSING",
                "Required fields are missing: [PathOnClient]",
            )
            .about(["PathOnClient"]));
        }
        let file = path.rsplit(['/', '\\']).next().unwrap_or(&path).to_owned();
        let (stem, extension) = file.rsplit_once('.').unwrap_or((&file, ""));
        if draft.get("Title").is_null() {
            draft.set("Title", Cell::text(stem));
        }
        draft.set("FileExtension", Cell::text(extension));
        draft.set("FileType", Cell::Text(file_type(extension)));
        if let Some(bytes) = bytes {
            draft.set("ContentSize", length(bytes));
            draft.set("Checksum", Cell::Text(md5(bytes)));
        }
        draft.set("IsLatest", Cell::Int(1));
        draft.set("ContentModifiedById", Cell::id(self.user.id));
        if draft.get("ContentModifiedDate").is_null() {
            draft.set("ContentModifiedDate", Cell::time(self.now()));
        }
        let Some(document) = self.led_to(draft, "ContentDocumentId")? else {
            draft.set("VersionNumber", Cell::text("1"));
            return Ok(());
        };
        let Some((at, _)) = draft.object.field("ContentDocumentId") else {
            return Ok(());
        };
        let earlier = self
            .store
            .rows_with(draft.object, at, &Cell::id(document.row.id))?;
        let (latest, number) = (
            draft.object.field("IsLatest"),
            draft.object.field("VersionNumber"),
        );
        let mut highest = 0;
        for version in &earlier {
            if let Some((at, _)) = latest {
                self.store
                    .update(draft.object, version.rowid, &[(at, Cell::Int(0))])?;
            }
            let own = number.and_then(|(at, _)| version.cells[at].as_str()?.parse::<u32>().ok());
            highest = highest.max(own.unwrap_or(0));
        }
        draft.set("VersionNumber", Cell::Text((highest + 1).to_string()));
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

    /// Makes a row that nobody asked for.
    pub(super) fn platform_row(
        &self,
        object: &str,
        values: &[(&str, Cell)],
    ) -> Result<Option<RecordId>, RowError> {
        let Some(object) = self.schema.object(object) else {
            return Ok(None);
        };
        let mut draft = Draft::new(&object, None);
        for (cell, field) in draft.cells.iter_mut().zip(&object.fields) {
            if field.kind == Kind::Boolean {
                *cell = Cell::Int(i64::from(field.default.as_deref() == Some("true")));
            } else if let Some(default) = &field.default {
                *cell = Cell::text(default);
            }
        }
        for (name, cell) in values {
            draft.set(name, cell.clone());
        }
        draft.stamp(self, true);
        let id = self.store.next_id(&object)?;
        self.store.insert(&object, id, &draft.cells)?;
        Ok(Some(id))
    }

    /// The history of a record: what was changed in fields that are tracked.
    fn history(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
        let own = draft.object;
        let mut links = self.schema.links_to(&own.name).iter();
        let link = links.find(|it| it.name() == Some("Histories"));
        let (Some(link), true) = (link, own.fields.iter().any(|it| it.tracked)) else {
            return Ok(());
        };
        let note = |field: &str, kind: &str, from: Cell, to: Cell| {
            self.platform_row(
                &link.child.name,
                &[
                    (&link.field().name, Cell::id(id)),
                    ("Field", Cell::text(field)),
                    ("DataType", Cell::text(kind)),
                    ("OldValue", from),
                    ("NewValue", to),
                ],
            )
        };
        let Some(old) = draft.old else {
            note("created", "Text", Cell::Null, Cell::Null)?;
            return Ok(());
        };
        for (at, field) in own.fields.iter().enumerate().filter(|it| it.1.tracked) {
            if old.cells[at] == draft.cells[at] {
                continue;
            }
            let shown = |cell: &Cell| match cell.to_json(field.kind) {
                serde_json::Value::Null => Cell::Null,
                serde_json::Value::String(text) => Cell::Text(text.chars().take(255).collect()),
                other => Cell::Text(other.to_string()),
            };
            let (mut from, mut to) = (shown(&old.cells[at]), shown(&draft.cells[at]));
            if field.kind == Kind::TextArea {
                (from, to) = (Cell::Null, Cell::Null);
            }
            note(&field.name, "Text", from, to)?;
        }
        Ok(())
    }

    /// The share that the owner of a record has.
    fn owned(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
        let name = &draft.object.name;
        let (key, access) = (format!("{name}Id"), format!("{name}AccessLevel"));
        let mut values = vec![
            (key.as_str(), Cell::id(id)),
            ("UserOrGroupId", draft.get("OwnerId").clone()),
            (access.as_str(), Cell::text("All")),
            ("RowCause", Cell::text("Owner")),
        ];
        if name == "Account" {
            let levels = [
                "OpportunityAccessLevel",
                "CaseAccessLevel",
                "ContactAccessLevel",
            ];
            values.extend(levels.map(|it| (it, Cell::text("Edit"))));
        }
        self.platform_row(&format!("{name}Share"), &values)?;
        Ok(())
    }

    fn after_account(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
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
    fn relate(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
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

    /// The amount of an opportunity is the sum of its lines.
    pub(super) fn sum_lines(&self, id: RecordId) -> Result<(), RowError> {
        let (Some(parent), Some(lines)) =
            (self.other(id)?, self.schema.object("OpportunityLineItem"))
        else {
            return Ok(());
        };
        let place = |name: &str| lines.field(name).map(|it| it.0);
        let (Some(key), Some(total)) = (place("OpportunityId"), place("TotalPrice")) else {
            return Ok(());
        };
        let all = self.store.rows_with(&lines, key, &Cell::id(id))?;
        let sum: f64 = all.iter().filter_map(|it| it.cells[total].as_f64()).sum();
        let mut changes = vec![(
            "HasOpportunityLineItem",
            Cell::Int(i64::from(!all.is_empty())),
        )];
        if !all.is_empty() {
            changes.push(("Amount", Cell::Real(cents(sum))));
            let chance = parent.get("Probability").as_f64().unwrap_or(0.0);
            changes.push(("ExpectedRevenue", Cell::Real(cents(sum * chance / 100.0))));
        }
        let changes: Vec<(usize, Cell)> = changes
            .into_iter()
            .filter_map(|(name, cell)| Some((parent.object.field(name)?.0, cell)))
            .collect();
        self.store
            .update(&parent.object, parent.row.rowid, &changes)?;
        self.touch(&parent.object, parent.row.rowid)
    }

    /// The file that a first version makes, and who has it.
    fn after_version(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
        if draft.old.is_some() {
            return Ok(());
        }
        let shown = |name: &'static str| (name, draft.get(name).clone());
        let common = [
            shown("Title"),
            shown("Description"),
            shown("ContentSize"),
            shown("FileType"),
            shown("FileExtension"),
            shown("ContentModifiedDate"),
            ("LatestPublishedVersionId", Cell::id(id)),
        ];
        if let Some(document) = self.led_to(draft, "ContentDocumentId")? {
            let changes: Vec<(usize, Cell)> = common
                .into_iter()
                .filter_map(|(name, cell)| Some((document.object.field(name)?.0, cell)))
                .collect();
            self.store
                .update(&document.object, document.row.rowid, &changes)?;
            return self.touch(&document.object, document.row.rowid);
        }
        let mut values = common.to_vec();
        values.push(shown("OwnerId"));
        let Some(document) = self.platform_row("ContentDocument", &values)? else {
            return Ok(());
        };
        if let (Some((at, _)), Some(row)) = (
            draft.object.field("ContentDocumentId"),
            self.store.row(draft.object, id)?,
        ) {
            self.store
                .update(draft.object, row.rowid, &[(at, Cell::id(document))])?;
        }
        let mut places = vec![(draft.get("OwnerId").clone(), "I")];
        let first = draft.get("FirstPublishLocationId");
        if !first.is_null() && *first != places[0].0 {
            places.push((first.clone(), "V"));
        }
        for (entity, kind) in places {
            self.platform_row(
                "ContentDocumentLink",
                &[
                    ("ContentDocumentId", Cell::id(document)),
                    ("LinkedEntityId", entity),
                    ("ShareType", Cell::text(kind)),
                    ("Visibility", Cell::text("AllUsers")),
                ],
            )?;
        }
        Ok(())
    }

    /// The occurrences of something that recurs, at most this many.
    fn recur(&self, draft: &Draft<'_>, id: RecordId) -> Result<(), RowError> {
        const MOST: usize = 100;
        let is_task = draft.object.name == "Task";
        let start = match is_task {
            true => draft.text("RecurrenceStartDateOnly").to_owned(),
            false => match draft.get("RecurrenceStartDateTime") {
                Cell::Int(at) => {
                    Timestamp::from_millis(*at).map_or_else(String::new, Timestamp::day)
                }
                _ => String::new(),
            },
        };
        let end = draft.text("RecurrenceEndDateOnly").to_owned();
        let step: u64 = match draft.text("RecurrenceType") {
            "RecursWeekly" => 7,
            "RecursMonthly" | "RecursMonthlyNth" => 30,
            "RecursYearly" | "RecursYearlyNth" => 365,
            _ => 1,
        };
        let every = draft
            .get("RecurrenceInterval")
            .as_f64()
            .unwrap_or(1.0)
            .max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an interval is a small whole number"
        )]
        let step = std::time::Duration::from_hours(24 * step * every as u64);
        let Ok(mut at) = format!("{start}T00:00:00Z").parse::<Timestamp>() else {
            return Ok(());
        };
        let shown = [
            "Subject",
            "WhoId",
            "WhatId",
            "OwnerId",
            "Description",
            "AccountId",
            "Priority",
            "Status",
        ];
        for _ in 0..MOST {
            if at.day() > end {
                break;
            }
            let mut values: Vec<(&str, Cell)> = shown
                .iter()
                .map(|it| (*it, draft.get(it).clone()))
                .collect();
            values.push(("RecurrenceActivityId", Cell::id(id)));
            values.push(("ActivityDate", Cell::Text(at.day())));
            if !is_task {
                values.push(("StartDateTime", Cell::time(at)));
                values.push(("ActivityDateTime", Cell::time(at)));
                values.push(("DurationInMinutes", draft.get("DurationInMinutes").clone()));
            }
            self.platform_row(&draft.object.name, &values)?;
            at = at.after(step);
        }
        Ok(())
    }

    fn opportunity(&self, draft: &mut Draft<'_>) {
        let stage = self.schema.stage(draft.text("StageName")).cloned();
        let Some(stage) = stage else {
            return;
        };
        let stage_changed = draft.changes_field("StageName");
        draft.set("IsClosed", Cell::Int(i64::from(stage.is_closed)));
        draft.set("IsWon", Cell::Int(i64::from(stage.is_won)));
        if stage_changed {
            if !draft.was_given("Probability") {
                draft.set("Probability", Cell::Real(stage.probability));
            }
            if !draft.was_given("ForecastCategoryName") {
                let name = match stage.forecast.as_str() {
                    "BestCase" => "Best Case",
                    "Forecast" => "Commit",
                    other => other,
                };
                draft.set("ForecastCategoryName", Cell::text(name));
            }
            draft.set("ForecastCategory", Cell::text(&stage.forecast));
            if draft.old.is_some() {
                draft.set("LastStageChangeDate", Cell::time(self.now()));
            }
        }
        let expected = draft
            .get("Amount")
            .as_f64()
            .zip(draft.get("Probability").as_f64());
        let expected = expected.map_or(Cell::Null, |(amount, chance)| {
            Cell::Real(amount * chance / 100.0)
        });
        draft.set("ExpectedRevenue", expected);
        let close = draft.text("CloseDate").to_owned();
        if let (Some(year), Some(month)) = (close.get(..4), close.get(5..7)) {
            let month: i64 = month.parse().unwrap_or(1);
            let quarter = (month - 1) / 3 + 1;
            draft.set("FiscalYear", Cell::Int(year.parse().unwrap_or(0)));
            draft.set("FiscalQuarter", Cell::Int(quarter));
            draft.set("Fiscal", Cell::Text(format!("{year} {quarter}")));
        }
    }

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
    pub(super) fn bin_begins(&self) -> Timestamp {
        self.now().before(super::delete::REST)
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

/// What a status of a contract or an order means; both begin as drafts.
fn status_code(draft: &mut Draft<'_>) -> Result<(), RowError> {
    let status = draft.text("Status").to_owned();
    let code = match status.as_str() {
        "Activated" => "Activated",
        "In Approval Process" => "InApproval",
        _ => "Draft",
    };
    if draft.old.is_none() && code != "Draft" {
        return Err(RowError::new(
            "INVALID_STATUS",
            format!(
                "Choose a valid {} status and save your changes. Ask your admin for details.",
                draft.object.label.to_lowercase()
            ),
        )
        .about(["Status"]));
    }
    let was_active = draft.get("StatusCode").as_str() == Some("Activated");
    if draft.object.name == "Contract" && was_active && code == "Draft" {
        return Err(RowError::new(
            "INVALID_STATUS",
            "Choose a valid contract status and save your changes. Ask your admin for details.",
        )
        .about(["Status"]));
    }
    draft.set("StatusCode", Cell::text(code));
    if code == "Activated" && !was_active {
        let (at, by) = (
            draft.get("LastModifiedDate").clone(),
            draft.get("LastModifiedById").clone(),
        );
        draft.set("ActivatedDate", at);
        draft.set("ActivatedById", by);
    }
    Ok(())
}

/// When an event begins and ends.
fn event_times(draft: &mut Draft<'_>) -> Result<(), RowError> {
    let start = [draft.get("StartDateTime"), draft.get("ActivityDateTime")]
        .into_iter()
        .find_map(|it| match it {
            Cell::Int(at) => Some(*at),
            _ => None,
        });
    let Some(start) = start else {
        if !draft.get("ActivityDate").is_null() {
            return Ok(());
        }
        let message = "Required fields are missing: [ActivityDateTime, DurationInMinutes]";
        return Err(RowError::new("REQUIRED_FIELD_MISSING", message)
            .about(["ActivityDateTime", "DurationInMinutes"]));
    };
    let end = match (
        draft.get("EndDateTime"),
        draft.get("DurationInMinutes").as_f64(),
    ) {
        (Cell::Int(end), None) => *end,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "minutes are a small whole number"
        )]
        (_, Some(minutes)) => start + minutes as i64 * 60_000,
        _ => start,
    };
    if end < start {
        return Err(RowError::new(
            "FIELD_INTEGRITY_EXCEPTION",
            "Event duration cannot be negative",
        )
        .about(["DurationInMinutes"]));
    }
    let day = |at: i64| Timestamp::from_millis(at).map_or(Cell::Null, |it| Cell::Text(it.day()));
    for (name, cell) in [
        ("StartDateTime", Cell::Int(start)),
        ("ActivityDateTime", Cell::Int(start)),
        ("ActivityDate", day(start)),
        ("EndDateTime", Cell::Int(end)),
        ("EndDate", day(end)),
        ("DurationInMinutes", Cell::Int((end - start) / 60_000)),
    ] {
        draft.set(name, cell);
    }
    Ok(())
}

fn cents(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}

fn length(bytes: &[u8]) -> Cell {
    Cell::Int(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
}

/// The digest that `Checksum` gives.
fn md5(bytes: &[u8]) -> String {
    use md5::Digest as _;
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in md5::Md5::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// What `FileType` says of a file with this extension.
fn file_type(extension: &str) -> String {
    match extension.to_ascii_lowercase().as_str() {
        "" => "UNKNOWN".to_owned(),
        "txt" => "TEXT".to_owned(),
        "doc" => "WORD".to_owned(),
        "docx" => "WORD_X".to_owned(),
        "xls" => "EXCEL".to_owned(),
        "xlsx" => "EXCEL_X".to_owned(),
        "ppt" => "POWER_POINT".to_owned(),
        "pptx" => "POWER_POINT_X".to_owned(),
        other => other.to_ascii_uppercase(),
    }
}

/// `FirstName` and `LastName` make the name.
fn person_name(draft: &mut Draft<'_>) {
    let parts = [draft.text("FirstName"), draft.text("LastName")];
    let name: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
    let name = Cell::text(&name.join(" "));
    draft.set("Name", name);
}
