//! The result of a deploy as SOAP and REST write it.

use serde_json::{Value, json};

use super::{
    CodeCoverage, CodeCoverageWarning, DeployMessage, DeployOptions, DeployResult, RunTestFailure,
    RunTestSuccess, RunTestsResult,
};
use crate::{model::Timestamp, xml::Element};

/// Whether rows and tests stand in a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Details {
    Shown,
    Left,
}

/// The children of `<result>`, in the order of the WSDL.
///
/// Without `include_details` the details have the tests only.
#[must_use]
pub fn to_xml(result: &DeployResult, include_details: bool) -> Element {
    let details = if include_details {
        Details::Shown
    } else {
        Details::Left
    };
    let mut out = Element::new("result");
    optional(&mut out, "canceledBy", result.canceled_by.as_deref());
    optional(
        &mut out,
        "canceledByName",
        result.canceled_by_name.as_deref(),
    );
    flag(&mut out, "checkOnly", result.check_only);
    date(&mut out, "completedDate", result.completed_date);
    out.push_text_element("createdBy", &result.created_by);
    out.push_text_element("createdByName", &result.created_by_name);
    date(&mut out, "createdDate", Some(result.created_date));
    out.push(details_xml(result, details));
    flag(&mut out, "done", result.done);
    optional(&mut out, "errorMessage", result.error_message.as_deref());
    optional(
        &mut out,
        "errorStatusCode",
        result.error_status_code.as_deref(),
    );
    out.push_text_element("id", result.id.as_str());
    flag(&mut out, "ignoreWarnings", result.ignore_warnings);
    date(&mut out, "lastModifiedDate", result.last_modified_date);
    number(
        &mut out,
        "numberComponentErrors",
        result.number_component_errors,
    );
    number(
        &mut out,
        "numberComponentsDeployed",
        result.number_components_deployed,
    );
    number(
        &mut out,
        "numberComponentsTotal",
        result.number_components_total,
    );
    if let Some(n) = result.number_files {
        number(&mut out, "numberFiles", n);
    }
    number(&mut out, "numberTestErrors", result.number_test_errors);
    number(
        &mut out,
        "numberTestsCompleted",
        result.number_tests_completed,
    );
    number(&mut out, "numberTestsTotal", result.number_tests_total);
    flag(&mut out, "rollbackOnError", result.rollback_on_error);
    flag(&mut out, "runTestsEnabled", result.run_tests_enabled);
    date(&mut out, "startDate", result.start_date);
    optional(&mut out, "stateDetail", result.state_detail.as_deref());
    out.push_text_element("status", &result.status);
    flag(&mut out, "success", result.success);
    if let Some(n) = result.zip_size {
        number(&mut out, "zipSize", n);
    }
    out
}

fn details_xml(result: &DeployResult, details: Details) -> Element {
    let mut out = Element::new("details");
    if details == Details::Shown {
        for row in &result.details.component_failures {
            out.push(message_xml("componentFailures", row));
        }
        for row in &result.details.component_successes {
            out.push(message_xml("componentSuccesses", row));
        }
    }
    if let Some(tests) = &result.details.run_test_result {
        let empty = RunTestsResult::default();
        let tests = if details == Details::Shown {
            tests
        } else {
            &empty
        };
        out.push(tests_xml(tests));
    }
    out
}

fn message_xml(name: &str, row: &DeployMessage) -> Element {
    let mut out = Element::new(name);
    flag(&mut out, "changed", row.changed);
    if let Some(n) = row.column_number {
        number(&mut out, "columnNumber", n);
    }
    optional(&mut out, "componentType", row.component_type.as_deref());
    flag(&mut out, "created", row.created);
    date(&mut out, "createdDate", Some(row.created_date));
    flag(&mut out, "deleted", row.deleted);
    out.push_text_element("fileName", &row.file_name);
    out.push_text_element("fullName", &row.full_name);
    optional(&mut out, "id", row.id.as_deref());
    if let Some(n) = row.line_number {
        number(&mut out, "lineNumber", n);
    }
    optional(&mut out, "problem", row.problem.as_deref());
    optional(&mut out, "problemType", row.problem_type.as_deref());
    flag(&mut out, "success", row.success);
    out
}

fn tests_xml(tests: &RunTestsResult) -> Element {
    let mut out = Element::new("runTestResult");
    for it in &tests.code_coverage {
        out.push(coverage_xml(it));
    }
    for it in &tests.code_coverage_warnings {
        out.push(warning_xml(it));
    }
    for it in &tests.failures {
        out.push(failure_xml(it));
    }
    number(&mut out, "numFailures", tests.num_failures);
    number(&mut out, "numTestsRun", tests.num_tests_run);
    for it in &tests.successes {
        out.push(success_xml(it));
    }
    time(&mut out, "totalTime", tests.total_time);
    out
}

fn coverage_xml(it: &CodeCoverage) -> Element {
    let mut out = Element::new("codeCoverage");
    out.push_text_element("id", &it.id);
    out.push_text_element("name", &it.name);
    nillable(&mut out, "namespace", it.namespace.as_deref());
    number(&mut out, "numLocations", it.num_locations);
    number(
        &mut out,
        "numLocationsNotCovered",
        it.num_locations_not_covered,
    );
    out.push_text_element("type", &it.kind);
    out
}

fn warning_xml(it: &CodeCoverageWarning) -> Element {
    let mut out = Element::new("codeCoverageWarnings");
    out.push_text_element("id", &it.id);
    out.push_text_element("message", &it.message);
    nillable(&mut out, "name", it.name.as_deref());
    nillable(&mut out, "namespace", it.namespace.as_deref());
    out
}

fn failure_xml(it: &RunTestFailure) -> Element {
    let mut out = Element::new("failures");
    out.push_text_element("id", &it.id);
    out.push_text_element("message", &it.message);
    nillable(&mut out, "methodName", it.method_name.as_deref());
    out.push_text_element("name", &it.name);
    nillable(&mut out, "namespace", it.namespace.as_deref());
    out.push_text_element("packageName", &it.package_name);
    nillable(&mut out, "stackTrace", it.stack_trace.as_deref());
    time(&mut out, "time", it.time);
    out.push_text_element("type", &it.kind);
    out
}

fn success_xml(it: &RunTestSuccess) -> Element {
    let mut out = Element::new("successes");
    out.push_text_element("id", &it.id);
    out.push_text_element("methodName", &it.method_name);
    out.push_text_element("name", &it.name);
    nillable(&mut out, "namespace", it.namespace.as_deref());
    time(&mut out, "time", it.time);
    out
}

fn optional(out: &mut Element, name: &str, text: Option<&str>) {
    if let Some(text) = text {
        out.push_text_element(name, text);
    }
}

fn nillable(out: &mut Element, name: &str, text: Option<&str>) {
    match text {
        Some(text) => out.push_text_element(name, text),
        None => out.push(Element::new(name).with_attribute("xsi:nil", "true")),
    }
}

fn flag(out: &mut Element, name: &str, value: bool) {
    out.push_text_element(name, if value { "true" } else { "false" });
}

fn number(out: &mut Element, name: &str, value: usize) {
    out.push_text_element(name, &value.to_string());
}

fn time(out: &mut Element, name: &str, value: f64) {
    out.push_text_element(name, &format!("{value:.1}"));
}

fn date(out: &mut Element, name: &str, value: Option<Timestamp>) {
    if let Some(value) = value {
        out.push_text_element(name, &value.to_soap());
    }
}

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
    result: Option<Value>,
) -> Value {
    json!({
        "id": id,
        "validatedDeployRequestId": validated,
        "deployOptions": options,
        "deployResult": result,
    })
}
