//! Opportunities with their lines, prices, contracts and orders.

use super::{
    super::{Bench, Cell, RowError, StoredRow},
    Draft,
};
use crate::model::RecordId;

impl Bench<'_> {
    pub(super) fn opportunity(&self, draft: &mut Draft<'_>) {
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

    /// A price in a price book: the standard one comes first, and each once.
    pub(super) fn price(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
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
    pub(super) fn line(&self, draft: &mut Draft<'_>) -> Result<(), RowError> {
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

    /// The amount of an opportunity is the sum of its lines.
    pub(in crate::simorg::records) fn sum_lines(&self, id: RecordId) -> Result<(), RowError> {
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
}

/// What a status of a contract or an order means; both begin as drafts.
pub(super) fn status_code(draft: &mut Draft<'_>) -> Result<(), RowError> {
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

fn cents(amount: f64) -> f64 {
    (amount * 100.0).round() / 100.0
}
