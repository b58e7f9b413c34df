//! What an org says of a deploy that did not go well: where, in its own words, and what to do.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    client::{DeployMessage, DeployResult, TestFailure, TestResults},
    plan::deploy::hint,
};

/// Least coverage that production asks for, in percent.
///
/// Source: Apex Developer Guide, "Code Coverage Best Practices".
const LEAST_COVERAGE: u64 = 75;

/// Something that the org refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The component as the platform names it, `Type:Name`; empty for the whole deploy.
    pub component: String,
    /// Its file in the tree; where the tree has none, in the archive.
    pub file: String,
    /// The commit that has the file as it was sent, so that line and column hold there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// Line of the problem, in what was sent.
    pub line: Option<u64>,
    /// Column of the problem.
    pub column: Option<u64>,
    /// The platform's words.
    pub problem: String,
    /// Where a test failed, in the platform's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack: Option<String>,
    /// What the user can do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What the Apex tests of a deploy came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TestReport {
    /// Tests run.
    pub n_run: u64,
    /// Tests that failed.
    pub n_failed: u64,
    /// Percent of the lines that ran, of each class and trigger below what production asks for.
    pub low_coverage: BTreeMap<String, u64>,
}

/// Where in the tree the entries of an archive come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// By entry of the archive, where a file of the tree is sent as it is: its path, and
    /// whether it is the target's.
    pub(super) by_entry: BTreeMap<String, (String, bool)>,
    /// By component, as `Type:Name`: its main file.
    pub(super) by_component: BTreeMap<String, String>,
}

/// Everything that a deploy says of what did not go well; `target` is the commit gone back to.
pub(super) fn failures(result: &DeployResult, places: &Places, target: &str) -> Vec<Failure> {
    let mut failures: Vec<Failure> = result
        .failures()
        .map(|it| of_component(it, places, target))
        .collect();
    if let Some(tests) = &result.tests {
        let failed = tests.failures.iter();
        failures.extend(failed.map(|it| of_test(it, places, target)));
        let warnings = tests.coverage_warnings.iter();
        let warnings = warnings.chain(&tests.flow_coverage_warnings);
        failures.extend(warnings.map(|it| Failure {
            component: it.name.clone().unwrap_or_default(),
            problem: it.message.clone(),
            hint: hint(&it.message),
            ..Failure::default()
        }));
    }
    if failures.is_empty() || result.failure.is_some() {
        let problem = match &result.failure {
            // Some of the words begin with the code.
            Some((code, words)) if words.starts_with(code.as_str()) => words.clone(),
            Some((code, words)) => format!("{code}: {words}"),
            None => format!("the deploy ended as {:?}", result.status),
        };
        failures.push(Failure {
            hint: hint(&problem),
            problem,
            ..Failure::default()
        });
    }
    failures
}

/// The same where nothing is known of what was sent.
pub(crate) fn failures_of(result: &DeployResult) -> Vec<Failure> {
    if result.succeeded() {
        return Vec::new();
    }
    failures(result, &Places::default(), "")
}

fn of_component(message: &DeployMessage, places: &Places, target: &str) -> Failure {
    let problem = message.problem.clone().unwrap_or_default();
    let component = match message.component_type.as_str() {
        "" => message.full_name.clone(),
        of => format!("{of}:{}", bare_name(&message.full_name)),
    };
    let entry = places.by_entry.get(&message.file_name);
    let own = places.by_component.get(&component);
    let (file, is_target) = match (entry, own) {
        (Some((path, is_target)), _) => (path.clone(), *is_target),
        (None, Some(path)) => (path.clone(), false),
        (None, None) => (message.file_name.clone(), false),
    };
    Failure {
        hint: hint(&problem),
        component,
        file,
        commit: is_target.then(|| target.to_owned()),
        line: message.line,
        column: message.column,
        problem,
        stack: None,
    }
}

/// A name without what the platform puts before bundles: `markup://c:picker`.
fn bare_name(name: &str) -> &str {
    name.strip_prefix("markup://")
        .map_or(name, |it| it.split_once(':').map_or(it, |(_, name)| name))
}

fn of_test(failure: &TestFailure, places: &Places, target: &str) -> Failure {
    let method = failure.method.as_deref().unwrap_or_default();
    let class = format!("ApexClass:{}", failure.class);
    let entry = places
        .by_entry
        .get(&format!("classes/{}.cls", failure.class));
    let (line, column) = failure
        .stack_trace
        .as_deref()
        .map_or((None, None), |it| place_in(it, &failure.class));
    Failure {
        component: format!("{}.{method}", failure.class)
            .trim_end_matches('.')
            .to_owned(),
        file: entry
            .map(|it| it.0.clone())
            .or_else(|| places.by_component.get(&class).cloned())
            .unwrap_or_default(),
        commit: entry.filter(|it| it.1).map(|_| target.to_owned()),
        line: line.filter(|_| entry.is_some()),
        column: column.filter(|_| entry.is_some()),
        problem: failure.message.clone(),
        stack: failure.stack_trace.clone(),
        hint: hint(&failure.message),
    }
}

/// Line and column of the first frame in `class`: `Class.ATest.runs: line 12, column 1`.
fn place_in(stack: &str, class: &str) -> (Option<u64>, Option<u64>) {
    let prefix = format!("Class.{class}");
    let frame = stack.lines().find(|it| it.trim().starts_with(&prefix));
    let number = |word: &str| {
        let rest = frame?.split_once(word)?.1.trim_start();
        let end = rest.bytes().take_while(u8::is_ascii_digit).count();
        rest[..end].parse().ok()
    };
    (number("line "), number("column "))
}

impl TestReport {
    /// What the tests came to.
    pub(super) fn of(tests: &TestResults) -> Self {
        let percent = |it: &crate::client::CodeCoverage| {
            let covered = it.n_lines.saturating_sub(it.n_lines_not_covered);
            // A class without a line that can run is covered.
            (covered * 100).checked_div(it.n_lines).unwrap_or(100)
        };
        Self {
            n_run: tests.n_run,
            n_failed: tests.n_failures,
            low_coverage: tests
                .coverage
                .iter()
                .map(|it| (it.name.clone(), percent(it)))
                .filter(|(_, percent)| *percent < LEAST_COVERAGE)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::{CodeCoverage, CoverageWarning, DeployStatus};

    fn result(messages: Vec<DeployMessage>) -> DeployResult {
        DeployResult {
            id: "0Af000000000001AAA".to_owned(),
            status: DeployStatus::Failed,
            done: true,
            check_only: true,
            state_detail: None,
            failure: None,
            messages,
            manifest_messages: Vec::new(),
            tests: None,
            n_component_errors: 0,
            n_components_deployed: 0,
            n_components: 0,
            n_test_errors: 0,
            n_tests_completed: 0,
            n_tests: 0,
            created_by: String::new(),
            canceled_by: None,
            created: None,
            started: None,
            completed: None,
        }
    }

    fn message(of: &str, name: &str, file: &str, problem: &str) -> DeployMessage {
        DeployMessage {
            component_type: of.to_owned(),
            full_name: name.to_owned(),
            file_name: file.to_owned(),
            id: None,
            success: false,
            changed: false,
            created: false,
            deleted: false,
            problem: Some(problem.to_owned()),
            problem_type: None,
            line: Some(3),
            column: Some(7),
        }
    }

    fn places() -> Places {
        let path = "force-app/main/default/classes/A.cls".to_owned();
        let field = "force-app/main/default/objects/B__c/fields/C__c.field-meta.xml".to_owned();
        Places {
            by_entry: BTreeMap::from([("classes/A.cls".to_owned(), (path, true))]),
            by_component: BTreeMap::from([("CustomField:B__c.C__c".to_owned(), field)]),
        }
    }

    #[test]
    fn failure_names_the_file_and_line_in_the_commit() {
        let invalid = message("ApexClass", "A", "classes/A.cls", "Invalid type: Foo");
        let found = failures(&result(vec![invalid]), &places(), "5a90b3f");
        let [failure] = found.as_slice() else {
            panic!("{found:?}")
        };
        assert_eq!(failure.file, "force-app/main/default/classes/A.cls");
        assert_eq!(failure.commit.as_deref(), Some("5a90b3f"));
        assert_eq!((failure.line, failure.column), (Some(3), Some(7)));
        assert!(failure.hint.as_deref().unwrap().contains("`Foo`"));
    }

    #[test]
    fn child_has_its_own_file_and_no_commit_in_which_the_line_would_hold() {
        let child = message("CustomField", "B__c.C__c", "objects/B__c.object", "odd");
        let bundle = message(
            "LightningComponentBundle",
            "markup://c:x",
            "lwc/x/x.js",
            "odd",
        );
        let found = failures(&result(vec![child, bundle]), &places(), "5a90b3f");
        assert!(found[0].file.ends_with("fields/C__c.field-meta.xml"));
        assert_eq!(
            (found[0].commit.as_deref(), found[0].hint.as_deref()),
            (None, None)
        );
        assert_eq!(found[1].component, "LightningComponentBundle:x");
        assert_eq!(found[1].file, "lwc/x/x.js");
    }

    #[test]
    fn test_that_failed_has_its_stack_and_its_line() {
        let failure = TestFailure {
            class: "A".to_owned(),
            method: Some("runs".to_owned()),
            namespace: None,
            message: "System.AssertException: no".to_owned(),
            stack_trace: Some(
                "Class.Other.f: line 9, column 1\nClass.A.runs: line 12, column 4".into(),
            ),
        };
        let tests = TestResults {
            n_run: 2,
            n_failures: 1,
            failures: vec![failure],
            coverage_warnings: vec![CoverageWarning {
                name: None,
                message: "Average test coverage across all Apex Classes and Triggers is 25%, at \
                          least 75% test coverage is required."
                    .to_owned(),
            }],
            coverage: vec![
                CodeCoverage {
                    name: "Low".to_owned(),
                    namespace: None,
                    kind: "Class".to_owned(),
                    n_lines: 10,
                    n_lines_not_covered: 9,
                },
                CodeCoverage {
                    name: "Empty".to_owned(),
                    namespace: None,
                    kind: "Class".to_owned(),
                    n_lines: 0,
                    n_lines_not_covered: 0,
                },
            ],
            ..TestResults::default()
        };
        let report = TestReport::of(&tests);
        assert_eq!((report.n_run, report.n_failed), (2, 1));
        assert_eq!(
            report.low_coverage,
            BTreeMap::from([("Low".to_owned(), 10)])
        );
        let result = DeployResult {
            tests: Some(tests),
            ..result(Vec::new())
        };
        let found = failures(&result, &places(), "5a90b3f");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].component, "A.runs");
        assert_eq!((found[0].line, found[0].column), (Some(12), Some(4)));
        assert!(found[0].stack.as_deref().unwrap().contains("Class.Other.f"));
        assert!(found[1].hint.is_some());
    }

    #[test]
    fn deploy_that_failed_as_a_whole_is_one_failure() {
        let mut whole = result(Vec::new());
        whole.failure = Some(("UNKNOWN_EXCEPTION".into(), "UNKNOWN_EXCEPTION: x".into()));
        let found = failures(&whole, &places(), "5a90b3f");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].problem, "UNKNOWN_EXCEPTION: x");
        whole.failure = None;
        whole.status = DeployStatus::Canceled;
        let found = failures(&whole, &places(), "5a90b3f");
        assert_eq!(found[0].problem, "the deploy ended as Canceled");
    }
}
