//! Compares profiles and permission sets with the tables of what they grant.
//!
//! Full passes only. Counts that were asked for anyway tell which documents to look at;
//! of those the rows are asked for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    base::Base,
    decide::ReadPlan,
    permissions,
    read::{Answers, tree_key},
};
use crate::{
    client::{Org, Row},
    ledger::{Gap, GapKind},
    model::{ComponentKey, TypeName},
    ops::error::Error,
    plan::{
        grants::{self, Grant, Kind},
        retrieve::incremental::Pass,
    },
    registry::Registry,
    store::{self, ObjectId, PackBuilder},
    xml::{self, Element},
};

/// Most documents of which the rows are asked for; the others are told by their counts.
///
/// Own figure: three calls each, in the pass that takes hundreds.
const MOST: usize = 10;

/// How many classes, pages and custom permissions each may use; other kinds stand in elements
/// that are not compared.
const SETUP: &str = "SELECT ParentId, SetupEntityType, COUNT(Id) n FROM SetupEntityAccess \
    WHERE SetupEntityType IN ('ApexClass', 'ApexPage', 'CustomPermission') \
    GROUP BY ParentId, SetupEntityType";

/// Notes in the answers what documents lack that the org grants.
///
/// Tables that cannot be read tell nothing: that is noted elsewhere.
pub(super) async fn check(
    org: &Org,
    base: &Base,
    plan: &ReadPlan,
    answers: &mut Answers,
    pack: &PackBuilder<'_>,
) -> Result<(), Error> {
    let Some(counts) = plan
        .permissions
        .as_ref()
        .filter(|_| plan.pass == Pass::Full)
    else {
        return Ok(());
    };
    let sets = org
        .query("SELECT FIELDS(STANDARD) FROM PermissionSet")
        .await;
    let (Ok(sets), Ok(setup)) = (sets, org.query(SETUP).await) else {
        // What was known stays.
        let known = base.coverage.gaps.iter();
        answers
            .gaps
            .extend(known.filter(|it| it.kind == GapKind::Incomplete).cloned());
        return Ok(());
    };
    let parents = permissions::parents_of(&sets, &plan.in_scope.components);
    let by_key: BTreeMap<&ComponentKey, &Row> = sets
        .iter()
        .filter_map(|row| Some((parents.get(&permissions::text(row, "Id")?)?, row)))
        .collect();
    let mut n_setup: BTreeMap<String, u64> = BTreeMap::new();
    for row in &setup {
        let n = row.get("n").and_then(Value::as_u64).unwrap_or(0);
        *n_setup
            .entry(permissions::text(row, "ParentId").unwrap_or_default())
            .or_default() += n;
    }
    let (mut n_asked, mut n_left) = (0, 0_usize);
    for (key, row) in by_key {
        let Some(document) = document(key, base, plan, answers, pack)? else {
            continue;
        };
        let mut tables = of_user(row);
        let has = grants::granted(&document);
        let n_of = |kinds: &[Kind]| has.iter().filter(|it| kinds.contains(&it.kind)).count();
        let fingerprint = counts.get(key).map_or("", String::as_str);
        let id = permissions::text(row, "Id").unwrap_or_default();
        let n_setup = n_setup
            .get(&id)
            .map_or(0, |it| usize::try_from(*it).unwrap_or(usize::MAX));
        let of_setup = [Kind::Class, Kind::Page, Kind::CustomPermission];
        let is_short = n_of(&[Kind::Field]) < permissions::count(fingerprint, "FieldPermissions")
            || n_of(&[Kind::Object]) < permissions::count(fingerprint, "ObjectPermissions")
            || n_of(&of_setup) < n_setup;
        if is_short {
            n_asked += 1;
            let rows = match n_asked <= MOST {
                true => rows_of(org, &id, plan).await,
                false => None,
            };
            match rows {
                Some(rows) => tables.extend(rows),
                None => n_left += 1,
            }
        }
        let lacking = grants::lacking(&document, &tables, &|it| is_in_scope(it, plan));
        if !lacking.is_empty() {
            answers.gaps.insert(Gap {
                what: key.to_string(),
                kind: GapKind::Incomplete,
                reason: grants::in_words(&lacking),
                since: None,
            });
        }
    }
    if 0 < n_left {
        answers.gaps.insert(Gap {
            what: "Profile".to_owned(),
            kind: GapKind::Unseen,
            reason: format!(
                "{n_left} profiles and permission sets, of which the org counts more rights than \
                 their files have, were not compared right by right"
            ),
            since: None,
        });
    }
    Ok(())
}

/// The document of a profile or permission set, as it came or as it was.
fn document(
    key: &ComponentKey,
    base: &Base,
    plan: &ReadPlan,
    answers: &Answers,
    pack: &PackBuilder<'_>,
) -> Result<Option<Element>, Error> {
    let listed = plan.in_scope.components.get(key);
    let family = tree_key(Registry::official(), key, listed);
    let came = answers.gathered.files.get(&family);
    let came = came.map(|files| files.iter().map(|it| it.id).collect::<Vec<ObjectId>>());
    let kept = || {
        let files = base.families.get(&family)?;
        Some(files.iter().map(|it| it.id).collect())
    };
    let ids = came.or_else(kept).unwrap_or_default();
    // Taken apart into several files it is not compared.
    let [id] = ids.as_slice() else {
        return Ok(None);
    };
    let bytes = pack.read(store::Kind::Blob, *id)?;
    Ok(xml::parse(&bytes).ok().map(|it| it.root))
}

/// User permissions by the row of a permission set: `PermissionsApiEnabled`.
fn of_user(row: &Row) -> BTreeSet<Grant> {
    let named = row
        .iter()
        .filter(|(_, value)| value.as_bool() == Some(true));
    named
        .filter_map(|(field, _)| field.strip_prefix("Permissions"))
        .map(|name| Grant {
            kind: Kind::User,
            name: name.to_owned(),
        })
        .collect()
}

/// The rows of the tables of one grantee; `None` where one cannot be read.
async fn rows_of(org: &Org, id: &str, plan: &ReadPlan) -> Option<BTreeSet<Grant>> {
    let mut found = BTreeSet::new();
    for (kind, field, table) in [
        (Kind::Field, "Field", "FieldPermissions"),
        (Kind::Object, "SobjectType", "ObjectPermissions"),
    ] {
        let soql = format!("SELECT {field} FROM {table} WHERE ParentId = '{id}'");
        let rows = org.query(&soql).await.ok()?;
        let names = rows.iter().filter_map(|it| permissions::text(it, field));
        found.extend(names.map(|name| Grant { kind, name }));
    }
    let soql = format!("SELECT SetupEntityId FROM SetupEntityAccess WHERE ParentId = '{id}'");
    let rows = org.query(&soql).await.ok()?;
    let ids: BTreeSet<String> = rows
        .iter()
        .filter_map(|it| permissions::text(it, "SetupEntityId"))
        .collect();
    for it in plan.in_scope.components.values() {
        let kind = match it.key.type_name.as_str() {
            "ApexClass" => Kind::Class,
            "ApexPage" => Kind::Page,
            "CustomPermission" => Kind::CustomPermission,
            _ => continue,
        };
        if it.id.is_some_and(|it| ids.contains(it.as_str())) {
            found.insert(Grant {
                kind,
                name: it.key.name.as_str().to_owned(),
            });
        }
    }
    Some(found)
}

/// Whether what is granted is kept: a right to what is out of scope stands in no document.
fn is_in_scope(grant: &Grant, plan: &ReadPlan) -> bool {
    let listed = |of: &'static str, name: &str| {
        let name = name.parse();
        name.is_ok_and(|name| {
            let key = ComponentKey::new(TypeName::known(of), name);
            plan.in_scope.components.contains_key(&key)
        })
    };
    match grant.kind {
        Kind::Field => match grant.name.split_once('.') {
            Some((object, field)) => {
                listed("CustomObject", object)
                    && (!field.ends_with("__c") || listed("CustomField", &grant.name))
            }
            None => false,
        },
        Kind::Object => listed("CustomObject", &grant.name),
        Kind::Class | Kind::Page | Kind::CustomPermission | Kind::User => true,
    }
}
