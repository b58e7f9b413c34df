//! The result of a deploy as REST writes it; SOAP's words are SOAP's.

use serde_json::{Value, json};

use super::{DeployOptions, DeployResult, RunTestsResult};

/// The result as REST writes it; dates as SOAP's, details empty where not asked for.
///
/// # Panics
///
/// If the values of a result cannot be JSON, which they always can.
#[must_use]
pub fn to_json(result: &DeployResult, include_details: bool) -> Value {
    let mut value = serde_json::to_value(result).expect("texts, numbers and flags are JSON");
    if !include_details {
        let tests = RunTestsResult::default();
        value["details"] = json!({
            "componentFailures": [],
            "componentSuccesses": [],
            "runTestResult": tests,
        });
    } else if let Some(details) = value["details"].as_object_mut() {
        let all: Vec<Value> = ["componentFailures", "componentSuccesses"]
            .iter()
            .filter_map(|it| details.get(*it)?.as_array())
            .flatten()
            .cloned()
            .collect();
        details.insert("allComponentMessages".to_owned(), Value::Array(all));
        if let Some(tests) = details
            .get_mut("runTestResult")
            .and_then(Value::as_object_mut)
        {
            tests.insert("flowCoverage".to_owned(), json!([]));
            tests.insert("flowCoverageWarnings".to_owned(), json!([]));
        }
    }
    value
}

/// The body of REST's `deployRequest`: id, options, and the result where there is one.
#[must_use]
pub fn deploy_request(
    id: &str,
    validated: Option<&str>,
    options: &DeployOptions,
    result: Option<&Value>,
) -> Value {
    json!({
        "id": id,
        "validatedDeployRequestId": validated,
        "deployOptions": options,
        "deployResult": result,
    })
}
