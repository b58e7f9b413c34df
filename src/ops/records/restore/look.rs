//! What a restore asks the org: rows by Id, the recycle bin, owners.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{TryStreamExt, pin_mut};
use serde_json::Value;

use crate::{
    client::{self, Org, soql_text},
    model::{RecordId, Timestamp},
    ops::error::{During, Error},
    plan::records::{Binned, Owner},
    records::{Columns, FieldType, Row, Schema, value},
};

/// Most Ids of one query; fewer where the query would be too long.
const IDS_PER_QUERY: usize = 400;

/// More rows than that are not asked for one by one: the bin is read as a whole.
const MAX_ASKED: usize = 2_000;

/// A row in the recycle bin.
#[derive(Clone, Copy, Debug)]
pub(super) struct BinRow {
    pub(super) how: Binned,
    /// Who deleted it, and when.
    pub(super) by: Option<RecordId>,
    pub(super) at: Timestamp,
}

/// Runs one query for each list of Ids that fits into it.
pub(super) async fn by_ids(
    org: &Org,
    select: &str,
    condition: &str,
    ids: &[RecordId],
    deleted_too: bool,
) -> Result<Vec<client::Row>, Error> {
    let mut all = Vec::new();
    let mut rest = ids;
    let mut size = IDS_PER_QUERY;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(size.min(rest.len()));
        let list: Vec<_> = now.iter().map(|it| format!("'{it}'")).collect();
        let soql = format!("{select} WHERE {condition}Id IN ({})", list.join(","));
        if !org.is_short_enough(&soql) && size > 1 {
            size /= 2;
            continue;
        }
        if deleted_too {
            let pages = org.query_all_rows(&soql);
            pin_mut!(pages);
            while let Some(page) = pages.try_next().await? {
                all.extend(page.rows);
            }
        } else {
            all.extend(org.query(&soql).await?);
        }
        rest = later;
    }
    Ok(all)
}

/// The rows of `ids` that are in the org, with the columns of the snapshot that it still has.
pub(super) async fn rows(
    org: &Org,
    then: &Schema,
    live: &Schema,
    ids: &[RecordId],
) -> Result<BTreeMap<RecordId, Row>, Error> {
    let object = &live.name;
    let columns = Columns::new(
        then.columns()
            .iter()
            .filter(|it| live.field(it.as_str()).is_some())
            .cloned(),
    );
    let names: Vec<_> = columns
        .iter()
        .map(crate::model::object::FieldName::as_str)
        .collect();
    let select = format!("SELECT {} FROM {object}", names.join(", "));
    let found = by_ids(org, &select, "", ids, false)
        .await
        .during(format!("looking at the rows of {object}"))?;
    let rows = found.iter().filter_map(|it| row(live, &columns, it));
    Ok(rows.map(|it| (it.id(), it)).collect())
}

/// One row of an answer, as it would stand in a commit.
pub(super) fn row(live: &Schema, columns: &Columns, answer: &client::Row) -> Option<Row> {
    let id = answer.get("Id")?.as_str()?.parse().ok()?;
    let cells: Vec<String> = columns
        .iter()
        .skip(1)
        .map(|it| {
            let kind = live
                .field(it.as_str())
                .map_or(FieldType::String, |it| it.kind);
            value::of_json(kind, answer.get(it.as_str()).unwrap_or(&Value::Null))
        })
        .collect();
    Some(Row::new(id, columns, cells.iter().map(String::as_str)))
}

/// Which of `ids` are in the recycle bin.
pub(super) async fn bin(
    org: &Org,
    live: &Schema,
    ids: &BTreeSet<RecordId>,
) -> Result<BTreeMap<RecordId, BinRow>, Error> {
    let mut found = BTreeMap::new();
    if ids.is_empty() || !live.undeletable || live.field("IsDeleted").is_none() {
        return Ok(found);
    }
    let object = &live.name;
    let wanted = ["MasterRecordId", "LastModifiedById", "SystemModstamp"];
    let fields: Vec<_> = ["Id"]
        .into_iter()
        .chain(wanted.into_iter().filter(|it| live.field(it).is_some()))
        .collect();
    let select = format!("SELECT {} FROM {object}", fields.join(", "));
    let during = format!("looking into the recycle bin for {object}");
    let rows = if ids.len() <= MAX_ASKED {
        let ids: Vec<_> = ids.iter().copied().collect();
        by_ids(org, &select, "IsDeleted = true AND ", &ids, true)
            .await
            .during(during)?
    } else {
        let soql = format!("{select} WHERE IsDeleted = true");
        let pages = org.query_all_rows(&soql);
        pin_mut!(pages);
        let mut rows = Vec::new();
        while let Some(page) = pages.try_next().await.during(during.as_str())? {
            rows.extend(page.rows);
        }
        rows
    };
    for row in rows {
        let id = |name: &str| row.get(name)?.as_str()?.parse::<RecordId>().ok();
        let Some(own) = id("Id").filter(|it| ids.contains(it)) else {
            continue;
        };
        let at = row.get("SystemModstamp").and_then(Value::as_str);
        let entry = BinRow {
            how: id("MasterRecordId").map_or(Binned::Deleted, Binned::MergedInto),
            by: id("LastModifiedById"),
            at: at
                .and_then(|it| it.parse().ok())
                .unwrap_or(Timestamp::UNKNOWN),
        };
        found.insert(own, entry);
    }
    Ok(found)
}

/// What is known of each of these owners.
pub(super) async fn owners(
    org: &Org,
    ids: &BTreeSet<RecordId>,
) -> Result<BTreeMap<RecordId, Owner>, Error> {
    let mut owners = BTreeMap::new();
    for (prefix, select) in [
        ("005", "SELECT Id, IsActive FROM User"),
        ("00G", "SELECT Id FROM Group"),
    ] {
        let asked: Vec<_> = ids
            .iter()
            .copied()
            .filter(|it| it.prefix() == prefix)
            .collect();
        owners.extend(asked.iter().map(|it| (*it, Owner::Gone)));
        let rows = by_ids(org, select, "", &asked, false)
            .await
            .during("looking at the owners of the rows")?;
        for row in rows {
            let id = row
                .get("Id")
                .and_then(Value::as_str)
                .and_then(|it| it.parse().ok());
            let is_active = row.get("IsActive").and_then(Value::as_bool).unwrap_or(true);
            if let Some(id) = id {
                owners.insert(
                    id,
                    if is_active {
                        Owner::Active
                    } else {
                        Owner::Inactive
                    },
                );
            }
        }
    }
    Ok(owners)
}

/// The user named `text`: an Id, a username, or else the whole name where only one has it.
pub(super) async fn user(org: &Org, text: &str) -> Result<Option<RecordId>, Error> {
    if let Ok(id) = text.parse() {
        return Ok(Some(id));
    }
    for field in ["Username", "Name"] {
        let soql = format!("SELECT Id FROM User WHERE {field} = {}", soql_text(text));
        let rows = org.query(&soql).await.during("looking for the user")?;
        if let [row] = rows.as_slice() {
            return Ok(row
                .get("Id")
                .and_then(Value::as_str)
                .and_then(|it| it.parse().ok()));
        }
    }
    Ok(None)
}
