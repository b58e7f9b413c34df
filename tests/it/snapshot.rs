//! What `orgkeep snapshot` makes of a simulated org: commits, authors, trees.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::support::{Org, Package, TestEnv, deploy};

/// Takes a snapshot with `options`; its report.
#[track_caller]
fn snapshot(env: &TestEnv, options: &[&str]) -> Value {
    snapshot_in(env, &env.repo(), options)
}

#[track_caller]
fn snapshot_in(env: &TestEnv, dir: &std::path::Path, options: &[&str]) -> Value {
    let mut arguments = vec!["snapshot", "--json"];
    arguments.extend(options);
    let ran = env.orgkeep_in(dir, &arguments).status(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn n_commits(report: &Value) -> usize {
    report["commits"].as_array().unwrap().len()
}

/// A second repository, initialised.
fn other_repo(env: &TestEnv, name: &str) -> PathBuf {
    // The last part names the project in sfdx-project.json, so it is the same.
    let dir = env.scratch(name).join("repo");
    fs::create_dir_all(&dir).unwrap();
    env.orgkeep_in(&dir, &["init"]).status(0);
    dir
}

/// Asserts that an incremental history and a full pass in a fresh repository have one tree.
#[track_caller]
fn assert_equals_full(env: &TestEnv, name: &str) {
    let fresh = other_repo(env, name);
    snapshot_in(env, &fresh, &["--full"]);
    let mine = env.git(&["ls-tree", "-r", "HEAD"]);
    let full = env.git_in(&fresh, &["ls-tree", "-r", "HEAD"]);
    if mine == full {
        return;
    }
    let differing: Vec<&str> = mine
        .lines()
        .filter(|it| !full.lines().any(|other| other == *it))
        .chain(
            full.lines()
                .filter(|it| !mine.lines().any(|other| other == *it)),
        )
        .map(|it| it.split_once('\t').unwrap().1)
        .collect();
    let mut text = String::new();
    for path in differing.iter().take(4) {
        let object = format!("HEAD:{path}");
        let show = |dir: &std::path::Path| {
            let output = env
                .command("git", dir)
                .args(["show", &object])
                .output()
                .unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let (mine, full) = (show(&env.repo()), show(&fresh));
        for line in mine
            .lines()
            .filter(|it| !full.lines().any(|other| other == *it))
        {
            text.extend([path, " incremental: ", line, "\n"]);
        }
        for line in full
            .lines()
            .filter(|it| !mine.lines().any(|other| other == *it))
        {
            text.extend([path, " full: ", line, "\n"]);
        }
    }
    panic!("incremental and full differ in {differing:?}\n{text}");
}

/// Name and size of everything in the object database, and of every ref.
fn objects_and_refs(env: &TestEnv) -> String {
    format!(
        "{}{}",
        env.git(&["count-objects", "-v"]),
        env.git(&["for-each-ref"])
    )
}

fn modified_times(env: &TestEnv) -> Vec<(String, std::time::SystemTime)> {
    env.git(&["ls-files"])
        .lines()
        .map(|path| {
            // Quoted names are those of no interest here.
            let time = fs::metadata(env.repo().join(path)).and_then(|it| it.modified());
            (path.to_owned(), time.unwrap_or(std::time::UNIX_EPOCH))
        })
        .collect()
}

#[test]
fn first_snapshot_commits_everything_and_the_second_finds_nothing() {
    let env = TestEnv::initialised();
    let first = snapshot(&env, &[]);
    assert_eq!(first["pass"], "full");
    assert!(n_commits(&first) >= 1);
    assert_eq!(first["gaps"], json!([]));
    env.assert_sound();
    let files = env.git(&["ls-files"]);
    for path in [
        "force-app/main/default/classes/OpportunityService.cls",
        "force-app/main/default/objects/Account/fields/Region__c.field-meta.xml",
        "force-app/main/default/reports/Sales/Regional/Pipeline_by_Region.report-meta.xml",
        "force-app/main/default/profiles/Sales User.profile-meta.xml",
        "force-app/main/default/standardValueSets/Industry.standardValueSet-meta.xml",
        "unmapped/acmeWidgets/Opening_Hours.acmeWidget",
        ".orgkeep/org.json",
        ".orgkeep/coverage.json",
        ".orgkeep/inventory/CustomField.jsonl",
        ".orgkeep/flows/Order_Follow_Up/versions.json",
    ] {
        assert!(files.lines().any(|it| it == path), "no {path} in\n{files}");
    }

    let before = (env.head(), objects_and_refs(&env), modified_times(&env));
    let counted = env.org.calls();
    let second = snapshot(&env, &[]);
    assert_eq!(second["pass"], "incremental");
    assert_eq!(n_commits(&second), 0);
    assert_eq!(
        before,
        (env.head(), objects_and_refs(&env), modified_times(&env))
    );
    env.assert_sound();
    let calls = env.org.calls();
    // What has no date of its own is retrieved in one call.
    assert_eq!(calls["retrieve"], counted["retrieve"] + 1, "{calls:?}");
    let n: u64 = calls.values().sum::<u64>() - counted.values().sum::<u64>();
    assert!(n <= 300, "{n} calls for nothing: {calls:?}");

    // What is said to have been called is what was called.
    let said: u64 = second["calls"]
        .as_object()
        .unwrap()
        .values()
        .map(|it| it.as_u64().unwrap())
        .sum();
    assert_eq!(
        said, n,
        "{} against {calls:?} − {counted:?}",
        second["calls"]
    );
}

#[test]
fn each_persons_change_is_a_commit_of_their_own() {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    snapshot(&env, &[]);
    env.org.clock(&json!({"now": "2027-01-10T09:00:00Z"}));
    deploy(&env.org, "jane", "fixtures/orgs/acme-changes/jane");
    env.org.clock(&json!({"now": "2027-01-10T11:00:00Z"}));
    deploy(&env.org, "omar", "fixtures/orgs/acme-changes/omar");
    env.org.clock(&json!({"now": "2027-01-10T12:00:00Z"}));
    let report = snapshot(&env, &[]);
    assert_eq!(n_commits(&report), 2, "{report:#}");

    let log = env.git(&["log", "-2", "--reverse", "--format=%an <%ae> %aI|%cn|%s"]);
    let lines: Vec<&str> = log.lines().collect();
    assert!(
        lines[0].starts_with("Jane Doe <jane@acme.example> 2027-01-10T09:0"),
        "{log}"
    );
    assert!(lines[0].contains("Account.Region__c"), "{log}");
    assert!(
        lines[1].starts_with("Omar Haddad <omar@acme.example> 2027-01-10T11:0"),
        "{log}"
    );
    assert!(log.lines().all(|it| it.contains("|orgkeep|")), "{log}");

    let jane = env.git(&["log", "-1", "--format=%B", "HEAD~1"]);
    for text in [
        "field permission",
        "layout item",
        "Orgkeep-Part: 1/2",
        "Orgkeep-Org: ",
    ] {
        assert!(jane.contains(text), "no `{text}` in\n{jane}");
    }
    let changed = env.git(&["show", "--name-only", "--format=", "HEAD~1"]);
    for path in [
        "fields/Region__c.field-meta.xml",
        "profiles/Admin.profile-meta.xml",
        "layouts/Account-Account Layout.layout-meta.xml",
        "permissionsets/Region_Manager.permissionset-meta.xml",
    ] {
        assert!(changed.contains(path), "no {path} in\n{changed}");
    }
    let changed = env.git(&[
        "show",
        "--name-only",
        "--format=",
        "HEAD",
        "--",
        "force-app",
    ]);
    let paths: Vec<&str> = changed.lines().collect();
    assert_eq!(
        paths,
        [
            "force-app/main/default/classes/OpportunityService.cls",
            "force-app/main/default/objects/Opportunity/validationRules/Amount.validationRule-meta.xml",
            "force-app/main/default/reports/Sales/Regional/Big_Deals_This_Quarter.report-meta.xml",
        ]
    );
    env.assert_sound();
    assert_eq!(n_commits(&snapshot(&env, &[])), 0);
    assert_equals_full(&env, "full");
}

#[test]
fn deleter_is_said_to_be_unknown_where_the_audit_trail_is_hidden() {
    let env = TestEnv::initialised();
    let as_vera = |arguments: &[&str]| {
        let output = env
            .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
            .env("SF_ACCESS_TOKEN", env.org.token("vera"))
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stderr).unwrap()
    };
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    as_vera(&["snapshot"]);
    let package = Package::acme();
    package.remove(&[
        "classes/InboundRentalMail.cls",
        "classes/InboundRentalMail.cls-meta.xml",
    ]);
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T10:00:00Z"}));
    let stderr = as_vera(&["snapshot"]);
    assert!(stderr.contains("audit trail"), "{stderr}");
    let last = env.git(&["log", "-1", "--format=%an%n%B"]);
    assert!(!last.starts_with("Jane"), "{last}");
    assert!(last.to_lowercase().contains("unknown"), "{last}");
    assert!(
        !env.repo()
            .join("force-app/main/default/classes/InboundRentalMail.cls")
            .exists()
    );
}

#[test]
fn incremental_equals_full_after_many_changes() {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    snapshot(&env, &[]);

    let package = Package::acme();
    package.edit("classes/RentalDeskController.cls", "{", "{ // counted\n");
    package.edit(
        "layouts/Account-Account Layout.layout",
        "<label>",
        "<label>Changed ",
    );
    package.edit("objects/Account.object", "<label>", "<label>Changed ");
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T09:30:00Z"}));
    let report = snapshot(&env, &[]);
    assert_eq!(report["pass"], "incremental");
    assert_eq!(n_commits(&report), 1);

    package.remove(&[
        "reports/Sales/Dealers.report",
        "objectTranslations/Account-fr.objectTranslation",
    ]);
    package.edit(
        "permissionsets/Rental_Desk.permissionset",
        "<label>",
        "<label>Changed ",
    );
    package.load(&env.org, "omar@acme.example", "2027-01-10T10:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T10:30:00Z"}));
    snapshot(&env, &[]);

    deploy(&env.org, "omar", "fixtures/orgs/acme-changes/flow");
    deploy(&env.org, "jane", "fixtures/orgs/acme-changes/jane");
    env.org.clock(&json!({"now": "2027-01-10T11:30:00Z"}));
    let report = snapshot(&env, &[]);
    assert_eq!(report["pass"], "incremental");
    env.assert_sound();
    assert_equals_full(&env, "full");
    assert_eq!(
        n_commits(&snapshot(&env, &["--full"])),
        0,
        "{}",
        env.git(&["show", "--stat"])
    );
}

#[test]
fn granted_field_and_layout_assignment_are_exactly_two_lines() {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    snapshot(&env, &[]);
    let package = Package::acme();
    let field = "<editable>false</editable>\n        <field>Account.Industry</field>";
    package.edit(
        "profiles/Standard.profile",
        field,
        &field.replace("false", "true"),
    );
    package.edit(
        "profiles/Standard.profile",
        "<layout>Account-Account Layout</layout>",
        "<layout>Account-Account %28Sales%29 Layout</layout>",
    );
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    env.org.clock(&json!({"now": "2027-01-10T10:00:00Z"}));
    let report = snapshot(&env, &[]);
    assert_eq!(report["pass"], "incremental");
    assert_eq!(n_commits(&report), 1, "{report:#}");
    let numbers = env.git(&["show", "--numstat", "--format=", "HEAD", "--", "force-app"]);
    assert_eq!(
        numbers,
        "2\t2\tforce-app/main/default/profiles/Standard.profile-meta.xml\n"
    );
    assert_equals_full(&env, "full");
}

#[test]
fn noise_of_a_real_org_makes_no_commit() {
    let env = TestEnv::new(Org::start(&["--noise"]));
    env.orgkeep(&["init"]).status(0);
    snapshot(&env, &[]);
    let head = env.head();
    for options in [&[][..], &["--full"], &["--full"]] {
        let report = snapshot(&env, options);
        assert_eq!(
            head,
            env.head(),
            "{options:?}: {}",
            env.git(&["show", "HEAD"])
        );
        assert_eq!(n_commits(&report), 0);
    }
    let noise = env.org.control("GET", "/simorg/calls", &Value::Null)["noise"].clone();
    assert!(noise.as_object().is_some_and(|it| it.len() >= 3), "{noise}");
    env.assert_sound();
}

#[test]
fn dates_that_move_without_content_make_no_commit() {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    snapshot(&env, &[]);
    let head = env.head();
    let package = Package::acme();
    package.edit("classes/RentalDeskController.cls", "{", "{ ");
    package.edit(
        "layouts/Account-Account Layout.layout",
        "<label>",
        "<label>Changed ",
    );
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    Package::acme().load(&env.org, "omar@acme.example", "2027-01-10T09:10:00Z");
    env.org.clock(&json!({"now": "2027-01-10T10:00:00Z"}));
    let report = snapshot(&env, &[]);
    assert!(report["n_fetched"].as_u64().unwrap() >= 2, "{report:#}");
    assert_eq!(n_commits(&report), 0, "{}", env.git(&["show"]));
    assert_eq!(head, env.head());
    // The new dates are remembered, so nothing of it is fetched again.
    let again = snapshot(&env, &[]);
    assert!(
        again["n_fetched"].as_u64() < report["n_fetched"].as_u64(),
        "{again:#}"
    );
    assert_eq!(
        n_commits(&snapshot(&env, &["--full"])),
        0,
        "{}",
        env.git(&["show"])
    );
}

#[test]
fn same_org_under_another_address_makes_no_commit() {
    let state = crate::support::tempdir();
    let state = state.path().join("state");
    let options = ["--state", state.to_str().unwrap()];
    let mut env = TestEnv::new(Org::start(&options));
    env.orgkeep(&["init"]).status(0);
    snapshot(&env, &[]);
    let head = env.head();
    let url = env.org.url().to_owned();
    env.org.stop();
    env.org = Org::start(&options);
    assert_ne!(url, env.org.url());
    let report = snapshot(&env, &[]);
    assert_eq!(report["pass"], "incremental");
    assert_eq!(n_commits(&report), 0);
    assert_eq!(
        n_commits(&snapshot(&env, &["--full"])),
        0,
        "{}",
        env.git(&["show"])
    );
    assert_eq!(head, env.head());
}

#[test]
fn scope_changes_without_blaming_a_person() {
    let env = TestEnv::initialised();
    snapshot(&env, &[]);
    let tree = env.tree("HEAD");
    let config = env.repo().join("orgkeep.toml");
    let written = fs::read_to_string(&config).unwrap();
    let set = |text: &str| {
        fs::write(&config, text).unwrap();
        env.git(&["commit", "-qam", "Settings"]);
    };
    set(&written.replace(
        "[metadata]",
        "[metadata]\nexclude = [\"ApexClass\", \"ValidationRule\"]",
    ));
    let report = snapshot(&env, &[]);
    assert_eq!(n_commits(&report), 1, "{report:#}");
    let left = env.git(&["log", "-1", "--format=%an|%s%n%B"]);
    assert!(left.starts_with("orgkeep|"), "{left}");
    assert!(left.contains("scope"), "{left}");
    let files = env.git(&["ls-files"]);
    assert!(!files.contains("classes/"), "{files}");
    assert!(!files.contains("validationRules/"), "{files}");
    assert!(files.contains("triggers/"));
    assert_eq!(n_commits(&snapshot(&env, &[])), 0);
    assert_equals_full_with(&env, &fs::read_to_string(&config).unwrap());

    set(&written);
    let report = snapshot(&env, &[]);
    assert_eq!(n_commits(&report), 1, "{report:#}");
    let entered = env.git(&["log", "-1", "--format=%an|%s%n%B"]);
    assert!(entered.starts_with("orgkeep|"), "{entered}");
    assert_eq!(
        tree,
        env.tree("HEAD"),
        "{}",
        env.git(&["log", "--stat", "-1"])
    );
    env.assert_sound();
}

#[track_caller]
fn assert_equals_full_with(env: &TestEnv, config: &str) {
    let dir = other_repo(env, "scoped");
    fs::write(dir.join("orgkeep.toml"), config).unwrap();
    env.git_in(&dir, &["commit", "-qam", "Settings"]);
    snapshot_in(env, &dir, &[]);
    let mine = env.git(&["ls-tree", "-r", "HEAD"]);
    let full = env.git_in(&dir, &["ls-tree", "-r", "HEAD"]);
    assert_eq!(mine, full);
}

#[test]
fn only_refreshes_what_it_names_and_the_next_run_the_rest() {
    let env = TestEnv::initialised();
    env.org.clock(&json!({"now": "2027-01-10T08:00:00Z"}));
    snapshot(&env, &[]);
    env.org.clock(&json!({"now": "2027-01-10T09:00:00Z"}));
    deploy(&env.org, "omar", "fixtures/orgs/acme-changes/omar");
    let report = snapshot(&env, &["--only", "ApexClass:Opportunity*"]);
    assert_eq!(report["pass"], "only");
    assert_eq!(n_commits(&report), 1);
    let changed = env.git(&[
        "show",
        "--name-only",
        "--format=",
        "HEAD",
        "--",
        "force-app",
    ]);
    assert_eq!(
        changed,
        "force-app/main/default/classes/OpportunityService.cls\n"
    );
    let report = snapshot(&env, &[]);
    assert_eq!(n_commits(&report), 1);
    let changed = env.git(&[
        "show",
        "--name-only",
        "--format=",
        "HEAD",
        "--",
        "force-app",
    ]);
    assert_eq!(changed.lines().count(), 2, "{changed}");
    let author = env.git(&["log", "-1", "--format=%an"]);
    assert_eq!(
        author, "Omar Haddad\n",
        "it was changed before --only looked"
    );
    assert_equals_full(&env, "full");
}

#[test]
fn tag_marks_also_where_nothing_changed_and_dry_run_retrieves_nothing() {
    let env = TestEnv::initialised();
    let before = env.head();
    let report = snapshot(&env, &["--dry-run"]);
    assert_eq!(env.org.n_calls("retrieve"), 0);
    assert_eq!(before, env.head());
    assert!(
        report["dry_run"]["by_type"]["ApexClass"].as_u64().unwrap() >= 7,
        "{report:#}"
    );
    assert!(report["dry_run"]["n_retrieves"].as_u64().unwrap() >= 1);
    let expected = report["dry_run"]["n_files"].as_u64().unwrap();

    let report = snapshot(&env, &["--tag", "first", "-m", "Before the project"]);
    let came = report["n_changed_files"].as_u64().unwrap();
    assert!(
        expected.abs_diff(came) < came,
        "{expected} files were expected, {came} came"
    );
    let head = env.head();
    let report = snapshot(&env, &["--tag", "second", "-m", "Nothing happened"]);
    assert_eq!(report["pass"], "full");
    assert_eq!(n_commits(&report), 0);
    assert_eq!(head, env.head());
    for (name, why) in [
        ("first", "Before the project"),
        ("second", "Nothing happened"),
    ] {
        assert_eq!(env.git(&["cat-file", "-t", name]), "tag\n");
        assert_eq!(
            env.git(&["rev-parse", &format!("{name}^{{commit}}")])
                .trim(),
            head
        );
        assert!(env.git(&["cat-file", "-p", name]).contains(why));
    }
    env.assert_sound();
}

#[test]
fn no_secret_of_the_org_is_in_any_object() {
    let env = TestEnv::initialised();
    snapshot(&env, &[]);
    let output = env
        .command("git", &env.repo())
        .args(["cat-file", "--batch-all-objects", "--batch"])
        .output()
        .unwrap();
    let all = String::from_utf8_lossy(&output.stdout);
    assert!(all.contains("Acme_Identity"));
    for secret in [
        "acme-crm-web-TESTDATA-4711",
        "TESTDATA-c0nsumer-5ecret-of-the-auth-provider-Zx81",
        "3MVG9TESTDATA.AcmeOutdoorDepotScanner",
        "TESTDATA-not-a-real-password-77",
    ] {
        assert!(!all.contains(secret), "{secret} was committed");
    }
    let said = env.git(&["show", "HEAD:.orgkeep/redacted.jsonl"]);
    assert_eq!(said.lines().count(), 5, "{said}");
    env.git(&["grep", "-q", "Acme_Identity"]);
}

#[test]
fn org_with_nothing_in_scope_has_a_history_and_what_comes_later_an_author() {
    let env = TestEnv::initialised();
    let config = env.repo().join("orgkeep.toml");
    let written = fs::read_to_string(&config).unwrap();
    let only = "[metadata]\ninclude = [\"LightningMessageChannel:News*\"]";
    fs::write(&config, written.replace("[metadata]", only)).unwrap();
    env.git(&["commit", "-qam", "Settings"]);

    let ran = env.orgkeep(&["snapshot", "--quiet"]).status(0);
    assert_eq!(ran.stderr, "", "quiet means no news");
    assert!(ran.stdout.contains("First snapshot of"), "{}", ran.stdout);
    assert_eq!(n_commits(&snapshot(&env, &[])), 0);

    let package = Package::acme();
    let path = "messageChannels/News.messageChannel";
    fs::create_dir_all(package.path("messageChannels")).unwrap();
    fs::write(
        package.path(path),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <LightningMessageChannel xmlns=\"http://soap.sforce.com/2006/04/metadata\">\n    \
         <isExposed>true</isExposed>\n    <masterLabel>News</masterLabel>\n\
         </LightningMessageChannel>\n",
    )
    .unwrap();
    package.load(&env.org, "omar@acme.example", "2027-01-10T10:00:00Z");
    snapshot(&env, &[]);
    let author = env.git(&["log", "-1", "--format=%an"]);
    assert_eq!(author, "Omar Haddad\n");
    env.assert_sound();
}
