//! What a look at the live org tells, and that it leaves nothing behind.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::TestEnv;

#[track_caller]
fn json_of(env: &TestEnv, status: i32, arguments: &[&str]) -> Value {
    let ran = env.orgkeep(arguments).status(status);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

fn lines(report: &Value) -> Vec<(&str, &str)> {
    let changes = report["changes"].as_array().unwrap();
    changes
        .iter()
        .map(|it| {
            (
                it["change"].as_str().unwrap(),
                it["component"].as_str().unwrap(),
            )
        })
        .collect()
}

type Pairs<'a> = Vec<(&'a str, &'a str)>;

#[test]
fn changes_of_the_org_are_told_before_anything_is_committed() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    let head = env.head();
    let report = json_of(&env, 0, &["status", "--json", "--exit-code"]);
    assert_eq!(report["schema"], "orgkeep/status/1");
    assert_eq!(lines(&report), []);
    assert_eq!(report["commit"], head);

    let package = env.scratch("company");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/orgs/acme/package");
    copy(&from, &package);
    let class = package.join("classes/OpportunityService.cls");
    let text = fs::read_to_string(&class).unwrap();
    fs::write(&class, format!("{text}// changed\n")).unwrap();
    for name in [
        "RentalDeskController.cls",
        "RentalDeskController.cls-meta.xml",
    ] {
        let from = package.join("classes").join(name);
        let text = fs::read_to_string(&from).unwrap();
        let to = package
            .join("classes")
            .join(name.replace("RentalDeskController", "Added"));
        fs::write(to, text.replace("RentalDeskController", "Added")).unwrap();
    }
    for name in ["InboundRentalMail.cls", "InboundRentalMail.cls-meta.xml"] {
        fs::remove_file(package.join("classes").join(name)).unwrap();
    }
    env.org.clock(&json!({"advance": "60s"}));
    let user = env.org.user("Jane");
    let (username, name) = (user["username"].clone(), user["name"].as_str().unwrap());
    let body = json!({"path": package, "user": username});
    env.org.control("POST", "/simorg/load", &body);

    let retrieves = env.org.n_calls("retrieve");
    let report = json_of(&env, 4, &["status", "--json", "--exit-code"]);
    assert_eq!(
        lines(&report),
        [
            ("added", "ApexClass:Added"),
            ("deleted", "ApexClass:InboundRentalMail"),
            ("changed", "ApexClass:OpportunityService"),
        ]
    );
    assert_eq!(report["changes"][2]["by"], name);
    assert_eq!(
        env.org.n_calls("retrieve"),
        retrieves,
        "nothing is retrieved"
    );
    env.orgkeep(&["status"])
        .status(0)
        .says("~ ApexClass:OpportunityService changed ")
        .says(&format!(" by {name}"))
        .says("3 components differ by date");

    let objects = env.git(&["count-objects", "-v"]);
    let told = report;
    let live = json_of(&env, 4, &["diff", "--live", "--json", "--exit-code"]);
    assert_eq!(live["from"], head);
    assert_eq!(live["to"], "org");
    let found: Vec<(&str, &str)> = live["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            (
                it["change"].as_str().unwrap(),
                it["component"].as_str().unwrap(),
            )
        })
        .collect();
    // What follows from them in profiles has no date, and shows in the content alone.
    let (profiles, by_date): (Pairs<'_>, Pairs<'_>) = found
        .iter()
        .copied()
        .partition(|it| it.1.starts_with("Profile:"));
    assert_eq!(by_date, lines(&told));
    assert!(!profiles.is_empty());
    env.orgkeep(&["diff", "--live", "ApexClass:OpportunityService"])
        .status(0)
        .says("~ ApexClass OpportunityService")
        .says("+// changed");
    assert_eq!(env.git(&["count-objects", "-v"]), objects);
    assert_eq!(env.head(), head);
    env.assert_sound();

    // The next snapshot finds the same, and then there is nothing to tell.
    env.orgkeep(&["snapshot"]).status(0);
    let report = json_of(&env, 0, &["status", "--json"]);
    assert_eq!(lines(&report), []);
    json_of(&env, 0, &["diff", "--live", "--json", "--exit-code"]);
    let report = json_of(&env, 4, &["diff", "--live", &head, "--json", "--exit-code"]);
    assert_eq!(report["components"].as_array().unwrap().len(), found.len());
}
