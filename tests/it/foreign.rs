//! Comparing with commits that orgkeep did not write: release branches and hand edits.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Package, Ran, TestEnv};

/// Components that differ, with the sign of the change.
fn signs(ran: &Ran) -> Vec<String> {
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    report["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let text = |name: &str| it[name].as_str().unwrap().to_owned();
            format!("{} {}", text("change"), text("component"))
        })
        .collect()
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn read(env: &TestEnv, path: &str) -> String {
    fs::read_to_string(env.repo().join("force-app/main/default").join(path)).unwrap()
}

/// The same document as a person would write it: other indentation, single quotes, no order.
fn by_hand(text: &str) -> String {
    let body = text.split_once("?>").unwrap().1;
    let body = body.replace("    ", "\t").replace('\n', "\r\n");
    format!("<?xml version='1.0' encoding='utf-8'?>{body}\r\n\r\n")
}

const CLASS: &str = "classes/OpportunityService.cls";
const FIELD: &str = "objects/Account/fields/Region__c.field-meta.xml";
const LABELS: &str = "labels/CustomLabels.labels-meta.xml";
const RULE: &str = "objects/Opportunity/validationRules/Amount.validationRule-meta.xml";
const PROFILE: &str = "profiles/Admin.profile-meta.xml";

/// A project in another layout, of a few components, on a branch of its own.
fn release_branch(env: &TestEnv, edit: impl Fn(&Path)) {
    let root = env.scratch("project");
    write(
        &root,
        "sfdx-project.json",
        r#"{"packageDirectories": [{"path": "core", "default": true}, {"path": "./sales/"}]}"#,
    );
    write(
        &root,
        "core/app/classes/service/OpportunityService.cls",
        &read(env, CLASS),
    );
    let meta = read(env, "classes/OpportunityService.cls-meta.xml");
    write(
        &root,
        "core/app/classes/service/OpportunityService.cls-meta.xml",
        &by_hand(&meta),
    );
    write(
        &root,
        &format!("sales/main/default/{FIELD}"),
        &by_hand(&read(env, FIELD)),
    );
    write(&root, &format!("sales/{RULE}"), &by_hand(&read(env, RULE)));
    // Of the labels and of the profile the project has a part, in an order of its own.
    let labels = read(env, LABELS);
    let label = |name: &str| {
        let start = labels
            .find(&format!("<labels>\n        <fullName>{name}"))
            .unwrap();
        let end = start + labels[start..].find("</labels>").unwrap() + "</labels>".len();
        labels[start..end].to_owned()
    };
    write(
        &root,
        &format!("core/{LABELS}"),
        &format!(
            "<?xml version=\"1.0\"?><CustomLabels xmlns=\"http://soap.sforce.com/2006/04/metadata\">{}{}</CustomLabels>",
            label("Terms_Url"),
            label("None_Left")
        ),
    );
    write(
        &root,
        &format!("core/{PROFILE}"),
        "<?xml version=\"1.0\"?><Profile xmlns=\"http://soap.sforce.com/2006/04/metadata\">\
         <userLicense>Salesforce</userLicense><custom>false</custom></Profile>",
    );
    write(&root, "README.md", "A project.\n");
    edit(&root);
    env.git_in(&root, &["init", "--quiet", "-b", "release"]);
    env.git_in(&root, &["add", "-A"]);
    env.git_in(&root, &["commit", "--quiet", "-m", "Release"]);
    env.git(&[
        "fetch",
        "--quiet",
        root.to_str().unwrap(),
        "release:release",
    ]);
}

fn snapshotted() -> TestEnv {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    env.orgkeep(&["snapshot"]).status(0);
    env
}

#[test]
fn project_that_says_the_same_in_its_own_words_does_not_differ() {
    let env = snapshotted();
    release_branch(&env, |_| ());
    for sides in [["release", "HEAD"], ["HEAD", "release"]] {
        let ran = env.orgkeep(&["diff", sides[0], sides[1], "--json", "--exit-code"]);
        assert_eq!(signs(&ran), Vec::<String>::new(), "{}", ran.stdout);
        ran.status(0);
    }
    env.orgkeep(&["diff", "release", "--live", "--exit-code"])
        .status(0);
}

#[test]
fn what_differs_from_a_project_is_told_and_what_it_lacks_is_out_of_its_scope() {
    let env = snapshotted();
    release_branch(&env, |root| {
        let path = root.join("core/app/classes/service/OpportunityService.cls");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}// next release\n")).unwrap();
        let path = root.join(format!("core/{LABELS}"));
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("terms?v=4", "terms?v=9")).unwrap();
        write(root, "sales/classes/New.cls", "public class New {}\n");
        write(
            root,
            "sales/classes/New.cls-meta.xml",
            "<ApexClass xmlns=\"http://soap.sforce.com/2006/04/metadata\"><apiVersion>66.0</apiVersion></ApexClass>",
        );
    });
    let ran = env
        .orgkeep(&["diff", "HEAD", "release", "--json", "--exit-code"])
        .status(4);
    assert_eq!(
        signs(&ran),
        [
            "added ApexClass:New",
            "changed ApexClass:OpportunityService",
            "changed CustomLabel:Terms_Url",
        ]
    );
    let ran = env
        .orgkeep(&["diff", "release", "HEAD", "--json"])
        .status(0);
    assert_eq!(signs(&ran)[0], "deleted ApexClass:New");
    env.orgkeep(&["diff", "HEAD", "release", "CustomLabel:Terms_Url"])
        .status(0)
        .says("~ CustomLabel Terms_Url\n    value\n")
        .says("+        <value>https://www.acme.example/terms?v=9&amp;lang=en</value>\n");

    // Against the org as it is now: one more change, in what the project holds, and one beside it.
    let package = Package::acme();
    package.edit(
        "objects/Account.object",
        "Sales region that looks after",
        "Region of",
    );
    package.edit(
        "classes/InboundRentalMail.cls",
        "class",
        "/* changed */ class",
    );
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T10:00:00Z"}));
    let ran = env
        .orgkeep(&["diff", "release", "--live", "--json", "--exit-code"])
        .status(4);
    assert_eq!(
        signs(&ran),
        [
            "deleted ApexClass:New",
            "changed ApexClass:OpportunityService",
            "changed CustomField:Account.Region__c",
            "changed CustomLabel:Terms_Url",
        ]
    );
}

#[test]
fn file_of_a_project_that_cannot_be_read_is_told_and_nothing_is_said_of_it() {
    let env = snapshotted();
    release_branch(&env, |root| {
        fs::write(
            root.join(format!("sales/main/default/{FIELD}")),
            "<CustomField",
        )
        .unwrap();
    });
    let ran = env.orgkeep(&["diff", "HEAD", "release"]).status(3);
    let ran = ran.warns("Region__c.field-meta.xml: not compared: ");
    assert_eq!(ran.stdout, "");
}

#[test]
fn hand_edit_on_top_of_a_snapshot_is_told_without_its_spelling() {
    let env = snapshotted();
    let path = env.repo().join("force-app/main/default").join(RULE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, by_hand(&text)).unwrap();
    fs::write(env.repo().join("README.md"), "Ours.\n").unwrap();
    env.git(&["add", "-A"]);
    env.git(&["commit", "--quiet", "-m", "Spell it otherwise"]);
    env.orgkeep(&["diff", "HEAD~1", "--name-only"])
        .status(0)
        .says("README.md\n");
    let ran = env.orgkeep(&["diff", "HEAD~1", "--json"]).status(0);
    assert_eq!(signs(&ran), Vec::<String>::new());
    fs::remove_file(&path).unwrap();
    env.git(&["commit", "--quiet", "-am", "Take it out"]);
    let ran = env.orgkeep(&["diff", "HEAD~2", "--json"]).status(0);
    assert_eq!(signs(&ran), ["deleted ValidationRule:Opportunity.Amount"]);
}
