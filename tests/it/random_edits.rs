//! Random edits by random people, and a rollback to a random commit.
//!
//! What should become of each edit is said here, by the table of what the platform can
//! put back, and not taken from the plan. After the rollback the tree is that of the
//! commit, but for the files of edits that were said to be for a person.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::Value;

use crate::support::{Deploy, TestEnv};

/// One way to change the org, and what a rollback should make of it.
struct Edit {
    component: &'static str,
    /// Deploys, one after the other.
    deploys: fn() -> Vec<Deploy>,
    verdict: &'static str,
    /// Files that stay different, by their end; none where it is restored.
    stays: &'static [&'static str],
}

fn edit(component: &'static str, verdict: &'static str, deploys: fn() -> Vec<Deploy>) -> Edit {
    Edit {
        component,
        deploys,
        verdict,
        stays: &[],
    }
}

const OBJECT: &str = "objects/Account.object";

fn object(inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<CustomObject xmlns=\"http://soap.sforce.com/2006/04/metadata\">{inner}</CustomObject>\n"
    )
}

fn edits() -> Vec<Edit> {
    vec![
        edit("CustomField:Account.Region__c", "recreate", || {
            vec![Deploy::new().delete(&["CustomField:Account.Region__c"])]
        }),
        edit("ValidationRule:Opportunity.Amount", "recreate", || {
            vec![Deploy::new().delete(&["ValidationRule:Opportunity.Amount"])]
        }),
        edit("CustomField:Account.Delivery_Notes__c", "revert", || {
            vec![
                Deploy::new()
                    .part("CustomField:Account.Delivery_Notes__c")
                    .edit(
                        OBJECT,
                        "<label>Delivery Notes</label>",
                        "<label>Gate</label>",
                    ),
            ]
        }),
        edit("ApexClass:OpportunityService", "revert", || {
            const FILE: &str = "classes/OpportunityService.cls";
            vec![
                Deploy::new()
                    .company("ApexClass:OpportunityService", &[FILE])
                    .edit(FILE, "DEFAULT_LIMIT = 15", "DEFAULT_LIMIT = 99"),
            ]
        }),
        edit(
            "Report:Sales/Regional/Big_Deals_This_Quarter",
            "revert",
            || {
                const FILE: &str = "reports/Sales/Regional/Big_Deals_This_Quarter.report";
                vec![
                    Deploy::new()
                        .company("Report:Sales/Regional/Big_Deals_This_Quarter", &[FILE])
                        .edit(FILE, "25000", "9"),
                ]
            },
        ),
        edit("PermissionSet:Region_Manager", "revert", || {
            const FILE: &str = "permissionsets/Region_Manager.permissionset";
            vec![
                Deploy::new()
                    .company("PermissionSet:Region_Manager", &[FILE])
                    .edit(
                        FILE,
                        "<allowCreate>true</allowCreate>",
                        "<allowCreate>false</allowCreate>",
                    ),
            ]
        }),
        edit("Profile:Sales User", "revert", || {
            vec![Deploy::new().profile(
                "Sales User",
                "<classAccesses><apexClass>InboundRentalMail</apexClass><enabled>true</enabled></classAccesses>",
            )]
        }),
        edit("ApexClass:Fresh", "delete", || {
            let meta = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ApexClass xmlns=\"http://soap.sforce.com/2006/04/metadata\"><apiVersion>66.0</apiVersion><status>Active</status></ApexClass>\n";
            vec![
                Deploy::new()
                    .file(
                        "ApexClass:Fresh",
                        "classes/Fresh.cls",
                        "public class Fresh {}\n",
                    )
                    .file("ApexClass:Fresh", "classes/Fresh.cls-meta.xml", meta),
            ]
        }),
        edit("CustomField:Account.Credit_Limit__c", "lossy", || {
            vec![
                Deploy::new()
                    .part("CustomField:Account.Credit_Limit__c")
                    .edit(
                        OBJECT,
                        "<precision>12</precision>",
                        "<length>40</length><type>Text</type>",
                    )
                    .edit(OBJECT, "<scale>2</scale>", "")
                    .edit(OBJECT, "<type>Currency</type>", ""),
            ]
        }),
        Edit {
            stays: &["Account/recordTypes/Fresh.recordType-meta.xml"],
            ..edit("RecordType:Account.Fresh", "manual", || {
                let made = object(
                    "<recordTypes><fullName>Fresh</fullName><active>true</active><label>Fresh</label></recordTypes>",
                );
                vec![Deploy::new().file("RecordType:Account.Fresh", OBJECT, &made)]
            })
        },
    ]
}

/// Edits in some order, who makes each, and how many come before the target.
fn stories() -> impl Strategy<Value = (Vec<usize>, Vec<usize>, usize)> {
    let n = edits().len();
    (5..9_usize).prop_flat_map(move |some| {
        let picked = prop::sample::subsequence((0..n).collect::<Vec<_>>(), some);
        (
            picked.prop_shuffle(),
            prop::collection::vec(0..3_usize, some),
            1..some - 1,
        )
    })
}

#[test]
fn org_is_as_it_was_at_the_commit_but_for_what_was_said_to_be_for_a_person() {
    let config = Config {
        cases: 2,
        max_shrink_iters: 0,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let result = runner.run(&stories(), |story| {
        play(&story);
        Ok(())
    });
    result.unwrap();
}

/// Plays one story.
fn play((order, people, n_before): &(Vec<usize>, Vec<usize>, usize)) {
    let edits = edits();
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let mut target = env.head();
    for (n, (edit, person)) in order.iter().zip(people).enumerate() {
        let person = ["Jane", "Omar", "Ada"][*person];
        for deploy in (edits[*edit].deploys)() {
            deploy.by(&env.org, person);
        }
        env.orgkeep(&["snapshot"]).status(0);
        env.orgkeep(&["log", "-n", "1", edits[*edit].component])
            .status(0)
            .says(person);
        if n + 1 == *n_before {
            target = env.head();
        }
    }
    let after: BTreeMap<&str, &Edit> = order[*n_before..]
        .iter()
        .map(|it| (edits[*it].component, &edits[*it]))
        .collect();
    let rollback = [
        "rollback",
        "--to",
        &target,
        "--all",
        "--delete-new",
        "--accept-lossy",
    ];
    let planned = env.orgkeep(&[&rollback[..], &["--dry-run", "--json"]].concat());
    let plan: Value = serde_json::from_str(&planned.stdout).unwrap();
    let mut verdicts = BTreeMap::new();
    for item in plan["items"].as_array().unwrap() {
        let text = |name: &str| item[name].as_str().unwrap().to_owned();
        verdicts.insert(text("component"), text("verdict"));
    }
    for (component, edit) in &after {
        let said = verdicts.get(*component).map(String::as_str);
        assert_eq!(
            said,
            Some(edit.verdict),
            "{component} in {order:?}, {n_before} before"
        );
    }
    for edit in order[..*n_before].iter().map(|it| &edits[*it]) {
        let said = verdicts
            .get(edit.component)
            .map_or("unchanged", String::as_str);
        // What others lost with what came later may be put back in it.
        assert!(
            ["unchanged", "revert"].contains(&said),
            "{}: {said}",
            edit.component
        );
    }
    let is_for_a_person = after.values().any(|it| it.verdict == "manual");
    let ran = env.orgkeep(&[&rollback[..], &["--yes"]].concat());
    assert_eq!(
        ran.status,
        if is_for_a_person { 3 } else { 0 },
        "{}\n{}",
        ran.stdout,
        ran.stderr
    );
    let names = env.git(&["diff", "--name-only", &target, "HEAD", "--", "force-app"]);
    let differing: BTreeSet<&str> = names.lines().collect();
    let said: Vec<&str> = after
        .values()
        .flat_map(|it| it.stays.iter().copied())
        .collect();
    for path in &differing {
        assert!(
            said.iter().any(|it| path.ends_with(it)),
            "{path} differs\n{}",
            ran.stdout
        );
    }
    for end in &said {
        assert!(
            differing.iter().any(|it| it.ends_with(end)),
            "{end} was said to stay"
        );
    }
    env.assert_sound();
}
