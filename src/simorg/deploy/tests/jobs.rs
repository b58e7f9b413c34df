//! Deploys as jobs.

use super::*;
use crate::simorg::{
    deploy::{cancel, repeat_validation},
    fault::{Script, Strike},
    state::Permission,
};

const EMPTY: Files<'static> = &[("package.xml", "<Package><version>66.0</version></Package>")];

fn class(name: &str) -> (String, String, String) {
    (
        manifest(&[&format!("ApexClass:{name}")]),
        format!("classes/{name}.cls"),
        format!("classes/{name}.cls-meta.xml"),
    )
}

#[test]
fn deploy_is_pending_then_at_work_then_done() {
    let mut lab = Lab::new(&[]);
    lab.org.config.checks_per_job = 2;
    let id = lab.start(EMPTY, options());
    let states: Vec<_> = (0..3).map(|_| lab.check(&id)).collect();
    let words: Vec<_> = states.iter().map(|it| it.status.as_str()).collect();
    assert_eq!(words, ["Pending", "InProgress", "Succeeded"]);
    assert!(states[0].start_date.is_none() && states[1].start_date.is_some());
    assert!(states[2].done && states[2].success && states[2].completed_date.is_some());
    assert_eq!(states[2].created_by.len(), 15);
    let short = &id[..15];
    assert_eq!(lab.check(short).status, "Succeeded", "and stays so");
}

#[test]
fn second_deploy_waits_for_the_first() {
    let mut lab = Lab::new(&[]);
    lab.org.config.checks_per_job = 1;
    let first = lab.start(EMPTY, options());
    let second = lab.start(EMPTY, options());
    assert_eq!(lab.check(&second).status, "Pending");
    assert_eq!(
        lab.check(&second).status,
        "Pending",
        "the first is done by now"
    );
    assert_eq!(lab.check(&second).status, "Pending");
    assert_eq!(lab.check(&second).status, "Succeeded");
    assert_eq!(lab.check(&first).status, "Succeeded");
}

#[test]
fn slow_deploy_can_be_cancelled_and_leaves_nothing() {
    let mut lab = Lab::new(&[]);
    let (package, path, meta) = class("SlowDeployX");
    let files = [
        ("package.xml", package.as_str()),
        (path.as_str(), "class SlowDeployX {}"),
        (meta.as_str(), CLASS_META),
    ];
    let id = lab.start(&files, options());
    lab.check(&id);
    assert_eq!(lab.check(&id).status, "InProgress");
    assert!(!cancel(&mut lab.org, lab.user, &id).unwrap());
    let result = lab.check(&id);
    assert_eq!(
        (result.status.as_str(), result.done, result.success),
        ("Canceled", true, false)
    );
    assert_eq!(result.canceled_by_name.as_deref(), Some("Jane Doe"));
    assert!(!lab.has("ApexClass:SlowDeployX"));
    let again = cancel(&mut lab.org, lab.user, &id).unwrap_err();
    assert_eq!(again.code, "INVALID_ID_FIELD");
    let waiting = lab.start(&files, options());
    assert!(
        cancel(&mut lab.org, lab.user, &waiting).unwrap(),
        "at once before it begins"
    );
}

#[test]
fn unknown_job_and_user_without_the_permission_are_refused() {
    let mut lab = Lab::new(&[]);
    let unknown = check(&mut lab.org, lab.user, "0Af000000000001AAA").unwrap_err();
    assert_eq!(unknown.code, "INVALID_CROSS_REFERENCE_KEY");
    let plain = User::administrator("p@acme.example", "P", "Lain")
        .without(Permission::ModifyAllData)
        .without(Permission::ModifyMetadata);
    let user = plain.id;
    lab.org.add_user(plain);
    let zip = Content::from(zip(EMPTY));
    let fault = start(&mut lab.org, user, zip, options(), &mut NoScript).unwrap_err();
    assert_eq!(fault.code, "INSUFFICIENT_ACCESS");
}

#[test]
fn production_asks_for_rollback_and_tests() {
    let mut lab = Lab::new(&[]).production();
    let (package, path, meta) = class("A");
    let files = [
        ("package.xml", package.as_str()),
        (path.as_str(), "class A {}"),
        (meta.as_str(), CLASS_META),
    ];
    let mut refused = |options: DeployOptions| {
        let zip = Content::from(zip(&files));
        let fault = start(&mut lab.org, lab.user, zip, options, &mut NoScript);
        fault.unwrap_err().message
    };
    let partly = DeployOptions {
        rollback_on_error: false,
        ..options()
    };
    assert_eq!(
        refused(partly),
        "rollbackOnError option must be true on a production org"
    );
    let untested = DeployOptions {
        test_level: Some("NoTestRun".to_owned()),
        ..options()
    };
    assert_eq!(
        refused(untested),
        "testLevel of NoTestRun cannot be used in production organizations"
    );
}

struct Strikes(&'static str, Strike);

impl Script for Strikes {
    fn strike(&mut self, call: &str, of: &str) -> Option<Strike> {
        (call == "deploy" && of == self.0).then(|| self.1.clone())
    }
}

#[test]
fn failure_on_request_strikes_what_the_manifest_names() {
    let mut lab = Lab::new(&[]);
    let package = manifest(&["ApexClass:A"]);
    let files = [("package.xml", package.as_str())];
    let mut start_with = |script: &mut Strikes| {
        let zip = Content::from(zip(&files));
        start(&mut lab.org, lab.user, zip, options(), script)
    };
    let error = Strike::Error("SERVER_UNAVAILABLE".to_owned());
    let fault = start_with(&mut Strikes("ApexClass:A", error)).unwrap_err();
    assert_eq!(fault.code, "SERVER_UNAVAILABLE");
    let id = start_with(&mut Strikes("ApexClass", Strike::Fail)).unwrap();
    let result = lab.check(id.as_str());
    assert_eq!(result.status, "Failed");
    assert_eq!(
        result.error_status_code.as_deref(),
        Some("UNKNOWN_EXCEPTION")
    );
}

const TEST: &str = "@isTest class ATest { @isTest static void works() { } }";

/// Validates a class with its test; gives the id of the validation.
fn validate(lab: &mut Lab) -> String {
    let package = manifest(&["ApexClass:A", "ApexClass:ATest"]);
    let files = [
        ("package.xml", package.as_str()),
        ("classes/A.cls", "class A {}"),
        ("classes/A.cls-meta.xml", CLASS_META),
        ("classes/ATest.cls", TEST),
        ("classes/ATest.cls-meta.xml", CLASS_META),
    ];
    let options = DeployOptions {
        check_only: true,
        test_level: Some("RunSpecifiedTests".to_owned()),
        run_tests: vec!["ATest".to_owned()],
        ..options()
    };
    let id = lab.start(&files, options);
    let result = lab.check(&id);
    assert_eq!(result.status, "Succeeded", "{:?}", problems(&result));
    assert!(!lab.has("ApexClass:A"));
    id
}

#[test]
fn recent_validation_is_deployed_without_its_tests() {
    let mut lab = Lab::new(&[]);
    let validation = validate(&mut lab);
    let id = repeat_validation(&mut lab.org, lab.user, &validation).unwrap();
    assert_ne!(id.as_str(), validation);
    let result = lab.check(id.as_str());
    assert_eq!(
        (result.status.as_str(), result.check_only),
        ("Succeeded", false)
    );
    assert_eq!(result.number_tests_total, 0);
    assert!(lab.has("ApexClass:A"));
    let again = repeat_validation(&mut lab.org, lab.user, &validation).unwrap_err();
    assert!(
        again
            .message
            .ends_with("another deployment has been made since")
    );
}

#[test]
fn what_is_no_recent_validation_is_refused() {
    let mut lab = Lab::new(&[]);
    let refused = |lab: &mut Lab, id: &str| {
        let fault = repeat_validation(&mut lab.org, lab.user, id).unwrap_err();
        assert_eq!(fault.code, "INVALID_ID_FIELD");
        fault.message
    };
    assert!(refused(&mut lab, "0Af000000000001AAA").contains("no validation"));
    let deployed = lab.start(EMPTY, options());
    lab.check(&deployed);
    assert!(refused(&mut lab, &deployed).ends_with("it was not a validation"));
    let untested = DeployOptions {
        check_only: true,
        ..options()
    };
    let untested = lab.start(EMPTY, untested);
    lab.check(&untested);
    assert!(refused(&mut lab, &untested).ends_with("no tests were run"));
    let old = validate(&mut lab);
    lab.org
        .advance(std::time::Duration::from_hours(10 * 24 + 1));
    assert!(refused(&mut lab, &old).ends_with("it is older than 10 days"));
}
