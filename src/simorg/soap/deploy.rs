//! deploy and what follows it: the words on the wire. What happens is the
//! business of [`crate::simorg::deploy`].

use super::{
    Asking, Reply, Request,
    envelope::{decode, push, push_bool, push_some, reply},
};
use crate::{
    model::Timestamp,
    simorg::{
        SimOrg,
        deploy::{self, DeployDetails, DeployMessage, DeployOptions, DeployResult, RunTestsResult},
        fault::{Fault, Script},
        state::Content,
    },
    xml::Element,
};

pub(super) fn start(
    org: &mut SimOrg,
    asking: &Asking,
    request: &Request,
    script: &mut dyn Script,
) -> Result<Reply, Fault> {
    let zip = request
        .parameter("ZipFile", 0)
        .and_then(|it| decode(it.text().trim()))
        .ok_or_else(|| Fault::new("soapenv:Client", "ZipFile is not base64"))?;
    let options = request
        .parameter("DeployOptions", 1)
        .map_or_else(DeployOptions::default, options);
    let id = deploy::start(org, asking.user, Content::from(zip), options, script)?;
    let mut out = String::from("<result>");
    push_bool(&mut out, "done", false);
    push(&mut out, "id", id.as_str());
    push(&mut out, "state", "Queued");
    out.push_str("</result>");
    Ok(reply("deploy", &out))
}

/// Options in any order; what is missing is false, `True` (simple-salesforce) is true.
fn options(element: &Element) -> DeployOptions {
    let flag = |name: &str| {
        element
            .child_text(name)
            .is_some_and(|it| it.trim() == "1" || it.trim().eq_ignore_ascii_case("true"))
    };
    DeployOptions {
        allow_missing_files: flag("allowMissingFiles"),
        auto_update_package: flag("autoUpdatePackage"),
        check_only: flag("checkOnly"),
        ignore_warnings: flag("ignoreWarnings"),
        perform_retrieve: flag("performRetrieve"),
        purge_on_delete: flag("purgeOnDelete"),
        rollback_on_error: flag("rollbackOnError"),
        run_tests: element
            .elements_named("runTests")
            .filter(|it| !it.is_nil())
            .map(|it| it.text().trim().to_owned())
            .filter(|it| !it.is_empty())
            .collect(),
        single_package: flag("singlePackage"),
        test_level: element
            .child("testLevel")
            .filter(|it| !it.is_nil())
            .map(|it| it.text().trim().to_owned())
            .filter(|it| !it.is_empty()),
    }
}

pub(super) fn check(org: &mut SimOrg, asking: &Asking, request: &Request) -> Result<Reply, Fault> {
    let id = request.text("asyncProcessId", 0).unwrap_or_default();
    let with_details = request
        .parameter("includeDetails", 1)
        .is_some_and(|it| matches!(it.text().trim(), "true" | "1"));
    let result = deploy::check(org, asking.user, &id)?;
    let mut out = String::new();
    write_result(&mut out, &result, with_details);
    Ok(reply("checkDeployStatus", &out))
}

pub(super) fn cancel(org: &mut SimOrg, asking: &Asking, request: &Request) -> Result<Reply, Fault> {
    let id = request.text("String", 0).unwrap_or_default();
    let done = deploy::cancel(org, asking.user, &id)?;
    let mut out = String::from("<result>");
    push_bool(&mut out, "done", done);
    push(&mut out, "id", &id);
    out.push_str("</result>");
    Ok(reply("cancelDeploy", &out))
}

pub(super) fn repeat_validation(
    org: &mut SimOrg,
    asking: &Asking,
    request: &Request,
) -> Result<Reply, Fault> {
    let id = request.text("validationId", 0).unwrap_or_default();
    let id = deploy::repeat_validation(org, asking.user, &id)?;
    let mut out = String::new();
    push(&mut out, "result", id.as_str());
    Ok(reply("deployRecentValidation", &out))
}

fn write_result(out: &mut String, it: &DeployResult, with_details: bool) {
    out.push_str("<result>");
    push_some(out, "canceledBy", it.canceled_by.as_deref());
    push_some(out, "canceledByName", it.canceled_by_name.as_deref());
    push_bool(out, "checkOnly", it.check_only);
    push_some(
        out,
        "completedDate",
        it.completed_date.map(Timestamp::to_soap).as_deref(),
    );
    push(out, "createdBy", &it.created_by);
    push(out, "createdByName", &it.created_by_name);
    push(out, "createdDate", &it.created_date.to_soap());
    if with_details {
        write_details(out, &it.details);
    }
    push_bool(out, "done", it.done);
    push_some(out, "errorMessage", it.error_message.as_deref());
    push_some(out, "errorStatusCode", it.error_status_code.as_deref());
    push(out, "id", it.id.as_str());
    push_bool(out, "ignoreWarnings", it.ignore_warnings);
    push_some(
        out,
        "lastModifiedDate",
        it.last_modified_date.map(Timestamp::to_soap).as_deref(),
    );
    push_number(out, "numberComponentErrors", it.number_component_errors);
    push_number(
        out,
        "numberComponentsDeployed",
        it.number_components_deployed,
    );
    push_number(out, "numberComponentsTotal", it.number_components_total);
    if let Some(n) = it.number_files {
        push_number(out, "numberFiles", n);
    }
    push_number(out, "numberTestErrors", it.number_test_errors);
    push_number(out, "numberTestsCompleted", it.number_tests_completed);
    push_number(out, "numberTestsTotal", it.number_tests_total);
    push_bool(out, "rollbackOnError", it.rollback_on_error);
    push_bool(out, "runTestsEnabled", it.run_tests_enabled);
    push_some(
        out,
        "startDate",
        it.start_date.map(Timestamp::to_soap).as_deref(),
    );
    push_some(out, "stateDetail", it.state_detail.as_deref());
    push(out, "status", &it.status);
    push_bool(out, "success", it.success);
    if let Some(n) = it.zip_size {
        push_number(out, "zipSize", n);
    }
    out.push_str("</result>");
}

fn write_details(out: &mut String, it: &DeployDetails) {
    out.push_str("<details>");
    for message in &it.component_failures {
        write_message(out, "componentFailures", message);
    }
    for message in &it.component_successes {
        write_message(out, "componentSuccesses", message);
    }
    if let Some(tests) = &it.run_test_result {
        write_tests(out, tests);
    }
    out.push_str("</details>");
}

fn write_message(out: &mut String, element: &str, it: &DeployMessage) {
    push_tag(out, element, "");
    push_bool(out, "changed", it.changed);
    push_some(
        out,
        "columnNumber",
        it.column_number.map(|it| it.to_string()).as_deref(),
    );
    push_some(out, "componentType", it.component_type.as_deref());
    push_bool(out, "created", it.created);
    push(out, "createdDate", &it.created_date.to_soap());
    push_bool(out, "deleted", it.deleted);
    push(out, "fileName", &it.file_name);
    push(out, "fullName", &it.full_name);
    push_some(out, "id", it.id.as_deref());
    push_some(
        out,
        "lineNumber",
        it.line_number.map(|it| it.to_string()).as_deref(),
    );
    push_some(out, "problem", it.problem.as_deref());
    push_some(out, "problemType", it.problem_type.as_deref());
    push_bool(out, "success", it.success);
    push_tag(out, "/", element);
}

fn write_tests(out: &mut String, it: &RunTestsResult) {
    out.push_str("<runTestResult>");
    for coverage in &it.code_coverage {
        out.push_str("<codeCoverage>");
        push(out, "id", &coverage.id);
        push(out, "name", &coverage.name);
        push_or_nil(out, "namespace", coverage.namespace.as_deref());
        push_number(out, "numLocations", coverage.num_locations);
        push_number(
            out,
            "numLocationsNotCovered",
            coverage.num_locations_not_covered,
        );
        push(out, "type", &coverage.kind);
        out.push_str("</codeCoverage>");
    }
    for warning in &it.code_coverage_warnings {
        out.push_str("<codeCoverageWarnings>");
        push(out, "id", &warning.id);
        push(out, "message", &warning.message);
        push_or_nil(out, "name", warning.name.as_deref());
        push_or_nil(out, "namespace", warning.namespace.as_deref());
        out.push_str("</codeCoverageWarnings>");
    }
    for failure in &it.failures {
        out.push_str("<failures>");
        push(out, "id", &failure.id);
        push(out, "message", &failure.message);
        push_or_nil(out, "methodName", failure.method_name.as_deref());
        push(out, "name", &failure.name);
        push_or_nil(out, "namespace", failure.namespace.as_deref());
        push(out, "packageName", &failure.package_name);
        push_or_nil(out, "stackTrace", failure.stack_trace.as_deref());
        push_time(out, "time", failure.time);
        push(out, "type", &failure.kind);
        out.push_str("</failures>");
    }
    push_number(out, "numFailures", it.num_failures);
    push_number(out, "numTestsRun", it.num_tests_run);
    for success in &it.successes {
        out.push_str("<successes>");
        push(out, "id", &success.id);
        push(out, "methodName", &success.method_name);
        push(out, "name", &success.name);
        push_or_nil(out, "namespace", success.namespace.as_deref());
        push_time(out, "time", success.time);
        out.push_str("</successes>");
    }
    push_time(out, "totalTime", it.total_time);
    out.push_str("</runTestResult>");
}

fn push_number(out: &mut String, name: &str, number: usize) {
    push(out, name, &number.to_string());
}

/// Milliseconds with at least one digit behind the dot: `0.0`.
fn push_time(out: &mut String, name: &str, milliseconds: f64) {
    push(out, name, &format!("{milliseconds:?}"));
}

fn push_or_nil(out: &mut String, name: &str, value: Option<&str>) {
    match value {
        Some(value) => push(out, name, value),
        None => push_tag(out, name, " xsi:nil=\"true\"/"),
    }
}

/// Appends `<startend>`.
fn push_tag(out: &mut String, start: &str, end: &str) {
    for part in ["<", start, end, ">"] {
        out.push_str(part);
    }
}
