//! Secrets stay out of the repository; with the key, a change of one is seen.

use std::{fs, path::Path};

use crate::support::{Package, Ran, TestEnv};

const CREDENTIAL: &str =
    "force-app/main/default/namedCredentials/ERP_Legacy.namedCredential-meta.xml";
const KEY: &str = "ORGKEEP_REDACTION_KEY";

fn key_file(env: &TestEnv) -> std::path::PathBuf {
    env.scratch(".config/orgkeep/redaction.key")
}

#[track_caller]
fn snapshot_with(env: &TestEnv, dir: &Path, variables: &[(&str, &str)]) -> Ran {
    let output = env
        .command(env!("CARGO_BIN_EXE_orgkeep"), dir)
        .envs(variables.iter().copied())
        .arg("snapshot")
        .output()
        .unwrap();
    Ran::of(&output).status(0)
}

fn jane_changes_the_password(env: &TestEnv) {
    let package = Package::acme();
    package.edit(
        "namedCredentials/ERP_Legacy.namedCredential",
        "TESTDATA-not-a-real-password-77",
        "TESTDATA-another-password-78",
    );
    let jane = env.org.user("Jane")["username"].as_str().unwrap();
    env.org.control(
        "POST",
        "/simorg/clock",
        &serde_json::json!({"advance": "60s"}),
    );
    env.org.control(
        "POST",
        "/simorg/load",
        &serde_json::json!({"path": package.path(""), "user": jane}),
    );
}

#[test]
fn change_of_a_secret_is_one_commit_and_its_value_is_nowhere() {
    let env = TestEnv::initialised();
    snapshot_with(&env, &env.repo(), &[]).warns("made the key of redaction tags");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(key_file(&env)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let before = env.head();
    jane_changes_the_password(&env);
    snapshot_with(&env, &env.repo(), &[]);
    assert_eq!(
        env.git(&["log", "--format=%an", &format!("{before}..")]),
        "Jane Doe\n"
    );
    let changed = env.git(&["diff", "--name-only", &before, "HEAD"]);
    assert!(changed.contains(CREDENTIAL), "{changed}");
    assert!(changed.contains(".orgkeep/redacted.jsonl"), "{changed}");
    let output = env
        .command("git", &env.repo())
        .args(["cat-file", "--batch-all-objects", "--batch"])
        .output()
        .unwrap();
    let all = String::from_utf8_lossy(&output.stdout);
    assert!(all.contains("ERP_Legacy") && !all.contains("TESTDATA-another-password-78"));
    let key = fs::read_to_string(key_file(&env)).unwrap();
    env.git(&[
        "grep",
        "-q",
        "hmac-sha256:",
        "HEAD",
        "--",
        ".orgkeep/redacted.jsonl",
    ]);
    let output = env
        .command("git", &env.repo())
        .args(["grep", "-F", key.trim(), "HEAD"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "the key is in the tree");
}

#[test]
fn two_machines_with_one_key_write_one_tree() {
    let env = TestEnv::initialised();
    let other = env.scratch("other");
    fs::create_dir(&other).unwrap();
    env.orgkeep_in(&other, &["init"]).status(0);
    let key = [(KEY, "a key that both machines have")];
    snapshot_with(&env, &env.repo(), &key);
    snapshot_with(&env, &other, &key);
    assert!(!key_file(&env).exists());
    for path in ["HEAD:force-app", "HEAD:.orgkeep"] {
        assert_eq!(
            env.git(&["rev-parse", path]),
            env.git_in(&other, &["rev-parse", path]),
            "{path}"
        );
    }
}

#[test]
fn without_the_key_of_the_history_no_tag_moves_and_that_is_said() {
    let env = TestEnv::initialised();
    snapshot_with(&env, &env.repo(), &[]);
    let before = env.head();
    fs::remove_file(key_file(&env)).unwrap();
    jane_changes_the_password(&env);
    for variables in [&[][..], &[(KEY, "a key of some other history")]] {
        snapshot_with(&env, &env.repo(), variables)
            .warns("the redaction key of this history is not at hand");
        assert_eq!(env.head(), before);
    }
    assert!(!key_file(&env).exists(), "a second key was made");
}

#[test]
fn no_key_is_made_in_ci_and_secrets_stay_out_all_the_same() {
    let env = TestEnv::initialised();
    let ci = [("CI", "true")];
    snapshot_with(&env, &env.repo(), &ci).warns("a change of a secret cannot be seen");
    assert!(!key_file(&env).exists());
    let said = env.git(&["show", "HEAD:.orgkeep/redacted.jsonl"]);
    assert!(said.lines().all(|it| it.contains("unseen:")), "{said}");
    let file = env.git(&["show", &format!("HEAD:{CREDENTIAL}")]);
    assert!(file.contains("!redacted:"), "{file}");
    let before = env.head();
    snapshot_with(&env, &env.repo(), &[(KEY, "a key that came too late")]);
    assert_eq!(env.head(), before);
}

#[test]
fn key_that_is_too_short_is_refused() {
    let env = TestEnv::initialised();
    let output = env
        .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
        .env(KEY, "short-one")
        .arg("snapshot")
        .output()
        .unwrap();
    let ran = Ran::of(&output)
        .status(1)
        .warns("a redaction key has at least 16 characters");
    assert!(!ran.stderr.contains("short-one"), "{}", ran.stderr);
}

/// Secrets that no type's own rule names, with the file and the text that each takes the place of.
///
/// Put together here, so that no scanner takes this file for a leak.
fn planted() -> Vec<(&'static str, &'static str, String, String)> {
    let aws = format!("AKIA{}", "Z7QX".repeat(4));
    let github = format!("ghp_{}", "a1B2c3".repeat(6));
    let token = format!(
        "eyJ{}.eyJ{}.{}",
        "hbGciOiJIUzI1", "zdWIiOiIxMjM0NTY3ODkwIn0", "SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJVadQssw5c"
    );
    let password = "fZ8qLw31".to_owned();
    let at = |value: &str| {
        (
            value.to_owned(),
            format!("<url>https://svc:{value}@maps.acme.example</url>"),
        )
    };
    let (password, url) = at(&password);
    vec![
        (
            "remoteSiteSettings/Acme_Maps.remoteSite",
            "<url>https://maps.acme.example</url>",
            url,
            password,
        ),
        (
            "remoteSiteSettings/Acme_Maps.remoteSite",
            "Tiles of the depot map",
            format!("Tiles of the depot map, by {aws}"),
            aws,
        ),
        (
            "customMetadata/Setting.Discount.md",
            "Changed yearly, after the review.",
            format!("Changed yearly. {github}"),
            github,
        ),
        (
            "labels/CustomLabels.labels",
            "Nothing left",
            format!("{token} left"),
            token,
        ),
    ]
}

fn everything_in_git(env: &TestEnv) -> String {
    let output = env
        .command("git", &env.repo())
        .args(["cat-file", "--batch-all-objects", "--batch"])
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn secrets_that_only_their_shape_betrays_are_in_no_object_and_come_back_by_a_rollback() {
    let env = TestEnv::initialised();
    let package = Package::acme();
    for (path, from, to, _) in planted() {
        package.edit(path, from, &to);
    }
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    let ran = env.orgkeep(&["snapshot"]).status(0);
    let first = env.head();
    let all = everything_in_git(&env) + &ran.stdout + &ran.stderr;
    for (path, _, _, secret) in planted() {
        assert!(!all.contains(&secret), "the secret of {path} is written");
    }
    let ignored = env.git(&["show", "HEAD:.forceignore"]);
    for line in [
        "package.xml",
        "/force-app/main/default/remoteSiteSettings/Acme_Maps.remoteSite-meta.xml",
        "/force-app/main/default/labels/CustomLabels.labels-meta.xml",
        "/force-app/main/default/namedCredentials/ERP_Legacy.namedCredential-meta.xml",
    ] {
        assert!(
            ignored.lines().any(|it| it == line),
            "no {line} in\n{ignored}"
        );
    }
    env.orgkeep(&["snapshot", "--full"]).status(0);
    assert_eq!(env.head(), first, "{}", env.git(&["show", "HEAD"]));

    package.edit(
        "remoteSiteSettings/Acme_Maps.remoteSite",
        "<isActive>true",
        "<isActive>false",
    );
    package.load(&env.org, "jane@acme.example", "2027-01-10T10:00:00Z");
    env.orgkeep(&["snapshot"]).status(0);
    env.orgkeep(&[
        "rollback",
        "--to",
        &first,
        "RemoteSiteSetting:Acme_Maps",
        "--yes",
    ])
    .status(0);
    let held = crate::support::Held::of(&env.org);
    let other = TestEnv::initialised();
    let package = Package::acme();
    for (path, from, to, _) in planted() {
        package.edit(path, from, &to);
    }
    package.load(&other.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    let wanted = crate::support::Held::of(&other.org);
    assert_eq!(held.differing(&wanted).len(), 0);
    assert!(!everything_in_git(&env).contains(&planted()[0].3));
}

#[test]
fn key_in_a_class_is_told_or_stops_the_snapshot() {
    let env = TestEnv::initialised();
    let secret = "q8Zr41kPw0sX2v";
    let package = Package::acme();
    package.edit(
        "classes/RentalDeskController.cls",
        "{",
        &format!("{{\n    static final String API_KEY = '{secret}';"),
    );
    package.load(&env.org, "jane@acme.example", "2027-01-10T09:00:00Z");
    let path = env.repo().join("orgkeep.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("suspected_secrets = \"stop\"\n{text}")).unwrap();
    let head = env.head();
    let ran = env.orgkeep(&["snapshot"]).status(1).warns(
        "nothing is committed: what looks like a secret stands in force-app/main/default/classes/RentalDeskController.cls",
    );
    assert_eq!(env.head(), head);
    assert!(!(everything_in_git(&env) + &ran.stdout + &ran.stderr).contains(secret));

    fs::write(&path, text).unwrap();
    let ran = env
        .orgkeep(&["snapshot"])
        .status(0)
        .warns("what looks like a secret is committed: ");
    assert!(!(ran.stdout + &ran.stderr).contains(secret));
    let ledger = env.git(&["show", "HEAD:.orgkeep/coverage.json"]);
    assert!(
        ledger.contains("a value that is called a secret"),
        "{ledger}"
    );
    let head = env.head();
    env.orgkeep(&["snapshot"]).status(0);
    assert_eq!(env.head(), head, "the ledger keeps what it said");
}

#[test]
fn new_key_for_a_history_is_one_labelled_commit() {
    let env = TestEnv::initialised();
    let other = [(KEY, "another-key-of-thirty-two-characters")];
    snapshot_with(&env, &env.repo(), &[]);
    let tags = || env.git(&["show", "HEAD:.orgkeep/redacted.jsonl"]);
    let (head, before) = (env.head(), tags());
    let output = env
        .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
        .envs(other)
        .args(["snapshot", "--new-key"])
        .output()
        .unwrap();
    Ran::of(&output).status(0);
    assert_eq!(
        env.git(&["log", "--format=%s", &format!("{head}..")]),
        "Tag secrets with a new key\n"
    );
    assert_ne!(tags(), before);
    let head = env.head();
    snapshot_with(&env, &env.repo(), &other);
    assert_eq!(env.head(), head, "{}", env.git(&["show"]));
    snapshot_with(&env, &env.repo(), &[]).warns("a change of a secret cannot be seen");
}
