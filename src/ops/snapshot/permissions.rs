//! Profiles and permission sets that changed without a date.
//!
//! The platform keeps what they grant in tables of its own. A fingerprint of
//! each table's rows by parent tells which of them moved since the last run; what
//! no table holds, such as layout assignments, comes by the rotating slice.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    client::{Org, Row},
    model::{ComponentKey, RemoteComponent},
};

/// Tables of what is granted, and the field that names the grantee.
///
/// Source: Object Reference, `FieldPermissions`, `ObjectPermissions`,
/// `SetupEntityAccess`, `PermissionSetTabSetting`.
const TABLES: [&str; 4] = [
    "FieldPermissions",
    "ObjectPermissions",
    "SetupEntityAccess",
    "PermissionSetTabSetting",
];

/// What the tables say of one profile or permission set.
pub(super) type Fingerprints = BTreeMap<ComponentKey, String>;

/// Fingerprints of every profile and permission set that is listed.
///
/// # Errors
///
/// The platform's words where a table cannot be read; dates and slices have to do then.
pub(super) async fn fingerprints(
    org: &Org,
    listed: &BTreeMap<ComponentKey, RemoteComponent>,
) -> Result<Fingerprints, String> {
    let parents = parents(org, listed).await?;
    let mut found: BTreeMap<ComponentKey, Vec<String>> = BTreeMap::new();
    for table in TABLES {
        let soql = format!(
            "SELECT ParentId, COUNT(Id) n, MAX(SystemModstamp) m FROM {table} GROUP BY ParentId"
        );
        let rows = org.query(&soql).await.map_err(|err| err.to_string())?;
        for row in &rows {
            let key = text(row, "ParentId").and_then(|id| parents.get(&id));
            if let Some(key) = key {
                let n = row.get("n").map(Value::to_string).unwrap_or_default();
                let moved = text(row, "m").unwrap_or_default();
                found
                    .entry(key.clone())
                    .or_default()
                    .push(format!("{table} {n} {moved}"));
            }
        }
    }
    Ok(found
        .into_iter()
        .map(|(key, mut rows)| {
            rows.sort();
            (key, rows.join("; "))
        })
        .collect())
}

/// How many rows a fingerprint says that a table has.
pub(super) fn count(fingerprint: &str, table: &str) -> usize {
    let mut tables = fingerprint.split("; ").map(|it| it.split(' '));
    let found = tables.find_map(|mut words| {
        let is_it = words.next() == Some(table);
        words.next().filter(|_| is_it)
    });
    found.and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// The component of each parent of grants: a permission set, or the profile that owns it.
async fn parents(
    org: &Org,
    listed: &BTreeMap<ComponentKey, RemoteComponent>,
) -> Result<BTreeMap<String, ComponentKey>, String> {
    let rows = org
        .query("SELECT Id, IsOwnedByProfile, ProfileId FROM PermissionSet")
        .await
        .map_err(|err| err.to_string())?;
    Ok(parents_of(&rows, listed))
}

/// The same by the rows of `PermissionSet`.
pub(super) fn parents_of(
    rows: &[Row],
    listed: &BTreeMap<ComponentKey, RemoteComponent>,
) -> BTreeMap<String, ComponentKey> {
    let by_id: BTreeMap<&str, &ComponentKey> = listed
        .values()
        .filter(|it| matches!(it.key.type_name.as_str(), "Profile" | "PermissionSet"))
        .filter_map(|it| Some((it.id.as_ref()?.as_str(), &it.key)))
        .collect();
    rows.iter()
        .filter_map(|row| {
            let id = text(row, "Id")?;
            let component = match row.get("IsOwnedByProfile").and_then(Value::as_bool) {
                Some(true) => text(row, "ProfileId")?,
                _ => id.clone(),
            };
            Some((id, (*by_id.get(component.as_str())?).clone()))
        })
        .collect()
}

/// The profiles and permission sets of which some grant moved.
pub(super) fn moved(before: &Fingerprints, now: &Fingerprints) -> BTreeSet<ComponentKey> {
    let keys: BTreeSet<&ComponentKey> = before.keys().chain(now.keys()).collect();
    keys.into_iter()
        .filter(|it| before.get(*it) != now.get(*it))
        .cloned()
        .collect()
}

/// The text of a field.
pub(super) fn text(row: &Row, name: &str) -> Option<String> {
    row.get(name).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_tells_how_many_rows_there_were() {
        let fingerprint = "FieldPermissions 12 2026-01-01; ObjectPermissions 3 2026-01-01";
        assert_eq!(count(fingerprint, "FieldPermissions"), 12);
        assert_eq!(count(fingerprint, "SetupEntityAccess"), 0);
        assert_eq!(count("", "FieldPermissions"), 0);
    }

    #[test]
    fn grant_that_came_went_or_changed_moves_its_parent() {
        let key = |text: &str| text.parse::<ComponentKey>().unwrap();
        let before = [
            (key("Profile:Admin"), "a".to_owned()),
            (key("Profile:Sales"), "b".to_owned()),
            (key("PermissionSet:Gone"), "c".to_owned()),
        ]
        .into();
        let now = [
            (key("Profile:Admin"), "a".to_owned()),
            (key("Profile:Sales"), "b2".to_owned()),
            (key("PermissionSet:New"), "d".to_owned()),
        ]
        .into();
        assert_eq!(
            moved(&before, &now),
            [
                key("Profile:Sales"),
                key("PermissionSet:Gone"),
                key("PermissionSet:New")
            ]
            .into()
        );
    }
}
