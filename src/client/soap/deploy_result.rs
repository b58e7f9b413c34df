//! What checkDeployStatus tells.
//!
//! Source of the fields: Metadata API WSDL 66.0, `DeployResult`, `DeployMessage`,
//! `RunTestsResult`.

use serde::Serialize;

use super::reply::{flag, number, optional, required, text, time};
use crate::{model::Timestamp, xml::Element};

/// How a deploy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum DeployStatus {
    /// It waits: an org runs one deploy at a time.
    Pending,
    /// It runs.
    InProgress,
    /// It is being made to hold.
    Finalizing,
    /// All of it is in the org.
    Succeeded,
    /// Some of it is: the deploy did not undo all on error.
    SucceededPartial,
    /// Nothing of it is.
    Failed,
    /// It is being stopped.
    Canceling,
    /// It was stopped.
    Canceled,
    /// It failed while it was being made to hold.
    FinalizingFailed,
}

/// How a deploy stands, and what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeployResult {
    /// The job.
    pub id: String,
    /// How it stands; decide by this, not by flags.
    pub status: DeployStatus,
    /// Whether nothing more will happen.
    pub done: bool,
    /// Whether it only checks.
    pub check_only: bool,
    /// What it is at, in the platform's words.
    pub state_detail: Option<String>,
    /// Why all of it failed: code and words of the API.
    pub failure: Option<(String, String)>,
    /// What happened to each component; entries for the manifests left out.
    pub messages: Vec<DeployMessage>,
    /// Messages about the manifests themselves: no `package.xml`, nothing to delete.
    pub manifest_messages: Vec<DeployMessage>,
    /// What the Apex tests said; `None` while none have run.
    pub tests: Option<TestResults>,
    /// Components that failed.
    pub n_component_errors: u64,
    /// Components done so far.
    pub n_components_deployed: u64,
    /// Components in all.
    pub n_components: u64,
    /// Tests that failed.
    pub n_test_errors: u64,
    /// Tests run so far.
    pub n_tests_completed: u64,
    /// Tests in all.
    pub n_tests: u64,
    /// Name of the user who deploys.
    pub created_by: String,
    /// Name of the user who stopped it.
    pub canceled_by: Option<String>,
    /// When it was sent.
    pub created: Option<Timestamp>,
    /// When it began to run.
    pub started: Option<Timestamp>,
    /// When it was done.
    pub completed: Option<Timestamp>,
}

impl DeployResult {
    /// Whether all of it is in the org, or was found good.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.status == DeployStatus::Succeeded
    }

    /// Components that failed, with the platform's words.
    pub fn failures(&self) -> impl Iterator<Item = &DeployMessage> {
        self.manifest_messages
            .iter()
            .chain(&self.messages)
            .filter(|it| !it.success)
    }
}

/// How bad a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ProblemType {
    /// The component was taken all the same.
    Warning,
    /// It was not.
    Error,
    /// It is only said.
    Info,
}

/// What happened to one component.
#[expect(clippy::struct_excessive_bools, reason = "they are the platform's own")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeployMessage {
    /// Its type; empty for a manifest.
    pub component_type: String,
    /// Its full name, as the platform spells it here.
    pub full_name: String,
    /// Path in the zip.
    pub file_name: String,
    /// Its id.
    pub id: Option<String>,
    /// Whether it went well.
    pub success: bool,
    /// Whether it differs from what the org had.
    pub changed: bool,
    /// Whether it is new.
    pub created: bool,
    /// Whether it was deleted.
    pub deleted: bool,
    /// What is wrong, in the platform's words.
    pub problem: Option<String>,
    /// How bad that is.
    pub problem_type: Option<ProblemType>,
    /// Line of the problem, from 1.
    pub line: Option<u64>,
    /// Column of the problem, from 1.
    pub column: Option<u64>,
}

impl DeployMessage {
    /// Whether it is about a manifest and not about a component.
    #[must_use]
    pub fn is_about_manifest(&self) -> bool {
        let file = self.file_name.rsplit('/').next().unwrap_or_default();
        self.component_type.is_empty()
            && (file == "package.xml"
                || (file.starts_with("destructiveChanges")
                    && std::path::Path::new(file)
                        .extension()
                        .is_some_and(|it| it == "xml")))
    }
}

/// What the Apex tests of a deploy said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TestResults {
    /// Tests run.
    pub n_run: u64,
    /// Tests failed.
    pub n_failures: u64,
    /// Milliseconds they took, as the platform counts.
    pub total_millis: u64,
    /// Those that failed.
    pub failures: Vec<TestFailure>,
    /// Those that did not.
    pub successes: Vec<TestSuccess>,
    /// Lines covered, by class and trigger.
    pub coverage: Vec<CodeCoverage>,
    /// Coverage below what is asked for.
    pub coverage_warnings: Vec<CoverageWarning>,
    /// Elements covered, by flow.
    pub flow_coverage: Vec<FlowCoverage>,
    /// Flow coverage below what is asked for.
    pub flow_coverage_warnings: Vec<CoverageWarning>,
}

/// A test that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestFailure {
    /// Its class.
    pub class: String,
    /// Its method; absent where the class does not compile.
    pub method: Option<String>,
    /// Namespace of the class.
    pub namespace: Option<String>,
    /// What it said.
    pub message: String,
    /// Where.
    pub stack_trace: Option<String>,
}

/// A test that did not fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestSuccess {
    /// Its class.
    pub class: String,
    /// Its method.
    pub method: Option<String>,
    /// Namespace of the class.
    pub namespace: Option<String>,
}

/// How much of a class or trigger the tests ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CodeCoverage {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// `Class` or `Trigger`.
    pub kind: String,
    /// Lines that can run.
    pub n_lines: u64,
    /// Those that did not.
    pub n_lines_not_covered: u64,
}

/// How much of a flow the tests ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlowCoverage {
    /// Its name.
    pub name: String,
    /// Elements that can run.
    pub n_elements: u64,
    /// Those that did not.
    pub n_elements_not_covered: u64,
}

/// A word about coverage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CoverageWarning {
    /// Class, trigger or flow; absent where it is about the org.
    pub name: Option<String>,
    /// The platform's words.
    pub message: String,
}

/// Reads a `DeployResult` whose messages went to a sink.
pub(super) fn deploy_result(
    result: &Element,
    messages: Vec<DeployMessage>,
) -> Result<DeployResult, String> {
    let status = match required(result, "status")?.as_str() {
        "Pending" => DeployStatus::Pending,
        "InProgress" => DeployStatus::InProgress,
        "Finalizing" => DeployStatus::Finalizing,
        "Succeeded" => DeployStatus::Succeeded,
        "SucceededPartial" => DeployStatus::SucceededPartial,
        "Failed" => DeployStatus::Failed,
        "Canceling" => DeployStatus::Canceling,
        "Canceled" => DeployStatus::Canceled,
        "FinalizingFailed" => DeployStatus::FinalizingFailed,
        other => return Err(format!("it has the status `{}`", other.escape_debug())),
    };
    let has_failure =
        optional(result, "errorMessage").is_some() || optional(result, "errorStatusCode").is_some();
    let (manifest_messages, messages): (Vec<_>, Vec<_>) = messages
        .into_iter()
        .partition(DeployMessage::is_about_manifest);
    // That `package.xml` was read is said each time and means nothing.
    let manifest_messages = manifest_messages
        .into_iter()
        .filter(|it| !it.success || it.problem.is_some())
        .collect();
    let tests = result
        .child("details")
        .and_then(|it| it.child("runTestResult"))
        .map(test_results);
    Ok(DeployResult {
        id: required(result, "id")?,
        status,
        done: flag(result, "done"),
        check_only: flag(result, "checkOnly"),
        state_detail: optional(result, "stateDetail"),
        failure: has_failure.then(|| super::retrieve::failure(result)),
        messages,
        manifest_messages,
        tests,
        n_component_errors: number(result, "numberComponentErrors"),
        n_components_deployed: number(result, "numberComponentsDeployed"),
        n_components: number(result, "numberComponentsTotal"),
        n_test_errors: number(result, "numberTestErrors"),
        n_tests_completed: number(result, "numberTestsCompleted"),
        n_tests: number(result, "numberTestsTotal"),
        created_by: text(result, "createdByName"),
        canceled_by: optional(result, "canceledByName"),
        created: time(result, "createdDate"),
        started: time(result, "startDate"),
        completed: time(result, "completedDate"),
    })
}

/// Reads one `DeployMessage`.
pub(super) fn deploy_message(element: &Element) -> DeployMessage {
    let place = |name| optional(element, name).and_then(|it| it.trim().parse().ok());
    DeployMessage {
        component_type: text(element, "componentType"),
        full_name: text(element, "fullName"),
        file_name: text(element, "fileName"),
        id: optional(element, "id"),
        success: flag(element, "success"),
        changed: flag(element, "changed"),
        created: flag(element, "created"),
        deleted: flag(element, "deleted"),
        problem: optional(element, "problem"),
        problem_type: match text(element, "problemType").as_str() {
            "Warning" => Some(ProblemType::Warning),
            "Error" => Some(ProblemType::Error),
            "Info" => Some(ProblemType::Info),
            _ => None,
        },
        line: place("lineNumber"),
        column: place("columnNumber"),
    }
}

fn test_results(element: &Element) -> TestResults {
    let each = |name: &'static str| element.elements_named(name);
    let warning = |it: &Element, name: &str| CoverageWarning {
        name: optional(it, name),
        message: text(it, "message"),
    };
    TestResults {
        n_run: number(element, "numTestsRun"),
        n_failures: number(element, "numFailures"),
        total_millis: text(element, "totalTime")
            .split('.')
            .next()
            .and_then(|it| it.trim().parse().ok())
            .unwrap_or(0),
        failures: each("failures")
            .map(|it| TestFailure {
                class: text(it, "name"),
                method: optional(it, "methodName"),
                namespace: optional(it, "namespace"),
                message: text(it, "message"),
                stack_trace: optional(it, "stackTrace"),
            })
            .collect(),
        successes: each("successes")
            .map(|it| TestSuccess {
                class: text(it, "name"),
                method: optional(it, "methodName"),
                namespace: optional(it, "namespace"),
            })
            .collect(),
        coverage: each("codeCoverage")
            .map(|it| CodeCoverage {
                name: text(it, "name"),
                namespace: optional(it, "namespace"),
                kind: text(it, "type"),
                n_lines: number(it, "numLocations"),
                n_lines_not_covered: number(it, "numLocationsNotCovered"),
            })
            .collect(),
        coverage_warnings: each("codeCoverageWarnings")
            .map(|it| warning(it, "name"))
            .collect(),
        flow_coverage: each("flowCoverage")
            .map(|it| FlowCoverage {
                name: text(it, "flowName"),
                n_elements: number(it, "numElements"),
                n_elements_not_covered: number(it, "numElementsNotCovered"),
            })
            .collect(),
        flow_coverage_warnings: each("flowCoverageWarnings")
            .map(|it| warning(it, "flowName"))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    fn parse(text: &str) -> Element {
        xml::parse(text.as_bytes()).unwrap().root
    }

    #[test]
    fn entry_of_the_manifest_is_no_component() {
        let read = deploy_message(&parse(
            "<componentSuccesses><changed>true</changed><componentType></componentType>\
             <created>false</created><fileName>pkg/package.xml</fileName>\
             <fullName>package.xml</fullName><success>true</success></componentSuccesses>",
        ));
        let class = deploy_message(&parse(
            "<componentFailures><componentType>ApexClass</componentType><lineNumber>3</lineNumber>\
             <columnNumber>7</columnNumber><fileName>classes/A.cls</fileName><fullName>A</fullName>\
             <problem>Variable does not exist: x</problem><problemType>Error</problemType>\
             <success>false</success></componentFailures>",
        ));
        let missing = deploy_message(&parse(
            "<componentFailures><fileName>destructiveChanges.xml</fileName>\
             <fullName>destructiveChanges.xml</fullName><problem>No CustomObject named: X found\
             </problem><problemType>Warning</problemType><success>true</success></componentFailures>",
        ));
        let result = deploy_result(
            &parse("<result><done>true</done><id>0Af1</id><status>Failed</status></result>"),
            vec![read, class, missing.clone()],
        )
        .unwrap();
        assert_eq!(result.messages.len(), 1);
        assert_eq!(
            (result.messages[0].line, result.messages[0].column),
            (Some(3), Some(7))
        );
        assert_eq!(result.manifest_messages, [missing]);
        assert_eq!(result.failures().count(), 1);
        assert!(!result.succeeded());
        assert_eq!(result.tests, None);
    }

    #[test]
    fn tests_and_coverage_are_read() {
        let results = test_results(&parse(
            "<runTestResult><codeCoverage><id>01p</id><name>A</name><namespace xsi:nil='true'/>\
             <numLocations>10</numLocations><numLocationsNotCovered>3</numLocationsNotCovered>\
             <type>Class</type></codeCoverage><codeCoverageWarnings><message>Average test \
             coverage</message><name xsi:nil='true'/></codeCoverageWarnings><failures><message>m\
             </message><methodName>t</methodName><name>ATest</name><stackTrace>at line 1\
             </stackTrace></failures><numFailures>1</numFailures><numTestsRun>2</numTestsRun>\
             <successes><methodName>u</methodName><name>ATest</name></successes>\
             <totalTime>12.5</totalTime></runTestResult>",
        ));
        assert_eq!(
            (results.n_run, results.n_failures, results.total_millis),
            (2, 1, 12)
        );
        assert_eq!(
            results.failures[0].stack_trace.as_deref(),
            Some("at line 1")
        );
        assert_eq!(results.coverage[0].n_lines_not_covered, 3);
        assert_eq!(results.coverage[0].namespace, None);
        assert_eq!(results.coverage_warnings[0].name, None);
    }

    #[test]
    fn status_that_is_not_known_is_not_taken_for_done() {
        let result = parse("<result><done>true</done><id>0Af1</id><status>Odd</status></result>");
        assert!(deploy_result(&result, Vec::new()).is_err());
    }
}
