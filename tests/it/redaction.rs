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
