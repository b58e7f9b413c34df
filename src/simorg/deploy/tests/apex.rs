//! Apex tests in a deploy.

use super::*;

const TEST: &str = "@IsTest\nprivate class ATest {\n  @IsTest static void one() {}\n  static testMethod void two() {}\n}";

fn deploy(lab: &mut Lab, level: &str, tests: &[&str]) -> DeployResult {
    let package = manifest(&["ApexClass:A", "ApexClass:ATest"]);
    let files = [
        ("package.xml", package.as_str()),
        ("classes/A.cls", "class A {}"),
        ("classes/A.cls-meta.xml", CLASS_META),
        ("classes/ATest.cls", TEST),
        ("classes/ATest.cls-meta.xml", CLASS_META),
    ];
    let options = DeployOptions {
        test_level: (!level.is_empty()).then(|| level.to_owned()),
        run_tests: tests.iter().map(|it| (*it).to_owned()).collect(),
        ..options()
    };
    lab.run(&files, options)
}

#[test]
fn level_decides_which_tests_run() {
    let other = [
        (
            "classes/Other.cls",
            "@isTest class Other { @isTest static void x() {} }",
        ),
        ("classes/Other.cls-meta.xml", CLASS_META),
    ];
    for (level, specified, n) in [
        ("", &[][..], 0),
        ("NoTestRun", &[], 0),
        ("RunSpecifiedTests", &["ATest"], 2),
        ("RunLocalTests", &[], 3),
        ("RunRelevantTests", &[], 2),
        ("RunAllTestsInOrg", &[], 3),
    ] {
        let mut lab = Lab::new(&other);
        let result = deploy(&mut lab, level, specified);
        assert_eq!(result.status, "Succeeded", "{level}");
        assert_eq!(result.number_tests_total, n, "{level}");
        assert_eq!(result.run_tests_enabled, 0 < n, "{level}");
    }
}

#[test]
fn production_runs_local_tests_where_there_is_apex() {
    let mut lab = Lab::new(&[]).production();
    assert_eq!(deploy(&mut lab, "", &[]).number_tests_total, 2);
}

#[test]
fn failed_test_fails_the_deploy_and_nothing_is_kept() {
    let mut lab = Lab::new(&[]);
    let message = "System.AssertException: Assertion Failed".to_owned();
    lab.org
        .tests
        .failures
        .insert("ATest.two".to_owned(), message);
    let result = deploy(&mut lab, "RunLocalTests", &[]);
    assert_eq!(result.status, "Failed");
    assert_eq!(
        (result.number_test_errors, result.number_tests_completed),
        (1, 1)
    );
    let tests = result.details.run_test_result.unwrap();
    assert_eq!(tests.failures[0].method_name.as_deref(), Some("two"));
    assert_eq!(tests.successes[0].method_name, "one");
    assert!(!lab.has("ApexClass:A"));
}

#[test]
fn coverage_below_the_gate_fails_the_deploy() {
    for (level, specified, message) in [
        (
            "RunSpecifiedTests",
            &["ATest"][..],
            "Test coverage of selected Apex Class is 25%, at least 75% test coverage is required",
        ),
        (
            "RunLocalTests",
            &[],
            "Average test coverage across all Apex Classes and Triggers is 25%, at least 75% test \
             coverage is required.",
        ),
    ] {
        let mut lab = Lab::new(&[]);
        lab.org.tests.coverage.insert("A".to_owned(), 25);
        let result = deploy(&mut lab, level, specified);
        assert_eq!(result.status, "Failed", "{level}");
        let tests = result.details.run_test_result.unwrap();
        assert_eq!(tests.code_coverage_warnings[0].message, message);
        assert_eq!(tests.code_coverage[0].num_locations_not_covered, 75);
        assert!(!lab.has("ApexClass:A"));
    }
}

#[test]
fn specified_test_that_is_not_there_fails_the_deploy() {
    let mut lab = Lab::new(&[]);
    let result = deploy(&mut lab, "RunSpecifiedTests", &["Nope"]);
    assert_eq!(result.status, "Failed");
    assert!(
        result
            .error_message
            .unwrap()
            .ends_with("No test class named Nope found")
    );
}
