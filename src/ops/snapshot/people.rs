//! Who did it: what the org tells beside the components themselves.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    client::{Org, Row, soql_text},
    model::{Author, RecordId, Timestamp},
    plan::commits::{AuditRow, Trail, User},
};

/// The audit trail since `since`, or why it cannot be read.
///
/// Its absence costs names of deleters and nothing else, so it is no error.
pub(super) async fn trail(org: &Org, since: Option<Timestamp>) -> Result<Trail, String> {
    let Some(since) = since else {
        return Ok(Trail::default());
    };
    let soql = format!(
        "SELECT Action, Section, Display, CreatedById, CreatedBy.Name, CreatedDate, DelegateUser \
         FROM SetupAuditTrail WHERE CreatedDate >= {} ORDER BY CreatedDate",
        since.to_soap()
    );
    let rows = org.query(&soql).await.map_err(|err| err.to_string())?;
    Ok(Trail::new(rows.iter().filter_map(audit_row)))
}

fn audit_row(row: &Row) -> Option<AuditRow> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let name = row
        .get("CreatedBy")
        .and_then(|it| it.get("Name"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    Some(AuditRow {
        at: text("CreatedDate")?.parse().ok()?,
        action: text("Action").unwrap_or_default(),
        section: text("Section").unwrap_or_default(),
        display: text("Display").unwrap_or_default(),
        by: Author {
            id: text("CreatedById").and_then(|it| it.parse().ok()),
            name,
        },
        delegate: text("DelegateUser").filter(|it| !it.is_empty()),
    })
}

/// Names and addresses of users; those that cannot be read are missing.
pub(super) async fn users(org: &Org, ids: &BTreeSet<RecordId>) -> BTreeMap<RecordId, User> {
    let mut users = BTreeMap::new();
    let ids: Vec<&RecordId> = ids.iter().collect();
    // 300 ids keep the query below what one URL may hold.
    for some in ids.chunks(300) {
        let list: Vec<String> = some.iter().map(|it| soql_text(it.as_str())).collect();
        let soql = format!(
            "SELECT Id, Name, Email FROM User WHERE Id IN ({})",
            list.join(",")
        );
        let Ok(rows) = org.query(&soql).await else {
            continue;
        };
        for row in rows {
            let text = |name: &str| row.get(name).and_then(Value::as_str);
            let Some(id) = text("Id").and_then(|it| it.parse().ok()) else {
                continue;
            };
            users.insert(
                id,
                User {
                    name: text("Name").unwrap_or_default().to_owned(),
                    email: text("Email").filter(|it| !it.is_empty()).map(str::to_owned),
                },
            );
        }
    }
    users
}
