//! What reading the history prints: `log`, `show`, `diff` and their statuses.

use serde_json::{Value, json};

use crate::support::{Package, Ran, TestEnv};

const FIELD: &str = "CustomField:Account.Region__c";

/// A first snapshot at eight, Jane's change of a label at nine, Omar's of a class at eleven.
fn with_history() -> TestEnv {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    env.orgkeep(&["snapshot"]).status(0);
    let package = Package::acme();
    package.edit("labels/CustomLabels.labels", "terms?v=4", "terms?v=5");
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    package.edit("classes/OpportunityService.cls", "class", "/* x */ class");
    package.load(&env.org, "omar@acme.example", "2027-01-10T11:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T12:00:00Z"}));
    env.orgkeep(&["snapshot"]).status(0);
    env
}

/// Asserts all that was printed: hashes of commits are as `git log` has them, newest first.
#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "calls read better without a sign"
)]
fn prints(env: &TestEnv, ran: Ran, expected: &str) {
    let hashes = env.git(&["log", "--format=%H"]);
    let mut text = ran.stdout.clone();
    for (n, hash) in hashes.lines().enumerate() {
        text = text
            .replace(hash, &format!("<{n}>"))
            .replace(&hash[..7], &format!("<{n}>"));
    }
    assert_eq!(text, expected);
    assert_eq!(ran.stderr, "");
}

#[track_caller]
fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|err| panic!("{err}: {}", ran.stdout))
}

#[test]
fn log_tells_each_change_in_a_line_and_is_narrowed_by_person_time_and_component() {
    let env = with_history();
    let omar = "<0>  2027-01-10 11:00  Omar Haddad   ~ ApexClass OpportunityService: OpportunityService.cls: +1 −1 lines\n";
    let jane = "<1>  2027-01-10 09:00  Jane Doe      ~ CustomLabel Terms_Url: value\n";
    let omar = &omar.replace(": OpportunityService.cls: +1 −1 lines", "");
    let log = |arguments: &[&str]| {
        let all = [&["log"], arguments].concat();
        env.orgkeep(&all).status(0)
    };
    prints(&env, log(&["-n", "2"]), &format!("{omar}{jane}"));
    prints(&env, log(&["--author", "jane"]), jane);
    prints(&env, log(&["--author", "OMAR@acme.example"]), omar);
    prints(&env, log(&["--since", "2027-01-10T10:00Z"]), omar);
    prints(&env, log(&["--author", "nobody"]), "");
    prints(
        &env,
        log(&["CustomLabel:Terms_Url", "-n", "1"]),
        &format!(
            "{jane}  ~ CustomLabel Terms_Url\n      value https://www.acme.example/terms?v=4&lang=en → https://www.acme.example/terms?v=5&lang=en\n"
        )
        .replace("value https://www.acme.example/terms?v=4&lang=en → https://www.acme.example/terms?v=5&lang=en", "value"),
    );
    let report = json_of(&log(&["--json", "ApexClass:OpportunityService"]));
    assert_eq!(report["schema"], "orgkeep/log/1");
    let commits = report["commits"].as_array().unwrap();
    assert_eq!(commits.len(), 2);
    assert_eq!(commits[0]["author"], "Omar Haddad");
    assert_eq!(commits[0]["at"], "2027-01-10T11:00:00Z");
    assert_eq!(commits[0]["components"][0]["change"], "changed");
    assert_eq!(commits[1]["kind"], "first");
    assert_eq!(commits[1]["components"][0]["change"], "added");
}

#[test]
fn what_matches_nothing_or_is_no_time_is_told() {
    let env = with_history();
    env.orgkeep(&["log", "CustomLabel:Terms_Ur"])
        .status(1)
        .warns("error: `CustomLabel:Terms_Ur` matches nothing")
        .warns("hint: did you mean `CustomLabel:Terms_Url`?");
    env.orgkeep(&["log", "--since", "soon"])
        .status(2)
        .warns("error: `soon` is not a day or a time\nhint: write a day such as `2026-11-21`");
    env.orgkeep(&["show", "nothing"])
        .status(1)
        .warns("error: ")
        .warns("nothing");
}

#[test]
fn runs_of_this_repository_and_of_other_clones_are_listed() {
    let env = with_history();
    env.orgkeep(&["snapshot"]).status(0);
    let report = json_of(&env.orgkeep(&["log", "--runs", "--json"]).status(0));
    assert_eq!(report["schema"], "orgkeep/runs/1");
    let runs = report["runs"].as_array().unwrap();
    let kinds: Vec<_> = runs.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["incremental", "incremental", "full"]);
    assert_eq!(
        (&runs[0]["changed"], &runs[1]["changed"]),
        (&json!(0), &json!(2))
    );
    let ran = env.orgkeep(&["log", "--runs", "-n", "2"]).status(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.stdout);
    assert!(
        lines[0].contains("  incremental  no change "),
        "{}",
        lines[0]
    );
    assert!(
        lines[1].contains("  incremental  2 files changed "),
        "{}",
        lines[1]
    );

    let clone = env.scratch("clone");
    env.git(&["clone", "--quiet", ".", clone.to_str().unwrap()]);
    env.git(&[
        "push",
        "--quiet",
        clone.to_str().unwrap(),
        "refs/orgkeep/*:refs/orgkeep/*",
    ]);
    let ran = env.orgkeep_in(&clone, &["log", "--runs"]).status(0);
    assert_eq!(
        ran.stdout.lines().count(),
        2,
        "those that changed something: {}",
        ran.stdout
    );
}

#[test]
fn show_tells_who_when_and_what_with_the_text_diff() {
    let env = with_history();
    prints(
        &env,
        env.orgkeep(&["show", "HEAD~1"]).status(0),
        "commit <1>\n\
         Author: Jane Doe <jane@acme.example>\n\
         Date:   2027-01-10 09:00 UTC\n\
         \n    ~ CustomLabel Terms_Url: value\n\
         \n\
         ~ CustomLabel Terms_Url\n    value\n\
         \n--- force-app/main/default/labels/CustomLabels.labels-meta.xml\n\
         @@ -30,6 +30,6 @@\n         <language>en_US</language>\n         <protected>false</protected>\n         <shortDescription>Terms</shortDescription>\n\
         -        <value>https://www.acme.example/terms?v=4&amp;lang=en</value>\n\
         +        <value>https://www.acme.example/terms?v=5&amp;lang=en</value>\n     </labels>\n </CustomLabels>\n",
    );
    let ran = env.orgkeep(&["show", "HEAD", "--name-only"]).status(0);
    assert!(
        ran.stdout.ends_with("\n\nApexClass:OpportunityService\n"),
        "{}",
        ran.stdout
    );
    let shown = json_of(&env.orgkeep(&["show", "--json"]).status(0));
    assert_eq!(shown["schema"], "orgkeep/show/1");
    assert_eq!(shown["commit"]["author"], "Omar Haddad");
}

#[test]
fn diff_ends_with_a_status_where_it_is_asked_to() {
    let env = with_history();
    prints(
        &env,
        env.orgkeep(&["diff", "HEAD~2", "--name-only"]).status(0),
        "ApexClass:OpportunityService\nCustomLabel:Terms_Url\n",
    );
    prints(
        &env,
        env.orgkeep(&["diff", "HEAD~2", "HEAD~1", "--no-patch", "--exit-code"])
            .status(4),
        "~ CustomLabel Terms_Url\n    value\n",
    );
    prints(
        &env,
        env.orgkeep(&["diff", "HEAD", "--exit-code"]).status(0),
        "",
    );
    prints(
        &env,
        env.orgkeep(&[
            "diff",
            "HEAD~2",
            "ApexClass:OpportunityService",
            "--name-only",
        ])
        .status(0),
        "ApexClass:OpportunityService\n",
    );
    let report = json_of(&env.orgkeep(&["diff", "HEAD~1", "--json"]).status(0));
    assert_eq!(report["schema"], "orgkeep/diff/1");
    let names: Vec<_> = report["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["component"])
        .collect();
    assert_eq!(names, ["ApexClass:OpportunityService"]);
}

#[test]
fn component_that_was_renamed_is_told_by_both_names() {
    let env = TestEnv::initialised();
    env.orgkeep(&["snapshot"]).status(0);
    // As a snapshot would find it: the file moves, the inventory has the same id.
    let reports = "force-app/main/default/reports/Sales";
    env.git(&[
        "mv",
        &format!("{reports}/Web_Leads.report-meta.xml"),
        &format!("{reports}/Leads_by_Web.report-meta.xml"),
    ]);
    let inventory = env.repo().join(".orgkeep/inventory/Report.jsonl");
    let text = std::fs::read_to_string(&inventory).unwrap();
    std::fs::write(
        &inventory,
        text.replace("Sales/Web_Leads", "Sales/Leads_by_Web"),
    )
    .unwrap();
    env.git(&["add", "-A"]);
    env.git(&["commit", "--quiet", "-m", "Rename"]);
    env.orgkeep(&["show", "--no-patch"])
        .status(0)
        .says("+ Report Sales/Leads_by_Web  (was Sales/Web_Leads)\n")
        .says("− Report Sales/Web_Leads  (now Sales/Leads_by_Web)\n");
}

#[test]
fn text_of_an_org_gives_no_command_to_a_runner_and_turns_no_line() {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    env.orgkeep(&["snapshot"]).status(0);
    let package = Package::acme();
    let hostile = "x\n::error::y\n##[group]z \u{202e}right to left";
    package.edit(
        "labels/CustomLabels.labels",
        "https://www.acme.example/terms",
        hostile,
    );
    package.edit(
        "objects/Account.object",
        "Sales region that looks after",
        hostile,
    );
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T12:00:00Z"}));
    for command in [
        &["status"][..],
        &["diff", "--live"],
        &["snapshot"],
        &["log"],
        &["log", FIELD],
        &["show"],
        &["diff", "HEAD~1"],
    ] {
        let ran = env.orgkeep(command).status(0);
        for line in ran.stdout.lines().chain(ran.stderr.lines()) {
            let line = line.trim_start();
            let is_command = line.starts_with("::") || line.starts_with("##[");
            assert!(
                !is_command && !line.contains('\u{202e}'),
                "{command:?}: {line:?}"
            );
        }
    }
}
