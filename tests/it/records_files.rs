//! Bodies of files in Git: exported, verified, continued, kept small, erased.

use std::{fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{DATA, TestEnv};

/// Objects that have files.
const OBJECTS: &str = "\n[records]\nobjects = [\"Account\", \"Attachment\", \"ContentVersion\", \
    \"ContentDocumentLink\", \"Document\"]\nsetup = false\n";

/// An initialised repository whose settings end in `records`.
fn env(records: &str) -> TestEnv {
    let env = TestEnv::initialised();
    configure(&env, records);
    env
}

/// Replaces the settings of records.
fn configure(env: &TestEnv, records: &str) {
    let path = env.repo().join("orgkeep.toml");
    let text = fs::read_to_string(&path).unwrap();
    let before = text.split("\n[records]").next().unwrap();
    fs::write(&path, format!("{before}{records}")).unwrap();
}

fn value(env: &TestEnv, object: &str, id: &str, field: &str) -> String {
    let path = format!("{DATA}/sobjects/{object}/{id}");
    let (status, answer) = env.org.rest("GET", &path, &Value::Null);
    assert_eq!(status, 200, "{answer}");
    answer[field].as_str().unwrap().to_owned()
}

fn export(env: &TestEnv, arguments: &[&str]) -> Value {
    let mut all = vec!["records", "export", "--json"];
    all.extend(arguments);
    let ran = env.orgkeep(&all).status(0);
    serde_json::from_str(&ran.stdout).unwrap()
}

/// The branch of the latest period.
fn branch(env: &TestEnv) -> String {
    let listed = env.git(&[
        "for-each-ref",
        "--format=%(refname:short)",
        "refs/heads/records/",
    ]);
    listed.lines().last().unwrap().to_owned()
}

/// Paths below `folder` of the last export.
fn paths(env: &TestEnv, folder: &str) -> Vec<String> {
    let listed = env.git(&["ls-tree", "-r", "--name-only", &branch(env), "--", folder]);
    listed.lines().map(str::to_owned).collect()
}

fn file(env: &TestEnv, path: &str) -> String {
    env.git(&["show", &format!("{}:{path}", branch(env))])
}

fn ledger(env: &TestEnv) -> Value {
    serde_json::from_str(&file(env, ".orgkeep/records.json")).unwrap()
}

fn saved(env: &TestEnv, id: &str, at: Option<&str>) -> Vec<u8> {
    let path = env.scratch(&format!("{id}-{}", at.unwrap_or("now")));
    let _ = fs::remove_file(&path);
    let path_text = path.to_str().unwrap();
    let mut all = vec!["records", "show", id, "--save", path_text];
    all.extend(at.into_iter().flat_map(|it| ["--at", it]));
    env.orgkeep(&all).status(0);
    fs::read(path).unwrap()
}

#[test]
fn equal_bodies_are_kept_once_and_follow_their_rows() {
    let env = env(OBJECTS);
    let acme = env.create("Account", &json!({"Name": "Acme"}));
    let bytes = b"the contract\0\xff of Acme".as_slice();
    let first = env.upload("contract.pdf", bytes);
    let attached = env.attach(&acme, "contract.pdf", bytes);
    let document = value(&env, "ContentVersion", &first, "ContentDocumentId");
    env.create(
        "ContentDocumentLink",
        &json!({"ContentDocumentId": document, "LinkedEntityId": acme, "ShareType": "V"}),
    );
    let other = env.attach(&acme, "other.txt", b"other");
    let report = export(&env, &[]);
    let n_documents = report["objects"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["object"] == "Document")
        .unwrap()["rows"]
        .as_u64()
        .unwrap();
    assert_eq!(report["files"]["added"], 3 + n_documents, "{report}");
    assert_eq!(report["files"]["failed"], json!({}));
    let links: Vec<_> = report["objects"].as_array().unwrap().iter().collect();
    let links = links
        .iter()
        .find(|it| it["object"] == "ContentDocumentLink");
    assert!(links.unwrap()["rows"].as_u64() >= Some(1), "{report}");
    for id in [&first, &attached] {
        assert_eq!(saved(&env, id, None), bytes);
    }
    assert_eq!(saved(&env, &other, None), b"other");
    let bodies = paths(&env, "files/blobs");
    assert_eq!(bodies.len() as u64, 2 + n_documents, "{bodies:?}");

    // Nothing changed: nothing is fetched, nothing committed.
    let fetched = env.org.n_calls("retrieveBlob");
    let again = export(&env, &["--full"]);
    assert_eq!(again["commit"], Value::Null, "{again}");
    assert_eq!(env.org.n_calls("retrieveBlob"), fetched);

    // A new version takes the place of the old one, which the attachment still has.
    let before = env.git(&["rev-parse", &branch(&env)]);
    let second = env.create(
        "ContentVersion",
        &json!({"Title": "contract.pdf", "PathOnClient": "contract.pdf",
            "ContentDocumentId": document, "VersionData": STANDARD.encode(b"version 2")}),
    );
    let report = export(&env, &[]);
    assert_eq!(
        (&report["files"]["added"], &report["files"]["removed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(saved(&env, &second, None), b"version 2");
    assert_eq!(saved(&env, &first, Some(before.trim())), bytes);
    env.orgkeep(&["records", "show", &first, "--save", "x"])
        .status(1)
        .warns("has no file of the row");
    env.orgkeep(&["records", "diff"])
        .status(0)
        .says("ContentVersion  files  +1  -1");
    // All versions, where that is asked for.
    configure(
        &env,
        &format!("{OBJECTS}[records.files]\nversions = \"all\"\n"),
    );
    assert_eq!(export(&env, &[])["files"]["added"], 1);
    assert_eq!(saved(&env, &first, None), bytes);

    // Who is erased leaves no file behind, and other rows keep theirs.
    env.orgkeep(&["records", "erase", &attached, &second])
        .status(0);
    assert_eq!(paths(&env, "files/blobs").len() as u64, 2 + n_documents);
    assert_eq!(saved(&env, &first, None), bytes);
    env.orgkeep(&["records", "erase", &first]).status(0);
    assert_eq!(paths(&env, "files/blobs").len() as u64, 1 + n_documents);
    let index = paths(&env, "files/ContentVersion");
    assert!(index.is_empty(), "{index:?}");
}

#[test]
fn calls_that_do_not_suffice_leave_the_oldest_files_to_the_next_export() {
    let objects = "\n[records]\nobjects = [\"ContentVersion\"]\nsetup = false\n";
    let env = env(&format!("{objects}[records.files]\nversions = \"none\"\n"));
    let ids: Vec<_> = (0..5)
        .map(|n| env.upload(&format!("{n}.txt"), format!("body {n}").as_bytes()))
        .collect();
    let calls = export(&env, &["--full"])["calls"].as_u64().unwrap();
    assert_eq!(env.org.n_calls("retrieveBlob"), 0);

    configure(&env, objects);
    let most = (calls + 2).to_string();
    let report = export(&env, &["--full", "--max-api-calls", &most]);
    assert_eq!(
        (&report["files"]["added"], &report["files"]["missing"]),
        (&json!(2), &json!(3)),
        "{report}"
    );
    assert_eq!(ledger(&env)["bodies"]["ContentVersion"]["missing"], 3);
    assert_eq!(saved(&env, &ids[4], None), b"body 4");
    assert_eq!(saved(&env, &ids[3], None), b"body 3");
    let ran = env.orgkeep(&["records", "export"]).status(0);
    ran.says("files: 3 came");
    assert_eq!(env.org.n_calls("retrieveBlob"), 5);
    assert_eq!(ledger(&env)["bodies"], Value::Null);
    assert_eq!(saved(&env, &ids[0], None), b"body 0");
    let message = env.git(&["log", "-1", "--format=%s", &branch(&env)]);
    assert_eq!(message, "Records: 3 files came, no row changed\n");
}

#[test]
fn body_that_breaks_off_is_fetched_again_and_one_that_is_refused_is_a_gap() {
    let env = env("\n[records]\nobjects = [\"ContentVersion\"]\nsetup = false\n");
    let id = env.upload("a.bin", &vec![7; 100_000]);
    env.org
        .fault(&json!({"call": "retrieveBlob", "fault": "truncate", "times": 1}));
    assert_eq!(export(&env, &[])["files"]["added"], 1);
    assert_eq!(saved(&env, &id, None), vec![7; 100_000]);

    let other = env.upload("b.bin", b"b");
    env.org
        .fault(&json!({"call": "retrieveBlob", "fault": "error:INSUFFICIENT_ACCESS", "times": 1}));
    env.orgkeep(&["records", "export"])
        .status(3)
        .says(&format!("file {other}"))
        .says("INSUFFICIENT_ACCESS");
    assert!(ledger(&env)["bodies"]["ContentVersion"]["failed"][&other].is_string());
    assert_eq!(export(&env, &[])["files"]["added"], 1);
    assert_eq!(ledger(&env)["bodies"], Value::Null);
}

/// A `git lfs` that notes what it is asked, in a folder of its own.
#[cfg(unix)]
fn stub_of_git_lfs(env: &TestEnv) -> (PathBuf, PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let dir = env.scratch("bin");
    fs::create_dir_all(&dir).unwrap();
    let (program, notes) = (dir.join("git-lfs"), dir.join("notes"));
    let script = format!("#!/bin/sh\necho \"$@\" >> '{}'\n", notes.display());
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (dir, notes)
}

#[cfg(unix)]
#[test]
fn large_bodies_are_pointers_of_git_lfs_and_larger_ones_are_named() {
    use sha2::{Digest as _, Sha256};

    let settings = "\n[records]\nobjects = [\"ContentVersion\"]\nsetup = false\nmay_push = true\n\
        [records.files]\nlfs_above = \"1KB\"\nmax_size = \"4KB\"\n";
    let env = env(settings);
    let small = env.upload("small", b"small");
    let large = env.upload("large", &[1; 2_000]);
    let larger = env.upload("larger", &[2; 5_000]);
    let report = export(&env, &[]);
    assert_eq!(
        (&report["files"]["added"], &report["files"]["too_large"]),
        (&json!(2), &json!(1))
    );
    let gaps = ledger(&env)["bodies"]["ContentVersion"]["too_large"].clone();
    assert_eq!(gaps, json!({larger: 5_000}));
    let digest = orgkeep::model::hex(&Sha256::digest([1; 2_000]));
    let pointer = format!("files/lfs/{}/{digest}", &digest[..2]);
    assert_eq!(paths(&env, "files/lfs"), [pointer.as_str()]);
    assert_eq!(
        file(&env, &pointer),
        format!("version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize 2000\n")
    );
    let object = env.repo().join(format!(
        ".git/lfs/objects/{}/{}/{digest}",
        &digest[..2],
        &digest[2..4]
    ));
    assert_eq!(fs::read(&object).unwrap(), [1; 2_000]);
    let attributes = env.git(&[
        "check-attr",
        "--source",
        &branch(&env),
        "filter",
        "--",
        &pointer,
        &paths(&env, "files/blobs")[0],
    ]);
    assert!(
        attributes.contains(&format!("{pointer}: filter: lfs")),
        "{attributes}"
    );
    assert_eq!(attributes.matches("lfs\n").count(), 1, "{attributes}");
    assert_eq!(saved(&env, &small, None), b"small");
    assert_eq!(saved(&env, &large, None), [1; 2_000]);

    // The user's `git lfs` sends them, or nothing is sent.
    let remote = env.scratch("remote.git");
    env.git(&["init", "--bare", "--quiet", remote.to_str().unwrap()]);
    env.git(&["remote", "add", "origin", remote.to_str().unwrap()]);
    let (bin, notes) = stub_of_git_lfs(&env);
    let path = std::env::var("PATH").unwrap();
    let output = env
        .command(env!("CARGO_BIN_EXE_orgkeep"), &env.repo())
        .args(["records", "export", "--push"])
        .env("PATH", format!("{}:{path}", bin.display()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let notes = fs::read_to_string(notes).unwrap();
    assert!(
        notes.contains(&format!("push origin refs/heads/{}", branch(&env))),
        "{notes}"
    );

    // A period that is cut takes its files along, here as well.
    env.org.clock(&json!({"advance": "370d"}));
    let (status, _) = env.org.rest(
        "DELETE",
        &format!(
            "{DATA}/sobjects/ContentDocument/{}",
            value(&env, "ContentVersion", &large, "ContentDocumentId")
        ),
        &Value::Null,
    );
    assert_eq!(status, 204);
    export(&env, &["--full"]);
    assert!(paths(&env, "files/lfs").is_empty());
    env.orgkeep(&["records", "prune", "--before", "2099-01-01", "--yes"])
        .status(0)
        .says("deleted 1 file of Git LFS here");
    assert!(!object.exists());
}
