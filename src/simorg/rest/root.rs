//! Versions, resources, limits.

use serde_json::{Map, Value, json};

use super::{Desk, Reply, Request};
use crate::simorg::SimOrg;

/// The seasons of the releases, beginning with that of a version divisible by three.
///
/// Source: version 66.0 is Spring '26, 67.0 Summer '26, 68.0 Winter '27.
const SEASONS: [&str; 3] = ["Spring", "Summer", "Winter"];

pub(super) fn versions(org: &SimOrg) -> Reply {
    let config = &org.config;
    let all: Vec<Value> = (config.api_floor.major()..=config.api_version.major())
        .map(|major| {
            let season = SEASONS[usize::from(major % 3)];
            // Version 65 was the first of '26, three a year.
            let year = (major + 13) / 3;
            json!({
                "label": format!("{season} '{year:02}"),
                "url": format!("/services/data/v{major}.0"),
                "version": format!("{major}.0"),
            })
        })
        .collect();
    Reply::json(200, &Value::from(all))
}

pub(super) fn resources(desk: &Desk<'_>) -> Reply {
    let base = desk.base(false);
    let names = [
        "tooling",
        "metadata",
        "query",
        "queryAll",
        "sobjects",
        "limits",
        "composite",
        "search",
        "recent",
        "jobs",
    ];
    let mut all: Map<String, Value> = names
        .iter()
        .map(|it| ((*it).to_owned(), Value::from(format!("{base}/{it}"))))
        .collect();
    let org_id = desk.org.config.org_id;
    // Whole, for clients ask what it says.
    let identity = format!("{}/id/{org_id}/{}", desk.url, desk.user.id);
    all.insert("identity".to_owned(), Value::from(identity));
    Reply::json(200, &Value::Object(all))
}

pub(super) fn limits(desk: &Desk<'_>) -> Reply {
    let (used, max) = desk.usage;
    let limits = &desk.org.config.limits;
    let bulk = desk.bulk.jobs.used(desk.org.now());
    let rest = |max: u64, used: u64| json!({"Max": max, "Remaining": max.saturating_sub(used)});
    let whole = |max: u64| json!({"Max": max, "Remaining": max});
    Reply::json(
        200,
        &json!({
            "ConcurrentAsyncGetReportInstances": whole(200),
            "ConcurrentSyncReportRuns": whole(20),
            "DailyApiRequests": {"Max": max, "Remaining": max.saturating_sub(used)},
            "DailyAsyncApexExecutions": whole(250_000),
            "DailyBulkApiBatches": rest(limits.daily_batches, bulk.batches),
            "DailyBulkV2QueryFileStorageMB":
                rest(limits.daily_query_bytes / 1_024_000, bulk.result_bytes / 1_024_000),
            "DailyBulkV2QueryJobs": rest(limits.daily_query_jobs, bulk.query_jobs),
            "DailyWorkflowEmails": whole(390),
            "DataStorageMB": whole(1_024),
            "FileStorageMB": whole(1_024),
            "HourlyTimeBasedWorkflow": whole(50),
            "MassEmail": whole(10),
            "SingleEmail": whole(15),
        }),
    )
}

pub(super) fn record_count(desk: &Desk<'_>, request: &Request) -> Reply {
    let asked = request.parameter("sObjects").unwrap_or("");
    let bench = desk.bench();
    if let Err(err) = bench.make_ready() {
        return super::sobjects::refusal(&err);
    }
    let names: Vec<String> = match asked.is_empty() {
        true => bench.objects().iter().map(|it| it.name.clone()).collect(),
        false => asked.split(',').map(|it| it.trim().to_owned()).collect(),
    };
    let counts: Vec<Value> = names
        .iter()
        .filter_map(|it| bench.object(it))
        .filter_map(|it| Some((bench.store.count(&it).ok()?, it)))
        .filter(|(count, _)| *count > 0)
        .map(|(count, it)| json!({"count": count, "name": it.name}))
        .collect();
    Reply::json(200, &json!({"sObjects": counts}))
}
