//! Counts what lies in folders that only their owners see: no listing has it.

use std::collections::BTreeSet;

use serde_json::Value;

use super::decide::ReadPlan;
use crate::{
    client::{self, Org},
    ledger::{Gap, GapKind},
    plan::retrieve::incremental::Pass,
};

/// Types that people keep in private folders, with the name of the folder.
///
/// Source: Salesforce Help, "SOQL query for reports and dashboards in private folders".
const TYPES: [(&str, &str); 2] = [
    ("Report", "Private Reports"),
    ("Dashboard", "Private Dashboards"),
];

/// What a full pass finds in private folders, as gaps; nothing where there is nothing.
///
/// Where the way to the org fails, what was `known` of them stays.
pub(super) async fn gaps(org: &Org, plan: &ReadPlan, known: &BTreeSet<Gap>) -> Vec<Gap> {
    let mut gaps = Vec::new();
    if plan.pass != Pass::Full || plan.is_selective {
        return gaps;
    }
    for (of, folder) in TYPES {
        if !is_in_scope(plan, of) {
            continue;
        }
        let soql = format!("SELECT COUNT(Id) n FROM {of} USING SCOPE allPrivate");
        let counted = org.query(&soql).await.map(|rows| {
            let n = rows.first().and_then(|it| it.get("n"));
            n.and_then(Value::as_u64).unwrap_or(0)
        });
        let what = format!("{of}:{folder}/*");
        let reason = match counted {
            Ok(0) => continue,
            Ok(n) => format!("{n} in private folders: the API gives them to nobody"),
            Err(client::Error::Fault { code, .. }) => format!(
                "the API gives nobody what lies in private folders, and this user may not count it: {code}"
            ),
            Err(_) => {
                gaps.extend(known.iter().find(|it| it.what == what).cloned());
                continue;
            }
        };
        gaps.push(Gap {
            what,
            kind: GapKind::NotRetrievable,
            reason,
            since: None,
        });
    }
    gaps
}

/// Whether components of the type are kept at all.
fn is_in_scope(plan: &ReadPlan, of: &str) -> bool {
    let mut kept = plan.in_scope.components.keys();
    kept.any(|it| it.type_name.as_str() == of)
}
