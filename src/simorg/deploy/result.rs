//! The values of a deploy: options in, result out.
//!
//! Fields stand in the order of the WSDL, which is the order on the wire;
//! `serde` names are REST's.

use serde::{Deserialize, Serialize};

use crate::model::{RecordId, Timestamp};

/// Options of a deploy.
///
/// Source: Metadata API 66.0 WSDL, `DeployOptions`. What is left out is false.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the API's")]
pub struct DeployOptions {
    /// Obsolete; must be false in production.
    pub allow_missing_files: bool,
    /// Obsolete; must be false in production.
    pub auto_update_package: bool,
    /// Only try.
    pub check_only: bool,
    /// Succeed in spite of warnings.
    pub ignore_warnings: bool,
    /// Give what was deployed back.
    pub perform_retrieve: bool,
    /// Do not keep what is deleted.
    pub purge_on_delete: bool,
    /// All or nothing.
    pub rollback_on_error: bool,
    /// Names of the test classes of `RunSpecifiedTests`.
    #[serde(deserialize_with = "null_is_empty")]
    pub run_tests: Vec<String>,
    /// Whether `package.xml` lies at the root of the zip.
    pub single_package: bool,
    /// `NoTestRun`, `RunLocalTests`, …
    pub test_level: Option<String>,
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// State of a deploy.
///
/// Source: Metadata API 66.0 WSDL, `DeployResult`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "they are the API's")]
pub struct DeployResult {
    /// Id of who cancelled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canceled_by: Option<String>,
    /// Name of who cancelled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canceled_by_name: Option<String>,
    /// Whether it only tries.
    pub check_only: bool,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_date: Option<Timestamp>,
    /// Id of who started it, 15 characters.
    pub created_by: String,
    /// Name of who started it.
    pub created_by_name: String,
    /// When it was queued.
    pub created_date: Timestamp,
    /// By component and test.
    pub details: DeployDetails,
    /// Whether it has ended.
    pub done: bool,
    /// Why all of it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// Code of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_status_code: Option<String>,
    /// Its id.
    pub id: RecordId,
    /// As asked.
    pub ignore_warnings: bool,
    /// When its state changed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_modified_date: Option<Timestamp>,
    /// Failed components.
    pub number_component_errors: usize,
    /// Components done.
    pub number_components_deployed: usize,
    /// Components in all, failed ones too.
    pub number_components_total: usize,
    /// Files of the zip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_files: Option<usize>,
    /// Failed tests.
    pub number_test_errors: usize,
    /// Tests done.
    pub number_tests_completed: usize,
    /// Tests in all.
    pub number_tests_total: usize,
    /// As asked.
    pub rollback_on_error: bool,
    /// Whether tests run.
    pub run_tests_enabled: bool,
    /// When work began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_date: Option<Timestamp>,
    /// What it is doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_detail: Option<String>,
    /// `Pending`, `InProgress`, `Succeeded`, `SucceededPartial`, `Failed`, `Canceling`, `Canceled`.
    pub status: String,
    /// Whether it succeeded.
    pub success: bool,
    /// Bytes of the zip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zip_size: Option<usize>,
}

/// What a deploy came to, by component and by test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeployDetails {
    /// Components that failed.
    pub component_failures: Vec<DeployMessage>,
    /// Components that succeeded.
    pub component_successes: Vec<DeployMessage>,
    /// Tests; present even where none ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_test_result: Option<RunTestsResult>,
}

/// What a deploy did to one component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "they are the API's")]
pub struct DeployMessage {
    /// Whether it is different now.
    pub changed: bool,
    /// Column of the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column_number: Option<usize>,
    /// Type; empty for `package.xml`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component_type: Option<String>,
    /// Whether it is new.
    pub created: bool,
    /// When.
    pub created_date: Timestamp,
    /// Whether it was deleted.
    pub deleted: bool,
    /// Path in the zip.
    pub file_name: String,
    /// Full name.
    pub full_name: String,
    /// Id of the component.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Line of the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line_number: Option<usize>,
    /// What is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// `Error`, `Warning`, `Info`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem_type: Option<String>,
    /// Whether it succeeded.
    pub success: bool,
}

/// What the Apex tests of a deploy came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunTestsResult {
    /// Coverage of each class and trigger.
    pub code_coverage: Vec<CodeCoverage>,
    /// Classes and triggers with too little coverage.
    pub code_coverage_warnings: Vec<CodeCoverageWarning>,
    /// Tests that failed.
    pub failures: Vec<RunTestFailure>,
    /// Number of those.
    pub num_failures: usize,
    /// Number of tests run.
    pub num_tests_run: usize,
    /// Tests that passed.
    pub successes: Vec<RunTestSuccess>,
    /// Milliseconds of all.
    pub total_time: f64,
}

/// Coverage of a class or trigger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeCoverage {
    /// Id of the class.
    pub id: String,
    /// Name of the class.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Lines that can be covered.
    pub num_locations: usize,
    /// Those of them that are not.
    pub num_locations_not_covered: usize,
    /// `Class` or `Trigger`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// Too little coverage of a class or trigger, or of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CodeCoverageWarning {
    /// Id of the class; empty for all.
    pub id: String,
    /// What is wrong.
    pub message: String,
    /// Name of the class; nil for all.
    pub name: Option<String>,
    /// Its namespace.
    pub namespace: Option<String>,
}

/// A test that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunTestFailure {
    /// Id of the class.
    pub id: String,
    /// What it said.
    pub message: String,
    /// Name of the method.
    pub method_name: Option<String>,
    /// Name of the class.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Name of its package; the class's name as a rule.
    pub package_name: String,
    /// Where it failed.
    pub stack_trace: Option<String>,
    /// Milliseconds.
    pub time: f64,
    /// `Class`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A test that passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunTestSuccess {
    /// Id of the class.
    pub id: String,
    /// Name of the method.
    pub method_name: String,
    /// Name of the class.
    pub name: String,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Milliseconds.
    pub time: f64,
}
