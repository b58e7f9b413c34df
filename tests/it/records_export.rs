//! Rows of the org in Git: exported, exported again, read.

use serde_json::{Value, json};

use crate::{push, support::TestEnv};

/// An initialised repository that keeps accounts and contacts.
fn env(records: &str) -> TestEnv {
    let env = TestEnv::initialised();
    let path = env.repo().join("orgkeep.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str(records);
    std::fs::write(&path, text).unwrap();
    env
}

const TWO: &str = "\n[records]\nobjects = [\"Account\", \"Contact\"]\nsetup = false\n";

/// Name of the branch of the records.
fn branch(env: &TestEnv) -> String {
    let listed = env.git(&[
        "for-each-ref",
        "--format=%(refname:short)",
        "refs/heads/records/",
    ]);
    listed.trim().to_owned()
}

/// All rows of an object, header and lines, from the files in their order.
fn rows(env: &TestEnv, object: &str) -> Vec<String> {
    let branch = branch(env);
    let listed = env.git(&["ls-tree", "-r", "--name-only", &branch]);
    let mut rows = Vec::new();
    for file in listed.lines() {
        if file.starts_with(&format!("records/{object}/")) && file.strip_suffix(".csv").is_some() {
            let text = env.git(&["show", &format!("{branch}:{file}")]);
            rows.extend(text.lines().map(str::to_owned));
        }
    }
    rows
}

fn export(env: &TestEnv, arguments: &[&str]) -> Value {
    let mut all = vec!["records", "export", "--json"];
    all.extend(arguments);
    let ran = env.orgkeep(&all);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|err| panic!("{err}: {ran:?}"))
}

fn object<'a>(report: &'a Value, name: &str) -> &'a Value {
    let objects = report["objects"].as_array().unwrap();
    objects
        .iter()
        .find(|it| it["object"] == name)
        .unwrap_or_else(|| panic!("no {name} in {report}"))
}

#[test]
fn second_export_reads_and_commits_only_what_changed() {
    let env = env(TWO);
    let acme = env.create(
        "Account",
        &json!({"Name": "Acme, \"the\" firm", "AnnualRevenue": 1000}),
    );
    let beta = env.create("Account", &json!({"Name": "Beta"}));
    let ann = env.create(
        "Contact",
        &json!({"LastName": "Ann", "AccountId": acme, "Phone": "1"}),
    );
    let first = export(&env, &[]);
    assert_eq!(object(&first, "Account")["pass"], "full");
    assert!(
        rows(&env, "Account")
            .iter()
            .any(|it| it.contains("\"Acme, \"\"the\"\" firm\""))
    );
    assert!(
        rows(&env, "Account")
            .iter()
            .any(|it| it.contains(",1000.0,"))
    );
    let before = env.git(&["rev-parse", &branch(&env)]);

    // Nothing changed: no commit, whatever is read.
    let none = export(&env, &[]);
    assert_eq!(object(&none, "Account")["pass"], "incremental");
    assert_eq!(none["commit"], Value::Null);
    assert_eq!(export(&env, &["--full"])["commit"], Value::Null);
    assert_eq!(env.git(&["rev-parse", &branch(&env)]), before);

    env.update("Contact", &ann, &json!({"Phone": null}));
    env.delete("Account", &beta);
    let gamma = env.create("Account", &json!({"Name": "Gamma"}));
    let second = export(&env, &[]);
    let account = object(&second, "Account");
    assert_eq!(
        (&account["added"], &account["deleted"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(account["pass"], "incremental");
    let contact = object(&second, "Contact");
    assert_eq!(
        (&contact["changed"], &contact["fields"]["Phone"]),
        (&json!(1), &json!(1))
    );
    let text = rows(&env, "Account").join("\n");
    assert!(text.contains(&gamma) && !text.contains(&beta), "{text}");

    // A read of everything finds the same tree.
    assert_eq!(export(&env, &["--full"])["commit"], Value::Null);
    env.git(&[
        "-c",
        "user.name=Ann",
        "-c",
        "user.email=ann@example.com",
        "commit",
        "-qam",
        "Take records",
    ]);
    env.assert_sound();

    // What changed is told by field and by user, and each row by itself.
    let diff = env.orgkeep(&["records", "diff"]).status(0);
    let diff = diff.says("Phone emptied (1), by ").says("Account  +1  -1");
    assert!(
        !diff.stdout.contains("LastModifiedDate emptied"),
        "{}",
        diff.stdout
    );
    let csv = env
        .orgkeep(&["records", "diff", "Contact", "--csv"])
        .status(0);
    csv.says(&format!("Contact,{ann},changed,Phone,1,\n"));
    env.orgkeep(&["records", "diff", "--exit-code"]).status(4);
    let log = env.orgkeep(&["records", "log", &ann, "--json"]).status(0);
    let log: Value = serde_json::from_str(&log.stdout).unwrap();
    assert_eq!(log["changes"][0]["fields"]["Phone"], json!(["1", null]));
    assert_eq!(log["changes"][1]["change"], "added");
    let row = env.orgkeep(&["records", "show", &beta, "--at", before.trim(), "--json"]);
    let row: Value = serde_json::from_str(&row.status(0).stdout).unwrap();
    assert_eq!(row["row"]["fields"]["Name"], "Beta");
    env.orgkeep(&["records", "show", &beta])
        .status(1)
        .warns("has no row");
}

#[test]
fn row_that_comes_back_from_the_bin_comes_back_here() {
    let env = env(TWO);
    let acme = env.create("Account", &json!({"Name": "Acme"}));
    export(&env, &[]);
    env.delete("Account", &acme);
    export(&env, &[]);
    assert!(!rows(&env, "Account").join("\n").contains(&acme));
    let again = env.create("Account", &json!({"Name": "Acme"}));
    export(&env, &[]);
    assert!(rows(&env, "Account").join("\n").contains(&again));
}

#[test]
fn tripwire_sets_the_exit_status() {
    let env = env(&format!("{TWO}[records.alerts]\ndeleted = 3\n"));
    let ids: Vec<_> = (0..4)
        .map(|n| env.create("Contact", &json!({"LastName": format!("C{n}")})))
        .collect();
    env.orgkeep(&["records", "export", "Contact"]).status(0);
    for id in &ids {
        env.delete("Contact", id);
    }
    env.orgkeep(&["records", "export", "Contact"])
        .status(3)
        .says("rows deleted, more than 3 rows");
}

#[test]
fn values_are_dropped_hashed_and_encrypted_and_never_without_a_key() {
    let env = env(&format!(
        "{TWO}[records.privacy]\n\"Contact.Phone\" = \"drop\"\n\"Contact.Email\" = \"hash\"\n\"Contact.Title\" = \"encrypt\"\n"
    ));
    env.create("Contact",
        &json!({"LastName": "Ann", "Phone": "555-0100", "Email": "ann@example.com", "Title": "Chief"}),
    );
    env.orgkeep(&["records", "export"])
        .status(1)
        .warns("there is no key");
    assert_eq!(branch(&env), "");
    let output = env
        .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
        .args(["records", "export"])
        .env("ORGKEEP_RECORDS_KEY", "0123456789abcdef0123456789abcdef")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = rows(&env, "Contact").join("\n");
    assert!(text.contains("hash:") && text.contains("enc:"), "{text}");
    for secret in ["555-0100", "ann@example.com", "Chief"] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert!(!text.lines().next().unwrap().contains(",Phone,"), "{text}");
}

#[test]
fn setup_records_tell_who_was_given_what() {
    let env = env("\n[records]\n");
    let report = export(&env, &[]);
    for name in ["User", "Profile", "PermissionSetAssignment"] {
        assert!(object(&report, name)["rows"].as_u64().is_some(), "{report}");
    }
    let header = rows(&env, "User").remove(0);
    assert!(
        header.contains(",Username") && !header.contains("LastLoginDate"),
        "{header}"
    );
}

#[test]
fn snapshot_takes_records_and_names_the_metadata_that_they_stand_beside() {
    let env = env(TWO);
    env.create("Account", &json!({"Name": "Acme"}));
    env.orgkeep(&["snapshot", "--tag", "before", "--records", "Account"])
        .status(0);
    let trailer = env.git(&[
        "log",
        "-1",
        "--format=%(trailers:key=Orgkeep-Metadata,valueonly)",
        &branch(&env),
    ]);
    assert_eq!(trailer.trim(), env.head());
    let tags = env.git(&["tag", "--list"]);
    assert_eq!(
        tags.lines().collect::<Vec<_>>(),
        ["before", "before-records"]
    );
    env.orgkeep(&["records", "diff", "before"])
        .status(0)
        .says("no row changed");
}

#[test]
fn records_stay_here_until_somebody_says_that_they_may_go() {
    let env = env(TWO);
    let remote = env.scratch("remote.git");
    env.git(&["init", "--bare", "--quiet", remote.to_str().unwrap()]);
    env.git(&["remote", "add", "origin", remote.to_str().unwrap()]);
    env.create("Account", &json!({"Name": "Acme"}));
    env.orgkeep(&["records", "export", "--push"])
        .status(1)
        .warns("nobody has said that `origin` may hold the records");
    let path = env.repo().join("orgkeep.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(
        &path,
        text.replace("setup = false", "setup = false\nmay_push = true"),
    )
    .unwrap();
    env.orgkeep(&["records", "export", "--push"]).status(0);
    let pushed = env.git_in(&remote, &["for-each-ref", "--format=%(refname)"]);
    assert!(pushed.contains("refs/heads/records/main/"), "{pushed}");
    assert!(pushed.contains("refs/orgkeep/state/"), "{pushed}");
}

#[cfg(unix)]
#[test]
fn open_notes_stay_where_the_records_of_the_remote_went_on() {
    let env = env(&TWO.replace("setup = false", "setup = false\nmay_push = true"));
    env.git(&["commit", "-qam", "Keep two objects"]);
    let remote = env.scratch("remote.git");
    std::fs::create_dir_all(&remote).unwrap();
    env.git_in(&remote, &["init", "--quiet", "--bare", "-b", "main"]);
    env.git(&["remote", "add", "origin", &push::url(&remote)]);
    env.git(&["push", "--quiet", "origin", "main"]);
    env.create("Account", &json!({"Name": "Acme"}));
    let all = ["records", "export", "--push"];
    env.orgkeep(&all).status(0);
    let one = push::fresh_clone(&env, &remote, "one");
    push::note_off(&env, &env.repo(), "Flow:A");
    env.create("Account", &json!({"Name": "Other"}));
    env.orgkeep_in(&one, &all).status(0);
    env.orgkeep(&all).status(0);
    env.orgkeep(&["bypass"]).status(3).says("Flow:A");
}
