//! What a component has to do with others, with people and with jobs.

use serde_json::json;

use super::Pair;
use crate::support::{Deploy, Held, TestEnv};

const QUEUE: &str = "Queue:Fleet_Intake";
const QUEUE_FILE: &str = "queues/Fleet_Intake.queue";

fn queue(users: &str) -> Deploy {
    Deploy::new().company(QUEUE, &[QUEUE_FILE]).edit(
        QUEUE_FILE,
        "</roles>",
        &format!("</roles>\n        <users>{users}</users>"),
    )
}

#[test]
fn queue_comes_back_without_a_member_whom_the_org_does_not_have() {
    let pair = Pair::with(&queue(
        "<user>jane@acme.example</user><user>omar@acme.example</user>",
    ));
    let env = &pair.env;
    let first = env.head();
    Deploy::new()
        .company(QUEUE, &[QUEUE_FILE])
        .by(&env.org, "Jane");
    env.org.control(
        "POST",
        "/simorg/users",
        &json!({"user": "omar@acme.example", "username": "omar@elsewhere.example"}),
    );
    env.orgkeep(&["rollback", "--to", &first, QUEUE, "--yes"])
        .status(0)
        .says("without user omar@acme.example, whom the org does not have");
    let file = Held::of(&env.org).files[QUEUE_FILE].clone();
    let file = String::from_utf8(file).unwrap();
    assert!(file.contains("<user>jane@acme.example</user>") && !file.contains("omar"));
}

#[test]
fn class_that_a_job_runs_is_said_to_be_locked_and_goes_back_once_it_is_not() {
    const CLASS: &str = "ApexClass:OpportunityService";
    const FILE: &str = "classes/OpportunityService.cls";
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    Deploy::new()
        .company(CLASS, &[FILE])
        .edit(FILE, "DEFAULT_LIMIT = 15", "DEFAULT_LIMIT = 99")
        .by(&env.org, "Jane");
    let job = json!({"name": "Nightly deals", "class": "OpportunityService"});
    env.org.control("POST", "/simorg/jobs", &job);
    let changed = Held::of(&env.org);
    let rollback = ["rollback", "--to", &first, CLASS, "--yes"];
    env.orgkeep(&rollback)
        .status(1)
        .says("jobs are scheduled to run it (Nightly deals)")
        .says("This schedulable class has jobs pending or in progress");
    assert_eq!(Held::of(&env.org).files, changed.files);
    env.org
        .control("POST", "/simorg/jobs", &json!({"name": "Nightly deals"}));
    let done = env.orgkeep(&rollback).status(0);
    assert!(!done.stdout.contains("jobs are scheduled"));
}

const NEW_RULE: &str = "<rules><fullName>Brand New</fullName><active>false</active><formula>true</formula><triggerType>onAllChanges</triggerType></rules>";

#[test]
fn rules_that_are_new_inside_a_file_stay_or_go_as_one_says() {
    const WORKFLOW: &str = "Workflow:Account";
    const FILE: &str = "workflows/Account.workflow";
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    let before = Held::of(&env.org);
    Deploy::new()
        .company(WORKFLOW, &[FILE])
        .edit(FILE, "<rules>", &format!("{NEW_RULE}\n    <rules>"))
        .edit(FILE, "<active>true</active>", "<active>false</active>")
        .by(&env.org, "Jane");
    let rollback = ["rollback", "--to", &first, WORKFLOW, "--yes"];
    env.orgkeep(&rollback).says(
        "WorkflowRule:Account.Brand New is new since then and stays; `--delete-new` deletes it",
    );
    let text = Held::of(&env.org).files[FILE].clone();
    assert!(String::from_utf8(text).unwrap().contains("Brand New"));
    env.orgkeep(&[&rollback[..], &["--delete-new"]].concat())
        .status(0)
        .says("deletes WorkflowRule:Account.Brand New");
    assert_eq!(before.differing(&Held::of(&env.org)), [].into());
}

#[test]
fn sharing_rules_that_are_new_go_with_a_word() {
    const RULES: &str = "SharingRules:Account";
    const FILE: &str = "sharingRules/Account.sharingRules";
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    let before = Held::of(&env.org);
    Deploy::new()
        .company(RULES, &[FILE])
        .edit(FILE, "Gold_Accounts_to_Leads", "Gold_to_Leads_Too")
        .by(&env.org, "Jane");
    env.orgkeep(&["rollback", "--to", &first, RULES, "--yes", "--delete-new"])
        .status(0)
        .says("deletes SharingCriteriaRule:Account.Gold_to_Leads_Too");
    assert_eq!(before.differing(&Held::of(&env.org)), [].into());
}

#[test]
fn what_refers_to_something_new_is_named_before_the_org_refuses() {
    const FIELD: &str = "CustomField:Account.Fresh__c";
    const RULE: &str = "ValidationRule:Account.Fresh_Check";
    const FILE: &str = "objects/Account.object";
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    let object = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CustomObject xmlns=\"http://soap.sforce.com/2006/04/metadata\">\
        <fields><fullName>Fresh__c</fullName><label>Fresh</label><length>20</length><type>Text</type></fields>\
        <validationRules><fullName>Fresh_Check</fullName><active>true</active><errorConditionFormula>ISBLANK(Fresh__c)</errorConditionFormula><errorMessage>no</errorMessage></validationRules></CustomObject>\n";
    Deploy::new()
        .file(FIELD, FILE, object)
        .file(RULE, FILE, object)
        .by(&env.org, "Jane");
    let rollback = ["rollback", "--to", &first, FIELD, "--delete-new", "--yes"];
    env.orgkeep(&rollback)
        .status(1)
        .says("ValidationRule:Account.Fresh_Check refers to it and stays")
        .says("This custom field is referenced elsewhere in salesforce.com.");
    env.orgkeep(&[&rollback[..], &[RULE]].concat()).status(0);
}
