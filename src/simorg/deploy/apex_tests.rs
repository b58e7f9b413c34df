//! Apex tests: which run, and what they come to by the script.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    CodeCoverage, CodeCoverageWarning, RunTestFailure, RunTestSuccess, RunTestsResult, code,
};
use crate::{
    model::{ComponentKey, TypeName},
    simorg::{SimOrg, state::Component},
};

/// Least coverage of a class, and of all on average, in percent.
///
/// Source: Apex Developer Guide, "Code Coverage Best Practices".
const LEAST_COVERAGE: u64 = 75;

/// What Apex tests come to; without a word about one it passes and all is covered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TestScript {
    /// Tests that fail, as `Class` or `Class.method`, with what they say.
    pub failures: BTreeMap<String, String>,
    /// Percent of the lines covered, by class or trigger.
    pub coverage: BTreeMap<String, u8>,
}

/// Which tests a deploy runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TestLevel {
    None,
    Specified,
    Relevant,
    Local,
    All,
}

impl TestLevel {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "NoTestRun" => Self::None,
            "RunSpecifiedTests" => Self::Specified,
            "RunRelevantTests" => Self::Relevant,
            "RunLocalTests" => Self::Local,
            "RunAllTestsInOrg" => Self::All,
            _ => return None,
        })
    }
}

struct TestClass {
    id: String,
    name: String,
    methods: Vec<String>,
}

/// Runs tests of `level` for a deploy of the Apex `deployed`.
///
/// # Errors
///
/// The text for a specified class that is not there.
pub(super) fn run(
    org: &SimOrg,
    level: TestLevel,
    specified: &[String],
    deployed: &[&ComponentKey],
) -> Result<RunTestsResult, String> {
    if level == TestLevel::None {
        return Ok(RunTestsResult::default());
    }
    let mut result = RunTestsResult::default();
    for test in classes(org, level, specified, deployed)? {
        run_class(org, &test, &mut result);
    }
    result.num_failures = result.failures.len();
    result.num_tests_run = result.failures.len() + result.successes.len();
    result.total_time = millis(result.num_tests_run);
    measure(org, level, deployed, &mut result);
    Ok(result)
}

#[expect(clippy::cast_precision_loss, reason = "it is a made-up time")]
fn millis(n: usize) -> f64 {
    n as f64 * 12.0
}

fn classes(
    org: &SimOrg,
    level: TestLevel,
    specified: &[String],
    deployed: &[&ComponentKey],
) -> Result<Vec<TestClass>, String> {
    let all = || {
        let type_name = TypeName::known("ApexClass");
        org.metadata()
            .of_type(&type_name)
            .filter(|(_, it)| level == TestLevel::All || it.namespace.is_none())
            .filter_map(|(name, it)| test_class(name.as_str(), it))
            .collect::<Vec<_>>()
    };
    if level != TestLevel::Specified {
        let mut found = all();
        if level == TestLevel::Relevant {
            found.retain(|it| is_relevant(org, it, deployed));
        }
        return Ok(found);
    }
    let mut found = Vec::new();
    for wanted in specified {
        // `Class.method` is taken too.
        let name = wanted.split('.').next().unwrap_or(wanted);
        let key = ComponentKey::parse("ApexClass", name);
        let component = key.ok().and_then(|it| org.metadata().get(&it));
        let class = component.and_then(|it| test_class(name, it));
        found.push(class.ok_or_else(|| {
            format!("INVALID_CROSS_REFERENCE_KEY: No test class named {name} found")
        })?);
    }
    Ok(found)
}

/// Whether a test names something deployed, or is deployed itself.
fn is_relevant(org: &SimOrg, test: &TestClass, deployed: &[&ComponentKey]) -> bool {
    let Ok(key) = ComponentKey::parse("ApexClass", &test.name) else {
        return false;
    };
    if deployed.contains(&&key) {
        return true;
    }
    let source = org.metadata().get(&key).and_then(source_of);
    source.is_some_and(|it| {
        deployed
            .iter()
            .any(|k| code::mentions(&it, k.name.as_str()))
    })
}

fn source_of(component: &Component) -> Option<String> {
    let files = component.files.iter();
    let mut files = files.filter(|it| !it.path.ends_with("-meta.xml"));
    let file = files.next()?;
    Some(String::from_utf8_lossy(&file.content).into_owned())
}

/// The class as a test class, if it is one.
fn test_class(name: &str, component: &Component) -> Option<TestClass> {
    let source = source_of(component)?;
    let tokens = code::tokens(&source).ok()?;
    let word = |n: usize| tokens.get(n).map_or("", |it| it.text);
    let is = |n: usize, text: &str| word(n).eq_ignore_ascii_case(text);
    let mut methods = Vec::new();
    let mut is_test = false;
    for n in 0..tokens.len() {
        let is_annotated = word(n) == "@" && is(n + 1, "isTest");
        if !is_annotated && !is(n, "testMethod") {
            continue;
        }
        // The name before the next parenthesis, unless a class or a block begins before.
        let mut at = n + 2;
        if is_annotated && word(at) == "(" {
            while at < tokens.len() && word(at) != ")" {
                at += 1;
            }
            at += 1;
        }
        while at < tokens.len() && !matches!(word(at), "(" | "{") && !is(at, "class") {
            at += 1;
        }
        if is(at, "class") {
            is_test = true;
        } else if word(at) == "(" && 0 < at {
            let method = word(at - 1).to_owned();
            if !methods.contains(&method) {
                methods.push(method);
            }
        }
    }
    is_test |= !methods.is_empty();
    is_test.then(|| TestClass {
        id: component.id.map(|it| it.to_string()).unwrap_or_default(),
        name: name.to_owned(),
        methods,
    })
}

fn run_class(org: &SimOrg, class: &TestClass, result: &mut RunTestsResult) {
    for method in &class.methods {
        let full = format!("{}.{method}", class.name);
        let script = &org.tests.failures;
        let failure = script.get(&full).or_else(|| script.get(&class.name));
        match failure {
            Some(message) => result.failures.push(RunTestFailure {
                id: class.id.clone(),
                message: message.clone(),
                method_name: Some(method.clone()),
                name: class.name.clone(),
                namespace: None,
                package_name: class.name.clone(),
                stack_trace: Some(format!("Class.{full}: line 1, column 1")),
                time: 12.0,
                kind: "Class".to_owned(),
            }),
            None => result.successes.push(RunTestSuccess {
                id: class.id.clone(),
                method_name: method.clone(),
                name: class.name.clone(),
                namespace: None,
                time: 12.0,
            }),
        }
    }
}

/// Lines of a class that coverage is counted by. Own choice: any fixed number does.
const LINES: u64 = 100;

/// Counts the coverage and holds it against the gates.
fn measure(
    org: &SimOrg,
    level: TestLevel,
    deployed: &[&ComponentKey],
    result: &mut RunTestsResult,
) {
    let (mut covered, mut n) = (0, 0);
    for (type_name, kind) in [("ApexClass", "Class"), ("ApexTrigger", "Trigger")] {
        let type_name = TypeName::known(type_name);
        for (name, component) in org.metadata().of_type(&type_name) {
            let is_test = kind == "Class" && test_class(name.as_str(), component).is_some();
            if component.namespace.is_some() || is_test {
                continue;
            }
            let percent = org.tests.coverage.get(name.as_str());
            let percent = percent.map_or(100, |it| u64::from(*it).min(100));
            covered += percent;
            n += 1;
            let key = ComponentKey::new(type_name.clone(), name.clone());
            let is_deployed = deployed.contains(&&key);
            let id = component.id.map(|it| it.to_string()).unwrap_or_default();
            let missing = usize::try_from(LINES - percent).unwrap_or_default();
            result.code_coverage.push(CodeCoverage {
                id: id.clone(),
                name: name.to_string(),
                namespace: None,
                num_locations: usize::try_from(LINES).unwrap_or_default(),
                num_locations_not_covered: missing,
                kind: kind.to_owned(),
            });
            let least = if kind == "Class" { LEAST_COVERAGE } else { 1 };
            if level == TestLevel::Specified && is_deployed && percent < least {
                result.code_coverage_warnings.push(CodeCoverageWarning {
                    id,
                    message: format!(
                        "Test coverage of selected Apex {kind} is {percent}%, at least {least}% \
                         test coverage is required"
                    ),
                    name: Some(name.to_string()),
                    namespace: None,
                });
            }
        }
    }
    let is_average = matches!(
        level,
        TestLevel::Local | TestLevel::All | TestLevel::Relevant
    );
    if is_average && 0 < n && !deployed.is_empty() && covered / n < LEAST_COVERAGE {
        result.code_coverage_warnings.push(CodeCoverageWarning {
            id: String::new(),
            message: format!(
                "Average test coverage across all Apex Classes and Triggers is {}%, at least \
                 {LEAST_COVERAGE}% test coverage is required.",
                covered / n
            ),
            name: None,
            namespace: None,
        });
    }
}
